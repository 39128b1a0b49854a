"""The facade every door holds: one method per job, the rooms behind it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from vaultdash.data.calendars import trading_calendar
from vaultdash.data.catalog import instrument_for
from vaultdash.data.closes import require_coverage
from vaultdash.data.desk import DATABENTO, FILE, SAMPLE, DataDesk
from vaultdash.data.files.schedules import read_schedule
from vaultdash.data.purchase import SpendLimits
from vaultdash.errors import (
    CoverageError,
    DataError,
    LoanExceedsCollateralError,
    NoSessionError,
    OptionsConflictError,
    TemplateMisfitError,
    UnknownNameError,
)
from vaultdash.hedge.builtin import BUILTIN_TEMPLATES
from vaultdash.hedge.comparison import compare_templates
from vaultdash.hedge.event_comparison import EventNotRun, EventRun, compare_events, event_run
from vaultdash.hedge.events import BUILTIN_EVENTS
from vaultdash.hedge.model_quotes import ModelQuotes
from vaultdash.hedge.portfolio import Portfolio
from vaultdash.hedge.pricing import ModelPricing, TradingCosts, TrailingVolatility
from vaultdash.hedge.scenario import ProviderRef, Scenario, TemplateRef
from vaultdash.hedge.served import ServedMarket, stale_schedule_note
from vaultdash.hedge.template import HedgeTemplate
from vaultdash.market import DateRange, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vaultdash.data.catalog import Instrument
    from vaultdash.data.files.schedules import Meaning, Unit
    from vaultdash.data.purchase import RequestQuote
    from vaultdash.hedge.event_comparison import EventComparison
    from vaultdash.hedge.events import EventPreset
    from vaultdash.hedge.quotes import MarketDay
    from vaultdash.hedge.result import HedgeRun
    from vaultdash.market import DailyCloses, TradingCalendar
    from vaultdash.settings import Settings

DEFAULT_PRICING = ModelPricing()
NO_COSTS = TradingCosts()
ENGINE_VERSION = "1"
"""Changes with every change of the engine that moves a number; part of every run's identity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HedgeQuestion:
    """What a door asks of the hedge room, before a window is chosen.

    `symbol` empty takes each event's own. `templates` empty means every active one. `schedules` hold the values
    that `pricing` refers to by digest.
    """

    symbol: str
    source: str
    portfolio: Portfolio
    path: Path | None = None
    templates: tuple[HedgeTemplate, ...] = ()
    pricing: ModelPricing = DEFAULT_PRICING
    costs: TradingCosts = NO_COSTS
    schedules: tuple[Schedule, ...] = ()


