"""The peers of the order flow benchmarks, each asked for the same work; None where it is not installed."""

# Peers are not among the project's own libraries, so mypy may not find them.
# mypy: disable-error-code="import-not-found,import-untyped,no-any-return,unused-ignore"

from __future__ import annotations

import warnings
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from numpy.typing import NDArray

    from vaultdash.market import Bars

SCALE = 1e9


def vectorbt() -> ModuleType | None:
    """The library, or None."""
    try:
        import vectorbt as library  # noqa: PLC0415 - an optional peer
    except ImportError:
        return None
    return library


def vectorbt_engines() -> list[str]:
    """Names of the engines that are installed."""
    try:
        import vectorbt_rust  # noqa: F401, PLC0415 - an optional peer of a peer
    except ImportError:
        return ["numba"]
    return ["rust", "numba"]


class VectorbtWork:
    """`Portfolio.from_signals` in its quickest form: one column at a time, prices and their index made beforehand."""

    def __init__(self, library: Any, bars: Bars) -> None:
        import pandas as pd  # noqa: PLC0415 - vectorbt's own words

        index = pd.to_datetime(bars.start)
        self._series = partial(pd.Series, index=index)
        self._close, self._open = (self._series(prices / SCALE) for prices in (bars.close, bars.open))
        self._delta, self._library = bars.cumulative_delta, library

    def portfolio(self, threshold: float, engine: str) -> Any:
        """A tenth of equity at the open after the signal."""
        entries, exits = np.zeros(len(self._delta), bool), np.zeros(len(self._delta), bool)
        entries[1:], exits[1:] = self._delta[:-1] > threshold, self._delta[:-1] < -threshold
        return self._library.Portfolio.from_signals(
            self._close,
            self._series(entries),
            self._series(exits),
            price=self._open,
            size=0.1,
            size_type="percent",
            init_cash=10_000,
            freq="min",
            engine=engine,
        )


def vectorbt_figures(portfolio: Any) -> dict[str, float]:
    """Equity at every bar, and six figures."""
    portfolio.value()
    trades = portfolio.trades
    figures = {
        "total_return": portfolio.total_return(),
        "max_drawdown": -portfolio.max_drawdown(),
        "win_rate": trades.win_rate(),
        "average_win": trades.winning.pnl.mean(),
        "profit_factor": trades.profit_factor(),
        "expectancy": trades.expectancy(),
    }
    return {name: float(value) for name, value in figures.items()}


def backtesting_run(bars: Bars, threshold: float) -> Callable[[], object] | None:
    """`Backtest.run` of the same rule: it buys whole units only, so its capital is large. None where not installed."""
    try:
        import backtesting  # noqa: PLC0415 - an optional peer
    except ImportError:
        return None
    import pandas as pd  # noqa: PLC0415 - backtesting's own words

    class Threshold(backtesting.Strategy):  # type: ignore[misc]  # it ships no types
        """Long above the threshold, out below minus it."""

        def init(self) -> None:
            """Hold the cumulative delta ready."""
            self.delta = self.I(lambda: bars.cumulative_delta)

        def next(self) -> None:
            """Order for the next open."""
            if not self.position and self.delta[-1] > threshold:
                self.buy(size=0.1)
            elif self.position and self.delta[-1] < -threshold:
                self.position.close()

    columns: dict[str, NDArray[np.float64]] = {
        name: getattr(bars, name.lower()) / SCALE for name in ("Open", "High", "Low", "Close")
    }
    frame = pd.DataFrame(columns, index=pd.to_datetime(bars.start))

    def run() -> object:
        with warnings.catch_warnings(), redirect_stderr(StringIO()):  # it draws a progress bar
            warnings.simplefilter("ignore")  # it warns of bars without a volume
            return backtesting.Backtest(frame, Threshold, cash=1e9, finalize_trades=True).run()

    return run
