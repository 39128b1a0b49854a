"""A path of whole ticks inside a bar: from its open to its close, never outside its low and high.

Everything is integer arithmetic on columns. A parent bar is cut into a number of pieces of its own ("ragged": the
pieces of all parents lie one after another in one array).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vaultdash.data.samplemarket.noise import BELL_SPREAD, Ints

# The end of a free walk of n steps lies this share of the bar's range from its start, in tenths, one deviation out:
# enough for the walk to use the whole range and now and then be turned back at its edge.
WALK_SHARE = 7
ROOT_UNIT = 1_024


@dataclass(frozen=True, kw_only=True, slots=True)
class Pieces:
    """The pieces of parents: `parent` is each one's parent, `index` its place below it, from 0.

    `first` is where each parent's pieces begin, `counts` how many it has, one or more.
    """

    parent: Ints
    index: Ints
    first: Ints
    counts: Ints

    @classmethod
    def of(cls, counts: Ints) -> Pieces:
        """Lay out `counts[i]` pieces for each parent i."""
        first = np.cumsum(counts) - counts
        parent = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        index = np.arange(len(parent), dtype=np.int64) - first[parent]
        return cls(parent=parent, index=index, first=first, counts=counts)

    def running_sum(self, values: Ints) -> Ints:
        """Sums up to and including each piece, starting anew at each parent."""
        sums = np.cumsum(values)
        return np.asarray(sums - (sums - values)[self.first][self.parent], dtype=np.int64)

    def total(self, values: Ints) -> Ints:
        """The sum over each parent's pieces."""
        return np.add.reduceat(values, self.first)

    def first_largest(self, values: Ints) -> Ints:
        """For each parent, where in the columns its first largest value is."""
        largest = np.maximum.reduceat(values, self.first)[self.parent]
        places = np.where(values == largest, np.arange(len(values)), len(values))
        return np.minimum.reduceat(places, self.first)

    def last_largest(self, values: Ints) -> Ints:
        """For each parent, where in the columns its last largest value is."""
        largest = np.maximum.reduceat(values, self.first)[self.parent]
        places = np.where(values == largest, np.arange(len(values)), -1)
        return np.maximum.reduceat(places, self.first)

    def shares(self, whole: Ints, weights: Ints, *, least: int) -> Ints:
        """Split each parent's whole over its pieces by weight, `least` or more to each, exactly."""
        spare = (whole - least * self.counts)[self.parent]
        upto = self.running_sum(weights)
        total = self.total(weights)[self.parent]
        return np.asarray(least + spare * upto // total - spare * (upto - weights) // total, dtype=np.int64)


def walk(
    pieces: Pieces, *, start: Ints, end: Ints, low: Ints, high: Ints, noise: Ints, step: Ints, steps: Ints
) -> Ints:
    """The price after each piece's step, in ticks: a bridge from `start` to `end`, folded into [`low`, `high`].

    `start`, `end`, `low`, `high` and `steps` are the parents'; `noise` (in units of `BELL_SPREAD`) and `step` (which
    step out of `steps` it is) are the pieces'. A step of 0 is at `start`, one of `steps` at `end`.
    """
    parent = pieces.parent
    count = np.maximum(steps, 1)
    wandered = pieces.running_sum(np.where(step == 0, 0, noise))
    whole = np.add.reduceat(np.where(step == 0, 0, noise), pieces.first)
    bridge = wandered - (whole[parent] * step) // count[parent]
    reach = high - low
    divisor = (10 * BELL_SPREAD * root_of(count))[parent]
    offset = (bridge * (WALK_SHARE * ROOT_UNIT * reach)[parent] + divisor // 2) // divisor
    straight = ((end - start)[parent] * step) // count[parent]
    inside = (start - low)[parent] + straight + offset
    return np.asarray(low[parent] + _folded(inside, reach[parent]), dtype=np.int64)


def root_of(counts: Ints) -> Ints:
    """Square roots in units of 1 / `ROOT_UNIT`: IEEE 754 rounds them alike on every machine."""
    return np.asarray(np.rint(np.sqrt(counts.astype(np.float64)) * ROOT_UNIT), dtype=np.int64)


def _folded(values: Ints, reach: Ints) -> Ints:
    """Reflect values at 0 and at `reach`, as often as it takes."""
    period = 2 * np.maximum(reach, 1)
    rest = values % period
    return np.asarray(np.minimum(np.where(rest > reach, period - rest, rest), reach), dtype=np.int64)
