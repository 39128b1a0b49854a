"""Every failure a person can meet, each a class that writes its own sentence.

VaultdashError
├── InvalidInputError              what was asked cannot be
│   ├── ImpossibleValueError       a field outside what its meaning allows
│   ├── LoanExceedsCollateralError
│   ├── DatesReversedError
│   ├── UnreadableValueError       a word that should have been a date, a number, a volatility ...
│   ├── UnknownNameError           a template, event or instrument nobody declared
│   ├── UnknownFieldError          a document with a field the type does not have, or without one it needs
│   ├── TemplateMisfitError        a template made for another underlying
│   ├── OptionsConflictError       two options that cannot go together, or one that needs another
│   └── StrikeUnreachableError     a strike rule no strike satisfies
├── DataError                      the market history does not allow the run
│   ├── FileUnreadableError
│   ├── ColumnMissingError
│   ├── BadRowsError
│   ├── NoSessionError             a window in which the exchange did not open
│   ├── WindowNotCoveredError
│   ├── HistoryTooShortError       a look-back that reaches before the first close
│   ├── ScheduleTooLateError       a dated schedule that starts after the day it is asked for
│   └── VolatilityTooLowError      closes, a skew or a term slope that leave no volatility
├── OutputNotWrittenError          an export that could not be written
└── BrokenInvariantError           a mistake of ours, never of the person's
    ├── LookAheadError
    └── BooksDoNotBalanceError
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

SHOWN_ROWS = 5


class VaultdashError(Exception):
    """Base of every failure; `str()` is a sentence for a person."""


class InvalidInputError(VaultdashError):
    """What was asked cannot be: the request has to change."""


class ImpossibleValueError(InvalidInputError):
    """A field holds a value its meaning does not allow."""

    def __init__(self, *, owner: str, field: str, value: object, must: str, remedy: str = "") -> None:
        self.owner = owner
        self.field = field
        tail = f" {remedy}" if remedy else ""
        super().__init__(f"{owner}: {field} is {value!r}, but it must {must}.{tail}")


class LoanExceedsCollateralError(InvalidInputError):
    """A loan at or over the value of the gold behind it."""

    def __init__(self, *, loan_amount: float, underlying_units: float, entry_spot: float) -> None:
        self.field = "loan_amount"
        worth = underlying_units * entry_spot
        super().__init__(
            f"The loan of {loan_amount:,.2f} USD is not below the collateral: {underlying_units:,g} units at "
            f"{entry_spot:,.2f} are worth {worth:,.2f} USD. Lower the loan, add units, or set another start price "
            f"(--entry-spot)."
        )


class DatesReversedError(InvalidInputError):
    """A window whose start comes after its end."""

    def __init__(self, *, start: date, end: date) -> None:
        super().__init__(f"The window starts on {start}, after its end on {end}. Swap the two dates.")


class UnreadableValueError(InvalidInputError):
    """A word that cannot be read as what it should be."""

    def __init__(self, *, what: str, text: str, expected: str) -> None:
        super().__init__(f"{what}: {text!r} cannot be read. Write {expected}.")


class UnknownNameError(InvalidInputError):
    """A name that nobody declared."""

    def __init__(self, *, kind: str, name: str, known: Iterable[str]) -> None:
        self.name = name
        super().__init__(f"There is no {kind} named {name!r}. Known: {', '.join(sorted(known))}.")


class UnknownFieldError(InvalidInputError):
    """A document whose fields are not those of the type it should be."""

    def __init__(self, *, document: str, problems: Sequence[str]) -> None:
        super().__init__(f"{document} cannot be used: {'; '.join(problems)}.")


class TemplateMisfitError(InvalidInputError):
    """A template made for another underlying."""

    def __init__(self, *, slug: str, made_for: str, symbol: str) -> None:
        super().__init__(
            f"Template {slug!r} is made for {made_for}, not for {symbol}. Leave it out, or choose another."
        )


class OptionsConflictError(InvalidInputError):
    """Options that cannot go together, or one that needs another."""

    def __init__(self, *, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")


class StrikeUnreachableError(InvalidInputError):
    """A strike rule that no strike satisfies."""

    def __init__(self, *, rule: str, day: date, reason: str) -> None:
        super().__init__(f"No strike satisfies {rule} on {day}: {reason}. Choose another value for the strike rule.")


class DataError(VaultdashError):
    """The market history at hand does not allow the run."""


class FileUnreadableError(DataError):
    """A file that is absent, or not what its name says."""

    def __init__(self, *, path: Path, reason: str, remedy: str) -> None:
        super().__init__(f"{path} cannot be read: {reason}. {remedy}")


class ColumnMissingError(DataError):
    """A file without a column that is needed."""

    def __init__(self, *, path: Path, wanted: Sequence[str], found: Sequence[str]) -> None:
        super().__init__(
            f"{path} has no column {' or '.join(repr(name) for name in wanted)}; it has: "
            f"{', '.join(found) or 'nothing'}. Rename the column, or export the file again with a header row."
        )


class BadRowsError(DataError):
    """Rows that cannot be repaired without guessing."""

    def __init__(self, *, path: Path, rows: Sequence[tuple[int, str]], remedy: str) -> None:
        self.rows = tuple(rows)
        shown = "; ".join(f"line {line}: {reason}" for line, reason in rows[:SHOWN_ROWS])
        more = f"; and {len(rows) - SHOWN_ROWS} more" if len(rows) > SHOWN_ROWS else ""
        count = f"{len(rows)} row{'s' if len(rows) != 1 else ''}"
        super().__init__(f"{path} has {count} that cannot be used: {shown}{more}. {remedy}")


class NoSessionError(DataError):
    """A window in which the exchange did not open."""

    def __init__(self, *, calendar: str, start: date, end: date) -> None:
        super().__init__(
            f"The exchange ({calendar}) holds no session from {start} to {end}. Choose a window with a trading day."
        )


class WindowNotCoveredError(DataError):
    """A window that the source's history does not reach."""

    def __init__(self, *, source: str, symbol: str, asked: str, held: str) -> None:
        super().__init__(
            f"{source} does not cover {asked} for {symbol}: it holds {held}. "
            f"Choose a window inside that, or another source."
        )


