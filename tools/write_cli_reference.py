"""Writes docs/cli.md from the command tree, so that the reference and the program cannot differ."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from vaultdash.cli.main import run

COMMANDS = (
    "", "demo", "hedge", "hedge compare", "hedge events", "templates", "templates list", "templates show", "events",
    "events list", "events show", "events prepare", "data", "data quote", "data fetch", "data held", "data verify",
    "data prune", "data clear", "data export", "data spend", "doctor",
)  # fmt: skip
TARGET = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
INTRODUCTION = """# Command line

Written by `make docs` from the program itself.

stdout is data, stderr is talk. Exit codes: 0 all is well, 1 a failure, 2 a mistake in what was asked, 3 market data
missing or partial, 4 a spend limit refused, 130 cancelled. `--debug` on any command shows the
traceback behind an error.
"""


def reference() -> str:
    """The whole page."""
    sections = [INTRODUCTION]
    for command in COMMANDS:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            run([*command.split(), "--help"])
        title = f"vaultdash {command}".strip()
        lines = "\n".join(line.rstrip() for line in said.getvalue().strip().splitlines())
        sections.append(f"## {title}\n\n```text\n{lines}\n```\n")
    return "\n".join(sections)


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
