from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from tests.hedge.worlds import CALENDAR, TEMPLATES, World, random_closes, world
from vaultdash.hedge.book import Trade
from vaultdash.hedge.engine import EngineRun
from vaultdash.hedge.figures import summarize
from vaultdash.hedge.portfolio import Portfolio
from vaultdash.hedge.pricing import FixedVolatility, ModelPricing, TradingCosts
from vaultdash.hedge.template import HedgeTemplate, Leg, RollPolicy, StrikeRule
from vaultdash.market import DateRange

QUARTERLY = TEMPLATES["protective-put-95pct-3m"]
YEARLY = TEMPLATES["protective-put-atm-12m"]


def trades_by(run: EngineRun, reason: str) -> list[Trade]:
    return [trade for trade in run.trades if trade.reason == reason]


def test_a_three_month_hedge_rolls_on_the_fifth_session_before_expiry() -> None:
    run = world(sessions=560).run(QUARTERLY)
    rolled = [trade for trade in trades_by(run, "scheduled_roll") if trade.action == "sell_close"]
    for trade in rolled:
        left = [day for day in CALENDAR.sessions if trade.date < day <= trade.contract.expiry]
        assert len(left) == 5


def test_a_three_month_hedge_rolls_eight_times_in_two_years() -> None:
    at = world(sessions=560)
    two_years = DateRange(start=at.window.start, end=at.window.start + dt.timedelta(days=730))
    run = replace(at, window=two_years).run(QUARTERLY)
    # 91 days less 5 sessions is 84 calendar days or a little over: 730 / 84 = 8.7, so 8 whole holds fit.
    dates = [at.window.start]
    while True:
        expiry = next(day for day in CALENDAR.sessions if day >= dates[-1] + dt.timedelta(days=91))
        due = CALENDAR.sessions[CALENDAR.sessions.index(expiry) - 5]
        if due >= run.days[-1].date:
            break
        dates.append(due)
    assert len(dates) - 1 == 8
    opened = [trade.date for trade in run.trades if trade.action == "buy_open"]
    assert opened == dates
    assert summarize(run.days, run.trades, opening_cash=0).roll_count == 8


def test_a_yearly_hedge_expires_at_intrinsic_and_is_bought_again_that_session() -> None:
    at = world(5, sessions=420)
    run = at.run(YEARLY)
    (expired,) = [trade for trade in run.trades if trade.action == "expire"]
    close = next(day.close for day in at.closes if day.date == expired.date)
    assert expired.date == expired.contract.expiry
    assert expired.price == max(expired.contract.strike - close, 0)
    assert expired.fee == 0
    opened = [trade for trade in run.trades if trade.action == "buy_open"]
    assert [trade.date for trade in opened] == [run.days[0].date, expired.date]
    assert opened[1].reason == "expiry"
    assert opened[1].contract.strike == pytest.approx(close)
    assert summarize(run.days, run.trades, opening_cash=0).roll_count == 1


@pytest.mark.parametrize(("drift", "pays"), [(-0.2, True), (0.2, False)])
def test_an_expired_put_pays_its_intrinsic_value_and_nothing_more(drift: float, *, pays: bool) -> None:
    closes = random_closes(1, 300, deviation=0.0)
    expiry = CALENDAR.first_at_or_after(closes[0].date + dt.timedelta(days=365))
    falling = tuple(replace(day, close=day.close * (1 + drift) if day.date >= expiry else day.close) for day in closes)
    at = world(closes=falling, window=DateRange(start=closes[0].date, end=closes[-1].date))
    (expired,) = [trade for trade in at.run(YEARLY).trades if trade.action == "expire"]
    assert expired.cashflow == pytest.approx(1000 * 180 * 0.2 if pays else 0.0)


def test_a_window_that_ends_on_the_roll_day_sells_without_replacing() -> None:
    at = world(sessions=420)
    rolled = trades_by(at.run(QUARTERLY), "scheduled_roll")[0].date
    run = replace(at, window=DateRange(start=at.window.start, end=rolled)).run(QUARTERLY)
    assert [(trade.action, trade.reason) for trade in run.trades] == [
        ("buy_open", "initial_entry"),
        ("sell_close", "scenario_end"),
    ]


def test_a_window_of_one_session_trades_nothing() -> None:
    at = world()
    run = replace(at, window=DateRange(start=at.window.start, end=at.window.start)).run(YEARLY)
    assert run.trades == ()
    assert [day.ltv_hedged for day in run.days] == [day.ltv_unhedged for day in run.days]


def test_an_expiry_without_a_close_is_settled_on_the_next_session_and_said() -> None:
    at = world(5, sessions=420)
    expiry = next(trade.contract.expiry for trade in at.run(YEARLY).trades)
    run = replace(at, closes=tuple(day for day in at.closes if day.date != expiry)).run(YEARLY)
    (expired,) = [trade for trade in run.trades if trade.action == "expire"]
    assert expired.date == CALENDAR.first_at_or_after(expiry + dt.timedelta(days=1))
    assert f"expired on {expiry}, a session without a close" in run.notes[0]


def test_listed_contracts_are_whole_and_what_they_leave_is_said() -> None:
    at = world(portfolio=Portfolio(underlying_units=1050, loan_amount=100_000))
    run = at.run(replace(YEARLY, contract_mode="listed_contracts"))
    assert {trade.quantity for trade in run.trades} == {1000.0}
    assert run.positions[0].uncovered_units == 50
    assert run.notes == ("Leg put-100: 10 whole contracts of 100 leave 50 of 1,050 units uncovered.",)


