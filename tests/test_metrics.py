from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultdash.metrics import worst_drawdown


@pytest.mark.parametrize(
    ("values", "worst"),
    [([], 0.0), ([5.0], 0.0), ([1.0, 2.0, 3.0], 0.0), ([100.0, 80.0, 120.0, 90.0], 0.25), ([0.0, -1.0], 0.0)],
)
def test_worst_drawdown_by_hand(values: list[float], worst: float) -> None:
    assert worst_drawdown(values) == pytest.approx(worst)


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=40))
def test_worst_drawdown_is_the_worst_of_all_pairs(values: list[float]) -> None:
    pairs = [(values[i] - values[j]) / values[i] for i in range(len(values)) for j in range(i, len(values))]
    assert worst_drawdown(values) == pytest.approx(max(pairs))
