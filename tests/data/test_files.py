from __future__ import annotations

import csv
import gzip
import io
import string
from datetime import UTC, date, datetime, time
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from vaultdash.data.calendars import trading_calendar
from vaultdash.data.files import parquet
from vaultdash.data.files.reading import read_daily_closes
from vaultdash.data.files.tables import LARGEST_FILE
from vaultdash.errors import BadRowsError, ColumnMissingError, FileUnreadableError, VaultdashError
from vaultdash.market import DailyClose, DailyCloses, DateRange

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Reader = Callable[..., DailyCloses]

XNYS = trading_calendar("XNYS")
CMES = trading_calendar("CMES")
ISO = "2022-01-03"
WRITE_DATES = "Write dates as YYYY-MM-DD, such as 2022-01-31."
WRITE_NUMBERS = "Write numbers with a decimal point and without other marks, such as 1234.56."
CORRECT_ROWS = "Correct or remove those rows."
ONE_ROW_A_DAY = "Give a file with one row a day."


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="session")
def read(scratch: Path) -> Reader:
    def read_it(data: str | bytes, name: str = "prices.csv") -> DailyCloses:
        path = scratch / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return read_daily_closes(path, symbol="GLD", calendar=XNYS)

    return read_it


def prices(closes: DailyCloses) -> list[tuple[str, float]]:
    return [(str(day.date), day.close) for day in closes.days]


def as_csv(rows: Sequence[Sequence[object]], delimiter: str = ",", header: Sequence[str] = ("date", "close")) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def as_parquet(**columns: Any) -> bytes:
    data = io.BytesIO()
    pq.write_table(pa.table(columns), data)
    return data.getvalue()


def refusal(read: Reader, data: str | bytes, name: str = "prices.csv") -> str:
    """What the refusal says after the file's name."""
    with pytest.raises((FileUnreadableError, ColumnMissingError, BadRowsError)) as refused:
        read(data, name)
    sentence = str(refused.value)
    assert sentence.isprintable()
    return sentence.split(f"{name} ", 1)[1]


# What is read


def test_a_plain_file(read: Reader) -> None:
    data = (
        "Date,Open,High,Low,Close,Adj Close,Volume\n2022-01-03,170,171.5,169,168.33,99,1200\n2022-01-04,1,,nan,2,9,\n"
    )
    closes = read(data)
    assert closes == DailyCloses(
        symbol="GLD",
        source="file",
        close_basis="vendor",
        is_synthetic=False,
        calendar="XNYS",
        days=(
            DailyClose(date=date(2022, 1, 3), close=168.33, open=170.0, high=171.5, low=169.0, volume=1200),
            DailyClose(date=date(2022, 1, 4), close=2.0, open=1.0),
        ),
        digest=sha256(data.encode()).hexdigest(),
        notes=("file: 1 close lies outside the low and high of the day (2022-01-03)",),
    )


@pytest.mark.parametrize("heading", ["date", "Timestamp", "DATETIME", " ts_event "])
def test_any_of_four_date_columns(read: Reader, heading: str) -> None:
    assert prices(read(f"close,{heading}\n180,2022-01-03\n")) == [(ISO, 180.0)]


