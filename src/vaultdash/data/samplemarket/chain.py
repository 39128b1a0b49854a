"""Which options on GLD are listed on a session: expiries, strikes and names, none withdrawn before it expires.

Expiries are Fridays (the session before, where a Friday is a holiday): every one of the next five weeks, third Fridays
of the next seven months, and those of March, June, September and December of the next sixteen. Strikes lie on a grid
around every close that GLD has seen since the expiry was listed, so that strikes are added and never taken away.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from vaultdash.data.calendars import FRIDAY, trading_calendar
from vaultdash.data.samplemarket.contracts import third_friday
from vaultdash.data.samplemarket.noise import Ints
from vaultdash.data.samplemarket.path import daily_path
from vaultdash.market import DateRange

CALENDAR = "XNYS"
WEEK_DAYS, MONTH_DAYS, QUARTER_DAYS = 35, 215, 480  # how long before its expiry an option is listed
WIDTHS = {WEEK_DAYS: 15, MONTH_DAYS: 30, QUARTER_DAYS: 40}  # how far the strikes reach, in hundredths of a close
QUARTER_MONTHS = (3, 6, 9, 12)
# (up to which strike, how far apart), in USD.
STRIKE_STEPS = ((100, 1), (250, 2), (2_000, 5))
MILLI = 1_000  # strikes are kept in thousandths of a dollar, as option symbols write them
CALL, PUT = "C", "P"


@dataclass(frozen=True, kw_only=True, slots=True)
class Expiry:
    """A date of expiry, the day it was first listed and how far its strikes reach."""

    day: date
    listed: date
    width: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """The options listed on a session as columns, in order of expiry, strike and right (call, put).

    `expiry` is the ordinal of a date, `strike` in thousandths of a dollar, `instrument_id` tells each from all others.
    """

    session: date
    expiry: Ints
    strike: Ints
    is_put: NDArray[np.bool_]
    instrument_id: Ints

    def __len__(self) -> int:
        return len(self.expiry)


@lru_cache(maxsize=32)
def chain_on(session: date) -> Chain:
    """The options listed on a session of the sample, those that expire on it included."""
    parts = [(expiry.day.toordinal(), _strikes(expiry, session)) for expiry in _expiries_on(session)]
    strike = np.repeat(np.concatenate([strikes for _, strikes in parts]), 2)
    expiry = np.repeat(np.array([day for day, _ in parts], dtype=np.int64), [2 * len(s) for _, s in parts])
    is_put = np.tile(np.array([False, True]), len(strike) // 2)
    # Days since the sample's first year, above 16 bits of half dollars and the right: below 2**30.
    identity = ((expiry - date(2004, 1, 1).toordinal()) << 16) + ((strike // (MILLI // 2)) << 1) + is_put
    return Chain(session=session, expiry=expiry, strike=strike, is_put=is_put, instrument_id=identity)


def option_symbol(expiry: int, strike: int, *, is_put: bool) -> str:
    """An option's name as the Options Symbology Initiative writes it: `GLD   240315C00190000`."""
    return f"GLD   {date.fromordinal(expiry):%y%m%d}{PUT if is_put else CALL}{strike:08d}"


def _expiries_on(session: date) -> list[Expiry]:
    found = []
    friday = session + timedelta(days=(FRIDAY - session.weekday()) % 7)
    # A Friday that is a holiday may have its expiry before today, so a week more is looked at than is listed.
    while (friday - session).days <= QUARTER_DAYS + 7:
        expiry = _expiry_of(friday)
        if expiry and expiry.listed <= session <= expiry.day:
            found.append(expiry)
        friday += timedelta(days=7)
    return found


@cache
def _expiry_of(friday: date) -> Expiry:
    day = trading_calendar(CALENDAR).within(DateRange(start=friday - timedelta(days=6), end=friday))[-1]
    days = WEEK_DAYS
    if friday == third_friday(friday.year, friday.month):
        days = QUARTER_DAYS if friday.month in QUARTER_MONTHS else MONTH_DAYS
    return Expiry(day=day, listed=friday - timedelta(days=days), width=WIDTHS[days])


def _strikes(expiry: Expiry, session: date) -> Ints:
    """Strikes around the closes from the listing to the session before this one, in thousandths of a dollar."""
    days, closes = _closes()
    until = max(1, bisect_left(days, session))
    since = min(bisect_left(days, expiry.listed), until)
    seen = closes[max(0, since - 1) : until]
    lowest, highest = min(seen) * (100 - expiry.width) / 100, max(seen) * (100 + expiry.width) / 100
    grid = _strike_grid()
    first, end = np.searchsorted(grid, (lowest * MILLI, highest * MILLI))
    return grid[first:end]


@cache
def _strike_grid() -> Ints:
    strikes: list[int] = []
    below = 0
    for limit, step in STRIKE_STEPS:
        strikes += range(below + step, limit + 1, step)
        below = limit
    return np.array(strikes, dtype=np.int64) * MILLI


@cache
def _closes() -> tuple[list[date], list[float]]:
    path = daily_path("GLD")
    return [day.date for day in path], [day.close for day in path]
