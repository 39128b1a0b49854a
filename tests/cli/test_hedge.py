from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from tests.cli.runner import Runner
from vaultdash.workbench import Workbench

YEAR = "--symbol GLD --start 2022-01-03 --end 2022-12-30 --units 1000 --loan 120000"
EVENTS = "--units 1000 --loan 200000 --entry-spot 300"


def test_compare_prints_every_built_in_template_ranked_and_says_it_is_synthetic(runner: Runner) -> None:
    outcome = runner(f"hedge compare {YEAR}")
    assert outcome.code == 0
    assert outcome.out.startswith("SYNTHETIC. GLD from sample")
    slugs = [template["slug"] for template in runner("templates list --json").document]
    assert all(slug in outcome.out for slug in slugs)
    assert "Against no hedge" in outcome.out
    assert max(len(line) for line in outcome.out.splitlines()) <= 100


def test_json_is_one_document_with_the_names_of_the_design(runner: Runner) -> None:
    outcome = runner(f"hedge compare {YEAR} --json")
    document = outcome.document
    assert {"run_id", "scenario", "synthetic", "close_basis", "warnings", "ranking", "templates"} <= set(document)
    assert document["synthetic"] is True
    assert set(document["ranking"]) == {template["slug"] for template in document["templates"]}
    template = document["templates"][0]
    assert {
        "slug", "version", "status", "summary_metrics", "daily_path", "trade_log", "validation_notes",
    } <= set(template)  # fmt: skip
    assert template["daily_path"][0]["date"] == "2022-01-03"
    assert template["trade_log"][0]["contract"]["expiry"] == "2023-01-03"


def test_the_same_question_has_the_same_bytes_for_an_answer(runner: Runner) -> None:
    assert runner(f"hedge compare {YEAR} --json").out == runner(f"hedge compare {YEAR} --json").out


def test_another_question_has_another_run_id(runner: Runner) -> None:
    ids = {
        runner(f"hedge compare {YEAR} --json", *words).document["run_id"]
        for words in ([], ["--cash", 1], ["--iv", 0.2], ["--half-spread", 0.01], ["--template", "collar-95-110-12m"])
    }
    assert len(ids) == 5


def test_a_window_that_starts_and_ends_on_closed_days_says_where_it_begins(runner: Runner) -> None:
    outcome = runner("hedge compare --symbol GLD --start 2022-01-01 --end 2022-12-31 --units 1000 --loan 120000 --json")
    assert outcome.document["templates"][0]["daily_path"][0]["date"] == "2022-01-03"
    assert "the window starts on Saturday 2022-01-01; the first session is 2022-01-03" in outcome.document["warnings"]


def test_a_holiday_start_begins_on_the_next_session(runner: Runner) -> None:
    outcome = runner("hedge compare --symbol GLD --start 2022-07-04 --end 2022-09-30 --units 1000 --loan 1 --json")
    assert outcome.document["templates"][0]["daily_path"][0]["date"] == "2022-07-05"
    assert any("Monday 2022-07-04" in warning for warning in outcome.document["warnings"])


def test_a_loan_called_from_the_start_is_said(runner: Runner) -> None:
    outcome = runner("hedge compare --symbol GLD --start 2022-01-03 --end 2022-03-30 --units 1000 --loan 160000")
    assert "the loan is called from the start" in outcome.err
    assert runner("hedge compare -q --symbol GLD --start 2022-01-01 --end 2022-03-30 --units 9 --loan 9").err == ""


def test_exports_hold_the_same_figures_as_the_json(runner: Runner, tmp_path: Path) -> None:
    document = runner(f"hedge compare {YEAR} --json --csv {tmp_path}/a.csv --parquet {tmp_path}/a.parquet").document
    with (tmp_path / "a.csv").open(encoding="utf-8") as file:
        rows = {row["template"]: row for row in csv.DictReader(file)}
    frame = parquet.read_table(tmp_path / "a.parquet").to_pydict()
    assert list(rows) == document["ranking"] == frame["template"]
    for template in document["templates"]:
        for name, value in template["summary_metrics"].items():
            assert float(rows[template["slug"]][name]) == value
    assert set(frame["synthetic"]) == {True}
    assert {row["synthetic"] for row in rows.values()} == {"True"}


