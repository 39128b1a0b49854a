"""What is held: series by series, record by record, and the files that no manifest names."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING

from vaultdash.data.request import Series
from vaultdash.data.store.gaps import merged
from vaultdash.data.store.layout import DATA_NAME, MANIFEST_NAME, entries
from vaultdash.data.store.manifest import Record, read_manifest
from vaultdash.errors import StoreDamagedError
from vaultdash.market import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vaultdash.data.store.layout import Layout
    from vaultdash.data.store.manifest import PartitionManifest

TOUCH_AFTER = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """What is held of a series. Sizes in bytes; `quoted_usd` is what it was quoted at in all.

    `covered` are the windows held, in time order, those that touch as one. `last_used` is the UTC time at which a
    record of it was last read, to the day. `damaged` are manifests that cannot be read.
    """

    series: Series
    records: int
    rows: int
    size: int
    quoted_usd: float
    covered: tuple[Window, ...]
    last_used: datetime | None
    damaged: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreSize:
    """Bytes on disk: what the records take, what lies in quarantine, and what downloads under way take."""

    records: int
    quarantine: int
    incoming: int


def scan(layout: Layout, series: Series) -> tuple[list[PartitionManifest], list[StoreDamagedError]]:
    """Read every manifest of a series, in time order, and what is wrong with those that are damaged.

    Raises NewerFormatError, StoreUnreadableError.
    """
    manifests: list[PartitionManifest] = []
    damaged: list[StoreDamagedError] = []
    for path in entries(layout.folder_of(series)):
        if MANIFEST_NAME.fullmatch(path.name):
            # One that went away since the folder was listed is held no more.
            with suppress(FileNotFoundError):
                try:
                    manifests.append(read_manifest(path, series=series))
                except StoreDamagedError as error:
                    damaged.append(error)
    return manifests, damaged


def records_in(layout: Layout, manifests: Iterable[PartitionManifest]) -> list[Record]:
    """The records that some manifests name."""
    return [layout.record(manifest.partition, record) for manifest in manifests for record in manifest.records]


def unlisted_in(layout: Layout, series: Series, records: Iterable[Record]) -> list[Path]:
    """Files that are named as records are, but are none of `records`."""
    listed = {record.path for record in records}
    return [
        path
        for path in entries(layout.folder_of(series))
        if DATA_NAME.fullmatch(path.name) and path not in listed and path.is_file()
    ]


def touch(record: Record, *, now: datetime) -> None:
    """Note that a record was read: its file's time of change is the time of last use, to the day."""
    # A store that may only be read is read all the same.
    with suppress(OSError):
        if abs(now.timestamp() - record.path.stat().st_mtime) > TOUCH_AFTER.total_seconds():
            os.utime(record.path, (now.timestamp(), now.timestamp()))


def list_holdings(layout: Layout) -> Iterator[Holding]:
    """What is held of each series, in the order of their folders. Raises NewerFormatError, StoreUnreadableError."""
    for series in layout.series():
        manifests, damaged = scan(layout, series)
        records = records_in(layout, manifests)
        if records or damaged:
            yield _holding(series, records, damaged)


def measure(layout: Layout) -> StoreSize:
    """Add up what the store takes on disk."""
    return StoreSize(
        records=sum(holding.size for holding in list_holdings(layout)),
        quarantine=sum(map(size_of, files_below(layout.quarantine))),
        incoming=sum(map(size_of, files_below(layout.incoming))),
    )


def last_used(record: Record) -> datetime | None:
    """When a record was last read, UTC, to the day; None where its file is gone."""
    try:
        return datetime.fromtimestamp(record.path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def files_below(folder: Path) -> list[Path]:
    """Every file in a folder and the folders below it, in order."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def size_of(path: Path) -> int:
    """The size of a file in bytes, 0 where it is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _holding(series: Series, records: Sequence[Record], damaged: Sequence[StoreDamagedError]) -> Holding:
    manifests = [record.manifest for record in records]
    return Holding(
        series=series,
        records=len(records),
        rows=sum(manifest.rows for manifest in manifests),
        size=sum(manifest.size for manifest in manifests),
        quoted_usd=fsum(manifest.quoted_usd for manifest in manifests),
        covered=merged(manifest.covered for manifest in manifests),
        last_used=max(filter(None, map(last_used, records)), default=None),
        damaged=tuple(error.path for error in damaged),
    )
