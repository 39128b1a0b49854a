"""`vaultdash data`: what is held, what more would cost, buying it, and looking after it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vaultdash.cli.options import JsonOption, QuietOption, takes

if TYPE_CHECKING:
    from vaultdash.data.request import DataRequest
    from vaultdash.data.store.removal import Removal
    from vaultdash.workbench import Workbench

FAILURE = 1

app = typer.Typer(
    help="Market history: priced before it is bought, bought once, verified.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

YesOption = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]
AllowOption = Annotated[
    float | None, typer.Option(help="USD allowed for this fetch, where a spend limit is lower.", metavar="USD")
]


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesOptions:
    """Which history, as typed."""

    symbol: Annotated[str, typer.Option(help="The symbol, such as GLD, GC, ES.v.0 or GLD.OPT.")]
    start: Annotated[str, typer.Option(help="First UTC day, YYYY-MM-DD.", metavar="DATE")]
    end: Annotated[str, typer.Option(help="Last UTC day, included, YYYY-MM-DD.", metavar="DATE")]
    schema: Annotated[str, typer.Option(help="The vendor's schema, such as ohlcv-1d, ohlcv-1h or trades.")] = "ohlcv-1d"
    source: Annotated[str, typer.Option(help="databento or sample.", metavar="SOURCE")] = "databento"
    dataset: Annotated[
        str | None, typer.Option(help="The vendor's dataset [default: the first that covers the window].")
    ] = None
    stype_in: Annotated[
        str | None, typer.Option(help="The vendor's symbol type, for a symbol taken as it stands; needs --dataset.")
    ] = None


@app.command("quote")
@takes(asked=SeriesOptions)
def quote(*, asked: SeriesOptions, json: JsonOption = False) -> None:
    """Price what is missing of a series. Asking is free."""
    from vaultdash.cli.data_tables import quote_document, quote_lines
    from vaultdash.cli.output import console_for_data, print_document
    from vaultdash.workbench import Workbench

    workbench = Workbench()
    priced = workbench.data.history.quote(_request(workbench, asked))
    if json:
        print_document(quote_document(priced))
        return
    console = console_for_data()
    for line in quote_lines(priced):
        console.print(line)


@app.command("fetch")
@takes(asked=SeriesOptions)
def fetch(
    *,
    asked: SeriesOptions,
    yes: YesOption = False,
    allow_usd: AllowOption = None,
    revised: Annotated[bool, typer.Option("--revised", help="Buy again what the vendor has rewritten since.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show what is missing and its price, ask, and buy it."""
    from vaultdash.cli.buying import agreed, buy
    from vaultdash.cli.data_tables import receipt_document
    from vaultdash.cli.output import console_for_data, print_document
    from vaultdash.workbench import Workbench

    workbench = Workbench()
    history = workbench.data.history
    request = _request(workbench, asked)
    priced = history.quote_revised(request) if revised else history.quote(request)
    if revised:
        for revision in history.revisions(request):
            days = ", ".join(map(str, revision.days))
            sys.stderr.write(
                f"{revision.record.partition.name}: rewritten by the vendor since it was bought ({days})\n"
            )
    if not agreed([priced], yes=yes, word="to be bought again" if revised else "missing"):
        raise typer.Exit(FAILURE)
    receipts = buy(history, [priced], allow_usd=allow_usd, replacing=revised, quiet=quiet)
    if json:
        print_document(receipt_document(receipts))
        return
    records = sum(len(receipt.bought) for receipt in receipts)
    usd = sum(receipt.usd for receipt in receipts)
    words = f"Bought {records} records for {usd:,.4f} USD."
    if records and not history.source(request.series.source).is_paid:
        words = f"Fetched {records} records; the price is made up, and nothing was charged."
    console_for_data().print(words if records else "All of it was held already; nothing was bought.")


@app.command("held")
def held(*, json: JsonOption = False) -> None:
    """List what is held."""
    from vaultdash.cli.data_tables import holding_rows
    from vaultdash.cli.output import console_for_data, print_document, print_table
    from vaultdash.cli.tables import plain_table
    from vaultdash.workbench import Workbench

    store = Workbench().data.history.store
    header, rows, documents = holding_rows(store.holdings())
    if json:
        print_document({"folder": str(store.folder), "series": documents})
        return
    console = console_for_data()
    if not rows:
        console.print(f"Nothing is held in {store.folder}.")
        return
    print_table(console, plain_table(header, rows))
    size = store.size()
    console.print(f"{size.records:,} bytes of records, {size.quarantine:,} in quarantine, in {store.folder}")


