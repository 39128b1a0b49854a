"""The made-up market: one answer per window however it is cut; bars, trades and sessions fit together."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from tests.gateway.catalog import DATASETS, time_field
from tests.gateway.market import Market, Query
from tests.gateway.paths import day_number
from tests.gateway.symbology import UnresolvedError
from tests.gateway.tape import DAY, MINUTE


def nanos(text: str) -> int:
    return round(dt.datetime.fromisoformat(f"{text}+00:00").timestamp()) * 10**9


def query(dataset: str, schema: str, symbol: str, start: str, end: str) -> Query:
    stype_in = "continuous" if ".v." in symbol else "parent" if "." in symbol else "raw_symbol"
    return Query(
        dataset=dataset,
        schema=schema,
        symbols=(symbol,),
        stype_in=stype_in,
        start=nanos(start),
        end=nanos(end),
    )


def days_of(found: np.ndarray[tuple[int], np.dtype[np.void]]) -> list[str]:
    return [str(np.datetime64(int(moment), "ns"))[:10] for moment in found["ts_event"]]


SYMBOLS = {"shares": "GLD", "futures": "GC.FUT", "options": "GLD.OPT"}
EVERYTHING = [
    query(dataset.name, schema, SYMBOLS[dataset.calendar], "2025-03-05T07:00", "2025-03-11T15:00")
    for dataset in DATASETS.values()
    for schema in dataset.schemas
    if (dataset.name, schema) != ("OPRA.PILLAR", "cbbo-1m")
]
EVERYTHING.append(query("OPRA.PILLAR", "cbbo-1m", "GLD.OPT", "2025-03-10T19:50", "2025-03-11T13:40"))


@pytest.mark.parametrize("whole", EVERYTHING, ids=lambda q: f"{q.dataset}-{q.schema}")
def test_a_window_is_the_sum_of_its_parts(whole: Query) -> None:
    market, other = Market(trades_per_day=2_000), Market(trades_per_day=2_000)
    found = market.records(whole)
    field = time_field(whole.schema)
    assert len(found) > 0
    assert (np.diff(found[field].astype(np.int64)) >= 0).all()
    assert found[field].min() >= whole.start
    assert found[field].max() < whole.end
    for share in (0.21, 0.5, 0.83):
        cut = int(whole.start + (whole.end - whole.start) * share) + 7
        halves = replace(whole, end=cut), replace(whole, start=cut)
        assert sum(map(other.count, halves)) == len(found) == market.count(whole)
        assert b"".join(other.records(half).tobytes() for half in halves) == found.tobytes()
        assert sum(map(other.cost, halves)) == market.cost(whole)


def test_bars_are_made_of_the_trades() -> None:
    market = Market()
    day = query("GLBX.MDP3", "trades", "ESH4", "2024-03-07", "2024-03-08")
    trades = market.records(day)
    minute = trades["ts_recv"] // np.uint64(MINUTE)
    starts = np.flatnonzero(np.diff(minute, prepend=0))
    ends = np.append(starts[1:], len(trades)) - 1
    bars = market.records(replace(day, schema="ohlcv-1m"))
    assert (bars["open"] == trades["price"][starts]).all()
    assert (bars["close"] == trades["price"][ends]).all()
    assert (bars["high"] == np.maximum.reduceat(trades["price"], starts)).all()
    assert (bars["low"] == np.minimum.reduceat(trades["price"], starts)).all()
    assert (bars["volume"] == np.add.reduceat(trades["size"].astype(np.uint64), starts)).all()
    (daily,) = market.records(replace(day, schema="ohlcv-1d"))
    assert daily["volume"] == trades["size"].sum()
    assert 15_000 < len(trades) < 25_000


def test_sessions_of_shares() -> None:
    market = Market(trades_per_day=2_000)
    rows = days_of(market.records(query("EQUS.SUMMARY", "ohlcv-1d", "GLD", "2025-01-01", "2025-02-01")))
    shut = {"2025-01-01", "2025-01-09", "2025-01-20"}
    weekdays = [f"2025-01-{day:02d}" for day in range(1, 32) if dt.date(2025, 1, day).weekday() < 5]
    assert rows == [day for day in weekdays if day not in shut]


def test_evening_trades_make_saturday_rows_in_winter_only() -> None:
    market = Market()
    winter = days_of(market.records(query("ARCX.PILLAR", "ohlcv-1d", "GLD", "2020-02-03", "2020-02-10")))
    summer = days_of(market.records(query("ARCX.PILLAR", "ohlcv-1d", "GLD", "2020-07-06", "2020-07-13")))
    assert winter[-1] == "2020-02-08"
    assert summer[-1] == "2020-07-10"


def test_shut_days_are_unknown_symbols_unless_told_otherwise() -> None:
    weekend = query("GLBX.MDP3", "trades", "ES.v.0", "2024-03-09", "2024-03-10")
    with pytest.raises(UnresolvedError):
        Market().count(weekend)
    market = Market(shut_days_resolve=True)
    assert market.count(weekend) == len(market.records(weekend)) == 0


def test_futures_week_begins_on_sunday_evening() -> None:
    market = Market()
    hours = market.records(query("GLBX.MDP3", "ohlcv-1h", "GC.v.0", "2024-07-06", "2024-07-09"))
    assert str(np.datetime64(int(hours["ts_event"][0]), "ns")).startswith("2024-07-07T22")
    assert not (hours["ts_event"] % np.uint64(DAY) // np.uint64(60 * MINUTE) == 21).any()


def test_gold_falls_in_march_2020_and_gc_is_gold_per_ounce() -> None:
    market = Market()
    gld = market.records(query("ARCX.PILLAR", "ohlcv-1d", "GLD", "2020-02-15", "2020-04-16"))
    gold = market.records(query("GLBX.MDP3", "ohlcv-1d", "GC.v.0", "2020-02-24", "2020-02-25"))
    assert days_of(gld)[:2] == ["2020-02-15", "2020-02-18"]  # Friday's evening trades, then the first session
    assert gld["close"].min() < 0.92 * gld["close"][0]
    assert 10.0 < gold["close"][0] / gld["close"][days_of(gld).index("2020-02-24")] < 11.0


def test_raw_symbols_of_futures_come_again_after_ten_years() -> None:
    market = Market()
    found = [
        market.resolve(query("GLBX.MDP3", "trades", "ESH4", f"{year}-03-06", f"{year}-03-07")).pieces[0]
        for year in (2014, 2024)
    ]
    assert found[0].symbol == found[1].symbol
    assert found[0].instrument.instrument_id != found[1].instrument.instrument_id


def test_asking_twice_for_one_contract_gives_it_once() -> None:
    market = Market(trades_per_day=500)
    one = query("GLBX.MDP3", "trades", "ESH4", "2024-03-07", "2024-03-08")
    assert market.count(replace(one, symbols=("ESH4", "ESH4"))) == market.count(one)
    number = str(market.resolve(one).pieces[0].instrument.instrument_id)
    by_number = replace(one, symbols=(number,), stype_in="instrument_id")
    assert market.records(by_number).tobytes() == market.records(one).tobytes()


@pytest.mark.parametrize(
    ("symbol", "stype_in"),
    [
        ("GC=F", "raw_symbol"),
        ("GC", "raw_symbol"),
        ("GC", "continuous"),
        ("GC", "parent"),
        ("CL.OPT", "parent"),
    ],
)
def test_symbols_that_stand_for_nothing(symbol: str, stype_in: str) -> None:
    asked = replace(query("GLBX.MDP3", "trades", symbol, "2024-03-07", "2024-03-08"), stype_in=stype_in)
    with pytest.raises(UnresolvedError):
        Market().resolve(asked)


def test_history_ends_where_it_is_told_to() -> None:
    market = Market()
    market.set_available_end("2025-06-01")
    assert market.coverage["GLBX.MDP3"]["trades"][1] == day_number(dt.date(2025, 6, 1)) * DAY
