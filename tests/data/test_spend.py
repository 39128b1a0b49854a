from __future__ import annotations

import os
import random
import resource
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from math import inf, nan
from pathlib import Path

import pytest

from tests.data.store_world import (
    NOW,
    processes,
    reserve_and_wait,
    reserve_until_refused,
    run_together,
    spend_without_end,
)
from vaultdash.data.store.processes import is_alive, mark_of
from vaultdash.data.store.receipts import Reservation, Spend
from vaultdash.data.store.spend import SpendLedger
from vaultdash.errors import (
    ImpossibleValueError,
    NewerFormatError,
    ReservationClosedError,
    SpendLedgerUnusableError,
    SpendLimitError,
    UnknownPriceError,
)

SHA = "ab" * 32


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> SpendLedger:
    return SpendLedger(tmp_path / "home" / "spend.sqlite", clock=clock)


def reserve(ledger: SpendLedger, usd: float, *, raised_to: float | None = None) -> Reservation:
    return ledger.reserve(
        usd, request="GLD trades of January", limit_per_request=5.0, limit_per_month=50.0, raised_to=raised_to
    )


def buy(ledger: SpendLedger, usd: float, *, raised_to: float | None = None) -> None:
    ledger.settle(reserve(ledger, usd, raised_to=raised_to), size=1_000, sha256=SHA)


# One download after the other


def test_a_download_is_reserved_and_settled(ledger: SpendLedger, clock: Clock) -> None:
    reservation = reserve(ledger, 1.25)
    assert ledger.this_month() == Spend(reserved=1.25)
    clock.now += timedelta(minutes=5)
    ledger.settle(reservation, size=14_000, sha256=SHA)
    (entry,) = ledger.entries()
    assert (entry.number, entry.request, entry.usd, entry.state) == (1, "GLD trades of January", 1.25, "settled")
    assert (entry.reserved_at, entry.closed_at) == (NOW, NOW + timedelta(minutes=5))
    assert (entry.size, entry.sha256) == (14_000, SHA)
    assert entry.reservation == reservation
    assert ledger.this_month() == Spend(settled=1.25)


def test_a_download_that_was_not_bought_counts_for_nothing(ledger: SpendLedger) -> None:
    ledger.release(reserve(ledger, 5.0))
    assert ledger.this_month() == Spend()
    assert [entry.state for entry in ledger.entries()] == ["released"]
    assert ledger.unsettled() == ()


def test_a_free_download_is_recorded(ledger: SpendLedger) -> None:
    ledger.settle(
        ledger.reserve(0.0, request="flat rate", limit_per_request=0.0, limit_per_month=0.0), size=1, sha256=SHA
    )
    assert [(entry.usd, entry.state) for entry in ledger.entries()] == [(0.0, "settled")]


def test_a_download_that_broke_off_counts_until_somebody_says(ledger: SpendLedger) -> None:
    broken, other = reserve(ledger, 4.0), reserve(ledger, 3.0)
    ledger.leave_unsettled(broken)
    ledger.leave_unsettled(other)
    assert ledger.this_month() == Spend(unsettled=7.0)
    first, second = ledger.unsettled()
    ledger.settle(first.reservation, size=9, sha256=SHA)
    ledger.release(second.reservation)
    assert ledger.this_month() == Spend(settled=4.0)


def test_nothing_is_settled_twice(ledger: SpendLedger) -> None:
    reservation = reserve(ledger, 1.0)
    ledger.settle(reservation, size=1, sha256=SHA)
    is_closed = pytest.raises(ReservationClosedError, match="Download 1 of the spend ledger is settled")
    with is_closed:
        ledger.settle(reservation, size=2, sha256=SHA)
    with is_closed:
        ledger.release(reservation)
    with is_closed:
        ledger.leave_unsettled(reservation)
    with pytest.raises(ReservationClosedError, match="Download 7 of the spend ledger is not in it"):
        ledger.release(Reservation(number=7, request="", usd=1.0))
    assert ledger.this_month() == Spend(settled=1.0)


def test_reading_makes_no_ledger(ledger: SpendLedger, tmp_path: Path) -> None:
    assert ledger.entries() == ()
    assert ledger.by_day() == {}
    assert ledger.this_month() == Spend()
    assert not (tmp_path / "home").exists()


