from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.orderflow.tapes import DAY, HOUR, MINUTE, START, Tape, columns, same_bars, session_columns, tape
from vaultdash.errors import (
    ContractAbsentError,
    ContractRuleMissingError,
    ContractsUndefinedError,
    ImpossibleValueError,
)
from vaultdash.orderflow.bar_spec import BarSpec
from vaultdash.orderflow.bars import BarBuilder
from vaultdash.orderflow.contracts import ContractRule, ContractSelector
from vaultdash.orderflow.trades import Trades

if TYPE_CHECKING:
    from collections.abc import Sequence

FRONT = ContractRule(kind="front_by_volume")
NEAR, FAR, SPREAD, BUTTERFLY = 11, 12, 13, 14
CLASSES = {NEAR: "F", FAR: "F", SPREAD: "S", BUTTERFLY: "M"}
SYMBOLS = {NEAR: "ESU4", FAR: "ESZ4", SPREAD: "ESU4-ESZ4", BUTTERFLY: "ES:BF U4-Z4-H5"}


def day_of(day: int, sizes: dict[int, int]) -> Tape:
    """One print a contract, minutes apart, in the order given."""
    return [
        row
        for minute, (contract, size) in enumerate(sizes.items())
        for row in tape((day * DAY + minute * MINUTE, 5000, size, "B"), contract=contract)
    ]


PARENT = [
    *day_of(0, {NEAR: 9, FAR: 2, SPREAD: 50}),
    *day_of(1, {FAR: 8, NEAR: 5, SPREAD: 50, BUTTERFLY: 50}),
    *day_of(2, {NEAR: 20, FAR: 9}),
    *day_of(3, {NEAR: 1, FAR: 1}),
]


