"""European option values and deltas on a forward (Black 1976; Black and Scholes 1973 with carry)."""

from __future__ import annotations

from math import erfc, exp, log, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultdash.hedge.template import OptionType

SQRT_HALF = sqrt(0.5)
LOG_STRIKE_STEP = 0.01
LOG_STRIKE_STEPS = 500


def normal_cdf(x: float) -> float:
    """Standard normal distribution; `erfc` keeps the far tail exact."""
    return 0.5 * erfc(-x * SQRT_HALF)


def european_value(
    option_type: OptionType, *, spot: float, strike: float, years: float, rate: float, carry: float, volatility: float
) -> float:
    """Value in USD per unit of a European option.

    Shapes: scalars. Units: prices in USD, `years` to expiry, `rate` and `carry` yearly and continuously compounded,
    `volatility` a yearly fraction. Source: Haug, Option Pricing Formulas, generalized Black-Scholes; carry = rate
    gives Black-Scholes (1973), carry = 0 gives Black (1976). At `years` = 0 it is the intrinsic value.
    """
    sign = 1.0 if option_type == "call" else -1.0
    if years <= 0:
        return max(sign * (spot - strike), 0.0)
    forward = spot * exp(carry * years)
    deviation = volatility * sqrt(years)
    d1 = log(forward / strike) / deviation + 0.5 * deviation
    in_money, paid = normal_cdf(sign * d1), normal_cdf(sign * (d1 - deviation))
    return exp(-rate * years) * max(sign * (forward * in_money - strike * paid), 0.0)


def option_delta(
    option_type: OptionType, *, spot: float, strike: float, years: float, rate: float, carry: float, volatility: float
) -> float:
    """Change of a European option's value per unit change of the spot: in [0, 1] for calls, [-1, 0] for puts.

    Units and source as `european_value`.
    """
    sign = 1.0 if option_type == "call" else -1.0
    if years <= 0:
        return sign if sign * (spot - strike) > 0 else 0.0
    deviation = volatility * sqrt(years)
    d1 = (log(spot / strike) + carry * years) / deviation + 0.5 * deviation
    return sign * exp((carry - rate) * years) * normal_cdf(sign * d1)


def strike_where(overshoots: Callable[[float], bool], *, spot: float, upward: bool) -> float | None:
    """Return the strike nearest to `spot` at which `overshoots(strike)` turns true, looking up or down from it.

    Steps of one per cent find the first change, bisection down to neighbouring floats places it; None where
    there is none within a factor e^5 of the spot.
    """
    step = LOG_STRIKE_STEP if upward else -LOG_STRIKE_STEP
    for count in range(1, LOG_STRIKE_STEPS + 1):
        if overshoots(spot * exp(count * step)):
            return _turning_point(overshoots, spot=spot, before=(count - 1) * step, after=count * step)
    return None


def _turning_point(overshoots: Callable[[float], bool], *, spot: float, before: float, after: float) -> float:
    while min(before, after) < (middle := (before + after) / 2) < max(before, after):
        if overshoots(spot * exp(middle)):
            after = middle
        else:
            before = middle
    return spot * exp(after)
