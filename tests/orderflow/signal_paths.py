"""Random bars and scenarios for tests of the signal engine, and the same said to the oracle."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from vaultdash.market import Bars
from vaultdash.orderflow.hours import TradingHours
from vaultdash.orderflow.result import EXIT_REASONS, MOMENTS, EngineRun, bars_held
from vaultdash.orderflow.rules import BreakoutRule, DivergenceRule, Rule, ThresholdRule, ZScoreRule
from vaultdash.orderflow.scenario import ContractSizing, FractionSizing, Scenario, TradingCosts

TICK = 250_000_000
MINUTE = 60_000_000_000
FIRST = 1_709_899_200_000_000_000  # Friday 2024-03-08 12:00 UTC: New York changes its clocks two days later

RULES: dict[str, Rule] = {
    "threshold": ThresholdRule(threshold=40.5),
    "divergence": DivergenceRule(lookback=4),
    "z_score": ZScoreRule(lookback=6, entry=0.9137),
    "breakout": BreakoutRule(lookback=5),
}


def random_bars(
    seed: int, count: int, *, per_session: int = 17, reset: str = "session", level: int = 400, wild: int = 6
) -> Bars:
    """Bars with gaps in time and price, deltas of either sign, and flat ones among them. `level` is in ticks."""
    random = np.random.default_rng(seed)
    close = (level + np.cumsum(random.integers(-wild, wild + 1, count))) * TICK
    opening = np.concatenate(([level * TICK], close[:-1]))[:count] + random.integers(-2, 3, count) * TICK
    high = np.maximum(opening, close) + random.integers(0, 4, count) * TICK
    low = np.minimum(opening, close) - random.integers(0, 4, count) * TICK
    buy, sell = random.integers(0, 60, count), random.integers(0, 60, count)
    start = FIRST + np.cumsum(random.choice([1, 1, 1, 2, 30], count)) * MINUTE
    session = 19_790 + np.cumsum(random.random(count) < 1 / per_session)
    delta = buy - sell
    keys = {"session": session, "day": start // (1440 * MINUTE), "none": np.zeros(count)}[reset]
    running, sums = 0, []
    for at in range(count):
        running = (running if at and keys[at] == keys[at - 1] else 0) + int(delta[at])
        sums.append(running)
    return Bars(
        start=start, end=start + MINUTE, open=opening, high=high, low=low, close=close,
        volume=buy + sell, buy_volume=buy, sell_volume=sell, unsided_volume=np.zeros(count, np.int64),
        trade_count=np.ones(count, np.int64), vwap=close / 1e9, volume_delta=delta,
        min_delta=np.minimum(delta, 0), max_delta=np.maximum(delta, 0),
        cumulative_delta=np.array(sums, np.int64), session=session.astype(np.int32),
    )  # fmt: skip


def first_bars(bars: Bars, count: int) -> Bars:
    """The first `count` bars: the future deleted."""
    return Bars(**{field.name: getattr(bars, field.name)[:count] for field in fields(bars)})


def bars_of(**columns: list[int]) -> Bars:
    """Bars of the columns given in units of 1e-9; the rest is made up to fit."""
    made: Any = random_bars(0, len(next(iter(columns.values()))))
    return replace(made, **{name: np.array(values, getattr(made, name).dtype) for name, values in columns.items()})  # type: ignore[no-any-return]  # Bars again


def scenario_of(rule: Rule, **changes: Any) -> Scenario:
    """A scenario on an instrument of tick 0.25 and multiplier 50."""
    return Scenario(symbol="ES.v.0", bar_spec="1m", tick_size=0.25, multiplier=50, rule=rule, **changes)


def oracle_rows(bars: Bars) -> list[dict[str, int]]:
    names = ("start", "end", "open", "high", "low", "close", "volume_delta", "cumulative_delta", "session")
    columns = [getattr(bars, name).tolist() for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def oracle_arguments(scenario: Scenario) -> dict[str, Any]:
    """The scenario in the oracle's words."""
    sizing, hours = scenario.sizing, scenario.trading_hours
    return {
        "rule": asdict(scenario.rule),
        "tick": str(scenario.tick_size),
        "multiplier": scenario.multiplier,
        "reset": scenario.reset,
        "fraction": sizing.fraction if isinstance(sizing, FractionSizing) else None,
        "contracts": sizing.contracts if isinstance(sizing, ContractSizing) else None,
        "same_close": scenario.fill == "same_close",
        "long_short": scenario.mode == "long_short",
        "commission": scenario.costs.commission,
        "slippage_ticks": str(scenario.costs.slippage_ticks),
        "capital": scenario.initial_capital,
        "hours": None if hours is None else asdict(hours),
        "stop_ticks": None if scenario.stop_ticks is None else str(scenario.stop_ticks),
        "target_ticks": None if scenario.target_ticks is None else str(scenario.target_ticks),
        "flat_at_session_end": scenario.flat_at_session_end,
        "sessions_per_year": scenario.sessions_per_year,
    }


