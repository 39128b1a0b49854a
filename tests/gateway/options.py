"""What option venues print: daily bars, a row per venue, and open interest, the same from every venue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import databento_dbn as dbn
import numpy as np

from tests.gateway.catalog import Dataset, empty
from tests.gateway.instruments import NANO
from tests.gateway.noise import I64, below, seed_of
from tests.gateway.paths import MINUTES_PER_DAY, level
from tests.gateway.quotes import option_mid
from tests.gateway.sessions import is_session
from tests.gateway.tape import DAY, MINUTE, Records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.gateway.symbology import Piece

_PRICED_AT: Final = (15 * 60, 17 * 60 + 20, 19 * 60 + 50)  # minutes of the UTC day: open, another look, close
_TRADED_DAYS: Final = 6  # of ten, for each venue
_TOLD_AT: Final = 11 * 60 + 30
_OPEN_INTEREST: Final = 9


def _venues(dataset: Dataset) -> I64:
    return np.array([p.number for p in dataset.publishers if p.share], dtype=np.int64)


def _days(piece: Piece, days: I64) -> I64:
    return days[(days >= piece.first_day) & (days < piece.end_day)]


def bars(dataset: Dataset, pieces: Sequence[Piece], start: int, end: int) -> Records:
    """Give the daily bars whose ts_event is in [start, end); a venue without a trade has no row."""
    days = np.arange(-(-start // DAY), -(-end // DAY), dtype=np.int64)
    days = days[is_session(dataset.calendar, days)]
    venues = _venues(dataset)
    looks = [days * MINUTES_PER_DAY + minute for minute in _PRICED_AT]
    spots = [level("gold", at) for at in looks]
    parts = [empty("ohlcv-1d", 0)]
    for piece in pieces:
        option = piece.instrument
        alive = (days >= piece.first_day) & (days < piece.end_day)
        mids = [option_mid(option, at[alive], spot[alive]) for at, spot in zip(looks, spots, strict=True)]
        cents = np.maximum(np.rint(np.stack(mids) * 100.0), 1.0).astype(np.int64)
        counter = days[alive][:, None] * 128 + venues
        seed = seed_of(option.raw_symbol, "bar")
        row, venue = np.nonzero(below(seed, counter, 10) < _TRADED_DAYS)
        records = empty("ohlcv-1d", len(row))
        records["publisher_id"] = venues[venue]
        records["instrument_id"] = option.instrument_id
        records["ts_event"] = days[alive][row] * DAY
        # A venue that saw fewer trades missed the last of them.
        last = np.where(below(seed + 1, counter, 3)[row, venue] > 0, cents[2][row], cents[1][row])
        seen = np.stack([cents[0][row], cents[1][row], last]) * (NANO // 100)
        records["open"], records["close"] = seen[0], seen[2]
        records["high"], records["low"] = seen.max(axis=0), seen.min(axis=0)
        records["volume"] = 1 + below(seed + 2, counter, 2_000)[row, venue]
        parts.append(records)
    return np.concatenate(parts)


def open_interest(dataset: Dataset, pieces: Sequence[Piece], start: int, end: int) -> Records:
    """Give the open interest whose ts_recv is in [start, end): told each morning, repeated by every venue."""
    told = _TOLD_AT * MINUTE + 40_000
    days = np.arange(-(-(start - told) // DAY), -(-(end - told) // DAY), dtype=np.int64)
    days = days[is_session(dataset.calendar, days)]
    venues = _venues(dataset)
    parts = [empty("statistics", 0)]
    for piece in pieces:
        alive = _days(piece, days)
        records = empty("statistics", len(alive) * len(venues))
        day = np.repeat(alive, len(venues))
        records["publisher_id"] = np.tile(venues, len(alive))
        records["instrument_id"] = piece.instrument.instrument_id
        records["ts_recv"] = day * DAY + told
        records["ts_event"] = records["ts_recv"] - 40_000
        records["ts_ref"], records["price"] = dbn.UNDEF_TIMESTAMP, dbn.UNDEF_PRICE
        records["quantity"] = 5_000 + below(seed_of(piece.instrument.raw_symbol, "interest"), day, 40_000)
        records["stat_type"], records["update_action"] = _OPEN_INTEREST, 1
        records["sequence"] = (day % 10_000) * 100 + records["publisher_id"]
        parts.append(records)
    return np.concatenate(parts)
