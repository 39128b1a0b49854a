"""The command tree, and what a failure becomes: a sentence on stderr and an exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from vaultdash.cli import demo, doctor, events, hedge, templates
from vaultdash.errors import BrokenInvariantError, DataError, InvalidInputError, VaultdashError

if TYPE_CHECKING:
    from collections.abc import Sequence

OK, FAILURE, USAGE, DATA_MISSING = 0, 1, 2, 3
EXIT_CODES: tuple[tuple[type[VaultdashError], int], ...] = (
    (InvalidInputError, USAGE),
    (DataError, DATA_MISSING),
    (BrokenInvariantError, FAILURE),
    (VaultdashError, FAILURE),
)
"""First match wins. typer itself leaves with 2 on a usage error and 130 on Ctrl-C."""

app = typer.Typer(
    name="vaultdash",
    help="Which put hedge would have kept a gold loan from a margin call, in which sell-offs, at what cost.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Add --debug to any command to see the traceback behind an error.",
)
app.command("demo")(demo.demo)
app.add_typer(hedge.app, name="hedge")
app.add_typer(templates.app, name="templates")
app.add_typer(events.app, name="events")
app.command("doctor")(doctor.doctor)


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit code. No traceback reaches a person unless `--debug` is given."""
    debug = "--debug" in words
    arguments = [word for word in words if word != "--debug"]
    try:
        app(arguments, prog_name="vaultdash")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else OK
    except VaultdashError as error:
        if debug:
            raise
        print(f"vaultdash: {error}", file=sys.stderr)  # noqa: T201 - the door speaks to a person here
        return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
    return OK
