"""A thousand thresholds over a million bars: ours with trades and Sharpe ratios, vectorbt with the return alone."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from bench.flow_paths import scenario, walk
from bench.flow_peers import VectorbtWork, vectorbt, vectorbt_engines
from bench.measure import medians, report
from vaultdash.studies.threshold_sweep import sweep_thresholds

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultdash.market import Bars

COUNT = 1_000_000
THRESHOLDS = [10.0 * step for step in range(1, 1001)]
PEER_THRESHOLDS = THRESHOLDS[49::100]
US = "vaultdash: trips, return, Sharpe and the winner's DSR"


def main() -> None:
    """Measure and print."""
    bars = walk(COUNT)
    seconds = medians({US: lambda: _ours(bars), "vaultdash, one thread": lambda: _ours(bars, threads=1)}, repeats=5)
    scale = len(THRESHOLDS) / len(PEER_THRESHOLDS)
    for name, run in _vectorbt(bars).items():
        # A thousand take the peer about a minute, and more in one call than one by one: every hundredth is run.
        seconds[f"{name}, return only ({scale:g} x its {len(PEER_THRESHOLDS)})"] = (
            medians({name: run}, repeats=3)[name] * scale
        )
    report(
        f"Threshold sweep: {len(THRESHOLDS):,} thresholds over {COUNT:,} bars",
        seconds,
        us=US,
        goal="vectorbt 100 x ours",
    )


def _ours(bars: Bars, threads: int | None = None) -> dict[float, float]:
    swept = sweep_thresholds(scenario(0), bars, thresholds=THRESHOLDS, threads=threads)
    return {trial.threshold: trial.total_return for trial in swept.trials}


def _vectorbt(bars: Bars) -> dict[str, Callable[[], object]]:
    library = vectorbt()
    if library is None:
        print("\nvectorbt is not installed, so that peer is left out: pip install 'vectorbt[rust]'")
        return {}

    work = VectorbtWork(library, bars)

    def run(engine: str) -> list[float]:
        return [float(work.portfolio(level, engine).total_return()) for level in PEER_THRESHOLDS]

    ours = _ours(bars)
    for engine in vectorbt_engines():
        for threshold, value in zip(PEER_THRESHOLDS, run(engine), strict=True):
            if not math.isclose(ours[threshold], value, rel_tol=1e-6, abs_tol=1e-12):
                print(
                    f"\nvectorbt ({engine}) answers otherwise at {threshold:g}: {value!r} against {ours[threshold]!r}"
                )
    return {f"vectorbt {name}": partial(run, name) for name in vectorbt_engines()}
