"""What is bought, once and no more, through the real client: gaps, faults, kills, races and what is told of them."""

from __future__ import annotations

import copy
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from math import fsum
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest

from tests.data.databento_bench import CLOCK, ES_HOUR, HOUR_NS, days, of, source_at
from tests.gateway import Gateway, Logged
from tests.gateway.faults import (
    ALWAYS,
    Answer,
    CutStream,
    Fault,
    Hang,
    MissingRows,
    free_of_charge,
    gateway_timeout,
    server_error,
    unauthorized,
)
from tests.gateway.market import Market, Query
from tests.gateway.replies import as_json
from vaultdash.cli.main import run
from vaultdash.data.databento import DatabentoSource
from vaultdash.data.history import History
from vaultdash.data.purchase import SpendLimits
from vaultdash.data.request import DataRequest, partitions_of
from vaultdash.data.store.gaps import Gap
from vaultdash.data.vendors.retry import Retries
from vaultdash.errors import (
    AdmissionError,
    DownloadCutError,
    JobNotReadyError,
    SpendLimitError,
    UnknownPriceError,
    VaultdashError,
    VendorError,
    WindowNotCoveredError,
)
from vaultdash.market import Window

RANGE, SUBMIT = "timeseries.get_range", "batch.submit_job"
GENEROUS = SpendLimits(per_request=5.0, per_month=50.0)
SPRING = of("ARCX.PILLAR", "ohlcv-1d", "GLD", "raw_symbol", days("2020-02-10", "2020-04-17"))
TRADED_WEEK = of("GLBX.MDP3", "trades", "ES.v.0", "continuous", days("2024-03-04", "2024-03-10"))


# --- what this file and its neighbours share


@contextmanager
def clean(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A running gateway as it was made, and the environment pointing at it; its market is put back afterwards."""
    gateway.reset()
    kept = Market()
    gateway.market.coverage = copy.deepcopy(kept.coverage)
    gateway.market.conditions = dict(kept.conditions)
    gateway.batch.polls_per_state = 1
    for name, value in gateway.environment().items():
        monkeypatch.setenv(name, value)
    yield gateway
    assert gateway.unexpected == []


def enter_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command line keep its data in `home`, find no `.env`, and never wait between attempts."""
    home.parent.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(home.parent)
    monkeypatch.setenv("VAULTDASH_HOME", str(home))
    for name in ("VAULTDASH_SPEND_LIMIT_USD", "VAULTDASH_SPEND_LIMIT_PER_MONTH_USD"):
        monkeypatch.delenv(name, raising=False)
    of_the_source(monkeypatch, retries=Retries(clock=CLOCK), timeout_seconds=20.0)


def of_the_source(monkeypatch: pytest.MonkeyPatch, **chosen: object) -> None:
    """Change what the command line's Databento source is made with where nothing else is said."""
    usual = DatabentoSource.__init__.__kwdefaults__ or {}
    assert set(chosen) <= set(usual)
    monkeypatch.setattr(DatabentoSource.__init__, "__kwdefaults__", usual | chosen)


def billable(gateway: Gateway) -> list[Logged]:
    """Every request that asks for something that costs money, answered or not."""
    return [one for one in gateway.requests if one.billable]


def windows(gaps: Sequence[Gap]) -> list[str]:
    return [str(gap.request.window) for gap in gaps]


def history_at(
    gateway: Gateway, home: Path, *, limits: SpendLimits = GENEROUS, batch_wait_seconds: float = 600.0
) -> History:
    """A history of its own, as another process would have it, without waits."""
    return History(
        home,
        sources={
            "databento": lambda: source_at(gateway, home / "databento", batch_wait_seconds=batch_wait_seconds),
        },
        limits=limits,
    )


def states(history: History) -> list[str]:
    return [entry.state for entry in history.ledger.entries()]


def is_sound(history: History) -> bool:
    return all(finding.state == "ok" for finding in history.store.verify())


def forget_coverage(home: Path) -> None:
    """As if a day had gone by since the vendor was last asked what it covers."""
    (home / "databento" / "dataset-ranges.json").unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that runs as a process of its own, and where its words go."""

    process: BaseProcess
    ready: Connection
    log: Path

    def begun(self) -> Command:
        assert self.ready.poll(60)
        return self

    def code(self) -> int:
        self.process.join(60)
        assert self.process.exitcode is not None
        return self.process.exitcode


def start_command(line: str, *, home: Path, log: Path, **more: str) -> Command:
    """Start `vaultdash <line>` in a new process, forked from one that has the libraries loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["databento", "vaultdash.cli.main", "vaultdash.workbench", "vaultdash.data.databento"]
    )
    ours, theirs = context.Pipe(duplex=False)
    environment = {**os.environ, "VAULTDASH_HOME": str(home), **more}
    process = context.Process(target=_run_command, args=(line, environment, log, theirs), daemon=True)
    process.start()
    theirs.close()
    return Command(process=process, ready=ours, log=log)


