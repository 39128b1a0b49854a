"""The figures of a run, taken after it from its equity and round trips alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vaultdash.metrics import max_drawdown, profit_factor, sharpe_ratio, sortino_ratio
from vaultdash.orderflow.engine import session_ends
from vaultdash.orderflow.result import Figures, bars_held
from vaultdash.orderflow.scenario import PRICE_SCALE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vaultdash.market import Bars
    from vaultdash.orderflow.result import EngineRun
    from vaultdash.orderflow.scenario import Scenario


class TripFigures(NamedTuple):
    """What round trips alone say: counts, and profits after fees in USD."""

    total_trades: int
    winning_trades: int
    losing_trades: int
    win_rate: float | None
    average_win: float | None
    average_loss: float | None
    profit_factor: float | None
    expectancy: float | None


def summarize(run: EngineRun, scenario: Scenario, bars: Bars, *, compiled: bool = False) -> Figures:
    """Compute every figure; what does not exist is None. Bars without a row leave the capital as it was.

    `compiled` lets compiled code find the drawdown, which is most of the work for a long run.
    """
    rows, capital = run.trips.rows, scenario.initial_capital
    final = float(run.equity[-1]) if len(bars) else capital
    returns = session_returns(run.equity[session_marks(bars)], capital=capital)
    traded = rows["quantity"] * (np.abs(rows["entry_price"]) + np.abs(rows["exit_price"]))
    return Figures(
        initial_capital=capital,
        final_capital=final,
        total_return=final / capital - 1,
        **summarize_trips(run.trips.net)._asdict(),
        sharpe_ratio=sharpe_ratio(returns, periods_per_year=scenario.sessions_per_year),
        sortino_ratio=sortino_ratio(returns, periods_per_year=scenario.sessions_per_year),
        observations=len(returns),
        sessions_per_year=scenario.sessions_per_year,
        max_drawdown=_drawdown(run.equity, capital, compiled=compiled),
        exposure=float(bars_held(rows).sum()) / len(bars) if len(bars) else None,
        turnover=float(traded.sum()) / PRICE_SCALE * scenario.multiplier / capital,
        fees_paid=float(rows["fees"].sum()),
        buy_and_hold_return=_buy_and_hold(bars),
    )


def summarize_trips(net: NDArray[np.float64]) -> TripFigures:
    """Count and average profits after fees (trips,); a trip that made nothing neither wins nor loses."""
    wins, losses = net[net > 0], net[net < 0]
    return trip_figures(
        total=len(net), winning=len(wins), losing=len(losses), gained=float(wins.sum()), lost=-float(losses.sum())
    )


def trip_figures(*, total: int, winning: int, losing: int, gained: float, lost: float) -> TripFigures:
    """Divide sums by counts, where there is something to divide by. `gained` and `lost` are sizes in USD."""
    return TripFigures(
        total_trades=total,
        winning_trades=winning,
        losing_trades=losing,
        win_rate=winning / total if total else None,
        average_win=gained / winning if winning else None,
        average_loss=-lost / losing if losing else None,
        profit_factor=profit_factor(gained=gained, lost=lost),
        expectancy=(gained - lost) / total if total else None,
    )


def session_marks(bars: Bars) -> NDArray[np.int64]:
    """Places of the last bar of each session, the last bar of all among them (sessions,)."""
    ends = session_ends(bars)
    ends[-1:] = True
    return np.flatnonzero(ends)


def session_returns(equity: NDArray[np.float64], *, capital: float) -> NDArray[np.float64]:
    """Return each session's gain over the equity before it (sessions,), the first over the capital.

    Once equity has fallen to 0 or below, a return has no meaning: then there are none at all.
    """
    before = np.concatenate(([capital], equity[:-1])) if len(equity) else equity
    return equity / before - 1 if (before > 0).all() else np.empty(0, np.float64)


def _drawdown(equity: NDArray[np.float64], capital: float, *, compiled: bool) -> float:
    if not compiled:
        return max_drawdown(equity, start=capital)
    from vaultdash.orderflow import path_kernels  # noqa: PLC0415 - only where numba is loaded already

    return float(path_kernels.max_drawdown(equity, capital))


def _buy_and_hold(bars: Bars) -> float | None:
    if not (len(bars) and bars.open[0] > 0):
        return None
    return float(bars.close[-1] / bars.open[0]) - 1
