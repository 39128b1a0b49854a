"""Where one bar ends and the next begins, along trades that come in pieces."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vaultdash.orderflow.sessions import sessions_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultdash.orderflow.bar_spec import BarSpec
    from vaultdash.orderflow.sessions import Sessions
    from vaultdash.orderflow.trades import Trades

    Ints = NDArray[np.int64]
    FindRows = Callable[[Ints, Ints], Ints]

NANO = 1_000_000_000
LARGEST_WHOLE = 9.0e18
EDGES_PER_ROW = 4
"""Where a piece spans more bars than this for each trade, the bar is worked out from each trade instead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Rows [begins, ends) of each bar a piece touches, the bar's `start`, `end` and `session`; all shapes (n,).

    `continues`: the first part belongs to the bar the piece before left open. `outside` marks rows of no session as
    slices, in order.
    """

    begins: Ints
    ends: Ints
    start: Ints
    end: Ints
    session: NDArray[np.int32]
    continues: bool
    outside: tuple[slice, ...]

    def __len__(self) -> int:
        return len(self.begins)


class TimeCutter:
    """Cuts at the session's open plus whole lengths, and at its close."""

    def __init__(self, spec: BarSpec, sessions: Sessions | None) -> None:
        self._length = spec.size
        self._sessions = sessions
        self._open_until: int | None = None

    def restart(self) -> None:
        """Begin a new bar with the next trade, whatever the clock says."""
        self._open_until = None

    def cut(self, trades: Trades, find_rows: FindRows) -> Parts:
        """Return the parts of a piece, which holds a trade at least."""
        times = trades.ts_recv
        first, last = int(times[0]), int(times[-1])
        within = sessions_within(self._sessions, first_ns=first, last_ns=last)
        begin_k = np.maximum(first - within.open_ns, 0) // self._length
        end_k = (np.minimum(within.close_ns, last + 1) - within.open_ns - 1) // self._length + 1
        if int((end_k - begin_k).sum()) <= EDGES_PER_ROW * len(times) + 1024:
            number, k = _unrolled(begin_k, end_k)
        else:
            number, k = self._touched(times, within)
        start = within.open_ns[number] + k * self._length
        end = np.minimum(start + self._length, within.close_ns[number])
        rows = find_rows(times, start)
        is_last = np.append(number[1:] != number[:-1], True)[: len(number)]
        # Inside a session one bar's end is the next bar's start, but for bars nobody traded in.
        is_last[:-1] |= end[:-1] != start[1:]
        stops = np.append(rows[1:], len(times))[: len(rows)]
        stops[is_last] = np.searchsorted(times, end[is_last], "left")
        traded = rows < stops
        parts = Parts(
            begins=rows[traded],
            ends=stops[traded],
            start=start[traded],
            end=end[traded],
            session=within.day[number[traded]],
            continues=bool(traded.any()) and int(end[traded][0]) == self._open_until,
            outside=_outside(times, within),
        )
        if len(parts):
            self._open_until = int(parts.end[-1])
        return parts

    def _touched(self, times: Ints, within: Sessions) -> tuple[Ints, Ints]:
        """The bars that hold a trade, where trades are few and bars many."""
        at = np.searchsorted(within.open_ns, times, "right") - 1
        inside = at >= 0
        inside[inside] = times[inside] < within.close_ns[at[inside]]
        number = at[inside]
        k = (times[inside] - within.open_ns[number]) // self._length
        is_new = np.ones(len(k), np.bool_)
        is_new[1:] = (number[1:] != number[:-1]) | (k[1:] != k[:-1])
        return number[is_new], k[is_new]


