from __future__ import annotations

from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.sample_requests import SOURCE, ask, ask_records, client_store, ns, plain_of, records_of, series
from vaultdash.data.catalog import CATALOG, find_instrument
from vaultdash.data.request import DataRequest
from vaultdash.data.samplemarket.listing import DATASETS, RECORD_BYTES, USD_PER_GIB, sample_dataset
from vaultdash.data.samplemarket.vendor import SampleSource
from vaultdash.errors import NotOfferedError, WindowNotCoveredError
from vaultdash.market import DateRange, Window, iso_utc

if TYPE_CHECKING:
    from vaultdash.data.source import HistorySource

# Pins of the DBN inside the frame: how well zstd packs it is the installed library's business, what it says is ours.
PINNED = {
    "ohlcv-1d GLD 2004-11-18 2026-03-31": "a3a397feb6d2b8ff378c6b6bddf2ec6f3e04d6d0076648c80c6326bc9c13f2d6",
    "ohlcv-1m GLD 2024-11-29 2024-11-29": "bbe79360a1e64cc1e7d147b52dd75e90ec3fbc17320817f8440d4f9075fc3954",
    "ohlcv-1d GC.v.0 2004-11-18 2026-03-31": "da46ccb9575393eaec9b60fcb56a9bb4e0735e204800e3c62441aef3db187632",
    "ohlcv-1h ES.v.0 2024-03-01 2024-03-31": "8e434e21f3dc70b48352684f06d0a0012223442895fc67225fe13b942feca019",
    "ohlcv-1m GC.FUT 2020-03-16 2020-03-20": "4dded87aa78b27485c911e51807bcc053258c5994212492dff35198413b71466",
    "trades ES.v.0 2024-03-06 2024-03-06": "02f118b5a8a147c9a69b03b249e1a05b2a90eeac5b26eea5a7651cee6fd21ef2",
    "trades GC.FUT 2022-03-08 2022-03-08": "650796ec9ffb71b1cb88687e67b27f3079e80949129c0e4707e675fb0f9b483d",
    "definition ES.FUT 2024-03-01 2024-03-31": "f920edaa59b7d77f50df0a07ff3152478e5b4dfb8b8fc2da717dffcec2d8c53a",
    "definition GLD.OPT 2024-03-06 2024-03-06": "e37e7317f429ca84a76b1d5e2764ef46d8f0ea7da06294b1b3ddde6279f78312",
    "cbbo-1m GLD.OPT 2020-03-16 2020-03-16": "54ae2944eddb8aaed7f3e5116f63e60bb97c030927c6fd4c11aa2fa13d6ec06f",
    "statistics GLD.OPT 2024-03-06 2024-03-06": "380c5e6ddaa7d3fce25393146792da7194c6576fbd122cd8fded87ee325305a3",
}

# A small window of every series: (schema, symbol, start, end).
EVERY_SERIES = [
    *((schema, "GLD", "2024-03-06", "2024-03-07") for schema in DATASETS["SAMPLE.SHARES"].schemas),
    *(
        (schema, symbol, "2024-03-06T14:00", "2024-03-07T01:00")
        for schema in DATASETS["SAMPLE.FUTURES"].schemas
        for symbol in ("ES.v.0", "GC.v.0", "ES.FUT", "GC.FUT", "ESH4", "GCJ4")
    ),
    *((schema, "GLD.OPT", "2024-03-06", "2024-03-07") for schema in DATASETS["SAMPLE.OPTIONS"].schemas),
]


@pytest.mark.parametrize("asked", PINNED)
def test_the_same_bytes_everywhere(asked: str) -> None:
    schema, symbol, start, end = asked.split()
    assert sha256(plain_of(ask(schema, symbol, start, end))).hexdigest() == PINNED[asked]


