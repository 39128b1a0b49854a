"""Orders templates by what a borrower fears first, and says what decided each place."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from vaultdash.hedge.result import RankedTemplate, SummaryMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LTV_DIGITS = 12
MONEY_DIGITS = 6
"""Figures that agree to these digits are equal: rounding noise must not decide a place."""

Key = tuple[float, ...]


def rank(metrics: Mapping[str, SummaryMetrics | None]) -> tuple[RankedTemplate, ...]:
    """Order slugs: fewer call days, lower highest loan-to-value, lower cost, higher end value, then the slug.

    Incomplete templates (None) come last, by slug.
    """
    finished = {slug: _key(figures) for slug, figures in metrics.items() if figures is not None}
    order = sorted(finished, key=lambda slug: (finished[slug], slug))
    incomplete = sorted(slug for slug, figures in metrics.items() if figures is None)
    places = [*order, *incomplete]
    ranked = []
    for place, slug in enumerate(places, start=1):
        below = places[place] if place < len(places) else None
        ranked.append(RankedTemplate(place=place, slug=slug, reason=_reason(slug, below, finished)))
    return tuple(ranked)


def _key(figures: SummaryMetrics) -> Key:
    return (
        figures.margin_call_days_hedged,
        round(figures.max_ltv_hedged, LTV_DIGITS),
        round(figures.total_hedge_cost, MONEY_DIGITS),
        -round(figures.end_value_hedged_net, MONEY_DIGITS),
    )


def _reason(slug: str, below: str | None, keys: Mapping[str, Key]) -> str:
    if slug not in keys:
        return "incomplete: see its notes"
    if below is None:
        return "the only template" if len(keys) == 1 else "the last place"
    if below not in keys:
        return "ahead of templates that could not be completed"
    ours, theirs = keys[slug], keys[below]
    sentences: tuple[Callable[[], str], ...] = (
        lambda: f"{ours[0]:g} margin-call days against {theirs[0]:g}",
        lambda: f"highest loan-to-value {_told_apart(ours[1], theirs[1], _ratio)}",
        lambda: f"hedge cost {_told_apart(ours[2], theirs[2], _money)}",
        lambda: f"end value {_told_apart(-ours[3], -theirs[3], _money)}",
    )
    for sentence, mine, other in zip(sentences, ours, theirs, strict=True):
        if mine != other:
            return f"{sentence()} of the next"
    return "equal to the next in every figure; ordered by name"


def _told_apart(ours: float, theirs: float, write: Callable[[float, int], str]) -> str:
    """Write two figures that differ with as many decimals as it takes to see it."""
    digits = next((n for n in (2, 4, 6, 10) if write(ours, n) != write(theirs, n)), 12)
    return f"{write(ours, digits)} against {write(theirs, digits)}"


def _ratio(value: float, digits: int) -> str:
    return f"{value:.{digits}%}" if isfinite(value) else "without limit"


def _money(value: float, digits: int) -> str:
    return f"{value + 0.0:,.{digits}f}"
