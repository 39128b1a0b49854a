"""The words every room shares: windows of dates, trading calendars, daily closes, bars."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum, StrEnum
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

from vaultdash.errors import DatesReversedError, ImpossibleValueError, NoSessionError, ScheduleTooLateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class DateRange:
    """Days from `start` to `end`, both included, as people say them."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if not self.start <= self.end:
            raise DatesReversedError(start=self.start, end=self.end)

    def __str__(self) -> str:
        return f"{self.start}..{self.end}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """An interval of time, `start` included and `end` not, in nanoseconds since 1970 UTC."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ImpossibleValueError(
                owner="Window", field="end", value=self.end, must=f"come after its start ({self.start})"
            )

    @classmethod
    def of_days(cls, days: DateRange) -> Window:
        """The UTC days of a range of dates, both included: midnight to the midnight after the last."""
        return cls(start=midnight_ns(days.start), end=midnight_ns(days.end) + DAY_NS)

    def overlap(self, other: Window) -> Window | None:
        """What both hold; None where they do not meet."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Window(start=start, end=end) if start < end else None

    def __contains__(self, moment: int) -> bool:
        return self.start <= moment < self.end

    def __str__(self) -> str:
        return f"{iso_utc(self.start)}..{iso_utc(self.end)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TradingCalendar:
    """The sessions of an exchange, each named by the date the exchange gives it, in order."""

    name: str
    sessions: tuple[date, ...]

    def __contains__(self, day: date) -> bool:
        at = bisect_left(self.sessions, day)
        return at < len(self.sessions) and self.sessions[at] == day

    def within(self, window: DateRange) -> tuple[date, ...]:
        """Sessions of the window, both ends included; may be empty."""
        return self.sessions[bisect_left(self.sessions, window.start) : bisect_right(self.sessions, window.end)]

    def first_at_or_after(self, day: date) -> date:
        """Return the first session on `day` or later.

        Raises NoSessionError past the calendar's last session.
        """
        at = bisect_left(self.sessions, day)
        if not at < len(self.sessions):
            raise NoSessionError(calendar=self.name, start=day, end=day)
        return self.sessions[at]

    def sessions_until(self, day: date, later: date) -> int:
        """Count sessions after `day`, up to and including `later`."""
        return bisect_right(self.sessions, later) - bisect_right(self.sessions, day)


@dataclass(frozen=True, kw_only=True, slots=True)
class DailyClose:
    """One session's close in USD, and what else its source said of that day."""

    date: date
    close: float
    open: float | None = None
    high: float | None = None
    low: float | None = None
    volume: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.close < inf:
            raise ImpossibleValueError(
                owner=f"The close of {self.date}",
                field="close",
                value=self.close,
                must="be a finite price above 0",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class DailyCloses:
    """A symbol's closes, one a session, dates rising, with what they are and what was done to get them.

    `close_basis` says what a close is: consolidated, session, utc_day or vendor. `digest` is the sha256 of the
    bytes the series was read from. `notes` are the warnings counted on the way.
    """

    symbol: str
    source: str
    close_basis: str
    is_synthetic: bool
    calendar: str
    days: tuple[DailyClose, ...]
    digest: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.days:
            raise ImpossibleValueError(
                owner=f"Daily closes of {self.symbol}", field="days", value=(), must="hold a close"
            )
        for earlier, later in pairwise(self.days):
            if not earlier.date < later.date:
                raise ImpossibleValueError(
                    owner=f"Daily closes of {self.symbol}",
                    field="days",
                    value=str(later.date),
                    must=f"come after {earlier.date}",
                )

    @property
    def held(self) -> DateRange:
        """First and last date held."""
        return DateRange(start=self.days[0].date, end=self.days[-1].date)

    def index_at_or_after(self, day: date) -> int:
        """Position of the first close on `day` or later; `len(days)` where there is none."""
        return bisect_left(self.days, day, key=_date_of)

    def between(self, window: DateRange) -> Sequence[DailyClose]:
        """Closes inside the window, both ends included; may be empty."""
        return self.days[self.index_at_or_after(window.start) : bisect_right(self.days, window.end, key=_date_of)]


def midnight_ns(day: date) -> int:
    """The start of a UTC day, in nanoseconds since 1970."""
    return (day - EPOCH).days * DAY_NS


def utc_day(moment: int) -> date:
    """The UTC day that holds a moment given in nanoseconds since 1970."""
    return EPOCH + timedelta(days=moment // DAY_NS)


def iso_utc(moment: int) -> str:
    """A moment as ISO-8601 UTC, with as much of it as is not zero: 2022-01-03, or 2022-01-03T14:30:00Z."""
    day, rest = divmod(moment, DAY_NS)
    text = (EPOCH + timedelta(days=day)).isoformat()
    if not rest:
        return text
    seconds, fraction = divmod(rest, SECOND_NS)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}T{clock}{f'.{fraction:09}' if fraction else ''}Z"


def _date_of(day: DailyClose) -> date:
    return day.date


class Aggressor(StrEnum):
    """Who crossed the spread, in the letters of the vendor's `side`: B is a buyer, A a seller, N is not given."""

    BUYER = "B"
    SELLER = "A"
    NONE = "N"


class Direction(IntEnum):
    """What we hold: the sign of a position."""

    SHORT = -1
    FLAT = 0
    LONG = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Bars:
    """Bars as columns, one value a bar, starts rising. What a bar says is known only at its end.

    Shapes: every column is (n,). Units: `start` and `end` are UTC nanoseconds, half-open; `open`, `high`, `low`,
    `close` are int64 prices in units of 1e-9; `vwap` is a float64 price in the instrument's currency; volumes, counts
    and deltas are int64 contracts or shares, exact; `session` is the number of days from 1970-01-01 to the session's
    date (int32). `volume_delta` is buy less sell volume; `min_delta` and `max_delta` are the lowest and highest
    running delta inside the bar, 0 included; `cumulative_delta` is the running sum under the reset rule.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    open: NDArray[np.int64]
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    volume: NDArray[np.int64]
    buy_volume: NDArray[np.int64]
    sell_volume: NDArray[np.int64]
    unsided_volume: NDArray[np.int64]
    trade_count: NDArray[np.int64]
    vwap: NDArray[np.float64]
    volume_delta: NDArray[np.int64]
    min_delta: NDArray[np.int64]
    max_delta: NDArray[np.int64]
    cumulative_delta: NDArray[np.int64]
    session: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Dated values as fractions (0.16 for 16 %); the value of a date holds until the next one.

    `name` says where they come from, `digest` is the sha256 of the bytes they were read from.
    """

    name: str
    dates: tuple[date, ...]
    values: tuple[float, ...]
    digest: str

    def __post_init__(self) -> None:
        if not (self.dates and len(self.dates) == len(self.values)):
            raise ImpossibleValueError(
                owner=self.name,
                field="dates",
                value=len(self.dates),
                must="hold one value for each date, and one at least",
            )
        for earlier, later in pairwise(self.dates):
            if not earlier < later:
                raise ImpossibleValueError(
                    owner=self.name, field="dates", value=str(later), must=f"come after {earlier}"
                )

    def entry_on(self, day: date) -> tuple[date, float]:
        """Return the entry in force on `day`: its date and its value.

        Raises ScheduleTooLateError before the first date.
        """
        at = bisect_right(self.dates, day) - 1
        if not at >= 0:
            raise ScheduleTooLateError(name=self.name, first=self.dates[0], day=day)
        return self.dates[at], self.values[at]
