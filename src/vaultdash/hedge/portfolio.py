"""The gold and the loan against it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from vaultdash.errors import LoanExceedsCollateralError
from vaultdash.hedge.checks import HIGHEST_MONEY, HIGHEST_PRICE, LOWEST_PRICE, require, require_within
from vaultdash.hedge.template import FORBID_UNKNOWN_FIELDS

if TYPE_CHECKING:
    from datetime import date

DAYS_IN_YEAR = 365


@dataclass(frozen=True, kw_only=True, slots=True)
class Portfolio:
    """Units of the underlying, the loan on them, and the loan-to-value at which the lender calls.

    Money in USD, ratios as fractions. `entry_spot` is the price the history is scaled to start from; null takes
    the first session's close. `financing_rate` is simple, yearly, actual/365 from the first session, and is added
    to the loan.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    underlying_units: float
    loan_amount: float
    entry_spot: float | None = None
    margin_call_ltv: float = 0.75
    cash_balance: float = 0.0
    financing_rate: float = 0.0
    currency: Literal["USD"] = "USD"

    def __post_init__(self) -> None:
        require(fact=self.currency == "USD", owner="Portfolio", field="currency", value=self.currency, must="be USD")
        require_within("Portfolio", "underlying_units", self.underlying_units, 1e-6, 1e12)
        require_within("Portfolio", "loan_amount", self.loan_amount, 0, HIGHEST_MONEY)
        require_within("Portfolio", "cash_balance", self.cash_balance, 0, HIGHEST_MONEY)
        require_within("Portfolio", "margin_call_ltv", self.margin_call_ltv, 0.01, 1, remedy="Write 0.75 for 75 %.")
        require_within("Portfolio", "financing_rate", self.financing_rate, 0, 1, remedy="Write 0.08 for 8 % a year.")
        if self.entry_spot is not None:
            require_within("Portfolio", "entry_spot", self.entry_spot, LOWEST_PRICE, HIGHEST_PRICE)
            if not 0 <= self.loan_amount < self.underlying_units * self.entry_spot:
                raise LoanExceedsCollateralError(
                    loan_amount=self.loan_amount, underlying_units=self.underlying_units, entry_spot=self.entry_spot
                )

    def starting_at(self, first_close: float) -> Portfolio:
        """Return the portfolio with its entry spot settled: its own, or else the first close.

        Raises LoanExceedsCollateralError where the loan is not below what the units are then worth.
        """
        return replace(self, entry_spot=first_close if self.entry_spot is None else self.entry_spot)

    def loan_on(self, day: date, *, first_session: date) -> float:
        """USD owed on `day`: the loan and its simple interest since the first session."""
        return self.loan_amount * (1 + self.financing_rate * (day - first_session).days / DAYS_IN_YEAR)
