"""From a Parquet file's bytes to rows of text, so that one set of checks serves every file."""

from __future__ import annotations

import io
from hashlib import sha256
from typing import TYPE_CHECKING

from vaultdash.data.tables import PARQUET_MAGIC, Table
from vaultdash.data.wording import shown
from vaultdash.errors import FileUnreadableError

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

PARQUET_SUFFIXES = (".parquet", ".pq")
LINE_NOTE = "In a Parquet file a line is a row, counted from 1."
EXPORT_AGAIN = "Export it again."


def read_parquet_table(path: Path, data: bytes, *, names: frozenset[str]) -> Table:
    """Read the columns of a Parquet file that are called one of `names`, in any case, as text.

    Timestamps become text in their own time zone. Raises FileUnreadableError for a file that is not whole, holds no
    row, or keeps in such a column what is neither text, number nor date.
    """
    if not data.startswith(PARQUET_MAGIC):
        raise FileUnreadableError(
            path=path,
            reason="it is not a Parquet file, whatever its name says",
            remedy="Rename it to end in .csv if it is text, or export it again.",
        )
    if not data.endswith(PARQUET_MAGIC) or len(data) <= 2 * len(PARQUET_MAGIC):
        raise FileUnreadableError(path=path, reason="it is a Parquet file cut short", remedy="Copy it again.")
    heads, columns = _columns(path, data, names)
    if columns and not columns[0]:
        raise FileUnreadableError(path=path, reason="it holds no rows", remedy=EXPORT_AGAIN)
    return Table(
        columns=tuple(head.strip().lower() for head in heads if head.strip().lower() in names),
        heads=heads,
        rows=[(line, list(cells)) for line, cells in enumerate(zip(*columns, strict=True), start=1)],
        digest=sha256(data).hexdigest(),
        line_note=LINE_NOTE,
    )


def _columns(path: Path, data: bytes, names: frozenset[str]) -> tuple[tuple[str, ...], list[list[str]]]:
    """Every head of the file, and the texts of the columns that are named."""
    import polars as pl  # noqa: PLC0415  # a tenth of a second that only Parquet has to pay

    try:
        frame = pl.read_parquet(io.BytesIO(data))
        heads = tuple(frame.columns)
        return heads, [_texts(path, frame[head]) for head in heads if head.strip().lower() in names]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        raise FileUnreadableError(
            path=path,
            reason="it begins as a Parquet file, but what follows is damaged",
            remedy="Copy or export it again.",
        ) from None


def _texts(path: Path, column: pl.Series) -> list[str]:
    import polars as pl  # noqa: PLC0415  # see above

    kind = column.dtype
    if kind in (pl.Date, pl.Datetime):
        texts = column.dt.to_string("iso")
    elif kind.is_numeric() or kind in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        texts = column.cast(pl.String)
    else:
        raise FileUnreadableError(
            path=path,
            reason=f"its column {shown(column.name)} is of type {kind.base_type().__name__}",
            remedy="Store dates as dates or text, and prices as numbers.",
        )
    return [text or "" for text in texts.to_list()]
