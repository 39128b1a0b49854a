"""Hands a scenario to the compiled engine as columns and numbers, and takes its record back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vaultdash.market import Bars
from vaultdash.orderflow import signal_kernels as kernels
from vaultdash.orderflow.engine import session_ends
from vaultdash.orderflow.result import TRIP, EngineRun, RoundTrips
from vaultdash.orderflow.scenario import FractionSizing, Scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NO_MARKS = np.empty(0, np.int64)


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledPath:
    """Bars and a score, ready for any number of runs whose terms differ."""

    scenario: Scenario
    bars: Bars
    columns: kernels.Columns

    @classmethod
    def of(
        cls, scenario: Scenario, bars: Bars, score: NDArray[np.int64], *, may_hold: NDArray[np.bool_] | None
    ) -> CompiledPath:
        """Lay out what the kernel reads. `may_hold` (n,) is None where every hour is good."""
        none = np.empty(0, np.bool_)
        values = np.ascontiguousarray(score, np.int64)
        highest, lowest = kernels.extremes(values)
        columns = kernels.Columns(
            open=np.ascontiguousarray(bars.open, np.int64),
            high=np.ascontiguousarray(bars.high, np.int64),
            low=np.ascontiguousarray(bars.low, np.int64),
            close=np.ascontiguousarray(bars.close, np.int64),
            score=values,
            highest=highest,
            lowest=lowest,
            may_hold=none if may_hold is None else np.ascontiguousarray(may_hold),
            ends_session=session_ends(bars) if scenario.flat_at_session_end else none,
        )
        return cls(scenario=scenario, bars=bars, columns=columns)

    def run(self, level: int) -> EngineRun:
        """Run with equity at every bar."""
        equity, trips = np.empty(len(self.bars), np.float64), self.room()
        count, unfilled = kernels.trade(self.columns, self._terms(), level, NO_MARKS, equity, trips)
        return EngineRun(
            trips=RoundTrips(trips[:count].copy(), self.bars), equity=equity, unfilled_orders=int(unfilled)
        )

    def run_levels(
        self, levels: Sequence[int], *, marks: NDArray[np.int64], room: NDArray[np.void]
    ) -> tuple[NDArray[np.float64], NDArray[np.void]]:
        """Run once for each level: equity at the bars of `marks` (levels, marks), and a TALLY of each (levels,).

        `room` is what `room()` gives; it is written over, so that each thread needs its own.
        """
        equity = np.empty((len(levels), len(marks)), np.float64)
        tallies = np.empty(len(levels), kernels.TALLY)
        kernels.trade_levels(self.columns, self._terms(), np.array(levels, np.int64), marks, equity, tallies, room)
        return equity, tallies

    def room(self) -> NDArray[np.void]:
        """Space for the most round trips the path can hold; memory is taken only as it is written."""
        return np.empty(len(self.bars), TRIP)

    def _terms(self) -> kernels.Terms:
        scenario, sizing = self.scenario, self.scenario.sizing
        return kernels.Terms(
            is_long_short=scenario.mode == "long_short",
            is_same_close=scenario.fill == "same_close",
            fraction=float(sizing.fraction) if isinstance(sizing, FractionSizing) else 0.0,
            contracts=0.0 if isinstance(sizing, FractionSizing) else float(sizing.contracts),
            multiplier=float(scenario.multiplier),
            commission=float(scenario.costs.commission),
            slippage=scenario.price_units(scenario.costs.slippage_ticks),
            stop=kernels.NOTHING if scenario.stop_ticks is None else scenario.price_units(scenario.stop_ticks),
            target=kernels.NOTHING if scenario.target_ticks is None else scenario.price_units(scenario.target_ticks),
            capital=float(scenario.initial_capital),
        )
