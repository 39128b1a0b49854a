"""The daily path of the sample market: one synthetic price bar a session for GLD, GC, XAU and ES.

GLD's closes pass exactly through the rounded way-points below, and ES's through its own; all are approximate levels of
public knowledge. Between two of them the logarithm of the price is a Brownian bridge over the exchange's sessions;
after the last one it is noise without drift. The noise of a session comes from hashing (seed, symbol, date) with
BLAKE2b, turned into a normal by the inverse of its distribution, so that a day's noise depends on nothing but its date
and needs no random state. Only the rounding to ticks touches the result of `exp` and `log`, whose last bits differ by
machine.

XAU is GLD over the ounces a share stands for. GC is the same ounce on the CMES calendar. On the sessions that CMES
holds and XNYS does not (US holidays, two days of a hurricane) the ounce is read off the straight line, in log price,
between the neighbouring XNYS closes, and half a session's noise is laid on it.

The open is the close before, moved by an overnight step; high and low lie outside open and close by a fraction of a
session's noise; volume is a round figure around a typical one. Nothing here is a record of a real market.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import blake2b
from itertools import pairwise
from math import exp, fsum, log, sqrt
from statistics import NormalDist
from struct import unpack
from typing import TYPE_CHECKING, NamedTuple

from vaultdash.data.calendars import trading_calendar
from vaultdash.data.catalog import gold_ounces_per_share
from vaultdash.market import DailyClose, DateRange

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SAMPLE_WINDOW = DateRange(start=date(2004, 11, 18), end=date(2026, 3, 31))

SEED = "vaultdash sample 1"
NOISE = 0.0095  # standard deviation of a session's log return
HOLIDAY_NOISE = NOISE / 2
OVERNIGHT_NOISE = NOISE / 3
REACH = NOISE / 2  # how far, at most, high and low lie outside open and close

GLD_WAY_POINTS = (
    (date(2004, 11, 18), 44.0),
    (date(2006, 5, 12), 71.0),
    (date(2006, 6, 14), 56.0),
    (date(2008, 3, 17), 99.0),
    (date(2008, 11, 12), 70.0),
    (date(2009, 12, 2), 119.0),
    (date(2010, 2, 8), 104.0),
    (date(2011, 8, 22), 185.0),
    (date(2011, 12, 29), 150.0),
    (date(2012, 10, 4), 174.0),
    (date(2013, 4, 11), 151.0),
    (date(2013, 4, 15), 131.0),
    (date(2013, 6, 27), 116.0),
    (date(2014, 3, 14), 133.0),
    (date(2015, 12, 17), 100.0),
    (date(2016, 7, 6), 130.0),
    (date(2016, 12, 15), 107.0),
    (date(2018, 1, 25), 129.0),
    (date(2018, 8, 16), 111.0),
    (date(2019, 9, 4), 147.0),
    (date(2020, 2, 24), 156.0),
    (date(2020, 3, 19), 138.0),
    (date(2020, 4, 14), 163.0),
    (date(2020, 8, 6), 194.0),
    (date(2021, 3, 30), 158.0),
    (date(2022, 3, 8), 192.0),
    (date(2022, 9, 26), 151.0),
    (date(2023, 5, 4), 190.0),
    (date(2023, 10, 5), 169.0),
    (date(2024, 10, 30), 257.0),
    (date(2024, 11, 15), 237.0),
    (date(2025, 4, 21), 315.0),
    (date(2025, 10, 20), 403.0),
    (date(2025, 11, 4), 362.0),
    (date(2026, 1, 29), 496.0),
    (date(2026, 2, 2), 427.0),
    (date(2026, 3, 2), 490.0),
    (date(2026, 3, 26), 401.0),
)

ES_WAY_POINTS = (
    (date(2004, 11, 18), 1185.0),
    (date(2007, 10, 11), 1565.0),
    (date(2009, 3, 6), 685.0),
    (date(2011, 4, 29), 1360.0),
    (date(2011, 10, 3), 1090.0),
    (date(2015, 5, 20), 2125.0),
    (date(2016, 2, 11), 1825.0),
    (date(2018, 9, 20), 2935.0),
    (date(2018, 12, 24), 2350.0),
    (date(2020, 2, 19), 3385.0),
    (date(2020, 3, 23), 2220.0),
    (date(2022, 1, 3), 4785.0),
    (date(2022, 10, 12), 3590.0),
    (date(2024, 7, 16), 5715.0),
    (date(2024, 8, 5), 5210.0),
    (date(2025, 2, 19), 6160.0),
    (date(2025, 4, 8), 5020.0),
    (date(2025, 10, 28), 6920.0),
)

_NORMAL = NormalDist()


class _Draws(NamedTuple):
    """The chances of one session: two standard normals and three numbers between 0 and 1."""

    close: float
    overnight: float
    above: float
    below: float
    volume: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """How a symbol's bars are drawn around its closes."""

    steps_per_dollar: int
    typical_volume: int | None
    volume_step: int = 1


