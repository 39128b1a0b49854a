"""Model quotes: European values from one day's spot, volatility and rate. Holds settings, never a path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import log
from typing import TYPE_CHECKING, assert_never

from vaultdash.errors import StrikeUnreachableError, VolatilityTooLowError
from vaultdash.hedge.black_scholes import european_value, option_delta, strike_where
from vaultdash.hedge.pricing import LOWEST_VOLATILITY
from vaultdash.hedge.quotes import OptionContract, OptionMark, OptionQuote
from vaultdash.market import TradingCalendar

if TYPE_CHECKING:
    from datetime import date

    from vaultdash.hedge.quotes import MarketDay, OptionQuery

SYNTHETIC_BS_MID = "synthetic_bs_mid"
DAYS_IN_YEAR = 365


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelQuotes:
    """Quotes any strike and expiry by Black-Scholes (spot and ETFs) or Black-76 (futures).

    `calendar` says on which dates contracts expire; calendars are published years ahead. `half_spread` is a
    fraction of mid on either side of it.
    """

    calendar: TradingCalendar
    is_future: bool
    skew: float = 0.0
    term_slope: float = 0.0
    half_spread: float = 0.0

    def select(self, query: OptionQuery, as_of: MarketDay) -> OptionQuote:
        """Price the contract whose strike follows the rule and that expires on a session at or past the tenor.

        Raises StrikeUnreachableError where no strike has the wanted delta.
        """
        expiry = self.calendar.first_at_or_after(as_of.date + timedelta(days=query.target_expiry_days))
        contract = OptionContract(
            symbol=query.symbol,
            option_type=query.option_type,
            expiry=expiry,
            strike=self._strike(query, as_of, expiry),
        )
        mark = self.mark(contract, as_of)
        return OptionQuote(
            contract=contract,
            bid=mark.bid,
            ask=mark.ask,
            mid=mark.mid,
            implied_volatility=self._volatility(contract.strike, expiry, as_of),
            option_delta=self._delta(contract, as_of),
            source=SYNTHETIC_BS_MID,
            selection_notes=(
                f"strike by {query.strike_rule}, first session at or after {query.target_expiry_days} days",
            ),
        )

    def mark(self, contract: OptionContract, as_of: MarketDay) -> OptionMark:
        """Price exactly this contract from the day's spot, volatility and rate."""
        mid = european_value(
            contract.option_type,
            spot=as_of.close,
            strike=contract.strike,
            years=_years(contract.expiry, as_of),
            rate=as_of.rate,
            carry=self._carry(as_of),
            volatility=self._volatility(contract.strike, contract.expiry, as_of),
        )
        return OptionMark(
            contract=contract,
            bid=mid * (1 - self.half_spread),
            ask=mid * (1 + self.half_spread),
            mid=mid,
            source_date=as_of.date,
        )

    def _strike(self, query: OptionQuery, as_of: MarketDay, expiry: date) -> float:
        rule = query.strike_rule
        match rule.rule_type:
            case "spot_pct" | "moneyness_bucket":
                return rule.value * as_of.close
            case "fixed_strike":
                return rule.value
            case "delta_target":
                return self._strike_of_delta(query, as_of, expiry)
            case _:
                assert_never(rule.rule_type)

    def _strike_of_delta(self, query: OptionQuery, as_of: MarketDay, expiry: date) -> float:
        """Find the strike nearest to the close: puts gain delta in size as strikes rise, calls lose it."""
        target = query.strike_rule.value

        def size(strike: float) -> float:
            contract = OptionContract(symbol=query.symbol, option_type=query.option_type, expiry=expiry, strike=strike)
            return abs(self._delta(contract, as_of))

        is_too_small = size(as_of.close) < target
        strike = strike_where(
            lambda strike: (size(strike) < target) != is_too_small,
            spot=as_of.close,
            upward=is_too_small == (query.option_type == "put"),
        )
        if strike is None:
            raise StrikeUnreachableError(
                rule=str(query.strike_rule), day=as_of.date, reason=f"no {query.option_type} has a delta of that size"
            )
        return strike

    def _delta(self, contract: OptionContract, as_of: MarketDay) -> float:
        return option_delta(
            contract.option_type,
            spot=as_of.close,
            strike=contract.strike,
            years=_years(contract.expiry, as_of),
            rate=as_of.rate,
            carry=self._carry(as_of),
            volatility=self._volatility(contract.strike, contract.expiry, as_of),
        )

    def _volatility(self, strike: float, expiry: date, as_of: MarketDay) -> float:
        if not (self.skew or self.term_slope):
            return as_of.volatility
        volatility = as_of.volatility + self.skew * log(strike / as_of.close) + self.term_slope * _years(expiry, as_of)
        if not volatility >= LOWEST_VOLATILITY:
            raise VolatilityTooLowError(day=as_of.date, strike=strike, volatility=volatility)
        return volatility

    def _carry(self, as_of: MarketDay) -> float:
        return 0.0 if self.is_future else as_of.rate


def _years(expiry: date, as_of: MarketDay) -> float:
    return (expiry - as_of.date).days / DAYS_IN_YEAR