def test_the_first_date_column_by_meaning_not_by_place(read: Reader) -> None:
    assert prices(read("ts_event,date,close\n2022-01-04,2022-01-03,180\n")) == [(ISO, 180.0)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(read: Reader, delimiter: str, newline: str) -> None:
    text = as_csv([("2022-01-03", 180.5), ("2022-01-04", 181)], delimiter).replace("\n", newline)
    closes = read(text)
    assert prices(closes) == [("2022-01-03", 180.5), ("2022-01-04", 181.0)]
    assert closes.notes == ()


@pytest.mark.parametrize(
    "spelled",
    ["2022-01-03", " 2022-01-03 ", "20220103", "2022/01/03", "2022-01-03 16:00", "2022-01-03T00:00:00.000000000"],
)
def test_accepted_dates(read: Reader, spelled: str) -> None:
    closes = read(f"date,close\n{spelled},180\n")
    assert prices(closes) == [(ISO, 180.0)]
    assert closes.notes == ()


@pytest.mark.parametrize(
    "zone", ["T23:59:59Z", " 00:00:00-05:00", " 00:00:00+0530", "T00:00:00.000000000Z", " 00:00:00 UTC"]
)
def test_a_zone_does_not_move_the_date_and_is_told(read: Reader, zone: str) -> None:
    closes = read(f"date,close\n2022-01-03{zone},180\n2022-01-04{zone},181\n")
    assert prices(closes) == [("2022-01-03", 180.0), ("2022-01-04", 181.0)]
    assert closes.notes == ("file: 2 dates have a time zone; the date was taken as written",)


def test_mixed_spellings_of_dates_are_told(read: Reader) -> None:
    closes = read("date,close\n2022-01-03,1\n20220104,2\n2022/01/05,3\n2022-01-06,4\n")
    assert len(closes.days) == 4
    assert closes.notes == (
        "file: dates are spelled in 3 ways (YYYY-MM-DD 2, YYYYMMDD 1, YYYY/MM/DD 1); each was read as it stands",
    )


# What is repaired and counted


def test_a_byte_order_mark(read: Reader) -> None:
    closes = read(b"\xef\xbb\xbfdate,close\n2022-01-03,180\n")
    assert prices(closes) == [(ISO, 180.0)]
    assert closes.notes == ("file: the byte order mark before the header was skipped",)


def test_blank_lines(read: Reader) -> None:
    closes = read("\ndate,close\n\n2022-01-03,180\n , \n2022-01-04,181\n\n,\n")
    assert len(closes.days) == 2
    assert closes.notes == ("file: 3 blank lines were skipped",)


def test_blank_lines_do_not_shift_line_numbers(read: Reader) -> None:
    assert "line 5: " in refusal(read, "\ndate,close\n\n2022-01-03,180\n2022-01-04,x\n")


def test_rows_on_closed_days(read: Reader) -> None:
    closes = read("date,close\n2022-01-01,1\n2022-01-02,1\n2022-01-14,2\n2022-01-17,3\n2022-01-18,4\n2022-01-22,5\n")
    assert prices(closes) == [("2022-01-14", 2.0), ("2022-01-18", 4.0)]
    assert closes.notes == (
        (
            "file: 4 rows on days the exchange (XNYS) was closed were dropped (2022-01-01, 2022-01-02, 2022-01-17 "
            "and 1 more)"
        ),
    )


def test_rows_outside_the_calendar(read: Reader) -> None:
    closes = read("date,close\n1999-12-31,1\n2000-01-03,2\n")
    assert prices(closes) == [("2000-01-03", 2.0)]
    assert closes.notes == (
        (
            "file: 1 row outside 2000-01-03..2040-12-31, the days whose sessions are known (XNYS), was dropped "
            "(1999-12-31)"
        ),
    )


def test_a_repeated_row(read: Reader) -> None:
    closes = read("date,close\n2022-01-03,180\n2022-01-03,180.0\n2022-01-04,181\n")
    assert prices(closes) == [("2022-01-03", 180.0), ("2022-01-04", 181.0)]
    assert closes.notes == ("file: 1 row that repeated a date and its close was dropped (2022-01-03)",)


def test_rows_from_new_to_old(read: Reader) -> None:
    closes = read("date,close\n2022-01-05,3\n2022-01-04,2\n2022-01-03,1\n")
    assert prices(closes) == [("2022-01-03", 1.0), ("2022-01-04", 2.0), ("2022-01-05", 3.0)]
    assert closes.notes == ("file: the rows were sorted by date (all ran from new to old)",)


def test_a_row_out_of_order(read: Reader) -> None:
    closes = read("date,close\n2022-01-04,2\n2022-01-03,1\n2022-01-05,3\n")
    assert [close for _, close in prices(closes)] == [1.0, 2.0, 3.0]
    assert closes.notes == ("file: the rows were sorted by date (1 row came before an older one)",)


@pytest.mark.parametrize("blank", ["", "  ", "NaN", "nan", "null", "NULL", "None", "N/A", "#N/A", "."])
def test_a_row_without_a_close(read: Reader, blank: str) -> None:
    closes = read(f"date,close\n2022-01-03,1\n2022-01-04,{blank}\n2022-01-05,2\n")
    assert [close for _, close in prices(closes)] == [1.0, 2.0]
    assert closes.notes == (
        "file: 1 row without a close was dropped (2022-01-04)",
        "file: 1 session between 2022-01-03 and 2022-01-05 has no close (2022-01-04)",
    )


def test_a_blank_beside_a_close_of_the_same_date_is_no_conflict(read: Reader) -> None:
    closes = read("date,close\n2022-01-03,\n2022-01-03,180\n")
    assert prices(closes) == [(ISO, 180.0)]


def test_missing_sessions(read: Reader) -> None:
    closes = read("date,close\n2022-01-03,1\n2022-01-18,2\n")
    assert closes.notes == (
        (
            "file: 9 sessions between 2022-01-03 and 2022-01-18 have no close (2022-01-04, 2022-01-05, 2022-01-06 "
            "and 6 more)"
        ),
    )


def test_thousands_separators(read: Reader) -> None:
    closes = read(
        'date,close,volume\n2022-01-03,"1,234.56","15,692,300"\n2022-01-04,"1,235","1,200"\n2022-01-05,999.5,7\n'
    )
    assert [close for _, close in prices(closes)] == [1234.56, 1235.0, 999.5]
    assert [day.volume for day in closes.days] == [15692300, 1200, 7]
    assert closes.notes == ("file: thousands separators were removed from 2 prices",)


def test_closes_outside_their_range(read: Reader) -> None:
    rows = "2022-01-03,10,11,12\n2022-01-04,10,9,9.996\n2022-01-05,10,9,9.99\n2022-01-06,10,12,9\n"
    assert read(f"date,close,low,high\n{rows}").notes == (
        "file: 3 closes lie outside the low and high of the day (2022-01-03, 2022-01-05, 2022-01-06)",
    )


def test_broken_volumes_are_rounded(read: Reader) -> None:
    closes = read("date,close,volume\n2022-01-03,1,12.4\n2022-01-04,1,1e3\n2022-01-05,1,null\n")
    assert [day.volume for day in closes.days] == [12, 1000, None]
    assert closes.notes == ("file: 1 volume was rounded to whole units",)


# What is refused as a whole

AS_CSV = "Save it as plain CSV text in UTF-8 and read that."
PLAIN = "date,close\n2022-01-03,180\n"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "it is empty. Export it again."),
        (PLAIN.encode("utf-16"), f"it is UTF-16 text. {AS_CSV}"),
        (PLAIN.encode("utf-16-le"), f"it is UTF-16 text. {AS_CSV}"),
        (PLAIN.encode("utf-16-be"), f"it is UTF-16 text. {AS_CSV}"),
        (bytes(range(256)), f"it is binary, not text. {AS_CSV}"),
        (bytes(4096), f"it is binary, not text. {AS_CSV}"),
        (as_parquet(date=[ISO], close=[1.0]), "it is a Parquet file under another name. Rename it to end in .parquet."),
        (b"\x28\xb5\x2f\xfd\x24\x00", "it is compressed with zstd. Unpack it first (zstd -d)."),
        (gzip.compress(PLAIN.encode()), "it is compressed with gzip. Unpack it first (gunzip)."),
        (b"PK\x03\x04..", "it is a zip archive or an Excel workbook. Unpack it, or save the sheet as CSV in UTF-8."),
        (b"DBN\x03....", "it is a Databento DBN file. Export the daily bars as CSV first."),
        (b'\n[{"date": 1}]', f"it is JSON. {AS_CSV}"),
        (
            b"<!doctype html>",
            "it is a web page or XML, perhaps the error page of a download. Download the file again.",
        ),
        (
            "date,close\n2022-01-03,180 £\n".encode("latin-1"),
            f"line 2 holds the byte 0xa3, which is not UTF-8 text. {AS_CSV}",
        ),
        (b"\n \n\n", "it holds nothing but blank lines. Export it again."),
        (b"date,close\n", "it has a header and no rows. Export it again."),
        (b"date,close\n\n,\n", "it has a header and no rows. Export it again."),
        (
            b"2022-01-03,180\n2022-01-04,181\n",
            ("its first line is data ('2022-01-03', '180'), not a header. Put the names of the columns above it."),
        ),
        (
            b"date,Close,close\n2022-01-03,180,181\n",
            "it has more than one column 'close'. Keep one of them, or rename the others.",
        ),
        (
            b"date,close\n2022-01-01,1\n2022-01-03,\n",
            (
                "no row is left to use (1 row without a close was dropped (2022-01-03); 1 row on days the exchange "
                "(XNYS) was closed was dropped (2022-01-01)). Check its dates and its column 'close'."
            ),
        ),
    ],
)
def test_a_file_that_is_something_else(read: Reader, data: bytes, sentence: str) -> None:
    assert refusal(read, data) == f"cannot be read: {sentence}"


