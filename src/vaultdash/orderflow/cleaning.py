"""Rows from any source -> trades: sorted, without copies, undefined prices or zero sizes, each counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from vaultdash.errors import LateTradeError, SideMissingError, UnknownSideError
from vaultdash.orderflow.checks import require
from vaultdash.orderflow.trades import BUY, COLUMN_TYPES, PRICE_LIMIT, SELL, UNSIDED, TradeQuality, Trades

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]

HORIZON = 1_000_000_000
"""Nanoseconds of trades held back between chunks, so that rows disordered across a border still find their place."""

LAST_ASCII = 127

JUDGED_ROWS = 200_000
"""Trades from the start of a tape whose moves tell whether the sides are swapped."""


def clean(
    *,
    ts_recv: NDArray[Any],
    price: NDArray[Any],
    size: NDArray[Any],
    side: NDArray[Any] | None,
    instrument_id: NDArray[Any] | None = None,
    sequence: NDArray[Any] | None = None,
    ts_event: NDArray[Any] | None = None,
) -> tuple[Trades, TradeQuality]:
    """Clean rows that are all at hand; shapes (n,), units and refusals as `TradeCleaner.feed`."""
    cleaner = TradeCleaner(horizon=None)
    cleaner.feed(
        ts_recv=ts_recv,
        price=price,
        size=size,
        side=side,
        instrument_id=instrument_id,
        sequence=sequence,
        ts_event=ts_event,
    )
    (trades,) = cleaner.finish()
    return trades, cleaner.quality


@dataclass(slots=True)
class _Last:
    """What must be remembered of the rows before a chunk."""

    highest: int = -(2**63)
    ts_recv: int = -(2**63)
    sequence: int = -1
    handed_on: int = -(2**63)
    price: int | None = None
    instrument_id: int = -1
    judged: int = 0


class TradeCleaner:
    """Takes rows chunk by chunk and hands trades on, the last `horizon` nanoseconds of them one chunk later.

    Any split of the same rows gives the same trades and the same counts, as long as no row is late by more than the
    horizon; one that is raises LateTradeError instead of being put in a wrong place. Without a horizon (None)
    everything is held until `finish`. Rows are copies where every column held is equal (time, sequence, instrument,
    price, size, side): one packet of a venue may carry several true prints under one sequence number. Without a
    sequence column nothing is taken for a copy, because two equal prints in one instant may both be true.
    """

    def __init__(self, *, horizon: int | None = HORIZON) -> None:
        self._horizon = horizon
        self._held: Columns | None = None
        self._last = _Last()
        self._quality = TradeQuality()

    @property
    def quality(self) -> TradeQuality:
        """The counts so far; complete after `finish`."""
        return self._quality

    def feed(
        self,
        *,
        ts_recv: NDArray[Any],
        price: NDArray[Any],
        size: NDArray[Any],
        side: NDArray[Any] | None,
        instrument_id: NDArray[Any] | None = None,
        sequence: NDArray[Any] | None = None,
        ts_event: NDArray[Any] | None = None,
    ) -> list[Trades]:
        """Take one chunk; return the trades that are now in their final order, none or several pieces.

        Shapes (n,); times in UTC ns, prices int64 in 1e-9, sizes whole, sides as ASCII codes or one-letter strings.
        Columns that are sound already are not copied. Raises SideMissingError, UnknownSideError, LateTradeError, and
        ImpossibleValueError for columns of another kind or length.
        """
        if side is None:
            raise SideMissingError
        given = {
            "ts_recv": ts_recv,
            "price": price,
            "size": size,
            "side": side,
            "instrument_id": instrument_id,
            "sequence": sequence,
            "ts_event": ts_event,
        }
        columns = self._priced(_typed({name: column for name, column in given.items() if column is not None}))
        if not len(columns["ts_recv"]):
            return []
        columns = self._sorted(columns)
        pieces = self._joined_to_held(columns)
        last = pieces[-1]
        cut = 0
        if self._horizon is not None:
            cut = int(np.searchsorted(last["ts_recv"], last["ts_recv"][-1] - self._horizon, "left"))
        self._held = {name: column[cut:] if cut == 0 else column[cut:].copy() for name, column in last.items()}
        pieces[-1] = {name: column[:cut] for name, column in last.items()}
        return [self._hand_on(piece) for piece in pieces if len(piece["ts_recv"])]

    def finish(self) -> list[Trades]:
        """Return what was held back: one piece, which is empty where nothing was."""
        held = self._held
        if held is None:
            held = {name: np.empty(0, COLUMN_TYPES[name]) for name in ("ts_recv", "price", "size", "side")}
        self._held = None
        return [self._hand_on(held)]

    def _priced(self, columns: Columns) -> Columns:
        """Leave out undefined prices and zero sizes, and count them."""
        price, size = columns["price"], columns["size"]
        rows = len(price)
        self._quality += TradeQuality(rows=rows)
        if not rows or (price.max() < PRICE_LIMIT and price.min() > -PRICE_LIMIT and size.min() > 0):
            return columns
        defined = (price < PRICE_LIMIT) & (price > -PRICE_LIMIT)
        kept = defined & (size > 0)
        undefined = rows - int(np.count_nonzero(defined))
        self._quality += TradeQuality(
            undefined_prices=undefined, zero_sizes=rows - undefined - int(np.count_nonzero(kept))
        )
        return {name: column[kept] for name, column in columns.items()}

    def _sorted(self, columns: Columns) -> Columns:
        """Count the rows that came after a later one, and sort by (ts_recv, sequence)."""
        times, last = columns["ts_recv"], self._last
        sequence = columns.get("sequence")
        late = np.empty(len(times), np.bool_)
        late[0] = times[0] < last.highest
        late[1:] = times[1:] < times[:-1]
        if sequence is not None:
            late[0] |= times[0] == last.ts_recv and sequence[0] < last.sequence
            late[1:] |= (times[1:] == times[:-1]) & (sequence[1:] < sequence[:-1])
        count = int(np.count_nonzero(late))
        if count:
            highest = np.maximum.accumulate(np.maximum(times, last.highest))
            count = int(np.count_nonzero(late | (times < highest)))
        last.highest = max(last.highest, int(times.max()))
        last.ts_recv, last.sequence = int(times[-1]), int(sequence[-1]) if sequence is not None else -1
        self._quality += TradeQuality(out_of_order=count)
        return _in_order(columns) if count else columns

    def _joined_to_held(self, columns: Columns) -> list[Columns]:
        """The rows held back and the new ones: two pieces where they cannot mix, one sorted piece where they may."""
        first, latest = int(columns["ts_recv"][0]), int(columns["ts_recv"][-1])
        if first <= self._last.handed_on and self._last.handed_on > -(2**63):
            raise LateTradeError(ts_recv=first, handed_on=self._last.handed_on)
        held = self._held
        if held is None:
            return [columns]
        require(
            fact=held.keys() == columns.keys(),
            owner="Trades",
            field="columns",
            value=sorted(columns),
            must=f"be those of the chunks before: {', '.join(sorted(held))}",
        )
        end = int(held["ts_recv"][-1])
        if self._horizon is not None and end < first and end < latest - self._horizon:
            return [held, columns]
        both = {name: np.concatenate([column, columns[name]]) for name, column in held.items()}
        return [_in_order(both) if first <= end else both]

    def _hand_on(self, columns: Columns) -> Trades:
        kept, dropped = _without_copies(columns)
        trades = Trades(**kept)  # type: ignore[arg-type]  # names and types of COLUMN_TYPES
        if len(trades):
            self._last.handed_on = int(trades.ts_recv[-1])
        self._quality += TradeQuality(
            kept=len(trades), duplicates=dropped, unsided=int(np.count_nonzero(trades.side == UNSIDED))
        )
        self._judge_sides(trades)
        return trades

    def _judge_sides(self, trades: Trades) -> None:
        """Count the first price moves that went with the side of their print, and those that went against it."""
        last, rows = self._last, min(len(trades), JUDGED_ROWS - self._last.judged)
        if rows <= 0:
            return
        price, side = trades.price[:rows], trades.side[:rows]
        identity = np.zeros(rows, np.int64) if trades.instrument_id is None else trades.instrument_id[:rows]
        before = np.concatenate([[price[0] if last.price is None else last.price], price[:-1]])
        same = np.concatenate([[last.price is not None and last.instrument_id == identity[0]], np.diff(identity) == 0])
        rose, fell = same & (price > before), same & (price < before)
        aligned = np.count_nonzero((rose & (side == BUY)) | (fell & (side == SELL)))
        against = np.count_nonzero((rose & (side == SELL)) | (fell & (side == BUY)))
        last.price, last.instrument_id, last.judged = int(price[-1]), int(identity[-1]), last.judged + rows
        self._quality = replace(
            self._quality,
            moves_with_side=self._quality.moves_with_side + int(aligned),
            moves_against_side=self._quality.moves_against_side + int(against),
        )


def _typed(given: Mapping[str, NDArray[Any]]) -> Columns:
    """Columns of the types trades have; raises for what cannot be one without guessing."""
    rows = len(given["ts_recv"])
    columns: Columns = {}
    for name, values in given.items():
        require(
            fact=values.shape == (rows,),
            owner="Trades",
            field=name,
            value=f"an array of shape {values.shape}",
            must=f"have one value for each of the {rows} rows",
        )
        columns[name] = _side_codes(values) if name == "side" else _whole(name, values)
    _refuse_unknown_letters(columns["side"])
    return columns


def _whole(name: str, values: NDArray[Any]) -> NDArray[Any]:
    wanted = np.dtype(COLUMN_TYPES[name])
    if values.dtype == wanted:
        return np.ascontiguousarray(values)
    limits = np.iinfo(wanted)
    is_whole = values.dtype.kind in "iu"
    require(
        fact=is_whole and (not len(values) or (int(values.min()) >= limits.min and int(values.max()) <= limits.max)),
        owner="Trades",
        field=name,
        value=f"{values.dtype}" + (f" from {values.min()} to {values.max()}" if is_whole and len(values) else ""),
        must=f"hold whole numbers from {limits.min} to {limits.max}",
    )
    return np.ascontiguousarray(values.astype(wanted))


def _side_codes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """ASCII codes of the side letters, whether they came as codes, as bytes or as text."""
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype.kind == "O":
        values = values.astype("U")
    require(
        fact=values.dtype in {np.dtype("S1"), np.dtype("U1")},
        owner="Trades",
        field="side",
        value=f"a column of {values.dtype}",
        must="hold one letter a row: B, A or N",
    )
    if values.dtype.kind == "S":
        return np.ascontiguousarray(values).view(np.uint8)
    # Beyond ASCII a letter has no code of one byte; 0 stands for "none of ours", and is refused with the others.
    codes = np.ascontiguousarray(values).view(np.uint32)
    return np.where(codes <= LAST_ASCII, codes, 0).astype(np.uint8)


def _refuse_unknown_letters(side: NDArray[np.uint8]) -> None:
    known = sum(int(np.count_nonzero(side == code)) for code in (BUY, SELL, UNSIDED))
    if known != len(side):
        codes, counts = np.unique(side[(side != BUY) & (side != SELL) & (side != UNSIDED)], return_counts=True)
        raise UnknownSideError(
            letters=[(chr(code) if code else "", int(count)) for code, count in zip(codes, counts, strict=True)]
        )


def _in_order(columns: Columns) -> Columns:
    """Sort by (ts_recv, sequence); rows that tie keep the order they came in."""
    keys = (columns["ts_recv"],) if "sequence" not in columns else (columns["sequence"], columns["ts_recv"])
    order = np.lexsort(keys)
    return {name: column[order] for name, column in columns.items()}


def _without_copies(columns: Columns) -> tuple[Columns, int]:
    """Sorted columns without the later copies of equal rows, and how many there were."""
    times, sequence = columns["ts_recv"], columns.get("sequence")
    if sequence is None or len(times) == 0:
        return columns, 0
    shared = (times[1:] == times[:-1]) & (sequence[1:] == sequence[:-1])
    if not shared.any():
        return columns, 0
    candidates = np.flatnonzero(np.concatenate([[False], shared]) | np.concatenate([shared, [False]]))
    rows = [column[candidates] for column in columns.values()]
    order = np.lexsort(rows)  # stable, so that of equal rows the first to come stays first
    equal = np.logical_and.reduce([column[order][1:] == column[order][:-1] for column in rows])
    dropped = candidates[order[1:][equal]]
    if not len(dropped):
        return columns, 0
    kept = np.ones(len(times), np.bool_)
    kept[dropped] = False
    return {name: column[kept] for name, column in columns.items()}, len(dropped)
