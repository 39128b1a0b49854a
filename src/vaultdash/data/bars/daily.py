"""Daily closes from Databento's bars, each series saying what its closes are.

`consolidated`: the daily bars of a dataset that covers every venue. `session`: bars of an hour or less, built into the
exchange's sessions by its own hours, so that daylight saving and half days are right. `utc_day`: the daily bars of one
venue, each from midnight to midnight UTC.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import numpy as np

from vaultdash.data.bars.bar_merging import merge, without_repeats
from vaultdash.data.bars.daily_notes import NotesOfDays
from vaultdash.data.bars.session_index import day_index, session_index
from vaultdash.data.dbn.reading import PRICE_SCALE, UNDEFINED_PRICE, record_dtype
from vaultdash.errors import NoClosesError, ParentSymbolError, UnknownNameError
from vaultdash.market import DAY_NS, SECOND_NS, DailyClose, DailyCloses

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from vaultdash.data.bars.bar_merging import MergedBars
    from vaultdash.data.bars.session_index import SessionIndex
    from vaultdash.data.dbn.reading import Records
    from vaultdash.data.request import Series
    from vaultdash.market import TradingCalendar, Window

CloseBasis = Literal["consolidated", "session", "utc_day"]

CONSOLIDATED_DATASETS = ("EQUS.SUMMARY", "SAMPLE.SHARES")
BAR_LENGTHS = {
    "ohlcv-1s": SECOND_NS,
    "ohlcv-1m": 60 * SECOND_NS,
    "ohlcv-1h": 3_600 * SECOND_NS,
    "ohlcv-1d": DAY_NS,
}
PRICES = ("open", "high", "low", "close")


def close_basis_of(series: Series) -> CloseBasis:
    """What closes built from a series of bars are.

    Raises UnknownNameError for a schema that is none of bars, and ParentSymbolError for a parent symbol.
    """
    if series.schema not in BAR_LENGTHS:
        raise UnknownNameError(kind="schema of bars", name=series.schema, known=BAR_LENGTHS)
    if series.stype_in == "parent":
        raise ParentSymbolError(symbol=series.symbol)
    if BAR_LENGTHS[series.schema] < DAY_NS:
        return "session"
    return "consolidated" if series.dataset in CONSOLIDATED_DATASETS else "utc_day"


def daily_closes_from_bars(
    bars: Sequence[Records],
    *,
    series: Series,
    symbol: str,
    calendar: TradingCalendar,
    window: Window,
    digest: str,
    is_synthetic: bool,
) -> DailyCloses:
    """Build one close a session from a series' bars, as `read_records` gives them, one array for each record.

    `window` is what is held of the series: a session that it ends within has no close yet, and one that it begins
    within has a close but no open, high, low or volume. `symbol` names the series in the result. Prices are int64 in
    units of 1e-9 divided by 1e9, the float nearest to the price. `notes` counts what was dropped, merged or is missing.
    Raises NoClosesError where nothing is left, and what `close_basis_of` raises.
    """
    basis = close_basis_of(series)
    notes = NotesOfDays(series.source, calendar)
    rows = np.concatenate([np.empty(0, record_dtype(series.schema)), *(_plain(part) for part in bars)])
    rows = _usable(rows, notes)
    what = f"{series} {window}"
    if not len(rows):
        raise NoClosesError(what=what, reason=notes.reason("it holds no bars"))
    index = _index(basis, calendar, rows)
    places = _placed(rows, index, series, notes)
    rows, places = rows[places >= 0], places[places >= 0]
    rows, places = _finished(rows, places, index, window, notes)
    if not len(rows):
        raise NoClosesError(what=what, reason=notes.reason("none of its bars lies in a session"))
    merged = merge(rows, places)
    notes.merged(index.days, merged)
    days = _days(merged, index, window, notes)
    return DailyCloses(
        symbol=symbol,
        source=series.source,
        close_basis=basis,
        is_synthetic=is_synthetic,
        calendar=calendar.name,
        days=days,
        digest=digest,
        notes=notes.all(days),
    )


def digest_of_records(digests: Iterable[str]) -> str:
    """One sha256 for a series read from several records: that of their own sha256s, in hex, in order."""
    every = tuple(digests)
    return every[0] if len(every) == 1 else sha256("".join(every).encode()).hexdigest()


def _plain(bars: Records) -> Records:
    """Bars without what a recording of live data adds to each."""
    wanted = record_dtype("ohlcv-1d")
    return bars if bars.dtype == wanted else bars[list(wanted.names or ())]


def _usable(rows: Records, notes: NotesOfDays) -> Records:
    """Bars with defined prices and a close above zero, in order of time, each once."""
    is_undefined = np.zeros(len(rows), bool)
    for name in PRICES:
        is_undefined |= rows[name] == UNDEFINED_PRICE
    notes.undefined(_times(rows[is_undefined]))
    rows = rows[~is_undefined]
    is_positive = rows["close"] > 0
    notes.not_positive(_times(rows[~is_positive]))
    rows = rows[is_positive]
    once = without_repeats(rows)
    notes.repeated(len(rows) - len(once))
    return once


def _times(rows: Records) -> NDArray[np.int64]:
    return rows["ts_event"].astype(np.int64)


def _index(basis: CloseBasis, calendar: TradingCalendar, rows: Records) -> SessionIndex:
    times = _times(rows)
    make = session_index if basis == "session" else day_index
    return make(calendar, first=int(times[0]), last=int(times[-1]))


def _placed(rows: Records, index: SessionIndex, series: Series, notes: NotesOfDays) -> NDArray[np.intp]:
    """The session of every bar, -1 where it lies in none."""
    length = BAR_LENGTHS[series.schema]
    times = _times(rows)
    places = index.places(times, length)
    if length == DAY_NS:
        notes.on_closed_days(times[places < 0])
        return places
    notes.outside_sessions(int(np.count_nonzero(places < 0)))
    inside, at = times[places >= 0], places[places >= 0]
    reaches_over = (inside < index.opens[at]) | (inside + length > index.closes[at])
    notes.reaching_over(int(np.count_nonzero(reaches_over)))
    return places


def _finished(
    rows: Records, places: NDArray[np.intp], index: SessionIndex, window: Window, notes: NotesOfDays
) -> tuple[Records, NDArray[np.intp]]:
    """Leave out a session that was not over when what is held ends."""
    is_over = index.closes[places] <= window.end
    notes.unfinished([index.days[place] for place in np.unique(places[~is_over])])
    return rows[is_over], places[is_over]


def _days(merged: MergedBars, index: SessionIndex, window: Window, notes: NotesOfDays) -> tuple[DailyClose, ...]:
    opens, highs, lows, closes = (
        (column / PRICE_SCALE).tolist() for column in (merged.open, merged.high, merged.low, merged.close)
    )
    dates = [index.days[place] for place in merged.places]
    volumes = merged.volume.tolist()
    days = [
        DailyClose(date=day, close=close, open=opened, high=high, low=low, volume=volume)
        for day, close, opened, high, low, volume in zip(dates, closes, opens, highs, lows, volumes, strict=True)
    ]
    if index.opens[merged.places[0]] < window.start:
        days[0] = DailyClose(date=days[0].date, close=days[0].close)
        notes.begun_before(days[0].date)
    return tuple(days)
