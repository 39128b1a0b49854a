"""Random tapes and sessions for the tests of bars, and how a list of trades becomes columns."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from vaultdash.market import Bars
from vaultdash.orderflow.bars import BarBuilder
from vaultdash.orderflow.sessions import Sessions
from vaultdash.orderflow.trades import Trades

if TYPE_CHECKING:
    from collections.abc import Sequence

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 19_700 * DAY + 14 * HOUR + 30 * MINUTE
Tape = list[dict[str, Any]]


def tape(*rows: tuple[int, float, int, str], contract: int = 1) -> Tape:
    """Trades from (nanoseconds after START, price, size, side)."""
    return [
        {"ts": START + after, "price": round(price * 1e9), "size": size, "side": side, "contract": contract}
        for after, price, size, side in rows
    ]


def columns(rows: Tape) -> Trades:
    return Trades(
        ts_recv=np.array([row["ts"] for row in rows], np.int64),
        price=np.array([row["price"] for row in rows], np.int64),
        size=np.array([row["size"] for row in rows], np.uint32),
        side=np.array([ord(row["side"]) for row in rows], np.uint8),
        instrument_id=np.array([row["contract"] for row in rows], np.uint32),
    )


def session_columns(sessions: Sequence[tuple[int, int, int]] | None) -> Sessions | None:
    if sessions is None:
        return None
    opens, closes, days = ([session[at] for session in sessions] for at in range(3))
    return Sessions(
        open_ns=np.array(opens, np.int64), close_ns=np.array(closes, np.int64), day=np.array(days, np.int32)
    )


def bars_of(
    rows: Tape, builder: BarBuilder, *, cuts: Sequence[int] = (), workers: str = "numpy"
) -> tuple[Bars, BarBuilder]:
    """Feed a tape cut into pieces, added up by "numpy" or by the "compiled" kernels, however little there is."""
    builder._workers._compiled = workers == "compiled"
    borders = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    for begin, end in pairwise(borders):
        builder.feed(columns(rows[begin:end]))
    return builder.finish(), builder


def same_bars(ours: Bars, theirs: Bars, *, count: int | None = None) -> None:
    """Every column equal, bit by bit, over the first `count` bars or all."""
    assert count is not None or len(ours) == len(theirs)
    for at in fields(Bars):
        left, right = getattr(ours, at.name)[:count], getattr(theirs, at.name)[:count]
        assert left.dtype == right.dtype
        assert left.tolist() == right.tolist(), at.name


GAPS = st.sampled_from([0, 0, 1, 7 * SECOND, 31 * SECOND, MINUTE, 11 * MINUTE, 3 * HOUR, 17 * HOUR])
SIZES = st.one_of(st.integers(1, 9), st.sampled_from([2**21, 2**31, 2**32 - 1]))
STEPS = st.one_of(st.integers(-3, 3).map(lambda ticks: ticks * 250_000_000), st.sampled_from([1, -(10**12), 10**17]))


@st.composite
def tapes(draw: st.DrawFn, *, largest: int = 60) -> Tape:
    ts, price = START + draw(st.integers(0, 20 * HOUR)), draw(st.sampled_from([5000 * SECOND, 0, -37 * SECOND]))
    contract = 1
    rows: Tape = []
    for _ in range(draw(st.integers(0, largest))):
        ts += draw(GAPS)
        price = max(min(price + draw(STEPS), 10**18 - 1), 1 - 10**18)
        contract += draw(st.sampled_from([0] * 19 + [1]))
        rows.append(
            {"ts": ts, "price": price, "size": draw(SIZES), "side": draw(st.sampled_from("BAN")), "contract": contract}
        )
    return rows


@st.composite
def session_lists(draw: st.DrawFn) -> list[tuple[int, int, int]] | None:
    """No calendar, or sessions of uneven lengths (half days, a DST shift) with gaps, some days without one."""
    if draw(st.booleans()):
        return None
    sessions = []
    for day in range(19_699, 19_712):
        if draw(st.sampled_from([True, True, True, False])):
            begin = day * DAY + 13 * HOUR + draw(st.sampled_from([30 * MINUTE, 90 * MINUTE]))
            sessions.append((begin, begin + draw(st.sampled_from([3 * HOUR + 30 * MINUTE, 6 * HOUR, 22 * HOUR])), day))
    return sessions
