"""Yahoo as a source of daily bars, through `yfinance`: free, of no fixed meaning, revised without notice.

The record is what Yahoo sent, row by row, as Parquet; `yahoo_history.py` keeps it and says what is made of it.
Prices are not adjusted for dividends. Yahoo adjusts every price for splits, back to the first day, and that cannot be
asked off; a split inside the record is told.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from vaultdash.data.calendars import session_times
from vaultdash.data.files.parquet import MOST_ROWS, MOST_UNPACKED
from vaultdash.data.vendors.retry import Retries
from vaultdash.errors import (
    FileUnreadableError,
    MissingExtraError,
    NoSessionError,
    OutputNotWrittenError,
    RateLimitedError,
    RequestRefusedError,
    SymbolsUnresolvedError,
    UnreadableAnswerError,
    VendorAnswer,
    VendorError,
    VendorTimeoutError,
    VendorUnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa
    from pyarrow import parquet as pq

    from vaultdash.data.catalog import Instrument
    from vaultdash.market import DateRange

VENDOR = "Yahoo"
MAX_AGE = timedelta(days=1)
TIMEOUT_SECONDS = 30.0
PRICES = {"open": "Open", "high": "High", "low": "Low", "close": "Close", "adjusted_close": "Adj Close"}
EVENTS = {"volume": "Volume", "dividends": "Dividends", "stock_splits": "Stock Splits"}
NEEDED = ("open", "high", "low", "close", "volume", "stock_splits")
# Yahoo's words for days before a symbol's first.
NOTHING_THEN = "Data doesn't exist for startDate"
# What yfinance and its HTTP library raise, and what its own slips turn an answer into that it did not expect.
SLIPS = (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError)


@dataclass(frozen=True, kw_only=True, slots=True)
class YahooSource:
    """Daily bars from Yahoo. What was fetched more than `max_age` ago is worth fetching again: Yahoo revises."""

    max_age: timedelta = MAX_AGE
    retries: Retries = field(default_factory=Retries)
    timeout_seconds: float = TIMEOUT_SECONDS
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        """What the source is called in requests and tables."""
        return "yahoo"

    @property
    def client_version(self) -> str:
        """The version of yfinance. Raises MissingExtraError where it is not installed."""
        try:
            return version("yfinance")
        except PackageNotFoundError:
            raise MissingExtraError(what="Yahoo's history", extra="yahoo") from None

    def download(self, instrument: Instrument, days: DateRange, path: Path) -> None:
        """Write Yahoo's daily rows of the days, both ends included, to the new Parquet file `path`.

        There are none for days before the symbol's first.
        Raises MissingExtraError, VendorError in a sentence, and OutputNotWrittenError.
        """
        symbol = symbol_on_yahoo(instrument)
        what = f"daily bars of {symbol} over {days}"
        frame = self.retries.run(lambda: _history(symbol, days, what=what, timeout=self.timeout_seconds))
        record = _record(frame, instrument.calendar, self.now(), what)
        try:
            with path.open("xb") as file:
                file.write(record)
        except OSError as error:
            raise OutputNotWrittenError(path=path, reason=error.strerror or "it failed") from None


def is_over(calendar: str, day: date, now: datetime) -> bool:
    """Whether the session of a day, or the day where it has none, is over."""
    try:
        return session_times(calendar, day)[1] <= now
    except NoSessionError:
        return day < now.date()


def symbol_on_yahoo(instrument: Instrument) -> str:
    """What Yahoo calls an instrument. Raises RequestRefusedError for one that Yahoo is not asked for."""
    symbol = instrument.yahoo_symbol if instrument.is_listed else instrument.yahoo_symbol or instrument.symbol
    if symbol is None:
        raise RequestRefusedError(
            what=f"daily bars of {instrument.name}",
            answer=VendorAnswer(vendor=VENDOR),
            remedy="The catalog names no symbol of Yahoo's for it; use another source.",
        )
    return symbol.upper()


def record_bytes(table: pa.Table) -> bytes:
    """Write a record, or a part of one."""
    import pyarrow as pa  # noqa: PLC0415  # a tenth of a second that only Yahoo's records have to pay
    from pyarrow import parquet as pq  # noqa: PLC0415  # see above

    target = pa.BufferOutputStream()
    pq.write_table(table, target, write_page_checksum=True)
    return bytes(target.getvalue().to_pybytes())


def read_record(path: Path) -> tuple[pa.Table, str]:
    """Read a record that `YahooSource.download` wrote, and the sha256 of its bytes.

    Its columns are `date` (a day of the exchange), `is_final`, and as float64 at least those in NEEDED. Raises
    FileUnreadableError for a file that is not such a record.
    """
    import pyarrow as pa  # noqa: PLC0415  # see above
    from pyarrow import parquet as pq  # noqa: PLC0415  # see above

    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileUnreadableError(path=path, reason=error.strerror or "it failed", remedy="Fetch it again.") from None
    # Arrow's own errors, and what Python says of a name that is not UTF-8 or a day past the year 9999.
    with suppress(pa.ArrowException, OSError, ValueError, OverflowError, LookupError):
        file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False, page_checksum_verification=True)
        if _can_be_held(file.metadata) and _is_record(file.schema_arrow):
            table = file.read(use_threads=False)
            if None not in table["date"].to_pylist():
                return table, sha256(data).hexdigest()
    raise FileUnreadableError(path=path, reason="it is no record of Yahoo's daily bars", remedy="Fetch it again.")


def _can_be_held(footer: pq.FileMetaData) -> bool:
    """Whether the footer declares what memory can hold. Asking it of columns may end the process; see `parquet.py`."""
    groups = [footer.row_group(at) for at in range(footer.num_row_groups)]
    unpacked = [group.total_byte_size for group in groups]
    rows = [group.num_rows for group in groups]
    is_possible = all(size >= 0 for size in (*rows, *unpacked)) and sum(rows) == footer.num_rows
    return is_possible and sum(rows) <= MOST_ROWS and sum(unpacked) <= MOST_UNPACKED


def _is_record(schema: pa.Schema) -> bool:
    found = dict(zip(schema.names, schema.types, strict=True))
    return len(found) == len(schema.names) and all(found.get(name) == kind for name, kind in _kinds(NEEDED))


def _kinds(names: Iterable[str]) -> Iterator[tuple[str, pa.DataType]]:
    """The columns of a record and their types."""
    import pyarrow as pa  # noqa: PLC0415  # see above

    yield "date", pa.date32()
    yield "is_final", pa.bool_()
    for name in names:
        yield name, pa.float64()


def _history(symbol: str, days: DateRange, *, what: str, timeout: float) -> Any:
    """Ask Yahoo for the rows, as yfinance's own frame, None for days before the first. Raises VendorError."""
    yfinance = _yfinance()
    debug = yfinance.config.debug
    hidden = debug.hide_exceptions
    failure: VendorError | None = None
    # Unless told otherwise yfinance logs what goes wrong and returns an empty frame, which looks like a closed market.
    debug.hide_exceptions = False
    try:
        # It would give a question about the past the answer that it gave before.
        yfinance.data.YfData.cache_get.cache_clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # its own uses of pandas, which no caller can help
            return yfinance.Ticker(symbol).history(
                interval="1d",
                start=days.start.isoformat(),
                end=(days.end + timedelta(days=1)).isoformat(),
                auto_adjust=False,
                actions=True,
                keepna=True,
                timeout=timeout,
            )
    except (yfinance.exceptions.YFException, *SLIPS) as error:
        failure = None if NOTHING_THEN in str(error) else _failure_of(error, what, timeout)
    finally:
        debug.hide_exceptions = hidden
    if failure is not None:
        raise failure
    return None