def test_fewer_units_than_a_contract_buy_nothing_and_say_so() -> None:
    at = world(portfolio=Portfolio(underlying_units=99, loan_amount=10_000))
    run = at.run(replace(YEARLY, contract_mode="listed_contracts"))
    assert run.trades == ()
    assert "0 whole contracts of 100 leave 99 of 99 units uncovered" in run.notes[0]


def test_rounding_noise_does_not_cost_a_contract() -> None:
    leg = replace(YEARLY.legs[0], target_coverage_pct=0.57)
    at = world(portfolio=Portfolio(underlying_units=10_000, loan_amount=1))
    run = at.run(replace(YEARLY, contract_mode="listed_contracts", legs=(leg,)))
    assert run.trades[0].quantity == 5700


def test_a_short_leg_is_sold_to_open_and_bought_to_close() -> None:
    run = world(sessions=200).run(TEMPLATES["collar-95-110-12m"])
    short = [(trade.action, trade.cashflow > 0) for trade in run.trades if trade.leg_id == "call-110"]
    assert short == [("sell_open", True), ("buy_close", False)]


def test_costs_are_paid_on_entry_and_exit_and_shown_apart() -> None:
    at = world(sessions=200)
    dear = replace(at, costs=TradingCosts(half_spread=0.05, commission=2.0))
    free_trades, dear_trades = at.run(YEARLY).trades, dear.run(YEARLY).trades
    for free, paid in zip(free_trades, dear_trades, strict=True):
        assert paid.fee == 20.0
        assert paid.spread_cost == pytest.approx(0.05 * free.price * free.quantity)
        assert paid.cashflow == pytest.approx(free.cashflow - paid.spread_cost - paid.fee)


def test_the_whole_history_is_scaled_to_the_entry_spot() -> None:
    at = world()
    factor = 300 / at.first_close()
    scaled = replace(
        at, portfolio=replace(at.portfolio, entry_spot=300.0, loan_amount=at.portfolio.loan_amount * factor)
    )
    for ours, theirs in zip(at.run(QUARTERLY).days, scaled.run(QUARTERLY).days, strict=True):
        assert theirs.spot_close == pytest.approx(ours.spot_close * factor)
        assert theirs.option_market_value == pytest.approx(ours.option_market_value * factor)
        assert theirs.ltv_hedged == pytest.approx(ours.ltv_hedged)


def test_interest_is_simple_and_counts_days_from_the_first_session() -> None:
    at = world(portfolio=Portfolio(underlying_units=1000, loan_amount=100_000, financing_rate=0.08))
    for day in at.run(YEARLY).days:
        owed = 100_000 * (1 + 0.08 * (day.date - at.window.start).days / 365)
        assert day.loan_amount == pytest.approx(owed, rel=1e-12)


def test_rungs_of_a_ladder_roll_on_their_own() -> None:
    legs = tuple(
        Leg(
            leg_id=f"put-{days}",
            side="long",
            option_type="put",
            strike_rule=StrikeRule(rule_type="spot_pct", value=0.95),
            target_expiry_days=days,
            allocation_weight=0.5,
        )
        for days in (91, 182)
    )
    ladder = HedgeTemplate(
        template_id="x", slug="x", display_name="x", template_kind="laddered_put", legs=legs, roll_policy=RollPolicy()
    )
    run = world(sessions=300).run(ladder)
    expired = [trade.leg_id for trade in run.trades if trade.action == "expire"]
    assert expired.count("put-91") == 4
    assert expired.count("put-182") == 2


def test_a_called_loan_is_one_at_or_over_the_threshold() -> None:
    closes = tuple(replace(day, close=100.0) for day in random_closes(1, 40, deviation=0))
    at = World(
        closes=closes,
        window=DateRange(start=closes[0].date, end=closes[-1].date),
        portfolio=Portfolio(underlying_units=100, loan_amount=7500, margin_call_ltv=0.75),
        pricing=ModelPricing(volatility=FixedVolatility(value=0.01)),
    )
    assert all(day.margin_call_unhedged for day in at.run(YEARLY).days)
    safer = replace(at, portfolio=replace(at.portfolio, loan_amount=7499.99))
    assert not any(day.margin_call_unhedged for day in safer.run(YEARLY).days)


def test_nothing_left_to_lend_against_is_a_call() -> None:
    """Selling calls on ten times the units cannot be; but a collar in a rally beyond all bounds can lose everything."""
    closes = random_closes(1, 60, deviation=0.0)
    soaring = tuple(replace(day, close=day.close * (60 if at > 20 else 1)) for at, day in enumerate(closes))
    put, call = TEMPLATES["collar-95-110-12m"].legs
    at = world(
        closes=soaring,
        window=DateRange(start=closes[0].date, end=closes[-1].date),
        pricing=ModelPricing(volatility=FixedVolatility(value=3.0)),
        costs=TradingCosts(half_spread=0.9),
    )
    run = at.run(replace(TEMPLATES["collar-95-110-12m"], legs=(put, call)))
    last = run.days[-1]
    assert last.net_portfolio_value < 0
    assert last.margin_call_hedged
    assert last.ltv_hedged == float("inf")
