"""How Databento is asked for an instrument, and what it answers about symbols."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from vaultdash.data.catalog import CONTINUOUS, FUTURE_DATASETS, OPTION_DATASETS, Instrument, instrument_for
from vaultdash.errors import ParentSymbolError, SymbolsUnresolvedError, UnreadableAnswerError, UnreadableValueError
from vaultdash.errors import VendorAnswer as Answer

FUTURE_PARENT = re.compile(r"[A-Z0-9]+\.FUT")
OPTION_PARENT = re.compile(r"[A-Z0-9]+\.OPT")
EVERYTHING = "ALL_SYMBOLS"


@dataclass(frozen=True, kw_only=True, slots=True)
class MappedSymbol:
    """What one symbol stood for from `start` up to, not including, `end` (UTC days)."""

    name: str
    start: date
    end: date


@dataclass(frozen=True, kw_only=True, slots=True)
class SymbolMap:
    """What symbols stood for over a window. `partial` are those that stood for something during part of it only."""

    mappings: Mapping[str, tuple[MappedSymbol, ...]]
    partial: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for each symbol known during part of the window only."""
        return tuple(f"databento: {name} is known {self._spans(name)} only" for name in self.partial)

    def _spans(self, name: str) -> str:
        spans = self.mappings.get(name, ())
        if not spans:
            return "in part of the window"
        return f"from {min(one.start for one in spans)} until {max(one.end for one in spans)}"


def instrument_asked(asked: Instrument | str) -> Instrument:
    """Return the instrument whose `symbol`, `stype` and `datasets` Databento is asked with.

    Outside the catalog, `ROOT.v.0` is a continuous future, `ROOT.OPT` an option chain, and anything else a raw symbol
    in upper case, as the client sends it. Raises ParentSymbolError for `ROOT.FUT`, whose expiries and spreads make no
    single series, and UnreadableValueError for several symbols at once.
    """
    if isinstance(asked, Instrument):
        return asked
    word = asked.strip().upper()
    if FUTURE_PARENT.fullmatch(word):
        raise ParentSymbolError(symbol=word)
    if "," in word or word == EVERYTHING:
        raise UnreadableValueError(what="The symbol", text=asked[:40], expected="one symbol at a time, such as GLD")
    found = instrument_for(asked)
    if found.is_listed:
        return found
    if continuous := CONTINUOUS.fullmatch(word):
        symbol = f"{continuous[1]}.{continuous[2].lower()}.{continuous[3]}"
        return replace(
            found,
            name=symbol,
            symbol=symbol,
            stype="continuous",
            datasets=FUTURE_DATASETS,
            calendar="CMES",
            is_future=True,
        )
    if OPTION_PARENT.fullmatch(word):
        return replace(found, name=word, symbol=word, stype="parent", datasets=OPTION_DATASETS)
    return replace(found, name=word, symbol=word, yahoo_symbol=word)


def read_symbol_map(body: object, *, what: str) -> SymbolMap:
    """Read symbology.resolve's answer.

    Raises SymbolsUnresolvedError naming the symbols that were not found, UnreadableAnswerError for another answer.
    """
    document = body if isinstance(body, dict) else {}
    try:
        missing = [str(name) for name in document["not_found"]]
        partial = tuple(str(name) for name in document["partial"])
        mappings = {
            str(name): tuple(
                MappedSymbol(name=str(one["s"]), start=date.fromisoformat(one["d0"]), end=date.fromisoformat(one["d1"]))
                for one in spans
            )
            for name, spans in document["result"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UnreadableAnswerError(vendor="Databento", what=what, reason="it is no table of symbols") from None
    if missing:
        raise SymbolsUnresolvedError(what=what, answer=Answer(words=f"not found: {', '.join(missing)}"))
    return SymbolMap(mappings=mappings, partial=partial)
