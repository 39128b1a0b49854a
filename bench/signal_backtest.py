"""A million bars traded on a threshold: equity at every bar, round trips and six figures, by us and by two peers."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from bench.flow_paths import scenario, walk
from bench.flow_peers import (
    VectorbtWork,
    backtesting_run,
    vectorbt,
    vectorbt_engines,
    vectorbt_figures,
)
from bench.measure import medians, report
from vaultdash.orderflow.backtest import run_backtest, run_engine
from vaultdash.orderflow.figures import summarize

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultdash.market import Bars

COUNT = 1_000_000
SLOW_COUNT = 100_000
THRESHOLD = 2000.0
US = "vaultdash: equity, trips, twenty figures"
FIGURES = ("total_return", "max_drawdown", "win_rate", "average_win", "profit_factor", "expectancy")


def main() -> None:
    """Measure and print."""
    bars = walk(COUNT)
    seconds = medians(
        {US: lambda: _ours(bars), "vaultdash: and every bar's books checked": lambda: _ours_checked(bars)}
        | _vectorbt(bars),
        repeats=7,
    )
    slow = backtesting_run(walk(SLOW_COUNT), THRESHOLD)
    if slow is None:
        print("\nbacktesting.py is not installed, so that peer is left out: pip install backtesting")
    else:
        # A million of its bars take a quarter of a minute a run, so a tenth is run and multiplied.
        seconds["backtesting.py (ten times its 100,000 bars)"] = (
            medians({"slow": slow}, repeats=3)["slow"] * COUNT / SLOW_COUNT
        )
    trips = len(run_engine(scenario(THRESHOLD), bars, compiled=True).trips)
    report(
        f"Signal backtest: {COUNT:,} bars, {trips:,} round trips; equity, trades and {', '.join(FIGURES)}",
        seconds,
        us=US,
        goal="vectorbt 50 x ours, backtesting.py 1,000 x ours",
    )


def _ours(bars: Bars) -> dict[str, float]:
    asked = scenario(THRESHOLD)
    figures = summarize(run_engine(asked, bars, compiled=True), asked, bars, compiled=True)
    return {name: getattr(figures, name) for name in FIGURES}


def _ours_checked(bars: Bars) -> object:
    return run_backtest(scenario(THRESHOLD), bars)


def _vectorbt(bars: Bars) -> dict[str, Callable[[], object]]:
    library = vectorbt()
    if library is None:
        print("\nvectorbt is not installed, so that peer is left out: pip install 'vectorbt[rust]'")
        return {}

    work = VectorbtWork(library, bars)

    def run(engine: str) -> dict[str, float]:
        return vectorbt_figures(work.portfolio(THRESHOLD, engine))

    ours = _ours(bars)
    for engine in vectorbt_engines():
        theirs = run(engine)
        for name in FIGURES:
            if not math.isclose(ours[name], theirs[name], rel_tol=1e-6):
                print(f"\nvectorbt ({engine}) answers otherwise: {name} {theirs[name]!r} against {ours[name]!r}")
    return {f"vectorbt from_signals, {name} engine": partial(run, name) for name in vectorbt_engines()}
