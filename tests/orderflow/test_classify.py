from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.orderflow.tapes import SECOND, Tape, bars_of, columns, tape, tapes
from vaultdash.errors import ImpossibleValueError
from vaultdash.orderflow.bar_spec import BarSpec
from vaultdash.orderflow.bars import BarBuilder
from vaultdash.orderflow.classify import SideClassifier, standing_quotes

NONE = 2**63 - 1


def letters(trades: Any) -> str:
    return "".join(map(chr, trades.side.tolist()))


def test_the_tick_rule_follows_the_last_move_and_keeps_the_vendor_s_sides() -> None:
    rows = tape(*((at, price, 1, side) for at, (price, side) in enumerate([
        (10, "N"), (10, "N"), (11, "N"), (11, "N"), (10, "A"), (10, "N"), (10.5, "A"), (10.5, "N")
    ])))  # fmt: skip
    classifier = SideClassifier()
    trades = classifier.feed(columns(rows))
    assert letters(trades) == "NNBBAAAB"
    assert trades.classified_by == "tick rule"
    assert (classifier.classified_count, classifier.left_unsided_count) == (4, 2)


def test_a_contract_that_follows_another_starts_afresh() -> None:
    rows = [*tape((0, 10, 1, "N"), (1, 11, 1, "N"), contract=1), *tape((2, 50, 1, "N"), (3, 49, 1, "N"), contract=2)]
    assert letters(SideClassifier().feed(columns(rows))) == "NBNA"
    classifier = SideClassifier()
    assert [letters(classifier.feed(columns(piece))) for piece in (rows[:2], rows[2:])] == ["NB", "NA"]


@given(rows=tapes(), cuts=st.lists(st.integers(0, 60), max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_split_gives_the_same_sides_as_a_plain_loop(rows: Tape, cuts: list[int]) -> None:
    expected, price, way, contract = "", 0, "N", None
    for row in rows:
        if row["contract"] != contract:
            contract, way = row["contract"], "N"
        elif row["price"] != price:
            way = "B" if row["price"] > price else "A"
        price = row["price"]
        expected += way if row["side"] == "N" else row["side"]
    classifier = SideClassifier()
    borders = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    pieces = pairwise(borders)
    assert "".join(letters(classifier.feed(columns(rows[begin:end]))) for begin, end in pieces) == expected


def test_the_quote_rule_compares_with_the_middle_and_leaves_it_to_the_tick_rule() -> None:
    rows = tape(*((at, price, 1, "N") for at, price in enumerate([10, 11, 10.5, 10.5, 12, 10])))
    bid = np.array([10 * SECOND, 10 * SECOND, 10 * SECOND, NONE, 13 * SECOND, 10 * SECOND])
    ask = np.array([11 * SECOND, 11 * SECOND, 11 * SECOND, NONE, 12 * SECOND, 10 * SECOND])
    trades = SideClassifier().feed(columns(rows), bid=bid, ask=ask)
    # below, above, middle (last move down), no quote (same), crossed (up), locked at the price (down)
    assert letters(trades) == "ABAABA"
    assert trades.classified_by == "quote rule, then tick rule"


def test_quotes_stand_strictly_before_the_trade() -> None:
    found = standing_quotes(np.array([10, 20, 20, 30]), np.array([1, 2, 3, 4]), at=np.array([5, 10, 11, 20, 21, 99]))
    assert found.tolist() == [NONE, NONE, 1, 1, 3, 4]
    assert standing_quotes(np.array([], np.int64), np.array([], np.int64), at=np.array([1])).tolist() == [NONE]


def test_one_side_of_the_quote_alone_is_refused() -> None:
    trades = columns(tape((0, 10, 1, "N")))
    with pytest.raises(ImpossibleValueError, match="both have one price for each of the 1 trades"):
        SideClassifier().feed(trades, bid=trades.price)
    with pytest.raises(ImpossibleValueError, match="both have one price"):
        SideClassifier().feed(trades, bid=trades.price, ask=np.array([1, 2]))


def test_bars_say_how_sides_were_found() -> None:
    rows = tape((0, 10, 1, "N"), (SECOND, 11, 4, "N"))
    plain, unlabelled = bars_of(rows, BarBuilder(BarSpec.parse("1m")))
    assert (plain.volume_delta[0], plain.unsided_volume[0], unlabelled.classified_by) == (0, 5, "")
    builder = BarBuilder(BarSpec.parse("1m"))
    builder.feed(SideClassifier().feed(columns(rows)))
    bars = builder.finish()
    assert (bars.volume_delta[0], bars.unsided_volume[0]) == (4, 1)
    assert builder.classified_by == "tick rule"
    assert builder.notes == ("Sides of unsided trades were worked out (tick rule): not the vendor's.",)
