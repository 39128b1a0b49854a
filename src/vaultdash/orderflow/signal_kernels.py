"""The engine, compiled: the steps of `engine.SignalEngine` over columns, passing over bars on which nothing can change.

Loading numba takes over half a second, so this module is imported only for work that earns it.
"""

# numba ships no types, so its decorator makes a typed function untyped in mypy's eyes; and it calls by position only.
# mypy: disable-error-code="untyped-decorator"
# ruff: noqa: PLR0917, FBT001

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numba import njit

from vaultdash.orderflow.result import EXIT_REASONS, MOMENTS
from vaultdash.orderflow.scenario import PRICE_SCALE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

BLOCK = 32
"""Bars to a block whose highest and lowest score are known, so that a search can step over it."""

OPEN, INSIDE, CLOSE = (MOMENTS.index(word) for word in ("open", "inside", "close"))
SIGNAL, HOURS, STOP, TARGET, SESSION_END, END = (
    EXIT_REASONS.index(word) for word in ("signal", "hours", "stop", "target", "session_end", "end")
)
NOTHING = -1
UNREACHABLE = 2**62


class Book(Protocol):
    """The state between two bars, a row of BOOK: the engine's attributes of the same names."""

    cash: float
    quantity: float
    usd_per_unit: float
    held: int
    barred: int
    entry_bar: int
    entry_price: int
    entry_moment: int
    trips: int
    unfilled: int


class Trip(Protocol):
    """A row of `result.TRIP`."""

    entry_bar: int
    exit_bar: int
    entry_price: int
    exit_price: int
    quantity: float
    pnl: float
    fees: float
    direction: int
    entry_moment: int
    exit_moment: int
    reason: int


class Tally(Protocol):
    """What the round trips of one run come to, a row of TALLY: counts, and the sizes of gains and losses in USD."""

    total: int
    winning: int
    losing: int
    gained: float
    lost: float


def _row(kind: type) -> np.dtype[np.void]:
    """The row type whose fields are those of a class: whole numbers and floats of 64 bits."""
    fields = kind.__annotations__.items()
    return np.dtype([(name, np.float64 if word == "float" else np.int64) for name, word in fields])


BOOK = _row(Book)
TALLY = _row(Tally)


class Columns(NamedTuple):
    """What a run reads, each (n,): prices in 1e-9 and the rule's score, with the extremes of the score's blocks.

    `may_hold` and `ends_session` have no entry where the terms do not ask for them.
    """

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    score: Ints
    highest: Ints
    lowest: Ints
    may_hold: Flags
    ends_session: Flags


class Terms(NamedTuple):
    """A scenario as numbers: distances in 1e-9 (-1 for none), `fraction` 0 where `contracts` is meant."""

    is_long_short: bool
    is_same_close: bool
    fraction: float
    contracts: float
    multiplier: float
    commission: float
    slippage: int
    stop: int
    target: int
    capital: float


@njit(cache=True, nogil=True, error_model="numpy")
def extremes(score: Ints) -> tuple[Ints, Ints]:
    """Highest and lowest score of each block, the last one shorter."""
    count = (len(score) + BLOCK - 1) // BLOCK
    highest, lowest = np.empty(count, np.int64), np.empty(count, np.int64)
    for block in range(count):
        part = score[block * BLOCK : min(len(score), (block + 1) * BLOCK)]
        top = bottom = part[0]
        for at in range(len(part)):
            top = max(top, part[at])
            bottom = min(bottom, part[at])
        highest[block], lowest[block] = top, bottom
    return highest, lowest


