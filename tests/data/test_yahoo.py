"""Yahoo through yfinance itself, its HTTP requests answered from here in the shape that Yahoo answers them."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from tests.data.databento_bench import CLOCK
from vaultdash.data.catalog import instrument_for
from vaultdash.data.vendors.retry import Retries
from vaultdash.data.vendors.yahoo import YahooSource
from vaultdash.data.vendors.yahoo_history import read_yahoo_closes
from vaultdash.errors import (
    FileUnreadableError,
    MissingExtraError,
    NoClosesError,
    OutputNotWrittenError,
    RateLimitedError,
    RequestRefusedError,
    SymbolsUnresolvedError,
    UnreadableAnswerError,
    VendorError,
    VendorTimeoutError,
    VendorUnreachableError,
)
from vaultdash.market import DailyCloses, DateRange

GLD = instrument_for("GLD")
NEW_YORK = ZoneInfo("America/New_York")
WEEK = DateRange(start=date(2024, 3, 4), end=date(2024, 3, 8))
LATER = datetime(2024, 4, 1, tzinfo=UTC)

Row = tuple[datetime, float | None, int | None]


def at(day: int, hour: int = 9, minute: int = 30) -> datetime:
    return datetime(2024, 3, day, hour, minute, tzinfo=NEW_YORK)


ROWS: list[Row] = [
    (at(4), 195.89999389648438, 9_000_000),
    (at(5), 197.16000366210938, 12_000_000),
    (at(6), None, None),
    (at(7), 199.60000610351562, 8_000_000),
    (at(8), 201.0, 7_000_000),
]


class Reply:
    """What yfinance reads of an HTTP response."""

    def __init__(self, body: Any, status: int = 200, text: str = "{}") -> None:
        self.body, self.status_code, self.text = body, status, text
        self.url = "https://query2.finance.yahoo.com/v8/finance/chart/GLD"

    def json(self) -> Any:
        if isinstance(self.body, Exception):
            raise self.body
        return self.body


def chart(rows: list[Row], **events: Any) -> dict[str, Any]:
    """Yahoo's answer for daily bars."""
    closes = [close for _, close, _ in rows]
    quote = dict.fromkeys(("open", "high", "low", "close"), closes) | {"volume": [volume for _, _, volume in rows]}
    meta = {
        "currency": "USD", "symbol": "GLD", "instrumentType": "ETF", "exchangeTimezoneName": "America/New_York",
        "validRanges": ["1d", "max"], "priceHint": 2, "firstTradeDate": 1_100_788_200, "gmtoffset": -18_000,
        "regularMarketTime": 1_709_931_600, "currentTradingPeriod": {},
    }  # fmt: skip
    result = {
        "meta": meta,
        "timestamp": [int(moment.timestamp()) for moment, _, _ in rows],
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": closes}]},
        "events": events,
    }
    return {"chart": {"result": [result], "error": None}}


def not_found() -> dict[str, Any]:
    error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
    return {"chart": {"result": None, "error": error}}


Answering = Callable[[Any], list[dict[str, Any]]]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Answering:
    """Let Yahoo answer every request with this, and collect what was asked."""
    yfinance = pytest.importorskip("yfinance", reason="Yahoo is an extra")
    from yfinance.data import YfData  # noqa: PLC0415

    yfinance.set_tz_cache_location(str(tmp_path / "zones"))

    def set_answer(answer: Any) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def get(_: Any, url: str, params: Any = None, timeout: float = 30) -> Reply:
            asked.append({"url": url, "timeout": timeout, **params})
            if isinstance(answer, Exception):
                raise answer
            return answer if isinstance(answer, Reply) else Reply(answer)

        monkeypatch.setattr(YfData, "get", get)
        return asked

    return set_answer


def yahoo(now: datetime = LATER) -> YahooSource:
    return YahooSource(now=lambda: now, retries=Retries(clock=CLOCK))


def closes_of(path: Path) -> DailyCloses:
    return read_yahoo_closes([path], symbol="GLD", calendar="XNYS")


def write_record(path: Path, days: list[date | None], closes: list[float]) -> None:
    """Write a record with a row a day, its prices all one."""
    prices = dict.fromkeys(("open", "high", "low", "close"), closes)
    zeros = [0.0 for _ in days]
    columns = {"is_final": [True for _ in days], "volume": zeros, "stock_splits": zeros, **prices}
    pq.write_table(pa.table({"date": pa.array(days, pa.date32()), **columns}), path)


def fetched(tmp_path: Path, now: datetime = LATER) -> DailyCloses:
    yahoo(now).download(GLD, WEEK, tmp_path / "gld.parquet")
    return closes_of(tmp_path / "gld.parquet")


