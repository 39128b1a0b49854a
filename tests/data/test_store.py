from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.store_world import (
    BARS,
    EVER,
    NOW,
    TRADES,
    asked,
    buy_again,
    days,
    fetch,
    files_of,
    month,
    some_part,
    store_at,
)
from vaultdash.data.request import DataRequest, Series, partitions_of
from vaultdash.data.source import DayCondition
from vaultdash.data.store import locks
from vaultdash.data.store.gaps import find_gaps, merged, uncovered
from vaultdash.data.store.layout import LOWER, UPPER, Layout, decode_name, encode_name
from vaultdash.data.store.manifest import AdmittedPart, RecordManifest
from vaultdash.data.store.store import Store
from vaultdash.errors import (
    AdmissionError,
    ImpossibleValueError,
    LocksMissingError,
    NewerFormatError,
    RecordsOverlapError,
    StoreDamagedError,
)
from vaultdash.market import DAY_NS, Window

YEAR = asked("2022-01-01", "2022-05-31")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return store_at(tmp_path / "home")


def windows(store: Store, request: DataRequest = YEAR, available: Window = EVER, **options: Any) -> list[str]:
    return [str(gap.request.window) for gap in store.gaps(request, available, **options)]


# Names


@pytest.mark.parametrize(
    ("symbol", "folder"),
    [
        ("GLD", "GLD"),
        ("GLD.OPT", "GLD.OPT"),
        ("ES.v.0", "ES.%76.0"),
        ("GC=F", "GC%3DF"),
        ("../x", "%2E.%2F%78"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("A.", "A%2E"),
        ("/etc/passwd", "%2F%65%74%63%2F%70%61%73%73%77%64"),
        ("CON", "%43ON"),
        ("NUL.X", "%4EUL.X"),
        ("GLD   240315C00190000", "GLD%20%20%20240315C00190000"),
        ("BRK/B", "BRK%2FB"),
        ("100%", "100%25"),
        ("Ö", "%C3%96"),
        ("\n", "%0A"),
    ],
)
def test_a_symbol_is_one_folder_and_reads_back(tmp_path: Path, symbol: str, folder: str) -> None:
    layout = Layout(root=tmp_path)
    series = Series(source="databento", dataset="GLBX.MDP3", schema="trades", symbol=symbol, stype_in="raw_symbol")
    path = layout.folder_of(series)
    assert path == tmp_path / "databento" / "GLBX.MDP3" / "trades" / "raw_symbol" / folder
    path.mkdir(parents=True)
    assert list(layout.series()) == [series]


@pytest.mark.parametrize("symbol", ["", "A\0B", "A" * 201, "\udc80", "é" * 40])
@pytest.mark.parametrize("field", ["symbol", "dataset", "source"])
def test_a_symbol_that_cannot_be_a_name_is_refused(store: Store, symbol: str, field: str) -> None:
    names = {"source": "s", "dataset": "D", "schema": "trades", "symbol": "S", "stype_in": "x", field: symbol}
    request = DataRequest(series=Series(**names), window=days("2022-01-03", "2022-01-03"))
    for ask in (
        lambda: store.gaps(request, EVER),
        lambda: store.records(request),
        lambda: store.writing(request.series).__enter__(),
    ):
        with pytest.raises(ImpossibleValueError, match=f"The series: {field} is .* but it must be a name"):
            ask()
    assert not store.folder.exists()


@pytest.mark.parametrize("source", ["incoming", "locks", "quarantine"])
def test_no_source_has_the_name_of_a_folder_of_the_store(tmp_path: Path, source: str) -> None:
    layout = Layout(root=tmp_path)
    series = Series(source=source, dataset="D", schema="trades", symbol="S", stype_in="x")
    folder = layout.folder_of(series)
    folder.mkdir(parents=True)
    assert not (tmp_path / source).exists()
    assert list(layout.series()) == [series]


@given(text=st.text(min_size=1, max_size=30), kept=st.sampled_from([UPPER, LOWER]))
def test_names_are_safe_and_reversible(text: str, kept: frozenset[str]) -> None:
    try:
        name = encode_name(text, kept=kept, field="symbol")
    except ImpossibleValueError:
        assert "\0" in text or len(text.encode()) * 3 > 200
        return
    assert name.isascii()
    assert name.isprintable()
    assert not set(name) & set('/\\:*?"<>| ')
    assert not name.startswith(".")
    assert not name.endswith(".")
    assert decode_name(name, kept=kept) == text


def test_names_that_differ_by_case_alone_stay_two() -> None:
    assert (
        len({encode_name(text, kept=UPPER, field="symbol").casefold() for text in ("ES.v.0", "ES.V.0", "es.v.0")}) == 3
    )


@pytest.mark.parametrize("name", ["gld", "%47LD", "%2e", "A%", "%FF", ".hidden"])
def test_a_folder_the_store_did_not_name_is_passed_over(name: str) -> None:
    assert decode_name(name, kept=UPPER) is None


# Gaps


def test_an_empty_store_lacks_everything_in_one_piece(store: Store) -> None:
    (gap,) = store.gaps(YEAR, EVER)
    assert gap.request == YEAR
    assert [partition.name for partition in gap.partitions] == [f"2022-0{number}" for number in range(1, 6)]
    assert gap.pieces == tuple((partition, partition.span) for partition in partitions_of(YEAR))
    assert not store.folder.exists()


def test_only_what_is_missing_is_a_gap(store: Store) -> None:
    fetch(store, asked("2022-02-03", "2022-02-04"))
    fetch(store, asked("2022-04-01", "2022-04-30"))
    assert windows(store) == ["2022-01-01..2022-02-01", "2022-03-01..2022-04-01", "2022-05-01..2022-06-01"]
    assert windows(store, asked("2022-02-20", "2022-02-28")) == []
    fetch(store, YEAR)
    assert windows(store) == []
    assert [record.manifest.covered for record in store.records(YEAR)] == [each.span for each in partitions_of(YEAR)]


def test_days_are_partitions_of_trades(store: Store) -> None:
    fetch(store, asked("2022-01-03", "2022-01-03", TRADES))
    assert windows(store, asked("2022-01-02", "2022-01-05", TRADES)) == [
        "2022-01-02..2022-01-03",
        "2022-01-04..2022-01-06",
    ]


def test_the_rest_of_a_month_is_a_second_record(store: Store) -> None:
    request = asked("2022-05-01", "2022-05-31")
    until_10th, until_20th = days("2010-01-01", "2022-05-09"), days("2010-01-01", "2022-05-19")
    fetch(store, request, until_10th)
    assert windows(store, request, until_10th) == []
    assert windows(store, request, until_20th) == ["2022-05-10..2022-05-20"]
    fetch(store, request, until_20th)
    fetch(store, request)
    assert [str(record.manifest.covered) for record in store.records(request)] == [
        "2022-05-01..2022-05-10",
        "2022-05-10..2022-05-20",
        "2022-05-20..2022-06-01",
    ]
    assert [str(each.manifest.covered) for each in store.records(asked("2022-05-12", "2022-05-13"))] == [
        "2022-05-10..2022-05-20"
    ]
    assert len(files_of(store)) == 4
    assert windows(store, request) == []


def test_what_is_asked_is_free_where_it_is_held_though_the_month_is_not_whole(store: Store) -> None:
    fetch(store, asked("2022-05-01", "2022-05-31"), days("2010-01-01", "2022-05-09"))
    assert windows(store, asked("2022-05-02", "2022-05-09")) == []
    assert windows(store, asked("2022-05-02", "2022-05-10")) == ["2022-05-10..2022-06-01"]


def test_a_history_that_starts_inside_a_month_is_held_from_there(store: Store) -> None:
    request, available = asked("2022-01-01", "2022-02-28"), days("2022-01-20", "2022-06-14")
    fetch(store, request, available)
    assert windows(store, request, available) == []
    assert windows(store, request, days("2022-01-10", "2022-06-14")) == ["2022-01-10..2022-01-20"]


def test_nothing_is_a_gap_where_nothing_is_available(store: Store) -> None:
    assert store.gaps(YEAR, days("2023-01-01", "2023-12-31")) == ()


def test_an_empty_answer_is_remembered(store: Store) -> None:
    holiday = asked("2022-01-01", "2022-01-01", TRADES)
    (record,) = fetch(store, holiday, rows=0)
    assert record.manifest.is_empty
    assert windows(store, holiday) == []
    assert store.records(holiday) == (record,)


def test_records_past_their_age_are_gaps_where_that_is_asked(store: Store) -> None:
    fetch(store, asked("2022-01-01", "2022-01-31"), downloaded_at=NOW - timedelta(days=40))
    fetch(store, asked("2022-02-01", "2022-02-28"), downloaded_at=NOW - timedelta(days=10))
    request = asked("2022-01-01", "2022-02-28")
    assert windows(store, request) == []
    assert windows(store, request, max_age=timedelta(days=40)) == []
    assert windows(store, request, max_age=timedelta(days=30)) == ["2022-01-01..2022-02-01"]
    with store.writing(BARS) as writer:
        (gap,) = store.gaps(request, EVER, max_age=timedelta(days=30))
        writer.admit([some_part(writer, *piece, content=b"newer") for piece in gap.pieces], replacing=True)
    assert windows(store, request, max_age=timedelta(days=30)) == []
    assert store.records(request)[0].path.read_bytes() == b"newer"


@st.composite
def some_windows(draw: st.DrawFn, size: int) -> list[Window]:
    edges = sorted(draw(st.sets(st.integers(0, 130), max_size=size)))
    start = EVER.end - 130 * DAY_NS
    pairs = [Window(start=start + a * DAY_NS, end=start + b * DAY_NS) for a, b in pairwise(edges)]
    return [window for window in pairs if draw(st.booleans())]


@settings(max_examples=60, deadline=None)
@given(held=some_windows(12), wanted=some_windows(2), available=some_windows(2))
def test_gaps_buy_all_that_is_wanted_and_nothing_twice(
    held: list[Window], wanted: list[Window], available: list[Window]
) -> None:
    for window in wanted:
        request = DataRequest(series=BARS, window=window)
        for offered in available:
            gaps = find_gaps(
                request,
                available=offered,
                held=lambda each: [part for one in held if (part := one.overlap(each.span))],
            )
            bought = [gap.request.window for gap in gaps]
            assert not any(one.overlap(other) for one in bought for other in held)
            assert all(one.overlap(offered) == one for one in bought)
            assert list(merged(bought)) == bought
            needed = window.overlap(offered)
            assert needed is None or not list(uncovered(needed, [*held, *bought]))
            for gap in gaps:
                pieces = [piece for _, piece in gap.pieces]
                assert merged(pieces) == (gap.request.window,)
                assert len(pieces) == len(gap.partitions)
                assert all(part.span.overlap(window) for part in gap.partitions)


# Admission


def test_a_record_is_the_bytes_and_what_was_said_of_them(store: Store) -> None:
    told = {date(2022, 1, 3): date(2022, 1, 4), date(2022, 1, 4): date(2022, 2, 1)}
    with store.writing(BARS) as writer:
        part = some_part(writer, month("2022-01"), content=b"bytes of the vendor", usd=0.0021, last_modified=told)
        (record,) = writer.admit([part])
    assert store.records(YEAR, rehash=True) == (record,)
    assert record.manifest == part.manifest
    assert record.partition == month("2022-01")
    assert record.path.read_bytes() == b"bytes of the vendor"
    assert files_of(store) == {
        "databento/ARCX.PILLAR/ohlcv-1d/raw_symbol/GLD/2022-01.0.7b14df6352b9.dbn.zst",
        "databento/ARCX.PILLAR/ohlcv-1d/raw_symbol/GLD/2022-01.json",
    }
    document = json.loads(record.path.with_name("2022-01.json").read_text())
    assert document["format"] == 1
    assert document["partition"]["series"]["symbol"] == "GLD"
    assert document["records"][0]["last_modified"] == {"2022-01-03": "2022-01-04", "2022-01-04": "2022-02-01"}


def test_everything_is_for_its_owner_alone(store: Store) -> None:
    fetch(store, YEAR)
    home = store.folder.parent
    for path in (home, *home.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_a_part_that_is_held_already_is_dropped(store: Store) -> None:
    with store.writing(BARS) as writer:
        (first,) = writer.admit([some_part(writer, month("2022-01"), content=b"first")])
        assert writer.admit([some_part(writer, month("2022-01"), content=b"second")]) == ()
        parts = [some_part(writer, month(name)) for name in ("2022-02", "2022-01")]
        assert [record.partition.name for record in writer.admit(parts)] == ["2022-02"]
    assert store.records(YEAR)[0] == first
    assert len(files_of(store)) == 4


def test_two_parts_of_a_month_are_admitted_together(store: Store) -> None:
    with store.writing(BARS) as writer:
        first, second = days("2022-05-01", "2022-05-09"), days("2022-05-10", "2022-05-31")
        writer.admit([some_part(writer, month("2022-05"), window) for window in (second, first)])
    assert [record.manifest.covered for record in store.records(YEAR)] == [first, second]


def test_replacing_swaps_the_records_it_covers(store: Store) -> None:
    request = asked("2022-05-01", "2022-05-31")
    fetch(store, request, days("2010-01-01", "2022-05-09"))
    fetch(store, request)
    assert len(store.records(request)) == 2
    with store.writing(BARS) as writer:
        (record,) = writer.admit([some_part(writer, month("2022-05"), content=b"whole")], replacing=True)
    assert store.records(request) == (record,)
    assert len(files_of(store)) == 2
    (same,) = buy_again(store, request, b"whole")
    assert store.records(request, rehash=True) == (same,) == (record,)
    assert len(files_of(store)) == 2


def test_a_part_half_over_a_record_is_refused(store: Store) -> None:
    fetch(store, asked("2022-05-01", "2022-05-31"), days("2010-01-01", "2022-05-09"))
    before = files_of(store)
    with store.writing(BARS) as writer:
        half = some_part(writer, month("2022-05"), days("2022-05-05", "2022-05-20"))
        sentence = (
            r"databento ARCX.PILLAR ohlcv-1d GLD \(raw_symbol\) of 2022-05 is held over 2022-05-01..2022-05-10, and "
            r"2022-05-05..2022-05-21 lies half over it\."
        )
        for replacing in (False, True):
            with pytest.raises(RecordsOverlapError, match=sentence):
                writer.admit([half], replacing=replacing)
        twins = [
            some_part(writer, month("2022-04")),
            some_part(writer, month("2022-04"), days("2022-04-01", "2022-04-02")),
        ]
        with pytest.raises(RecordsOverlapError, match="lies half over it"):
            writer.admit(twins)
    assert files_of(store) == before


def test_a_file_that_changed_after_the_gate_is_refused(store: Store) -> None:
    with store.writing(BARS) as writer:
        changed, longer, gone = (some_part(writer, month("2022-01")) for _ in range(3))
        changed.path.write_bytes(b"X" * changed.manifest.size)
        longer.path.write_bytes(b"X" * (changed.manifest.size + 1))
        gone.path.unlink()
        for part, reason in ((changed, "changed after"), (longer, "changed after"), (gone, "is not there")):
            with pytest.raises(AdmissionError, match=reason):
                writer.admit([part])
    assert store.records(YEAR) == ()
    assert files_of(store) == set()


def test_a_part_of_another_series_or_folder_is_refused(store: Store, tmp_path: Path) -> None:
    with store.writing(BARS) as writer:
        foreign = some_part(writer, month("2022-01", TRADES))
        mine = some_part(writer, month("2022-01"))
        elsewhere = AdmittedPart(
            partition=mine.partition, path=mine.path.rename(tmp_path / "part.dbn.zst"), manifest=mine.manifest
        )
        for part in (foreign, elsewhere):
            with pytest.raises(ImpossibleValueError, match="belong to that series"):
                writer.admit([part])


def test_incoming_paths_are_fresh_and_go_with_the_writer(store: Store) -> None:
    with store.writing(BARS) as writer:
        first, second = writer.incoming(".dbn.zst"), writer.incoming(".parquet")
        assert first != second
        assert not first.exists()
        assert first.parent.is_dir()
        assert second.suffix == ".parquet"
        first.write_bytes(b"a download that failed")
        assert store.size().incoming == 22
    assert not first.parent.exists()


@pytest.mark.parametrize(
    ("field", "value", "must"),
    [
        ("rows", -1, "be 0 or more"),
        ("size", 0, "be above 0"),
        ("sha256", "x" * 64, "be 64 hexadecimal digits"),
        ("sha256", "../../x", "be 64 hexadecimal digits"),
        ("quoted_usd", nan, "be a finite amount"),
        ("quoted_usd", inf, "be a finite amount"),
        ("quoted_usd", -0.01, "be a finite amount"),
        ("downloaded_at", datetime(2022, 1, 1), "be in UTC"),
        ("first_ts", None, "lie with last_ts inside"),
        ("first_ts", 0, "lie with last_ts inside"),
        ("last_ts", month("2022-01").span.end, "lie with last_ts inside"),
        ("rows", 0, "lie with last_ts inside"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(field: str, value: object, must: str) -> None:
    span = month("2022-01").span
    fields: dict[str, Any] = {
        "covered": span,
        "suffix": ".dbn.zst",
        "rows": 2,
        "size": 10,
        "sha256": "0" * 64,
        "first_ts": span.start,
        "last_ts": span.end - 1,
        "quoted_usd": 0.0,
        "downloaded_at": NOW,
        "client_version": "test",
        "last_modified": {},
    }
    RecordManifest(**fields)
    with pytest.raises(ImpossibleValueError, match=must):
        RecordManifest(**{**fields, field: value})


def test_a_part_outside_its_partition_is_refused(store: Store) -> None:
    with store.writing(BARS) as writer, pytest.raises(ImpossibleValueError, match="covered is '2022-02-01"):
        some_part(writer, month("2022-01"), month("2022-02").span)


# Reading what is not as it was written


def test_a_damaged_or_missing_record_is_told_and_not_offered_again(store: Store) -> None:
    shorter, other, gone, _, _ = fetch(store, YEAR)
    shorter.path.write_bytes(b"short")
    other.path.write_bytes(b"X" * other.manifest.size)
    gone.path.unlink()
    with pytest.raises(StoreDamagedError, match=r"2022-01.0.* is damaged: it holds 5 bytes and not 78"):
        store.records(asked("2022-01-05", "2022-01-06"))
    february = asked("2022-02-05", "2022-02-06")
    assert store.records(february) == (other,)
    with pytest.raises(
        StoreDamagedError, match=r"not those that were bought \(sha256\). Nothing is bought again unasked"
    ):
        store.records(february, rehash=True)
    with pytest.raises(StoreDamagedError, match="its manifest names it, but it is not there"):
        store.records(asked("2022-03-05", "2022-03-06"))
    assert windows(store) == []


def test_bytes_are_hashed_once_a_process(store: Store) -> None:
    (record,) = fetch(store, asked("2022-01-05", "2022-01-06"))
    store.records(YEAR, rehash=True)
    record.path.write_bytes(b"X" * record.manifest.size)
    assert store.records(YEAR, rehash=True) == (record,)
    with pytest.raises(StoreDamagedError):
        store_at(store.folder.parent).records(YEAR, rehash=True)


def test_a_record_replaced_while_it_is_read_is_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (old,) = fetch(store, asked("2022-01-05", "2022-01-06"))
    real_stat = Path.stat

    def stat(path: Path, **options: Any) -> os.stat_result:
        if path == old.path:
            monkeypatch.undo()
            buy_again(store, asked("2022-01-01", "2022-01-31"), b"replaced meanwhile")
        return real_stat(path, **options)

    monkeypatch.setattr(Path, "stat", stat)
    (record,) = store.records(YEAR)
    assert record.path.read_bytes() == b"replaced meanwhile"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[: len(text) // 2], "invalid json"),
        (lambda _: "", "invalid json"),
        (lambda _: "[]", "object"),
        (lambda text: text.replace('"rows": 2', '"rows": -2'), "must be 0 or more"),
        (lambda text: text.replace('"rows": 2', '"rows": 2, "more": 1'), "records.0.more"),
        (lambda text: text.replace("GLD", "IAU"), "it belongs to databento ARCX.PILLAR ohlcv-1d IAU"),
        (lambda text: text.replace('"format": 1', '"format": 0'), "format"),
        (lambda text: text.replace(str(month("2022-01").span.end), str(month("2022-02").span.end)), "one UTC month"),
        (lambda text: text.replace('"records": [', '"records": [], "x": ['), "x: unexpected"),
        (lambda text: json.dumps(json.loads(text) | {"records": []}), "be one or more that follow each other"),
        (lambda text: json.dumps((held := json.loads(text)) | {"records": held["records"] * 2}), "follow each other"),
        (lambda text: text.replace('"quoted_usd": 0.25', '"quoted_usd": NaN'), "quoted_usd"),
    ],
)
def test_a_damaged_manifest_is_told_by_every_reader(store: Store, damage: Any, reason: str) -> None:
    (record,) = fetch(store, asked("2022-01-05", "2022-01-06"))
    path = record.path.with_name("2022-01.json")
    path.write_text(damage(path.read_text()))
    for read in (lambda: store.records(YEAR), lambda: store.gaps(YEAR, EVER), lambda: fetch(store, YEAR)):
        with pytest.raises(StoreDamagedError, match=rf"2022-01.json is damaged: .*{reason}.*verify the store"):
            read()
    assert record.path.exists()


def test_a_manifest_of_a_newer_program_is_left_alone(store: Store) -> None:
    (record,) = fetch(store, asked("2022-01-05", "2022-01-06"))
    path = record.path.with_name("2022-01.json")
    newer = path.read_text().replace('"format": 1', '"format": 2')
    path.write_text(newer)
    for read in (
        lambda: store.records(YEAR),
        lambda: store.gaps(YEAR, EVER),
        lambda: list(store.verify()),
        lambda: store.clear(preview=False),
        store.holdings,
    ):
        with pytest.raises(NewerFormatError, match=r"newer vaultdash \(format 2; this one knows 1\)"):
            read()
    assert path.read_text() == newer


def test_a_system_without_locks_reads_but_does_not_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (record,) = fetch(store, asked("2022-01-05", "2022-01-06"))
    monkeypatch.setattr(locks, "fcntl", None)
    assert store.records(YEAR) == (record,)
    with pytest.raises(LocksMissingError, match="Windows Subsystem for Linux"), store.writing(BARS):
        pass


@pytest.mark.parametrize("timeout", [-1.0, nan])
def test_a_wait_that_cannot_be_is_refused(store: Store, timeout: float) -> None:
    with pytest.raises(ImpossibleValueError, match="be 0 s or more"), store.writing(BARS, timeout=timeout):
        pass


# Revisions


def test_days_the_vendor_rewrote_are_reported(store: Store) -> None:
    said = {date(2022, 1, 3): date(2022, 1, 4), date(2022, 1, 4): date(2022, 1, 5)}
    fetch(store, asked("2022-01-01", "2022-01-31"), last_modified=said)
    fetch(store, asked("2022-02-01", "2022-02-28"), last_modified={})
    assert NOW.date() == date(2022, 6, 15)

    def condition(day: date | None) -> DayCondition:
        return DayCondition(condition="available", last_modified_date=day)

    unmoved = {day: condition(last) for day, last in said.items()}
    unmoved |= {
        date(2022, 1, 5): condition(None),
        date(2022, 2, 3): condition(date(2022, 6, 15)),
        date(2022, 3, 3): condition(date(2022, 9, 9)),
    }
    assert store.revised(YEAR, unmoved) == ()
    moved = unmoved | {date(2022, 1, 4): condition(date(2022, 9, 1)), date(2022, 2, 3): condition(date(2022, 6, 16))}
    january, february = store.revised(YEAR, moved)
    assert (january.days, february.days) == ((date(2022, 1, 4),), (date(2022, 2, 3),))
    assert january.request == asked("2022-01-01", "2022-01-31")
    assert store.revised(asked("2022-03-01", "2022-03-31"), moved) == ()

    buy_again(store, january.request, b"rewritten")
    assert [each.days for each in store.revised(YEAR, {date(2022, 1, 4): condition(date(2022, 6, 15))})] == []


def test_a_day_of_which_a_part_is_held_counts(store: Store) -> None:
    available = Window(start=EVER.start, end=days("2022-05-09", "2022-05-09").start + 5)
    fetch(store, asked("2022-05-01", "2022-05-31"), available)
    later = DayCondition(condition="available", last_modified_date=date(2022, 12, 1))
    assert len(store.revised(YEAR, {date(2022, 5, 9): later})) == 1
    assert store.revised(YEAR, {date(2022, 5, 10): later}) == ()


def test_times_are_kept_to_the_microsecond_in_utc(store: Store) -> None:
    moment = datetime(2022, 6, 1, 1, 2, 3, 456789, tzinfo=UTC)
    fetch(store, asked("2022-01-01", "2022-01-31"), downloaded_at=moment)
    assert store.records(YEAR)[0].manifest.downloaded_at == moment
