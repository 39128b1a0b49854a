from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.flow_bars_oracle import Oracle
from tests.orderflow.tapes import MINUTE, SECOND, Tape, bars_of, session_columns, session_lists, tape, tapes
from vaultdash.orderflow import bar_workers
from vaultdash.orderflow.bar_spec import BarSpec
from vaultdash.orderflow.bars import BarBuilder

if TYPE_CHECKING:
    from vaultdash.market import Bars

FIELDS = (
    "start", "end", "open", "high", "low", "close", "volume", "buy_volume", "sell_volume", "unsided_volume",
    "trade_count", "vwap", "volume_delta", "min_delta", "max_delta", "cumulative_delta", "session",
)  # fmt: skip
SPECS = st.sampled_from(["1s", "15s", "1m", "5m", "1h", "1d", "7m", "1t", "3t", "10v", "9000000000v", "5000000usd"])


def agree(ours: Bars, theirs: list[dict[str, Any]]) -> None:
    assert len(ours) == len(theirs)
    for name in FIELDS:
        assert getattr(ours, name).tolist() == [bar[name] for bar in theirs], name


def levels_of(builder: BarBuilder) -> list[dict[int, dict[str, int]]]:
    found = builder.footprint
    bars = []
    for at in range(len(found)):
        one = found.bars(at, at + 1)
        sides = zip(one.buy_volume.tolist(), one.sell_volume.tolist(), one.unsided_volume.tolist(), strict=True)
        volumes = [{"B": bought, "A": sold, "N": unsided} for bought, sold, unsided in sides]
        bars.append(dict(zip(one.price.tolist(), volumes, strict=True)))
    return bars


@pytest.mark.parametrize("workers", ["numpy", "compiled"])
@given(
    rows=tapes(),
    sessions=session_lists(),
    spec=SPECS,
    reset=st.sampled_from(["session", "none", "day"]),
    filled=st.booleans(),
    cuts=st.lists(st.integers(0, 60), max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_the_bars_agree_with_the_oracle_on_random_tapes(
    *, workers: str, rows: Tape, sessions: Any, spec: str, reset: Any, filled: bool, cuts: list[int]
) -> None:
    at = BarSpec.parse(spec)
    # A second of fill over a night is a long list and no other case.
    fill: Any = "previous_close" if filled and at.kind == "time" and at.size >= MINUTE else "none"
    ours, builder = bars_of(
        rows,
        BarBuilder(at, sessions=session_columns(sessions), reset=reset, fill=fill, multiplier=0.1, with_footprint=True),
        cuts=cuts,
        workers=workers,
    )
    oracle = Oracle(kind=at.kind, size=at.size, sessions=sessions, reset=reset, fill=fill, multiplier=0.1)
    theirs = oracle.run(rows)
    agree(ours, theirs)
    assert [builder.outside_count, builder.outside_volume] == oracle.outside
    rolls = builder.rolls
    assert list(zip(rolls.at.tolist(), rolls.from_id.tolist(), rolls.to_id.tolist(), strict=True)) == oracle.rolls
    assert levels_of(builder) == [bar["levels"] for bar in theirs]


@pytest.mark.parametrize("workers", ["numpy", "compiled"])
@given(rows=tapes(largest=40), spec=SPECS, threads=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_pieces_shared_out_among_threads_agree_with_the_oracle(
    workers: str, rows: Tape, spec: str, threads: int
) -> None:
    at = BarSpec.parse(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bar_workers, "ROWS_PER_THREAD", 3)
        patch.setattr(bar_workers, "NUMPY_ROWS", 4)
        ours, _ = bars_of(rows, BarBuilder(at, threads=threads), workers=workers)
    agree(ours, Oracle(kind=at.kind, size=at.size, sessions=None, reset="session").run(rows))


@pytest.mark.parametrize("workers", ["numpy", "compiled"])
def test_a_long_bar_of_many_blocks_agrees_with_the_oracle(workers: str) -> None:
    """Blocks of small and of large sizes, far and near prices, in one bar."""
    sizes = [2**32 - 1 - at if 1500 < at < 2500 else at % 13 + 1 for at in range(5000)]
    rows = tape(
        *((at * 1000, 5000 + (at * 7919 % 41 - 20) * 0.25, sizes[at], "BAN"[at * at % 7 % 3]) for at in range(5000))
    )
    for at in range(3000, 3600):
        rows[at]["price"] = 10**18 - 1 - at if at % 2 else at - 10**18
    ours, _ = bars_of(rows, BarBuilder(BarSpec.parse("1h")), workers=workers, cuts=[1700, 3333])
    agree(ours, Oracle(kind="time", size=3600 * SECOND, sessions=None, reset="session").run(rows))


def test_the_oracle_is_told_of_wrong_bars() -> None:
    """One contract more must be noticed: the comparison itself can fail."""
    rows = tape((0, 5000, 1, "B"), (SECOND, 5000.25, 2, "A"))
    ours, _ = bars_of(rows, BarBuilder(BarSpec.parse("1m")))
    rows[1]["size"] = 3
    with pytest.raises(AssertionError, match="volume"):
        agree(ours, Oracle(kind="time", size=MINUTE, sessions=None, reset="session").run(rows))