def _run_command(line: str, environment: Mapping[str, str], log: Path, ready: Connection) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(log.parent)
    with log.open("w", encoding="utf-8") as words:
        os.dup2(words.fileno(), 1)
        os.dup2(words.fileno(), 2)
    ready.send_bytes(b"now")
    code = run(line.split())
    sys.stderr.flush()
    os._exit(code)


# --- the tests


@pytest.fixture(scope="module")
def running() -> Iterator[Gateway]:
    with Gateway(trades_per_day=2_000) as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with clean(running, monkeypatch):
        yield running


@pytest.fixture
def history(gateway: Gateway, tmp_path: Path) -> History:
    return history_at(gateway, tmp_path)


def test_a_quote_is_free_a_fetch_buys_it_and_a_second_one_asks_for_nothing(gateway: Gateway, history: History) -> None:
    quote = history.quote(SPRING)
    assert billable(gateway) == []
    assert windows([priced.gap for priced in quote.gaps]) == ["2020-02-01..2020-05-01"]
    receipt = history.fetch(SPRING)
    assert receipt.usd == quote.usd == gateway.billed_usd
    assert [record.partition.name for record in receipt.bought] == ["2020-02", "2020-03", "2020-04"]
    gateway.reset()
    assert history.fetch(SPRING).bought == ()
    assert history.quote(SPRING).is_held
    assert len(history.records(SPRING)) == 3
    assert gateway.requests == []


def test_another_process_finds_what_was_bought(gateway: Gateway, history: History, tmp_path: Path) -> None:
    history.fetch(SPRING)
    gateway.reset()
    other = history_at(gateway, tmp_path)
    assert other.fetch(SPRING).bought == ()
    assert gateway.requests == []


def test_an_overlapping_window_buys_only_the_partitions_that_are_missing(gateway: Gateway, history: History) -> None:
    history.fetch(SPRING)
    gateway.reset()
    wider = SPRING.within(days("2020-01-20", "2020-06-10"))
    quote = history.quote(wider)
    assert windows([priced.gap for priced in quote.gaps]) == ["2020-01-01..2020-02-01", "2020-05-01..2020-07-01"]
    receipt = history.fetch(wider)
    assert [record.partition.name for record in receipt.bought] == ["2020-01", "2020-05", "2020-06"]
    assert len(billable(gateway)) == 2
    assert receipt.usd == quote.usd == gateway.billed_usd
    rows = sum(record.manifest.rows for record in history.records(wider))
    whole = history.source("databento").quote(SPRING.within(days("2020-01-01", "2020-06-30")))
    assert rows == whole.record_count


def test_the_prices_of_the_partitions_add_up_to_the_whole(gateway: Gateway, history: History) -> None:
    source = history.source("databento")
    for request in (SPRING.within(days("2020-02-01", "2020-04-30")), TRADED_WEEK):
        parts = [history.quote(request.within(part.span)) for part in partitions_of(request)]
        prices = [part.usd for part in parts]
        assert None not in prices
        assert fsum(price for price in prices if price is not None) == source.quote(request).usd
        assert sum(part.record_count or 0 for part in parts) == source.quote(request).record_count
    assert billable(gateway) == []


def test_the_share_of_each_record_adds_up_to_what_was_paid(gateway: Gateway, history: History) -> None:
    receipt = history.fetch(TRADED_WEEK)
    assert len(receipt.bought) == 7
    assert fsum(record.manifest.quoted_usd for record in receipt.bought) == pytest.approx(receipt.usd)
    assert receipt.usd == gateway.billed_usd


