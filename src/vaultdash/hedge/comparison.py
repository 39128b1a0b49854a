"""Runs every template of a scenario along the same served path and ranks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultdash.errors import StrikeUnreachableError, VolatilityTooLowError
from vaultdash.hedge.audit import audit
from vaultdash.hedge.engine import HedgeEngine, run_to_end
from vaultdash.hedge.figures import summarize
from vaultdash.hedge.ranking import rank
from vaultdash.hedge.result import HedgeRun, TemplateResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vaultdash.hedge.portfolio import Portfolio
    from vaultdash.hedge.quotes import MarketDay, OptionQuotes
    from vaultdash.hedge.scenario import Scenario
    from vaultdash.hedge.template import HedgeTemplate
    from vaultdash.market import DailyCloses, TradingCalendar


def compare_templates(
    scenario: Scenario,
    templates: Sequence[HedgeTemplate],
    *,
    run_id: str,
    closes: DailyCloses,
    days: Sequence[MarketDay],
    portfolio: Portfolio,
    quotes: OptionQuotes,
    calendar: TradingCalendar,
    warnings: Sequence[str],
    on_done: Callable[[str], None] = lambda _slug: None,
) -> HedgeRun:
    """Run the templates over `days` (one at least), each from the same start.

    `portfolio` is the scenario's with its entry spot settled; `on_done` hears each slug as it ends.
    """
    results = []
    names = {template.template_id: template.display_name for template in templates}
    names |= {ref.template_id: name for ref in scenario.template_refs if (name := ref.display_name_override)}
    for template in templates:
        engine = HedgeEngine(
            template,
            symbol=scenario.symbol,
            portfolio=portfolio,
            costs=scenario.costs,
            quotes=quotes,
            calendar=calendar,
        )
        results.append(
            _run_template(engine, template, days, portfolio=portfolio, display_name=names[template.template_id])
        )
        on_done(template.slug)
    places = rank({result.slug: result.summary_metrics for result in results})
    return HedgeRun(
        run_id=run_id,
        scenario=scenario,
        synthetic=closes.is_synthetic,
        close_basis=closes.close_basis,
        source=closes.source,
        warnings=tuple(warnings),
        ranking=tuple(place.slug for place in places),
        ranking_reasons=places,
        templates=tuple(results),
    )


def _run_template(
    engine: HedgeEngine, template: HedgeTemplate, days: Sequence[MarketDay], *, portfolio: Portfolio, display_name: str
) -> TemplateResult:
    """Run one template to the end of the path, or to the day on which it could not be priced."""
    try:
        run = run_to_end(engine, days)
        problem = None
    except (StrikeUnreachableError, VolatilityTooLowError) as error:
        run = engine.so_far()
        problem = str(error)
    audit(run, opening_cash=portfolio.cash_balance, is_finished=problem is None)
    return TemplateResult(
        slug=template.slug,
        version=template.version,
        display_name=display_name,
        status="completed" if problem is None else "incomplete",
        summary_metrics=(
            summarize(run.days, run.trades, opening_cash=portfolio.cash_balance) if problem is None else None
        ),
        daily_path=run.days,
        trade_log=run.trades,
        positions=run.positions,
        validation_notes=(*run.notes, *([problem] if problem else [])),
    )
