from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultdash.data.files.schedules import read_schedule
from vaultdash.errors import (
    BadRowsError,
    ColumnMissingError,
    FileUnreadableError,
    OptionsConflictError,
    VaultdashError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vaultdash.market import Schedule

    Unit = Literal["percent", "fraction"]
    Meaning = Literal["volatility", "rate"]
    Reader = Callable[..., Schedule]


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    path = tmp_path_factory.mktemp("schedules") / "s.csv"

    def read_it(data: str | bytes, unit: Unit = "percent", meaning: Meaning = "volatility") -> Schedule:
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return read_schedule(path, unit=unit, meaning=meaning)

    return read_it


def test_a_schedule_as_fred_publishes_it(read: Reader) -> None:
    data = "observation_date,GVZCLS\n2008-06-03,22.5\n2008-06-04,\n2008-06-05,.\n2008-06-06,21\n"
    schedule = read(data)
    assert schedule.name == "s.csv"
    assert schedule.dates == (date(2008, 6, 3), date(2008, 6, 6))
    assert schedule.values == (0.225, 0.21)
    assert schedule.digest == sha256(data.encode()).hexdigest()


def test_fractions_are_taken_as_they_are(read: Reader) -> None:
    assert read("date,v\n2022-01-03,0.165\n", "fraction").values == (0.165,)


def test_columns_after_the_second_do_not_matter(read: Reader) -> None:
    assert read("DATE;OPEN;HIGH;CLOSE\n20220103;16;x;17\n").values == (0.17,)


def test_rates_may_be_zero_or_negative(read: Reader) -> None:
    assert read("date,r\n2020-03-25,0.00\n2020-03-26,-0.5\n", meaning="rate").values == (0.0, -0.005)


def test_order_repeats_weekends_and_marks_do_not_matter(read: Reader) -> None:
    schedule = read(b"\xef\xbb\xbfdate,v\n\n2022-01-08,17\n2022-01-03,16\n2022-01-08,17.0\n")
    assert schedule.dates == (date(2022, 1, 3), date(2022, 1, 8))
    assert schedule.values == (0.16, 0.17)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("2022-01-03,nan", "line 2: 'nan' is not a number. Write numbers with a decimal point"),
        ("2022-01-03,null", "line 2: 'null' is not a number. Write numbers with a decimal point"),
        ("2022-01-03,inf", "line 2: 'inf' is infinite. Correct or remove those rows."),
        ("2022-01-03,0", "line 2: the volatility '0' is not above zero. Correct or remove those rows."),
        ("2022-01-03,-1", "line 2: the volatility '-1' is not above zero. Correct or remove those rows."),
        ('2022-01-03,"16,5"', "line 2: '16,5' is written with a decimal comma. Write numbers with a decimal point"),
        ("2022-01-03,16 %", "line 2: '16 %' is not a number. Write numbers with a decimal point"),
        ("06/03/2008,16", "line 2: the date '06/03/2008' is ambiguous (does the day or the month come first?). Write"),
        ("2022-02-30,16", "line 2: '2022-02-30' is no day of the calendar. Correct or remove those rows."),
        ("2022-01-03,16,1", "line 2: it has 3 cells and the header 2. Give every row the header's cells"),
        (
            "2022-01-03,16\n2022-01-03,17",
            "line 3: 2022-01-03 is 17, but 16 on line 2. Keep one value for each date.",
        ),
        (
            "2022-01-03,16\n2022-01-04,16\n2022-01-05,5e-324",
            "line 4: a volatility of 4.94066e-324 (percent) on 2022-01-05 is beyond every market's. Correct",
        ),
        (
            "2022-01-03,16\n2022-01-04,16\n2022-01-05,1e300",
            "line 4: a volatility of 1e+300 (percent) on 2022-01-05 is beyond every market's. Correct",
        ),
    ],
)
def test_rows_that_cannot_be(read: Reader, rows: str, said: str) -> None:
    with pytest.raises(BadRowsError) as refused:
        read(f"date,v\n{rows}\n")
    assert f"s.csv has 1 row that cannot be used: {said}" in str(refused.value)


def test_a_rate_beyond_every_markets(read: Reader) -> None:
    with pytest.raises(BadRowsError, match=r"line 3: a rate of 101 \(percent\) on 2022-01-04 is beyond every market's"):
        read("date,r\n2022-01-03,5\n2022-01-04,101\n", meaning="rate")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "it is empty. Export it again."),
        (b"date,v\n", "it has a header and no rows. Export it again."),
        (b"date,v\n2022-01-03,.\n", "no row has a value. Check its column of values."),
        (
            b"2022-01-03,16\n",
            ("its first line is data ('2022-01-03', '16'), not a header. Put the names of the columns above it."),
        ),
        (b"PAR1....PAR1", "it is a Parquet file under another name. Rename it to end in .parquet."),
    ],
)
def test_files_that_are_no_schedule(read: Reader, data: bytes, sentence: str) -> None:
    with pytest.raises(FileUnreadableError) as refused:
        read(data)
    assert str(refused.value).endswith(f"s.csv cannot be read: {sentence}")