def test_a_month_that_is_not_over_is_held_up_to_what_is_available_and_its_rest_is_a_gap_later(
    gateway: Gateway, history: History, tmp_path: Path
) -> None:
    gateway.market.set_available_end("2026-10-15")
    request = SPRING.within(days("2026-09-20", "2026-10-10"))
    assert windows([priced.gap for priced in history.quote(request).gaps]) == ["2026-09-01..2026-10-15"]
    history.fetch(request)
    assert history.is_held(request)
    gateway.market.set_available_end("2026-11-01")
    forget_coverage(tmp_path)
    later = history_at(gateway, tmp_path)
    assert later.quote(request).is_held
    longer = request.within(days("2026-09-20", "2026-10-20"))
    assert windows([priced.gap for priced in later.quote(longer).gaps]) == ["2026-10-15..2026-11-01"]
    later.fetch(longer)
    assert [str(record.manifest.covered) for record in later.records(longer)] == [
        "2026-09-01..2026-10-01",
        "2026-10-01..2026-10-15",
        "2026-10-15..2026-11-01",
    ]
    assert is_sound(later)


def test_a_window_that_reaches_past_the_available_end_is_fetched_as_far_as_it_is_there(
    gateway: Gateway, history: History
) -> None:
    request = SPRING.within(days("2026-10-20", "2026-11-20"))
    assert [record.partition.name for record in history.fetch(request).bought] == ["2026-10"]
    gateway.reset()
    assert history.fetch(request).bought == ()
    assert gateway.requests == []
    with pytest.raises(WindowNotCoveredError, match=r"it holds 2018-05-01\.\.2026-11-01"):
        history.quote(SPRING.within(days("2026-11-20", "2026-11-21")))


def test_weekends_and_holidays_are_remembered_as_closed(gateway: Gateway, history: History) -> None:
    gld = of("ARCX.PILLAR", "trades", "GLD", "raw_symbol", TRADED_WEEK.window)
    closed = ((TRADED_WEEK, "2024-03-09"), (TRADED_WEEK, "2024-03-29"), (gld, "2024-03-10"), (gld, "2024-05-27"))
    for series, day in closed:
        request = series.within(days(day, day))
        assert history.quote(request).usd == 0.0
        (record,) = history.fetch(request).bought
        assert record.manifest.rows == 0
        gateway.reset()
        assert history.fetch(request).bought == ()
        assert history.quote(request).is_held
        assert gateway.requests == []
    assert history.ledger.entries() == ()
    assert is_sound(history)


def test_a_price_of_nothing_is_a_price(gateway: Gateway, history: History) -> None:
    gateway.faults.add("metadata.get_cost", free_of_charge(), times=ALWAYS)
    assert history.quote(SPRING).usd == 0.0
    assert len(history.fetch(SPRING).bought) == 3
    assert [(entry.state, entry.usd) for entry in history.ledger.entries()] == [("settled", 0.0)]


@pytest.mark.parametrize("call", ["metadata.get_cost", "metadata.get_record_count"])
@pytest.mark.parametrize("fault", [gateway_timeout(), unauthorized()])
def test_nothing_is_bought_where_the_price_or_the_count_of_records_cannot_be_learned(
    gateway: Gateway, history: History, call: str, fault: Fault
) -> None:
    gateway.faults.add(call, fault, times=ALWAYS)
    gateway.faults.add(RANGE, MissingRows())
    with pytest.raises(VaultdashError):
        history.fetch(SPRING)
    assert billable(gateway) == []
    assert not history.is_held(SPRING)


def test_an_unknown_price_of_one_gap_blocks_all_of_them(gateway: Gateway, history: History) -> None:
    history.fetch(SPRING.within(days("2020-03-01", "2020-03-31")))
    gateway.reset()
    gateway.faults.add("metadata.get_cost", server_error(), times=ALWAYS, after=1)
    with pytest.raises(UnknownPriceError, match="nothing is bought at an unknown price"):
        history.fetch(SPRING)
    assert billable(gateway) == []
    assert states(history) == ["settled"]


@pytest.mark.parametrize("number", range(25))
def test_a_stream_that_is_cut_admits_nothing_and_is_bought_by_the_next_fetch(
    gateway: Gateway, history: History, number: int
) -> None:
    request = ES_HOUR.within(Window(start=ES_HOUR.window.start, end=ES_HOUR.window.start + HOUR_NS))
    whole = len(gateway.market.download(_query(request)).encode())
    draw = np.random.default_rng(number)
    # Four moments a run: the first bytes, the last, and two between.
    for cut in map(int, (draw.integers(64), *draw.integers(whole, size=2), whole - 1 - draw.integers(32))):
        before = windows(history.store.gaps(request, request.window))
        gateway.faults.add(RANGE, CutStream(cut_after=cut))
        with pytest.raises(DownloadCutError, match="broke off"):
            history.fetch(request)
        assert windows(history.store.gaps(request, request.window)) == before
        assert list(history.store.holdings()) == []
    assert states(history) == ["unsettled"] * 4
    assert len(history.fetch(request).bought) == 1
    assert states(history) == ["unsettled"] * 4 + ["settled"]
    assert is_sound(history)


