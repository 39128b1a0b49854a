"""From a Parquet file's bytes to rows of text, so that one set of checks serves every file."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from vaultdash.data.files.tables import PARQUET_MAGIC, Table
from vaultdash.data.wording import counted, shown
from vaultdash.errors import FileUnreadableError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pyarrow import parquet as pq

PARQUET_SUFFIXES = (".parquet", ".pq")
LINE_NOTE = "In a Parquet file a line is a row, counted from 1."
EXPORT_AGAIN = "Export it again."

# A page of equal values takes no room however many there are, so a small file can ask for any memory.
MOST_ROWS = 5_000_000
MOST_UNPACKED = 1024 * 1024 * 1024


def read_parquet_table(path: Path, data: bytes, *, names: frozenset[str]) -> Table:
    """Read the columns of a Parquet file that are called one of `names`, in any case, as text.

    Timestamps become text in their own time zone. Raises FileUnreadableError for a file that is not whole, holds no
    row or more than daily history takes, or keeps in such a column what is neither text, number nor date.
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
    import pyarrow as pa  # noqa: PLC0415  # a tenth of a second that only Parquet has to pay
    from pyarrow import parquet as pq  # noqa: PLC0415  # see above

    try:
        file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False, page_checksum_verification=True)
        _refuse_what_cannot_be_held(path, file.metadata)
        heads = tuple(file.schema_arrow.names)
        named = [head for head in heads if head.strip().lower() in names]
        table = file.read(columns=list(dict.fromkeys(named)), use_threads=False)
        # Asked for "close", Arrow also reads a column called "close.adjusted".
        read = zip(table.column_names, table.columns, strict=True)
        return heads, [_texts(path, head, column) for head, column in read if head in named]
    # Arrow's own errors, and what Python says of text that is not UTF-8, a day past the year 9999 or an unknown zone.
    except (pa.ArrowException, OSError, ValueError, OverflowError, LookupError):
        raise _damaged(path) from None


def _refuse_what_cannot_be_held(path: Path, footer: pq.FileMetaData) -> None:
    """Check what the footer declares, before anything is decoded.

    It asks about row groups and never about their columns: there Arrow ends the process where a statistic is damaged.
    """
    groups = [footer.row_group(at) for at in range(footer.num_row_groups)]
    rows, unpacked = footer.num_rows, sum(group.total_byte_size for group in groups)
    has_negative = any(group.num_rows < 0 or group.total_byte_size < 0 for group in groups)
    if has_negative or rows != sum(group.num_rows for group in groups):
        raise _damaged(path)
    if rows > MOST_ROWS or unpacked > MOST_UNPACKED:
        raise FileUnreadableError(
            path=path,
            reason=(
                f"it declares {counted(rows, 'row')} and {unpacked / 1e6:,.0f} MB, far more than daily history takes"
            ),
            remedy="Give a file with one row a day.",
        )


def _texts(path: Path, head: str, column: pa.ChunkedArray) -> list[str]:
    import pyarrow as pa  # noqa: PLC0415  # see above

    kinds = pa.types
    if kinds.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if kinds.is_null(kind) or kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind):
        texts = column.to_pylist()
    elif kinds.is_integer(kind):
        texts = [None if value is None else str(value) for value in column.to_pylist()]
    elif kinds.is_floating(kind):
        # By way of text a 32-bit 168.33 stays 168.33, where its own nearest 64-bit number is 168.3300018.
        plain = column if kinds.is_float64(kind) else column.cast(pa.string()).cast(pa.float64())
        texts = [None if value is None else repr(value) for value in plain.to_pylist()]
    elif kinds.is_decimal(kind):
        texts = [None if value is None else f"{value:f}" for value in column.to_pylist()]
    elif kinds.is_timestamp(kind) and kind.tz is not None:
        # Python knows the zones wherever it runs; Arrow knows them only where the system keeps them.
        stamps = column.cast(pa.timestamp("us", kind.tz), safe=False).to_pylist()
        texts = [None if stamp is None else stamp.isoformat(" ", "microseconds") for stamp in stamps]
    elif kinds.is_timestamp(kind) or kinds.is_date(kind):
        texts = column.cast(pa.string()).to_pylist()
    else:
        raise FileUnreadableError(
            path=path,
            reason=f"its column {shown(head)} is of type {_called(kind)}",
            remedy="Store dates as dates or text, and prices as numbers.",
        )
    return [text or "" for text in texts]


def _called(kind: pa.DataType) -> str:
    """Name a type without its width, as in List, Boolean or Time."""
    word = re.sub(r"^(large|fixed_size)_|(_view|\d+)?(\W.*)?$", "", str(kind))
    return {"bool": "Boolean"}.get(word, word.title())


def _damaged(path: Path) -> FileUnreadableError:
    return FileUnreadableError(
        path=path,
        reason="it begins as a Parquet file, but what follows is damaged",
        remedy="Copy or export it again.",
    )
