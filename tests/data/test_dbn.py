from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator
from pathlib import Path

import databento_dbn
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.dbn_bytes import DAY, DAY_START, DOLLAR, MINUTE, bars, metadata, records, trades, write_dbn, zstd
from vaultdash.data.dbn import reading as dbn
from vaultdash.data.dbn.reading import UNDEFINED_PRICE, UNDEFINED_TIMESTAMP, iter_records, read_metadata, read_records
from vaultdash.data.dbn.symbology import MappedSpan, SymbolMap, mapped_spans
from vaultdash.errors import DbnUnreadableError
from vaultdash.market import DAY_NS

FIXTURES = 95
LIVE = "test_data.live.dbn.zst"


def fixtures(real_data: Path) -> list[Path]:
    return sorted(path for path in (real_data / "dbn").rglob("test_data.*") if path.is_file())


@pytest.fixture
def _quiet_client() -> Iterator[None]:
    with warnings.catch_warnings():
        # Importing the client resets the filters for deprecations, and pandas 3.1 deprecates calls it makes; both are
        # the client's own affair.
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@pytest.mark.real_data
def test_every_real_file_opens_or_is_refused_with_the_reason(real_data: Path) -> None:
    paths = fixtures(real_data)
    assert len(paths) == FIXTURES
    for path in paths:
        if path.name == LIVE:
            with pytest.raises(DbnUnreadableError, match=r"names no schema.*mixed") as refused:
                read_records(path)
            assert refused.value.fault == "mixed"
            continue
        rows = read_records(path)
        assert rows.ndim == 1
        assert rows.dtype == dbn.record_dtype(str(read_metadata(path).schema))
        assert np.array_equal(np.concatenate([rows[:0], *iter_records(path, chunk_records=1)]), rows)


@pytest.mark.real_data
@pytest.mark.usefixtures("_quiet_client")
def test_records_are_those_of_the_real_client(real_data: Path) -> None:
    import databento  # noqa: PLC0415  # slow, and for this test alone

    compared = 0
    for path in fixtures(real_data):
        if path.name == LIVE:
            continue
        rows = read_records(path)
        expected = databento.DBNStore.from_bytes(path.read_bytes()).to_ndarray()
        if not len(rows):
            assert not expected.size
        elif expected.dtype.itemsize == rows.dtype.itemsize:
            assert rows.tobytes() == expected.tobytes()
            compared += 1
        else:
            # The client keeps an older file's own layout; what both layouts name alike is equal.
            upgraded = [bytes(record) for record in databento.DBNStore.from_bytes(path.read_bytes())]
            assert rows.tobytes() == b"".join(upgraded)
            compared += 1
    assert compared > 80


@pytest.mark.real_data
@pytest.mark.parametrize("schema", ["definition", "statistics", "trades", "ohlcv-1m", "mbo"])
def test_all_versions_of_a_record_read_alike(real_data: Path, schema: str) -> None:
    folder = real_data / "dbn" / "versions"
    read = [read_records(folder / f"test_data.{schema}.v{version}.dbn.zst") for version in (1, 2, 3)]
    same = [name for name in read[2].dtype.names or () if not (schema == "definition" and name in UPGRADED_ONLY)]
    for older in read[:2]:
        assert len(older) == 2
        for name in same:
            assert np.array_equal(older[name], read[2][name]), name


# What older definitions do not say, or say in fields that no longer exist.
UPGRADED_ONLY = frozenset(
    name
    for name in dbn.record_dtype("definition").names or ()
    if name.startswith("leg_") or name == "raw_instrument_id"
)


@pytest.mark.real_data
def test_files_without_records_are_empty(real_data: Path) -> None:
    folder = real_data / "dbn" / "versions"
    for name in ("test_data.ohlcv-1d.dbn", "test_data.ohlcv-1d.v1.dbn.zst", "test_data.ohlcv-1d.v3.dbn.zst"):
        assert len(read_records(folder / name)) == 0
        assert list(iter_records(folder / name)) == []


@pytest.mark.parametrize("suffix", [".dbn", ".dbn.zst"])
def test_what_was_written_is_read(tmp_path: Path, suffix: str) -> None:
    made = trades([DAY_START + second for second in range(1_000)])
    path = write_dbn(tmp_path / f"t{suffix}", made, schema="trades")
    assert np.array_equal(read_records(path), made)
    chunks = list(iter_records(path, chunk_records=300))
    assert [len(chunk) for chunk in chunks] == [300, 300, 300, 100]
    assert np.array_equal(np.concatenate(chunks), made)
    assert read_metadata(path).symbols == ["ESH2"]


