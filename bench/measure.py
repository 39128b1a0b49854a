"""How every benchmark measures: medians over repeats, us and the peer in turns, so that both see the same machine."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def medians(contenders: Mapping[str, Callable[[], object]], *, repeats: int) -> dict[str, float]:
    """Seconds a call takes, the median over `repeats` rounds in which each contender runs once."""
    for run in contenders.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, run in contenders.items():
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(times) for name, times in seconds.items()}


def report(title: str, seconds: Mapping[str, float], *, us: str, goal: str) -> None:
    """Print one benchmark: milliseconds of each contender, and how many times our time it takes."""
    print(f"\n{title} (goal: {goal})")
    for name, value in seconds.items():
        print(f"  {name:<52}{value * 1e3:>10.2f} ms{value / seconds[us]:>9.2f} x ours")
