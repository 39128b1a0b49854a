"""Daily closes from bought history: which bars to ask a source for, and the series they make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from vaultdash.data.bars.daily_copy import DailyCopies, copy_key
from vaultdash.data.calendars import session_times, trading_calendar
from vaultdash.data.catalog import Instrument, gold_ounces_per_share, instrument_for
from vaultdash.data.request import DataRequest, Series
from vaultdash.data.samplemarket.listing import SOURCE
from vaultdash.data.store.durable import make_folder
from vaultdash.errors import NoSessionError
from vaultdash.market import SECOND_NS, DateRange, Window

if TYPE_CHECKING:
    from datetime import datetime

    from vaultdash.data.history import History
    from vaultdash.data.store.manifest import Record
    from vaultdash.market import DailyCloses, TradingCalendar

FUND_BARS, FUTURE_BARS = "ohlcv-1d", "ohlcv-1h"
COPIES_FOLDER = "closes"
CALENDAR_DAYS_A_SESSION = 1.5
LONGEST_CLOSURE = timedelta(days=7)


def look_back(days: DateRange, sessions: int) -> DateRange:
    """The range with at least `sessions` more sessions before it, for what looks back; unchanged for none."""
    if not sessions:
        return days
    return replace(days, start=days.start - timedelta(days=int(sessions * CALENDAR_DAYS_A_SESSION)) - LONGEST_CLOSURE)


@dataclass(frozen=True, kw_only=True, slots=True)
class BarsWanted:
    """The bars that daily closes are built from: of which instrument, in which schema, over which time."""

    instrument: Instrument
    schema: str
    window: Window

    def of(self, source: str, dataset: str) -> DataRequest:
        """The same bars from one dataset of a source."""
        series = Series(
            source=source,
            dataset=dataset,
            schema=self.schema,
            symbol=self.instrument.symbol,
            stype_in=self.instrument.stype,
        )
        return DataRequest(series=series, window=self.window)


def bars_wanted(asked: Instrument, days: DateRange) -> BarsWanted:
    """Daily bars for funds, hourly ones for futures; a proxy wants those of the instrument that stands in for it.

    Raises NoSessionError for days without a session of a future.
    """
    instrument = origin_of(asked)
    schema = FUTURE_BARS if instrument.is_future else FUND_BARS
    return BarsWanted(instrument=instrument, schema=schema, window=_bars_window(instrument, days))


def bought_closes(history: History, request: DataRequest, symbol: str) -> DailyCloses:
    """The daily closes of a symbol from the records that hold a request, kept as a derived copy beside the store.

    Raises WindowNotCoveredError where the request is not held, StoreDamagedError and NoClosesError.
    """
    instrument = instrument_for(symbol)
    origin = origin_of(instrument)
    calendar = trading_calendar(origin.calendar)
    records = history.records(request)
    held = Window(start=records[0].manifest.covered.start, end=records[-1].manifest.covered.end)
    digests = [record.manifest.sha256 for record in records]
    key = copy_key(digests, series=request.series, symbol=origin.name, calendar=calendar, window=held)
    folder = history.home / COPIES_FOLDER
    make_folder(folder)
    closes = DailyCopies(folder).closes(key, lambda: _build(records, request, origin, calendar, held))
    return closes if origin is instrument else as_proxy(closes, instrument)


def _build(
    records: tuple[Record, ...], request: DataRequest, instrument: Instrument, calendar: TradingCalendar, held: Window
) -> DailyCloses:
    from vaultdash.data.bars.daily import daily_closes_from_bars, digest_of_records  # noqa: PLC0415 - numpy, and the decoder
    from vaultdash.data.dbn.reading import read_records  # noqa: PLC0415 - as above

    return daily_closes_from_bars(
        [read_records(record.path) for record in records],
        series=request.series,
        symbol=instrument.name,
        calendar=calendar,
        window=held,
        digest=digest_of_records(record.manifest.sha256 for record in records),
        is_synthetic=request.series.source == SOURCE,
    )


def origin_of(instrument: Instrument) -> Instrument:
    """The instrument whose history is asked for: the proxy's origin, or the instrument itself."""
    return instrument if instrument.proxy_of is None else instrument_for(instrument.proxy_of)


def as_proxy(closes: DailyCloses, instrument: Instrument) -> DailyCloses:
    """A fund's closes over the ounces of gold behind a share, labelled for what they are."""
    origin = closes.symbol
    note = f"{closes.source}: {instrument.name} is a proxy, {origin}'s close over the ounces of gold a share stands for"
    return replace(
        closes,
        symbol=instrument.name,
        days=tuple(
            replace(day, close=day.close / gold_ounces_per_share(day.date), open=None, high=None, low=None, volume=None)
            for day in closes.days
        ),
        notes=(*closes.notes, note),
    )


def _bars_window(instrument: Instrument, days: DateRange) -> Window:
    """UTC days for daily bars; from the first session's opening to the last one's close for hourly ones."""
    if not instrument.is_future:
        return Window.of_days(days)
    sessions = trading_calendar(instrument.calendar).within(days)
    if not sessions:
        raise NoSessionError(calendar=instrument.calendar, start=days.start, end=days.end)
    opened, _ = session_times(instrument.calendar, sessions[0])
    _, closed = session_times(instrument.calendar, sessions[-1])
    return Window(start=_moment(opened), end=_moment(closed))


def _moment(when: datetime) -> int:
    return int(when.timestamp()) * SECOND_NS