_LOOKS = {
    "GLD": _Look(steps_per_dollar=100, typical_volume=9_000_000, volume_step=100),
    "GC": _Look(steps_per_dollar=10, typical_volume=200_000),
    "XAU": _Look(steps_per_dollar=100, typical_volume=None),
    "ES": _Look(steps_per_dollar=4, typical_volume=450_000),
}


@cache
def daily_path(name: str) -> tuple[DailyClose, ...]:
    """Return the bar of every session of GLD, GC, XAU or ES in `SAMPLE_WINDOW`, in USD on the tick grid."""
    paths: dict[str, Callable[[], dict[date, float]]] = {
        "GLD": _gld_closes,
        "GC": _gc_closes,
        "XAU": _xau_closes,
        "ES": _es_closes,
    }
    return _bars(name, paths[name]())


@cache
def _draws(symbol: str, day: date) -> _Draws:
    words = unpack("<5Q", blake2b(f"{SEED}/{symbol}/{day}".encode(), digest_size=40).digest())
    # The upper 53 bits, centred, so that neither 0 nor 1 is ever drawn.
    a, b, c, d, e = [((word >> 11) + 0.5) / 2**53 for word in words]
    return _Draws(_NORMAL.inv_cdf(a), _NORMAL.inv_cdf(b), c, d, e)


def _to_step(price: float, steps_per_dollar: int) -> float:
    return round(price * steps_per_dollar) / steps_per_dollar


def _bridge(symbol: str, calendar_name: str, way_points: Sequence[tuple[date, float]]) -> dict[date, float]:
    """Closes from the first way-point to the sample's last session, through every way-point on its day."""
    calendar, per_dollar = trading_calendar(calendar_name), _LOOKS[symbol].steps_per_dollar
    closes = {way_points[0][0]: way_points[0][1]}
    for (start, start_price), (end, end_price) in pairwise(way_points):
        days = calendar.within(DateRange(start=start, end=end))[1:]
        noises = [_draws(symbol, day).close for day in days]
        # `sum` rounds otherwise from Python 3.12 on; `fsum` is exact in every version.
        # Taking the mean out pins the bridge's end and shrinks its steps, which the root makes good.
        steps, mean = len(days), fsum(noises) / len(days)
        scale = NOISE * sqrt(steps / (steps - 1))
        drift = log(end_price / start_price) / steps
        level = log(start_price)
        for day, noise in zip(days, noises, strict=True):
            level += drift + scale * (noise - mean)
            closes[day] = _to_step(exp(level), per_dollar)
        closes[end] = end_price
    last, level = way_points[-1][0], log(way_points[-1][1])
    for day in calendar.within(DateRange(start=last, end=SAMPLE_WINDOW.end))[1:]:
        level += NOISE * _draws(symbol, day).close
        closes[day] = _to_step(exp(level), per_dollar)
    return closes


@cache
def _gld_closes() -> dict[date, float]:
    return _bridge("GLD", "XNYS", GLD_WAY_POINTS)


def _es_closes() -> dict[date, float]:
    return _bridge("ES", "CMES", ES_WAY_POINTS)


def _ounces() -> dict[date, float]:
    return {day: close / gold_ounces_per_share(day) for day, close in _gld_closes().items()}


def _xau_closes() -> dict[date, float]:
    return {day: _to_step(price, 100) for day, price in _ounces().items()}


def _gc_closes() -> dict[date, float]:
    ounces = _ounces()
    closes: dict[date, float] = {}
    between = trading_calendar("CMES")
    for before, after in pairwise(ounces):
        closes[before] = _to_step(ounces[before], 10)
        extra = between.within(DateRange(start=before, end=after))[1:-1]
        drift = log(ounces[after] / ounces[before]) / (len(extra) + 1)
        for steps, day in enumerate(extra, start=1):
            noise = HOLIDAY_NOISE * _draws("GC", day).close
            closes[day] = _to_step(ounces[before] * exp(drift * steps + noise), 10)
    last = SAMPLE_WINDOW.end
    return closes | {last: _to_step(ounces[last], 10)}


def _bars(symbol: str, closes: dict[date, float]) -> tuple[DailyClose, ...]:
    look, days = _LOOKS[symbol], []
    per_dollar = look.steps_per_dollar
    before = next(iter(closes.values()))
    for day, close in closes.items():
        chance = _draws(symbol, day)
        opened = _to_step(before * exp(OVERNIGHT_NOISE * chance.overnight), per_dollar)
        days.append(
            DailyClose(
                date=day,
                close=close,
                open=opened,
                high=_to_step(max(opened, close) * exp(REACH * chance.above), per_dollar),
                low=_to_step(min(opened, close) * exp(-REACH * chance.below), per_dollar),
                volume=_volume(look, chance.volume),
            )
        )
        before = close
    return tuple(days)


def _volume(look: _Look, chance: float) -> int | None:
    if look.typical_volume is None:
        return None
    return round(look.typical_volume * (0.5 + chance) / look.volume_step) * look.volume_step