def test_records_cannot_be_written_to(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "t.dbn.zst", trades([DAY_START]), schema="trades")
    for rows in (read_records(path), next(iter_records(path))):
        with pytest.raises(ValueError, match="read-only"):
            rows["size"] = 9


def test_several_frames_are_one_file(tmp_path: Path) -> None:
    made = trades(range(DAY_START, DAY_START + 50))
    path = tmp_path / "t.dbn.zst"
    path.write_bytes(
        zstd(bytes(metadata(schema="trades")), made[:20].tobytes()) + zstd(made[20:].tobytes(), checksum=False)
    )
    assert np.array_equal(read_records(path), made)


def test_undefined_values_have_names() -> None:
    assert np.iinfo(np.int64).max == UNDEFINED_PRICE
    assert np.iinfo(np.uint64).max == UNDEFINED_TIMESTAMP


def test_a_send_time_behind_every_record_is_read(tmp_path: Path) -> None:
    head = databento_dbn.Metadata(
        dataset="GLBX.MDP3",
        start=DAY_START,
        stype_in=databento_dbn.SType("raw_symbol"),
        stype_out=databento_dbn.SType("instrument_id"),
        schema=databento_dbn.Schema("trades"),
        ts_out=True,
    )
    made = np.zeros(3, [*dbn.record_dtype("trades").descr, ("ts_out", "u8")])
    made["length"] = made.dtype.itemsize // 4
    made["ts_out"] = [5, 6, 7]
    path = tmp_path / "t.dbn"
    path.write_bytes(bytes(head) + made.tobytes())
    assert read_records(path)["ts_out"].tolist() == [5, 6, 7]


REFUSALS = [
    (b"", "not_dbn", "it is empty"),
    (b"<!doctype html><html>", "not_dbn", "a web page"),
    (b'{"detail": "no"}', "not_dbn", "JSON"),
    (b"DBN", "cut", "within its metadata"),
    (b"DBN\x09" + bytes(200), "version", "DBN 9"),
    (b"DBN\x03\xff\xff\xff\xff", "metadata", "bytes long"),
    (b"DBN\x03\x70\x00\x00\x00" + b"\xfe" * 0x70, "metadata", "metadata is damaged"),
    (bytes(metadata(schema="trades"))[:-1], "cut", "within its metadata"),
    (
        bytes(metadata(schema="trades")) + trades([DAY_START]).tobytes()[:-1],
        "misaligned",
        "47 bytes into a record of 48",
    ),
    (
        bytes(metadata(schema="trades")) + bars("ohlcv-1m", [DAY_START] * 6, [1.0] * 6).tobytes(),
        "mixed",
        r"record 1 is not one of schema trades \(type 33, 56 bytes\)",
    ),
    (zstd(b"hello, this is no DBN"), "not_dbn", "it begins with 'hello, t'"),
    (zstd(bytes(metadata(schema="trades")))[:-4], "cut", "has no end"),
    (zstd(bytes(metadata(schema="trades"))) + b"more", "trailing", "follow its end"),
    (zstd(bytes(metadata(schema="trades"))) + b"\x28\xb5\x2f\xfd", "cut", "has no end"),
    (zstd(bytes(metadata(schema="trades")))[:-4] + b"\0\0\0\0", "damaged", "checksum"),
]


@pytest.mark.parametrize(("content", "fault", "sentence"), REFUSALS)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes, fault: str, sentence: str
) -> None:
    path = tmp_path / "t.dbn.zst"
    path.write_bytes(content)
    for read in (read_records, lambda path: list(iter_records(path, chunk_records=1))):
        with pytest.raises(DbnUnreadableError, match=sentence) as refused:
            read(path)
        assert refused.value.fault == fault
        assert str(refused.value).startswith(f"{path} cannot be read: ")


def test_an_absent_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DbnUnreadableError, match="no such file") as refused:
        read_metadata(tmp_path / "nothing.dbn")
    assert refused.value.fault == "absent"
    with pytest.raises(DbnUnreadableError, match="is a directory"):
        read_metadata(tmp_path)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 400), value=st.integers(0, 255))
def test_a_changed_byte_of_a_plain_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    content = bytearray(
        bytes(metadata(schema="trades", spans={"ESH2": [(DAY, DAY, 7)]})) + trades([DAY_START]).tobytes()
    )
    content[place % len(content)] = value
    path = tmp_path_factory.mktemp("flips") / "t.dbn"
    path.write_bytes(content)
    try:
        rows = read_records(path)
    except DbnUnreadableError as refused:
        assert str(refused)  # noqa: PT017  # refused or read, both with their own proof
    else:
        assert len(rows) == 1


SPANS = [
    MappedSpan(instrument_id=7, first_day=10, end_day=20, symbol="ESH2"),
    MappedSpan(instrument_id=7, first_day=30, end_day=31, symbol="DNMH2 C35"),
    MappedSpan(instrument_id=8, first_day=10, end_day=40, symbol="ESM2"),
]


