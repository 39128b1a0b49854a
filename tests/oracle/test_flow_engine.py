from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from tests.oracle import flow_engine_oracle
from tests.orderflow.signal_paths import (
    RULES,
    oracle_arguments,
    oracle_rows,
    paths,
    random_bars,
    scenario_of,
    trip_rows,
)
from vaultdash.market import Bars
from vaultdash.orderflow.audit import audit
from vaultdash.orderflow.backtest import run_engine
from vaultdash.orderflow.figures import summarize
from vaultdash.orderflow.result import EngineRun
from vaultdash.orderflow.scenario import Scenario, TradingCosts


def same(ours: object, theirs: object, where: str, scale: float) -> None:
    if isinstance(ours, float) and isinstance(theirs, int | float):
        assert math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9 * scale), f"{where}: {ours} against {theirs}"
    else:
        assert ours == theirs, f"{where}: {ours} against {theirs}"


def compare(scenario: Scenario, bars: Bars) -> EngineRun:
    run = run_engine(scenario, bars, compiled=False)
    audit(run, scenario, bars)
    theirs = flow_engine_oracle.run(oracle_rows(bars), **oracle_arguments(scenario))
    capital = scenario.initial_capital
    mine = trip_rows(run)
    assert [(trip["entry_bar"], trip["exit_bar"]) for trip in mine] == [
        (trip["entry_bar"], trip["exit_bar"]) for trip in theirs["trips"]
    ]
    for at, (trip, other) in enumerate(zip(mine, theirs["trips"], strict=True)):
        for name, value in trip.items():
            same(value, other[name], f"trip {at} {name}", capital)
    for at, (value, other) in enumerate(zip(run.equity.tolist(), theirs["equity"], strict=True)):
        same(value, other, f"equity {at}", capital)
    assert run.unfilled_orders == theirs["unfilled"]
    for name, value in asdict(summarize(run, scenario, bars)).items():
        # Ratios of returns that nearly cancel carry the returns' own last bits further.
        scale = {"sharpe_ratio": 1e3, "sortino_ratio": 1e3}.get(name, capital if "capital" in name else 1.0)
        same(value, theirs["figures"][name], name, scale)
    return run


@given(path=paths())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_engine_agrees_with_the_oracle_on_random_paths(path: tuple[Scenario, Bars]) -> None:
    compare(*path)


@pytest.mark.parametrize("mode", ["long_only", "long_short"])
@pytest.mark.parametrize("fill", ["next_open", "same_close"])
@pytest.mark.parametrize("kind", RULES)
def test_every_rule_agrees_and_trades(kind: str, fill: str, mode: str) -> None:
    scenario = scenario_of(RULES[kind], fill=fill, mode=mode, costs=TradingCosts(commission=2.25, slippage_ticks=1))
    run = compare(scenario, random_bars(7, 400))
    assert len(run.trips) > 3, "a path without trades shows nothing"


@given(path=paths(longest=300))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_compiled_engine_is_the_plain_one_to_the_last_bit(path: tuple[Scenario, Bars]) -> None:
    scenario, bars = path
    plain, compiled = (run_engine(scenario, bars, compiled=choice) for choice in (False, True))
    np.testing.assert_array_equal(compiled.equity, plain.equity)
    np.testing.assert_array_equal(compiled.trips.rows, plain.trips.rows)
    assert compiled.unfilled_orders == plain.unfilled_orders
    audit(compiled, scenario, bars, compiled=True)


def test_the_oracle_is_told_of_a_wrong_engine() -> None:
    """A commission that differs by a cent must be noticed: the comparison itself can fail."""
    scenario, bars = scenario_of(RULES["threshold"], costs=TradingCosts(commission=1)), random_bars(3, 200)
    theirs = flow_engine_oracle.run(oracle_rows(bars), **oracle_arguments(scenario))
    wrong = run_engine(replace(scenario, costs=TradingCosts(commission=1.01)), bars, compiled=False)
    with pytest.raises(AssertionError, match="equity"):
        same(float(wrong.equity[-1]), theirs["equity"][-1], "equity", 1.0)
