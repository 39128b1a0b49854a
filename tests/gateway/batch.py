"""Batch jobs: submitted, worked off as they are asked after, split into files, downloaded with resume."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from tests.gateway import parsing, replies
from tests.gateway.market import Market, Query
from tests.gateway.paths import date_of, day_number
from tests.gateway.replies import RefusedError, Reply, as_json
from tests.gateway.symbology import UnresolvedError
from tests.gateway.tape import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.gateway.parsing import Params

_STATES: Final = ("queued", "processing", "done")
_USER: Final = "GATEWAYUSER"
_FIRST_SUBMITTED: Final = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
_KEPT_DAYS: Final = 30
_WEEKDAYS_FROM_SUNDAY: Final = 4  # 1970-01-01 was a Thursday
_GONE: Final = 410


@dataclass(slots=True, kw_only=True)
class _Job:
    details: dict[str, Any]
    query: Query
    asked: int = 0  # how often its state was looked at
    is_expired: bool = False
    files: dict[str, Reply] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """The account's batch jobs; a job moves on a state each `polls_per_state` times that it is looked at."""

    market: Market
    url: str = ""
    polls_per_state: int = 1
    _jobs: dict[str, _Job] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def clear(self) -> None:
        """Forget every job."""
        with self._lock:
            self._jobs.clear()

    def expire(self, job_id: str) -> None:
        """Let a job's files be gone."""
        self._jobs[job_id].is_expired = True

    def submit(self, params: Params, query: Query) -> Reply:
        """Take a job and bill it."""
        if params.get("encoding") != "dbn":
            raise RefusedError(replies.invalid_field("encoding", "this gateway writes DBN only"))
        split = params.get("split_duration") or "day"
        if split not in {"day", "week", "month", "year", "none"}:
            raise RefusedError(replies.invalid_field("split_duration", f"unknown duration: {split}"))
        count = self.market.count(query)
        with self._lock:
            now = _FIRST_SUBMITTED + dt.timedelta(seconds=len(self._jobs))
            venue = query.dataset.partition(".")[0]
            job_id = f"{venue}-{now:%Y%m%d}-{len(self._jobs) + 1:010d}"
            details: dict[str, Any] = {
                "id": job_id, "user_id": _USER, "bill_id": f"BILL{len(self._jobs) + 1:06d}",
                "cost_usd": self.market.cost(query), "dataset": query.dataset,
                "symbols": ",".join(query.symbols),
                "stype_in": query.stype_in, "stype_out": query.stype_out, "schema": query.schema,
                "start": replies.iso(query.start), "end": replies.iso(query.end), "limit": query.limit,
                "encoding": "dbn", "compression": params.get("compression") or "none", "pretty_px": False,
                "pretty_ts": False, "map_symbols": False, "split_symbols": False, "split_duration": split,
                "split_size": None, "packaging": None, "delivery": "download", "record_count": count,
                "billed_size": self.market.billable_size(query), "actual_size": None, "package_size": None,
                "state": "queued", "ts_received": _stamp(now), "ts_queued": None, "ts_process_start": None,
                "ts_process_done": None, "ts_expiration": _stamp(now + dt.timedelta(days=_KEPT_DAYS)),
                "progress": None,
            }  # fmt: skip
            self._jobs[job_id] = _Job(details=details, query=query)
        return replace(as_json(details), usd=details["cost_usd"])

    def list_jobs(self, params: Params) -> Reply:
        """List the jobs in the wanted states, oldest first."""
        wanted = (params.get("states") or "queued,processing,done").split(",")
        since = parsing.time_of(params, "since")[0] if params.get("since") else 0
        with self._lock:
            found = [self._looked_at(job) for job in self._jobs.values()]
        found = [one for one in found if one["state"] in wanted and one["ts_received"] >= replies.iso(since)]
        if params.get("short", "").lower() == "true":
            found = [{name: one[name] for name in ("id", "state", "ts_received")} for one in found]
        return as_json(found)

    def get_job_details(self, params: Params) -> Reply:
        """Give one job."""
        with self._lock:
            return as_json(self._looked_at(self._job(parsing.required(params, "job_id", "query"))))

    def list_files(self, params: Params) -> Reply:
        """List the files of a finished job."""
        job_id = parsing.required(params, "job_id", "query")
        listed = []
        for name, file in self._files(job_id).items():
            path = f"/v0/batch/download/{_USER}/{job_id}/{name}"
            listed.append({
                "filename": name, "size": len(file.body),
                "hash": f"sha256:{hashlib.sha256(file.body).hexdigest()}",
                "urls": {"https": f"{self.url}{path}",
                "ftp": f"ftp://ftp.databento.com/{_USER}/{job_id}/{name}"},
            })  # fmt: skip
        return as_json(listed)

    def download_all(self, params: Params) -> Reply:
        """Give every file of a finished job in one zip."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for name, file in self._files(parsing.required(params, "job_id", "query")).items():
                archive.writestr(zipfile.ZipInfo(name), file.body)
        return Reply(body=packed.getvalue(), content_type="application/zip", is_chunked=True)

    def download_one(self, place: Sequence[str]) -> Reply:
        """Give one file of a finished job."""
        job_id, name = place
        files = self._files(job_id)
        if name not in files:
            raise RefusedError(replies.error(404, "batch_file_not_found", f"File {name} was not found."))
        return files[name]

    def _job(self, job_id: str) -> _Job:
        if job_id not in self._jobs:
            raise RefusedError(replies.error(404, "batch_job_not_found", f"Job {job_id} was not found."))
        return self._jobs[job_id]

    def _looked_at(self, job: _Job) -> dict[str, Any]:
        state = _STATES[min(job.asked // max(1, self.polls_per_state), 2)] if self.polls_per_state else "done"
        job.asked += 1
        job.details["state"] = "expired" if job.is_expired else state
        job.details["progress"] = {"queued": None, "processing": 50, "done": 100}[state]
        if state == "done":
            job.details["ts_process_done"] = job.details["ts_received"]
            job.details["actual_size"] = sum(len(file.body) for file in self._files_of(job).values())
        return dict(job.details)

    def _files(self, job_id: str) -> dict[str, Reply]:
        with self._lock:
            job = self._job(job_id)
            if job.is_expired:
                gone = replies.error(_GONE, "batch_job_expired", f"Files of job {job_id} are gone.")
                raise RefusedError(gone)
            if job.details["state"] != "done" and self.polls_per_state:
                # The real service's words for this are not known.
                raise RefusedError(replies.error(404, "batch_job_not_done", f"Job {job_id} is not done yet."))
            return self._files_of(job)

    def _files_of(self, job: _Job) -> dict[str, Reply]:
        if not job.files:
            notes = {
                "metadata.json": {"job_id": job.details["id"], "query": job.details},
                "condition.json": [],
            }
            for name, note in notes.items():
                job.files[name] = Reply(body=json.dumps(note, default=str).encode(), takes_ranges=True)
            for name, part in _split(job.query, job.details["split_duration"]):
                self._add_data(job, name, part)
        return job.files

    def _add_data(self, job: _Job, name: str, part: Query) -> None:
        try:
            download = self.market.download(part)
        except UnresolvedError:
            return  # a part without a trading hour has no file
        is_zstd = job.details["compression"] == "zstd"
        body = download.encode() if is_zstd else download.raw()
        job.files[name if is_zstd else name.removesuffix(".zst")] = Reply(
            body=body, content_type="application/octet-stream", takes_ranges=True, download=download
        )


def _split(query: Query, duration: str) -> Iterator[tuple[str, Query]]:
    """Cut a query at UTC days, weeks from Sunday, months or years; a limit is not cut."""
    stem, suffix = query.dataset.lower().replace(".", "-"), f"{query.schema}.dbn.zst"
    first, end = query.days()
    if duration == "none" or query.limit is not None:
        yield f"{stem}-{date_of(first):%Y%m%d}-{date_of(end - 1):%Y%m%d}.{suffix}", query
        return
    while first < end:
        day = date_of(first)
        following = {
            "day": first + 1,
            "week": first + 7 - (first + _WEEKDAYS_FROM_SUNDAY) % 7,
            "month": day_number(dt.date(day.year + day.month // 12, day.month % 12 + 1, 1)),
            "year": day_number(dt.date(day.year + 1, 1, 1)),
        }[duration]
        last = min(following, end)
        span = f"{day:%Y%m%d}" if duration == "day" else f"{day:%Y%m%d}-{date_of(last - 1):%Y%m%d}"
        yield (
            f"{stem}-{span}.{suffix}",
            replace(query, start=max(query.start, first * DAY), end=min(query.end, last * DAY)),
        )
        first = last


def _stamp(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000000000Z"
