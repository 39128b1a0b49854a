"""Works out sides of unsided prints from prices (tick rule) or quotes (quote rule), and says so on the trades."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from vaultdash.orderflow.checks import require
from vaultdash.orderflow.trades import BUY, SELL, UNSIDED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vaultdash.orderflow.trades import Trades

    Ints = NDArray[np.int64]

TICK_RULE = "tick rule"
QUOTE_RULE = "quote rule, then tick rule"


class SideClassifier:
    """Gives unsided trades a side, piece by piece; sides that the vendor gave are never changed.

    Tick rule: a print above the last different price was bought, one below it sold. The first prints of a contract,
    before its price has moved, stay unsided. Quote rule (Lee and Ready 1991, without a delay): with the quote that
    stood just before each print, one above the middle was bought, one below it sold; at the middle, and where there
    is no quote, the tick rule decides. A contract that follows another starts afresh.
    """

    def __init__(self) -> None:
        self._contract: int | None = None
        self._price = 0
        self._way = 0
        self.classified_count = 0
        self.left_unsided_count = 0

    def feed(
        self, trades: Trades, *, bid: NDArray[np.int64] | None = None, ask: NDArray[np.int64] | None = None
    ) -> Trades:
        """Return the trades with sides, and the rule's name in `classified_by`.

        `bid` and `ask` (n,), int64 in 1e-9, are the quote that stood just before each trade (`standing_quotes`);
        INT64_MAX or a crossed quote is none. Raises ImpossibleValueError where only one is given or a shape differs.
        """
        require(
            fact=(bid is None and ask is None)
            or (bid is not None and ask is not None and bid.shape == ask.shape == trades.price.shape),
            owner="Quotes",
            field="bid, ask",
            value=[None if quote is None else quote.shape for quote in (bid, ask)],
            must=f"both have one price for each of the {len(trades)} trades, or both be left out",
        )
        rule = TICK_RULE if bid is None else QUOTE_RULE
        if not len(trades):
            return replace(trades, classified_by=rule)
        way = self._tick_ways(trades)
        if bid is not None and ask is not None:
            quoted = _quote_ways(trades.price, bid, ask)
            way = np.where(quoted != 0, quoted, way)
        worked_out = np.where(way > 0, BUY, np.where(way < 0, SELL, UNSIDED)).astype(np.uint8)
        was_unsided = trades.side == UNSIDED
        side = np.where(was_unsided, worked_out, trades.side)
        left = int(np.count_nonzero(side == UNSIDED))
        self.left_unsided_count += left
        self.classified_count += int(np.count_nonzero(was_unsided)) - left
        return replace(trades, side=side, classified_by=rule)

    def _tick_ways(self, trades: Trades) -> Ints:
        """+1 or -1 where the last different price was lower or higher, 0 where the contract's price has not moved."""
        price = trades.price
        contract = trades.contracts
        is_new = np.ones(len(price), np.bool_)
        is_new[1:] = contract[1:] != contract[:-1]
        is_new[0] = self._contract is None or contract[0] != self._contract
        before = np.concatenate([[self._price], price[:-1]])
        moved = np.where(is_new, 0, np.sign(price - before))
        # Each row looks back to the last move, or to the row where its contract began.
        marks = np.where((moved != 0) | is_new, np.arange(len(price)), -1)
        last = np.maximum.accumulate(marks)
        way = np.where(last >= 0, moved[last], self._way)
        self._contract, self._price, self._way = int(contract[-1]), int(price[-1]), int(way[-1])
        return way


def standing_quotes(
    ts_recv: NDArray[np.int64], price: NDArray[np.int64], *, at: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the quote that stood strictly before each instant of `at` (n,): INT64_MAX before the first.

    `ts_recv` and `price` (m,) are times (rising) and prices of one side's quotes.
    """
    rows = np.searchsorted(ts_recv, at, "left") - 1
    undefined = np.iinfo(np.int64).max
    found: NDArray[np.int64] = np.where(rows >= 0, np.append(price, undefined)[rows], undefined)
    return found


def _quote_ways(price: Ints, bid: Ints, ask: Ints) -> Ints:
    """+1 above the middle, -1 below, 0 at it and without a sound quote; twice the price, so that nothing is rounded."""
    limit = np.iinfo(np.int64).max // 4
    is_sound = (np.abs(bid) < limit) & (np.abs(ask) < limit) & (bid <= ask)
    middle_twice = np.where(is_sound, bid, 0) + np.where(is_sound, ask, 0)
    ways: Ints = np.where(is_sound, np.sign(2 * price - middle_twice), 0)
    return ways
