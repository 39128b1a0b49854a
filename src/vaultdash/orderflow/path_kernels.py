"""What is asked of a whole path of equity, compiled: whether it is the audit's, and its drawdown.

Loading numba takes over half a second, so this module is imported only for work that earns it.
"""

# numba ships no types, so its decorator makes a typed function untyped in mypy's eyes; and it calls by position only.
# mypy: disable-error-code="untyped-decorator"
# ruff: noqa: PLR0917

from __future__ import annotations

from typing import TYPE_CHECKING

from numba import njit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

DRAWDOWN_BLOCK = 1024
"""Bars to a block: 8 KB of equity, which the nearest cache holds for the second look."""


@njit(cache=True, nogil=True, error_model="numpy")
def count_gaps(
    equity: Floats, closes: Ints, edges: Ints, cash: Floats, slope: Floats, entry: Ints, tolerance: float
) -> int:
    """Count the bars on which equity is not that of the audit's stretches; 0 bars where all agree."""
    gaps = 0
    for stretch in range(len(cash)):
        booked = equity[edges[stretch] : edges[stretch + 1]]
        prices = closes[edges[stretch] : edges[stretch + 1]]
        for at in range(len(booked)):
            expected = cash[stretch] + slope[stretch] * (prices[at] - entry[stretch])
            gaps += not abs(booked[at] - expected) <= tolerance
    return gaps


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})
def _lowest_and_highest(values: Floats) -> tuple[float, float]:
    """Extremes of one value at least, none of them NaN: leave to assume so makes the loop a vector one."""
    low = high = values[0]
    for at in range(len(values)):
        low = min(low, values[at])
        high = max(high, values[at])
    return low, high


@njit(cache=True, nogil=True, error_model="numpy")
def max_drawdown(values: Floats, start: float) -> float:
    """`metrics.max_drawdown`, in blocks that stay in the nearest cache; only those that can be the worst are walked."""
    worst, peak = 0.0, start
    for begin in range(0, len(values), DRAWDOWN_BLOCK):
        part = values[begin : begin + DRAWDOWN_BLOCK]
        low, high = _lowest_and_highest(part)
        top = max(peak, high)
        if top - low > worst * top:
            for at in range(len(part)):
                peak = max(peak, part[at])
                worst = max(worst, (peak - part[at]) / peak)
        peak = top
    return worst
