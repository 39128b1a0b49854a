"""The records of shares and futures over any window, in pieces small enough to hold, and how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vaultdash.data.samplemarket.bars import MINUTE_NS, day_bars, hour_bars, minute_bars
from vaultdash.data.samplemarket.definitions import definition_count, definition_days, instrument_definitions
from vaultdash.data.samplemarket.encode import MappingInterval, SymbolMapping, bar_records, trade_records
from vaultdash.data.samplemarket.instruments import HOUR_NS
from vaultdash.data.samplemarket.stretches import stretches_of
from vaultdash.data.samplemarket.trades import print_counts, traded_minutes, trades_in
from vaultdash.market import DAY_NS, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vaultdash.data.request import DataRequest, Series
    from vaultdash.data.samplemarket.bars import BarColumns
    from vaultdash.data.samplemarket.noise import Ints
    from vaultdash.data.samplemarket.stretches import Stretch

Records = Any  # a numpy array of one of DBN's record types

BAR_LENGTHS = {"ohlcv-1d": DAY_NS, "ohlcv-1h": HOUR_NS, "ohlcv-1m": MINUTE_NS}
# Bars of minutes are made for a month at a time, prints for a day; all else in one piece.
PIECE_LENGTHS = {"ohlcv-1m": 30 * DAY_NS, "trades": DAY_NS}


def tape_records(request: DataRequest) -> Iterator[Records]:
    """The records of a request for bars, trades or definitions, in order of time, in one piece or more."""
    schema = request.series.schema
    for stretches in _pieces(request):
        if schema == "definition":
            yield instrument_definitions(definition_days(stretches))
        elif schema == "trades":
            yield from _trades(stretches, traded_minutes(stretches))
        else:
            bars = _bars(schema, stretches)
            yield bar_records(schema, stretches, bars.rows(np.lexsort((bars.stretch, bars.start))))


def tape_count(request: DataRequest) -> int:
    """How many records `tape_records` gives, without making the prints."""
    schema, count = request.series.schema, 0
    for stretches in _pieces(request):
        if schema == "definition":
            count += sum(definition_count(stretch.instrument) for _, stretch in definition_days(stretches))
        elif schema == "trades":
            count += _count_trades(stretches)
        else:
            count += len(_bars(schema, stretches))
    return count


def tape_mappings(request: DataRequest) -> list[SymbolMapping]:
    """Which instrument each symbol means on which UTC dates of the request."""
    intervals: dict[str, list[MappingInterval]] = {}
    for stretch in stretches_of(request.series, request.window):
        interval = MappingInterval(
            start_date=stretch.first_date, end_date=stretch.end_date, symbol=str(stretch.instrument.instrument_id)
        )
        intervals.setdefault(stretch.symbol, []).append(interval)
    return [SymbolMapping(raw_symbol=symbol, intervals=found) for symbol, found in intervals.items()]


def _pieces(request: DataRequest) -> Iterator[list[Stretch]]:
    """Cut a request where a piece ends; bars are those that start inside the window, each of them whole."""
    series = request.series
    start, end = _aligned(series, request.window)
    length = PIECE_LENGTHS.get(series.schema, end - start)
    while start < end:
        until = min(end, (start // length + 1) * length) if series.schema in PIECE_LENGTHS else end
        if stretches := stretches_of(series, Window(start=start, end=until)):
            yield stretches
        start = until


def _aligned(series: Series, window: Window) -> tuple[int, int]:
    unit = BAR_LENGTHS.get(series.schema, 1)
    return -(-window.start // unit) * unit, -(-window.end // unit) * unit


def _bars(schema: str, stretches: Sequence[Stretch]) -> BarColumns:
    if schema == "ohlcv-1d":
        return day_bars(stretches)
    hours = hour_bars(stretches)
    return hours if schema == "ohlcv-1h" else minute_bars(stretches, hours)


def _trades(stretches: Sequence[Stretch], minutes: BarColumns) -> Iterator[Records]:
    if not len(minutes):
        return
    trades = trades_in(stretches, minutes)
    starts, ends = _windows(stretches)
    is_inside = (trades.ts_recv >= starts[trades.stretch]) & (trades.ts_recv < ends[trades.stretch])
    yield trade_records(stretches, trades)[is_inside]


def _count_trades(stretches: Sequence[Stretch]) -> int:
    minutes = traded_minutes(stretches)
    starts, ends = _windows(stretches)
    is_whole = (minutes.start >= starts[minutes.stretch]) & (minutes.end <= ends[minutes.stretch])
    counted = int(print_counts(stretches, minutes.rows(is_whole)).sum())
    return counted + sum(len(records) for records in _trades(stretches, minutes.rows(~is_whole)))


def _windows(stretches: Sequence[Stretch]) -> tuple[Ints, Ints]:
    starts = np.array([stretch.window.start for stretch in stretches], dtype=np.int64)
    return starts, np.array([stretch.window.end for stretch in stretches], dtype=np.int64)
