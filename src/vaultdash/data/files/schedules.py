"""Schedules from files as Cboe and FRED publish them: a date, and the volatility or rate in force from that date."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Literal

from vaultdash.data.files.cells import CORRECT_ROWS, WRITE_NUMBERS, Flaw, read_number
from vaultdash.data.files.rows import Dates, Flaws
from vaultdash.data.files.tables import read_bytes, read_text_table
from vaultdash.data.wording import printable, shown
from vaultdash.errors import FileUnreadableError, OptionsConflictError
from vaultdash.market import Schedule

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from vaultdash.data.files.tables import Table

    Unit = Literal["percent", "fraction"]
    Meaning = Literal["volatility", "rate"]

# What Cboe and FRED write on a holiday. Other words, nan among them, are not expected and are refused.
HOLIDAY = frozenset({"", "."})

# Medians no market's volatility has: below 1.5 % it is a fraction read as percent, above 300 % the other way round.
LOWEST_MEDIAN_PERCENT, HIGHEST_MEDIAN_FRACTION = 1.5, 3.0
HIGHEST_RATE = 1.0
LOWEST_VOLATILITY, HIGHEST_VOLATILITY = 1e-4, 5.0
VALUE_COLUMNS = ("close", "value")
DATE_AND_VALUE = 2
ONE_VALUE = "Keep one value for each date."


def read_schedule(path: Path, *, unit: Unit, meaning: Meaning) -> Schedule:
    """Read the first column of a CSV file as dates and its column of values, in `unit`, and return fractions.

    The values are the second column of two, or else the column named close or value, as in a file with open and high.

    Blank values and "." are skipped, equal rows of a date are one, and dates may stand in any order. A volatility must
    lie between 0.01 % and 2,000 %, a rate between -100 % and 100 %. Raises FileUnreadableError, ColumnMissingError,
    BadRowsError with every row that cannot be used, and OptionsConflictError where the values show the other unit.
    """
    table = read_text_table(path, read_bytes(path))
    value_at = 1 if len(table.columns) == DATE_AND_VALUE else table.position(path, *VALUE_COLUMNS)
    flaws = Flaws(path, table)
    entries = _entries(table, value_at, meaning, flaws)
    flaws.refuse()
    if not entries:
        raise FileUnreadableError(path=path, reason="no row has a value", remedy="Check its column of values.")
    _refuse_other_unit(path, [value for _, value in entries.values()], unit=unit, meaning=meaning)
    scale = 100.0 if unit == "percent" else 1.0
    fractions = {day: value / scale for day, (_, value) in sorted(entries.items())}
    for day, fraction in fractions.items():
        if not _is_possible(fraction, meaning):
            line, value = entries[day]
            reason = f"a {meaning} of {value:g} ({unit}) on {day} is beyond every market's"
            flaws.add(line, Flaw(reason, CORRECT_ROWS))
    flaws.refuse()
    return Schedule(
        name=printable(path.name), dates=tuple(fractions), values=tuple(fractions.values()), digest=table.digest
    )


def _entries(table: Table, value_at: int, meaning: Meaning, flaws: Flaws) -> dict[date, tuple[int, float]]:
    """The line and the value of each date, values as written."""
    dates = Dates(flaws, table.texts(0))
    entries: dict[date, tuple[int, float]] = {}
    for line, cells in table.rows:
        day = dates.read(line, cells[0])
        text = cells[value_at].strip()
        if day is None or text in HOLIDAY:
            continue
        value = read_number(text)
        if value is None:
            value = Flaw(f"{shown(text)} is not a number", WRITE_NUMBERS)
        elif not isinstance(value, Flaw) and meaning == "volatility" and not value > 0:
            value = Flaw(f"the volatility {shown(text)} is not above zero", CORRECT_ROWS)
        if isinstance(value, Flaw):
            flaws.add(line, value)
            continue
        first_line, first = entries.setdefault(day, (line, value))
        if value != first:
            flaws.add(line, Flaw(f"{day} is {value:g}, but {first:g} on line {first_line}", ONE_VALUE))
    return entries


def _refuse_other_unit(path: Path, values: list[float], *, unit: Unit, meaning: Meaning) -> None:
    other = "fraction" if unit == "percent" else "percent"
    middle, largest = median(values), max(abs(value) for value in values)
    if meaning == "rate":
        tell = f"holds a rate of {largest:g}" if unit == "fraction" and largest > HIGHEST_RATE else ""
    elif unit == "percent":
        tell = f"has a median volatility of {middle:g}" if middle < LOWEST_MEDIAN_PERCENT else ""
    else:
        tell = f"has a median volatility of {middle:g}" if middle > HIGHEST_MEDIAN_FRACTION else ""
    if tell:
        raise OptionsConflictError(
            problem=f"{path} {tell}, which cannot be a {unit}.", remedy=f"Say --schedule-unit {other}."
        )


def _is_possible(fraction: float, meaning: Meaning) -> bool:
    if meaning == "rate":
        return -HIGHEST_RATE <= fraction <= HIGHEST_RATE
    return LOWEST_VOLATILITY <= fraction <= HIGHEST_VOLATILITY
