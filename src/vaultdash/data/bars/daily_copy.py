"""Daily closes kept as a compact derived copy, so that asking again neither decodes records nor builds sessions.

A copy belongs to a key: the sha256 of everything the series was made from. It is written whole and checked by its own
digest on reading; one that is absent, damaged or of another key is no copy, and the series is built again.

Layout, little-endian: MAGIC, the length of a JSON header (u32), the header, columns of n values: date (i4, proleptic
ordinal), close, open, high, low (f8, NaN where None), volume (i8, -1 where None), and the sha256 of all before it.
"""

from __future__ import annotations

import json
from datetime import date
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from vaultdash.data.store.whole import written_whole
from vaultdash.market import DailyClose, DailyCloses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from vaultdash.data.request import Series
    from vaultdash.market import TradingCalendar, Window

MAGIC = b"VDCLOSE1"
LENGTH_SIZE = 4
DIGEST_SIZE = 32
FLOATS = ("close", "open", "high", "low")
NO_VOLUME = -1
# Whatever changes what is built from the same records changes this, so that older copies are built again.
BUILD = 1
REMEMBERED = 16
SUFFIX = ".closes"


def copy_key(records: Sequence[str], *, series: Series, symbol: str, calendar: TradingCalendar, window: Window) -> str:
    """What a series of daily closes is made from, as one sha256. `records` are the sha256s of its records, in order."""
    parts = (BUILD, series, symbol, calendar.name, _declared(calendar), window.start, window.end, *records)
    return sha256("\n".join(map(str, parts)).encode()).hexdigest()


def _declared(calendar: TradingCalendar) -> str:
    """Tells a calendar from one whose declaration was rewritten."""
    return f"{calendar.sessions[0]}..{calendar.sessions[-1]} {len(calendar.sessions)}"


class DailyCopies:
    """The derived copies in one folder. The series asked for last are also kept in memory, by their key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._remembered: dict[str, DailyCloses] = {}
        self._lock = Lock()

    def closes(self, key: str, build: Callable[[], DailyCloses]) -> DailyCloses:
        """Return the series of a key: from memory, from its copy, or built and then copied.

        Raises what `build` raises, and OutputNotWrittenError where the copy cannot be written.
        """
        with self._lock:
            if (known := self._remembered.pop(key, None)) is not None:
                self._remembered[key] = known
                return known
        path = self._folder / f"{key}{SUFFIX}"
        closes = read_copy(path, key)
        if closes is None:
            closes = build()
            write_copy(path, key, closes)
        with self._lock:
            self._remembered[key] = closes
            while len(self._remembered) > REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
        return closes


def write_copy(path: Path, key: str, closes: DailyCloses) -> None:
    """Write a series as the copy of a key; it appears whole. Raises OutputNotWrittenError."""
    header = json.dumps(
        {
            "key": key,
            "symbol": closes.symbol,
            "source": closes.source,
            "close_basis": closes.close_basis,
            "is_synthetic": closes.is_synthetic,
            "calendar": closes.calendar,
            "digest": closes.digest,
            "notes": closes.notes,
            "count": len(closes.days),
        }
    ).encode()
    days = closes.days
    columns = [
        np.array([day.date.toordinal() for day in days], "<i4"),
        *(np.array([getattr(day, name) for day in days], "<f8") for name in FLOATS),
        np.array([NO_VOLUME if day.volume is None else day.volume for day in days], "<i8"),
    ]
    body = b"".join([MAGIC, len(header).to_bytes(LENGTH_SIZE, "little"), header, *(c.tobytes() for c in columns)])
    with written_whole(path) as aside:
        aside.write_bytes(body + sha256(body).digest())


def read_copy(path: Path, key: str) -> DailyCloses | None:
    """Return the series of a copy, None where there is none, or one that is damaged or of another key."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    body = data[:-DIGEST_SIZE]
    if not (body.startswith(MAGIC) and sha256(body).digest() == data[-DIGEST_SIZE:]):
        return None
    start = len(MAGIC) + LENGTH_SIZE
    columns_at = start + int.from_bytes(body[len(MAGIC) : start], "little")
    header: dict[str, Any] = json.loads(body[start:columns_at])
    if header.pop("key") != key:
        return None
    header["notes"] = tuple(header["notes"])
    return DailyCloses(days=_days(body, columns_at, header.pop("count")), **header)


def _days(body: bytes, at: int, count: int) -> tuple[DailyClose, ...]:
    ordinals = np.frombuffer(body, "<i4", count, at).tolist()
    at += 4 * count
    floats = np.frombuffer(body, "<f8", count * len(FLOATS), at).reshape(len(FLOATS), count)
    volumes = np.frombuffer(body, "<i8", count, at + floats.nbytes)
    closes, opens, highs, lows = (_or_none(column, np.isnan(column)) for column in floats)
    return tuple(
        DailyClose(date=day, close=close, open=opened, high=high, low=low, volume=volume)
        for day, close, opened, high, low, volume in zip(
            map(date.fromordinal, ordinals),
            closes,
            opens,
            highs,
            lows,
            _or_none(volumes, volumes == NO_VOLUME),
            strict=True,
        )
    )


def _or_none(column: np.ndarray[Any, Any], is_none: np.ndarray[Any, Any]) -> list[Any]:
    values: list[Any] = column.tolist()
    for at in np.flatnonzero(is_none).tolist():
        values[at] = None
    return values
