"""What a bar is: a length of time, a number of trades, a volume, or an amount of money."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from vaultdash.errors import UnreadableValueError
from vaultdash.orderflow.checks import require_one_of, require_whole

BarKind = Literal["time", "tick", "volume", "dollar"]

LARGEST = {"time": 366 * 86_400_000_000_000, "tick": 10**9, "volume": 10**15, "dollar": 10**15}
SUFFIXES: dict[str, tuple[BarKind, int]] = {
    "s": ("time", 1_000_000_000),
    "m": ("time", 60_000_000_000),
    "h": ("time", 3_600_000_000_000),
    "d": ("time", 86_400_000_000_000),
    "t": ("tick", 1),
    "v": ("volume", 1),
    "usd": ("dollar", 1),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BarSpec:
    """A kind of bar and its size: nanoseconds of `time`, trades of `tick`, contracts or shares of `volume`, or whole
    units of the instrument's currency (price x size x multiplier) of `dollar`.

    A time bar starts at the session's open plus a whole number of sizes, and ends one size later or at the session's
    close, whichever comes first; so a day is the whole session. The other bars end with the trade that reaches the
    size, never split a trade, and end early at a session's close and at a roll.
    """  # noqa: D205 - the first sentence needs two lines

    kind: BarKind
    size: int

    def __post_init__(self) -> None:
        require_one_of("Bars", "kind", self.kind, get_args(BarKind))
        require_whole(f"Bars by {self.kind}", "size", self.size, 1, LARGEST[self.kind])

    @classmethod
    def parse(cls, text: str) -> BarSpec:
        """Read `15s`, `1m`, `1h`, `1d`, `500t` (trades), `10000v` (volume) or `5000000usd` (money).

        Raises UnreadableValueError, and ImpossibleValueError for a size of zero or beyond all reason.
        """
        found = re.fullmatch(r"(\d{1,18})(s|m|h|d|t|v|usd)", text.strip())
        if found is None:
            raise UnreadableValueError(
                what="Bars", text=text, expected="a number and its unit: 15s, 1m, 1h, 1d, 500t, 10000v or 5000000usd"
            )
        kind, unit = SUFFIXES[found[2]]
        return cls(kind=kind, size=int(found[1]) * unit)
