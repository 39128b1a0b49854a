from __future__ import annotations

import datetime as dt

import pytest

from vaultdash.errors import DatesReversedError, ImpossibleValueError, NoSessionError, ScheduleTooLateError
from vaultdash.market import DailyClose, DailyCloses, DateRange, Schedule, TradingCalendar

DAYS = tuple(dt.date(2022, 1, day) for day in (3, 4, 5, 7))
CALENDAR = TradingCalendar(name="TEST", sessions=DAYS)


def closes(*days: dt.date) -> DailyCloses:
    return DailyCloses(
        symbol="GLD",
        source="test",
        close_basis="vendor",
        is_synthetic=True,
        calendar="TEST",
        days=tuple(DailyClose(date=day, close=float(day.day)) for day in days),
        digest="",
    )


def test_a_range_of_dates_runs_forward() -> None:
    assert str(DateRange(start=DAYS[0], end=DAYS[0])) == "2022-01-03..2022-01-03"
    with pytest.raises(DatesReversedError):
        DateRange(start=DAYS[1], end=DAYS[0])


def test_a_calendar_knows_its_sessions() -> None:
    assert dt.date(2022, 1, 4) in CALENDAR
    assert dt.date(2022, 1, 6) not in CALENDAR
    assert dt.date(2022, 1, 9) not in CALENDAR
    assert CALENDAR.within(DateRange(start=dt.date(2022, 1, 1), end=dt.date(2022, 1, 4))) == DAYS[:2]
    assert CALENDAR.within(DateRange(start=dt.date(2022, 1, 6), end=dt.date(2022, 1, 6))) == ()
    assert CALENDAR.first_at_or_after(dt.date(2022, 1, 6)) == DAYS[3]
    assert CALENDAR.sessions_until(DAYS[0], DAYS[3]) == 3
    assert CALENDAR.sessions_until(DAYS[0], DAYS[0]) == 0
    with pytest.raises(NoSessionError, match="TEST"):
        CALENDAR.first_at_or_after(dt.date(2022, 1, 8))


@pytest.mark.parametrize("close", [0.0, -1.0, float("nan"), float("inf")])
def test_a_close_is_a_price(close: float) -> None:
    with pytest.raises(ImpossibleValueError, match="a finite price above 0"):
        DailyClose(date=DAYS[0], close=close)


def test_a_series_of_closes_rises_in_time_and_is_not_empty() -> None:
    held = closes(*DAYS)
    assert held.held == DateRange(start=DAYS[0], end=DAYS[3])
    between = held.between(DateRange(start=DAYS[1], end=dt.date(2022, 1, 6)))
    assert [day.date for day in between] == [DAYS[1], DAYS[2]]
    for wrong in ((), (DAYS[1], DAYS[0]), (DAYS[0], DAYS[0])):
        with pytest.raises(ImpossibleValueError):
            closes(*wrong)


def test_a_schedule_holds_until_its_next_date() -> None:
    schedule = Schedule(name="s", dates=DAYS[1:3], values=(0.1, 0.2), digest="")
    assert schedule.entry_on(DAYS[1]) == (DAYS[1], 0.1)
    assert schedule.entry_on(DAYS[3]) == (DAYS[2], 0.2)
    with pytest.raises(ScheduleTooLateError):
        schedule.entry_on(DAYS[0])


@pytest.mark.parametrize(("dates", "values"), [((), ()), (DAYS[:2], (0.1,)), ((DAYS[1], DAYS[0]), (0.1, 0.2))])
def test_a_schedule_has_a_value_for_each_rising_date(dates: tuple[dt.date, ...], values: tuple[float, ...]) -> None:
    with pytest.raises(ImpossibleValueError):
        Schedule(name="s", dates=dates, values=values, digest="")
