"""Price paths: made-up levels of gold and of a share index at any minute, through rounded way-points."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np

from tests.gateway.noise import F64, I64, seed_of, signed

MINUTES_PER_DAY: Final = 1440
EPOCH: Final = dt.date(1970, 1, 1)

# Only +, -, * and / are used below: these round alike everywhere, so prices do not depend on the machine.
_WAY_POINTS: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "gold": (
        ("2004-11-18", 44), ("2008-03-17", 99), ("2008-11-12", 70), ("2011-08-22", 185), ("2013-04-11", 151),
        ("2013-04-15", 131), ("2015-12-17", 100), ("2018-08-16", 111), ("2020-02-24", 156), ("2020-03-19",
        138),
        ("2020-08-06", 194), ("2022-09-26", 151), ("2024-10-30", 257), ("2025-10-20", 403), ("2026-01-29",
        496),
        ("2026-03-26", 401), ("2030-01-01", 450),
    ),
    "index": (
        ("2004-01-01", 1100), ("2007-10-09", 1565), ("2009-03-09", 680), ("2015-05-20", 2125),
        ("2018-12-24", 2350),
        ("2020-02-19", 3390), ("2020-03-23", 2210), ("2022-01-03", 4790), ("2022-10-12", 3580),
        ("2025-02-19", 6150),
        ("2025-04-08", 5000), ("2026-06-01", 7000), ("2030-01-01", 8200),
    ),
}  # fmt: skip
_WAVES: Final = ((5, 0.006), (21, 0.012), (63, 0.02))  # days, amplitude as a fraction


def day_number(day: dt.date) -> int:
    """Count days from 1970-01-01."""
    return (day - EPOCH).days


def date_of(number: int) -> dt.date:
    """Turn a day number back into a date."""
    return EPOCH + dt.timedelta(days=int(number))


def _between(table: F64, position: I64, parts: int) -> F64:
    """Read `table`, whose steps are `parts` long, at `position` counted from its start."""
    step = position // parts
    share = (position - step * parts) / parts
    return table[step] + (table[step + 1] - table[step]) * share


def _daily(path: str, days: I64) -> F64:
    points = _WAY_POINTS[path]
    at = np.array([day_number(dt.date.fromisoformat(day)) for day, _ in points], dtype=np.float64)
    level = np.interp(days, at, np.array([value for _, value in points], dtype=np.float64))
    factor = 1.0 + 0.003 * signed(seed_of(path, "day"), days)
    for length, amplitude in _WAVES:
        first = int(days[0]) // length
        steps = np.arange(first, int(days[-1]) // length + 2, dtype=np.int64)
        knots = signed(seed_of(path, "wave", length), steps)
        factor += amplitude * _between(knots, days - first * length, length)
    return level * factor


def level(path: str, minutes: I64) -> F64:
    """Give the level of `path` at each of `minutes` (minutes from 1970-01-01 UTC, any order)."""
    if not len(minutes):
        return np.zeros(0, dtype=np.float64)
    first_day, last_day = int(minutes.min()) // MINUTES_PER_DAY, int(minutes.max()) // MINUTES_PER_DAY
    daily = _daily(path, np.arange(first_day, last_day + 3, dtype=np.int64))
    hours = np.arange(first_day * 24, (last_day + 1) * 24 + 2, dtype=np.int64)
    swing = 1.0 + 0.0015 * signed(seed_of(path, "hour"), hours)
    hourly = _between(daily, hours - first_day * 24, 24) * swing
    jitter = 1.0 + 0.0003 * signed(seed_of(path, "minute"), minutes)
    return _between(hourly, minutes - first_day * MINUTES_PER_DAY, 60) * jitter