def test_what_was_admitted_before_a_failure_stays_and_the_rest_is_bought_later(
    gateway: Gateway, history: History
) -> None:
    history.fetch(SPRING.within(days("2020-03-01", "2020-03-31")))
    wider = SPRING.within(days("2020-02-01", "2020-04-30"))
    gateway.faults.add(RANGE, CutStream(cut_after=100), after=1)
    with pytest.raises(DownloadCutError):
        history.fetch(wider)
    assert states(history) == ["settled", "settled", "unsettled"]
    assert windows(history.store.gaps(wider, wider.window)) == ["2020-04-01..2020-05-01"]
    history.fetch(wider)
    assert states(history) == ["settled", "settled", "unsettled", "settled"]


def test_money_set_aside_for_later_gaps_is_released_where_an_earlier_one_fails(
    gateway: Gateway, history: History
) -> None:
    history.fetch(SPRING.within(days("2020-03-01", "2020-03-31")))
    gateway.faults.add(RANGE, unauthorized())
    with pytest.raises(VendorError, match="refused the key"):
        history.fetch(SPRING.within(days("2020-02-01", "2020-04-30")))
    assert states(history) == ["settled", "released", "released"]


def test_the_gate_lets_nothing_half_in(gateway: Gateway, history: History) -> None:
    gateway.faults.add(RANGE, MissingRows())
    with pytest.raises(AdmissionError, match="where the vendor counts"):
        history.fetch(SPRING)
    assert list(history.store.holdings()) == []
    assert states(history) == ["unsettled"]


# --- limits


def test_the_limit_of_a_request_counts_all_of_its_gaps(gateway: Gateway, tmp_path: Path) -> None:
    generous = history_at(gateway, tmp_path)
    generous.fetch(SPRING.within(days("2020-03-01", "2020-03-31")))
    wider = SPRING.within(days("2020-02-01", "2020-04-30"))
    prices = [priced.quote.usd or 0.0 for priced in generous.quote(wider).gaps]
    gateway.reset()
    tight = history_at(gateway, tmp_path, limits=SpendLimits(per_request=max(prices), per_month=50.0))
    with pytest.raises(SpendLimitError, match="per request"):
        tight.fetch(wider)
    assert billable(gateway) == []
    assert len(tight.fetch(wider, allow_usd=fsum(prices)).bought) == 2


def test_the_amount_named_where_a_limit_refuses_is_enough_to_go_on(gateway: Gateway, tmp_path: Path) -> None:
    history_at(gateway, tmp_path).fetch(SPRING.within(days("2020-03-01", "2020-03-31")))
    wider = SPRING.within(days("2020-02-01", "2020-04-30"))
    for limits in (SpendLimits(per_request=0.0, per_month=50.0), SpendLimits(per_request=5.0, per_month=0.0)):
        home = tmp_path / str(limits.per_month)
        (home / "history").parent.mkdir()
        tight = history_at(gateway, home, limits=limits)
        with pytest.raises(SpendLimitError) as caught:
            tight.fetch(wider)
        said = float(str(caught.value).partition("or allow ")[2].partition(" USD")[0].replace(",", ""))
        assert len(tight.fetch(wider, allow_usd=said).bought) == 3


def test_the_amount_named_is_enough_for_a_request_of_several_gaps(gateway: Gateway, tmp_path: Path) -> None:
    generous = history_at(gateway, tmp_path)
    for month in ("2020-02", "2020-04"):
        generous.fetch(SPRING.within(days(f"{month}-01", f"{month}-28")))
    gateway.reset()
    gateway.faults.add("metadata.get_cost", Answer(as_json(2.0)), times=ALWAYS)
    tight = history_at(gateway, tmp_path, limits=SpendLimits(per_request=10.0, per_month=3.0))
    wider = SPRING.within(days("2020-01-01", "2020-05-31"))
    with pytest.raises(SpendLimitError, match="per month") as caught:
        tight.fetch(wider)
    assert billable(gateway) == []
    assert set(states(tight)[2:]) <= {"released"}
    assert len(tight.fetch(wider, allow_usd=caught.value.raise_to).bought) == 3


