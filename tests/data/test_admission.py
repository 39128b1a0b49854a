from __future__ import annotations

import errno
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.dbn_bytes import DAY_START, MINUTE, Records, bars, metadata, trades, write_dbn, zstd
from vaultdash.data.dbn import splitting
from vaultdash.data.dbn.admission import Examined, examine, split
from vaultdash.data.dbn.reading import read_metadata, read_records
from vaultdash.data.request import DataRequest, Series
from vaultdash.errors import AdmissionError, ImpossibleValueError, OutputNotWrittenError
from vaultdash.market import DAY_NS, Window

WHOLE_DAY = Window(start=DAY_START, end=DAY_START + DAY_NS)
CUTS = 100
WINDOW_DESCRIPTOR = 5  # how much memory decoding needs; more than needed changes nothing


def asked(schema: str = "trades", **changes: Any) -> DataRequest:
    given = {"source": "databento", "dataset": "GLBX.MDP3", "symbol": "ESH2", "stype_in": "raw_symbol"}
    window = changes.pop("window", WHOLE_DAY)
    return DataRequest(series=Series(schema=schema, **(given | changes)), window=window)


def a_day_of_trades(count: int = 500) -> Records:
    chance = np.random.default_rng(5)
    moments = np.sort(chance.integers(DAY_START, DAY_START + DAY_NS, count))
    return trades(moments.tolist(), size=chance.integers(1, 100, count))


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_dbn(tmp_path / "good.dbn.zst", a_day_of_trades(), schema="trades")


def refused(path: Path, *, rows: int | None = 500, request: DataRequest | None = None) -> AdmissionError:
    with pytest.raises(AdmissionError) as error:
        examine(path, request=request or asked(), expected_rows=rows)
    assert str(error.value).startswith(f"The download {path.name} was not admitted: {error.value.reason}.")
    return error.value


def test_a_good_file_is_what_it_is(good: Path) -> None:
    made = a_day_of_trades()
    assert examine(good, request=asked(), expected_rows=500) == Examined(
        rows=500,
        size_bytes=good.stat().st_size,
        sha256=sha256(good.read_bytes()).hexdigest(),
        first=int(made["ts_recv"].min()),
        last=int(made["ts_recv"].max()),
        out_of_order=0,
        has_checksum=True,
    )
    assert examine(good, request=asked(), expected_rows=None).rows == 500


def test_every_cut_is_refused(good: Path, tmp_path: Path) -> None:
    content = good.read_bytes()
    for place in np.linspace(0, len(content) - 1, CUTS).astype(int).tolist():
        path = tmp_path / "cut.dbn.zst"
        path.write_bytes(content[:place])
        assert refused(path).fault in {"cut", "not_dbn"}


def test_every_changed_byte_is_refused(good: Path, tmp_path: Path) -> None:
    content = good.read_bytes()
    path = tmp_path / "flipped.dbn.zst"
    for place in range(0, len(content), 7):
        flipped = bytearray(content)
        flipped[place] ^= 0x40
        path.write_bytes(flipped)
        if place != WINDOW_DESCRIPTOR:
            refused(path)


def test_a_body_cut_between_records_is_told_by_the_count(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "short.dbn.zst", a_day_of_trades()[:-1], schema="trades")
    error = refused(path)
    assert (error.fault, error.reason) == ("rows", "it holds 499 records where the vendor counts 500")
    assert examine(path, request=asked(), expected_rows=None).rows == 499


def test_a_body_cut_within_a_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.dbn.zst"
    path.write_bytes(zstd(bytes(metadata(schema="trades")), a_day_of_trades().tobytes()[:-10]))
    assert refused(path, rows=None).fault == "misaligned"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"<!DOCTYPE html><html><body>Too many requests</body></html>", "not_dbn"),
        (b'{"detail": {"case": "auth_authentication_failed"}}', "not_dbn"),
        (zstd(b"<html></html>"), "not_dbn"),
        (b"", "not_dbn"),
        (bytes(metadata(schema="trades")), "not_compressed"),
        (zstd(bytes(metadata(schema="trades"))) + b"\0", "trailing"),
        (zstd(bytes(metadata(schema="trades")), bars("ohlcv-1m", [DAY_START], [1.0]).tobytes()), "mixed"),
    ],
)
def test_what_is_no_download_of_records_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "odd.dbn.zst"
    path.write_bytes(content)
    assert refused(path, rows=None).fault == fault


@pytest.mark.parametrize(
    ("change", "fault", "reason"),
    [
        ({"dataset": "XNAS.ITCH"}, "other_dataset", "its dataset is GLBX.MDP3, not the XNAS.ITCH asked for"),
        ({"schema": "mbo"}, "other_schema", "its schema is trades, not the mbo asked for"),
        ({"stype_in": "continuous"}, "other_stype", "its symbol type is raw_symbol, not the continuous asked for"),
        ({"symbol": "NQH2"}, "other_symbol", "its symbol is ESH2, not the NQH2 asked for"),
    ],
)
def test_what_was_not_asked_for_is_refused(good: Path, change: dict[str, str], fault: str, reason: str) -> None:
    error = refused(good, request=asked(**change))
    assert (error.fault, error.reason) == (fault, reason)


