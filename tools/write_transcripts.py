"""Writes the transcripts of README.md again: every command that shows output is run and its output put in its place."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

from vaultdash.cli.main import run

TARGET = Path(__file__).resolve().parent.parent / "README.md"
SHOWN = re.compile(r"```console\n\$ (?P<command>[^\n]+)\n(?P<output>(?:(?!```|\$ )[^\n]*\n)+)```")


def _again(found: re.Match[str]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        run(shlex.split(found["command"])[1:])
    lines = "\n".join(line.rstrip() for line in said.getvalue().strip().splitlines())
    return f"```console\n$ {found['command']}\n{lines}\n```"


if __name__ == "__main__":
    TARGET.write_text(SHOWN.sub(_again, TARGET.read_text(encoding="utf-8")), encoding="utf-8")
