"""The figures against the hand-worked example of the method page, published values, and plain loops."""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from math import isclose, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.orderflow.signal_paths import RULES, bars_of, random_bars, scenario_of
from vaultdash.market import Bars
from vaultdash.metrics import (
    deflated_sharpe_ratio,
    expected_best_sharpe,
    kurtosis,
    max_drawdown,
    profit_factor,
    sharpe_ratio,
    skewness,
    sortino_ratio,
    worst_drawdown,
)
from vaultdash.orderflow.backtest import run_backtest
from vaultdash.orderflow.figures import session_returns, summarize_trips
from vaultdash.orderflow.result import BacktestResult
from vaultdash.orderflow.rules import ThresholdRule, cumulative_delta
from vaultdash.orderflow.scenario import ContractSizing, TradingCosts

PAGE = (ROOT / "docs" / "orderflow-method.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.split("## A worked example")[1].split("\n## ")[0]


def table(first: str) -> list[dict[str, str]]:
    """The example's table whose first heading is `first`, a row a dict."""
    (block,) = re.findall(rf"^\| {first} \|.*\n(?:\|.*\n)+", EXAMPLE, flags=re.MULTILINE)
    lines = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def shows(shown: str, value: float) -> bool:
    """Whether a value rounds to what the page shows of it."""
    digits = len(shown.partition(".")[2])
    return isclose(float(shown), value, abs_tol=0.5 * 10**-digits + 1e-12)


@pytest.fixture(scope="module")
def example() -> tuple[Bars, BacktestResult]:
    rows = table("bar")
    prices = {name: [round(float(row[name]) * 10**9) for row in rows] for name in ("open", "high", "low", "close")}
    whole = {"volume_delta": "delta", "cumulative_delta": "cumulative delta", "session": "session"}
    bars = bars_of(**prices, **{name: [int(row[column]) for row in rows] for name, column in whole.items()})
    scenario = scenario_of(
        ThresholdRule(threshold=100),
        mode="long_short",
        sizing=ContractSizing(contracts=1),
        costs=TradingCosts(commission=2, slippage_ticks=1),
    )
    return bars, run_backtest(scenario, bars)


def test_the_pages_bars_say_what_the_page_says(example: tuple[Bars, BacktestResult]) -> None:
    bars, result = example
    assert cumulative_delta(bars, "session").tolist() == bars.cumulative_delta.tolist()
    score = result.scenario.rule.score(bars, reset="session")
    for at, row in enumerate(table("bar")):
        word = score.word(at)
        assert row["word"] == (word.name if word else "")
        assert shows(row["equity"], result.equity[at])


def test_the_pages_round_trips_are_the_engines(example: tuple[Bars, BacktestResult]) -> None:
    _, result = example
    rows = table("trip")
    assert len(rows) == len(result.trips) == 3
    for row, trip in zip(rows, result.trips, strict=True):
        assert row["direction"] == trip.direction.name
        assert (int(row["entry bar"]), int(row["exit bar"])) == (trip.entry.bar, trip.exit.bar)
        assert (float(row["entry price"]), float(row["exit price"])) == (trip.entry.price, trip.exit.price)
        assert row["reason"] == trip.reason
        for name, value in (("price change x 50 = pnl", trip.pnl), ("fees", trip.fees), ("net", trip.net)):
            assert shows(row[name], value)


def test_the_page_shows_every_figure_as_it_is(example: tuple[Bars, BacktestResult]) -> None:
    _, result = example
    rows = {row["figure"].strip("`"): row["value"] for row in table("figure")}
    figures = asdict(result.figures)
    assert set(rows) == set(figures)
    for name, shown in rows.items():
        assert shows(shown, figures[name]), name


def test_the_pages_workings_come_out_at_their_values() -> None:
    worked = 0
    for row in table("figure"):
        if re.fullmatch(r"[-+/()x.\d ]*[-+/x][-+/()x.\d ]*(bars)?|.*sqrt\(252\)", row["worked"]):
            value = eval(row["worked"].replace(" x ", " * ").replace("bars", ""), {"sqrt": sqrt})  # noqa: S307 - our own page
            # Workings that start from rounded figures carry those figures' own rounding.
            assert math.isclose(value, float(row["value"]), rel_tol=1e-3), row["figure"]
            worked += 1
    assert worked >= 12


@pytest.mark.parametrize(("trials", "deflated"), [(100, 0.9004), (46, 0.9505)])
def test_the_deflated_sharpe_ratio_of_the_paper(trials: int, deflated: float) -> None:
    """Bailey and Lopez de Prado (2014), the numerical example: 2.5 a year over 1,250 days, skewness -3, kurtosis 10."""
    found = deflated_sharpe_ratio(
        sharpe=2.5 / sqrt(250), observations=1250, skew=-3, kurt=10, trials=trials, variance=0.5 / 250
    )
    assert found == pytest.approx(deflated, abs=5e-5)


def test_luck_grows_with_trials_and_one_trial_is_no_choice() -> None:
    assert expected_best_sharpe(trials=1, variance=4) == 0
    assert expected_best_sharpe(trials=100, variance=0.5 / 250) == pytest.approx(0.1132, abs=5e-5)
    luck = [expected_best_sharpe(trials=trials, variance=1) for trials in (1, 2, 10, 1000)]
    assert luck == sorted(luck)


def test_the_deflated_sharpe_ratio_of_too_little_is_none() -> None:
    assert deflated_sharpe_ratio(sharpe=1, observations=1, skew=0, kurt=3, trials=5, variance=1) is None
    # Two values only: the estimate's error is 1 - 2 + (5 - 1) / 4 = 0.
    assert deflated_sharpe_ratio(sharpe=1, observations=9, skew=2, kurt=5, trials=5, variance=1) is None


def test_ratios_of_returns_by_hand() -> None:
    returns = np.array([0.02, -0.01, 0.02, -0.01])
    assert sharpe_ratio(returns) == pytest.approx(0.005 / sqrt(4 * 0.015**2 / 3))
    assert sharpe_ratio(returns, periods_per_year=252) == pytest.approx(0.005 / sqrt(4 * 0.015**2 / 3) * sqrt(252))
    assert sortino_ratio(returns) == pytest.approx(0.005 / sqrt(2 * 0.01**2 / 4))
    assert skewness(returns) == pytest.approx(0)
    assert kurtosis(returns) == pytest.approx(1)


@pytest.mark.parametrize("values", [[], [0.01], [0.01, 0.01], [0.1] * 7, [0.0, 0.0]])
def test_ratios_that_do_not_exist_are_none(values: list[float]) -> None:
    returns = np.array(values, np.float64)
    assert sharpe_ratio(returns) is sortino_ratio(returns) is skewness(returns) is kurtosis(returns) is None


def test_profits_without_a_loss_have_no_factor() -> None:
    assert profit_factor(gained=5, lost=0) is None
    assert profit_factor(gained=0, lost=5) == 0
    nothing = summarize_trips(np.array([0.0, 0.0]))
    assert (nothing.winning_trades, nothing.losing_trades, nothing.win_rate, nothing.expectancy) == (0, 0, 0, 0)
    assert (nothing.average_win, nothing.average_loss, nothing.profit_factor) == (None, None, None)


@given(steps=st.lists(st.floats(-40, 40), max_size=60), repeats=st.sampled_from([1, 700]))
@settings(max_examples=50, deadline=None)
def test_the_drawdown_of_a_column_is_that_of_a_list(steps: list[float], repeats: int) -> None:
    path = 5000 + np.cumsum(np.repeat(np.array(steps, np.float64), repeats)) / repeats
    assert max_drawdown(path, start=5000) == pytest.approx(worst_drawdown([5000, *path]), abs=1e-12)


def test_the_drawdown_of_a_long_path_is_found_in_any_block() -> None:
    for at in (0, 16_383, 16_384, 40_000, 49_999):
        path = np.full(50_000, 100.0)
        path[at] = 75.0
        path[20_000] += 1.0
        assert max_drawdown(path, start=100) == pytest.approx(worst_drawdown([100, *path]))


def test_returns_have_no_meaning_once_nothing_is_left() -> None:
    assert session_returns(np.array([110.0, 99.0]), capital=100).tolist() == pytest.approx([0.1, -0.1])
    assert len(session_returns(np.array([110.0, 0.0, 5.0]), capital=100)) == 0
    assert session_returns(np.array([110.0, -1.0]), capital=100)[1] < -1


def test_costs_of_nothing_are_named_and_costs_are_not() -> None:
    bars = random_bars(5, 100)
    free = run_backtest(scenario_of(RULES["threshold"]), bars)
    paid = run_backtest(scenario_of(RULES["threshold"], costs=TradingCosts(commission=1)), bars)
    assert "No costs are charged: commission 0, slippage 0." in free.warnings
    assert paid.warnings == ()
    assert paid.figures.fees_paid > 0 == free.figures.fees_paid


def test_one_session_has_no_sharpe_ratio_and_says_so() -> None:
    result = run_backtest(scenario_of(RULES["threshold"]), random_bars(5, 60, per_session=10**9))
    assert result.figures.observations == 1
    assert result.figures.sharpe_ratio is None
    assert any("two sessions" in warning for warning in result.warnings)
