"""The sample's futures: which contracts exist, when each expires, and when the volume moves to the next."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Literal

from vaultdash.data.calendars import FRIDAY, trading_calendar
from vaultdash.data.samplemarket.path import SAMPLE_WINDOW
from vaultdash.market import DateRange

CALENDAR = "CMES"
YEARS = range(SAMPLE_WINDOW.start.year, SAMPLE_WINDOW.end.year + 3)
MONTH_LETTERS = {2: "G", 3: "H", 4: "J", 6: "M", 8: "Q", 9: "U", 10: "V", 12: "Z"}
THIRD_FRIDAY_FROM = 15  # the third Friday of a month falls on its 15th to 21st
ES_ROLL_DAYS_BEFORE = 4  # the Monday of the week of expiry
GC_ROLL_SESSION = -4  # the fourth last session of the month before delivery
GC_LAST_SESSION = -3  # the third last session of the delivery month


@dataclass(frozen=True, kw_only=True, slots=True)
class FutureRoot:
    """A future in all its months.

    `tick` and `spread_tick` are in 1e-9 USD, as DBN keeps prices. `carry` is what a later contract stands above an
    earlier one, as a fraction of the price a year in ten-thousandths. `spread_sign` is +1 where a calendar spread is
    quoted as far less near (equity indices at CME), -1 where it is near less far (metals). `lots_a_trade` is the mean
    size of a print.
    """

    name: Literal["ES", "GC"]
    description: str
    code: int
    months: tuple[int, ...]
    tick: int
    spread_tick: int
    multiplier: int
    carry: int
    spread_sign: int
    lots_a_trade: int


ROOTS = {
    "ES": FutureRoot(
        name="ES",
        description="E-mini S&P 500 (synthetic)",
        code=1,
        months=(3, 6, 9, 12),
        tick=250_000_000,
        spread_tick=50_000_000,
        multiplier=50,
        carry=120,
        spread_sign=1,
        lots_a_trade=3,
    ),
    "GC": FutureRoot(
        name="GC",
        description="Gold (synthetic)",
        code=2,
        months=(2, 4, 6, 8, 10, 12),
        tick=100_000_000,
        spread_tick=100_000_000,
        multiplier=100,
        carry=300,
        spread_sign=-1,
        lots_a_trade=2,
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Contract:
    """One delivery month. `expiry` is its last session; from `roll` on the next contract is the more traded one."""

    root: str
    year: int
    month: int
    expiry: date
    roll: date

    @property
    def raw_symbol(self) -> str:
        """The exchange's name for it, whose single digit of a year comes round again after ten: ESH6."""
        return f"{self.root}{MONTH_LETTERS[self.month]}{self.year % 10}"

    @property
    def instrument_id(self) -> int:
        """A number no other instrument of the sample has."""
        return ROOTS[self.root].code * 1_000_000 + self.year * 100 + self.month


@cache
def contracts_of(root: str) -> tuple[Contract, ...]:
    """Return every contract of a root that the sample knows, in order of expiry."""
    dates = {"ES": _es_dates, "GC": _gc_dates}[root]
    return tuple(
        Contract(root=root, year=year, month=month, expiry=expiry, roll=roll)
        for year in YEARS
        for month in ROOTS[root].months
        for expiry, roll in (dates(year, month),)
    )


def nearest(root: str, session: date) -> int:
    """The place, among `contracts_of(root)`, of the first contract that still trades on `session`."""
    return bisect_left(_expiries(root), session)


def front(root: str, session: date) -> int:
    """The place, among `contracts_of(root)`, of the most traded contract on `session`: the volume rule's choice."""
    return bisect_right(_rolls(root), session)


def listing_start(root: str, at: int) -> date:
    """The first session on which the contract at a place is one of the two nearest, and so is traded."""
    calendar = trading_calendar(CALENDAR)
    if at < 2:  # noqa: PLR2004 - the first two have no contract whose end they wait for
        return calendar.first_at_or_after(date(YEARS[0], 1, 1))
    return calendar.first_at_or_after(contracts_of(root)[at - 2].expiry + timedelta(days=1))


@cache
def _expiries(root: str) -> tuple[date, ...]:
    return tuple(contract.expiry for contract in contracts_of(root))


@cache
def _rolls(root: str) -> tuple[date, ...]:
    return tuple(contract.roll for contract in contracts_of(root))


def third_friday(year: int, month: int) -> date:
    """The third Friday of a month, be it a session or not."""
    from_day = date(year, month, THIRD_FRIDAY_FROM)
    return from_day + timedelta(days=(FRIDAY - from_day.weekday()) % 7)


def _es_dates(year: int, month: int) -> tuple[date, date]:
    friday = third_friday(year, month)
    calendar = trading_calendar(CALENDAR)
    expiry = calendar.within(DateRange(start=friday - timedelta(days=6), end=friday))[-1]
    return expiry, calendar.first_at_or_after(friday - timedelta(days=ES_ROLL_DAYS_BEFORE))


def _gc_dates(year: int, month: int) -> tuple[date, date]:
    before = (year, month - 1) if month > 1 else (year - 1, 12)
    return _sessions_of_month(year, month)[GC_LAST_SESSION], _sessions_of_month(*before)[GC_ROLL_SESSION]


def _sessions_of_month(year: int, month: int) -> tuple[date, ...]:
    following = date(year + month // 12, month % 12 + 1, 1)
    return trading_calendar(CALENDAR).within(DateRange(start=date(year, month, 1), end=following - timedelta(days=1)))