def symbols_at(spans: list[MappedSpan], *pairs: tuple[int, int]) -> list[object]:
    numbers = np.array([number for number, _ in pairs], np.uint32)
    moments = np.array([moment for _, moment in pairs], np.uint64)
    return list(SymbolMap(spans).symbols(numbers, moments))


def test_an_interval_holds_its_first_day_and_not_its_last() -> None:
    start, end = 10 * DAY_NS, 20 * DAY_NS
    assert symbols_at(SPANS, (7, start - 1), (7, start), (7, end - 1), (7, end)) == [None, "ESH2", "ESH2", None]


def test_an_id_used_again_is_another_symbol() -> None:
    assert symbols_at(SPANS, (7, 30 * DAY_NS), (8, 30 * DAY_NS), (9, 30 * DAY_NS)) == ["DNMH2 C35", "ESM2", None]
    assert symbols_at([], (7, 30 * DAY_NS)) == [None]
    assert symbols_at(SPANS) == []


@settings(max_examples=60, deadline=None)
@given(
    spans=st.lists(
        st.builds(
            lambda number, first, length, symbol: MappedSpan(
                instrument_id=number, first_day=first, end_day=first + length, symbol=symbol
            ),
            st.integers(0, 3),
            st.integers(0, 12),
            st.integers(0, 6),
            st.sampled_from("ABCD"),
        ),
        max_size=8,
    )
)
def test_the_look_up_is_that_of_a_plain_search(spans: list[MappedSpan]) -> None:
    def plain(number: int, day: int) -> str | None:
        found: MappedSpan | None = None
        for span in spans:
            covers = span.instrument_id == number and span.first_day <= day < span.end_day
            if covers and (found is None or span.first_day > found.first_day):
                found = span
        return found.symbol if found else None

    pairs = [(number, day) for number in range(5) for day in range(20)]
    expected = [plain(*pair) for pair in pairs]
    assert symbols_at(spans, *((number, day * DAY_NS) for number, day in pairs)) == expected


@pytest.mark.parametrize("stype_in", ["raw_symbol", "parent", "continuous"])
def test_symbols_come_from_a_files_metadata(tmp_path: Path, stype_in: str) -> None:
    after = DAY + dt.timedelta(days=1)
    path = write_dbn(
        tmp_path / "t.dbn.zst",
        trades([DAY_START, DAY_START + 30 * 60 * MINUTE]),
        schema="trades",
        stype_in=stype_in,
        spans={"ESH2": [(DAY, after, 7)], "ESM2": [(DAY, after, 8)]},
    )
    rows = read_records(path)
    found = SymbolMap.of(read_metadata(path)).symbols(rows["instrument_id"], rows["ts_recv"])
    assert found.tolist() == ["ESH2", None]


def test_an_interval_that_resolves_to_nothing_maps_nothing(tmp_path: Path) -> None:
    after = DAY + dt.timedelta(days=1)
    mapped = type(
        "Mapped",
        (),
        {
            "raw_symbol": "ESH2",
            "intervals": [
                type("Interval", (), {"start_date": DAY, "end_date": after, "symbol": symbol})()
                for symbol in ("", "ESH2")
            ],
        },
    )()
    head = databento_dbn.Metadata(
        dataset="GLBX.MDP3",
        start=DAY_START,
        stype_in=databento_dbn.SType("raw_symbol"),
        stype_out=databento_dbn.SType("instrument_id"),
        schema=databento_dbn.Schema("trades"),
        mappings=[mapped],
    )
    path = tmp_path / "t.dbn"
    path.write_bytes(bytes(head))
    assert mapped_spans(read_metadata(path)) == ()


def test_symbols_by_id_are_turned_round(tmp_path: Path) -> None:
    head = databento_dbn.Metadata(
        dataset="GLBX.MDP3",
        start=DAY_START,
        stype_in=databento_dbn.SType("instrument_id"),
        stype_out=databento_dbn.SType("raw_symbol"),
        schema=databento_dbn.Schema("definition"),
        mappings=[type("Mapped", (), {"raw_symbol": "7", "intervals": [SPAN]})()],
    )
    path = tmp_path / "t.dbn"
    path.write_bytes(bytes(head) + records("definition", 1, ts_recv=DAY_START, strike_price=DOLLAR).tobytes())
    rows = read_records(path)
    assert SymbolMap.of(read_metadata(path)).symbols(rows["instrument_id"], rows["ts_recv"]).tolist() == ["ESH2"]


SPAN = type("Interval", (), {"start_date": DAY, "end_date": DAY + dt.timedelta(days=1), "symbol": "ESH2"})()
