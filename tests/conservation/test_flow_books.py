"""What goes in comes out: identities over random paths, computed here from the fills alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from tests.orderflow.signal_paths import RULES, paths, random_bars, scenario_of
from vaultdash.errors import BooksDoNotBalanceError
from vaultdash.market import Bars
from vaultdash.orderflow.audit import audit
from vaultdash.orderflow.backtest import run_engine
from vaultdash.orderflow.result import EngineRun, RoundTrips
from vaultdash.orderflow.scenario import Scenario, TradingCosts


@given(path=paths())
@settings(max_examples=80, deadline=None)
def test_money_and_units_are_conserved(path: tuple[Scenario, Bars]) -> None:
    scenario, bars = path
    run = run_engine(scenario, bars, compiled=False)
    fills, multiplier = list(run.trips.fills()), scenario.multiplier
    flows, bought = [0.0] * len(bars), [0.0] * len(bars)
    for fill in fills:
        sign = 1 if fill.action == "buy" else -1
        flows[fill.bar] -= sign * fill.quantity * fill.price * multiplier + fill.fee
        bought[fill.bar] += sign * fill.quantity
    # Notional in and out is far larger than what is left of it, and so is its rounding.
    scale = scenario.initial_capital + sum(fill.quantity * abs(fill.price) * multiplier for fill in fills)
    cash, units = scenario.initial_capital, 0.0
    for at, equity in enumerate(run.equity.tolist()):
        cash += flows[at]
        units += bought[at]
        assert math.isclose(equity, cash + units * int(bars.close[at]) / 1e9 * multiplier, abs_tol=1e-9 * scale)
    assert math.isclose(units, 0, abs_tol=1e-9 * sum(fill.quantity for fill in fills))
    assert [fill.bar for fill in fills] == sorted(fill.bar for fill in fills)


@given(path=paths())
@settings(max_examples=80, deadline=None)
def test_fills_lie_inside_their_bars_and_slip_against_us(path: tuple[Scenario, Bars]) -> None:
    scenario, bars = path
    slip = scenario.costs.slippage_ticks * scenario.tick_size
    for trip in run_engine(scenario, bars, compiled=False).trips:
        for fill in (trip.entry, trip.exit):
            low, high, opened, close = (
                int(column[fill.bar]) / 1e9 for column in (bars.low, bars.high, bars.open, bars.close)
            )
            sign = 1 if fill.action == "buy" else -1
            asked = fill.price - (0 if fill is trip.exit and trip.reason == "target" else sign * slip)
            expected = {"open": opened, "close": close}.get(fill.moment)
            assert low - 1e-9 <= asked <= high + 1e-9
            if expected is not None:
                assert math.isclose(asked, expected, abs_tol=1e-9)
        assert trip.pnl == pytest.approx(
            trip.direction * trip.quantity * scenario.multiplier * (trip.exit.price - trip.entry.price), abs=1e-6
        )
        assert trip.fees == trip.entry.fee + trip.exit.fee
        assert trip.net == trip.pnl - trip.fees


def a_run() -> tuple[Scenario, Bars, EngineRun]:
    scenario, bars = scenario_of(RULES["threshold"], costs=TradingCosts(commission=1)), random_bars(5, 300)
    run = run_engine(scenario, bars, compiled=False)
    assert len(run.trips) > 3
    return scenario, bars, run


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("at", [0, 150, 298])
def test_the_audit_stops_an_equity_that_does_not_balance(at: int, *, compiled: bool) -> None:
    scenario, bars, run = a_run()
    audit(run, scenario, bars, compiled=compiled)
    equity = run.equity.copy()
    equity[at] += 0.01
    with pytest.raises(BooksDoNotBalanceError, match=f"open pnl, at {at}"):
        audit(replace(run, equity=equity), scenario, bars, compiled=compiled)


@pytest.mark.parametrize(
    ("field", "change", "identity"),
    [
        ("pnl", 0.01, "direction x quantity"),
        ("fees", 0.01, "commission of both sides"),
        ("exit_bar", 500, "begins after the last one ended"),
        ("exit_bar", -500, "ends after it began"),
    ],
)
def test_the_audit_stops_a_round_trip_that_cannot_be(field: str, change: float, identity: str) -> None:
    scenario, bars, run = a_run()
    rows = run.trips.rows.copy()
    rows[field][1] += change
    with pytest.raises(BooksDoNotBalanceError, match=identity):
        audit(replace(run, trips=RoundTrips(rows, bars)), scenario, bars)


def test_the_audit_stops_a_final_equity_that_is_not_the_sum() -> None:
    scenario, bars, run = a_run()
    equity = run.equity.copy()
    equity[-1] += 0.01
    with pytest.raises(BooksDoNotBalanceError, match="final equity"):
        audit(replace(run, equity=equity), scenario, bars)


def test_equity_that_is_no_number_does_not_pass() -> None:
    scenario, bars, run = a_run()
    equity = run.equity.copy()
    equity[7] = np.nan
    for compiled in (False, True):
        with pytest.raises(BooksDoNotBalanceError, match="open pnl, at 7"):
            audit(replace(run, equity=equity), scenario, bars, compiled=compiled)
