from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from vaultdash.data.calendars import trading_calendar
from vaultdash.data.closes import daily_closes, require_coverage
from vaultdash.data.sample import sample_closes
from vaultdash.errors import (
    NoSessionError,
    OptionsConflictError,
    UnknownNameError,
    UnreadableValueError,
    WindowNotCoveredError,
)
from vaultdash.market import DailyClose, DailyCloses, DateRange

XNYS = trading_calendar("XNYS")


def window(start: str, end: str) -> DateRange:
    return DateRange(start=date.fromisoformat(start), end=date.fromisoformat(end))


def closes_on(*days: str) -> DailyCloses:
    return DailyCloses(
        symbol="GLD",
        source="file",
        close_basis="vendor",
        is_synthetic=False,
        calendar="XNYS",
        days=tuple(DailyClose(date=date.fromisoformat(day), close=100.0) for day in days),
        digest="",
    )


JANUARY = closes_on(*(str(day) for day in XNYS.within(window("2022-01-03", "2022-01-31"))))


def test_the_room_opens_without_the_heavy_libraries() -> None:
    asked = "import sys, vaultdash.data.closes as c; c.daily_closes('sample', 'GLD'); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert "vaultdash.data.sample" in ran.stdout.split()
    assert {"pandas", "pyarrow", "numpy"}.isdisjoint(ran.stdout.split())


def test_the_sample_is_reached_by_its_name() -> None:
    assert daily_closes("sample", "GC=F") is sample_closes("GC")


def test_a_file_is_read_on_its_symbols_calendar(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    # New York is closed on the 17th of January 2022, Chicago is not.
    path.write_text("date,close\n2022-01-14,1800\n2022-01-17,1810\n2022-01-18,1820\n", encoding="utf-8")
    future = daily_closes("file", "gold", path=path)
    assert (future.symbol, future.calendar, len(future.days), future.notes) == ("GC", "CMES", 3, ())
    share = daily_closes("file", "SPY", path=path)
    assert (share.symbol, share.calendar, len(share.days)) == ("SPY", "XNYS", 2)


@pytest.mark.parametrize("source", ["databento", "yahoo", "Sample", ""])
def test_an_unknown_source_is_named_with_those_known(source: str) -> None:
    with pytest.raises(UnknownNameError) as refused:
        daily_closes(source, "GLD")
    assert str(refused.value) == f"There is no source named {source!r}. Known: file, sample."


def test_a_file_needs_a_path() -> None:
    with pytest.raises(OptionsConflictError) as refused:
        daily_closes("file", "GLD")
    assert str(refused.value) == "The source is a file, yet no file is named. Name one, or choose the source sample."


def test_the_sample_takes_no_path() -> None:
    with pytest.raises(OptionsConflictError) as refused:
        daily_closes("sample", "GLD", path=Path("gld.csv"))
    assert str(refused.value) == (
        "The source is the sample, yet a file is named (gld.csv). Choose the source file, or leave the file out."
    )


def test_a_symbol_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(UnreadableValueError, match="The symbol: ''"):
        daily_closes("sample", "")


def test_a_window_held_in_full_has_no_notes() -> None:
    assert require_coverage(JANUARY, window("2022-01-03", "2022-01-31"), XNYS) == ()
    assert require_coverage(JANUARY, window("2022-01-05", "2022-01-05"), XNYS) == ()


def test_ends_on_closed_days_are_told() -> None:
    assert require_coverage(JANUARY, window("2022-01-01", "2022-01-30"), XNYS) == (
        "the window starts on Saturday 2022-01-01; the first session is 2022-01-03",
        "the window ends on Sunday 2022-01-30; the last session is 2022-01-28",
    )
    assert require_coverage(JANUARY, window("2022-01-17", "2022-01-18"), XNYS) == (
        "the window starts on Monday 2022-01-17; the first session is 2022-01-18",
    )


def test_sessions_without_a_close_are_counted_and_the_first_named() -> None:
    thin = closes_on("2022-01-03", "2022-01-11")
    assert require_coverage(thin, window("2022-01-03", "2022-01-11"), XNYS) == (
        "5 sessions of the window have no close (2022-01-04, 2022-01-05, 2022-01-06 and 2 more)",
    )
    one = closes_on("2022-01-03", "2022-01-05")
    assert require_coverage(one, window("2022-01-03", "2022-01-05"), XNYS) == (
        "1 session of the window has no close (2022-01-04)",
    )


@pytest.mark.parametrize(("start", "end"), [("2022-01-01", "2022-01-02"), ("2022-01-17", "2022-01-17")])
def test_a_window_without_a_session_is_refused(start: str, end: str) -> None:
    with pytest.raises(NoSessionError, match=rf"\(XNYS\) holds no session from {start} to {end}"):
        require_coverage(JANUARY, window(start, end), XNYS)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2021-12-31", "2022-01-10"),  # a session early
        ("2022-01-10", "2022-02-01"),  # a session late
        ("2021-12-31", "2022-02-01"),
        ("2010-01-04", "2010-02-01"),  # wholly before
        ("2030-01-02", "2030-02-01"),  # wholly after
        ("1995-01-03", "1995-02-01"),  # before the calendar
        ("2050-01-03", "2050-02-01"),  # after the calendar
        ("1999-12-31", "2022-01-10"),
        ("2022-01-10", "2041-01-01"),
    ],
)
def test_a_window_not_held_is_refused_with_what_is(start: str, end: str) -> None:
    with pytest.raises(WindowNotCoveredError) as refused:
        require_coverage(JANUARY, window(start, end), XNYS)
    assert str(refused.value) == (
        f"file does not cover {start}..{end} for GLD: it holds 2022-01-03..2022-01-31. "
        "Choose a window inside that, or another source."
    )


def test_a_hole_as_wide_as_the_window_is_refused() -> None:
    torn = closes_on("2022-01-03", "2022-01-31")
    with pytest.raises(WindowNotCoveredError, match=r"it holds 2022-01-03\.\.2022-01-31, but no close between"):
        require_coverage(torn, window("2022-01-10", "2022-01-14"), XNYS)


def test_an_end_within_a_holiday_of_the_last_close_is_covered() -> None:
    until_friday = closes_on("2022-01-13", "2022-01-14")
    notes = require_coverage(until_friday, window("2022-01-13", "2022-01-17"), XNYS)
    assert notes == ("the window ends on Monday 2022-01-17; the last session is 2022-01-14",)


def test_the_sample_covers_its_own_window_and_not_a_session_more() -> None:
    gold = sample_closes("GLD")
    assert require_coverage(gold, gold.held, XNYS) == ()
    for beyond in (
        DateRange(start=gold.held.start - timedelta(days=1), end=gold.held.end),
        DateRange(start=gold.held.start, end=gold.held.end + timedelta(days=1)),
    ):
        with pytest.raises(WindowNotCoveredError, match=r"^sample does not cover"):
            require_coverage(gold, beyond, XNYS)
