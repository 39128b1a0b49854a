"""The same templates over many events: a run each, paths from a common start, and a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import inf
from typing import TYPE_CHECKING

from vaultdash.hedge.events import EventPreset
from vaultdash.hedge.ranking import LTV_DIGITS, MONEY_DIGITS
from vaultdash.hedge.result import HedgeRun, ResultStatus, SummaryMetrics

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMON_START = 100.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NormalisedPaths:
    """Net values by session, each path divided by its own first value, times 100. Shapes: one value per date."""

    dates: tuple[date, ...]
    unhedged: tuple[float, ...]
    templates: dict[str, tuple[float, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class EventRun:
    """One event's run and its paths."""

    event: EventPreset
    run: HedgeRun
    normalised_paths: NormalisedPaths


@dataclass(frozen=True, kw_only=True, slots=True)
class EventNotRun:
    """An event that was asked for and could not be run, and why."""

    slug: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MatrixCell:
    """One template in one event. Figures are null where the template could not be completed."""

    event: str
    template: str
    place: int
    status: ResultStatus
    summary_metrics: SummaryMetrics | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateOverEvents:
    """One template over every event it completed: sums of days and USD, and the worst loan-to-value of all.

    `end_value_gained` is the sum of the end values less those without a hedge: what the hedge brought, all in all.
    """

    place: int
    template: str
    events_completed: int
    events_with_a_call: int
    margin_call_days_hedged: int
    max_ltv_hedged: float
    total_hedge_cost: float
    end_value_gained: float


@dataclass(frozen=True, kw_only=True, slots=True)
class EventComparison:
    """Runs by event, the matrix of templates and events, and the templates over all events, best first."""

    run_id: str
    synthetic: bool
    warnings: tuple[str, ...]
    events: tuple[EventRun, ...]
    not_run: tuple[EventNotRun, ...]
    matrix: tuple[MatrixCell, ...]
    overall: tuple[TemplateOverEvents, ...]


def event_run(event: EventPreset, run: HedgeRun) -> EventRun:
    """Put an event's run beside its paths, from a common start of 100 unless the event says otherwise."""
    days = run.templates[0].daily_path
    cash = run.scenario.initial_portfolio.cash_balance
    scaled = _from_common_start if event.scenario_overrides.normalize_start_value else tuple
    completed = [result for result in run.templates if result.status == "completed"]
    if completed:
        days = completed[0].daily_path
    return EventRun(
        event=event,
        run=run,
        normalised_paths=NormalisedPaths(
            dates=tuple(day.date for day in days),
            unhedged=scaled([day.underlying_value + cash for day in days]),
            templates={
                result.slug: scaled([day.net_portfolio_value for day in result.daily_path]) for result in completed
            },
        ),
    )


def compare_events(
    *, run_id: str, synthetic: bool, runs: Sequence[EventRun], not_run: Sequence[EventNotRun], warnings: Sequence[str]
) -> EventComparison:
    """Gather the runs of several events into one comparison. `runs` may be empty."""
    cells = tuple(cell for run in runs for cell in _cells(run))
    return EventComparison(
        run_id=run_id,
        synthetic=synthetic,
        warnings=tuple(warnings),
        events=tuple(runs),
        not_run=tuple(not_run),
        matrix=cells,
        overall=_overall(cells),
    )


def _from_common_start(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(COMMON_START * value / values[0] for value in values)


def _cells(event: EventRun) -> list[MatrixCell]:
    places = {ranked.slug: ranked.place for ranked in event.run.ranking_reasons}
    return [
        MatrixCell(
            event=event.event.slug,
            template=result.slug,
            place=places[result.slug],
            status=result.status,
            summary_metrics=result.summary_metrics,
        )
        for result in event.run.templates
    ]


def _overall(cells: Sequence[MatrixCell]) -> tuple[TemplateOverEvents, ...]:
    """Order templates as one event's ranking does, by sums and the worst over the events they completed."""
    figures: dict[str, list[SummaryMetrics]] = {cell.template: [] for cell in cells}
    for cell in cells:
        if cell.summary_metrics is not None:
            figures[cell.template].append(cell.summary_metrics)

    def key(slug: str) -> tuple[float, ...]:
        held = figures[slug]
        return (
            -len(held),
            sum(each.margin_call_days_hedged for each in held),
            round(max((each.max_ltv_hedged for each in held), default=inf), LTV_DIGITS),
            round(sum(each.total_hedge_cost for each in held), MONEY_DIGITS),
        )

    return tuple(
        TemplateOverEvents(
            place=place,
            template=slug,
            events_completed=len(figures[slug]),
            events_with_a_call=sum(each.margin_call_days_hedged > 0 for each in figures[slug]),
            margin_call_days_hedged=sum(each.margin_call_days_hedged for each in figures[slug]),
            max_ltv_hedged=max((each.max_ltv_hedged for each in figures[slug]), default=inf),
            total_hedge_cost=sum(each.total_hedge_cost for each in figures[slug]),
            end_value_gained=sum(each.end_value_hedged_net - each.end_value_unhedged for each in figures[slug]),
        )
        for place, slug in enumerate(sorted(figures, key=lambda slug: (key(slug), slug)), start=1)
    )
