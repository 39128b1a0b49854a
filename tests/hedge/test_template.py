from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.hedge.worlds import TEMPLATES, world
from vaultdash.errors import ImpossibleValueError
from vaultdash.hedge.template import EntryPolicy, HedgeTemplate, Leg, RollPolicy, StrikeRule

NAN, INF = float("nan"), float("inf")
ATM = TEMPLATES["protective-put-atm-12m"]
LADDER = TEMPLATES["ladder-33-33-33-atm-95pct-90pct-12m"]


def test_the_eight_built_ins_are_those_of_the_design() -> None:
    shapes = {
        slug: [
            (leg.side, leg.option_type, leg.strike_rule.value, round(leg.allocation_weight, 3), leg.target_expiry_days)
            for leg in template.legs
        ]
        for slug, template in TEMPLATES.items()
    }
    assert shapes == {
        "protective-put-atm-12m": [("long", "put", 1.0, 1.0, 365)],
        "protective-put-95pct-12m": [("long", "put", 0.95, 1.0, 365)],
        "protective-put-90pct-12m": [("long", "put", 0.90, 1.0, 365)],
        "ladder-50-50-atm-95pct-12m": [("long", "put", 1.0, 0.5, 365), ("long", "put", 0.95, 0.5, 365)],
        "ladder-33-33-33-atm-95pct-90pct-12m": [
            ("long", "put", 1.0, 0.333, 365),
            ("long", "put", 0.95, 0.333, 365),
            ("long", "put", 0.90, 0.333, 365),
        ],
        "protective-put-95pct-3m": [("long", "put", 0.95, 1.0, 91)],
        "put-spread-95-80-12m": [("long", "put", 0.95, 1.0, 365), ("short", "put", 0.80, 1.0, 365)],
        "collar-95-110-12m": [("long", "put", 0.95, 1.0, 365), ("short", "call", 1.10, 1.0, 365)],
    }
    rolled = {slug for slug, template in TEMPLATES.items() if template.roll_policy.policy_type != "hold_to_expiry"}
    assert rolled == {"protective-put-95pct-3m"}
    assert TEMPLATES["protective-put-95pct-3m"].roll_policy.days_before_expiry == 5


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"rule_type": "spot_pct", "value": NAN}, "value is nan"),
        ({"rule_type": "spot_pct", "value": INF}, "value is inf"),
        ({"rule_type": "spot_pct", "value": 0.0}, "must lie between"),
        ({"rule_type": "spot_pct", "value": -0.95}, "must lie between"),
        ({"rule_type": "fixed_strike", "value": 5e-324}, "must lie between"),
        ({"rule_type": "spot_pct", "value": 95.0}, "Write 0.95 for 95 %"),
        ({"rule_type": "delta_target", "value": 25.0}, "Write 0.25 for a 25-delta put"),
        ({"rule_type": "delta_target", "value": 1.0}, "between 0 and 1"),
        ({"rule_type": "moneyness_bucket", "value": 0.97}, "multiple of 0.05"),
        ({"rule_type": "nearest", "value": 1.0}, "must be one of spot_pct, delta_target"),
    ],
)
def test_a_strike_rule_refuses_the_impossible(rule: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ImpossibleValueError, match=sentence):
        StrikeRule(**rule)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"side": "both"}, "side is 'both'"),
        ({"option_type": "straddle"}, "option_type is 'straddle'"),
        ({"target_expiry_days": 0}, "target_expiry_days is 0"),
        ({"target_expiry_days": NAN}, "target_expiry_days is nan"),
        ({"allocation_weight": 0.0}, "allocation_weight is 0.0"),
        ({"allocation_weight": NAN}, "allocation_weight is nan"),
        ({"target_coverage_pct": 95.0}, "Write 0.5 to cover half"),
        ({"leg_id": "../x"}, "leg_id is '../x'"),
        ({"quantity_rule": "delta_neutral"}, "quantity_rule"),
    ],
)
def test_a_leg_refuses_the_impossible(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ImpossibleValueError, match=sentence):
        replace(ATM.legs[0], **change)


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        ({"policy_type": "roll_n_days_before_expiry"}, "must be 1 session or more"),
        ({"policy_type": "roll_n_days_before_expiry", "days_before_expiry": -1}, "must be 1 session or more"),
        ({"policy_type": "hold_to_expiry", "days_before_expiry": 5}, "must be 0 for hold_to_expiry"),
        ({"policy_type": "monthly"}, "must be one of hold_to_expiry"),
        ({"rebalance_on_new_deposit": True}, "must be false"),
    ],
)
def test_a_roll_policy_refuses_the_impossible(policy: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ImpossibleValueError, match=sentence):
        RollPolicy(**policy)


