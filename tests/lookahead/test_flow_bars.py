from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.orderflow.tapes import DAY, Tape, bars_of, columns, same_bars, session_columns, session_lists, tapes
from vaultdash.orderflow.bar_spec import BarSpec
from vaultdash.orderflow.bars import BarBuilder
from vaultdash.orderflow.classify import SideClassifier
from vaultdash.orderflow.contracts import ContractRule, ContractSelector
from vaultdash.orderflow.profile import divergences

if TYPE_CHECKING:
    from vaultdash.market import Bars

SPECS = st.sampled_from(["1s", "1m", "1h", "1d", "3t", "10v", "5000000usd"])


def head(bars: Bars, count: int) -> Bars:
    return type(bars)(**{at.name: getattr(bars, at.name)[:count] for at in fields(bars)})


@given(rows=tapes(), sessions=session_lists(), spec=SPECS, cut=st.integers(0, 60), filled=st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_prefix_of_the_trades_gives_a_prefix_of_the_bars(
    *, rows: Tape, sessions: Any, spec: str, cut: int, filled: bool
) -> None:
    """All bars but the last, which later trades may still add to."""
    fill: Any = "previous_close" if filled and spec in {"1m", "1h", "1d"} else "none"

    def build(some: Tape) -> Bars:
        builder = BarBuilder(BarSpec.parse(spec), sessions=session_columns(sessions), fill=fill)
        return bars_of(some, builder)[0]

    early, whole = build(rows[:cut]), build(rows)
    known = max(len(early) - 1, 0)
    same_bars(head(early, known), head(whole, known))


@given(rows=tapes(), spec=SPECS, scramble=st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_what_comes_after_a_bar_s_end_changes_nothing_in_it(rows: Tape, spec: str, scramble: Any) -> None:
    bars, _ = bars_of(rows, BarBuilder(BarSpec.parse(spec)))
    assume(len(bars) > 1)
    at = len(bars) // 2
    if spec[-1] in "smhd" and not spec.endswith("usd"):
        before = [row for row in rows if row["ts"] < bars.end[at]]
    else:
        before = rows[: int(bars.trade_count[: at + 1].sum())]
    after = [
        dict(row, price=scramble.randint(1, 10**15), size=scramble.randint(1, 10**6), side=scramble.choice("BAN"))
        for row in rows[len(before) :]
    ]
    changed, _ = bars_of([*before, *after], BarBuilder(BarSpec.parse(spec)))
    same_bars(head(bars, at + 1), head(changed, at + 1))


@given(rows=tapes(), spec=SPECS, days=st.integers(1, 4), filled=st.booleans())
@settings(max_examples=80, deadline=None)
def test_starting_a_day_earlier_changes_nothing_after_the_first_reset(
    *, rows: Tape, spec: str, days: int, filled: bool
) -> None:
    """UTC days are the sessions; the later run starts with one of them."""
    for row in rows:
        row["contract"] = 1
    fill: Any = "previous_close" if filled and spec in {"1m", "1h", "1d"} else "none"
    first_day = rows[0]["ts"] // DAY if rows else 0
    later = [row for row in rows if row["ts"] // DAY >= first_day + days]
    whole, _ = bars_of(rows, BarBuilder(BarSpec.parse(spec), fill=fill))
    late, _ = bars_of(later, BarBuilder(BarSpec.parse(spec), fill=fill))
    dropped = len(whole) - len(late)
    same_bars(type(whole)(**{at.name: getattr(whole, at.name)[dropped:] for at in fields(whole)}), late)


@given(rows=tapes(), cut=st.integers(0, 60), sessions=session_lists(), ids=st.lists(st.integers(1, 3), min_size=60))
@settings(max_examples=60, deadline=None)
def test_the_contract_of_a_session_is_chosen_by_what_came_before(
    rows: Tape, cut: int, sessions: Any, ids: list[int]
) -> None:
    for row, contract in zip(rows, ids, strict=False):
        row["contract"] = contract

    def select(some: Tape) -> list[tuple[int, int]]:
        selector = ContractSelector(
            ContractRule(kind="front_by_volume"),
            sessions=session_columns(sessions),
            instrument_class={1: "F", 2: "F", 3: "S"},
        )
        pieces = selector.feed(columns(some))
        return [pair for piece in pieces for pair in zip(piece.ts_recv.tolist(), piece.size.tolist(), strict=True)]

    early, whole = select(rows[:cut]), select(rows)
    assert whole[: len(early)] == early


@given(rows=tapes(), cut=st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_a_worked_out_side_depends_on_earlier_prints_only(rows: Tape, cut: int) -> None:
    early, whole = SideClassifier().feed(columns(rows[:cut])), SideClassifier().feed(columns(rows))
    assert whole.side[: len(early)].tolist() == early.side.tolist()


@pytest.mark.parametrize("look_back", [1, 3])
@given(rows=tapes(), cut=st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_a_divergence_reads_no_later_bar(look_back: int, rows: Tape, cut: int) -> None:
    bars, _ = bars_of(rows, BarBuilder(BarSpec.parse("1m")))
    found = divergences(bars, look_back=look_back)
    early = divergences(head(bars, cut), look_back=look_back)
    assert np.array_equal(found[: len(early)], early)
