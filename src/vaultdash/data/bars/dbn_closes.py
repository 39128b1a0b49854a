"""Daily closes from a Databento file of the person's own, opened where it lies."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from vaultdash.data.bars.daily import BAR_LENGTHS, daily_closes_from_bars
from vaultdash.data.dbn.reading import index_field, read_metadata, read_records
from vaultdash.data.dbn.symbology import SymbolMap
from vaultdash.data.request import Series
from vaultdash.errors import FileUnreadableError
from vaultdash.market import Window

if TYPE_CHECKING:
    from pathlib import Path

    from vaultdash.data.catalog import Instrument
    from vaultdash.data.dbn.reading import Records
    from vaultdash.market import DailyCloses, TradingCalendar

SYMBOLS_SHOWN = 5


def read_dbn_closes(path: Path, *, instrument: Instrument, calendar: TradingCalendar) -> DailyCloses:
    """Read a file of bars (`.dbn` or `.dbn.zst`) of one symbol, or the bars of the instrument in a file of several.

    The closes are what `daily_closes_from_bars` makes of the file's dataset and schema. Raises FileUnreadableError for
    a file of something else, or without the instrument, and NoClosesError.
    """
    metadata = read_metadata(path)
    schema = str(metadata.schema)
    if schema not in BAR_LENGTHS:
        raise FileUnreadableError(
            path=path, reason=f"it holds {schema}, not bars", remedy=f"Give a file of {', '.join(BAR_LENGTHS)}."
        )
    rows = _of_instrument(path, read_records(path), SymbolMap.of(metadata), instrument)
    series = Series(
        source="file",
        dataset=metadata.dataset,
        schema=schema,
        symbol=instrument.symbol,
        stype_in="continuous" if str(metadata.stype_in) == "continuous" else "raw_symbol",
    )
    end = metadata.end if metadata.end is not None else metadata.start
    last = int(rows["ts_event"].max()) + BAR_LENGTHS[schema] if len(rows) else metadata.start + 1
    return daily_closes_from_bars(
        [rows],
        series=series,
        symbol=instrument.name,
        calendar=calendar,
        window=Window(start=metadata.start, end=max(end, last)),
        digest=sha256(path.read_bytes()).hexdigest(),
        is_synthetic=metadata.dataset.startswith("SAMPLE."),
    )


def _of_instrument(path: Path, rows: Records, names: SymbolMap, instrument: Instrument) -> Records:
    """The instrument's own rows; all of them where the file names one symbol."""
    symbols = names.symbols(rows["instrument_id"], rows[index_field(rows.dtype)])
    found = sorted({str(symbol) for symbol in symbols if symbol is not None})
    if len(found) <= 1:
        return rows
    wanted = np.isin(symbols.astype(str), [instrument.symbol, instrument.name])
    if not wanted.any():
        shown = ", ".join(found[:SYMBOLS_SHOWN])
        raise FileUnreadableError(
            path=path, reason=f"it holds {shown} and no {instrument.symbol}", remedy="Name one of them with --symbol."
        )
    return rows[wanted]
