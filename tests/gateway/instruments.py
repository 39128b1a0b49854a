"""The instruments that exist, by dataset and day: shares, futures with their spreads, and listed options."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from tests.gateway.noise import F64, I64, seed_of
from tests.gateway.paths import MINUTES_PER_DAY, date_of, day_number, level
from tests.gateway.sessions import is_session, third_friday

if TYPE_CHECKING:
    from collections.abc import Iterator

NANO: Final = 1_000_000_000
_FOREVER: Final = day_number(dt.date(2033, 1, 1))
_GLD_BORN: Final = day_number(dt.date(2004, 11, 18))
_DAYS_PER_YEAR: Final = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One tradable thing, alive on the UTC days [first_day, end_day)."""

    raw_symbol: str
    instrument_id: int
    kind: Literal["K", "F", "S", "C", "P"]  # share, future, calendar spread, call, put
    asset: str
    path: str
    tick: int  # in 1e-9
    first_day: int
    end_day: int
    trades_per_day: float  # as a fraction of what the market is set to
    scale: float = 1.0
    carry: float = 0.0
    expiry: int = 0  # day number
    far_expiry: int = 0
    strike: int = 0  # in 1e-9

    def price(self, minutes: I64) -> F64:
        """Give the level of a share, a future or a spread at each minute."""
        days = minutes // MINUTES_PER_DAY
        base = level(self.path, minutes) * self.scale
        if self.kind == "K":
            return base
        if self.asset == "GC":
            # Gold per ounce: a GLD share began as a tenth of an ounce and shrinks by its fee.
            base = base / (0.1 * (1.0 - 0.004 * (days - _GLD_BORN) / _DAYS_PER_YEAR))
        if self.kind == "S":
            return base * (self.carry * (self.far_expiry - self.expiry) / _DAYS_PER_YEAR)
        return base * (1.0 + self.carry * (self.expiry - days) / _DAYS_PER_YEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    symbol: str
    since: str
    scale: float
    trades_per_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Root:
    symbol: str
    path: str
    months: str
    tick: int
    spread_tick: int
    carry: float
    trades_per_day: float
    first_id: int


_SHARES: Final = (
    _Share(symbol="GLD", since="2004-11-18", scale=1.0, trades_per_day=0.5),
    _Share(symbol="GLDM", since="2018-06-26", scale=0.2, trades_per_day=0.1),
    _Share(symbol="IAU", since="2005-01-28", scale=0.19, trades_per_day=0.2),
)
_ROOTS: Final = {
    "ES": _Root(symbol="ES", path="index", months="HMUZ", tick=NANO // 4, spread_tick=NANO // 20, carry=0.02,
                trades_per_day=1.0, first_id=100_000),
    "GC": _Root(symbol="GC", path="gold", months="GJMQZ", tick=NANO // 10, spread_tick=NANO // 10, carry=0.03,
                trades_per_day=0.5, first_id=200_000),
}  # fmt: skip
_MONTH_CODES: Final = "FGHJKMNQUVXZ"
_BUSIER_BEFORE_ROLL, _QUIETER, _SPREAD = 1.0, 0.15, 0.02


@lru_cache
def shares(dataset: str) -> tuple[Instrument, ...]:
    """List the shares; their ids differ from dataset to dataset."""
    return tuple(
        Instrument(raw_symbol=share.symbol, instrument_id=seed_of(dataset, share.symbol) % 20_000 + 1,
                   kind="K",
                   asset=share.symbol, path="gold", tick=NANO // 100, scale=share.scale, end_day=_FOREVER,
                   first_day=day_number(dt.date.fromisoformat(share.since)),
                   trades_per_day=share.trades_per_day)
        for share in _SHARES
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One futures expiry, the spread to the next one, and the days on which it leads."""

    outright: Instrument
    spread: Instrument
    leads_by_calendar: tuple[int, int]
    leads_by_volume: tuple[int, int]
    leads_by_open_interest: tuple[int, int]


def _expiry(root: _Root, year: int, month: int) -> int:
    if root.symbol == "ES":
        return day_number(third_friday(year, month))
    # The third last business day of the month.
    end = day_number(dt.date(year + month // 12, month % 12 + 1, 1))
    days = np.arange(end - 14, end, dtype=np.int64)
    return int(days[is_session("futures", days)][-3])


def _volume_roll(root: _Root, expiry: int) -> int:
    """Give the first day on which the next contract trades more than the one that ends on `expiry`."""
    if root.symbol == "ES":
        return expiry - 4
    month_start = date_of(expiry).replace(day=1)
    return day_number((month_start - dt.timedelta(days=1)).replace(day=27))


@lru_cache
def contracts(root_symbol: str) -> tuple[Contract, ...]:
    """List the contracts of a root; two are alive on any day, and one spread between them."""
    root = _ROOTS[root_symbol]
    listed = [
        (f"{root.symbol}{code}{year % 10}", _expiry(root, year, _MONTH_CODES.index(code) + 1))
        for year in range(2009, 2032)
        for code in root.months
    ]
    made: list[Contract] = []
    for index in range(2, len(listed) - 1):
        (_, earliest), (_, before), (symbol, expiry), (following, later) = listed[index - 2 : index + 2]
        rolls = (_volume_roll(root, before), _volume_roll(root, expiry))
        outright = Instrument(
            raw_symbol=symbol, instrument_id=root.first_id + 10 * index, kind="F", asset=root.symbol,
            path=root.path,
            tick=root.tick, first_day=earliest + 2, end_day=expiry + 2, trades_per_day=root.trades_per_day,
            carry=root.carry, expiry=expiry,
        )  # fmt: skip
        spread = Instrument(
            raw_symbol=f"{symbol}-{following}", instrument_id=root.first_id + 10 * index + 1, kind="S",
            asset=root.symbol, path=root.path, tick=root.spread_tick, first_day=before + 2,
            end_day=expiry + 2,
            trades_per_day=root.trades_per_day * _SPREAD, carry=root.carry, expiry=expiry, far_expiry=later,
        )  # fmt: skip
        made.append(
            Contract(outright=outright, spread=spread, leads_by_calendar=(before + 2, expiry + 2),
                     leads_by_volume=rolls, leads_by_open_interest=(rolls[0] + 1, rolls[1] + 1))
        )  # fmt: skip
    return tuple(made)


@lru_cache
def _leading_days() -> dict[int, tuple[int, int]]:
    listed = [contract for root in _ROOTS for contract in contracts(root)]
    return {contract.outright.instrument_id: contract.leads_by_volume for contract in listed}


def busyness(instrument: Instrument, days: I64) -> F64:
    """Give trades per day as a fraction of the market's setting: the leading contract has most of them."""
    if instrument.kind != "F":
        return np.full(len(days), instrument.trades_per_day)
    start, end = _leading_days()[instrument.instrument_id]
    leads = (days >= start) & (days < end)
    return np.where(leads, _BUSIER_BEFORE_ROLL, _QUIETER) * instrument.trades_per_day


_OPTION_ROOTS: Final = {"GLD": "gold"}
_QUARTERLY: Final = (3, 6, 9, 12)
_STRIKES_EACH_SIDE: Final = 10
_RECENTRE_DAYS: Final = 30


@lru_cache(maxsize=4096)
def _expiry_chain(root: str, year: int, month: int) -> tuple[Instrument, ...]:
    """List one expiry's options; strikes are added as the share moves, and none is taken away."""
    expiry = third_friday(year, month)
    end = day_number(expiry)
    first = end - (400 if month in _QUARTERLY else 190)
    looks = np.arange(first, end, _RECENTRE_DAYS, dtype=np.int64)
    spots = level(_OPTION_ROOTS[root], looks * MINUTES_PER_DAY)
    step = max(1, round(0.02 * float(spots[0])))
    listed: dict[int, int] = {}
    for day, spot in zip(looks.tolist(), spots.tolist(), strict=True):
        centre = round(spot / step)
        for strike in range(centre - _STRIKES_EACH_SIDE, centre + _STRIKES_EACH_SIDE + 1):
            listed.setdefault(strike * step, day)
    chain = []
    for strike, day in sorted(listed.items()):
        for kind in ("C", "P"):
            raw = f"{root:<6}{expiry:%y%m%d}{kind}{strike * 1000:08d}"
            chain.append(
                Instrument(raw_symbol=raw, instrument_id=seed_of("OPRA", raw) % (1 << 31), asset=root,
                           kind="C" if kind == "C" else "P", path=_OPTION_ROOTS[root], tick=NANO // 100,
                           first_day=day, end_day=end + 1, trades_per_day=0.01, expiry=end,
                           strike=strike * NANO)
            )  # fmt: skip
    return tuple(chain)


def chain(root: str, first_day: int, end_day: int) -> Iterator[Instrument]:
    """List the options of `root` alive on any of the days [first_day, end_day), by expiry and strike."""
    last = date_of(end_day + 400)
    month = date_of(first_day).replace(day=1)
    while month <= last:
        for option in _expiry_chain(root, month.year, month.month):
            if option.first_day < end_day and option.end_day > first_day:
                yield option
        month = (month + dt.timedelta(days=32)).replace(day=1)


def has_options(root: str) -> bool:
    """Say whether options on `root` are listed."""
    return root in _OPTION_ROOTS


def has_futures(root: str) -> bool:
    """Say whether futures of `root` are listed."""
    return root in _ROOTS
