from __future__ import annotations

import errno
import os
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.dbn_bytes import DAY_START, DOLLAR, Records, bars, trades, write_dbn
from vaultdash.data.dbn import tape as tapes
from vaultdash.data.dbn.reading import UNDEFINED_PRICE, read_records
from vaultdash.data.dbn.tape import BUYER, SELLER, TAPE_DTYPES, UNSIDED, read_tape, tape_info, write_tape
from vaultdash.data.dbn.trade_order import repeats
from vaultdash.errors import DbnUnreadableError, FileUnreadableError, OutputNotWrittenError

Row = tuple[int, int, int, int, int]


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tapes, "ROW_GROUP", 4)
    monkeypatch.setattr(tapes, "CHUNK_RECORDS", 3)


def rows_of(tape: Path) -> list[Row]:
    columns = read_tape(tape)
    assert {name: column.dtype for name, column in columns.items()} == TAPE_DTYPES
    return list(zip(*(column.tolist() for column in columns.values()), strict=True))


def plain_tape(made: Records) -> list[Row]:
    """The tape in plain Python: sorted, each record once."""
    keyed = sorted(made.tolist(), key=lambda row: (row[11], row[13]))
    once = list(dict.fromkeys(keyed))
    return [(row[11], row[5], row[6], ord(row[8]), row[3]) for row in once]


def some_trades() -> Records:
    return trades([DAY_START + at for at in (0, 5, 5, 9, 12, 12, 30)], side=list("BANBABA"), size=[1, 2, 3, 4, 5, 6, 7])


def test_a_tape_is_its_trades(tmp_path: Path) -> None:
    made = some_trades()
    made["price"][2], made["size"][4] = UNDEFINED_PRICE, 0
    record, tape = write_dbn(tmp_path / "t.dbn.zst", made, schema="trades"), tmp_path / "t.parquet"
    info = write_tape(record, tape)
    assert rows_of(tape) == plain_tape(made)
    assert info == tape_info(tape)
    assert info.source_sha256 == sha256(record.read_bytes()).hexdigest()
    assert (info.source_rows, info.rows, info.duplicates, info.out_of_order) == (7, 7, 0, 0)
    assert (info.undefined_prices, info.zero_sizes) == (1, 1)
    assert (info.buys, info.sells, info.unsided) == (3, 3, 1)
    assert (info.first, info.last) == (DAY_START, DAY_START + 30)
    assert [chr(side) for side in (BUYER, SELLER, UNSIDED)] == ["B", "A", "N"]


def test_sizes_stay_unsigned_and_wrap_unless_widened(tmp_path: Path) -> None:
    record = write_dbn(tmp_path / "t.dbn.zst", trades([DAY_START, DAY_START + 1], size=[1, 2]), schema="trades")
    write_tape(record, tmp_path / "t.parquet")
    size = read_tape(tmp_path / "t.parquet", columns=["size"])["size"]
    assert (size[:1] - size[1:]).tolist() == [2**32 - 1]
    assert (size[:1].astype(np.int64) - size[1:]).tolist() == [-1]


@pytest.mark.usefixtures("small_groups")
def test_columns_and_row_groups_are_chosen(tmp_path: Path) -> None:
    made = trades([DAY_START + at for at in range(11)])
    tape = tmp_path / "t.parquet"
    write_tape(write_dbn(tmp_path / "t.dbn.zst", made, schema="trades"), tape)
    groups = pq.ParquetFile(tape).num_row_groups
    assert groups == 3
    assert list(read_tape(tape, columns=["price"])) == ["price"]
    parts = [read_tape(tape, columns=["ts_recv"], row_groups=[group])["ts_recv"] for group in range(groups)]
    assert np.concatenate(parts).tolist() == made["ts_recv"].tolist()
    assert len(read_tape(tape, row_groups=[])["ts_recv"]) == 0


def test_no_trades_make_an_empty_tape(tmp_path: Path) -> None:
    tape = tmp_path / "t.parquet"
    info = write_tape(write_dbn(tmp_path / "t.dbn.zst", trades([]), schema="trades"), tape)
    assert (info.rows, info.first, info.last) == (0, None, None)
    assert rows_of(tape) == []


@pytest.mark.usefixtures("small_groups")
def test_trades_of_one_packet_are_no_duplicates(tmp_path: Path) -> None:
    # One packet of the exchange fills two prices: all but the price is alike.
    made = trades([DAY_START] * 6, ts_event=DAY_START, sequence=3, price=[100 * DOLLAR, 101 * DOLLAR] * 3)
    tape = tmp_path / "t.parquet"
    info = write_tape(write_dbn(tmp_path / "t.dbn.zst", made, schema="trades"), tape)
    assert (info.source_rows, info.rows, info.duplicates) == (6, 2, 4)
    assert [row[1] for row in rows_of(tape)] == [100 * DOLLAR, 101 * DOLLAR]


