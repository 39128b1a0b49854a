"""Many bars of a session into one: one contract, several publishers merged on purpose, everything counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from vaultdash.data.dbn.reading import Records

Positions = NDArray[np.intp]

# Databento's ids for what it has consolidated itself: OPRA, EQUS.SUMMARY, XNAS.BASIC, EQUS.MINI.
CONSOLIDATED_PUBLISHERS = (30, 90, 93, 95)


@dataclass(frozen=True, kw_only=True, slots=True)
class MergedBars:
    """One bar for each session that has any; columns of shape (n,), prices int64 in units of 1e-9.

    `places` are positions of sessions, rising; `instrument_ids` the contract whose bars they are. `roll_places` are the
    sessions in which bars of another contract were left out, `shared_places` those merged from several publishers and
    `consolidated_places` those of them in which the consolidated publisher alone was taken.
    """

    places: Positions
    open: NDArray[np.int64]
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    volume: NDArray[np.uint64]
    instrument_ids: NDArray[np.uint32]
    roll_places: Positions
    shared_places: Positions
    consolidated_places: Positions


def without_repeats(bars: Records) -> Records:
    """Bars in order of time, each (ts_event, publisher, instrument) once: the last of them in the order given."""
    times = bars["ts_event"]
    if (times[1:] > times[:-1]).all():
        return bars
    keys = (bars["instrument_id"], bars["publisher_id"], bars["ts_event"])
    order = np.lexsort(keys)
    same = np.ones(max(len(bars) - 1, 0), bool)
    for key in keys:
        ordered = key[order]
        same &= ordered[1:] == ordered[:-1]
    is_kept = np.ones(len(bars), bool)
    is_kept[:-1] = ~same
    return bars[order[is_kept]]


def merge(bars: Records, places: Positions) -> MergedBars:
    """Merge bars, one at least, without repeats and in order of time, into one bar a session. No place is -1.

    A session is that of the contract of its last bar. Of several publishers the consolidated one is taken alone, since
    its volume holds the others'; without one, volumes are added, high and low are those of all, and open and close are
    those of the publisher with the most volume in the session.
    """
    is_of_contract, roll_places = _of_last_contract(bars, places)
    bars, places = bars[is_of_contract], places[is_of_contract]
    is_taken, consolidated_places = _of_consolidated(bars, places)
    bars, places = bars[is_taken], places[is_taken]
    order = np.lexsort((bars["publisher_id"], places))  # stable, so time keeps rising within each
    bars, places = bars[order], places[order]
    publishers = bars["publisher_id"]
    starts = _starts(places, publishers)
    ends = np.append(starts[1:], len(bars)) - 1
    volumes = np.add.reduceat(bars["volume"], starts)
    # One row for each publisher of each session; the largest of a session comes first, then the lowest id.
    # A volume's complement sorts from large to small.
    ranking = np.lexsort((publishers[starts], ~volumes, places[starts]))
    sessions = places[starts][ranking]
    firsts = _starts(sessions)
    main = ranking[firsts]
    shared = np.diff(np.append(firsts, len(sessions))) > 1
    return MergedBars(
        places=sessions[firsts],
        open=bars["open"][starts[main]],
        high=np.maximum.reduceat(np.maximum.reduceat(bars["high"], starts)[ranking], firsts),
        low=np.minimum.reduceat(np.minimum.reduceat(bars["low"], starts)[ranking], firsts),
        close=bars["close"][ends[main]],
        volume=np.add.reduceat(volumes[ranking], firsts),
        instrument_ids=bars["instrument_id"][ends[main]],
        roll_places=roll_places,
        shared_places=sessions[firsts][shared],
        consolidated_places=consolidated_places,
    )


def _of_last_contract(bars: Records, places: Positions) -> tuple[NDArray[np.bool_], Positions]:
    """Which bars are of the contract that ends their session, and the sessions that have others."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    starts = _starts(ordered)
    ends = np.append(starts[1:], len(bars)) - 1
    sessions = ordered[starts]
    lasts = bars["instrument_id"][order[ends]]
    is_last = bars["instrument_id"] == lasts[np.searchsorted(sessions, places)]
    return is_last, np.unique(places[~is_last])


def _of_consolidated(bars: Records, places: Positions) -> tuple[NDArray[np.bool_], Positions]:
    """Which bars to take where a session has a consolidated publisher, and the sessions that leave others out."""
    is_consolidated = np.isin(bars["publisher_id"], CONSOLIDATED_PUBLISHERS)
    has_one = np.isin(places, places[is_consolidated])
    return is_consolidated | ~has_one, np.unique(places[has_one & ~is_consolidated])


def _starts(*keys: NDArray[np.generic]) -> Positions:
    """Where each run of equal keys begins."""
    is_new = np.ones(len(keys[0]), bool)
    is_new[1:] = False
    for key in keys:
        is_new[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(is_new)
