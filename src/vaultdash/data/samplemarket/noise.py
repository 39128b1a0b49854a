"""Chance without state: every number is a hash of what it belongs to, in 64-bit integer arithmetic.

The hash is splitmix64's finaliser (Steele, Lea and Flood, 2014). A tree of keys gives each session, hour, minute and
print its own, so that any of them can be drawn alone and comes out the same. Nothing here rounds.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from vaultdash.data.samplemarket.path import SEED

if TYPE_CHECKING:
    from numpy.typing import NDArray

Keys: TypeAlias = "NDArray[np.uint64]"
Ints: TypeAlias = "NDArray[np.int64]"

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
FIRST_SHIFT, SECOND_SHIFT, THIRD_SHIFT = np.uint64(30), np.uint64(27), np.uint64(31)
# Draws from a key stand apart from the keys of its children, which are numbered from 1.
FIRST_DRAW = 1 << 40

PART_BITS, PART_MASK = np.uint64(16), np.uint64(0xFFFF)
BELL_MEAN = 2 * 0xFFFF
BELL_SPREAD = 37_837  # the standard deviation of the sum of four numbers from 0 to 65535


def root_key(name: str) -> Keys:
    """The key at the root of a tree, as an array of one."""
    return np.frombuffer(blake2b(f"{SEED}/{name}".encode(), digest_size=8).digest(), dtype="<u8").astype(np.uint64)


def child_keys(keys: Keys, index: Ints) -> Keys:
    """The keys of children: the one at `index` (from 0, below 2**40) below each key."""
    return _mix(keys + (index.astype(np.uint64) + np.uint64(1)) * GOLDEN)


def draw(keys: Keys, purpose: int) -> Keys:
    """64 random bits for each key; another purpose gives others, independent of the first."""
    shift = np.array([FIRST_DRAW + purpose], dtype=np.uint64) * GOLDEN
    return _mix(keys + shift)


def draw_below(keys: Keys, purpose: int, limit: int) -> Ints:
    """A number from 0 to `limit` - 1 for each key, `limit` at most 65536."""
    return (((draw(keys, purpose) >> np.uint64(48)) * np.uint64(limit)) >> PART_BITS).astype(np.int64)


def draw_bell(keys: Keys, purpose: int) -> Ints:
    """A bell-shaped number for each key: mean 0, standard deviation `BELL_SPREAD`, within four of them."""
    words = draw(keys, purpose)
    total = words & PART_MASK
    for _ in range(3):
        words >>= PART_BITS
        total += words & PART_MASK
    return total.astype(np.int64) - BELL_MEAN


def _mix(words: Keys) -> Keys:
    """Scramble in place an array that is the caller's own."""
    words ^= words >> FIRST_SHIFT
    words *= FIRST_FACTOR
    words ^= words >> SECOND_SHIFT
    words *= SECOND_FACTOR
    words ^= words >> THIRD_SHIFT
    return words