@pytest.mark.parametrize(("table", "count"), [("daily", 8 * 251), ("trades", 8 * 2)])
def test_daily_paths_and_trades_export_too(runner: Runner, tmp_path: Path, table: str, count: int) -> None:
    assert runner(f"hedge compare {YEAR} --export {table} --csv {tmp_path}/t.csv").code == 0
    rows = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) - 1 >= count
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_events_compare_side_by_side(runner: Runner) -> None:
    outcome = runner(f"hedge events {EVENTS}")
    assert outcome.code == 0
    assert "gold-jan-2026" in outcome.out
    assert "gc-rally-2024" in outcome.out
    assert "Over all events, best first:" in outcome.out
    assert max(len(line) for line in outcome.out.splitlines()) <= 100


def test_an_event_of_another_symbol_is_left_out_and_said(runner: Runner) -> None:
    document = runner(f"hedge events --symbol GLD {EVENTS} --json").document
    assert len(document["events"]) == 11
    assert any("gc-rally-2024 is a window of GC and was left out" in warning for warning in document["warnings"])
    named = runner(f"hedge events --symbol GLD --event gc-rally-2024 {EVENTS} --json").document
    assert named["events"][0]["run"]["scenario"]["symbol"] == "GLD"
    assert any("it was run on GLD, as asked" in warning for warning in named["warnings"])


def test_an_event_that_cannot_be_run_leaves_the_others(runner: Runner) -> None:
    outcome = runner(
        "hedge events --symbol GLD --event gfc-2008 --event gold-jan-2026 --units 1000 --loan 200000 --json"
    )
    assert outcome.code == 3
    assert [event["event"]["slug"] for event in outcome.document["events"]] == ["gold-jan-2026"]
    assert outcome.document["not_run"][0]["slug"] == "gfc-2008"
    assert "is not below the collateral" in outcome.document["not_run"][0]["reason"]


def test_a_template_from_a_file_runs_like_any_other(runner: Runner, tmp_path: Path) -> None:
    template = runner("templates show protective-put-95pct-12m --json").document
    template |= {"slug": "my-delta", "template_id": "mine", "contract_mode": "listed_contracts"}
    template["legs"][0]["strike_rule"] = {"rule_type": "delta_target", "value": 0.3}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(template), encoding="utf-8")
    document = runner(f"hedge compare {YEAR} --template {path} --json").document
    assert document["ranking"] == ["my-delta"]
    assert document["templates"][0]["trade_log"][0]["quantity"] == 1000


def test_a_template_that_cannot_be_priced_is_incomplete_and_ranked_last(runner: Runner, tmp_path: Path) -> None:
    template = runner("templates show protective-put-95pct-12m --json").document
    template |= {"slug": "a-far-delta", "template_id": "far"}
    template["legs"][0]["strike_rule"] = {"rule_type": "delta_target", "value": 0.999}
    path = tmp_path / "far.json"
    path.write_text(json.dumps(template), encoding="utf-8")
    line = f"hedge compare {YEAR} --iv 5 --template {path}"
    document = runner(f"{line} --template protective-put-atm-12m --json").document
    assert document["ranking"] == ["protective-put-atm-12m", "a-far-delta"]
    assert document["templates"][0]["status"] == "incomplete"
    assert "no put has a delta of that size" in document["templates"][0]["validation_notes"][0]
    assert runner(line).code == 3


