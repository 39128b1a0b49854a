"""Trades and bars: minute bars from the price paths, wider bars and single trades that add up to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tests.gateway.catalog import BAR_MINUTES, Dataset, Publisher, empty
from tests.gateway.instruments import Instrument, busyness
from tests.gateway.noise import F64, I64, below, seed_of, unit
from tests.gateway.paths import MINUTES_PER_DAY
from tests.gateway.sessions import open_minutes, session_days, session_span

if TYPE_CHECKING:
    from numpy.typing import NDArray

Records = np.ndarray[tuple[int], np.dtype[np.void]]

MINUTE: Final = 60_000_000_000
DAY: Final = MINUTES_PER_DAY * MINUTE
_SPREAD_OUT: Final = 59_900_000_000  # trades of a minute are received within that minute
_PER_MINUTE: Final = 1 << 16  # a trade's counter is its minute and its place in it
_TO_HIGH, _TO_LOW = 3, 4  # a minute needs this many trades to reach beyond its open and close


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """One instrument as one publisher prints it."""

    dataset: Dataset
    publisher: Publisher
    instrument: Instrument
    trades_per_day: float

    def seed(self, what: str) -> int:
        """Give the seed for one kind of draw."""
        return seed_of(self.dataset.name, self.publisher.number, self.instrument.raw_symbol, what)


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """Minutes with at least one trade; prices are in ticks."""

    minute: I64
    count: I64
    open: I64
    high: I64
    low: I64
    close: I64
    volume: I64


def counts(tape: Tape, first: int, end: int) -> tuple[I64, I64]:
    """Give the minutes in [first, end) that have trades, and how many."""
    minutes, weight = open_minutes(tape.dataset.calendar, first, end)
    busy: F64 = busyness(tape.instrument, minutes // MINUTES_PER_DAY) * weight
    mean = busy * (tape.trades_per_day * tape.publisher.share)
    drawn = mean * (0.5 + unit(tape.seed("count"), minutes)) + unit(tape.seed("extra"), minutes)
    count = drawn.astype(np.int64)
    has_trades = count > 0
    return minutes[has_trades], count[has_trades]


def minutes_of(tape: Tape, first: int, end: int) -> Minutes:
    """Give the minute bars in [first, end)."""
    minute, count = counts(tape, first, end)
    instrument = tape.instrument

    def to_ticks(at: I64) -> I64:
        return np.rint(instrument.price(at) * (1e9 / instrument.tick)).astype(np.int64)

    shade = below(tape.seed("shade"), minute, 3) - 1 if len(tape.dataset.publishers) > 1 else 0
    opened = to_ticks(minute) + shade
    closed = np.where(count > 1, to_ticks(minute + 1) + shade, opened)
    high = np.maximum(opened, closed) + np.where(count >= _TO_HIGH, below(tape.seed("high"), minute, 4), 0)
    low = np.minimum(opened, closed) - np.where(count >= _TO_LOW, below(tape.seed("low"), minute, 4), 0)
    # Only a spread may trade at or below nothing.
    if instrument.kind != "S":
        low = np.maximum(low, 1)
    lot = 1 if tape.dataset.calendar == "futures" else 20
    volume = count * (1 + below(tape.seed("volume"), minute, 4 * lot)) + below(tape.seed("odd"), minute, 7)
    return Minutes(minute=minute, count=count, open=opened, high=high, low=low, close=closed, volume=volume)


def _bars(tape: Tape, schema: str, at: Minutes, bucket: I64, nanos: int) -> Records:
    starts = np.flatnonzero(np.diff(bucket, prepend=bucket[:1] - 1))
    records = empty(schema, len(starts))
    records["publisher_id"] = tape.publisher.number
    records["instrument_id"] = tape.instrument.instrument_id
    if not len(starts):
        return records
    ends = np.append(starts[1:], len(bucket)) - 1
    records["ts_event"] = bucket[starts] * nanos
    records["open"] = at.open[starts] * tape.instrument.tick
    records["high"] = np.maximum.reduceat(at.high, starts) * tape.instrument.tick
    records["low"] = np.minimum.reduceat(at.low, starts) * tape.instrument.tick
    records["close"] = at.close[ends] * tape.instrument.tick
    records["volume"] = np.add.reduceat(at.volume, starts)
    return records


def bars(tape: Tape, schema: str, start: int, end: int) -> Records:
    """Give the bars whose ts_event is in [start, end), in nanoseconds."""
    width = BAR_MINUTES[schema]
    nanos = width * MINUTE
    first, last = -(-start // nanos), -(-end // nanos)
    if tape.dataset.name == "EQUS.SUMMARY":
        # The end-of-day summary is dated by session, its evening trades included; the others are UTC days.
        at = minutes_of(tape, *session_span(first, last))
        bucket = session_days(tape.dataset.calendar, at.minute)
        found = _bars(tape, schema, at, bucket, nanos)
        return found[(found["ts_event"] >= first * nanos) & (found["ts_event"] < last * nanos)]
    at = minutes_of(tape, first * width, last * width)
    return _bars(tape, schema, at, at.minute // width, nanos)


def trades(tape: Tape, start: int, end: int) -> Records:
    """Give the trades whose ts_recv is in [start, end)."""
    at = minutes_of(tape, start // MINUTE, -(-end // MINUTE))
    of = np.repeat(np.arange(len(at.minute)), at.count)
    firsts = np.cumsum(at.count) - at.count
    place = np.arange(len(of), dtype=np.int64) - firsts[of]
    minute, count = at.minute[of], at.count[of]
    counter = minute * _PER_MINUTE + place
    records = empty("trades", len(of))
    records["publisher_id"] = tape.publisher.number
    records["instrument_id"] = tape.instrument.instrument_id
    within = (place * 1024 + below(tape.seed("when"), counter, 1024)) * (_SPREAD_OUT // 1024) // count
    ts_event = minute * MINUTE + within
    ts_in_delta = 12_000 + below(tape.seed("delta"), counter, 9_000)
    ts_recv = ts_event + ts_in_delta + below(tape.seed("late"), counter, 60_000)
    records["ts_event"], records["ts_recv"], records["ts_in_delta"] = ts_event, ts_recv, ts_in_delta
    records["price"] = _prices(tape, at, of, place, counter) * tape.instrument.tick
    records["size"] = _sizes(tape, at, of, place, counter)
    records["action"] = b"T"
    records["side"] = _sides(tape, at, of, counter)
    records["flags"] = np.where(below(tape.seed("last"), counter, 3) == 0, 0, 128)
    records["sequence"] = (minute % (7 * MINUTES_PER_DAY)) * 4096 + place
    records = records[np.argsort(ts_recv, kind="stable")]
    return records[(records["ts_recv"] >= start) & (records["ts_recv"] < end)]


def _prices(tape: Tape, at: Minutes, of: NDArray[np.intp], place: I64, counter: I64) -> I64:
    """Open first, close last, the high and the low each touched once where they lie beyond."""
    count = at.count
    inner = np.maximum(count - 2, 1)
    touch_high = 1 + below(tape.seed("touch"), at.minute, inner)
    touch_low = 1 + touch_high % inner
    price = at.low[of] + below(tape.seed("price"), counter, (at.high - at.low)[of] + 1)
    price = np.where((place == touch_low[of]) & (count[of] >= _TO_LOW), at.low[of], price)
    price = np.where((place == touch_high[of]) & (count[of] >= _TO_HIGH), at.high[of], price)
    price = np.where(place == count[of] - 1, at.close[of], price)
    return np.where(place == 0, at.open[of], price)


def _sizes(tape: Tape, at: Minutes, of: NDArray[np.intp], place: I64, counter: I64) -> I64:
    """Split each minute's volume over its trades, one share or contract at least."""
    if not len(of):
        return np.zeros(0, dtype=np.int64)
    firsts = np.cumsum(at.count) - at.count
    weight = 1 + below(tape.seed("size"), counter, 64) ** 2
    running = np.cumsum(weight)
    before = (running - weight)[firsts][of]
    running = running - before
    total = np.add.reduceat(weight, firsts)[of]
    spare = (at.volume - at.count)[of]
    upto = spare * running // total
    previous = np.where(place == 0, 0, spare * (running - weight) // total)
    sizes: I64 = 1 + upto - previous
    return sizes


def _sides(tape: Tape, at: Minutes, of: NDArray[np.intp], counter: I64) -> NDArray[np.bytes_]:
    """Draw who crossed the spread: buyers more often in a rising minute."""
    buying = 0.5 + 0.12 * np.sign(at.close - at.open)[of]
    sides = np.where(unit(tape.seed("side"), counter) < buying, b"B", b"A")
    return np.where(unit(tape.seed("unsided"), counter) < tape.dataset.unsided, b"N", sides)
