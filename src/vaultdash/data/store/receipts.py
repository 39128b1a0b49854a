"""What the spend ledger says: downloads, what became of each, and their sums."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from math import fsum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

State = Literal["reserved", "settled", "unsettled", "released"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """Money set aside for one download, until it is settled or released."""

    number: int
    request: str
    usd: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SpendEntry:
    """One download of the ledger. Times in UTC; `size` in bytes and `sha256` are those of what was bought.

    `closed_at` is when it was settled, released or found unsettled.
    """

    number: int
    request: str
    usd: float
    state: State
    reserved_at: datetime
    closed_at: datetime | None
    size: int | None
    sha256: str | None

    @property
    def reservation(self) -> Reservation:
        """What to settle or release."""
        return Reservation(number=self.number, request=self.request, usd=self.usd)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spend:
    """Sums in USD: bought, set aside for downloads under way, and of unknown outcome."""

    settled: float = 0.0
    reserved: float = 0.0
    unsettled: float = 0.0

    @classmethod
    def of(cls, entries: Iterable[SpendEntry]) -> Spend:
        """Add up some downloads; released ones count for nothing."""
        amounts: dict[str, list[float]] = defaultdict(list)
        for entry in entries:
            amounts[entry.state].append(entry.usd)
        return cls(
            settled=fsum(amounts["settled"]),
            reserved=fsum(amounts["reserved"]),
            unsettled=fsum(amounts["unsettled"]),
        )


def summed(entries: Iterable[SpendEntry], day_of: Callable[[SpendEntry], date]) -> Mapping[date, Spend]:
    """Sums of the downloads of each day, in time order."""
    groups: dict[date, list[SpendEntry]] = defaultdict(list)
    for entry in entries:
        groups[day_of(entry)].append(entry)
    return {day: Spend.of(groups[day]) for day in sorted(groups)}
