from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.data.sample_requests import HOUR, MINUTE, ask, ask_records, client_store, ns
from tests.data.sample_series import sample_closes
from vaultdash.data.calendars import session_times, trading_calendar
from vaultdash.market import DateRange

DAY = 24 * HOUR
CENT, DIME, QUARTER, NICKEL = 10**7, 10**8, 25 * 10**7, 5 * 10**7

# The weeks of both clock changes, of the shortest sessions, of a roll, and of the greatest fall.
WEEKS = [
    ("2024-03-08", "2024-03-15"),
    ("2024-11-01", "2024-11-06"),
    ("2024-11-25", "2024-11-29"),
    ("2020-03-09", "2020-03-20"),
]

Prices = tuple[int, int, int, int, int]


def added_up(records: Any, length: int) -> dict[tuple[int, int], Prices]:
    """Bars of a length by (instrument, start), from shorter ones in order of time: plain Python, no shared code."""
    bars: dict[tuple[int, int], Prices] = {}
    for row in records.tolist():
        _, _, _, instrument, start, opened, high, low, close, volume = row
        key = instrument, start // length * length
        if key in bars:
            first, highest, lowest, _, total = bars[key]
            bars[key] = first, max(highest, high), min(lowest, low), close, total + volume
        else:
            bars[key] = opened, high, low, close, volume
    return bars


@pytest.mark.parametrize("week", WEEKS, ids="..".join)
@pytest.mark.parametrize("symbol", ["GLD", "GC.v.0", "ES.v.0", "GC.FUT", "ES.FUT", "GCJ4", "ESH4"])
def test_minutes_make_the_hours_and_hours_the_days(symbol: str, week: tuple[str, str]) -> None:
    days, hours, minutes = (ask_records(f"ohlcv-{length}", symbol, *week) for length in ("1d", "1h", "1m"))
    assert added_up(minutes, HOUR) == added_up(hours, HOUR)
    assert added_up(hours, DAY) == added_up(days, DAY)
    assert len(added_up(days, DAY)) == len(days)


def test_gld_days_are_the_daily_closes() -> None:
    records = ask_records("ohlcv-1d", "GLD", "2004-11-18", "2026-03-31")
    closes = sample_closes("GLD").days
    assert [row["ts_event"] for row in records] == [ns(str(day.date)) for day in closes]
    for name in ("open", "high", "low", "close"):
        assert (records[name] / 1e9).tolist() == [getattr(day, name) for day in closes]
    assert records["volume"].tolist() == [day.volume for day in closes]


@pytest.mark.parametrize("week", WEEKS, ids="..".join)
def test_gc_sessions_close_at_the_daily_closes(week: tuple[str, str]) -> None:
    hours = ask_records("ohlcv-1h", "GC.v.0", *week)
    found = {}
    for row in hours:
        start = datetime.fromtimestamp(int(row["ts_event"]) / 1e9, UTC)
        found[session_of(start)] = row["close"] / 1e9
    window = DateRange(start=date.fromisoformat(week[0]), end=date.fromisoformat(week[1]))
    expected = {day.date: day.close for day in sample_closes("GC").between(window)}
    assert {day: found[day] for day in expected} == expected


def session_of(moment: datetime) -> date:
    """The CMES session that trades at a moment, found the slow way."""
    days = trading_calendar("CMES").within(DateRange(start=moment.date(), end=date.fromordinal(moment.toordinal() + 4)))
    return next(day for day in days if moment < session_times("CMES", day)[1])


def test_trades_make_the_minutes() -> None:
    """A short session, the Friday after Thanksgiving: every print counted into its minute by `ts_recv`."""
    for symbol in ("GC.v.0", "ES.FUT"):
        window = "2024-11-28T23:00", "2024-11-29T18:00"
        trades = ask_records("trades", symbol, *window)
        minutes: dict[tuple[int, int], list[int]] = {}
        columns = (trades[name].tolist() for name in ("instrument_id", "ts_recv", "price", "size"))
        for instrument, moment, price, size in zip(*columns, strict=True):
            key = instrument, moment // MINUTE * MINUTE
            bar = minutes.setdefault(key, [price, price, price, price, 0])
            bar[1], bar[2], bar[3], bar[4] = max(bar[1], price), min(bar[2], price), price, bar[4] + size
        bars = added_up(ask_records("ohlcv-1m", symbol, *window), MINUTE)
        assert {key: tuple(bar) for key, bar in minutes.items()} == bars
        assert len(bars) > 1_000


@pytest.mark.parametrize("symbol", ["GLD", "GC.v.0", "ES.FUT"])
def test_bars_hold_their_open_and_close_between_low_and_high(symbol: str) -> None:
    for schema in ("ohlcv-1d", "ohlcv-1h", "ohlcv-1m"):
        records = ask_records(schema, symbol, "2024-03-04", "2024-03-15")
        assert (records["low"] <= np.minimum(records["open"], records["close"])).all()
        assert (records["high"] >= np.maximum(records["open"], records["close"])).all()
        assert (records["volume"] > 0).all()
        assert (np.diff(records["ts_event"].astype(np.int64)) >= 0).all()