def test_two_processes_together_never_pass_the_limit_of_the_month(gateway: Gateway, tmp_path: Path) -> None:
    months = ("2020-01", "2020-02", "2020-03", "2020-04")
    lines = [f"data fetch --symbol GLD --start {month}-01 --end {month}-28 --yes" for month in months]
    source = history_at(gateway, tmp_path).source("databento")
    prices = [source.quote(SPRING.within(days(f"{month}-01", f"{month}-28"))).usd or 0.0 for month in months]
    limit = max(prices) * 2.5
    home = tmp_path / "home"
    more = {"VAULTDASH_SPEND_LIMIT_PER_MONTH_USD": repr(limit)}
    commands = [
        start_command(line, home=home, log=tmp_path / f"{number}.log", **more) for number, line in enumerate(lines)
    ]
    codes = sorted(command.code() for command in commands)
    history = history_at(gateway, home)
    assert codes == [0, 0, 4, 4], [command.log.read_text() for command in commands]
    assert gateway.billed_usd == history.ledger.this_month().settled <= limit
    assert states(history) == ["settled", "settled"]


def test_two_processes_that_fetch_the_same_buy_it_once(gateway: Gateway, tmp_path: Path) -> None:
    line = "data fetch --symbol GLD --start 2020-02-10 --end 2020-06-17 --yes"
    home = tmp_path / "home"
    commands = [start_command(line, home=home, log=tmp_path / f"{number}.log") for number in range(3)]
    assert [command.code() for command in commands] == [0, 0, 0], [c.log.read_text() for c in commands]
    assert len(billable(gateway)) == 1
    history = history_at(gateway, home)
    assert states(history) == ["settled"]
    assert history.ledger.this_month().settled == gateway.billed_usd
    said = "".join(command.log.read_text() for command in commands)
    assert said.count("Bought 5 records") == 1
    assert said.count("nothing was bought") == 2


def test_a_fetch_killed_at_any_moment_leaves_a_store_that_verifies_and_can_be_finished(
    gateway: Gateway, tmp_path: Path
) -> None:
    line = "data fetch --symbol GLD --start 2019-11-10 --end 2020-06-17 --yes"
    request = SPRING.within(days("2019-11-10", "2020-06-17"))
    middle = (SPRING.within(days("2020-01-01", "2020-01-31")), SPRING.within(days("2020-04-01", "2020-04-30")))

    def prepared(home: Path) -> History:
        history = history_at(gateway, home)
        for one in middle:
            history.fetch(one)
        return history

    prepared(tmp_path / "first")
    command = start_command(line, home=tmp_path / "first", log=tmp_path / "first.log").begun()
    began = time.monotonic()
    assert command.code() == 0, command.log.read_text()
    took = time.monotonic() - began
    draw = np.random.default_rng(3)
    killed = 0
    for number in range(15):
        home = tmp_path / str(number)
        history = prepared(home)
        gateway.reset()
        command = start_command(line, home=home, log=tmp_path / f"{number}.log").begun()
        time.sleep(draw.uniform(0.0, took))
        command.process.kill()
        killed += command.code() != 0
        assert is_sound(history), number
        held_before = len(history.store.records(request))
        bought_before = {one.params["start"] for one in billable(gateway)}
        gateway.reset()
        receipt = history_at(gateway, home).fetch(request)
        assert held_before + len(receipt.bought) == 8
        assert is_sound(history)
        # What was held or in the admission is not asked for again; an interrupted download alone may be.
        again = [one for one in billable(gateway) if one.params["start"] in bought_before]
        assert len(again) <= 1
        assert "reserved" not in states(history)
        assert fsum(e.usd for e in history.ledger.entries() if e.state != "released") >= gateway.billed_usd
    assert killed


# --- what the vendor rewrites


def test_a_day_that_was_rewritten_is_told_and_bought_again_only_on_request(
    gateway: Gateway, history: History, tmp_path: Path
) -> None:
    history.fetch(SPRING)
    before = {record.partition.name: record.manifest.sha256 for record in history.records(SPRING)}
    assert history.revisions(SPRING) == ()
    gateway.market.revise("ARCX.PILLAR", "2020-03-12", last_modified="2026-10-01")
    gateway.reset()
    (revision,) = history.revisions(SPRING)
    assert revision.record.partition.name == "2020-03"
    assert revision.days == (date(2020, 3, 12),)
    assert history.fetch(SPRING).bought == ()
    quote = history.quote_revised(SPRING)
    assert windows([priced.gap for priced in quote.gaps]) == ["2020-03-01..2020-04-01"]
    assert billable(gateway) == []
    receipt = history.fetch_revised(SPRING)
    assert receipt.usd == quote.usd == gateway.billed_usd
    after = {record.partition.name: record.manifest.sha256 for record in history_at(gateway, tmp_path).records(SPRING)}
    assert {name for name, digest in after.items() if digest != before[name]} == {"2020-03"}
    assert history.revisions(SPRING) == ()
    assert is_sound(history)


