"""Small pieces of sentences: counts, lists of days, quoted cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

LONGEST_SHOWN = 40
NAMED_DAYS = 3


def shown(text: str) -> str:
    """Quote a cell for a sentence: cut to 40 characters, control characters escaped."""
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}...")


def counted(count: int, thing: str) -> str:
    """Write "1 row" or "1,234 rows"."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def were(count: int) -> str:
    """Write the verb for a count."""
    return "was" if count == 1 else "were"


def named(days: Sequence[date]) -> str:
    """List the first few of some days and count the rest."""
    few = ", ".join(str(day) for day in days[:NAMED_DAYS])
    return few if len(days) <= NAMED_DAYS else f"{few} and {len(days) - NAMED_DAYS:,} more"


def printable(name: str) -> str:
    """A file's name as text that any document can hold: bytes that are no text are escaped."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
