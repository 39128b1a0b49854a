"""What an option costs: the protocol of everything that quotes options, and the values it speaks in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from vaultdash.hedge.template import OptionType, Side, StrikeRule

CONTRACT_SIZE = 100
"""Units of the underlying in one option contract."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionContract:
    """One contract's identity: symbol, type, expiry date and strike in USD."""

    symbol: str
    option_type: OptionType
    expiry: dt.date
    strike: float

    def intrinsic(self, spot: float) -> float:
        """What exercise is worth at `spot`, USD per unit."""
        return max(self.strike - spot if self.option_type == "put" else spot - self.strike, 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class MarketDay:
    """All that one session's decision may know: the close (USD), volatility and rate in force (fractions, yearly).

    `newest_read` is the date of the newest input that was read to serve this day.
    """

    date: dt.date
    close: float
    volatility: float
    rate: float
    newest_read: dt.date


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionQuery:
    """Which contract is wanted: by type, tenor in calendar days, strike rule, and the side of the book to take."""

    symbol: str
    option_type: OptionType
    target_expiry_days: int
    strike_rule: StrikeRule
    side: Side


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionMark:
    """A contract's value for the books: `mid` in USD per unit, and the date of the quote it comes from."""

    contract: OptionContract
    bid: float
    ask: float
    mid: float
    source_date: dt.date


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionQuote:
    """A contract that was selected, with its prices in USD per unit and what is known of it."""

    contract: OptionContract
    bid: float
    ask: float
    mid: float
    implied_volatility: float
    option_delta: float
    source: str
    open_interest: int | None = None
    volume: int | None = None
    selection_notes: tuple[str, ...] = ()


class OptionQuotes(Protocol):
    """Quotes options from one day's market. Nothing here may hold what comes after that day."""

    def select(self, query: OptionQuery, as_of: MarketDay) -> OptionQuote:
        """Choose and price the contract that answers the query on that day."""
        ...

    def mark(self, contract: OptionContract, as_of: MarketDay) -> OptionMark:
        """Price exactly this contract on that day, never a neighbour."""
        ...
