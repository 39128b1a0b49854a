"""What is traded in the sample market, and the bar of each instrument on a session, in whole ticks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from vaultdash.data.calendars import session_times, trading_calendar
from vaultdash.data.samplemarket.contracts import CALENDAR, ROOTS, Contract, contracts_of, front, nearest
from vaultdash.data.samplemarket.path import SAMPLE_WINDOW, daily_path
from vaultdash.market import SECOND_NS, DateRange, Window, utc_day

if TYPE_CHECKING:
    from datetime import datetime

    from vaultdash.market import DailyClose

PRICE_UNIT = 1_000_000_000  # DBN keeps prices in 1e-9 USD
CENT = 10_000_000
HOUR_NS = 3_600 * SECOND_NS
# CMES dates a whole day to a session, yet nothing trades in the hour before the next one opens.
LONGEST_TRADING_NS = 23 * HOUR_NS
SHARES, FUTURES = 60_001, 60_002  # publishers, numbered far above Databento's own

# How much the other contract trades beside the front, in hundredths of it, by sessions to the roll and since it.
SHARE_BEFORE_ROLL = {1: 120, 2: 70, 3: 40, 4: 22, 5: 12, 6: 6}
SHARE_AFTER_ROLL = {0: 60, 1: 30, 2: 15, 3: 8, 4: 4}
QUIET_BEFORE, QUIET_AFTER = 2, 1
SPREAD_SHARE = 20  # of the other contract's volume, in hundredths
SPREAD_REACH = 2  # ticks that a calendar spread moves to either side within a session
LEAST_VOLUME = 240

DAYS_A_YEAR = 365
CARRY_UNIT = 10_000


class TickBar(NamedTuple):
    """A session's bar, prices in ticks."""

    open: int
    high: int
    low: int
    close: int
    volume: int


class SessionHours(NamedTuple):
    """A session and when it trades, in nanoseconds since 1970 UTC, the end not included."""

    day: date
    opens: int
    ends: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Instrument:
    """A share, a futures contract, or (where it has a `far` one) the calendar spread between two contracts.

    `path` names the daily path it follows, `tick` is in 1e-9 USD, `lots_a_trade` is the mean size of a print.
    """

    instrument_id: int
    raw_symbol: str
    path: str
    calendar: str
    publisher: int
    tick: int
    lots_a_trade: int
    contract: Contract | None = None
    far: Contract | None = None

    def session_bar(self, day: date) -> TickBar:
        """Its bar on a session on which it is traded."""
        bar = _path_bars(self.path)[day]
        if self.contract is None:
            return bar
        if self.far is None:
            return _outright_bar(self.contract, day, bar)
        return _spread_bar(self.contract.root, day, bar)


GLD = Instrument(
    instrument_id=1, raw_symbol="GLD", path="GLD", calendar="XNYS", publisher=SHARES, tick=CENT, lots_a_trade=100
)


def outright(contract: Contract) -> Instrument:
    """The futures contract as it is traded."""
    root = ROOTS[contract.root]
    return Instrument(
        instrument_id=contract.instrument_id,
        raw_symbol=contract.raw_symbol,
        path=root.name,
        calendar=CALENDAR,
        publisher=FUTURES,
        tick=root.tick,
        lots_a_trade=root.lots_a_trade,
        contract=contract,
    )


def calendar_spread(near: Contract, far: Contract) -> Instrument:
    """The spread between two contracts, an instrument of its own with small or negative prices."""
    root = ROOTS[near.root]
    return Instrument(
        instrument_id=10_000_000 + near.instrument_id,
        raw_symbol=f"{near.raw_symbol}-{far.raw_symbol}",
        path=root.name,
        calendar=CALENDAR,
        publisher=FUTURES,
        tick=root.spread_tick,
        lots_a_trade=2 * root.lots_a_trade,
        contract=near,
        far=far,
    )


def sessions_over(calendar: str, window: Window) -> list[SessionHours]:
    """Sessions of the sample that trade at some moment of the window, which meets what the sample holds, in order."""
    start = max(SAMPLE_WINDOW.start, utc_day(window.start))
    end = min(SAMPLE_WINDOW.end, utc_day(window.end) + timedelta(days=1))
    hours = (session_hours(calendar, day) for day in trading_calendar(calendar).within(DateRange(start=start, end=end)))
    return [session for session in hours if session.opens < window.end and window.start < session.ends]


@cache
def session_hours(calendar: str, day: date) -> SessionHours:
    """When a session trades: its calendar's hours, less the hour in which Chicago rests."""
    opens, closes = map(_nanoseconds, session_times(calendar, day))
    return SessionHours(day, opens, min(closes, opens + LONGEST_TRADING_NS))


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND_NS


@cache
def _path_bars(name: str) -> dict[date, TickBar]:
    tick = CENT if name == "GLD" else ROOTS[name].tick
    return {day.date: _in_ticks(day, tick) for day in daily_path(name)}


def _in_ticks(day: DailyClose, tick: int) -> TickBar:
    steps = PRICE_UNIT / tick
    prices = (day.open, day.high, day.low, day.close)
    opened, high, low, close = (round(price * steps) for price in prices if price is not None)
    return TickBar(opened, high, low, close, day.volume or 0)


def _outright_bar(contract: Contract, day: date, bar: TickBar) -> TickBar:
    """The front contract follows the daily path; the other of the two stands off it by the cost of carry."""
    root, at_front = contract.root, contracts_of(contract.root)[front(contract.root, day)]
    if contract == at_front:
        return bar
    carry = _carry_ticks(root, day, bar)
    offset = carry if contract.expiry > at_front.expiry else -carry
    volume = _other_volume(root, day, bar)
    return TickBar(bar.open + offset, bar.high + offset, bar.low + offset, bar.close + offset, volume)


def _spread_bar(root: str, day: date, bar: TickBar) -> TickBar:
    declared = ROOTS[root]
    middle = declared.spread_sign * _carry_ticks(root, day, bar) * declared.tick // declared.spread_tick
    wobble = day.toordinal() % 3 - 1
    return TickBar(
        open=middle - wobble,
        high=middle + SPREAD_REACH,
        low=middle - SPREAD_REACH,
        close=middle + wobble,
        volume=max(LEAST_VOLUME, _other_volume(root, day, bar) * SPREAD_SHARE // 100),
    )


def _carry_ticks(root: str, day: date, bar: TickBar) -> int:
    """What the far contract of the two nearest stands above the near one, from the price at the session's opening."""
    contracts, at = contracts_of(root), nearest(root, day)
    days = (contracts[at + 1].expiry - contracts[at].expiry).days
    return bar.open * ROOTS[root].carry * days // (DAYS_A_YEAR * CARRY_UNIT)


def _other_volume(root: str, day: date, bar: TickBar) -> int:
    contracts, calendar = contracts_of(root), trading_calendar(CALENDAR)
    at_front, at_nearest = front(root, day), nearest(root, day)
    if at_front == at_nearest:
        share = SHARE_BEFORE_ROLL.get(calendar.sessions_until(day, contracts[at_front].roll), QUIET_BEFORE)
    else:
        rolled = contracts[at_nearest].roll
        share = SHARE_AFTER_ROLL.get(calendar.sessions_until(rolled, day), QUIET_AFTER)
    return max(LEAST_VOLUME, bar.volume * share // 100)