def test_a_symbol_may_be_written_small_or_stand_for_all(good: Path) -> None:
    for symbol in ("esh2", "ALL_SYMBOLS"):
        assert examine(good, request=asked(symbol=symbol), expected_rows=500).rows == 500


@pytest.mark.parametrize("moment", [DAY_START - 1, DAY_START + DAY_NS, 2**64 - 1])
def test_a_record_outside_the_window_is_refused(tmp_path: Path, moment: int) -> None:
    path = write_dbn(tmp_path / "t.dbn.zst", trades([DAY_START, moment]), schema="trades")
    assert refused(path, rows=2).fault == "outside"


def test_the_index_is_ts_recv_where_there_is_one_else_ts_event(tmp_path: Path) -> None:
    early = trades([DAY_START], ts_event=DAY_START - 5)
    path = write_dbn(tmp_path / "t.dbn.zst", early, schema="trades")
    assert examine(path, request=asked(), expected_rows=1).first == DAY_START
    path = write_dbn(tmp_path / "b.dbn.zst", bars("ohlcv-1m", [DAY_START - MINUTE], [1.0]), schema="ohlcv-1m")
    assert refused(path, rows=1, request=asked("ohlcv-1m")).fault == "outside"


def test_records_out_of_order_are_counted_over_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaultdash.data.dbn.admission.CHUNK_RECORDS", 2)
    moments = [DAY_START + step for step in (5, 6, 4, 4, 9, 8)]
    path = write_dbn(tmp_path / "t.dbn.zst", trades(moments), schema="trades")
    found = examine(path, request=asked(), expected_rows=6)
    assert (found.out_of_order, found.first, found.last) == (2, DAY_START + 4, DAY_START + 9)


def test_an_empty_answer_is_admitted(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "t.dbn.zst", trades([]), schema="trades")
    found = examine(path, request=asked(), expected_rows=0)
    assert (found.rows, found.first, found.last) == (0, None, None)


def test_a_frame_without_a_checksum_is_admitted_and_told(tmp_path: Path) -> None:
    path = tmp_path / "t.dbn.zst"
    path.write_bytes(zstd(bytes(metadata(schema="trades")), trades([DAY_START]).tobytes(), checksum=False))
    assert not examine(path, request=asked(), expected_rows=1).has_checksum


@pytest.mark.real_data
def test_real_downloads_are_admitted(real_data: Path) -> None:
    admitted = 0
    for path in sorted((real_data / "dbn" / "client_fixtures").glob("*/*.dbn.zst")):
        head = read_metadata(path)
        series = Series(
            source="databento",
            dataset=head.dataset,
            schema=str(head.schema),
            symbol=head.symbols[0],
            stype_in=str(head.stype_in),
        )
        request = DataRequest(series=series, window=Window(start=head.start, end=head.end))
        found = examine(path, request=request, expected_rows=len(read_records(path)))
        assert found.has_checksum
        admitted += 1
    assert admitted == 54


HOUR = 60 * MINUTE
PARTS = [Window(start=DAY_START + at * HOUR, end=DAY_START + (at + 4) * HOUR) for at in range(0, 24, 4)]


def targets_in(folder: Path, parts: list[Window]) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [folder / f"{at}.dbn.zst" for at in range(len(parts))]


def test_a_single_part_keeps_the_vendors_bytes(good: Path, tmp_path: Path) -> None:
    target = tmp_path / "kept.dbn.zst"
    assert split(good, parts=[WHOLE_DAY], targets=[target]) == (examine(good, request=asked(), expected_rows=500),)
    assert target.read_bytes() == good.read_bytes()


