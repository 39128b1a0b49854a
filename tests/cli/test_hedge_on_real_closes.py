"""The command line on real GLD closes, against a calculation that reads the files itself and shares no code."""

from __future__ import annotations

import csv
import datetime as dt
import math
import warnings
from pathlib import Path
from typing import Any

import exchange_calendars
import pytest

from tests.cli.runner import Runner
from tests.hedge.worlds import TEMPLATES, plain_template
from tests.oracle import hedge_oracle

pytestmark = pytest.mark.real_data
UNITS, LOAN = 1000.0, 120_000.0
Points = list[tuple[dt.date, float]]


@pytest.fixture(scope="session")
def sessions() -> list[dt.date]:
    # How the library uses pandas is not ours to mend.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        calendar = exchange_calendars.get_calendar("XNYS", start="2004-01-01", end="2030-12-31")
    return [stamp.date() for stamp in calendar.sessions]


def column(path: Path, scale: float = 1.0, at: int = 1) -> Points:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return [(dt.date.fromisoformat(row[0]), float(row[at]) * scale) for row in rows if row[at]]


def check(document: dict[str, Any], **arguments: Any) -> None:
    expected = {}
    for result in document["templates"]:
        theirs = hedge_oracle.run(template=plain_template(TEMPLATES[result["slug"]]), **arguments)
        expected[result["slug"]] = theirs["metrics"]
        assert set(result["summary_metrics"]) == set(theirs["metrics"])
        for name, value in result["summary_metrics"].items():
            assert math.isclose(value, theirs["metrics"][name], rel_tol=1e-9, abs_tol=1e-6), (result["slug"], name)
        assert len(result["daily_path"]) == len(theirs["days"])
        for day, row in zip(result["daily_path"], theirs["days"], strict=True):
            assert day["date"] == row["date"].isoformat()
            for name in ("net_portfolio_value", "option_market_value", "cash", "ltv_hedged"):
                assert math.isclose(day[name], row[name], rel_tol=1e-9, abs_tol=1e-6), (result["slug"], day, name)
        flows = sorted((trade["date"], trade["leg_id"], round(trade["cashflow"], 6)) for trade in result["trade_log"])
        assert flows == sorted(
            (trade["date"].isoformat(), trade["leg_id"], round(trade["cashflow"], 6)) for trade in theirs["trades"]
        )
    assert set(expected) == set(TEMPLATES)
    assert document["ranking"] == hedge_oracle.rank(expected)


@pytest.mark.parametrize("with_files", [False, True])
@pytest.mark.parametrize("entry_spot", [None, 300.0])
def test_compare_equals_an_independent_calculation(
    *, runner: Runner, real_data: Path, sessions: list[dt.date], with_files: bool, entry_spot: float | None
) -> None:
    gld, gvz, bills = (
        real_data / name for name in ("gold/gld_daily.csv", "gold/gvz_daily.csv", "rates/dgs3mo_daily.csv")
    )
    words: list[object] = ["--file", gld, "--units", UNITS, "--loan", LOAN]
    words += ["--iv-csv", gvz, "--rate-csv", bills] if with_files else []
    words += ["--entry-spot", entry_spot] if entry_spot else []
    outcome = runner("hedge compare --source file --symbol GLD --start 2022-01-03 --end 2022-12-30 --json", *words)
    assert outcome.code == 0
    assert outcome.document["synthetic"] is False
    assert outcome.document["close_basis"] == "vendor"
    check(
        outcome.document,
        closes=column(gld, at=4),
        calendar=sessions,
        units=UNITS,
        loan=LOAN,
        start=dt.date(2022, 1, 3),
        end=dt.date(2022, 12, 30),
        entry_spot=entry_spot,
        volatility=(
            {"kind": "schedule", "points": column(gvz, 0.01)} if with_files else {"kind": "fixed", "value": 0.16}
        ),
        rate={"kind": "schedule", "points": column(bills, 0.01)} if with_files else {"kind": "fixed", "value": 0.045},
    )


def test_events_equal_an_independent_calculation(runner: Runner, real_data: Path, sessions: list[dt.date]) -> None:
    gld = real_data / "gold/gld_daily.csv"
    slugs = [event["slug"] for event in runner("events list --json").document]
    named = [word for slug in slugs for word in ("--event", slug)]
    outcome = runner(
        "hedge events --source file --symbol GLD --json --iv trailing:60 --entry-spot 300 --financing-rate 0.08",
        "--file", gld, "--units", UNITS, "--loan", 200_000, *named,
    )  # fmt: skip
    assert outcome.code == 0
    assert [event["event"]["slug"] for event in outcome.document["events"]] == slugs
    for event in outcome.document["events"]:
        check(
            event["run"],
            closes=column(gld, at=4),
            calendar=sessions,
            units=UNITS,
            loan=200_000.0,
            start=dt.date.fromisoformat(event["event"]["window_start"]),
            end=dt.date.fromisoformat(event["event"]["window_end"]),
            entry_spot=300.0,
            financing_rate=0.08,
            volatility={"kind": "trailing", "sessions": 60, "premium": 1.0},
            rate={"kind": "fixed", "value": 0.045},
        )
        paths = event["normalised_paths"]
        assert paths["unhedged"][0] == 100
        assert {path[0] for path in paths["templates"].values()} == {100}
        best = event["run"]["templates"][0]
        ratio = best["daily_path"][-1]["net_portfolio_value"] / best["daily_path"][0]["net_portfolio_value"]
        assert paths["templates"][best["slug"]][-1] == pytest.approx(100 * ratio)
    cells = {(cell["event"], cell["template"]): cell for cell in outcome.document["matrix"]}
    assert set(cells) == {(slug, template) for slug in slugs for template in TEMPLATES}
    assert all(cells[key]["summary_metrics"] is not None for key in cells)


def test_an_event_beyond_the_file_is_refused_with_what_the_file_holds(
    runner: Runner, real_data: Path, tmp_path: Path
) -> None:
    rows = (real_data / "gold/gld_daily.csv").read_text(encoding="utf-8").splitlines()
    late = tmp_path / "late.csv"
    late.write_text("\n".join([rows[0], *[row for row in rows[1:] if row >= "2015"]]), encoding="utf-8")
    outcome = runner("hedge events --source file --symbol GLD --units 1000 --loan 1 --event gfc-2008 --file", late)
    assert outcome.code == 3
    assert "2008-07-15..2008-11-20" in outcome.out
    assert "it holds 2015-01-02..2026-03-27" in " ".join(outcome.out.split())


def test_schedules_that_end_before_the_window_are_held_and_said(runner: Runner, real_data: Path) -> None:
    outcome = runner(
        "hedge compare --source file --symbol GLD --start 2026-01-29 --end 2026-03-26 --units 1000 --loan 300000",
        "--file", real_data / "gold/gld_daily.csv", "--iv-csv", real_data / "gold/gvz_daily.csv",
    )  # fmt: skip
    assert outcome.code == 0
    assert "gvz_daily.csv has no value newer than a week on 40 of 40 sessions" in outcome.err