class Workbench:
    """Answers the doors. Holds no state but what the person keeps, in the folder that `settings` name.

    Settings are read from the environment where none are given, and only when they are needed.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._given = settings

    @cached_property
    def settings(self) -> Settings:
        """The settings in force. Raises UnreadableValueError."""
        from vaultdash.settings import read_settings  # noqa: PLC0415 - 0.3 s, and a file of closes needs none

        return self._given or read_settings()

    @cached_property
    def data(self) -> DataDesk:
        """The data room's desk: what is held, what more would cost, and how to get it."""
        return DataDesk(
            self.settings.home,
            limits=SpendLimits(
                per_request=self.settings.spend_limit_usd, per_month=self.settings.spend_limit_per_month_usd
            ),
            key=self.settings.databento_api_key,
            gateway=self.settings.databento_gateway,
        )

    def templates(self) -> tuple[HedgeTemplate, ...]:
        """Every template known, built-ins first."""
        return BUILTIN_TEMPLATES

    def template(self, slug: str) -> HedgeTemplate:
        """The template of that slug. Raises UnknownNameError."""
        known = {template.slug: template for template in self.templates()}
        if slug not in known:
            raise UnknownNameError(kind="template", name=slug, known=known)
        return known[slug]

    def events(self) -> tuple[EventPreset, ...]:
        """Every event preset known, oldest first."""
        return BUILTIN_EVENTS

    def event(self, slug: str) -> EventPreset:
        """The event preset of that slug. Raises UnknownNameError."""
        known = {event.slug: event for event in self.events()}
        if slug not in known:
            raise UnknownNameError(kind="event", name=slug, known=known)
        return known[slug]

    def symbol_name(self, symbol: str) -> str:
        """The name under which the catalog knows a symbol or its alias; the symbol itself where it does not."""
        return instrument_for(symbol).name

    def read_schedule(self, path: Path, *, meaning: Meaning, unit: Unit) -> Schedule:
        """Read a dated volatility or rate schedule from the person's file, its values in `unit`."""
        return read_schedule(path, unit=unit, meaning=meaning)

    def compare_hedges(
        self, question: HedgeQuestion, window: DateRange, *, on_done: Callable[[str], None] = lambda _slug: None
    ) -> HedgeRun:
        """Run every template of the question over the window and rank them.

        Raises InvalidInputError for what cannot be asked and DataError for what the history does not hold.
        """
        return self._run(question, window, self._closes_of(question)(window), event=None, on_done=on_done)

    def data_needed(
        self, question: HedgeQuestion, asked: DateRange | Sequence[EventPreset] | None
    ) -> tuple[RequestQuote, ...]:
        """What has to be bought before the question can be answered over a window or over events, with its price.

        Nothing for sources that sell nothing, and for events that Databento does not cover.
        """
        if question.source != DATABENTO:
            return ()
        before = _sessions_before(question)
        if isinstance(asked, DateRange):
            return self.data.needs(question.symbol, [asked], sessions_before=before)
        events, _ = self._asked_events(question, asked)
        return self.event_data_needed(events, symbol=question.symbol, sessions_before=before)[0]

    def compare_events(
        self,
        question: HedgeQuestion,
        events: Sequence[EventPreset] | None = None,
        *,
        on_done: Callable[[str], None] = lambda _slug: None,
    ) -> EventComparison:
        """Run the same templates over each event; those that cannot be run are listed with the reason.

        `events` left out means every preset of the question's symbol. Raises InvalidInputError, and DataError where
        the closes cannot be read at all.
        """
        events, warnings = self._asked_events(question, events)
        runs: list[EventRun] = []
        not_run: list[EventNotRun] = []
        closes_of: dict[str, Callable[[DateRange], DailyCloses]] = {}
        for event in events:
            symbol = question.symbol or event.symbol
            asked = replace(question, symbol=symbol, templates=self._event_templates(question, event))
            if symbol not in closes_of:
                closes_of[symbol] = self._closes_of(asked)
            try:
                run = self._run(asked, event.window, closes_of[symbol](event.window), event=event)
            except (DataError, LoanExceedsCollateralError) as error:
                not_run.append(EventNotRun(slug=event.slug, reason=str(error)))
            else:
                runs.append(event_run(event, run))
            on_done(event.slug)
        warnings += [
            f"{run.event.slug} is a window of {run.event.symbol}; it was run on {run.run.scenario.symbol}, as asked"
            for run in runs
            if instrument_for(run.event.symbol).name != run.run.scenario.symbol
        ]
        warnings += dict.fromkeys(f"{run.event.slug}: {warning}" for run in runs for warning in run.run.warnings)
        identity = "\n".join([*(run.run.run_id for run in runs), *(missing.slug for missing in not_run)])
        return compare_events(
            run_id=f"events-{_digest(identity)}",
            synthetic=question.source == SAMPLE,
            runs=runs,
            not_run=not_run,
            warnings=warnings,
        )

    def event_data_needed(
        self, events: Sequence[EventPreset], *, symbol: str = "", sessions_before: int = 0
    ) -> tuple[tuple[RequestQuote, ...], dict[str, str]]:
        """What Databento would have to be paid for the closes of some events, and why those it does not cover are not.

        `symbol` empty takes each event's own. A month that several events need is priced once.
        """
        windows: dict[str, list[DateRange]] = {}
        refused: dict[str, str] = {}
        for event in events:
            name = symbol or event.symbol
            try:
                self.data.request_for_closes(DATABENTO, name, event.window, sessions_before=sessions_before)
            except (CoverageError, NoSessionError) as error:
                refused[event.slug] = str(error)
            else:
                windows.setdefault(name, []).append(event.window)
        quotes = [
            quote
            for name, ranges in windows.items()
            for quote in self.data.needs(name, ranges, sessions_before=sessions_before)
        ]
        return tuple(quotes), refused

    def _asked_events(
        self, question: HedgeQuestion, events: Sequence[EventPreset] | None
    ) -> tuple[Sequence[EventPreset], list[str]]:
        """The events given, or all of the question's symbol, and sentences about those left out."""
        if events is not None:
            return events, []
        name = self.symbol_name(question.symbol) if question.symbol else ""
        own = [event for event in self.events() if name in ("", self.symbol_name(event.symbol))]
        if not own:
            raise OptionsConflictError(
                problem=f"No event is a window of {name}.", remedy="Name the events to run on it with --event."
            )
        left_out = [
            f"{event.slug} is a window of {event.symbol} and was left out; ask for it by name to run it on {name}"
            for event in self.events()
            if event not in own
        ]
        return own, left_out

    def _closes_of(self, question: HedgeQuestion) -> Callable[[DateRange], DailyCloses]:
        """What gives the closes of a window and its look-back; a file is read once, whole."""
        instrument = instrument_for(question.symbol)
        if instrument.stype == "parent":
            raise OptionsConflictError(
                problem=f"{instrument.name} are many contracts and have no one price.",
                remedy="Name what they are written on, such as GLD.",
            )
        if question.source == FILE:
            whole = self.data.file_closes(question.symbol, question.path)
            return lambda _window: whole
        if question.path is not None:
            raise OptionsConflictError(
                problem=f"The source is {question.source}, yet a file is named ({question.path}).",
                remedy="Choose the source file, or leave the file out.",
            )
        before = _sessions_before(question)
        return lambda window: self.data.closes(question.source, question.symbol, window, sessions_before=before)

    def _event_templates(self, question: HedgeQuestion, event: EventPreset) -> tuple[HedgeTemplate, ...]:
        defaults = event.scenario_overrides.default_template_slugs
        return question.templates or tuple(self.template(slug) for slug in defaults)

    def _chosen_templates(self, question: HedgeQuestion, instrument: Instrument) -> tuple[HedgeTemplate, ...]:
        slugs = [template.slug for template in question.templates]
        twice = next((slug for slug in slugs if slugs.count(slug) > 1), None)
        if twice is not None:
            raise OptionsConflictError(
                problem=f"Two of the templates are named {twice!r}.", remedy="Name each once, or rename one of them."
            )
        for template in question.templates:
            if not template.fits(instrument.name):
                raise TemplateMisfitError(
                    slug=template.slug, made_for=template.underlying_symbol, symbol=instrument.name
                )
        return question.templates or tuple(
            template for template in self.templates() if template.status == "active" and template.fits(instrument.name)
        )

    def _run(
        self,
        question: HedgeQuestion,
        window: DateRange,
        closes: DailyCloses,
        *,
        event: EventPreset | None,
        on_done: Callable[[str], None] = lambda _slug: None,
    ) -> HedgeRun:
        instrument = instrument_for(question.symbol)
        calendar = trading_calendar(instrument.calendar)
        coverage_notes = require_coverage(closes, window, calendar)
        first_close = closes.between(window)[0].close
        portfolio = question.portfolio.starting_at(first_close)
        templates = self._chosen_templates(question, instrument)
        scenario = _scenario(question, window, instrument=instrument, closes=closes, templates=templates, event=event)
        market = ServedMarket(
            closes=closes,
            window=scenario.window,
            pricing=question.pricing,
            schedules={schedule.digest: schedule for schedule in question.schedules},
            entry_spot=portfolio.entry_spot,
        )
        days = tuple(market.days())
        return compare_templates(
            scenario,
            templates,
            run_id=f"hedge-{_digest(repr((ENGINE_VERSION, scenario, templates, closes.digest)))}",
            closes=closes,
            days=days,
            portfolio=portfolio,
            quotes=_model_quotes(question, instrument, calendar),
            calendar=calendar,
            warnings=(
                *closes.notes,
                *coverage_notes,
                *_schedule_warnings(question, days),
                *_portfolio_warnings(portfolio, days),
            ),
            on_done=on_done,
        )


