"""The sums of bars, compiled: short loops over blocks of trades that the compiler turns into vector instructions.

Loading numba takes over half a second, so this module is imported only for work that earns it. Each loop keeps to
one number type and indexes without wrap-around, because one that does not runs five to ten times slower.
"""
# mypy: disable-error-code="untyped-decorator"
# numba ships no types, so its decorator makes a typed function untyped in mypy's eyes.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit, types

from vaultdash.orderflow.bar_sums import (
    BOUGHT,
    CLOSE,
    COUNT,
    HIGH,
    LIMB_0,
    LIMB_1,
    LIMB_2,
    LOW,
    LOW_32,
    MAX_DELTA,
    MIN_DELTA,
    OPEN,
    SOLD,
    VOLUME,
)
from vaultdash.orderflow.trades import BUY, SELL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Sizes = NDArray[np.uint32]
    Letters = NDArray[np.uint8]
    Scratch = NDArray[np.int32]

BLOCK = 512
"""Trades added up at a time; their columns and the scratch stay in the first-level cache."""

GROUP = 8
"""Trades whose running delta is followed side by side with that of other groups."""

LARGE = 2**31 // BLOCK
"""Sizes below this cannot overflow 32 bits over a block."""

SAFE_PRODUCT = 9.0e18
"""Below 2^63, with room for the rounding of the estimate."""


def _columns(*kinds: Any) -> list[Any]:
    # What comes from a buffer is read-only; numba passes writable columns to a read-only signature, never the reverse.
    return [types.Array(kind, 1, "C", readonly=True) for kind in kinds]


_void: Any = types.void
_SUM_PARTS = _void(
    *_columns(types.int64, types.uint32, types.uint8, types.int64, types.int64), types.Array(types.int64, 2, "C")
)
_FIND_EDGES = _void(*_columns(types.int64, types.int64), types.Array(types.int64, 1, "C"))
_options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}


@njit(_FIND_EDGES, **_options)
def find_edges(times: Ints, edges: Ints, found: Ints) -> None:
    """Write for every edge (rising) the first row at or after it; rows rise too.

    A bar tends to hold as many trades as the one before, so the search starts there and widens from it.
    """
    rows, low, last = times.size, 0, 0
    for edge in range(edges.size):
        instant = edges[edge]
        guess = min(low + last, rows - 1)
        step = 8
        if rows == 0 or times[guess] < instant:
            begin = min(guess + 1, rows)
            end = begin
            while end < rows and times[end] < instant:
                begin = end + 1
                end += step
                step *= 2
            end = min(end, rows)
        else:
            end = guess
            begin = end
            while begin > low and times[begin - 1] >= instant:
                end = begin - 1
                begin -= step
                step *= 2
            begin = max(begin, low)
        while begin < end:
            middle = (begin + end) >> 1
            if times[middle] < instant:
                begin = middle + 1
            else:
                end = middle
        found[edge] = begin
        last = begin - low
        low = begin


@njit(**_options)
def _prices(price: Ints, size: Sizes, anchor: np.int64) -> tuple[np.int64, np.int64, np.int64]:
    """Highest and lowest price of a block, and its sum of (price - anchor) x size, which may wrap."""
    high = low = price[0]
    distance = np.int64(0)
    for at in range(price.size):
        high = max(high, price[at])
        low = min(low, price[at])
        distance += (price[at] - anchor) * np.int64(size[at])
    return high, low, distance


@njit(**_options)
def _wide_distance(price: Ints, size: Sizes, anchor: np.int64, limbs: Ints) -> None:
    """Add the sum of (price - anchor) x size to three limbs, in case it does not fit into 64 bits."""
    for at in range(price.size):
        distance = price[at] - anchor
        low = np.uint64(distance & LOW_32) * np.uint64(size[at])
        high = (distance >> 32) * np.int64(size[at])
        limbs[0] += np.int64(low & np.uint64(LOW_32))
        limbs[1] += np.int64(low >> np.uint64(32)) + (high & LOW_32)
        limbs[2] += high >> 32


@njit(**_options)
def _signed_sizes(size: Sizes, side: Letters, signed: Scratch) -> tuple[np.int64, np.int64, np.int64]:
    """Write buys as they are, sells below zero and the rest as 0; return the volume, that of both sides, and size bits.

    All of it holds where the bits set in any of the sizes make a number below LARGE; above it 32 bits may overflow.
    """
    volume = np.uint32(0)
    sided = np.uint32(0)
    bits = np.uint32(0)
    for at in range(size.size):
        value = np.int32(size[at])
        signed[at] = value if side[at] == BUY else (np.int32(-value) if side[at] == SELL else np.int32(0))
        volume = np.uint32(volume + size[at])
        bits |= size[at]
        sided = np.uint32(sided + (size[at] if side[at] == BUY or side[at] == SELL else np.uint32(0)))
    return np.int64(volume), np.int64(sided), np.int64(bits)


