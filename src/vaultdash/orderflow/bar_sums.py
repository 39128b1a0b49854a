"""What is added up over the trades of a bar: exact, and so that the sums of two parts give the sums of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vaultdash.orderflow.trades import BUY, SELL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vaultdash.orderflow.trades import Trades

    Ints = NDArray[np.int64]

OPEN, HIGH, LOW, CLOSE, BOUGHT, SOLD, VOLUME, COUNT, MIN_DELTA, MAX_DELTA, LIMB_0, LIMB_1, LIMB_2 = range(13)
ROWS = 13
"""Rows of a table of sums, int64 of shape (13, n), one column a bar. The limbs hold the sum of (price - open) x size,
which may pass 64 bits, as LIMB_0 + LIMB_1 x 2^32 + LIMB_2 x 2^64."""

LOW_32 = 0xFFFFFFFF
LARGEST_INT64 = 2**63 - 1
PRICE_SCALE = 1_000_000_000


def sum_parts(trades: Trades, begins: Ints, ends: Ints) -> Ints:
    """Return the table of sums of the rows [begins[i], ends[i]), which are in order, apart and never empty.

    The compiled twin of this function is `bar_kernels.sum_parts`; both give the same integers.
    """
    size = trades.size.astype(np.int64)
    side = trades.side
    bought, sold = np.where(side == BUY, size, 0), np.where(side == SELL, size, 0)
    table = np.empty((ROWS, len(begins)), np.int64)
    cuts = np.stack([begins, ends], axis=1).ravel()
    cuts = cuts[:-1] if len(cuts) and cuts[-1] == len(trades) else cuts

    def over(combine: np.ufunc, values: NDArray[np.int64]) -> Ints:
        found: Ints = combine.reduceat(values, cuts)[::2]
        return found

    price = trades.price
    table[OPEN], table[CLOSE] = price[begins], price[ends - 1]
    table[HIGH], table[LOW] = over(np.maximum, price), over(np.minimum, price)
    table[BOUGHT], table[SOLD], table[VOLUME] = over(np.add, bought), over(np.add, sold), over(np.add, size)
    table[COUNT] = ends - begins
    running = np.cumsum(bought - sold)
    before = running[begins] - (bought - sold)[begins]
    table[MIN_DELTA] = np.minimum(over(np.minimum, running) - before, 0)
    table[MAX_DELTA] = np.maximum(over(np.maximum, running) - before, 0)
    anchors = np.repeat(np.concatenate([[0], table[OPEN]]), np.diff(np.concatenate([[0], begins, [len(trades)]])))
    distance = price - anchors
    low = (distance & LOW_32).astype(np.uint64) * trades.size
    high = (distance >> 32) * size
    carry = (low >> np.uint64(32)).astype(np.int64)
    table[LIMB_0] = over(np.add, (low & np.uint64(LOW_32)).astype(np.int64))
    table[LIMB_1] = over(np.add, carry + (high & LOW_32))
    table[LIMB_2] = over(np.add, high >> 32)
    return table


def join(left: Ints, right: Ints) -> Ints:
    """Return the sums (13,) of two parts of one bar, the left one earlier."""
    joined = left.copy()
    joined[CLOSE] = right[CLOSE]
    joined[HIGH], joined[LOW] = max(left[HIGH], right[HIGH]), min(left[LOW], right[LOW])
    for row in (BOUGHT, SOLD, VOLUME, COUNT):
        joined[row] = left[row] + right[row]
    delta = left[BOUGHT] - left[SOLD]
    joined[MIN_DELTA] = min(left[MIN_DELTA], delta + right[MIN_DELTA])
    joined[MAX_DELTA] = max(left[MAX_DELTA], delta + right[MAX_DELTA])
    moved = (int(right[OPEN]) - int(left[OPEN])) * int(right[VOLUME])
    distance = _from_limbs(left) + _from_limbs(right) + moved
    joined[LIMB_0], joined[LIMB_1], joined[LIMB_2] = distance & LOW_32, distance >> 32 & LOW_32, distance >> 64
    return joined


def join_cut(table: Ints, *, at: int) -> Ints:
    """Return the table with columns `at` and `at` + 1 joined into one."""
    table[:, at] = join(table[:, at], table[:, at + 1])
    return np.delete(table, at + 1, axis=1)


def average_prices(table: Ints) -> NDArray[np.float64]:
    """Volume-weighted average prices (n,) in the instrument's currency.

    With N the exact sum of price x size in 1e-9 and V the volume, it is (N // V + (N mod V) / V) / 1e9: whole numbers
    until the last two divisions, so that it does not depend on how the trades were cut.
    """
    volume = table[VOLUME]
    low = table[LIMB_0] & LOW_32
    carried = table[LIMB_1] + (table[LIMB_0] >> 32)
    middle, top = carried & LOW_32, table[LIMB_2] + (carried >> 32)
    # The sum fits into 64 bits where what is above them repeats the sign; elsewhere Python's own integers divide it.
    sign = np.where(middle >> 31 == 1, -1, 0)
    distance = middle << 32 | low
    quotient = distance // volume
    rest = distance - quotient * volume
    for at in np.flatnonzero(top != sign):
        quotient[at], rest[at] = divmod(_from_limbs(table[:, at]), int(volume[at]))
    whole: NDArray[np.float64] = (table[OPEN] + quotient).astype(np.float64)
    average: NDArray[np.float64] = (whole + rest / volume) / PRICE_SCALE
    return average


def _from_limbs(column: Ints) -> int:
    return int(column[LIMB_0]) + (int(column[LIMB_1]) << 32) + (int(column[LIMB_2]) << 64)
