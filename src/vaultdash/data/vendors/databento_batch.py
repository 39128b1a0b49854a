"""A large download as a batch job: submitted once, waited for, fetched with resume, checked against its sha256.

The job is asked for in one file (`split_duration` none), which is handed over byte for byte as the vendor wrote it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import file_digest
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretStr

from vaultdash.data.request import DataRequest
from vaultdash.data.vendors.databento_answers import may_have_the_key, read_table, read_tables
from vaultdash.data.vendors.databento_calls import Calls
from vaultdash.data.vendors.databento_files import fetch_rest, size_of
from vaultdash.data.vendors.databento_jobs import JobBook, JobNote, alike
from vaultdash.data.vendors.retry import Clock
from vaultdash.errors import (
    DownloadDamagedError,
    FilesGoneError,
    JobNotReadyError,
    OutputNotWrittenError,
    UnreadableAnswerError,
    VendorAnswer,
    VendorError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Job = Mapping[str, object]

VENDOR = "Databento"
DATA_SUFFIX = ".dbn.zst"
FIRST_LOOK, LONGEST_LOOK, LOOK_GROWTH = 1.0, 30.0, 1.5
WAIT_SECONDS = 3_600.0

DONE_OR_COMING = "queued,processing,done"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A billable call that is about to be sent, counted from 1 within one download."""

    request: DataRequest
    call: Literal["timeseries.get_range", "batch.submit_job"]
    number: int


