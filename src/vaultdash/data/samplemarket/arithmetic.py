"""Exponential, logarithm and normal distribution out of +, -, x, / and the square root alone.

IEEE 754 rounds those alike on every machine, which it does not promise of a library's `exp`, `log` and `erf`; so what
is computed here is the same to the last bit everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

LN_2 = 0.6931471805599453
ROOT_HALF = 0.7071067811865476
EXP_TERMS = 16  # of the series on [-ln 2 / 2, ln 2 / 2]: the rest is below 1e-20
LOG_TERMS = 14  # of the series in ((m - 1) / (m + 1))**2 <= 0.0295: the rest is below 1e-20

# Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.17: absolute error below 7.5e-8.
NORMAL_P = 0.2316419
NORMAL_B = (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)
INVERSE_ROOT_TWO_PI = 0.3989422804014327


def exponential(values: Floats) -> Floats:
    """Euler's number to the power of each value; values below -700 or above 700 are taken as those."""
    bounded = np.clip(values, -700.0, 700.0)
    powers = np.rint(bounded / LN_2)
    rest = bounded - powers * LN_2
    total = np.ones_like(rest)
    for term in range(EXP_TERMS, 0, -1):
        total = 1.0 + total * rest / term
    return np.asarray(np.ldexp(total, powers.astype(np.int32)), dtype=np.float64)


def logarithm(values: Floats) -> Floats:
    """The natural logarithm of values above 0."""
    mantissa, power = np.frexp(values)
    is_small = mantissa < ROOT_HALF
    mantissa = np.where(is_small, 2.0 * mantissa, mantissa)
    power = power - is_small
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    total = np.zeros_like(square)
    for term in range(LOG_TERMS, -1, -1):
        total = total * square + 1.0 / (2 * term + 1)
    return np.asarray(2.0 * ratio * total + power * LN_2, dtype=np.float64)


def normal_below(values: Floats) -> Floats:
    """The chance that a standard normal falls below each value."""
    distance = np.abs(values)
    step = 1.0 / (1.0 + NORMAL_P * distance)
    total = np.zeros_like(step)
    for factor in reversed(NORMAL_B):
        total = (total + factor) * step
    above = INVERSE_ROOT_TWO_PI * exponential(-0.5 * distance * distance) * total
    return np.asarray(np.where(values >= 0.0, 1.0 - above, above), dtype=np.float64)
