"""The one writer of a series: admits downloads so that a kill at any moment leaves each partition whole or absent.

An admission is four steps, each durable before the next:
1. the parts are flushed where they lie, in the series' own `incoming` folder;
2. a note beside them says what is to become of each: from here on nothing that was paid for is lost;
3. the parts are renamed to their places, and then the manifest of each partition is renamed over the old one,
   which is the moment at which its records exist;
4. what the new manifests no longer name is removed, and the note last.
Whoever writes the series next and finds a note does steps 3 and 4 again, which changes nothing where they were done;
what lies there without a note never passed the gate and is removed.
"""

from __future__ import annotations

import secrets
import shutil
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from vaultdash.data.store.durable import flush_file, flush_folder, make_folder, sha256_of, write_whole, writing
from vaultdash.data.store.gaps import merged, uncovered
from vaultdash.data.store.layout import DATA_NAME, INCOMING_NAME, entries, subfolders
from vaultdash.data.store.locks import hold_lock
from vaultdash.data.store.manifest import (
    FORMAT,
    STRICT_FIELDS,
    AdmittedPart,
    PartitionManifest,
    from_document,
    held_of,
    to_document,
)
from vaultdash.errors import AdmissionError, ImpossibleValueError, RecordsOverlapError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from vaultdash.data.request import Partition, Series
    from vaultdash.data.store.layout import Layout
    from vaultdash.data.store.manifest import Record, RecordManifest, Suffix
    from vaultdash.market import Window

NOTE = "admission.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Note:
    """Parts that have passed the gate. Their paths are the names of their files in the folder of the note."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT_FIELDS

    format: Literal[1] = FORMAT
    parts: tuple[AdmittedPart, ...]


@contextmanager
def write_series(
    layout: Layout, series: Series, *, timeout: float | None = None, on_wait: Callable[[], None] | None = None
) -> Iterator[SeriesWriter]:
    """Hold the series' lock, tidy up after writers that died, and hand out the writer.

    Raises StoreBusyError after `timeout` seconds, StoreNotWrittenError, LocksMissingError.
    """
    with series_lock(layout, series, timeout=timeout, on_wait=on_wait):
        finish(layout, layout.incoming_of(series))
        _finish_others(layout, but=layout.incoming_of(series))
        with work_folder(layout, series):
            yield SeriesWriter(layout, series)


@contextmanager
def series_lock(
    layout: Layout, series: Series, *, timeout: float | None = None, on_wait: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold the lock of a series. Raises what `hold_lock` does."""
    lock = layout.lock_of(layout.incoming_of(series))
    make_folder(lock.parent)
    with hold_lock(lock, what=str(series), timeout=timeout, on_wait=on_wait):
        yield


@contextmanager
def work_folder(layout: Layout, series: Series) -> Iterator[Path]:
    """The `incoming` folder of a series, which goes afterwards unless a note in it waits to be finished."""
    folder = layout.incoming_of(series)
    make_folder(folder)
    try:
        yield folder
    finally:
        if not (folder / NOTE).exists():
            # What cannot be removed now is removed by the next writer, who says why where it cannot.
            shutil.rmtree(folder, ignore_errors=True)


class SeriesWriter:
    """May write one series, for as long as it holds the series' lock."""

    def __init__(self, layout: Layout, series: Series) -> None:
        self._layout = layout
        self._series = series
        self._incoming = layout.incoming_of(series)

    def incoming(self, suffix: Suffix) -> Path:
        """Return a fresh path in the store's own folder, for a download or a part of one. Nothing lies there yet."""
        return self._incoming / f"{secrets.token_hex(8)}{suffix}"

    def admit(self, parts: Iterable[AdmittedPart], *, replacing: bool = False) -> tuple[Record, ...]:
        """Make records of parts that passed the gate, and return those that were made, in time order.

        A part whose window is held already is dropped, unless `replacing`: then it takes the place of the records it
        covers. Raises RecordsOverlapError for one that lies half over a record, AdmissionError where a file is not the
        one its manifest describes, StoreDamagedError, StoreNotWrittenError. Where it raises, nothing is admitted; or,
        where the failure came after the note was written, all of it is by whoever writes the series next.
        """
        if (self._incoming / NOTE).exists():
            _place(self._layout, self._incoming, _read_note(self._incoming))
        accepted = []
        for partition, group in _by_partition(parts).items():
            held = held_of(self._layout.manifest_path(partition), partition)
            accepted += _accepted(partition, held, group, replacing=replacing)
        if not accepted:
            return ()
        for part in accepted:
            self._check(part)
            flush_file(part.path)
        note = _Note(parts=tuple(replace(part, path=Path(part.path.name)) for part in accepted))
        write_whole(self._incoming / NOTE, to_document(note), by_way_of=self._incoming)
        flush_folder(self._incoming)
        return _place(self._layout, self._incoming, accepted)

    def _check(self, part: AdmittedPart) -> None:
        if not (part.path.parent == self._incoming and part.partition.series == self._series):
            raise ImpossibleValueError(
                owner=f"A part of {self._series}",
                field="path",
                value=str(part.path),
                must=f"lie in {self._incoming} and belong to that series",
            )
        try:
            is_same = part.path.stat().st_size == part.manifest.size and sha256_of(part.path) == part.manifest.sha256
        except FileNotFoundError:
            raise AdmissionError(path=part.path, fault="missing", reason="the file is not there") from None
        if not is_same:
            raise AdmissionError(path=part.path, fault="changed", reason="the file changed after it was checked")


