"""The command tree, and what a failure becomes: a sentence on stderr and an exit code."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vaultdash.cli import data, demo, doctor, events, hedge, templates
from vaultdash.errors import (
    BrokenInvariantError,
    DataError,
    InvalidInputError,
    SpendError,
    SpendLedgerUnusableError,
    VaultdashError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

OK, FAILURE, USAGE, DATA_MISSING, SPEND_REFUSED = 0, 1, 2, 3, 4
EXIT_CODES: tuple[tuple[type[VaultdashError], int], ...] = (
    (InvalidInputError, USAGE),
    (DataError, DATA_MISSING),
    (SpendLedgerUnusableError, FAILURE),
    (SpendError, SPEND_REFUSED),
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
app.add_typer(data.app, name="data")
app.command("doctor")(doctor.doctor)


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit code. No traceback reaches a person unless `--debug` is given."""
    debug = "--debug" in words
    _say_anything()
    try:
        code = _run([word for word in words if word != "--debug"])
        sys.stdout.flush()
    except VaultdashError as error:
        if debug:
            raise
        print(f"vaultdash: {error}", file=sys.stderr)  # noqa: T201 - the door speaks to a person here
        return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
    except OSError as error:
        if debug:
            raise
        print(f"vaultdash: the answer could not be printed: {error.strerror}.", file=sys.stderr)  # noqa: T201 - as above
        _drop_what_cannot_be_printed()
        return FAILURE
    return code


def _run(words: Sequence[str]) -> int:
    try:
        app(words, prog_name="vaultdash")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else OK
    return OK


def _say_anything() -> None:
    """Escape words that the terminal's encoding lacks, and have somewhere to write where stdout is closed."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open for as long as the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_what_cannot_be_printed() -> None:
    """Python flushes stdout once more at its end, and would complain again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
