from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.orderflow.tapes import SECOND
from vaultdash.errors import ImpossibleValueError, LateTradeError, SideMissingError, UnknownSideError
from vaultdash.orderflow.cleaning import TradeCleaner, clean
from vaultdash.orderflow.trades import NO_SIDES, TradeQuality, Trades

UNDEFINED = 2**63 - 1
Rows = list[tuple[int, int, int, str, int]]


def arrays(rows: Rows, *, sequence: bool = True) -> dict[str, Any]:
    """Columns of rows of (ts_recv, price, size, side, sequence)."""
    kinds: dict[str, Any] = {
        "ts_recv": np.int64,
        "price": np.int64,
        "size": np.uint32,
        "side": "U1",
        "sequence": np.uint32,
    }
    found = {name: np.array([row[at] for row in rows], kind) for at, (name, kind) in enumerate(kinds.items())}
    if not sequence:
        del found["sequence"]
    return found


def held(trades: list[Trades]) -> Rows:
    """Trades as rows again."""
    return [
        (ts, price, size, chr(side), number)
        for piece in trades
        for ts, price, size, side, number in zip(
            piece.ts_recv.tolist(),
            piece.price.tolist(),
            piece.size.tolist(),
            piece.side.tolist(),
            [0] * len(piece) if piece.sequence is None else piece.sequence.tolist(),
            strict=True,
        )
    ]


def test_sound_rows_are_kept_as_they_are_and_not_copied() -> None:
    given_rows = arrays([(1, 10, 1, "B", 1), (1, 10, 1, "B", 2), (5, 11, 2, "N", 3)])
    trades, quality = clean(**given_rows)
    assert quality == TradeQuality(rows=3, kept=3, unsided=1, moves_with_side=0)
    assert quality.warnings == ()
    assert trades.price is given_rows["price"] or trades.price.base is given_rows["price"]
    assert np.shares_memory(trades.ts_recv, given_rows["ts_recv"])


def test_rows_out_of_order_are_sorted_by_time_and_sequence_and_counted() -> None:
    trades, quality = clean(**arrays([(5, 1, 1, "B", 9), (3, 2, 1, "A", 4), (3, 3, 1, "A", 2), (7, 4, 1, "B", 1)]))
    assert [row[1] for row in held([trades])] == [3, 2, 1, 4]
    assert quality.out_of_order == 2
    assert quality.warnings == ("2 trades came out of order and were sorted by ts_recv and sequence.",)


def test_exact_copies_are_dropped_and_counted_and_prints_of_one_packet_are_not() -> None:
    """A venue's packet may hold several prints under one number; only rows equal in every column are copies."""
    packet: Rows = [(1, 10, 1, "B", 7), (1, 11, 1, "B", 7), (1, 10, 2, "B", 7)]
    trades, quality = clean(**arrays([*packet, *packet, (2, 10, 1, "B", 8)]))
    assert held([trades]) == [*packet, (2, 10, 1, "B", 8)]
    assert quality.duplicates == 3
    _, without = clean(**arrays([*packet, *packet], sequence=False))
    assert (without.duplicates, without.kept) == (0, 6)


def test_undefined_prices_and_zero_sizes_are_left_out_and_counted() -> None:
    rows: Rows = [(1, UNDEFINED, 1, "B", 1), (2, UNDEFINED, 0, "B", 2), (3, 10, 0, "A", 3), (4, -37, 5, "A", 4)]
    trades, quality = clean(**arrays([*rows, (5, -(2**63), 1, "A", 5)]))
    assert held([trades]) == [(4, -37, 5, "A", 4)]
    assert (quality.rows, quality.kept, quality.undefined_prices, quality.zero_sizes) == (5, 1, 3, 1)
    assert len(quality.warnings) == 2


def test_data_without_sides_warns_that_every_delta_is_zero() -> None:
    _, quality = clean(**arrays([(1, 10, 1, "N", 1), (2, 11, 1, "N", 2)]))
    assert quality.warnings == (NO_SIDES,)
    _, empty = clean(**arrays([]))
    assert empty.warnings == ()


def test_a_missing_side_column_is_a_sentence() -> None:
    with pytest.raises(SideMissingError, match="fill it with N and classify"):
        clean(**(arrays([(1, 10, 1, "B", 1)]) | {"side": None}))


@pytest.mark.parametrize(
    ("side", "shown"),
    [
        (np.array(["B", "S", "b", "S"]), "'S' on 2 rows, 'b' on 1 rows"),
        (np.array([b"B", b"", b"A", b"N"]), "'' on 1 rows"),
        (np.array(["B", "é", "A", "買"]), "'' on 2 rows"),
        (np.array(["B", None, "A", "N"], object), None),
        (np.array([66, 65, 78, 1], np.uint8), "'\\x01' on 1 rows"),
    ],
)
def test_unknown_side_letters_are_named(side: Any, shown: str | None) -> None:
    four: Rows = [(at, 10, 1, "B", at) for at in range(4)]
    expected = ImpossibleValueError if shown is None else UnknownSideError
    with pytest.raises(expected) as caught:
        clean(**(arrays(four) | {"side": side}))
    assert shown is None or shown in str(caught.value).replace(repr(chr(1)), "'\\x01'")


def test_sides_may_come_as_codes_bytes_or_text() -> None:
    rows = arrays([(1, 10, 1, "B", 1), (2, 10, 1, "A", 2), (3, 10, 1, "N", 3)])
    for side in (
        np.array([66, 65, 78], np.uint8),
        np.array([b"B", b"A", b"N"]),
        np.array(["B", "A", "N"]),
        np.array(["B", "A", "N"], object),
    ):
        trades, _ = clean(**(rows | {"side": side}))
        assert trades.side.tolist() == [66, 65, 78]


