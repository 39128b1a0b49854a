"""Trades as columns, and the count of what was wrong with them on the way in."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from vaultdash.market import Aggressor
from vaultdash.orderflow.checks import require

BUY, SELL, UNSIDED = (ord(letter) for letter in (Aggressor.BUYER, Aggressor.SELLER, Aggressor.NONE))

PRICE_LIMIT = 10**18
"""Prices from this up, either sign (a thousand million units of currency), are undefined."""

COLUMN_TYPES: dict[str, type[np.generic]] = {
    "ts_recv": np.int64,
    "price": np.int64,
    "size": np.uint32,
    "side": np.uint8,
    "instrument_id": np.uint32,
    "sequence": np.uint32,
    "ts_event": np.int64,
}

MOVES_TO_JUDGE, LEAST_AGREEMENT = 1000, 0.35
"""Sides are called swapped where fewer than this share of so many price moves went the way of the print's side."""

NO_SIDES = (
    "No trade says who crossed the spread (every side is N), so every delta is 0. Choose a dataset that gives sides, "
    "or classify the trades by the tick rule."
)
SIDES_SWAPPED = (
    "The side letters look swapped: only {:,} of {:,} price moves went the way of the print's side. B must stand for "
    "a buyer who crossed the spread, A for a seller."
)
ROWS_PER_BLOCK = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Trades:
    """Market prints as columns, in order of `ts_recv`, as `cleaning.clean` leaves them.

    Shapes: every column is (n,), contiguous. Units: `ts_recv` and `ts_event` are UTC nanoseconds, `price` is int64 in
    units of 1e-9 and defined, `size` is uint32 contracts or shares above zero, `side` holds the ASCII codes of B (a
    buyer crossed the spread), A (a seller did) and N (not given). A column the source does not have is None; without
    `instrument_id` the trades are of one contract. `classified_by` names the rule that gave sides to unsided prints,
    and is empty where every side is the vendor's own.

    Raises ImpossibleValueError for columns of other types or lengths, or times that fall.
    """

    ts_recv: NDArray[np.int64]
    price: NDArray[np.int64]
    size: NDArray[np.uint32]
    side: NDArray[np.uint8]
    instrument_id: NDArray[np.uint32] | None = None
    sequence: NDArray[np.uint32] | None = None
    ts_event: NDArray[np.int64] | None = None
    classified_by: str = ""

    def __post_init__(self) -> None:
        for name, column in self.columns().items():
            wanted = np.dtype(COLUMN_TYPES[name])
            require(
                fact=column.dtype == wanted and column.shape == (len(self.ts_recv),) and column.flags.c_contiguous,
                owner="Trades",
                field=name,
                value=f"{column.dtype} of shape {column.shape}",
                must=f"be contiguous {wanted} of shape ({len(self.ts_recv)},)",
                remedy="Make trades with `clean`.",
            )
        require(
            fact=_is_rising(self.ts_recv),
            owner="Trades",
            field="ts_recv",
            value="out of order",
            must="never fall",
            remedy="Make trades with `clean`, which sorts and counts.",
        )

    def __len__(self) -> int:
        return len(self.ts_recv)

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """The columns that are there, by name."""
        held = {name: getattr(self, name) for name in COLUMN_TYPES}
        return {name: column for name, column in held.items() if column is not None}

    @property
    def contracts(self) -> NDArray[np.uint32]:
        """The instrument ids; zeros where the trades do not name their contract."""
        return np.zeros(len(self), np.uint32) if self.instrument_id is None else self.instrument_id

    def take(self, rows: slice | NDArray[np.bool_]) -> Trades:
        """The trades of a slice (a view) or of a mask (a copy)."""
        kept = {name: column[rows] for name, column in self.columns().items()}
        return Trades(**kept, classified_by=self.classified_by)  # type: ignore[arg-type]  # names and types of COLUMN_TYPES


@dataclass(frozen=True, kw_only=True, slots=True)
class TradeQuality:
    """How many rows came in, how many were kept, and what was done to the rest. Counts add up over chunks.

    `rows` = `kept` + `duplicates` + `undefined_prices` + `zero_sizes`. `out_of_order` rows were sorted, `unsided` ones
    kept. `moves_with_side` and `moves_against_side` judge the first price changes: a buyer crossing the spread lifts
    the price, so most moves go the way of the print's side.
    """

    rows: int = 0
    kept: int = 0
    out_of_order: int = 0
    duplicates: int = 0
    undefined_prices: int = 0
    zero_sizes: int = 0
    unsided: int = 0
    moves_with_side: int = 0
    moves_against_side: int = 0

    def __add__(self, other: TradeQuality) -> TradeQuality:
        return TradeQuality(**{at.name: getattr(self, at.name) + getattr(other, at.name) for at in fields(self)})

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the result must know, as sentences; empty for sound data."""
        told = [
            (self.out_of_order, "{:,} trades came out of order and were sorted by ts_recv and sequence."),
            (self.duplicates, "{:,} trades were exact copies of another and were dropped."),
            (self.undefined_prices, "{:,} trades without a defined price were left out."),
            (self.zero_sizes, "{:,} trades of size zero were left out."),
        ]
        return (*(text.format(count) for count, text in told if count), *self._side_warnings())

    def _side_warnings(self) -> tuple[str, ...]:
        if self.kept and self.unsided == self.kept:
            return (NO_SIDES,)
        moves = self.moves_with_side + self.moves_against_side
        if moves >= MOVES_TO_JUDGE and self.moves_with_side < LEAST_AGREEMENT * moves:
            return (SIDES_SWAPPED.format(self.moves_with_side, moves),)
        return ()


def _is_rising(times: NDArray[np.int64]) -> bool:
    """Whether no time falls; in blocks, so that the comparison stays in the cache."""
    return all(
        bool((times[at + 1 : at + ROWS_PER_BLOCK + 1] >= times[at : at + ROWS_PER_BLOCK][: len(times) - at - 1]).all())
        for at in range(0, len(times) - 1, ROWS_PER_BLOCK)
    )
