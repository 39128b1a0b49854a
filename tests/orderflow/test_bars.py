from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.orderflow.tapes import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    START,
    Tape,
    bars_of,
    columns,
    same_bars,
    session_columns,
    session_lists,
    tape,
    tapes,
)
from vaultdash.errors import ContractRuleMissingError, ImpossibleValueError, LateTradeError, UnreadableValueError
from vaultdash.orderflow import bar_workers
from vaultdash.orderflow.bar_spec import BarSpec
from vaultdash.orderflow.bars import BarBuilder, build_bars
from vaultdash.orderflow.cleaning import clean
from vaultdash.orderflow.sessions import Sessions

if TYPE_CHECKING:
    from pathlib import Path

    from vaultdash.market import Bars

WORKERS = pytest.mark.parametrize("workers", ["numpy", "compiled"])
SPECS = st.sampled_from(["1s", "1m", "5m", "1h", "1d", "3t", "10v", "5000000usd"])


def sessions_of(zone: str, opens: dt.time, closes: list[tuple[dt.date, dt.time]]) -> Sessions:
    """Sessions on an exchange's own clock."""

    def instant(day: dt.date, time: dt.time) -> int:
        return int(dt.datetime.combine(day, time, ZoneInfo(zone)).timestamp()) * SECOND

    found = session_columns(
        [(instant(day, opens), instant(day, close), (day - dt.date(1970, 1, 1)).days) for day, close in closes]
    )
    assert found is not None
    return found


@WORKERS
@given(
    rows=tapes(),
    sessions=session_lists(),
    spec=SPECS,
    first=st.lists(st.integers(0, 60)),
    second=st.lists(st.integers(0, 60)),
)
@settings(max_examples=40, deadline=None)
def test_any_split_of_the_same_trades_gives_the_same_bars(
    *, workers: str, rows: Tape, sessions: Any, spec: str, first: list[int], second: list[int]
) -> None:
    def build(cuts: list[int]) -> tuple[Bars, BarBuilder]:
        builder = BarBuilder(BarSpec.parse(spec), sessions=session_columns(sessions), with_footprint=True)
        return bars_of(rows, builder, cuts=cuts, workers=workers)

    (one, left), (other, right) = build(first), build(second)
    same_bars(one, other)
    assert (left.outside_count, left.outside_volume) == (right.outside_count, right.outside_volume)
    assert left.rolls.at.tolist() == right.rolls.at.tolist()
    for name in ("offsets", "price", "buy_volume", "sell_volume", "unsided_volume"):
        assert getattr(left.footprint, name).tolist() == getattr(right.footprint, name).tolist()


@WORKERS
@given(rows=tapes(), spec=SPECS)
@settings(max_examples=40, deadline=None)
def test_deltas_add_up_to_buys_less_sells_and_levels_to_volumes(workers: str, rows: Tape, spec: str) -> None:
    bars, builder = bars_of(rows, BarBuilder(BarSpec.parse(spec), with_footprint=True), workers=workers)
    signs = {"B": 1, "A": -1, "N": 0}
    assert int(bars.volume_delta.sum()) == sum(signs[row["side"]] * row["size"] for row in rows)
    assert int(bars.volume.sum()) == sum(row["size"] for row in rows)
    assert (bars.min_delta <= np.minimum(bars.volume_delta, 0)).all()
    assert (bars.max_delta >= np.maximum(bars.volume_delta, 0)).all()
    levels = builder.footprint
    bar = np.repeat(np.arange(len(bars)), np.diff(levels.offsets))
    for ours, theirs in (
        (levels.volume, bars.volume),
        (levels.buy_volume, bars.buy_volume),
        (levels.sell_volume, bars.sell_volume),
        (levels.unsided_volume, bars.unsided_volume),
    ):
        assert [int(ours[bar == at].sum()) for at in range(len(bars))] == theirs.tolist()