@njit(cache=True, nogil=True, error_model="numpy")
def trade(
    columns: Columns, terms: Terms, level: int, marks: Ints, equity: Floats, trips: NDArray[np.void]
) -> tuple[int, int]:
    """Run the whole path. Returns the number of trips written and of orders that could not be filled.

    `equity` is written at every bar's close where `marks` is empty, and at the bars of `marks` (rising) otherwise.
    `trips` (TRIP) needs room for one row a bar: no two positions are entered at the same bar.
    """
    opens, closes, score = columns.open, columns.close, columns.score
    may_hold, ends_session = columns.may_hold, columns.ends_session
    count, last = len(closes), len(closes) - 1
    books = np.zeros(1, BOOK)
    book: Book = books[0]
    book.cash = terms.capital
    must_watch = terms.stop >= 0 or terms.target >= 0
    is_plain = not must_watch and len(may_hold) == 0 and len(ends_session) == 0
    ordered, why, marked, at = NOTHING, SIGNAL, 0, 0
    while at < count:
        if ordered == NOTHING and book.barred == 0 and (is_plain or book.held == 0):
            later = min(_next_word(score, columns.highest, columns.lowest, terms, level, book.held, at), last)
            marked = _book(closes, book, at, later, marks, marked, equity)
            at = later
        if ordered != NOTHING:
            _trade(terms, book, trips, ordered - 1, why, at, opens[at], OPEN)
            ordered = NOTHING
        if must_watch and book.held != 0:
            _watch(terms, book, trips, at, opens[at], columns.high[at], columns.low[at])
        may_stay = len(may_hold) == 0 or may_hold[at]
        wanted, why = _decide(terms, book, _word(score[at], level), may_stay)
        closing = END if at == last else _closing(ends_session, at)
        if closing != NOTHING:
            if not (terms.is_same_close and wanted != book.held):
                why = closing
            _trade(terms, book, trips, 0, why, at, closes[at], CLOSE)
        elif wanted != book.held:
            if terms.is_same_close:
                _trade(terms, book, trips, wanted, why, at, closes[at], CLOSE)
            else:
                ordered = wanted + 1
        marked = _book(closes, book, at, at + 1, marks, marked, equity)
        at += 1
    return book.trips, book.unfilled


@njit(cache=True, nogil=True, error_model="numpy")
def trade_levels(
    columns: Columns,
    terms: Terms,
    levels: Ints,
    marks: Ints,
    equity: Floats,
    tallies: NDArray[np.void],
    trips: NDArray[np.void],
) -> None:
    """Run the path once for each level: equity at the marks (levels, marks), and a TALLY (levels,) of its trips.

    `trips` is room for one run's round trips, used again for each.
    """
    for run in range(len(levels)):
        count, _ = trade(columns, terms, levels[run], marks, equity[run], trips)
        tally: Tally = tallies[run]
        tally.total, tally.winning, tally.losing, tally.gained, tally.lost = count, 0, 0, 0.0, 0.0
        for at in range(count):
            net = trips[at].pnl - trips[at].fees
            if net > 0:
                tally.winning += 1
                tally.gained += net
            elif net < 0:
                tally.losing += 1
                tally.lost -= net


@njit(cache=True, nogil=True, error_model="numpy")
def _closing(ends_session: Flags, at: int) -> int:
    return SESSION_END if len(ends_session) > 0 and ends_session[at] else NOTHING


@njit(cache=True, nogil=True, error_model="numpy")
def _word(score: int, level: int) -> int:
    return int(score > level) - int(score < -level)


@njit(cache=True, nogil=True, error_model="numpy")
def _decide(terms: Terms, book: Book, word: int, may_stay: bool) -> tuple[int, int]:
    if word != book.barred:
        book.barred = 0
    wanted = book.held
    if word == 1:
        wanted = 1
    elif word == -1:
        wanted = -1 if terms.is_long_short else 0
    if book.barred != 0 and wanted == book.barred:
        wanted = 0
    why = SIGNAL
    if not may_stay:
        if wanted == book.held:
            why = HOURS
        wanted = 0
    return wanted, why


