"""When a session opens and closes, as arrays of instants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaultdash.orderflow.checks import require

DAY = 86_400_000_000_000
"""Nanoseconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sessions:
    """Trading sessions, each half-open, in order and apart: instants, so that DST and half days need no rule here.

    Shapes (n,). `open_ns` and `close_ns` are UTC nanoseconds; `day` is the number of days from 1970-01-01 to the date
    the exchange gives the session (int32). Raises ImpossibleValueError for sessions that overlap or run backwards.
    """

    open_ns: NDArray[np.int64]
    close_ns: NDArray[np.int64]
    day: NDArray[np.int32]

    def __post_init__(self) -> None:
        shapes = {self.open_ns.shape, self.close_ns.shape, self.day.shape}
        kinds = [str(column.dtype) for column in (self.open_ns, self.close_ns, self.day)]
        require(
            fact=shapes == {(len(self.day),)} and kinds == ["int64", "int64", "int32"],
            owner="Sessions",
            field="open_ns, close_ns, day",
            value=kinds,
            must="be int64, int64 and int32 columns of one length",
        )
        require(
            fact=bool((self.open_ns < self.close_ns).all() and (self.close_ns[:-1] <= self.open_ns[1:]).all()),
            owner="Sessions",
            field="close_ns",
            value="out of order",
            must="come after its own open and not after the next one",
        )
        require(
            fact=bool((self.day[:-1] < self.day[1:]).all()),
            owner="Sessions",
            field="day",
            value="out of order",
            must="rise from one session to the next",
        )

    def __len__(self) -> int:
        return len(self.day)

    @classmethod
    def utc_days(cls, *, first_ns: int, last_ns: int) -> Sessions:
        """UTC days as sessions, from the day of one instant to the day of another, both included."""
        days = np.arange(first_ns // DAY, last_ns // DAY + 1)
        return cls(open_ns=days * DAY, close_ns=(days + 1) * DAY, day=days.astype(np.int32))

    def within(self, first_ns: int, last_ns: int) -> Sessions:
        """The sessions that hold an instant from `first_ns` to `last_ns`, both included."""
        begin = int(np.searchsorted(self.close_ns, first_ns, "right"))
        end = max(begin, int(np.searchsorted(self.open_ns, last_ns, "right")))
        return Sessions(open_ns=self.open_ns[begin:end], close_ns=self.close_ns[begin:end], day=self.day[begin:end])


def sessions_within(sessions: Sessions | None, *, first_ns: int, last_ns: int) -> Sessions:
    """The sessions that reach into a window; UTC days where no calendar is given."""
    if sessions is None:
        return Sessions.utc_days(first_ns=first_ns, last_ns=last_ns)
    return sessions.within(first_ns, last_ns)