def test_the_ledger_is_for_its_owner_alone(ledger: SpendLedger, tmp_path: Path) -> None:
    reserve(ledger, 1.0)
    home = tmp_path / "home"
    assert home.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in home.iterdir()] == [0o600] * len(list(home.iterdir()))
    with closing(sqlite3.connect(home / "spend.sqlite")) as base:
        assert base.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# Prices and limits


def test_an_unknown_price_blocks(ledger: SpendLedger) -> None:
    with pytest.raises(UnknownPriceError, match=r"The price of GLD is unknown \(HTTP 504\), and nothing is bought"):
        ledger.reserve(None, request="GLD", limit_per_request=5, limit_per_month=50, unknown_because="HTTP 504")
    assert ledger.entries() == ()


@pytest.mark.parametrize("amount", [nan, inf, -inf, -0.01])
@pytest.mark.parametrize("field", ["usd", "limit_per_request", "limit_per_month", "raised_to"])
def test_amounts_that_cannot_be(ledger: SpendLedger, field: str, amount: float) -> None:
    amounts = {"usd": 1.0, "limit_per_request": 5.0, "limit_per_month": 50.0, "raised_to": 1.0, field: amount}
    with pytest.raises(ImpossibleValueError, match=f"{field} is .* must be a finite amount in USD"):
        ledger.reserve(
            amounts["usd"],
            request="GLD",
            limit_per_request=amounts["limit_per_request"],
            limit_per_month=amounts["limit_per_month"],
            raised_to=amounts["raised_to"],
        )
    assert ledger.entries() == ()


def test_the_limit_of_a_request(ledger: SpendLedger) -> None:
    reserve(ledger, 5.0)
    with pytest.raises(SpendLimitError) as refused:
        reserve(ledger, 5.000001)
    assert str(refused.value) == (
        "GLD trades of January is quoted at 5.000001 USD, with a limit of 5.00 USD per request. This month 0.00 USD "
        "are spent, 5.00 reserved by downloads under way and 0.00 of unknown outcome. Ask for less, or allow 5.01 USD "
        "(--allow-usd 5.01); nothing was bought."
    )
    assert refused.value.raise_to == 5.01
    reserve(ledger, 5.000001, raised_to=refused.value.raise_to)


def test_the_limit_of_a_month(ledger: SpendLedger) -> None:
    for _ in range(9):
        buy(ledger, 5.0)
    reserve(ledger, 2.0)
    ledger.leave_unsettled(reserve(ledger, 1.0))
    ledger.release(reserve(ledger, 2.0))
    with pytest.raises(SpendLimitError) as refused:
        reserve(ledger, 2.5)
    assert str(refused.value) == (
        "GLD trades of January is quoted at 2.50 USD, with a limit of 50.00 USD per month. This month 45.00 USD are "
        "spent, 2.00 reserved by downloads under way and 1.00 of unknown outcome. Ask for less, or allow 50.50 USD "
        "(--allow-usd 50.50); nothing was bought."
    )
    with pytest.raises(SpendLimitError):
        reserve(ledger, 2.5, raised_to=50.49)
    reserve(ledger, 2.5, raised_to=50.5)
    assert ledger.this_month() == Spend(settled=45.0, reserved=4.5, unsettled=1.0)


def test_a_raise_never_lowers_a_limit(ledger: SpendLedger) -> None:
    reserve(ledger, 5.0, raised_to=0.0)


def test_cents_add_up_to_the_limit_and_not_over_it(ledger: SpendLedger) -> None:
    for _ in range(10):
        ledger.reserve(0.1, request="x", limit_per_request=1, limit_per_month=1.0)
    with pytest.raises(SpendLimitError):
        ledger.reserve(1e-9, request="x", limit_per_request=1, limit_per_month=1.0)


@pytest.mark.parametrize("usd", [0.07, 0.29, 1.005, 5.0000001, 17.1, 1234567.89])
def test_what_the_refusal_says_would_pass_passes(ledger: SpendLedger, usd: float) -> None:
    with pytest.raises(SpendLimitError) as refused:
        ledger.reserve(usd, request="x", limit_per_request=0.0, limit_per_month=0.0)
    assert usd <= refused.value.raise_to < usd + 0.0100001
    ledger.reserve(usd, request="x", limit_per_request=0, limit_per_month=0, raised_to=refused.value.raise_to)


