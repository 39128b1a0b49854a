"""Shows a run: JSON or tables on stdout, warnings on stderr, exports to files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultdash.cli.output import console_for_data, print_json, print_table, say, write_csv, write_parquet
from vaultdash.cli.tables import (
    EVENTS_LEGEND,
    LEGEND,
    call_days_table,
    comparison_lines,
    daily_rows,
    events_table,
    notes_of,
    overall_table,
    ranking_table,
    scenario_lines,
    summary_rows,
    trade_rows,
    verdict_lines,
)
from vaultdash.errors import UnreadableValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultdash.cli.options import OutputOptions
    from vaultdash.hedge.event_comparison import EventComparison
    from vaultdash.hedge.result import HedgeRun

EXPORTS = {"summary": summary_rows, "daily": daily_rows, "trades": trade_rows}


def show_run(run: HedgeRun, out: OutputOptions) -> None:
    """Show one comparison of templates."""
    _export([run], out)
    say(run.warnings, quiet=out.quiet)
    if out.json:
        from vaultdash.cli.documents import to_json
        from vaultdash.hedge.result import HedgeRun as RunType

        print_json(to_json(run, RunType))
        return
    console = console_for_data()
    for line in scenario_lines(run):
        console.print(line)
    console.print()
    print_table(console, ranking_table(run))
    console.print()
    console.print(LEGEND, style="dim")
    console.print()
    for line in verdict_lines(run):
        console.print(line)
    for note in notes_of(run):
        console.print(f"Note: {note}")


def show_events(comparison: EventComparison, out: OutputOptions) -> None:
    """Show the same templates over many events."""
    _export([event.run for event in comparison.events], out)
    say(comparison.warnings, quiet=out.quiet)
    if out.json:
        from vaultdash.cli.documents import to_json
        from vaultdash.hedge.event_comparison import EventComparison as ComparisonType

        print_json(to_json(comparison, ComparisonType))
        return
    console = console_for_data()
    if comparison.synthetic:
        console.print("SYNTHETIC SAMPLE MARKET, not history.")
    if comparison.events:
        for line in comparison_lines(comparison):
            console.print(line)
        console.print()
        print_table(console, events_table(comparison))
        console.print()
        console.print("Over all events, best first:")
        print_table(console, overall_table(comparison))
        console.print()
        print_table(console, call_days_table(comparison))
        console.print()
        console.print(EVENTS_LEGEND, style="dim")
    for missing in comparison.not_run:
        console.print(f"Not run: {missing.slug}: {missing.reason}", soft_wrap=True)
    for event in comparison.events:
        for note in notes_of(event.run):
            console.print(f"Note: {event.event.slug}: {note}")


def _export(runs: Sequence[HedgeRun], out: OutputOptions) -> None:
    if out.export not in EXPORTS:
        raise UnreadableValueError(what="--export", text=out.export, expected=" or ".join(EXPORTS))
    if out.csv is None and out.parquet is None:
        return
    header, rows = EXPORTS[out.export](runs)
    if out.csv is not None:
        write_csv(out.csv, header, rows)
    if out.parquet is not None:
        write_parquet(out.parquet, header, rows)
