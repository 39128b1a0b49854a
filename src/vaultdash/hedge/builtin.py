"""The eight templates that come with VaultDash."""

from __future__ import annotations

from datetime import date

from vaultdash.hedge.template import HedgeTemplate, Leg, OptionType, RollPolicy, Side, StrikeRule, TemplateKind

YEAR = 365
QUARTER = 91
WRITTEN = date(2026, 11, 20)


def _leg(
    leg_id: str,
    *,
    spot_pct: float,
    days: int = YEAR,
    weight: float = 1.0,
    side: Side = "long",
    option_type: OptionType = "put",
) -> Leg:
    return Leg(
        leg_id=leg_id,
        side=side,
        option_type=option_type,
        strike_rule=StrikeRule(rule_type="spot_pct", value=spot_pct),
        target_expiry_days=days,
        allocation_weight=weight,
    )


def _template(
    slug: str, kind: TemplateKind, display_name: str, description: str, *legs: Leg, roll: RollPolicy | None = None
) -> HedgeTemplate:
    return HedgeTemplate(
        template_id=f"builtin-{slug}",
        slug=slug,
        display_name=display_name,
        description=description,
        template_kind=kind,
        legs=legs,
        roll_policy=roll or RollPolicy(),
        tags=("builtin",),
        created_at=WRITTEN,
        updated_at=WRITTEN,
    )


BUILTIN_TEMPLATES: tuple[HedgeTemplate, ...] = (
    _template(
        "protective-put-atm-12m",
        "protective_put",
        "Protective put, at the money, 12 months",
        "One put on every unit, struck at the day's close, held to expiry and bought again.",
        _leg("put-100", spot_pct=1.00),
    ),
    _template(
        "protective-put-95pct-12m",
        "protective_put",
        "Protective put, 95 %, 12 months",
        "One put on every unit, struck 5 % below the day's close, held to expiry and bought again.",
        _leg("put-95", spot_pct=0.95),
    ),
    _template(
        "protective-put-90pct-12m",
        "protective_put",
        "Protective put, 90 %, 12 months",
        "One put on every unit, struck 10 % below the day's close, held to expiry and bought again.",
        _leg("put-90", spot_pct=0.90),
    ),
    _template(
        "ladder-50-50-atm-95pct-12m",
        "laddered_put",
        "Ladder, halves at 100 and 95 %, 12 months",
        "Half of the units under a put at the close, half under one 5 % below it.",
        _leg("put-100", spot_pct=1.00, weight=0.5),
        _leg("put-95", spot_pct=0.95, weight=0.5),
    ),
    _template(
        "ladder-33-33-33-atm-95pct-90pct-12m",
        "laddered_put",
        "Ladder, thirds at 100, 95 and 90 %, 12 months",
        "A third of the units under each of three puts: at the close, 5 % and 10 % below it.",
        _leg("put-100", spot_pct=1.00, weight=1 / 3),
        _leg("put-95", spot_pct=0.95, weight=1 / 3),
        _leg("put-90", spot_pct=0.90, weight=1 / 3),
    ),
    _template(
        "protective-put-95pct-3m",
        "protective_put",
        "Protective put, 95 %, 3 months, rolled",
        "One put on every unit, struck 5 % below the day's close, replaced 5 sessions before it expires.",
        _leg("put-95", spot_pct=0.95, days=QUARTER),
        roll=RollPolicy(policy_type="roll_n_days_before_expiry", days_before_expiry=5),
    ),
    _template(
        "put-spread-95-80-12m",
        "put_spread",
        "Put spread, 95 % less 80 %, 12 months",
        "Cheaper cover that stops 20 % below the close: the put sold gives back what falls beyond it.",
        _leg("put-95", spot_pct=0.95),
        _leg("put-80", spot_pct=0.80, side="short"),
    ),
    _template(
        "collar-95-110-12m",
        "collar",
        "Collar, 95 % put, 110 % call sold, 12 months",
        "The call sold helps to pay for the put, and gives up the gain beyond 10 % above the close.",
        _leg("put-95", spot_pct=0.95),
        _leg("call-110", spot_pct=1.10, side="short", option_type="call"),
    ),
)
