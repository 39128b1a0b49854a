"""What a purchase of history is made of: limits, prices of what is missing, and the receipt."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

from vaultdash.data.request import DataRequest
from vaultdash.data.source import DataQuote
from vaultdash.data.store.gaps import Gap
from vaultdash.data.store.manifest import Record

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class SpendLimits:
    """What may be spent without being raised, in USD: by one request, and in one UTC month."""

    per_request: float
    per_month: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PricedGap:
    """A window that is missing, and what it would cost."""

    gap: Gap
    quote: DataQuote

    @property
    def is_closed(self) -> bool:
        """Whether the vendor has nothing there because the exchange was closed; there is nothing to buy."""
        return self.quote.usd is None and self.quote.record_count == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestQuote:
    """What a request needs: its gaps with their prices. No gaps means that all of it is held."""

    request: DataRequest
    gaps: tuple[PricedGap, ...]

    @property
    def is_held(self) -> bool:
        """Whether nothing has to be bought."""
        return not self.gaps

    @property
    def usd(self) -> float | None:
        """The price of what is missing; None where any part of it is unknown."""
        prices = [0.0 if priced.is_closed else priced.quote.usd for priced in self.gaps]
        known = [price for price in prices if price is not None]
        return fsum(known) if len(known) == len(prices) else None

    @property
    def billable_bytes(self) -> int | None:
        """Uncompressed bytes of what is missing; None where any part is unknown."""
        return _sum([priced.quote.billable_bytes for priced in self.gaps])

    @property
    def record_count(self) -> int | None:
        """Records of what is missing; None where any part is unknown."""
        return _sum([priced.quote.record_count for priced in self.gaps])

    @property
    def unknown_because(self) -> str:
        """Why the price is unknown; empty where it is not."""
        return next((p.quote.unknown_because for p in self.gaps if p.quote.usd is None and not p.is_closed), "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What a fetch bought: records admitted, and the USD they were quoted at."""

    request: DataRequest
    bought: tuple[Record, ...]
    usd: float


def _sum(figures: Sequence[int | None]) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if len(known) == len(figures) else None
