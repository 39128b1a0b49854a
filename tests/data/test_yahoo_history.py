"""Yahoo's closes by way of the store: what is asked of Yahoo, when, and what is held afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.data.databento_bench import CLOCK
from tests.data.store_world import files_of, run, states
from tests.data.test_yahoo import Reply, chart
from vaultdash.data.bars.daily import digest_of_records
from vaultdash.data.calendars import trading_calendar
from vaultdash.data.catalog import gold_ounces_per_share
from vaultdash.data.request import DataRequest, Series
from vaultdash.data.store.store import Store
from vaultdash.data.store.writer import SeriesWriter
from vaultdash.data.vendors.retry import Retries
from vaultdash.data.vendors.yahoo import YahooSource
from vaultdash.data.vendors.yahoo_history import yahoo_closes
from vaultdash.errors import (
    MissingExtraError,
    NoClosesError,
    RequestRefusedError,
    StoreDamagedError,
    VendorUnreachableError,
    WindowNotCoveredError,
)
from vaultdash.market import DailyCloses, DateRange, Window, midnight_ns

XNYS = trading_calendar("XNYS")
NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2024, 6, 5, 16, 0, tzinfo=UTC)
GLD = Series(source="yahoo", dataset="YAHOO", schema="ohlcv-1d", symbol="GLD", stype_in="raw_symbol")
FOLDER = "yahoo/YAHOO/ohlcv-1d/raw_symbol/GLD"
KILLED = -signal.SIGKILL


def window(first: str, last: str) -> DateRange:
    return DateRange(start=date.fromisoformat(first), end=date.fromisoformat(last))


SPRING = window("2024-03-01", "2024-05-31")


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=NEW_YORK)


class World:
    """A Yahoo that knows every session of New York since `first`, a store, and the time of both."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.now = NOON
        self.first = date(2000, 1, 3)
        self.factor = 1.0
        self.splits: dict[str, Any] = {}
        self.failure: Exception | None = None
        self.asked: list[tuple[str, str]] = []

    def get(self, url: str, params: Any = None, timeout: float = 30) -> Reply:  # noqa: ARG002 - yfinance's own
        if self.failure is not None:
            raise self.failure
        if "period1" not in params:
            return Reply(chart([(midnight(XNYS.sessions[0]), 1.0, 1)]))
        start, end = (datetime.fromtimestamp(params[name], NEW_YORK).date() for name in ("period1", "period2"))
        self.asked.append((str(start), str(end - timedelta(days=1))))
        days = [day for day in XNYS.sessions if max(start, self.first) <= day < end and midnight(day) < self.now]
        if not days:
            error = {"code": "Bad Request", "description": "Data doesn't exist for startDate = 1, endDate = 2"}
            return Reply({"chart": {"result": None, "error": error}})
        rows: list[Any] = [(midnight(day) + timedelta(hours=9.5), self.price(day), 1_000) for day in days]
        splits = {at: split for at, split in self.splits.items() if start <= _day_of(split) < end}
        return Reply(chart(rows, **({"splits": splits} if splits else {})))

    def price(self, day: date) -> float:
        return self.factor * (100.0 + day.month + day.day / 100)

    def split_on(self, day: date) -> None:
        moment = int((midnight(day) + timedelta(hours=9.5)).timestamp())
        self.splits[str(moment)] = {"date": moment, "numerator": 2, "denominator": 1, "splitRatio": "2:1"}
        self.factor /= 2

    @property
    def store(self) -> Store:
        return Store(self.home, clock=lambda: self.now)

    def closes(self, days: DateRange, symbol: str = "GLD") -> DailyCloses:
        source = YahooSource(now=lambda: self.now, retries=Retries(clock=CLOCK))
        return yahoo_closes(self.store, source, symbol, days)


def _day_of(split: dict[str, Any]) -> date:
    return datetime.fromtimestamp(split["date"], NEW_YORK).date()