def _yfinance() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            import_module("yfinance.data")
            import_module("yfinance.exceptions")
            return import_module("yfinance")
    except ImportError:
        raise MissingExtraError(what="Yahoo's history", extra="yahoo") from None


def _failure_of(error: Exception, what: str, timeout: float) -> VendorError:
    kind = type(error).__name__
    if kind == "YFRateLimitError":
        return RateLimitedError(answer=VendorAnswer(vendor=VENDOR, status=429))
    if kind.endswith("MissingError"):
        return SymbolsUnresolvedError(
            what=what,
            answer=VendorAnswer(vendor=VENDOR),
            remedy="It knows no such symbol, or no prices of it for these days: check both.",
        )
    if "Timeout" in kind:
        return VendorTimeoutError(vendor=VENDOR, seconds=timeout)
    if isinstance(error, OSError):
        return VendorUnreachableError(vendor=VENDOR, reason="no connection was made, or it broke")
    return UnreadableAnswerError(vendor=VENDOR, what=what, reason="it is no table of prices")


def _record(frame: Any, calendar: str, now: datetime, what: str) -> bytes:
    """Write yfinance's frame as Parquet: a row each, dated by the exchange, and whether its session was over."""
    import pyarrow as pa  # noqa: PLC0415  # see above

    heads = PRICES | EVENTS
    if frame is None:
        return record_bytes(pa.schema(list(_kinds(heads))).empty_table())
    missing = [heads[name] for name in NEEDED if heads[name] not in frame.columns]
    if missing:
        raise UnreadableAnswerError(vendor=VENDOR, what=what, reason=f"it has no column {missing[0]}")
    dates = [moment.date() for moment in frame.index]
    columns: dict[str, list[Any]] = {"date": dates, "is_final": [is_over(calendar, day, now) for day in dates]}
    present = [name for name, head in heads.items() if head in frame.columns]
    for name in present:
        columns[name] = [float(value) for value in frame[heads[name]].to_list()]
    return record_bytes(pa.table(columns, schema=pa.schema(list(_kinds(present)))))
