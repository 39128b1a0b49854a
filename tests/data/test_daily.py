from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.dbn_bytes import DOLLAR, MINUTE, Records, bars
from vaultdash.data.bars.daily import close_basis_of, daily_closes_from_bars, digest_of_records
from vaultdash.data.bars.daily_copy import DailyCopies, copy_key, read_copy, write_copy
from vaultdash.data.calendars import session_times, trading_calendar
from vaultdash.data.dbn.reading import UNDEFINED_PRICE, read_metadata, read_records
from vaultdash.data.request import Series
from vaultdash.errors import NoClosesError, ParentSymbolError, UnknownNameError
from vaultdash.market import DailyClose, DailyCloses, DateRange, Window, midnight_ns

HOUR = 60 * MINUTE
DAY = 24 * HOUR
NEW_YORK, CHICAGO = trading_calendar("XNYS"), trading_calendar("CMES")


def series(schema: str = "ohlcv-1d", **changes: str) -> Series:
    given = {"source": "databento", "dataset": "ARCX.PILLAR", "symbol": "GLD", "stype_in": "raw_symbol"}
    return Series(schema=schema, **(given | changes))


FUTURE = series("ohlcv-1h", dataset="GLBX.MDP3", symbol="GC.v.0", stype_in="continuous")
SUMMARY = series(dataset="EQUS.SUMMARY")


def days(first: str, last: str) -> Window:
    return Window.of_days(DateRange(start=dt.date.fromisoformat(first), end=dt.date.fromisoformat(last)))


def ns(text: str) -> int:
    """A moment of UTC, to the minute."""
    moment = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    return int(moment.timestamp()) * 10**9


def closes_of(
    made: Records | Sequence[Records], *, window: Window, of: Series | None = None, **changes: Any
) -> DailyCloses:
    of = of or series()
    given: dict[str, Any] = {
        "series": of,
        "symbol": of.symbol,
        "calendar": CHICAGO if of.dataset == "GLBX.MDP3" else NEW_YORK,
        "window": window,
        "digest": "d",
        "is_synthetic": False,
    }
    parts = [made] if isinstance(made, np.ndarray) else made
    return daily_closes_from_bars(parts, **(given | changes))


def daily_bars(*dated: tuple[str, float], **columns: Any) -> Records:
    moments = [midnight_ns(dt.date.fromisoformat(day)) for day, _ in dated]
    return bars("ohlcv-1d", moments, [close for _, close in dated], **columns)


def pairs(closes: DailyCloses) -> list[tuple[str, float]]:
    return [(str(day.date), day.close) for day in closes.days]


@pytest.mark.parametrize(
    ("of", "basis"),
    [(SUMMARY, "consolidated"), (series(), "utc_day"), (FUTURE, "session"), (series("ohlcv-1m"), "session")],
)
def test_a_series_says_what_its_closes_are(of: Series, basis: str) -> None:
    assert close_basis_of(of) == basis


def test_closes_are_exact_and_say_what_they_are() -> None:
    closes = closes_of(
        daily_bars(("2022-01-03", 168.33), ("2022-01-04", 169.57)), window=days("2022-01-03", "2022-01-04"), of=SUMMARY
    )
    assert closes.days == (
        DailyClose(date=dt.date(2022, 1, 3), close=168.33, open=168.33, high=168.33, low=168.33, volume=10),
        DailyClose(date=dt.date(2022, 1, 4), close=169.57, open=169.57, high=169.57, low=169.57, volume=10),
    )
    assert (closes.source, closes.close_basis, closes.calendar, closes.digest) == (
        "databento",
        "consolidated",
        "XNYS",
        "d",
    )
    assert closes.notes == ()


@settings(max_examples=50, deadline=None)
@given(price=st.integers(1, 10**7 * 100))
def test_a_price_in_cents_is_its_float(price: int) -> None:
    made = daily_bars(("2022-01-03", 1.0))
    made["close"] = price * 10**7
    assert closes_of(made, window=days("2022-01-03", "2022-01-03")).days[0].close == price / 100


