"""How a scenario prices options: volatility and rate rules, surface, costs. Settings only, no market."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from vaultdash.hedge.checks import require, require_within
from vaultdash.hedge.template import FORBID_UNKNOWN_FIELDS

LOWEST_VOLATILITY, HIGHEST_VOLATILITY = 1e-4, 5.0
HIGHEST_RATE = 1.0
STEEPEST_SURFACE = 10.0
SHORTEST_LOOK_BACK = 2
LONGEST_LOOK_BACK = 2520


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleRef:
    """Which dated schedule: its name, the sha256 of its bytes and their unit. The values travel beside the scenario."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    name: str
    digest: str
    unit: Literal["percent", "fraction"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FixedVolatility:
    """One volatility, a yearly fraction, for every day."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    value: float = 0.16
    kind: Literal["fixed"] = "fixed"

    def __post_init__(self) -> None:
        require_within(
            "Volatility", "value", self.value, LOWEST_VOLATILITY, HIGHEST_VOLATILITY, remedy="Write 0.16 for 16 %."
        )

    def __str__(self) -> str:
        return f"fixed {self.value:g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledVolatility:
    """A volatility of its date, such as Cboe's GVZ; the value of a date holds until the next."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    schedule: ScheduleRef
    kind: Literal["schedule"] = "schedule"

    def __str__(self) -> str:
        return f"schedule {self.schedule.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrailingVolatility:
    """Volatility realised over the last `sessions` daily returns up to and including the day, times `premium`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    sessions: int
    premium: float = 1.0
    kind: Literal["trailing"] = "trailing"

    def __post_init__(self) -> None:
        require_within("Trailing volatility", "sessions", self.sessions, SHORTEST_LOOK_BACK, LONGEST_LOOK_BACK)
        require_within("Trailing volatility", "premium", self.premium, 0.01, 100)

    def __str__(self) -> str:
        return f"trailing {self.sessions} sessions x {self.premium:g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class FixedRate:
    """One interest rate, a yearly fraction continuously compounded, for every day."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    value: float = 0.045
    kind: Literal["fixed"] = "fixed"

    def __post_init__(self) -> None:
        require_within("Rate", "value", self.value, -HIGHEST_RATE, HIGHEST_RATE, remedy="Write 0.045 for 4.5 %.")

    def __str__(self) -> str:
        return f"fixed {self.value:g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledRate:
    """An interest rate of its date, such as the 3-month Treasury's; the value of a date holds until the next."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    schedule: ScheduleRef
    kind: Literal["schedule"] = "schedule"

    def __str__(self) -> str:
        return f"schedule {self.schedule.name}"


VolatilityRule = FixedVolatility | ScheduledVolatility | TrailingVolatility
RateRule = FixedRate | ScheduledRate


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPricing:
    """The model's volatility surface and rate.

    volatility(strike) = base + skew x ln(strike / spot) + term_slope x years to expiry.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    volatility: VolatilityRule = FixedVolatility()
    rate: RateRule = FixedRate()
    skew: float = 0.0
    term_slope: float = 0.0

    def __post_init__(self) -> None:
        require_within("Pricing", "skew", self.skew, -STEEPEST_SURFACE, STEEPEST_SURFACE)
        require_within("Pricing", "term_slope", self.term_slope, -STEEPEST_SURFACE, STEEPEST_SURFACE)

    def __str__(self) -> str:
        surface = f", skew {self.skew:g}" if self.skew else ""
        surface += f", term slope {self.term_slope:g}" if self.term_slope else ""
        return f"volatility {self.volatility}{surface}, rate {self.rate}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TradingCosts:
    """What a trade costs beyond the mid: `half_spread`, a fraction of it, and `commission`, USD per contract."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    half_spread: float = 0.0
    commission: float = 0.0

    def __post_init__(self) -> None:
        require(
            fact=0 <= self.half_spread < 1,
            owner="Trading costs",
            field="half_spread",
            value=self.half_spread,
            must="be a fraction of the mid, at least 0 and below 1",
            remedy="Write 0.02 for 2 %.",
        )
        require_within("Trading costs", "commission", self.commission, 0, 10_000)
