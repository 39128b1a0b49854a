"""A small world for tests of the store: a series, parts made of made-up bytes, and work for other processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from vaultdash.data.request import DataRequest, Partition, Series, partitions_of
from vaultdash.data.store.manifest import AdmittedPart, Record, RecordManifest
from vaultdash.data.store.spend import SpendLedger
from vaultdash.data.store.store import Store
from vaultdash.data.store.writer import SeriesWriter
from vaultdash.errors import SpendLimitError
from vaultdash.market import DAY_NS, DateRange, Window, midnight_ns

BARS = Series(source="databento", dataset="ARCX.PILLAR", schema="ohlcv-1d", symbol="GLD", stype_in="raw_symbol")
TRADES = Series(source="databento", dataset="GLBX.MDP3", schema="trades", symbol="ES.v.0", stype_in="continuous")
NOW = datetime(2022, 6, 15, 12, 30, tzinfo=UTC)
EVER = Window(start=midnight_ns(date(2010, 1, 1)), end=midnight_ns(date(2022, 6, 15)))

CHANGING_CALLS = ("open", "write", "fsync", "replace", "unlink", "mkdir", "rmdir", "chmod")
"""What the store does to a disk goes through these functions of `os`."""

# A server that was started before any thread, so that its children may be forked safely and fast.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["pytest", "vaultdash.data.store.spend", "vaultdash.data.store.store"])


def days(first: str, last: str) -> Window:
    """The UTC days from one to another, both included."""
    return Window.of_days(DateRange(start=date.fromisoformat(first), end=date.fromisoformat(last)))


def asked(first: str, last: str, series: Series = BARS) -> DataRequest:
    return DataRequest(series=series, window=days(first, last))


def month(name: str, series: Series = BARS) -> Partition:
    return next(partitions_of(asked(f"{name}-01", f"{name}-01", series)))


def store_at(home: Path, now: datetime = NOW) -> Store:
    return Store(home, clock=lambda: now)


def some_part(
    writer: SeriesWriter,
    partition: Partition,
    covered: Window | None = None,
    *,
    content: bytes | None = None,
    rows: int = 2,
    usd: float = 0.25,
    downloaded_at: datetime = NOW,
    last_modified: dict[date, date] | None = None,
) -> AdmittedPart:
    """Write a part into `incoming` as a gate would have passed it. Its bytes are its name unless given."""
    window = covered or partition.span
    data = f"{partition.series} {partition.name} {window}".encode() if content is None else content
    path = writer.incoming(".dbn.zst")
    path.write_bytes(data)
    return AdmittedPart(
        partition=partition,
        path=path,
        manifest=RecordManifest(
            covered=window,
            suffix=".dbn.zst",
            rows=rows,
            size=len(data),
            sha256=sha256(data).hexdigest(),
            first_ts=window.start if rows else None,
            last_ts=window.end - 1 if rows else None,
            quoted_usd=usd,
            downloaded_at=downloaded_at,
            client_version="test 1",
            last_modified=last_modified or {},
        ),
    )


def fetch(store: Store, request: DataRequest, available: Window = EVER, **options: Any) -> tuple[Record, ...]:
    """Buy what is missing, as a fetch does: gaps under the lock, then admission."""
    with store.writing(request.series, timeout=30) as writer:
        gaps = store.gaps(request, available)
        parts = [some_part(writer, partition, window, **options) for gap in gaps for partition, window in gap.pieces]
        return writer.admit(parts)


def buy_again(store: Store, request: DataRequest, content: bytes) -> tuple[Record, ...]:
    """Replace the records of a request by others."""
    with store.writing(request.series, timeout=30) as writer:
        held = store.records(request)
        parts = [some_part(writer, each.partition, each.manifest.covered, content=content) for each in held]
        return writer.admit(parts, replacing=True)


def files_of(store: Store) -> set[str]:
    """Every file of the store but its locks, by its path inside."""
    found = (path for path in store.folder.rglob("*") if path.is_file())
    return {path.relative_to(store.folder).as_posix() for path in found if path.suffix != ".lock"}


def states(store: Store) -> list[str]:
    return [finding.state for finding in store.verify(timeout=5)]


@contextmanager
def disk_that(act: Callable[[int], None], calls: tuple[str, ...] = CHANGING_CALLS) -> Iterator[None]:
    """Let `act` see every changing call before it is made, by its number; it may raise, or never return."""
    real = {name: getattr(os, name) for name in calls}
    count = 0

    def seen(name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            act(count)
            return real[name](*args, **kwargs)

        return call

    for name in calls:
        setattr(os, name, seen(name))
    try:
        yield
    finally:
        for name in calls:
            setattr(os, name, real[name])


def run(target: Callable[..., None], *args: object) -> int | None:
    """Run a function in a process of its own; its exit code, negative for a signal."""
    process = processes.Process(target=target, args=args)
    process.start()
    process.join(timeout=60)
    return process.exitcode


def run_together(target: Callable[..., None], each: list[tuple[object, ...]]) -> list[int | None]:
    """Run a function in several processes that begin at the same moment."""
    barrier = processes.Barrier(len(each))
    started = [processes.Process(target=target, args=(barrier, *args)) for args in each]
    for process in started:
        process.start()
    for process in started:
        process.join(timeout=60)
    return [process.exitcode for process in started]


def admit_and_die(home: Path, at: int, calls: tuple[str, ...] = CHANGING_CALLS) -> None:
    """Replace one month and add three more; die by kill -9 before the given call to the disk, or between two writes."""
    real_write = os.write
    os.write = lambda handle, data: real_write(handle, memoryview(data)[:700])
    os.fsync = lambda fd: None  # noqa: ARG005 - a process that dies loses nothing it has written

    def act(number: int) -> None:
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)

    with disk_that(act, calls):
        change(store_at(home))


def change(store: Store) -> None:
    """The admission under test: January is replaced, February to April are added."""
    with store.writing(BARS, timeout=30) as writer:
        parts = [some_part(writer, month("2022-01"), content=b"January, revised")]
        parts += [some_part(writer, month(name)) for name in ("2022-02", "2022-03", "2022-04")]
        writer.admit(parts, replacing=True)


def change_when_told(home: Path, go: Any) -> None:
    """Say that all is loaded, then make the change."""
    store = store_at(home)
    go.send(os.getpid())
    change(store)


def fetch_together(barrier: Any, home: Path, first: str, last: str) -> None:
    barrier.wait()
    fetch(store_at(home), asked(first, last))


def hold_until_killed(home: Path, go: Any) -> None:
    with store_at(home).writing(BARS) as writer:
        some_part(writer, month("2022-02"))
        go.send("held")
        signal.pause()


def reserve_until_refused(barrier: Any, path: Path, usd: float, limit: float) -> None:
    """Reserve and settle until the month's limit refuses."""
    barrier.wait()
    ledger = SpendLedger(path, clock=lambda: NOW)
    while True:
        try:
            reservation = ledger.reserve(usd, request="a test", limit_per_request=limit, limit_per_month=limit)
        except SpendLimitError:
            return
        ledger.settle(reservation, size=1, sha256="0" * 64)


def reserve_and_wait(path: Path, go: Any) -> None:
    reservation = SpendLedger(path, clock=lambda: NOW).reserve(
        4.0, request="a download", limit_per_request=10, limit_per_month=10
    )
    go.send(reservation)
    signal.pause()


def spend_without_end(path: Path, go: Any) -> None:
    ledger = SpendLedger(path, clock=lambda: NOW)
    for number in range(10_000):
        reservation = ledger.reserve(0.01, request=f"{number}", limit_per_request=1, limit_per_month=1_000)
        go.send(number)
        ledger.settle(reservation, size=1, sha256="0" * 64)


def day_after(moment: datetime, days_later: float) -> datetime:
    return moment + timedelta(days=days_later)


def shifted(window: Window, *, start_days: int = 0, end_days: int = 0) -> Window:
    return Window(start=window.start + start_days * DAY_NS, end=window.end + end_days * DAY_NS)
