"""The engine by hand: what is filled when, at what price, for which reason. Prices below are in whole units."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from tests.orderflow.signal_paths import RULES, bars_of, first_bars, random_bars, scenario_of
from vaultdash.errors import ImpossibleValueError
from vaultdash.market import Bars, Direction
from vaultdash.orderflow.backtest import run_backtest
from vaultdash.orderflow.hours import TradingHours
from vaultdash.orderflow.result import RoundTrip
from vaultdash.orderflow.rules import ThresholdRule
from vaultdash.orderflow.scenario import ContractSizing, FractionSizing, Scenario, TradingCosts

UNIT = 1_000_000_000
ONE = ContractSizing(contracts=1)
NAN = float("nan")


def hand_bars(prices: Sequence[tuple[float, float, float, float]], deltas: list[int], sessions: list[int]) -> Bars:
    """Bars of (open, high, low, close); `deltas` are cumulative."""
    columns = {
        name: [round(row[at] * UNIT) for row in prices] for at, name in enumerate(("open", "high", "low", "close"))
    }
    return bars_of(**columns, cumulative_delta=deltas, session=sessions)


def flat_bars(deltas: list[int], sessions: list[int] | None = None) -> Bars:
    """Bars whose open is 100, 101, ... and whose close is half above it."""
    prices = [(100.0 + at, 101.0 + at, 99.0 + at, 100.5 + at) for at in range(len(deltas))]
    return hand_bars(prices, deltas, sessions or [1] * len(deltas))


def trips_of(bars: Bars, **changes: Any) -> list[tuple[Any, ...]]:
    """(direction, entry bar, entry price, exit bar, exit price, reason) of both engines, which must agree."""
    scenario = scenario_of(ThresholdRule(threshold=10), **{"sizing": ONE, **changes})
    plain, compiled = (run_backtest(scenario, bars, compiled=choice) for choice in (False, True))
    np.testing.assert_array_equal(plain.trips.rows, compiled.trips.rows)
    np.testing.assert_array_equal(plain.equity, compiled.equity)
    return [_words(trip) for trip in plain.trips]


def _words(trip: RoundTrip) -> tuple[Any, ...]:
    return (int(trip.direction), trip.entry.bar, trip.entry.price, trip.exit.bar, trip.exit.price, trip.reason)


def test_a_signal_is_filled_at_the_next_open() -> None:
    assert trips_of(flat_bars([0, 11, 0, -11, 0])) == [(1, 2, 102.0, 4, 104.0, "signal")]


def test_same_close_is_filled_at_the_signals_own_close_and_says_so() -> None:
    bars = flat_bars([0, 11, 0, -11, 0])
    assert trips_of(bars, fill="same_close") == [(1, 1, 101.5, 3, 103.5, "signal")]
    said = run_backtest(scenario_of(ThresholdRule(threshold=10), fill="same_close"), bars).warnings
    assert any("same_close" in warning for warning in said)
    assert not any("same_close" in warning for warning in run_backtest(scenario_of(RULES["threshold"]), bars).warnings)


def test_slippage_goes_against_us_on_both_sides() -> None:
    costs = TradingCosts(slippage_ticks=2)
    assert trips_of(flat_bars([0, 11, -11, 0]), costs=costs) == [(1, 2, 102.5, 3, 102.5, "signal")]
    assert trips_of(flat_bars([0, -11, 11, 0]), costs=costs, mode="long_short")[0] == (-1, 2, 101.5, 3, 103.5, "signal")


def test_long_only_never_sells_short_and_long_short_flips_at_one_open() -> None:
    bars = flat_bars([-11, 0, 11, -11, 0, 0])
    assert trips_of(bars) == [(1, 3, 103.0, 4, 104.0, "signal")]
    assert trips_of(bars, mode="long_short") == [
        (-1, 1, 101.0, 3, 103.0, "signal"),
        (1, 3, 103.0, 4, 104.0, "signal"),
        (-1, 4, 104.0, 5, 105.5, "end"),
    ]


def test_what_is_open_at_the_end_is_closed_at_the_last_close() -> None:
    assert trips_of(flat_bars([0, 11, 0])) == [(1, 2, 102.0, 2, 102.5, "end")]


@pytest.mark.parametrize("fill", ["next_open", "same_close"])
def test_a_signal_on_the_last_bar_opens_nothing(fill: str) -> None:
    assert trips_of(flat_bars([0, 0, 11]), fill=fill) == []


def test_same_close_on_the_last_bar_names_the_signal_that_closed_it() -> None:
    assert trips_of(flat_bars([11, 0, -11]), fill="same_close") == [(1, 0, 100.5, 2, 102.5, "signal")]
    assert trips_of(flat_bars([11, 0, 0]), fill="same_close") == [(1, 0, 100.5, 2, 102.5, "end")]


STOPPED = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 101, 99, 100.5), (100.5, 101, 97, 98), (98, 98, 98, 98)]


def test_a_stop_is_a_market_order_at_its_price() -> None:
    bars = hand_bars(STOPPED, [0, 11, 0, 0, 0], [1] * 5)
    assert trips_of(bars, stop_ticks=10) == [(1, 2, 100.0, 3, 97.5, "stop")]
    slipped = trips_of(bars, stop_ticks=10, costs=TradingCosts(slippage_ticks=1))
    assert slipped == [(1, 2, 100.25, 3, 97.5, "stop")]


def test_a_bar_that_opens_beyond_the_stop_fills_at_its_open() -> None:
    prices = [*STOPPED[:3], (95, 96, 94, 95), (95, 95, 95, 95)]
    bars = hand_bars(prices, [0, 11, 0, 0, 0], [1] * 5)
    assert trips_of(bars, stop_ticks=10) == [(1, 2, 100.0, 3, 95.0, "stop")]


def test_the_bar_of_the_entry_can_stop_it_out() -> None:
    bars = hand_bars(STOPPED, [0, 11, 0, 0, 0], [1] * 5)
    assert trips_of(bars, stop_ticks=4) == [(1, 2, 100.0, 2, 99.0, "stop")]
    (trip,) = run_backtest(scenario_of(ThresholdRule(threshold=10), stop_ticks=4), bars).trips
    assert trip.bars_held == 1


def test_same_close_is_not_stopped_by_the_bar_it_was_entered_at_the_end_of() -> None:
    prices = [(100, 100, 100, 100), (100, 100, 90, 100), (100, 100, 99.5, 100), (100, 100, 99, 100)]
    bars = hand_bars(prices, [0, 11, 0, 0], [1] * 4)
    assert trips_of(bars, stop_ticks=4, fill="same_close") == [(1, 1, 100.0, 3, 99.0, "stop")]


def test_where_stop_and_target_are_both_touched_the_stop_counts() -> None:
    prices = [*STOPPED[:3], (100, 105, 95, 100), (100, 100, 100, 100)]
    bars = hand_bars(prices, [0, 11, 0, 0, 0], [1] * 5)
    assert trips_of(bars, stop_ticks=12, target_ticks=12) == [(1, 2, 100.0, 3, 97.0, "stop")]


def test_a_target_is_a_limit_order_without_slippage_and_better_where_the_bar_opens_beyond() -> None:
    costs = TradingCosts(slippage_ticks=1)
    prices = [*STOPPED[:3], (100, 105, 100, 104), (104, 104, 104, 104)]
    assert trips_of(hand_bars(prices, [0, 11, 0, 0, 0], [1] * 5), target_ticks=12, costs=costs) == [
        (1, 2, 100.25, 3, 103.25, "target")
    ]
    prices[3] = (106, 107, 90, 104)
    gap = trips_of(hand_bars(prices, [0, 11, 0, 0, 0], [1] * 5), target_ticks=12, stop_ticks=12, costs=costs)
    assert gap == [(1, 2, 100.25, 3, 106.0, "target")]


def test_a_short_is_guarded_in_the_mirror() -> None:
    prices = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 100.5, 99.5, 100), (100, 103, 98, 100), (1, 1, 1, 1)]
    bars = hand_bars(prices, [0, -11, 0, 0, 0], [1] * 5)
    assert trips_of(bars, mode="long_short", stop_ticks=8) == [(-1, 2, 100.0, 3, 102.0, "stop")]
    assert trips_of(bars, mode="long_short", target_ticks=8) == [(-1, 2, 100.0, 3, 98.0, "target")]


def test_a_touch_is_exact_whatever_the_tick() -> None:
    """100.10 less five ticks of 0.01 is 100.05, which floats place a hair below it."""
    prices = [(100.1, 100.1, 100.1, 100.1)] * 3 + [(100.1, 100.1, 100.05, 100.1)] * 2
    bars = hand_bars(prices, [0, 11, 0, 0, 0], [1] * 5)
    scenario = replace(scenario_of(ThresholdRule(threshold=10)), tick_size=0.01, stop_ticks=5)
    (trip,) = run_backtest(scenario, bars).trips
    assert (trip.reason, trip.exit.price) == ("stop", 100.05)


def test_after_a_stop_the_same_word_must_end_before_it_counts_again() -> None:
    prices = [(100.0, 100.0, 99.0, 100.0)] * 8
    stopped = {"stop_ticks": 4}
    assert trips_of(hand_bars(prices, [11, 11, 11, 11, 11, 11, 11, 11], [1] * 8), **stopped) == [
        (1, 1, 100.0, 1, 99.0, "stop")
    ]
    assert trips_of(hand_bars(prices, [11, 11, 11, 0, 11, 11, 11, 11], [1] * 8), **stopped) == [
        (1, 1, 100.0, 1, 99.0, "stop"),
        (1, 5, 100.0, 5, 99.0, "stop"),
    ]


def test_flat_at_session_end_closes_at_the_last_close_and_drops_the_days_order() -> None:
    bars = flat_bars([11, 0, 0, 11, 0, 0], [1, 1, 1, 2, 2, 2])
    assert trips_of(bars, flat_at_session_end=True) == [
        (1, 1, 101.0, 2, 102.5, "session_end"),
        (1, 4, 104.0, 5, 105.5, "end"),
    ]
    late = flat_bars([0, 0, 11, 0, 0, 0], [1, 1, 1, 2, 2, 2])
    assert trips_of(late, flat_at_session_end=True) == []
    assert trips_of(late) == [(1, 3, 103.0, 5, 105.5, "end")]


def test_outside_the_hours_nothing_is_held() -> None:
    bars = flat_bars([11, 11, 11, 11, 11, 11])
    # Bars begin a few minutes after 12:00 UTC on Friday 2024-03-08, which is 7 in New York.
    ends = [int(end) for end in bars.end]
    hours = TradingHours(opens=_clock(ends[1]), closes=_clock(ends[3]), time_zone="UTC")
    assert hours.may_hold(bars).tolist() == [False, True, True, False, False, False]
    assert trips_of(bars, trading_hours=hours) == [(1, 2, 102.0, 4, 104.0, "hours")]


def _clock(at: int) -> dt.time:
    return dt.datetime.fromtimestamp(at // UNIT, dt.UTC).time()


def test_hours_follow_the_clocks_of_their_place() -> None:
    """Half past nine in New York is 14:30 UTC on Friday 2024-03-08 and 13:30 UTC on Monday 2024-03-11."""
    hours = TradingHours(opens=dt.time(9, 30), closes=dt.time(16), time_zone="America/New_York")
    moments = {
        "2024-03-08T14:29:59": False,
        "2024-03-08T14:30:00": True,
        "2024-03-08T20:59:59": True,
        "2024-03-08T21:00:00": False,
        "2024-03-11T13:29:59": False,
        "2024-03-11T13:30:00": True,
    }
    ends = [int(dt.datetime.fromisoformat(f"{moment}+00:00").timestamp()) * UNIT for moment in moments]
    assert hours.may_hold(bars_of(end=ends)).tolist() == list(moments.values())


def test_hours_may_run_over_midnight() -> None:
    hours = TradingHours(opens=dt.time(22), closes=dt.time(4), time_zone="UTC")
    at = [dt.datetime(2024, 3, 8, hour, tzinfo=dt.UTC) for hour in (21, 22, 23, 0, 3, 4, 12)]
    bars = bars_of(end=[int(moment.timestamp()) * UNIT for moment in at])
    assert hours.may_hold(bars).tolist() == [False, True, True, True, True, False, False]


def test_a_fraction_buys_that_part_of_equity_at_the_fills_price() -> None:
    scenario = scenario_of(
        ThresholdRule(threshold=10), sizing=FractionSizing(fraction=0.5), costs=TradingCosts(commission=1)
    )
    first, second = run_backtest(scenario, flat_bars([11, -11, 11, 0, 0])).trips
    assert first.quantity == pytest.approx(0.5 * 10_000 / (101 * 50))
    equity = 10_000 + first.net
    assert first.net == pytest.approx(first.quantity * (50 * 1 - 2))
    assert second.quantity == pytest.approx(0.5 * equity / (103 * 50))


@pytest.mark.parametrize("compiled", [False, True])
def test_no_equity_or_no_price_means_no_order(*, compiled: bool) -> None:
    crash = [(100, 100, 100, 100), (100, 100, 100, 100), (-300, -300, -300, -300), (-300, -300, -300, -300)] * 2
    bars = hand_bars([*crash], [11, 0, -11, 0, 11, 0, 0, 0], [1] * 8)
    ruined = run_backtest(scenario_of(ThresholdRule(threshold=10), sizing=ONE), bars, compiled=compiled)
    assert ruined.figures.final_capital == 10_000 - 400 * 50
    assert ruined.figures.total_trades == 1
    assert ruined.figures.sharpe_ratio is None
    assert any("1 orders were not filled" in warning for warning in ruined.warnings)
    below = hand_bars([(-5.0, -5.0, -5.0, -5.0)] * 3, [11, 0, 0], [1] * 3)
    unpriced = run_backtest(scenario_of(ThresholdRule(threshold=10)), below, compiled=compiled)
    assert (unpriced.figures.total_trades, unpriced.figures.buy_and_hold_return) == (0, None)
    assert any("not filled" in warning for warning in unpriced.warnings)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("kind", RULES)
def test_few_bars_trade_nothing_and_lose_nothing(kind: str, count: int, *, compiled: bool) -> None:
    scenario = scenario_of(RULES[kind], flat_at_session_end=True, stop_ticks=4)
    result = run_backtest(scenario, first_bars(random_bars(2, 5, per_session=1000), count), compiled=compiled)
    assert len(result.equity) == count
    assert result.figures.final_capital == 10_000
    assert result.figures.win_rate is result.figures.profit_factor is result.figures.expectancy is None
    assert any("no bar" in warning for warning in result.warnings) == (count == 0)


def test_a_fill_says_when_what_and_for_how_much() -> None:
    bars = flat_bars([0, 11, 0, -11, 0])
    scenario = scenario_of(ThresholdRule(threshold=10), sizing=ONE, costs=TradingCosts(commission=2.5))
    (trip,) = run_backtest(scenario, bars).trips
    assert (trip.direction, trip.quantity, trip.pnl, trip.fees, trip.net) == (Direction.LONG, 1.0, 100.0, 5.0, 95.0)
    assert (trip.entry.action, trip.exit.action) == ("buy", "sell")
    assert (trip.entry.time_ns, trip.exit.time_ns) == (bars.start[2], bars.start[4])
    assert (trip.bars_held, trip.entry.fee, trip.exit.fee) == (2, 2.5, 2.5)
    assert [fill.bar for fill in run_backtest(scenario, bars).trips.fills()] == [2, 4]
    assert len(run_backtest(scenario, bars).trips[0:1]) == 1


def test_a_long_path_is_run_by_the_compiled_engine_and_answers_alike() -> None:
    bars, scenario = random_bars(6, 250_000, per_session=390), scenario_of(RULES["breakout"], mode="long_short")
    chosen = run_backtest(scenario, bars)
    plain = run_backtest(scenario, bars, compiled=False)
    np.testing.assert_array_equal(chosen.equity, plain.equity)
    assert chosen.figures == plain.figures


@pytest.mark.parametrize(
    ("make", "field"),
    [
        *((lambda value=value: FractionSizing(fraction=value), "fraction") for value in (0, 3, -0.1, NAN)),
        *((lambda value=value: ContractSizing(contracts=value), "contracts") for value in (0, 1.5, NAN)),
        *((lambda value=value: TradingCosts(commission=value), "commission") for value in (-1, NAN)),
        (lambda: TradingCosts(slippage_ticks=NAN), "slippage_ticks"),
        *(
            (lambda name=name, value=value: scenario_of(RULES["threshold"], **{name: value}), name)
            for name, value in [
                ("initial_capital", 0), ("initial_capital", NAN), ("stop_ticks", 0), ("stop_ticks", NAN),
                ("target_ticks", -3), ("reset", "week"), ("fill", "open"), ("mode", "both"), ("sessions_per_year", 0),
            ]
        ),
        *(
            (lambda name=name, value=value: replace(scenario_of(RULES["threshold"]), **{name: value}), name)
            for name, value in [
                ("tick_size", 0), ("tick_size", NAN), ("multiplier", 0), ("symbol", " "), ("bar_spec", ""),
            ]
        ),
        (lambda: TradingHours(opens=dt.time(9), closes=dt.time(9)), "closes"),
        (lambda: TradingHours(opens=dt.time(9), closes=dt.time(10), time_zone="Mars/Olympus"), "time_zone"),
        (lambda: TradingHours(opens=dt.time(9), closes=dt.time(10), time_zone="../etc"), "time_zone"),
    ],
)  # fmt: skip
def test_a_scenario_that_cannot_be_is_refused_by_name(make: Any, field: str) -> None:
    with pytest.raises(ImpossibleValueError, match=f"{field} is .*, but it must"):
        make()


def test_a_scenario_is_read_and_written_as_a_document() -> None:
    door = TypeAdapter(Scenario)
    whole = scenario_of(
        RULES["z_score"], trading_hours=TradingHours(opens=dt.time(9, 30), closes=dt.time(16)), sizing=ONE, stop_ticks=8
    )
    assert door.validate_json(door.dump_json(whole)) == whole
    bare = door.validate_python({"symbol": "ES.v.0", "bar_spec": "1m", "tick_size": 0.25, "multiplier": 50})
    assert (bare.rule, bare.sizing, bare.initial_capital) == (
        ThresholdRule(threshold=500),
        FractionSizing(fraction=0.1),
        10_000,
    )
    assert (bare.fill, bare.mode, bare.reset, bare.costs) == ("next_open", "long_only", "session", TradingCosts())
