"""DBN bytes: columns into records, and records behind their metadata into one zstd frame."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, cast

import databento_dbn as dbn
import numpy as np
import zstandard

from vaultdash.data.samplemarket.definitions import CONSOLIDATED, LATENCY_NS, VENUES
from vaultdash.data.samplemarket.instruments import CENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

    from vaultdash.data.request import DataRequest
    from vaultdash.data.samplemarket.bars import BarColumns
    from vaultdash.data.samplemarket.chain import Chain
    from vaultdash.data.samplemarket.noise import Ints
    from vaultdash.data.samplemarket.quotes import QuoteColumns
    from vaultdash.data.samplemarket.stretches import Stretch
    from vaultdash.data.samplemarket.trades import TradeColumns

Records = Any  # a numpy array of one of DBN's record types

BAR_TYPES = {"ohlcv-1m": 33, "ohlcv-1h": 34, "ohlcv-1d": 35}
TRADE_TYPE, STATISTICS_TYPE, CBBO_1M_TYPE = 0, 24, 193
LAST_OF_EVENT = 128
OPEN_INTEREST, NEW_STATISTIC = 9, 1
ZSTD_LEVEL = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class MappingInterval:
    """The UTC dates, the end not included, over which a symbol means an instrument: as `dbn.Metadata` reads it."""

    start_date: date
    end_date: date
    symbol: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SymbolMapping:
    """A symbol and the instruments it means over time: as `dbn.Metadata` reads it."""

    raw_symbol: str
    intervals: list[MappingInterval]


def empty_records(kind: type[Any], rtype: int, count: int) -> Records:
    """Zeroed records of a DBN type with their header's length and kind set."""
    records = np.zeros(count, dtype=kind._dtypes)  # noqa: SLF001 - its public layout
    records["length"] = records.itemsize // 4
    records["rtype"] = rtype
    return records


def bar_records(schema: str, stretches: Sequence[Stretch], bars: BarColumns) -> Records:
    """Bars as OHLCV records."""
    records = empty_records(dbn.OHLCVMsg, BAR_TYPES[schema], len(bars))
    _name(records, stretches, bars.stretch)
    tick = _ticks(stretches)[bars.stretch]
    records["ts_event"], records["volume"] = bars.start, bars.volume
    records["open"], records["high"] = bars.open * tick, bars.high * tick
    records["low"], records["close"] = bars.low * tick, bars.close * tick
    return records


def trade_records(stretches: Sequence[Stretch], trades: TradeColumns) -> Records:
    """Prints as trade records."""
    records = empty_records(dbn.TradeMsg, TRADE_TYPE, len(trades.price))
    _name(records, stretches, trades.stretch)
    records["price"] = trades.price * _ticks(stretches)[trades.stretch]
    records["action"], records["flags"] = b"T", LAST_OF_EVENT
    for column in ("ts_event", "ts_recv", "ts_in_delta", "sequence", "size", "side"):
        records[column] = getattr(trades, column)
    return records


def quote_records(chain: Chain, quotes: QuoteColumns) -> Records:
    """Consolidated quotes as cbbo-1m records, whose last trade is not given."""
    records = empty_records(dbn.CBBOMsg, CBBO_1M_TYPE, len(quotes.option))
    records["publisher_id"] = CONSOLIDATED
    records["instrument_id"] = chain.instrument_id[quotes.option]
    records["ts_event"], records["price"] = dbn.UNDEF_TIMESTAMP, dbn.UNDEF_PRICE
    records["side"], records["flags"], records["ts_recv"] = b"N", LAST_OF_EVENT, quotes.ts_recv
    venues = np.array(VENUES)
    records["bid_px_00"] = np.where(quotes.is_empty, dbn.UNDEF_PRICE, quotes.bid * CENT)
    records["ask_px_00"] = np.where(quotes.is_empty, dbn.UNDEF_PRICE, quotes.ask * CENT)
    records["bid_sz_00"], records["ask_sz_00"] = quotes.bid_size, quotes.ask_size
    records["bid_pb_00"], records["ask_pb_00"] = venues[quotes.bid_venue], venues[quotes.ask_venue]
    return records


def interest_records(chain: Chain, interest: Ints, moment: int, venues: Sequence[int]) -> Records:
    """Open interest as statistics records, each option's repeated alike by every venue."""
    records = empty_records(dbn.StatMsg, STATISTICS_TYPE, len(chain) * len(venues))
    records["publisher_id"] = np.tile(np.array(venues), len(chain))
    records["instrument_id"] = np.repeat(chain.instrument_id, len(venues))
    records["ts_event"], records["ts_recv"], records["ts_ref"] = moment - LATENCY_NS, moment, dbn.UNDEF_TIMESTAMP
    records["price"], records["quantity"] = dbn.UNDEF_PRICE, np.repeat(interest, len(venues))
    records["stat_type"], records["update_action"] = OPEN_INTEREST, NEW_STATISTIC
    return records


def write_dbn(
    file: BinaryIO, request: DataRequest, mappings: Sequence[SymbolMapping], chunks: Iterable[Records]
) -> None:
    """Write metadata and records as one zstd frame with a checksum."""
    series, window = request.series, request.window
    metadata = dbn.Metadata(
        dataset=series.dataset,
        start=window.start,
        end=window.end,
        stype_in=dbn.SType(series.stype_in),
        stype_out=dbn.SType("instrument_id"),
        schema=dbn.Schema(series.schema),
        symbols=[series.symbol],
        # The protocol asks for attributes that can be set, of which it only reads.
        mappings=cast("list[dbn.metadata.SymbolMapping]", list(mappings)),
        partial=[],
        not_found=[],
        limit=None,
    )
    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
    with compressor.stream_writer(file, closefd=False) as frame:
        frame.write(bytes(metadata))
        for records in chunks:
            frame.write(records.tobytes())


def _name(records: Records, stretches: Sequence[Stretch], places: Ints) -> None:
    for column, attribute in (("publisher_id", "publisher"), ("instrument_id", "instrument_id")):
        values = [getattr(stretch.instrument, attribute) for stretch in stretches]
        records[column] = np.array(values, dtype=np.int64)[places]


def _ticks(stretches: Sequence[Stretch]) -> Ints:
    return np.array([stretch.instrument.tick for stretch in stretches], dtype=np.int64)