@njit(cache=True, nogil=True, error_model="numpy")
def _watch(terms: Terms, book: Book, trips: NDArray[np.void], at: int, opening: int, high: int, low: int) -> None:
    up = book.held
    entry = up * book.entry_price
    opened = up * opening
    best = up * (high if up > 0 else low)
    worst = up * (low if up > 0 else high)
    if terms.target >= 0 and opened >= entry + terms.target:
        _close(terms, book, trips, at, up * opened, OPEN, TARGET)
    elif terms.stop >= 0 and worst <= entry - terms.stop:
        moment = OPEN if opened <= entry - terms.stop else INSIDE
        price = min(opened, entry - terms.stop) - terms.slippage
        _close(terms, book, trips, at, up * price, moment, STOP)
    elif terms.target >= 0 and best >= entry + terms.target:
        _close(terms, book, trips, at, up * (entry + terms.target), INSIDE, TARGET)


@njit(cache=True, nogil=True, error_model="numpy")
def _trade(
    terms: Terms, book: Book, trips: NDArray[np.void], wanted: int, why: int, at: int, price: int, moment: int
) -> None:
    if book.held != 0:
        _close(terms, book, trips, at, price - book.held * terms.slippage, moment, why)
    if wanted != 0:
        _open(terms, book, wanted, at, price + wanted * terms.slippage, moment)


@njit(cache=True, nogil=True, error_model="numpy")
def _open(terms: Terms, book: Book, direction: int, at: int, price: int, moment: int) -> None:
    quantity = 0.0
    if book.cash > 0:
        if terms.fraction == 0:
            quantity = terms.contracts
        elif price > 0:
            quantity = terms.fraction * book.cash / (price / PRICE_SCALE * terms.multiplier)
    if not quantity > 0:
        book.unfilled += 1
        return
    book.held, book.quantity = direction, quantity
    book.usd_per_unit = direction * quantity * terms.multiplier / PRICE_SCALE
    book.entry_bar, book.entry_price, book.entry_moment = at, price, moment
    book.cash -= terms.commission * quantity


@njit(cache=True, nogil=True, error_model="numpy")
def _close(terms: Terms, book: Book, trips: NDArray[np.void], at: int, price: int, moment: int, why: int) -> None:
    pnl = book.usd_per_unit * (price - book.entry_price)
    fee = terms.commission * book.quantity
    book.cash += pnl
    book.cash -= fee
    trip: Trip = trips[book.trips]
    trip.entry_bar, trip.exit_bar = book.entry_bar, at
    trip.entry_price, trip.exit_price = book.entry_price, price
    trip.quantity, trip.pnl, trip.fees = book.quantity, pnl, 2 * fee
    trip.direction, trip.entry_moment, trip.exit_moment, trip.reason = book.held, book.entry_moment, moment, why
    book.trips += 1
    if why in (STOP, TARGET):
        book.barred = book.held
    book.held, book.quantity, book.usd_per_unit = 0, 0.0, 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _book(closes: Ints, book: Book, begin: int, end: int, marks: Ints, marked: int, equity: Floats) -> int:
    """Write the equity of the bars from `begin` to before `end`; returns how many marks are passed by then."""
    cash, slope, entry = book.cash, book.usd_per_unit, book.entry_price
    if len(marks) == 0:
        # A slice and a loop from 0 are what the compiler turns into vector instructions.
        paid, prices = equity[begin:end], closes[begin:end]
        for at in range(len(paid)):
            paid[at] = cash + slope * (prices[at] - entry)
        return 0
    while marked < len(marks) and marks[marked] < end:
        equity[marked] = cash + slope * (closes[marks[marked]] - entry)
        marked += 1
    return marked


@njit(cache=True, nogil=True, error_model="numpy")
def _next_word(score: Ints, highest: Ints, lowest: Ints, terms: Terms, level: int, held: int, begin: int) -> int:
    """First bar from `begin` on whose word changes what is held; the number of bars where there is none."""
    top, bottom = level, -level
    if held == 1:
        top = UNREACHABLE
    elif held == -1 or not terms.is_long_short:
        bottom = -UNREACHABLE
    block, at = begin // BLOCK, begin
    while block < len(highest):
        if highest[block] > top or lowest[block] < bottom:
            end = min(len(score), (block + 1) * BLOCK)
            while at < end:
                if score[at] > top or score[at] < bottom:
                    return at
                at += 1
        block += 1
        at = block * BLOCK
    return len(score)
