"""The check that daily closes reach over a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultdash.data.wording import counted, named
from vaultdash.errors import NoSessionError, WindowNotCoveredError

if TYPE_CHECKING:
    from datetime import date

    from vaultdash.market import DailyCloses, DateRange, TradingCalendar

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def require_coverage(closes: DailyCloses, window: DateRange, calendar: TradingCalendar) -> tuple[str, ...]:
    """Refuse a window that the closes do not reach over; return what else a person should know of it.

    The notes tell a window that starts or ends on a day without a session, and sessions inside it without a close.
    Raises NoSessionError where the exchange holds no session in the window, WindowNotCoveredError where the first or
    the last session lies outside what is held, or none of its sessions has a close.
    """
    known = calendar.sessions[0].year, calendar.sessions[-1].year
    sessions = calendar.within(window)
    if not sessions and known[0] <= window.start.year <= window.end.year <= known[1]:
        raise NoSessionError(calendar=calendar.name, start=window.start, end=window.end)
    held = closes.held
    is_known = known[0] <= window.start.year and window.end.year <= known[1]
    if not (is_known and held.start <= sessions[0] and sessions[-1] <= held.end):
        raise WindowNotCoveredError(source=closes.source, symbol=closes.symbol, asked=str(window), held=str(held))
    with_close = {day.date for day in closes.between(window)}
    missing = [session for session in sessions if session not in with_close]
    if len(missing) == len(sessions):
        raise WindowNotCoveredError(
            source=closes.source, symbol=closes.symbol, asked=str(window), held=f"{held}, but no close between"
        )
    notes = []
    if sessions[0] != window.start:
        notes.append(f"the window starts on {_dated(window.start)}; the first session is {sessions[0]}")
    if sessions[-1] != window.end:
        notes.append(f"the window ends on {_dated(window.end)}; the last session is {sessions[-1]}")
    if missing and missing[0] == sessions[0]:
        begins = min(with_close)
        notes.append(f"the window's first session {sessions[0]} has no close; the first one with a close is {begins}")
    if missing:
        have = "has" if len(missing) == 1 else "have"
        notes.append(f"{counted(len(missing), 'session')} of the window {have} no close ({named(missing)})")
    return tuple(notes)


def _dated(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()]} {day}"
