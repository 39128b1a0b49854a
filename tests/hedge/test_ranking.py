from __future__ import annotations

from dataclasses import replace

from vaultdash.hedge.ranking import rank
from vaultdash.hedge.result import SummaryMetrics

BASE = SummaryMetrics(
    start_value=100.0,
    end_value_unhedged=90.0,
    end_value_hedged_net=95.0,
    total_hedge_cost=5.0,
    total_option_payoff_realized=10.0,
    max_ltv_unhedged=0.8,
    max_ltv_hedged=0.7,
    margin_call_days_unhedged=10,
    margin_call_days_hedged=3,
    worst_drawdown_unhedged=0.2,
    worst_drawdown_hedged=0.1,
    days_protected_below_threshold=7,
    roll_count=0,
)


def order(**metrics: SummaryMetrics | None) -> list[str]:
    return [place.slug for place in rank(metrics)]


def reasons(**metrics: SummaryMetrics | None) -> list[str]:
    return [place.reason for place in rank(metrics)]


def test_fewer_call_days_come_first_whatever_the_rest() -> None:
    better = replace(BASE, margin_call_days_hedged=2, max_ltv_hedged=0.9, total_hedge_cost=50)
    assert order(a=BASE, b=better) == ["b", "a"]
    assert reasons(a=BASE, b=better)[0] == "2 margin-call days against 3 of the next"


def test_then_the_lower_highest_loan_to_value_then_the_cost_then_the_end_value() -> None:
    safer = replace(BASE, max_ltv_hedged=0.69, total_hedge_cost=50)
    cheaper = replace(BASE, total_hedge_cost=4, end_value_hedged_net=1)
    richer = replace(BASE, end_value_hedged_net=96)
    assert order(a=BASE, b=richer, c=cheaper, d=safer) == ["d", "c", "b", "a"]
    assert reasons(a=BASE, b=richer, c=cheaper, d=safer) == [
        "highest loan-to-value 69.00% against 70.00% of the next",
        "hedge cost 4.00 against 5.00 of the next",
        "end value 96.00 against 95.00 of the next",
        "the last place",
    ]


def test_equal_figures_are_ordered_by_slug() -> None:
    assert order(b=BASE, a=BASE) == ["a", "b"]
    assert reasons(b=BASE, a=BASE)[0] == "equal to the next in every figure; ordered by name"


def test_rounding_noise_decides_no_place() -> None:
    noisy = replace(BASE, max_ltv_hedged=0.7 + 1e-16, total_hedge_cost=4)
    assert order(a=BASE, b=noisy) == ["b", "a"]


def test_incomplete_templates_come_last_and_say_so() -> None:
    worst = replace(BASE, margin_call_days_hedged=999)
    assert order(a=None, b=worst) == ["b", "a"]
    assert reasons(a=None, b=worst) == ["ahead of templates that could not be completed", "incomplete: see its notes"]