def test_an_adjusted_close_is_no_close(read: Reader) -> None:
    assert refusal(read, "Date,Adj Close\n2022-01-03,180\n") == (
        "has no column 'close'; it has: 'Date', 'Adj Close'. "
        "Rename the column, or export the file again with a header row."
    )


def test_a_file_without_dates(read: Reader) -> None:
    assert refusal(read, "day\x1b[31m,close\nMonday,180\n") == (
        "has no column 'date' or 'timestamp' or 'datetime' or 'ts_event'; it has: 'day\\x1b[31m', 'close'. "
        "Rename the column, or export the file again with a header row."
    )


def test_paths_that_are_no_file(scratch: Path) -> None:
    (scratch / "plain.txt").write_text(PLAIN, encoding="utf-8")
    for path, tail in [
        (scratch / "absent.csv", "there is no such file. Check the path."),
        (scratch, "it is a directory. Name a file inside it."),
        (Path("/dev/null"), "it is not a regular file. Save it as a file first."),
        (scratch / "plain.txt" / "x.csv", "Not a directory. Check the path and the disk."),
        (scratch / ("x" * 300), "File name too long. Check the path and the disk."),
        (scratch / "a\0b", "embedded null byte. Check the path and the disk."),
    ]:
        with pytest.raises(FileUnreadableError) as refused:
            read_daily_closes(path, symbol="GLD", calendar=XNYS)
        assert str(refused.value) == f"{path} cannot be read: {tail}"


