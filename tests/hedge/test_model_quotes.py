from __future__ import annotations

import datetime as dt
import math
import statistics
from dataclasses import replace
from typing import Literal

import pytest

from tests.hedge.worlds import CALENDAR, VOLATILITY_SCHEDULE, world
from vaultdash.errors import (
    HistoryTooShortError,
    ScheduleTooLateError,
    StrikeUnreachableError,
    VolatilityTooLowError,
)
from vaultdash.hedge.model_quotes import ModelQuotes
from vaultdash.hedge.pricing import ModelPricing, ScheduledVolatility, ScheduleRef, TrailingVolatility
from vaultdash.hedge.quotes import MarketDay, OptionQuery
from vaultdash.hedge.served import stale_schedule_note
from vaultdash.hedge.template import OptionType, RuleType, StrikeRule
from vaultdash.market import DateRange

DAY = dt.date(2020, 3, 2)
TODAY = MarketDay(date=DAY, close=150.0, volatility=0.2, rate=0.03, newest_read=DAY)
QUOTES = ModelQuotes(calendar=CALENDAR, is_future=False)


def query(rule_type: RuleType, value: float, option_type: OptionType = "put", days: int = 91) -> OptionQuery:
    return OptionQuery(
        symbol="GLD",
        option_type=option_type,
        target_expiry_days=days,
        strike_rule=StrikeRule(rule_type=rule_type, value=value),
        side="long",
    )


@pytest.mark.parametrize(
    ("rule_type", "value", "strike"),
    [("spot_pct", 0.95, 142.5), ("fixed_strike", 137.77, 137.77), ("moneyness_bucket", 0.9, 135.0)],
)
def test_a_strike_follows_its_rule(rule_type: RuleType, value: float, strike: float) -> None:
    assert QUOTES.select(query(rule_type, value), TODAY).contract.strike == pytest.approx(strike, rel=1e-15)


