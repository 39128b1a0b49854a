"""When exchanges open: their sessions and the hours of each, from the declarations in `sessions/`.

The declarations are written by `tools/write_sessions.py` from `exchange_calendars` and cover 2000-01-01 to 2040-12-31;
sessions that lie in the future are those of the exchange's present rules.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import TypedDict, cast
from zoneinfo import ZoneInfo

from vaultdash.errors import NoSessionError, UnknownNameError
from vaultdash.market import TradingCalendar

CALENDARS = ("CMES", "XNYS")
FRIDAY = 4


class _Hours(TypedDict):
    open: str
    close: str


class _Declaration(_Hours):
    calendar: str
    first: str
    last: str
    timezone: str
    opens_days_before: int
    holidays: list[str]
    special_sessions: dict[str, _Hours]


@cache
def _declaration(name: str) -> _Declaration:
    if name not in CALENDARS:
        raise UnknownNameError(kind="trading calendar", name=name, known=CALENDARS)
    text = resources.files("vaultdash.data").joinpath("sessions", f"{name}.json").read_text("utf-8")
    return cast("_Declaration", json.loads(text))


@cache
def trading_calendar(name: str) -> TradingCalendar:
    """Return the sessions of an exchange: weekdays from the first to the last declared, less holidays.

    `name` is XNYS (New York stocks and options) or CMES (Chicago futures, dated by the day they close).
    Raises UnknownNameError for any other.
    """
    declared = _declaration(name)
    holidays = {date.fromisoformat(day).toordinal() for day in declared["holidays"]}
    first, last = date.fromisoformat(declared["first"]), date.fromisoformat(declared["last"])
    ordinals = range(first.toordinal(), last.toordinal() + 1)
    # Ordinal 1 is a Monday, so the weekday of an ordinal n is (n - 1) % 7.
    sessions = tuple(date.fromordinal(n) for n in ordinals if (n - 1) % 7 <= FRIDAY and n not in holidays)
    return TradingCalendar(name=name, sessions=sessions)


def session_times(name: str, day: date) -> tuple[datetime, datetime]:
    """Return when the session of `day` opens and closes, in UTC; half days and daylight saving included.

    A CMES session opens on the evening before its date. Raises UnknownNameError for an unknown calendar and
    NoSessionError where the exchange is closed on `day`.
    """
    declared = _declaration(name)
    if day not in trading_calendar(name):
        raise NoSessionError(calendar=name, start=day, end=day)
    hours = declared["special_sessions"].get(day.isoformat(), declared)
    zone = ZoneInfo(declared["timezone"])
    opening_day = day - timedelta(days=declared["opens_days_before"])
    opens = datetime.combine(opening_day, time.fromisoformat(hours["open"]), tzinfo=zone)
    closes = datetime.combine(day, time.fromisoformat(hours["close"]), tzinfo=zone)
    return opens.astimezone(UTC), closes.astimezone(UTC)
