"""`vaultdash events list` and `vaultdash events show`."""

from __future__ import annotations

from typing import Annotated

import typer

from vaultdash.cli.options import JsonOption

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
