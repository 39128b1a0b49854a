"""Orders templates by what a borrower fears first, and says what decided each place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultdash.hedge.result import RankedTemplate, SummaryMetrics

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    ours = keys[slug]
    if below is None:
        return "last: every other template does better" if len(keys) > 1 else "the only template"
    if below not in keys:
        return "ahead of templates that could not be completed"
    theirs = keys[below]
    words = (
        f"{ours[0]:g} margin-call days against {theirs[0]:g}",
        f"highest loan-to-value {ours[1]:.2%} against {theirs[1]:.2%}",
        f"hedge cost {ours[2]:,.2f} against {theirs[2]:,.2f}",
        f"end value {-ours[3]:,.2f} against {-theirs[3]:,.2f}",
    )
    for sentence, mine, other in zip(words, ours, theirs, strict=True):
        if mine != other:
            return f"{sentence} of the next"
    return "equal to the next in every figure; ordered by name"
