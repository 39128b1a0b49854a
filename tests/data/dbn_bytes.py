"""DBN files for tests, written with `databento_dbn` as the vendor writes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import databento_dbn
import numpy as np
import zstandard
from databento_dbn.metadata import MappingInterval
from numpy.typing import NDArray

from vaultdash.data.dbn.reading import record_dtype
from vaultdash.market import midnight_ns

Records = NDArray[np.void]
Spans = Mapping[str, Sequence[tuple[dt.date, dt.date, int]]]

DAY = dt.date(2022, 1, 3)
DAY_START = midnight_ns(DAY)
MINUTE = 60_000_000_000
DOLLAR = 1_000_000_000


@dataclass
class Interval:
    start_date: dt.date
    end_date: dt.date
    symbol: str


@dataclass
class Mapped:
    raw_symbol: str
    intervals: Sequence[MappingInterval]


def metadata(
    *,
    schema: str,
    start: int = DAY_START,
    end: int = DAY_START + 24 * 60 * MINUTE,
    dataset: str = "GLBX.MDP3",
    symbol: str = "ESH2",
    stype_in: str = "raw_symbol",
    spans: Spans | None = None,
) -> databento_dbn.Metadata:
    return databento_dbn.Metadata(
        dataset=dataset,
        start=start,
        end=end,
        stype_in=databento_dbn.SType(stype_in),
        stype_out=databento_dbn.SType("instrument_id"),
        schema=databento_dbn.Schema(schema),
        symbols=[symbol],
        mappings=[
            Mapped(name, [Interval(first, last, str(number)) for first, last, number in intervals])
            for name, intervals in (spans or {}).items()
        ],
        partial=[],
        not_found=[],
        limit=None,
    )


def records(schema: str, count: int, **columns: Any) -> Records:
    """Records of a schema with their header filled and the columns given."""
    made = np.zeros(count, record_dtype(schema))
    made["length"] = made.dtype.itemsize // 4
    made["rtype"] = int(databento_dbn.RType.from_schema(databento_dbn.Schema(schema)))
    made["publisher_id"] = 1
    made["instrument_id"] = 7
    for name, values in columns.items():
        made[name] = values
    return made


def trades(moments: Sequence[int], **columns: Any) -> Records:
    """Trades at moments of ts_recv: price 100.00 and rising by a cent, one unit each, a rising sequence."""
    count = len(moments)
    given: dict[str, Any] = {
        "ts_recv": moments,
        "ts_event": np.asarray(moments, np.uint64) - np.uint64(1_000),
        "price": 100 * DOLLAR + np.arange(count) * (DOLLAR // 100),
        "size": 1,
        "action": b"T",
        "side": b"B",
        "sequence": np.arange(count),
    }
    return records("trades", count, **(given | columns))


def bars(schema: str, moments: Sequence[int], closes: Sequence[float], **columns: Any) -> Records:
    """Bars that open, peak, bottom and close at one price, with a volume of 10."""
    fixed = np.round(np.asarray(closes, np.float64) * DOLLAR).astype(np.int64)
    given: dict[str, Any] = {"ts_event": moments, "volume": 10}
    given |= dict.fromkeys(("open", "high", "low", "close"), fixed)
    return records(schema, len(moments), **(given | columns))


def zstd(*pieces: bytes, checksum: bool = True) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=checksum).compress(b"".join(pieces))


def write_dbn(path: Path, made: Records, **asked: Any) -> Path:
    """Write records as a `.dbn.zst` (or `.dbn`, by its name) with the metadata asked for."""
    plain = bytes(metadata(**asked)), made.tobytes()
    path.write_bytes(zstd(*plain) if path.suffix == ".zst" else b"".join(plain))
    return path
