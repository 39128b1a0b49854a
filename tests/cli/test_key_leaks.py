"""The key stands in nothing that is said, written, logged or raised, whatever goes wrong."""

from __future__ import annotations

import logging
import traceback
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.runner import Runner
from tests.data.test_history import clean, enter_home
from tests.gateway import ALWAYS, KEY, Fault, Gateway
from tests.gateway.faults import (
    Answer,
    BadChecksum,
    CutStream,
    Hang,
    MissingRows,
    RowsOutside,
    ShortBody,
    broken_warning,
    forbidden,
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
from tests.gateway.replies import Reply, error
from vaultdash.cli.main import run
from vaultdash.errors import VaultdashError

WINDOW = "--symbol GLD --start 2020-02-10 --end 2020-04-17"
FETCH = f"data fetch {WINDOW} --yes"
BASIC = "Basic " + b64encode(f"{KEY}:".encode()).decode()


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


def secrets() -> list[str]:
    """The key as it may be written: plain, and in base64 with and without the colon that Basic puts after it."""
    encoded = [b64encode(text.encode()).decode().rstrip("=") for text in (KEY, f"{KEY}:", f":{KEY}")]
    return [KEY, KEY.removeprefix("db-"), *encoded]


def told_by(failure: BaseException) -> str:
    texts = ["".join(traceback.format_exception(failure))]
    chain: list[BaseException | None] = [failure]
    while chain:
        one = chain.pop()
        if one is not None:
            texts += [str(one), repr(one), repr(vars(one)), repr(one.args)]
            chain += [one.__cause__, one.__context__]
    return "\n".join(texts)


def echoes() -> list[Fault]:
    """Answers that give back what was sent."""
    words = f"no such key {KEY}; header was {BASIC}"
    return [
        Answer(error(400, KEY, words)),
        Answer(error(403, "case", words)),
        Answer(error(422, "symbology_invalid_request", words)),
        Answer(Reply(status=500, body=words.encode(), content_type="text/plain")),
        Answer(Reply(status=200, body=f"<html>{words}</html>".encode(), content_type="text/html")),
        Answer(Reply(status=429, body=b"{}", headers=(("Retry-After", "1"), ("request-id", KEY)))),
    ]


FAULTS: list[Fault] = [
    CutStream(cut_after=1),
    CutStream(cut_after=700),
    ShortBody(),
    BadChecksum(),
    MissingRows(),
    RowsOutside(),
    unauthorized(),
    payment_required(),
    forbidden(),
    unprocessable(),
    unprocessable_field(),
    too_many_requests(),
    server_error(),
    gateway_timeout(),
    html(),
    nothing(),
    json_list(),
    broken_warning(),
    Hang(hang_seconds=0.01),
    *echoes(),
]


@pytest.fixture
def seen(home: Path, caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Collects what a test saw; afterwards neither that, nor the logs, nor any file may hold the key."""
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []
    yield texts
    texts += [caplog.text, *(repr(record.__dict__) for record in caplog.records)]
    files = [path for path in home.parent.rglob("*") if path.is_file()]
    texts += [path.read_bytes().decode("latin-1") for path in files] + [str(path) for path in files]
    assert texts
    assert not [text[:400] for text in texts for secret in secrets() if secret in text]


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        *(("timeseries.get_range", fault) for fault in FAULTS),
        *((call, fault) for call in ("metadata.get_cost", "metadata.get_dataset_*") for fault in FAULTS[-8:]),
    ],
)
def test_no_fault_lets_the_key_out(
    *, runner: Runner, gateway: Gateway, seen: list[str], capsys: pytest.CaptureFixture[str], call: str, fault: Fault
) -> None:
    gateway.faults.add(call, fault, times=ALWAYS)
    outcome = runner(FETCH)
    seen += [outcome.out, outcome.err]
    try:
        run([*FETCH.split(), "--debug"])
    except VaultdashError as failure:
        seen += [told_by(failure)]
    said = capsys.readouterr()
    seen += [said.out, said.err]
    for line in ("data spend --json", f"data quote {WINDOW}", "doctor"):
        outcome = runner(line)
        seen += [outcome.out, outcome.err]


def test_what_goes_well_keeps_it_too(runner: Runner, gateway: Gateway, seen: list[str]) -> None:
    for line in (
        FETCH,
        f"data export {WINDOW} --csv out.csv --parquet out.parquet --dbn copies",
        "data fetch --symbol GLD --start 2019-01-02 --end 2020-12-31 --yes --json",
        f"hedge compare {WINDOW} --units 100 --loan 8000 --source databento --json --csv run.csv",
        "data spend --json",
        "doctor",
    ):
        outcome = runner(line)
        assert outcome.code == 0, outcome.err
        seen += [outcome.out, outcome.err]
    assert gateway.calls("batch.submit_job")


@pytest.mark.parametrize("call", ["batch.submit_job", "batch.list_jobs", "batch.list_files", "batch/download"])
@pytest.mark.parametrize("fault", [CutStream(cut_after=1), *echoes()])
def test_no_fault_of_a_batch_job_lets_the_key_out(
    *, runner: Runner, gateway: Gateway, seen: list[str], call: str, fault: Fault
) -> None:
    gateway.faults.add(call, fault, times=ALWAYS)
    line = "data fetch --symbol GLD --start 2019-01-02 --end 2020-12-31 --yes"
    outcome = runner(line)
    # A job whose answer was lost is found again, so that a cut of one answer is no failure.
    assert outcome.code in (0, 3)
    seen += [outcome.out, outcome.err]
    try:
        run([*line.split(), "--debug"])
    except VaultdashError as failure:
        seen += [told_by(failure)]


@pytest.mark.parametrize("key", [f"{KEY}x", "db-", "secret-word", f" {KEY}", f"{KEY}\t"])
def test_a_key_of_the_wrong_shape_is_not_repeated(
    runner: Runner, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("DATABENTO_API_KEY", key)
    outcome = runner(FETCH)
    assert gateway.billed_usd == 0 or outcome.code == 0
    assert key.strip() not in outcome.err.replace("db-...", "")
    assert "secret-word" not in outcome.err
