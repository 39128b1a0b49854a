"""`vaultdash data` against the gateway with the real client: what is said, the exit code, and what is left behind."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from tests.cli.runner import Outcome, Runner
from tests.data.databento_bench import Waits, days, of
from tests.data.test_history import (
    SPRING,
    billable,
    clean,
    enter_home,
    forget_coverage,
    of_the_source,
    start_command,
)
from tests.gateway import Gateway
from tests.gateway.faults import (
    ALWAYS,
    Answer,
    BadChecksum,
    CutStream,
    Fault,
    Hang,
    MissingRows,
    RowsOutside,
    ShortBody,
    WrongSchema,
    forbidden,
    free_of_charge,
    gateway_timeout,
    html,
    json_list,
    nothing,
    payment_required,
    server_error,
    too_many_requests,
    unauthorized,
    unprocessable,
    unprocessable_field,
)
from tests.gateway.market import Market, Query
from tests.gateway.replies import as_json
from tests.gateway.server import HOST
from vaultdash.data.dbn.reading import PRICE_SCALE, UNDEFINED_PRICE, read_records
from vaultdash.data.request import DataRequest
from vaultdash.data.store.store import Store
from vaultdash.data.vendors.retry import Retries

RANGE = "timeseries.get_range"
WINDOW = "--symbol GLD --start 2020-02-10 --end 2020-04-17"
MARCH = "--symbol GLD --start 2020-03-01 --end 2020-03-31"
FETCH = f"data fetch {WINDOW} --yes"
SAMPLE = "--source sample --symbol GLD --start 2022-01-03 --end 2022-03-31"


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


@pytest.fixture
def no_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter_home(home, monkeypatch)
    for name in ("DATABENTO_API_KEY", "VAULTDASH_DATABENTO_GATEWAY"):
        monkeypatch.delenv(name, raising=False)


def is_told(outcome: Outcome) -> bool:
    """One sentence on stderr, no traceback, nothing on stdout."""
    last = outcome.err.strip().splitlines()[-1]
    return last.startswith("vaultdash: ") and last.endswith(".") and "Traceback" not in outcome.err and not outcome.out


def read_csv(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ledger(runner: Runner) -> list[str]:
    return [entry["state"] for entry in runner("data spend --json").document["downloads"]]


# --- quote, fetch, again


def test_a_quote_shows_the_price_and_a_fetch_buys_it_once(runner: Runner, gateway: Gateway) -> None:
    quoted = runner(f"data quote {WINDOW} --json").document
    assert quoted["held"] is False
    assert quoted["gaps"][0]["partitions"] == ["2020-02", "2020-03", "2020-04"]
    assert billable(gateway) == []
    fetched = runner(f"{FETCH} --json")
    assert fetched.code == 0
    assert fetched.document["usd"] == quoted["usd"] == gateway.billed_usd
    assert sum(record["rows"] for record in fetched.document["records"]) == quoted["record_count"]
    assert f"{quoted['usd']:,.4f} USD, {quoted['record_count']:,} records" in fetched.err
    gateway.reset()
    again = runner(FETCH)
    assert (again.code, again.out) == (0, "All of it was held already; nothing was bought.\n")
    assert runner(f"data quote {WINDOW} --json").document["held"] is True
    assert "all of it is held, nothing to buy" in " ".join(runner(f"data quote {WINDOW}").out.split())
    assert billable(gateway) == []
    assert not [one for one in gateway.requests if one.path.startswith("metadata.get_cost")]


def test_nothing_is_bought_where_nobody_can_be_asked(runner: Runner, gateway: Gateway) -> None:
    outcome = runner(f"data fetch {WINDOW}")
    assert outcome.code == 1
    assert "Nobody can be asked here; say --yes to do it." in outcome.err
    assert billable(gateway) == []


def test_an_overlapping_window_buys_only_what_is_missing(runner: Runner, gateway: Gateway) -> None:
    assert runner(FETCH).code == 0
    gateway.reset()
    wider = "--symbol GLD --start 2020-01-20 --end 2020-06-10"
    quoted = runner(f"data quote {wider} --json").document
    names = [gap["partitions"] for gap in quoted["gaps"]]
    assert names == [["2020-01"], ["2020-05", "2020-06"]]
    fetched = runner(f"data fetch {wider} --yes --json").document
    assert [record["partition"] for record in fetched["records"]] == ["2020-01", "2020-05", "2020-06"]
    assert len(billable(gateway)) == 2
    assert fetched["usd"] == quoted["usd"] == gateway.billed_usd


def test_what_is_held_is_listed_and_verifies(runner: Runner, gateway: Gateway, home: Path) -> None:
    assert runner("data held").out == f"Nothing is held in {home / 'history'}.\n"
    runner(FETCH)
    (series,) = runner("data held --json").document["series"]
    assert series["covered"] == ["2020-02-01..2020-05-01"]
    assert (series["records"], series["damaged"]) == (3, [])
    assert series["quoted_usd"] == pytest.approx(gateway.billed_usd)
    shown = runner("data held").out
    assert "GLD (raw_symbol)" in shown
    assert f"{series['bytes']:,} bytes of records, 0 in quarantine" in shown
    assert "3 records are as they were written, 0 are not." in runner("data verify").out
    assert [one["state"] for one in runner("data verify --json").document] == ["ok"] * 3


def test_a_damaged_record_goes_into_quarantine_and_is_bought_again_only_on_request(
    runner: Runner, gateway: Gateway, home: Path
) -> None:
    runner(FETCH)
    record = Store(home).records(SPRING)[1].path
    record.write_bytes(record.read_bytes()[:-1] + b"\0")
    gateway.reset()
    assert runner(f"data export {WINDOW} --csv out.csv").code == 1
    found = runner("data verify")
    assert found.code == 1
    assert "2 records are as they were written, 1 are not." in found.out
    assert "damaged: " in found.out
    assert billable(gateway) == []
    assert runner("data verify").code == 0
    assert [gap["partitions"] for gap in runner(f"data quote {WINDOW} --json").document["gaps"]] == [["2020-03"]]
    assert [r["partition"] for r in runner(f"{FETCH} --json").document["records"]] == ["2020-03"]


def test_two_processes_fetching_the_same_buy_it_once(gateway: Gateway, home: Path, tmp_path: Path) -> None:
    commands = [start_command(FETCH, home=home, log=tmp_path / f"{number}.log") for number in range(2)]
    assert [command.code() for command in commands] == [0, 0]
    assert len(billable(gateway)) == 1


# --- faults


def another() -> Fault:
    wrong = Query(
        dataset="ARCX.PILLAR",
        schema="ohlcv-1h",
        symbols=("GLD",),
        stype_in="raw_symbol",
        start=SPRING.window.start,
        end=SPRING.window.end,
    )
    return WrongSchema(download=Market().download(wrong))


FAULTS: list[tuple[Fault, str, str]] = [
    (CutStream(cut_after=0), "unsettled", "broke off after 0 bytes"),
    (CutStream(cut_after=1), "unsettled", "broke off after"),
    (CutStream(cut_after=700), "unsettled", "broke off after"),
    (ShortBody(), "unsettled", "cut short"),
    (BadChecksum(), "unsettled", "checksum"),
    (MissingRows(), "unsettled", r"where the vendor counts \d+"),
    (RowsOutside(days=90), "unsettled", "outside the window asked for"),
    (another(), "unsettled", "its schema is ohlcv-1h, not the ohlcv-1d asked for"),
    (unauthorized(), "released", r"refused the key \(HTTP 401"),
    (payment_required(), "released", "no funds for this .*nothing was bought"),
    (forbidden(), "released", r"not licensed for .* \(HTTP 403"),
    (unprocessable(), "released", r"None of the symbols could be resolved"),
    (unprocessable_field(), "released", "start: invalid datetime format"),
    (too_many_requests("7"), "released", "Wait 7 s and ask again"),
    (server_error(), "released", r"HTTP 500.*It was tried 5 times"),
    (gateway_timeout(), "released", r"HTTP 504.*It was tried 5 times"),
    (html(), "unsettled", "it begins with '<!doctype html>"),
    (nothing(), "unsettled", "it is empty"),
    (json_list(), "released", "cannot be read"),
    (Hang(hang_seconds=0.6), "released", r"it said nothing for 0\.3 s"),
]


@pytest.mark.parametrize(("fault", "state", "sentence"), FAULTS)
def test_a_fault_of_a_download_is_a_sentence_and_nothing_is_admitted(
    *,
    runner: Runner,
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    state: str,
    sentence: str,
) -> None:
    gateway.faults.add(RANGE, fault, times=ALWAYS)
    missing = runner(f"data quote {WINDOW} --json").document["gaps"]
    if isinstance(fault, Hang):
        of_the_source(monkeypatch, timeout_seconds=0.3)
    outcome = runner(FETCH)
    of_the_source(monkeypatch, timeout_seconds=20.0)
    assert outcome.code == 3
    assert is_told(outcome)
    assert re.search(sentence, outcome.err)
    assert ledger(runner) == [state]
    assert runner("data held --json").document["series"] == []
    assert runner("data verify").code == 0
    assert runner(f"data quote {WINDOW} --json").document["gaps"] == missing
    gateway.faults.clear()
    assert runner(FETCH).out.startswith("Bought 3 records")
    assert ledger(runner) == [state, "settled"]
    assert runner("data verify --json").document[0]["state"] == "ok"
    assert runner(FETCH).out == "All of it was held already; nothing was bought.\n"


def test_a_body_that_is_cut_between_two_records_is_not_admitted(runner: Runner, gateway: Gateway) -> None:
    count = runner(f"data quote {WINDOW} --json").document["record_count"]
    for rows in (1, 20, count):
        gateway.faults.add(RANGE, MissingRows(rows=rows))
        outcome = runner(FETCH)
        assert (outcome.code, outcome.out) == (3, "")
        assert f"it holds {count - rows} record" in outcome.err
    assert runner("data held --json").document["series"] == []


@pytest.mark.parametrize(
    "call", ["metadata.get_dataset_range", "metadata.get_dataset_condition", "metadata.get_billable_size"]
)
@pytest.mark.parametrize("fault", [server_error(), unauthorized(), html(), CutStream(cut_after=1)])
def test_a_fault_of_a_free_call_is_a_sentence_and_the_next_fetch_goes_through(
    runner: Runner, gateway: Gateway, call: str, fault: Fault
) -> None:
    gateway.faults.add(call, fault, times=ALWAYS)
    outcome = runner(FETCH)
    assert outcome.code in (0, 3)
    assert outcome.code == 0 or is_told(outcome)
    assert set(ledger(runner)) <= {"released" if outcome.code else "settled"}
    assert outcome.code == 0 or billable(gateway) == []
    gateway.faults.clear()
    assert runner(FETCH).code == 0
    assert len(billable(gateway)) == 1
    assert runner("data verify").code == 0


def test_a_fault_that_passes_is_not_noticed(runner: Runner, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits()
    of_the_source(monkeypatch, retries=Retries(clock=waits.clock))
    gateway.faults.add(RANGE, too_many_requests("7"), times=1)
    gateway.faults.add(RANGE, server_error(), times=1)
    assert runner(FETCH).code == 0
    assert max(waits.slept) == 7.0
    assert ledger(runner) == ["settled"]
    assert gateway.billed_usd == runner("data spend --json").document["this_month"]["settled"]


def test_a_fault_in_the_middle_of_several_gaps_is_finished_later(runner: Runner, gateway: Gateway) -> None:
    assert runner(f"data fetch {MARCH} --yes").code == 0
    gateway.faults.add(RANGE, BadChecksum(), after=1)
    assert runner(FETCH).code == 3
    assert ledger(runner) == ["settled", "settled", "unsettled"]
    assert [gap["partitions"] for gap in runner(f"data quote {WINDOW} --json").document["gaps"]] == [["2020-04"]]
    assert runner(FETCH).out.startswith("Bought 1 records")


# --- money


@pytest.mark.parametrize(
    "fault", [server_error(), gateway_timeout(), html(), Answer(as_json(None)), Answer(as_json(-1.0))]
)
def test_a_price_that_cannot_be_learned_is_unknown_and_blocks(runner: Runner, gateway: Gateway, fault: Fault) -> None:
    gateway.faults.add("metadata.get_cost", fault, times=ALWAYS)
    quoted = runner(f"data quote {WINDOW} --json")
    assert quoted.code == 0
    assert quoted.document["usd"] is None
    assert quoted.document["unknown_because"]
    outcome = runner(f"{FETCH} --allow-usd 1000000")
    assert outcome.code == 4
    assert is_told(outcome)
    assert "nothing is bought at an unknown price" in outcome.err
    assert billable(gateway) == []
    assert ledger(runner) == []


def test_a_price_of_nothing_is_accepted(runner: Runner, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULTDASH_SPEND_LIMIT_USD", "0")
    monkeypatch.setenv("VAULTDASH_SPEND_LIMIT_PER_MONTH_USD", "0")
    gateway.faults.add("metadata.get_cost", free_of_charge(), times=ALWAYS)
    assert runner(f"data quote {WINDOW} --json").document["usd"] == 0.0
    assert runner(FETCH).out == "Bought 3 records for 0.0000 USD.\n"
    assert ledger(runner) == ["settled"]


@pytest.mark.parametrize("variable", ["VAULTDASH_SPEND_LIMIT_USD", "VAULTDASH_SPEND_LIMIT_PER_MONTH_USD"])
def test_a_limit_refuses_with_the_quote_and_the_way_on(
    runner: Runner, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1.5")
    gateway.faults.add("metadata.get_cost", Answer(as_json(2.25)), times=ALWAYS)
    outcome = runner(FETCH)
    assert outcome.code == 4
    assert is_told(outcome)
    assert "2.25 USD" in outcome.err
    assert "1.50 USD per " in outcome.err
    assert billable(gateway) == []
    assert runner(f"{FETCH} --allow-usd 2.24").code == 4
    assert runner(f"{FETCH} --allow-usd 2.25").code == 0


@pytest.mark.parametrize("variable", ["VAULTDASH_SPEND_LIMIT_USD", "VAULTDASH_SPEND_LIMIT_PER_MONTH_USD"])
def test_a_refusal_for_a_limit_names_the_option_that_raises_it(
    runner: Runner, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "0")
    assert gateway.requests == []
    assert "--allow-usd" in runner(FETCH).err


def test_the_amount_that_a_refusal_names_is_enough(
    runner: Runner, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULTDASH_SPEND_LIMIT_USD", "0")
    amount = runner(FETCH).err.partition("or allow ")[2].partition(" USD")[0]
    assert gateway.billed_usd == 0
    assert runner(f"{FETCH} --allow-usd {amount}").code == 0


def test_a_price_that_rose_since_it_was_shown_is_not_paid(runner: Runner, gateway: Gateway) -> None:
    # Shown and agreed to at 1 USD, then quoted at 4.
    gateway.faults.add("metadata.get_cost", Answer(as_json(1.0)), times=1)
    gateway.faults.add("metadata.get_cost", Answer(as_json(4.0)), times=ALWAYS)
    outcome = runner(FETCH)
    assert "1.0000 USD" in outcome.err
    assert outcome.code == 4
    assert billable(gateway) == []


@pytest.mark.parametrize("amount", ["nan", "-1", "inf"])
def test_an_allowance_that_is_no_amount_is_refused_by_its_name(runner: Runner, gateway: Gateway, amount: str) -> None:
    outcome = runner(f"{FETCH} --allow-usd {amount}")
    assert outcome.code == 2
    assert billable(gateway) == []
    assert "allow" in outcome.err.splitlines()[-1]


def test_spend_is_told_by_month_and_by_download(runner: Runner, gateway: Gateway) -> None:
    assert runner("data spend --json").document["downloads"] == []
    runner(FETCH)
    document = runner("data spend --json").document
    (download,) = document["downloads"]
    assert download["usd"] == document["this_month"]["settled"] == gateway.billed_usd
    assert (document["limit_per_request_usd"], document["limit_per_month_usd"]) == (5.0, 50.0)
    shown = runner("data spend").out
    assert "1: settled" in shown
    assert "2020-02-01..2020-05-01" in shown


@pytest.mark.parametrize(("option", "state"), [("--settle", "settled"), ("--release", "released")])
def test_a_person_says_what_became_of_a_download_of_unknown_outcome(
    runner: Runner, gateway: Gateway, option: str, state: str
) -> None:
    gateway.faults.add(RANGE, CutStream(cut_after=100))
    assert runner(FETCH).code == 3
    assert "--settle NUMBER or --release NUMBER" in runner("data spend").out
    assert runner(f"data spend {option} 1").code == 0
    assert ledger(runner) == [state]
    again = runner(f"data spend {option} 1")
    assert again.code == 2
    assert "Download 1 is not one of unknown outcome" in again.err


# --- which dataset, which symbol


def test_the_covid_window_is_bought_from_a_dataset_that_covers_it(runner: Runner, gateway: Gateway) -> None:
    asked = "--symbol GLD --start 2020-02-18 --end 2020-04-15"
    request = runner(f"data quote {asked} --json").document["request"]
    assert request.split()[1] in ("ARCX.PILLAR", "XNAS.ITCH")
    assert runner(f"data quote {asked} --schema trades --json").document["request"].split()[1] == "ARCX.PILLAR"
    basic = runner(f"data fetch {asked} --dataset XNAS.BASIC --yes")
    assert basic.code == 3
    assert "ARCX.PILLAR and XNAS.ITCH would cover it" in basic.err
    assert billable(gateway) == []


def test_a_window_before_all_of_them_is_refused_with_yahoo_named(runner: Runner, gateway: Gateway) -> None:
    for command in ("quote", "fetch --yes"):
        outcome = runner(f"data {command} --symbol GLD --start 2008-07-15 --end 2008-11-20")
        assert outcome.code == 3
        assert is_told(outcome)
        assert "source yahoo, GLD" in outcome.err
    assert {one.path for one in gateway.requests} == {"metadata.get_dataset_range"}


@pytest.mark.parametrize("symbol", ["ES.FUT", "GC.FUT", "es.fut"])
@pytest.mark.parametrize("source", ["databento", "sample"])
def test_a_future_without_a_rule_is_refused(runner: Runner, gateway: Gateway, symbol: str, source: str) -> None:
    outcome = runner(f"data fetch --symbol {symbol} --source {source} --start 2024-03-01 --end 2024-03-08 --yes")
    assert outcome.code == 2
    assert is_told(outcome)
    assert f"Use {symbol[:2].upper()}.v.0" in outcome.err
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("data quote --symbol GLD --start 2020-04-17 --end 2020-02-10", 2, "Swap the two dates"),
        ("data quote --symbol GLD --start soon --end 2020-02-10", 2, "Write a date"),
        ("data quote --symbol GLD,IAU --start 2020-02-10 --end 2020-02-12", 2, "one symbol at a time"),
        (f"data quote {WINDOW} --stype-in raw_symbol", 2, "Name the dataset too"),
        (f"data quote {WINDOW} --source nobody", 2, "Known: databento, sample"),
        (f"data quote {WINDOW} --schema ohlcv-9d", 3, "has no ohlcv-9d"),
        (f"data quote {WINDOW} --dataset NOBODY.AT", 3, "NOBODY.AT is not open to this account"),
        (f"{FETCH} --dataset ARCX.PILLAR --stype-in nonsense", 4, "price"),
        (f"data export {WINDOW}", 3, "does not cover"),
        ("data prune", 2, ""),
        ("data prune --older-than-days -1 --yes", 2, ""),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(
    *, runner: Runner, gateway: Gateway, line: str, code: int, sentence: str
) -> None:
    outcome = runner(line)
    assert (outcome.code, billable(gateway)) == (code, [])
    assert sentence in outcome.err
    assert is_told(outcome)


# --- what is not over, what is closed, what was rewritten


def test_the_rest_of_a_month_is_a_gap_later(runner: Runner, gateway: Gateway, home: Path) -> None:
    gateway.market.set_available_end("2026-10-15")
    asked = "data fetch --symbol GLD --dataset ARCX.PILLAR --start 2026-09-20 --yes"
    assert runner(f"{asked} --end 2026-10-10").code == 0
    gateway.market.set_available_end("2026-11-01")
    forget_coverage(home)
    later = runner(f"{asked} --end 2026-10-20 --json")
    assert later.code == 0
    assert "2026-10-15..2026-11-01" in later.err
    assert [record["partition"] for record in later.document["records"]] == ["2026-10"]
    assert runner("data held --json").document["series"][0]["covered"] == ["2026-09-01..2026-11-01"]


def test_a_weekend_and_a_holiday_are_remembered(runner: Runner, gateway: Gateway) -> None:
    for symbol, day in (("ES.v.0", "2024-03-09"), ("ES.v.0", "2024-03-29"), ("GLD", "2024-05-27")):
        line = f"data fetch --symbol {symbol} --schema trades --start {day} --end {day} --yes"
        first = runner(line)
        assert first.code == 0
        assert "the exchange was closed; nothing to buy" in first.err
        gateway.reset()
        assert runner(line).out == "All of it was held already; nothing was bought.\n"
        assert gateway.requests == []
    assert ledger(runner) == []
    assert runner("data verify").code == 0


def test_a_rewritten_day_is_told_and_bought_again_on_request_alone(runner: Runner, gateway: Gateway) -> None:
    runner(FETCH)
    assert "nothing was bought" in runner(f"{FETCH} --revised").out
    gateway.market.revise("ARCX.PILLAR", "2020-03-12", last_modified="2026-10-01")
    gateway.reset()
    assert "nothing was bought" in runner(FETCH).out
    shown = runner(f"data fetch {WINDOW} --revised")
    assert shown.code == 1
    assert "2020-03-01..2020-04-01" in shown.err
    assert billable(gateway) == []
    bought = runner(f"{FETCH} --revised --json").document
    assert [record["partition"] for record in bought["records"]] == ["2020-03"]
    assert len(billable(gateway)) == 1
    assert "nothing was bought" in runner(f"{FETCH} --revised").out
    assert runner("data verify").code == 0
    assert ledger(runner) == ["settled", "settled"]


def test_a_rewritten_day_is_not_called_missing(runner: Runner, gateway: Gateway) -> None:
    runner(FETCH)
    gateway.market.revise("ARCX.PILLAR", "2020-03-12", last_modified="2026-10-01")
    shown = runner(f"data fetch {WINDOW} --revised").err
    assert "missing" not in shown
    assert "2020-03-12" in shown


# --- export


PRICE_FIELDS = (
    "price", "open", "high", "low", "close", "strike_price", "bid_px_00", "ask_px_00", "min_price_increment",
    "min_price_increment_amount", "high_limit_price", "low_limit_price", "max_price_variation",
)  # fmt: skip
EXPORTS = [
    ("--symbol GLD --start 2020-02-10 --end 2020-03-17", SPRING.within(days("2020-02-10", "2020-03-17"))),
    (
        "--symbol GC --schema ohlcv-1h --start 2024-03-01 --end 2024-03-05",
        of("GLBX.MDP3", "ohlcv-1h", "GC.v.0", "continuous", days("2024-03-01", "2024-03-05")),
    ),
    (
        "--symbol ES.v.0 --schema trades --start 2024-03-07 --end 2024-03-07",
        of("GLBX.MDP3", "trades", "ES.v.0", "continuous", days("2024-03-07", "2024-03-07")),
    ),
    (
        "--symbol ES.v.0 --schema statistics --start 2024-03-07 --end 2024-03-08",
        of("GLBX.MDP3", "statistics", "ES.v.0", "continuous", days("2024-03-07", "2024-03-08")),
    ),
    (
        "--symbol GLD --schema definition --start 2024-03-07 --end 2024-03-08",
        of("ARCX.PILLAR", "definition", "GLD", "raw_symbol", days("2024-03-07", "2024-03-08")),
    ),
    (
        "--symbol GLD.OPT --schema cbbo-1m --start 2024-03-07 --end 2024-03-07",
        of("OPRA.PILLAR", "cbbo-1m", "GLD.OPT", "parent", days("2024-03-07", "2024-03-07")),
    ),
]


@pytest.mark.usefixtures("gateway")
@pytest.mark.parametrize(("words", "request_"), EXPORTS, ids=[request.series.schema for _, request in EXPORTS])
def test_an_export_says_what_the_records_say(runner: Runner, home: Path, words: str, request_: DataRequest) -> None:
    assert runner(f"data fetch {words} --yes").code == 0
    records = Store(home).records(request_)
    rows = np.concatenate([read_records(record.path) for record in records])
    index = "ts_recv" if "ts_recv" in (rows.dtype.names or ()) else "ts_event"
    times = rows[index].astype(np.int64)
    rows = rows[(times >= request_.window.start) & (times < request_.window.end)][:2_000]
    assert len(rows)
    outcome = runner(f"data export {words} --csv out.csv --parquet out.parquet")
    assert outcome.code == 0, outcome.err
    table = parquet.read_table("out.parquet").slice(0, 2_000)
    lines = read_csv("out.csv")[:2_000]
    for name in table.column_names:
        column = rows[name].tolist()
        if name in PRICE_FIELDS:
            column = [None if value == UNDEFINED_PRICE else value / PRICE_SCALE for value in column]
        elif rows.dtype[name].kind == "S":
            column = [value.decode() for value in column]
        assert table[name].to_pylist() == column, name
        assert [line[name] for line in lines] == ["" if value is None else str(value) for value in column], name
    assert {"instrument_id", "publisher_id", index} <= set(table.column_names)


def test_an_export_of_a_closed_day_has_its_columns_and_no_rows(runner: Runner, gateway: Gateway) -> None:
    words = "--symbol ES.v.0 --schema trades --start 2024-03-09 --end 2024-03-09"
    runner(f"data fetch {words} --yes")
    assert billable(gateway) == []
    assert runner(f"data export {words} --csv out.csv --parquet out.parquet").code == 0
    header = Path("out.csv").read_text().strip().split(",")
    assert "price" in header
    table = parquet.read_table("out.parquet")
    assert (table.column_names, table.num_rows) == (header, 0)


def test_an_export_as_dbn_is_the_vendors_own_bytes(runner: Runner, gateway: Gateway, home: Path) -> None:
    runner(FETCH)
    gateway.reset()
    outcome = runner(f"data export {WINDOW} --dbn copies")
    assert outcome.code == 0
    copies = sorted(Path("copies").iterdir())
    records = Store(home).records(SPRING)
    assert [path.read_bytes() for path in copies] == [record.path.read_bytes() for record in records]
    assert billable(gateway) == []


def test_an_export_as_dbn_keeps_every_part_of_a_month(runner: Runner, gateway: Gateway, home: Path) -> None:
    gateway.market.set_available_end("2026-10-15")
    asked = "--symbol GLD --dataset ARCX.PILLAR --start 2026-10-02"
    runner(f"data fetch {asked} --end 2026-10-10 --yes")
    gateway.market.set_available_end("2026-11-01")
    forget_coverage(home)
    assert runner(f"data fetch {asked} --end 2026-10-20 --yes").code == 0
    request = SPRING.within(days("2026-10-02", "2026-10-20"))
    rows = sum(record.manifest.rows for record in Store(home).records(request))
    assert runner(f"data export {asked} --end 2026-10-20 --dbn copies").code == 0
    assert sum(len(read_records(path)) for path in Path("copies").iterdir()) == rows


@pytest.mark.parametrize("target", ["--csv out.csv", "--parquet out.parquet", "--dbn copies"])
def test_what_is_held_is_exported_without_a_key_and_without_the_vendor(
    runner: Runner, gateway: Gateway, home: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    runner(FETCH)
    forget_coverage(home)
    gateway.reset()
    monkeypatch.setenv("VAULTDASH_DATABENTO_GATEWAY", f"https://{HOST}:1")
    without_vendor = runner(f"data export {WINDOW} {target}")
    monkeypatch.delenv("DATABENTO_API_KEY")
    without_key = runner(f"data export {WINDOW} {target}")
    assert (without_vendor.code, without_key.code) == (0, 0), (without_vendor.err, without_key.err)


@pytest.mark.parametrize("command", ["quote", "fetch --yes"])
def test_what_is_held_is_found_without_a_key(
    runner: Runner, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    runner(FETCH)
    gateway.reset()
    monkeypatch.delenv("DATABENTO_API_KEY")
    outcome = runner(f"data {command} {WINDOW}")
    assert outcome.code == 0, outcome.err
    assert gateway.requests == []


# --- the sample


@pytest.mark.usefixtures("no_key")
def test_the_sample_goes_the_same_way_and_costs_nothing(runner: Runner, home: Path) -> None:
    quoted = runner(f"data quote {SAMPLE} --json").document
    assert quoted["usd"] > 0
    fetched = runner(f"data fetch {SAMPLE} --yes --json").document
    assert [record["partition"] for record in fetched["records"]] == ["2022-01", "2022-02", "2022-03"]
    assert runner(f"data quote {SAMPLE} --json").document["held"] is True
    (held,) = runner("data held --json").document["series"]
    assert held["series"].startswith("sample SAMPLE.SHARES")
    assert [one["state"] for one in runner("data verify --json").document] == ["ok"] * 3
    assert runner("data spend --json").document["downloads"] == []
    assert not (home / "spend.sqlite").exists()
    outcome = runner(f"data export {SAMPLE} --csv out.csv --parquet out.parquet --dbn copies")
    assert outcome.code == 0
    assert len(read_csv("out.csv")) == parquet.read_table("out.parquet").num_rows > 60
    assert len(list(Path("copies").iterdir())) == 3


@pytest.mark.usefixtures("no_key")
def test_removal_is_shown_first_and_files_of_others_stay(runner: Runner, home: Path) -> None:
    runner(f"data fetch {SAMPLE} --yes")
    stranger = home / "history" / "notes.txt"
    stranger.write_text("mine")
    shown = runner("data clear")
    assert shown.code == 1
    assert "To be removed: " in shown.err
    assert len(runner("data verify --json").document) == 3
    assert runner("data prune --larger-than-bytes 0").code == 1
    assert runner("data prune --older-than-days 1").code == 0
    assert len(runner("data verify --json").document) == 3
    assert runner("data prune --larger-than-bytes 1 --yes").code == 0
    assert runner("data held --json").document["series"] == []
    runner(f"data fetch {SAMPLE} --yes")
    assert "Removed" in runner("data clear --yes").err
    assert runner("data held --json").document["series"] == []
    assert stranger.read_text() == "mine"


@pytest.mark.usefixtures("no_key")
def test_the_sample_refuses_what_it_does_not_have(runner: Runner) -> None:
    for words, code in (("--symbol IAU", 2), ("--symbol GLD --schema statistics", 3)):
        outcome = runner(f"data fetch --source sample {words} --start 2022-01-03 --end 2022-01-31 --yes")
        assert (outcome.code, is_told(outcome)) == (code, True), (words, outcome)


@pytest.mark.usefixtures("no_key")
def test_a_dataset_that_the_sample_does_not_have_is_refused(runner: Runner) -> None:
    outcome = runner("data fetch --source sample --symbol GLD --dataset X --start 2022-01-03 --end 2022-01-31 --yes")
    assert (outcome.code, is_told(outcome)) == (3, True), outcome


@pytest.mark.usefixtures("no_key")
def test_without_a_key_the_variable_is_named(runner: Runner) -> None:
    outcome = runner(FETCH)
    assert outcome.code == 3
    assert is_told(outcome)
    assert "Set DATABENTO_API_KEY" in outcome.err


def test_every_document_is_json(runner: Runner, gateway: Gateway) -> None:
    runner(FETCH)
    assert gateway.billed_usd
    for line in (f"data quote {WINDOW} --json", f"{FETCH} --json", "data held --json", "data verify --json"):
        outcome = runner(line)
        assert (outcome.code, outcome.err) == (0, "")
        assert json.loads(outcome.out) is not None
