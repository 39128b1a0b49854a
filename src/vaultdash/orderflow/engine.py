"""Trades a rule's words along a path of bars, one bar at a time: the plain engine that the compiled one must equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vaultdash.orderflow.result import EXIT_REASONS, MOMENTS, TRIP, EngineRun, RoundTrips
from vaultdash.orderflow.scenario import PRICE_SCALE, ContractSizing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from vaultdash.market import Bars
    from vaultdash.orderflow.result import ExitReason, Moment
    from vaultdash.orderflow.rules import Score
    from vaultdash.orderflow.scenario import Scenario

LONG, FLAT, SHORT = 1, 0, -1


class ServedBar(NamedTuple):
    """One bar as the engine is handed it: prices in 1e-9, the rule's word at its close, and what the clock knows."""

    open: int
    high: int
    low: int
    close: int
    word: int
    may_hold: bool
    ends_session: bool


class Order(NamedTuple):
    """What is to be held from the next open on, and why."""

    wanted: int
    reason: ExitReason


class SignalEngine:
    """Holds the books and is handed one bar after another. It never learns which comes last.

    `step` trades and books a bar; `finish` does so for the bar that ends the run, and closes what is open.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._slippage = scenario.price_units(scenario.costs.slippage_ticks)
        self._stop = None if scenario.stop_ticks is None else scenario.price_units(scenario.stop_ticks)
        self._target = None if scenario.target_ticks is None else scenario.price_units(scenario.target_ticks)
        self._cash = scenario.initial_capital
        self._at = -1
        self._held = FLAT
        self._quantity = 0.0
        self._entry: tuple[int, int, Moment] = (0, 0, "open")
        self._order: Order | None = None
        self._barred = FLAT
        self._equity: list[float] = []
        self._trips: list[tuple[float, ...]] = []
        self._unfilled = 0

    def step(self, bar: ServedBar) -> None:
        """Fill what was ordered, watch stop and target, decide at the close, book."""
        self._begin(bar)
        must_be_flat = self._scenario.flat_at_session_end and bar.ends_session
        self._end(bar, close_because="session_end" if must_be_flat else None)

    def finish(self, bar: ServedBar) -> None:
        """As `step`, but nothing stays open and nothing is ordered."""
        self._begin(bar)
        self._end(bar, close_because="end")

    def run(self, bars: Bars) -> EngineRun:
        """The record so far, over the bars that were handed in."""
        rows = np.array(self._trips, dtype=TRIP)
        return EngineRun(
            trips=RoundTrips(rows, bars), equity=np.array(self._equity, np.float64), unfilled_orders=self._unfilled
        )

    def _begin(self, bar: ServedBar) -> None:
        self._at += 1
        if self._order is not None:
            self._trade(self._order, bar.open, "open")
            self._order = None
        if self._held:
            self._watch_stop_and_target(bar)

    def _end(self, bar: ServedBar, *, close_because: ExitReason | None) -> None:
        order = self._decide(bar)
        if close_because:
            at_close = self._scenario.fill == "same_close" and order is not None
            reason = order.reason if order is not None and at_close else close_because
            self._trade(Order(FLAT, reason), bar.close, "close")
        elif self._scenario.fill == "same_close" and order is not None:
            self._trade(order, bar.close, "close")
        else:
            self._order = order
        self._equity.append(self._cash + self._usd_per_unit() * (bar.close - self._entry[1]))

    def _decide(self, bar: ServedBar) -> Order | None:
        if bar.word != self._barred:
            self._barred = FLAT
        wanted = self._held
        if bar.word == LONG:
            wanted = LONG
        elif bar.word == SHORT:
            wanted = SHORT if self._scenario.mode == "long_short" else FLAT
        if self._barred and wanted == self._barred:
            wanted = FLAT
        reason: ExitReason = "signal" if bar.may_hold or wanted != self._held else "hours"
        if not bar.may_hold:
            wanted = FLAT
        return None if wanted == self._held else Order(wanted, reason)

    def _watch_stop_and_target(self, bar: ServedBar) -> None:
        """Close at the stop before the target, unless the bar opened beyond the target already.

        Prices are turned so that up is good for what is held.
        """
        up, entry = self._held, self._held * self._entry[1]
        opened, best = up * bar.open, up * (bar.high if up > 0 else bar.low)
        worst = up * (bar.low if up > 0 else bar.high)
        if self._target is not None and opened >= entry + self._target:
            self._close(up * opened, "open", "target")
        elif self._stop is not None and worst <= entry - self._stop:
            is_gap = opened <= entry - self._stop
            price = min(opened, entry - self._stop) - self._slippage
            self._close(up * price, "open" if is_gap else "inside", "stop")
        elif self._target is not None and best >= entry + self._target:
            self._close(up * (entry + self._target), "inside", "target")

    def _trade(self, order: Order, price: int, moment: Moment) -> None:
        if self._held:
            self._close(price - self._held * self._slippage, moment, order.reason)
        if order.wanted:
            self._open(order.wanted, price + order.wanted * self._slippage, moment)

    def _open(self, direction: int, price: int, moment: Moment) -> None:
        sizing = self._scenario.sizing
        if isinstance(sizing, ContractSizing):
            quantity = float(sizing.contracts) if self._cash > 0 else 0.0
        elif self._cash > 0 and price > 0:
            quantity = sizing.fraction * self._cash / (price / PRICE_SCALE * self._scenario.multiplier)
        else:
            quantity = 0.0
        if not quantity > 0:
            self._unfilled += 1
            return
        self._held, self._quantity = direction, quantity
        self._entry = (self._at, price, moment)
        self._cash -= self._scenario.costs.commission * quantity

    def _close(self, price: int, moment: Moment, reason: ExitReason) -> None:
        entry_bar, entry_price, entry_moment = self._entry
        pnl = self._usd_per_unit() * (price - entry_price)
        fee = self._scenario.costs.commission * self._quantity
        self._cash += pnl
        self._cash -= fee
        moments = MOMENTS.index(entry_moment), MOMENTS.index(moment)
        self._trips.append(
            (entry_bar, self._at, entry_price, price, self._quantity, pnl, 2 * fee, self._held, *moments,
             EXIT_REASONS.index(reason))
        )  # fmt: skip
        if reason in ("stop", "target"):
            self._barred = self._held
        self._held, self._quantity = FLAT, 0.0

    def _usd_per_unit(self) -> float:
        """USD that what is held gains when the price rises by 1e-9."""
        return self._held * self._quantity * self._scenario.multiplier / PRICE_SCALE


def run_reference(scenario: Scenario, bars: Bars, score: Score, *, may_hold: NDArray[np.bool_] | None) -> EngineRun:
    """Hand the engine every bar in turn, the last one to `finish`. `may_hold` (n,) is None where every hour is good."""
    engine = SignalEngine(scenario)
    coming = _served(bars, score, may_hold)
    today = next(coming, None)
    if today is None:
        return engine.run(bars)
    for tomorrow in coming:
        engine.step(today)
        today = tomorrow
    engine.finish(today)
    return engine.run(bars)


def session_ends(bars: Bars) -> NDArray[np.bool_]:
    """Whether each bar is the last of its session (n,). The exchange's timetable is public, so this is no foresight.

    The last bar of all says False: nobody knows whether its session went on.
    """
    ends = np.zeros(len(bars), np.bool_)
    ends[:-1] = bars.session[1:] != bars.session[:-1]
    return ends


def _served(bars: Bars, score: Score, may_hold: NDArray[np.bool_] | None) -> Iterator[ServedBar]:
    words = (score.values > score.level).astype(np.int8) - (score.values < -score.level)
    allowed = np.ones(len(bars), np.bool_) if may_hold is None else may_hold
    columns = (bars.open, bars.high, bars.low, bars.close, words, allowed, session_ends(bars))
    return map(ServedBar, *(column.tolist() for column in columns))
