"""Remembers which batch job was bought for a request, so that a process that died is not followed by a second bill.

A note is written before a job is submitted (naming the jobs that looked the same until then) and again with the job's
id. Whoever comes back finds the id, or looks through the account's jobs for one that was not there before.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from vaultdash.data.vendors.moments import read_moment
from vaultdash.errors import OutputNotWrittenError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vaultdash.data.request import DataRequest

# A job whose file was handed over is bought anew after this, unless it was forgotten before.
HANDED_OVER_SECONDS = 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class JobNote:
    """What is known of the job of one request; `job_id` is empty until the vendor has told it.

    `looked_alike` are jobs for the same data that were there before. `received` is when the vendor took it, in the
    vendor's own words; `handed_over` when its file was given to the caller, in seconds since 1970.
    """

    request: str
    looked_alike: tuple[str, ...] = ()
    job_id: str = ""
    received: str = ""
    handed_over: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobBook:
    """The notes, one small file for each request, in a folder of their own; beside them what has arrived so far."""

    folder: Path
    now: Callable[[], float] = field(default=time.time)

    def part(self, request: DataRequest) -> Path:
        """Where the file of a request's job grows."""
        return self._place(request).with_suffix(".part")

    def read(self, request: DataRequest) -> JobNote | None:
        """Return the note of a request; None where there is none, or its job was handed over a day ago.

        A note that cannot be read is one of a job whose id nobody knows.
        """
        place = self._place(request)
        try:
            note = _read_note(json.loads(place.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError):
            return JobNote(request=str(request))
        is_over = note.handed_over is not None and not 0 <= self.now() - note.handed_over <= HANDED_OVER_SECONDS
        return None if is_over else note

    def write(self, request: DataRequest, note: JobNote) -> None:
        """Write the note so that it outlives a power cut. Raises OutputNotWrittenError."""
        place = self._place(request)
        new = place.with_suffix(".new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with new.open("w", encoding="utf-8") as file:
                json.dump(asdict(note), file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(place)
            _sync_folder(self.folder)
        except OSError as error:
            raise OutputNotWrittenError(path=place, reason=error.strerror or "it failed") from None

    def begin(self, request: DataRequest, note: JobNote) -> None:
        """Note that a job is about to be bought; what an older one left is removed. Raises OutputNotWrittenError."""
        self.write(request, note)
        self.part(request).unlink(missing_ok=True)

    def hand_over(self, request: DataRequest, note: JobNote) -> None:
        """Note that the caller has the job's file."""
        self.write(request, replace(note, handed_over=self.now()))

    def forget(self, request: DataRequest) -> None:
        """Remove the note and what has arrived; the next download buys anew."""
        for place in (self.part(request), self._place(request)):
            place.unlink(missing_ok=True)

    def _place(self, request: DataRequest) -> Path:
        return self.folder / f"{sha256(str(request).encode()).hexdigest()[:32]}.json"


def _read_note(kept: Mapping[str, object]) -> JobNote:
    alike, handed_over = kept["looked_alike"], kept["handed_over"]
    if not isinstance(alike, list) or not (handed_over is None or isinstance(handed_over, (int, float))):
        raise TypeError(JobNote.__name__)
    return JobNote(
        request=str(kept["request"]),
        looked_alike=tuple(map(str, alike)),
        job_id=str(kept["job_id"]),
        received=str(kept["received"]),
        handed_over=handed_over,
    )


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def alike(jobs: Iterable[Mapping[str, object]], request: DataRequest) -> Sequence[Mapping[str, object]]:
    """Return the jobs for exactly this request, in one zstd-compressed DBN file, as they are listed."""
    return [job for job in jobs if _is_for(job, request)]


def _is_for(job: Mapping[str, object], request: DataRequest) -> bool:
    series, window = request.series, request.window
    symbols = job.get("symbols")
    wanted = {
        "dataset": series.dataset,
        "schema": series.schema,
        "stype_in": series.stype_in,
        "encoding": "dbn",
        "compression": "zstd",
    }
    return (
        all(str(job.get(name)) == value for name, value in wanted.items())
        and (symbols if isinstance(symbols, list) else str(symbols).split(",")) == [series.symbol]
        and (read_moment(job.get("start")), read_moment(job.get("end"))) == (window.start, window.end)
        and job.get("split_duration") in {None, "none"}
        and job.get("limit") is None
    )
