"""Made-up markets and questions for the hedge tests, with no help from the code under test."""

from __future__ import annotations

import datetime as dt
import math
import random
from dataclasses import dataclass, field, replace
from typing import Any

from vaultdash.hedge.builtin import BUILTIN_TEMPLATES
from vaultdash.hedge.engine import EngineRun, HedgeEngine, run_to_end
from vaultdash.hedge.model_quotes import ModelQuotes
from vaultdash.hedge.portfolio import Portfolio
from vaultdash.hedge.pricing import (
    FixedRate,
    FixedVolatility,
    ModelPricing,
    RateRule,
    ScheduledRate,
    ScheduledVolatility,
    ScheduleRef,
    TradingCosts,
    TrailingVolatility,
    VolatilityRule,
)
from vaultdash.hedge.served import ServedMarket
from vaultdash.hedge.template import HedgeTemplate
from vaultdash.market import DailyClose, DailyCloses, DateRange, Schedule, TradingCalendar

FIRST = dt.date(2019, 1, 1)
LAST = dt.date(2034, 12, 31)
WEEKDAYS = tuple(
    day for day in (FIRST + dt.timedelta(days=n) for n in range((LAST - FIRST).days + 1)) if day.weekday() < 5
)
HOLIDAYS = frozenset(day for day in WEEKDAYS if (day.month, day.day) in ((1, 1), (7, 4), (12, 25)))
CALENDAR = TradingCalendar(name="TEST", sessions=tuple(day for day in WEEKDAYS if day not in HOLIDAYS))
TEMPLATES = {template.slug: template for template in BUILTIN_TEMPLATES}


def random_closes(seed: int, sessions: int, *, start: float = 180.0, deviation: float = 0.011) -> list[DailyClose]:
    """A random walk in log price over the first sessions of the calendar."""
    noise = random.Random(seed)  # noqa: S311 - a market for a test, not a secret
    level = math.log(start)
    days = []
    for day in CALENDAR.sessions[:sessions]:
        days.append(DailyClose(date=day, close=math.exp(level)))
        level += noise.gauss(0.0, deviation)
    return days


def random_schedule(seed: int, name: str, low: float, high: float) -> Schedule:
    """Dated values every few days over the calendar's first years."""
    noise = random.Random(seed)  # noqa: S311 - as above
    dates = CALENDAR.sessions[:1500:3]
    return Schedule(name=name, dates=dates, values=tuple(noise.uniform(low, high) for _ in dates), digest=name)


VOLATILITY_SCHEDULE = random_schedule(1, "vol.csv", 0.08, 0.5)
RATE_SCHEDULE = random_schedule(2, "rate.csv", -0.01, 0.07)
VOLATILITIES: dict[str, VolatilityRule] = {
    "fixed": FixedVolatility(value=0.16),
    "schedule": ScheduledVolatility(schedule=ScheduleRef(name="vol.csv", digest="vol.csv", unit="percent")),
    "trailing": TrailingVolatility(sessions=20, premium=1.1),
}
RATES: dict[str, RateRule] = {
    "fixed": FixedRate(value=0.045),
    "schedule": ScheduledRate(schedule=ScheduleRef(name="rate.csv", digest="rate.csv", unit="percent")),
}


@dataclass(frozen=True, kw_only=True)
class World:
    """A market, a loan and a way to price; everything an engine run needs but the template."""

    closes: tuple[DailyClose, ...] = field(repr=False)
    window: DateRange
    portfolio: Portfolio
    pricing: ModelPricing = field(default_factory=ModelPricing)
    costs: TradingCosts = field(default_factory=TradingCosts)
    schedules: tuple[Schedule, ...] = field(default=(VOLATILITY_SCHEDULE, RATE_SCHEDULE), repr=False)
    is_future: bool = False

    def market(self) -> ServedMarket:
        return ServedMarket(
            closes=DailyCloses(
                symbol="GLD",
                source="test",
                close_basis="vendor",
                is_synthetic=True,
                calendar=CALENDAR.name,
                days=self.closes,
                digest="",
            ),
            window=self.window,
            pricing=self.pricing,
            schedules={schedule.digest: schedule for schedule in self.schedules},
            entry_spot=self.portfolio.entry_spot,
        )

    def first_close(self) -> float:
        return next(day.close for day in self.closes if day.date >= self.window.start)

    def quotes(self) -> ModelQuotes:
        return ModelQuotes(
            calendar=CALENDAR,
            is_future=self.is_future,
            skew=self.pricing.skew,
            term_slope=self.pricing.term_slope,
            half_spread=self.costs.half_spread,
        )

    def run(self, template: HedgeTemplate) -> EngineRun:
        engine = HedgeEngine(
            template,
            symbol="GLD",
            portfolio=self.portfolio.starting_at(self.first_close()),
            costs=self.costs,
            quotes=self.quotes(),
            calendar=CALENDAR,
        )
        return run_to_end(engine, self.market().days())

    def cut_after(self, day: dt.date) -> World:
        """The same world with everything after `day` deleted, schedules included."""
        return replace(
            self,
            closes=tuple(each for each in self.closes if each.date <= day),
            window=DateRange(start=self.window.start, end=min(self.window.end, day)),
            schedules=tuple(_schedule_until(schedule, day) for schedule in self.schedules),
        )

    def scrambled_after(self, day: dt.date, seed: int) -> World:
        """The same world with every later close and scheduled value replaced by another."""
        noise = random.Random(seed)  # noqa: S311 - as above
        return replace(
            self,
            closes=tuple(
                each if each.date <= day else DailyClose(date=each.date, close=each.close * noise.uniform(0.6, 1.6))
                for each in self.closes
            ),
            schedules=tuple(
                replace(
                    schedule,
                    values=tuple(
                        value if dated <= day else noise.uniform(0.1, 0.9)
                        for dated, value in zip(schedule.dates, schedule.values, strict=True)
                    ),
                )
                for schedule in self.schedules
            ),
        )


