"""The data room's desk: what a door asks of history, in the words a person uses."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from vaultdash.data.bars.bought import BarsWanted, bars_wanted, bought_closes, look_back
from vaultdash.data.calendars import trading_calendar
from vaultdash.data.catalog import instrument_for
from vaultdash.data.files.reading import read_daily_closes
from vaultdash.data.history import History
from vaultdash.data.request import DataRequest, Series
from vaultdash.data.samplemarket.listing import DATASETS, sample_dataset
from vaultdash.data.store.gaps import merged
from vaultdash.data.vendors.databento_symbols import instrument_asked
from vaultdash.errors import (
    CoverageError,
    DataNotHeldError,
    MissingKeyError,
    OptionsConflictError,
    UnknownNameError,
    VendorError,
)
from vaultdash.market import Window

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic import SecretStr

    from vaultdash.data.databento import DatabentoSource
    from vaultdash.data.purchase import RequestQuote, SpendLimits
    from vaultdash.data.source import HistorySource
    from vaultdash.market import DailyCloses, DateRange

DATABENTO, FILE, SAMPLE, YAHOO = "databento", "file", "sample", "yahoo"
DBN_SUFFIXES = (".dbn", ".zst")
SOURCES = (DATABENTO, FILE, SAMPLE, YAHOO)
FETCH_FIRST = "Fetch it first: run the same command with --yes, or `vaultdash data fetch`."


class DataDesk:
    """Answers for the data room. `home` is the data folder; `key` and `gateway` are Databento's."""

    def __init__(self, home: Path, *, limits: SpendLimits, key: SecretStr | None, gateway: str | None) -> None:
        self._home = home
        self.limits = limits
        self._key = key
        self._gateway = gateway

    @cached_property
    def history(self) -> History:
        """What was bought, and the way to buy more."""
        return History(self._home, sources={DATABENTO: lambda: self._databento, SAMPLE: _sample}, limits=self.limits)

    @cached_property
    def _databento(self) -> DatabentoSource:
        from vaultdash.data.databento import DatabentoSource  # noqa: PLC0415 - loaded when it is asked

        return DatabentoSource(self._key, folder=self._home / DATABENTO, gateway=self._gateway)

    def request(
        self,
        source: str,
        symbol: str,
        schema: str,
        days: DateRange,
        *,
        dataset: str | None = None,
        stype_in: str | None = None,
    ) -> DataRequest:
        """The request for a symbol's records of a schema over UTC days, both ends included.

        Without `dataset` the first of the symbol's that covers the window; `stype_in` asks for exactly the symbol
        given, in that dataset. Raises UnknownNameError, CoverageError, ParentSymbolError, OptionsConflictError.
        """
        window = Window.of_days(days)
        if stype_in is not None:
            if dataset is None:
                raise OptionsConflictError(
                    problem="A symbol type was given without its dataset.", remedy="Name the dataset too."
                )
            series = Series(source=source, dataset=dataset, schema=schema, symbol=symbol, stype_in=stype_in)
            return DataRequest(series=series, window=window)
        wanted = BarsWanted(instrument=instrument_asked(symbol), schema=schema, window=window)
        if source == SAMPLE:
            return self._sample_request(wanted) if dataset is None else wanted.of(SAMPLE, dataset)
        if source == DATABENTO:
            return self._databento_request(wanted, dataset=dataset)
        raise UnknownNameError(kind="source of history", name=source, known=(DATABENTO, SAMPLE))

    def request_for_closes(self, source: str, symbol: str, days: DateRange, *, sessions_before: int = 0) -> DataRequest:
        """The bars that daily closes of a symbol over some days, and a look-back before them, are built from.

        Where no dataset reaches as far back as the look-back, the days alone. Where Databento cannot be asked what it
        covers (no key, no network), the first of the symbol's datasets that is held. Raises UnknownNameError,
        NoSessionError, CoverageError, MissingKeyError, VendorError.
        """
        wanted = bars_wanted(instrument_asked(symbol), look_back(days, sessions_before))
        if source == SAMPLE:
            return self._sample_request(wanted)
        try:
            return self._databento_request(wanted)
        except CoverageError:
            if not sessions_before:
                raise
            return self.request_for_closes(source, symbol, days)

    def _databento_request(self, wanted: BarsWanted, *, dataset: str | None = None) -> DataRequest:
        """Ask Databento which dataset covers it; where it cannot be asked, the first of which all is held will do."""
        try:
            series = self._databento.resolve(wanted.instrument, wanted.schema, wanted.window, dataset=dataset)
        except (MissingKeyError, VendorError):
            for candidate in (dataset,) if dataset else wanted.instrument.datasets:
                if self.history.is_held(request := wanted.of(DATABENTO, candidate)):
                    return request
            raise
        return DataRequest(series=series, window=wanted.window)

    def needs(self, symbol: str, ranges: Sequence[DateRange], *, sessions_before: int = 0) -> tuple[RequestQuote, ...]:
        """What Databento would have to be paid for a symbol's closes over some ranges of days, with the prices.

        Only what is missing, so that there is none where all is held; a month that several ranges need is priced once.
        Raises what `request_for_closes` and
        the source's `available` raise.
        """
        missing: dict[Series, list[Window]] = {}
        for days in ranges:
            request = self.request_for_closes(DATABENTO, symbol, days, sessions_before=sessions_before)
            windows = missing.setdefault(request.series, [])
            windows += [gap.request.window for gap in self.history.gaps(request)]
        return tuple(
            self.history.quote(DataRequest(series=series, window=window))
            for series, windows in missing.items()
            for window in merged(windows)
        )

    def file_closes(self, symbol: str, path: Path | None) -> DailyCloses:
        """The daily closes in the person's own file: CSV, Parquet, or Databento's DBN, opened where it lies.

        Raises OptionsConflictError where none is named, and what the readers raise.
        """
        if path is None:
            raise OptionsConflictError(
                problem="The source is a file, yet no file is named.", remedy="Name one, or choose another source."
            )
        instrument = instrument_for(symbol)
        calendar = trading_calendar(instrument.calendar)
        if path.suffix.lower() in DBN_SUFFIXES:
            from vaultdash.data.bars.dbn_closes import read_dbn_closes  # noqa: PLC0415 - numpy, and the decoder

            return read_dbn_closes(path, instrument=instrument, calendar=calendar)
        return read_daily_closes(path, symbol=instrument.name, calendar=calendar)

    def closes(self, source: str, symbol: str, days: DateRange, *, sessions_before: int = 0) -> DailyCloses:
        """The daily closes of a symbol. What is free is fetched as it is needed; what costs money has to be held.

        Raises DataNotHeldError with the price of what is missing, UnknownNameError for another source, and what the
        source and the store raise.
        """
        if source == YAHOO:
            return self._yahoo_closes(symbol, look_back(days, sessions_before))
        if source not in (DATABENTO, SAMPLE):
            raise UnknownNameError(kind="source", name=source, known=SOURCES)
        request = self.request_for_closes(source, symbol, days, sessions_before=sessions_before)
        if source == SAMPLE:
            request = request.within(self._reachable(request))
            self.history.fetch(request)
        elif not (quote := self.history.quote(request)).is_held:
            raise DataNotHeldError(what=str(request), usd=quote.usd, because=quote.unknown_because, remedy=FETCH_FIRST)
        return bought_closes(self.history, request, symbol)

    def _yahoo_closes(self, symbol: str, days: DateRange) -> DailyCloses:
        from vaultdash.data.vendors.yahoo import YahooSource  # noqa: PLC0415 - loaded when it is asked
        from vaultdash.data.vendors.yahoo_history import yahoo_closes  # noqa: PLC0415 - as above

        return yahoo_closes(self.history.store, YahooSource(), instrument_asked(symbol).name, days)

    def _reachable(self, request: DataRequest) -> Window:
        """The part of a request that the sample has: a look-back may reach before its first day."""
        available = self.history.source(SAMPLE).available(request.series.dataset, request.series.schema)
        return request.window.overlap(available) or request.window

    def _sample_request(self, wanted: BarsWanted) -> DataRequest:
        dataset = sample_dataset(wanted.instrument)
        if dataset is None:
            offered = sorted(symbol for each in DATASETS.values() for symbol in each.symbols)
            raise UnknownNameError(kind="symbol of the sample market", name=wanted.instrument.name, known=offered)
        return wanted.of(SAMPLE, dataset)


def _sample() -> HistorySource:
    from vaultdash.data.samplemarket.vendor import SampleSource  # noqa: PLC0415 - numpy, loaded when it is asked

    return SampleSource()
