"""Runs the command line in this process and keeps what it said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from vaultdash.cli.main import run


@dataclass(frozen=True, kw_only=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class Runner:
    """`runner("hedge compare --symbol GLD")`, or with the words already apart."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, line: str, *words: object) -> Outcome:
        self._capsys.readouterr()
        code = run([*line.split(), *map(str, words)])
        said = self._capsys.readouterr()
        return Outcome(code=code, out=said.out, err=said.err)
