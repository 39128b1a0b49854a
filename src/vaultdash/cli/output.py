"""Where a command's words go: data on stdout, talk on stderr, exports to files written whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from vaultdash.errors import OutputNotWrittenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Cell = str | int | float | bool | None
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
NARROWEST = 100
"""Columns that tables are laid out for where the output is no terminal."""


def console_for_data() -> Console:
    """Return the console that tables go to."""
    return Console(width=None if sys.stdout.isatty() else NARROWEST, highlight=False, emoji=False, markup=False)


def print_json(document: str) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(document + "\n")


def say(sentences: Iterable[str], *, quiet: bool) -> None:
    """Tell warnings on stderr, one a line."""
    if not quiet:
        for sentence in sentences:
            sys.stderr.write(f"warning: {sentence}\n")


def neutral(cell: Cell) -> Cell:
    """Return the cell so that a spreadsheet takes text for text: a leading quote before what starts a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows as CSV; null is an empty cell. Raises OutputNotWrittenError."""
    import csv

    def write(part: Path) -> None:
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows([neutral(cell) for cell in row] for row in rows)

    _write_whole(path, write)


def write_parquet(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows as Parquet. Raises OutputNotWrittenError."""
    import polars as pl

    frame = pl.DataFrame(list(rows), schema=list(header), orient="row", infer_schema_length=None)
    _write_whole(path, frame.write_parquet)


def write_text(path: Path, text: str) -> None:
    """Write a text file. Raises OutputNotWrittenError."""
    _write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def _write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the target under another name, flush to disk, then rename."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
    except OSError as error:
        raise OutputNotWrittenError(path=path, reason=error.strerror or "the folder refuses it") from None
    part = Path(name)
    try:
        write(part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        raise OutputNotWrittenError(path=path, reason=error.strerror or "the disk refuses it") from None
    finally:
        part.unlink(missing_ok=True)