def test_the_demo_runs_the_main_job_and_writes_what_it_says(runner: Runner, tmp_path: Path) -> None:
    outcome = runner("demo --out", tmp_path / "demo")
    assert outcome.code == 0
    for slug in ("covid-crash-2020", "rate-hikes-2022", "gold-jan-2026"):
        assert slug in outcome.out
    assert outcome.out.count("SYNTHETIC") >= 4
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [
        "hedge-daily.csv", "hedge-events.json", "hedge-summary.csv",
    ]  # fmt: skip
    document = json.loads((tmp_path / "demo" / "hedge-events.json").read_text(encoding="utf-8"))
    assert document["synthetic"] is True
    assert len(document["matrix"]) == 24


@pytest.mark.parametrize("line", ["templates show collar-95-110-12m", "events show gold-jan-2026", "events list"])
def test_what_is_listed_can_be_shown(runner: Runner, line: str) -> None:
    outcome = runner(line)
    assert outcome.code == 0
    assert max(len(row) for row in outcome.out.splitlines()) <= 100


def test_the_twelve_presets_have_the_windows_of_the_design(runner: Runner) -> None:
    windows = {
        event["slug"]: (event["window_start"], event["window_end"]) for event in runner("events list --json").document
    }
    assert windows == {
        "gfc-2008": ("2008-07-15", "2008-11-20"),
        "gold-top-2011": ("2011-08-22", "2011-12-30"),
        "gold-crash-2013": ("2013-03-28", "2013-06-28"),
        "fed-2016": ("2016-09-23", "2016-12-22"),
        "covid-crash-2020": ("2020-02-18", "2020-04-15"),
        "slide-2020-21": ("2020-08-06", "2021-03-31"),
        "rate-hikes-2022": ("2022-01-03", "2022-12-30"),
        "slide-2022": ("2022-03-08", "2022-11-03"),
        "gc-rally-2024": ("2024-01-02", "2024-12-31"),
        "election-2024": ("2024-10-30", "2024-11-15"),
        "gold-oct-2025": ("2025-10-20", "2025-11-04"),
        "gold-jan-2026": ("2026-01-29", "2026-03-26"),
    }


