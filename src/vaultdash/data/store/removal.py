"""Removes what is old or no longer wanted, on request and after a preview. Paid history never expires by itself."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from vaultdash.data.store.durable import flush_folder, writing
from vaultdash.data.store.layout import MANIFEST_NAME, entries
from vaultdash.data.store.manifest import Record, held_of
from vaultdash.data.store.upkeep import files_below, last_used, records_in, scan, size_of, unlisted_in
from vaultdash.data.store.writer import commit, finish, series_lock, work_folder
from vaultdash.errors import ImpossibleValueError, OptionsConflictError, StoreDamagedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vaultdash.data.request import Series
    from vaultdash.data.store.layout import Layout

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """What was removed from the store, or would be where it `is_preview`. `size` is in bytes.

    `others` are files of the store that are no record: quarantined ones, unlisted ones, unreadable manifests.
    """

    records: tuple[Record, ...]
    others: tuple[Path, ...]
    size: int
    is_preview: bool


def prune(
    layout: Layout,
    *,
    older_than_days: float | None,
    larger_than_bytes: int | None,
    preview: bool,
    now: datetime,
    timeout: float | None,
) -> Removal:
    """Remove records not read for some days, or the least recently read ones until the rest fits a size.

    Raises OptionsConflictError unless exactly one of the two is given, ImpossibleValueError for one below 0,
    StoreBusyError, StoreNotWrittenError, StoreUnreadableError, NewerFormatError.
    """
    held = [record for series in layout.series() for record in records_in(layout, scan(layout, series)[0])]
    used = sorted(((at, record) for record in held if (at := last_used(record))), key=lambda pair: pair[0])
    if older_than_days is not None and larger_than_bytes is None:
        _refuse_below_zero("older_than_days", older_than_days)
        victims = [record for at, record in used if now - at > older_than_days * DAY]
    elif larger_than_bytes is not None and older_than_days is None:
        _refuse_below_zero("larger_than_bytes", larger_than_bytes)
        victims = _beyond([record for _, record in used], larger_than_bytes)
    else:
        raise OptionsConflictError(
            problem="Pruning needs either an age or a size.",
            remedy="Give the days since the last use, or the bytes that may stay.",
        )
    if not preview:
        for series in dict.fromkeys(record.partition.series for record in victims):
            mine = [record for record in victims if record.partition.series == series]
            _remove_records(layout, series, mine, timeout=timeout)
    return _removal(victims, [], is_preview=preview)


def clear(layout: Layout, chosen: Sequence[Series] | None, *, preview: bool, timeout: float | None) -> Removal:
    """Remove everything the store wrote for the chosen series, or for all of them where none are named.

    Files that the store did not write stay, and so do the folders they lie in; the lock files stay too. Raises
    StoreBusyError, StoreNotWrittenError, StoreUnreadableError, NewerFormatError.
    """
    records: list[Record] = []
    others: list[Path] = []
    size = 0
    for series in layout.series():
        if chosen is None or series in chosen:
            removal = _everything(layout, series) if preview else _clear_series(layout, series, timeout=timeout)
            records += removal.records
            others += removal.others
            size += removal.size
    if chosen is None:
        rest = [path for path in files_below(layout.quarantine) if path not in others]
        size += sum(map(size_of, rest))
        others += rest
        if not preview:
            _unlink(layout, rest)
    return Removal(records=tuple(records), others=tuple(others), size=size, is_preview=preview)


def _clear_series(layout: Layout, series: Series, *, timeout: float | None) -> Removal:
    folder = layout.folder_of(series)
    with _tidied(layout, series, timeout=timeout):
        removal = _everything(layout, series)
        # The manifests go first: a record is there as long as its manifest is.
        _unlink(layout, [path for path in entries(folder) if MANIFEST_NAME.fullmatch(path.name)])
        _unlink(layout, [*(record.path for record in removal.records), *removal.others])
    return removal


def _everything(layout: Layout, series: Series) -> Removal:
    manifests, damaged = scan(layout, series)
    records = records_in(layout, manifests)
    others = [
        *(error.path for error in damaged),
        *unlisted_in(layout, series, records),
        *files_below(layout.quarantine_of(series)),
    ]
    return _removal(records, others, is_preview=True)


def _removal(records: Sequence[Record], others: Sequence[Path], *, is_preview: bool) -> Removal:
    size = sum(record.manifest.size for record in records) + sum(map(size_of, others))
    return Removal(records=tuple(records), others=tuple(others), size=size, is_preview=is_preview)


def _remove_records(layout: Layout, series: Series, victims: Sequence[Record], *, timeout: float | None) -> None:
    with _tidied(layout, series, timeout=timeout) as work:
        for partition in dict.fromkeys(record.partition for record in victims):
            gone = [record.manifest for record in victims if record.partition == partition]
            kept = [each for each in held_of(layout.manifest_path(partition), partition) if each not in gone]
            commit(layout, partition, kept, by_way_of=work)
        flush_folder(layout.folder_of(series))
        _unlink(layout, [record.path for record in victims])


@contextmanager
def _tidied(layout: Layout, series: Series, *, timeout: float | None) -> Iterator[Path]:
    """Hold the lock of a series whose last admission is finished, unless damage keeps it from that."""
    with series_lock(layout, series, timeout=timeout):
        with suppress(StoreDamagedError):
            finish(layout, layout.incoming_of(series))
        with work_folder(layout, series) as work:
            yield work


def _unlink(layout: Layout, paths: Iterable[Path]) -> None:
    """Remove files, and the folders that are empty without them."""
    for path in paths:
        with writing(path):
            path.unlink(missing_ok=True)
    for folder in dict.fromkeys(path.parent for path in paths):
        # A folder that holds anything else stays, with those above it.
        with suppress(OSError):
            for each in layout.parents_of(folder):
                each.rmdir()


def _beyond(records: Sequence[Record], limit: int) -> list[Record]:
    """The first of some records, as many as have to go for the rest to fit the limit in bytes."""
    total = sum(record.manifest.size for record in records)
    victims = []
    for record in records:
        if total <= limit:
            break
        victims.append(record)
        total -= record.manifest.size
    return victims


def _refuse_below_zero(field: str, value: float) -> None:
    if not value >= 0:
        raise ImpossibleValueError(owner="Pruning", field=field, value=value, must="be 0 or more")
