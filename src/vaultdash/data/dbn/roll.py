"""When a future's series goes from one contract to the next, by what gap in price, and which contracts are outrights.

A continuous symbol (`ES.v.0`) is one real contract on each UTC day; its file's metadata says which. A parent (`ES.FUT`)
is every contract at once and needs a rule to become a series.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from vaultdash.data.bars.session_index import ONE_DAY, session_index
from vaultdash.data.dbn.reading import PRICE_SCALE, UNDEFINED_PRICE
from vaultdash.data.dbn.symbology import mapped_spans
from vaultdash.errors import ParentSymbolError
from vaultdash.market import DAY_NS, utc_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from databento_dbn import Metadata
    from numpy.typing import NDArray

    from vaultdash.data.dbn.reading import Records
    from vaultdash.data.dbn.symbology import MappedSpan
    from vaultdash.data.request import Series
    from vaultdash.market import TradingCalendar

RollRule = Literal["previous_volume"]

OUTRIGHT_CLASS = b"F"
SPREAD_SIGNS = ("-", ":", " ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Roll:
    """The day a series goes over to another contract.

    `date` is the first UTC day of the new contract, or its first session where a rule chose it. `gap` is the first
    close held of the new contract less the last one held of the old, in USD; None where either is not held.
    """

    date: date
    from_instrument: int
    to_instrument: int
    gap: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ContractDays:
    """A contract and the days [first, end) on which the series is it; `start` is the moment it begins (ns UTC)."""

    instrument_id: int
    first: date
    end: date
    start: int


def rolls(
    metadata: Sequence[Metadata],
    *,
    series: Series,
    bars: Records | None = None,
    rule: RollRule | None = None,
    calendar: TradingCalendar | None = None,
    definitions: Records | None = None,
) -> tuple[Roll, ...]:
    """Return the rolls of a series, in order of date.

    `metadata` is that of each record held of the series. `bars` are its bars where they are held, for the gaps.
    A parent symbol needs the rule `previous_volume`, bars and a calendar: each session is then the outright with the
    most volume in the session before. `definitions`, where held, tell outrights from spreads; else their names do.
    Raises ParentSymbolError for a parent without all of these.
    """
    spans = [span for one in metadata for span in mapped_spans(one)]
    if series.stype_in != "parent":
        return _rolls(contract_days(span for span in spans if span.symbol == series.symbol), bars)
    if rule is None or bars is None or calendar is None:
        raise ParentSymbolError(symbol=series.symbol)
    outrights = outrights_of(definitions) if definitions is not None else outrights_by_name(spans)
    kept = bars[np.isin(bars["instrument_id"], list(outrights))]
    return _rolls(front_contracts(kept, calendar=calendar), kept)


def contract_days(spans: Iterable[MappedSpan]) -> tuple[ContractDays, ...]:
    """Join a symbol's intervals from several records: one entry for each stretch of one contract, in order.

    Days between two entries are those the vendor maps to nothing.
    """
    joined: list[ContractDays] = []
    for span in sorted(spans, key=lambda span: (span.first_day, span.end_day)):
        start = span.first_day * DAY_NS
        first, end = utc_day(start), utc_day(span.end_day * DAY_NS)
        if joined and joined[-1].instrument_id == span.instrument_id:
            joined[-1] = replace(joined[-1], end=max(joined[-1].end, end))
        else:
            joined.append(ContractDays(instrument_id=span.instrument_id, first=first, end=end, start=start))
    return tuple(joined)


def front_contracts(bars: Records, *, calendar: TradingCalendar) -> tuple[ContractDays, ...]:
    """The contract of each session: the one with the most volume in the session before it that has any.

    `bars` are of outrights and shorter than a session, in order of time. The first session has none before it, so it
    is left out. Of equal volumes the lower instrument id counts. Days are sessions; `end` is the last one's next day.
    """
    times = bars["ts_event"].astype(np.int64)
    if not len(times):
        return ()
    index = session_index(calendar, first=int(times[0]), last=int(times[-1]))
    places = index.places(times, 1)
    bars, places = bars[places >= 0], places[places >= 0]
    order = np.argsort(places, kind="stable")
    sessions, starts = np.unique(places[order], return_index=True)
    largest = {
        place: _largest(bars["instrument_id"][held], bars["volume"][held])
        for place, held in zip(sessions.tolist(), np.split(order, starts[1:]), strict=True)
    }
    chosen = [(place, largest[before]) for before, place in pairwise(largest)]
    stretches = []
    for contract, group in groupby(chosen, key=lambda item: item[1]):
        of_contract = [place for place, _ in group]
        first, last = of_contract[0], of_contract[-1]
        stretches.append(
            ContractDays(
                instrument_id=contract,
                first=index.days[first],
                end=index.days[last] + ONE_DAY,
                start=int(index.opens[first]),
            )
        )
    return tuple(stretches)


def _largest(instrument_ids: NDArray[np.uint32], volumes: NDArray[np.uint64]) -> int:
    numbers, at = np.unique(instrument_ids, return_inverse=True)
    totals = np.zeros(len(numbers), np.uint64)
    np.add.at(totals, at, volumes)
    return int(numbers[np.argmax(totals)])


def is_spread(raw_symbol: str) -> bool:
    """Whether a raw symbol names a combination of contracts (`ESU2-ESZ2`, `GC:BF ...`), by its signs."""
    return any(sign in raw_symbol for sign in SPREAD_SIGNS)


def outrights_by_name(spans: Iterable[MappedSpan]) -> frozenset[int]:
    """Instrument ids that stand for no spread in any of their intervals, by raw symbol."""
    spans = tuple(spans)
    spreads = {span.instrument_id for span in spans if is_spread(span.symbol)}
    return frozenset(span.instrument_id for span in spans) - spreads


def outrights_of(definitions: Records) -> frozenset[int]:
    """Instrument ids of outright futures, by definition records (instrument_class F)."""
    is_outright = definitions["instrument_class"] == OUTRIGHT_CLASS
    return frozenset(definitions["instrument_id"][is_outright].tolist())


def _rolls(contracts: Sequence[ContractDays], bars: Records | None) -> tuple[Roll, ...]:
    return tuple(
        Roll(
            date=new.first,
            from_instrument=old.instrument_id,
            to_instrument=new.instrument_id,
            gap=None if bars is None else _gap(bars, old, new),
        )
        for old, new in pairwise(contracts)
    )


def _gap(bars: Records, old: ContractDays, new: ContractDays) -> float | None:
    moment = np.uint64(new.start)
    is_priced = bars["close"] != UNDEFINED_PRICE
    before = is_priced & (bars["instrument_id"] == old.instrument_id) & (bars["ts_event"] < moment)
    after = is_priced & (bars["instrument_id"] == new.instrument_id) & (bars["ts_event"] >= moment)
    if not (before.any() and after.any()):
        return None
    last = int(bars["close"][np.flatnonzero(before)[-1]])
    first = int(bars["close"][np.flatnonzero(after)[0]])
    return (first - last) / PRICE_SCALE