def answer_with(world: World, set_attribute: Callable[[Any, str, Any], None]) -> None:
    """Let Yahoo's HTTP requests be answered by a world."""
    import yfinance  # noqa: PLC0415
    from yfinance.data import YfData  # noqa: PLC0415

    yfinance.set_tz_cache_location(str(world.home.parent / "zones"))
    set_attribute(YfData, "get", world.get)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    pytest.importorskip("yfinance", reason="Yahoo is an extra")
    world = World(tmp_path / "home")
    answer_with(world, monkeypatch.setattr)
    return world


def no_connection() -> Exception:
    web = pytest.importorskip("curl_cffi.requests.exceptions", reason="yfinance's HTTP library")
    failure: Exception = web.ConnectionError("Failed to connect")
    return failure


def test_what_is_fetched_is_held_by_the_month(world: World) -> None:
    closes = world.closes(SPRING)
    assert world.asked == [("2024-03-01", "2024-05-31")]
    assert [day.date for day in closes.days] == list(XNYS.within(SPRING))
    assert [day.close for day in closes.days] == [world.price(day.date) for day in closes.days]
    assert (closes.source, closes.close_basis, closes.is_synthetic, closes.notes) == ("yahoo", "vendor", False, ())

    records = world.store.records(DataRequest(series=GLD, window=Window.of_days(SPRING)))
    assert closes.digest == digest_of_records(record.manifest.sha256 for record in records)
    assert [record.partition.name for record in records] == ["2024-03", "2024-04", "2024-05"]
    march = records[0].manifest
    assert (march.first_ts, march.last_ts) == (midnight_ns(date(2024, 3, 1)), midnight_ns(date(2024, 3, 28)))
    assert (march.rows, march.quoted_usd, march.downloaded_at) == (20, 0.0, NOON)
    assert march.client_version == YahooSource().client_version
    names = {f"{FOLDER}/{record.path.name}" for record in records} | {f"{FOLDER}/2024-0{n}.json" for n in (3, 4, 5)}
    assert files_of(world.store) == names
    assert set(states(world.store)) == {"ok"}


def test_what_is_fresh_is_not_asked_for_again(world: World) -> None:
    first = world.closes(SPRING)
    world.now += timedelta(days=1)
    world.failure = AssertionError("nothing is asked")
    assert world.closes(SPRING) == first
    assert world.closes(window("2024-04-10", "2024-04-12")).held == window("2024-04-01", "2024-04-30")


def test_only_missing_months_are_asked_for(world: World) -> None:
    world.closes(window("2024-03-15", "2024-03-20"))
    world.closes(window("2024-02-20", "2024-04-02"))
    assert world.asked == [("2024-03-01", "2024-03-31"), ("2024-02-01", "2024-02-29"), ("2024-04-01", "2024-04-30")]


def test_what_has_aged_is_asked_for_again(world: World) -> None:
    world.closes(SPRING)
    world.now += timedelta(days=1, seconds=1)
    world.factor = 1.1
    closes = world.closes(SPRING)
    # The question is the same to the letter, and still it is Yahoo that answers and not yfinance's memory.
    assert world.asked == [("2024-03-01", "2024-05-31")] * 2
    assert closes.days[0].close == world.price(date(2024, 3, 1))
    assert len(files_of(world.store)) == 6
    assert set(states(world.store)) == {"ok"}


def test_a_session_is_asked_for_once_it_is_over(world: World) -> None:
    days = window("2024-06-03", "2024-06-07")
    closes = world.closes(days)
    assert closes.held == window("2024-06-03", "2024-06-04")
    assert closes.notes == (
        "yahoo: 3 sessions were not over and have no close yet (2024-06-05, 2024-06-06, 2024-06-07)",
    )
    world.now = datetime(2024, 6, 5, 20, 0, tzinfo=UTC)
    closes = world.closes(days)
    assert closes.held == window("2024-06-03", "2024-06-05")
    assert closes.notes == ("yahoo: 2 sessions were not over and have no close yet (2024-06-06, 2024-06-07)",)
    # The month is one record still.
    assert world.asked == [("2024-06-01", "2024-06-04"), ("2024-06-01", "2024-06-05")]
    assert len(files_of(world.store)) == 2


