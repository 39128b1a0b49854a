"""The summary of a path, taken after the run from its days and trades alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultdash.hedge.result import DailyPoint, SummaryMetrics
from vaultdash.metrics import worst_drawdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultdash.hedge.book import Trade


def summarize(days: Sequence[DailyPoint], trades: Sequence[Trade], *, opening_cash: float) -> SummaryMetrics:
    """Compute the figures of a completed path of at least one day.

    The unhedged path is the underlying plus the opening cash (USD).
    """
    unhedged = [day.underlying_value + opening_cash for day in days]
    hedged = [day.net_portfolio_value for day in days]
    replacements = {trade.date for trade in trades if "open" in trade.action and trade.reason != "initial_entry"}
    return SummaryMetrics(
        start_value=unhedged[0],
        end_value_unhedged=unhedged[-1],
        end_value_hedged_net=hedged[-1],
        total_hedge_cost=0.0 - sum(day.premium_cashflow for day in days),
        total_option_payoff_realized=sum(day.realized_option_cashflow for day in days),
        max_ltv_unhedged=max(day.ltv_unhedged for day in days),
        max_ltv_hedged=max(day.ltv_hedged for day in days),
        margin_call_days_unhedged=sum(day.margin_call_unhedged for day in days),
        margin_call_days_hedged=sum(day.margin_call_hedged for day in days),
        worst_drawdown_unhedged=worst_drawdown(unhedged),
        worst_drawdown_hedged=worst_drawdown(hedged),
        days_protected_below_threshold=sum(day.margin_call_unhedged and not day.margin_call_hedged for day in days),
        roll_count=len(replacements),
    )