def test_equal_hashes_alone_are_no_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    made = trades([DAY_START] * 4, ts_event=DAY_START, sequence=1, price=[1, 2, 1, 3])
    monkeypatch.setattr("vaultdash.data.dbn.trade_order._hashes", lambda rows: np.zeros(len(rows), np.uint64))
    assert repeats(made).tolist() == [2]


MOMENTS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 2), st.integers(1, 2), st.sampled_from("ABN")), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(drawn=MOMENTS | MOMENTS.map(sorted), group=st.integers(1, 7), chunk=st.integers(1, 7))
def test_a_tape_of_any_trades_is_the_plain_one(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, int, int, str]], group: int, chunk: int
) -> None:
    folder = tmp_path_factory.mktemp("tape")
    made = trades(
        [DAY_START + row[0] for row in drawn],
        ts_event=DAY_START,
        sequence=[row[1] for row in drawn],
        price=DOLLAR,
        size=[row[2] for row in drawn],
        side=[row[3] for row in drawn],
    )
    tape = folder / "t.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tapes, "ROW_GROUP", group)
        patch.setattr(tapes, "CHUNK_RECORDS", chunk)
        info = write_tape(write_dbn(folder / "t.dbn.zst", made, schema="trades"), tape)
    assert rows_of(tape) == plain_tape(made)
    steps_back = sum(later[0] < earlier[0] for earlier, later in pairwise(drawn))
    assert (info.out_of_order, info.rows + info.duplicates) == (steps_back, len(made))


@pytest.mark.real_data
def test_tapes_of_real_trades(real_data: Path, tmp_path: Path) -> None:
    paths = sorted((real_data / "dbn").rglob("test_data.trades.*"))
    assert len(paths) == 9
    for path in paths:
        tape = tmp_path / "t.parquet"
        info = write_tape(path, tape)
        made = read_records(path)
        assert rows_of(tape) == plain_tape(made)
        assert (info.rows, info.duplicates) == (len(made), 0)


def test_a_tape_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    tape = tmp_path / "t.parquet"
    tape.write_bytes(b"old")
    write_tape(write_dbn(tmp_path / "t.dbn.zst", some_trades(), schema="trades"), tape)
    assert len(rows_of(tape)) == 7


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_failing_disk_leaves_the_old_tape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    record = write_dbn(tmp_path / "t.dbn.zst", some_trades(), schema="trades")
    tape = tmp_path / "t.parquet"
    tape.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    if fails == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputNotWrittenError, match="Input/output error"):
        write_tape(record, tape)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.dbn.zst", "t.parquet"]
    assert tape.read_bytes() == b"old"


def test_a_record_that_is_not_of_trades_or_damaged_leaves_no_tape(tmp_path: Path) -> None:
    tape = tmp_path / "t.parquet"
    record = write_dbn(tmp_path / "b.dbn.zst", bars("ohlcv-1m", [DAY_START], [1.0]), schema="ohlcv-1m")
    with pytest.raises(FileUnreadableError, match="it holds ohlcv-1m, and a tape is made of trades"):
        write_tape(record, tape)
    damaged = write_dbn(tmp_path / "t.dbn.zst", some_trades(), schema="trades")
    damaged.write_bytes(damaged.read_bytes()[:-3])
    with pytest.raises(DbnUnreadableError, match="cut short"):
        write_tape(damaged, tape)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.dbn.zst", "t.dbn.zst"]


def test_what_is_no_tape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    with pytest.raises(FileUnreadableError, match="no such file"):
        tape_info(path)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(FileUnreadableError, match="no Parquet file"):
        read_tape(path)
    pq.write_table(pa.table({"ts_recv": [1]}), path)
    with pytest.raises(FileUnreadableError, match="no tape, or a damaged one"):
        read_tape(path)


def test_a_tape_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tape = tmp_path / "t.parquet"
    write_tape(write_dbn(tmp_path / "t.dbn.zst", some_trades(), schema="trades"), tape)
    monkeypatch.setattr("vaultdash.data.dbn.tape_format.TAPE_FORMAT", 2)
    with pytest.raises(FileUnreadableError, match="another version"):
        read_tape(tape)


def test_a_damaged_tape_is_refused_or_says_the_same(tmp_path: Path) -> None:
    tape = tmp_path / "t.parquet"
    made = trades([DAY_START + at for at in range(2_000)])
    write_tape(write_dbn(tmp_path / "t.dbn.zst", made, schema="trades"), tape)
    whole, expected = tape.read_bytes(), plain_tape(made)
    refused = 0
    for place in range(0, len(whole), 11):
        tape.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            rows = rows_of(tape)
        except FileUnreadableError:
            refused += 1
        else:
            assert rows == expected, place  # a byte that says nothing of the content
    assert refused > len(whole) // 11 // 2