# Days, months and clocks


def test_sums_by_day_and_month(ledger: SpendLedger, clock: Clock) -> None:
    for moment, usd in (
        (datetime(2022, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC), 1.0),
        (datetime(2022, 2, 1, tzinfo=UTC), 2.0),
        (datetime(2022, 2, 1, 12, tzinfo=UTC), 3.0),
        (datetime.fromisoformat("2022-02-28T23:00:00-05:00"), 4.0),
    ):
        clock.now = moment
        buy(ledger, usd)
    ledger.leave_unsettled(reserve(ledger, 0.5))
    assert ledger.by_day() == {
        date(2022, 1, 31): Spend(settled=1.0),
        date(2022, 2, 1): Spend(settled=5.0),
        date(2022, 3, 1): Spend(settled=4.0, unsettled=0.5),
    }
    assert list(ledger.by_month()) == [date(2022, 1, 1), date(2022, 2, 1), date(2022, 3, 1)]
    assert ledger.by_month()[date(2022, 2, 1)] == Spend(settled=5.0)


def test_a_new_month_begins_at_nothing(ledger: SpendLedger, clock: Clock) -> None:
    clock.now = datetime(2022, 1, 1, tzinfo=UTC)
    buy(ledger, 50.0, raised_to=50.0)
    clock.now = datetime(2022, 1, 31, 23, tzinfo=UTC)
    with pytest.raises(SpendLimitError):
        buy(ledger, 0.01)
    clock.now += timedelta(hours=1)
    buy(ledger, 5.0)
    assert ledger.this_month() == Spend(settled=5.0)


def test_a_clock_that_jumps_back_forgets_no_money(ledger: SpendLedger, clock: Clock) -> None:
    clock.now = datetime(2022, 8, 1, tzinfo=UTC)
    buy(ledger, 40.0, raised_to=40.0)
    clock.now = datetime(2022, 7, 31, tzinfo=UTC)
    buy(ledger, 5.0)
    with pytest.raises(SpendLimitError):
        buy(ledger, 5.01, raised_to=5.01)
    assert ledger.this_month() == Spend(settled=45.0)
    assert [entry.number for entry in ledger.entries()] == [1, 2]
    assert list(ledger.by_day()) == [date(2022, 7, 31), date(2022, 8, 1)]


# Processes


def test_eight_processes_never_pass_the_limit_together(ledger: SpendLedger, tmp_path: Path) -> None:
    path = tmp_path / "home" / "spend.sqlite"
    assert run_together(reserve_until_refused, [(path, 0.75, 20.0)] * 8) == [0] * 8
    assert ledger.this_month() == Spend(settled=19.5)
    assert [entry.number for entry in ledger.entries()] == list(range(1, 27))


def test_a_reservation_of_a_dead_process_is_unsettled_and_counts(ledger: SpendLedger, tmp_path: Path) -> None:
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=reserve_and_wait, args=(tmp_path / "home" / "spend.sqlite", theirs))
    process.start()
    reservation = ours.recv()
    assert ledger.this_month() == Spend(reserved=4.0)
    assert ledger.unsettled() == ()
    process.kill()
    process.join(timeout=60)
    (entry,) = ledger.unsettled()
    assert (entry.reservation, entry.closed_at) == (reservation, NOW)
    with pytest.raises(SpendLimitError, match=r"0.00 reserved by downloads under way and 4.00 of unknown outcome"):
        ledger.reserve(6.5, request="more", limit_per_request=10, limit_per_month=10)
    ledger.settle(reservation, size=1, sha256=SHA)
    assert ledger.this_month() == Spend(settled=4.0)


def test_a_number_that_another_process_has_now_is_no_sign_of_life(ledger: SpendLedger, tmp_path: Path) -> None:
    reserve(ledger, 1.0)
    assert ledger.unsettled() == ()
    with closing(sqlite3.connect(tmp_path / "home" / "spend.sqlite", isolation_level=None)) as base:
        base.execute("UPDATE download SET process = 'another start of the system 1'")
    assert [entry.usd for entry in ledger.unsettled()] == [1.0]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not tell when a process started")
