"""The identities every run must satisfy; a run that breaks one is stopped, not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultdash.errors import BooksDoNotBalanceError

if TYPE_CHECKING:
    from datetime import date

    from vaultdash.hedge.engine import EngineRun

RELATIVE_TOLERANCE = 1e-9


def audit(run: EngineRun, *, opening_cash: float, is_finished: bool = True) -> None:
    """Check a run's books. Raises BooksDoNotBalanceError at the first identity that fails.

    Each day: cash + options + underlying = net; cash = opening cash + every flow booked so far; the options' value
    is that of the positions' own marks. Over the run: the days' flows are the trades' flows, and, once finished,
    every position opened was closed.
    """
    cash = opening_cash
    marks: dict[date, float] = {}
    for position in run.positions:
        for mark in position.marks:
            value = (1 if position.side == "long" else -1) * mark.mid * position.quantity
            marks[mark.date] = marks.get(mark.date, 0.0) + value
    for day in run.days:
        cash += day.premium_cashflow + day.realized_option_cashflow
        scale = day.underlying_value + abs(cash) + abs(day.option_market_value)
        _same(
            "cash + options + underlying = net",
            day.date,
            scale,
            day.cash + day.option_market_value + day.underlying_value,
            day.net_portfolio_value,
        )
        _same("cash = opening cash + flows", day.date, scale, day.cash, cash)
        _same("option value = sum of marks", day.date, scale, day.option_market_value, marks.get(day.date, 0.0))
    traded = opening_cash + sum(trade.cashflow for trade in run.trades)
    _same("days' flows = trades' flows", None, abs(cash) + abs(traded) + 1, cash, traded)
    if is_finished:
        closed = sum(position.closed is not None for position in run.positions)
        _same("positions opened = closed", None, 1, len(run.positions), closed)
    for day in run.days:
        _same(
            "newest input read <= day",
            day.date,
            1,
            min(day.newest_read.toordinal(), day.date.toordinal()),
            day.newest_read.toordinal(),
        )


def _same(identity: str, day: date | None, scale: float, left: float, right: float) -> None:
    if not abs(left - right) <= RELATIVE_TOLERANCE * scale:
        raise BooksDoNotBalanceError(identity=identity, day=day, left=left, right=right)
