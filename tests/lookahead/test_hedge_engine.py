"""No look-ahead, shown by deleting and by scrambling the future, for every built-in template and volatility mode."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hedge.worlds import CALENDAR, RATES, TEMPLATES, VOLATILITIES, World, world
from vaultdash.errors import LookAheadError
from vaultdash.hedge.engine import EngineRun
from vaultdash.hedge.pricing import ModelPricing, TradingCosts
from vaultdash.hedge.served import TimeGuard
from vaultdash.hedge.template import ContractMode

CUTS = (0, 1, 20, 59, 60, 61, 90, 200, 262, 300)


def make_world(volatility: str, rate: str) -> World:
    return world(
        11,
        sessions=420,
        pricing=ModelPricing(volatility=VOLATILITIES[volatility], rate=RATES[rate], skew=-0.02, term_slope=0.01),
        costs=TradingCosts(half_spread=0.01, commission=0.5),
    )


def before(run: EngineRun, cut: dt.date) -> tuple[object, ...]:
    """Days and trades up to the cut; the cut's own day is the liquidation of the shortened run."""
    days = [repr(day) for day in run.days if day.date < cut]
    trades = [repr(trade) for trade in run.trades if trade.date < cut]
    return days, trades


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("volatility", VOLATILITIES)
@pytest.mark.parametrize("slug", TEMPLATES)
def test_a_deleted_future_changes_nothing_before_the_cut(slug: str, volatility: str, rate: str) -> None:
    at = make_world(volatility, rate)
    whole = at.run(TEMPLATES[slug])
    for number in CUTS:
        cut = whole.days[number].date
        shortened = at.cut_after(cut).run(TEMPLATES[slug])
        assert shortened.days[-1].date == cut
        assert before(shortened, cut) == before(whole, cut)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("volatility", VOLATILITIES)
@pytest.mark.parametrize("slug", TEMPLATES)
def test_a_scrambled_future_changes_nothing_up_to_the_cut(slug: str, volatility: str, rate: str) -> None:
    at = make_world(volatility, rate)
    whole = at.run(TEMPLATES[slug])
    for seed, number in enumerate(CUTS):
        cut = whole.days[number].date
        scrambled = at.scrambled_after(cut, seed).run(TEMPLATES[slug])
        day_after = cut + dt.timedelta(days=1)
        assert before(scrambled, day_after) == before(whole, day_after)
        assert scrambled.days[-1] != whole.days[-1], "the scramble must reach the run, or it shows nothing"


@pytest.mark.parametrize("contract_mode", ["continuous_units", "listed_contracts"])
@given(seed=st.integers(0, 500), number=st.integers(1, 200), slug=st.sampled_from(sorted(TEMPLATES)))
@settings(max_examples=25, deadline=None)
def test_any_cut_of_any_world(contract_mode: ContractMode, seed: int, number: int, slug: str) -> None:
    at = world(seed, sessions=300, pricing=ModelPricing(volatility=VOLATILITIES["trailing"], rate=RATES["schedule"]))
    template = replace(TEMPLATES[slug], contract_mode=contract_mode)
    whole = at.run(template)
    cut = whole.days[number].date
    assert before(at.cut_after(cut).run(template), cut) == before(whole, cut)


def test_the_newest_input_of_each_day_is_that_day() -> None:
    at = make_world("schedule", "schedule")
    for day in at.run(TEMPLATES["protective-put-95pct-3m"]).days:
        assert day.newest_read == day.date


def test_the_guard_raises_on_a_later_read() -> None:
    guard = TimeGuard(now=CALENDAR.sessions[5], newest_read=CALENDAR.sessions[0])
    guard.admit("A close", CALENDAR.sessions[5])
    with pytest.raises(LookAheadError, match="A close dated 2019-01-10 was read while the engine stood on 2019-01-09"):
        guard.admit("A close", CALENDAR.sessions[6])


def test_a_schedule_that_answers_with_tomorrow_is_caught() -> None:
    """A schedule with the habit of looking one entry ahead does not pass the guard."""
    at = make_world("schedule", "fixed")

    class Peeking:
        name = "peeking.csv"
        digest = "vol.csv"

        def entry_on(self, day: dt.date) -> tuple[dt.date, float]:
            return CALENDAR.first_at_or_after(day + dt.timedelta(days=1)), 0.2

    market = at.market()
    market._schedules = {"vol.csv": Peeking()}  # type: ignore[dict-item]  # a stand-in that breaks the rule on purpose
    with pytest.raises(LookAheadError, match=r"peeking\.csv"):
        next(market.days())