@pytest.mark.parametrize("option_type", ["put", "call"])
@pytest.mark.parametrize("target", [0.05, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("skew", [0.0, -0.1])
@pytest.mark.parametrize("is_future", [True, False])
def test_a_delta_target_is_met(
    *, option_type: Literal["put", "call"], target: float, skew: float, is_future: bool
) -> None:
    quotes = replace(QUOTES, skew=skew, is_future=is_future)
    quote = quotes.select(query("delta_target", target, option_type), TODAY)
    assert abs(quote.option_delta) == pytest.approx(target, abs=1e-12)
    assert (quote.option_delta < 0) == (option_type == "put")


def test_a_delta_target_has_a_closed_form_without_skew() -> None:
    quote = QUOTES.select(query("delta_target", 0.25), TODAY)
    years = (quote.contract.expiry - DAY).days / 365
    deviation = 0.2 * math.sqrt(years)
    d1 = -statistics.NormalDist().inv_cdf(0.25)
    strike = 150 * math.exp(0.03 * years + 0.5 * deviation**2 - d1 * deviation)
    assert quote.contract.strike == pytest.approx(strike, rel=1e-9)


def test_a_delta_no_option_has_is_refused() -> None:
    futures = replace(QUOTES, is_future=True)
    deep_rate = replace(TODAY, rate=0.2)
    with pytest.raises(StrikeUnreachableError, match="no put has a delta of that size"):
        futures.select(query("delta_target", 0.99, days=365), deep_rate)


def test_the_expiry_is_the_first_session_at_or_after_the_tenor() -> None:
    # 2020-03-02 and 124 days is Saturday 2020-07-04; the Monday after is the first session.
    assert QUOTES.select(query("spot_pct", 1, days=124), TODAY).contract.expiry == dt.date(2020, 7, 6)
    assert QUOTES.select(query("spot_pct", 1, days=1), TODAY).contract.expiry == dt.date(2020, 3, 3)


def test_carry_is_the_rate_for_spot_and_zero_for_futures() -> None:
    dear, cheap = (
        replace(QUOTES, is_future=is_future).select(query("spot_pct", 1.0), TODAY).mid for is_future in (True, False)
    )
    years = (QUOTES.select(query("spot_pct", 1.0), TODAY).contract.expiry - DAY).days / 365
    # At the money, Black-76 is symmetric: discounted spot x (2 N(half the deviation) - 1).
    half = 0.5 * 0.2 * math.sqrt(years)
    expected = 150 * math.exp(-0.03 * years) * (2 * statistics.NormalDist().cdf(half) - 1)
    assert dear == pytest.approx(expected, rel=1e-12)
    assert cheap < dear


def test_bid_and_ask_stand_half_a_spread_from_the_mid() -> None:
    quote = replace(QUOTES, half_spread=0.04).select(query("spot_pct", 1.0), TODAY)
    assert quote.ask == pytest.approx(quote.mid * 1.04)
    assert quote.bid == pytest.approx(quote.mid * 0.96)


def test_skew_and_term_slope_shape_the_volatility() -> None:
    quote = replace(QUOTES, skew=-0.2, term_slope=0.04).select(query("spot_pct", 0.9, days=365), TODAY)
    years = (quote.contract.expiry - DAY).days / 365
    assert quote.implied_volatility == pytest.approx(0.2 - 0.2 * math.log(0.9) + 0.04 * years)


def test_a_surface_that_falls_to_nothing_is_refused() -> None:
    with pytest.raises(VolatilityTooLowError, match=r"strike 285.00 on 2020-03-02"):
        replace(QUOTES, skew=-1.0).select(query("spot_pct", 1.9), TODAY)


def test_trailing_volatility_is_the_sample_deviation_of_the_last_returns() -> None:
    at = world(pricing=ModelPricing(volatility=TrailingVolatility(sessions=20, premium=1.1)))
    days = list(at.market().days())
    closes = [day.close for day in at.closes]
    for offset, day in enumerate(days):
        stop = 30 + offset
        returns = [math.log(closes[i] / closes[i - 1]) for i in range(stop - 19, stop + 1)]
        assert day.volatility == pytest.approx(statistics.stdev(returns) * math.sqrt(252) * 1.1, rel=1e-12)


def test_a_look_back_before_the_first_close_is_refused() -> None:
    at = world(warm_up=10, pricing=ModelPricing(volatility=TrailingVolatility(sessions=20)))
    with pytest.raises(HistoryTooShortError, match=r"needs 21 closes up to .*, but only 11 are held"):
        next(at.market().days())


def test_a_look_back_of_exactly_the_closes_held_is_served() -> None:
    at = world(warm_up=20, pricing=ModelPricing(volatility=TrailingVolatility(sessions=20)))
    assert next(at.market().days()).volatility > 0


def test_closes_that_never_move_have_no_trailing_volatility() -> None:
    at = world(pricing=ModelPricing(volatility=TrailingVolatility(sessions=20)))
    flat = replace(at, closes=tuple(replace(day, close=100.0) for day in at.closes))
    with pytest.raises(VolatilityTooLowError, match="too low to price with"):
        next(flat.market().days())


def test_a_scheduled_value_holds_until_the_next() -> None:
    rule = ScheduledVolatility(schedule=ScheduleRef(name="vol.csv", digest="vol.csv", unit="percent"))
    for day in world(pricing=ModelPricing(volatility=rule)).market().days():
        known = [
            value
            for dated, value in zip(VOLATILITY_SCHEDULE.dates, VOLATILITY_SCHEDULE.values, strict=True)
            if dated <= day.date
        ]
        assert day.volatility == known[-1]


def test_a_day_before_the_schedule_is_refused() -> None:
    late = replace(VOLATILITY_SCHEDULE, dates=VOLATILITY_SCHEDULE.dates[40:], values=VOLATILITY_SCHEDULE.values[40:])
    rule = ScheduledVolatility(schedule=ScheduleRef(name="vol.csv", digest="vol.csv", unit="percent"))
    at = world(pricing=ModelPricing(volatility=rule), schedules=(late,))
    with pytest.raises(ScheduleTooLateError, match=f"vol.csv starts on {late.dates[0]} and says nothing of"):
        next(at.market().days())


def test_a_schedule_that_ended_is_held_and_said() -> None:
    ended = replace(VOLATILITY_SCHEDULE, dates=VOLATILITY_SCHEDULE.dates[:2], values=VOLATILITY_SCHEDULE.values[:2])
    sessions = CALENDAR.within(DateRange(start=ended.dates[0], end=ended.dates[0] + dt.timedelta(days=30)))
    note = stale_schedule_note(ended, sessions)
    stale = [day for day in sessions if day > ended.dates[1] + dt.timedelta(days=7)]
    assert note is not None
    assert f"on {len(stale)} of {len(sessions)} sessions" in note
    assert str(ended.dates[1]) in note
    assert stale_schedule_note(VOLATILITY_SCHEDULE, sessions) is None