def test_processes_are_told_apart() -> None:
    mark = mark_of(os.getpid())
    assert is_alive(os.getpid(), mark)
    assert not is_alive(os.getpid(), f"{mark}1")
    # The first process of the machine began earlier than any test.
    assert mark_of(1) != mark
    process = processes.Process(target=time.sleep, args=(60,))
    process.start()
    assert process.pid is not None
    mark = mark_of(process.pid)
    assert is_alive(process.pid, mark)
    process.kill()
    process.join()
    assert not is_alive(process.pid, mark)
    assert mark_of(process.pid) == ""


def test_a_system_that_tells_no_marks_is_asked_for_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_alive(os.getpid(), "")
    assert not is_alive(2**22 + 1, "")

    def refuse(pid: int, signal: int) -> None:  # noqa: ARG001 - takes what kill takes
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert is_alive(1, "")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "kill", None)
    assert is_alive(2**22 + 1, "")


def test_kill_at_random_moments_loses_no_money(ledger: SpendLedger, tmp_path: Path) -> None:
    moments = random.Random(9)  # noqa: S311 - moments to kill at, no secret
    counted = 0
    for round_number in range(1, 9):
        ours, theirs = processes.Pipe(duplex=False)
        process = processes.Process(target=spend_without_end, args=(tmp_path / "home" / "spend.sqlite", theirs))
        process.start()
        theirs.close()
        ours.recv()
        counted += 1
        time.sleep(moments.uniform(0, 0.05))
        process.kill()
        process.join(timeout=60)
        for _ in told(ours):
            counted += 1
        entries = ledger.entries()
        # One may have been reserved and not told, in each of the rounds.
        assert counted <= len(entries) <= counted + round_number
        assert {entry.state for entry in entries} <= {"settled", "unsettled"}
        assert len(ledger.unsettled()) <= round_number
        ours.close()


def told(pipe: object) -> Iterator[int]:
    """What a process said before it died."""
    while True:
        try:
            yield pipe.recv()  # type: ignore[attr-defined]
        except EOFError:
            return


# A ledger that cannot be used


def test_a_newer_ledger_is_refused(ledger: SpendLedger, tmp_path: Path) -> None:
    buy(ledger, 1.0)
    with closing(sqlite3.connect(tmp_path / "home" / "spend.sqlite", isolation_level=None)) as base:
        base.execute("PRAGMA user_version = 2")
    for ask in (ledger.entries, lambda: reserve(ledger, 1.0)):
        with pytest.raises(NewerFormatError, match=r"newer vaultdash \(format 2; this one knows 1\). Update vaultdash"):
            ask()


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + bytes(4080)])
def test_a_damaged_ledger_is_refused_and_left_alone(ledger: SpendLedger, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "home" / "spend.sqlite"
    path.parent.mkdir()
    path.write_bytes(content)
    for ask in (ledger.entries, lambda: reserve(ledger, 1.0)):
        with pytest.raises(SpendLedgerUnusableError, match=r"cannot be used: .* Nothing is bought without it"):
            ask()
    assert path.read_bytes() == content


def test_a_ledger_of_something_else_is_refused(ledger: SpendLedger, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with closing(sqlite3.connect(tmp_path / "home" / "spend.sqlite")) as base:
        base.execute("CREATE TABLE download (other)")
    with pytest.raises(SpendLedgerUnusableError, match="already exists"):
        reserve(ledger, 1.0)


def test_a_place_that_cannot_hold_a_ledger_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpendLedgerUnusableError, match="file exists"):
        reserve(SpendLedger(tmp_path / "file" / "spend.sqlite"), 1.0)
    (tmp_path / "folder").mkdir()
    with pytest.raises(SpendLedgerUnusableError, match="used: is a directory"):
        reserve(SpendLedger(tmp_path / "folder"), 1.0)


def test_a_full_disk_refuses_the_purchase_and_keeps_what_was_said(ledger: SpendLedger, tmp_path: Path) -> None:
    buy(ledger, 1.0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(SpendLedgerUnusableError, match="Free some space"):
            reserve(ledger, 2.0)
        with pytest.raises(SpendLedgerUnusableError):
            reserve(SpendLedger(tmp_path / "new" / "spend.sqlite"), 1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ledger.this_month() == Spend(settled=1.0)
    reserve(ledger, 2.0)
    reserve(SpendLedger(tmp_path / "new" / "spend.sqlite"), 1.0)