class AmountCutter:
    """Cuts with the trade that brings a bar to its size in trades, volume or money, and at a session's close."""

    def __init__(self, spec: BarSpec, sessions: Sessions | None, *, multiplier: float) -> None:
        self._spec = spec
        self._sessions = sessions
        # A bar is full at price x size x multiplier >= size; in units of 1e-9 and without the multiplier:
        self._wanted = ceil(Fraction(spec.size) * NANO / Fraction(multiplier)) if spec.kind == "dollar" else spec.size
        self._session: int | None = None
        self._gathered = 0

    def restart(self) -> None:
        """Begin a new bar with the next trade."""
        self._session = None

    def cut(self, trades: Trades, find_rows: FindRows) -> Parts:
        """Return the parts of a piece, which holds a trade at least."""
        times = trades.ts_recv
        within = sessions_within(self._sessions, first_ns=int(times[0]), last_ns=int(times[-1]))
        opens, closes = find_rows(times, within.open_ns), find_rows(times, within.close_ns)
        begins: list[Ints] = []
        ends: list[Ints] = []
        days: list[NDArray[np.int32]] = []
        continues = False
        for number in np.flatnonzero(opens < closes):
            low, high, day = int(opens[number]), int(closes[number]), int(within.day[number])
            is_same = self._session == day
            continues = continues or (is_same and not begins)
            full, self._gathered = self._full_at(trades, low, high, self._gathered if is_same else 0)
            stops = full if len(full) and full[-1] == high else np.append(full, high)
            begins.append(np.append(low, stops[:-1]))
            ends.append(stops)
            days.append(np.full(len(stops), day, np.int32))
            # A full bar is closed: the next trade begins another.
            self._session = None if len(full) and full[-1] == high else day
        empty = np.empty(0, np.int64)
        begin, end = np.concatenate([empty, *begins]), np.concatenate([empty, *ends])
        return Parts(
            begins=begin,
            ends=end,
            start=times[begin],
            end=times[end - 1] + 1,
            session=np.concatenate([np.empty(0, np.int32), *days]),
            continues=continues,
            outside=_outside(times, within),
        )

    def _full_at(self, trades: Trades, low: int, high: int, gathered: int) -> tuple[Ints, int]:
        """The rows after which a bar of [low, high) is full, and what the last bar has gathered by `high`."""
        if self._spec.kind == "tick":
            full = np.arange(low + self._wanted - gathered, high + 1, self._wanted, dtype=np.int64)
            return full, high - int(full[-1]) if len(full) else gathered + high - low
        size = trades.size[low:high].astype(np.int64)
        if self._spec.kind == "volume":
            return _crossings(low, np.cumsum(size), np.zeros(len(size), np.int64), self._wanted, gathered, unit=1)
        price = np.abs(trades.price[low:high])
        fraction = price % NANO * size
        whole = price // NANO * size + fraction // NANO
        if not float(whole.astype(np.float64).sum()) < LARGEST_WHOLE:
            whole = whole.astype(object)
        rest = np.cumsum(fraction % NANO)
        return _crossings(low, np.cumsum(whole) + rest // NANO, rest % NANO, self._wanted, gathered, unit=NANO)


def _crossings(low: int, whole: Ints, rest: Ints, wanted: int, gathered: int, *, unit: int) -> tuple[Ints, int]:
    """Rows at which the running sum `whole` x `unit` + `rest` has grown by `wanted` since the last such row."""
    full: list[int] = []
    base = -gathered
    while True:
        goal, goal_rest = divmod(base + wanted, unit)
        begin, end = np.searchsorted(whole, goal, "left"), np.searchsorted(whole, goal, "right")
        at = int(begin + np.searchsorted(rest[begin:end], goal_rest, "left"))
        if at == len(whole):
            return np.array(full, np.int64), int(whole[-1]) * unit + int(rest[-1]) - base
        full.append(low + at + 1)
        base = int(whole[at]) * unit + int(rest[at])


def _unrolled(begin: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Number of each range and every value of it: [0, 2) and [5, 6) give (0, 0, 1) and (0, 1, 5)."""
    counts = end - begin
    number = np.repeat(np.arange(len(counts)), counts)
    before = np.cumsum(counts) - counts
    return number, np.arange(len(number)) - before[number] + begin[number]


def _outside(times: Ints, within: Sessions) -> tuple[slice, ...]:
    """Rows of no session: before the first open, between a close and the next open, after the last close."""
    begins = np.append(0, np.searchsorted(times, within.close_ns, "left"))
    ends = np.append(np.searchsorted(times, within.open_ns, "left"), len(times))
    return tuple(slice(int(begin), int(end)) for begin, end in zip(begins, ends, strict=True) if begin < end)
