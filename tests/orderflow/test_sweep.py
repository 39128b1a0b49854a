from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from tests.orderflow.signal_paths import first_bars, random_bars, scenario_of
from vaultdash.errors import ImpossibleValueError
from vaultdash.metrics import deflated_sharpe_ratio, kurtosis, sharpe_ratio, skewness
from vaultdash.orderflow.backtest import run_backtest
from vaultdash.orderflow.figures import session_marks, session_returns
from vaultdash.orderflow.rules import Reset, ThresholdRule, cumulative_delta
from vaultdash.orderflow.scenario import Scenario, TradingCosts
from vaultdash.studies.threshold_sweep import sweep_thresholds

THRESHOLDS = [0.0, 10.0, 25.5, 40.0, 60.0, 90.0, 150.0, 1e6]
RESETS: tuple[Reset, ...] = ("session", "day", "none")
BASE = scenario_of(ThresholdRule(), mode="long_short", costs=TradingCosts(commission=1, slippage_ticks=1))
GUARDED = replace(BASE, stop_ticks=12, target_ticks=20, flat_at_session_end=True)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("scenario", [BASE, GUARDED], ids=["plain", "guarded"])
def test_every_trial_is_the_run_it_stands_for(scenario: Scenario, threads: int) -> None:
    bars = random_bars(8, 600, per_session=30)
    swept = sweep_thresholds(scenario, bars, thresholds=THRESHOLDS, resets=RESETS, threads=threads)
    assert [(trial.reset, trial.threshold) for trial in swept.trials] == [
        (reset, threshold) for reset in RESETS for threshold in THRESHOLDS
    ]
    for trial in swept.trials:
        alone = run_backtest(
            replace(scenario, reset=trial.reset, rule=ThresholdRule(threshold=trial.threshold)),
            replace(bars, cumulative_delta=cumulative_delta(bars, trial.reset)),
            compiled=False,
        )
        figures = asdict(alone.figures)
        for name, value in asdict(trial).items():
            expected = figures.get(name, value)
            near = expected if expected is None or isinstance(expected, str) else pytest.approx(expected, rel=1e-9)
            assert value == near, (trial.threshold, trial.reset, name)
    assert sum(trial.total_trades > 3 for trial in swept.trials) > 6, "trials without trades show nothing"


def test_the_winner_has_the_highest_sharpe_ratio_and_says_how_many_it_beat() -> None:
    bars = random_bars(8, 600, per_session=30)
    swept = sweep_thresholds(BASE, bars, thresholds=THRESHOLDS, resets=RESETS)
    winner = swept.winner
    assert winner.trials == len(swept.trials) == 24
    known = [trial.sharpe_ratio for trial in swept.trials if trial.sharpe_ratio is not None]
    assert winner.trial.sharpe_ratio == max(known)
    assert winner.result.figures.sharpe_ratio == pytest.approx(winner.trial.sharpe_ratio)
    assert winner.result.scenario.rule == ThresholdRule(threshold=winner.trial.threshold)
    assert winner.result.scenario.reset == winner.trial.reset

    returns = session_returns(winner.result.equity[session_marks(bars)], capital=10_000)
    sharpe, skew, kurt = sharpe_ratio(returns), skewness(returns), kurtosis(returns)
    assert sharpe is not None
    assert skew is not None
    assert kurt is not None
    variance = float(np.var(np.array(known) / np.sqrt(252), ddof=1))
    assert winner.deflated_sharpe_ratio == pytest.approx(
        deflated_sharpe_ratio(
            sharpe=sharpe, observations=len(returns), skew=skew, kurt=kurt, trials=24, variance=variance
        )
    )
    assert winner.expected_best_sharpe is not None
    assert winner.expected_best_sharpe > 0


def test_a_single_trial_is_deflated_by_nothing() -> None:
    swept = sweep_thresholds(BASE, random_bars(8, 600, per_session=30), thresholds=[40])
    assert swept.winner.trials == 1
    assert swept.winner.expected_best_sharpe == 0
    assert swept.trials[0].reset == BASE.reset


def test_more_trials_deflate_the_same_winner_further() -> None:
    bars = random_bars(8, 600, per_session=30)
    few = sweep_thresholds(BASE, bars, thresholds=THRESHOLDS)
    many = sweep_thresholds(BASE, bars, thresholds=[*THRESHOLDS, *(1e6 + at for at in range(1, 40))])
    assert few.winner.trial == many.winner.trial
    assert few.winner.deflated_sharpe_ratio is not None
    assert many.winner.deflated_sharpe_ratio is not None
    assert many.winner.trials == few.winner.trials + 39


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_bars_leave_the_winner_to_the_lowest_threshold(count: int) -> None:
    swept = sweep_thresholds(
        BASE, first_bars(random_bars(3, 9, per_session=10**9), count), thresholds=[300, 200, 10**6]
    )
    assert swept.winner.trial.threshold == 200
    assert swept.winner.deflated_sharpe_ratio is None
    assert {trial.final_capital for trial in swept.trials} == {10_000}


def test_every_trial_is_told_of() -> None:
    told: list[str] = []
    sweep_thresholds(BASE, random_bars(8, 100), thresholds=THRESHOLDS, resets=RESETS[:2], on_trial=told.append)
    assert sorted(told) == sorted([f"threshold {threshold:g}" for threshold in THRESHOLDS] * 2)


@pytest.mark.parametrize("thresholds", [[], [5, 5], [float("nan")], [-1.0]])
def test_thresholds_that_cannot_be_are_refused(thresholds: list[float]) -> None:
    with pytest.raises(ImpossibleValueError, match="threshold"):
        sweep_thresholds(BASE, random_bars(8, 100), thresholds=thresholds)


def test_resets_that_cannot_be_are_refused() -> None:
    with pytest.raises(ImpossibleValueError, match="resets"):
        sweep_thresholds(BASE, random_bars(8, 100), thresholds=[5], resets=())
