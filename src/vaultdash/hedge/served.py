"""Serves a scenario's market one session at a time, and raises on any read past the session it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import log, sqrt
from typing import TYPE_CHECKING, assert_never

from vaultdash.errors import HistoryTooShortError, LookAheadError, VolatilityTooLowError
from vaultdash.hedge.pricing import (
    LOWEST_VOLATILITY,
    FixedRate,
    FixedVolatility,
    ScheduledRate,
    ScheduledVolatility,
    TrailingVolatility,
)
from vaultdash.hedge.quotes import MarketDay

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vaultdash.hedge.pricing import ModelPricing
    from vaultdash.market import DailyClose, DailyCloses, DateRange, Schedule

SESSIONS_IN_YEAR = 252
FRESH_DAYS = 7


@dataclass(kw_only=True, slots=True)
class TimeGuard:
    """The engine's date. Every read of history is shown to it."""

    now: date
    newest_read: date

    def stand_on(self, day: date) -> None:
        """Move to a session; what was read for the one before is forgotten."""
        self.now = day
        self.newest_read = date.min

    def admit(self, what: str, dated: date) -> None:
        """Let a read pass. Raises LookAheadError where it is dated after the engine's day."""
        if dated > self.now:
            raise LookAheadError(what=what, dated=dated, now=self.now)
        self.newest_read = max(self.newest_read, dated)


class ServedMarket:
    """A window of closes, the look-back before it and the schedules beside it, handed out day by day.

    `scale` multiplies every close (1 unless the scenario starts from another price).
    """

    def __init__(
        self,
        *,
        closes: DailyCloses,
        window: DateRange,
        pricing: ModelPricing,
        schedules: Mapping[str, Schedule],
        entry_spot: float | None = None,
    ) -> None:
        self._days = closes.days
        self._first = closes.index_at_or_after(window.start)
        self._stop = self._first + len(closes.between(window))
        self._pricing = pricing
        self._schedules = schedules
        self.scale = 1.0 if entry_spot is None else entry_spot / self._days[self._first].close
        self._guard = TimeGuard(now=date.min, newest_read=date.min)

    def days(self) -> Iterator[MarketDay]:
        """Serve each session in turn.

        Raises HistoryTooShortError, ScheduleTooLateError and VolatilityTooLowError where a day cannot be priced.
        """
        for at in range(self._first, self._stop):
            yield self.serve(at)

    def serve(self, at: int) -> MarketDay:
        """Serve the session at position `at` of the history."""
        self._guard.stand_on(self._days[at].date)
        close = self._read(at).close * self.scale
        volatility = self._volatility(at)
        if not volatility >= LOWEST_VOLATILITY:
            raise VolatilityTooLowError(day=self._guard.now, volatility=volatility)
        rate = self._rate()
        return MarketDay(
            date=self._guard.now, close=close, volatility=volatility, rate=rate, newest_read=self._guard.newest_read
        )

    def _read(self, at: int) -> DailyClose:
        day = self._days[at]
        self._guard.admit("A close", day.date)
        return day

    def _scheduled(self, digest: str) -> float:
        schedule = self._schedules[digest]
        dated, value = schedule.entry_on(self._guard.now)
        self._guard.admit(schedule.name, dated)
        return value

    def _volatility(self, at: int) -> float:
        rule = self._pricing.volatility
        match rule:
            case FixedVolatility():
                return rule.value
            case ScheduledVolatility():
                return self._scheduled(rule.schedule.digest)
            case TrailingVolatility():
                return self._realised(at, rule.sessions) * rule.premium
            case _:
                assert_never(rule)

    def _rate(self) -> float:
        rule = self._pricing.rate
        match rule:
            case FixedRate():
                return rule.value
            case ScheduledRate():
                return self._scheduled(rule.schedule.digest)
            case _:
                assert_never(rule)

    def _realised(self, at: int, sessions: int) -> float:
        """Sample deviation of the last `sessions` log returns, over a year of 252."""
        if not at - sessions >= 0:
            raise HistoryTooShortError(day=self._guard.now, needed=sessions, held=at + 1)
        closes = [self._read(i).close for i in range(at - sessions, at + 1)]
        returns = [log(later / earlier) for earlier, later in pairwise(closes)]
        mean = sum(returns) / sessions
        return sqrt(sum((r - mean) ** 2 for r in returns) / (sessions - 1) * SESSIONS_IN_YEAR)


def stale_schedule_note(schedule: Schedule, sessions: Sequence[date]) -> str | None:
    """Say on how many sessions a schedule's value in force was over a week old; None where on none."""
    stale = [day for day in sessions if (day - schedule.entry_on(day)[0]).days > FRESH_DAYS]
    if not stale:
        return None
    dated, value = schedule.entry_on(stale[-1])
    return (
        f"{schedule.name} has no value newer than a week on {len(stale)} of {len(sessions)} sessions; "
        f"its value of {dated} ({value:.2%}) is held as far as {stale[-1]}"
    )
