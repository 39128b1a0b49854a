"""One scenario over one path of bars: score, engine, audit, figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultdash.orderflow.audit import audit
from vaultdash.orderflow.engine import run_reference
from vaultdash.orderflow.figures import summarize
from vaultdash.orderflow.result import BacktestResult

if TYPE_CHECKING:
    from vaultdash.market import Bars
    from vaultdash.orderflow.result import EngineRun
    from vaultdash.orderflow.scenario import Scenario

COMPILED_FROM = 250_000
"""Bars from which loading the compiled engine, over a second, costs less than it saves. Both answer the same."""


def run_backtest(scenario: Scenario, bars: Bars, *, compiled: bool | None = None) -> BacktestResult:
    """Run a scenario, check its books and take its figures. `compiled` is None for whichever engine is quicker.

    The bars must have been built with the scenario's `reset`. Raises BooksDoNotBalanceError where the books fail.
    """
    is_compiled = len(bars) >= COMPILED_FROM if compiled is None else compiled
    run = run_engine(scenario, bars, compiled=is_compiled)
    audit(run, scenario, bars, compiled=is_compiled)
    figures = summarize(run, scenario, bars, compiled=is_compiled)
    return BacktestResult(
        scenario=scenario,
        equity=run.equity,
        trips=run.trips,
        figures=figures,
        warnings=tuple(_warnings(scenario, bars, run, observations=figures.observations)),
    )


def run_engine(scenario: Scenario, bars: Bars, *, compiled: bool) -> EngineRun:
    """Score the bars and trade the words."""
    score = scenario.rule.score(bars, reset=scenario.reset)
    may_hold = None if scenario.trading_hours is None else scenario.trading_hours.may_hold(bars)
    if compiled:
        from vaultdash.orderflow.compiled import CompiledPath  # noqa: PLC0415 - numba takes over half a second to load

        return CompiledPath.of(scenario, bars, score.values, may_hold=may_hold).run(score.level)
    return run_reference(scenario, bars, score, may_hold=may_hold)


def _warnings(scenario: Scenario, bars: Bars, run: EngineRun, *, observations: int) -> list[str]:
    said = []
    if not len(bars):
        said.append("There is no bar in the window, so nothing was traded. Choose another window or symbol.")
    if scenario.fill == "same_close":
        said.append(
            "Fills are at the close of the bar that gave the signal (same_close): a price that was over when the "
            "signal was known. Use next_open for a figure to rely on."
        )
    if not (scenario.costs.commission > 0 or scenario.costs.slippage_ticks > 0):
        said.append("No costs are charged: commission 0, slippage 0.")
    if run.unfilled_orders:
        said.append(
            f"{run.unfilled_orders} orders were not filled: no equity was left, or the price was not above 0 and a "
            f"fraction of equity buys no number of units at it."
        )
    if len(bars) and not observations > 1:
        said.append("Sharpe and Sortino need returns of two sessions at least, from equity above 0; there are fewer.")
    return said
