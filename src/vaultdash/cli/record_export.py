"""Held records as CSV, Parquet or the vendor's own files."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from vaultdash.cli.output import refuse_overwriting, write_csv, write_parquet, write_whole
from vaultdash.data.dbn.reading import PRICE_SCALE, UNDEFINED_PRICE, read_records
from vaultdash.errors import OptionsConflictError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from vaultdash.cli.output import Cell
    from vaultdash.data.request import DataRequest
    from vaultdash.data.store.manifest import Record

PRICES = (
    "price", "open", "high", "low", "close", "strike_price", "bid_px_00", "ask_px_00", "min_price_increment",
    "min_price_increment_amount", "high_limit_price", "low_limit_price", "max_price_variation",
)  # fmt: skip


def export_records(
    records: Sequence[Record], request: DataRequest, *, csv: Path | None, parquet: Path | None, dbn: Path | None
) -> Iterator[str]:
    """Write the rows of a request to the files that are named, and say what was written.

    Prices become decimal numbers, times stay in nanoseconds since 1970 UTC, letters become text. DBN files are copied
    as the vendor sent them, whole partitions. Raises OptionsConflictError where nothing is named, and
    OutputNotWrittenError.
    """
    if csv is None and parquet is None and dbn is None:
        raise OptionsConflictError(problem="Nothing to write to was named.", remedy="Give --csv, --parquet or --dbn.")
    refuse_overwriting((csv, parquet), ())
    if dbn is not None:
        names = [record.partition.name for record in records]
        for at, record in enumerate(records):
            part = f".{names[:at].count(names[at]) + 1}" if names.count(names[at]) > 1 else ""
            target = dbn / f"{names[at]}{part}.dbn.zst"
            write_whole(target, lambda part, source=record.path: shutil.copyfile(source, part))  # type: ignore[misc]
            yield f"{target}: {record.manifest.rows:,} rows"
    if csv is None and parquet is None:
        return
    header, rows = _table(records, request)
    for path, write in ((csv, write_csv), (parquet, write_parquet)):
        if path is not None:
            write(path, header, rows)
            yield f"{path}: {len(rows):,} rows"


def _table(records: Iterable[Record], request: DataRequest) -> tuple[list[str], list[list[Cell]]]:
    parts = [read_records(record.path) for record in records]
    rows = np.concatenate(parts)
    index = "ts_recv" if "ts_recv" in (rows.dtype.names or ()) else "ts_event"
    times = rows[index].astype(np.int64)
    rows = rows[(times >= request.window.start) & (times < request.window.end)]
    names = [name for name in rows.dtype.names or () if name not in ("length", "rtype") and not name.startswith("_")]
    columns = [_cells(name, rows[name]) for name in names]
    return names, [list(row) for row in zip(*columns, strict=True)]


def _cells(name: str, column: Any) -> list[Cell]:
    if name in PRICES:
        return [None if value == UNDEFINED_PRICE else value / PRICE_SCALE for value in column.tolist()]
    if column.dtype.kind == "S":
        return [value.decode("ascii", "replace") for value in column.tolist()]
    cells: list[Cell] = column.tolist()
    return cells