def test_a_file_that_is_not_ours_to_read(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    path = scratch / "locked.csv"
    path.write_text(PLAIN, encoding="utf-8")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(FileUnreadableError) as refused:
        read_daily_closes(path, symbol="GLD", calendar=XNYS)
    assert str(refused.value) == (
        f"{path} cannot be read: you may not read it. Change its permissions, or copy it to a folder of yours."
    )


def test_a_file_far_too_large_is_not_read(scratch: Path) -> None:
    path = scratch / "large.csv"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(FileUnreadableError, match=r"it is 67 MB, far more than daily history takes\. Give a file with"):
        read_daily_closes(path, symbol="GLD", calendar=XNYS)
    path.unlink()


# What is refused by its line


@pytest.mark.parametrize(
    ("cell", "reason", "remedy"),
    [
        ("0", "close: '0' is not above zero", CORRECT_ROWS),
        ("-180.5", "close: '-180.5' is not above zero", CORRECT_ROWS),
        ('"-1,180.5"', "close: '-1,180.5' is not above zero", CORRECT_ROWS),
        ("inf", "close: 'inf' is infinite", CORRECT_ROWS),
        ("-Infinity", "close: '-Infinity' is infinite", CORRECT_ROWS),
        ("1e999", "close: '1e999' is infinite", CORRECT_ROWS),
        ("5e-324", "close: '5e-324' is absurdly small for a price in USD", CORRECT_ROWS),
        ("9e-7", "close: '9e-7' is absurdly small for a price in USD", CORRECT_ROWS),
        ("180500000000", "close: '180500000000' is absurdly large for a price in USD", CORRECT_ROWS),
        ('"1.234,56"', "close: '1.234,56' is written with a decimal comma", WRITE_NUMBERS),
        ('"1234,56"', "close: '1234,56' is written with a decimal comma", WRITE_NUMBERS),
        ('"0,234"', "close: '0,234' is written with a decimal comma", WRITE_NUMBERS),
        ('"1,234"', "close: '1,234' is ambiguous (does its comma part thousands or decimals?)", WRITE_NUMBERS),
        ("$180", "close: '$180' is not a number", WRITE_NUMBERS),
        ("1_000", "close: '1_000' is not a number", WRITE_NUMBERS),
        ("\u0661\u0662", "close: '\u0661\u0662' is not a number", WRITE_NUMBERS),
        ("1.2.3", "close: '1.2.3' is not a number", WRITE_NUMBERS),
        ("\x1b[31m1", "close: '\\x1b[31m1' is not a number", WRITE_NUMBERS),
        ("=1+1", "close: '=1+1' is not a number", WRITE_NUMBERS),
        ("x" * 99, f"close: '{'x' * 37}...' is not a number", WRITE_NUMBERS),
    ],
)
def test_closes_that_cannot_be(read: Reader, cell: str, reason: str, remedy: str) -> None:
    said = refusal(read, f"date,close\n2022-01-03,180\n2022-01-04,{cell}\n")
    assert said == f"has 1 row that cannot be used: line 3: {reason}. {remedy}"


@pytest.mark.parametrize(
    ("cell", "reason", "remedy"),
    [
        ("01/02/2022", "the date '01/02/2022' is ambiguous (does the day or the month come first?)", WRITE_DATES),
        ("1.2.22", "the date '1.2.22' is ambiguous (does the day or the month come first?)", WRITE_DATES),
        (
            "13-01-2022 10:00",
            "the date '13-01-2022 10:00' is ambiguous (does the day or the month come first?)",
            WRITE_DATES,
        ),
        ("3 Jan 2022", "'3 Jan 2022' is not a date", WRITE_DATES),
        ("44564", "'44564' is not a date", WRITE_DATES),
        ("2022-1-3", "'2022-1-3' is not a date", WRITE_DATES),
        ("2022-W01-1", "'2022-W01-1' is not a date", WRITE_DATES),
        ("2022-01/03", "'2022-01/03' is not a date", WRITE_DATES),
        ("2022-01-03 25:00", "'2022-01-03 25:00' is not a date", WRITE_DATES),
        ("20220103 16:00", "'20220103 16:00' is not a date", WRITE_DATES),
        (
            "1641168000000000000",
            "'1641168000000000000' is a count of seconds, or of parts of them, and not a date",
            WRITE_DATES,
        ),
        ("2022-02-30", "'2022-02-30' is no day of the calendar", CORRECT_ROWS),
        ("20221301", "'20221301' is no day of the calendar", CORRECT_ROWS),
        ("1899-12-31", "'1899-12-31' is not between 1900 and 2100", CORRECT_ROWS),
        ("21010101", "'21010101' is not between 1900 and 2100", CORRECT_ROWS),
        ("", "the date is blank", CORRECT_ROWS),
    ],
)
def test_dates_that_cannot_be(read: Reader, cell: str, reason: str, remedy: str) -> None:
    said = refusal(read, f"date,close\n2022-01-03,180\n{cell},181\n")
    assert said == f"has 1 row that cannot be used: line 3: {reason}. {remedy}"


@pytest.mark.parametrize("column", ["open", "high", "low"])
def test_other_prices_are_held_to_the_same_bounds(read: Reader, column: str) -> None:
    said = refusal(read, f"date,{column},close\n2022-01-03,180,180\n2022-01-04,0,180\n")
    assert said == f"has 1 row that cannot be used: line 3: {column}: '0' is not above zero. {CORRECT_ROWS}"


@pytest.mark.parametrize(
    ("cell", "reason", "remedy"),
    [
        ("-1", "volume: '-1' is no count of units", CORRECT_ROWS),
        ("1e16", "volume: '1e16' is no count of units", CORRECT_ROWS),
        ("1.2M", "volume: '1.2M' is not a number", WRITE_NUMBERS),
    ],
)
def test_volumes_that_cannot_be(read: Reader, cell: str, reason: str, remedy: str) -> None:
    said = refusal(read, f"date,close,volume\n2022-01-03,180,1\n2022-01-04,180,{cell}\n")
    assert said == f"has 1 row that cannot be used: line 3: {reason}. {remedy}"


def test_two_closes_for_a_date(read: Reader) -> None:
    data = "date,close\n2022-01-05,3\n2022-01-04,180.5\n2022-01-04,181\n"
    assert refusal(read, data) == (
        "has 1 row that cannot be used: line 4: 2022-01-04 closes at 181, but at 180.5 on line 3. "
        "Keep one close for each date."
    )


def test_ragged_rows(read: Reader) -> None:
    assert refusal(read, "date,close\n2022-01-03,1,2\n2022-01-04,2\n2022-01-05\n") == (
        "has 2 rows that cannot be used: line 2: it has 3 cells and the header 2; line 4: it has 1 cell and the "
        "header 2. Give every row the header's cells; a comma inside a number has to stand between quotation marks, "
        "and a decimal comma has to become a point."
    )


def test_a_quotation_mark_left_open(read: Reader) -> None:
    assert refusal(read, 'date,close\n2022-01-03,180\n2022-01-04,"181\n2022-01-05,182\n') == (
        "has 1 row that cannot be used: line 3: its quotation marks make no cell (unexpected end of data). "
        "Close the quotation mark, or remove it."
    )


def test_a_cell_of_several_lines_counts_from_its_first(read: Reader) -> None:
    assert "line 4: close: 'x\\ny' is not a number" in refusal(
        read, 'date,close\n2022-01-03,180\n2022-01-04,181\n2022-01-05,"x\ny"\n'
    )


def test_every_bad_row_is_collected_in_order_with_each_remedy(scratch: Path) -> None:
    path = scratch / "many.csv"
    path.write_text("date,close\n2022-01-03,0\n01/02/2022,1\n2022-01-05,x\n2022-01-06\n2022-01-07,5\n", "utf-8")
    with pytest.raises(BadRowsError) as refused:
        read_daily_closes(path, symbol="GLD", calendar=XNYS)
    assert [line for line, _ in refused.value.rows] == [2, 3, 4, 5]
    for remedy in (WRITE_DATES, WRITE_NUMBERS, CORRECT_ROWS, "Give every row the header's cells"):
        assert str(refused.value).count(remedy) == 1


def test_a_row_bad_twice_is_one_bad_row(read: Reader) -> None:
    assert refusal(read, "date,close\n01/02/2022,x\n").startswith("has 1 row that cannot be used: line 2: the date")


# Parquet


@pytest.mark.parametrize(
    "dates",
    [
        [date(2022, 1, 3), date(2022, 1, 4)],
        [datetime(2022, 1, 3), datetime(2022, 1, 4)],  # a timestamp without a zone is the case
        ["2022-01-03", "2022-01-04"],
        [20220103, 20220104],
    ],
)
def test_parquet_dates(read: Reader, dates: list[Any]) -> None:
    closes = read(as_parquet(Date=dates, CLOSE=[180.25, 181], volume=[5, None], extra=[[1], [2]]), "prices.PARQUET")
    assert prices(closes) == [("2022-01-03", 180.25), ("2022-01-04", 181.0)]
    assert [day.volume for day in closes.days] == [5, None]
    assert closes.notes == ()


def test_parquet_timestamps_keep_the_date_of_their_zone(read: Reader) -> None:
    stamps = pa.array([datetime(2022, 1, 4, 1, tzinfo=UTC)], pa.timestamp("ns", "America/New_York"))
    closes = read(as_parquet(ts_event=stamps, close=[180.0]), "prices.parquet")
    assert prices(closes) == [(ISO, 180.0)]
    assert closes.notes == ("file: 1 date has a time zone; the date was taken as written",)


@pytest.mark.parametrize(
    "closes",
    [
        pa.array([168.33], pa.float32()),
        pa.array([Decimal("168.33")], pa.decimal128(9, 2)),
        pa.array(["168.33"], pa.large_string()),
        pa.array(["168.33"]).dictionary_encode(),
    ],
)
def test_parquet_prices_are_those_written(read: Reader, closes: pa.Array) -> None:
    data = as_parquet(date=pa.array([ISO]).dictionary_encode(), close=closes, low=pa.nulls(1), volume=[7])
    assert read(data, "prices.parquet").days == (DailyClose(date=date(2022, 1, 3), close=168.33, volume=7),)


def test_parquet_columns_that_are_not_asked_for_are_left_alone(read: Reader) -> None:
    data = as_parquet(**{"Date": [ISO], " close ": [2.0], "close.raw": [3.0], "low": pa.nulls(1), "low.raw": [[1]]})
    assert prices(read(data, "prices.parquet")) == [(ISO, 2.0)]


def test_parquet_digest_is_of_the_bytes(read: Reader) -> None:
    data = as_parquet(date=[ISO], close=[180.0])
    assert read(data, "prices.pq").digest == sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "cannot be read: it is empty. Export it again."),
        (
            PLAIN.encode(),
            (
                "cannot be read: it is not a Parquet file, whatever its name says. "
                "Rename it to end in .csv if it is text, or export it again."
            ),
        ),
        (
            as_parquet(date=[ISO], close=[1.0])[:-20],
            "cannot be read: it is a Parquet file cut short. Copy it again.",
        ),
        (
            b"PAR1" + bytes(40) + b"PAR1",
            "cannot be read: it begins as a Parquet file, but what follows is damaged. Copy or export it again.",
        ),
        (
            as_parquet(date=[ISO], close=[[1.0]]),
            "cannot be read: its column 'close' is of type List. Store dates as dates or text, and prices as numbers.",
        ),
        (
            as_parquet(date=[time(16)], close=[1.0]),
            "cannot be read: its column 'date' is of type Time. Store dates as dates or text, and prices as numbers.",
        ),
        (
            as_parquet(date=[ISO], close=[b"1.0"]),
            (
                "cannot be read: its column 'close' is of type Binary. "
                "Store dates as dates or text, and prices as numbers."
            ),
        ),
        (
            as_parquet(date=[True], close=[1.0]),
            (
                "cannot be read: its column 'date' is of type Boolean. "
                "Store dates as dates or text, and prices as numbers."
            ),
        ),
        (as_parquet(date=pa.array([], pa.date32()), close=[]), "cannot be read: it holds no rows. Export it again."),
        (
            as_parquet(date=[ISO], Settle=[1.0]),
            (
                "has no column 'close'; it has: 'date', 'Settle'. "
                "Rename the column, or export the file again with a header row."
            ),
        ),
        (
            as_parquet(x=[1], y=[1.0]),
            (
                "has no column 'date' or 'timestamp' or 'datetime' or 'ts_event'; it has: 'x', 'y'. "
                "Rename the column, or export the file again with a header row."
            ),
        ),
        (
            as_parquet(date=[ISO, None], close=[-1.0, float("inf")]),
            (
                "has 2 rows that cannot be used: line 1: close: '-1.0' is not above zero; line 2: the date is blank. "
                "Correct or remove those rows. In a Parquet file a line is a row, counted from 1."
            ),
        ),
    ],
)
def test_parquet_that_cannot_be_used(read: Reader, data: bytes, sentence: str) -> None:
    assert refusal(read, data, "prices.parquet") == sentence


