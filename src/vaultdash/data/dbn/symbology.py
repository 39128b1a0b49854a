"""From an instrument id and a moment to the symbol it then stood for, by the intervals of a file's metadata.

Databento uses instrument ids again, so an id means something only within its interval of UTC days, half-open.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from vaultdash.market import DAY_NS, EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from databento_dbn import Metadata
    from numpy.typing import NDArray

ID_SHIFT = np.uint64(32)
DAY_MASK = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, kw_only=True, slots=True)
class MappedSpan:
    """An instrument id and the symbol it stands for over UTC days [first_day, end_day), counted from 1970."""

    instrument_id: int
    first_day: int
    end_day: int
    symbol: str


def mapped_spans(metadata: Metadata) -> tuple[MappedSpan, ...]:
    """Return the intervals of a file's metadata, in its order; those that resolve to nothing are left out.

    The symbol is the raw one, or the one asked for where it is continuous (`ES.v.0`).
    """
    is_by_id = str(metadata.stype_in) == "instrument_id"
    spans = []
    for native, intervals in metadata.mappings.items():
        for interval in intervals:
            if not (other := interval["symbol"]):
                continue
            number, symbol = (native, other) if is_by_id else (other, native)
            if number.isdigit():
                spans.append(
                    MappedSpan(
                        instrument_id=int(number),
                        first_day=(interval["start_date"] - EPOCH).days,
                        end_day=(interval["end_date"] - EPOCH).days,
                        symbol=symbol,
                    )
                )
    return tuple(spans)


class SymbolMap:
    """Looks symbols up for whole columns. Where two intervals cover a moment, the one that began last counts."""

    def __init__(self, spans: Iterable[MappedSpan]) -> None:
        by_id: dict[int, list[MappedSpan]] = {}
        for span in spans:
            if span.first_day < span.end_day:
                by_id.setdefault(span.instrument_id, []).append(span)
        disjoint = [piece for number in sorted(by_id) for piece in _disjoint(by_id[number])]
        names = sorted({piece.symbol for piece in disjoint})
        places = {name: place for place, name in enumerate(names)}
        self._names = np.array([*names, None], dtype=object)
        self._starts = _keys(
            np.array([piece.instrument_id for piece in disjoint], np.uint64),
            np.array([piece.first_day for piece in disjoint], np.uint64),
        )
        self._ends = np.array([piece.end_day for piece in disjoint], np.uint64)
        self._places = np.array([places[piece.symbol] for piece in disjoint], np.intp)

    @classmethod
    def of(cls, metadata: Metadata) -> SymbolMap:
        """The symbols of one file."""
        return cls(mapped_spans(metadata))

    def symbols(self, instrument_ids: NDArray[np.uint32], moments: NDArray[np.uint64]) -> NDArray[np.object_]:
        """Return the symbol of each instrument id at its moment (ns UTC), None where no interval covers it; shape (n,).

        Moments are those of `index_field`: ts_recv where the schema has it.
        """
        if not len(self._starts):
            return np.full(len(instrument_ids), None, dtype=object)
        numbers, days = instrument_ids.astype(np.uint64), moments.astype(np.uint64) // np.uint64(DAY_NS)
        at = np.searchsorted(self._starts, _keys(numbers, days), side="right") - 1
        # Position -1, before every interval, reads the last one, whose id is then larger.
        is_covered = (at >= 0) & (self._starts[at] >> ID_SHIFT == numbers) & (days < self._ends[at])
        return self._names[np.where(is_covered, self._places[at], -1)]


def _keys(numbers: NDArray[np.uint64], days: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One number to sort by: the instrument id, then the day."""
    keys: NDArray[np.uint64] = (numbers << ID_SHIFT) | (days & DAY_MASK)
    return keys


def _disjoint(spans: Sequence[MappedSpan]) -> list[MappedSpan]:
    """Cut the spans of one instrument id where they overlap, in order of days."""
    if len(spans) == 1:
        return list(spans)
    days = sorted({day for span in spans for day in (span.first_day, span.end_day)})
    # The last of these wins; of two that began together, the one the file names first.
    by_start = sorted(enumerate(spans), key=lambda item: (item[1].first_day, -item[0]))
    pieces = []
    for first, end in pairwise(days):
        covering = [span for _, span in by_start if span.first_day <= first and end <= span.end_day]
        if covering:
            last = covering[-1]
            pieces.append(
                MappedSpan(instrument_id=last.instrument_id, first_day=first, end_day=end, symbol=last.symbol)
            )
    return pieces
