from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from tests.hedge.test_ranking import BASE
from vaultdash.errors import DatesReversedError, ImpossibleValueError
from vaultdash.hedge.event_comparison import MatrixCell, _overall
from vaultdash.hedge.events import BUILTIN_EVENTS, ScenarioOverrides
from vaultdash.hedge.result import SummaryMetrics

COVID = next(event for event in BUILTIN_EVENTS if event.slug == "covid-crash-2020")


def cells(**figures: list[SummaryMetrics | None]) -> list[MatrixCell]:
    return [
        MatrixCell(
            event=f"event-{number}",
            template=slug,
            place=1,
            status="completed" if metrics else "incomplete",
            summary_metrics=metrics,
        )
        for slug, row in figures.items()
        for number, metrics in enumerate(row)
    ]


def order(**figures: list[SummaryMetrics | None]) -> list[str]:
    return [row.template for row in _overall(cells(**figures))]


def test_who_completed_more_events_comes_first() -> None:
    worse = replace(BASE, margin_call_days_hedged=99)
    assert order(a=[BASE, None], b=[worse, worse]) == ["b", "a"]


def test_then_call_days_then_the_worst_ratio_then_the_cost_then_the_name() -> None:
    calmer = replace(BASE, margin_call_days_hedged=2, total_hedge_cost=99)
    safer = replace(BASE, max_ltv_hedged=0.6, total_hedge_cost=50)
    cheaper = replace(BASE, total_hedge_cost=4)
    assert order(a=[BASE], b=[cheaper], c=[safer], d=[calmer], aa=[BASE]) == ["d", "c", "b", "a", "aa"]


def test_the_window_of_an_event_holds_its_look_back_and_recovery() -> None:
    wide = replace(COVID, scenario_overrides=ScenarioOverrides(lookback_days=10, recovery_days=20))
    assert wide.window.start == dt.date(2020, 2, 8)
    assert wide.window.end == dt.date(2020, 5, 5)
    assert COVID.window.start == dt.date(2020, 2, 18)


def test_the_anchors_are_those_of_the_design() -> None:
    anchors = {event.slug: event.anchor_date for event in BUILTIN_EVENTS if event.anchor_date}
    assert anchors == {
        "gold-crash-2013": dt.date(2013, 4, 15),
        "covid-crash-2020": dt.date(2020, 3, 19),
        "gold-jan-2026": dt.date(2026, 1, 30),
    }


def test_an_event_refuses_the_impossible() -> None:
    with pytest.raises(DatesReversedError):
        replace(COVID, window_end=dt.date(2020, 1, 1), anchor_date=None)
    with pytest.raises(ImpossibleValueError, match="lie inside the window"):
        replace(COVID, anchor_date=dt.date(2020, 1, 1))
    with pytest.raises(ImpossibleValueError, match="lookback_days is -1"):
        ScenarioOverrides(lookback_days=-1)
    with pytest.raises(ImpossibleValueError, match=r"slug is '\.\./x'"):
        replace(COVID, slug="../x")
