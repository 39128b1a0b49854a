"""Quotes and open interest of the options on GLD: Black-Scholes around a smile, with a spread, and with a few flaws.

The volatility at the money is what GLD moved by over the last 21 sessions, drawn towards a long-run level for later
expiries; the smile is a parabola in standardised log-moneyness that leans to the upside, as gold's does. Interest is
`RATE`, GLD pays nothing, and no option is worth less than exercising it. Calls and puts share one volatility, so that
put-call parity holds to the cent but for puts deep in the money.

On purpose, about four quotes in a thousand are crossed (bid above ask), three have an ask of zero, and three have
nobody on either side: whoever selects an option has to cope with them. No option ever trades.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import pairwise
from math import fsum, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vaultdash.data.samplemarket.arithmetic import exponential, logarithm, normal_below
from vaultdash.data.samplemarket.bars import MINUTE_NS
from vaultdash.data.samplemarket.chain import CALENDAR, MILLI, chain_on
from vaultdash.data.samplemarket.instruments import GLD, session_hours
from vaultdash.data.samplemarket.noise import Ints, child_keys, draw_below, root_key
from vaultdash.data.samplemarket.path import daily_path
from vaultdash.data.samplemarket.stretches import Stretch
from vaultdash.data.samplemarket.trades import traded_minutes
from vaultdash.market import DAY_NS, Window

if TYPE_CHECKING:
    from vaultdash.data.samplemarket.arithmetic import Floats
    from vaultdash.data.samplemarket.chain import Chain
    from vaultdash.data.samplemarket.noise import Keys

QUOTED_MINUTES = 5  # the last ones before the close
RATE = 0.045
YEAR_NS = 365 * DAY_NS

LONG_RUN, CALMEST, WILDEST = 0.16, 0.10, 0.45
LOOK_BACK, SESSIONS_A_YEAR = 21, 252
SKEW, CURVE, FURTHEST = 0.02, 0.25, 1.5
SHORTEST_YEARS = 0.08  # below it, moneyness is no longer stretched by the time left

HALF_SPREAD, SPREAD_SHARE, WIDEST = 0.01, 0.008, 0.50  # USD, of the price, USD
CROSSED, ZERO_ASK, NOBODY = 4, 3, 3  # in a thousand
CROSSED_BY = 5  # cents
LARGEST_SIZE = 250

LARGEST_INTEREST = 20_000
INTEREST_WIDTH = 8  # hundredths of the spot from the money at which open interest is halved

_FLAW, _BID_SIZE, _ASK_SIZE, _BID_VENUE, _ASK_VENUE, _INTEREST = range(20, 26)
VENUE_COUNT = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class QuoteColumns:
    """Consolidated quotes as columns, one for each minute and option, in order of time and then of the chain.

    Prices are in cents. `is_empty` marks those with nobody on either side. Venues are numbered from 0.
    """

    option: Ints
    ts_recv: Ints
    bid: Ints
    ask: Ints
    bid_size: Ints
    ask_size: Ints
    bid_venue: Ints
    ask_venue: Ints
    is_empty: NDArray[np.bool_]


def quote_times(session: date) -> Ints:
    """The ends of the minutes for which quotes are kept, the last of them at the close."""
    ends = session_hours(CALENDAR, session).ends
    return ends - MINUTE_NS * np.arange(QUOTED_MINUTES - 1, -1, -1, dtype=np.int64)


def quotes_on(session: date) -> QuoteColumns:
    """The quotes of every listed option in the last minutes of a session."""
    chain, times = chain_on(session), quote_times(session)
    option = np.tile(np.arange(len(chain), dtype=np.int64), len(times))
    minute = np.repeat(np.arange(len(times), dtype=np.int64), len(chain))
    keys = child_keys(_keys(chain)[option], minute)
    middle = fair_values(
        spot=(_spots(session) / 100)[minute],
        strike=(chain.strike / MILLI)[option],
        years=((_expiry_times(chain)[option] - times[minute]) / YEAR_NS),
        is_put=chain.is_put[option],
        volatility=recent_volatility(session),
    )
    half = np.minimum(WIDEST, HALF_SPREAD + SPREAD_SHARE * middle)
    bid = np.maximum(0, np.floor((middle - half) * 100)).astype(np.int64)
    ask = np.ceil((middle + half) * 100).astype(np.int64)
    flaw = draw_below(keys, _FLAW, 1_000)
    is_zero = (flaw >= CROSSED) & (flaw < CROSSED + ZERO_ASK)
    is_empty = (flaw >= CROSSED + ZERO_ASK) & (flaw < CROSSED + ZERO_ASK + NOBODY)
    bid = np.where(flaw < CROSSED, ask + CROSSED_BY, bid)
    return QuoteColumns(
        option=option,
        ts_recv=times[minute],
        bid=bid,
        ask=np.where(is_zero, 0, ask),
        bid_size=np.where(is_empty | (bid == 0), 0, 1 + draw_below(keys, _BID_SIZE, LARGEST_SIZE)),
        ask_size=np.where(is_empty | is_zero, 0, 1 + draw_below(keys, _ASK_SIZE, LARGEST_SIZE)),
        bid_venue=draw_below(keys, _BID_VENUE, VENUE_COUNT),
        ask_venue=draw_below(keys, _ASK_VENUE, VENUE_COUNT),
        is_empty=is_empty,
    )


def fair_values(*, spot: Floats, strike: Floats, years: Floats, is_put: NDArray[np.bool_], volatility: float) -> Floats:
    """Black-Scholes values in USD at the smile's volatility, never below what exercise would bring."""
    left = np.maximum(years, 1e-9)
    discounted = strike * exponential(-RATE * left)
    moneyness = logarithm(spot / discounted)
    deviation = smile(-moneyness, left, volatility) * np.sqrt(left)
    above = moneyness / deviation + 0.5 * deviation
    call = spot * normal_below(above) - discounted * normal_below(above - deviation)
    call = np.maximum(call, np.maximum(0.0, spot - discounted))
    put = np.maximum(call - spot + discounted, strike - spot)
    return np.where(is_put, put, call)


