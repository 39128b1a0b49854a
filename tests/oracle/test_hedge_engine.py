from __future__ import annotations

import datetime as dt
import math
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.hedge.worlds import RATES, TEMPLATES, VOLATILITIES, World, oracle_arguments, random_closes, world
from tests.oracle import hedge_oracle
from vaultdash.hedge.audit import audit
from vaultdash.hedge.engine import EngineRun
from vaultdash.hedge.figures import summarize
from vaultdash.hedge.portfolio import Portfolio
from vaultdash.hedge.pricing import ModelPricing, TradingCosts
from vaultdash.hedge.ranking import rank
from vaultdash.hedge.result import SummaryMetrics
from vaultdash.hedge.template import HedgeTemplate, Leg, RollPolicy, StrikeRule
from vaultdash.market import DateRange

DAY_FIELDS = (
    "date", "spot_close", "underlying_value", "option_market_value", "premium_cashflow", "realized_option_cashflow",
    "cash", "net_portfolio_value", "loan_amount", "ltv_unhedged", "ltv_hedged", "margin_call_unhedged",
    "margin_call_hedged",
)  # fmt: skip
TRADE_FIELDS = ("date", "action", "leg_id", "quantity", "price", "fee", "cashflow", "reason")


def same(ours: object, theirs: object, where: str, scale: float) -> None:
    if isinstance(ours, float) and isinstance(theirs, float) and math.isfinite(theirs):
        assert math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9 * scale), f"{where}: {ours} against {theirs}"
    else:
        assert ours == theirs, f"{where}: {ours} against {theirs}"


def compare(at: World, template: HedgeTemplate) -> tuple[SummaryMetrics, dict[str, Any]]:
    ours = at.run(template)
    audit(ours, opening_cash=at.portfolio.cash_balance)
    theirs = hedge_oracle.run(**oracle_arguments(at, template))
    scale = ours.days[0].underlying_value
    assert len(ours.days) == len(theirs["days"])
    for day, row in zip(ours.days, theirs["days"], strict=True):
        for name in DAY_FIELDS:
            ratio_scale = 1.0 if name.startswith("ltv") else scale
            same(getattr(day, name), row[name], f"{template.slug} {day.date} {name}", ratio_scale)
    _compare_trades(ours, theirs["trades"], scale)
    metrics = summarize(ours.days, ours.trades, opening_cash=at.portfolio.cash_balance)
    for name, value in asdict(metrics).items():
        same(value, theirs["metrics"][name], f"{template.slug} {name}", scale)
    return metrics, theirs["metrics"]


def _compare_trades(ours: EngineRun, theirs: list[dict[str, Any]], scale: float) -> None:
    def order(trade: dict[str, Any]) -> tuple[Any, ...]:
        return (trade["date"], "open" in trade["action"], trade["leg_id"], trade["action"])

    mine = [
        {name: getattr(trade, name) for name in TRADE_FIELDS}
        | {"strike": trade.contract.strike, "expiry": trade.contract.expiry}
        for trade in ours.trades
    ]
    assert len(mine) == len(theirs)
    for trade, other in zip(sorted(mine, key=order), sorted(theirs, key=order), strict=True):
        for name, value in trade.items():
            same(value, other[name], f"trade {trade} {name}", scale)


@pytest.mark.parametrize("slug", TEMPLATES)
@pytest.mark.parametrize("volatility", VOLATILITIES)
@pytest.mark.parametrize("rate", RATES)
def test_every_builtin_template_agrees_in_every_volatility_and_rate_mode(slug: str, volatility: str, rate: str) -> None:
    at = world(
        pricing=ModelPricing(volatility=VOLATILITIES[volatility], rate=RATES[rate], skew=-0.1, term_slope=0.01),
        costs=TradingCosts(half_spread=0.02, commission=0.65),
        portfolio=Portfolio(
            underlying_units=1050, loan_amount=120_000, entry_spot=300, cash_balance=5000, financing_rate=0.07
        ),
    )
    compare(at, TEMPLATES[slug])


def test_the_ranking_agrees() -> None:
    at = world(3, portfolio=Portfolio(underlying_units=1000, loan_amount=125_000))
    both = {slug: compare(at, template) for slug, template in TEMPLATES.items()}
    ours = rank({slug: metrics for slug, (metrics, _) in both.items()})
    assert [place.slug for place in ours] == hedge_oracle.rank({slug: theirs for slug, (_, theirs) in both.items()})


RULES = st.one_of(
    st.floats(0.6, 1.4).map(lambda value: StrikeRule(rule_type="spot_pct", value=value)),
    st.floats(100, 300).map(lambda value: StrikeRule(rule_type="fixed_strike", value=value)),
    st.floats(0.05, 0.85).map(lambda value: StrikeRule(rule_type="delta_target", value=value)),
    st.integers(14, 26).map(lambda steps: StrikeRule(rule_type="moneyness_bucket", value=steps * 0.05)),
)
POLICIES = st.one_of(
    st.just(RollPolicy()),
    st.integers(1, 6).map(lambda days: RollPolicy(policy_type="roll_n_days_before_expiry", days_before_expiry=days)),
)
SHAPES = {
    "protective_put": [("long", "put")],
    "laddered_put": [("long", "put"), ("long", "put")],
    "put_spread": [("long", "put"), ("short", "put")],
    "collar": [("long", "put"), ("short", "call")],
}


