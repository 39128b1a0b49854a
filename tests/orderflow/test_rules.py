from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.orderflow.signal_paths import RULES, bars_of, first_bars, random_bars
from vaultdash.errors import ImpossibleValueError
from vaultdash.market import Direction
from vaultdash.orderflow.rules import (
    BreakoutRule,
    DivergenceRule,
    Reset,
    ThresholdRule,
    ZScoreRule,
    bars_before_in_run,
    cumulative_delta,
    highest_before,
    sum_before,
)

NAN, INFINITY = float("nan"), float("inf")


def words(rule: Any, bars: Any, reset: Reset = "none") -> list[int]:
    score = rule.score(bars, reset=reset)
    return [int(score.word(at)) for at in range(len(bars))]


def test_a_threshold_is_passed_not_touched() -> None:
    bars = bars_of(cumulative_delta=[0, 2, 3, 2, -2, -3, 0])
    assert words(ThresholdRule(threshold=2), bars) == [0, 0, 1, 0, 0, -1, 0]
    assert words(ThresholdRule(threshold=2.5), bars) == [0, 0, 1, 0, 0, -1, 0]
    assert words(ThresholdRule(threshold=1.5), bars) == [0, 1, 1, 1, -1, -1, 0]
    assert words(ThresholdRule(threshold=0), bars) == [0, 1, 1, 1, -1, -1, 0]


def test_divergence_is_a_new_high_in_price_that_the_delta_does_not_make() -> None:
    close = [10, 11, 12, 13, 14, 9, 8]
    assert words(DivergenceRule(lookback=2), bars_of(close=close, cumulative_delta=[0, 5, 4, 5, 6, 7, 1])) == [
        0, 0, -1, -1, 0, 1, 0,
    ]  # fmt: skip


def test_a_breakout_tops_or_undercuts_the_whole_look_back() -> None:
    bars = bars_of(cumulative_delta=[5, 6, 6, 7, 4, 3, 9, 9])
    assert words(BreakoutRule(lookback=3), bars) == [0, 0, 0, 1, -1, -1, 1, 0]


def test_a_z_score_by_hand() -> None:
    # Before the fourth bar: mean 2, deviation 1; before the next two: mean 3, deviation 1;
    # before the last two all deltas are the same.
    bars = bars_of(volume_delta=[1, 2, 3, 4, 2, 2, 2, 2, 9])
    assert words(ZScoreRule(lookback=3, entry=1.9), bars) == [0, 0, 0, 1, 0, 0, 0, 0, 0]
    assert words(ZScoreRule(lookback=3, entry=2), bars) == [0] * 9
    assert words(ZScoreRule(lookback=3, entry=0.9), bars) == [0, 0, 0, 1, -1, -1, 0, 0, 0]


@pytest.mark.parametrize(
    "rule", [DivergenceRule(lookback=2), ZScoreRule(lookback=2, entry=1), BreakoutRule(lookback=2)]
)
def test_a_look_back_never_reaches_over_a_reset(rule: Any) -> None:
    """Each session alone says what it says among others."""
    bars = random_bars(4, 90, per_session=9)
    together = rule.score(bars, reset="session").values
    begins = [0, *(np.flatnonzero(np.diff(bars.session)) + 1).tolist(), len(bars)]
    assert len(begins) > 5
    alone = []
    for begin, end in pairwise(begins):
        whole = first_bars(bars, end)
        part = type(whole)(**{name: getattr(whole, name)[begin:] for name in whole.__slots__})
        alone.extend(rule.score(part, reset="session").values.tolist())
    assert together.tolist() == alone
    assert any(alone)


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_score_has_one_value_a_bar_however_few(kind: str, count: int) -> None:
    assert len(RULES[kind].score(random_bars(1, count), reset="session").values) == count


@pytest.mark.parametrize("kind", RULES)
def test_deltas_of_nothing_say_nothing(kind: str) -> None:
    silence = bars_of(close=[5, 5, 5, 5, 5, 5, 5, 5], volume_delta=[0] * 8, cumulative_delta=[0] * 8)
    assert words(RULES[kind], silence) == [0] * 8


def test_a_divergence_under_deltas_of_nothing_is_a_divergence() -> None:
    """A rise without any buying is what the rule looks for; data without sides is refused elsewhere."""
    rise = bars_of(close=[5, 6, 7], volume_delta=[0] * 3, cumulative_delta=[0] * 3)
    assert words(DivergenceRule(lookback=1), rise) == [0, -1, -1]


@given(values=st.lists(st.integers(-50, 50), max_size=40), back=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_windows_are_those_of_a_plain_loop(values: list[int], back: int) -> None:
    column = np.array(values, np.int64)
    highest, total = highest_before(column, back), sum_before(column, back)
    assert len(highest) == len(total) == len(values)
    for at in range(back, len(values)):
        assert highest[at] == max(values[at - back : at])
        assert total[at] == sum(values[at - back : at])


def test_a_sum_of_squares_is_exact_after_the_running_sum_has_wrapped() -> None:
    column = np.full(40, 2**60, np.int64)
    assert sum_before(column, 3)[3:].tolist() == [3 * 2**60] * 37


@pytest.mark.parametrize("reset", ["session", "day", "none"])
def test_the_cumulative_delta_under_any_reset(reset: Reset) -> None:
    bars = random_bars(12, 300, reset=reset)
    np.testing.assert_array_equal(cumulative_delta(bars, reset), bars.cumulative_delta)
    age = bars_before_in_run(bars, reset)
    assert age[0] == 0
    assert (age.max() == 299) == (reset == "none")


@pytest.mark.parametrize(
    ("rule", "field", "value"),
    [
        (ThresholdRule, "threshold", NAN),
        (ThresholdRule, "threshold", -1),
        (ThresholdRule, "threshold", INFINITY),
        (DivergenceRule, "lookback", 0),
        (DivergenceRule, "lookback", 2.5),
        (DivergenceRule, "lookback", NAN),
        (ZScoreRule, "lookback", 1),
        (ZScoreRule, "entry", 0),
        (ZScoreRule, "entry", NAN),
        (BreakoutRule, "lookback", 10**9),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_name(rule: Any, field: str, value: float) -> None:
    with pytest.raises(ImpossibleValueError, match=f"{field} is {value!r}, but it must"):
        rule(**{field: value})


def test_a_word_is_a_direction() -> None:
    score = ThresholdRule(threshold=1).score(bars_of(cumulative_delta=[2, 0, -2]), reset="none")
    assert [score.word(at) for at in range(3)] == [Direction.LONG, Direction.FLAT, Direction.SHORT]
