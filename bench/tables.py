"""What every benchmark prints: medians of repeated work, done in turns, and their ratios beside the goal."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def medians(works: Mapping[str, Callable[[], object]], *, repeats: int) -> dict[str, float]:
    """Median seconds of each work. They run in turns, so that what else the machine does falls on all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            start = time.perf_counter()
            result = work()
            seconds[name].append(time.perf_counter() - start)
            del result
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def print_table(title: str, rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a title, the first of them as heads, columns aligned."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    print(f"\n{title}")
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
