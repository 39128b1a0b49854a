"""Runs as tables of a hundred columns, and as rows for CSV and Parquet."""

from __future__ import annotations

from dataclasses import fields
from math import isfinite
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from vaultdash.data.wording import counted
from vaultdash.hedge.result import DailyPoint, SummaryMetrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultdash.cli.output import Cell
    from vaultdash.hedge.event_comparison import EventComparison, EventRun
    from vaultdash.hedge.result import HedgeRun, TemplateResult

    Export = tuple[list[str], list[list[Cell]]]

UNHEDGED = "(no hedge)"
SUMMARY_FIELDS = [field.name for field in fields(SummaryMetrics)]
DAILY_FIELDS = [field.name for field in fields(DailyPoint)]


def ratio(value: float | None) -> str:
    """A fraction as a percentage; n/a for what does not exist, and words for a loan with nothing behind it."""
    if value is None:
        return "n/a"
    return f"{value:.2%}" if isfinite(value) else "all lost"


def money(value: float | None) -> str:
    """USD without cents; n/a for what does not exist."""
    return "n/a" if value is None else f"{round(value) + 0:,}"


def scenario_lines(run: HedgeRun) -> list[str]:
    """Say in a few lines what was run, on what, and how it was priced."""
    scenario, portfolio = run.scenario, run.scenario.initial_portfolio
    path = max((result.daily_path for result in run.templates), key=len)
    label = "SYNTHETIC. " if run.synthetic else ""
    entry = "" if portfolio.entry_spot is None else " (history scaled)"
    title = "" if scenario.event_preset_id is None else f"{scenario.display_name}: "
    lines = [f"{label}{title}{scenario.symbol} from {run.source} ({run.close_basis} closes)"]
    if path:
        lines.append(
            f"{counted(len(path), 'session')}, {path[0].date} to {path[-1].date}; "
            f"{portfolio.underlying_units:,.10g} units at {path[0].spot_close:,.2f}{entry}"
        )
    return [
        *lines,
        f"Loan {portfolio.loan_amount:,.2f} USD, margin call at a loan-to-value of {portfolio.margin_call_ltv:.2%}",
        f"Model prices: {scenario.pricing}",
    ]


def ranking_table(run: HedgeRun) -> Table:
    """Ranked templates, the unhedged loan below them. Money in USD."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("Template", no_wrap=True)
    for name in ("Call\ndays", "Max LTV", "Hedge\ncost", "Payoff", "End value", "Worst\nfall", "Rolls"):
        table.add_column(name, justify="right", no_wrap=True)
    figures = None
    for ranked in run.ranking_reasons:
        result = run.template(ranked.slug)
        if result.summary_metrics is None:
            table.add_row(str(ranked.place), Text(result.slug), "incomplete", *[""] * 6, style="dim")
            continue
        figures = result.summary_metrics
        table.add_row(
            str(ranked.place),
            Text(result.slug),
            str(figures.margin_call_days_hedged),
            ratio(figures.max_ltv_hedged),
            money(figures.total_hedge_cost),
            money(figures.total_option_payoff_realized),
            money(figures.end_value_hedged_net),
            ratio(figures.worst_drawdown_hedged),
            str(figures.roll_count),
            style="bold" if ranked.place == 1 else None,
        )
    if figures is not None:
        table.add_row(
            "",
            UNHEDGED,
            str(figures.margin_call_days_unhedged),
            ratio(figures.max_ltv_unhedged),
            "0",
            "0",
            money(figures.end_value_unhedged),
            ratio(figures.worst_drawdown_unhedged),
            "",
            style="dim",
        )
    return table


LEGEND = (
    "Call days: sessions at or over the margin-call LTV. Hedge cost: premiums paid less received.\n"
    "Payoff: what the options gave back. End value: gold, options and cash, before the loan."
)
EVENTS_LEGEND = (
    "Call days: sessions at or over the margin-call LTV. Cost: premiums paid less received.\n"
    "Gained: end value less that without a hedge, all in all (below zero: what it cost)."
)


def verdict_lines(run: HedgeRun) -> list[str]:
    """Say why the first template is first, and how the templates stand against no hedge at all."""
    figures = [result.summary_metrics for result in run.templates if result.summary_metrics is not None]
    if not figures:
        return ["No template could be completed; the notes say why."]
    lines = [f"Why {run.ranking[0]} comes first: {run.ranking_reasons[0].reason}."]
    if len(figures) > 1:
        fewer = sum(each.margin_call_days_hedged < each.margin_call_days_unhedged for each in figures)
        more = sum(each.margin_call_days_hedged > each.margin_call_days_unhedged for each in figures)
        lines.append(
            f"Against no hedge ({figures[0].margin_call_days_unhedged} call days): {fewer} of {len(figures)} had fewer "
            f"call days, {more} had more."
        )
    return lines


def notes_of(run: HedgeRun) -> list[str]:
    """Every template's notes, each with its slug."""
    return [f"{result.slug}: {note}" for result in run.templates for note in result.validation_notes]