def smile(moneyness: Floats, years: Floats, volatility: float) -> Floats:
    """The volatility of a strike from its log-moneyness against the forward and the years to its expiry."""
    level = LONG_RUN + (volatility - LONG_RUN) / (1.0 + 2.0 * years)
    distance = np.clip(moneyness / np.sqrt(np.maximum(years, SHORTEST_YEARS)), -FURTHEST, FURTHEST)
    return np.asarray(level + SKEW * distance + CURVE * distance * distance, dtype=np.float64)


@cache
def recent_volatility(session: date) -> float:
    """GLD's volatility a year over the sessions before this one, within bounds."""
    closes = [day.close for day in daily_path("GLD")[: _place(session)]][-LOOK_BACK - 1 :]
    steps = [later / earlier - 1.0 for earlier, later in pairwise(closes)]
    if not steps:
        return LONG_RUN
    # `sum` rounds otherwise from Python 3.12 on; `fsum` is exact in every version.
    variance = fsum(step * step for step in steps) / len(steps)
    return min(WILDEST, max(CALMEST, sqrt(variance * SESSIONS_A_YEAR)))


def open_interest_on(session: date) -> Ints:
    """The contracts open in each listed option before a session opens: most near the money, more as time passes."""
    chain = chain_on(session)
    before = daily_path("GLD")[max(0, _place(session) - 1)].close
    spot = round(before * MILLI)
    away = np.abs(chain.strike - spot) * 100 // spot
    weeks_left = (chain.expiry - session.toordinal()) // 7
    chance = 16 + draw_below(child_keys(root_key("GLD open interest"), chain.instrument_id), _INTEREST, 240)
    near = INTEREST_WIDTH * INTEREST_WIDTH
    whole = LARGEST_INTEREST * chance * near // (256 * (near + away * away))
    return np.asarray(whole * 8 // (8 + weeks_left), dtype=np.int64)


def _place(session: date) -> int:
    return bisect_left(daily_path("GLD"), session, key=lambda day: day.date)


def _keys(chain: Chain) -> Keys:
    session = child_keys(root_key("GLD options"), np.array([chain.session.toordinal()]))
    return child_keys(session, chain.instrument_id)


def _expiry_times(chain: Chain) -> Ints:
    """When each option expires: at the close of its date of expiry."""
    days, places = np.unique(chain.expiry, return_inverse=True)
    ends = [session_hours(CALENDAR, date.fromordinal(day)).ends for day in days.tolist()]
    return np.array(ends, dtype=np.int64)[places]


def _spots(session: date) -> Ints:
    """GLD's price in cents at the end of each quoted minute: the close of its bar."""
    ends = session_hours(CALENDAR, session).ends
    window = Window(start=ends - QUOTED_MINUTES * MINUTE_NS, end=ends)
    last = Stretch(symbol="GLD", instrument=GLD, window=window, first_session=session, last_session=session)
    return traded_minutes([last]).close
