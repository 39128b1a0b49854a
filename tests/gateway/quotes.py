"""Consolidated quotes by the minute: options with a smile and a spread, shares a tick or so either side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import databento_dbn as dbn
import numpy as np

from tests.gateway.catalog import Dataset, empty
from tests.gateway.instruments import NANO, Instrument
from tests.gateway.noise import F64, I64, below, seed_of, unit
from tests.gateway.paths import MINUTES_PER_DAY, level
from tests.gateway.sessions import open_minutes
from tests.gateway.tape import MINUTE, Records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.gateway.symbology import Piece

_CLOSE_UTC: Final = 20 * 60  # an option ends about then on its last day
_MINUTES_PER_YEAR: Final = 365.25 * MINUTES_PER_DAY
_VENUES: Final = np.array([20, 22, 26, 31], dtype=np.int64)
_FLAGS: Final = 128 | 64 | 2


def intervals(dataset: Dataset, start: int, end: int) -> I64:
    """Give the ends, in minutes, of the quoted one-minute intervals that end in [start, end)."""
    first, last = -(-start // MINUTE), -(-end // MINUTE)
    return open_minutes(dataset.calendar, first - 1, last - 1)[0] + 1


def _alive(piece: Piece, at: I64) -> tuple[int, int]:
    """Give the slice of the sorted interval ends that lies within the piece's days."""
    first, last = np.searchsorted(at, [piece.first_day * MINUTES_PER_DAY, piece.end_day * MINUTES_PER_DAY])
    return int(first), int(last)


def option_mid(option: Instrument, minutes: I64, spot: F64) -> F64:
    """Give an option's fair price: intrinsic and a bell of time value, so puts and calls keep parity."""
    left = np.maximum(option.expiry * MINUTES_PER_DAY + _CLOSE_UTC - minutes, 0) / _MINUTES_PER_YEAR
    volatility = 0.15 + 0.05 * unit(seed_of(option.path, "volatility"), minutes // MINUTES_PER_DAY)
    width = np.maximum(spot * volatility * np.sqrt(left), 1e-9)
    strike = option.strike / NANO
    away = np.abs(strike - spot) / width
    # Follows the normal model near the money and falls off more slowly in the wings: a smile.
    bell = 0.39894 / (1.0 + away * (1.2533 + away * (0.8 + away * (0.5 + away * 1.24))))
    intrinsic = np.maximum(spot - strike if option.kind == "C" else strike - spot, 0.0)
    return intrinsic + width * bell


def _fill(records: Records, dataset: Dataset, instrument: Instrument, at: I64, spot: F64) -> None:
    """Write one instrument's quotes at the interval ends `at`."""
    seed = seed_of(dataset.name, instrument.raw_symbol, "quote")
    if instrument.kind == "K":
        mid = spot * instrument.scale
        half = np.full(len(at), 0.01)
    else:
        mid = option_mid(instrument, at, spot)
        half = np.maximum(0.02, 0.015 * mid)
    bid = np.floor((mid - half) * 100.0 + 1e-6).astype(np.int64)
    ask = np.ceil((mid + half) * 100.0 - 1e-6).astype(np.int64)
    has_bid = bid > 0
    records["instrument_id"] = instrument.instrument_id
    records["ts_recv"] = at * MINUTE
    records["bid_px_00"] = np.where(has_bid, bid * (NANO // 100), dbn.UNDEF_PRICE)
    records["ask_px_00"] = ask * (NANO // 100)
    records["bid_sz_00"] = np.where(has_bid, 1 + below(seed, at, 200), 0)
    records["ask_sz_00"] = 1 + below(seed + 1, at, 200)
    if instrument.kind != "K":
        records["bid_pb_00"] = np.where(has_bid, _VENUES[below(seed + 2, at, len(_VENUES))], 0)
        records["ask_pb_00"] = _VENUES[below(seed + 3, at, len(_VENUES))]
    # Most options do not trade in a given minute: the last trade is then unknown.
    traded = below(seed + 4, at, 10) == 0 if instrument.kind != "K" else np.ones(len(at), dtype=np.bool_)
    records["price"] = np.where(traded, ask * (NANO // 100), dbn.UNDEF_PRICE)
    records["size"] = np.where(traded, 1 + below(seed + 5, at, 20), 0)
    last = at * MINUTE - 1_000_000 * (1 + below(seed + 6, at, 50_000))
    records["ts_event"] = np.where(traded, last.astype(np.uint64), np.uint64(dbn.UNDEF_TIMESTAMP))


def quotes(dataset: Dataset, pieces: Sequence[Piece], start: int, end: int) -> Records:
    """Give the quotes whose ts_recv, the interval's end, is in [start, end), piece by piece."""
    at = intervals(dataset, start, end)
    spans = [_alive(piece, at) for piece in pieces]
    records = empty("cbbo-1m", sum(last - first for first, last in spans))
    if not len(records):
        return records
    spot = level(pieces[0].instrument.path, at)
    row = 0
    for piece, (first, last) in zip(pieces, spans, strict=True):
        block = records[row : row + last - first]
        _fill(block, dataset, piece.instrument, at[first:last], spot[first:last])
        row += last - first
    records["publisher_id"] = dataset.consolidated.number
    records["side"] = b"N"
    records["flags"] = _FLAGS
    return records


def count(dataset: Dataset, pieces: Sequence[Piece], start: int, end: int) -> int:
    """Count the quotes of a window without making them."""
    at = intervals(dataset, start, end)
    return sum(last - first for first, last in (_alive(piece, at) for piece in pieces))
