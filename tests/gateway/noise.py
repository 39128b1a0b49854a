"""Repeatable noise: numbers that depend on a key and a counter alone, so any moment stands by itself."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def seed_of(*parts: str | int) -> int:
    """Give the 63-bit seed that belongs to these names, the same on every machine."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def draw(seed: int, counter: I64) -> U64:
    """Mix seed and counter into 64 random bits (splitmix64)."""
    mixed = counter.astype(np.uint64) * _STEP + np.uint64(seed)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))


def unit(seed: int, counter: I64) -> F64:
    """Draw from [0, 1)."""
    return (draw(seed, counter) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def signed(seed: int, counter: I64) -> F64:
    """Draw from [-1, 1)."""
    return unit(seed, counter) * 2.0 - 1.0


def below(seed: int, counter: I64, bound: int | I64) -> I64:
    """Draw whole numbers from [0, bound)."""
    return (draw(seed, counter) >> np.uint64(33)).astype(np.int64) % bound
