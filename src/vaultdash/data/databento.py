"""Databento as a source of history: its own client, wrapped once, in its own words.

Money. Asking what a dataset covers, what a request costs, how many records it has and what became of a day is free and
is repeated where it fails for a moment. Two calls are billed. `timeseries.get_range` is billed by what it streams: it
is repeated only as long as no answer has begun, and an answer that broke off is told, never bought again unbidden.
`batch.submit_job` is billed at once: before it is repeated, in this process or the next, the account's jobs are looked
through for the one that may be there already. `on_attempt` hears of each of them before it is sent.

The key is handed to the client and to nobody else; no failure of the client's passes on, only ours, made from its
status, case, request id and cleaned words. This is the only module that imports `databento`, and not before a call.
"""

from __future__ import annotations

import warnings
from importlib.metadata import version
from itertools import count
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from vaultdash.data.request import Series
from vaultdash.data.source import DataQuote
from vaultdash.data.vendors.coverage import DatasetRanges, choose_dataset, span_of
from vaultdash.data.vendors.databento_answers import (
    DEFAULT_HOST,
    read_conditions,
    read_count,
    read_usd,
    usable_gateway,
    usable_key,
)
from vaultdash.data.vendors.databento_batch import WAIT_SECONDS, Attempt, BatchCalls, BatchDownload, request_fields
from vaultdash.data.vendors.databento_calls import Calls
from vaultdash.data.vendors.databento_failures import beginning_of
from vaultdash.data.vendors.databento_jobs import JobBook
from vaultdash.data.vendors.databento_symbols import instrument_asked, read_symbol_map
from vaultdash.data.vendors.redact import Redaction, guard_logs
from vaultdash.data.vendors.retry import Retries
from vaultdash.errors import (
    ClosedWindowError,
    DownloadCutError,
    OutputNotWrittenError,
    UnreadableAnswerError,
    VaultdashError,
    VendorError,
)
from vaultdash.market import DAY_NS, utc_day

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from databento import Historical

    from vaultdash.data.catalog import Instrument
    from vaultdash.data.request import DataRequest
    from vaultdash.data.source import DayCondition
    from vaultdash.data.vendors.databento_symbols import SymbolMap
    from vaultdash.market import DateRange, Window

Delivery = Literal["stream", "batch"]
FreeFigure = Literal["get_cost", "get_record_count", "get_billable_size"]

BATCH_BARS = 366 * DAY_NS
BATCH_BYTES = 5_000_000_000
TIMEOUT_SECONDS = 60.0


