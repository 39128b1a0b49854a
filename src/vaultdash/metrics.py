"""Pure figures over a path of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def worst_drawdown(values: Iterable[float]) -> float:
    """Largest fall below the running peak, as a positive fraction of that peak; 0.0 for a path that never falls.

    `values` are USD, in time order. A path whose peak is not above zero has no drawdown.
    """
    peak = 0.0
    worst = 0.0
    for value in values:
        peak = max(peak, value)
        if peak > 0:
            worst = max(worst, (peak - value) / peak)
    return worst