def test_weekends_and_holidays_are_dropped_and_counted() -> None:
    made = daily_bars(
        ("2022-01-14", 1.0), ("2022-01-15", 2.0), ("2022-01-16", 3.0), ("2022-01-17", 4.0), ("2022-01-18", 5.0)
    )
    closes = closes_of(made, window=days("2022-01-14", "2022-01-18"))
    assert pairs(closes) == [("2022-01-14", 1.0), ("2022-01-18", 5.0)]
    assert closes.notes == (
        "databento: 3 bars on days the exchange (XNYS) was closed were dropped (2022-01-15, 2022-01-16, 2022-01-17)",
    )


def test_missing_sessions_are_named() -> None:
    closes = closes_of(daily_bars(("2022-01-03", 1.0), ("2022-01-05", 2.0)), window=days("2022-01-03", "2022-01-05"))
    assert closes.notes == ("databento: 1 session between 2022-01-03 and 2022-01-05 has no close (2022-01-04)",)


def test_undefined_and_impossible_prices_are_dropped_and_counted() -> None:
    made = daily_bars(("2022-01-03", 1.0), ("2022-01-04", 2.0), ("2022-01-05", 3.0), ("2022-01-06", -37.63))
    made["close"][1] = UNDEFINED_PRICE
    made["low"][2] = UNDEFINED_PRICE
    closes = closes_of(made, window=days("2022-01-03", "2022-01-06"))
    assert pairs(closes) == [("2022-01-03", 1.0)]
    assert closes.notes == (
        "databento: 2 bars with an undefined price were dropped (2022-01-04, 2022-01-05)",
        "databento: 1 bar with a close at or below zero was dropped (2022-01-06)",
    )


def test_records_in_any_order_that_overlap_are_one_series() -> None:
    first = daily_bars(("2022-01-03", 1.0), ("2022-01-04", 2.0))
    second = daily_bars(("2022-01-04", 2.5), ("2022-01-05", 3.0))
    window = days("2022-01-03", "2022-01-05")
    closes = closes_of([second[1:], first, second[:1]], window=window)
    assert pairs(closes) == [("2022-01-03", 1.0), ("2022-01-04", 2.5), ("2022-01-05", 3.0)]
    assert closes.notes == ("databento: 1 bar that came again was dropped, the last of each kept",)


def several(publishers: list[int], prices: list[float], volumes: list[int]) -> Records:
    made = daily_bars(*(("2022-01-03", price) for price in prices), publisher_id=publishers, volume=volumes)
    made["high"] += DOLLAR
    made["low"] -= DOLLAR // 2
    return made


def test_publishers_of_a_day_are_merged_on_purpose() -> None:
    window = days("2022-01-03", "2022-01-03")
    closes = closes_of(several([81, 82, 83], [10.0, 11.0, 12.0], [5, 70, 6]), window=window)
    assert closes.days == (DailyClose(date=dt.date(2022, 1, 3), close=11.0, open=11.0, high=13.0, low=9.5, volume=81),)
    assert closes.notes == (
        (
            "databento: 1 session had bars of several publishers; their volumes were added, and the close is that of "
            "the one with the most volume (2022-01-03)"
        ),
    )
    tied = closes_of(several([83, 82, 81], [10.0, 11.0, 12.0], [5, 7, 7]), window=window)
    assert tied.days[0].close == 12.0


def test_the_consolidated_publisher_is_taken_alone() -> None:
    closes = closes_of(several([81, 82, 93], [10.0, 11.0, 12.0], [5, 70, 75]), window=days("2022-01-03", "2022-01-03"))
    assert closes.days == (DailyClose(date=dt.date(2022, 1, 3), close=12.0, open=12.0, high=13.0, low=11.5, volume=75),)
    assert closes.notes == (
        "databento: 1 session had bars of several publishers; those of the consolidated one were taken (2022-01-03)",
    )


