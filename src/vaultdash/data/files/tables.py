"""From a file's bytes to rows of text: what kind of file it is, its encoding, delimiter and header.

Whatever cannot be a table of text is refused here by what it is, so that the checks of rows see only cells.
"""

from __future__ import annotations

import csv
import io
import stat
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from vaultdash.data.files.cells import Flaw, looks_like_a_date
from vaultdash.data.wording import counted, shown, were
from vaultdash.errors import BadRowsError, ColumnMissingError, FileUnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST_FILE = 64 * 1024 * 1024
PARQUET_MAGIC = b"PAR1"
UTF8_BOM = b"\xef\xbb\xbf"
DELIMITERS = (",", ";", "\t")
MOST_COLUMNS_SHOWN = 12
RAGGED = (
    "Give every row the header's cells; a comma inside a number has to stand between quotation marks, and a decimal "
    "comma has to become a point."
)
AS_CSV = "Save it as plain CSV text in UTF-8 and read that."

# What a file begins with -> what it is, and what to do.
SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (PARQUET_MAGIC, "it is a Parquet file under another name", "Rename it to end in .parquet."),
    (b"\x28\xb5\x2f\xfd", "it is compressed with zstd", "Unpack it first (zstd -d)."),
    (b"\x1f\x8b", "it is compressed with gzip", "Unpack it first (gunzip)."),
    (b"BZh", "it is compressed with bzip2", "Unpack it first (bunzip2)."),
    (b"\xfd7zXZ\x00", "it is compressed with xz", "Unpack it first (unxz)."),
    (b"PK\x03\x04", "it is a zip archive or an Excel workbook", "Unpack it, or save the sheet as CSV in UTF-8."),
    (b"\xd0\xcf\x11\xe0", "it is an old Excel workbook", "Save the sheet as CSV in UTF-8."),
    (b"%PDF", "it is a PDF document", AS_CSV),
    (b"DBN\x01", "it is a Databento DBN file", "Export the daily bars as CSV first."),
    (b"DBN\x02", "it is a Databento DBN file", "Export the daily bars as CSV first."),
    (b"DBN\x03", "it is a Databento DBN file", "Export the daily bars as CSV first."),
    (b"ARROW1", "it is an Arrow file", "Save it as Parquet or CSV."),
    (b"SQLite format 3", "it is an SQLite database", "Export the table as CSV."),
    (b"\xff\xfe", "it is UTF-16 text", AS_CSV),
    (b"\xfe\xff", "it is UTF-16 text", AS_CSV),
)
TEXT_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"{", "it is JSON", AS_CSV),
    (b"[", "it is JSON", AS_CSV),
    (b"<", "it is a web page or XML, perhaps the error page of a download", "Download the file again."),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A header and rows of text, each row with the line it begins on (the header of a plain file is line 1).

    `columns` are the names of the columns held, stripped and in lower case; `heads` are all the file has, as written.
    Every row has as many cells as there are columns; `broken` are the rows that had not. `notes` are the repairs made
    on the way. `line_note` says what a line is where the file has none.
    """

    columns: tuple[str, ...]
    heads: tuple[str, ...]
    rows: list[tuple[int, list[str]]]
    digest: str
    broken: tuple[tuple[int, Flaw], ...] = ()
    notes: tuple[str, ...] = ()
    line_note: str = ""

    def texts(self, at: int) -> list[str]:
        """Return the cells of one column, a row each."""
        return [cells[at] for _, cells in self.rows]

    def position(self, path: Path, *wanted: str) -> int:
        """Return where the first of some columns stands.

        Raises ColumnMissingError where there is none, FileUnreadableError where there are two of that name.
        """
        at = next((self.columns.index(name) for name in wanted if name in self.columns), None)
        if at is None:
            found = [shown(head) for head in self.heads[:MOST_COLUMNS_SHOWN]]
            raise ColumnMissingError(path=path, wanted=wanted, found=found)
        if self.columns.count(self.columns[at]) > 1:
            raise FileUnreadableError(
                path=path,
                reason=f"it has more than one column {self.columns[at]!r}",
                remedy="Keep one of them, or rename the others.",
            )
        return at


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a regular file.

    Raises FileUnreadableError for a file that is absent, a directory or device, empty, over 64 MB, or not ours to read.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise FileUnreadableError(path=path, reason="it is a directory", remedy="Name a file inside it.")
        if not stat.S_ISREG(found.st_mode):
            raise FileUnreadableError(path=path, reason="it is not a regular file", remedy="Save it as a file first.")
        if found.st_size > LARGEST_FILE:
            raise FileUnreadableError(
                path=path,
                reason=f"it is {found.st_size / 1e6:,.0f} MB, far more than daily history takes",
                remedy="Give a file with one row a day.",
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise FileUnreadableError(path=path, reason="there is no such file", remedy="Check the path.") from None
    except PermissionError:
        raise FileUnreadableError(
            path=path, reason="you may not read it", remedy="Change its permissions, or copy it to a folder of yours."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileUnreadableError(path=path, reason=reason, remedy="Check the path and the disk.") from None
    if not data:
        raise FileUnreadableError(path=path, reason="it is empty", remedy="Export it again.")
    return data


def read_text_table(path: Path, data: bytes) -> Table:
    """Read a CSV file's bytes, delimited by commas, semicolons or tabs.

    Raises FileUnreadableError for anything that is not UTF-8 text with a header and rows, BadRowsError for a quotation
    mark that is never closed.
    """
    text = _decoded(path, data)
    first_line = next((line for line in io.StringIO(text) if line.strip()), "")
    delimiter = max(DELIMITERS, key=first_line.count)
    header: list[str] = []
    rows: list[tuple[int, list[str]]] = []
    broken: list[tuple[int, Flaw]] = []
    blank_lines: list[int] = []
    for line, cells in _lines_of_cells(path, text, delimiter):
        if not "".join(cells).strip():
            blank_lines.append(line)
        elif not header:
            header = cells
        elif len(cells) == len(header):
            rows.append((line, cells))
        else:
            broken.append((line, Flaw(f"it has {counted(len(cells), 'cell')} and the header {len(header)}", RAGGED)))
    _refuse_without_header_or_rows(path, header, row_count=len(rows) + len(broken))
    notes = ["file: the byte order mark before the header was skipped"] if data.startswith(UTF8_BOM) else []
    last_row = max(line for line, _ in [*rows[-1:], *broken[-1:]])
    if between := sum(1 for line in blank_lines if line < last_row):
        notes.append(f"file: {counted(between, 'blank line')} {were(between)} skipped")
    return Table(
        columns=tuple(name.strip().lower() for name in header),
        heads=tuple(header),
        rows=rows,
        digest=sha256(data).hexdigest(),
        broken=tuple(broken),
        notes=tuple(notes),
    )


def _decoded(path: Path, data: bytes) -> str:
    content = data.removeprefix(UTF8_BOM)
    inked = content.lstrip()
    for begins, signatures in ((data, SIGNATURES), (inked, TEXT_SIGNATURES)):
        for magic, reason, remedy in signatures:
            if begins.startswith(magic):
                raise FileUnreadableError(path=path, reason=reason, remedy=remedy)
    if b"\0" in content:
        # Digits and commas in UTF-16 are a zero byte each and one that is not.
        is_utf16 = any(content[:64:2]) != any(content[1:64:2])
        reason = "it is UTF-16 text" if is_utf16 else "it is binary, not text"
        raise FileUnreadableError(path=path, reason=reason, remedy=AS_CSV)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        reason = f"line {line} holds the byte {content[error.start]:#04x}, which is not UTF-8 text"
        raise FileUnreadableError(path=path, reason=reason, remedy=AS_CSV) from None


def _lines_of_cells(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadRowsError(
            path=path,
            rows=[(line, f"its quotation marks make no cell ({error})")],
            remedy="Close the quotation mark, or remove it.",
        ) from None


def _refuse_without_header_or_rows(path: Path, header: list[str], *, row_count: int) -> None:
    if not header:
        raise FileUnreadableError(path=path, reason="it holds nothing but blank lines", remedy="Export it again.")
    if any(looks_like_a_date(cell) for cell in header):
        cells = ", ".join(shown(cell) for cell in header[:MOST_COLUMNS_SHOWN])
        raise FileUnreadableError(
            path=path,
            reason=f"its first line is data ({cells}), not a header",
            remedy="Put the names of the columns above it.",
        )
    if not row_count:
        raise FileUnreadableError(path=path, reason="it has a header and no rows", remedy="Export it again.")