@njit(**_options)
def _group_deltas(signed: Scratch, sums: Scratch, lows: Scratch, highs: Scratch) -> None:
    """Sum, lowest and highest running sum of every group of eight."""
    for group in range(sums.size):
        at = np.uint64(group) * np.uint64(GROUP)
        a = signed[at]
        b = np.int32(a + signed[at + np.uint64(1)])
        c = np.int32(b + signed[at + np.uint64(2)])
        d = np.int32(c + signed[at + np.uint64(3)])
        e = np.int32(d + signed[at + np.uint64(4)])
        f = np.int32(e + signed[at + np.uint64(5)])
        g = np.int32(f + signed[at + np.uint64(6)])
        h = np.int32(g + signed[at + np.uint64(7)])
        sums[group] = h
        lows[group] = min(a, b, c, d, e, f, g, h)
        highs[group] = max(a, b, c, d, e, f, g, h)


@njit(**_options)
def _block_delta(sums: Scratch, lows: Scratch, highs: Scratch) -> tuple[np.int64, np.int64, np.int64]:
    """Sum, lowest and highest running sum over groups in order, 0 included."""
    running = np.int32(0)
    low = np.int32(0)
    high = np.int32(0)
    for group in range(sums.size):
        low = min(low, np.int32(running + lows[group]))
        high = max(high, np.int32(running + highs[group]))
        running = np.int32(running + sums[group])
    return np.int64(running), np.int64(low), np.int64(high)


@njit(**_options)
def _wide_delta(size: Sizes, side: Letters) -> tuple[np.int64, np.int64, np.int64, np.int64, np.int64]:
    """Volume, sided volume, delta and its extremes of a block whose sizes are too large for 32 bits."""
    volume = sided = running = low = high = np.int64(0)
    for at in range(size.size):
        value = np.int64(size[at])
        volume += value
        signed = value if side[at] == BUY else (-value if side[at] == SELL else np.int64(0))
        sided += abs(signed)
        running += signed
        low = min(low, running)
        high = max(high, running)
    return volume, sided, running, low, high


@njit(_SUM_PARTS, **_options)
def sum_parts(  # noqa: PLR0917 - compiled functions are called by position
    price: Ints, size: Sizes, side: Letters, begins: Ints, ends: Ints, table: Ints
) -> None:
    """Fill the table of sums (13, n) of the rows [begins[i], ends[i]), none of them empty; see `bar_sums`."""
    signed = np.empty(BLOCK, np.int32)
    sums = np.empty(BLOCK // GROUP, np.int32)
    lows = np.empty(BLOCK // GROUP, np.int32)
    highs = np.empty(BLOCK // GROUP, np.int32)
    limbs = np.empty(3, np.int64)
    for part in range(begins.size):
        begin, end = begins[part], ends[part]
        anchor = price[begin]
        high = low = anchor
        volume = sided = delta = min_delta = max_delta = np.int64(0)
        limbs[:] = 0
        for start in range(begin, end, BLOCK):
            stop = min(start + BLOCK, end)
            prices, sizes, letters = price[start:stop], size[start:stop], side[start:stop]
            block_high, block_low, distance = _prices(prices, sizes, anchor)
            high, low = max(high, block_high), min(low, block_low)
            block_volume, block_sided, bits = _signed_sizes(sizes, letters, signed)
            if bits < LARGE:
                groups = (sizes.size + GROUP - 1) // GROUP
                signed[sizes.size : groups * GROUP] = 0
                _group_deltas(signed, sums[:groups], lows[:groups], highs[:groups])
                block_delta, block_min, block_max = _block_delta(sums[:groups], lows[:groups], highs[:groups])
            else:
                block_volume, block_sided, block_delta, block_min, block_max = _wide_delta(sizes, letters)
            # The product bounds every partial sum of the block: below 2^63 the sum that may wrap did not.
            if float(max(high - anchor, anchor - low)) * float(block_volume) < SAFE_PRODUCT:
                limbs[0] += distance & LOW_32
                limbs[1] += (distance >> 32) & LOW_32
                limbs[2] += distance >> 63
            else:
                _wide_distance(prices, sizes, anchor, limbs)
            min_delta = min(min_delta, delta + block_min)
            max_delta = max(max_delta, delta + block_max)
            delta += block_delta
            volume += block_volume
            sided += block_sided
        table[OPEN, part], table[HIGH, part], table[LOW, part] = anchor, high, low
        table[CLOSE, part] = price[end - 1]
        table[BOUGHT, part], table[SOLD, part] = (sided + delta) // 2, (sided - delta) // 2
        table[VOLUME, part], table[COUNT, part] = volume, end - begin
        table[MIN_DELTA, part], table[MAX_DELTA, part] = min_delta, max_delta
        table[LIMB_0, part], table[LIMB_1, part], table[LIMB_2, part] = limbs[0], limbs[1], limbs[2]