DAMAGED = "cannot be read: it begins as a Parquet file, but what follows is damaged. Copy or export it again."


@pytest.mark.parametrize(
    "stamps",
    [
        pa.array([2**62], pa.timestamp("us", "UTC")),  # past the year 9999
        pa.array([0], pa.timestamp("us", "Mars/Olympus_Mons")),
        pa.array([b"\xff\xfe"]).view(pa.string()),
    ],
)
def test_parquet_dates_that_cannot_be_text(read: Reader, stamps: pa.Array) -> None:
    assert refusal(read, as_parquet(date=stamps, close=[1.0]), "prices.parquet") == DAMAGED


def test_a_parquet_page_of_fewer_than_no_values(read: Reader) -> None:
    """A reader that takes the count for a length asks for all memory there is, and the process ends."""
    data = bytearray(as_parquet(date=[ISO], close=[180.0]))
    one, minus_one = b"\x2c\x15\x02", b"\x2c\x15\x01"  # the count of values in a page's header
    at = data.rindex(one)
    data[at : at + len(one)] = minus_one
    assert refusal(read, bytes(data), "prices.parquet") == DAMAGED


def test_a_small_parquet_file_of_more_rows_than_memory_takes(read: Reader) -> None:
    data = as_parquet(date=pa.nulls(parquet.MOST_ROWS + 1))
    assert len(data) < 10_000
    assert refusal(read, data, "prices.parquet") == (
        f"cannot be read: it declares 5,000,001 rows and 0 MB, far more than daily history takes. {ONE_ROW_A_DAY}"
    )


