"""Ask the sample market, and read its bytes without any of our own code."""

from __future__ import annotations

import io
import tempfile
import warnings
from datetime import date, datetime
from pathlib import Path
from typing import Any

import databento_dbn
import numpy as np
import zstandard

from vaultdash.data.request import DataRequest, Series
from vaultdash.data.samplemarket.vendor import SampleSource
from vaultdash.market import DateRange, Window

SOURCE = SampleSource()
DATASETS = {"GLD": "SAMPLE.SHARES", "GLD.OPT": "SAMPLE.OPTIONS"}
TYPES: dict[str, Any] = {
    "ohlcv-1m": databento_dbn.OHLCVMsg,
    "ohlcv-1h": databento_dbn.OHLCVMsg,
    "ohlcv-1d": databento_dbn.OHLCVMsg,
    "trades": databento_dbn.TradeMsg,
    "definition": databento_dbn.InstrumentDefMsg,
    "cbbo-1m": databento_dbn.CBBOMsg,
    "statistics": databento_dbn.StatMsg,
}
STYPES: dict[str, Any] = {"v": "continuous", "FUT": "parent", "OPT": "parent"}
HOUR = 3_600 * 10**9
MINUTE = 60 * 10**9


def ns(text: str) -> int:
    """A UTC moment in nanoseconds: "2024-03-06" or "2024-03-06T14:30"."""
    return int(datetime.fromisoformat(f"{text}+00:00" if "T" in text else f"{text}T00:00+00:00").timestamp()) * 10**9


def series(schema: str, symbol: str) -> Series:
    parts = symbol.split(".")
    return Series(
        source="sample",
        dataset=DATASETS.get(symbol, "SAMPLE.FUTURES"),
        schema=schema,
        symbol=symbol,
        stype_in=STYPES[parts[1]] if len(parts) > 1 else "raw_symbol",
    )


def ask(schema: str, symbol: str, start: str, end: str) -> DataRequest:
    """A request from `start` to `end`: two dates, both included, or two moments, the second not."""
    if "T" in start:
        window = Window(start=ns(start), end=ns(end))
    else:
        window = Window.of_days(DateRange(start=date.fromisoformat(start), end=date.fromisoformat(end)))
    return DataRequest(series=series(schema, symbol), window=window)


def frame_of(request: DataRequest) -> bytes:
    """The file that the sample writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.dbn.zst"
        SOURCE.download(request, path)
        return path.read_bytes()


def plain_of(request: DataRequest) -> bytes:
    """The DBN inside the frame, which has to be the only one, whole and with a checksum."""
    frame = frame_of(request)
    assert zstandard.get_frame_parameters(frame).has_checksum
    reader = zstandard.ZstdDecompressor().decompressobj()
    plain = reader.decompress(frame)
    assert reader.eof
    assert not reader.unused_data
    return plain


def records_of(request: DataRequest) -> Any:
    """The records of a request as a numpy array of DBN's own layout."""
    plain = plain_of(request)
    assert plain[:4] == b"DBN\x03"
    length = int.from_bytes(plain[4:8], "little")
    return np.frombuffer(plain[8 + length :], dtype=TYPES[request.series.schema]._dtypes)


def ask_records(schema: str, symbol: str, start: str, end: str) -> Any:
    return records_of(ask(schema, symbol, start, end))


def client_store(request: DataRequest) -> tuple[Any, Any]:
    """What Databento's own client makes of the file: its store, and the frame of `to_df`."""
    # Importing the client turns every DeprecationWarning on, and its calls into pandas are deprecated there: neither
    # is about what it reads.
    with warnings.catch_warnings():
        import databento  # noqa: PLC0415 - takes over a second to import

        warnings.simplefilter("ignore", DeprecationWarning)
        store = databento.DBNStore.from_bytes(io.BytesIO(frame_of(request)))
        return store, store.to_df()
