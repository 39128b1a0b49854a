"""The spend ledger: every download that cost or may have cost money, and the limits that hold between processes.

A download is first reserved, then settled (it was bought) or released (it was not). Both limits are checked in the
transaction that reserves, so that two processes cannot pass a limit together. A reservation whose process died without
saying is `unsettled`: the money may have been spent, so that it counts against the month until a person says which.
"""

from __future__ import annotations

import math
import os
import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

from vaultdash.data.store.clock import utc_now
from vaultdash.data.store.durable import PRIVATE_FILE, make_folder
from vaultdash.data.store.locks import hold_lock
from vaultdash.data.store.processes import is_alive, mark_of
from vaultdash.data.store.receipts import Reservation, Spend, SpendEntry, State, summed
from vaultdash.errors import (
    ImpossibleValueError,
    NewerFormatError,
    ReservationClosedError,
    SpendLedgerUnusableError,
    SpendLimitError,
    StoreNotWrittenError,
    UnknownPriceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from vaultdash.data.store.clock import Clock

FORMAT = 1
BUSY_SECONDS = 30.0
SCHEMA = f"""
CREATE TABLE download (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    request TEXT NOT NULL,
    usd REAL NOT NULL CHECK (usd >= 0),
    state TEXT NOT NULL CHECK (state IN {get_args(State)}),
    reserved_at TEXT NOT NULL,
    closed_at TEXT,
    size INTEGER,
    sha256 TEXT,
    pid INTEGER NOT NULL,
    process TEXT NOT NULL
)
"""
SELECT = """
SELECT number, request, usd, state, reserved_at, closed_at, size, sha256
FROM download WHERE reserved_at >= ? ORDER BY number
"""


class SpendLedger:
    """The ledger kept at `path`, a SQLite file that is made when the first download is reserved.

    Every method raises SpendLedgerUnusableError where the file cannot be read or written, and NewerFormatError where a
    newer program wrote it.
    """

    def __init__(self, path: Path, *, clock: Clock = utc_now) -> None:
        self._path = path.absolute()
        self._clock = clock

    def reserve(
        self,
        usd: float | None,
        *,
        request: str,
        limit_per_request: float,
        limit_per_month: float,
        raised_to: float | None = None,
        unknown_because: str = "",
    ) -> Reservation:
        """Set money aside for a download, if both limits (USD) allow it; the month is that of the clock, in UTC.

        `raised_to` is what a person allowed for this download: it stands for a limit that is lower, so that the
        month's spending stays within the larger of it and the month's limit. Downloads dated after this month, as a
        clock that was wrong leaves them, count as this month's. Raises UnknownPriceError where `usd` is None,
        ImpossibleValueError for an amount below 0 or not finite, SpendLimitError.
        """
        if usd is None:
            raise UnknownPriceError(what=request, reason=unknown_because)
        raised = 0.0 if raised_to is None else raised_to
        for field, amount in (
            ("usd", usd),
            ("limit_per_request", limit_per_request),
            ("limit_per_month", limit_per_month),
            ("raised_to", raised),
        ):
            if not 0 <= amount < math.inf:
                raise ImpossibleValueError(
                    owner="A purchase", field=field, value=amount, must="be a finite amount in USD, 0 or more"
                )
        with self._changing() as base:
            now = self._now()
            counted = _entries(base, since=_month_start(now))
            _refuse_over_limit(
                usd,
                counted,
                request=request,
                limit_per_request=max(limit_per_request, raised),
                limit_per_month=max(limit_per_month, raised),
            )
            pid = os.getpid()
            number = base.execute(
                "INSERT INTO download (request, usd, state, reserved_at, pid, process) "
                "VALUES (?, ?, 'reserved', ?, ?, ?)",
                (request, usd, now, pid, mark_of(pid)),
            ).lastrowid
        return Reservation(number=int(number or 0), request=request, usd=usd)

    def settle(self, reservation: Reservation, *, size: int, sha256: str) -> None:
        """Record that a download was bought. Raises ReservationClosedError if that was said before."""
        self._close(reservation, "settled", size=size, sha256=sha256)

    def release(self, reservation: Reservation) -> None:
        """Record that a download was not bought, so that it counts no more. Raises ReservationClosedError."""
        self._close(reservation, "released")

    def leave_unsettled(self, reservation: Reservation) -> None:
        """Record that a download broke off and may have been charged. It counts until it is settled or released."""
        self._close(reservation, "unsettled")

    def entries(self) -> tuple[SpendEntry, ...]:
        """Return every download, in the order of their reservation. Reservations of dead processes are unsettled."""
        if not self._path.exists():
            return ()
        with self._changing() as base:
            return _entries(base)

    def unsettled(self) -> tuple[SpendEntry, ...]:
        """Return the downloads of which nobody knows whether they were charged."""
        return tuple(entry for entry in self.entries() if entry.state == "unsettled")

    def this_month(self) -> Spend:
        """Return what counts against the month's limit now, in UTC."""
        start = _month_start(self._now())
        return Spend.of(entry for entry in self.entries() if _stamp(entry.reserved_at) >= start)

    def by_day(self) -> Mapping[date, Spend]:
        """Return the sums of each UTC day on which a download was reserved, in time order."""
        return summed(self.entries(), lambda entry: entry.reserved_at.date())

    def by_month(self) -> Mapping[date, Spend]:
        """Return the sums of each UTC month, under its first day, in time order."""
        return summed(self.entries(), lambda entry: entry.reserved_at.date().replace(day=1))

    def _now(self) -> str:
        return _stamp(self._clock())

    def _close(
        self, reservation: Reservation, state: State, *, size: int | None = None, sha256: str | None = None
    ) -> None:
        with self._changing() as base:
            changed = base.execute(
                "UPDATE download SET state = ?, closed_at = ?, size = ?, sha256 = ? "
                "WHERE number = ? AND state IN ('reserved', 'unsettled')",
                (state, self._now(), size, sha256, reservation.number),
            ).rowcount
            if changed != 1:
                row = base.execute("SELECT state FROM download WHERE number = ?", (reservation.number,)).fetchone()
                raise ReservationClosedError(number=reservation.number, state=row[0] if row else "not in it")

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that excludes every other process, begun by finding what dead processes left behind."""
        with self._usable(), closing(self._connect()) as base:
            base.execute("BEGIN IMMEDIATE")
            _find_abandoned(base, now=self._now())
            yield base
            # Closing without this, as any exception does, rolls back.
            base.execute("COMMIT")

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SpendLedgerUnusableError(path=self._path, reason=str(error)) from None
        except OSError as error:
            raise SpendLedgerUnusableError(path=self._path, reason=(error.strerror or str(error)).lower()) from None
        except StoreNotWrittenError as error:
            raise SpendLedgerUnusableError(path=self._path, reason=error.reason) from None

    def _connect(self) -> sqlite3.Connection:
        make_folder(self._path.parent)
        # SQLite gives its companions (-wal, -shm) the permissions of the file.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
        base = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            base.execute("PRAGMA synchronous = FULL")
            if not self._format_of(base):
                lock = self._path.with_name(f"{self._path.name}.lock")
                with hold_lock(lock, what="the spend ledger", timeout=BUSY_SECONDS):
                    self._prepare(base)
        except BaseException:
            base.close()
            raise
        return base

    def _format_of(self, base: sqlite3.Connection) -> int:
        found = int(base.execute("PRAGMA user_version").fetchone()[0])
        if found > FORMAT:
            raise NewerFormatError(path=self._path, found=found, known=FORMAT)
        return found

    def _prepare(self, base: sqlite3.Connection) -> None:
        """Make the table, unless another process did while we waited. A kill leaves a file without one."""
        base.execute("PRAGMA journal_mode = WAL")
        if not self._format_of(base):
            base.execute("BEGIN IMMEDIATE")
            base.execute(SCHEMA)
            base.execute(f"PRAGMA user_version = {FORMAT}")
            base.execute("COMMIT")


def _entries(base: sqlite3.Connection, *, since: str = "") -> tuple[SpendEntry, ...]:
    rows = base.execute(SELECT, (since,))
    return tuple(
        SpendEntry(
            number=number,
            request=request,
            usd=usd,
            state=state,
            reserved_at=datetime.fromisoformat(reserved_at),
            closed_at=datetime.fromisoformat(closed_at) if closed_at else None,
            size=size,
            sha256=sha256,
        )
        for number, request, usd, state, reserved_at, closed_at, size, sha256 in rows
    )


def _find_abandoned(base: sqlite3.Connection, *, now: str) -> None:
    rows = base.execute("SELECT number, pid, process FROM download WHERE state = 'reserved'").fetchall()
    for number, pid, process in rows:
        if not is_alive(pid, process):
            base.execute("UPDATE download SET state = 'unsettled', closed_at = ? WHERE number = ?", (now, number))


def _refuse_over_limit(
    usd: float, counted: Iterable[SpendEntry], *, request: str, limit_per_request: float, limit_per_month: float
) -> None:
    spend = Spend.of(counted)
    total = math.fsum([usd, *(entry.usd for entry in counted if entry.state != "released")])
    is_over_month = not total <= limit_per_month
    if is_over_month or not usd <= limit_per_request:
        raise SpendLimitError(
            what=request,
            usd=usd,
            limit=limit_per_month if is_over_month else limit_per_request,
            limit_name="month" if is_over_month else "request",
            spent=spend.settled,
            reserved=spend.reserved,
            unsettled=spend.unsettled,
            raise_to=in_cents_above(total if is_over_month else usd),
        )


def in_cents_above(amount: float) -> float:
    """The least whole number of cents that is not below an amount, in USD."""
    cents = math.ceil(round(amount * 100, 6))
    return cents / 100 if cents / 100 >= amount else (cents + 1) / 100


def _stamp(moment: datetime) -> str:
    """A moment as text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _month_start(stamp: str) -> str:
    return f"{stamp[:7]}-01"
