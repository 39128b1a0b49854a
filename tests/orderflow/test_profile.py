from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.orderflow.tapes import DAY, MINUTE, SECOND, Tape, bars_of, tape, tapes
from vaultdash.errors import ImpossibleValueError
from vaultdash.market import Bars
from vaultdash.orderflow import levels
from vaultdash.orderflow.bar_spec import BarSpec
from vaultdash.orderflow.bars import BarBuilder
from vaultdash.orderflow.levels import Footprint
from vaultdash.orderflow.profile import divergences, imbalances, volume_profile

TICK = 250_000_000


def footprint_of(rows: Tape, spec: str = "1d") -> Footprint:
    return bars_of(rows, BarBuilder(BarSpec.parse(spec), with_footprint=True))[1].footprint


def at_levels(*volumes: int) -> Footprint:
    """One bar whose prices are 1, 2, 3 ... with these volumes, all bought."""
    return footprint_of(tape(*((0, price, volume, "B") for price, volume in enumerate(volumes, 1) if volume)))


def area(*volumes: int, **choices: Any) -> tuple[int, int, int]:
    """Point of control, low and high of the value area, as whole prices."""
    found = volume_profile(at_levels(*volumes), **choices)
    assert found is not None
    return tuple(price // SECOND for price in (found.point_of_control, found.value_area_low, found.value_area_high))  # type: ignore[return-value]  # three of them


def test_the_value_area_grows_by_the_larger_pair_from_the_point_of_control() -> None:
    # 100 in all, 70 wanted: 30 + (20 + 10 above against 15 + 5 below) = 60, then the 20 below against 6 + 4 above.
    assert area(5, 5, 15, 30, 20, 10, 6, 4, 5) == (4, 2, 6)


def test_of_equal_pairs_the_one_above_is_taken() -> None:
    assert area(10, 10, 30, 10, 10, value_area=0.6) == (3, 3, 5)


def test_near_an_end_a_pair_may_be_one_level_or_none() -> None:
    assert area(50, 1, 1, 1, value_area=1.0) == (1, 1, 4)
    assert area(1, 50, 2, value_area=0.96) == (2, 2, 3)


def test_of_equal_volumes_the_price_nearest_the_middle_is_in_control_then_the_lower() -> None:
    assert area(9, 1, 9, 1, 1, value_area=0.01)[0] == 3
    assert area(9, 1, 1, 9, value_area=0.01)[0] == 1


def test_the_share_is_exact() -> None:
    """7 of 10 is 70 %: a float product that came out above it would take one level more."""
    assert area(0, 7, 3, value_area=0.7) == (2, 2, 2)


def test_no_trades_have_no_profile() -> None:
    assert volume_profile(footprint_of([])) is None


@pytest.mark.parametrize("share", [0.0, 1.1, -1.0, float("nan")])
def test_an_impossible_value_area_is_refused(share: float) -> None:
    with pytest.raises(ImpossibleValueError, match="value_area"):
        volume_profile(at_levels(1), value_area=share)


@given(volumes=st.lists(st.integers(0, 20), min_size=1, max_size=14).filter(any), percent=st.integers(1, 100))
@settings(max_examples=150, deadline=None)
def test_the_value_area_agrees_with_a_plain_loop(volumes: list[int], percent: int) -> None:
    rows = [(price, volume) for price, volume in enumerate(volumes, 1) if volume]
    most = max(volume for _, volume in rows)
    middle = Fraction(rows[0][0] + rows[-1][0], 2)
    control = min((abs(price - middle), price) for price, volume in rows if volume == most)[1]
    at = [price for price, _ in rows].index(control)
    chosen, above, below = [rows[at]], rows[at + 1 :], rows[:at]
    while 100 * sum(volume for _, volume in chosen) < percent * sum(volumes):
        up, down = above[:2], below[-2:]
        if up and sum(v for _, v in up) >= sum(v for _, v in down):
            chosen, above = chosen + up, above[2:]
        else:
            chosen, below = chosen + down, below[:-2]
    expected = (control, min(chosen)[0], max(chosen)[0])
    assert area(*volumes, value_area=percent / 100) == expected


def test_a_profile_of_some_bars_is_that_of_their_trades() -> None:
    rows = tape((0, 10, 1, "B"), (MINUTE, 10, 2, "A"), (MINUTE + 1, 11, 3, "N"), (2 * MINUTE, 12, 9, "B"))
    found = volume_profile(footprint_of(rows, "1m").bars(0, 2))
    assert found is not None
    assert found.price.tolist() == [10 * SECOND, 11 * SECOND]
    assert found.volume.tolist() == [3, 3]
    assert (found.buy_volume.tolist(), found.sell_volume.tolist()) == ([1, 0], [2, 0])
    assert found.unsided_volume.tolist() == [0, 3]
    assert found.value_area_volume == 6


@given(rows=tapes())
@settings(max_examples=40, deadline=None)
def test_counting_and_sorting_give_the_same_levels(rows: Tape) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "DENSE_CELLS_PER_ROW", 0)
        by_sorting = footprint_of(rows, "5m")
        patch.setattr(levels, "DENSE_CELLS_PER_ROW", 10**6 if _spans_little(rows) else 0)
        by_counting = footprint_of(rows, "5m")
    for name in ("offsets", "price", "buy_volume", "sell_volume", "unsided_volume"):
        assert getattr(by_sorting, name).tolist() == getattr(by_counting, name).tolist()


