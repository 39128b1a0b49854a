"""The identities every run must satisfy; a run that breaks one is stopped, not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vaultdash.errors import BooksDoNotBalanceError
from vaultdash.orderflow.result import MOMENTS
from vaultdash.orderflow.scenario import PRICE_SCALE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vaultdash.market import Bars
    from vaultdash.orderflow.result import EngineRun
    from vaultdash.orderflow.scenario import Scenario

    Numbers = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.bool_]

RELATIVE_TOLERANCE = 1e-9
BLOCK = 32_768


def audit(run: EngineRun, scenario: Scenario, bars: Bars, *, compiled: bool = False) -> None:
    """Check a run's books. Raises BooksDoNotBalanceError at the first identity that fails.

    `compiled` lets compiled code look over the equity first, which for a long run takes a fifth of the time.

    Each trip: pnl = direction x quantity x multiplier x price change; fees = commission of both sides; it begins after
    the one before ended, so that no two positions are ever held. Each bar: equity = capital + closed pnl - fees paid +
    open pnl. Over the run: final equity = capital + sum of pnl - sum of fees, with nothing left open.
    """
    rows, capital = run.trips.rows, scenario.initial_capital
    scale = capital + float(np.abs(rows["pnl"]).sum()) + float(rows["fees"].sum())
    change = (rows["exit_price"] - rows["entry_price"]) / PRICE_SCALE
    pnl = rows["direction"] * rows["quantity"] * scenario.multiplier * change
    _same("pnl = direction x quantity x multiplier x price change", rows["pnl"], pnl, scale)
    _same("fees = commission of both sides", rows["fees"], 2 * scenario.costs.commission * rows["quantity"], scale)
    _in_order(rows)
    if len(bars) == 0:
        return
    final = capital + float(rows["pnl"].sum()) - float(rows["fees"].sum())
    _same("final equity = capital + pnl - fees", run.equity[-1:], np.array([final]), scale)
    stretches = _stretches(rows, scenario, bars)
    if compiled:
        from vaultdash.orderflow.path_kernels import count_gaps  # noqa: PLC0415 - only where numba is loaded already

        if count_gaps(run.equity, bars.close, *stretches, RELATIVE_TOLERANCE * scale) == 0:
            return
    _equity_of_every_bar(run.equity, bars.close, stretches, scale)


class Stretches(NamedTuple):
    """Stretches of bars without and with a position in turn, from the trips alone.

    `edges` (stretches + 1,) are where they begin; equity inside one is cash + slope x (close - entry).
    """

    edges: NDArray[np.int64]
    cash: NDArray[np.float64]
    slope: NDArray[np.float64]
    entry: NDArray[np.int64]


def _stretches(rows: NDArray[np.void], scenario: Scenario, bars: Bars) -> Stretches:
    edges = np.zeros(2 * len(rows) + 2, np.int64)
    edges[1:-1:2], edges[2:-1:2], edges[-1] = rows["entry_bar"], rows["exit_bar"], len(bars)
    cash = np.full(2 * len(rows) + 1, scenario.initial_capital)
    cash[2::2] += np.cumsum(rows["pnl"] - rows["fees"])
    cash[1::2] = cash[:-1:2] - rows["fees"] / 2
    slope, entry = np.zeros(len(cash)), np.zeros(len(cash), np.int64)
    slope[1::2] = rows["direction"] * rows["quantity"] * (scenario.multiplier / PRICE_SCALE)
    entry[1::2] = rows["entry_price"]
    return Stretches(edges, cash, slope, entry)


def _equity_of_every_bar(
    equity: NDArray[np.float64], close: NDArray[np.int64], stretches: Stretches, scale: float
) -> None:
    edges, cash, slope, entry = stretches
    for begin in range(0, len(close), BLOCK):
        end = min(begin + BLOCK, len(close))
        first, last = np.searchsorted(edges, (begin, end - 1), side="right") - 1
        inside = np.clip(edges[first : last + 2], begin, end)
        lengths = inside[1:] - inside[:-1]
        part = slice(first, last + 1)
        moved = close[begin:end] - np.repeat(entry[part], lengths)
        expected = np.repeat(cash[part], lengths) + np.repeat(slope[part], lengths) * moved
        _same("equity = capital + closed pnl - fees + open pnl", equity[begin:end], expected, scale, begin)


def _in_order(rows: NDArray[np.void]) -> None:
    inside = rows["exit_bar"] - rows["entry_bar"]
    at_once = (inside == 0) & (rows["entry_moment"] == MOMENTS.index("close"))
    _same("a trip ends after it began", (inside < 0) | at_once, np.zeros(len(rows)), 1)
    overlap = rows["entry_bar"][1:] < rows["exit_bar"][:-1]
    _same("a trip begins after the last one ended", overlap, np.zeros(len(overlap)), 1)


def _same(identity: str, left: Numbers, right: Numbers, scale: float, begin: int = 0) -> None:
    is_same = np.abs(left.astype(np.float64) - right.astype(np.float64)) <= RELATIVE_TOLERANCE * scale
    if not is_same.all():
        at = int(np.argmin(is_same))
        where = f"{identity}, at {begin + at}"
        raise BooksDoNotBalanceError(identity=where, day=None, left=float(left[at]), right=float(right[at]))
