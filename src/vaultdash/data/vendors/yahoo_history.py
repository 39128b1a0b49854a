"""Yahoo's daily closes by way of the store: fetched once, fetched again when they have aged, read from what is held.

Yahoo is free, so that whole months are asked for, as far as their sessions are over, and a month is one record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from hashlib import sha256
from math import inf, isfinite
from typing import TYPE_CHECKING

from vaultdash.data.bars.bought import as_proxy, origin_of
from vaultdash.data.calendars import trading_calendar
from vaultdash.data.catalog import Instrument, instrument_for
from vaultdash.data.request import DataRequest, Series
from vaultdash.data.store.durable import writing
from vaultdash.data.store.manifest import AdmittedPart, Record, RecordManifest
from vaultdash.data.store.store import Store
from vaultdash.data.vendors.yahoo import YahooSource, is_over, read_record, record_bytes, symbol_on_yahoo
from vaultdash.data.wording import counted, named, were
from vaultdash.errors import MissingExtraError, NoClosesError, VendorError, WindowNotCoveredError
from vaultdash.market import DailyClose, DailyCloses, DateRange, Window, midnight_ns, utc_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from vaultdash.data.store.gaps import Gap
    from vaultdash.data.store.writer import SeriesWriter

SOURCE, DATASET, SCHEMA, STYPE = "yahoo", "YAHOO", "ohlcv-1d", "raw_symbol"


def yahoo_closes(store: Store, source: YahooSource, symbol: str, days: DateRange) -> DailyCloses:
    """The daily closes of a symbol over some days and the rest of their months; a proxy's are those of its origin.

    Months that are not held, or were fetched longer than `source.max_age` ago, are fetched. Where that fails and all is
    held, what is held is used and a note says so. Raises WindowNotCoveredError for days of which no session is over,
    RequestRefusedError for what Yahoo is not asked for, NoClosesError, and what the source and the store raise.
    """
    asked = instrument_for(symbol)
    origin = origin_of(asked)
    history = _History(
        store=store,
        source=source,
        instrument=origin,
        request=DataRequest(series=_series(origin), window=Window.of_days(days)),
        available=_available(origin, source.now()),
    )
    if not history.request.window.overlap(history.available):
        raise WindowNotCoveredError(
            source=SOURCE, symbol=origin.name, asked=str(days), held=str(_days_of(history.available))
        )
    failure = history.refresh()
    records = history.records()
    if _cross_a_split(records):
        if failure is not None:
            raise failure
        history.fetch(max_age=timedelta(0))
        records = history.records()
    closes = read_yahoo_closes([record.path for record in records], symbol=origin.name, calendar=origin.calendar)
    closes = replace(closes, notes=(*closes.notes, *history.notes(records, days, failure)))
    return closes if origin is asked else as_proxy(closes, asked)


def read_yahoo_closes(paths: Sequence[Path], *, symbol: str, calendar: str) -> DailyCloses:
    """Read records that `YahooSource.download` wrote: one close a session, in USD; `notes` tell what was left out.

    Raises FileUnreadableError for a file that is not such a record, NoClosesError where no close can be used.
    """
    from vaultdash.data.bars.daily import digest_of_records  # noqa: PLC0415 - numpy, and the decoder

    read = [_read_rows(path) for path in paths]
    rows = [row for part, _ in read for row in part]
    notes: list[str] = []
    splits = [row.date for row in rows if row.is_split]
    rows = _keep(rows, lambda row: row.is_final, "of a session that was not over when it was fetched", notes)
    rows = _keep(rows, lambda row: 0 < (row.close or 0.0) < inf, "without a close", notes)
    sessions = trading_calendar(calendar)
    rows = _keep(rows, lambda row: row.date in sessions, f"on days the exchange ({calendar}) was closed", notes)
    last = {row.date: row for row in rows}
    rows = _keep(rows, lambda row: last[row.date] is row, "that a later row of the same day replaced", notes)
    if splits:
        notes.append(f"yahoo: prices before a split are not those that were paid, but divided by it ({named(splits)})")
    if not rows:
        reason = f"no row is left to use ({'; '.join(notes)})" if notes else "it holds no rows"
        raise NoClosesError(what=f"Yahoo's history of {symbol}", reason=reason)
    return DailyCloses(
        symbol=symbol,
        source=SOURCE,
        close_basis="vendor",
        is_synthetic=False,
        calendar=calendar,
        days=tuple(row.as_close() for row in sorted(rows, key=lambda row: row.date)),
        digest=digest_of_records(digest for _, digest in read),
        notes=tuple(notes),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _History:
    """What is asked of Yahoo for one instrument, and what is held of it. `available` are sessions that are over."""

    store: Store
    source: YahooSource
    instrument: Instrument
    request: DataRequest
    available: Window

    def records(self) -> tuple[Record, ...]:
        return self.store.records(self.request, rehash=True)

    def refresh(self) -> VendorError | MissingExtraError | None:
        """Fetch what is missing or has aged. Return the failure, instead of raising it, where nothing is missing."""
        try:
            self.fetch(max_age=self.source.max_age)
        except (VendorError, MissingExtraError) as error:
            if self.store.gaps(self.request, self.available):
                raise
            return error
        return None

    def fetch(self, *, max_age: timedelta) -> None:
        """Fetch the months that are missing or older; whoever else fetches them meanwhile waits, and finds them."""
        if not self.store.gaps(self.request, self.available, max_age=max_age):
            return
        with self.store.writing(self.request.series) as writer:
            for gap in self.store.gaps(self.request, self.available, max_age=max_age):
                writer.admit(self._download(gap, writer), replacing=True)

    def notes(
        self, records: Iterable[Record], days: DateRange, failure: VendorError | MissingExtraError | None
    ) -> Iterator[str]:
        """What a person should know of closes that are not there yet, or may have been revised."""
        sessions = trading_calendar(self.instrument.calendar).within(days)
        if later := [day for day in sessions if midnight_ns(day) >= self.available.end]:
            have = "has" if len(later) == 1 else "have"
            sessions_not_over = f"{counted(len(later), 'session')} {were(len(later))} not over"
            yield f"{SOURCE}: {sessions_not_over} and {have} no close yet ({named(later)})"
        if failure is not None:
            fetched = min(record.manifest.downloaded_at for record in records)
            yield (
                f"{SOURCE}: the oldest prices used were fetched on {fetched.date()}, "
                f"{_age(self.source.now() - fetched)} ago, and may have been revised since; fetching them again "
                f"failed: {failure}"
            )

    def _download(self, gap: Gap, writer: SeriesWriter) -> list[AdmittedPart]:
        """Fetch the months of a gap at once, and part them."""
        spans = [span for each in gap.partitions if (span := each.span.overlap(self.available))]
        fetched_at = self.source.now().astimezone(UTC)
        path = writer.incoming(".parquet")
        self.source.download(self.instrument, _days_of(Window(start=spans[0].start, end=spans[-1].end)), path)
        table, _ = read_record(path)
        midnights = [midnight_ns(day) for day in table["date"].to_pylist()]
        parts = []
        for partition, span in zip(gap.partitions, spans, strict=True):
            places = [place for place, midnight in enumerate(midnights) if midnight in span]
            data = record_bytes(table.take(places) if places else table.slice(0, 0))
            manifest = RecordManifest(
                covered=span,
                suffix=".parquet",
                rows=len(places),
                size=len(data),
                sha256=sha256(data).hexdigest(),
                first_ts=min((midnights[place] for place in places), default=None),
                last_ts=max((midnights[place] for place in places), default=None),
                quoted_usd=0.0,
                downloaded_at=fetched_at,
                client_version=self.source.client_version,
                last_modified={},
            )
            part = AdmittedPart(partition=partition, path=writer.incoming(".parquet"), manifest=manifest)
            with writing(part.path):
                part.path.write_bytes(data)
            parts.append(part)
        return parts


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    date: date
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: int | None
    is_split: bool
    is_final: bool

    def as_close(self) -> DailyClose:
        return DailyClose(
            date=self.date,
            close=self.close or 0.0,
            open=self.open,
            high=self.high,
            low=self.low,
            volume=self.volume,
        )


def _series(instrument: Instrument) -> Series:
    return Series(source=SOURCE, dataset=DATASET, schema=SCHEMA, symbol=symbol_on_yahoo(instrument), stype_in=STYPE)


def _available(instrument: Instrument, now: datetime) -> Window:
    """The UTC days from the calendar's first session to the last one that is over."""
    calendar = trading_calendar(instrument.calendar)
    begun = calendar.within(DateRange(start=calendar.sessions[0], end=now.astimezone(UTC).date()))
    last = next(day for day in reversed(begun) if is_over(calendar.name, day, now))
    return Window.of_days(DateRange(start=begun[0], end=last))


