"""What the readers of daily files share: collecting bad rows, and reading a column of dates."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from vaultdash.data.files.cells import CORRECT_ROWS, ZONED, Flaw, read_date, slashed_order
from vaultdash.data.wording import counted
from vaultdash.errors import BadRowsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from vaultdash.data.files.tables import Table


class Flaws:
    """The rows of a file that cannot be used, one reason a row."""

    def __init__(self, path: Path, table: Table) -> None:
        self._path = path
        self._line_note = table.line_note
        self._reasons: dict[int, str] = {}
        self._remedies: dict[str, None] = {}
        for line, flaw in table.broken:
            self.add(line, flaw)

    def add(self, line: int, flaw: Flaw) -> None:
        """Note a flaw; only the first of a row is kept."""
        if line not in self._reasons:
            self._reasons[line] = flaw.reason
            self._remedies[flaw.remedy] = None

    def refuse(self) -> None:
        """Raise BadRowsError with every bad row in order, if there is one."""
        if self._reasons:
            remedies = sorted(self._remedies, key=lambda remedy: remedy == CORRECT_ROWS)
            remedy = " ".join([*remedies, *filter(None, [self._line_note])])
            raise BadRowsError(path=self._path, rows=sorted(self._reasons.items()), remedy=remedy)


class Dates:
    """Reads a column of dates, given whole, and remembers how they were spelled."""

    def __init__(self, flaws: Flaws, column: Sequence[str]) -> None:
        self._flaws = flaws
        self._slashed = slashed_order(column)
        self._spellings: Counter[str] = Counter()

    def read(self, line: int, text: str) -> date | None:
        """Return the day written, or None and a flaw noted."""
        read = read_date(text, slashed=self._slashed)
        if isinstance(read, Flaw):
            self._flaws.add(line, read)
            return None
        day, spelling = read
        self._spellings[spelling] += 1
        return day

    def notes(self) -> list[str]:
        """Sentences about spellings a person should know of."""
        notes = []
        if zoned := self._spellings[ZONED]:
            have = "has" if zoned == 1 else "have"
            notes.append(f"file: {counted(zoned, 'date')} {have} a time zone; the date was taken as written")
        if self._slashed is not None and (slashed := self._spellings[self._slashed]):
            were_read = "was" if slashed == 1 else "were"
            notes.append(f"file: {counted(slashed, 'date')} {were_read} read as {self._slashed}, as the column proves")
        if len(ways := [f"{way} {count:,}" for way, count in self._spellings.items() if count]) > 1:
            notes.append(f"file: dates are spelled in {len(ways)} ways ({', '.join(ways)}); each was read as it stands")
        return notes
