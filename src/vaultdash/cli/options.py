"""The options that commands share. Declarations only, so that `--help` stays quick."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_type_hints

import typer

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True, slots=True)
class HedgeOptions:
    """The loan, the closes and the prices of a hedge command, as typed. One field, one option."""

    units: Annotated[float, typer.Option(help="Units of the underlying held (shares, ounces).")]
    loan: Annotated[float, typer.Option(help="The loan, USD.")]
    margin_call_ltv: Annotated[float, typer.Option(help="Loan-to-value at which the lender calls, as a fraction.")] = (
        0.75
    )
    entry_spot: Annotated[
        float | None, typer.Option(help="Scale the history to start from this price, USD [default: the first close].")
    ] = None
    cash: Annotated[float, typer.Option(help="Cash beside the units at the start, USD.")] = 0.0
    financing_rate: Annotated[float, typer.Option(help="Yearly simple interest added to the loan, as a fraction.")] = (
        0.0
    )
    template: Annotated[
        list[str] | None,
        typer.Option(
            help="A template's slug, or the path of a .json template; repeat for more [default: every active one].",
            metavar="SLUG",
        ),
    ] = None
    source: Annotated[
        str, typer.Option(help="Where closes come from: databento, yahoo, file or sample.", metavar="SOURCE")
    ] = "sample"
    file: Annotated[
        Path | None, typer.Option(help="Your CSV or Parquet of daily closes (a date and a close column at least).")
    ] = None
    pricing: Annotated[str, typer.Option(help="How options are priced: synthetic_bs_mid.", metavar="MODE")] = (
        "synthetic_bs_mid"
    )
    iv: Annotated[
        str | None,
        typer.Option(help="Volatility: a fraction, or trailing:SESSIONS[:PREMIUM] [default: 0.16].", metavar="IV"),
    ] = None
    iv_csv: Annotated[Path | None, typer.Option(help="Dated volatilities: a CSV of date,value such as Cboe's GVZ.")] = (
        None
    )
    skew: Annotated[float, typer.Option(help="Volatility per unit of ln(strike / spot).")] = 0.0
    term_slope: Annotated[float, typer.Option(help="Volatility per year to expiry.")] = 0.0
    rate: Annotated[str | None, typer.Option(help="Interest rate, as a fraction [default: 0.045].", metavar="RATE")] = (
        None
    )
    rate_csv: Annotated[Path | None, typer.Option(help="Dated rates: a CSV of date,value such as FRED's DGS3MO.")] = (
        None
    )
    schedule_unit: Annotated[
        str, typer.Option(help="Unit of the values in --iv-csv and --rate-csv: percent or fraction.", metavar="UNIT")
    ] = "percent"
    half_spread: Annotated[float, typer.Option(help="Half of the bid-ask spread, as a fraction of the mid.")] = 0.0
    commission: Annotated[float, typer.Option(help="Commission, USD per option contract of 100 units.")] = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputOptions:
    """Where the answer goes."""

    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")] = False
    csv: Annotated[Path | None, typer.Option(help="Write the table named by --export as CSV.")] = None
    parquet: Annotated[Path | None, typer.Option(help="Write the table named by --export as Parquet.")] = None
    export: Annotated[
        str, typer.Option(help="What --csv and --parquet write: summary, daily or trades.", metavar="TABLE")
    ] = "summary"
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no warnings on stderr.")] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class BuyOptions:
    """Whether history that is missing may be bought."""

    yes: Annotated[bool, typer.Option("--yes", help="Buy the history that is missing without asking.")] = False
    allow_usd: Annotated[
        float | None, typer.Option(help="USD allowed for it, where a spend limit is lower.", metavar="USD")
    ] = None


QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no warnings on stderr.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]


def takes(**groups: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command every field of the groups as options of its own, and hand it each group as one value.

    `@takes(loan=HedgeOptions)` on `def compare(*, loan: HedgeOptions)` makes `--units`, `--loan` and the rest.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(command).parameters.values() if p.name not in groups]
        hints = {
            name: hint for name, hint in get_type_hints(command, include_extras=True).items() if name not in groups
        }
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[p.name]) for p in own]
        for group in groups.values():
            group_hints = get_type_hints(group, include_extras=True)
            hints |= group_hints
            parameters += [
                p.replace(annotation=group_hints[p.name]) for p in inspect.signature(group).parameters.values()
            ]

        @wraps(command)
        def wrapper(**words: object) -> None:
            values = {
                name: group(**{field.name: words.pop(field.name) for field in fields(group)})
                for name, group in groups.items()
            }
            command(**words, **values)

        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect alone
        wrapper.__annotations__ = hints
        return wrapper

    return decorate
