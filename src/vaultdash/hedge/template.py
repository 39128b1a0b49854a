"""Hedge templates: named, versioned, reusable rules. Not a result, and not a dated contract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import inf, isfinite
from typing import Any, ClassVar, Literal, get_args

from vaultdash.hedge.checks import HIGHEST_PRICE, LOWEST_PRICE, require, require_one_of, require_slug, require_within

Side = Literal["long", "short"]
OptionType = Literal["put", "call"]
TemplateKind = Literal["protective_put", "laddered_put", "put_spread", "collar"]
TemplateStatus = Literal["draft", "active", "archived"]
ContractMode = Literal["continuous_units", "listed_contracts"]
RuleType = Literal["spot_pct", "delta_target", "fixed_strike", "moneyness_bucket"]
PolicyType = Literal["hold_to_expiry", "roll_n_days_before_expiry"]

ANY_SYMBOL = "*"
BUCKET_WIDTH = 0.05
WEIGHT_TOLERANCE = 1e-9
HIGHEST_VERSION = 1_000_000
LONGEST_TENOR_DAYS = 3650
FORBID_UNKNOWN_FIELDS: dict[str, Any] = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True, slots=True)
class StrikeRule:
    """How a strike is chosen from one day's market.

    `value` by rule_type: spot_pct, a fraction of the close (0.95); fixed_strike, USD; delta_target, the size of
    the option's delta in (0, 1); moneyness_bucket, the centre of a bucket of strike / close, a multiple of 0.05.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    rule_type: RuleType
    value: float

    def __post_init__(self) -> None:
        require_one_of("StrikeRule", "rule_type", self.rule_type, get_args(RuleType))
        require_within("StrikeRule", "value", self.value, LOWEST_PRICE, HIGHEST_PRICE)
        if self.rule_type == "delta_target":
            require(
                fact=self.value < 1,
                owner="StrikeRule",
                field="value",
                value=self.value,
                must="lie between 0 and 1 for delta_target",
                remedy="Write 0.25 for a 25-delta put.",
            )
        if self.rule_type in ("spot_pct", "moneyness_bucket"):
            require(
                fact=self.value <= 10,  # noqa: PLR2004 - ten times the spot is 1000 %, surely a percentage by mistake
                owner="StrikeRule",
                field="value",
                value=self.value,
                must=f"be a fraction of the close for {self.rule_type}",
                remedy="Write 0.95 for 95 %.",
            )
        if self.rule_type == "moneyness_bucket":
            steps = self.value / BUCKET_WIDTH
            require(
                fact=abs(steps - round(steps)) < WEIGHT_TOLERANCE,
                owner="StrikeRule",
                field="value",
                value=self.value,
                must=f"be a multiple of {BUCKET_WIDTH:g}, the width of a bucket",
            )

    def __str__(self) -> str:
        return f"{self.rule_type} {self.value:g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Leg:
    """One option of a template: side, type, strike rule, tenor and share of the units it covers."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    leg_id: str
    side: Side
    option_type: OptionType
    strike_rule: StrikeRule
    target_expiry_days: int
    allocation_weight: float = 1.0
    quantity_rule: Literal["target_coverage_pct"] = "target_coverage_pct"
    target_coverage_pct: float = 1.0

    def __post_init__(self) -> None:
        owner = f"Leg {self.leg_id!r}"
        require_slug("Leg", "leg_id", self.leg_id)
        require_one_of(owner, "side", self.side, get_args(Side))
        require_one_of(owner, "option_type", self.option_type, get_args(OptionType))
        require_one_of(owner, "quantity_rule", self.quantity_rule, ("target_coverage_pct",))
        require_within(owner, "target_expiry_days", self.target_expiry_days, 1, LONGEST_TENOR_DAYS)
        require(
            fact=0 < self.allocation_weight <= 1,
            owner=owner,
            field="allocation_weight",
            value=self.allocation_weight,
            must="be above 0 and at most 1",
        )
        require(
            fact=0 < self.target_coverage_pct <= 1,
            owner=owner,
            field="target_coverage_pct",
            value=self.target_coverage_pct,
            must="be a fraction above 0 and at most 1",
            remedy="Write 0.5 to cover half of the units.",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RollPolicy:
    """When a held contract is replaced; `days_before_expiry` counts sessions."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    policy_type: PolicyType = "hold_to_expiry"
    days_before_expiry: int = 0
    rebalance_on_new_deposit: Literal[False] = False

    def __post_init__(self) -> None:
        require_one_of("RollPolicy", "policy_type", self.policy_type, get_args(PolicyType))
        require(
            fact=not self.rebalance_on_new_deposit,
            owner="RollPolicy",
            field="rebalance_on_new_deposit",
            value=self.rebalance_on_new_deposit,
            must="be false, as a scenario has no deposits",
        )
        holds = self.policy_type == "hold_to_expiry"
        require(
            fact=self.days_before_expiry == 0 if holds else 1 <= self.days_before_expiry < inf,
            owner="RollPolicy",
            field="days_before_expiry",
            value=self.days_before_expiry,
            must="be 0 for hold_to_expiry" if holds else "be 1 session or more for roll_n_days_before_expiry",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryPolicy:
    """When the hedge is opened: at the close of the scenario's first session."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    entry_timing: Literal["scenario_start_close"] = "scenario_start_close"
    stagger_days: None = None

    def __post_init__(self) -> None:
        require_one_of("EntryPolicy", "entry_timing", self.entry_timing, ("scenario_start_close",))
        require(
            fact=self.stagger_days is None,
            owner="EntryPolicy",
            field="stagger_days",
            value=self.stagger_days,
            must="be null, as staggered entry is not offered",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class HedgeTemplate:
    """A hedge rule under a slug and a version, for one underlying or any ("*")."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    template_id: str
    slug: str
    display_name: str
    template_kind: TemplateKind
    legs: tuple[Leg, ...]
    description: str = ""
    status: TemplateStatus = "active"
    version: int = 1
    underlying_symbol: str = ANY_SYMBOL
    contract_mode: ContractMode = "continuous_units"
    roll_policy: RollPolicy = RollPolicy()
    entry_policy: EntryPolicy = EntryPolicy()
    tags: tuple[str, ...] = ()
    created_at: date | None = None
    updated_at: date | None = None

    def __post_init__(self) -> None:
        owner = f"Template {self.slug!r}"
        require_slug("Template", "slug", self.slug)
        require_one_of(owner, "template_kind", self.template_kind, get_args(TemplateKind))
        require_one_of(owner, "status", self.status, get_args(TemplateStatus))
        require_one_of(owner, "contract_mode", self.contract_mode, get_args(ContractMode))
        require_within(owner, "version", self.version, 1, HIGHEST_VERSION)
        require(fact=bool(self.legs), owner=owner, field="legs", value=self.legs, must="hold one leg at least")
        leg_ids = [leg.leg_id for leg in self.legs]
        require(
            fact=len(set(leg_ids)) == len(leg_ids),
            owner=owner,
            field="legs",
            value=leg_ids,
            must="each have their own id",
        )
        _require_legs_of_kind(self)
        _require_tenors(self)

    def fits(self, symbol: str) -> bool:
        """Whether the template may hedge `symbol`."""
        return self.underlying_symbol in (ANY_SYMBOL, symbol)


def _require_legs_of_kind(template: HedgeTemplate) -> None:
    """Refuse legs that are not what the template's kind says it is."""
    owner = f"Template {template.slug!r}"
    shapes = sorted((leg.side, leg.option_type) for leg in template.legs)
    allowed = {
        "protective_put": shapes == [("long", "put")],
        "laddered_put": set(shapes) == {("long", "put")},
        "put_spread": shapes == [("long", "put"), ("short", "put")],
        "collar": shapes == [("long", "put"), ("short", "call")],
    }
    wanted = {
        "protective_put": "be one long put",
        "laddered_put": "all be long puts",
        "put_spread": "be one long put and one short put",
        "collar": "be one long put and one short call",
    }
    shown = ", ".join(f"{side} {option_type}" for side, option_type in shapes)
    require(
        fact=allowed[template.template_kind],
        owner=owner,
        field="legs",
        value=shown,
        must=wanted[template.template_kind],
    )
    if template.template_kind in ("protective_put", "laddered_put"):
        weight = sum(leg.allocation_weight for leg in template.legs)
        require(
            fact=isfinite(weight) and abs(weight - 1) <= WEIGHT_TOLERANCE,
            owner=owner,
            field="the sum of allocation_weight",
            value=weight,
            must="be 1",
        )


def _require_tenors(template: HedgeTemplate) -> None:
    """Refuse tenors that differ outside a ladder, and rolls due on the day of opening."""
    owner = f"Template {template.slug!r}"
    tenors = {leg.target_expiry_days for leg in template.legs}
    if template.template_kind != "laddered_put":
        require(
            fact=len(tenors) == 1,
            owner=owner,
            field="target_expiry_days",
            value=sorted(tenors),
            must="be the same on every leg",
        )
    days = template.roll_policy.days_before_expiry
    fewest = _fewest_sessions(min(tenors))
    require(
        fact=days == 0 or days < fewest,
        owner=owner,
        field="days_before_expiry",
        value=days,
        must=f"be below {max(fewest, 1)}, the sessions that {min(tenors)} calendar days hold in the worst case",
        remedy="Otherwise the hedge could be rolled every day.",
    )


def _fewest_sessions(calendar_days: int) -> int:
    """The fewest sessions in so many calendar days: weekdays, less a holiday a month, less three for their bunching."""
    return calendar_days * 5 // 7 - calendar_days // 30 - 3
