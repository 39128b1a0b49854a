"""Volume by price: who bought and who sold at every price of every bar (the footprint)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vaultdash.orderflow.trades import BUY, SELL

if TYPE_CHECKING:
    from vaultdash.orderflow.trades import Trades

    Ints = NDArray[np.int64]

EXACT_IN_FLOAT = 2**53
DENSE_CELLS_PER_ROW = 4
"""Where bars x prices are more cells than this for each trade, the trades are sorted instead."""

SAMPLED_ROWS = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Footprint:
    """The price levels of bars, one bar after another, prices rising inside a bar; only prices that traded.

    Shapes: `offsets` is (bars + 1,): the levels of bar i are those from offsets[i] to offsets[i + 1]. The other
    columns are (levels,): `price` int64 in 1e-9, volumes int64, exact. The volumes of a bar's levels add up to the
    bar's own.
    """

    offsets: NDArray[np.int64]
    price: NDArray[np.int64]
    buy_volume: NDArray[np.int64]
    sell_volume: NDArray[np.int64]
    unsided_volume: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def volume(self) -> NDArray[np.int64]:
        """Volume at each level, both sides and unsided."""
        return self.buy_volume + self.sell_volume + self.unsided_volume

    def bars(self, begin: int, end: int) -> Footprint:
        """The levels of the bars [begin, end)."""
        low, high = int(self.offsets[begin]), int(self.offsets[end])
        return Footprint(
            offsets=self.offsets[begin : end + 1] - low,
            price=self.price[low:high],
            buy_volume=self.buy_volume[low:high],
            sell_volume=self.sell_volume[low:high],
            unsided_volume=self.unsided_volume[low:high],
        )

    def merged(self) -> Footprint:
        """All bars as one: each price once."""
        return _gathered(
            np.zeros(len(self.price), np.int64),
            self.price,
            np.stack([self.buy_volume, self.sell_volume, self.unsided_volume]),
            bars=1,
        )


def footprint_of(trades: Trades, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> Footprint:
    """Return the levels of the rows [begins[i], ends[i]), which are in order and apart."""
    lengths = ends - begins
    rows = np.repeat(begins - np.cumsum(lengths) + lengths, lengths) + np.arange(int(lengths.sum()))
    bar = np.repeat(np.arange(len(begins)), lengths)
    price, side, size = trades.price[rows], trades.side[rows], trades.size[rows].astype(np.int64)
    bought, sold = np.where(side == BUY, size, 0), np.where(side == SELL, size, 0)
    volumes = np.stack([bought, sold, size - bought - sold])
    if len(price):
        low = int(price.min())
        step = _step(price, low)
        cells = ((int(price.max()) - low) // step + 1) * len(begins)
        if cells <= DENSE_CELLS_PER_ROW * len(price) and int(size.sum()) < EXACT_IN_FLOAT:
            return _counted(bar, (price - low) // step, volumes, low=low, step=step, cells=cells, bars=len(begins))
    return _gathered(bar, price, volumes, bars=len(begins))


def joined(pieces: list[Footprint]) -> Footprint:
    """The bars of several footprints, one after the other."""
    counts = [np.diff(piece.offsets) for piece in pieces]
    return Footprint(
        offsets=np.concatenate([[0], np.cumsum(np.concatenate([np.empty(0, np.int64), *counts]))]).astype(np.int64),
        price=_joined([piece.price for piece in pieces]),
        buy_volume=_joined([piece.buy_volume for piece in pieces]),
        sell_volume=_joined([piece.sell_volume for piece in pieces]),
        unsided_volume=_joined([piece.unsided_volume for piece in pieces]),
    )


def with_empty_bars(footprint: Footprint, before: NDArray[np.int64]) -> Footprint:
    """The footprint with a bar that holds no level put in before each of the bars `before` (rising, may repeat)."""
    counts = np.insert(np.diff(footprint.offsets), before, 0)
    return Footprint(
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        price=footprint.price,
        buy_volume=footprint.buy_volume,
        sell_volume=footprint.sell_volume,
        unsided_volume=footprint.unsided_volume,
    )


def _joined(columns: list[Ints]) -> Ints:
    return np.concatenate([np.empty(0, np.int64), *columns])


def _step(price: Ints, low: int) -> int:
    """The largest step that every price of a piece keeps to; 1 where they are all one."""
    step = int(np.gcd.reduce(price[:SAMPLED_ROWS] - low))
    if step == 0 or not bool(((price - low) % step == 0).all()):
        step = int(np.gcd.reduce(price - low))
    return step or 1


def _counted(bar: Ints, level: Ints, volumes: Ints, *, low: int, step: int, cells: int, bars: int) -> Footprint:
    """Levels by counting into cells of bar x price. `bincount` adds floats, which are exact below 2^53."""
    span = cells // bars
    cell = bar * span + level
    held = np.flatnonzero(np.bincount(cell, minlength=cells))
    sums = [np.bincount(cell, weights=volume, minlength=cells)[held].astype(np.int64) for volume in volumes]
    return Footprint(
        offsets=np.searchsorted(held, np.arange(bars + 1) * span),
        price=low + held % span * step,
        buy_volume=sums[0],
        sell_volume=sums[1],
        unsided_volume=sums[2],
    )


def _gathered(bar: Ints, price: Ints, volumes: Ints, *, bars: int) -> Footprint:
    """Levels by sorting."""
    order = np.lexsort((price, bar))
    bar, price = bar[order], price[order]
    is_new = np.ones(len(price), np.bool_)
    is_new[1:] = (bar[1:] != bar[:-1]) | (price[1:] != price[:-1])
    first = np.flatnonzero(is_new)
    sums = np.add.reduceat(volumes[:, order], first, axis=1) if len(first) else np.empty((3, 0), np.int64)
    return Footprint(
        offsets=np.searchsorted(bar[first], np.arange(bars + 1)),
        price=price[first],
        buy_volume=sums[0],
        sell_volume=sums[1],
        unsided_volume=sums[2],
    )
