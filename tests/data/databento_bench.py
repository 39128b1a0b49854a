"""What the tests of the Databento source share: requests, a source without waits, a clock that counts them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from tests.gateway import Gateway
from vaultdash.data.databento import DatabentoSource
from vaultdash.data.request import DataRequest, Series
from vaultdash.data.vendors.retry import Clock, Retries
from vaultdash.market import SECOND_NS, DateRange, Window, midnight_ns

HOUR_NS = 3_600 * SECOND_NS


class Waits:
    """A clock whose time passes by sleeping alone, and that remembers how long it slept."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.clock = Clock(now=lambda: sum(self.slept), sleep=self.slept.append, draw=lambda: 0.0)


# Time stands still for it, so that a wait costs nothing.
CLOCK = Clock(now=lambda: 0.0, sleep=lambda _: None, draw=lambda: 0.0)


def days(start: str, end: str) -> Window:
    return Window.of_days(DateRange(start=date.fromisoformat(start), end=date.fromisoformat(end)))


def of(dataset: str, schema: str, symbol: str, stype_in: str, window: Window) -> DataRequest:
    series = Series(source="databento", dataset=dataset, schema=schema, symbol=symbol, stype_in=stype_in)
    return DataRequest(series=series, window=window)


def source_at(
    gateway: Gateway,
    folder: Path,
    *,
    on_attempt: Callable[[Any], None] = lambda _: None,
    timeout_seconds: float = 20.0,
    clock: Clock = CLOCK,
    batch_wait_seconds: float = 600.0,
) -> DatabentoSource:
    return DatabentoSource(
        gateway.key,
        folder=folder,
        gateway=gateway.url,
        retries=Retries(clock=clock),
        timeout_seconds=timeout_seconds,
        batch_wait_seconds=batch_wait_seconds,
        on_attempt=on_attempt,
    )


_AFTERNOON = midnight_ns(date(2024, 3, 7)) + 14 * HOUR_NS
ES_HOUR = of("GLBX.MDP3", "trades", "ES.v.0", "continuous", Window(start=_AFTERNOON, end=_AFTERNOON + HOUR_NS))
GLD_YEAR = of("ARCX.PILLAR", "ohlcv-1d", "GLD", "raw_symbol", days("2020-01-01", "2020-12-31"))
GLD_YEARS = of("ARCX.PILLAR", "ohlcv-1d", "GLD", "raw_symbol", days("2019-01-01", "2021-12-31"))
