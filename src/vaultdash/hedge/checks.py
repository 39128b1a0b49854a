"""The few questions every constructor of this room asks, written positively so that NaN is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vaultdash.errors import ImpossibleValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

LOWEST_PRICE, HIGHEST_PRICE = 1e-6, 1e9
"""USD. Beyond these a price is a mistake, and the arithmetic of options loses its digits."""

HIGHEST_MONEY = 1e15
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


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


def require_one_of(owner: str, field: str, value: object, choices: Sequence[object]) -> None:
    """Refuse a word that is not among the choices."""
    require(
        fact=value in choices, owner=owner, field=field, value=value, must=f"be one of {', '.join(map(str, choices))}"
    )


def require_slug(owner: str, field: str, value: str) -> None:
    """Refuse a name that could not stand in a path or an address."""
    require(
        fact=SLUG.fullmatch(value) is not None,
        owner=owner,
        field=field,
        value=value,
        must="be 1 to 64 lower-case letters, digits or hyphens, starting with a letter or digit",
    )