def test_a_parquet_file_that_unpacks_to_more_than_memory_takes(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MOST_UNPACKED", 4_000_000)
    data = as_parquet(date=[" " * 5_000_000])
    assert refusal(read, data, "prices.parquet") == (
        f"cannot be read: it declares 1 row and 5 MB, far more than daily history takes. {ONE_ROW_A_DAY}"
    )


# Properties

SESSIONS = XNYS.within(DateRange(start=date(2021, 1, 1), end=date(2022, 12, 31)))
series = st.dictionaries(
    st.sampled_from(SESSIONS), st.floats(min_value=1e-6, max_value=1e9, allow_subnormal=False), min_size=1, max_size=30
)


@settings(deadline=None)
@given(
    held=series,
    shuffle=st.randoms(use_true_random=False),
    delimiter=st.sampled_from(",;\t"),
    has_mark=st.booleans(),
    weekend=st.booleans(),
    repeats=st.integers(0, 5),
)
def test_a_valid_series_reads_back_equal_however_it_was_written(  # noqa: PLR0917
    read: Reader,
    held: dict[date, float],
    shuffle: Any,
    delimiter: str,
    has_mark: bool,  # noqa: FBT001
    weekend: bool,  # noqa: FBT001
    repeats: int,
) -> None:
    rows: list[tuple[object, object]] = [(day, repr(close)) for day, close in held.items()]
    rows += rows[:repeats]
    rows += [("2022-01-01", "5.5")] * weekend
    shuffle.shuffle(rows)
    closes = read(as_csv(rows, delimiter).encode("utf-8-sig" if has_mark else "utf-8"))
    assert {day.date: day.close for day in closes.days} == held
    joined = " ".join(closes.notes)
    assert ("byte order mark" in joined) == has_mark
    assert ("was closed" in joined) == weekend
    assert ("repeated a date" in joined) == (repeats > 0)


def outcome(read: Reader, data: str | bytes, name: str = "prices.csv") -> DailyCloses | str:
    """What was read, or the sentence that refuses it; any other failure goes through."""
    try:
        return read(data, name)
    except VaultdashError as refused:
        return str(refused)


def is_in_order(result: DailyCloses | str) -> bool:
    if isinstance(result, str):
        return result.isprintable()
    return all(note.isprintable() for note in result.notes) and all(day.date in XNYS for day in result.days)


@settings(deadline=None)
@given(data=st.binary(max_size=400), head=st.sampled_from([b"", b"date,close\n", b"PAR1", b"\xef\xbb\xbfdate;close\n"]))
@example(data=b'"', head=b"date,close\n")
def test_random_bytes_are_refused_with_a_sentence(read: Reader, data: bytes, head: bytes) -> None:
    assert is_in_order(outcome(read, head + data, "noise.csv"))
    assert is_in_order(outcome(read, head + data, "noise.parquet"))


cells = st.one_of(
    st.sampled_from(["2022-01-03", "20220104", "01/02/2022", "180.5", "1,234.5", "1.234,5", "nan", "inf", "0", ""]),
    st.text(alphabet=string.printable + "\u202e\u0661é\ufeff\u2028", max_size=12),
    st.floats().map(repr),
    st.dates().map(str),
)


@settings(deadline=None)
@given(rows=st.lists(st.lists(cells, min_size=1, max_size=4), max_size=8))
def test_random_cells_are_read_or_refused_with_a_sentence(read: Reader, rows: list[list[str]]) -> None:
    assert is_in_order(outcome(read, as_csv(rows, header=("date", "close", "low", "volume"))))


WHOLE = as_parquet(date=list(SESSIONS), close=[100.0 + at for at in range(len(SESSIONS))])


@settings(deadline=None)
@given(at=st.integers(4, len(WHOLE) - 5), byte=st.integers(0, 255))
def test_a_damaged_parquet_file_is_read_or_refused_with_a_sentence(read: Reader, at: int, byte: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[at] = byte
    assert is_in_order(outcome(read, bytes(damaged), "damaged.parquet"))


def test_each_byte_of_a_small_parquet_file_may_be_wrong(read: Reader) -> None:
    """The footer, where a statistic is, is most of so small a file."""
    data = as_parquet(date=[ISO], close=[180.0])
    for at in range(4, len(data) - 4):
        for bits in (0b1, 0b1000000):
            damaged = bytearray(data)
            damaged[at] ^= bits
            assert is_in_order(outcome(read, bytes(damaged), "damaged.parquet"))


# Real files


@pytest.mark.real_data
def test_the_real_gld_file(real_data: Path) -> None:
    closes = read_daily_closes(real_data / "gold/gld_daily.csv", symbol="GLD", calendar=XNYS)
    assert closes.notes == ()
    assert len(closes.days) == 5372
    assert (closes.held.start, closes.held.end) == (date(2004, 11, 18), date(2026, 3, 27))
    held = {str(day.date): round(day.close, 2) for day in closes.days}
    known = {
        "2013-04-15": 131.31,
        "2020-03-19": 138.04,
        "2024-10-30": 257.50,
        "2026-01-29": 495.90,
        "2026-01-30": 444.95,
    }
    assert {day: held[day] for day in known} == known


@pytest.mark.real_data
def test_the_real_gold_futures_file(real_data: Path) -> None:
    closes = read_daily_closes(real_data / "gold/gc_continuous_daily.csv", symbol="GC", calendar=CMES)
    assert len(closes.days) == 6416
    assert closes.notes == (
        "file: 2 rows on days the exchange (CMES) was closed were dropped (2007-01-02, 2025-01-09)",
        "file: 430 closes lie outside the low and high of the day (2001-02-13, 2003-04-29, 2003-04-30 and 427 more)",
        (
            "file: 180 sessions between 2000-08-30 and 2026-03-30 have no close (2000-09-04, 2000-11-23, 2000-11-24 "
            "and 177 more)"
        ),
    )
