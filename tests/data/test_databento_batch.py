"""Batch jobs: paid for once, whatever happens to the process, fetched with resume, checked against their sha256."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.data.databento_bench import GLD_YEARS, HOUR_NS, Waits, days, of, source_at
from tests.gateway import Gateway
from tests.gateway.faults import (
    ALWAYS,
    Answer,
    BadChecksum,
    CutStream,
    Hang,
    Slow,
    html,
    payment_required,
    server_error,
    too_many_requests,
)
from tests.gateway.replies import Reply, as_json
from vaultdash.data.databento import DatabentoSource
from vaultdash.data.vendors.databento_answers import may_have_the_key
from vaultdash.data.vendors.databento_batch import Attempt
from vaultdash.data.vendors.databento_jobs import HANDED_OVER_SECONDS, JobBook, JobNote, alike
from vaultdash.errors import (
    DownloadDamagedError,
    FilesGoneError,
    JobNotReadyError,
    NoFundsError,
    OutputNotWrittenError,
    UnreadableAnswerError,
    VendorError,
    VendorFailedError,
    VendorTimeoutError,
)

SUBMIT, FILE = "batch.submit_job", "batch/download"
LARGE = of("GLBX.MDP3", "trades", "ES.v.0", "continuous", days("2024-03-07", "2024-03-08"))


@pytest.fixture(scope="module")
def running() -> Iterator[Gateway]:
    with Gateway() as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    running.reset()
    for name, value in running.environment().items():
        monkeypatch.setenv(name, value)
    yield running
    assert running.unexpected == []


@pytest.fixture
def source(gateway: Gateway, tmp_path: Path) -> DatabentoSource:
    return source_at(gateway, tmp_path / "state")


def streamed(source: DatabentoSource, folder: Path) -> bytes:
    source.download(GLD_YEARS, folder / "streamed", delivery="stream")
    return (folder / "streamed").read_bytes()


def test_many_bars_come_as_one_job_in_one_file(source: DatabentoSource, gateway: Gateway, tmp_path: Path) -> None:
    usd = source.quote(GLD_YEARS).usd
    source.download(GLD_YEARS, tmp_path / "new")
    assert gateway.billed_usd == usd
    (job,) = gateway.calls(SUBMIT)
    assert (job.params["split_duration"], job.params["compression"]) == ("none", "zstd")
    assert not gateway.calls("timeseries.get_range")
    assert streamed(source, tmp_path) == (tmp_path / "new").read_bytes()
    assert [path.suffix for path in (tmp_path / "state" / "jobs").iterdir()] == [".json"]


def test_few_bars_are_streamed_unless_a_job_is_asked_for(
    source: DatabentoSource, gateway: Gateway, tmp_path: Path
) -> None:
    year = replace(GLD_YEARS, window=days("2020-01-01", "2020-12-31"))
    source.download(year, tmp_path / "a")
    assert not gateway.calls(SUBMIT)
    source.download(year, tmp_path / "b", delivery="batch")
    assert len(gateway.calls(SUBMIT)) == 1
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_many_bytes_come_as_a_job(source: DatabentoSource, gateway: Gateway, tmp_path: Path) -> None:
    gateway.faults.add("metadata.get_billable_size", Answer(as_json(5_000_000_001)))
    source.download(LARGE, tmp_path / "new")
    assert len(gateway.calls(SUBMIT)) == 1


def test_a_job_is_waited_for(gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.batch, "polls_per_state", 3)
    waits = Waits()
    source_at(gateway, tmp_path, clock=waits.clock).download(GLD_YEARS, tmp_path / "new")
    assert waits.slept == sorted(waits.slept)
    assert len(waits.slept) >= 4


def test_a_job_that_takes_too_long_is_picked_up_later(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.batch, "polls_per_state", 1_000)
    source = source_at(gateway, tmp_path, clock=Waits().clock, batch_wait_seconds=100)
    with pytest.raises(JobNotReadyError, match=r"has not finished job ARCX-\S+ \(queued\) in \d+ s\. It is paid for"):
        source.download(GLD_YEARS, tmp_path / "new")
    monkeypatch.setattr(gateway.batch, "polls_per_state", 0)
    source_at(gateway, tmp_path).download(GLD_YEARS, tmp_path / "new")
    assert len(gateway.calls(SUBMIT)) == 1


@pytest.mark.parametrize("fault", [Hang(hang_seconds=0.01), CutStream(cut_after=5), server_error()])
def test_a_submission_whose_answer_is_lost_is_looked_for_before_it_is_repeated(
    gateway: Gateway, tmp_path: Path, fault: Hang
) -> None:
    told: list[Attempt] = []
    source = source_at(gateway, tmp_path, on_attempt=told.append)
    gateway.faults.add(SUBMIT, fault)
    source.download(GLD_YEARS, tmp_path / "new")
    jobs_bought = sum(one.usd > 0 for one in gateway.calls(SUBMIT))
    assert jobs_bought == 1
    assert [one.call for one in told] == [SUBMIT] * len(gateway.calls(SUBMIT))


def test_a_lost_answer_is_looked_for_by_the_next_process(gateway: Gateway, tmp_path: Path) -> None:
    source = source_at(gateway, tmp_path)
    gateway.faults.add(SUBMIT, CutStream(cut_after=5))
    gateway.faults.add("batch.list_jobs", server_error(), times=ALWAYS, after=1)
    with pytest.raises(VendorFailedError):
        source.download(GLD_YEARS, tmp_path / "new")
    gateway.faults.clear()
    source_at(gateway, tmp_path).download(GLD_YEARS, tmp_path / "new")
    assert len(gateway.calls(SUBMIT)) == 1


def test_an_answer_that_names_no_job_is_looked_for_too(gateway: Gateway, tmp_path: Path) -> None:
    class Nameless(CutStream):
        cut_after = None

        def change(self, reply: Reply) -> Reply:
            return replace(reply, body=b"{}")

    gateway.faults.add(SUBMIT, Nameless())
    with pytest.raises(UnreadableAnswerError, match="it names no job"):
        source_at(gateway, tmp_path).download(GLD_YEARS, tmp_path / "new")
    source_at(gateway, tmp_path).download(GLD_YEARS, tmp_path / "new")
    assert len(gateway.calls(SUBMIT)) == 1


def test_a_refused_submission_leaves_no_note(gateway: Gateway, tmp_path: Path) -> None:
    gateway.faults.add(SUBMIT, payment_required())
    with pytest.raises(NoFundsError):
        source_at(gateway, tmp_path).download(GLD_YEARS, tmp_path / "new")
    assert list((tmp_path / "jobs").iterdir()) == []


def test_jobs_that_were_there_before_are_not_taken_for_ours(gateway: Gateway, tmp_path: Path) -> None:
    source_at(gateway, tmp_path / "one").download(GLD_YEARS, tmp_path / "a")
    gateway.market.revise("ARCX.PILLAR", "2020-06-03", last_modified="2026-10-11")
    gateway.faults.add(SUBMIT, Hang(hang_seconds=0.01))
    source_at(gateway, tmp_path / "two").download(GLD_YEARS, tmp_path / "b")
    assert sum(one.usd > 0 for one in gateway.calls(SUBMIT)) == 2
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


def test_a_job_is_fetched_again_for_nothing_until_it_is_forgotten(
    source: DatabentoSource, gateway: Gateway, tmp_path: Path
) -> None:
    source.download(GLD_YEARS, tmp_path / "a")
    source.download(GLD_YEARS, tmp_path / "b")
    assert len(gateway.calls(SUBMIT)) == 1
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    source.forget_job(GLD_YEARS)
    source.forget_job(GLD_YEARS)
    source.download(GLD_YEARS, tmp_path / "c")
    assert len(gateway.calls(SUBMIT)) == 2


def test_a_job_handed_over_long_ago_is_bought_anew(gateway: Gateway, tmp_path: Path) -> None:
    source_at(gateway, tmp_path).download(GLD_YEARS, tmp_path / "a")
    late = JobBook(folder=tmp_path / "jobs", now=lambda: time.time() + HANDED_OVER_SECONDS + 1)
    assert JobBook(folder=tmp_path / "jobs").read(GLD_YEARS) is not None
    assert late.read(GLD_YEARS) is None


def test_a_damaged_note_does_not_pay_twice(gateway: Gateway, tmp_path: Path) -> None:
    source_at(gateway, tmp_path).download(GLD_YEARS, tmp_path / "a")
    (note,) = (tmp_path / "jobs").glob("*.json")
    for number, damage in enumerate((b"", b"{", b"[]", b"\xff", b'{"looked_alike": 1, "handed_over": 2}')):
        note.write_bytes(damage)
        source_at(gateway, tmp_path).download(GLD_YEARS, tmp_path / str(number))
    assert len(gateway.calls(SUBMIT)) == 1


def test_a_note_that_cannot_be_written_stops_before_money_is_spent(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file where the folder should be")
    with pytest.raises(OutputNotWrittenError):
        source_at(gateway, tmp_path).download(GLD_YEARS, tmp_path / "new")
    assert gateway.billed_usd == 0


def test_gone_files_are_told_and_bought_anew_only_when_asked_again(gateway: Gateway, tmp_path: Path) -> None:
    source = source_at(gateway, tmp_path)
    gateway.faults.add(FILE, server_error(), times=ALWAYS)
    with pytest.raises(VendorFailedError):
        source.download(GLD_YEARS, tmp_path / "new")
    gateway.faults.clear()
    (job_id,) = (one["id"] for one in source._batch.calls.jobs(since="", states="done"))
    gateway.batch.expire(str(job_id))
    with pytest.raises(FilesGoneError, match=f"no longer keeps the files of batch job {job_id}"):
        source.download(GLD_YEARS, tmp_path / "new")
    assert len(gateway.calls(SUBMIT)) == 1
    source.download(GLD_YEARS, tmp_path / "new")
    assert len(gateway.calls(SUBMIT)) == 2


class TestFiles:
    @pytest.mark.parametrize("fault", [too_many_requests("0"), server_error(), Hang(hang_seconds=0.01)])
    def test_a_file_is_asked_for_again(
        self, source: DatabentoSource, gateway: Gateway, tmp_path: Path, fault: Hang
    ) -> None:
        gateway.faults.add(FILE, fault, times=4)
        source.download(GLD_YEARS, tmp_path / "new")
        assert streamed(source, tmp_path) == (tmp_path / "new").read_bytes()

    def test_a_cut_file_goes_on_where_it_broke_off(
        self, source: DatabentoSource, gateway: Gateway, tmp_path: Path
    ) -> None:
        # More cuts than attempts: as long as a file grows, it is worth asking for.
        gateway.faults.add(FILE, CutStream(cut_after=20_000), times=8)
        source.download(LARGE, tmp_path / "new", delivery="batch")
        ranges = [one.range for one in gateway.calls(FILE)]
        size = (tmp_path / "new").stat().st_size
        assert ranges[0] is None
        assert ranges[1:] == [f"bytes={2 * 8_192 * n}-{size - 1}" for n in range(1, 9)]
        source.download(LARGE, tmp_path / "streamed", delivery="stream")
        assert (tmp_path / "streamed").read_bytes() == (tmp_path / "new").read_bytes()

    def test_a_file_goes_on_in_the_next_process(self, gateway: Gateway, tmp_path: Path) -> None:
        gateway.faults.add(FILE, CutStream(cut_after=10_000))
        gateway.faults.add(FILE, payment_required())
        with pytest.raises(NoFundsError):
            source_at(gateway, tmp_path).download(GLD_YEARS, tmp_path / "new")
        source_at(gateway, tmp_path).download(GLD_YEARS, tmp_path / "new")
        assert gateway.calls(FILE)[-1].range is not None
        assert len(gateway.calls(SUBMIT)) == 1

    @pytest.mark.parametrize("left", ["whole", "too long", "other bytes"])
    def test_what_a_dead_process_left_is_used_or_replaced(
        self, source: DatabentoSource, gateway: Gateway, tmp_path: Path, left: str
    ) -> None:
        source.download(GLD_YEARS, tmp_path / "a")
        body = (tmp_path / "a").read_bytes()
        bodies = {"whole": body, "too long": body + b"x", "other bytes": bytes(len(body) // 2)}
        source._book.part(GLD_YEARS).write_bytes(bodies[left])
        fetched = len(gateway.calls(FILE))
        source.download(GLD_YEARS, tmp_path / "b")
        assert (tmp_path / "b").read_bytes() == body
        assert len(gateway.calls(FILE)) - fetched == {"whole": 0, "too long": 1, "other bytes": 2}[left]

    def test_a_file_that_cannot_be_moved_into_place_is_not_lost(
        self, source: DatabentoSource, gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("shutil.move", full)
            with pytest.raises(OutputNotWrittenError, match="No space left on device"):
                source.download(GLD_YEARS, tmp_path / "new")
        source.download(GLD_YEARS, tmp_path / "new")
        assert len(gateway.calls(FILE)) == len(gateway.calls(SUBMIT)) == 1

    def test_a_wrong_sha256_is_fetched_once_more_and_then_told(
        self, source: DatabentoSource, gateway: Gateway, tmp_path: Path
    ) -> None:
        gateway.faults.add(FILE, BadChecksum())
        source.download(GLD_YEARS, tmp_path / "new")
        assert streamed(source, tmp_path) == (tmp_path / "new").read_bytes()
        source.forget_job(GLD_YEARS)
        gateway.faults.add(FILE, BadChecksum(), times=ALWAYS)
        with pytest.raises(DownloadDamagedError, match="its sha256 is not the one listed, twice over"):
            source.download(GLD_YEARS, tmp_path / "other")
        assert not (tmp_path / "other").exists()
        assert not list((tmp_path / "state" / "jobs").glob("*.part"))

    def test_a_page_in_the_place_of_a_file(self, source: DatabentoSource, gateway: Gateway, tmp_path: Path) -> None:
        gateway.faults.add(FILE, html(), times=ALWAYS)
        with pytest.raises(VendorError):
            source.download(GLD_YEARS, tmp_path / "new")
        assert not (tmp_path / "new").exists()

    def test_a_silent_file_ends_in_a_sentence(self, gateway: Gateway, tmp_path: Path) -> None:
        source = source_at(gateway, tmp_path, timeout_seconds=0.3)
        gateway.faults.add(FILE, Hang(hang_seconds=0.8), times=ALWAYS)
        with pytest.raises(VendorTimeoutError, match=r"it said nothing for 0\.3 s"):
            source.download(GLD_YEARS, tmp_path / "new")

    def test_the_key_goes_to_no_other_host(
        self, source: DatabentoSource, gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(gateway.batch, "url", "https://localhost:1")
        with pytest.raises(UnreadableAnswerError, match="a host that is not its own"):
            source.download(GLD_YEARS, tmp_path / "new")
        assert not gateway.calls(FILE)

    @pytest.mark.parametrize(
        ("listed", "sentence"),
        [
            ([], "holds 0 files"),
            ([{"filename": "a.dbn.zst"}, {"filename": "b.dbn.zst"}], "holds 2 files"),
            ([{"filename": "a.dbn.zst", "size": 3, "hash": "md5:1", "urls": {"https": "https://h/a"}}], "a sha256"),
            ([{"filename": "a.dbn.zst", "size": 3, "hash": "sha256:1", "urls": {"ftp": "ftp://h/a"}}], "an address"),
            ([{"filename": "a.dbn.zst", "size": "3", "hash": "sha256:1", "urls": {"https": "https://h/a"}}], "a size"),
            (["a.dbn.zst"], "no list of fields"),
        ],
    )
    def test_lists_of_files_that_cannot_be_used(
        self, source: DatabentoSource, gateway: Gateway, tmp_path: Path, listed: list[object], sentence: str
    ) -> None:
        gateway.faults.add("batch.list_files", Answer(as_json(listed)))
        with pytest.raises(VendorError, match=sentence):
            source.download(GLD_YEARS, tmp_path / "new")


@pytest.mark.parametrize(
    ("url", "gateway", "may"),
    [
        ("https://hist.databento.com/v0/batch/download/a", None, True),
        ("https://databento.com/a", None, True),
        ("http://hist.databento.com/a", None, False),
        ("https://databento.com.evil.example/a", None, False),
        ("https://evildatabento.com/a", None, False),
        ("https://hist.databento.com@evil.example/a", None, False),
        ("https://h:8443/a", "https://h:8443/x", True),
        ("https://h:8444/a", "https://h:8443", False),
        ("https://hist.databento.com/a", "https://h:8443", False),
    ],
)
def test_who_may_have_the_key(url: str, gateway: str | None, may: bool) -> None:  # noqa: FBT001 - a table's column
    assert may_have_the_key(url, gateway) is may


def test_only_jobs_for_the_very_same_data_are_alike() -> None:
    job: dict[str, object] = {
        "id": "1", "dataset": "ARCX.PILLAR", "schema": "ohlcv-1d", "stype_in": "raw_symbol", "symbols": "GLD",
        "start": "2019-01-01T00:00:00.000000000Z", "end": "2022-01-01T00:00:00.000000000Z", "encoding": "dbn",
        "compression": "zstd", "split_duration": "none", "limit": None,
    }  # fmt: skip
    assert alike([job], GLD_YEARS) == [job]
    assert alike([job | {"symbols": ["GLD"], "split_duration": None}], GLD_YEARS)
    for name, other in {
        "dataset": "XNAS.ITCH", "schema": "ohlcv-1h", "stype_in": "parent", "symbols": "GLD,IAU", "start": "2019-01-02",
        "end": None, "encoding": "csv", "compression": "none", "split_duration": "day", "limit": 7,
    }.items():  # fmt: skip
        assert alike([job | {name: other}], GLD_YEARS) == [], name


def test_notes_of_other_requests_are_kept_apart(tmp_path: Path) -> None:
    book = JobBook(folder=tmp_path)
    later = replace(GLD_YEARS, window=replace(GLD_YEARS.window, end=GLD_YEARS.window.end + HOUR_NS))
    book.write(GLD_YEARS, JobNote(request=str(GLD_YEARS), job_id="J"))
    assert book.read(later) is None
    assert book.part(later) != book.part(GLD_YEARS)


CHILD = """
import os, sys
from pathlib import Path
from tests.data.databento_bench import GLD_YEARS
from vaultdash.data.databento import DatabentoSource
folder = Path(sys.argv[1])
source = DatabentoSource(
    os.environ["DATABENTO_API_KEY"], folder=folder, gateway=os.environ["VAULTDASH_DATABENTO_GATEWAY"]
)
source.download(GLD_YEARS, folder / "new")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill that cannot be caught")
@pytest.mark.parametrize("moment", [SUBMIT, "batch.list_jobs", "batch.list_files", FILE])
def test_a_process_killed_at_any_moment_pays_once(gateway: Gateway, tmp_path: Path, moment: str) -> None:
    reached = threading.Event()

    class Silent(Slow):
        """Works on the request, and then says nothing for longer than the process lives."""

        def change(self, reply: Reply) -> Reply:
            reached.set()
            return reply

    # The first look at the jobs comes before any was bought.
    gateway.faults.add(moment, Silent(bytes_per_second=0.02), after=1 if moment == "batch.list_jobs" else 0)
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], env=os.environ | {"PYTHONPATH": "."})
    was_reached = reached.wait(60)
    child.kill()
    child.wait()
    assert was_reached
    gateway.faults.clear()
    source = source_at(gateway, tmp_path)
    (tmp_path / "new").unlink(missing_ok=True)
    source.download(GLD_YEARS, tmp_path / "new")
    assert len(source._batch.calls.jobs(since="", states="queued,processing,done")) == 1
    assert streamed(source, tmp_path) == (tmp_path / "new").read_bytes()
