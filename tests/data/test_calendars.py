from __future__ import annotations

import json
import warnings
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import exchange_calendars
import pytest

from vaultdash.data.calendars import CALENDARS, session_times, trading_calendar
from vaultdash.errors import NoSessionError, UnknownNameError

FIRST, LAST = "2000-01-01", "2040-12-31"


@pytest.fixture(params=CALENDARS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@cache
def theirs(name: str) -> Any:
    # How it uses pandas is not ours to mend.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return exchange_calendars.get_calendar(name, start=FIRST, end=LAST)


def test_sessions_are_those_of_exchange_calendars(name: str) -> None:
    assert trading_calendar(name).sessions == tuple(session.date() for session in theirs(name).sessions)


def test_opens_and_closes_are_those_of_exchange_calendars(name: str) -> None:
    schedule = theirs(name).schedule
    both = zip(schedule["open"], schedule["close"], strict=True)
    expected = [(opens.to_pydatetime(), closes.to_pydatetime()) for opens, closes in both]
    assert [session_times(name, day) for day in trading_calendar(name).sessions] == expected


def test_new_york_opens_an_hour_earlier_in_utc_under_daylight_saving() -> None:
    assert session_times("XNYS", date(2026, 3, 6)) == (
        datetime(2026, 3, 6, 14, 30, tzinfo=UTC),
        datetime(2026, 3, 6, 21, 0, tzinfo=UTC),
    )
    assert session_times("XNYS", date(2026, 3, 9)) == (
        datetime(2026, 3, 9, 13, 30, tzinfo=UTC),
        datetime(2026, 3, 9, 20, 0, tzinfo=UTC),
    )


def test_chicago_opens_on_the_evening_before_and_over_the_weekend_of_the_clock_change() -> None:
    assert session_times("CMES", date(2026, 3, 9)) == (
        datetime(2026, 3, 8, 22, 0, tzinfo=UTC),
        datetime(2026, 3, 9, 22, 0, tzinfo=UTC),
    )
    assert session_times("CMES", date(2026, 3, 6))[0] == datetime(2026, 3, 5, 23, 0, tzinfo=UTC)


def test_half_days_close_early() -> None:
    assert session_times("XNYS", date(2025, 11, 28))[1] == datetime(2025, 11, 28, 18, 0, tzinfo=UTC)
    assert session_times("CMES", date(2025, 11, 27))[1] == datetime(2025, 11, 27, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize("day", [date(2022, 1, 1), date(2022, 1, 17), date(2001, 9, 11), date(2050, 1, 3)])
def test_a_closed_day_has_no_hours(day: date) -> None:
    with pytest.raises(NoSessionError, match=rf"\(XNYS\) holds no session from {day} to {day}"):
        session_times("XNYS", day)


def test_an_unknown_calendar_is_named_with_those_known() -> None:
    sentence = "There is no trading calendar named 'XLON'. Known: CMES, XNYS."
    with pytest.raises(UnknownNameError) as refused:
        trading_calendar("XLON")
    assert str(refused.value) == sentence
    with pytest.raises(UnknownNameError) as refused:
        session_times("../../etc/passwd", date(2022, 1, 3))
    assert "'../../etc/passwd'" in str(refused.value)


def test_declarations_are_small_and_sorted(name: str) -> None:
    source = Path(__file__).parents[2] / "src/vaultdash/data/sessions" / f"{name}.json"
    declared = json.loads(source.read_text("utf-8"))
    assert source.stat().st_size < 60_000
    assert declared["holidays"] == sorted(set(declared["holidays"]))
    assert list(declared["special_sessions"]) == sorted(declared["special_sessions"])
