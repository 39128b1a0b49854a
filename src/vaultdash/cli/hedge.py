"""`vaultdash hedge compare` and `vaultdash hedge events`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vaultdash.cli.options import BuyOptions, HedgeOptions, OutputOptions, takes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultdash.hedge.events import EventPreset
    from vaultdash.hedge.result import HedgeRun
    from vaultdash.market import DateRange
    from vaultdash.workbench import HedgeQuestion, Workbench

DATA_MISSING = 3

app = typer.Typer(
    help="Put hedges for a loan on gold, over one window or over many sell-offs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("compare")
@takes(asked=HedgeOptions, buying=BuyOptions, out=OutputOptions)
def compare(
    *,
    symbol: Annotated[str, typer.Option(help="The underlying, such as GLD.")],
    start: Annotated[str, typer.Option(help="First day, YYYY-MM-DD.", metavar="DATE")],
    end: Annotated[str, typer.Option(help="Last day, included, YYYY-MM-DD.", metavar="DATE")],
    asked: HedgeOptions,
    buying: BuyOptions,
    out: OutputOptions,
) -> None:
    """Rank hedge templates over one window by what they would have spared the loan, and at what cost."""
    from vaultdash.cli.question import read_question, read_window, require_own_files
    from vaultdash.cli.show import show_run
    from vaultdash.workbench import Workbench

    workbench = Workbench()
    require_own_files(asked, out)
    window = read_window(start, end)
    question = read_question(asked, workbench, symbol=symbol)
    _get_data(workbench, question, window, buying, quiet=out.quiet)
    run = workbench.compare_hedges(question, window)
    show_run(run, out)
    _leave_if_incomplete([run])


@app.command("events")
@takes(asked=HedgeOptions, buying=BuyOptions, out=OutputOptions)
def events(
    *,
    event: Annotated[
        list[str] | None,
        typer.Option(help="An event's slug; repeat for more [default: all events of the symbol].", metavar="SLUG"),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(help="The underlying [default: each event's own; needed with --source file].")
    ] = None,
    asked: HedgeOptions,
    buying: BuyOptions,
    out: OutputOptions,
) -> None:
    """Run the same templates over named sell-offs and rallies, and compare them side by side."""
    from vaultdash.cli.progress import counted
    from vaultdash.cli.question import choose_events, read_question, require_own_files
    from vaultdash.cli.show import show_events
    from vaultdash.workbench import Workbench

    workbench = Workbench()
    require_own_files(asked, out)
    chosen = choose_events(workbench, slugs=event, symbol=symbol, source=asked.source)
    question = read_question(asked, workbench, symbol=symbol or "")
    _get_data(workbench, question, chosen, buying, quiet=out.quiet)
    with counted("Events", len(chosen or workbench.events()), quiet=out.quiet) as advance:
        comparison = workbench.compare_events(question, chosen, on_done=advance)
    show_events(comparison, out)
    if comparison.not_run:
        raise typer.Exit(DATA_MISSING)
    _leave_if_incomplete([event.run for event in comparison.events])


def _get_data(
    workbench: Workbench,
    question: HedgeQuestion,
    asked: DateRange | Sequence[EventPreset] | None,
    buying: BuyOptions,
    *,
    quiet: bool,
) -> None:
    """Show what has to be bought and its price, ask, and buy it; leave where that was not agreed to."""
    needed = workbench.data_needed(question, asked)
    if not needed:
        return
    from vaultdash.cli.buying import agreed, buy

    if not agreed(needed, yes=buying.yes):
        raise typer.Exit(DATA_MISSING)
    buy(workbench.data.history, needed, allow_usd=buying.allow_usd, quiet=quiet)


def _leave_if_incomplete(runs: list[HedgeRun]) -> None:
    """Leave with the exit code for partial answers where a template could not be completed."""
    if any(result.status == "incomplete" for run in runs for result in run.templates):
        raise typer.Exit(DATA_MISSING)
