"""The store of history: what was bought is kept as the vendor sent it, found again, and looked after.

Reading needs no lock: a record is there from the moment its partition's manifest names it, and manifests are renamed
into place whole. Writing is for one process at a time and series; see `writer.py`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from vaultdash.data.request import partitions_of
from vaultdash.data.store.clock import utc_now
from vaultdash.data.store.gaps import find_gaps
from vaultdash.data.store.layout import Layout
from vaultdash.data.store.manifest import held_of
from vaultdash.data.store.removal import clear, prune
from vaultdash.data.store.revisions import find_revisions
from vaultdash.data.store.upkeep import list_holdings, measure, touch
from vaultdash.data.store.verification import flaw_of, verify
from vaultdash.data.store.writer import write_series
from vaultdash.errors import StoreDamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import date
    from pathlib import Path

    from vaultdash.data.request import DataRequest, Partition, Series
    from vaultdash.data.source import DayCondition
    from vaultdash.data.store.clock import Clock
    from vaultdash.data.store.gaps import Gap
    from vaultdash.data.store.manifest import Record
    from vaultdash.data.store.removal import Removal
    from vaultdash.data.store.revisions import Revision
    from vaultdash.data.store.upkeep import Holding, StoreSize
    from vaultdash.data.store.verification import Finding
    from vaultdash.data.store.writer import SeriesWriter
    from vaultdash.market import Window

HISTORY = "history"


class Store:
    """The history held under `home`. Nothing is made there before something is written.

    Every method may raise StoreUnreadableError, NewerFormatError where a newer program wrote what it reads, and
    ImpossibleValueError for a series whose names cannot be names of folders.
    """

    def __init__(self, home: Path, *, clock: Clock = utc_now) -> None:
        self._layout = Layout(root=home.absolute() / HISTORY)
        self._clock = clock
        self._hashed: set[Path] = set()

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._layout.root

    def gaps(self, request: DataRequest, available: Window, *, max_age: timedelta | None = None) -> tuple[Gap, ...]:
        """Return what has to be bought for the request to be held, as far as it is available, in time order.

        With `max_age`, records downloaded longer ago count as not held; their new ones are admitted `replacing` them.
        Raises StoreDamagedError rather than offer to buy again what is held but damaged.
        """

        def held(partition: Partition) -> list[Window]:
            records = held_of(self._layout.manifest_path(partition), partition)
            return [
                each.covered
                for each in records
                if max_age is None or timedelta(0) <= now - each.downloaded_at <= max_age
            ]

        now = self._clock()
        return find_gaps(request, available=available, held=held)

    def records(self, request: DataRequest, *, rehash: bool = False) -> tuple[Record, ...]:
        """Return the records that hold any of the request's window, in time order; they may reach beyond it.

        Each file's size is checked, and with `rehash` its sha256 too, once a process. Raises StoreDamagedError for a
        record that is not there or not as it was written.
        """
        records = self._held(request)
        for record in records:
            reason = self._flaw_of(record, rehash=rehash)
            if reason and record in self._held(request):
                raise StoreDamagedError(path=record.path, reason=reason)
            if reason:
                # It was replaced or removed while we looked.
                return self.records(request, rehash=rehash)
        for record in records:
            touch(record, now=self._clock())
        return records

    def writing(
        self, series: Series, *, timeout: float | None = None, on_wait: Callable[[], None] | None = None
    ) -> AbstractContextManager[SeriesWriter]:
        """Wait to be the one writer of a series, and be it for as long as the context lasts.

        Ask for gaps again inside: who held the lock before may have filled them. Hold one series at a time, so that no
        two processes wait for each other. `on_wait` is called once if there is somebody to wait for. Raises
        StoreBusyError after `timeout` seconds, StoreNotWrittenError, StoreDamagedError, LocksMissingError.
        """
        return write_series(self._layout, series, timeout=timeout, on_wait=on_wait)

    def revised(self, request: DataRequest, conditions: Mapping[date, DayCondition]) -> tuple[Revision, ...]:
        """Return the records of the request that the vendor has rewritten since they were bought, in time order."""
        return tuple(find_revisions(self._held(request), conditions))

    def holdings(self) -> tuple[Holding, ...]:
        """Return what is held, one for each series."""
        return tuple(list_holdings(self._layout))

    def size(self) -> StoreSize:
        """Return what the store takes on disk, in bytes."""
        return measure(self._layout)

    def verify(self, *, timeout: float | None = None) -> Iterator[Finding]:
        """Hash everything again, one finding for each file as it is found; what is damaged goes into quarantine.

        Raises StoreBusyError, StoreNotWrittenError.
        """
        return verify(self._layout, timeout=timeout)

    def prune(
        self,
        *,
        older_than_days: float | None = None,
        larger_than_bytes: int | None = None,
        preview: bool = True,
        timeout: float | None = None,
    ) -> Removal:
        """Remove records not read for that long, or the least recently read ones until the rest fits that size.

        Exactly one of the two is given, or OptionsConflictError is raised; else what `clear` raises.
        """
        return prune(
            self._layout,
            older_than_days=older_than_days,
            larger_than_bytes=larger_than_bytes,
            preview=preview,
            now=self._clock(),
            timeout=timeout,
        )

    def clear(
        self, series: Sequence[Series] | None = None, *, preview: bool = True, timeout: float | None = None
    ) -> Removal:
        """Remove all that the store wrote for some series, or for every one; files it did not write stay.

        Raises StoreBusyError, StoreNotWrittenError.
        """
        return clear(self._layout, series, preview=preview, timeout=timeout)

    def _held(self, request: DataRequest) -> tuple[Record, ...]:
        return tuple(
            self._layout.record(partition, manifest)
            for partition in partitions_of(request)
            for manifest in held_of(self._layout.manifest_path(partition), partition)
            if manifest.covered.overlap(request.window)
        )

    def _flaw_of(self, record: Record, *, rehash: bool) -> str:
        is_new = rehash and record.path not in self._hashed
        try:
            reason = flaw_of(record, rehash=is_new)
        except FileNotFoundError:
            return "its manifest names it, but it is not there"
        if is_new and not reason:
            self._hashed.add(record.path)
        return reason
