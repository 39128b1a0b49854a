"""The hedge commands and `events prepare` on history bought from the gateway, and the same commands on the sample."""

from __future__ import annotations

from collections.abc import Iterator
from math import fsum
from pathlib import Path

import pytest

from tests.cli.runner import Runner
from tests.data.test_history import billable, clean, enter_home, forget_coverage
from tests.gateway import Gateway
from tests.gateway.faults import ALWAYS, Answer, BadChecksum, CutStream, server_error
from tests.gateway.replies import as_json

LOAN = "--units 100 --loan 8000"
COVID = f"--symbol GLD --start 2020-02-18 --end 2020-04-15 {LOAN}"
COMPARE = f"hedge compare {COVID} --source databento"
RANGE = "timeseries.get_range"


@pytest.fixture(scope="module")
def running() -> Iterator[Gateway]:
    with Gateway(trades_per_day=2_000) as gateway:
        yield gateway


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "here" / "home"


@pytest.fixture
def gateway(running: Gateway, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    enter_home(home, monkeypatch)
    with clean(running, monkeypatch):
        yield running


def test_a_run_shows_the_price_buys_on_request_and_then_asks_for_nothing(runner: Runner, gateway: Gateway) -> None:
    refused = runner(COMPARE)
    assert refused.code == 3
    assert "Nobody can be asked here; say --yes to do it." in refused.err
    assert "USD, " in refused.err
    assert billable(gateway) == []
    bought = runner(f"{COMPARE} --yes --json")
    assert bought.code == 0
    assert len(billable(gateway)) == 1
    assert bought.document["synthetic"] is False
    assert bought.document["close_basis"] == "utc_day"
    gateway.reset()
    again = runner(f"{COMPARE} --json")
    assert again.code == 0
    assert again.document == bought.document
    assert gateway.requests == []


def test_a_fetch_before_the_run_is_all_that_it_needs(runner: Runner, gateway: Gateway) -> None:
    assert runner("data fetch --symbol GLD --start 2020-02-18 --end 2020-04-15 --yes").code == 0
    gateway.reset()
    outcome = runner(f"{COMPARE} --json")
    assert outcome.code == 0
    paths = outcome.document["templates"][0]["daily_path"]
    assert paths[0]["date"] == "2020-02-18"
    assert paths[-1]["date"] == "2020-04-15"
    assert gateway.requests == []


def test_a_run_says_what_its_closes_are(runner: Runner, gateway: Gateway) -> None:
    shown = runner(f"{COMPARE} --yes")
    assert "GLD from databento (utc_day closes)" in shown.out
    assert "SYNTHETIC" not in shown.out
    assert "were dropped" in shown.err
    assert gateway.billed_usd


def test_held_history_is_run_without_a_key_and_without_the_vendor(
    runner: Runner, gateway: Gateway, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = runner(f"{COMPARE} --yes --json").document
    forget_coverage(home)
    gateway.reset()
    monkeypatch.setenv("VAULTDASH_DATABENTO_GATEWAY", "https://127.0.0.1:1")
    assert runner(f"{COMPARE} --json").document == expected
    monkeypatch.delenv("DATABENTO_API_KEY")
    assert runner(f"{COMPARE} --json").document == expected
    assert gateway.requests == []


def test_a_trailing_volatility_buys_its_look_back_too(runner: Runner, gateway: Gateway) -> None:
    assert runner(f"{COMPARE} --yes").code == 0
    gateway.reset()
    outcome = runner(f"{COMPARE} --iv trailing:60 --yes --json")
    assert outcome.code == 0
    assert len(billable(gateway)) == 1
    assert "2019-11-01..2020-02-01" in outcome.err
    gateway.reset()
    assert runner(f"{COMPARE} --iv trailing:60").code == 0
    assert gateway.requests == []


def test_a_future_is_run_on_session_closes(runner: Runner, gateway: Gateway) -> None:
    line = "hedge compare --symbol GC --start 2024-03-04 --end 2024-03-28 --units 10 --loan 9000 --source databento"
    outcome = runner(f"{line} --yes --json")
    assert outcome.code == 0, outcome.err
    assert outcome.document["close_basis"] == "session"
    assert "ohlcv-1h GC.v.0" in outcome.err
    gateway.reset()
    assert runner(line).code == 0
    assert gateway.requests == []


@pytest.mark.parametrize("symbol", ["ES.FUT", "GC.FUT"])
@pytest.mark.parametrize("source", ["databento", "sample"])
def test_a_parent_symbol_is_refused(runner: Runner, gateway: Gateway, symbol: str, source: str) -> None:
    window = "--start 2024-03-04 --end 2024-03-28 --units 10 --loan 100"
    outcome = runner(f"hedge compare --symbol {symbol} {window} --source {source} --yes")
    assert outcome.code == 2
    assert f"Use {symbol[:2]}.v.0" in outcome.err
    assert billable(gateway) == []


def test_a_window_that_nobody_sells_is_refused_with_yahoo_named(runner: Runner, gateway: Gateway) -> None:
    outcome = runner(f"hedge compare --symbol GLD --start 2008-07-15 --end 2008-11-20 {LOAN} --source databento --yes")
    assert outcome.code == 3
    assert "source yahoo, GLD" in outcome.err
    assert billable(gateway) == []


def test_a_limit_and_an_unknown_price_stop_a_run(
    runner: Runner, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.faults.add("metadata.get_cost", server_error(), times=5)
    unknown = runner(f"{COMPARE} --yes")
    assert unknown.code == 4
    assert "unknown price" in unknown.err
    monkeypatch.setenv("VAULTDASH_SPEND_LIMIT_USD", "0")
    assert runner(f"{COMPARE} --yes").code == 4
    assert billable(gateway) == []
    assert runner(f"{COMPARE} --yes --allow-usd 1").code == 0


def test_an_allowance_is_for_all_that_a_run_buys(
    runner: Runner, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULTDASH_SPEND_LIMIT_USD", "0")
    gateway.faults.add("metadata.get_cost", Answer(as_json(2.0)), times=ALWAYS)
    words = f"--event covid-crash-2020 --event slide-2020-21 {LOAN} --source databento --yes"
    outcome = runner(f"hedge events {words} --allow-usd 2.5")
    assert outcome.code == 4
    spent = runner("data spend --json").document["this_month"]["settled"]
    assert spent <= 2.5


@pytest.mark.parametrize("fault", [CutStream(cut_after=300), BadChecksum()])
def test_a_fault_of_a_download_stops_a_run_and_the_next_one_goes_through(
    runner: Runner, gateway: Gateway, fault: CutStream | BadChecksum
) -> None:
    gateway.faults.add(RANGE, fault)
    outcome = runner(f"{COMPARE} --yes --json")
    assert (outcome.code, outcome.out) == (3, "")
    assert runner("data held --json").document["series"] == []
    assert runner(f"{COMPARE} --yes").code == 0
    assert runner("data verify").code == 0


def test_a_damaged_record_stops_a_run(runner: Runner, gateway: Gateway, home: Path) -> None:
    runner(f"{COMPARE} --yes")
    for path in home.rglob("2020-03.*.dbn.zst"):
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    gateway.reset()
    outcome = runner(COMPARE)
    assert outcome.code == 1
    assert "is damaged" in outcome.err
    assert billable(gateway) == []


def test_events_that_are_covered_are_run_and_the_rest_is_listed(runner: Runner, gateway: Gateway) -> None:
    words = f"--event gfc-2008 --event covid-crash-2020 --event election-2024 {LOAN} --source databento"
    outcome = runner(f"hedge events {words} --yes --json")
    assert outcome.code == 3
    assert [run["event"]["slug"] for run in outcome.document["events"]] == ["covid-crash-2020", "election-2024"]
    (missing,) = outcome.document["not_run"]
    assert missing["slug"] == "gfc-2008"
    assert "source yahoo, GLD" in missing["reason"]
    assert gateway.billed_usd


# --- events prepare


def test_events_are_prepared_all_at_once(runner: Runner, gateway: Gateway) -> None:
    shown = runner("events prepare")
    assert shown.code == 3
    assert "Nobody can be asked here" in shown.err
    assert billable(gateway) == []
    outcome = runner("events prepare --yes --json")
    assert outcome.code == 3
    document = outcome.document
    assert set(document["not_covered"]) == {"gfc-2008", "gold-top-2011", "gold-crash-2013", "fed-2016"}
    assert all("Yahoo" in reason for reason in document["not_covered"].values())
    assert document["usd"] == pytest.approx(gateway.billed_usd)
    assert fsum(quote["usd"] for quote in document["quotes"]) == pytest.approx(gateway.billed_usd)
    bought = [(record["series"], record["partition"]) for record in document["records"]]
    assert len(bought) == len(set(bought))
    gateway.reset()
    again = runner("events prepare --json")
    assert again.code == 3
    assert again.document["records"] == []
    assert billable(gateway) == []
    assert runner(f"hedge events --event covid-crash-2020 --event slide-2022 {LOAN} --source databento").code == 0
    assert billable(gateway) == []


@pytest.mark.parametrize("look_back", [0, 252])
def test_the_price_of_events_that_share_months_is_what_is_paid(
    runner: Runner, gateway: Gateway, look_back: int
) -> None:
    chosen = "--event slide-2020-21 --event rate-hikes-2022 --event slide-2022"
    outcome = runner(f"events prepare {chosen} --look-back {look_back} --yes --json")
    assert outcome.code == 0
    quoted = fsum(quote["usd"] for quote in outcome.document["quotes"])
    assert outcome.document["usd"] == pytest.approx(gateway.billed_usd)
    assert quoted == pytest.approx(gateway.billed_usd)


def test_events_that_are_not_covered_are_named_and_leave_with_3(runner: Runner, gateway: Gateway) -> None:
    outcome = runner("events prepare --event gfc-2008 --event election-2024 --yes")
    assert outcome.code == 3
    assert outcome.err.startswith("gfc-2008: GLD ohlcv-1d over 2008-07-15")
    assert "1 of 2 events are held" in outcome.out
    assert len(billable(gateway)) == 1
    assert runner("events prepare --event election-2024").code == 0
    assert runner("events prepare --event nobody").code == 2


# --- the sample


def test_the_sample_needs_no_key_and_spends_nothing(
    runner: Runner, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter_home(home, monkeypatch)
    for name in ("DATABENTO_API_KEY", "VAULTDASH_DATABENTO_GATEWAY"):
        monkeypatch.delenv(name, raising=False)
    line = f"hedge compare {COVID} --source sample --json"
    outcome = runner(line)
    assert outcome.code == 0
    assert outcome.document["synthetic"] is True
    assert runner(line).out == outcome.out
    (held,) = runner("data held --json").document["series"]
    assert held["series"].startswith("sample ")
    assert runner("data spend --json").document["downloads"] == []
    assert not (home / "spend.sqlite").exists()