def test_columns_of_records_are_made_contiguous() -> None:
    records = np.zeros(4, [("ts_recv", "<u8"), ("price", "<i8"), ("size", "<u4"), ("side", "S1")])
    records["ts_recv"], records["price"], records["size"], records["side"] = range(4), 10, 1, b"A"
    trades, _ = clean(**{name: records[name] for name in ("ts_recv", "price", "size", "side")})
    assert trades.price.flags.c_contiguous
    assert trades.ts_recv.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("swapped", [False, True])
def test_swapped_sides_are_suspected_from_the_moves_of_price(*, swapped: bool) -> None:
    random = np.random.default_rng(5)
    buys = random.random(4000) < 0.5
    letters = np.where(buys != swapped, "B", "A")
    price = np.where(buys, 101, 100) + np.cumsum(random.integers(-1, 2, 4000)) // 8
    _, quality = clean(ts_recv=np.arange(4000), price=price, size=np.ones(4000, np.uint32), side=letters)
    assert any("look swapped" in warning for warning in quality.warnings) == swapped


WRONG_COLUMNS: list[tuple[dict[str, Any], str]] = [
    ({"size": np.array([1.5, 2])}, "size is 'float64'"),
    ({"size": np.array([1, -2])}, "hold whole numbers from 0"),
    ({"size": np.array([1, 2**32])}, "to 4294967295"),
    ({"price": np.array([1])}, "one value for each of the 2 rows"),
    ({"side": np.array([1, 2])}, "one letter a row"),
    ({"side": np.array(["buy", "sell"])}, "one letter a row"),
]


@pytest.mark.parametrize(("columns", "message"), WRONG_COLUMNS)
def test_columns_of_another_kind_are_refused(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ImpossibleValueError, match=message):
        clean(**(arrays([(1, 10, 1, "B", 1), (2, 10, 1, "A", 2)]) | columns))


def test_the_constructor_refuses_what_clean_would_mend() -> None:
    sound, _ = clean(**arrays([(1, 10, 1, "B", 1), (2, 10, 1, "A", 2)]))
    columns: Any = sound.columns()
    with pytest.raises(ImpossibleValueError, match="never fall"):
        Trades(**(columns | {"ts_recv": np.array([2, 1])}))
    with pytest.raises(ImpossibleValueError, match="contiguous int64"):
        Trades(**(columns | {"price": np.array([1.0, 2.0])}))
    falls_late = np.arange(200_000)
    falls_late[131_072] = 0
    many: dict[str, Any] = {"price": np.ones(200_000, np.int64), "size": np.ones(200_000, np.uint32)}
    with pytest.raises(ImpossibleValueError, match="never fall"):
        Trades(ts_recv=falls_late, side=np.full(200_000, 65, np.uint8), **many)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from([10, 11, UNDEFINED]),
        st.integers(0, 2),
        st.sampled_from("BAN"),
        st.integers(0, 3),
    ),
    max_size=30,
)


@given(rows=ROWS, cuts=st.lists(st.integers(0, 30), max_size=5))
@settings(max_examples=150, deadline=None)
def test_any_split_into_chunks_gives_the_same_trades_and_counts(rows: Rows, cuts: list[int]) -> None:
    whole, expected = clean(**arrays(rows))
    cleaner = TradeCleaner(horizon=12)
    borders = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    pieces = [piece for begin, end in pairwise(borders) for piece in cleaner.feed(**arrays(rows[begin:end]))]
    assert held([*pieces, *cleaner.finish()]) == held([whole])
    assert cleaner.quality == expected
    assert expected.rows == expected.kept + expected.duplicates + expected.undefined_prices + expected.zero_sizes


def test_memory_stays_bounded_by_the_horizon() -> None:
    """Of many chunks only the last moments are held back."""
    cleaner = TradeCleaner(horizon=10)
    handed = 0
    for chunk in range(50):
        rows: Rows = [(chunk * 1000 + at, 10, 1, "B", at) for at in range(1000)]
        handed += sum(map(len, cleaner.feed(**arrays(rows))))
        assert (chunk + 1) * 1000 - handed == 11
    assert sum(map(len, cleaner.finish())) == 11


def test_a_row_late_by_less_than_the_horizon_finds_its_place_in_an_earlier_chunk() -> None:
    cleaner = TradeCleaner(horizon=10)
    first, second = ([(ts, 10, 1, "B", ts) for ts in times] for times in ((0, 12, 20), (15, 90)))
    pieces = [*cleaner.feed(**arrays(first)), *cleaner.feed(**arrays(second)), *cleaner.finish()]
    assert [row[0] for row in held(pieces)] == [0, 12, 15, 20, 90]
    assert cleaner.quality.out_of_order == 1


def test_a_row_later_than_the_horizon_is_refused_not_misplaced() -> None:
    cleaner = TradeCleaner(horizon=SECOND)
    cleaner.feed(**arrays([(0, 10, 1, "B", 1), (5 * SECOND, 10, 1, "B", 2)]))
    with pytest.raises(LateTradeError, match="larger pieces"):
        cleaner.feed(**arrays([(0, 10, 1, "B", 3)]))


def test_chunks_of_other_columns_are_refused() -> None:
    cleaner = TradeCleaner()
    cleaner.feed(**arrays([(1, 10, 1, "B", 1)]))
    with pytest.raises(ImpossibleValueError, match="those of the chunks before"):
        cleaner.feed(**arrays([(2, 10, 1, "B", 1)], sequence=False))
