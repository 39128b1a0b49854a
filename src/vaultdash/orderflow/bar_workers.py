"""Who adds a piece of trades up: numpy for small work, the compiled kernels for large, on one thread or several."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from vaultdash.orderflow import bar_sums

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from numpy.typing import NDArray

    from vaultdash.orderflow.trades import Trades

    Ints = NDArray[np.int64]

T = TypeVar("T")

KERNELS = "vaultdash.orderflow.bar_kernels"
EARNS_KERNELS = 10_000_000
"""Trades from which loading numba (over a second) takes less time than numpy would."""

ROWS_PER_THREAD = 500_000
NUMPY_ROWS = 500_000
"""Rows numpy adds up at a time: its columns in between take about a hundred bytes a row."""

MOST_THREADS = 4


class Workers:
    """Adds parts of trades up, and finds rows by time. The sums are the same whoever does it."""

    def __init__(self, *, threads: int | None, compiled: bool | None = None) -> None:
        self._threads = min(os.cpu_count() or 1, MOST_THREADS) if threads is None else threads
        self._rows = 0
        self._compiled = compiled
        self._kernels: ModuleType | None = None

    def expect(self, rows: int) -> None:
        """Say how many trades come next."""
        self._rows += rows
        is_earned = self._rows >= EARNS_KERNELS or KERNELS in sys.modules
        if self._kernels is None and (is_earned if self._compiled is None else self._compiled):
            from vaultdash.orderflow import bar_kernels  # noqa: PLC0415 - numba takes over half a second to load

            self._kernels = bar_kernels

    def find_rows(self, times: Ints, instants: Ints) -> Ints:
        """Return for each instant (rising) the first row at or after it."""
        kernels = self._kernels
        if kernels is None:
            return np.searchsorted(times, instants, "left")
        found = np.empty(len(instants), np.int64)

        def find(share: slice) -> None:
            kernels.find_edges(times, instants[share], found[share])

        count = len(instants)
        _each(find, _shares(np.arange(1, count + 1), width=-(-count // self._threads_for(len(times)))))
        return found

    def sum_parts(self, trades: Trades, begins: Ints, ends: Ints) -> Ints:
        """Return the table of sums of the parts; see `bar_sums`."""
        rows, kernels = len(trades), self._kernels
        width = NUMPY_ROWS if kernels is None else -(-rows // self._threads_for(rows))
        cuts = _inside(begins, ends, np.arange(width, rows, width))
        if len(cuts):
            begins, ends = np.sort(np.concatenate([begins, cuts])), np.sort(np.concatenate([ends, cuts]))
        shares = _shares(ends, width=width)
        if kernels is None:
            tables = [_sum_by_numpy(trades, begins[share], ends[share]) for share in shares]
        else:
            tables = [np.empty((bar_sums.ROWS, share.stop - share.start), np.int64) for share in shares]

            def add_up(number: int) -> None:
                share = shares[number]
                kernels.sum_parts(trades.price, trades.size, trades.side, begins[share], ends[share], tables[number])

            _each(add_up, range(len(shares)))
        table = tables[0] if len(tables) == 1 else np.concatenate(tables, axis=1)
        for place in np.searchsorted(begins, cuts)[::-1]:
            table = bar_sums.join_cut(table, at=int(place) - 1)
        return table

    def _threads_for(self, rows: int) -> int:
        return max(1, min(self._threads, rows // ROWS_PER_THREAD))


def _inside(begins: Ints, ends: Ints, cuts: Ints) -> Ints:
    """The cuts that fall inside a part, so that it becomes two."""
    part = np.searchsorted(begins, cuts, "right") - 1
    return cuts[(part >= 0) & (begins[part] < cuts) & (cuts < ends[part])]


def _shares(ends: Ints, *, width: int) -> list[slice]:
    """Slices of parts whose `ends` lie in the same stretch of `width`: about equal work."""
    stretch = (ends - 1) // width
    borders = [0, *(np.flatnonzero(stretch[1:] != stretch[:-1]) + 1).tolist(), len(ends)]
    return [slice(begin, end) for begin, end in pairwise(borders)]


def _sum_by_numpy(trades: Trades, begins: Ints, ends: Ints) -> Ints:
    low, high = int(begins[0]), int(ends[-1])
    return bar_sums.sum_parts(trades.take(slice(low, high)), begins - low, ends - low)


def _each(work: Callable[[T], None], jobs: Sequence[T]) -> None:
    """Do every job, side by side where there are several."""
    if len(jobs) == 1:
        work(jobs[0])
        return
    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(work, jobs))
