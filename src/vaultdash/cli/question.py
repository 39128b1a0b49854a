"""Typed options become a question for the workbench."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from vaultdash.cli.output import refuse_overwriting
from vaultdash.errors import OptionsConflictError, UnknownNameError, UnreadableValueError
from vaultdash.hedge.portfolio import Portfolio
from vaultdash.hedge.pricing import (
    FixedRate,
    FixedVolatility,
    ModelPricing,
    ScheduledRate,
    ScheduledVolatility,
    ScheduleRef,
    TradingCosts,
    TrailingVolatility,
)
from vaultdash.market import DateRange
from vaultdash.workbench import HedgeQuestion

if TYPE_CHECKING:
    from vaultdash.cli.options import HedgeOptions, OutputOptions
    from vaultdash.data.files.schedules import Unit
    from vaultdash.hedge.events import EventPreset
    from vaultdash.hedge.pricing import RateRule, VolatilityRule
    from vaultdash.hedge.template import HedgeTemplate
    from vaultdash.market import Schedule
    from vaultdash.workbench import Workbench

PRICING_MODES = ("synthetic_bs_mid",)
LOOK_BACK = re.compile(r"[0-9]{1,6}")
DEFAULT_VOLATILITY, DEFAULT_RATE = "0.16", "0.045"


def read_date(name: str, text: str) -> date:
    """Read an ISO date. Raises UnreadableValueError."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UnreadableValueError(what=name, text=text, expected="a date as YYYY-MM-DD, such as 2022-01-03") from None


def read_number(name: str, text: str, expected: str) -> float:
    """Read a number with a decimal point. Raises UnreadableValueError."""
    try:
        return float(text)
    except ValueError:
        raise UnreadableValueError(what=name, text=text, expected=expected) from None


def read_window(start: str, end: str) -> DateRange:
    """Read two ISO dates, both included. Raises UnreadableValueError and DatesReversedError."""
    return DateRange(start=read_date("--start", start), end=read_date("--end", end))


def choose_events(
    workbench: Workbench, *, slugs: list[str] | None, symbol: str | None, source: str
) -> tuple[EventPreset, ...] | None:
    """Return the events that were named; None where all of the symbol's are meant.

    Raises UnknownNameError, and OptionsConflictError for a file without its symbol.
    """
    if symbol is not None and not symbol.strip():
        raise UnreadableValueError(what="--symbol", text=symbol, expected="an underlying, such as GLD")
    if symbol is None and source == "file":
        raise OptionsConflictError(
            problem="A file does not say what it holds.", remedy="Name its underlying with --symbol, such as GLD."
        )
    if slugs:
        return tuple(workbench.event(slug) for slug in dict.fromkeys(slugs))
    return None


def require_own_files(options: HedgeOptions, out: OutputOptions) -> None:
    """Refuse to write over a file that the command reads, or twice to one file. Raises OptionsConflictError."""
    templates = [Path(name) for name in options.template or () if name.endswith(".json")]
    refuse_overwriting((out.csv, out.parquet), (options.file, options.iv_csv, options.rate_csv, *templates))


def read_question(options: HedgeOptions, workbench: Workbench, *, symbol: str) -> HedgeQuestion:
    """Turn typed options into a question for the workbench, reading the schedule files they name.

    Raises InvalidInputError and DataError.
    """
    if options.pricing not in PRICING_MODES:
        raise UnknownNameError(kind="way of pricing options", name=options.pricing, known=PRICING_MODES)
    volatility, volatility_schedule = _read_volatility(options, workbench)
    rate, rate_schedule = _read_rate(options, workbench)
    return HedgeQuestion(
        symbol=symbol,
        source=options.source,
        path=options.file,
        portfolio=Portfolio(
            underlying_units=options.units,
            loan_amount=options.loan,
            margin_call_ltv=options.margin_call_ltv,
            entry_spot=options.entry_spot,
            cash_balance=options.cash,
            financing_rate=options.financing_rate,
        ),
        templates=tuple(_template(name, workbench) for name in options.template or ()),
        pricing=ModelPricing(volatility=volatility, rate=rate, skew=options.skew, term_slope=options.term_slope),
        costs=TradingCosts(half_spread=options.half_spread, commission=options.commission),
        schedules=tuple(schedule for schedule in (volatility_schedule, rate_schedule) if schedule is not None),
    )


def _read_volatility(options: HedgeOptions, workbench: Workbench) -> tuple[VolatilityRule, Schedule | None]:
    if options.iv_csv is not None:
        if options.iv is not None:
            raise OptionsConflictError(
                problem="--iv and --iv-csv both name the volatility.", remedy="Give one of them."
            )
        schedule = workbench.read_schedule(options.iv_csv, meaning="volatility", unit=_unit(options))
        return ScheduledVolatility(schedule=_reference(schedule, options)), schedule
    text = DEFAULT_VOLATILITY if options.iv is None else options.iv
    expected = "a fraction such as 0.16, or trailing:60, or trailing:60:1.1"
    if text.startswith("trailing"):
        word, *parts = text.split(":")
        if word != "trailing" or len(parts) not in (1, 2) or not LOOK_BACK.fullmatch(parts[0]):
            raise UnreadableValueError(what="--iv", text=text, expected=expected)
        premium = read_number("--iv", parts[1], expected) if len(parts) > 1 else 1.0
        return TrailingVolatility(sessions=int(parts[0]), premium=premium), None
    return FixedVolatility(value=read_number("--iv", text, expected)), None


def _read_rate(options: HedgeOptions, workbench: Workbench) -> tuple[RateRule, Schedule | None]:
    if options.rate_csv is not None:
        if options.rate is not None:
            raise OptionsConflictError(problem="--rate and --rate-csv both name the rate.", remedy="Give one of them.")
        schedule = workbench.read_schedule(options.rate_csv, meaning="rate", unit=_unit(options))
        return ScheduledRate(schedule=_reference(schedule, options)), schedule
    return FixedRate(
        value=read_number("--rate", DEFAULT_RATE if options.rate is None else options.rate, "a fraction such as 0.045")
    ), None


def _reference(schedule: Schedule, options: HedgeOptions) -> ScheduleRef:
    return ScheduleRef(name=schedule.name, digest=schedule.digest, unit=_unit(options))


def _unit(options: HedgeOptions) -> Unit:
    if options.schedule_unit == "percent":
        return "percent"
    if options.schedule_unit == "fraction":
        return "fraction"
    raise UnreadableValueError(what="--schedule-unit", text=options.schedule_unit, expected="percent or fraction")


def _template(name: str, workbench: Workbench) -> HedgeTemplate:
    if not name.endswith(".json"):
        return workbench.template(name)
    from vaultdash.cli.documents import read_template

    return read_template(Path(name))
