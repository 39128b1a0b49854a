"""The few questions every constructor of this room asks, written positively so that NaN is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultdash.errors import ImpossibleValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

FORBID_UNKNOWN_FIELDS: dict[str, Any] = {"extra": "forbid"}
"""What a document read into one of this room's values may not have: fields that nobody declared."""


def require(*, fact: bool, owner: str, field: str, value: object, must: str, remedy: str = "") -> None:
    """Raise ImpossibleValueError unless `fact` holds."""
    if not fact:
        raise ImpossibleValueError(owner=owner, field=field, value=value, must=must, remedy=remedy)


def require_within(owner: str, field: str, value: float, low: float, high: float, *, remedy: str = "") -> None:
    """Refuse a number outside [low, high], NaN included."""
    require(
        fact=low <= value <= high,
        owner=owner,
        field=field,
        value=value,
        must=f"lie between {low:,.10g} and {high:,.10g}",
        remedy=remedy,
    )


def require_above_zero(owner: str, field: str, value: float, high: float, *, remedy: str = "") -> None:
    """Refuse a number outside (0, high], NaN included."""
    require(
        fact=0 < value <= high,
        owner=owner,
        field=field,
        value=value,
        must=f"be above 0 and at most {high:,.10g}",
        remedy=remedy,
    )


def require_whole(owner: str, field: str, value: float, low: int, high: int) -> None:
    """Refuse what is not a whole number inside [low, high]."""
    require(
        fact=low <= value <= high and value == int(value),
        owner=owner,
        field=field,
        value=value,
        must=f"be a whole number from {low:,} to {high:,}",
    )


def require_one_of(owner: str, field: str, value: object, choices: Sequence[object]) -> None:
    """Refuse a word that is not among the choices."""
    require(
        fact=value in choices, owner=owner, field=field, value=value, must=f"be one of {', '.join(map(str, choices))}"
    )