def _schedule_until(schedule: Schedule, day: dt.date) -> Schedule:
    kept = [(dated, value) for dated, value in zip(schedule.dates, schedule.values, strict=True) if dated <= day]
    return replace(schedule, dates=tuple(dated for dated, _ in kept), values=tuple(value for _, value in kept))


def world(seed: int = 7, *, sessions: int = 400, warm_up: int = 30, **changes: Any) -> World:
    """A world of `sessions` closes whose window begins after `warm_up` of them."""
    closes = tuple(random_closes(seed, sessions))
    settings: dict[str, Any] = {
        "closes": closes,
        "window": DateRange(start=closes[warm_up].date, end=closes[-1].date),
        "portfolio": Portfolio(underlying_units=1000, loan_amount=100_000),
    }
    return World(**(settings | changes))


def oracle_arguments(at: World, template: HedgeTemplate) -> dict[str, Any]:
    """The same experiment in the oracle's plain words."""
    rule = at.pricing.volatility
    schedules = {schedule.digest: schedule for schedule in at.schedules}

    def points(digest: str) -> list[tuple[dt.date, float]]:
        return list(zip(schedules[digest].dates, schedules[digest].values, strict=True))

    volatility: dict[str, Any] = {"kind": rule.kind}
    if isinstance(rule, FixedVolatility):
        volatility["value"] = rule.value
    elif isinstance(rule, TrailingVolatility):
        volatility |= {"sessions": rule.sessions, "premium": rule.premium}
    else:
        volatility["points"] = points(rule.schedule.digest)
    rate: dict[str, Any] = {"kind": at.pricing.rate.kind}
    if isinstance(at.pricing.rate, FixedRate):
        rate["value"] = at.pricing.rate.value
    else:
        rate["points"] = points(at.pricing.rate.schedule.digest)
    return {
        "closes": [(day.date, day.close) for day in at.closes],
        "calendar": list(CALENDAR.sessions),
        "template": plain_template(template),
        "units": at.portfolio.underlying_units,
        "loan": at.portfolio.loan_amount,
        "start": at.window.start,
        "end": at.window.end,
        "margin_call_ltv": at.portfolio.margin_call_ltv,
        "cash_balance": at.portfolio.cash_balance,
        "financing_rate": at.portfolio.financing_rate,
        "entry_spot": at.portfolio.entry_spot,
        "volatility": volatility,
        "rate": rate,
        "skew": at.pricing.skew,
        "term_slope": at.pricing.term_slope,
        "half_spread": at.costs.half_spread,
        "commission": at.costs.commission,
        "is_future": at.is_future,
    }


def plain_template(template: HedgeTemplate) -> dict[str, Any]:
    return {
        "template_kind": template.template_kind,
        "contract_mode": template.contract_mode,
        "legs": [
            {
                "leg_id": leg.leg_id,
                "side": leg.side,
                "option_type": leg.option_type,
                "allocation_weight": leg.allocation_weight,
                "strike_rule": {"rule_type": leg.strike_rule.rule_type, "value": leg.strike_rule.value},
                "target_expiry_days": leg.target_expiry_days,
                "target_coverage_pct": leg.target_coverage_pct,
            }
            for leg in template.legs
        ],
        "roll_policy": {
            "policy_type": template.roll_policy.policy_type,
            "days_before_expiry": template.roll_policy.days_before_expiry,
        },
    }
