"""Writes the session declarations of the data room, as `exchange_calendars` tells them.

Run from the project's root: `python tools/write_sessions.py`. The files change only when the exchanges' rules do.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import exchange_calendars

FIRST = date(2000, 1, 1)
LAST = date(2040, 12, 31)
CALENDARS = ("CMES", "XNYS")
SESSIONS = Path("src/vaultdash/data/sessions")
FRIDAY = 4


def declaration(name: str) -> dict[str, Any]:
    """Declare one exchange: regular local times, weekdays without a session, sessions with other times."""
    calendar = exchange_calendars.get_calendar(name, start=FIRST.isoformat(), end=LAST.isoformat())
    regular = {"open": f"{calendar.open_times[-1][1]:%H:%M}", "close": f"{calendar.close_times[-1][1]:%H:%M}"}
    schedule = calendar.schedule
    opens = schedule["open"].dt.tz_convert(calendar.tz)
    closes = schedule["close"].dt.tz_convert(calendar.tz)
    special: dict[str, dict[str, str]] = {}
    for session, opened, closed in zip(schedule.index, opens, closes, strict=True):
        if (session.date() - opened.date()).days != -calendar.open_offset or closed.date() != session.date():
            message = f"{name} {session.date()}: a session on other days than usual has no place in a declaration"
            raise SystemExit(message)
        times = {"open": f"{opened:%H:%M}", "close": f"{closed:%H:%M}"}
        if times != regular:
            special[session.date().isoformat()] = times
    sessions = {session.date() for session in schedule.index}
    weekdays = {day for day in days() if day.weekday() <= FRIDAY}
    if sessions - weekdays:
        message = f"{name} holds sessions on weekends, which a declaration has no place for"
        raise SystemExit(message)
    return {
        "calendar": name,
        "written_from": f"exchange_calendars {exchange_calendars.__version__}",
        "first": FIRST.isoformat(),
        "last": LAST.isoformat(),
        "timezone": str(calendar.tz),
        **regular,
        "opens_days_before": -calendar.open_offset,
        "holidays": sorted(day.isoformat() for day in weekdays - sessions),
        "special_sessions": dict(sorted(special.items())),
    }


def days() -> list[date]:
    """Every day from FIRST to LAST."""
    return [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]


def as_text(declared: dict[str, Any]) -> str:
    """Render JSON with a year of holidays, or one special session, to a line."""
    plain = {key: value for key, value in declared.items() if key not in {"holidays", "special_sessions"}}
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in plain.items()]
    years = [list(dates) for _, dates in groupby(declared["holidays"], key=lambda day: day[:4])]
    holidays = ",\n".join("    " + ", ".join(json.dumps(day) for day in dates) for dates in years)
    special = ",\n".join(f"    {json.dumps(day)}: {json.dumps(t)}" for day, t in declared["special_sessions"].items())
    lines += ['  "holidays": [', holidays, "  ],", '  "special_sessions": {', special, "  }"]
    return "{\n" + "\n".join(lines) + "\n}\n"


def main() -> None:
    """Write every declaration and say what was written."""
    SESSIONS.mkdir(parents=True, exist_ok=True)
    for name in CALENDARS:
        text = as_text(declaration(name))
        path = SESSIONS / f"{name}.json"
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"{path}: {len(text)} bytes")


if __name__ == "__main__":
    main()
