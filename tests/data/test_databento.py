"""The Databento source through the real client, against the gateway: every call, and what it says where one fails."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import zstandard
from databento_dbn import DBNDecoder
from pydantic import SecretStr

from tests.data.databento_bench import ES_HOUR, Waits, days, of, source_at
from tests.gateway import Gateway
from tests.gateway.faults import ALWAYS, Answer, forbidden, free_of_charge, server_error, unauthorized
from tests.gateway.replies import Reply
from vaultdash.data.catalog import instrument_for
from vaultdash.data.databento import DatabentoSource
from vaultdash.data.source import HistorySource
from vaultdash.data.vendors.databento_batch import Attempt
from vaultdash.data.vendors.retry import Retries
from vaultdash.errors import (
    CoverageError,
    MissingKeyError,
    OutputNotWrittenError,
    ParentSymbolError,
    RequestRefusedError,
    SymbolsUnresolvedError,
    UnreadableValueError,
)
from vaultdash.market import DateRange, Window, iso_utc

YEAR_2020 = days("2020-01-01", "2020-12-31")


@pytest.fixture(scope="module")
def running() -> Iterator[Gateway]:
    with Gateway() as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    running.reset()
    running.market.conditions.clear()
    for name, value in running.environment().items():
        monkeypatch.setenv(name, value)
    yield running
    assert running.unexpected == []


@pytest.fixture
def source(gateway: Gateway, tmp_path: Path) -> DatabentoSource:
    return source_at(gateway, tmp_path)


def decoded_rows(path: Path) -> int:
    decoder = DBNDecoder()
    decoder.write(zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes()))
    _, *records = decoder.decode()
    return len(records)


def test_it_is_a_source_of_history(source: DatabentoSource) -> None:
    as_protocol: HistorySource = source
    assert (as_protocol.name, as_protocol.is_paid) == ("databento", True)
    assert as_protocol.client_version.split(".")[0].isdigit()


def test_quote_download_and_count_agree(source: DatabentoSource, gateway: Gateway, tmp_path: Path) -> None:
    quote = source.quote(ES_HOUR)
    assert quote.usd is not None
    assert quote.usd > 0
    assert quote.billable_bytes == 48 * (quote.record_count or 0)
    assert gateway.billed_usd == 0
    source.download(ES_HOUR, tmp_path / "es")
    assert decoded_rows(tmp_path / "es") == quote.record_count
    assert gateway.billed_usd == quote.usd


def test_every_call_names_its_stype_and_both_ends(source: DatabentoSource, gateway: Gateway, tmp_path: Path) -> None:
    source.quote(ES_HOUR)
    source.download(ES_HOUR, tmp_path / "es")
    calls = [one for one in gateway.requests if one.method == "POST"]
    assert len(calls) == 4
    for call in calls:
        assert call.params["stype_in"] == "continuous"
        assert (int(call.params["start"]), int(call.params["end"])) == (ES_HOUR.window.start, ES_HOUR.window.end)


def test_a_price_of_nothing_is_a_price(source: DatabentoSource, gateway: Gateway) -> None:
    gateway.faults.add("metadata.get_cost", free_of_charge())
    assert source.quote(ES_HOUR).usd == 0.0


@pytest.mark.parametrize("call", ["get_cost", "get_record_count", "get_billable_size"])
def test_a_figure_that_is_not_learned_is_unknown(source: DatabentoSource, gateway: Gateway, call: str) -> None:
    gateway.faults.add(f"metadata.{call}", server_error(), times=ALWAYS)
    quote = source.quote(ES_HOUR)
    by_call = {
        "get_cost": quote.usd,
        "get_record_count": quote.record_count,
        "get_billable_size": quote.billable_bytes,
    }
    assert by_call[call] is None
    assert quote.unknown_because.startswith("Databento failed to answer (HTTP 500")
    assert "tried 5 times" in quote.unknown_because


@pytest.mark.parametrize("answer", [b'"free"', b"-1", b"NaN", b"Infinity", b"true", b"null", b"[]", b"{}"])
def test_what_is_no_price_is_never_taken_for_one(source: DatabentoSource, gateway: Gateway, answer: bytes) -> None:
    gateway.faults.add("metadata.get_cost", Answer(Reply(body=answer)))
    quote = source.quote(ES_HOUR)
    assert (quote.usd, quote.record_count) == (None, None)
    assert "it is no price" in quote.unknown_because


def test_a_refused_key_makes_a_price_unknown(source: DatabentoSource, gateway: Gateway) -> None:
    gateway.faults.add("metadata.get_cost", unauthorized(), times=ALWAYS)
    quote = source.quote(ES_HOUR)
    assert (quote.usd, quote.billable_bytes, quote.record_count) == (None, None, None)
    assert "refused the key" in quote.unknown_because
    assert len(gateway.requests) == 1  # a refusal is not asked again


def test_a_shut_exchange_is_explained(source: DatabentoSource, tmp_path: Path) -> None:
    weekend = of("ARCX.PILLAR", "ohlcv-1d", "GLD", "raw_symbol", days("2020-02-16", "2020-02-17"))
    quote = source.quote(weekend)
    assert (quote.usd, quote.record_count, quote.billable_bytes) == (None, 0, 0)
    assert "holds no session in this window" in quote.unknown_because
    with pytest.raises(SymbolsUnresolvedError, match=r"The exchange \(XNYS\) holds no session"):
        source.download(weekend, tmp_path / "x")
    wrong = of("ARCX.PILLAR", "ohlcv-1d", "NOPE", "raw_symbol", days("2020-02-15", "2020-02-18"))
    assert "Check the symbol" in source.quote(wrong).unknown_because
    saturday = of("GLBX.MDP3", "trades", "ES.v.0", "continuous", days("2024-03-09", "2024-03-09"))
    assert "(CMES) holds no session" in source.quote(saturday).unknown_because


class TestCoverage:
    def test_a_dataset_range_is_asked_for_once_a_day(self, gateway: Gateway, tmp_path: Path) -> None:
        first = source_at(gateway, tmp_path)
        assert iso_utc(first.available("ARCX.PILLAR", "ohlcv-1d").start) == "2018-05-01"
        first.available("ARCX.PILLAR", "trades")
        again = source_at(gateway, tmp_path)
        assert again.available("ARCX.PILLAR", "trades") == first.available("ARCX.PILLAR", "trades")
        assert len(gateway.calls("metadata.get_dataset_range")) == 1
        again._ranges.now = lambda: time.time() + 86_401
        again.available("ARCX.PILLAR", "trades")
        assert len(gateway.calls("metadata.get_dataset_range")) == 2

    @pytest.mark.parametrize(
        "damage",
        ["", "{", "[]", '{"owner": "x"}', '{"owner": 1, "datasets": []}', "null"],
    )
    def test_a_damaged_file_of_ranges_is_done_without(self, gateway: Gateway, tmp_path: Path, damage: str) -> None:
        (tmp_path / "dataset-ranges.json").write_text(damage)
        assert source_at(gateway, tmp_path).available("XNAS.ITCH", "trades").start > 0

    def test_damage_inside_the_file_of_ranges(self, gateway: Gateway, tmp_path: Path) -> None:
        source_at(gateway, tmp_path).available("XNAS.ITCH", "trades")
        place = tmp_path / "dataset-ranges.json"
        kept = json.loads(place.read_text())
        for wrong in ([2, 1], [1], ["a", "b"], None, 7):
            kept["datasets"]["XNAS.ITCH"]["spans"]["trades"] = wrong
            place.write_text(json.dumps(kept))
            assert iso_utc(source_at(gateway, tmp_path).available("XNAS.ITCH", "trades").start) == "2018-05-01"

    def test_ranges_of_another_gateway_are_not_used(self, gateway: Gateway, tmp_path: Path) -> None:
        (tmp_path / "dataset-ranges.json").write_text(
            json.dumps(
                {
                    "owner": "hist.databento.com",
                    "datasets": {"XNAS.ITCH": {"at": 4e9, "spans": {"trades": [1, 2]}}},
                }
            )
        )
        assert source_at(gateway, tmp_path).available("XNAS.ITCH", "trades") != Window(start=1, end=2)

    def test_a_schema_that_is_not_offered(self, source: DatabentoSource) -> None:
        with pytest.raises(RequestRefusedError, match=r"refused trades of EQUS\.SUMMARY\. The dataset offers definit"):
            source.available("EQUS.SUMMARY", "trades")

    def test_gold_in_the_spring_of_2020(self, source: DatabentoSource) -> None:
        window = days("2020-02-15", "2020-04-15")
        series = source.resolve("GLD", "ohlcv-1d", window)
        assert (series.dataset, series.symbol, series.stype_in) == ("ARCX.PILLAR", "GLD", "raw_symbol")
        assert source.resolve("gld", "ohlcv-1d", days("2025-01-02", "2025-03-31")).dataset == "EQUS.SUMMARY"
        assert source.resolve("GLD", "trades", days("2025-01-02", "2025-03-31")).dataset == "ARCX.PILLAR"

    def test_a_dataset_that_starts_later_is_refused_for_free(self, source: DatabentoSource, gateway: Gateway) -> None:
        with pytest.raises(CoverageError) as caught:
            source.resolve("GLD", "ohlcv-1d", days("2020-02-15", "2020-04-15"), dataset="XNAS.BASIC")
        sentence = str(caught.value)
        assert "XNAS.BASIC holds 2024-07-01..2026-11-01" in sentence
        assert caught.value.others == ("ARCX.PILLAR", "XNAS.ITCH")
        assert "Yahoo may (source yahoo, GLD: free daily bars)" in sentence
        assert not any(one.billable for one in gateway.requests)

    def test_2008_is_yahoos(self, source: DatabentoSource) -> None:
        with pytest.raises(CoverageError, match=r"ARCX\.PILLAR holds 2018-05-01\.\..*Yahoo may") as caught:
            source.resolve("GLD", "ohlcv-1d", days("2008-01-01", "2008-12-31"))
        assert caught.value.others == ()
        with pytest.raises(CoverageError, match="Choose a window inside that"):
            source.resolve("GLD", "ohlcv-1m", days("2008-01-01", "2008-12-31"))

    def test_the_future_is_nobodys(self, source: DatabentoSource) -> None:
        with pytest.raises(CoverageError) as caught:
            source.resolve("GLD", "ohlcv-1d", days("2035-01-01", "2035-02-01"))
        assert "Yahoo" not in str(caught.value)

    def test_history_that_grew_since_is_seen_before_a_refusal(self, gateway: Gateway, tmp_path: Path) -> None:
        source = source_at(gateway, tmp_path)
        source.available("GLBX.MDP3", "trades")
        window = days("2026-10-30", "2026-11-05")
        with pytest.raises(CoverageError):
            source.resolve("ES", "trades", window)
        gateway.market.set_available_end("2026-11-10")
        try:
            source._ranges.now = lambda: time.time() + 301
            assert source.resolve("ES", "trades", window).dataset == "GLBX.MDP3"
        finally:
            gateway.market.set_available_end("2026-11-01")

    def test_a_dataset_that_is_not_open_to_the_account_is_passed_by(
        self, source: DatabentoSource, gateway: Gateway
    ) -> None:
        gateway.faults.add("metadata.get_dataset_range", forbidden())
        assert source.resolve("GLD", "ohlcv-1d", days("2025-01-02", "2025-03-31")).dataset == "ARCX.PILLAR"

    @pytest.mark.parametrize("name", ["GC", "GC=F", "gold", "GC.v.0"])
    def test_gold_futures_are_continuous(self, source: DatabentoSource, name: str) -> None:
        series = source.resolve(name, "ohlcv-1d", YEAR_2020)
        assert (series.dataset, series.symbol, series.stype_in) == ("GLBX.MDP3", "GC.v.0", "continuous")

    @pytest.mark.parametrize("name", ["ES.FUT", "gc.fut", " HG.FUT"])
    def test_parents_of_futures_need_a_rule(self, source: DatabentoSource, gateway: Gateway, name: str) -> None:
        root = name.strip()[:2].upper()
        with pytest.raises(ParentSymbolError, match=rf"Use {root}\.v\.0"):
            source.resolve(name, "trades", YEAR_2020)
        assert gateway.requests == []

    def test_symbols_outside_the_catalog(self, source: DatabentoSource) -> None:
        day = days("2024-03-07", "2024-03-07")
        asked = {"HG.V.0": ("HG.v.0", "continuous"), "spy.opt": ("SPY.OPT", "parent"), " msft ": ("MSFT", "raw_symbol")}
        for name, (symbol, stype) in asked.items():
            series = source.resolve(name, "definition", day)
            assert (series.symbol, series.stype_in) == (symbol, stype)
        named = source.resolve("ESH4", "trades", day, dataset="GLBX.MDP3")
        assert (named.dataset, named.symbol, named.stype_in) == ("GLBX.MDP3", "ESH4", "raw_symbol")
        assert source.resolve(instrument_for("GLD.OPT"), "cbbo-1m", day).dataset == "OPRA.PILLAR"

    @pytest.mark.parametrize("name", ["GLD,IAU", "all_symbols"])
    def test_one_symbol_at_a_time(self, source: DatabentoSource, name: str) -> None:
        with pytest.raises(UnreadableValueError, match="one symbol at a time"):
            source.resolve(name, "trades", YEAR_2020)


class TestSymbols:
    def test_a_continuous_future_and_its_rolls(self, source: DatabentoSource) -> None:
        found = source.resolve_symbols(
            "GLBX.MDP3",
            ["ES.v.0"],
            stype_in="continuous",
            stype_out="raw_symbol",
            window=days("2024-03-01", "2024-03-31"),
        )
        assert [one.name for one in found.mappings["ES.v.0"]] == ["ESH4", "ESM4"]
        assert found.mappings["ES.v.0"][1].start == date(2024, 3, 11)
        assert found.notes == ()

    def test_symbols_that_are_not_found_are_named(self, source: DatabentoSource) -> None:
        with pytest.raises(SymbolsUnresolvedError, match="not found: NOPE") as caught:
            source.resolve_symbols(
                "ARCX.PILLAR", ["GLD", "NOPE"], stype_in="raw_symbol", stype_out="instrument_id", window=YEAR_2020
            )
        assert "GLD, NOPE (raw_symbol) of ARCX.PILLAR" in str(caught.value)

    def test_symbols_known_for_part_of_the_window(self, source: DatabentoSource) -> None:
        found = source.resolve_symbols(
            "ARCX.PILLAR",
            ["GLDM"],
            stype_in="raw_symbol",
            stype_out="instrument_id",
            window=days("2018-06-01", "2018-06-30"),
        )
        assert found.partial == ("GLDM",)
        assert found.notes == ("databento: GLDM is known from 2018-06-26 until 2018-07-01 only",)


def test_conditions_of_days_include_the_last(source: DatabentoSource, gateway: Gateway) -> None:
    gateway.market.revise("GLBX.MDP3", "2020-02-28", last_modified="2026-09-01", condition="degraded")
    said = source.conditions("GLBX.MDP3", DateRange(start=date(2020, 2, 27), end=date(2020, 2, 28)))
    assert list(said) == [date(2020, 2, 27), date(2020, 2, 28)]
    assert said[date(2020, 2, 28)].condition == "degraded"
    assert said[date(2020, 2, 28)].last_modified_date == date(2026, 9, 1)


def test_a_file_that_is_there_already_is_not_bought_over(
    source: DatabentoSource, gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(b"precious")
    with pytest.raises(OutputNotWrittenError, match="it is there already"):
        source.download(ES_HOUR, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"precious"
    assert gateway.requests == []


def test_a_folder_that_is_not_there_costs_nothing(source: DatabentoSource, gateway: Gateway, tmp_path: Path) -> None:
    with pytest.raises(OutputNotWrittenError, match="its folder is not there"):
        source.download(ES_HOUR, tmp_path / "nowhere" / "x")
    assert gateway.requests == []


def test_a_ledger_that_fails_stops_the_purchase(gateway: Gateway, tmp_path: Path) -> None:
    def refuse(_: Attempt) -> None:
        sentence = "the ledger is full"
        raise OSError(sentence)

    for delivery in ("stream", "batch"):
        with pytest.raises(OSError, match="the ledger is full"):
            source_at(gateway, tmp_path, on_attempt=refuse).download(ES_HOUR, tmp_path / "x", delivery=delivery)
    assert gateway.billed_usd == 0
    assert not (gateway.calls("timeseries.get_range"))
    assert not (gateway.calls("batch.submit_job"))


def test_attempts_are_told_before_they_are_sent(gateway: Gateway, tmp_path: Path) -> None:
    told: list[Attempt] = []
    source = source_at(gateway, tmp_path, on_attempt=told.append)
    gateway.faults.add("timeseries.get_range", server_error(), times=2)
    source.download(ES_HOUR, tmp_path / "x")
    assert [(one.request, one.call, one.number) for one in told] == [
        (ES_HOUR, "timeseries.get_range", number) for number in (1, 2, 3)
    ]
    assert len(gateway.calls("timeseries.get_range")) == 3


def test_quality_warnings_of_the_service_are_logged(
    source: DatabentoSource, gateway: Gateway, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.market.revise("GLBX.MDP3", "2024-03-07", last_modified="2026-09-01", condition="degraded")
    source.download(ES_HOUR, tmp_path / "x")
    assert "reduced quality: 2024-03-07 (degraded)" in caplog.text


@pytest.mark.parametrize("key", [None, "", "  \n", SecretStr(""), "YOUR_API_KEY", "db-a b", "db-ä", "db-a:b", "db\x00"])
def test_a_key_that_cannot_be_used_is_told_at_once(tmp_path: Path, key: str | SecretStr | None) -> None:
    with pytest.raises(MissingKeyError, match=r"Set DATABENTO_API_KEY .* sample market") as caught:
        DatabentoSource(key, folder=tmp_path)
    assert not (isinstance(key, str) and key.strip() and key.strip() in str(caught.value))


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://h:1/", "https://h:1"),
        ("h:8080", "https://h:8080"),
        (" https://h/x/ ", "https://h/x"),
        ("127.0.0.1:1", "https://127.0.0.1:1"),
    ],
)
def test_gateways_are_spelled_as_the_client_needs_them(tmp_path: Path, given: str, used: str) -> None:
    assert repr(DatabentoSource("db-x", folder=tmp_path, gateway=given)) == f"DatabentoSource(gateway={used!r})"


@pytest.mark.parametrize("given", ["http://h", "ftp://h", "https://", "https://h:99999", "https://u:p@h", "h?q=1"])
def test_gateways_that_cannot_be_used(tmp_path: Path, given: str) -> None:
    with pytest.raises(UnreadableValueError, match="VAULTDASH_DATABENTO_GATEWAY") as caught:
        DatabentoSource("db-x", folder=tmp_path, gateway=given)
    assert "u:p" not in str(caught.value)


def test_metadata_is_asked_for_at_most_20_times_a_second(gateway: Gateway, tmp_path: Path) -> None:
    waits = Waits()
    source = DatabentoSource(gateway.key, folder=tmp_path, gateway=gateway.url, retries=Retries(clock=waits.clock))
    for _ in range(25):
        source.conditions("GLBX.MDP3", DateRange(start=date(2020, 2, 27), end=date(2020, 2, 27)))
    assert len(waits.slept) == 5
    assert sum(waits.slept) == pytest.approx(5 / 20)


def test_the_client_is_loaded_late_and_leaves_the_warnings_alone(gateway: Gateway, tmp_path: Path) -> None:
    script = f"""
import sys, warnings
from pathlib import Path
before = list(warnings.filters)
from vaultdash.data.databento import DatabentoSource
source = DatabentoSource({gateway.key!r}, folder=Path({str(tmp_path)!r}), gateway={gateway.url!r})
source.client_version
assert "databento" not in sys.modules and "pandas" not in sys.modules and "requests" not in sys.modules
source.available("XNAS.ITCH", "trades")
assert "databento" in sys.modules
assert list(warnings.filters) == before, warnings.filters
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