def request_fields(request: DataRequest) -> dict[str, Any]:
    """Return a request in the words of the client's calls, with nothing that matters left to a default."""
    series, window = request.series, request.window
    return {
        "dataset": series.dataset,
        "symbols": series.symbol,
        "schema": series.schema,
        "stype_in": series.stype_in,
        "start": window.start,
        "end": window.end,
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchCalls:
    """The vendor's calls about batch jobs; each raises VendorError."""

    calls: Calls
    key: SecretStr
    gateway: str | None
    on_attempt: Callable[[Attempt], None]

    def submit(self, request: DataRequest, already: Callable[[], Job | None]) -> Job:
        """Submit a job and pay for it. Before a second attempt `already` is asked whether the first one took."""
        attempts = count(1)
        asked = self.calls.asked(f"batch.submit_job of {request}", request=request)

        def send(client: Any) -> object:
            return client.batch.submit_job(**request_fields(request), split_duration="none")

        def submit_once() -> Job:
            number = next(attempts)
            if number > 1 and (job := already()):
                return job
            self.calls.submit_pace.wait()
            self.on_attempt(Attempt(request=request, call="batch.submit_job", number=number))
            return read_table(self.calls.once(send, asked), what=asked.what)

        return self.calls.retries.run(submit_once)

    def jobs(self, *, since: str, states: str) -> Sequence[Job]:
        """List the account's jobs that were received at or after `since` (all where it is empty)."""
        asked = self.calls.asked("batch.list_jobs")
        body = self.calls.ask(lambda client: client.batch.list_jobs(states=states, since=since or None), asked)
        return read_tables(body, what=asked.what)

    def files(self, job_id: str) -> Sequence[Job]:
        """List the files of a finished job."""
        asked = self.calls.asked(f"batch.list_files of {job_id}")
        return read_tables(self.calls.ask(lambda client: client.batch.list_files(job_id), asked), what=asked.what)

    def fetch(self, url: str, part: Path, *, size: int, what: str) -> None:
        """Let `part` grow to `size` bytes, from where it stands; it is asked for as long as that makes it grow."""
        if not may_have_the_key(url, self.gateway):
            raise UnreadableAnswerError(vendor=VENDOR, what=what, reason="its file lies on a host that is not its own")
        asked, key = self.calls.asked(what, path=part), self.key.get_secret_value()
        while True:
            held = size_of(part)
            try:
                return self.calls.retries.run(lambda: fetch_rest(url, part, size=size, key=key, asked=asked))
            except VendorError as error:
                failure = error
            if not (failure.is_transient and size_of(part) > held):
                raise failure


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFile:
    """The data file of a job, as it is listed."""

    url: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchDownload:
    """Downloads requests as batch jobs; `book` remembers those that were paid for."""

    calls: BatchCalls
    book: JobBook
    wait_seconds: float = WAIT_SECONDS
    clock: Clock = field(default_factory=Clock)

    def fetch(self, request: DataRequest, path: Path) -> None:
        """Write the bytes of the request's job to the new file `path`, submitting one only where none is remembered.

        The job stays remembered until the book forgets it, so that it can be fetched again without paying.
        """
        note = self._noted_job(request)
        try:
            self._wait_until_done(note)
            file = self._file_of(note)
        except FilesGoneError:
            self.book.forget(request)
            raise
        part = self.book.part(request)
        self._grow(part, file, _named(note))
        _move(part, path)
        self.book.hand_over(request, note)

    def _noted_job(self, request: DataRequest) -> JobNote:
        """The note of the request's job, which is looked for, or else submitted, where the note does not name it."""
        note = self.book.read(request)
        if note and note.job_id:
            return note
        job = self._already(request, note) if note else None
        if note is None:
            listed = alike(self.calls.jobs(since="", states=DONE_OR_COMING), request)
            note = JobNote(request=str(request), looked_alike=tuple(str(one.get("id")) for one in listed))
        if job is None:
            self.book.begin(request, note)
            job = self._submit(request, note)
        job_id = job.get("id")
        if not (isinstance(job_id, str) and job_id):
            raise UnreadableAnswerError(vendor=VENDOR, what=f"batch.submit_job of {request}", reason="it names no job")
        note = replace(note, job_id=job_id, received=str(job.get("ts_received") or ""))
        self.book.write(request, note)
        return note

    def _submit(self, request: DataRequest, note: JobNote) -> Job:
        try:
            return self.calls.submit(request, lambda: self._already(request, note))
        except VendorError as error:
            # A refusal is certain; after anything else the job may be there, and the note says what to look for.
            if not error.is_transient and error.answer.status:
                self.book.forget(request)
            raise

    def _already(self, request: DataRequest, note: JobNote) -> Job | None:
        """The newest job for the request that was not there when the note was written."""
        listed = alike(self.calls.jobs(since="", states=DONE_OR_COMING), request)
        new = [job for job in listed if job.get("id") not in note.looked_alike]
        return new[-1] if new else None

    def _wait_until_done(self, note: JobNote) -> None:
        started, look, state = self.clock.now(), FIRST_LOOK, "not listed"
        while True:
            listed = self.calls.jobs(since=note.received, states=f"{DONE_OR_COMING},expired")
            found = [job for job in listed if job.get("id") == note.job_id]
            state = str(found[0].get("state")) if found else state
            if state == "done":
                return
            if state == "expired":
                raise FilesGoneError(what=_named(note), answer=VendorAnswer())
            waited = self.clock.now() - started
            if not waited + look <= self.wait_seconds:
                raise JobNotReadyError(vendor=VENDOR, job_id=note.job_id, state=state, seconds=waited)
            self.clock.sleep(look)
            look = min(LONGEST_LOOK, look * LOOK_GROWTH)

    def _file_of(self, note: JobNote) -> JobFile:
        listed = [one for one in self.calls.files(note.job_id) if str(one.get("filename")).endswith(DATA_SUFFIX)]
        if len(listed) != 1:
            reason = f"it holds {len(listed)} files of market data where one was asked for"
            raise DownloadDamagedError(vendor=VENDOR, what=_named(note), reason=reason)
        urls, size = listed[0].get("urls"), listed[0].get("size")
        url = urls.get("https") if isinstance(urls, dict) else None
        kind, _, digest = str(listed[0].get("hash")).partition(":")
        if not (isinstance(url, str) and isinstance(size, int) and size > 0 and kind == "sha256" and digest):
            reason = "its file is listed without an address, a size or a sha256"
            raise UnreadableAnswerError(vendor=VENDOR, what=_named(note), reason=reason)
        return JobFile(url=url, size=size, sha256=digest.lower())

    def _grow(self, part: Path, file: JobFile, what: str) -> None:
        """Fetch the rest of the file; one whose sha256 is wrong is fetched once more from its first byte."""
        for _ in range(2):
            self.calls.fetch(file.url, part, size=file.size, what=what)
            with part.open("rb") as whole:
                if file_digest(whole, "sha256").hexdigest() == file.sha256:
                    return
            part.unlink()
        raise DownloadDamagedError(vendor=VENDOR, what=what, reason="its sha256 is not the one listed, twice over")


def _named(note: JobNote) -> str:
    return f"batch job {note.job_id} ({note.request})"


def _move(part: Path, path: Path) -> None:
    try:
        shutil.move(part, path)
    except OSError as error:
        raise OutputNotWrittenError(path=path, reason=error.strerror or "it failed") from None