def selected(selector: ContractSelector, rows: Tape, cuts: Sequence[int] = ()) -> list[tuple[int, int]]:
    """Day and contract of every trade handed on."""
    borders = [0, *cuts, len(rows)]
    pieces: list[Trades] = []
    for begin, end in pairwise(borders):
        pieces += selector.feed(columns(rows[begin:end]))
    selector.finish()
    return [
        ((ts - START) // DAY, contract)
        for piece in pieces
        for ts, contract in zip(piece.ts_recv.tolist(), piece.contracts.tolist(), strict=True)
    ]


@pytest.mark.parametrize("cuts", [(), (1,), (4, 5), tuple(range(1, len(PARENT)))])
def test_the_front_is_the_contract_with_most_volume_the_session_before(cuts: tuple[int, ...]) -> None:
    selector = ContractSelector(FRONT, instrument_class=CLASSES)
    assert selected(selector, PARENT, cuts) == [(0, NEAR), (1, NEAR), (2, FAR), (3, NEAR)]
    assert [chosen.instrument_id for chosen in selector.chosen] == [NEAR, NEAR, FAR, NEAR]
    assert [chosen.session for chosen in selector.chosen] == [19_700, 19_701, 19_702, 19_703]
    assert selector.spread_count == 3
    assert selector.notes[0].startswith("The first session uses the contract of its first trade")
    assert selector.notes[1] == "3 trades of spreads were left out."


def test_the_first_session_takes_the_contract_of_its_first_outright_trade() -> None:
    rows = day_of(0, {SPREAD: 50, FAR: 1, NEAR: 90})
    assert selected(ContractSelector(FRONT, instrument_class=CLASSES), rows) == [(0, FAR)]


def test_a_tie_stays_with_the_contract_held() -> None:
    rows = [*day_of(0, {FAR: 5, NEAR: 5}), *day_of(1, {NEAR: 1, FAR: 1})]
    assert selected(ContractSelector(FRONT, instrument_class=CLASSES), rows) == [(0, FAR), (1, FAR)]


def test_volume_outside_sessions_does_not_choose_and_empty_sessions_change_nothing() -> None:
    sessions = session_columns([(START + day * DAY, START + day * DAY + HOUR, 19_700 + day) for day in range(3)])
    rows = [
        *day_of(0, {NEAR: 5, FAR: 1}),
        *tape((2 * HOUR, 5000, 99, "B"), contract=FAR),
        *tape((3 * HOUR, 5000, 1, "B"), contract=NEAR),
        *day_of(2, {FAR: 1, NEAR: 1}),
    ]
    selector = ContractSelector(FRONT, sessions=sessions, instrument_class=CLASSES)
    assert selected(selector, rows, [3, 4]) == [(0, NEAR), (0, NEAR), (2, NEAR)]


def test_spreads_are_told_by_symbol_where_no_definition_is_at_hand_and_it_is_noted() -> None:
    by_symbol = ContractSelector(FRONT, symbols=SYMBOLS)
    assert selected(by_symbol, PARENT) == selected(ContractSelector(FRONT, instrument_class=CLASSES), PARENT)
    assert any("told by their symbols" in note for note in by_symbol.notes)


def test_contracts_nothing_is_known_of_are_left_out_and_counted() -> None:
    selector = ContractSelector(FRONT, instrument_class={NEAR: "F"})
    assert {contract for _, contract in selected(selector, PARENT)} == {NEAR}
    assert selector.undefined_count == 7
    with pytest.raises(ContractsUndefinedError, match="Give the definitions"):
        selected(ContractSelector(FRONT), PARENT)


def test_a_parent_without_a_rule_is_refused_with_the_remedy() -> None:
    with pytest.raises(ContractRuleMissingError, match="front contract by the previous session's volume"):
        selected(ContractSelector(None, instrument_class=CLASSES), PARENT)


def test_one_contract_and_its_spreads_need_no_rule() -> None:
    rows = day_of(0, {NEAR: 9, SPREAD: 2})
    selector = ContractSelector(None, instrument_class=CLASSES)
    assert selected(selector, rows) == [(0, NEAR)]
    assert selector.spread_count == 1


def test_a_named_contract_is_the_only_one_and_must_have_traded() -> None:
    named = ContractRule(kind="named", instrument_id=FAR)
    assert {contract for _, contract in selected(ContractSelector(named), PARENT)} == {FAR}
    with pytest.raises(ContractAbsentError, match="Contract 99 has no trade here; the trades are of: 11, 12, 13, 14"):
        selected(ContractSelector(ContractRule(kind="named", instrument_id=99)), PARENT)


def test_what_the_vendor_mapped_passes_unchanged() -> None:
    rows = [*day_of(0, {NEAR: 1}), *day_of(1, {FAR: 1})]
    assert selected(ContractSelector(ContractRule(kind="as_mapped")), rows) == [(0, NEAR), (1, FAR)]


@pytest.mark.parametrize("choice", [{"kind": "named"}, {"kind": "front_by_volume", "instrument_id": 3}, {"kind": "x"}])
def test_rules_that_contradict_themselves_are_refused(choice: dict[str, Any]) -> None:
    with pytest.raises(ImpossibleValueError, match="The contract rule"):
        ContractRule(**choice)


def test_a_parent_becomes_bars_with_its_rolls_marked_and_no_sum_over_them() -> None:
    selector, builder = ContractSelector(FRONT, instrument_class=CLASSES), BarBuilder(BarSpec.parse("1d"), reset="none")
    rows = [row for row in PARENT if (row["ts"] - START) // DAY < 3]
    for piece in selector.feed(columns(rows)):
        builder.feed(piece)
    bars = builder.finish()
    assert bars.volume.tolist() == [9, 5, 9]
    assert bars.cumulative_delta.tolist() == [9, 14, 9]
    assert builder.rolls.from_id.tolist() == [NEAR]
    assert builder.rolls.to_id.tolist() == [FAR]


def test_the_front_may_come_back() -> None:
    """The volume may move to the next expiry and back: that is two rolls, and not a mixture."""
    selector, builder = ContractSelector(FRONT, instrument_class=CLASSES), BarBuilder(BarSpec.parse("1d"))
    for piece in selector.feed(columns(PARENT)):
        builder.feed(piece)
    assert builder.finish().volume.tolist() == [9, 5, 9, 1]
    assert builder.rolls.to_id.tolist() == [FAR, NEAR]


def test_starting_a_day_earlier_changes_nothing_after_the_first_session() -> None:
    def build(rows: Tape) -> Any:
        selector, builder = ContractSelector(FRONT, instrument_class=CLASSES), BarBuilder(BarSpec.parse("1m"))
        for piece in selector.feed(columns(rows)):
            builder.feed(piece)
        return builder.finish()

    whole, late = build(PARENT), build([row for row in PARENT if row["ts"] >= START + DAY])
    after = {"start", "volume", "cumulative_delta", "session"}
    for name in after:
        ours, theirs = getattr(whole, name), getattr(late, name)
        assert ours[whole.start >= START + 2 * DAY].tolist() == theirs[late.start >= START + 2 * DAY].tolist()
    same_bars(whole, whole)
