"""One door to daily closes, whatever their source, and the check that they reach over a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultdash.data.calendars import trading_calendar
from vaultdash.data.catalog import instrument_for
from vaultdash.data.files import read_daily_closes
from vaultdash.data.sample import sample_closes
from vaultdash.data.wording import counted, named
from vaultdash.errors import NoSessionError, OptionsConflictError, UnknownNameError, WindowNotCoveredError

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from vaultdash.market import DailyCloses, DateRange, TradingCalendar

SOURCES = ("file", "sample")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def daily_closes(source: str, symbol: str, *, path: Path | None = None) -> DailyCloses:
    """Return the daily closes of `symbol` from a source: "sample" (synthetic), or "file" and the `path` of one.

    Raises UnknownNameError for another source or a symbol the sample does not hold, OptionsConflictError for a file
    without a path or the sample with one, and what `read_daily_closes` raises.
    """
    if source not in SOURCES:
        raise UnknownNameError(kind="source", name=source, known=SOURCES)
    instrument = instrument_for(symbol)
    if source == "sample":
        if path is not None:
            raise OptionsConflictError(
                problem=f"The source is the sample, yet a file is named ({path}).",
                remedy="Choose the source file, or leave the file out.",
            )
        return sample_closes(instrument.name)
    if path is None:
        raise OptionsConflictError(
            problem="The source is a file, yet no file is named.", remedy="Name one, or choose the source sample."
        )
    return read_daily_closes(path, symbol=instrument.name, calendar=trading_calendar(instrument.calendar))


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