@st.composite
def templates(draw: st.DrawFn) -> HedgeTemplate:
    kind: Any = draw(st.sampled_from(list(SHAPES)))
    tenor = draw(st.integers(14, 200))
    weights = {"protective_put": [1.0], "laddered_put": [0.3, 0.7]}.get(kind, [0.8, 0.6])
    coverage = draw(st.sampled_from([1.0, 0.57, 0.31]))
    legs = tuple(
        Leg(
            leg_id=f"leg-{number}",
            side=side,  # type: ignore[arg-type]  # words of the table above
            option_type=option_type,  # type: ignore[arg-type]  # as above
            strike_rule=draw(RULES),
            target_expiry_days=draw(st.integers(14, 200)) if kind == "laddered_put" else tenor,
            allocation_weight=weights[number],
            target_coverage_pct=coverage,
        )
        for number, (side, option_type) in enumerate(SHAPES[kind])
    )
    return HedgeTemplate(
        template_id="drawn",
        slug="drawn",
        display_name="drawn",
        template_kind=kind,
        legs=legs,
        roll_policy=draw(POLICIES),
        contract_mode=draw(st.sampled_from(["continuous_units", "listed_contracts"])),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    sessions = draw(st.integers(25, 260))
    closes = random_closes(draw(st.integers(0, 10_000)), sessions + 25, deviation=draw(st.sampled_from([0.004, 0.02])))
    gaps = set(draw(st.lists(st.integers(26, sessions + 23), max_size=6)))
    kept = tuple(day for at, day in enumerate(closes) if at not in gaps)
    first = closes[25].date - dt.timedelta(days=draw(st.integers(0, 3)))
    units = draw(st.sampled_from([1.0, 250.0, 1000.0, 10_000.0, 12_345.678]))
    entry = draw(st.sampled_from([None, 95.0, 300.0]))
    start = min(day.close for day in kept) if entry is None else entry
    return World(
        closes=kept,
        window=DateRange(start=first, end=closes[-1].date),
        portfolio=Portfolio(
            underlying_units=units,
            loan_amount=units * start * draw(st.floats(0, 0.95)),
            entry_spot=entry,
            margin_call_ltv=draw(st.floats(0.3, 1)),
            cash_balance=draw(st.sampled_from([0.0, 2500.0])),
            financing_rate=draw(st.sampled_from([0.0, 0.08])),
        ),
        pricing=ModelPricing(
            volatility=draw(st.sampled_from(list(VOLATILITIES.values()))),
            rate=draw(st.sampled_from(list(RATES.values()))),
            skew=draw(st.sampled_from([0.0, -0.02])),
            term_slope=draw(st.sampled_from([0.0, 0.01])),
        ),
        costs=draw(st.sampled_from([TradingCosts(), TradingCosts(half_spread=0.03, commission=1.25)])),
        is_future=draw(st.booleans()),
    )


@given(at=worlds(), template=templates())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_engine_agrees_with_the_oracle_on_random_worlds(at: World, template: HedgeTemplate) -> None:
    # Exactly at the threshold the last bit decides, and two engines may round it differently.
    ratios = [ratio for day in at.run(template).days for ratio in (day.ltv_unhedged, day.ltv_hedged)]
    assume(all(abs(ratio - at.portfolio.margin_call_ltv) > 1e-9 for ratio in ratios))
    compare(at, template)


@pytest.mark.parametrize("slug", TEMPLATES)
def test_a_loan_opened_exactly_at_the_threshold_is_called_hedged_or_not(slug: str) -> None:
    at = world(portfolio=Portfolio(underlying_units=1000, loan_amount=75_000, entry_spot=100, margin_call_ltv=0.75))
    first = at.run(TEMPLATES[slug]).days[0]
    assert first.margin_call_unhedged
    assert first.margin_call_hedged


def test_the_oracle_is_told_of_a_wrong_engine() -> None:
    """A loan that differs by a cent must be noticed: the comparison itself can fail."""
    at = world()
    arguments = oracle_arguments(at, TEMPLATES["protective-put-atm-12m"])
    theirs = hedge_oracle.run(**(arguments | {"loan": at.portfolio.loan_amount + 0.01}))
    ours = at.run(TEMPLATES["protective-put-atm-12m"])
    with pytest.raises(AssertionError, match="ltv_hedged"):
        same(ours.days[5].ltv_hedged, theirs["days"][5]["ltv_hedged"], "ltv_hedged", 1.0)
