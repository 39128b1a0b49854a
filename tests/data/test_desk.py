"""The data room's desk: which request a person's words become, what is missing for closes, and what needs no vendor."""

from __future__ import annotations

from collections.abc import Iterator
from math import fsum
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.data.databento_bench import days
from tests.data.test_bought import between
from tests.data.test_history import GENEROUS, billable, clean, enter_home, forget_coverage
from tests.gateway import Gateway
from tests.gateway.faults import ALWAYS, Fault, html, server_error, too_many_requests, unauthorized
from vaultdash.data.desk import DataDesk
from vaultdash.data.samplemarket.path import SAMPLE_WINDOW, daily_path
from vaultdash.errors import (
    CoverageError,
    DataNotHeldError,
    MissingKeyError,
    OptionsConflictError,
    ParentSymbolError,
    UnknownNameError,
    VendorError,
)
from vaultdash.market import DateRange

COVID = between("2020-02-18", "2020-04-15")


@pytest.fixture(scope="module")
def running() -> Iterator[Gateway]:
    with Gateway(trades_per_day=2_000) as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    enter_home(tmp_path / "home", monkeypatch)
    with clean(running, monkeypatch):
        yield running


def desk_at(home: Path, gateway: Gateway | None, *, url: str | None = None) -> DataDesk:
    key = SecretStr(gateway.key) if gateway else None
    return DataDesk(home, limits=GENEROUS, key=key, gateway=url or (gateway.url if gateway else None))


@pytest.fixture
def desk(gateway: Gateway, tmp_path: Path) -> DataDesk:
    return desk_at(tmp_path / "home", gateway)


@pytest.mark.parametrize(
    ("symbol", "schema", "window", "series"),
    [
        ("GLD", "ohlcv-1d", COVID, "ARCX.PILLAR ohlcv-1d GLD (raw_symbol)"),
        ("GLD", "ohlcv-1d", between("2025-01-02", "2025-02-03"), "EQUS.SUMMARY ohlcv-1d GLD (raw_symbol)"),
        ("GLD", "ohlcv-1h", between("2025-01-02", "2025-02-03"), "ARCX.PILLAR ohlcv-1h GLD (raw_symbol)"),
        ("gc=f", "ohlcv-1h", COVID, "GLBX.MDP3 ohlcv-1h GC.v.0 (continuous)"),
        ("ES.v.0", "trades", COVID, "GLBX.MDP3 trades ES.v.0 (continuous)"),
        ("GLD.OPT", "definition", COVID, "OPRA.PILLAR definition GLD.OPT (parent)"),
    ],
)
def test_words_become_a_series_of_the_first_dataset_that_covers_them(
    desk: DataDesk, symbol: str, schema: str, window: DateRange, series: str
) -> None:
    assert str(desk.request("databento", symbol, schema, window).series) == f"databento {series}"


def test_what_cannot_be_asked_is_refused(desk: DataDesk, gateway: Gateway) -> None:
    with pytest.raises(ParentSymbolError, match=r"Use ES\.v\.0"):
        desk.request("databento", "ES.FUT", "ohlcv-1d", COVID)
    with pytest.raises(UnknownNameError, match="nobody"):
        desk.request("nobody", "GLD", "ohlcv-1d", COVID)
    with pytest.raises(OptionsConflictError, match="Name the dataset too"):
        desk.request("databento", "GLD", "ohlcv-1d", COVID, stype_in="raw_symbol")
    with pytest.raises(CoverageError, match="source yahoo, GLD"):
        desk.request("databento", "GLD", "ohlcv-1d", between("2008-07-15", "2008-11-20"))
    assert billable(gateway) == []


def test_closes_that_are_not_held_are_told_with_their_price(desk: DataDesk, gateway: Gateway) -> None:
    with pytest.raises(DataNotHeldError, match=r"what is missing costs 0\.0\d+ USD\. Fetch it first") as caught:
        desk.closes("databento", "GLD", COVID)
    (quote,) = desk.needs("GLD", [COVID])
    assert caught.value.usd == quote.usd
    assert billable(gateway) == []
    desk.history.fetch(quote.request)
    gateway.reset()
    assert desk.closes("databento", "GLD", COVID).between(COVID)[0].date == COVID.start
    assert gateway.requests == []
    assert all(quote.is_held for quote in desk.needs("GLD", [COVID]))