@pytest.mark.parametrize("asked", EVERY_SERIES, ids=" ".join)
def test_the_real_client_reads_every_series(asked: tuple[str, str, str, str]) -> None:
    request = ask(*asked)
    store, frame = client_store(request)
    assert len(frame) == SOURCE.quote(request).record_count
    assert len(frame) > 0
    assert not frame["symbol"].isna().any()
    assert frame.index.is_monotonic_increasing
    assert (frame.index >= iso_utc(request.window.start)).all()
    assert (frame.index < iso_utc(request.window.end)).all()
    assert (store.dataset, store.schema, store.symbols) == (request.series.dataset, asked[0], [asked[1]])
    assert (store.stype_in, store.metadata.start, store.metadata.end) == (
        request.series.stype_in,
        request.window.start,
        request.window.end,
    )
    assert (frame["publisher_id"] > 60_000).all()


def splits() -> st.SearchStrategy[tuple[DataRequest, int]]:
    """A request of up to three days around a roll, a clock change or a half day, and a moment inside it."""
    days = st.sampled_from(["2024-03-08", "2024-03-09", "2024-11-28", "2024-03-25", "2024-04-26", "2026-03-31"])
    kinds = st.sampled_from([(schema, symbol) for schema, symbol, *_ in EVERY_SERIES])

    def cut(kind: tuple[str, str], day: str, from_hour: int, length: int, share: float) -> tuple[DataRequest, int]:
        start = ns(day) - from_hour * 3_599_999_999_989
        end = min(start + length, ns("2026-04-01"))
        request = DataRequest(series=series(*kind), window=Window(start=start, end=end))
        return request, start + 1 + int(share * (end - start - 2))

    share = st.floats(min_value=0, max_value=1)
    hours = st.integers(min_value=0, max_value=20)
    length = st.integers(min_value=10**12, max_value=10**14)
    return st.builds(cut, kinds, days, hours, length, share)


@settings(max_examples=40, deadline=None)
@given(splits())
def test_a_window_split_anywhere_gives_the_records_of_the_whole(asked: tuple[DataRequest, int]) -> None:
    request, moment = asked
    before = request.within(Window(start=request.window.start, end=moment))
    after = request.within(Window(start=moment, end=request.window.end))
    whole = records_of(request)
    assert records_of(before).tobytes() + records_of(after).tobytes() == whole.tobytes()
    quotes = [SOURCE.quote(part) for part in (before, after)]
    assert sum(quote.record_count or 0 for quote in quotes) == len(whole) == SOURCE.quote(request).record_count


def test_a_quote_is_a_made_up_price_of_uncompressed_bytes() -> None:
    for asked in EVERY_SERIES:
        request = ask(*asked)
        quote = SOURCE.quote(request)
        records = records_of(request)
        assert quote.billable_bytes == records.nbytes == len(records) * RECORD_BYTES[asked[0]]
        assert quote.usd == pytest.approx(records.nbytes / 2**30 * USD_PER_GIB[asked[0]], rel=1e-12)
        assert quote.usd
        assert quote.unknown_because == ""


def test_it_is_a_source_that_is_not_paid() -> None:
    source: HistorySource = SampleSource()
    assert (source.name, source.is_paid) == ("sample", False)
    assert source.client_version


def test_what_is_available_and_in_which_condition() -> None:
    held = Window(start=ns("2004-11-18"), end=ns("2026-04-01"))
    for name, dataset in DATASETS.items():
        assert {SOURCE.available(name, schema) for schema in dataset.schemas} == {held}
        days = SOURCE.conditions(name, DateRange(start=date(2026, 3, 30), end=date(2026, 4, 5)))
        assert list(days) == [date(2026, 3, 30), date(2026, 3, 31)]
        assert {(day.condition, day.last_modified_date) for day in days.values()} == {("available", None)}
        assert SOURCE.conditions(name, DateRange(start=date(2030, 1, 1), end=date(2030, 1, 5))) == {}


def test_its_datasets_cannot_be_taken_for_a_vendors() -> None:
    assert all(name.startswith("SAMPLE.") for name in DATASETS)


def test_the_catalog_finds_its_dataset() -> None:
    found = {item.name: sample_dataset(item) for item in CATALOG}
    assert {name: dataset for name, dataset in found.items() if dataset} == {
        "GLD": "SAMPLE.SHARES",
        "XAU": "SAMPLE.SHARES",
        "GC": "SAMPLE.FUTURES",
        "ES": "SAMPLE.FUTURES",
        "GLD options": "SAMPLE.OPTIONS",
    }
    other_rule = find_instrument("GC.c.1")
    assert other_rule
    assert sample_dataset(other_rule) is None


