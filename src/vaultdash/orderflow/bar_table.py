"""Bars in the making: sums and keys as tables, and how they become the columns of finished bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vaultdash.market import Bars
from vaultdash.orderflow import levels
from vaultdash.orderflow.bar_sums import (
    BOUGHT,
    CLOSE,
    COUNT,
    HIGH,
    LOW,
    MAX_DELTA,
    MIN_DELTA,
    OPEN,
    PRICE_SCALE,
    ROWS,
    SOLD,
    VOLUME,
    average_prices,
    join,
)
from vaultdash.orderflow.levels import Footprint
from vaultdash.orderflow.sessions import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vaultdash.orderflow.rules import Reset

    Ints = NDArray[np.int64]

START, END, SESSION, CONTRACT = range(4)
KEYS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class BarTable:
    """Bars in order: `sums` (13, n) as in `bar_sums`, `keys` (4, n): start, end, session, number of the contract."""

    sums: Ints
    keys: Ints
    footprint: Footprint | None = None

    def __len__(self) -> int:
        return int(self.keys.shape[1])

    def bars(self, begin: int, end: int) -> BarTable:
        """The bars [begin, end)."""
        return BarTable(
            sums=self.sums[:, begin:end],
            keys=self.keys[:, begin:end],
            footprint=None if self.footprint is None else self.footprint.bars(begin, end),
        )

    def continuing(self, before: BarTable) -> BarTable:
        """This table where its first bar goes on with the only bar of `before`."""
        sums, keys = self.sums.copy(), self.keys.copy()
        sums[:, 0] = join(before.sums[:, 0], sums[:, 0])
        keys[START, 0] = before.keys[START, 0]
        footprint = self.footprint
        if footprint is not None and before.footprint is not None:
            first = levels.joined([before.footprint, footprint.bars(0, 1)]).merged()
            footprint = levels.joined([first, footprint.bars(1, len(self))])
        return BarTable(sums=sums, keys=keys, footprint=footprint)

    def ending_by(self, instant: int) -> BarTable:
        """This table of one bar, cut short where it ends after `instant`."""
        keys = self.keys.copy()
        keys[END, 0] = min(int(keys[END, 0]), instant)
        return BarTable(sums=self.sums, keys=keys, footprint=self.footprint)


def joined(tables: list[BarTable], *, with_footprint: bool) -> BarTable:
    """The bars of several tables, one after the other."""
    if len(tables) == 1:
        return tables[0]
    return BarTable(
        sums=np.concatenate([np.empty((ROWS, 0), np.int64), *(table.sums for table in tables)], axis=1),
        keys=np.concatenate([np.empty((KEYS, 0), np.int64), *(table.keys for table in tables)], axis=1),
        footprint=levels.joined([table.footprint for table in tables if table.footprint is not None])
        if with_footprint
        else None,
    )


def with_empty_bars(table: BarTable, *, length: int) -> BarTable:
    """Put bars that repeat the close before them into the gaps inside a session.

    Not across a roll: the next contract has another price.
    """
    keys = table.keys
    follows = (keys[SESSION, 1:] == keys[SESSION, :-1]) & (keys[CONTRACT, 1:] == keys[CONTRACT, :-1])
    missing = np.where(follows, (keys[START, 1:] - keys[END, :-1]) // length, 0)
    before = np.repeat(np.arange(len(missing)), missing)
    nth = np.arange(len(before)) - (np.cumsum(missing) - missing)[before]
    empty_keys = keys[:, before].copy()
    empty_keys[START] = keys[END, before] + nth * length
    empty_keys[END] = empty_keys[START] + length
    sums = np.zeros((ROWS, len(before)), np.int64)
    sums[[OPEN, HIGH, LOW, CLOSE]] = table.sums[CLOSE, before]
    return BarTable(
        sums=np.insert(table.sums, before + 1, sums, axis=1),
        keys=np.insert(keys, before + 1, empty_keys, axis=1),
        footprint=None if table.footprint is None else levels.with_empty_bars(table.footprint, before + 1),
    )


def finished(table: BarTable, *, reset: Reset) -> Bars:
    """The columns of finished bars; most are views of the table, which nobody changes."""
    sums, keys = table.sums, table.keys
    traded = sums[COUNT] > 0
    if traded.all():
        vwap = average_prices(sums)
    else:
        vwap = sums[CLOSE] / PRICE_SCALE
        vwap[traded] = average_prices(sums[:, traded])
    delta = sums[BOUGHT] - sums[SOLD]
    return Bars(
        start=keys[START],
        end=keys[END],
        open=sums[OPEN],
        high=sums[HIGH],
        low=sums[LOW],
        close=sums[CLOSE],
        volume=sums[VOLUME],
        buy_volume=sums[BOUGHT],
        sell_volume=sums[SOLD],
        unsided_volume=sums[VOLUME] - sums[BOUGHT] - sums[SOLD],
        trade_count=sums[COUNT],
        vwap=vwap,
        volume_delta=delta,
        min_delta=sums[MIN_DELTA],
        max_delta=sums[MAX_DELTA],
        cumulative_delta=_cumulative(delta, keys, reset),
        session=keys[SESSION].astype(np.int32),
    )


def _cumulative(delta: Ints, keys: Ints, reset: Reset) -> Ints:
    """The running sum of deltas, which starts again at the reset and at every roll."""
    starts_again = np.zeros(len(delta), np.bool_)
    starts_again[1:] = keys[CONTRACT, 1:] != keys[CONTRACT, :-1]
    if reset != "none":
        run = keys[SESSION] if reset == "session" else keys[START] // DAY
        starts_again[1:] |= run[1:] != run[:-1]
    running = np.cumsum(delta)
    first = np.maximum.accumulate(np.where(starts_again, np.arange(len(delta)), 0))
    return running - (running - delta)[first]
