"""What goes in comes out: identities over random worlds, computed here from the trades alone."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings

from tests.hedge.worlds import TEMPLATES, World, world
from tests.oracle.test_hedge_engine import templates, worlds
from vaultdash.errors import BooksDoNotBalanceError
from vaultdash.hedge.audit import audit
from vaultdash.hedge.book import Trade
from vaultdash.hedge.engine import EngineRun
from vaultdash.hedge.template import HedgeTemplate


@given(at=worlds(), template=templates())
@settings(max_examples=100, deadline=None)
def test_money_and_contracts_are_conserved(at: World, template: HedgeTemplate) -> None:
    run = at.run(template)
    flows = {day.date: 0.0 for day in run.days}
    open_units: dict[str, float] = {}
    for trade in run.trades:
        opens = trade.action in ("buy_open", "sell_open")
        paid = trade.action in ("buy_open", "buy_close") or (trade.action == "expire" and _is_short(run, trade))
        sign = -1 if paid else 1
        assert math.isclose(trade.cashflow, sign * trade.price * trade.quantity - trade.fee, abs_tol=1e-9)
        assert trade.quantity > 0
        flows[trade.date] += trade.cashflow
        held = open_units.get(trade.position_id, 0.0) + (trade.quantity if opens else -trade.quantity)
        open_units[trade.position_id] = held
    assert set(open_units.values()) <= {0.0}
    cash = at.portfolio.cash_balance
    for day in run.days:
        cash += flows[day.date]
        assert math.isclose(day.cash, cash, rel_tol=1e-9, abs_tol=1e-9 * day.underlying_value)
        total = day.underlying_value + day.option_market_value + day.cash
        assert math.isclose(day.net_portfolio_value, total, rel_tol=1e-12)
    assert run.days[-1].option_market_value == 0
    assert run.days[-1].active_position_ids == ()


def _is_short(run: EngineRun, trade: Trade) -> bool:
    return any(position.position_id == trade.position_id and position.side == "short" for position in run.positions)


@pytest.mark.parametrize("slug", TEMPLATES)
def test_a_free_and_costless_hedge_starts_at_the_unhedged_value(slug: str) -> None:
    """Bought at the mid and marked at the mid, an option changes nothing on its first day, to the last bit."""
    first = world().run(TEMPLATES[slug]).days[0]
    assert first.net_portfolio_value == first.underlying_value
    assert first.ltv_hedged == first.ltv_unhedged


@pytest.mark.parametrize(
    ("field", "change"), [("cash", 1.0), ("net_portfolio_value", -1.0), ("option_market_value", 0.5)]
)
def test_the_audit_stops_books_that_do_not_balance(field: str, change: float) -> None:
    run = world().run(TEMPLATES["protective-put-atm-12m"])
    audit(run, opening_cash=0.0)
    wrong = replace(run.days[7], **{field: getattr(run.days[7], field) + change})
    with pytest.raises(BooksDoNotBalanceError, match=str(wrong.date)):
        audit(replace(run, days=(*run.days[:7], wrong, *run.days[8:])), opening_cash=0.0)


def test_the_audit_stops_flows_that_do_not_add_up() -> None:
    run = world().run(TEMPLATES["protective-put-atm-12m"])
    lost = replace(run.trades[0], cashflow=run.trades[0].cashflow + 1)
    with pytest.raises(BooksDoNotBalanceError, match="days' flows = trades' flows"):
        audit(replace(run, trades=(lost, *run.trades[1:])), opening_cash=0.0)
    moved = replace(run.days[7], premium_cashflow=5.0)
    with pytest.raises(BooksDoNotBalanceError, match="cash = opening cash"):
        audit(replace(run, days=(*run.days[:7], moved, *run.days[8:])), opening_cash=0.0)
    mark = replace(run.positions[0].marks[3], mid=0.0)
    marks = (*run.positions[0].marks[:3], mark, *run.positions[0].marks[4:])
    wrong = replace(run.positions[0], marks=marks)
    with pytest.raises(BooksDoNotBalanceError, match="option value = sum of marks"):
        audit(replace(run, positions=(wrong, *run.positions[1:])), opening_cash=0.0)


def test_the_audit_stops_a_position_left_open() -> None:
    run = world().run(TEMPLATES["protective-put-atm-12m"])
    left = replace(run.positions[0], closed=None)
    with pytest.raises(BooksDoNotBalanceError, match="positions opened = closed"):
        audit(replace(run, positions=(left, *run.positions[1:])), opening_cash=0.0)
