"""History: what is held, what is missing, what that would cost, and the buying of exactly that."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from math import fsum
from typing import TYPE_CHECKING

from vaultdash.data.dbn.closed import write_empty
from vaultdash.data.purchase import PricedGap, Receipt, RequestQuote
from vaultdash.data.store.gaps import Gap
from vaultdash.data.store.manifest import AdmittedPart, RecordManifest
from vaultdash.data.store.spend import SpendLedger, in_cents_above
from vaultdash.data.store.store import Store
from vaultdash.errors import (
    AdmissionError,
    DownloadCutError,
    PriceRoseError,
    SpendLimitError,
    UnknownNameError,
    UnknownPriceError,
    VaultdashError,
    WindowNotCoveredError,
)
from vaultdash.market import DateRange, Window, utc_day

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from vaultdash.data.dbn.examined import Examined
    from vaultdash.data.purchase import SpendLimits
    from vaultdash.data.request import DataRequest, Partition
    from vaultdash.data.source import DayCondition, HistorySource
    from vaultdash.data.store.manifest import Record
    from vaultdash.data.store.receipts import Reservation, SpendEntry
    from vaultdash.data.store.revisions import Revision
    from vaultdash.data.store.writer import SeriesWriter

SPEND_FILE = "spend.sqlite"
PRICE_TOLERANCE = 1e-9


class History:
    """The one door to bought history: the store, the ledger and the sources behind it.

    `home` is the data folder. Sources are known by name and made when they are first needed: what is held can be read
    without a key.
    """

    def __init__(self, home: Path, *, sources: Mapping[str, Callable[[], HistorySource]], limits: SpendLimits) -> None:
        self.home = home
        self.store = Store(home)
        self.ledger = SpendLedger(home / SPEND_FILE)
        self._makers = sources
        self._made: dict[str, HistorySource] = {}
        self._limits = limits

    def source(self, name: str) -> HistorySource:
        """The source of that name. Raises UnknownNameError."""
        if name not in self._makers:
            raise UnknownNameError(kind="source of history", name=name, known=self._makers)
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def is_held(self, request: DataRequest) -> bool:
        """Whether every moment of the request is held, without asking the source what it has."""
        return not self.store.gaps(request, request.window)

    def gaps(self, request: DataRequest) -> tuple[Gap, ...]:
        """What is missing of a request, as far as the source has it. Raises what `quote` raises."""
        return () if self.is_held(request) else self.store.gaps(request, self._available(request))

    def quote(self, request: DataRequest) -> RequestQuote:
        """Price what is missing of a request, without buying it.

        Raises WindowNotCoveredError for what the source does not reach, and what the source and the store raise.
        """
        return self._price(request, self.gaps(request))

    def fetch(
        self,
        request: DataRequest,
        *,
        allow_usd: float | None = None,
        shown_usd: float | None = None,
        on_step: Callable[[str], None] = lambda _sentence: None,
    ) -> Receipt:
        """Buy what is missing of a request, if its price is known and within the limits; nothing where all is held.

        `allow_usd` is what a person allowed for this fetch: it stands for a limit that is lower. `shown_usd` is the
        price that was agreed to: a higher one is refused. Whoever else fetches
        the same series meanwhile waits, and then finds it held. Raises UnknownPriceError, SpendLimitError,
        AdmissionError for a download that does not pass the gate, and what the source and the store raise; what was
        admitted before the failure stays.
        """
        if not self.gaps(request):
            return Receipt(request=request, bought=(), usd=0.0)
        waiting = f"waiting for another process that fetches {request.series}"
        with self.store.writing(request.series, on_wait=lambda: on_step(waiting)) as writer:
            priced = self._price(request, self.gaps(request))
            return self._buy_all(
                request, priced.gaps, writer, allow_usd=allow_usd, shown_usd=shown_usd, on_step=on_step
            )

    def quote_revised(self, request: DataRequest) -> RequestQuote:
        """Price the records of a request that the vendor has rewritten since they were bought."""
        return self._price(request, tuple(_gap_of(revision) for revision in self.revisions(request)))

    def fetch_revised(
        self,
        request: DataRequest,
        *,
        allow_usd: float | None = None,
        shown_usd: float | None = None,
        on_step: Callable[[str], None] = lambda _sentence: None,
    ) -> Receipt:
        """Buy again the records that the vendor has rewritten since, each in the place of the old one.

        Raises what `fetch` raises; an old record stays until its replacement has passed the gate.
        """
        with self.store.writing(request.series) as writer:
            gaps = tuple(_gap_of(revision) for revision in self.revisions(request))
            paid = {entry.request for entry in self.ledger.unsettled()}
            for gap in gaps:
                # A job of the first purchase would hand out the old bytes; one that was paid for since goes on.
                if str(gap.request) not in paid:
                    self.source(request.series.source).forget_job(gap.request)
            priced = self._price(request, gaps)
            return self._buy_all(
                request, priced.gaps, writer, allow_usd=allow_usd, shown_usd=shown_usd, on_step=on_step, replacing=True
            )

    def revisions(self, request: DataRequest) -> tuple[Revision, ...]:
        """The held records that the vendor has rewritten since they were bought. Asking is free."""
        days = DateRange(start=utc_day(request.window.start), end=utc_day(request.window.end - 1))
        conditions = self.source(request.series.source).conditions(request.series.dataset, days)
        return self.store.revised(request, conditions)

    def records(self, request: DataRequest) -> tuple[Record, ...]:
        """The records that hold the request, in time order, each checked against its sha256 once a process.

        Raises WindowNotCoveredError where part of it is not held, and StoreDamagedError.
        """
        gaps = self.gaps(request)
        if gaps:
            raise WindowNotCoveredError(
                source="The store",
                symbol=str(request.series),
                asked=str(request.window),
                held=f"all but {', '.join(str(gap.request.window) for gap in gaps)}",
            )
        return self.store.records(request, rehash=True)

    def _available(self, request: DataRequest) -> Window:
        available = self.source(request.series.source).available(request.series.dataset, request.series.schema)
        if not available.start <= request.window.start < available.end:
            raise WindowNotCoveredError(
                source=f"{request.series.source} {request.series.dataset}",
                symbol=request.series.symbol,
                asked=str(request.window),
                held=str(available),
            )
        return available

    def _price(self, request: DataRequest, gaps: Sequence[Gap]) -> RequestQuote:
        if not gaps:
            return RequestQuote(request=request, gaps=())
        source = self.source(request.series.source)
        priced = tuple(PricedGap(gap=gap, quote=source.quote(gap.request)) for gap in gaps)
        return RequestQuote(request=request, gaps=priced)

    def _buy_all(
        self,
        request: DataRequest,
        priced: Sequence[PricedGap],
        writer: SeriesWriter,
        *,
        allow_usd: float | None,
        shown_usd: float | None,
        on_step: Callable[[str], None],
        replacing: bool = False,
    ) -> Receipt:
        """Set the money for every gap aside before the first is bought, so that no limit is met half-way."""
        reserved = self._reserve_all(request, priced, allow_usd=allow_usd, shown_usd=shown_usd)
        bought: list[Record] = []
        spent: list[float] = []
        waiting = list(reserved)
        try:
            for number, gap in enumerate(priced, start=1):
                on_step(f"{number} of {len(priced)}: {gap.gap.request}")
                bought += self._buy(gap, waiting.pop(0), writer, replacing=replacing)
                spent.append(gap.quote.usd or 0.0)
        finally:
            # Whatever stopped it, what was not begun is not paid.
            self._release([reservation for reservation in waiting if reservation is not None])
        return Receipt(request=request, bought=tuple(bought), usd=fsum(spent))

    def _reserve_all(
        self, request: DataRequest, priced: Sequence[PricedGap], *, allow_usd: float | None, shown_usd: float | None
    ) -> list[Reservation | None]:
        source = self.source(request.series.source)
        quote = RequestQuote(request=request, gaps=tuple(priced))
        if quote.usd is None or quote.record_count is None:
            raise UnknownPriceError(what=str(request), reason=quote.unknown_because)
        if not source.is_paid:
            return [None for _ in priced]
        if shown_usd is not None and not quote.usd <= shown_usd + PRICE_TOLERANCE:
            raise PriceRoseError(what=str(request), shown=shown_usd, now=quote.usd)
        self._refuse_over_limits(str(request), quote.usd, priced, allow_usd=allow_usd)
        with ExitStack() as undo:
            reserved: list[Reservation | None] = []
            for gap in priced:
                reservation = None if gap.is_closed else self._reserve(gap, allow_usd=allow_usd)
                if reservation is not None:
                    undo.callback(self.ledger.release, reservation)
                reserved += [reservation]
            undo.pop_all()
        return reserved

    def refuse_over_limits(self, quotes: Sequence[RequestQuote], *, allow_usd: float | None) -> None:
        """Refuse several purchases that a person asked for at once, where all of them together are over a limit.

        Raises SpendLimitError. Quotes of sources that cost nothing count for nothing.
        """
        paid = [quote for quote in quotes if self.source(quote.request.series.source).is_paid]
        if paid:
            gaps = [gap for quote in paid for gap in quote.gaps]
            usd = fsum(quote.usd or 0.0 for quote in paid)
            self._refuse_over_limits(" and ".join(str(quote.request) for quote in paid), usd, gaps, allow_usd=allow_usd)

    def _refuse_over_limits(
        self, what: str, usd: float, priced: Sequence[PricedGap], *, allow_usd: float | None
    ) -> None:
        """Refuse a purchase as a whole, so that what has to be allowed is named once for all of it."""
        resumed = fsum(gap.quote.usd or 0.0 for gap in priced if self._unsettled_entry(gap) is not None)
        spend = self.ledger.this_month()
        month = fsum([spend.settled, spend.reserved, spend.unsettled, usd - resumed])
        allowed = allow_usd or 0.0
        is_over_request = not usd - resumed <= max(self._limits.per_request, allowed)
        is_over_month = not month <= max(self._limits.per_month, allowed)
        if is_over_request or is_over_month:
            raise SpendLimitError(
                what=what,
                usd=usd,
                limit=self._limits.per_month if is_over_month else self._limits.per_request,
                limit_name="month" if is_over_month else "request",
                spent=spend.settled,
                reserved=spend.reserved,
                unsettled=spend.unsettled,
                raise_to=in_cents_above(month if is_over_month else usd),
            )

    def _unsettled_entry(self, priced: PricedGap) -> SpendEntry | None:
        """The money that an interrupted purchase of the gap left set aside, if a download would go on from it."""
        request = priced.gap.request
        if not self.source(request.series.source).resumes(request):
            return None
        return next((entry for entry in self.ledger.unsettled() if entry.request == str(request)), None)

    def _reserve(self, priced: PricedGap, *, allow_usd: float | None) -> Reservation:
        """Set money aside for one download, or take up what an interrupted one that goes on left set aside."""
        entry = self._unsettled_entry(priced)
        if entry is not None:
            return entry.reservation
        return self.ledger.reserve(
            priced.quote.usd,
            request=str(priced.gap.request),
            limit_per_request=self._limits.per_request,
            limit_per_month=self._limits.per_month,
            raised_to=allow_usd,
            unknown_because=priced.quote.unknown_because,
        )

    def _release(self, reservations: Sequence[Reservation]) -> None:
        for reservation in reservations:
            self.ledger.release(reservation)

    def _buy(
        self, priced: PricedGap, reservation: Reservation | None, writer: SeriesWriter, *, replacing: bool
    ) -> tuple[Record, ...]:
        """Download one gap, pass it through the gate, split it into partitions and admit them."""
        request = priced.gap.request
        source = self.source(request.series.source)
        days = DateRange(start=utc_day(request.window.start), end=utc_day(request.window.end - 1))
        path = writer.incoming(".dbn.zst")
        try:
            conditions = source.conditions(request.series.dataset, days)
            if priced.is_closed:
                write_empty(path, request)
            else:
                source.download(request, path)
            whole, parts = _split(path, priced, writer)
        except VaultdashError as error:
            self._close_failed(reservation, path, error, request)
            raise
        admitted = _admitted(priced, parts, whole, source=source, conditions=conditions)
        records = writer.admit(admitted, replacing=replacing)
        if reservation is not None:
            self.ledger.settle(reservation, size=whole.size_bytes, sha256=whole.sha256)
        source.forget_job(request)
        return records

    def _close_failed(
        self, reservation: Reservation | None, path: Path, error: VaultdashError, request: DataRequest
    ) -> None:
        """Release what was certainly not charged: nothing arrived and no job was made. Leave the rest open, counted."""
        if reservation is None:
            return
        is_begun = path.exists() or self.source(request.series.source).resumes(request)
        if is_begun or isinstance(error, AdmissionError | DownloadCutError):
            self.ledger.leave_unsettled(reservation)
        else:
            self.ledger.release(reservation)


Parts = list[tuple["Partition", Window, "Path", "Examined"]]


def _split(path: Path, priced: PricedGap, writer: SeriesWriter) -> tuple[Examined, Parts]:
    # numpy and the decoder load here, and not for a request that is held.
    from vaultdash.data.dbn.admission import examine, split  # noqa: PLC0415

    whole = examine(path, request=priced.gap.request, expected_rows=priced.quote.record_count)
    pieces = priced.gap.pieces
    targets = [writer.incoming(".dbn.zst") for _ in pieces]
    held = split(path, parts=[window for _, window in pieces], targets=targets)
    path.unlink()
    return whole, [
        (partition, window, target, examined)
        for (partition, window), target, examined in zip(pieces, targets, held, strict=True)
    ]


def _admitted(
    priced: PricedGap,
    parts: Parts,
    whole: Examined,
    *,
    source: HistorySource,
    conditions: Mapping[date, DayCondition],
) -> list[AdmittedPart]:
    """Describe each part; the quote is shared out by rows."""
    usd, now = priced.quote.usd or 0.0, datetime.now(UTC)
    return [
        AdmittedPart(
            partition=partition,
            path=target,
            manifest=RecordManifest(
                covered=window,
                suffix=".dbn.zst",
                rows=examined.rows,
                size=examined.size_bytes,
                sha256=examined.sha256,
                first_ts=examined.first,
                last_ts=examined.last,
                quoted_usd=usd * examined.rows / whole.rows if whole.rows else 0.0,
                downloaded_at=now,
                client_version=source.client_version,
                last_modified={
                    day: condition.last_modified_date
                    for day, condition in conditions.items()
                    if condition.last_modified_date is not None
                    and utc_day(window.start) <= day <= utc_day(window.end - 1)
                },
            ),
        )
        for partition, window, target, examined in parts
    ]


def _gap_of(revision: Revision) -> Gap:
    return Gap(request=revision.request, partitions=(revision.record.partition,))
