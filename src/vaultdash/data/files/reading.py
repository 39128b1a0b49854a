"""Daily closes from a file of the user's, CSV or Parquet: every bad row refused by its line or repaired and counted."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from vaultdash.data.files.cells import CORRECT_ROWS, Flaw, has_decimal_point, read_number, read_plain_numbers
from vaultdash.data.files.parquet import PARQUET_SUFFIXES, read_parquet_table
from vaultdash.data.files.rows import Dates, Flaws
from vaultdash.data.files.tables import read_bytes, read_text_table
from vaultdash.data.wording import counted, named, shown, were
from vaultdash.errors import FileUnreadableError
from vaultdash.market import DailyClose, DailyCloses, DateRange

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from vaultdash.data.files.tables import Table
    from vaultdash.market import TradingCalendar

    Row = tuple[int, DailyClose]  # the line it begins on, and what it says

DATE_COLUMNS = ("date", "timestamp", "datetime", "ts_event")
PRICE_COLUMNS = ("close", "open", "high", "low")
NAMES = frozenset((*DATE_COLUMNS, *PRICE_COLUMNS, "volume"))

LOWEST_PRICE, HIGHEST_PRICE = 1e-6, 1e9
HIGHEST_VOLUME = 1e15
# Prices kept to the cent, and prices kept as 32-bit floats, differ from others of their day by this much at most.
CENT_ROUNDING, FLOAT_ROUNDING = 0.005, 1e-6
ONE_CLOSE = "Keep one close for each date."


def read_daily_closes(path: Path, *, symbol: str, calendar: TradingCalendar) -> DailyCloses:
    """Read a file of daily prices in USD, one row a session of `calendar`.

    It needs a column date (or timestamp, datetime, ts_event) and a column close; open, high, low and volume are read
    where they are. An adjusted close is never taken for a close. Names ending in .parquet or .pq are Parquet, all
    others text. `notes` counts what was dropped, repaired or is missing; `digest` is the sha256 of the file's bytes.
    Raises FileUnreadableError, ColumnMissingError, or BadRowsError with every row that cannot be used.
    """
    data = read_bytes(path)
    if path.suffix.lower() in PARQUET_SUFFIXES:
        table = read_parquet_table(path, data, names=NAMES)
    else:
        table = read_text_table(path, data)
    flaws, notes = Flaws(path, table), list(table.notes)
    rows = _rows(path, table, flaws, notes)
    days = _one_a_session(rows, calendar, flaws, notes)
    flaws.refuse()
    if not days:
        why = "; ".join(note.removeprefix("file: ") for note in notes)
        raise FileUnreadableError(
            path=path, reason=f"no row is left to use ({why})", remedy="Check its dates and its column 'close'."
        )
    return DailyCloses(
        symbol=symbol,
        source="file",
        close_basis="vendor",
        is_synthetic=False,
        calendar=calendar.name,
        days=tuple(days),
        digest=table.digest,
        notes=(*notes, *_remarks(days, calendar)),
    )


def _rows(path: Path, table: Table, flaws: Flaws, notes: list[str]) -> list[Row]:
    """Read every cell; what cannot be used is a flaw, what has no close is dropped and noted."""
    date_at = table.position(path, *DATE_COLUMNS)
    dates = Dates(flaws, table.texts(date_at))
    days = [dates.read(line, cells[date_at]) for line, cells in table.rows]
    notes += dates.notes()

    closes, *others = _price_columns(path, table, flaws, notes)
    volumes = _volumes(path, table, flaws, notes)

    rows: list[Row] = []
    without: list[date] = []
    for (line, _), day, close, opened, high, low, volume in zip(
        table.rows, days, closes, *others, volumes, strict=True
    ):
        if day is None:
            continue
        if close is None:
            without.append(day)
            continue
        rows.append((line, DailyClose(date=day, close=close, open=opened, high=high, low=low, volume=volume)))
    if without:
        notes.append(
            f"file: {counted(len(without), 'row')} without a close {were(len(without))} dropped ({named(without)})"
        )
    return rows


def _price_columns(path: Path, table: Table, flaws: Flaws, notes: list[str]) -> list[Sequence[float | None]]:
    """Read close, open, high and low, with None in the place of a blank, a flaw or a column that is not there."""
    places = {name: table.position(path, name) for name in PRICE_COLUMNS if name == "close" or name in table.columns}
    texts = {name: table.texts(at) for name, at in places.items()}
    with_comma = [text for column in texts.values() for text in column if "," in text]
    has_points = bool(with_comma) and any(has_decimal_point(text) for column in texts.values() for text in column)
    columns = [
        _prices(table, name, texts[name], flaws, comma_groups=has_points) if name in texts else [None] * len(table.rows)
        for name in PRICE_COLUMNS
    ]
    if with_comma:
        notes.append(f"file: thousands separators were removed from {counted(len(with_comma), 'price')}")
    return columns


def _prices(
    table: Table, name: str, texts: Sequence[str], flaws: Flaws, *, comma_groups: bool
) -> Sequence[float | None]:
    plain = read_plain_numbers(texts)
    if plain and min(plain) >= LOWEST_PRICE and max(plain) <= HIGHEST_PRICE:
        return plain
    prices: list[float | None] = []
    for (line, _), text in zip(table.rows, texts, strict=True):
        price = read_number(text, comma_groups=comma_groups)
        if isinstance(price, Flaw):
            flaws.add(line, Flaw(f"{name}: {price.reason}", price.remedy))
            price = None
        elif price is not None and not LOWEST_PRICE <= price <= HIGHEST_PRICE:
            flaws.add(line, Flaw(f"{name}: {_out_of_bounds(price, text)}", CORRECT_ROWS))
            price = None
        prices.append(price)
    return prices


def _out_of_bounds(price: float, text: str) -> str:
    if not price > 0:
        return f"{shown(text)} is not above zero"
    if price < LOWEST_PRICE:
        return f"{shown(text)} is absurdly small for a price in USD"
    return f"{shown(text)} is absurdly large for a price in USD"


def _volumes(path: Path, table: Table, flaws: Flaws, notes: list[str]) -> Sequence[int | None]:
    if "volume" not in table.columns:
        return [None] * len(table.rows)
    texts = table.texts(table.position(path, "volume"))
    plain = read_plain_numbers(texts)
    if plain and min(plain) >= 0 and max(plain) <= HIGHEST_VOLUME and all(map(float.is_integer, plain)):
        return list(map(int, plain))
    volumes: list[int | None] = []
    rounded = 0
    for (line, _), text in zip(table.rows, texts, strict=True):
        # A volume has no decimals to speak of, so that its commas part thousands.
        volume = read_number(text, comma_groups=True)
        if isinstance(volume, Flaw):
            flaws.add(line, Flaw(f"volume: {volume.reason}", volume.remedy))
            volume = None
        elif volume is not None and not 0 <= volume <= HIGHEST_VOLUME:
            flaws.add(line, Flaw(f"volume: {shown(text)} is no count of units", CORRECT_ROWS))
            volume = None
        whole = None if volume is None else round(volume)
        rounded += whole != volume
        volumes.append(whole)
    if rounded:
        notes.append(f"file: {counted(rounded, 'volume')} {were(rounded)} rounded to whole units")
    return volumes


def _one_a_session(rows: list[Row], calendar: TradingCalendar, flaws: Flaws, notes: list[str]) -> list[DailyClose]:
    """Keep the rows of sessions, in order, each date once; two closes on a date are a flaw."""
    rows = _on_sessions(rows, calendar, notes)
    backwards = sum(later.date < earlier.date for (_, earlier), (_, later) in pairwise(rows))
    if backwards:
        all_backwards = backwards == len(rows) - 1
        how = "all ran from new to old" if all_backwards else f"{counted(backwards, 'row')} came before an older one"
        notes.append(f"file: the rows were sorted by date ({how})")
        rows = sorted(rows, key=lambda row: row[1].date)
    days: list[DailyClose] = []
    repeated: list[date] = []
    first_line = 0
    for line, day in rows:
        if not (days and days[-1].date == day.date):
            days.append(day)
            first_line = line
        elif days[-1].close == day.close:
            repeated.append(day.date)
        else:
            reason = f"{day.date} closes at {day.close:g}, but at {days[-1].close:g} on line {first_line}"
            flaws.add(line, Flaw(reason, ONE_CLOSE))
    if repeated:
        notes.append(
            f"file: {counted(len(repeated), 'row')} that repeated a date and its close {were(len(repeated))} "
            f"dropped ({named(repeated)})"
        )
    return days


def _on_sessions(rows: list[Row], calendar: TradingCalendar, notes: list[str]) -> list[Row]:
    first, last = calendar.sessions[0], calendar.sessions[-1]
    sessions = frozenset(calendar.sessions)
    unknown = [day.date for _, day in rows if not first <= day.date <= last]
    if unknown:
        notes.append(
            f"file: {counted(len(unknown), 'row')} outside {first}..{last}, the days whose sessions are known "
            f"({calendar.name}), {were(len(unknown))} dropped ({named(unknown)})"
        )
    closed = [day.date for _, day in rows if first <= day.date <= last and day.date not in sessions]
    if closed:
        notes.append(
            f"file: {counted(len(closed), 'row')} on days the exchange ({calendar.name}) was closed "
            f"{were(len(closed))} dropped ({named(closed)})"
        )
    return [row for row in rows if row[1].date in sessions]


def _remarks(days: list[DailyClose], calendar: TradingCalendar) -> list[str]:
    """What a person should know of the rows kept."""
    remarks = []
    if outside := [day.date for day in days if _closes_outside_its_range(day)]:
        lie = "lies" if len(outside) == 1 else "lie"
        remarks.append(
            f"file: {counted(len(outside), 'close')} {lie} outside the low and high of the day ({named(outside)})"
        )
    held = {day.date for day in days}
    window = DateRange(start=days[0].date, end=days[-1].date)
    if missing := [day for day in calendar.within(window) if day not in held]:
        have = "has" if len(missing) == 1 else "have"
        remarks.append(
            f"file: {counted(len(missing), 'session')} between {window.start} and {window.end} {have} no close "
            f"({named(missing)})"
        )
    return remarks


def _closes_outside_its_range(day: DailyClose) -> bool:
    slack = CENT_ROUNDING + FLOAT_ROUNDING * day.close
    is_below = day.low is not None and day.close < day.low - slack
    is_above = day.high is not None and day.close > day.high + slack
    return is_below or is_above
