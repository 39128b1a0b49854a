"""Hashes what is held again; what is not as it was written goes into quarantine and is reported, never re-bought."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vaultdash.data.request import Series
from vaultdash.data.store.durable import flush_folder, make_folder, reading, sha256_of, write_whole, writing
from vaultdash.data.store.layout import INCOMING, INCOMING_NAME, entries, subfolders
from vaultdash.data.store.locks import hold_lock
from vaultdash.data.store.manifest import held_of, to_document
from vaultdash.data.store.upkeep import records_in, scan, unlisted_in
from vaultdash.data.store.writer import commit, finish, series_lock, work_folder
from vaultdash.errors import StoreBusyError, StoreDamagedError, StoreUnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaultdash.data.store.layout import Layout
    from vaultdash.data.store.manifest import Record, RecordManifest

State = Literal["ok", "damaged", "missing", "unlisted", "unreadable"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What verifying one file found. `moved_to` is where it lies now if it was moved; `series` is None if unknown.

    `damaged`: not the bytes that were written, or a manifest that cannot be read. `missing`: a manifest names it and
    it is not there. `unlisted`: named as a record, but no manifest names it. Of these nothing is held any more: they
    are gaps, to be quoted and bought on request. `unreadable`: the system does not let us read it, so that nothing is
    known and nothing was moved.
    """

    series: Series | None
    path: Path
    state: State
    reason: str = ""
    moved_to: Path | None = None


def verify(layout: Layout, *, timeout: float | None) -> Iterator[Finding]:
    """Hash every record and say what was found, one finding for each file.

    A series is locked only to move what is wrong, after a second look under the lock. Admissions that were cut short
    are finished first. Raises StoreBusyError, StoreNotWrittenError, StoreUnreadableError, NewerFormatError.
    """
    yield from _finish_admissions(layout)
    for series in list(layout.series()):
        manifests, damaged = scan(layout, series)
        records = records_in(layout, manifests)
        suspects = []
        for record in records:
            finding = _examine(record)
            if finding.state in {"ok", "unreadable"}:
                yield finding
            else:
                suspects.append(record)
        if suspects or damaged or unlisted_in(layout, series, records):
            with series_lock(layout, series, timeout=timeout), work_folder(layout, series) as work:
                findings = _quarantine(layout, series, suspects, work=work)
            yield from findings


def flaw_of(record: Record, *, rehash: bool) -> str:
    """What is wrong with a record's file, by its size or by its hash too; nothing where it is as it was written.

    Raises StoreUnreadableError, or FileNotFoundError where it is absent.
    """
    with reading(record.path):
        size = record.path.stat().st_size
    if size != record.manifest.size:
        return f"it holds {size:,} bytes and not {record.manifest.size:,}"
    if rehash and sha256_of(record.path) != record.manifest.sha256:
        return "its bytes are not those that were bought (sha256)"
    return ""


def _examine(record: Record) -> Finding:
    state: State = "ok"
    try:
        reason = flaw_of(record, rehash=True)
        if reason:
            state = "damaged"
    except FileNotFoundError:
        state, reason = "missing", "its manifest names it, but it is not there"
    except StoreUnreadableError as error:
        state, reason = "unreadable", str(error)
    return Finding(series=record.partition.series, path=record.path, state=state, reason=reason)


def _quarantine(layout: Layout, series: Series, suspects: list[Record], *, work: Path) -> list[Finding]:
    """Look again, now that nobody else writes the series, and take out what is wrong."""
    quarantine = layout.quarantine_of(series)
    findings = [
        Finding(
            series=series,
            path=error.path,
            state="damaged",
            reason=error.reason,
            moved_to=_move(error.path, quarantine),
        )
        for error in scan(layout, series)[1]
    ]
    for record in suspects:
        held = held_of(layout.manifest_path(record.partition), record.partition)
        # It may have been replaced, removed or put back since the first look.
        if record.manifest in held:
            finding = _examine(record)
            if finding.state in {"damaged", "missing"}:
                kept = [each for each in held if each != record.manifest]
                finding = _take_out(layout, record, finding, kept, work=work)
            findings.append(finding)
    for path in unlisted_in(layout, series, records_in(layout, scan(layout, series)[0])):
        moved = _move(path, quarantine)
        findings.append(
            Finding(series=series, path=path, state="unlisted", reason="no manifest names it", moved_to=moved)
        )
    return findings


def _take_out(layout: Layout, record: Record, finding: Finding, kept: list[RecordManifest], *, work: Path) -> Finding:
    """Hold a damaged or missing record no more. Its bytes go to quarantine, with what was known of them beside them."""
    partition = record.partition
    target = None
    if finding.state == "damaged":
        target = _free_path(layout.quarantine_of(partition.series), record.path.name)
        write_whole(target.with_name(f"{target.name}.json"), to_document(record.manifest), by_way_of=target.parent)
        flush_folder(target.parent)
    commit(layout, partition, kept, by_way_of=work)
    flush_folder(layout.folder_of(partition.series))
    return replace(finding, moved_to=_move(record.path, target.parent) if target else None)


def _finish_admissions(layout: Layout) -> list[Finding]:
    """Finish what writers that died had begun; a note of one that cannot be read goes into quarantine."""
    findings = []
    for folder in subfolders(layout.incoming):
        # A lock that is held is that of a writer at work.
        if INCOMING_NAME.fullmatch(folder.name):
            with suppress(StoreBusyError), hold_lock(layout.lock_of(folder), what=folder.name, timeout=0):
                try:
                    finish(layout, folder)
                except StoreDamagedError as error:
                    # Damage to anything but the note is found where it lies.
                    if error.path.parent == folder:
                        findings += _take_out_admission(layout, folder, error)
    return findings


def _take_out_admission(layout: Layout, folder: Path, error: StoreDamagedError) -> list[Finding]:
    quarantine = layout.quarantine / INCOMING / folder.name
    return [
        Finding(series=None, path=path, state="damaged", reason=error.reason, moved_to=_move(path, quarantine))
        for path in entries(folder)
    ]


def _free_path(folder: Path, name: str) -> Path:
    make_folder(folder)
    target, number = folder / name, 1
    while target.exists():
        target, number = folder / f"{name}.{number}", number + 1
    return target


def _move(path: Path, folder: Path) -> Path:
    """Move a file into a folder of the quarantine, under a name that is free there."""
    target = _free_path(folder, path.name)
    with writing(path):
        path.replace(target)
    flush_folder(path.parent)
    flush_folder(folder)
    return target
