from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.data.sample_series import sample_closes
from vaultdash.data.calendars import trading_calendar
from vaultdash.data.closes import require_coverage
from vaultdash.errors import NoSessionError, WindowNotCoveredError
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
