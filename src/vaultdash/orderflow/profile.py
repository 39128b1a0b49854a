"""What the levels say: the price most traded, the value area, imbalances, and bars whose price and delta part."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vaultdash.orderflow.checks import require, require_whole, require_within

if TYPE_CHECKING:
    from vaultdash.market import Bars
    from vaultdash.orderflow.levels import Footprint

    Ints = NDArray[np.int64]

VALUE_AREA = 0.70
IMBALANCE_RATIO = 3.0
STACK = 3
HIGHEST_TICK = 10**18
LARGEST_RATIO = 1e6
LONGEST_LOOK_BACK = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class VolumeProfile:
    """Volume by price over a stretch of bars, prices rising; columns (levels,), int64, prices in 1e-9.

    `point_of_control` is the price with the largest volume; of equals the one nearest the middle of the range, then
    the lower. The value area holds at least `value_area` of the volume: it starts as the point of control and grows
    by the two traded levels above or the two below, whichever pair has the larger volume (of equals the pair above;
    near an end a pair may be one level), until the share is reached. Source: the rule of the CBOT Market Profile.
    """

    price: NDArray[np.int64]
    volume: NDArray[np.int64]
    buy_volume: NDArray[np.int64]
    sell_volume: NDArray[np.int64]
    unsided_volume: NDArray[np.int64]
    point_of_control: int
    value_area_low: int
    value_area_high: int
    value_area_volume: int


def volume_profile(footprint: Footprint, *, value_area: float = VALUE_AREA) -> VolumeProfile | None:
    """Return the profile of all bars of a footprint together (`footprint.bars` takes a stretch); None without trades.

    Raises ImpossibleValueError for a value area outside (0, 1].
    """
    require(
        fact=0 < value_area <= 1,
        owner="The volume profile",
        field="value_area",
        value=value_area,
        must="be a fraction above 0 and at most 1",
    )
    levels = footprint.merged()
    volume = levels.volume
    if not len(volume):
        return None
    control = _point_of_control(levels.price, volume)
    low, high = _value_area(volume, control, share=Fraction(str(value_area)))
    return VolumeProfile(
        price=levels.price,
        volume=volume,
        buy_volume=levels.buy_volume,
        sell_volume=levels.sell_volume,
        unsided_volume=levels.unsided_volume,
        point_of_control=int(levels.price[control]),
        value_area_low=int(levels.price[low]),
        value_area_high=int(levels.price[high]),
        value_area_volume=int(volume[low : high + 1].sum()),
    )


def _point_of_control(price: Ints, volume: Ints) -> int:
    largest = np.flatnonzero(volume == volume.max())
    middle_twice = int(price[0]) + int(price[-1])
    return min(largest.tolist(), key=lambda at: (abs(2 * int(price[at]) - middle_twice), at))


def _value_area(volume: Ints, control: int, *, share: Fraction) -> tuple[int, int]:
    """First and last level of the value area."""
    wanted = share * int(volume.sum())
    low = high = control
    inside = int(volume[control])
    while inside < wanted:
        above, below = volume[high + 1 : high + 3], volume[max(low - 2, 0) : low]
        if len(above) and int(above.sum()) >= int(below.sum()):
            high += len(above)
            inside += int(above.sum())
        else:
            low -= len(below)
            inside += int(below.sum())
    return low, high


@dataclass(frozen=True, kw_only=True, slots=True)
class Imbalances:
    """Levels at which one side outweighs the other across the spread; (levels,), as the footprint's.

    `side` is +1 where buyers outweigh, -1 where sellers do, 0 elsewhere and where both do. `is_stacked` marks runs of
    neighbouring levels, one tick apart in one bar, that lean to one side.
    """

    side: NDArray[np.int8]
    is_stacked: NDArray[np.bool_]


def imbalances(
    footprint: Footprint,
    *,
    tick: int,
    ratio: float = IMBALANCE_RATIO,
    least_volume: int = 1,
    stack: int = STACK,
) -> Imbalances:
    """Compare bought volume at a price with sold volume one tick below it (the other side of the spread).

    Buyers outweigh at p where bought(p) >= ratio x sold(p - tick), sellers where sold(p) >= ratio x bought(p + tick),
    each with at least `least_volume` of their own; a level without trades counts as zero. `tick` is int64 in 1e-9;
    `stack` levels or more make a stack.
    """
    require_whole("Imbalances", "tick", tick, 1, HIGHEST_TICK)
    require_within("Imbalances", "ratio", ratio, 1.0, LARGEST_RATIO)
    require_whole("Imbalances", "least_volume", least_volume, 1, 2**62)
    require_whole("Imbalances", "stack", stack, 1, 10_000)
    bar = np.repeat(np.arange(len(footprint)), np.diff(footprint.offsets))
    is_next = np.zeros(len(bar), np.bool_)
    is_next[1:] = (bar[1:] == bar[:-1]) & (footprint.price[1:] - footprint.price[:-1] == tick)
    bought, sold = footprint.buy_volume, footprint.sell_volume
    sold_below = np.where(is_next, np.roll(sold, 1), 0)
    bought_above = np.where(np.roll(is_next, -1), np.roll(bought, -1), 0)
    buyers = (bought >= least_volume) & (bought >= ratio * sold_below)
    sellers = (sold >= least_volume) & (sold >= ratio * bought_above)
    side = buyers.astype(np.int8) - sellers.astype(np.int8)
    return Imbalances(side=side, is_stacked=_stacked(side, is_next, stack))


def _stacked(side: NDArray[np.int8], is_next: NDArray[np.bool_], stack: int) -> NDArray[np.bool_]:
    """Levels in runs of `stack` or more neighbours of one side."""
    begins = np.ones(len(side), np.bool_)
    begins[1:] = ~is_next[1:] | (side[1:] != side[:-1])
    run = np.cumsum(begins) - 1
    return (np.bincount(run)[run] >= stack) & (side != 0) if len(side) else np.empty(0, np.bool_)


def divergences(bars: Bars, *, look_back: int) -> NDArray[np.int8]:
    """Bars at which price reaches further than in the `look_back` bars before, and delta does not; int8 (n,).

    -1 (bearish): the high is above every high of the look-back, and the running delta at the close is below its
    highest in the look-back. +1 (bullish): the low is below every low, and the running delta above its lowest. 0
    elsewhere, where both hold, and where the session is not yet `look_back` bars old: the look-back never leaves
    the session, so no roll or reset lies inside it. A bar reads itself and earlier ones only.
    """
    require_whole("Divergences", "look_back", look_back, 1, LONGEST_LOOK_BACK)
    count = len(bars)
    found = np.zeros(count, np.int8)
    if count <= look_back:
        return found
    running = np.cumsum(bars.volume_delta)

    def before(column: Ints) -> Ints:
        return np.lib.stride_tricks.sliding_window_view(column, look_back)[:-1]

    bearish = (bars.high[look_back:] > before(bars.high).max(axis=1)) & (
        running[look_back:] < before(running).max(axis=1)
    )
    bullish = (bars.low[look_back:] < before(bars.low).min(axis=1)) & (
        running[look_back:] > before(running).min(axis=1)
    )
    in_session = bars.session[look_back:] == bars.session[:-look_back]
    found[look_back:] = (bullish.astype(np.int8) - bearish.astype(np.int8)) * in_session
    return found