def test_twenty_years_of_days_stand_on_the_tick() -> None:
    for symbol, tick in (("GLD", CENT), ("GC.v.0", DIME), ("ES.v.0", QUARTER)):
        records = ask_records("ohlcv-1d", symbol, "2004-11-18", "2026-03-31")
        for name in ("open", "high", "low", "close"):
            assert (records[name] % tick == 0).all()
            assert (records[name] > 0).all()


# When trading may take place around a clock change and on a half day, by hand: (symbol, from, to, hours it is open).
HOURS = [
    # US clocks go forward on Sunday 2024-03-10, so Chicago's evening opening comes an hour earlier in UTC.
    (
        "ES.FUT",
        "2024-03-08",
        "2024-03-11",
        [("2024-03-07T23:00", "2024-03-08T22:00"), ("2024-03-10T22:00", "2024-03-11T21:00"), ("2024-03-11T22:00", "")],
    ),
    # ... and back on Sunday 2024-11-03.
    (
        "GC.FUT",
        "2024-11-01",
        "2024-11-04",
        [("2024-10-31T22:00", "2024-11-01T21:00"), ("2024-11-03T23:00", "2024-11-04T22:00"), ("2024-11-04T23:00", "")],
    ),
    # Thanksgiving Day and the day after both end at noon in Chicago.
    (
        "GC.v.0",
        "2024-11-28",
        "2024-11-30",
        [("2024-11-27T23:00", "2024-11-28T18:00"), ("2024-11-28T23:00", "2024-11-29T18:00")],
    ),
    (
        "GLD",
        "2024-03-08",
        "2024-03-11",
        [("2024-03-08T14:30", "2024-03-08T21:00"), ("2024-03-11T13:30", "2024-03-11T20:00")],
    ),
    ("GLD", "2024-11-28", "2024-11-29", [("2024-11-29T14:30", "2024-11-29T18:00")]),
]


@pytest.mark.parametrize(("symbol", "start", "end", "opened"), HOURS)
def test_nothing_trades_outside_the_hours(symbol: str, start: str, end: str, opened: list[tuple[str, str]]) -> None:
    schema, clock = ("ohlcv-1m", "ts_event") if symbol == "GLD" else ("trades", "ts_recv")
    moments = ask_records(schema, symbol, start, end)[clock].astype(np.int64)
    inside = np.zeros(len(moments), dtype=bool)
    for opens, closes in opened:
        during = (moments >= ns(opens)) & (moments < (ns(closes) if closes else moments.max() + 1))
        assert during.any()
        inside |= during
        # It trades from its first minute on, and into its last.
        assert opens < f"{start}T" or moments[during].min() < ns(opens) + MINUTE
        assert not closes or moments[during].max() >= ns(closes) - MINUTE
    assert inside.all()


@pytest.mark.parametrize(("symbol", "tick"), [("ES.v.0", QUARTER), ("GC.v.0", DIME)])
def test_prints_look_like_prints(symbol: str, tick: int) -> None:
    trades = ask_records("trades", symbol, "2024-03-06", "2024-03-06")
    recv, event = trades["ts_recv"].astype(np.int64), trades["ts_event"].astype(np.int64)
    assert 50_000 < len(trades) < 400_000
    assert (np.diff(recv) > 0).all()
    assert ((recv - event > 0) & (recv - event < 10**6)).all()
    # The exchange's clock steps back now and then, which is why prints are ordered by the recorder's.
    assert (np.diff(event) < 0).any()
    # The session of 2024-03-07 opens at 23:00 UTC, and numbers from the start again.
    for session in (recv < ns("2024-03-06T22:30"), recv >= ns("2024-03-06T22:30")):
        assert (np.diff(trades["sequence"][session].astype(np.int64)) > 0).all()
    assert (trades["size"] > 0).all()
    assert (trades["price"] % tick == 0).all()
    assert set(trades["action"]) == {b"T"}
    shares = {side: float((trades["side"] == side).mean()) for side in (b"A", b"B", b"N")}
    assert sum(shares.values()) == pytest.approx(1)
    assert 0.01 < shares[b"N"] < 0.06
    assert min(shares[b"A"], shares[b"B"]) > 0.4


def test_buyers_push_prices_up() -> None:
    trades = ask_records("trades", "ES.v.0", "2024-03-06", "2024-03-06")
    signs = np.select([trades["side"] == b"B", trades["side"] == b"A"], [1, -1], 0) * trades["size"].astype(np.int64)
    minute = trades["ts_recv"] // MINUTE
    first = np.flatnonzero(np.append(True, np.diff(minute)))
    last = np.append(first[1:], len(trades)) - 1
    delta = np.add.reduceat(signs, first)
    change = trades["price"][last] - trades["price"][first]
    assert np.corrcoef(delta, change)[0, 1] > 0.2


