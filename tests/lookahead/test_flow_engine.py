"""No look-ahead, shown by deleting and by scrambling the future, for every rule, fill and mode."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.orderflow.signal_paths import RULES, first_bars, paths, random_bars, scenario_of, trip_rows
from vaultdash.market import Bars
from vaultdash.orderflow.backtest import run_engine
from vaultdash.orderflow.hours import TradingHours
from vaultdash.orderflow.result import EngineRun, Fill
from vaultdash.orderflow.scenario import Scenario, TradingCosts

CUTS = (0, 1, 2, 17, 40, 41, 99, 180, 250)
TIME_AXIS = ("start", "end", "session")  # the timetable is public; prices and deltas are not
SAFEGUARDS = {
    "plain": {},
    "guarded": {
        "stop_ticks": 9,
        "target_ticks": 14,
        "flat_at_session_end": True,
        "trading_hours": TradingHours(opens=dt.time(8), closes=dt.time(22), time_zone="America/Chicago"),
    },
}


def scrambled_after(bars: Bars, cut: int, seed: int) -> Bars:
    """The bars up to and including `cut`, then other prices and deltas at the same times."""
    other = random_bars(seed + 77_777, len(bars), level=900, wild=9, reset="none")
    columns = {}
    for field in fields(bars):
        ours, theirs = getattr(bars, field.name), getattr(other, field.name)
        columns[field.name] = ours if field.name in TIME_AXIS else np.concatenate((ours[: cut + 1], theirs[cut + 1 :]))
    return Bars(**columns)


def before(run: EngineRun, bar: int) -> tuple[list[Fill], list[float]]:
    """Fills and equity of the bars before `bar`."""
    return [fill for fill in run.trips.fills() if fill.bar < bar], run.equity[:bar].tolist()


def both(scenario: Scenario, bars: Bars) -> tuple[EngineRun, EngineRun]:
    return run_engine(scenario, bars, compiled=False), run_engine(scenario, bars, compiled=True)


@pytest.mark.parametrize("guards", SAFEGUARDS)
@pytest.mark.parametrize("mode", ["long_only", "long_short"])
@pytest.mark.parametrize("fill", ["next_open", "same_close"])
@pytest.mark.parametrize("kind", RULES)
def test_a_future_deleted_or_scrambled_changes_nothing_before_the_cut(
    kind: str, fill: str, mode: str, guards: str
) -> None:
    scenario = scenario_of(
        RULES[kind], fill=fill, mode=mode, costs=TradingCosts(commission=1, slippage_ticks=1), **SAFEGUARDS[guards]
    )
    bars = random_bars(5, 300, per_session=25)
    whole = run_engine(scenario, bars, compiled=False)
    assert len(whole.trips) > 2, "a path without trades shows nothing"
    for cut in CUTS:
        for shortened in both(scenario, first_bars(bars, cut + 1)):
            # The cut's own bar is the liquidation of the shortened run.
            assert before(shortened, cut) == before(whole, cut)
        for scrambled in both(scenario, scrambled_after(bars, cut, seed=cut)):
            assert before(scrambled, cut + 1) == before(whole, cut + 1)
            assert scrambled.equity[-1] != whole.equity[-1], "the scramble must reach the run, or it shows nothing"


@given(path=paths(longest=200), cut=st.integers(0, 199), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_any_cut_of_any_path(path: tuple[Scenario, Bars], cut: int, seed: int) -> None:
    scenario, bars = path
    whole = run_engine(scenario, bars, compiled=False)
    assert before(run_engine(scenario, first_bars(bars, cut + 1), compiled=False), cut) == before(whole, cut)
    scrambled = run_engine(scenario, scrambled_after(bars, cut, seed), compiled=False)
    assert before(scrambled, cut + 1) == before(whole, cut + 1)


@pytest.mark.parametrize("kind", RULES)
def test_a_score_reads_its_own_bar_and_earlier_ones(kind: str) -> None:
    bars, rule = random_bars(9, 150, per_session=30), RULES[kind]
    whole = rule.score(bars, reset="session").values
    assert len(set(np.sign(whole).tolist())) == 3, "a score that never moves shows nothing"
    for cut in range(len(bars)):
        np.testing.assert_array_equal(rule.score(first_bars(bars, cut), reset="session").values, whole[:cut])


@pytest.mark.parametrize("kind", RULES)
def test_an_order_is_filled_without_a_look_at_the_bar_that_fills_it(kind: str) -> None:
    """High, low, close and delta of the bar of an entry are its own future: the entry is the same without them."""
    scenario, bars = scenario_of(RULES[kind], mode="long_short"), random_bars(21, 200, per_session=40)
    whole = trip_rows(run_engine(scenario, bars, compiled=False))
    assert len(whole) > 2, "a path without trades shows nothing"
    for trip in whole:
        at = trip["entry_bar"]
        columns = {name: getattr(bars, name).copy() for name in ("high", "low", "close", "volume_delta")}
        for name, column in columns.items():
            column[at] += {"high": 10**10, "low": -(10**10)}.get(name, 10**9)
        changed = trip_rows(run_engine(scenario, replace(bars, **columns), compiled=False))
        (same,) = [other for other in changed if other["entry_bar"] == at]
        for name in ("entry_price", "quantity", "direction"):
            assert same[name] == trip[name]


def test_same_close_is_the_only_fill_at_the_price_of_the_signal() -> None:
    bars = random_bars(5, 300)
    for fill, moment in (("next_open", "open"), ("same_close", "close")):
        trips = run_engine(scenario_of(RULES["threshold"], fill=fill), bars, compiled=False).trips
        assert {trip.entry.moment for trip in trips} == {moment}