@pytest.mark.parametrize(
    ("calendar", "session", "opens", "closes_at"),
    [
        ("XNYS", "2022-03-11", "2022-03-11T14:30", "2022-03-11T21:00"),  # before daylight saving
        ("XNYS", "2022-03-14", "2022-03-14T13:30", "2022-03-14T20:00"),  # after it
        ("XNYS", "2022-11-25", "2022-11-25T14:30", "2022-11-25T18:00"),  # half a day
        ("CMES", "2022-03-11", "2022-03-10T23:00", "2022-03-11T23:00"),
        ("CMES", "2022-03-15", "2022-03-14T22:00", "2022-03-15T22:00"),
        ("CMES", "2022-03-14", "2022-03-13T22:00", "2022-03-14T22:00"),  # opens on a Sunday
        ("CMES", "2022-11-25", "2022-11-24T23:00", "2022-11-25T18:00"),
    ],
)
def test_sessions_are_the_exchanges_own(calendar: str, session: str, opens: str, closes_at: str) -> None:
    moments = [ns(opens) - MINUTE, ns(opens), ns(closes_at) - MINUTE, ns(closes_at)]
    made = bars("ohlcv-1m", moments, [1.0, 2.0, 3.0, 4.0], volume=[1, 2, 4, 8])
    window = days("2022-03-01", "2022-12-31")
    closes = closes_of(made, window=window, of=series("ohlcv-1m"), calendar=trading_calendar(calendar))
    day = next(day for day in closes.days if str(day.date) == session)
    assert (day.open, day.close, day.volume) == (2.0, 3.0, 6)
    assert all(day.date.weekday() < 5 for day in closes.days)


MINUTES = st.lists(
    st.tuples(st.integers(0, 9 * 24 * 60 - 1), st.integers(1, 10**6), st.integers(0, 50)),
    min_size=1,
    max_size=60,
    unique_by=lambda row: row[0],
)
FIRST = dt.date(2022, 3, 9)  # daylight saving begins on the Sunday within


@settings(max_examples=50, deadline=None)
@given(drawn=MINUTES, name=st.sampled_from(["XNYS", "CMES"]))
def test_sessions_from_minutes_are_those_of_plain_python(drawn: list[tuple[int, int, int]], name: str) -> None:
    calendar = trading_calendar(name)
    expected: dict[dt.date, list[tuple[int, int, int]]] = {}
    for minute, cents, volume in sorted(drawn):
        moment = dt.datetime.combine(FIRST, dt.time(), dt.UTC) + dt.timedelta(minutes=minute)
        for session in calendar.within(DateRange(start=FIRST, end=FIRST + dt.timedelta(days=10))):
            opens, shuts = session_times(name, session)
            if opens <= moment < shuts:
                expected.setdefault(session, []).append((minute, cents, volume))
    moments = [midnight_ns(FIRST) + minute * MINUTE for minute, _, _ in drawn]
    made = bars("ohlcv-1m", moments, [cents / 100 for _, cents, _ in drawn], volume=[volume for _, _, volume in drawn])
    window = days("2022-03-01", "2022-03-31")
    if not expected:
        with pytest.raises(NoClosesError):
            closes_of(made, window=window, of=series("ohlcv-1m"), calendar=calendar)
        return
    closes = closes_of(made, window=window, of=series("ohlcv-1m"), calendar=calendar)
    assert closes.days == tuple(
        DailyClose(
            date=session,
            open=held[0][1] / 100,
            high=max(row[1] for row in held) / 100,
            low=min(row[1] for row in held) / 100,
            close=held[-1][1] / 100,
            volume=sum(row[2] for row in held),
        )
        for session, held in sorted(expected.items())
    )
    outside = len(drawn) - sum(map(len, expected.values()))
    assert any("outside the sessions" in note for note in closes.notes) == (outside > 0)


def test_an_hour_that_reaches_over_the_open_is_told() -> None:
    made = bars("ohlcv-1h", [ns("2022-01-03T13:00"), ns("2022-01-03T14:00"), ns("2022-01-03T20:00")], [1.0, 2.0, 3.0])
    closes = closes_of(made, window=days("2022-01-03", "2022-01-03"), of=series("ohlcv-1h"))
    assert (closes.days[0].open, closes.days[0].close, closes.days[0].volume) == (2.0, 3.0, 20)
    assert closes.notes == (
        "databento: 1 bar outside the sessions of XNYS was left out",
        (
            "databento: 1 bar reaches over the open or the close of a session; what traded outside it is in the open, "
            "high, low and volume (shorter bars would part it)"
        ),
    )


