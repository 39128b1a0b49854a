"""Daily closes from bought bars: which bars are asked for, and that the closes are those of the exchange's sessions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.data.databento_bench import HOUR_NS
from tests.data.test_history import billable, clean, history_at
from tests.gateway import Gateway
from vaultdash.data.bars.bought import bars_wanted, bought_closes, look_back
from vaultdash.data.calendars import session_times, trading_calendar
from vaultdash.data.catalog import gold_ounces_per_share, instrument_for
from vaultdash.data.dbn.reading import PRICE_SCALE, read_records
from vaultdash.data.history import History
from vaultdash.data.request import DataRequest
from vaultdash.errors import NoSessionError, StoreDamagedError, WindowNotCoveredError
from vaultdash.market import SECOND_NS, DailyCloses, DateRange, utc_day


@pytest.fixture(scope="module")
def running() -> Iterator[Gateway]:
    with Gateway(trades_per_day=2_000) as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with clean(running, monkeypatch):
        yield running


@pytest.fixture
def history(gateway: Gateway, tmp_path: Path) -> History:
    return history_at(gateway, tmp_path)


def between(start: str, end: str) -> DateRange:
    return DateRange(start=date.fromisoformat(start), end=date.fromisoformat(end))


def bought(history: History, symbol: str, days: DateRange, dataset: str) -> tuple[DataRequest, DailyCloses]:
    request = bars_wanted(instrument_for(symbol), days).of("databento", dataset)
    history.fetch(request)
    return request, bought_closes(history, request, symbol)


def test_a_funds_closes_are_its_daily_bars_on_sessions_alone(history: History) -> None:
    asked = between("2020-02-10", "2020-04-17")
    request, closes = bought(history, "GLD", asked, "ARCX.PILLAR")
    assert request.series.schema == "ohlcv-1d"
    assert closes.close_basis == "utc_day"
    assert not closes.is_synthetic
    rows = np.concatenate([read_records(record.path) for record in history.records(request)])
    by_day = {utc_day(int(row["ts_event"])): float(row["close"]) / PRICE_SCALE for row in rows}
    assert any(day.weekday() >= 5 for day in by_day)
    assert all(day.date.weekday() < 5 for day in closes.days)
    sessions = trading_calendar("XNYS").within(between("2020-02-01", "2020-04-30"))
    assert [(day.date, day.close) for day in closes.days] == [(day, by_day[day]) for day in sessions]


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (between("2024-03-04", "2024-03-15"), "the clocks go forward"),
        (between("2024-10-28", "2024-11-08"), "the clocks go back"),
        (between("2024-11-25", "2024-12-03"), "Thanksgiving and the half day after it"),
        (between("2024-07-01", "2024-07-08"), "Independence Day"),
    ],
)
def test_a_futures_closes_are_the_last_trades_of_its_sessions(history: History, asked: DateRange, what: str) -> None:
    request, closes = bought(history, "GC", asked, "GLBX.MDP3")
    assert request.series.schema == "ohlcv-1h"
    assert closes.close_basis == "session", what
    rows = np.concatenate([read_records(record.path) for record in history.records(request)])
    times = rows["ts_event"].astype(np.int64)
    closed = {day.date: day.close for day in closes.days}
    for session in trading_calendar("CMES").within(asked):
        opens, shuts = (int(moment.timestamp()) * SECOND_NS for moment in session_times("CMES", session))
        inside = rows[(times >= opens) & (times + HOUR_NS <= shuts)]
        assert closed[session] == float(inside["close"][-1]) / PRICE_SCALE, (what, session)
    assert all(day.weekday() < 5 for day in closed)
    assert set(closed) >= set(trading_calendar("CMES").within(asked))


def test_the_bars_of_a_future_reach_from_the_first_opening_to_the_last_close() -> None:
    wanted = bars_wanted(instrument_for("GC"), between("2024-03-09", "2024-03-12"))
    opens, shuts = session_times("CMES", date(2024, 3, 11))[0], session_times("CMES", date(2024, 3, 12))[1]
    assert wanted.window.start == int(opens.timestamp()) * SECOND_NS
    assert wanted.window.end == int(shuts.timestamp()) * SECOND_NS
    with pytest.raises(NoSessionError):
        bars_wanted(instrument_for("GC"), between("2024-03-09", "2024-03-10"))


def test_the_sessions_of_a_future_that_were_asked_for_all_have_a_close(history: History) -> None:
    # The first session opens the evening before, in the month before.
    asked = between("2024-04-01", "2024-04-05")
    _, closes = bought(history, "GC", asked, "GLBX.MDP3")
    days = closes.between(asked)
    assert [day.date for day in days] == list(trading_calendar("CMES").within(asked))
    assert days[0].open is not None


def test_a_proxy_is_the_fund_over_the_ounces_behind_a_share(history: History) -> None:
    asked = between("2020-03-02", "2020-03-31")
    _, fund = bought(history, "GLD", asked, "ARCX.PILLAR")
    request, ounce = bought(history, "XAU", asked, "ARCX.PILLAR")
    assert request.series.symbol == "GLD"
    assert ounce.symbol == "XAU"
    for share, gold in zip(fund.days, ounce.days, strict=True):
        assert gold.close == share.close / gold_ounces_per_share(share.date)
        assert (gold.open, gold.volume) == (None, None)
    assert any("is a proxy" in note for note in ounce.notes)


def test_closes_are_the_same_from_their_copy_and_change_with_the_records(gateway: Gateway, history: History) -> None:
    asked = between("2020-03-02", "2020-03-31")
    request, closes = bought(history, "GLD", asked, "ARCX.PILLAR")
    gateway.reset()
    assert bought_closes(history, request, "GLD") == closes
    assert gateway.requests == []
    gateway.market.revise("ARCX.PILLAR", "2020-03-12", last_modified="2026-10-01")
    history.fetch_revised(request)
    revised = bought_closes(history, request, "GLD")
    assert revised.digest != closes.digest
    assert [day.volume for day in revised.days] != [day.volume for day in closes.days]
    assert len(billable(gateway)) == 1


def test_what_is_not_held_or_damaged_gives_no_closes(history: History) -> None:
    request, _ = bought(history, "GLD", between("2020-03-02", "2020-03-31"), "ARCX.PILLAR")
    wider = request.within(bars_wanted(instrument_for("GLD"), between("2020-02-03", "2020-03-31")).window)
    with pytest.raises(WindowNotCoveredError, match=r"all but 2020-02-01\.\.2020-03-01"):
        bought_closes(history, wider, "GLD")
    (record,) = history.records(request)
    record.path.write_bytes(record.path.read_bytes()[:-1] + b"\0")
    other = History(history.home, sources={}, limits=history._limits)
    with pytest.raises(StoreDamagedError, match="sha256"):
        bought_closes(other, request, "GLD")


@pytest.mark.parametrize("sessions", [1, 20, 60, 252])
def test_a_look_back_holds_as_many_sessions_as_were_asked_for(sessions: int) -> None:
    for start in ("2020-01-02", "2022-12-27", "2024-07-05"):
        days = between(start, start)
        wider = look_back(days, sessions)
        before = DateRange(start=wider.start, end=days.start - timedelta(days=1))
        assert len(trading_calendar("XNYS").within(before)) >= sessions
    assert look_back(days, 0) == days