def test_a_parent_holds_two_expiries_and_their_spread() -> None:
    for root, quoted in (("ES", "far less near"), ("GC", "near less far")):
        _, frame = client_store(ask("ohlcv-1h", f"{root}.FUT", "2024-02-20", "2024-04-05"))
        for _, hour in frame.groupby(level=0):
            near, far = sorted(
                (row for row in hour.itertuples() if "-" not in row.symbol), key=lambda row: row.instrument_id
            )
            (spread,) = (row for row in hour.itertuples() if "-" in row.symbol)
            assert spread.symbol == f"{near.symbol}-{far.symbol}"
            apart = far.close - near.close if quoted == "far less near" else near.close - far.close
            assert spread.close == pytest.approx(apart, abs=0.5)
            assert 0 < abs(spread.close) < near.close / 50
            assert (spread.close > 0) == (root == "ES")


def test_the_continuous_future_is_the_contract_most_traded_the_day_before() -> None:
    for root in ("ES", "GC"):
        _, parent = client_store(ask("ohlcv-1d", f"{root}.FUT", "2023-01-02", "2023-12-29"))
        parent = parent[(parent.index.day_of_week < 5) & ~parent["symbol"].str.contains("-")]
        volumes = parent.set_index("instrument_id", append=True)["volume"].unstack()
        busiest = volumes.idxmax(axis=1).shift(1).dropna()
        _, front = client_store(ask("ohlcv-1d", f"{root}.v.0", "2023-01-02", "2023-12-29"))
        front = front[front.index.day_of_week < 5]
        assert front["instrument_id"].reindex(busiest.index).tolist() == busiest.tolist()
        assert front["instrument_id"].nunique() == {"ES": 5, "GC": 7}[root]
        assert set(front["symbol"]) == {f"{root}.v.0"}


def test_a_roll_falls_on_a_utc_date_and_leaves_a_gap() -> None:
    store, hours = client_store(ask("ohlcv-1h", "ES.v.0", "2024-03-08", "2024-03-11"))
    (mapping,) = store.mappings.items()
    assert mapping[0] == "ES.v.0"
    assert [(str(i["start_date"]), str(i["end_date"]), i["symbol"]) for i in mapping[1]] == [
        ("2024-03-08", "2024-03-11", "1202403"),
        ("2024-03-11", "2024-03-12", "1202406"),
    ]
    evening, monday = hours[hours.index.day == 10], hours[hours.index.day == 11]
    assert set(evening["instrument_id"]) == {1202403}
    assert set(monday["instrument_id"]) == {1202406}
    _, both = client_store(ask("ohlcv-1h", "ES.FUT", "2024-03-08", "2024-03-08"))
    last = both[both.index == both.index.max()].set_index("symbol")["close"]
    assert last["ESM4"] - last["ESH4"] == pytest.approx(last["ESH4-ESM4"], abs=0.5)
    assert 5 < last["ESM4"] - last["ESH4"] < 50


def test_definitions_tell_futures_from_spreads_and_nothing_trades_after_expiry() -> None:
    _, frame = client_store(ask("definition", "ES.FUT", "2024-03-01", "2024-03-31"))
    classes = frame.groupby("raw_symbol")["instrument_class"].agg(set)
    assert {symbol: kinds == {"S" if "-" in symbol else "F"} for symbol, kinds in classes.items()} == dict.fromkeys(
        ["ESH4", "ESM4", "ESU4", "ESH4-ESM4", "ESM4-ESU4"], True
    )
    assert set(frame["min_price_increment"]) == {0.25, 0.05}
    assert set(frame["unit_of_measure_qty"]) == {50.0}
    assert set(frame["exchange"]) == {"SMPL"}
    legs = frame[frame["raw_symbol"] == "ESH4-ESM4"].iloc[:2]
    assert legs[["leg_index", "leg_raw_symbol", "leg_side"]].to_numpy().tolist() == [[0, "ESH4", "A"], [1, "ESM4", "B"]]
    expiry = frame[frame["raw_symbol"] == "ESH4"]["expiration"].iloc[0]
    assert str(expiry) == "2024-03-15 21:00:00+00:00"
    _, trades = client_store(ask("trades", "ESH4", "2024-03-15T20:00", "2024-03-19T00:00"))
    assert expiry - trades.index.max() < np.timedelta64(60, "s")
    assert trades.index.max() < expiry


def test_a_contract_is_itself_under_every_name() -> None:
    """The front contract's prints are the same asked for by its own name, its parent's or the continuous one's."""
    window = "2024-03-06T14:00", "2024-03-06T15:00"
    prints = defaultdict(list)
    for symbol in ("ESH4", "ES.v.0", "ES.FUT"):
        for row in ask_records("trades", symbol, *window):
            if row["instrument_id"] == 1202403:
                prints[symbol].append(row.tobytes())
    assert prints["ESH4"] == prints["ES.v.0"] == prints["ES.FUT"]
    assert len(prints["ESH4"]) > 1_000


def test_a_name_that_comes_round_again_is_another_contract() -> None:
    records = ask_records("ohlcv-1d", "ESH5", "2004-11-18", "2026-03-31")
    assert sorted(set(records["instrument_id"].tolist())) == [1200503, 1201503, 1202503]
    gaps = [later - earlier for earlier, later in pairwise(records["ts_event"].astype(np.int64)) if later > earlier]
    assert sum(gap > 3_000 * DAY for gap in gaps) == 2