def _days_of(window: Window) -> DateRange:
    return DateRange(start=utc_day(window.start), end=utc_day(window.end - 1))


def _cross_a_split(records: Sequence[Record]) -> bool:
    """Whether some were fetched before a split that later ones tell of: prices before it would not be of one kind."""
    first = min(record.manifest.downloaded_at for record in records)
    return any(
        row.is_split and row.date >= first.date()
        for record in records
        if record.manifest.downloaded_at > first
        for row in _read_rows(record.path)[0]
    )


def _age(age: timedelta) -> str:
    return counted(age.days, "day") if age.days else counted(int(age / timedelta(hours=1)), "hour")


def _read_rows(path: Path) -> tuple[list[_Row], str]:
    table, digest = read_record(path)
    names = ("date", "is_final", "open", "high", "low", "close", "volume", "stock_splits")
    cells = zip(*(table[name].to_pylist() for name in names), strict=True)
    return [
        _Row(
            date=day,
            is_final=bool(is_final),
            open=_price(opened),
            high=_price(high),
            low=_price(low),
            close=_price(close),
            volume=None if volume is None or not isfinite(volume) else round(volume),
            is_split=splits is not None and isfinite(splits) and splits != 0.0,
        )
        for day, is_final, opened, high, low, close, volume, splits in cells
    ], digest


def _price(value: float | None) -> float | None:
    """Read a price. Yahoo keeps 32-bit floats: 150.91 comes as 150.91000366210938, and is 150.91 again."""
    import numpy as np  # noqa: PLC0415 - only here

    if value is None or not isfinite(value):
        return None
    short = np.float32(value)
    return float(str(short)) if float(short) == value else value


def _keep(rows: Sequence[_Row], is_kept: Callable[[_Row], bool], what: str, notes: list[str]) -> list[_Row]:
    """Keep some rows; count the others in a note."""
    kept, dropped = _parted(rows, is_kept)
    if dropped:
        days = [row.date for row in dropped]
        notes.append(f"yahoo: {counted(len(days), 'row')} {what} {were(len(days))} dropped ({named(days)})")
    return kept


def _parted(rows: Iterable[_Row], is_kept: Callable[[_Row], bool]) -> tuple[list[_Row], list[_Row]]:
    kept: list[_Row] = []
    dropped: list[_Row] = []
    for row in rows:
        (kept if is_kept(row) else dropped).append(row)
    return kept, dropped