@app.command("verify")
def verify(*, json: JsonOption = False) -> None:
    """Hash everything again. What is damaged goes into quarantine and is reported; nothing is bought again."""
    from vaultdash.cli.data_tables import finding_document
    from vaultdash.cli.output import console_for_data, print_document
    from vaultdash.workbench import Workbench

    findings = list(Workbench().data.history.store.verify())
    wrong = [finding for finding in findings if finding.state != "ok"]
    if json:
        print_document([finding_document(finding) for finding in findings])
    else:
        console = console_for_data()
        for finding in wrong:
            moved = f"; moved to {finding.moved_to}" if finding.moved_to else ""
            console.print(f"{finding.state}: {finding.path}: {finding.reason}{moved}")
        console.print(f"{len(findings) - len(wrong)} records are as they were written, {len(wrong)} are not.")
    if wrong:
        raise typer.Exit(FAILURE)


@app.command("prune")
def prune(
    *,
    older_than_days: Annotated[
        float | None, typer.Option(help="Remove records not read for so many days.", metavar="DAYS")
    ] = None,
    larger_than_bytes: Annotated[
        int | None, typer.Option(help="Remove the least recently read until the rest fits.", metavar="BYTES")
    ] = None,
    yes: YesOption = False,
) -> None:
    """Remove records by age of their last use or by size. Shows what would go, and asks."""
    from vaultdash.cli.buying import confirmed_removal
    from vaultdash.workbench import Workbench

    store = Workbench().data.history.store

    def remove(*, preview: bool) -> Removal:
        return store.prune(older_than_days=older_than_days, larger_than_bytes=larger_than_bytes, preview=preview)

    if not confirmed_removal(remove, yes=yes):
        raise typer.Exit(FAILURE)


@app.command("clear")
def clear(*, yes: YesOption = False) -> None:
    """Remove all that was fetched. Shows what would go, and asks. Files that the store did not write stay."""
    from vaultdash.cli.buying import confirmed_removal
    from vaultdash.workbench import Workbench

    store = Workbench().data.history.store
    if not confirmed_removal(lambda *, preview: store.clear(preview=preview), yes=yes):
        raise typer.Exit(FAILURE)


@app.command("export")
@takes(asked=SeriesOptions)
def export(
    *,
    asked: SeriesOptions,
    csv: Annotated[Path | None, typer.Option(help="Write the records as CSV.")] = None,
    parquet: Annotated[Path | None, typer.Option(help="Write the records as Parquet.")] = None,
    dbn: Annotated[Path | None, typer.Option(help="Copy the vendor's own files into this folder.")] = None,
) -> None:
    """Write held records as CSV, Parquet or the vendor's own DBN files."""
    from vaultdash.cli.output import console_for_data
    from vaultdash.cli.record_export import export_records
    from vaultdash.workbench import Workbench

    workbench = Workbench()
    request = _request(workbench, asked)
    records = workbench.data.history.records(request)
    for line in export_records(records, request, csv=csv, parquet=parquet, dbn=dbn):
        console_for_data().print(line)


@app.command("spend")
def spend(
    *,
    settle: Annotated[
        int | None, typer.Option(help="Say that this download of unknown outcome was charged.", metavar="NUMBER")
    ] = None,
    release: Annotated[
        int | None, typer.Option(help="Say that this download of unknown outcome was not charged.", metavar="NUMBER")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show what was spent, by month, against the limits, and every download."""
    from vaultdash.cli.data_tables import close_unsettled, spend_document, spend_lines
    from vaultdash.cli.output import console_for_data, print_document
    from vaultdash.workbench import Workbench

    workbench = Workbench()
    ledger = workbench.data.history.ledger
    close_unsettled(ledger, settle=settle, release=release)
    document = spend_document(ledger, workbench.data.limits)
    if json:
        print_document(document)
        return
    console = console_for_data()
    for line in spend_lines(document):
        console.print(line)


def _request(workbench: Workbench, asked: SeriesOptions) -> DataRequest:
    from vaultdash.cli.question import read_window

    return workbench.data.request(
        asked.source,
        asked.symbol,
        asked.schema,
        read_window(asked.start, asked.end),
        dataset=asked.dataset,
        stype_in=asked.stype_in,
    )