class HistoryTooShortError(DataError):
    """A look-back that reaches before the first close held."""

    def __init__(self, *, day: date, needed: int, held: int) -> None:
        super().__init__(
            f"A trailing volatility over {needed} sessions needs {needed + 1} closes up to {day}, but only {held} are "
            f"held. Start later, shorten the look-back, or give the file more history before the window."
        )


class ScheduleTooLateError(DataError):
    """A dated schedule that starts after the day it is asked for."""

    def __init__(self, *, name: str, first: date, day: date) -> None:
        super().__init__(
            f"{name} starts on {first} and says nothing of {day}. Start the window on or after {first}, "
            f"or give a schedule that reaches further back."
        )


class VolatilityTooLowError(DataError):
    """A volatility that fell to nothing, or below it."""

    def __init__(self, *, day: date, volatility: float, strike: float | None = None) -> None:
        where = f"on {day}" if strike is None else f"for strike {strike:,.2f} on {day}"
        super().__init__(
            f"The volatility {where} comes out at {volatility:.6f}, too low to price with. Use a smaller skew or "
            f"term slope, or check the closes or the volatility schedule before that date."
        )


class OutputNotWrittenError(VaultdashError):
    """An export that could not be written."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"{path} could not be written: {reason}. Choose another place, or free some space.")


class BrokenInvariantError(VaultdashError):
    """A mistake of ours: the run is stopped rather than shown."""


class LookAheadError(BrokenInvariantError):
    """Something dated after the engine's day was read."""

    def __init__(self, *, what: str, dated: date, now: date) -> None:
        super().__init__(
            f"{what} dated {dated} was read while the engine stood on {now}. The run is void; please report it."
        )


class BooksDoNotBalanceError(BrokenInvariantError):
    """An identity of the books that failed after a run."""

    def __init__(self, *, identity: str, day: date | None, left: float, right: float) -> None:
        when = f" on {day}" if day else ""
        super().__init__(f"The books do not balance{when}: {identity} ({left!r} against {right!r}). Please report it.")