def trip_rows(run: EngineRun) -> list[dict[str, Any]]:
    """Round trips in the oracle's words."""
    rows, held = run.trips.rows, bars_held(run.trips.rows)
    return [
        {
            "entry_bar": int(row["entry_bar"]),
            "entry_price": int(row["entry_price"]) / 1e9,
            "exit_bar": int(row["exit_bar"]),
            "exit_price": int(row["exit_price"]) / 1e9,
            "direction": int(row["direction"]),
            "quantity": float(row["quantity"]),
            "pnl": float(row["pnl"]),
            "fees": float(row["fees"]),
            "bars_held": int(held[at]),
            "reason": EXIT_REASONS[row["reason"]],
            "exit_moment": MOMENTS[row["exit_moment"]],
        }
        for at, row in enumerate(rows)
    ]


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    back = draw(st.integers(2, 9))
    choices: list[Rule] = [
        ThresholdRule(threshold=draw(st.sampled_from([0, 10, 40.5, 150, 10_000]))),
        DivergenceRule(lookback=back - 1),
        # Whole deltas make round z-scores, on which the last bit would decide; this one is never round.
        ZScoreRule(lookback=back, entry=draw(st.sampled_from([0.2137, 0.9137, 2.0137]))),
        BreakoutRule(lookback=back - 1),
    ]
    return draw(st.sampled_from(choices))


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    hours = TradingHours(opens=dt.time(8, 30), closes=dt.time(16), time_zone="America/New_York")
    night = TradingHours(opens=dt.time(20), closes=dt.time(9, 15, 30), time_zone="Europe/Berlin")
    return scenario_of(
        draw(rules()),
        reset=draw(st.sampled_from(["session", "day", "none"])),
        sizing=draw(st.sampled_from([FractionSizing(), FractionSizing(fraction=1), ContractSizing(contracts=2)])),
        fill=draw(st.sampled_from(["next_open", "next_open", "same_close"])),
        mode=draw(st.sampled_from(["long_only", "long_short"])),
        costs=draw(
            st.sampled_from(
                [TradingCosts(), TradingCosts(commission=2.25, slippage_ticks=1), TradingCosts(slippage_ticks=0.5)]
            )
        ),
        initial_capital=draw(st.sampled_from([10_000.0, 700.0])),
        trading_hours=draw(st.sampled_from([None, None, hours, night])),
        stop_ticks=draw(st.sampled_from([None, None, 1, 6, 2.5])),
        target_ticks=draw(st.sampled_from([None, None, 1, 8])),
        flat_at_session_end=draw(st.booleans()),
    )


@st.composite
def paths(draw: st.DrawFn, *, longest: int = 120) -> tuple[Scenario, Bars]:
    scenario = draw(scenarios())
    bars = random_bars(
        draw(st.integers(0, 100_000)),
        draw(st.sampled_from([0, 1, 2, 3, 31, 64, 97, longest])),
        per_session=draw(st.sampled_from([1, 5, 20, 1000])),
        reset=scenario.reset,
        level=draw(st.sampled_from([400, 400, 25])),
        wild=draw(st.sampled_from([1, 6])),
    )
    return scenario, bars