def test_a_session_that_is_not_over_has_no_close_yet() -> None:
    made = bars("ohlcv-1h", [ns("2022-01-04T12:00"), ns("2022-01-04T23:00"), ns("2022-01-05T12:00")], [1.0, 2.0, 3.0])
    window = Window(start=ns("2022-01-03T23:00"), end=ns("2022-01-05T13:00"))
    closes = closes_of(made, window=window, of=FUTURE)
    assert pairs(closes) == [("2022-01-04", 1.0)]
    assert closes.notes == ("databento: 1 session not over at the end of the history held was left out (2022-01-05)",)
    daily = daily_bars(("2022-01-03", 1.0), ("2022-01-04", 2.0))
    window = Window(start=ns("2022-01-03T00:00"), end=ns("2022-01-04T23:59"))
    assert pairs(closes_of(daily, window=window)) == [("2022-01-03", 1.0)]


def test_a_session_of_which_the_end_is_held_has_a_close_alone() -> None:
    made = bars("ohlcv-1h", [ns("2022-01-04T00:00"), ns("2022-01-04T21:00")], [1.0, 2.0])
    closes = closes_of(made, window=days("2022-01-04", "2022-01-04"), of=FUTURE)
    assert closes.days == (DailyClose(date=dt.date(2022, 1, 4), close=2.0),)
    assert closes.notes == (
        "databento: the history held begins within the session of 2022-01-04, which has a close alone",
    )


def test_a_session_with_a_roll_is_of_the_new_contract() -> None:
    # The vendor rolls at midnight UTC, five hours into the session.
    moments = [ns("2022-01-04T23:00"), ns("2022-01-05T00:00"), ns("2022-01-05T21:00")]
    made = bars("ohlcv-1h", moments, [1800.0, 1805.0, 1810.0], instrument_id=[7, 8, 8])
    window = Window(start=ns("2022-01-04T23:00"), end=ns("2022-01-06T00:00"))
    closes = closes_of(made, window=window, of=FUTURE)
    assert [(day.open, day.close, day.volume) for day in closes.days] == [(1805.0, 1810.0, 20)]
    assert closes.notes == (
        "databento: 1 session holds a roll; only bars of the new contract count in it (2022-01-05)",
    )


def test_what_leaves_no_close_is_refused_with_the_reason() -> None:
    window = days("2022-01-15", "2022-01-16")
    with pytest.raises(NoClosesError, match="it holds no bars"):
        closes_of(daily_bars(), window=window)
    with pytest.raises(NoClosesError, match=r"1 bar on days the exchange \(XNYS\) was closed was dropped"):
        closes_of(daily_bars(("2022-01-15", 1.0)), window=window)
    with pytest.raises(NoClosesError, match="undefined price"):
        closes_of(daily_bars(("2022-01-14", 1.0), close=UNDEFINED_PRICE), window=window)


def test_bars_beyond_the_known_sessions_are_refused() -> None:
    with pytest.raises(NoClosesError, match=r"closed was dropped \(2045-01-03\)"):
        closes_of(daily_bars(("2045-01-03", 1.0)), window=days("2045-01-03", "2045-01-03"))


def test_a_send_time_behind_every_bar_is_left_out() -> None:
    plain = daily_bars(("2022-01-03", 1.5))
    sent = np.zeros(1, [*plain.dtype.descr, ("ts_out", "u8")])
    for name in plain.dtype.names or ():
        sent[name] = plain[name]
    window = days("2022-01-03", "2022-01-03")
    assert closes_of(sent, window=window) == closes_of(plain, window=window)


def test_a_parent_or_another_schema_is_refused() -> None:
    with pytest.raises(ParentSymbolError, match=r"GC\.FUT stands for every contract of GC.* Use GC\.v\.0"):
        close_basis_of(series("ohlcv-1h", symbol="GC.FUT", stype_in="parent"))
    with pytest.raises(ParentSymbolError, match=r"Name one contract\.$"):
        close_basis_of(series(symbol="GLD.OPT", stype_in="parent"))
    with pytest.raises(UnknownNameError, match="'trades'"):
        close_basis_of(series("trades"))