def overall_table(comparison: EventComparison) -> Table:
    """Templates down, figures over all events across. Money in USD."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("Template", no_wrap=True)
    for name in ("Events", "With a\ncall", "Call\ndays", "Worst\nLTV", "Hedge\ncost", "Gained\nby hedge"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in comparison.overall:
        table.add_row(
            str(row.place),
            Text(row.template),
            str(row.events_completed),
            str(row.events_with_a_call),
            str(row.margin_call_days_hedged),
            ratio(row.max_ltv_hedged),
            money(row.total_hedge_cost),
            money(row.end_value_gained),
            style="bold" if row.place == 1 else None,
        )
    return table


def comparison_lines(comparison: EventComparison) -> list[str]:
    """Say in a few lines what was run over the events. At least one was."""
    runs = [event.run for event in comparison.events]
    scenario, portfolio = runs[0].scenario, runs[0].scenario.initial_portfolio
    what = ", ".join(dict.fromkeys(f"{r.scenario.symbol} from {r.source} ({r.close_basis} closes)" for r in runs))
    entry = "" if portfolio.entry_spot is None else f", each event scaled to start at {portfolio.entry_spot:,.2f}"
    call = f"margin call at {portfolio.margin_call_ltv:.2%}"
    return [
        what,
        f"{portfolio.underlying_units:,.10g} units{entry}; loan {portfolio.loan_amount:,.2f} USD, {call}",
        f"Model prices: {scenario.pricing}",
    ]


def events_table(comparison: EventComparison) -> Table:
    """Events down: the unhedged loan, and the best template of each."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("Event", no_wrap=True)
    for name in ("Call days\nno hedge", "Max LTV\nno hedge"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Best template", no_wrap=True)
    for name in ("Call\ndays", "Max LTV", "Cost", "Gained"):
        table.add_column(name, justify="right", no_wrap=True)
    for event in comparison.events:
        table.add_row(*_event_row(event))
    return table


def call_days_table(comparison: EventComparison) -> Table:
    """Call days, events down and templates across under the number of their place over all events."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("Call days", no_wrap=True)
    table.add_column("no hedge", justify="right")
    days = {(cell.event, cell.template): cell.summary_metrics for cell in comparison.matrix}
    for row in comparison.overall:
        table.add_column(f"#{row.place}", justify="right")
    for event in comparison.events:
        figures = [days[event.event.slug, row.template] for row in comparison.overall]
        unhedged = next((str(each.margin_call_days_unhedged) for each in figures if each is not None), "n/a")
        hedged = ["n/a" if each is None else str(each.margin_call_days_hedged) for each in figures]
        table.add_row(Text(event.event.slug), unhedged, *hedged)
    return table


def _event_row(event: EventRun) -> list[str | Text]:
    best = event.run.template(event.run.ranking[0])
    figures = best.summary_metrics
    if figures is None:
        return [Text(event.event.slug), "", "", Text(best.slug), "incomplete", "", "", ""]
    return [
        Text(event.event.slug),
        str(figures.margin_call_days_unhedged),
        ratio(figures.max_ltv_unhedged),
        Text(best.slug),
        str(figures.margin_call_days_hedged),
        ratio(figures.max_ltv_hedged),
        money(figures.total_hedge_cost),
        money(figures.end_value_hedged_net - figures.end_value_unhedged),
    ]


def summary_rows(runs: Sequence[HedgeRun]) -> Export:
    """One row a template and run, best first, with every figure in full precision."""
    header = ["scenario", "synthetic", "place", "template", "version", "status", *SUMMARY_FIELDS]
    rows: list[list[Cell]] = []
    for run in runs:
        for ranked in run.ranking_reasons:
            result = run.template(ranked.slug)
            figures = result.summary_metrics
            values = [None if figures is None else _cell(getattr(figures, name)) for name in SUMMARY_FIELDS]
            rows.append(
                [run.scenario.slug, run.synthetic, ranked.place, result.slug, result.version, result.status, *values]
            )
    return header, rows


def daily_rows(runs: Sequence[HedgeRun]) -> Export:
    """One row a session and template."""
    header = ["scenario", "synthetic", "template", *DAILY_FIELDS]
    rows: list[list[Cell]] = [
        [run.scenario.slug, run.synthetic, result.slug, *[_cell(getattr(day, name)) for name in DAILY_FIELDS]]
        for run, result in _results(runs)
        for day in result.daily_path
    ]
    return header, rows


def trade_rows(runs: Sequence[HedgeRun]) -> Export:
    """One row a trade."""
    header = ["scenario", "synthetic", "template", "trade_id", "position_id", "date", "action", "leg_id", "option_type"]
    header += ["expiry", "strike", "quantity", "price", "spread_cost", "fee", "cashflow", "reason"]
    rows: list[list[Cell]] = [
        [
            run.scenario.slug,
            run.synthetic,
            result.slug,
            trade.trade_id,
            trade.position_id,
            trade.date.isoformat(),
            trade.action,
            trade.leg_id,
            trade.contract.option_type,
            trade.contract.expiry.isoformat(),
            trade.contract.strike,
            trade.quantity,
            trade.price,
            trade.spread_cost,
            trade.fee,
            trade.cashflow,
            trade.reason,
        ]
        for run, result in _results(runs)
        for trade in result.trade_log
    ]
    return header, rows


def _results(runs: Sequence[HedgeRun]) -> list[tuple[HedgeRun, TemplateResult]]:
    return [(run, result) for run in runs for result in run.templates]


def _cell(value: object) -> Cell:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value)


def plain_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table of words, as wide as they are."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in header:
        table.add_column(name)
    for row in rows:
        table.add_row(*[Text(cell) for cell in row])
    return table
