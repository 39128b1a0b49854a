"""Exports: what they may replace, how they are written, and what a spreadsheet sees."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.runner import Runner
from vaultdash.cli.output import write_csv
from vaultdash.errors import OutputNotWrittenError

YEAR = "--symbol GLD --start 2022-01-03 --end 2022-12-30 --units 1000 --loan 120000"


@pytest.fixture
def closes(tmp_path: Path) -> Path:
    path = tmp_path / "own.csv"
    path.write_text("date,close\n2022-01-03,168\n2022-01-04,169\n2022-01-05,170\n", encoding="utf-8")
    return path


def test_text_that_would_be_a_formula_is_quoted(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    write_csv(path, ["a"], [["=1+1"], ["+1"], ["-1"], ["@x"], ["\tx"], ["plain"], [-1.5], [None]])
    with path.open(encoding="utf-8", newline="") as file:
        cells = [row[0] if row else "" for row in csv.reader(file)]
    assert cells == ["a", "'=1+1", "'+1", "'-1", "'@x", "'\tx", "plain", "-1.5", ""]


@pytest.mark.parametrize("option", ["csv", "parquet"])
def test_an_export_never_replaces_what_the_command_reads(runner: Runner, closes: Path, option: str) -> None:
    before = closes.read_bytes()
    line = "hedge compare --source file --symbol GLD --start 2022-01-03 --end 2022-01-05 --units 9 --loan 9"
    outcome = runner(line, "--file", closes, f"--{option}", closes)
    assert outcome.code == 2
    assert "own.csv would be written, but is read by this command. Name another file." in outcome.err
    assert closes.read_bytes() == before


def test_two_exports_to_one_file_are_refused(runner: Runner, tmp_path: Path) -> None:
    outcome = runner(f"hedge compare {YEAR} --csv {tmp_path}/a --parquet {tmp_path}/./a")
    assert outcome.code == 2
    assert "is written by another option" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_followed_and_permissions_are_kept(tmp_path: Path) -> None:
    target, link = tmp_path / "real.csv", tmp_path / "link.csv"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o600)
    link.symlink_to(target)
    write_csv(link, ["a"], [["new"]])
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "a\nnew\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_new_file_has_the_permissions_that_the_person_gives_new_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_csv(tmp_path / "new.csv", ["a"], [])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.csv").stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["pipe", "folder"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(OutputNotWrittenError, match="it is not a regular file"):
        write_csv(path, ["a"], [["x"]])


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("old", encoding="utf-8")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputNotWrittenError, match="No space left on device"):
        write_csv(path, ["a"], [["x"]])
    assert path.read_text(encoding="utf-8") == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["x.csv"]


@pytest.mark.parametrize("table", ["summary", "daily", "trades"])
def test_every_export_says_that_it_is_synthetic(runner: Runner, tmp_path: Path, table: str) -> None:
    runner(f"hedge compare {YEAR} --export {table} --csv {tmp_path}/t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        assert {row["synthetic"] for row in csv.DictReader(file)} == {"True"}


def start(*words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vaultdash", *words]
    return subprocess.run(command, text=True, check=False, **settings)  # type: ignore[call-overload,no-any-return]  # the caller's settings


def test_a_full_disk_under_stdout_is_a_sentence() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = start("hedge", "compare", *YEAR.split(), stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == "vaultdash: the answer could not be printed: No space left on device.\n"


def test_a_terminal_without_our_letters_gets_them_escaped(tmp_path: Path) -> None:
    odd = tmp_path / "gvé.csv"
    odd.write_text("date,value\n2021-01-04,20\n", encoding="utf-8")
    plain = dict(os.environ) | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    for extra in ([], ["--json"]):
        words = ["hedge", "compare", *YEAR.split(), "--iv-csv", str(odd), *extra]
        done = start(*words, capture_output=True, env=plain)
        assert done.returncode == 0, done.stderr
        assert "gv" in done.stdout
    assert odd.name in json.loads(done.stdout)["scenario"]["pricing"]["volatility"]["schedule"]["name"]


def test_a_file_name_that_is_no_text_is_escaped(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/g\xff.csv"
    with open(odd, "w", encoding="utf-8") as file:  # noqa: PTH123 - a Path cannot hold these bytes
        file.write("date,value\n2021-01-04,20\n")
    words: list[str | bytes] = ["hedge", "compare", *YEAR.split(), "--json", "--iv-csv", odd]
    done = start(*words, capture_output=True)  # type: ignore[arg-type]  # bytes are words too
    assert done.returncode == 0, done.stderr
    assert "g\\\\udcff.csv" in done.stdout