@given(rows=tapes(), spec=SPECS)
@settings(max_examples=30, deadline=None)
def test_numpy_and_the_compiled_kernels_give_the_same_bars(rows: Tape, spec: str) -> None:
    ours, _ = bars_of(rows, BarBuilder(BarSpec.parse(spec)), workers="numpy")
    theirs, _ = bars_of(rows, BarBuilder(BarSpec.parse(spec)), workers="compiled")
    same_bars(ours, theirs)


def test_the_kernels_are_loaded_where_the_work_earns_them_or_others_loaded_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = tape(*((at * SECOND, 5000, 1, "B") for at in range(20)))
    monkeypatch.setattr(bar_workers, "EARNS_KERNELS", 15)
    monkeypatch.setattr(bar_workers, "KERNELS", "a module nobody loaded")
    builder = BarBuilder(BarSpec.parse("1m"))
    builder.feed(columns(rows[:10]))
    assert builder._workers._kernels is None
    builder.feed(columns(rows[10:]))
    assert builder._workers._kernels is not None
    monkeypatch.setattr(bar_workers, "KERNELS", "sys")
    small = BarBuilder(BarSpec.parse("1m"))
    small.feed(columns(rows[:1]))
    assert small._workers._kernels is not None
    same_bars(builder.finish(), bars_of(rows, BarBuilder(BarSpec.parse("1m")))[0])


@WORKERS
def test_one_trade_is_one_bar(workers: str) -> None:
    bars, _ = bars_of(tape((90 * SECOND, 5000.25, 3, "A")), BarBuilder(BarSpec.parse("1m")), workers=workers)
    assert len(bars) == 1
    assert (bars.start[0], bars.end[0]) == (START + MINUTE, START + 2 * MINUTE)
    assert bars.open[0] == bars.high[0] == bars.low[0] == bars.close[0] == 5_000_250_000_000
    assert bars.vwap[0] == 5000.25
    assert (bars.volume[0], bars.sell_volume[0], bars.volume_delta[0]) == (3, 3, -3)
    assert (bars.min_delta[0], bars.max_delta[0], bars.cumulative_delta[0]) == (-3, 0, -3)
    assert bars.session.tolist() == [19_700]


