"""From a symbol to what trades under it: instruments, each over the stretch of time in which it does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

from vaultdash.data.samplemarket.contracts import CALENDAR, Contract, contracts_of, listing_start
from vaultdash.data.samplemarket.instruments import GLD, Instrument, calendar_spread, outright, session_hours
from vaultdash.data.samplemarket.listing import FUTURE_ROOTS
from vaultdash.market import DateRange, Window, midnight_ns, utc_day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaultdash.data.request import Series


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """An instrument over a window of time, within the sessions on which it is traded, both ends included.

    `symbol` is the name DBN maps to it: the continuous symbol as asked, or else its own.
    """

    symbol: str
    instrument: Instrument
    window: Window
    first_session: date
    last_session: date

    @property
    def first_date(self) -> date:
        """The UTC date from which the symbol maps to the instrument."""
        return utc_day(self.window.start)

    @property
    def end_date(self) -> date:
        """The UTC date from which it no longer does."""
        return utc_day(self.window.end - 1) + timedelta(days=1)


def stretches_of(series: Series, window: Window) -> list[Stretch]:
    """What trades under a share's or a future's symbol inside a window, in order of expiry."""
    return [
        replace(stretch, window=within)
        for stretch in _all_stretches(series.symbol, series.stype_in)
        if (within := stretch.window.overlap(window))
    ]


@cache
def _all_stretches(symbol: str, stype_in: str) -> tuple[Stretch, ...]:
    return tuple(_each_stretch(symbol, stype_in))


def _each_stretch(symbol: str, stype_in: str) -> Iterator[Stretch]:
    if symbol == GLD.raw_symbol:
        always = DateRange(start=date(2000, 1, 1), end=date(2040, 12, 31))
        yield Stretch(
            symbol=symbol,
            instrument=GLD,
            window=Window.of_days(always),
            first_session=always.start,
            last_session=always.end,
        )
    elif stype_in == "continuous":
        yield from _continuous(symbol)
    elif stype_in == "parent":
        yield from _parent(symbol.partition(".")[0])
    else:
        for root in FUTURE_ROOTS:
            yield from (stretch for stretch in _parent(root) if stretch.symbol == symbol)


def _continuous(symbol: str) -> Iterator[Stretch]:
    """The most traded contract of each UTC date: the next one from the date of the roll."""
    root = symbol.partition(".")[0]
    contracts = contracts_of(root)
    for at in range(1, len(contracts)):
        roll = Window(start=midnight_ns(contracts[at - 1].roll), end=midnight_ns(contracts[at].roll))
        yield replace(_outright(root, at), symbol=symbol, window=roll)


def _parent(root: str) -> Iterator[Stretch]:
    contracts = contracts_of(root)
    for at in range(2, len(contracts) - 1):
        yield _outright(root, at)
        spread = calendar_spread(contracts[at], contracts[at + 1])
        yield _stretch(spread, first_session=listing_start(root, at + 1), last=contracts[at])


def _outright(root: str, at: int) -> Stretch:
    contract = contracts_of(root)[at]
    return _stretch(outright(contract), first_session=listing_start(root, at), last=contract)


def _stretch(instrument: Instrument, *, first_session: date, last: Contract) -> Stretch:
    """From the UTC date on which the first session opens to the end of the date of expiry."""
    opening = utc_day(session_hours(CALENDAR, first_session).opens)
    return Stretch(
        symbol=instrument.raw_symbol,
        instrument=instrument,
        window=Window.of_days(DateRange(start=opening, end=last.expiry)),
        first_session=first_session,
        last_session=last.expiry,
    )
