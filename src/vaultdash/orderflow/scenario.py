"""The whole experiment, frozen: which bars, which rule, how much, filled how, at what cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

from vaultdash.orderflow.checks import (
    FORBID_UNKNOWN_FIELDS,
    require,
    require_above_zero,
    require_one_of,
    require_whole,
    require_within,
)
from vaultdash.orderflow.hours import TradingHours
from vaultdash.orderflow.rules import RESETS, Reset, Rule, ThresholdRule

FillTiming = Literal["next_open", "same_close"]
Mode = Literal["long_only", "long_short"]

HIGHEST_MONEY = 1e15
HIGHEST_TICK = 1000.0
MOST_TICKS = 1e6
MOST_CONTRACTS = 1_000_000
PRICE_SCALE = 1_000_000_000
"""Prices are whole numbers of 1e-9, so that a touch is a touch and not a matter of the last bit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FractionSizing:
    """A fraction of equity, in fractional units at the fill's price: research sizing, not an order one can place."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    fraction: float = 0.10
    kind: Literal["fraction"] = "fraction"

    def __post_init__(self) -> None:
        require_above_zero("Sizing", "fraction", self.fraction, 1, remedy="Write 0.10 for 10 % of equity.")


@dataclass(frozen=True, kw_only=True, slots=True)
class ContractSizing:
    """The same whole number of contracts or shares every time. No margin is asked for."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    contracts: int = 1
    kind: Literal["contracts"] = "contracts"

    def __post_init__(self) -> None:
        require_whole("Sizing", "contracts", self.contracts, 1, MOST_CONTRACTS)


Sizing = FractionSizing | ContractSizing


@dataclass(frozen=True, kw_only=True, slots=True)
class TradingCosts:
    """What a fill costs: commission in USD per contract and side, slippage in ticks on every fill but a target's."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    commission: float = 0.0
    slippage_ticks: float = 0.0

    def __post_init__(self) -> None:
        require_within("Trading costs", "commission", self.commission, 0, MOST_TICKS)
        require_within("Trading costs", "slippage_ticks", self.slippage_ticks, 0, 10_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One rule over one symbol's bars. The engine has no setting of its own.

    `bar_spec` names the bars in words (1m, 500 ticks) and `reset` says where their cumulative delta starts again.
    `tick_size` is in the instrument's currency; `multiplier` is USD per contract for a price change of 1.
    `stop_ticks` and `target_ticks` are distances from the entry fill's price. `trading_hours` are the times of day at
    which a position may be held. `sessions_per_year` annualises Sharpe and Sortino.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    symbol: str
    bar_spec: str
    tick_size: float
    multiplier: float
    rule: Rule = field(default_factory=ThresholdRule)
    reset: Reset = "session"
    sizing: Sizing = field(default_factory=FractionSizing)
    fill: FillTiming = "next_open"
    mode: Mode = "long_only"
    costs: TradingCosts = field(default_factory=TradingCosts)
    initial_capital: float = 10_000.0
    trading_hours: TradingHours | None = None
    stop_ticks: float | None = None
    target_ticks: float | None = None
    flat_at_session_end: bool = False
    sessions_per_year: int = 252

    def __post_init__(self) -> None:
        for name in ("symbol", "bar_spec"):
            text = getattr(self, name)
            require(fact=bool(text.strip()), owner="Scenario", field=name, value=text, must="not be empty")
        require_one_of("Scenario", "reset", self.reset, RESETS)
        require_one_of("Scenario", "fill", self.fill, get_args(FillTiming))
        require_one_of("Scenario", "mode", self.mode, get_args(Mode))
        require_within("Scenario", "tick_size", self.tick_size, 1 / PRICE_SCALE, HIGHEST_TICK)
        require_above_zero("Scenario", "multiplier", self.multiplier, MOST_TICKS)
        require_above_zero("Scenario", "initial_capital", self.initial_capital, HIGHEST_MONEY)
        require_whole("Scenario", "sessions_per_year", self.sessions_per_year, 1, 366)
        for name in ("stop_ticks", "target_ticks"):
            ticks = getattr(self, name)
            if ticks is not None:
                require_within("Scenario", name, ticks, 1, MOST_TICKS, remedy="Leave it out for none.")

    def price_units(self, ticks: float) -> int:
        """Return a distance in ticks as a whole number of 1e-9 price units."""
        return round(ticks * self.tick_size * PRICE_SCALE)