@WORKERS
def test_a_hand_worked_minute(workers: str) -> None:
    rows = tape((0, 10, 5, "B"), (1, 11, 2, "A"), (2, 9, 8, "A"), (3, 10, 1, "N"), (4, 10.5, 4, "B"))
    bars, _ = bars_of(rows, BarBuilder(BarSpec.parse("1m")), workers=workers)
    assert [int(column[0]) // 10**8 for column in (bars.open, bars.high, bars.low, bars.close)] == [100, 110, 90, 105]
    assert (bars.volume[0], bars.buy_volume[0], bars.sell_volume[0], bars.unsided_volume[0]) == (20, 9, 10, 1)
    assert (bars.volume_delta[0], bars.min_delta[0], bars.max_delta[0]) == (-1, -5, 5)
    assert bars.vwap[0] == (50 + 22 + 72 + 10 + 42) / 20


@WORKERS
def test_sizes_near_two_to_the_32_do_not_wrap(workers: str) -> None:
    largest = 2**32 - 1
    rows = tape((0, 5000, largest, "A"), (1, 5000, largest, "A"), (2, 5000, 1, "B"), (3, 4999, largest, "A"))
    bars, _ = bars_of(rows, BarBuilder(BarSpec.parse("1m")), workers=workers)
    assert bars.volume[0] == 3 * largest + 1
    assert bars.volume_delta[0] == bars.min_delta[0] == 1 - 3 * largest
    assert bars.max_delta[0] == 0


def test_no_trades_give_no_bars_of_the_right_types() -> None:
    bars, builder = bars_of([], BarBuilder(BarSpec.parse("1m"), with_footprint=True))
    assert len(bars) == 0
    same_bars(bars, build_bars([], BarSpec.parse("5t")))
    assert len(builder.footprint) == 0
    assert builder.notes == ()
    assert len(builder.rolls) == 0


@WORKERS
def test_an_empty_day_gives_no_bar_and_the_next_session_starts_again(workers: str) -> None:
    sessions = session_columns([(START + day * DAY, START + day * DAY + HOUR, 19_700 + day) for day in range(3)])
    rows = tape((0, 10, 5, "B"), (2 * DAY, 11, 2, "A"), (2 * DAY + MINUTE, 11, 2, "A"))
    bars, _ = bars_of(rows, BarBuilder(BarSpec.parse("1m"), sessions=sessions), workers=workers)
    assert bars.session.tolist() == [19_700, 19_702, 19_702]
    assert bars.cumulative_delta.tolist() == [5, -2, -4]


def test_a_dst_day_keeps_the_exchange_s_hours() -> None:
    """New York put its clocks forward on 2024-03-10: the same 9:30 is 14:30Z before and 13:30Z after."""
    days = [(dt.date(2024, 3, 8), dt.time(16)), (dt.date(2024, 3, 11), dt.time(16))]
    sessions = sessions_of("America/New_York", dt.time(9, 30), days)
    first, second = (int(dt.datetime(2024, 3, day, 13, 45, tzinfo=dt.UTC).timestamp()) * SECOND for day in (8, 11))
    rows = [{"ts": ts, "price": 10**9, "size": 1, "side": "B", "contract": 1} for ts in (first, first + HOUR, second)]
    bars, builder = bars_of(rows, BarBuilder(BarSpec.parse("1h"), sessions=sessions))
    assert builder.outside_count == 1
    assert [dt.datetime.fromtimestamp(start // SECOND, dt.UTC).strftime("%d %H:%M") for start in bars.start] == [
        "08 14:30",
        "11 13:30",
    ]


def test_a_session_over_the_dst_night_is_one_day_bar_and_its_hours_run_through() -> None:
    """A CME session opens on Sunday 17:00 in Chicago and closes on Monday 16:00; clocks change before it opens."""

    def chicago(day: int, hour: int) -> int:
        return int(dt.datetime(2024, 3, day, hour, tzinfo=ZoneInfo("America/Chicago")).timestamp()) * SECOND

    sessions = session_columns([(chicago(7, 17), chicago(8, 16), 19_790), (chicago(10, 17), chicago(11, 16), 19_793)])
    rows = [
        {"ts": ts, "price": 10**9, "size": 1, "side": "B", "contract": 1}
        for ts in (chicago(7, 18), chicago(8, 15), chicago(8, 16), chicago(10, 17), chicago(11, 15))
    ]
    days, builder = bars_of(rows, BarBuilder(BarSpec.parse("1d"), sessions=sessions))
    assert days.trade_count.tolist() == [2, 2]
    assert days.start.tolist() == [chicago(7, 17), chicago(10, 17)]
    assert days.end.tolist() == [chicago(8, 16), chicago(11, 16)]
    assert builder.outside_count == 1
    hours, _ = bars_of(rows, BarBuilder(BarSpec.parse("1h"), sessions=sessions))
    assert hours.start.tolist() == [chicago(7, 18), chicago(8, 15), chicago(10, 17), chicago(11, 15)]


def test_a_half_day_cuts_its_last_bar_at_the_close() -> None:
    sessions = sessions_of("America/New_York", dt.time(9, 30), [(dt.date(2024, 11, 29), dt.time(13))])
    close = int(sessions.close_ns[0])
    rows = [
        {"ts": ts, "price": 10**9, "size": 2, "side": "A", "contract": 1}
        for ts in (close - 20 * MINUTE, close - 1, close, close + HOUR)
    ]
    bars, builder = bars_of(rows, BarBuilder(BarSpec.parse("1h"), sessions=sessions))
    assert bars.start.tolist() == [close - 30 * MINUTE]
    assert bars.end.tolist() == [close]
    assert (builder.outside_count, builder.outside_volume) == (2, 4)
    assert builder.notes == ("2 trades, volume 4, outside every session are in no bar.",)


RESETS: list[tuple[Any, list[int]]] = [
    ("session", [1, 2, 1, 2]),
    ("day", [1, 1, 2, 1]),
    ("none", [1, 2, 3, 4]),
]


@pytest.mark.parametrize(("reset", "expected"), RESETS)
def test_cumulative_delta_starts_again_where_it_is_told_to(reset: Any, expected: list[int]) -> None:
    """Two sessions from 20:00Z to 19:00Z, one trade before and one after each midnight."""
    evening = 19_700 * DAY + 20 * HOUR
    sessions = session_columns([(evening + day * DAY, evening + day * DAY + 23 * HOUR, 19_701 + day) for day in (0, 1)])
    rows = [
        {"ts": evening + after, "price": 10**9, "size": 1, "side": "B", "contract": 1}
        for after in (HOUR, 5 * HOUR, DAY, DAY + 6 * HOUR)
    ]
    bars, _ = bars_of(rows, BarBuilder(BarSpec.parse("1h"), sessions=sessions, reset=reset))
    assert bars.cumulative_delta.tolist() == expected


@WORKERS
def test_a_roll_splits_the_bar_marks_itself_and_starts_every_sum_again(workers: str) -> None:
    rows = [
        *tape((0, 5000, 3, "B"), (10 * SECOND, 5001, 2, "B"), contract=7),
        *tape((20 * SECOND, 5050, 4, "A"), (70 * SECOND, 5051, 1, "B"), contract=8),
    ]
    for cuts in ([], [2], [3], [1, 2, 3]):
        bars, builder = bars_of(rows, BarBuilder(BarSpec.parse("1m"), reset="none"), cuts=cuts, workers=workers)
        assert bars.start.tolist() == [START, START + 20 * SECOND, START + MINUTE]
        assert bars.end.tolist() == [START + 20 * SECOND, START + MINUTE, START + 2 * MINUTE]
        assert bars.high.tolist() == [5001 * SECOND, 5050 * SECOND, 5051 * SECOND]
        assert bars.cumulative_delta.tolist() == [5, -4, -3]
        rolls = builder.rolls
        assert (rolls.at.tolist(), rolls.from_id.tolist(), rolls.to_id.tolist()) == ([START + 20 * SECOND], [7], [8])
        assert builder.notes == ("Rolls of the contract: 1; the cumulative delta starts again at each.",)


def test_mixed_contracts_are_refused_with_the_remedy() -> None:
    rows = [*tape((0, 5000, 1, "B"), contract=7), *tape((1, 50, 1, "B"), contract=8)]
    rows += tape((2, 5000, 1, "B"), contract=7)
    with pytest.raises(ContractRuleMissingError, match=r"several contracts at once .7, 8. Choose|front contract"):
        bars_of(rows, BarBuilder(BarSpec.parse("1m")))


def test_trades_before_those_already_fed_are_refused() -> None:
    builder = BarBuilder(BarSpec.parse("1m"))
    builder.feed(columns(tape((10, 5000, 1, "B"))))
    with pytest.raises(LateTradeError, match="Sort the rows by ts_recv"):
        builder.feed(columns(tape((9, 5000, 1, "B"))))


def test_filled_bars_repeat_the_close_inside_a_session_only() -> None:
    sessions = session_columns([(START, START + HOUR, 19_700), (START + DAY, START + DAY + HOUR, 19_701)])
    rows = tape((0, 10, 5, "B"), (3 * MINUTE, 11, 2, "A"), (DAY + 5 * MINUTE, 12, 1, "B"))
    bars, builder = bars_of(
        rows, BarBuilder(BarSpec.parse("1m"), sessions=sessions, fill="previous_close", with_footprint=True)
    )
    assert ((bars.start - START) // MINUTE).tolist() == [0, 1, 2, 3, 24 * 60 + 5]
    assert bars.trade_count.tolist() == [1, 0, 0, 1, 1]
    assert bars.close.tolist() == [10 * SECOND, 10 * SECOND, 10 * SECOND, 11 * SECOND, 12 * SECOND]
    assert bars.vwap.tolist() == [10, 10, 10, 11, 12]
    assert bars.cumulative_delta.tolist() == [5, 5, 5, 3, 1]
    assert builder.footprint.offsets.tolist() == [0, 1, 1, 1, 2, 3]


def test_bars_by_amount_end_with_the_trade_that_reaches_it() -> None:
    rows = tape((0, 10, 3, "B"), (1, 10, 3, "B"), (2, 10, 10, "A"), (3, 10, 1, "N"))
    ticks, _ = bars_of(rows, BarBuilder(BarSpec.parse("3t")))
    assert ticks.trade_count.tolist() == [3, 1]
    assert (ticks.start.tolist(), ticks.end.tolist()) == ([START, START + 3], [START + 3, START + 4])
    volume, _ = bars_of(rows, BarBuilder(BarSpec.parse("5v")), cuts=[1, 3])
    assert volume.volume.tolist() == [6, 10, 1]
    money, _ = bars_of(rows, BarBuilder(BarSpec.parse("320usd"), multiplier=2.0), cuts=[2])
    assert money.volume.tolist() == [16, 1]


def test_money_beyond_64_bits_is_still_cut_exactly() -> None:
    rows = [dict(row, price=10**18 - 1) for row in tape(*((at, 1, 2**32 - 1, "B") for at in range(6)))]
    bars, _ = bars_of(rows, BarBuilder(BarSpec.parse("1000000000000000usd")))
    assert bars.trade_count.tolist() == [1] * 6


@pytest.mark.parametrize("text", ["", "m", "1", "1.5m", "-1m", "1M", "5 x", "1e3v"])
def test_unreadable_bars_are_refused(text: str) -> None:
    with pytest.raises(UnreadableValueError, match="15s, 1m, 1h, 1d, 500t, 10000v or 5000000usd"):
        BarSpec.parse(text)


@pytest.mark.parametrize("text", ["0m", "0t", "400d", "9999999999999999v"])
def test_impossible_bars_are_refused(text: str) -> None:
    with pytest.raises(ImpossibleValueError, match="size is"):
        BarSpec.parse(text)


@pytest.mark.parametrize(
    ("choices", "field"),
    [
        ({"reset": "week"}, "reset"),
        ({"fill": "zero"}, "fill"),
        ({"multiplier": float("nan")}, "multiplier"),
        ({"multiplier": 0.0}, "multiplier"),
        ({"threads": 0}, "threads"),
    ],
)
def test_impossible_choices_are_refused(choices: dict[str, Any], field: str) -> None:
    with pytest.raises(ImpossibleValueError, match=field):
        BarBuilder(BarSpec.parse("1m"), **choices)
    with pytest.raises(ImpossibleValueError, match="no empty intervals"):
        BarBuilder(BarSpec.parse("5t"), fill="previous_close")


def test_a_footprint_nobody_asked_for_is_refused() -> None:
    _, builder = bars_of(tape((0, 10, 1, "B")), BarBuilder(BarSpec.parse("1m")))
    with pytest.raises(ImpossibleValueError, match="with_footprint"):
        _ = builder.footprint


def test_a_year_of_few_trades_in_seconds_needs_no_list_of_seconds() -> None:
    rows = tape(*((day * 30 * DAY, 10, 1, "B") for day in range(12)))
    bars, _ = bars_of(rows, BarBuilder(BarSpec.parse("1s")))
    assert bars.start.tolist() == [row["ts"] for row in rows]


BAD_SESSIONS = [
    ([(5, 4, 1)], "come after its own open"),
    ([(0, 5, 1), (4, 9, 2)], "not after the next one"),
    ([(0, 5, 2), (6, 9, 2)], "rise from one session"),
]


@pytest.mark.parametrize(("sessions", "message"), BAD_SESSIONS)
def test_impossible_sessions_are_refused(sessions: list[tuple[int, int, int]], message: str) -> None:
    with pytest.raises(ImpossibleValueError, match=message):
        session_columns(sessions)


def test_sessions_of_another_type_are_refused() -> None:
    with pytest.raises(ImpossibleValueError, match="int32 columns of one length"):
        Sessions(open_ns=np.array([0]), close_ns=np.array([1]), day=np.array([0]))


# The vendor's files hold four records of each schema, so only bars whose trades are all there can be compared: how
# many those are is written beside each file, and was found by reading the files.
WHOLE_BARS = [
    ("XNAS.ITCH", "1s", None, 4),
    ("XNAS.ITCH", "1m", None, 2),
    ("EQUS.MINI", "1s", None, 2),
    ("EQUS.MINI", "1m", None, 1),
    ("OPRA.PILLAR", "1s", 23, 1),
    ("OPRA.PILLAR", "1s", 26, 1),
    ("OPRA.PILLAR", "1s", 37, 1),
]


def vendor_rows(folder: Path, dataset: str, schema: str, publisher: int | None) -> np.ndarray[Any, Any]:
    path = folder / "dbn" / "client_fixtures" / dataset / f"test_data.{schema}.dbn.zst"
    databento = pytest.importorskip("databento", reason="the vendor's client reads these files")
    rows: np.ndarray[Any, Any] = databento.DBNStore.from_bytes(path.read_bytes()).to_ndarray()
    return rows if publisher is None else rows[rows["publisher_id"] == publisher]


@pytest.mark.real_data
@pytest.mark.parametrize(("dataset", "length", "publisher", "whole"), WHOLE_BARS)
def test_bars_of_real_trades_equal_the_vendor_s_own(
    real_data: Path, dataset: str, length: str, publisher: int | None, whole: int
) -> None:
    rows = vendor_rows(real_data, dataset, "trades", publisher)
    theirs = vendor_rows(real_data, dataset, f"ohlcv-{length}", publisher)
    trades, quality = clean(
        **{name: rows[name] for name in ("ts_recv", "ts_event", "price", "size", "side", "instrument_id", "sequence")}
    )
    assert quality.kept == len(rows)
    bars = build_bars([trades], BarSpec.parse(length))
    for ours, name in (
        (bars.start, "ts_event"),
        (bars.open, "open"),
        (bars.high, "high"),
        (bars.low, "low"),
        (bars.close, "close"),
        (bars.volume, "volume"),
    ):
        assert ours[:whole].tolist() == theirs[name][:whole].tolist(), name
    signs = np.where(rows["side"] == b"B", 1, np.where(rows["side"] == b"A", -1, 0))
    assert int(bars.volume_delta.sum()) == int((signs * rows["size"].astype(np.int64)).sum())


@pytest.mark.real_data
@pytest.mark.parametrize("dataset", ["GLBX.MDP3", "IFEU.IMPACT"])
def test_the_first_bar_of_real_futures_opens_as_the_vendor_s(real_data: Path, dataset: str) -> None:
    """Here the four trades are only the start of the vendor's first bar."""
    rows = vendor_rows(real_data, dataset, "trades", None)
    first = vendor_rows(real_data, dataset, "ohlcv-1m", None)[0]
    trades, _ = clean(**{name: rows[name] for name in ("ts_recv", "price", "size", "side", "sequence")})
    bars = build_bars([trades], BarSpec.parse("1m"))
    assert (bars.start[0], bars.open[0]) == (first["ts_event"], first["open"])
    assert first["low"] <= bars.low[0]
    assert bars.high[0] <= first["high"]
    assert bars.volume[0] <= first["volume"]
