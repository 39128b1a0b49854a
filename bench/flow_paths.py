"""The bars that the order flow benchmarks trade: a random walk in ticks with a delta for every bar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vaultdash.market import Bars
from vaultdash.orderflow.rules import ThresholdRule, cumulative_delta
from vaultdash.orderflow.scenario import Scenario

BARS_A_SESSION = 1380
TICK = 250_000_000
MINUTE = 60_000_000_000
FIRST = 1_609_718_400_000_000_000


def walk(count: int, *, seed: int = 1) -> Bars:
    """One-minute bars, sessions of 23 hours, an open up to a tick from the close before."""
    random = np.random.default_rng(seed)
    close = (20_000 + np.cumsum(random.integers(-4, 5, count))) * TICK
    opening = np.concatenate((close[:1], close[:-1] + random.integers(-1, 2, count - 1) * TICK))
    buy, sell = random.integers(0, 400, count), random.integers(0, 400, count)
    delta, start, none = buy - sell, FIRST + np.arange(count) * MINUTE, np.zeros(count, np.int64)
    bars = Bars(
        start=start, end=start + MINUTE, open=opening, close=close, high=np.maximum(opening, close) + TICK,
        low=np.minimum(opening, close) - TICK, volume=buy + sell, buy_volume=buy, sell_volume=sell, unsided_volume=none,
        trade_count=none, vwap=close / 1e9, volume_delta=delta, min_delta=none, max_delta=none,
        cumulative_delta=delta, session=(np.arange(count) // BARS_A_SESSION).astype(np.int32),
    )  # fmt: skip
    return replace(bars, cumulative_delta=cumulative_delta(bars, "session"))


def scenario(threshold: float) -> Scenario:
    """A tenth of equity, long only, next open, no costs: what every peer can do alike."""
    return Scenario(
        symbol="ES.v.0", bar_spec="1m", tick_size=0.25, multiplier=1, rule=ThresholdRule(threshold=threshold)
    )
