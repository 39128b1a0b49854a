"""Prints inside minutes: as many as a minute's volume asks for, through exactly its open, high, low and close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vaultdash.data.samplemarket.bars import LEAST_PRINTS, MINUTE_NS, hour_bars, minute_bars
from vaultdash.data.samplemarket.noise import Ints, child_keys, draw_bell, draw_below
from vaultdash.data.samplemarket.walk import Pieces, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultdash.data.samplemarket.bars import BarColumns
    from vaultdash.data.samplemarket.noise import Keys
    from vaultdash.data.samplemarket.stretches import Stretch

# Prints of an instrument stand at least this far apart, so that the sequence numbers below tell them apart.
LEAST_APART_NS = 25_000
# A session of 24 hours in these steps fits the 32 bits of a sequence number.
SEQUENCE_STEP_NS = 21_000
LEAST_LATENCY_NS, LATENCY_STEP_NS, LATENCY_STEPS = 20_000, 37, 16_384  # from the exchange to the recorder
LEAST_SENDING_NS, SENDING_STEPS = 9_000, 8_192

UNSIDED = 3  # in a hundred prints, a few have no aggressor
FOLLOWING = 85  # in a hundred prints that move the price, those whose aggressor pushed it
LEANING = 6  # in a hundred prints at an unchanged price, how many more than half go with their minute

BUY, SELL, NONE = b"B", b"A", b"N"  # DBN's letters for the aggressor

_NOISE, _SIZE, _SPIKE, _GAP, _SIDE, _UNSIDED, _LATENCY, _SENDING, _JITTER = range(10, 19)


@dataclass(frozen=True, kw_only=True, slots=True)
class TradeColumns:
    """Prints as columns in order of `ts_recv`, prices in ticks, times in nanoseconds."""

    stretch: Ints
    ts_recv: Ints
    ts_event: Ints
    ts_in_delta: Ints
    sequence: Ints
    price: Ints
    size: Ints
    side: NDArray[np.bytes_]


def traded_minutes(stretches: Sequence[Stretch]) -> BarColumns:
    """The minutes that meet each stretch and hold a print."""
    return minute_bars(stretches, hour_bars(stretches))


def print_counts(stretches: Sequence[Stretch], minutes: BarColumns) -> Ints:
    """How many prints each minute holds."""
    lots = np.array([stretch.instrument.lots_a_trade for stretch in stretches], dtype=np.int64)
    return np.asarray(np.maximum(LEAST_PRINTS, minutes.volume // lots[minutes.stretch]), dtype=np.int64)


def trades_in(stretches: Sequence[Stretch], minutes: BarColumns) -> TradeColumns:
    """The prints of some minutes, one or more, whole."""
    pieces = Pieces.of(print_counts(stretches, minutes))
    parent = pieces.parent
    keys = child_keys(minutes.key[parent], pieces.index)
    price = _prices(minutes, pieces, keys)
    ts_recv = minutes.start[parent] + _offsets(pieces, keys)
    latency = LEAST_LATENCY_NS + LATENCY_STEP_NS * draw_below(keys, _LATENCY, LATENCY_STEPS)
    order = np.lexsort((minutes.stretch[parent], ts_recv))
    return TradeColumns(
        stretch=minutes.stretch[parent][order],
        ts_recv=ts_recv[order],
        ts_event=(ts_recv - latency)[order],
        ts_in_delta=(LEAST_SENDING_NS + draw_below(keys, _SENDING, SENDING_STEPS))[order],
        sequence=((ts_recv - minutes.session[parent]) // SEQUENCE_STEP_NS + 1)[order],
        price=price[order],
        size=_sizes(minutes, pieces, keys)[order],
        side=_sides(minutes, pieces, keys, price)[order],
    )


def _prices(minutes: BarColumns, pieces: Pieces, keys: Keys) -> Ints:
    """A walk from open to close; of the prints between, the highest is at the high and the lowest at the low."""
    price = walk(
        pieces,
        start=minutes.open,
        end=minutes.close,
        low=minutes.low,
        high=minutes.high,
        noise=draw_bell(keys, _NOISE),
        step=pieces.index,
        steps=pieces.counts - 1,
    )
    is_edge = (pieces.index == 0) | (pieces.index == pieces.counts[pieces.parent] - 1)
    floor = np.iinfo(np.int64).min
    # The first highest and the last lowest are two prints, even where all between are at one price.
    highest = pieces.first_largest(np.where(is_edge, floor, price))
    lowest = pieces.last_largest(np.where(is_edge, floor, -price))
    price[highest] = minutes.high
    price[lowest] = minutes.low
    return price


def _offsets(pieces: Pieces, keys: Keys) -> Ints:
    """When in its minute each print arrives, in nanoseconds: in bunches, never at the minute's end."""
    chance = draw_below(keys, _GAP, 4_096)
    gap = 1 + draw_below(keys, _JITTER, 64) + (chance * chance * chance >> 24)
    # Time after the last print counts too, so that its minute is not always full to the end.
    whole = (pieces.total(gap) + 512)[pieces.parent]
    apart = (pieces.index + 1) * LEAST_APART_NS
    spare = MINUTE_NS - (pieces.counts[pieces.parent] + 1) * LEAST_APART_NS
    return np.asarray(apart + pieces.running_sum(gap) * spare // whole, dtype=np.int64)


def _sizes(minutes: BarColumns, pieces: Pieces, keys: Keys) -> Ints:
    """Sizes that add up to the minute's volume: many small, now and then a block."""
    weights = 1 + (draw_below(keys, _SIZE, 64) ** 2 >> 6) + 400 * (draw_below(keys, _SPIKE, 128) == 0)
    return pieces.shares(minutes.volume, weights, least=1)


def _sides(minutes: BarColumns, pieces: Pieces, keys: Keys, price: Ints) -> NDArray[np.bytes_]:
    """Who crossed the spread: mostly who moved the price, else a little more often who moves the minute."""
    parent = pieces.parent
    before = np.roll(price, 1)
    before[pieces.first] = minutes.open
    moved = np.sign(price - before)
    leaning = np.sign(minutes.close - minutes.open)[parent]
    chance = draw_below(keys, _SIDE, 100)
    buying = np.where(moved == 0, 50 + LEANING * leaning, 50 + (FOLLOWING - 50) * moved)
    sided = np.where(chance < buying, BUY, SELL)
    return np.where(draw_below(keys, _UNSIDED, 100) < UNSIDED, NONE, sided)
