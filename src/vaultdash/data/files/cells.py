"""From a cell's text to a date or a number, or to the sentence that says why not.

Nothing is guessed: a spelling that can be read in two ways is refused with the one to use instead.
"""

from __future__ import annotations

import re
from datetime import date
from math import isfinite, isinf
from typing import TYPE_CHECKING, NamedTuple

from vaultdash.data.wording import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_YEAR, LAST_YEAR = 1900, 2100
ISO_LENGTH = len("YYYY-MM-DD")

WRITE_DATES = "Write dates as YYYY-MM-DD, such as 2022-01-31."
WRITE_NUMBERS = "Write numbers with a decimal point and without other marks, such as 1234.56."
CORRECT_ROWS = "Correct or remove those rows."

# Words that vendors write where there is no value.
NO_VALUE = frozenset({"", ".", "nan", "null", "none", "na", "n/a", "#n/a"})

PLAIN = "YYYY-MM-DD"
TIMED = "YYYY-MM-DD with a time"
MONTH_FIRST = "MM/DD/YYYY"
DAY_FIRST = "DD/MM/YYYY"
MONTHS = 12
ZONED = "YYYY-MM-DD with a time and its zone"
_SPELLED_WITH = {"-": PLAIN, "/": "YYYY/MM/DD", "": "YYYYMMDD"}

_DATE = re.compile(
    r"(?P<year>\d{4})(?P<mark>[-/]?)(?P<month>\d\d)(?P=mark)(?P<day>\d\d)"
    r"(?P<time>[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d{1,9})?)?(?P<zone> ?(Z|UTC|[+-]\d\d:?\d\d))?)?",
    re.ASCII,
)
_SLASHED = re.compile(r"(?P<first>\d{1,2})/(?P<second>\d{1,2})/(?P<year>\d{4})", re.ASCII)
_TWO_WAYS = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d\d)(\D.*)?", re.ASCII)
_EPOCH = re.compile(r"\d{10}|\d{13}|\d{16}|\d{19}", re.ASCII)

_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?P<groups>(,\d{3})+)(?P<point>\.\d*)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?(\d*|\d{1,3}(\.\d{3})+),\d+", re.ASCII)
_DECIMAL_POINT = re.compile(r"\.\d{1,2}$|\.\d{4,}$", re.ASCII)


class Flaw(NamedTuple):
    """Why a cell or a row cannot be used, and what to do about it."""

    reason: str
    remedy: str


def slashed_order(texts: Sequence[str]) -> str | None:
    """Tell in which order a column such as 01/31/2022 stands, where the column proves it; None where it does not.

    Month first is proved by a second number above 12 with no first number above it; day first the other way round.
    """
    first = second = 0
    for text in texts:
        found = _SLASHED.fullmatch(text.strip())
        if found is not None:
            first, second = max(first, int(found["first"])), max(second, int(found["second"]))
    if second > MONTHS >= first:
        return MONTH_FIRST
    return DAY_FIRST if first > MONTHS >= second else None


def read_date(text: str, *, slashed: str | None = None) -> tuple[date, str] | Flaw:
    """Read a day of 1900..2100 and name its spelling: YYYY-MM-DD (a time may follow), YYYYMMDD or YYYY/MM/DD.

    With `slashed`, the order that its column proves, also 01/31/2022 or 31/01/2022. The day is the one written,
    whatever time and zone follow it.
    """
    if len(text) == ISO_LENGTH and text[4] == "-" == text[7]:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            pass
        else:
            if FIRST_YEAR <= day.year <= LAST_YEAR:
                return day, PLAIN
    word = text.strip()
    split = _SLASHED.fullmatch(word) if slashed is not None else None
    if split is not None:
        order = ("first", "second") if slashed == MONTH_FIRST else ("second", "first")
        return _day(word, split["year"], *(split[part] for part in order), spelling=slashed or "")
    found = _DATE.fullmatch(word)
    if found is None or (found["time"] and found["mark"] != "-"):
        return _no_date(word)
    spelling = _SPELLED_WITH[found["mark"]]
    if found["time"]:
        spelling = ZONED if found["zone"] else TIMED
    return _day(word, found["year"], found["month"], found["day"], spelling=spelling)


def _day(word: str, year: str, month: str, day: str, *, spelling: str) -> tuple[date, str] | Flaw:
    try:
        read = date(int(year), int(month), int(day))
    except ValueError:
        return Flaw(f"{shown(word)} is no day of the calendar", CORRECT_ROWS)
    if not FIRST_YEAR <= read.year <= LAST_YEAR:
        return Flaw(f"{shown(word)} is not between {FIRST_YEAR} and {LAST_YEAR}", CORRECT_ROWS)
    return read, spelling


def _no_date(word: str) -> Flaw:
    if not word:
        return Flaw("the date is blank", CORRECT_ROWS)
    if _TWO_WAYS.fullmatch(word):
        return Flaw(f"the date {shown(word)} is ambiguous (does the day or the month come first?)", WRITE_DATES)
    if _EPOCH.fullmatch(word):
        return Flaw(f"{shown(word)} is a count of seconds, or of parts of them, and not a date", WRITE_DATES)
    return Flaw(f"{shown(word)} is not a date", WRITE_DATES)


def looks_like_a_date(text: str) -> bool:
    """Tell a date, even one that is refused as ambiguous, from a column's name."""
    word = text.strip()
    return not isinstance(read_date(word), Flaw) or bool(_TWO_WAYS.fullmatch(word))


def has_decimal_point(text: str) -> bool:
    """Tell whether a number shows that the file writes decimals with a point: 1.5 does, 1.234 does not."""
    return _DECIMAL_POINT.search(text.strip()) is not None


def read_plain_numbers(texts: Sequence[str]) -> list[float] | None:
    """Read a column in which every cell is a finite number without marks, or None: a fast way for the usual file."""
    joined = "".join(texts)
    if not joined.isascii() or "_" in joined:
        return None
    try:
        values = list(map(float, texts))
    except ValueError:
        return None
    # A nan or an infinity anywhere makes the sum one.
    return values if isfinite(sum(map(abs, values))) else None


def read_number(text: str, *, comma_groups: bool = False) -> float | Flaw | None:
    """Read a finite number; None for a blank or a word such as null.

    Commas between thousands are read where they can be nothing else: in 1,234.50 and 1,234,500 always, in 1,234 only
    with `comma_groups`, which says that the file writes its decimals with a point.
    """
    try:
        value = float(text)
    except ValueError:
        return _odd_number(text.strip(), comma_groups=comma_groups)
    # float() also takes digits of other scripts, underscores, nan and inf.
    if isfinite(value) and text.isascii() and "_" not in text:
        return value
    if isinf(value):
        return Flaw(f"{shown(text.strip())} is infinite", CORRECT_ROWS)
    return _odd_number(text.strip(), comma_groups=comma_groups)


def _odd_number(word: str, *, comma_groups: bool) -> float | Flaw | None:
    if word.lower() in NO_VALUE:
        return None
    if grouped := _GROUPED.fullmatch(word):
        if comma_groups or grouped["point"] or grouped["groups"].count(",") > 1:
            return float(word.replace(",", ""))
        return Flaw(f"{shown(word)} is ambiguous (does its comma part thousands or decimals?)", WRITE_NUMBERS)
    if _DECIMAL_COMMA.fullmatch(word):
        return Flaw(f"{shown(word)} is written with a decimal comma", WRITE_NUMBERS)
    return Flaw(f"{shown(word)} is not a number", WRITE_NUMBERS)