def test_daily_closes_as_they_were_paid(answering: Answering, tmp_path: Path) -> None:
    asked = answering(chart(ROWS))
    closes = fetched(tmp_path)
    assert [(day.date.day, day.close, day.volume) for day in closes.days] == [
        (4, 195.9, 9_000_000),
        (5, 197.16, 12_000_000),
        (7, 199.6, 8_000_000),
        (8, 201.0, 7_000_000),
    ]
    assert closes.notes == ("yahoo: 1 row without a close was dropped (2024-03-06)",)
    assert (closes.source, closes.close_basis, closes.is_synthetic) == ("yahoo", "vendor", False)
    prices = asked[-1]
    assert prices["url"].endswith("/GLD")
    assert prices["interval"] == "1d"
    # Yahoo's end is exclusive: midnight after the last day, in New York.
    assert datetime.fromtimestamp(prices["period2"], NEW_YORK) == datetime(2024, 3, 9, tzinfo=NEW_YORK)


def test_the_record_holds_what_yahoo_sent(answering: Answering, tmp_path: Path) -> None:
    answering(chart(ROWS))
    fetched(tmp_path)
    record = pq.read_table(tmp_path / "gld.parquet")
    assert record["date"].to_pylist() == [WEEK.start + timedelta(days=n) for n in range(5)]
    assert record["close"][1].as_py() == 197.16000366210938
    assert math.isnan(record["close"][2].as_py())
    assert set(record.column_names) >= {"adjusted_close", "dividends", "stock_splits"}


def test_a_last_day_that_comes_twice_is_its_later_row(answering: Answering, tmp_path: Path) -> None:
    answering(chart([*ROWS, (at(8, 16, 0), 201.5, 7_100_000)]))
    closes = fetched(tmp_path)
    assert [(day.date.day, day.close) for day in closes.days][-2:] == [(7, 199.6), (8, 201.5)]


def test_rows_of_one_day_in_a_record_are_its_last(tmp_path: Path) -> None:
    write_record(tmp_path / "x", [date(2024, 3, 8)] * 2, [200.0, 201.5])
    closes = closes_of(tmp_path / "x")
    assert [day.close for day in closes.days] == [201.5]
    assert closes.notes == ("yahoo: 1 row that a later row of the same day replaced was dropped (2024-03-08)",)


def test_a_session_that_is_not_over_has_no_close(answering: Answering, tmp_path: Path) -> None:
    answering(chart(ROWS))
    closes = fetched(tmp_path, now=at(8, 15, 59))
    assert closes.held.end == date(2024, 3, 7)
    assert "of a session that was not over when it was fetched" in closes.notes[0]
    (tmp_path / "gld.parquet").unlink()
    assert fetched(tmp_path, now=at(8, 16, 0)).held.end == date(2024, 3, 8)


def test_rows_on_closed_days_and_prices_of_nothing(answering: Answering, tmp_path: Path) -> None:
    answering(chart([(at(2), 1.0, 1), *ROWS[:1], (at(5), 0.0, 1), (at(7), -1.0, 1)]))
    closes = fetched(tmp_path)
    assert [day.date.day for day in closes.days] == [4]
    assert [note.partition(" (")[0] for note in closes.notes] == [
        "yahoo: 2 rows without a close were dropped",
        "yahoo: 1 row on days the exchange",
    ]


def test_splits_are_told(answering: Answering, tmp_path: Path) -> None:
    moment = int(at(5).timestamp())
    split = {str(moment): {"date": moment, "numerator": 1, "denominator": 2, "splitRatio": "1:2"}}
    answering(chart(ROWS, splits=split))
    assert fetched(tmp_path).notes[-1].endswith("but divided by it (2024-03-05)")


def test_a_window_without_a_close(answering: Answering, tmp_path: Path) -> None:
    answering(chart([(at(2), 1.0, 1)]))
    with pytest.raises(NoClosesError, match=r"history of GLD .* no row is left to use \(yahoo: 1 row on days"):
        fetched(tmp_path)


def test_days_before_the_first_are_a_record_without_rows(answering: Answering, tmp_path: Path) -> None:
    then = "Data doesn't exist for startDate = 1709528400, endDate = 1709960400"
    answering(chart(ROWS))
    yahoo().download(GLD, WEEK, tmp_path / "the zone is known now")
    answering({"chart": {"result": None, "error": {"code": "Bad Request", "description": then}}})
    with pytest.raises(NoClosesError, match="history of GLD gives no daily close: it holds no rows"):
        fetched(tmp_path)
    assert pq.read_table(tmp_path / "gld.parquet").num_rows == 0


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (not_found(), SymbolsUnresolvedError, "no such symbol, or no prices"),
        (Reply(None), VendorError, "Yahoo"),
        (Reply(ValueError("no json"), text="<html>"), UnreadableAnswerError, "no table of prices"),
        (Reply({}, text="Will be right back"), VendorError, "Yahoo"),
        ({"chart": {"result": [{"meta": {}}], "error": None}}, VendorError, "Yahoo"),
    ],
)
def test_answers_without_prices(
    answering: Answering, tmp_path: Path, answer: Any, kind: type[VendorError], sentence: str
) -> None:
    answering(answer)
    with pytest.raises(kind, match=sentence) as caught:
        yahoo().download(GLD, WEEK, tmp_path / "new")
    assert caught.value.__context__ is None
    assert not (tmp_path / "new").exists()


