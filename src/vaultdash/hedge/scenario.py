"""The whole experiment, frozen: what is hedged, with which templates, over which days, priced how."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Literal

from vaultdash.errors import DatesReversedError
from vaultdash.hedge.checks import require, require_slug
from vaultdash.hedge.portfolio import Portfolio
from vaultdash.hedge.pricing import ModelPricing, TradingCosts
from vaultdash.hedge.template import FORBID_UNKNOWN_FIELDS
from vaultdash.market import DateRange

PricingMode = Literal["synthetic_bs_mid"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateRef:
    """Which template, in which version, and the name to show for it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    template_id: str
    version: int
    display_name_override: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderRef:
    """Where the closes come from (`provider_id`), which of its histories (`config_key`), and how options are priced."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    provider_id: str
    config_key: str
    pricing_mode: PricingMode = "synthetic_bs_mid"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One experiment over the days from `start_date` to `end_date`, both included.

    `pricing` and `costs` are part of it: the engine has no setting of its own.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    scenario_id: str
    slug: str
    display_name: str
    symbol: str
    start_date: date
    end_date: date
    initial_portfolio: Portfolio
    template_refs: tuple[TemplateRef, ...]
    provider_ref: ProviderRef
    pricing: ModelPricing
    costs: TradingCosts
    description: str = ""
    execution_model: Literal["daily_close_to_close"] = "daily_close_to_close"
    valuation_frequency: Literal["daily"] = "daily"
    benchmark_mode: Literal["unhedged_only"] = "unhedged_only"
    event_preset_id: str | None = None
    notes: str = ""
    created_at: date | None = None

    def __post_init__(self) -> None:
        require_slug("Scenario", "slug", self.slug)
        if not self.start_date <= self.end_date:
            raise DatesReversedError(start=self.start_date, end=self.end_date)
        require(
            fact=bool(self.template_refs),
            owner="Scenario",
            field="template_refs",
            value=(),
            must="name one template at least",
        )
        named = [ref.template_id for ref in self.template_refs]
        require(
            fact=len(set(named)) == len(named),
            owner="Scenario",
            field="template_refs",
            value=named,
            must="name each template once",
        )

    @property
    def window(self) -> DateRange:
        """The days asked for, both ends included."""
        return DateRange(start=self.start_date, end=self.end_date)
