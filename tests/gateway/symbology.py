"""Symbols to instruments and days: raw symbols, parents, continuous contracts and instrument ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.gateway import instruments
from tests.gateway.instruments import Instrument
from tests.gateway.sessions import has_hours

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.gateway.catalog import Dataset

ALL_SYMBOLS = "ALL_SYMBOLS"
_ROLL_RULES = {"c": "leads_by_calendar", "v": "leads_by_volume", "n": "leads_by_open_interest"}
_MOST_WEEKDAYS_SHUT = 10  # no market here stays shut for this many days on end


class UnresolvedError(Exception):
    """A request for symbols was refused as a whole; the text is what the real service says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One instrument under one asked-for symbol, on the UTC days [first_day, end_day)."""

    symbol: str
    instrument: Instrument
    first_day: int
    end_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What symbols stand for over a span of UTC days."""

    symbols: tuple[str, ...]
    pieces: tuple[Piece, ...]
    partial: tuple[str, ...]
    not_found: tuple[str, ...]


def _everything(dataset: Dataset, first_day: int, end_day: int) -> Iterable[Instrument]:
    if dataset.calendar == "shares":
        return instruments.shares(dataset.name)
    if dataset.calendar == "options":
        return instruments.chain("GLD", first_day, end_day)
    return [one for root in ("ES", "GC") for one in _futures(root)]


def _futures(root: str) -> list[Instrument]:
    return [one for c in instruments.contracts(root) for one in (c.outright, c.spread)]


def _of_parent(dataset: Dataset, symbol: str, first_day: int, end_day: int) -> Iterable[Instrument]:
    root, _, kind = symbol.partition(".")
    if kind not in {"FUT", "OPT"}:
        sentence = f"Invalid parent symbol: {symbol}, expected format '[ROOT].FUT' or '[ROOT].OPT'"
        raise UnresolvedError(sentence)
    if kind == "FUT" and dataset.calendar == "futures" and instruments.has_futures(root):
        return _futures(root)
    if kind == "OPT" and dataset.calendar == "options" and instruments.has_options(root):
        return instruments.chain(root, first_day, end_day)
    sentence = f"Could not resolve smart symbols: {symbol}"
    raise UnresolvedError(sentence)


def _of_continuous(dataset: Dataset, symbol: str) -> Iterable[tuple[Instrument, int, int]]:
    root, _, rule = symbol.partition(".")
    kind, _, rank = rule.partition(".")
    is_known = kind in _ROLL_RULES and rank == "0" and instruments.has_futures(root)
    if dataset.calendar != "futures" or not is_known:
        sentence = f"Could not resolve smart symbols: {symbol}"
        raise UnresolvedError(sentence)
    for contract in instruments.contracts(root):
        start, end = getattr(contract, _ROLL_RULES[kind])
        yield contract.outright, start, end


def _candidates(
    dataset: Dataset, symbol: str, stype_in: str, first_day: int, end_day: int
) -> Iterable[tuple[Instrument, int, int]]:
    if stype_in == "continuous":
        return _of_continuous(dataset, symbol)
    if symbol == ALL_SYMBOLS:
        found = _everything(dataset, first_day, end_day)
    elif stype_in == "parent":
        found = _of_parent(dataset, symbol, first_day, end_day)
    elif stype_in == "instrument_id":
        found = [i for i in _everything(dataset, first_day, end_day) if str(i.instrument_id) == symbol]
    else:
        found = [i for i in _everything(dataset, first_day, end_day) if i.raw_symbol == symbol]
    return [(instrument, instrument.first_day, instrument.end_day) for instrument in found]


def resolve(
    dataset: Dataset,
    symbols: Iterable[str],
    stype_in: str,
    first_day: int,
    end_day: int,
    *,
    shut_days_resolve: bool = False,
) -> Resolution:
    """Find what `symbols` stand for on the UTC days [first_day, end_day).

    Raises UnresolvedError where a smart symbol is unknown, or where nothing at all is found: the real service
    says the same of a window without a single trading hour as of a wrong symbol, unless `shut_days_resolve`.
    """
    asked = tuple(dict.fromkeys(symbols))
    pieces: list[Piece] = []
    partial: list[str] = []
    not_found: list[str] = []
    is_long = end_day - first_day >= _MOST_WEEKDAYS_SHUT
    is_shut = not is_long and not shut_days_resolve and not has_hours(dataset.calendar, first_day, end_day)
    for symbol in asked:
        found = [
            Piece(symbol=symbol, instrument=i, first_day=max(start, first_day), end_day=min(end, end_day))
            for i, start, end in _candidates(dataset, symbol, stype_in, first_day, end_day)
            if start < end_day and end > first_day
        ]
        if not found or is_shut:
            not_found.append(symbol)
            continue
        pieces += found
        spans_all = min(p.first_day for p in found) <= first_day and max(p.end_day for p in found) >= end_day
        if not spans_all:
            partial.append(symbol)
    if not pieces:
        sentence = "None of the symbols could be resolved"
        raise UnresolvedError(sentence)
    return Resolution(symbols=asked, pieces=tuple(pieces), partial=tuple(partial), not_found=tuple(not_found))
