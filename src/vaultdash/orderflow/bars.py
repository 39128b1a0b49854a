"""Builds bars from trades that come in pieces: any split of the same trades gives the same bars."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vaultdash.errors import ContractRuleMissingError, LateTradeError
from vaultdash.orderflow import bar_table, levels
from vaultdash.orderflow.bar_cutting import AmountCutter, TimeCutter
from vaultdash.orderflow.bar_table import START, BarTable
from vaultdash.orderflow.bar_workers import Workers
from vaultdash.orderflow.checks import require, require_above_zero, require_one_of, require_whole
from vaultdash.orderflow.rules import RESETS, Reset
from vaultdash.orderflow.sessions import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vaultdash.market import Bars
    from vaultdash.orderflow.bar_cutting import Parts
    from vaultdash.orderflow.bar_spec import BarSpec
    from vaultdash.orderflow.levels import Footprint
    from vaultdash.orderflow.sessions import Sessions
    from vaultdash.orderflow.trades import Trades

Fill = Literal["none", "previous_close"]

HIGHEST_MULTIPLIER = 1e9
MOST_THREADS = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Rolls:
    """Where one contract follows another: the instant of the new one's first trade (UTC ns), and both instrument ids.

    Shapes (n,). A bar never holds two contracts, and every cumulative delta starts again at a roll.
    """

    at: NDArray[np.int64]
    from_id: NDArray[np.uint32]
    to_id: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.at)


class BarBuilder:
    """Takes trades of one contract at a time, in order, and gives their bars.

    Bars are cut on `ts_recv` and stamped at the start of their interval: the clock's for time bars, their first
    trade's for the others, whose `end` is one nanosecond after their last trade. `sessions` bound the bars; without a
    calendar every UTC day is a session, as in the vendor's own bars. Trades of no session are counted
    (`outside_count`, `outside_volume`) and are in no bar.

    The cumulative delta starts again at `reset`: at every session, at every UTC day (of the bar's start), or never;
    and at every roll, whatever the reset, because the deltas of two expiries are not one sum. With `fill` =
    previous_close a time bar without a trade repeats the close before it, from a session's first trade to its last
    and not across a roll; elsewhere there is no trade and no bar. `multiplier` turns price x size into money for
    dollar bars. `threads` bounds the threads of large pieces (None: one a core, four at most). `compiled` decides
    between the compiled kernels and numpy, which give the same bars; None leaves it to the amount of work.
    """

    def __init__(
        self,
        spec: BarSpec,
        *,
        sessions: Sessions | None = None,
        reset: Reset = "session",
        fill: Fill = "none",
        multiplier: float = 1.0,
        with_footprint: bool = False,
        threads: int | None = None,
        compiled: bool | None = None,
    ) -> None:
        require_one_of("Bars", "reset", reset, RESETS)
        require_one_of("Bars", "fill", fill, get_args(Fill))
        require_above_zero("Bars", "multiplier", multiplier, HIGHEST_MULTIPLIER)
        require(
            fact=fill == "none" or spec.kind == "time",
            owner="Bars",
            field="fill",
            value=fill,
            must=f"be none for bars by {spec.kind}, which have no empty intervals",
        )
        if threads is not None:
            require_whole("Bars", "threads", threads, 1, MOST_THREADS)
        self._spec, self._reset, self._fill = spec, reset, fill
        self._cutter: TimeCutter | AmountCutter = (
            TimeCutter(spec, sessions) if spec.kind == "time" else AmountCutter(spec, sessions, multiplier=multiplier)
        )
        self._workers = Workers(threads=threads, compiled=compiled)
        self._with_footprint = with_footprint
        self._footprint: Footprint | None = None
        # The last bar of the last table is open: the next trades may still belong to it.
        self._tables: list[BarTable] = []
        self._contracts: list[int] = []
        self._left: dict[int, int] = {}
        self._rolls: list[tuple[int, int, int]] = []
        self._last_ts = self._last_traded = -(2**63)
        self._classified_by: dict[str, None] = {}
        self.outside_count = 0
        self.outside_volume = 0

    def feed(self, trades: Trades) -> None:
        """Add the next trades, none of them earlier than those before.

        Raises LateTradeError for earlier ones, and ContractRuleMissingError where a contract comes back after
        another on the same UTC day, because then several are mixed.
        """
        if not len(trades):
            return
        first = int(trades.ts_recv[0])
        if not first >= self._last_ts:
            raise LateTradeError(ts_recv=first, handed_on=self._last_ts)
        self._last_ts = int(trades.ts_recv[-1])
        self._classified_by[trades.classified_by] = None
        self._workers.expect(len(trades))
        for contract, run in _contract_runs(trades):
            self._start_contract(contract, at=int(run.ts_recv[0]))
            self._add(run)

    def finish(self) -> Bars:
        """Return the bars of all that was fed. The last one may be a bar that the trades end in the middle of."""
        table = bar_table.joined(self._tables, with_footprint=self._with_footprint)
        if self._fill == "previous_close":
            table = bar_table.with_empty_bars(table, length=self._spec.size)
        self._footprint = table.footprint
        return bar_table.finished(table, reset=self._reset)

    @property
    def footprint(self) -> Footprint:
        """The price levels of the finished bars, one entry a bar.

        Raises ImpossibleValueError before `finish`, and where no footprint was asked for.
        """
        require(
            fact=self._footprint is not None,
            owner="Bars",
            field="footprint",
            value=None,
            must="be asked for (with_footprint) and read after finish",
        )
        return self._footprint or levels.joined([])

    @property
    def rolls(self) -> Rolls:
        """The rolls so far."""
        at, from_id, to_id = zip(*self._rolls, strict=True) if self._rolls else ((), (), ())
        return Rolls(at=np.array(at, np.int64), from_id=np.array(from_id, np.uint32), to_id=np.array(to_id, np.uint32))

    @property
    def classified_by(self) -> str:
        """The rules that gave sides to unsided trades; empty where every side is the vendor's own."""
        return ", ".join(rule for rule in self._classified_by if rule)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the bars must know, as sentences."""
        rolls = len(self._rolls)
        told = [
            (
                bool(self.classified_by),
                f"Sides of unsided trades were worked out ({self.classified_by}): not the vendor's.",
            ),
            (
                self.outside_count > 0,
                f"{self.outside_count:,} trades, volume {self.outside_volume:,}, outside every session are in no bar.",
            ),
            (
                rolls > 0,
                f"Rolls of the contract: {rolls}; the cumulative delta starts again at each.",
            ),
        ]
        return tuple(text for is_so, text in told if is_so)

    def _start_contract(self, contract: int, *, at: int) -> None:
        if self._contracts and contract == self._contracts[-1]:
            return
        # A choice of contracts changes once a day at most, so that one that is back the same day was never chosen.
        if contract in self._left and self._left[contract] // DAY == at // DAY:
            raise ContractRuleMissingError(instrument_ids=sorted({*self._contracts, contract}))
        if self._contracts:
            self._left[self._contracts[-1]] = at
            self._rolls.append((at, self._contracts[-1], contract))
            self._cutter.restart()
            if self._tables and self._spec.kind == "time":
                # Where the two contracts trade in one instant, the old bar still ends after its last trade.
                self._tables.append(self._take_open().ending_by(max(at, self._last_traded + 1)))
        self._contracts.append(contract)

    def _add(self, trades: Trades) -> None:
        self._last_traded = int(trades.ts_recv[-1])
        parts = self._cutter.cut(trades, self._workers.find_rows)
        for rows in parts.outside:
            self.outside_count += rows.stop - rows.start
            self.outside_volume += int(trades.size[rows].sum(dtype=np.int64))
        if not len(parts):
            return
        table = BarTable(
            sums=self._workers.sum_parts(trades, parts.begins, parts.ends),
            keys=self._keys(parts),
            footprint=levels.footprint_of(trades, parts.begins, parts.ends) if self._with_footprint else None,
        )
        self._tables.append(table.continuing(self._take_open()) if parts.continues else table)

    def _take_open(self) -> BarTable:
        """Take the open bar out of the tables."""
        last = self._tables.pop()
        if len(last) > 1:
            self._tables.append(last.bars(0, len(last) - 1))
        return last.bars(len(last) - 1, len(last))

    def _keys(self, parts: Parts) -> NDArray[np.int64]:
        """Start, end, session and number of the contract of each part; no time bar starts before its contract does."""
        keys = np.stack([parts.start, parts.end, parts.session, np.full(len(parts), len(self._contracts))])
        if self._rolls and self._spec.kind == "time":
            keys[START, 0] = max(int(keys[START, 0]), self._rolls[-1][0])
        return keys


def build_bars(
    chunks: Iterable[Trades], spec: BarSpec, *, sessions: Sessions | None = None, reset: Reset = "session"
) -> Bars:
    """Build bars of all chunks; see `BarBuilder` for the rest of its choices."""
    builder = BarBuilder(spec, sessions=sessions, reset=reset)
    for trades in chunks:
        builder.feed(trades)
    return builder.finish()


def _contract_runs(trades: Trades) -> Iterator[tuple[int, Trades]]:
    """The contracts of a piece in order, each with its trades; number 0 where trades do not name their contract."""
    ids = trades.instrument_id
    if ids is None:
        yield 0, trades
        return
    changes = np.flatnonzero(ids[1:] != ids[:-1]) + 1
    if not len(changes):
        yield int(ids[0]), trades
        return
    borders = [0, *changes.tolist(), len(ids)]
    for begin, end in pairwise(borders):
        yield int(ids[begin]), trades.take(slice(begin, end))