class DatabentoSource:
    """Fulfils `HistorySource` with the real client.

    `folder` keeps what must outlive the process: what datasets cover, and which batch jobs were paid for. `gateway` is
    another address than Databento's, https only. A silence of `timeout_seconds` ends a call. Raises MissingKeyError or
    UnreadableValueError at once.
    """

    name = "databento"
    is_paid = True

    def __init__(
        self,
        key: SecretStr | str | None,
        *,
        folder: Path,
        gateway: str | None = None,
        retries: Retries | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        batch_wait_seconds: float = WAIT_SECONDS,
        on_attempt: Callable[[Attempt], None] = lambda _: None,
    ) -> None:
        self.client_version = version("databento")  # read from its package, without loading it
        self._key = SecretStr(usable_key(key.get_secret_value() if isinstance(key, SecretStr) else key))
        self._gateway = usable_gateway(gateway) if gateway and gateway.strip() else None
        self._timeout = timeout_seconds
        self._on_attempt = on_attempt
        self._calls = Calls(
            make_client=self._make_client,
            its_errors=_client_errors,
            redaction=Redaction(self._key.get_secret_value()),
            retries=retries or Retries(),
            timeout=timeout_seconds,
        )
        self._ranges = DatasetRanges(ask=self._range_of, owner=self._gateway or DEFAULT_HOST, folder=folder)
        self._book = JobBook(folder=folder / "jobs")
        self._batch = BatchDownload(
            calls=BatchCalls(calls=self._calls, key=self._key, gateway=self._gateway, on_attempt=on_attempt),
            book=self._book,
            wait_seconds=batch_wait_seconds,
            clock=self._calls.retries.clock,
        )
        self._sizes: dict[DataRequest, int] = {}

    def __repr__(self) -> str:
        return f"DatabentoSource(gateway={self._gateway or DEFAULT_HOST!r})"

    def available(self, dataset: str, schema: str) -> Window:
        """Return the window that the account may ask for, as the vendor said it within the last day."""
        return span_of(self._ranges.of(dataset), dataset, schema)

    def resolve(self, asked: Instrument | str, schema: str, window: Window, *, dataset: str | None = None) -> Series:
        """Return the series to ask for: the first dataset of the instrument's that covers the window for the schema.

        A `dataset` that is named is the only one tried. Raises CoverageError before anything is spent, and what
        `instrument_asked` raises.
        """
        instrument = instrument_asked(asked)
        chosen = choose_dataset(
            self._ranges,
            wanted=(dataset,) if dataset else instrument.datasets,
            others=instrument.datasets if instrument.is_listed else (),
            symbol=instrument.symbol,
            schema=schema,
            window=window,
            yahoo_symbol=instrument.yahoo_symbol,
        )
        return Series(
            source=self.name, dataset=chosen, schema=schema, symbol=instrument.symbol, stype_in=instrument.stype
        )

    def resolve_symbols(
        self, dataset: str, symbols: Sequence[str], *, stype_in: str, stype_out: str, window: Window
    ) -> SymbolMap:
        """Return what the symbols stood for on the UTC days of the window.

        Raises SymbolsUnresolvedError naming those that were not found.
        """
        first, end = utc_day(window.start), utc_day(window.end + DAY_NS - 1)
        what = f"symbols {', '.join(symbols)} ({stype_in}) of {dataset} over {window}"
        body = self._calls.ask(
            lambda client: client.symbology.resolve(dataset, list(symbols), stype_in, stype_out, first, end),
            self._calls.asked(what, dataset=dataset, window=window),
        )
        return read_symbol_map(body, what=what)

    def quote(self, request: DataRequest) -> DataQuote:
        """Price a request with three free calls, stopping at the first that fails: what is not learned is None.

        A window in which the exchange was closed has 0 records and, since the vendor names none, no price.
        """
        usd = record_count = billable_bytes = None
        reason = ""
        try:
            usd = read_usd(self._figure("get_cost", request), what=f"the price of {request}")
            record_count = read_count(self._figure("get_record_count", request), what=f"the count of {request}")
            billable_bytes = self._billable_bytes(request)
        except ClosedWindowError as error:
            record_count, billable_bytes, reason = 0, 0, str(error)
        except VendorError as error:
            reason = str(error)
        return DataQuote(usd=usd, billable_bytes=billable_bytes, record_count=record_count, unknown_because=reason)

    def download(self, request: DataRequest, path: Path, *, delivery: Delivery | None = None) -> None:
        """Write the request's bytes to the new file `path`: by stream, or as a batch job where they are many.

        Many is more than a year of bars or 5 GB; `delivery` decides otherwise. May leave part of the file where it
        raises. A job stays remembered: a second download of the same request fetches its file again for nothing, for a
        day or until `forget_job`.
        """
        if path.exists():
            raise OutputNotWrittenError(path=path, reason="it is there already")
        if not path.parent.is_dir():
            raise OutputNotWrittenError(path=path, reason="its folder is not there")
        if (delivery or self._best_delivery(request)) == "batch":
            self._batch.fetch(request, path)
        else:
            self._stream(request, path)

    def resumes(self, request: DataRequest) -> bool:
        """Whether a batch job of the request was submitted before and is still remembered."""
        return self._book.read(request) is not None

    def forget_job(self, request: DataRequest) -> None:
        """Let go of the batch job of a request, once its bytes are safe or to buy it anew."""
        self._book.forget(request)

    def conditions(self, dataset: str, days: DateRange) -> Mapping[date, DayCondition]:
        """Return what the vendor says of each UTC day, both ends included; days it says nothing of are left out."""
        asked = self._calls.asked(f"the condition of {dataset} over {days}", dataset=dataset)
        body = self._calls.ask(
            lambda client: client.metadata.get_dataset_condition(dataset, days.start, days.end), asked
        )
        return read_conditions(body, what=asked.what)

    def _best_delivery(self, request: DataRequest) -> Delivery:
        length = request.window.end - request.window.start
        if request.series.schema.startswith("ohlcv-") and length > BATCH_BARS:
            return "batch"
        return "batch" if self._billable_bytes(request) > BATCH_BYTES else "stream"

    def _billable_bytes(self, request: DataRequest) -> int:
        if request not in self._sizes:
            answer = self._figure("get_billable_size", request)
            self._sizes[request] = read_count(answer, what=f"the size of {request}")
        return self._sizes[request]

    def _figure(self, name: FreeFigure, request: DataRequest) -> object:
        asked = self._calls.asked(f"{name} of {request}", request=request)
        return self._calls.ask(lambda client: getattr(client.metadata, name)(**request_fields(request)), asked)

    def _range_of(self, dataset: str) -> object:
        asked = self._calls.asked(f"the range of {dataset}", dataset=dataset)
        return self._calls.ask(lambda client: client.metadata.get_dataset_range(dataset), asked)

    def _stream(self, request: DataRequest, path: Path) -> None:
        attempts = count(1)
        asked = self._calls.asked(str(request), request=request, path=path)

        def send(client: Historical) -> None:
            client.timeseries.get_range(**request_fields(request), path=path)

        def send_once() -> None:
            self._on_attempt(Attempt(request=request, call="timeseries.get_range", number=next(attempts)))
            self._calls.once(send, asked)

        failure: VaultdashError
        try:
            # The client makes the file when an answer begins, which is when it begins to cost.
            return self._calls.retries.run(send_once, may_repeat=lambda: not path.exists())
        except (DownloadCutError, UnreadableAnswerError) as error:
            failure = error
        raise beginning_of(path, failure, asked)

    def _make_client(self) -> Historical:
        # Importing the client takes a second and a half, and switches every DeprecationWarning of the process on.
        with warnings.catch_warnings():
            from databento import Historical  # noqa: PLC0415
        guard_logs(self._calls.redaction)
        key = self._key.get_secret_value()
        client = Historical(key, gateway=self._gateway) if self._gateway else Historical(key)
        for api in (client.batch, client.metadata, client.symbology, client.timeseries):
            api.TIMEOUT = self._timeout  # type: ignore[assignment]  # seconds, and requests takes parts of one
        return client


def _client_errors() -> tuple[type[Exception], ...]:
    """The client's own error, and those of the libraries it reads DBN and zstd with, which it lets through."""
    from databento import BentoError  # noqa: PLC0415
    from databento_dbn import DBNError  # noqa: PLC0415
    from zstandard import ZstdError  # noqa: PLC0415

    return BentoError, DBNError, ZstdError
