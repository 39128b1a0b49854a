"""`vaultdash events list` and `vaultdash events show`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vaultdash.cli.options import BuyOptions, JsonOption, QuietOption, takes

DATA_MISSING = 3

app = typer.Typer(help="Named windows of market history.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_events(*, json: JsonOption = False) -> None:
    """List every event preset."""
    from vaultdash.cli.output import console_for_data, print_json, print_table
    from vaultdash.cli.tables import plain_table
    from vaultdash.hedge.events import EventPreset
    from vaultdash.workbench import Workbench

    events = Workbench().events()
    if json:
        from vaultdash.cli.documents import to_json

        print_json(to_json(events, tuple[EventPreset, ...]))
        return
    rows = [
        [each.slug, each.symbol, f"{each.window_start}..{each.window_end}", each.event_type, each.display_name]
        for each in events
    ]
    print_table(console_for_data(), plain_table(("Event", "Symbol", "Window", "Type", "What it is"), rows))


@app.command("show")
def show_event(slug: Annotated[str, typer.Argument(help="The event's slug.")], *, json: JsonOption = False) -> None:
    """Show one event preset."""
    from vaultdash.cli.output import console_for_data, print_json
    from vaultdash.hedge.events import EventPreset
    from vaultdash.workbench import Workbench

    event = Workbench().event(slug)
    if json:
        from vaultdash.cli.documents import to_json

        print_json(to_json(event, EventPreset))
        return
    console = console_for_data()
    console.print(f"{event.slug}: {event.display_name} ({event.event_type}, {event.symbol})")
    console.print(event.description)
    anchor = f"; anchor {event.anchor_date}" if event.anchor_date else ""
    console.print(f"Window {event.window_start} to {event.window_end}, both included{anchor}.")


@app.command("prepare")
@takes(buying=BuyOptions)
def prepare(
    *,
    event: Annotated[
        list[str] | None, typer.Option(help="An event's slug; repeat for more [default: all].", metavar="SLUG")
    ] = None,
    symbol: Annotated[str | None, typer.Option(help="The underlying [default: each event's own].")] = None,
    look_back: Annotated[int, typer.Option(help="Sessions to have before each window, for --iv trailing:N.")] = 0,
    buying: BuyOptions,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Price, then buy from Databento, all the history that the events need."""
    from vaultdash.cli.buying import agreed, buy
    from vaultdash.cli.data_tables import quote_document, receipt_document
    from vaultdash.cli.output import console_for_data, print_document
    from vaultdash.workbench import Workbench

    workbench = Workbench()
    chosen = [workbench.event(slug) for slug in dict.fromkeys(event)] if event else workbench.events()
    needed, refused = workbench.event_data_needed(chosen, symbol=symbol or "", sessions_before=look_back)
    missing = [quote for quote in needed if not quote.is_held]
    for slug, reason in refused.items():
        sys.stderr.write(f"{slug}: {reason}\n")
    receipts = []
    if missing:
        if not agreed(missing, yes=buying.yes):
            raise typer.Exit(DATA_MISSING)
        receipts = buy(workbench.data.history, missing, allow_usd=buying.allow_usd, quiet=quiet)
    if json:
        documents = {"quotes": [quote_document(quote) for quote in needed], "not_covered": refused}
        print_document(documents | receipt_document(receipts))
    else:
        records = sum(len(receipt.bought) for receipt in receipts)
        usd = sum(receipt.usd for receipt in receipts)
        console_for_data().print(
            f"{len(chosen) - len(refused)} of {len(chosen)} events are held; "
            f"{records} records were bought for {usd:,.4f} USD."
        )
    if refused:
        raise typer.Exit(DATA_MISSING)
