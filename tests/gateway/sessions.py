"""Trading hours: when the share, option and futures markets are open, roughly as the real ones are."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from tests.gateway.paths import MINUTES_PER_DAY, day_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.gateway.noise import F64, I64

Calendar = Literal["shares", "options", "futures"]

_YEARS: Final = range(2004, 2034)
_SUNDAY: Final = 6
_JUNETEENTH_SINCE: Final = 2022
# Days on which the share market stayed shut for storms and for mourning.
_UNPLANNED: Final = ("2012-10-29", "2012-10-30", "2018-12-05", "2025-01-09")
_REGULAR: Final = (9 * 60 + 30, 16 * 60)
_EXTENDED: Final = (4 * 60, 20 * 60)
_HALT: Final = (17 * 60, 18 * 60)
_LONGEST_SHIFT: Final = 6 * 60  # minutes by which a session may lie outside the UTC day of its date


def _nth(year: int, month: int, weekday: int, count: int) -> dt.date:
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))


def third_friday(year: int, month: int) -> dt.date:
    """Give the day on which share index futures and monthly options expire."""
    return _nth(year, month, 4, 3)


def _good_friday(year: int) -> dt.date:
    # Anonymous Gregorian computus.
    golden, century = year % 19, year // 100
    epact = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    moon = epact - (epact // 28) * (1 - (29 // (epact + 1)) * ((21 - golden) // 11))
    offset = moon - (year + year // 4 + moon + 2 - century + century // 4) % 7
    month = 3 + (offset + 40) // 44
    return dt.date(year, month, offset + 28 - 31 * (month // 4)) - dt.timedelta(days=2)


def _observed(day: dt.date) -> dt.date:
    return day + dt.timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))


@lru_cache
def holidays(calendar: Calendar) -> I64:
    """List the day numbers on which a weekday has no session."""
    days: list[dt.date] = []
    for year in _YEARS:
        days += [_good_friday(year), _observed(dt.date(year, 12, 25))]
        # New Year's Day on a Saturday is not brought forward into the old year.
        days += [_observed(dt.date(year, 1, 1))] if dt.date(year, 1, 1).weekday() != 5 else []
        if calendar == "futures":
            continue
        days += [_nth(year, 1, 0, 3), _nth(year, 2, 0, 3), _nth(year, 6, 0, 1) - dt.timedelta(days=7)]
        days += [_observed(dt.date(year, 7, 4)), _nth(year, 9, 0, 1), _nth(year, 11, 3, 4)]
        days += [_observed(dt.date(year, 6, 19))] if year >= _JUNETEENTH_SINCE else []
    days += [dt.date.fromisoformat(day) for day in _UNPLANNED] if calendar != "futures" else []
    return np.array(sorted(map(day_number, days)), dtype=np.int64)


def is_session(calendar: Calendar, days: I64) -> NDArray[np.bool_]:
    """Say for each day number whether the market holds a session dated that day."""
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday
    return (weekday < 5) & ~np.isin(days, holidays(calendar))


@lru_cache
def _summer() -> tuple[I64, I64]:
    starts = [day_number(_nth(year, 3, _SUNDAY, 2)) for year in _YEARS]
    ends = [day_number(_nth(year, 11, _SUNDAY, 1)) for year in _YEARS]
    return np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)


def new_york(minutes: I64) -> I64:
    """Turn UTC minutes into New York wall-clock minutes (both from 1970-01-01)."""
    starts, ends = _summer()
    changes = np.sort(np.concatenate([starts * MINUTES_PER_DAY + 7 * 60, ends * MINUTES_PER_DAY + 6 * 60]))
    is_summer = np.searchsorted(changes, minutes, side="right") % 2 == 1
    return minutes - np.where(is_summer, 4 * 60, 5 * 60)


def session_days(calendar: Calendar, minutes: I64) -> I64:
    """Give the day number that the exchange dates each minute with."""
    local = new_york(minutes)
    shift = MINUTES_PER_DAY - _HALT[1] if calendar == "futures" else 0
    return (local + shift) // MINUTES_PER_DAY


def open_minutes(calendar: Calendar, first: int, end: int) -> tuple[I64, F64]:
    """List the open minutes in [first, end) and the share of a day's trades that falls in each."""
    minutes = np.arange(first, max(first, end), dtype=np.int64)
    local = new_york(minutes)
    clock = local % MINUTES_PER_DAY
    is_regular = (clock >= _REGULAR[0]) & (clock < _REGULAR[1])
    if calendar == "futures":
        is_open = (clock < _HALT[0]) | (clock >= _HALT[1])
        quiet = 0.25 / (23 * 60 - 390)
    elif calendar == "shares":
        is_open = (clock >= _EXTENDED[0]) & (clock < _EXTENDED[1])
        quiet = 0.06 / (16 * 60 - 390)
    else:
        is_open, quiet = is_regular, 0.0
    busy = {"futures": 0.75, "shares": 0.94, "options": 1.0}[calendar] / 390
    is_open &= is_session(calendar, session_days(calendar, minutes))
    return minutes[is_open], np.where(is_regular, busy, quiet)[is_open]


def has_hours(calendar: Calendar, first_day: int, end_day: int) -> bool:
    """Say whether any minute of the UTC days [first_day, end_day) is open."""
    for day in range(first_day, end_day):
        if len(open_minutes(calendar, day * MINUTES_PER_DAY, (day + 1) * MINUTES_PER_DAY)[0]):
            return True
    return False


def session_span(first_day: int, end_day: int) -> tuple[int, int]:
    """Give UTC minutes that surely hold every session dated [first_day, end_day)."""
    return first_day * MINUTES_PER_DAY - _LONGEST_SHIFT, end_day * MINUTES_PER_DAY + _LONGEST_SHIFT
