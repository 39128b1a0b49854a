"""Pure figures over a path of values, a row of returns, or a sum of profits."""

from __future__ import annotations

from math import e, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

EULER_MASCHERONI = 0.5772156649015329
ROUNDING = 1e-12
"""A spread of returns below this part of the largest return is rounding noise, and no spread."""


def worst_drawdown(values: Iterable[float]) -> float:
    """Largest fall below the running peak, as a positive fraction of that peak; 0.0 for a path that never falls.

    `values` are USD, in time order. A path whose peak is not above zero has no drawdown.
    """
    peak = 0.0
    worst = 0.0
    for value in values:
        peak = max(peak, value)
        if peak > 0:
            worst = max(worst, (peak - value) / peak)
    return worst


def max_drawdown(values: NDArray[np.float64], *, start: float) -> float:
    """`worst_drawdown` of a path that begins at `start` (USD, above 0), for columns of any length (n,).

    Works through blocks: a block whose lowest value under the highest peak it could have is no worse than what was
    found is passed over, so most of a long path is read once, for its extremes alone.
    """
    block = 16_384
    worst, peak = 0.0, start
    for begin in range(0, len(values), block):
        part = values[begin : begin + block]
        low, high = float(part.min()), max(peak, float(part.max()))
        if high - low > worst * high:
            worst = max(worst, _drawdown_inside(part, peak))
        peak = high
    return worst


def _drawdown_inside(values: NDArray[np.float64], peak: float) -> float:
    import numpy as np  # noqa: PLC0415 - a hedge run needs this module and not numpy, which takes 0.2 s to load

    peaks = np.maximum(np.maximum.accumulate(values), peak)
    return float(((peaks - values) / peaks).max())


def sharpe_ratio(returns: NDArray[np.float64], *, periods_per_year: float = 1.0) -> float | None:
    """Mean over sample standard deviation (n - 1) of the returns, times the root of the periods in a year.

    The riskless rate is taken as 0. None with fewer than two returns, or where they do not differ.
    Source: Sharpe (1994), The Sharpe Ratio, Journal of Portfolio Management 21(1).
    """
    spread = _spread(returns)
    return None if spread is None else float(returns.mean()) / spread * sqrt(periods_per_year)


def sortino_ratio(returns: NDArray[np.float64], *, periods_per_year: float = 1.0) -> float | None:
    """Mean over the root mean square of the falls (rises count as 0), times the root of the periods in a year.

    The target return is 0. None with fewer than two returns, or without a fall.
    Source: Sortino and Price (1994), Performance Measurement in a Downside Risk Framework, Journal of Investing 3(3).
    """
    falls = returns[returns < 0]
    if not (len(returns) > 1 and len(falls) > 0):
        return None
    return float(returns.mean()) / sqrt(float((falls * falls).sum()) / len(returns)) * sqrt(periods_per_year)


def profit_factor(*, gained: float, lost: float) -> float | None:
    """Sum of the gains over the size of the sum of the losses, both given as sizes (USD); None without a loss."""
    return gained / lost if lost > 0 else None


def skewness(returns: NDArray[np.float64]) -> float | None:
    """Third standardised moment of the returns (divided by n); None where they do not differ."""
    return _standard_moment(returns, 3)


def kurtosis(returns: NDArray[np.float64]) -> float | None:
    """Fourth standardised moment of the returns (divided by n), 3 for a normal one; None where they do not differ."""
    return _standard_moment(returns, 4)


def expected_best_sharpe(*, trials: int, variance: float) -> float:
    """The Sharpe ratio that the best of `trials` worthless strategies is expected to show.

    `variance` is that of the trials' Sharpe ratios, per period and not per year. One trial is no choice: 0.
    Source: Bailey and Lopez de Prado (2014), The Deflated Sharpe Ratio, Journal of Portfolio Management 40(5).
    """
    if not trials > 1:
        return 0.0
    normal = NormalDist()
    usual = normal.inv_cdf(1 - 1 / trials)
    extreme = normal.inv_cdf(1 - 1 / (trials * e))
    return sqrt(variance) * ((1 - EULER_MASCHERONI) * usual + EULER_MASCHERONI * extreme)


def deflated_sharpe_ratio(
    *, sharpe: float, observations: int, skew: float, kurt: float, trials: int, variance: float
) -> float | None:
    """How likely it is, from 0 to 1, that the best of `trials` has a true Sharpe ratio above that of luck alone.

    `sharpe` and `variance` (of the trials' Sharpe ratios) are per period and not per year; `observations` is the
    number of returns behind `sharpe`; `kurt` is 3 for normal returns. None with fewer than two observations, or
    where the returns take two values only and the estimate's own error is 0.
    Source: Bailey and Lopez de Prado (2014), The Deflated Sharpe Ratio, Journal of Portfolio Management 40(5).
    """
    error = 1 - skew * sharpe + (kurt - 1) / 4 * sharpe * sharpe
    if not (observations > 1 and error > ROUNDING):
        return None
    luck = expected_best_sharpe(trials=trials, variance=variance)
    return NormalDist().cdf((sharpe - luck) * sqrt(observations - 1) / sqrt(error))


def _spread(returns: NDArray[np.float64]) -> float | None:
    """Sample standard deviation; None where it does not exist or is rounding noise."""
    if not len(returns) > 1:
        return None
    spread = float(returns.std(ddof=1))
    return spread if spread > ROUNDING * float(abs(returns).max()) else None


def _standard_moment(returns: NDArray[np.float64], power: int) -> float | None:
    if _spread(returns) is None:
        return None
    away = (returns - returns.mean()) / returns.std()
    return float((away**power).mean())