def test_staggered_entry_is_refused_rather_than_ignored() -> None:
    with pytest.raises(ImpossibleValueError, match="staggered entry is not offered"):
        EntryPolicy(stagger_days=5)  # type: ignore[arg-type]  # a document may say so


@pytest.mark.parametrize(
    ("template", "change", "sentence"),
    [
        (ATM, {"legs": ()}, "hold one leg at least"),
        (ATM, {"slug": "Not A Slug"}, "lower-case letters, digits or hyphens"),
        (ATM, {"slug": "=1+1"}, "lower-case letters, digits or hyphens"),
        (ATM, {"version": 0}, "version is 0"),
        (ATM, {"template_kind": "straddle"}, "must be one of protective_put"),
        (ATM, {"template_kind": "collar"}, "must be one long put and one short call"),
        (ATM, {"template_kind": "put_spread"}, "must be one long put and one short put"),
        (LADDER, {"template_kind": "protective_put"}, "must be one long put"),
        (ATM, {"contract_mode": "mini"}, "contract_mode"),
        (ATM, {"status": "gone"}, "status"),
        (LADDER, {"legs": LADDER.legs[:2]}, "sum of allocation_weight is 0.66"),
        (LADDER, {"legs": (LADDER.legs[0],) * 3}, "each have their own id"),
    ],
)
def test_a_template_refuses_the_impossible(template: HedgeTemplate, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ImpossibleValueError, match=sentence):
        replace(template, **change)


def test_weights_may_miss_one_by_rounding_and_no_more() -> None:
    first, second = TEMPLATES["ladder-50-50-atm-95pct-12m"].legs
    ladder = TEMPLATES["ladder-50-50-atm-95pct-12m"]
    replace(ladder, legs=(first, replace(second, allocation_weight=0.5 + 9e-10)))
    with pytest.raises(ImpossibleValueError):
        replace(ladder, legs=(first, replace(second, allocation_weight=0.5 + 2e-9)))


def test_only_a_ladder_may_mix_tenors() -> None:
    def mixed(legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
        return (replace(legs[0], target_expiry_days=91), *legs[1:])

    replace(LADDER, legs=mixed(LADDER.legs))
    with pytest.raises(ImpossibleValueError, match="be the same on every leg"):
        replace(TEMPLATES["collar-95-110-12m"], legs=mixed(TEMPLATES["collar-95-110-12m"].legs))


def test_a_roll_that_would_be_due_on_opening_is_refused() -> None:
    policy = RollPolicy(policy_type="roll_n_days_before_expiry", days_before_expiry=5)
    week = replace(ATM.legs[0], target_expiry_days=7)
    with pytest.raises(ImpossibleValueError, match="rolled every day"):
        replace(ATM, legs=(week,), roll_policy=policy)


@pytest.mark.parametrize(("tenor", "most"), [(365, 244), (91, 58), (14, 6)])
def test_a_roll_leaves_at_least_a_session_in_every_year(tenor: int, most: int) -> None:
    leg = replace(ATM.legs[0], target_expiry_days=tenor)

    def rolled(days: int) -> HedgeTemplate:
        policy = RollPolicy(policy_type="roll_n_days_before_expiry", days_before_expiry=days)
        return replace(ATM, legs=(leg,), roll_policy=policy)

    with pytest.raises(ImpossibleValueError, match="rolled every day"):
        rolled(most + 1)
    run = world(sessions=600).run(rolled(most))
    opened = [trade.date for trade in run.trades if trade.action == "buy_open"]
    sessions = [day.date for day in run.days]
    gaps = [sessions.index(later) - sessions.index(earlier) for earlier, later in pairwise(opened)]
    assert min(gaps) > 1


def test_a_template_fits_its_own_symbol_or_any() -> None:
    assert ATM.fits("GLD")
    assert replace(ATM, underlying_symbol="GC").fits("GC")
    assert not replace(ATM, underlying_symbol="GC").fits("GLD")
