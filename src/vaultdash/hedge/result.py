"""What a run answers: a path of days, the trades behind it, the figures, and the order of the templates."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from vaultdash.hedge.book import Position, Trade
from vaultdash.hedge.scenario import Scenario

ResultStatus = Literal["completed", "incomplete"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DailyPoint:
    """One session's books after its trades, at its close. Money in USD, loan-to-values as fractions.

    `ltv_hedged` is infinite where nothing is left to lend against. `newest_read` is the date of the newest input
    that the day's decision used.
    """

    date: dt.date
    spot_close: float
    underlying_value: float
    option_market_value: float
    premium_cashflow: float
    realized_option_cashflow: float
    cash: float
    net_portfolio_value: float
    loan_amount: float
    ltv_unhedged: float
    ltv_hedged: float
    margin_call_unhedged: bool
    margin_call_hedged: bool
    active_position_ids: tuple[str, ...]
    newest_read: dt.date


@dataclass(frozen=True, kw_only=True, slots=True)
class SummaryMetrics:
    """The figures of one template's run. Money in USD, ratios and drawdowns as fractions, days as counts."""

    start_value: float
    end_value_unhedged: float
    end_value_hedged_net: float
    total_hedge_cost: float
    total_option_payoff_realized: float
    max_ltv_unhedged: float
    max_ltv_hedged: float
    margin_call_days_unhedged: int
    margin_call_days_hedged: int
    worst_drawdown_unhedged: float
    worst_drawdown_hedged: float
    days_protected_below_threshold: int
    roll_count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateResult:
    """One template along one path. `summary_metrics` is null where the run could not be completed."""

    slug: str
    version: int
    display_name: str
    status: ResultStatus
    summary_metrics: SummaryMetrics | None
    daily_path: tuple[DailyPoint, ...]
    trade_log: tuple[Trade, ...]
    positions: tuple[Position, ...]
    validation_notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedTemplate:
    """A place in the ranking, and what decided it against the place below."""

    place: int
    slug: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HedgeRun:
    """Every template of a scenario along the same path, best first in `ranking`."""

    run_id: str
    scenario: Scenario
    synthetic: bool
    close_basis: str
    source: str
    warnings: tuple[str, ...]
    ranking: tuple[str, ...]
    ranking_reasons: tuple[RankedTemplate, ...]
    templates: tuple[TemplateResult, ...]

    def template(self, slug: str) -> TemplateResult:
        """The result of the template with that slug. Raises KeyError for one that was not run."""
        return {result.slug: result for result in self.templates}[slug]
