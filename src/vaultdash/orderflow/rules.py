"""When to be long and when to be short: four rules of one shape, each a function of the bars up to its own.

A rule gives every bar a score and one level for them all. Where the score is above the level, the rule's word at that
bar's close is LONG; where it is below minus the level, SHORT; between the two it has no word, and what is held stays.
A score reads its own bar and earlier ones, never a later one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np

from vaultdash.market import Direction
from vaultdash.orderflow.checks import FORBID_UNKNOWN_FIELDS, require_above_zero, require_whole, require_within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vaultdash.market import Bars

Reset = Literal["session", "day", "none"]
RESETS: tuple[Reset, ...] = ("session", "day", "none")

DAY = 86_400_000_000_000
HIGHEST_THRESHOLD = 1e15
LONGEST_LOOK_BACK = 100_000
NO_SPREAD = 1e-12
"""Deltas of a look-back whose squared deviations are below this part of their squares are all the same."""


class Score(NamedTuple):
    """A column (n,) of whole numbers and the level they are held against."""

    values: NDArray[np.int64]
    level: int

    def word(self, at: int) -> Direction:
        """What the rule says at the close of bar `at`; FLAT is no word."""
        value = self.values[at]
        return Direction(int(value > self.level) - int(value < -self.level))


@dataclass(frozen=True, kw_only=True, slots=True)
class ThresholdRule:
    """LONG where the cumulative delta is above `threshold` (contracts or shares), SHORT where below minus it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    threshold: float = 500.0
    kind: Literal["threshold"] = "threshold"

    def __post_init__(self) -> None:
        require_within("Threshold rule", "threshold", self.threshold, 0, HIGHEST_THRESHOLD)

    @property
    def level(self) -> int:
        """The threshold as a whole number: a whole number is above 2.5 exactly where it is above 2."""
        return floor(self.threshold)

    def score(self, bars: Bars, *, reset: Reset) -> Score:  # noqa: ARG002 - the shape all rules share
        """Hold the cumulative delta against the threshold."""
        return Score(bars.cumulative_delta, self.level)


@dataclass(frozen=True, kw_only=True, slots=True)
class DivergenceRule:
    """SHORT where the close tops every close of the look-back and the cumulative delta does not top its own.

    LONG is the mirror: a new low in price that the cumulative delta does not confirm.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    lookback: int = 20
    kind: Literal["divergence"] = "divergence"

    def __post_init__(self) -> None:
        require_whole("Divergence rule", "lookback", self.lookback, 1, LONGEST_LOOK_BACK)

    def score(self, bars: Bars, *, reset: Reset) -> Score:
        """1 for LONG, -1 for SHORT, 0 for no word."""
        close, delta, back = bars.close, bars.cumulative_delta, int(self.lookback)
        known = bars_before_in_run(bars, reset) >= back
        is_long = known & (close < -highest_before(-close, back)) & (delta >= -highest_before(-delta, back))
        is_short = known & (close > highest_before(close, back)) & (delta <= highest_before(delta, back))
        return _words(is_long, is_short)


@dataclass(frozen=True, kw_only=True, slots=True)
class ZScoreRule:
    """LONG where the bar's delta is more than `entry` standard deviations above the mean of the look-back before it.

    SHORT where it is as far below. The look-back is the `lookback` bars before the bar, itself not among them.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    lookback: int = 50
    entry: float = 2.0
    kind: Literal["z_score"] = "z_score"

    def __post_init__(self) -> None:
        require_whole("Z-score rule", "lookback", self.lookback, 2, LONGEST_LOOK_BACK)
        require_above_zero("Z-score rule", "entry", self.entry, 1000)

    def score(self, bars: Bars, *, reset: Reset) -> Score:
        """1 for LONG, -1 for SHORT, 0 for no word."""
        delta, back = bars.volume_delta, int(self.lookback)
        total = sum_before(delta, back).astype(np.float64)
        squares = sum_before(delta * delta, back).astype(np.float64)
        mean = total / back
        deviations = squares - total * mean
        known = (bars_before_in_run(bars, reset) >= back) & (deviations > NO_SPREAD * squares)
        reach = self.entry * np.sqrt(np.where(known, deviations, 0.0) / (back - 1))
        return _words(known & (delta - mean > reach), known & (delta - mean < -reach))


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakoutRule:
    """LONG where the cumulative delta tops every one of the look-back before it, SHORT where it is below them all."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    lookback: int = 20
    kind: Literal["breakout"] = "breakout"

    def __post_init__(self) -> None:
        require_whole("Breakout rule", "lookback", self.lookback, 1, LONGEST_LOOK_BACK)

    def score(self, bars: Bars, *, reset: Reset) -> Score:
        """1 for LONG, -1 for SHORT, 0 for no word."""
        delta, back = bars.cumulative_delta, int(self.lookback)
        known = bars_before_in_run(bars, reset) >= back
        return _words(known & (delta > highest_before(delta, back)), known & (delta < -highest_before(-delta, back)))


Rule = ThresholdRule | DivergenceRule | ZScoreRule | BreakoutRule


def run_keys(bars: Bars, reset: Reset) -> NDArray[np.int64]:
    """Return a column that changes where the cumulative delta starts again: sessions, UTC days, or one value."""
    if reset == "session":
        return bars.session.astype(np.int64)
    return bars.start // DAY if reset == "day" else np.zeros(len(bars), np.int64)


def cumulative_delta(bars: Bars, reset: Reset) -> NDArray[np.int64]:
    """Return the running sum of the bars' deltas under a reset rule, which may be another than they were built with."""
    running = np.cumsum(bars.volume_delta)
    at = np.arange(len(bars))
    first = at - bars_before_in_run(bars, reset)
    before: NDArray[np.int64] = (running - bars.volume_delta)[first]
    return running - before


def bars_before_in_run(bars: Bars, reset: Reset) -> NDArray[np.int64]:
    """How many bars each bar has before it since the cumulative delta last started again (n,)."""
    keys = run_keys(bars, reset)
    at = np.arange(len(keys))
    begins = np.zeros(len(keys), np.int64)
    begins[1:] = np.where(keys[1:] != keys[:-1], at[1:], 0)
    return at - np.maximum.accumulate(begins)


def highest_before(values: NDArray[np.int64], back: int) -> NDArray[np.int64]:
    """Return the highest of the `back` values before each (n,). The first `back` entries mean nothing.

    Each window lies over two blocks of its own length: the end of one and the start of the next.
    Source: van Herk (1992), Pattern Recognition Letters 13(7).
    """
    count = len(values)
    found = values.copy()
    if count > back:
        blocks = np.pad(values, (0, -count % back), mode="edge").reshape(-1, back)
        to_here = np.maximum.accumulate(blocks, axis=1).ravel()
        from_here = np.maximum.accumulate(blocks[:, ::-1], axis=1)[:, ::-1].ravel()
        found[back:] = np.maximum(from_here[: count - back], to_here[back - 1 : count - 1])
    return found


def sum_before(values: NDArray[np.int64], back: int) -> NDArray[np.int64]:
    """Return the sum of the `back` values before each (n,), exact. The first `back` entries mean nothing.

    The running sum may wrap; the difference of two of its values is exact as long as the window's own sum fits.
    """
    running = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=running[1:])
    found = np.zeros(len(values), np.int64)
    if len(values) > back:
        found[back:] = running[back:-1] - running[: len(values) - back]
    return found


def _words(is_long: NDArray[np.bool_], is_short: NDArray[np.bool_]) -> Score:
    return Score(is_long.astype(np.int64) - is_short.astype(np.int64), 0)
