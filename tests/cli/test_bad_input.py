"""Every mistake a person can make: a sentence, the right exit code, no traceback, nothing stored."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.runner import Runner
from vaultdash.errors import UnknownNameError

GOOD = {
    "--symbol": "GLD",
    "--start": "2022-01-03",
    "--end": "2022-12-30",
    "--units": "1000",
    "--loan": "120000",
}
HEADER = "date,open,high,low,close,volume"


def words(**changes: str) -> list[str]:
    given = GOOD | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    return [word for pair in given.items() for word in pair]


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        ({"start": "2022-12-30", "end": "2022-01-03"}, 2, "starts on 2022-12-30, after its end on 2022-01-03"),
        ({"start": "2022-13-01"}, 2, "--start: '2022-13-01' cannot be read. Write a date as YYYY-MM-DD"),
        ({"start": "03/01/2022"}, 2, "Write a date as YYYY-MM-DD"),
        ({"end": "2031-01-01"}, 3, "does not cover"),
        ({"start": "2035-01-01", "end": "2035-06-01"}, 3, "does not cover"),
        ({"start": "2022-01-01", "end": "2022-01-02"}, 3, "holds no session from 2022-01-01 to 2022-01-02"),
        ({"units": "nan"}, 2, "underlying_units is nan"),
        ({"units": "inf"}, 2, "underlying_units is inf"),
        ({"units": "0"}, 2, "underlying_units is 0.0"),
        ({"units": "-5"}, 2, "underlying_units is -5.0"),
        ({"units": "5e-324"}, 2, "underlying_units is 5e-324"),
        ({"units": "many"}, 2, "Invalid value for '--units'"),
        ({"loan": "nan"}, 2, "loan_amount is nan"),
        ({"loan": "-1"}, 2, "loan_amount is -1.0"),
        ({"loan": "999999"}, 2, "is not below the collateral"),
        ({"loan": "1e400"}, 2, "loan_amount is inf"),
        ({"margin_call_ltv": "75"}, 2, "Write 0.75 for 75 %"),
        ({"margin_call_ltv": "nan"}, 2, "margin_call_ltv is nan"),
        ({"entry_spot": "0"}, 2, "entry_spot is 0.0"),
        ({"entry_spot": "5e-324"}, 2, "entry_spot is 5e-324"),
        ({"entry_spot": "100"}, 2, "1,000 units at 100.00 are worth 100,000.00 USD"),
        ({"cash": "-1"}, 2, "cash_balance is -1.0"),
        ({"financing_rate": "8"}, 2, "Write 0.08 for 8 %"),
        ({"iv": "16"}, 2, "Write 0.16 for 16 %"),
        ({"iv": "0"}, 2, "value is 0.0"),
        ({"iv": "high"}, 2, "--iv: 'high' cannot be read. Write a fraction such as 0.16, or trailing:60"),
        ({"iv": "trailing"}, 2, "or trailing:60"),
        ({"iv": "trailing:x"}, 2, "or trailing:60"),
        ({"iv": "trailing:1"}, 2, "sessions is 1"),
        ({"iv": "trailing:60:nan"}, 2, "premium is nan"),
        ({"rate": "4.5"}, 2, "Write 0.045 for 4.5 %"),
        ({"rate": "low"}, 2, "--rate: 'low' cannot be read"),
        ({"skew": "nan"}, 2, "skew is nan"),
        ({"half_spread": "2"}, 2, "Write 0.02 for 2 %"),
        ({"commission": "-1"}, 2, "commission is -1.0"),
        ({"template": "no-such"}, 2, "There is no template named 'no-such'. Known: collar-95-110-12m"),
        ({"template": "absent.json"}, 3, "absent.json cannot be read"),
        ({"source": "bloomberg"}, 2, "There is no source named 'bloomberg'. Known: databento, file, sample, yahoo"),
        ({"source": "file"}, 2, "no file is named"),
        ({"symbol": "TSLA"}, 2, "TSLA"),
        (
            {"pricing": "monte_carlo"},
            2,
            "There is no way of pricing options named 'monte_carlo'. Known: synthetic_bs_mid",
        ),
        ({"export": "all"}, 2, "--export: 'all' cannot be read. Write summary or daily or trades"),
        ({"iv_csv": "absent.csv"}, 3, "absent.csv cannot be read"),
        ({"rate_csv": "absent.csv"}, 3, "absent.csv cannot be read"),
        ({"csv": "/proc/nowhere/x.csv"}, 1, "/proc/nowhere/x.csv could not be written"),
        ({"start": "2004-11-18", "end": "2005-06-01", "loan": "1", "iv": "trailing:60"}, 3, "needs 61 closes up to"),
    ],
)
def test_a_mistake_in_the_options(runner: Runner, changes: dict[str, str], code: int, sentence: str) -> None:
    outcome = runner("hedge compare", *words(**changes))
    assert outcome.code == code, outcome.err
    assert sentence in " ".join(outcome.err.split())
    assert outcome.out == ""
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("hedge compare --symbol GLD", 2, "Missing option"),
        ("hedge sell", 2, "No such command 'sell'"),
        ("nothing", 2, "No such command 'nothing'"),
        ("hedge compare --what", 2, "No such option"),
        ("hedge events --units 1 --loan 1 --event nope", 2, "There is no event named 'nope'"),
        ("hedge events --units 1 --loan 1 --source file", 2, "Name its underlying with --symbol"),
        ("events show nope", 2, "There is no event named 'nope'. Known: covid-crash-2020"),
        ("templates show nope", 2, "There is no template named 'nope'"),
    ],
)
def test_a_mistake_in_the_command(runner: Runner, line: str, code: int, sentence: str) -> None:
    outcome = runner(line)
    assert outcome.code == code
    assert sentence in outcome.err
    assert outcome.out == ""


def test_two_volatilities_or_two_rates_are_refused(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("date,value\n2021-01-04,20\n", encoding="utf-8")
    for option in ("iv", "rate"):
        outcome = runner("hedge compare", *words(**{option: "0.1", f"{option}_csv": str(path)}))
        assert outcome.code == 2
        assert "Give one of them" in outcome.err


def test_a_schedule_in_the_wrong_unit_names_the_option(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("date,value\n2021-01-04,0.18\n2021-01-05,0.2\n", encoding="utf-8")
    outcome = runner("hedge compare", *words(iv_csv=str(path)))
    assert outcome.code == 2
    assert "--schedule-unit fraction" in outcome.err
    assert runner("hedge compare", *words(iv_csv=str(path), schedule_unit="fraction")).code == 0
    assert runner("hedge compare", *words(iv_csv=str(path), schedule_unit="bps")).code == 2


def test_a_schedule_that_starts_too_late_says_so(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("date,value\n2022-06-01,20\n", encoding="utf-8")
    outcome = runner("hedge compare", *words(iv_csv=str(path)))
    assert outcome.code == 3
    assert "s.csv starts on 2022-06-01 and says nothing of 2022-01-03" in outcome.err


@pytest.mark.parametrize(
    ("rows", "code", "sentence"),
    [
        ([HEADER, "2022-01-03,1,1,1,-5,1"], 3, "line 2"),
        ([HEADER, "2022-01-03,1,1,1,inf,1"], 3, "line 2"),
        ([HEADER, '2022-01-03,1,1,1,"1.234,56",1'], 3, "decimal comma"),
        ([HEADER, "2022-01-03,1,1,1,2,1", "2022-01-03,1,1,1,3,1"], 3, "line 3"),
        ([HEADER, "01/02/2022,1,1,1,2,1"], 3, "ambiguous"),
        (["date,price", "2022-01-03,5"], 3, "no column 'close'"),
        ([HEADER], 3, "cannot be read"),
        ([], 3, "cannot be read"),
    ],
)
def test_a_bad_file_is_refused_by_line(
    runner: Runner, tmp_path: Path, rows: list[str], code: int, sentence: str
) -> None:
    path = tmp_path / "closes.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    outcome = runner("hedge compare", *words(source="file", file=str(path)))
    assert outcome.code == code
    assert sentence in outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"colour": "blue"}, 2, "colour: unexpected keyword argument"),
        ({"legs": []}, 2, "hold one leg at least"),
        ({"slug": "<b>x</b>"}, 2, "slug is '<b>x</b>'"),
        ({"slug": "=cmd()"}, 2, "slug is '=cmd()'"),
        ({"underlying_symbol": "GC"}, 2, "is made for GC, not for GLD"),
        ({"version": "two"}, 2, "version"),
        ({"template_kind": "collar"}, 2, "must be one long put and one short call"),
    ],
)
def test_a_bad_template_file_is_refused_by_field(
    runner: Runner, tmp_path: Path, change: dict[str, object], code: int, sentence: str
) -> None:
    document = runner("templates show protective-put-atm-12m --json").document | change
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    outcome = runner("hedge compare", *words(template=str(path)))
    assert outcome.code == code
    assert sentence in outcome.err


def test_a_template_file_that_is_no_json_is_refused(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(b"\x00\xffnot json")
    outcome = runner("hedge compare", *words(template=str(path)))
    assert outcome.code == 2
    assert "mine.json cannot be used" in outcome.err


def test_debug_shows_the_traceback(runner: Runner) -> None:
    with pytest.raises(UnknownNameError):
        runner("templates show nope --debug")


def test_text_of_the_user_is_inert_in_exports_and_tables(runner: Runner, tmp_path: Path) -> None:
    document = runner("templates show protective-put-atm-12m --json").document
    document |= {"display_name": "=HYPERLINK(1)", "slug": "mine"}
    document["legs"][0]["leg_id"] = "leg"
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    csv_path = tmp_path / "out.csv"
    outcome = runner("hedge compare", *words(template=str(path), csv=str(csv_path), symbol="GLD"))
    assert outcome.code == 0
    assert "\n=" not in csv_path.read_text(encoding="utf-8").replace(",", "\n")


def test_two_templates_of_one_name_are_refused(runner: Runner, tmp_path: Path) -> None:
    document = runner("templates show protective-put-95pct-12m --json").document
    path = tmp_path / "dup.json"
    path.write_text(json.dumps(document | {"template_id": "x", "slug": "protective-put-atm-12m"}), encoding="utf-8")
    for pair in ((path, "protective-put-atm-12m"), ("collar-95-110-12m", "collar-95-110-12m")):
        outcome = runner("hedge compare", *words(template=str(pair[0])), "--template", pair[1])
        assert outcome.code == 2
        assert f"Two of the templates are named '{pair[1]}'" in outcome.err


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        ({"iv": ""}, 2, "--iv: '' cannot be read"),
        ({"rate": ""}, 2, "--rate: '' cannot be read"),
        ({"iv": "trailing:" + "9" * 5000}, 2, "cannot be read"),
        ({"symbol": ""}, 2, "cannot be read"),
        ({"symbol": "GLD options"}, 2, "GLD options are many contracts and have no one price"),
    ],
)
def test_empty_and_endless_words(runner: Runner, changes: dict[str, str], code: int, sentence: str) -> None:
    outcome = runner("hedge compare", *words(**changes))
    assert outcome.code == code
    assert sentence in outcome.err


def test_an_empty_symbol_does_not_slip_past_the_file_check(runner: Runner, tmp_path: Path) -> None:
    outcome = runner("hedge events --source file --units 1 --loan 0 --symbol", "", "--file", tmp_path / "x.csv")
    assert outcome.code == 2
    assert "--symbol: '' cannot be read" in outcome.err


def test_events_of_a_symbol_without_presets_are_refused(runner: Runner) -> None:
    outcome = runner("hedge events --symbol XAU --units 10 --loan 10")
    assert outcome.code == 2
    assert "No event is a window of XAU" in outcome.err


@pytest.mark.parametrize(
    "change", [{"version": 10**400}, {"version": "1"}, {"legs": "[]"}, {"display_name": None}, {"tags": [1]}]
)
def test_a_template_document_is_read_strictly(runner: Runner, tmp_path: Path, change: dict[str, object]) -> None:
    document = runner("templates show protective-put-atm-12m --json").document | change
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    outcome = runner("hedge compare", *words(template=str(path)))
    assert outcome.code == 2
    assert f"{path} cannot be used: " in outcome.err


def test_a_template_that_is_no_file_is_refused_at_once(runner: Runner, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    outcome = runner("hedge compare", *words(template=str(pipe)))
    assert outcome.code == 3
    assert "it is not a regular file" in outcome.err


def test_settings_that_are_no_text_are_refused(runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(b"DATABENTO_API_KEY=\xff\xfe\n")
    outcome = runner("doctor")
    assert outcome.code == 2
    assert ".env" in outcome.err
