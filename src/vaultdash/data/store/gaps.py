"""What of a request is not held: the windows to buy, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaultdash.data.request import DataRequest, Partition, partitions_of
from vaultdash.market import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """One window to buy at once, and the partitions that it touches, in time order."""

    request: DataRequest
    partitions: tuple[Partition, ...]

    @property
    def pieces(self) -> tuple[tuple[Partition, Window], ...]:
        """Each partition with the window of it that the purchase covers: what the download is split into."""
        pieces = ((partition, partition.span.overlap(self.request.window)) for partition in self.partitions)
        return tuple((partition, window) for partition, window in pieces if window is not None)


def find_gaps(
    request: DataRequest, *, available: Window, held: Callable[[Partition], Sequence[Window]]
) -> tuple[Gap, ...]:
    """Return what to buy so that all of the request that is `available` is held, in time order.

    A partition of which the request lacks anything is bought whole, as far as it is available and not held: chunk
    prices add up, and the next request finds it there. One of which it lacks nothing is left alone. Windows that touch
    become one gap.
    """
    wanted = request.window.overlap(available)
    if wanted is None:
        return ()
    gaps: list[Gap] = []
    for partition in partitions_of(request.within(wanted)):
        for window in _missing(partition, wanted=wanted, available=available, held=held(partition)):
            last = gaps[-1] if gaps else None
            if last is not None and last.request.window.end == window.start:
                merged = Window(start=last.request.window.start, end=window.end)
                gaps[-1] = Gap(request=request.within(merged), partitions=(*last.partitions, partition))
            else:
                gaps.append(Gap(request=request.within(window), partitions=(partition,)))
    return tuple(gaps)


def uncovered(window: Window, covers: Iterable[Window]) -> Iterator[Window]:
    """The parts of a window that none of `covers` holds, in time order."""
    start = window.start
    for cover in sorted(covers, key=lambda each: each.start):
        if start < min(cover.start, window.end):
            yield Window(start=start, end=min(cover.start, window.end))
        start = max(start, cover.end)
    if start < window.end:
        yield Window(start=start, end=window.end)


def merged(windows: Iterable[Window]) -> tuple[Window, ...]:
    """The same time in as few windows as can be, in time order."""
    result: list[Window] = []
    for window in sorted(windows, key=lambda each: each.start):
        if result and window.start <= result[-1].end:
            result[-1] = Window(start=result[-1].start, end=max(result[-1].end, window.end))
        else:
            result.append(window)
    return tuple(result)


def _missing(partition: Partition, *, wanted: Window, available: Window, held: Sequence[Window]) -> list[Window]:
    asked, offered = partition.span.overlap(wanted), partition.span.overlap(available)
    if asked is None or offered is None or not any(uncovered(asked, held)):
        return []
    return list(uncovered(offered, held))