@pytest.mark.parametrize(
    "ranges",
    [
        [between("2020-08-06", "2021-03-31"), between("2022-01-03", "2022-12-30"), between("2022-03-08", "2022-11-03")],
        [between("2020-01-06", "2020-03-31"), between("2020-03-02", "2020-05-29")],
        [between("2020-03-02", "2020-05-29"), between("2020-01-06", "2020-07-31")],
    ],
    ids=["one inside another", "half over each other", "around another"],
)
def test_months_that_several_windows_need_are_priced_once(
    desk: DataDesk, gateway: Gateway, ranges: list[DateRange]
) -> None:
    quotes = desk.needs("GLD", ranges)
    total = fsum(quote.usd or 0.0 for quote in quotes)
    receipts = [desk.history.fetch(quote.request) for quote in quotes]
    assert fsum(receipt.usd for receipt in receipts) == pytest.approx(gateway.billed_usd)
    assert total == pytest.approx(gateway.billed_usd)


def test_a_look_back_before_all_history_is_left_out(desk: DataDesk) -> None:
    # ARCX.PILLAR begins on 2018-05-01.
    window = between("2018-06-01", "2018-06-29")
    request = desk.request_for_closes("databento", "GLD", window, sessions_before=252)
    assert request.window == days("2018-06-01", "2018-06-29")
    longer = desk.request_for_closes("databento", "GLD", COVID, sessions_before=20)
    assert longer.window.start < days("2020-02-01", "2020-02-01").start
    with pytest.raises(CoverageError):
        desk.request_for_closes("databento", "GLD", between("2008-07-15", "2008-11-20"), sessions_before=20)


def test_closes_of_the_sample_go_through_the_store_and_are_the_sample(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, None)
    window = between("2022-01-03", "2022-03-31")
    for symbol in ("GLD", "GC", "XAU"):
        closes = desk.closes("sample", symbol, window)
        assert closes.is_synthetic
        expected = [(day.date, day.close) for day in daily_path(symbol) if window.start <= day.date <= window.end]
        assert [day.date for day in closes.between(window)] == [day for day, _ in expected]
        assert [day.close for day in closes.between(window)] == pytest.approx(
            [close for _, close in expected], rel=1e-5
        )
    assert not (tmp_path / "spend.sqlite").exists()
    first = between(str(SAMPLE_WINDOW.start), "2004-12-31")
    assert desk.closes("sample", "GLD", first, sessions_before=60).days[0].date == SAMPLE_WINDOW.start


# --- what is held needs no vendor


def test_held_closes_are_read_without_a_key_and_without_the_vendor(
    desk: DataDesk, gateway: Gateway, tmp_path: Path
) -> None:
    desk.history.fetch(desk.request_for_closes("databento", "GLD", COVID))
    expected = desk.closes("databento", "GLD", COVID)
    forget_coverage(tmp_path / "home")
    gateway.reset()
    assert desk_at(tmp_path / "home", None).closes("databento", "GLD", COVID) == expected
    down = desk_at(tmp_path / "home", gateway, url="https://127.0.0.1:1")
    assert down.closes("databento", "GLD", COVID) == expected
    assert gateway.requests == []


@pytest.mark.parametrize("fault", [unauthorized(), server_error(), too_many_requests("1"), html()])
def test_held_closes_are_read_whatever_the_vendor_answers(
    desk: DataDesk, gateway: Gateway, tmp_path: Path, fault: Fault
) -> None:
    desk.history.fetch(desk.request_for_closes("databento", "GLD", COVID))
    expected = desk.closes("databento", "GLD", COVID)
    forget_coverage(tmp_path / "home")
    gateway.faults.add("*", fault, times=ALWAYS)
    assert desk_at(tmp_path / "home", gateway).closes("databento", "GLD", COVID) == expected


def test_what_is_not_held_needs_the_key(gateway: Gateway, tmp_path: Path) -> None:
    with pytest.raises(MissingKeyError, match="Set DATABENTO_API_KEY"):
        desk_at(tmp_path / "home", None).closes("databento", "GLD", COVID)
    gateway.faults.add("*", unauthorized(), times=ALWAYS)
    with pytest.raises(VendorError, match="refused the key"):
        desk_at(tmp_path / "home", gateway).closes("databento", "GLD", COVID)
    assert billable(gateway) == []