def test_one_column_is_too_few(read: Reader) -> None:
    with pytest.raises(
        ColumnMissingError, match=r"has no column 'close' or 'value'; it has: 'date'\. Rename the column"
    ):
        read("date\n2022-01-03\n")


@pytest.mark.parametrize(
    ("values", "unit", "meaning", "said"),
    [
        ((0.15, 0.16, 1.6), "percent", "volatility", "has a median volatility of 0.16, which cannot be a percent"),
        ((1.49,), "percent", "volatility", "has a median volatility of 1.49, which cannot be a percent"),
        ((15, 16, 0.2), "fraction", "volatility", "has a median volatility of 15, which cannot be a fraction"),
        ((0.01, -5.25), "fraction", "rate", "holds a rate of 5.25, which cannot be a fraction"),
    ],
)
def test_the_wrong_unit_is_refused_with_the_option_to_set(
    read: Reader, values: tuple[float, ...], unit: Unit, meaning: Meaning, said: str
) -> None:
    data = "date,v\n" + "".join(f"2022-01-0{day},{value}\n" for day, value in enumerate(values, start=3))
    other = {"percent": "fraction", "fraction": "percent"}[unit]
    with pytest.raises(OptionsConflictError) as refused:
        read(data, unit, meaning)
    assert str(refused.value).endswith(f"s.csv {said}. Say --schedule-unit {other}.")


def test_dates_as_cboe_writes_them_are_read_where_the_column_proves_their_order(read: Reader) -> None:
    schedule = read("DATE,GVZ\n06/03/2008,22.89\n06/13/2008,21.5\n")
    assert schedule.dates == (date(2008, 6, 3), date(2008, 6, 13))
    assert read("date,v\n03/06/2008,20\n13/06/2008,21\n").dates == (date(2008, 6, 3), date(2008, 6, 13))


@pytest.mark.parametrize("rows", ["06/03/2008,22\n", "06/13/2008,22\n13/06/2008,21\n", "6-3-2008,22\n"])
def test_dates_whose_order_nothing_proves_are_refused(read: Reader, rows: str) -> None:
    with pytest.raises(BadRowsError, match="ambiguous"):
        read("date,v\n" + rows)


def test_a_wider_file_says_which_column_holds_the_value(read: Reader) -> None:
    assert read("date,open,high,low,close\n2022-01-03,1,2,3,18\n").values == (0.18,)
    with pytest.raises(ColumnMissingError, match="has no column 'close' or 'value'"):
        read("date,GVZ,VIX\n2022-01-03,18,20\n")


def test_values_at_the_edge_of_a_unit_pass(read: Reader) -> None:
    assert read("date,v\n2022-01-03,1.5\n").values == (0.015,)
    assert read("date,v\n2022-01-03,3\n", "fraction").values == (3.0,)
    assert read("date,v\n2022-01-03,1\n", "fraction", "rate").values == (1.0,)
    assert read("date,v\n2022-01-03,0.05\n", "percent", "rate").values == (0.0005,)


@given(data=st.binary(max_size=200), head=st.sampled_from([b"", b"date,v\n", b"date,v\n2022-01-03,"]))
def test_random_bytes_are_refused_with_a_sentence(read: Reader, data: bytes, head: bytes) -> None:
    try:
        result = read(head + data).name
    except VaultdashError as refused:
        result = str(refused)
    assert result.isprintable()


@pytest.mark.real_data
def test_the_real_volatility_index(real_data: Path) -> None:
    gvz = read_schedule(real_data / "gold/gvz_daily.csv", unit="percent", meaning="volatility")
    assert (gvz.name, gvz.dates[0], gvz.dates[-1]) == ("gvz_daily.csv", date(2008, 6, 3), date(2025, 10, 16))
    assert gvz.values[0] == pytest.approx(0.2289)
    assert gvz.entry_on(date(2008, 7, 4))[0] == date(2008, 7, 3)
    with pytest.raises(OptionsConflictError, match="Say --schedule-unit percent"):
        read_schedule(real_data / "gold/gvz_daily.csv", unit="fraction", meaning="volatility")


@pytest.mark.real_data
def test_the_real_treasury_rate(real_data: Path) -> None:
    rate = read_schedule(real_data / "rates/dgs3mo_daily.csv", unit="percent", meaning="rate")
    assert (rate.dates[0], rate.dates[-1]) == (date(2000, 1, 3), date(2025, 10, 2))
    assert rate.values[0] == pytest.approx(0.0548)
    assert min(rate.values) == 0.0
    with pytest.raises(OptionsConflictError, match="Say --schedule-unit percent"):
        read_schedule(real_data / "rates/dgs3mo_daily.csv", unit="fraction", meaning="rate")