def test_doctor_shows_no_key(runner: Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABENTO_API_KEY", "db-abcdefghijklmnopqrstuvwxyz123")
    for line in ("doctor", "doctor --json"):
        outcome = runner(line)
        assert outcome.code == 0
        assert "databento key" in outcome.out
        assert "abcdefghij" not in outcome.out + outcome.err
    monkeypatch.setenv("VAULTDASH_SPEND_LIMIT_USD", "much")
    outcome = runner("doctor")
    assert outcome.code == 2
    assert "VAULTDASH_SPEND_LIMIT_USD: 'much' cannot be read" in outcome.err


def test_help_and_a_run_load_no_heavy_library() -> None:
    """Start-up stays quick because these are never imported on the way."""
    code = (
        "import sys\nfrom vaultdash.cli.main import run\n"
        f"assert run({['hedge', 'compare', *YEAR.split()]!r}) == 0\n"
        "heavy = {'pandas', 'pyarrow', 'exchange_calendars', 'databento', 'numba'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stderr.strip() == "[]"


def test_a_terminal_sees_progress_on_stderr_and_data_on_stdout() -> None:
    reading, writing = os.openpty()
    command = [sys.executable, "-m", "vaultdash", "hedge", "events", *EVENTS.split(), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writing, check=True)
    os.close(writing)
    said = os.read(reading, 65536).decode()
    os.close(reading)
    assert "Events: gold-jan-2026" in said
    assert len(json.loads(done.stdout)["events"]) == 12


def test_a_cancelled_command_leaves_with_130(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Workbench, "compare_hedges", interrupted)
    assert runner(f"hedge compare {YEAR}").code == 130


def test_the_module_is_a_command_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vaultdash", "templates", "list"], capture_output=True, text=True, check=True
    )
    assert "collar-95-110-12m" in done.stdout


def test_a_template_that_fails_half_way_is_incomplete_and_the_others_are_ranked(runner: Runner) -> None:
    """The second leg of a collar cannot be priced under this skew after the first was booked."""
    outcome = runner(f"hedge compare {YEAR} --skew 0.75 --json")
    assert outcome.code == 3
    status = {template["slug"]: template["status"] for template in outcome.document["templates"]}
    assert "incomplete" in status.values()
    assert "completed" in status.values()
    for template in outcome.document["templates"]:
        if template["status"] == "incomplete":
            assert "too low to price with" in template["validation_notes"][-1]
            booked = {day["date"] for day in template["daily_path"]}
            assert {trade["date"] for trade in template["trade_log"]} <= booked
    assert runner(f"hedge compare {YEAR} --skew 0.75").out.count("incomplete") >= 1


def test_a_scenario_and_a_run_are_named_by_all_that_was_asked(runner: Runner, tmp_path: Path) -> None:
    schedule = tmp_path / "r.csv"
    schedule.write_text("date,value\n2021-01-04,0.5\n2022-06-01,0.9\n", encoding="utf-8")
    changed = tmp_path / "changed.json"
    document = runner("templates show protective-put-atm-12m --json").document
    document["legs"][0]["target_coverage_pct"] = 0.5
    changed.write_text(json.dumps(document), encoding="utf-8")
    variants: list[list[object]] = [
        ["--rate-csv", schedule, "--schedule-unit", "percent"],
        ["--rate-csv", schedule, "--schedule-unit", "fraction"],
        ["--commission", "50"],
        ["--template", "protective-put-atm-12m"],
        ["--template", changed],
        [],
    ]
    runs = [runner(f"hedge compare {YEAR} --json", *words).document for words in variants]
    assert len({run["run_id"] for run in runs}) == len(variants)
    assert len({run["scenario"]["scenario_id"] for run in runs}) == len(variants)


def test_one_session_and_whole_contracts_of_nothing_cost_nothing_and_not_minus_nothing(runner: Runner) -> None:
    line = "hedge compare --symbol GLD --start 2022-01-03 --end 2022-01-03 --units 1000 --loan 100"
    outcome = runner(line)
    assert " -0 " not in outcome.out
    assert "1 session," in outcome.out
    assert "the window holds one session (2022-01-03)" in outcome.err
    figures = runner(f"{line} --json").document["templates"][0]["summary_metrics"]
    assert json.dumps(figures["total_hedge_cost"]) == "0.0"


@pytest.mark.parametrize("units", [1, 100_000, 50_000_000])
def test_figures_are_never_cut(runner: Runner, units: int) -> None:
    outcome = runner(f"hedge compare --symbol GLD --start 2022-01-03 --end 2022-12-30 --units {units} --loan {units}")
    assert "…" not in outcome.out
    assert "\n8  " in outcome.out


def test_a_narrow_terminal_still_shows_whole_figures() -> None:
    environment = dict(os.environ) | {"COLUMNS": "40", "TERM": "dumb"}
    command = [sys.executable, "-m", "vaultdash", "hedge", "compare", *YEAR.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "…" not in done.stdout


def test_the_label_and_the_sums_over_events(runner: Runner) -> None:
    document = runner(f"hedge events {EVENTS} --event fed-2016 --event covid-crash-2020 --json").document
    best = {row["template"]: row for row in document["overall"]}
    for slug, row in best.items():
        cells = [cell["summary_metrics"] for cell in document["matrix"] if cell["template"] == slug]
        gained = sum(cell["end_value_hedged_net"] - cell["end_value_unhedged"] for cell in cells)
        assert row["end_value_gained"] == pytest.approx(gained)
        assert row["total_hedge_cost"] == pytest.approx(sum(cell["total_hedge_cost"] for cell in cells))
        assert row["max_ltv_hedged"] == max(cell["max_ltv_hedged"] for cell in cells)
        assert row["events_completed"] == 2
    nothing = runner("hedge events --symbol GLD --event fed-2016 --units 1 --loan 900000 --json").document
    assert nothing["synthetic"] is True
    assert nothing["events"] == []
