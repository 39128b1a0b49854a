"""Twenty years of daily closes from what is held, against parsing the same series from CSV with pandas.

Run it with `python -m bench.daily_closes`. The bars are synthetic; nothing is read but a temporary folder.
"""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from bench.tables import medians, print_table
from vaultdash.data.bars.daily import daily_closes_from_bars
from vaultdash.data.bars.daily_copy import DailyCopies, copy_key
from vaultdash.data.calendars import trading_calendar
from vaultdash.data.dbn.reading import record_dtype
from vaultdash.data.request import Series
from vaultdash.market import DailyClose, DailyCloses, DateRange, Window, midnight_ns

REPEATS = 15
GOAL = 20.0
DAYS = DateRange(start=date(2005, 1, 1), end=date(2024, 12, 31))
SERIES = Series(source="databento", dataset="EQUS.SUMMARY", schema="ohlcv-1d", symbol="GLD", stype_in="raw_symbol")
RTYPE_DAILY = 35


def twenty_years() -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Daily bars of every session, a random walk."""
    sessions = trading_calendar("XNYS").within(DAYS)
    chance = np.random.default_rng(3)
    made = np.zeros(len(sessions), record_dtype("ohlcv-1d"))
    made["length"], made["rtype"], made["publisher_id"] = made.dtype.itemsize // 4, RTYPE_DAILY, 90
    made["ts_event"] = [midnight_ns(day) for day in sessions]
    cents = np.round(4_400 * np.exp(np.cumsum(chance.normal(0, 0.01, len(sessions))))).astype(np.int64)
    for name, shift in (("open", 3), ("high", 9), ("low", -9), ("close", 0)):
        made[name] = (cents + shift) * 10**7
    made["volume"] = chance.integers(5_000_000, 20_000_000, len(sessions))
    return made


def write_csv(path: Path, closes: DailyCloses) -> None:
    """The same series as text."""
    lines = [f"{day.date},{day.open},{day.high},{day.low},{day.close},{day.volume}" for day in closes.days]
    path.write_text("\n".join(["date,open,high,low,close,volume", *lines]) + "\n")


def pandas_closes(path: Path) -> tuple[DailyClose, ...]:
    """What the rest of the program needs of a series, through pandas."""
    frame = pd.read_csv(path, parse_dates=["date"])
    columns = (frame[name].tolist() for name in ("close", "open", "high", "low", "volume"))
    return tuple(
        DailyClose(date=day, close=close, open=opened, high=high, low=low, volume=volume)
        for day, close, opened, high, low, volume in zip(frame["date"].dt.date, *columns, strict=True)
    )


def main() -> None:
    """Run the comparison."""
    made = twenty_years()
    calendar, window = trading_calendar("XNYS"), Window.of_days(DAYS)
    key = copy_key(["0" * 64], series=SERIES, symbol="GLD", calendar=calendar, window=window)

    def build() -> DailyCloses:
        return daily_closes_from_bars(
            [made], series=SERIES, symbol="GLD", calendar=calendar, window=window, digest="0" * 64, is_synthetic=True
        )

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copies = DailyCopies(folder)
        closes = copies.closes(key, build)
        write_csv(folder / "closes.csv", closes)
        if pandas_closes(folder / "closes.csv") != closes.days:
            message = "pandas read another series"
            raise SystemExit(message)
        works = {
            "pandas.read_csv, a frame": lambda: pd.read_csv(folder / "closes.csv", parse_dates=["date"]),
            "pandas.read_csv, daily closes": lambda: pandas_closes(folder / "closes.csv"),
            "bars in memory, built": build,
            "derived copy, read and verified": lambda: DailyCopies(folder).closes(key, build),
            "asked again in one process": lambda: copies.closes(key, build),
        }
        taken = medians(works, repeats=REPEATS)
    frame, full, *_ = taken.values()
    rows = [("", "milliseconds", "against the frame", "against daily closes", "goal")]
    for at, (work, seconds) in enumerate(taken.items()):
        rows.append(
            (
                work,
                f"{seconds * 1e3:.3f}",
                f"{frame / seconds:,.1f}x" if at > 1 else "",
                f"{full / seconds:,.1f}x" if at > 1 else "",
                f">= {GOAL:.0f}x" if at > 2 else "",
            )
        )
    print_table(f"{len(closes.days):,} daily closes, median of {REPEATS}", rows)


if __name__ == "__main__":
    main()
