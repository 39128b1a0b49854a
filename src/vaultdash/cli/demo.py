"""`vaultdash demo`: the main job on the sample market, with no key and no network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EVENTS = ("covid-crash-2020", "rate-hikes-2022", "gold-jan-2026")
UNITS, ENTRY_SPOT, LOAN = 1000.0, 300.0, 204_000.0
LOOK_BACK_SESSIONS = 60


def demo(
    *,
    out: Annotated[Path | None, typer.Option(help="Also write the runs as JSON and CSV into this folder.")] = None,
) -> None:
    """Compare every hedge template over three events of the synthetic sample market."""
    from vaultdash.cli.options import OutputOptions
    from vaultdash.cli.output import console_for_data, print_table, write_csv, write_text
    from vaultdash.cli.progress import counted
    from vaultdash.cli.show import show_events
    from vaultdash.cli.tables import LEGEND, daily_rows, ranking_table, scenario_lines, summary_rows, verdict_lines
    from vaultdash.hedge.portfolio import Portfolio
    from vaultdash.hedge.pricing import ModelPricing, TrailingVolatility
    from vaultdash.workbench import HedgeQuestion, Workbench

    workbench = Workbench()
    question = HedgeQuestion(
        symbol="GLD",
        source="sample",
        portfolio=Portfolio(underlying_units=UNITS, loan_amount=LOAN, entry_spot=ENTRY_SPOT),
        pricing=ModelPricing(volatility=TrailingVolatility(sessions=LOOK_BACK_SESSIONS)),
    )
    with counted("Events", len(EVENTS), quiet=False) as advance:
        comparison = workbench.compare_events(question, [workbench.event(slug) for slug in EVENTS], on_done=advance)
    console = console_for_data()
    console.print("Which put hedge would have kept this gold loan from a margin call?", style="bold")
    console.print()
    for event in comparison.events:
        for line in scenario_lines(event.run):
            console.print(line)
        console.print()
        print_table(console, ranking_table(event.run))
        console.print()
        for line in verdict_lines(event.run):
            console.print(line)
        console.print()
    console.print(LEGEND, style="dim")
    console.print()
    console.print("All three events", style="bold")
    show_events(comparison, OutputOptions(quiet=True))
    if out is not None:
        from vaultdash.cli.documents import to_json
        from vaultdash.hedge.event_comparison import EventComparison

        runs = [event.run for event in comparison.events]
        write_text(out / "hedge-events.json", to_json(comparison, EventComparison) + "\n")
        write_csv(out / "hedge-summary.csv", *summary_rows(runs))
        write_csv(out / "hedge-daily.csv", *daily_rows(runs))
        console.print()
        console.print(f"Written: hedge-events.json, hedge-summary.csv and hedge-daily.csv in {out}")
    console.print()
    console.print("Next, on your own closes:")
    console.print("  vaultdash hedge compare --source file --file closes.csv --symbol GLD \\")
    console.print("      --start 2022-01-03 --end 2022-12-30 --units 1000 --loan 120000")