@pytest.mark.real_data
def test_real_daily_bars(real_data: Path) -> None:
    folder = real_data / "dbn" / "client_fixtures"
    found = {}
    for dataset, calendar in (("EQUS.MINI", NEW_YORK), ("GLBX.MDP3", CHICAGO), ("OPRA.PILLAR", NEW_YORK)):
        path = folder / dataset / "test_data.ohlcv-1d.dbn.zst"
        head = read_metadata(path)
        of = series(dataset=dataset, symbol=head.symbols[0])
        window = Window(start=head.start, end=head.end)
        found[dataset] = closes_of(read_records(path), window=window, of=of, calendar=calendar)
    assert {name: [str(day.date) for day in closes.days] for name, closes in found.items()} == {
        "EQUS.MINI": ["2023-03-28"],
        "GLBX.MDP3": ["2020-12-28"],
        "OPRA.PILLAR": ["2025-02-20"],
    }
    # Four venues of OPRA: the largest closes at 0.11, their volumes are 3474, 8223, 2750 and 1414.
    option = found["OPRA.PILLAR"].days[0]
    assert (option.close, option.high, option.low, option.volume) == (0.11, 0.49, 0.10, 15_861)
    assert "several publishers" in found["OPRA.PILLAR"].notes[0]


def test_several_records_have_one_digest() -> None:
    assert digest_of_records(["a"]) == "a"
    assert digest_of_records(["a", "b"]) != digest_of_records(["b", "a"])


def a_series() -> DailyCloses:
    made = bars("ohlcv-1h", [ns("2022-01-04T00:00"), ns("2022-01-05T12:00")], [1.1, 2.2])
    return closes_of(made, window=days("2022-01-04", "2022-01-05"), of=FUTURE)


def test_a_copy_is_the_series(tmp_path: Path) -> None:
    closes = a_series()
    assert closes.days[0].open is None
    path = tmp_path / "c.closes"
    write_copy(path, "key", closes)
    assert read_copy(path, "key") == closes
    assert read_copy(path, "other") is None
    assert read_copy(tmp_path / "absent", "key") is None


def test_a_damaged_copy_is_none(tmp_path: Path) -> None:
    path = tmp_path / "c.closes"
    write_copy(path, "key", a_series())
    whole = path.read_bytes()
    for place in range(0, len(whole), 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert read_copy(path, "key") is None
        path.write_bytes(whole[:place])
        assert read_copy(path, "key") is None


def test_a_series_is_built_once_and_again_when_its_copy_is_damaged(tmp_path: Path) -> None:
    built = []

    def build() -> DailyCloses:
        built.append(1)
        return a_series()

    copies = DailyCopies(tmp_path)
    assert copies.closes("key", build) is copies.closes("key", build)
    assert DailyCopies(tmp_path).closes("key", build) == a_series()
    assert len(built) == 1
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    assert DailyCopies(tmp_path).closes("key", build) == a_series()
    assert len(built) == 2
    assert DailyCopies(tmp_path).closes("key", build) == a_series()
    assert len(built) == 2


def test_memory_holds_the_series_asked_for_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaultdash.data.bars.daily_copy.REMEMBERED", 2)
    copies = DailyCopies(tmp_path)
    first = copies.closes("a", a_series)
    for key in ("b", "a", "c"):
        copies.closes(key, a_series)
    assert copies.closes("a", a_series) is first
    assert len(list(tmp_path.iterdir())) == 3


def test_a_key_is_of_everything_the_series_is_made_from() -> None:
    window = days("2022-01-03", "2022-01-04")
    plain: dict[str, Any] = {"series": series(), "symbol": "GLD", "calendar": NEW_YORK, "window": window}
    others: list[dict[str, Any]] = [
        {"series": SUMMARY},
        {"symbol": "XAU"},
        {"calendar": CHICAGO},
        {"window": days("2022-01-03", "2022-01-05")},
    ]
    keys = {copy_key(["a", "b"], **(plain | change)) for change in ({}, *others)}
    keys |= {copy_key(records, **plain) for records in (["a"], ["b", "a"], ["ab"])}
    assert len(keys) == 8
    assert copy_key(["a", "b"], **plain) in keys