def _model_quotes(question: HedgeQuestion, instrument: Instrument, calendar: TradingCalendar) -> ModelQuotes:
    return ModelQuotes(
        calendar=calendar,
        is_future=instrument.is_future,
        skew=question.pricing.skew,
        term_slope=question.pricing.term_slope,
        half_spread=question.costs.half_spread,
    )


def _scenario(
    question: HedgeQuestion,
    window: DateRange,
    *,
    instrument: Instrument,
    closes: DailyCloses,
    templates: Sequence[HedgeTemplate],
    event: EventPreset | None,
) -> Scenario:
    words = f"{instrument.name}-{window.start}-{window.end}".lower()
    slug = re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:64] if event is None else event.slug
    provider_ref = ProviderRef(provider_id=question.source, config_key=f"{instrument.name}:{closes.digest[:16]}")
    asked = (slug, window, question.portfolio, tuple(templates), provider_ref, question.pricing, question.costs)
    return Scenario(
        scenario_id=f"scenario-{_digest(repr(asked))}",
        slug=slug,
        display_name=f"{instrument.name} {window}" if event is None else event.display_name,
        symbol=instrument.name,
        start_date=window.start,
        end_date=window.end,
        initial_portfolio=question.portfolio,
        template_refs=tuple(
            TemplateRef(template_id=template.template_id, version=template.version) for template in templates
        ),
        provider_ref=provider_ref,
        pricing=question.pricing,
        costs=question.costs,
        event_preset_id=event.event_preset_id if event else None,
    )


def _sessions_before(question: HedgeQuestion) -> int:
    """How many sessions before a window its volatility looks back to."""
    rule = question.pricing.volatility
    return rule.sessions if isinstance(rule, TrailingVolatility) else 0


def _schedule_warnings(question: HedgeQuestion, days: Sequence[MarketDay]) -> list[str]:
    notes = [stale_schedule_note(schedule, [day.date for day in days]) for schedule in question.schedules]
    return [note for note in notes if note is not None]


def _portfolio_warnings(portfolio: Portfolio, days: Sequence[MarketDay]) -> list[str]:
    warnings = []
    opening_ltv = portfolio.loan_amount / (portfolio.underlying_units * days[0].close)
    if opening_ltv >= portfolio.margin_call_ltv:
        warnings.append(
            f"the loan is called from the start: loan-to-value {opening_ltv:.2%} on {days[0].date} against "
            f"{portfolio.margin_call_ltv:.2%}"
        )
    if len(days) == 1:
        warnings.append(f"the window holds one session ({days[0].date}); nothing is opened on a run's last session")
    return warnings


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
