"""The times of day at which a position may be held, on the exchange's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from vaultdash.orderflow.checks import FORBID_UNKNOWN_FIELDS, require

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vaultdash.market import Bars

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class TradingHours:
    """From `opens` until just before `closes`, times of day in `time_zone`; over midnight where `closes` is earlier.

    A decision falls at the end of its bar. One inside the hours may open a position; the first one outside closes it.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    opens: time
    closes: time
    time_zone: str = "America/New_York"

    def __post_init__(self) -> None:
        require(
            fact=self.opens != self.closes and self.opens.tzinfo is None and self.closes.tzinfo is None,
            owner="Trading hours",
            field="closes",
            value=str(self.closes),
            must=f"be a time of day other than {self.opens}, both without an offset",
            remedy="Leave the hours out to trade the whole session.",
        )
        require(
            fact=_is_time_zone(self.time_zone),
            owner="Trading hours",
            field="time_zone",
            value=self.time_zone,
            must="be a name of the IANA time zone database, such as America/Chicago",
        )

    def may_hold(self, bars: Bars) -> NDArray[np.bool_]:
        """Whether each bar's end lies inside the hours (n,)."""
        of_day = (bars.end + self._offsets(bars.end)) % DAY
        opens, closes = _since_midnight(self.opens), _since_midnight(self.closes)
        if opens < closes:
            return (of_day >= opens) & (of_day < closes)
        return (of_day >= opens) | (of_day < closes)

    def _offsets(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Offsets from UTC in ns (n,): asked once for each quarter of an hour, since none changes inside one."""
        quarters, where = np.unique(at // (HOUR // 4), return_inverse=True)
        zone = ZoneInfo(self.time_zone)
        offsets = [_offset(int(quarter), zone) for quarter in quarters]
        return np.array(offsets, np.int64)[where]


def _offset(quarter: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(quarter * 900, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) * SECOND


def _since_midnight(at: time) -> int:
    return ((at.hour * 60 + at.minute) * 60 + at.second) * SECOND + at.microsecond * 1000


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
