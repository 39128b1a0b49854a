"""Which session a bar belongs to: by the exchange's hours, or by its UTC day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vaultdash.data.calendars import session_times
from vaultdash.market import DAY_NS, SECOND_NS, DateRange, midnight_ns, utc_day

if TYPE_CHECKING:
    from vaultdash.market import TradingCalendar

EPOCH_TIME = datetime(1970, 1, 1, tzinfo=UTC)
ONE_DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionIndex:
    """Sessions in order, each with when it opens and closes (ns UTC; int64, shape (n,))."""

    days: tuple[date, ...]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]

    def places(self, moments: NDArray[np.int64], length: int) -> NDArray[np.intp]:
        """The position of the session that each bar reaches into, -1 where none; bars are `length` ns long.

        A bar that starts before the open and ends after it counts to the session that opens.
        """
        if not len(self.opens):
            return np.full(len(moments), -1, np.intp)
        at = np.searchsorted(self.opens, moments + (length - 1), side="right") - 1
        is_inside = (at >= 0) & (moments < self.closes[at])
        return np.where(is_inside, at, -1)


def session_index(calendar: TradingCalendar, *, first: int, last: int) -> SessionIndex:
    """The exchange's sessions that any moment from `first` to `last` (ns UTC) may lie in, by its declared hours."""
    return _by_hours(calendar.name, _around(calendar, first, last))


def day_index(calendar: TradingCalendar, *, first: int, last: int) -> SessionIndex:
    """The same sessions, each taken to be the whole UTC day of its date."""
    days = _around(calendar, first, last)
    opens = np.array([midnight_ns(day) for day in days], np.int64)
    return SessionIndex(days=days, opens=opens, closes=opens + DAY_NS)


def _around(calendar: TradingCalendar, first: int, last: int) -> tuple[date, ...]:
    # A session opens on its date or the day before, so a day to either side holds every one there can be.
    window = DateRange(start=utc_day(first) - ONE_DAY, end=utc_day(last) + ONE_DAY)
    return calendar.within(window)


@lru_cache(maxsize=8)
def _by_hours(name: str, days: tuple[date, ...]) -> SessionIndex:
    times = [session_times(name, day) for day in days]
    return SessionIndex(
        days=days,
        opens=np.array([_ns(opens) for opens, _ in times], np.int64),
        closes=np.array([_ns(closes) for _, closes in times], np.int64),
    )


def _ns(moment: datetime) -> int:
    return (moment - EPOCH_TIME) // MICROSECOND * (SECOND_NS // 1_000_000)