def test_months_before_the_first_are_remembered(world: World) -> None:
    world.first = date(2024, 4, 15)
    closes = world.closes(SPRING)
    assert closes.held.start == date(2024, 4, 15)
    records = world.store.records(DataRequest(series=GLD, window=Window.of_days(SPRING)))
    assert [record.manifest.is_empty for record in records] == [True, False, False]
    with pytest.raises(NoClosesError, match="Yahoo's history of GLD gives no daily close: it holds no rows"):
        world.closes(window("2024-03-01", "2024-03-28"))
    assert len(world.asked) == 1
    with pytest.raises(NoClosesError, match="it holds no rows"):
        world.closes(window("2024-01-02", "2024-01-31"))
    assert world.closes(window("2024-01-02", "2024-05-31")).days == closes.days
    assert world.asked[1:] == [("2024-01-01", "2024-01-31"), ("2024-02-01", "2024-02-29")]


def test_without_a_network_what_is_held_is_used_and_told(world: World) -> None:
    fresh = world.closes(SPRING)
    world.now += timedelta(days=40)
    world.failure = no_connection()
    closes = world.closes(SPRING)
    assert closes.days == fresh.days
    (note,) = closes.notes
    assert note.startswith(
        "yahoo: the oldest prices used were fetched on 2024-06-05, 40 days ago, and may have been revised since; "
        "fetching them again failed: Yahoo could not be reached"
    )
    with pytest.raises(VendorUnreachableError):
        world.closes(window("2024-02-20", "2024-04-02"))
    world.now = NOON + timedelta(hours=25)
    assert "1 day ago" in world.closes(SPRING).notes[0]


def test_without_a_network_and_nothing_held(world: World) -> None:
    world.failure = no_connection()
    with pytest.raises(VendorUnreachableError, match=r"Yahoo could not be reached.* It was tried 5 times"):
        world.closes(SPRING)
    assert files_of(world.store) == set()


def test_without_yfinance_what_is_held_is_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.closes(SPRING)
    monkeypatch.setitem(sys.modules, "yfinance", None)
    assert world.closes(SPRING).notes == ()
    world.now += timedelta(days=2)
    assert "2 days ago" in world.closes(SPRING).notes[0]
    with pytest.raises(MissingExtraError):
        world.closes(window("2024-02-20", "2024-04-02"))


def test_prices_of_before_and_after_a_split_are_never_joined(world: World) -> None:
    both = window("2024-05-01", "2024-06-07")
    world.closes(window("2024-05-01", "2024-05-31"))
    world.split_on(date(2024, 6, 5))
    world.now = datetime(2024, 6, 6, 12, 0, tzinfo=UTC)
    closes = world.closes(both)
    # May was fresh, but of before the split.
    assert world.asked[1:] == [("2024-06-01", "2024-06-05"), ("2024-05-01", "2024-05-31")]
    assert [day.close for day in closes.days] == [world.price(day.date) for day in closes.days]
    assert closes.notes[0].endswith("but divided by it (2024-06-05)")
    assert world.closes(both) == closes
    assert len(world.asked) == 3


def test_prices_of_before_and_after_a_split_are_refused_without_a_network(world: World) -> None:
    both = window("2024-05-01", "2024-06-07")
    world.closes(window("2024-05-01", "2024-05-31"))
    world.split_on(date(2024, 6, 5))
    world.now = datetime(2024, 6, 7, 12, 0, tzinfo=UTC)
    world.closes(window("2024-06-03", "2024-06-05"))
    world.failure = no_connection()
    with pytest.raises(VendorUnreachableError):
        world.closes(both)
    assert world.closes(window("2024-05-01", "2024-05-31")).days[0].close == 2 * world.price(date(2024, 5, 1))