def test_a_network_that_fails_is_asked_again_and_told(answering: Answering, tmp_path: Path) -> None:
    web = pytest.importorskip("curl_cffi.requests.exceptions", reason="yfinance's HTTP library")
    limits = pytest.importorskip("yfinance.exceptions", reason="Yahoo is an extra")
    for error, kind in (
        (web.ConnectionError("Failed to connect"), VendorUnreachableError),
        (web.Timeout("timed out"), VendorTimeoutError),
        (limits.YFRateLimitError(), RateLimitedError),
    ):
        asked = answering(error)
        with pytest.raises(kind, match=r"Yahoo .* It was tried 5 times"):
            yahoo().download(GLD, WEEK, tmp_path / "new")
        assert len(asked) == 5
        assert list(tmp_path.glob("new*")) == []


def test_yfinance_is_left_as_it_was(answering: Answering, tmp_path: Path) -> None:
    yfinance = pytest.importorskip("yfinance", reason="Yahoo is an extra")
    answering(chart(ROWS))
    fetched(tmp_path)
    assert yfinance.config.debug.hide_exceptions is True


def test_where_yfinance_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "yfinance", None)
    with pytest.raises(MissingExtraError, match=r"python -m pip install 'vaultdash\[yahoo\]'"):
        yahoo().download(GLD, WEEK, tmp_path / "new")


def test_a_name_yahoo_is_not_asked_for(tmp_path: Path) -> None:
    with pytest.raises(RequestRefusedError, match=r"daily bars of CL.*names no symbol of Yahoo's"):
        yahoo().download(instrument_for("CL"), WEEK, tmp_path / "new")


def test_a_symbol_outside_the_catalog_is_asked_for_as_it_is(answering: Answering, tmp_path: Path) -> None:
    asked = answering(chart(ROWS))
    yahoo().download(instrument_for("SPY"), WEEK, tmp_path / "new")
    assert asked[-1]["url"].endswith("/SPY")


def test_a_file_that_is_there_already_is_kept(answering: Answering, tmp_path: Path) -> None:
    answering(chart(ROWS))
    (tmp_path / "new").write_text("precious")
    with pytest.raises(OutputNotWrittenError):
        yahoo().download(GLD, WEEK, tmp_path / "new")
    assert (tmp_path / "new").read_text() == "precious"


@pytest.mark.parametrize("data", [b"", b"PAR1", b"date,close\n2024-03-04,1\n", b"PAR1" + bytes(20) + b"PAR1"])
def test_what_is_no_record(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(FileUnreadableError, match="no record of Yahoo's daily bars"):
        closes_of(tmp_path / "x")


def test_parquet_of_another_kind(tmp_path: Path) -> None:
    pq.write_table(pa.table({"date": ["2024-03-04"], "close": [1.0]}), tmp_path / "x")
    with pytest.raises(FileUnreadableError, match="no record of Yahoo's daily bars"):
        closes_of(tmp_path / "x")
    with pytest.raises(FileUnreadableError, match="No such file"):
        closes_of(tmp_path / "nothing")


def test_a_record_with_a_row_of_no_day(tmp_path: Path) -> None:
    write_record(tmp_path / "x", [date(2024, 3, 8), None], [200.0, 201.5])
    with pytest.raises(FileUnreadableError, match="no record of Yahoo's daily bars"):
        closes_of(tmp_path / "x")


def test_a_damaged_record_is_refused_or_read_and_never_worse(tmp_path: Path) -> None:
    write_record(tmp_path / "whole", [date(2024, 3, 7), date(2024, 3, 8)], [200.0, 201.5])
    whole = (tmp_path / "whole").read_bytes()
    damaged = [whole[:at] for at in range(0, len(whole), 97)]
    damaged += [whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :] for at in range(0, len(whole), 7)]
    refused = 0
    for data in damaged:
        (tmp_path / "x").write_bytes(data)
        try:
            closes_of(tmp_path / "x")
        except (FileUnreadableError, NoClosesError):
            refused += 1
    assert refused > len(damaged) / 4


def test_the_source_is_called_yahoo() -> None:
    assert yahoo().name == "yahoo"
