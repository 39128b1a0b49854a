"""Trades in order of (ts_recv, sequence), each once, while they stream by in chunks.

Databento's files are in order of ts_recv. One that is not takes a first pass over its timestamps, after which each row
is held back until nothing earlier can come any more; as many rows are held as lie out of place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from vaultdash.data.dbn.reading import Records

NEVER = 2**64 - 1
HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio in 64 bits, odd, so that no bit is lost
HASH_SHIFT = np.uint64(29)
WORD = np.dtype(np.uint64)


class StepsBackError(Exception):
    """A row belongs before one that was handed on: the file has to be read with its horizons known."""


def horizons(chunks: Iterable[Records]) -> list[int]:
    """For each chunk, the earliest ts_recv of all the chunks after it."""
    earliest = [int(chunk["ts_recv"].min()) for chunk in chunks]
    after, ahead = [], NEVER
    for moment in reversed(earliest):
        after.append(ahead)
        ahead = min(ahead, moment)
    return after[::-1]


def in_order(chunks: Iterable[Records], ahead: Sequence[int] | None) -> Iterator[Records]:
    """Yield the same rows in order of (ts_recv, sequence), those equal in both in the file's order.

    Rows of one ts_recv are never parted. `ahead` are the horizons; None takes the chunks to be in order among each
    other and raises StepsBackError where they are not.
    """
    held: Records | None = None
    handed_on = -1
    for position, chunk in enumerate(chunks):
        if int(chunk["ts_recv"].min()) <= handed_on:
            raise StepsBackError
        rows = _sorted(chunk if held is None else _joined(held, chunk))
        moments = rows["ts_recv"]
        horizon = int(moments[-1]) if ahead is None else ahead[position]
        ready = int(np.searchsorted(moments, np.uint64(horizon)))
        if ready:
            handed_on = int(moments[ready - 1])
            yield rows[:ready]
        held = rows[ready:].copy() if ready < len(rows) else None
    if held is not None:
        yield held


def _joined(first: Records, second: Records) -> Records:
    """One array of both; as bytes, which numpy copies four times as fast as it does records."""
    return np.concatenate([first.view(np.uint8), second.view(np.uint8)]).view(second.dtype)


def _sorted(rows: Records) -> Records:
    moments, sequence = rows["ts_recv"], rows["sequence"]
    is_back = (moments[1:] < moments[:-1]) | ((moments[1:] == moments[:-1]) & (sequence[1:] < sequence[:-1]))
    return rows[np.lexsort((sequence, moments))] if is_back.any() else rows


def repeats(rows: Records) -> NDArray[np.intp]:
    """Positions of rows that repeat an earlier one in every byte, in rows that `in_order` has ordered.

    Several trades of one packet share ts_recv, sequence and instrument, and are no duplicates of each other.
    """
    is_tied = (rows["ts_recv"][1:] == rows["ts_recv"][:-1]) & (rows["sequence"][1:] == rows["sequence"][:-1])
    in_group = np.zeros(len(rows), bool)
    in_group[1:] |= is_tied
    in_group[:-1] |= is_tied
    tied = np.flatnonzero(in_group)
    if not len(tied):
        return tied
    hashes = _hashes(rows[tied])
    order = np.argsort(hashes, kind="stable")
    is_same = hashes[order][1:] == hashes[order][:-1]
    alike = np.zeros(len(tied), bool)
    alike[order[1:][is_same]] = True
    alike[order[:-1][is_same]] = True
    suspects = tied[alike]
    # Equal hashes only point at rows to compare: few, save in a file that holds everything twice.
    whole = rows[suspects].view(np.dtype((np.void, rows.dtype.itemsize)))
    _, firsts = np.unique(whole, return_index=True)
    return np.delete(suspects, firsts)


def _hashes(rows: Records) -> NDArray[np.uint64]:
    words = rows.view(WORD).reshape(len(rows), -1)
    hashes = np.zeros(len(rows), np.uint64)
    for column in words.T:
        hashes ^= column
        hashes *= HASH_FACTOR
        hashes ^= hashes >> HASH_SHIFT
    return hashes
