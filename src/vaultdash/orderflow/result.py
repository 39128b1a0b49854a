"""What a run answers: equity at every bar, the fills and round trips behind it, and the figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args, overload

import numpy as np
from numpy.typing import NDArray

from vaultdash.market import Direction
from vaultdash.orderflow.scenario import PRICE_SCALE, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaultdash.market import Bars

Moment = Literal["open", "inside", "close"]
ExitReason = Literal["signal", "hours", "stop", "target", "session_end", "end"]
MOMENTS: tuple[Moment, ...] = get_args(Moment)
EXIT_REASONS: tuple[ExitReason, ...] = get_args(ExitReason)

TRIP = np.dtype(
    [
        ("entry_bar", np.int64),
        ("exit_bar", np.int64),
        ("entry_price", np.int64),
        ("exit_price", np.int64),
        ("quantity", np.float64),
        ("pnl", np.float64),
        ("fees", np.float64),
        ("direction", np.int64),
        ("entry_moment", np.int64),
        ("exit_moment", np.int64),
        ("reason", np.int64),
    ]
)
"""One round trip as a row: bars by their place, prices in 1e-9, money in USD, moments and reasons by their place above.

`pnl` is direction x quantity x multiplier x (exit - entry), before fees; slippage is inside the prices.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fill:
    """One execution: at which bar and moment, bought or sold how much, at what price, for what fee (USD).

    `time_ns` (UTC) is the bar's start for a fill at its open and the bar's end for one inside it or at its close.
    """

    bar: int
    moment: Moment
    time_ns: int
    action: Literal["buy", "sell"]
    quantity: float
    price: float
    fee: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundTrip:
    """A position from its entry to its exit. `pnl` is before fees, `net` after them (USD).

    `bars_held` counts the bars during any part of which it was held.
    """

    entry: Fill
    exit: Fill
    direction: Direction
    quantity: float
    pnl: float
    fees: float
    bars_held: int
    reason: ExitReason

    @property
    def net(self) -> float:
        """Profit after fees."""
        return self.pnl - self.fees


class RoundTrips(Sequence[RoundTrip]):
    """Round trips in time order: `rows` (TRIP) for arithmetic, and each as a value when asked for by its place."""

    def __init__(self, rows: NDArray[np.void], bars: Bars) -> None:
        self.rows = rows
        self._bars = bars

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> RoundTrip: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[RoundTrip]: ...
    def __getitem__(self, at: int | slice) -> RoundTrip | Sequence[RoundTrip]:
        if isinstance(at, slice):
            return RoundTrips(self.rows[at], self._bars)
        row = self.rows[at]
        direction = Direction(int(row["direction"]))
        return RoundTrip(
            entry=self._fill(row, "entry", is_buy=direction > 0),
            exit=self._fill(row, "exit", is_buy=direction < 0),
            direction=direction,
            quantity=float(row["quantity"]),
            pnl=float(row["pnl"]),
            fees=float(row["fees"]),
            bars_held=int(bars_held(self.rows[[at]])[0]),
            reason=EXIT_REASONS[row["reason"]],
        )

    @property
    def net(self) -> NDArray[np.float64]:
        """Profit of each after fees, USD (trips,)."""
        net: NDArray[np.float64] = self.rows["pnl"] - self.rows["fees"]
        return net

    def fills(self) -> Iterator[Fill]:
        """Every fill in the order in which it happened; a flip is its exit and then its entry."""
        for trip in self:
            yield trip.entry
            yield trip.exit

    def _fill(self, row: np.void, which: Literal["entry", "exit"], *, is_buy: bool) -> Fill:
        bar, moment = int(row[f"{which}_bar"]), MOMENTS[row[f"{which}_moment"]]
        column = self._bars.start if moment == "open" else self._bars.end
        return Fill(
            bar=bar,
            moment=moment,
            time_ns=int(column[bar]),
            action="buy" if is_buy else "sell",
            quantity=float(row["quantity"]),
            price=int(row[f"{which}_price"]) / PRICE_SCALE,
            fee=float(row["fees"]) / 2,
        )


def bars_held(rows: NDArray[np.void]) -> NDArray[np.int64]:
    """Bars during any part of which each was held (trips,)."""
    first = rows["entry_bar"] + (rows["entry_moment"] == MOMENTS.index("close"))
    last = rows["exit_bar"] - (rows["exit_moment"] == MOMENTS.index("open"))
    held: NDArray[np.int64] = last - first + 1
    return held


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineRun:
    """What an engine recorded: round trips, equity at every bar's close (n,) in USD, and orders it could not fill.

    An order is not filled where no equity is left, or where a fraction of it is to buy at a price not above 0.
    """

    trips: RoundTrips
    equity: NDArray[np.float64]
    unfilled_orders: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The figures of a run. Money in USD, rates and returns as fractions; null for what does not exist.

    A trip wins or loses by its profit after fees. Sharpe and Sortino are of the `observations` returns from session
    end to session end, times the root of `sessions_per_year`. `buy_and_hold_return` is the last close over the first
    open, less 1: all in, no costs.
    """

    initial_capital: float
    final_capital: float
    total_return: float
    total_trades: int
    winning_trades: int
    losing_trades: int
    win_rate: float | None
    average_win: float | None
    average_loss: float | None
    profit_factor: float | None
    expectancy: float | None
    sharpe_ratio: float | None
    sortino_ratio: float | None
    observations: int
    sessions_per_year: int
    max_drawdown: float
    exposure: float | None
    turnover: float
    fees_paid: float
    buy_and_hold_return: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class BacktestResult:
    """A scenario's run over some bars: equity at each bar's close (n,), round trips, figures, what to know of them."""

    scenario: Scenario
    equity: NDArray[np.float64]
    trips: RoundTrips
    figures: Figures
    warnings: tuple[str, ...]
