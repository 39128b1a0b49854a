"""Bars from the top down: a session's bar cut into hours, an hour's into minutes, so that all of them agree.

The open, high, low, close and volume of the pieces add up exactly to the bar they were cut from. A minute without a
print has no bar; a minute with one has four prints at least, so that its four prices can be printed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from vaultdash.data.samplemarket.instruments import HOUR_NS, sessions_over
from vaultdash.data.samplemarket.noise import Ints, Keys, child_keys, draw_bell, draw_below, root_key
from vaultdash.data.samplemarket.walk import ROOT_UNIT, Pieces, root_of, walk
from vaultdash.market import DAY_NS, SECOND_NS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from vaultdash.data.samplemarket.instruments import SessionHours
    from vaultdash.data.samplemarket.stretches import Stretch

MINUTE_NS = 60 * SECOND_NS
LEAST_PRINTS = 4
LEAST_MINUTE_VOLUME = 24  # what an instrument trades in a minute, on the mean, before it trades in every minute

# How a session's volume spreads over its hours; New York's first hour is a half one.
HOUR_WEIGHTS = {
    "CMES": (2, 2, 3, 3, 2, 2, 2, 2, 3, 5, 5, 4, 4, 5, 8, 16, 20, 16, 12, 11, 12, 16, 5),
    "XNYS": (18, 22, 15, 12, 12, 15, 26),
}

_NOISE, _VOLUME, _ABOVE, _BELOW, _GAP, _PHASE = range(6)


@dataclass(frozen=True, kw_only=True, slots=True)
class BarColumns:
    """Bars as columns: prices in ticks, times in nanoseconds, `end` not included.

    `stretch` is the place of the stretch a bar belongs to, `session` when its session opened, `key` the root of all
    chance inside it.
    """

    stretch: Ints
    session: Ints
    start: Ints
    end: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    key: Keys

    def __len__(self) -> int:
        return len(self.start)

    def rows(self, which: NDArray[Any]) -> BarColumns:
        """The bars at some places, or where a mask is true."""
        return BarColumns(**{field.name: getattr(self, field.name)[which] for field in fields(self)})


def session_bars(stretches: Sequence[Stretch]) -> BarColumns:
    """The bar of each session that trades inside each stretch."""
    rows: list[tuple[int, SessionHours, tuple[int, ...]]] = []
    for place, stretch in enumerate(stretches):
        instrument = stretch.instrument
        for session in sessions_over(instrument.calendar, stretch.window):
            if stretch.first_session <= session.day <= stretch.last_session:
                rows.append((place, session, instrument.session_bar(session.day)))  # noqa: PERF401 - too long for one
    bars = np.array([bar for _, _, bar in rows], dtype=np.int64).reshape(len(rows), 5)
    days = np.array([session.day.toordinal() for _, session, _ in rows], dtype=np.int64)
    places = np.array([place for place, _, _ in rows], dtype=np.int64)
    # All contracts of a root share the session's key, so that they move together hour by hour.
    roots = np.array([root_key(stretch.instrument.path)[0] for stretch in stretches], dtype=np.uint64)
    opens = np.array([session.opens for _, session, _ in rows], dtype=np.int64)
    return BarColumns(
        stretch=places,
        session=opens,
        start=opens,
        end=np.array([session.ends for _, session, _ in rows], dtype=np.int64),
        open=bars[:, 0],
        high=bars[:, 1],
        low=bars[:, 2],
        close=bars[:, 3],
        volume=bars[:, 4],
        key=child_keys(roots[places], days),
    )


def hour_bars(stretches: Sequence[Stretch]) -> BarColumns:
    """The bars of the UTC hours that meet each stretch, in order of stretch and time."""
    sessions = session_bars(stretches)
    if not len(sessions):
        return sessions
    first_hour = sessions.start // HOUR_NS
    pieces = Pieces.of(-(-sessions.end // HOUR_NS) - first_hour)
    parent = pieces.parent
    keys = child_keys(sessions.key[parent], pieces.index)
    hour = (first_hour[parent] + pieces.index) * HOUR_NS
    weights = _hour_weights(stretches, sessions, pieces) * (768 + draw_below(keys, _VOLUME, 512))
    hours = _cut(
        sessions,
        pieces,
        keys,
        start=np.maximum(hour, sessions.start[parent]),
        end=np.minimum(hour + HOUR_NS, sessions.end[parent]),
        weights=weights,
    )
    return _inside(hours, stretches)


def minute_bars(stretches: Sequence[Stretch], hours: BarColumns) -> BarColumns:
    """The bars of the minutes of `hours` that meet each stretch; not every minute has one."""
    if not len(hours):
        return hours
    slots = (hours.end - hours.start) // MINUTE_NS
    counts = np.minimum(slots, np.maximum(1, hours.volume // LEAST_MINUTE_VOLUME))
    pieces = Pieces.of(counts)
    parent = pieces.parent
    ids = np.array([stretch.instrument.instrument_id for stretch in stretches], dtype=np.int64)
    keys = child_keys(child_keys(hours.key, ids[hours.stretch])[parent], pieces.index)
    # Evenly spread over the hour, from a phase of chance: two of them never meet, for slots >= counts.
    phase = draw_below(hours.key, _PHASE, 1_024)[parent]
    slot = (pieces.index * 1_024 + phase) * slots[parent] // (counts[parent] * 1_024)
    start = hours.start[parent] + slot * MINUTE_NS
    weights = 32 + (draw_below(keys, _VOLUME, 256) * draw_below(keys, _PHASE, 256) >> 8)
    return _inside(_cut(hours, pieces, keys, start=start, end=start + MINUTE_NS, weights=weights), stretches)


def day_bars(stretches: Sequence[Stretch]) -> BarColumns:
    """The bars of UTC days, each made of the hours of that day; a stretch must begin and end at midnight."""
    hours = hour_bars(stretches)
    if not len(hours):
        return hours
    day = hours.start // DAY_NS
    begins = np.ones(len(hours), dtype=np.bool_)
    begins[1:] = (day[1:] != day[:-1]) | (hours.stretch[1:] != hours.stretch[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(hours)) - 1
    return BarColumns(
        stretch=hours.stretch[first],
        session=hours.session[first],
        start=day[first] * DAY_NS,
        end=(day[first] + 1) * DAY_NS,
        open=hours.open[first],
        high=np.maximum.reduceat(hours.high, first),
        low=np.minimum.reduceat(hours.low, first),
        close=hours.close[last],
        volume=np.add.reduceat(hours.volume, first),
        key=hours.key[first],
    )


def _hour_weights(stretches: Sequence[Stretch], sessions: BarColumns, pieces: Pieces) -> Ints:
    longest = max(map(len, HOUR_WEIGHTS.values()))
    table = np.array(
        [
            weights + (1,) * (longest - len(weights))
            for weights in (HOUR_WEIGHTS[stretch.instrument.calendar] for stretch in stretches)
        ],
        dtype=np.int64,
    )
    return np.asarray(table[sessions.stretch[pieces.parent], pieces.index], dtype=np.int64)


def _cut(bars: BarColumns, pieces: Pieces, keys: Keys, *, start: Ints, end: Ints, weights: Ints) -> BarColumns:
    """Cut bars into pieces whose prices and volumes add up to theirs."""
    parent, index = pieces.parent, pieces.index
    low, high = bars.low[parent], bars.high[parent]
    close = walk(
        pieces,
        start=bars.open,
        end=bars.close,
        low=bars.low,
        high=bars.high,
        noise=draw_bell(keys, _NOISE),
        step=index + 1,
        steps=pieces.counts,
    )
    # Most pieces open where the one before closed, some a tick beside it.
    chance = draw_below(keys, _GAP, 8)
    gap = (chance == 1).astype(np.int64) - (chance == 0)
    opened = np.clip(np.roll(close, 1) + gap, low, high)
    opened[pieces.first] = bars.open
    wick = ((bars.high - bars.low) * ROOT_UNIT // root_of(pieces.counts))[parent]
    top = np.minimum(high, np.maximum(opened, close) + (wick * draw_below(keys, _ABOVE, 512) >> 10))
    bottom = np.maximum(low, np.minimum(opened, close) - (wick * draw_below(keys, _BELOW, 512) >> 10))
    top[pieces.first_largest(top)] = bars.high
    bottom[pieces.first_largest(-bottom)] = bars.low
    return BarColumns(
        stretch=bars.stretch[parent],
        session=bars.session[parent],
        start=start,
        end=end,
        open=opened,
        high=top,
        low=bottom,
        close=close,
        volume=pieces.shares(bars.volume, weights, least=LEAST_PRINTS),
        key=keys,
    )


def _inside(bars: BarColumns, stretches: Sequence[Stretch]) -> BarColumns:
    """Keep the bars that meet their stretch."""
    starts = np.array([stretch.window.start for stretch in stretches], dtype=np.int64)[bars.stretch]
    ends = np.array([stretch.window.end for stretch in stretches], dtype=np.int64)[bars.stretch]
    return bars.rows((bars.start < ends) & (bars.end > starts))