def test_the_old_record_stays_where_its_new_one_does_not_pass_the_gate(gateway: Gateway, history: History) -> None:
    history.fetch(SPRING)
    before = [record.manifest for record in history.records(SPRING)]
    gateway.market.revise("ARCX.PILLAR", "2020-03-12", last_modified="2026-10-01")
    gateway.faults.add(RANGE, MissingRows())
    with pytest.raises(AdmissionError):
        history.fetch_revised(SPRING)
    assert [record.manifest for record in history.records(SPRING)] == before
    assert len(history.revisions(SPRING)) == 1
    assert is_sound(history)


# --- batch jobs

YEARS = SPRING.within(days("2019-01-01", "2020-12-31"))


def test_a_long_window_is_a_batch_job_that_is_paid_once(gateway: Gateway, history: History) -> None:
    receipt = history.fetch(YEARS)
    assert len(receipt.bought) == 24
    assert [one.path for one in billable(gateway)] == [SUBMIT]
    assert receipt.usd == gateway.billed_usd
    assert states(history) == ["settled"]


def test_a_job_that_is_not_ready_counts_as_money_until_it_is_fetched(gateway: Gateway, tmp_path: Path) -> None:
    gateway.batch.polls_per_state = 1000
    impatient = history_at(gateway, tmp_path, batch_wait_seconds=0.0)
    with pytest.raises(JobNotReadyError, match="paid for and remembered"):
        impatient.fetch(YEARS)
    assert _counted(impatient) == gateway.billed_usd > 0
    gateway.batch.polls_per_state = 1
    patient = history_at(gateway, tmp_path)
    assert len(patient.fetch(YEARS).bought) == 24
    assert len(gateway.calls(SUBMIT)) == 1
    assert states(patient) == ["settled"]


@pytest.mark.parametrize("fault", [server_error(), Hang(hang_seconds=0.01)])
@pytest.mark.parametrize("call", ["batch.list_files", "batch/download"])
def test_a_paid_job_whose_files_cannot_be_had_yet_counts_as_money(
    gateway: Gateway, history: History, tmp_path: Path, call: str, fault: Fault
) -> None:
    gateway.faults.add(call, fault, times=ALWAYS)
    with pytest.raises(VendorError):
        history.fetch(YEARS)
    assert _counted(history) == gateway.billed_usd > 0
    gateway.faults.clear()
    other = history_at(gateway, tmp_path)
    assert len(other.fetch(YEARS).bought) == 24
    assert len(gateway.calls(SUBMIT)) == 1
    assert _counted(other) == other.ledger.this_month().settled == gateway.billed_usd


def test_a_revision_that_was_paid_for_as_a_job_is_not_paid_for_twice(
    gateway: Gateway, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.fetch(SPRING)
    gateway.market.revise("ARCX.PILLAR", "2020-03-12", last_modified="2026-10-01")
    gateway.reset()
    monkeypatch.setattr("vaultdash.data.databento.BATCH_BYTES", 0)
    gateway.faults.add("batch.list_files", unauthorized())
    with pytest.raises(VendorError):
        history.fetch_revised(SPRING)
    assert len(history_at(gateway, tmp_path).fetch_revised(SPRING).bought) == 1
    assert len(gateway.calls(SUBMIT)) == 1


def test_a_source_is_made_when_it_is_first_needed(gateway: Gateway, history: History, tmp_path: Path) -> None:
    history.fetch(SPRING)

    def no_key() -> DatabentoSource:
        raise AssertionError

    held = History(tmp_path, sources={"databento": no_key}, limits=GENEROUS)
    gateway.reset()
    assert len(held.records(SPRING)) == 3
    assert held.fetch(SPRING).bought == ()
    assert gateway.requests == []


def _counted(history: History) -> float:
    """What counts against the month's limit."""
    spend = history.ledger.this_month()
    return spend.settled + spend.reserved + spend.unsettled


def _query(request: DataRequest) -> Query:
    return Query(
        dataset=request.series.dataset,
        schema=request.series.schema,
        symbols=(request.series.symbol,),
        stype_in=request.series.stype_in,
        start=request.window.start,
        end=request.window.end,
    )
