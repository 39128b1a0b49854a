"""Every threshold under every reset over the same bars, and what the best of so many is worth."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import inf, sqrt
from os import cpu_count
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vaultdash.errors import ImpossibleValueError
from vaultdash.metrics import deflated_sharpe_ratio, expected_best_sharpe, kurtosis, sharpe_ratio, skewness
from vaultdash.orderflow.backtest import run_backtest
from vaultdash.orderflow.figures import session_marks, session_returns, trip_figures
from vaultdash.orderflow.result import BacktestResult
from vaultdash.orderflow.rules import Reset, ThresholdRule, cumulative_delta
from vaultdash.orderflow.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from vaultdash.market import Bars
    from vaultdash.orderflow.compiled import CompiledPath


TRIALS_AT_ONCE = 16
"""Trials a worker runs in one call, before it counts them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One threshold under one reset. Figures as in `orderflow.result.Figures`."""

    threshold: float
    reset: Reset
    final_capital: float
    total_return: float
    total_trades: int
    winning_trades: int
    losing_trades: int
    win_rate: float | None
    average_win: float | None
    average_loss: float | None
    profit_factor: float | None
    expectancy: float | None
    sharpe_ratio: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Winner:
    """The trial with the highest Sharpe ratio (total return where none has one), run again in full.

    `expected_best_sharpe` is the yearly Sharpe ratio that the best of as many worthless trials would show;
    `deflated_sharpe_ratio` is how likely it is, from 0 to 1, that this one's true ratio is above that.
    """

    trial: Trial
    result: BacktestResult
    trials: int
    expected_best_sharpe: float | None
    deflated_sharpe_ratio: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepResult:
    """Every trial in the order asked, resets outermost, and the winner with the number of trials it beat."""

    scenario: Scenario
    trials: tuple[Trial, ...]
    winner: Winner


class _Task(NamedTuple):
    path: CompiledPath
    marks: NDArray[np.int64]
    rules: Sequence[ThresholdRule]
    on_trial: Callable[[str], None] | None


def sweep_thresholds(
    scenario: Scenario,
    bars: Bars,
    *,
    thresholds: Sequence[float],
    resets: Sequence[Reset] | None = None,
    threads: int | None = None,
    on_trial: Callable[[str], None] | None = None,
) -> SweepResult:
    """Run the scenario once for every threshold under every reset; all else is the scenario's.

    `resets` is the scenario's own where None; the cumulative delta is summed anew for each. `threads` is the number
    of processors where None; `on_trial` is called, from any of them, with the name of each trial that is done.
    Raises ImpossibleValueError for no threshold, one named twice, or one that no rule can have.
    """
    rules = [ThresholdRule(threshold=threshold) for threshold in thresholds]
    asked = tuple(resets) if resets is not None else (scenario.reset,)
    _require_each_once("thresholds", thresholds)
    _require_each_once("resets", asked)
    workers = max(1, min(threads or cpu_count() or 1, len(rules)))
    marks = session_marks(bars)
    trials: list[Trial] = []
    with ThreadPoolExecutor(workers) as pool:
        for reset in asked:
            path = _path(replace(scenario, reset=reset, rule=rules[0]), bars)
            # Each worker takes every n-th rule: low thresholds trade more, so neighbours take alike long.
            tasks = [_Task(path, marks, rules[worker::workers], on_trial) for worker in range(workers)]
            found: list[Trial | None] = [None] * len(rules)
            for worker, part in enumerate(pool.map(_run_trials, tasks)):
                found[worker::workers] = part
            trials.extend(trial for trial in found if trial is not None)
    return SweepResult(scenario=scenario, trials=tuple(trials), winner=_winner(scenario, bars, trials))


def _path(scenario: Scenario, bars: Bars) -> CompiledPath:
    from vaultdash.orderflow.compiled import CompiledPath  # noqa: PLC0415 - numba takes over half a second to load

    may_hold = None if scenario.trading_hours is None else scenario.trading_hours.may_hold(bars)
    return CompiledPath.of(scenario, bars, cumulative_delta(bars, scenario.reset), may_hold=may_hold)


def _run_trials(task: _Task) -> list[Trial]:
    """Run one worker's share, in one piece of memory for its round trips."""
    scenario, room, done = task.path.scenario, task.path.room(), list[Trial]()
    for begin in range(0, len(task.rules), TRIALS_AT_ONCE):
        rules = task.rules[begin : begin + TRIALS_AT_ONCE]
        equity, tallies = task.path.run_levels([rule.level for rule in rules], marks=task.marks, room=room)
        for rule, path, tally in zip(rules, equity, tallies.tolist(), strict=True):
            done.append(_trial(scenario, rule, path, tally))
            if task.on_trial is not None:
                task.on_trial(f"threshold {rule.threshold:g}")
    return done


def _trial(
    scenario: Scenario, rule: ThresholdRule, equity: NDArray[np.float64], tally: tuple[int, int, int, float, float]
) -> Trial:
    capital = scenario.initial_capital
    final = float(equity[-1]) if len(equity) else capital
    returns = session_returns(equity, capital=capital)
    total, winning, losing, gained, lost = tally
    figures = trip_figures(total=total, winning=winning, losing=losing, gained=gained, lost=lost)
    return Trial(
        threshold=rule.threshold,
        reset=scenario.reset,
        final_capital=final,
        total_return=final / capital - 1,
        sharpe_ratio=sharpe_ratio(returns, periods_per_year=scenario.sessions_per_year),
        **figures._asdict(),
    )


def _winner(scenario: Scenario, bars: Bars, trials: Sequence[Trial]) -> Winner:
    best = max(trials, key=_merit)
    asked = replace(scenario, reset=best.reset, rule=ThresholdRule(threshold=best.threshold))
    theirs = replace(bars, cumulative_delta=cumulative_delta(bars, best.reset))
    result = run_backtest(asked, theirs, compiled=True)
    luck, deflated = _deflate(scenario, bars, result, trials)
    return Winner(
        trial=best, result=result, trials=len(trials), expected_best_sharpe=luck, deflated_sharpe_ratio=deflated
    )


def _merit(trial: Trial) -> tuple[float, float, float]:
    return (-inf if trial.sharpe_ratio is None else trial.sharpe_ratio, trial.total_return, -trial.threshold)


def _deflate(
    scenario: Scenario, bars: Bars, result: BacktestResult, trials: Sequence[Trial]
) -> tuple[float | None, float | None]:
    """Yearly Sharpe ratio of luck alone, and the winner's deflated Sharpe ratio; None where it has no Sharpe ratio."""
    returns = session_returns(result.equity[session_marks(bars)], capital=scenario.initial_capital)
    sharpe, skew, kurt = sharpe_ratio(returns), skewness(returns), kurtosis(returns)
    if sharpe is None or skew is None or kurt is None:
        return None, None
    year = sqrt(scenario.sessions_per_year)
    ratios = np.array([trial.sharpe_ratio / year for trial in trials if trial.sharpe_ratio is not None])
    variance = float(ratios.var(ddof=1)) if len(ratios) > 1 else 0.0
    luck = expected_best_sharpe(trials=len(trials), variance=variance)
    deflated = deflated_sharpe_ratio(
        sharpe=sharpe, observations=len(returns), skew=skew, kurt=kurt, trials=len(trials), variance=variance
    )
    return luck * year, deflated


def _require_each_once(field: str, values: Sequence[object]) -> None:
    if not (len(values) > 0 and len(set(values)) == len(values)):
        raise ImpossibleValueError(
            owner="Threshold sweep", field=field, value=tuple(values)[:5], must="name one at least, and each once"
        )
