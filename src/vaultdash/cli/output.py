"""Where a command's words go: data on stdout, talk on stderr, exports to files written whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from vaultdash.errors import OptionsConflictError, OutputNotWrittenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.table import Table

Cell = str | int | float | bool | None
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
PAGE_WIDTH = 100
"""Columns that tables are laid out for where the output is no terminal."""

WIDEST = 1000
LARGEST_SIGNED = 2**63 - 1


def console_for_data() -> Console:
    """Return the console that tables go to: as wide as the terminal, or for files a hundred columns."""
    return Console(width=None if sys.stdout.isatty() else PAGE_WIDTH, highlight=False, emoji=False, markup=False)


def print_table(console: Console, table: Table) -> None:
    """Print a table, wider than the console where its figures need it: a figure that is cut is a wrong one."""
    width = console.width
    console.width = max(width, table.__rich_measure__(console, console.options.update(max_width=WIDEST)).maximum)
    console.print(table)
    console.width = width


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

    write_whole(path, write)


def write_parquet(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows as Parquet. Raises OutputNotWrittenError."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in header]
    table = pa.table({name: _arrow_column(pa, column) for name, column in zip(header, columns, strict=True)})
    write_whole(path, lambda part: parquet.write_table(table, part))


def _arrow_column(pa: Any, column: list[Cell]) -> Any:
    """A column of one type; whole numbers beyond 63 bits are kept as unsigned ones."""
    is_beyond = any(isinstance(cell, int) and cell > LARGEST_SIGNED for cell in column)
    return pa.array(column, type=pa.uint64()) if is_beyond else pa.array(column)


def print_document(document: object) -> None:
    """Print plain values as one JSON document on stdout."""
    import json

    print_json(json.dumps(document, indent=2))


def write_text(path: Path, text: str) -> None:
    """Write a text file. Raises OutputNotWrittenError."""
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def refuse_overwriting(outputs: Sequence[Path | None], inputs: Sequence[Path | None]) -> None:
    """Raise OptionsConflictError where an output is an input, or two outputs are one file."""
    taken = {path.resolve(): "is read by this command" for path in inputs if path is not None}
    for path in outputs:
        if path is None:
            continue
        if path.resolve() in taken:
            raise OptionsConflictError(
                problem=f"{path} would be written, but {taken[path.resolve()]}.", remedy="Name another file."
            )
        taken[path.resolve()] = "is written by another option"


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the target under another name, flush to disk, then rename. A link is followed to what it names."""
    target = path.resolve()
    try:
        if target.exists() and not target.is_file():
            raise OutputNotWrittenError(path=path, reason="it is not a regular file")
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
        os.close(handle)
    except OSError as error:
        raise OutputNotWrittenError(path=path, reason=error.strerror or "the folder refuses it") from None
    part = Path(name)
    try:
        write(part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.chmod(mode)
        part.replace(target)
    except OSError as error:
        raise OutputNotWrittenError(path=path, reason=error.strerror or "the disk refuses it") from None
    finally:
        part.unlink(missing_ok=True)


def _umask() -> int:
    """The permissions that new files do without; they can only be read by setting them."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