def test_an_ounce_of_gold_is_read_from_the_fund(world: World) -> None:
    fund, ounce = world.closes(SPRING), world.closes(SPRING, "xauusd")
    assert len(world.asked) == 1
    assert ounce.symbol == "XAU"
    assert ounce.notes[-1] == "yahoo: XAU is a proxy, GLD's close over the ounces of gold a share stands for"
    first = ounce.days[0]
    assert first.close == fund.days[0].close / gold_ounces_per_share(first.date)
    assert first.open is None


def test_a_symbol_outside_the_catalog_is_one_series_in_any_case(world: World) -> None:
    world.closes(SPRING, "spy")
    world.closes(SPRING, "SPY")
    assert len(world.asked) == 1
    assert [holding.series.symbol for holding in world.store.holdings()] == ["SPY"]


def test_what_yahoo_is_not_asked_for(world: World) -> None:
    with pytest.raises(RequestRefusedError, match="names no symbol of Yahoo's"):
        world.closes(SPRING, "CL")
    for days in (window("2024-06-05", "2024-06-30"), window("1998-01-01", "1998-12-31")):
        with pytest.raises(WindowNotCoveredError, match=r"it holds 2000-01-03\.\.2024-06-04"):
            world.closes(days)
    assert world.asked == []
    assert not world.home.exists()


def test_a_damaged_record_is_told(world: World) -> None:
    world.closes(SPRING)
    records = world.store.records(DataRequest(series=GLD, window=Window.of_days(SPRING)))
    data = records[0].path.read_bytes()
    records[0].path.write_bytes(data[:-1] + b"X")
    with pytest.raises(StoreDamagedError, match="sha256"):
        world.closes(SPRING)
    assert sorted(states(world.store)) == ["damaged", "ok", "ok"]
    assert world.closes(SPRING).held == window("2024-03-01", "2024-05-31")


def fetch_and_die(home: Path) -> None:
    """Fetch the spring, and die by kill -9 when the download is there and its admission is to begin."""

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    world = World(home)
    answer_with(world, setattr)
    setattr(SeriesWriter, "admit", die)  # noqa: B010 - a method of a class that mypy would keep as it is
    world.closes(SPRING)


def test_killed_between_the_download_and_its_admission(world: World) -> None:
    assert run(fetch_and_die, world.home) == KILLED
    assert len([name for name in files_of(world.store) if name.startswith("incoming/")]) == 4
    assert states(world.store) == []
    assert world.closes(SPRING).held == window("2024-03-01", "2024-05-31")
    assert len(files_of(world.store)) == 6
    assert set(states(world.store)) == {"ok"}


def test_what_is_held_is_read_without_the_heavy_libraries(world: World) -> None:
    world.closes(SPRING)
    asked = (
        "import sys, pathlib, datetime\n"
        "from vaultdash.data.store.store import Store\n"
        "from vaultdash.data.vendors.yahoo import YahooSource\n"
        "from vaultdash.data.vendors.yahoo_history import yahoo_closes\n"
        "from vaultdash.market import DateRange\n"
        f"now = datetime.datetime.fromisoformat('{NOON.isoformat()}')\n"
        "store, source = Store(pathlib.Path(sys.argv[1]), clock=lambda: now), YahooSource(now=lambda: now)\n"
        "days = DateRange(start=datetime.date(2024, 3, 1), end=datetime.date(2024, 5, 31))\n"
        "print(len(yahoo_closes(store, source, 'GLD', days).days), *sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", asked, world.home], capture_output=True, text=True, check=True)
    assert ran.stdout.split()[0] == str(len(XNYS.within(SPRING)))
    assert {"pandas", "yfinance", "databento", "polars"}.isdisjoint(ran.stdout.split())