def finish(layout: Layout, folder: Path) -> None:
    """Do what a note in an `incoming` folder says, and remove the rest of the folder. The lock must be held.

    Raises StoreDamagedError, StoreNotWrittenError.
    """
    if (folder / NOTE).exists():
        _place(layout, folder, _read_note(folder))
    if folder.exists():
        with writing(folder):
            shutil.rmtree(folder)


def commit(layout: Layout, partition: Partition, records: Sequence[RecordManifest], *, by_way_of: Path) -> None:
    """Make `records` what is held of a partition. The lock must be held; the folder is flushed by the caller."""
    path = layout.manifest_path(partition)
    if records:
        manifest = PartitionManifest(partition=partition, records=tuple(records))
        write_whole(path, to_document(manifest), by_way_of=by_way_of)
    else:
        with writing(path):
            path.unlink(missing_ok=True)


def _finish_others(layout: Layout, *, but: Path) -> None:
    """Tidy up after writers of other series that died. What cannot be tidied is told to whoever writes that series."""
    for folder in subfolders(layout.incoming):
        if folder != but and INCOMING_NAME.fullmatch(folder.name):
            with suppress(StoreError), hold_lock(layout.lock_of(folder), what=folder.name, timeout=0):
                finish(layout, folder)


def _read_note(folder: Path) -> list[AdmittedPart]:
    note = from_document(folder / NOTE, _Note)
    return [replace(part, path=folder / part.path.name) for part in note.parts]


def _place(layout: Layout, incoming: Path, parts: Sequence[AdmittedPart]) -> tuple[Record, ...]:
    """Steps 3 and 4 of an admission. May be repeated from any point at which it was stopped."""
    series_folder = layout.folder_of(parts[0].partition.series)
    make_folder(series_folder)
    placed = [part for part in parts if _move(part, layout.data_path(part.partition, part.manifest))]
    flush_folder(series_folder)
    named = set()
    groups = _by_partition(placed)
    for partition, group in groups.items():
        held = held_of(layout.manifest_path(partition), partition)
        records = _merge(held, [part.manifest for part in group])
        commit(layout, partition, records, by_way_of=incoming)
        named |= {layout.data_path(partition, record).name for record in records}
    flush_folder(series_folder)
    _remove_unnamed(series_folder, {partition.name for partition in groups}, named)
    with writing(incoming / NOTE):
        (incoming / NOTE).unlink()
    flush_folder(incoming)
    return tuple(layout.record(part.partition, part.manifest) for part in placed)


def _move(part: AdmittedPart, target: Path) -> bool:
    """Rename a part to its place, and say whether it is there: it may have been renamed before, or taken away."""
    with writing(target):
        try:
            part.path.replace(target)
        except FileNotFoundError:
            return target.exists()
    return True


def _remove_unnamed(folder: Path, partitions: set[str], named: set[str]) -> None:
    """Remove records of some partitions that no manifest names: replaced ones, and any of an older accident."""
    for path in entries(folder):
        match = DATA_NAME.fullmatch(path.name)
        if match and match[1] in partitions and path.name not in named:
            with writing(path):
                path.unlink(missing_ok=True)


def _by_partition(parts: Iterable[AdmittedPart]) -> Mapping[Partition, list[AdmittedPart]]:
    groups = defaultdict(list)
    for part in sorted(parts, key=lambda part: part.manifest.covered.start):
        groups[part.partition].append(part)
    return groups


def _accepted(
    partition: Partition, held: Sequence[RecordManifest], parts: Sequence[AdmittedPart], *, replacing: bool
) -> list[AdmittedPart]:
    """The parts to admit: those that meet nothing held, or replace all that they meet."""
    held_windows, offered = [record.covered for record in held], [part.manifest.covered for part in parts]
    for earlier, later in pairwise(offered):
        if earlier.overlap(later):
            raise RecordsOverlapError(
                what=f"{partition.series} of {partition.name}", held=str(earlier), offered=str(later)
            )
    if replacing:
        for window in held_windows:
            if any(map(window.overlap, offered)) and any(uncovered(window, offered)):
                raise RecordsOverlapError(
                    what=f"{partition.series} of {partition.name}", held=str(window), offered=_named(offered)
                )
        return list(parts)
    accepted = []
    for part in parts:
        rest = list(uncovered(part.manifest.covered, held_windows))
        if rest == [part.manifest.covered]:
            accepted.append(part)
        elif rest:
            offered_window = str(part.manifest.covered)
            raise RecordsOverlapError(
                what=f"{partition.series} of {partition.name}", held=_named(held_windows), offered=offered_window
            )
    return accepted


def _merge(held: Iterable[RecordManifest], offered: Sequence[RecordManifest]) -> list[RecordManifest]:
    kept = [record for record in held if not any(record.covered.overlap(new.covered) for new in offered)]
    return sorted((*kept, *offered), key=lambda record: record.covered.start)


def _named(windows: Iterable[Window]) -> str:
    return " and ".join(str(window) for window in merged(windows))