def test_a_single_part_is_copied_where_the_disk_has_no_links(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    target = tmp_path / "kept.dbn.zst"
    split(good, parts=[WHOLE_DAY], targets=[target])
    assert target.read_bytes() == good.read_bytes()
    assert target.stat().st_ino != good.stat().st_ino


def test_parts_are_complete_files_of_their_windows(good: Path, tmp_path: Path) -> None:
    before = good.read_bytes()
    targets = targets_in(tmp_path / "parts", PARTS)
    written = split(good, parts=PARTS, targets=targets)
    assert good.read_bytes() == before
    assert sum(part.rows for part in written) == 500
    assert np.array_equal(np.concatenate([read_records(target) for target in targets]), read_records(good))
    whole = read_metadata(good)
    for part, target, found in zip(PARTS, targets, written, strict=True):
        assert examine(target, request=asked(window=part), expected_rows=found.rows) == found
        head = read_metadata(target)
        assert (head.start, head.end) == (part.start, part.end)
        assert (head.mappings, head.symbols, head.limit) == (whole.mappings, whole.symbols, whole.limit)
        assert zstandard.get_frame_parameters(target.read_bytes()).has_checksum


def test_metadata_does_not_reach_beyond_the_download(tmp_path: Path) -> None:
    start, end = DAY_START + HOUR, DAY_START + 6 * HOUR
    path = write_dbn(tmp_path / "t.dbn.zst", trades([start]), schema="trades", start=start, end=end)
    targets = targets_in(tmp_path / "parts", PARTS[:2])
    first, second = split(path, parts=PARTS[:2], targets=targets)
    assert (first.rows, second.rows) == (1, 0)
    assert [(read_metadata(target).start, read_metadata(target).end) for target in targets] == [
        (start, PARTS[0].end),
        (PARTS[1].start, end),
    ]
    assert len(read_records(targets[1])) == 0


@settings(max_examples=25, deadline=None)
@given(offsets=st.lists(st.integers(0, DAY_NS - 1), max_size=40), chunk=st.integers(1, 9))
def test_the_parts_hold_the_whole_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, offsets: list[int], chunk: int
) -> None:
    folder = tmp_path_factory.mktemp("split")
    made = trades([DAY_START + offset for offset in offsets])
    path = write_dbn(folder / "t.dbn.zst", made, schema="trades")
    targets = targets_in(folder / "parts", PARTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitting, "CHUNK_RECORDS", chunk)
        written = split(path, parts=PARTS, targets=targets)
    for part, target, found in zip(PARTS, targets, written, strict=True):
        is_inside = (made["ts_recv"] >= part.start) & (made["ts_recv"] < part.end)
        assert np.array_equal(read_records(target), made[is_inside])
        assert found == examine(target, request=asked(window=part), expected_rows=int(is_inside.sum()))


def test_a_record_of_no_part_is_refused_and_nothing_is_left(good: Path, tmp_path: Path) -> None:
    targets = targets_in(tmp_path / "parts", PARTS[1:])
    with pytest.raises(AdmissionError) as error:
        split(good, parts=PARTS[1:], targets=targets)
    assert error.value.fault == "outside"
    with pytest.raises(AdmissionError):
        split(good, parts=PARTS[:1], targets=targets[:1])
    assert list((tmp_path / "parts").iterdir()) == []


def test_a_damaged_download_leaves_no_parts(good: Path, tmp_path: Path) -> None:
    good.write_bytes(good.read_bytes()[:-1])
    targets = targets_in(tmp_path / "parts", PARTS)
    with pytest.raises(AdmissionError) as error:
        split(good, parts=PARTS, targets=targets)
    assert error.value.fault == "cut"
    assert list((tmp_path / "parts").iterdir()) == []


@pytest.mark.parametrize("parts", [PARTS, [WHOLE_DAY]])
def test_a_full_disk_is_told_and_leaves_no_parts(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: list[Window]
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    targets = targets_in(tmp_path / "parts", parts)
    with pytest.raises(OutputNotWrittenError, match="No space left on device"):
        split(good, parts=parts, targets=targets)
    assert list((tmp_path / "parts").iterdir()) == []


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_up_while_a_part_is_written_leaves_none(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = targets_in(tmp_path / "parts", PARTS)
    monkeypatch.setattr("vaultdash.data.dbn.splitting._PartWriter._put", full_disk)
    with pytest.raises(OutputNotWrittenError, match="No space left on device"):
        split(good, parts=PARTS, targets=targets)
    assert list((tmp_path / "parts").iterdir()) == []


def test_a_disk_that_fills_up_while_a_whole_is_copied_leaves_none(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", full_disk)
    monkeypatch.setattr("shutil.copyfileobj", full_disk)
    targets = targets_in(tmp_path / "parts", [WHOLE_DAY])
    with pytest.raises(OutputNotWrittenError, match="No space left on device"):
        split(good, parts=[WHOLE_DAY], targets=targets)
    assert list((tmp_path / "parts").iterdir()) == []


def test_a_target_that_exists_is_not_touched(good: Path, tmp_path: Path) -> None:
    for parts in (PARTS, [WHOLE_DAY]):
        targets = targets_in(tmp_path / f"parts{len(parts)}", parts)
        targets[0].write_bytes(b"mine")
        with pytest.raises(OutputNotWrittenError, match="exists"):
            split(good, parts=parts, targets=targets)
        assert [path.read_bytes() for path in targets[0].parent.iterdir()] == [b"mine"]


def test_parts_must_follow_each_other(good: Path, tmp_path: Path) -> None:
    targets = targets_in(tmp_path / "parts", PARTS[:2])
    for parts in (PARTS[1::-1], [PARTS[0], WHOLE_DAY], PARTS[:1], []):
        with pytest.raises(ImpossibleValueError):
            split(good, parts=parts, targets=targets)