FUTURES_OFFERED = (
    "It offers: ES.v.0 (continuous), GC.v.0 (continuous), ES.FUT (parent), GC.FUT (parent), "
    "a contract such as ESH4 (raw_symbol)."
)
NO_MBO = (
    "sample has no schema of SAMPLE.FUTURES named 'mbo'. It offers: ohlcv-1d, ohlcv-1h, ohlcv-1m, trades, definition."
)
REFUSED = [
    (
        {"dataset": "GLBX.MDP3"},
        "sample has no dataset named 'GLBX.MDP3'. It offers: SAMPLE.SHARES, SAMPLE.FUTURES, SAMPLE.OPTIONS.",
    ),
    ({"schema": "mbo"}, NO_MBO),
    (
        {"symbol": "NQ.v.0"},
        f"sample has no symbol in SAMPLE.FUTURES named 'NQ.v.0 (continuous)'. {FUTURES_OFFERED}",
    ),
    (
        {"symbol": "GC", "stype_in": "raw_symbol"},
        f"sample has no symbol in SAMPLE.FUTURES named 'GC (raw_symbol)'. {FUTURES_OFFERED}",
    ),
    (
        {"dataset": "SAMPLE.SHARES", "schema": "ohlcv-1d", "symbol": "ESH4", "stype_in": "raw_symbol"},
        "sample has no symbol in SAMPLE.SHARES named 'ESH4 (raw_symbol)'. It offers: GLD (raw_symbol).",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED)
def test_what_it_does_not_have_is_refused_in_a_sentence(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    good = ask("trades", "ES.v.0", "2024-03-06", "2024-03-06")
    request = replace(good, series=replace(good.series, **changes))
    path = tmp_path / "part.dbn.zst"
    with pytest.raises(NotOfferedError) as quoted:
        SOURCE.quote(request)
    with pytest.raises(NotOfferedError):
        SOURCE.download(request, path)
    assert str(quoted.value) == sentence
    assert not path.exists()


def test_other_datasets_have_neither_a_window_nor_conditions() -> None:
    with pytest.raises(NotOfferedError):
        SOURCE.available("EQUS.SUMMARY", "ohlcv-1d")
    with pytest.raises(NotOfferedError):
        SOURCE.available("SAMPLE.SHARES", "trades")
    with pytest.raises(NotOfferedError):
        SOURCE.conditions("EQUS.SUMMARY", DateRange(start=date(2024, 1, 1), end=date(2024, 1, 2)))


@pytest.mark.parametrize(("start", "end"), [("2004-11-17", "2004-11-19"), ("2026-03-31", "2026-04-01")])
def test_windows_outside_are_refused_in_a_sentence(start: str, end: str, tmp_path: Path) -> None:
    request = ask("ohlcv-1d", "GLD", start, end)
    path = tmp_path / "part.dbn.zst"
    with pytest.raises(WindowNotCoveredError) as refused:
        SOURCE.quote(request)
    with pytest.raises(WindowNotCoveredError):
        SOURCE.download(request, path)
    assert "it holds 2004-11-18..2026-03-31" in str(refused.value)
    assert not path.exists()


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "part.dbn.zst"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        SOURCE.download(ask("ohlcv-1d", "GLD", "2024-03-06", "2024-03-06"), path)
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("asked", [("ohlcv-1d", "GLD"), ("trades", "GC.FUT"), ("cbbo-1m", "GLD.OPT")], ids=" ".join)
def test_a_saturday_is_an_empty_answer(asked: tuple[str, str]) -> None:
    request = ask(*asked, "2024-03-09", "2024-03-09")
    assert len(records_of(request)) == 0
    assert SOURCE.quote(request).record_count == 0


def test_numbers_do_not_depend_on_what_was_asked_before() -> None:
    asked = ("trades", "GC.v.0", "2021-06-01T14:00", "2021-06-01T14:20")
    once = ask_records(*asked)
    ask_records("trades", "GC.FUT", "2021-05-31", "2021-06-01")
    assert np.array_equal(once, ask_records(*asked))
