"""The records of the options on GLD over any window, session by session, and how many there are."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from vaultdash.data.samplemarket.chain import CALENDAR, chain_on
from vaultdash.data.samplemarket.definitions import VENUES, option_definition_time, option_definitions, option_symbols
from vaultdash.data.samplemarket.encode import MappingInterval, SymbolMapping, interest_records, quote_records
from vaultdash.data.samplemarket.instruments import sessions_over
from vaultdash.data.samplemarket.quotes import open_interest_on, quote_times, quotes_on
from vaultdash.market import DateRange, Window, utc_day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaultdash.data.request import DataRequest
    from vaultdash.data.samplemarket.noise import Ints

Records = Any  # a numpy array of one of DBN's record types

INTEREST_VENUES = VENUES[:3]


def chain_records(request: DataRequest) -> Iterator[Records]:
    """The records of a request for definitions, quotes or statistics, in order of time, a piece for each session."""
    for session, moments in _moments(request):
        if request.series.schema == "definition":
            yield option_definitions(session)
        elif request.series.schema == "statistics":
            yield interest_records(
                chain_on(session), open_interest_on(session), option_definition_time(session), INTEREST_VENUES
            )
        else:
            quotes = quote_records(chain_on(session), quotes_on(session))
            yield quotes[(quotes["ts_recv"] >= moments[0]) & (quotes["ts_recv"] <= moments[-1])]


def chain_count(request: DataRequest) -> int:
    """How many records `chain_records` gives, without pricing an option."""
    repeats = len(INTEREST_VENUES) if request.series.schema == "statistics" else 1
    return sum(len(chain_on(session)) * len(moments) * repeats for session, moments in _moments(request))


def chain_mappings(request: DataRequest) -> list[SymbolMapping]:
    """Which instrument each option's name means on which UTC dates of the request."""
    first = utc_day(request.window.start)
    end = utc_day(request.window.end - 1) + timedelta(days=1)
    window = Window.of_days(DateRange(start=first, end=end - timedelta(days=1)))
    mappings: dict[str, SymbolMapping] = {}
    for place, session in enumerate(sessions_over(CALENDAR, window)):
        chain = chain_on(session.day)
        rows = zip(option_symbols(session.day), chain.instrument_id.tolist(), chain.expiry.tolist(), strict=True)
        for symbol, identity, expiry in rows:
            if symbol in mappings:
                continue
            interval = MappingInterval(
                start_date=session.day if place else first,
                end_date=min(end, date.fromordinal(expiry + 1)),
                symbol=str(identity),
            )
            mappings[symbol] = SymbolMapping(raw_symbol=symbol, intervals=[interval])
    return list(mappings.values())


def _moments(request: DataRequest) -> Iterator[tuple[date, Ints]]:
    """The sessions of a request, each with the moments inside it at which its options have a record."""
    window = request.window
    whole_days = Window.of_days(DateRange(start=utc_day(window.start), end=utc_day(window.end - 1)))
    for session in sessions_over(CALENDAR, whole_days):
        if request.series.schema == "cbbo-1m":
            moments = quote_times(session.day)
        else:
            moments = np.array([option_definition_time(session.day)], dtype=np.int64)
        if len(inside := moments[(moments >= window.start) & (moments < window.end)]):
            yield session.day, inside
