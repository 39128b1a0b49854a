"""The documents are under test: commands run, transcripts are what the program prints, the reference is generated."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest

from tests.cli.runner import Runner
from tests.conftest import ROOT
from tests.data.sample_series import sample_closes
from tools.write_cli_reference import reference

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def runner(capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(capsys)


def transcripts() -> list[tuple[str, str]]:
    """Every command of the README with the output printed below it, empty where none is."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output.strip()))
    return found


@pytest.fixture
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the README's reader has: closes, volatilities and rates."""
    with (tmp_path / "closes.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [(day.date, day.close) for day in sample_closes("GLD").days]
        csv.writer(file).writerows([("date", "close"), *rows])
    (tmp_path / "gvz.csv").write_text("date,GVZCLS\n2021-12-31,16.1\n2022-06-01,.\n2022-07-01,18.2\n", encoding="utf-8")
    (tmp_path / "bills.csv").write_text("date,DGS3MO\n2021-12-31,0.06\n2022-07-01,1.7\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("own_files")
@pytest.mark.parametrize(("command", "output"), transcripts())
def test_every_command_of_the_readme_runs_and_prints_what_it_shows(runner: Runner, command: str, output: str) -> None:
    program, *words = shlex.split(command)
    assert program == "vaultdash"
    outcome = runner("", *words)
    assert outcome.code == 0, outcome.err
    if output:
        assert "\n".join(line.rstrip() for line in outcome.out.strip().splitlines()) == output


def test_the_readme_shows_a_transcript() -> None:
    assert sum(bool(output) for _, output in transcripts()) == 2
    # Every command of the page is found, so that no fence is left open.
    assert len(transcripts()) == len(re.findall(r"^\$ vaultdash", README, flags=re.MULTILINE)) == 13
    assert README.count("```") % 2 == 0


def test_the_command_reference_is_the_programs_own(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        written = reference()
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == written


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102 - the README's own lines
    assert capsys.readouterr().out.startswith("collar-95-110-12m 0 -3268.")


@pytest.mark.parametrize("name", ["README.md", "docs/method.md"])
def test_every_link_leads_to_a_file(name: str) -> None:
    page = ROOT / name
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert links
    for link in links:
        assert (page.parent / link).exists(), link


def test_no_file_of_ours_names_a_registry_or_a_machine() -> None:
    hosts = re.compile(r"pyp[i]\.org|pythonhoste[d]\.org|registry\.npmj[s]")
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*.lock"), *ROOT.glob("*.toml"), *(ROOT / "docs").rglob("*.md")]:
        assert not hosts.search(path.read_text(encoding="utf-8")), path