def test_a_price_off_the_grid_of_all_before_it_is_a_level_of_its_own() -> None:
    rows = tape(*((at, 100 + 0.25 * (at % 5), 1, "B") for at in range(2000)), (2000, 100.05, 7, "A"))
    found = footprint_of(rows)
    assert found.price.tolist() == [round(price * SECOND) for price in (100, 100.05, 100.25, 100.5, 100.75, 101)]
    assert found.volume.tolist() == [400, 7, 400, 400, 400, 400]


def _spans_little(rows: Tape) -> bool:
    prices = [row["price"] for row in rows]
    return bool(prices) and max(prices) - min(prices) < 10**10


def test_imbalances_compare_across_the_spread() -> None:
    # price: bought, sold. 100.25 bought 9 against 3 sold below; 99.75 sold 8 against 2 bought above.
    rows = tape(
        (0, 100.25, 9, "B"),
        (1, 100.25, 1, "A"),
        (2, 100, 2, "B"),
        (3, 100, 3, "A"),
        (4, 99.75, 8, "A"),
        (5, 99.75, 1, "B"),
    )
    found = imbalances(footprint_of(rows), tick=TICK, least_volume=2)
    assert found.side.tolist() == [-1, 0, 1]
    assert not found.is_stacked.any()


def test_a_level_without_trades_counts_as_zero_and_breaks_a_stack() -> None:
    rows = tape(*((at, 100 + tick * 0.25, 5, "B") for at, tick in enumerate([0, 1, 2, 4, 5])))
    found = imbalances(footprint_of(rows), tick=TICK)
    assert found.side.tolist() == [1, 1, 1, 1, 1]
    assert found.is_stacked.tolist() == [True, True, True, False, False]


def test_stacks_do_not_reach_from_one_bar_into_the_next() -> None:
    rows = tape((0, 100, 5, "B"), (1, 100.25, 5, "B"), (MINUTE, 100.5, 5, "B"), (MINUTE + 1, 100.75, 5, "B"))
    assert not imbalances(footprint_of(rows, "1m"), tick=TICK).is_stacked.any()
    assert imbalances(footprint_of(rows, "1d"), tick=TICK).is_stacked.all()
    assert len(imbalances(footprint_of([]), tick=TICK).side) == 0


@pytest.mark.parametrize(
    "choice", [{"tick": 0}, {"ratio": 0.5}, {"ratio": float("nan")}, {"least_volume": 0}, {"stack": 0}]
)
def test_impossible_imbalances_are_refused(choice: dict[str, Any]) -> None:
    with pytest.raises(ImpossibleValueError, match=next(iter(choice))):
        imbalances(at_levels(1), **({"tick": TICK} | choice))


def bars_by_minute(*rows: tuple[float, int]) -> Bars:
    """One trade a minute: price, and size bought (or sold, below zero)."""
    trades = tape(
        *((at * MINUTE, price, abs(delta), "B" if delta > 0 else "A") for at, (price, delta) in enumerate(rows))
    )
    return bars_of(trades, BarBuilder(BarSpec.parse("1m")))[0]


def test_a_new_high_on_a_lower_delta_is_bearish_and_the_mirror_bullish() -> None:
    rising = bars_by_minute((10, 9), (11, 5), (12, -8), (13, 20))
    assert divergences(rising, look_back=2).tolist() == [0, 0, -1, 0]
    falling = bars_by_minute((13, -9), (12, -5), (11, 8), (10, -20))
    assert divergences(falling, look_back=2).tolist() == [0, 0, 1, 0]


def test_a_look_back_never_leaves_its_session() -> None:
    rows = [
        row
        for day in range(2)
        for row in tape(*((day * DAY + at * MINUTE, 10 + day * 3 + at, 9 - 4 * at, "B") for at in range(2)))
    ]
    bars, _ = bars_of(rows, BarBuilder(BarSpec.parse("1m")))
    assert len(set(bars.session.tolist())) == 2
    assert divergences(bars, look_back=2).tolist() == [0, 0, 0, 0]
    assert divergences(bars, look_back=50).tolist() == [0, 0, 0, 0]


@given(
    steps=st.lists(st.tuples(st.integers(-3, 3), st.integers(-5, 5).filter(bool)), max_size=40), back=st.integers(1, 6)
)
@settings(max_examples=80, deadline=None)
def test_divergences_agree_with_a_plain_loop(steps: list[tuple[int, int]], back: int) -> None:
    prices = [100 + sum(step for step, _ in steps[: at + 1]) for at in range(len(steps))]
    bars = bars_by_minute(*((price, delta) for price, (_, delta) in zip(prices, steps, strict=True)))
    running = [sum(delta for _, delta in steps[: at + 1]) for at in range(len(steps))]
    expected = [0] * min(back, len(steps))
    for at in range(back, len(steps)):
        before, deltas = prices[at - back : at], running[at - back : at]
        bearish = prices[at] > max(before) and running[at] < max(deltas)
        bullish = prices[at] < min(before) and running[at] > min(deltas)
        expected.append(int(bullish) - int(bearish))
    assert divergences(bars, look_back=back).tolist() == expected
