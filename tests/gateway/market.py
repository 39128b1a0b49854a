"""The market behind the gateway: a query to records and DBN bytes, always the same for the same window."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Final

import databento_dbn as dbn
import numpy as np
import zstandard
from databento_dbn.metadata import MappingInterval

from tests.gateway import options, paperwork, quotes, tape
from tests.gateway.catalog import AVAILABLE_END, BARS, DATASETS, DTYPES, Dataset, empty, time_field
from tests.gateway.paths import date_of, day_number
from tests.gateway.symbology import Piece, Resolution, resolve
from tests.gateway.tape import DAY, MINUTE, Records, Tape

if TYPE_CHECKING:
    from collections.abc import Iterator

_REMEMBERED_BYTES: Final = 96_000_000
_ZSTD_LEVEL: Final = 1
# What grows by one for every revision of a day.
_REVISED_FIELD: Final = {**dict.fromkeys(BARS, "volume"), "trades": "size", "cbbo-1m": "ask_sz_00"}


_MakeAll = Callable[[Dataset, Sequence[Piece], int, int], Records]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a request for data names; `start` and `end` are UTC nanoseconds, half open."""

    dataset: str
    schema: str
    symbols: tuple[str, ...]
    stype_in: str
    stype_out: str = "instrument_id"
    start: int
    end: int
    limit: int | None = None

    def days(self) -> tuple[int, int]:
        """Give the UTC days that the window touches, half open."""
        return self.start // DAY, -(-self.end // DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """Market data as the service sends it: DBN metadata and records."""

    metadata: bytes
    records: Records
    schema: str

    def raw(self) -> bytes:
        """Give the uncompressed DBN bytes."""
        return self.metadata + self.records.tobytes()

    def encode(self) -> bytes:
        """Give one whole zstd frame with a checksum and no content size."""
        squeeze = _compressor()
        return squeeze.compress(self.raw()) + squeeze.flush()

    def encode_open(self) -> bytes:
        """Give a zstd frame that breaks off: every record can be read, and no end or checksum follows."""
        squeeze = _compressor()
        body = squeeze.compress(self.raw()) + squeeze.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        # Half of one more block, which nobody can read. Without it, readers that take the last block in
        # pieces believe that it ended with their first piece.
        torn = squeeze.compress(self.metadata) + squeeze.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        return body + torn[: len(torn) // 2]


def _compressor() -> zstandard.ZstdCompressionObj:
    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True).compressobj()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the vendor says of one day of a dataset."""

    condition: str = "available"
    last_modified: str
    revision: int = 0


@dataclass(slots=True)
class _Interval:
    start_date: dt.date
    end_date: dt.date
    symbol: str


@dataclass(slots=True)
class _Mapping:
    raw_symbol: str
    intervals: Sequence[MappingInterval]


@dataclass(slots=True)
class Market:
    """All datasets; tests may move coverage, conditions and the number of trades."""

    trades_per_day: float = 20_000
    shut_days_resolve: bool = False  # True gives empty data where the real service finds no symbols
    coverage: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)
    conditions: dict[tuple[str, str], Condition] = field(default_factory=dict)
    _remembered: OrderedDict[tuple[Query, float, int], Records] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.set_available_end(AVAILABLE_END)
        for day, modified in (("2020-02-27", "2026-08-30"), ("2020-02-28", "2026-09-01")):
            self.conditions["GLBX.MDP3", day] = Condition(condition="degraded", last_modified=modified)

    def set_available_end(self, end: str | int) -> None:
        """Let every dataset's history end at `end` (an ISO date, or nanoseconds)."""
        until = end if isinstance(end, int) else day_number(dt.date.fromisoformat(end)) * DAY
        for dataset in DATASETS.values():
            since = day_number(dt.date.fromisoformat(dataset.since)) * DAY
            self.coverage[dataset.name] = dict.fromkeys(dataset.schemas, (since, until))

    def condition(self, dataset: str, day: str) -> Condition:
        """Give a day's condition; untouched days are available and were last modified the day after."""
        usual = (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat()
        return self.conditions.get((dataset, day), Condition(last_modified=usual))

    def revise(self, dataset: str, day: str, *, last_modified: str, condition: str = "available") -> None:
        """Rewrite one day as the vendor does: its last_modified_date moves, and so do volumes and sizes."""
        revision = self.condition(dataset, day).revision + 1
        said = Condition(condition=condition, last_modified=last_modified, revision=revision)
        self.conditions[dataset, day] = said

    def resolve(self, query: Query) -> Resolution:
        """Find the instruments of a query; raises UnresolvedError."""
        return resolve(
            DATASETS[query.dataset],
            query.symbols,
            query.stype_in,
            *query.days(),
            shut_days_resolve=self.shut_days_resolve,
        )

    def count(self, query: Query) -> int:
        """Count the records of a query."""
        pieces = _distinct(self.resolve(query).pieces)
        if query.schema == "cbbo-1m":
            found = quotes.count(DATASETS[query.dataset], pieces, query.start, query.end)
        elif query.schema == "trades":
            found = sum(_count_trades(one, *window) for one, window in self._tapes(query, pieces))
        else:
            found = len(self.records(replace(query, limit=None)))
        return found if query.limit is None else min(found, query.limit)

    def billable_size(self, query: Query) -> int:
        """Give the bytes that a query is billed for: its records, uncompressed, without metadata."""
        return self.count(query) * DTYPES[query.schema].itemsize

    def cost(self, query: Query) -> float:
        """Give the price of a query in US dollars."""
        return self.billable_size(query) * DATASETS[query.dataset].usd_per_gib[query.schema] / (1 << 30)

    def records(self, query: Query) -> Records:
        """Give the records of a query, ordered by time; raises UnresolvedError."""
        key = (replace(query, limit=None), self.trades_per_day, self._revisions(query.dataset))
        with self._lock:
            found = self._remembered.get(key)
        if found is None:
            found = self._make(query)
            self._remember(key, found)
        return found[: query.limit]

    def download(self, query: Query) -> Download:
        """Give the whole answer to a query; raises UnresolvedError."""
        records = self.records(query)
        return Download(metadata=self._metadata(query), records=records, schema=query.schema)

    def _revisions(self, dataset: str) -> int:
        return sum(said.revision for (name, _), said in self.conditions.items() if name == dataset)

    def _remember(self, key: tuple[Query, float, int], records: Records) -> None:
        if records.nbytes > _REMEMBERED_BYTES // 2:
            return
        with self._lock:
            self._remembered[key] = records
            while sum(kept.nbytes for kept in self._remembered.values()) > _REMEMBERED_BYTES:
                self._remembered.popitem(last=False)

    def _tapes(self, query: Query, pieces: Sequence[Piece]) -> Iterator[tuple[Tape, tuple[int, int]]]:
        dataset = DATASETS[query.dataset]
        for piece in pieces:
            window = max(query.start, piece.first_day * DAY), min(query.end, piece.end_day * DAY)
            for publisher in dataset.publishers:
                if publisher.share:
                    yield Tape(dataset=dataset, publisher=publisher, instrument=piece.instrument,
                               trades_per_day=self.trades_per_day), window  # fmt: skip

    def _make(self, query: Query) -> Records:
        dataset, schema = DATASETS[query.dataset], query.schema
        pieces = _distinct(self.resolve(query).pieces)
        make_all = _for_all_at_once(dataset, schema)
        if make_all is not None:
            found = make_all(dataset, pieces, query.start, query.end)
            return self._revised(query, found[np.argsort(found[time_field(schema)], kind="stable")])
        parts = [empty(schema, 0)]
        if schema == "definition":
            for piece in pieces:
                window = max(query.start, piece.first_day * DAY), min(query.end, piece.end_day * DAY)
                parts.append(paperwork.definitions(dataset, piece.instrument, *window))
        else:
            parts += [_of_tape(one, schema, *window) for one, window in self._tapes(query, pieces)]
        records = np.concatenate(parts)
        return self._revised(query, records[np.argsort(records[time_field(schema)], kind="stable")])

    def _revised(self, query: Query, records: Records) -> Records:
        name = _REVISED_FIELD.get(query.schema)
        for (dataset, day), said in self.conditions.items():
            if dataset == query.dataset and said.revision and name is not None:
                at = day_number(dt.date.fromisoformat(day)) * DAY
                moments = records[time_field(query.schema)]
                records[name][(moments >= at) & (moments < at + DAY)] += said.revision
        return records

    def _metadata(self, query: Query) -> bytes:
        found = self.resolve(query)
        mappings: dict[str, list[MappingInterval]] = {}
        for piece in found.pieces:
            # Parents are keyed by what they hold, everything else by what was asked for.
            key = piece.instrument.raw_symbol if _is_many(query, piece) else piece.symbol
            number = str(piece.instrument.instrument_id)
            interval = _Interval(date_of(piece.first_day), date_of(piece.end_day), number)
            mappings.setdefault(key, []).append(interval)
        return bytes(
            dbn.Metadata(
                dataset=query.dataset, start=query.start, end=query.end, stype_in=dbn.SType(query.stype_in),
                stype_out=dbn.SType(query.stype_out), schema=dbn.Schema(query.schema),
                symbols=list(found.symbols),
                partial=list(found.partial), not_found=list(found.not_found), limit=query.limit,
                mappings=[_Mapping(key, intervals) for key, intervals in mappings.items()],
            )
        )  # fmt: skip


def _is_many(query: Query, piece: Piece) -> bool:
    return query.stype_in == "parent" or piece.symbol == "ALL_SYMBOLS"


def _distinct(pieces: Sequence[Piece]) -> list[Piece]:
    """Join the days of instruments that were asked for under several names, so that no record comes twice."""
    kept: list[Piece] = []
    by_instrument: dict[int, list[Piece]] = {}
    for piece in pieces:
        by_instrument.setdefault(piece.instrument.instrument_id, []).append(piece)
    for same in by_instrument.values():
        joined: list[Piece] = []
        for piece in sorted(same, key=lambda one: one.first_day):
            if joined and piece.first_day <= joined[-1].end_day:
                joined[-1] = replace(joined[-1], end_day=max(joined[-1].end_day, piece.end_day))
            else:
                joined.append(piece)
        kept += joined
    return kept


def _for_all_at_once(dataset: Dataset, schema: str) -> _MakeAll | None:
    """Find what makes a whole chain's records together; None where each instrument is made by itself."""
    if schema == "cbbo-1m":
        return quotes.quotes
    if dataset.calendar != "options" or schema == "definition":
        return None
    return options.bars if schema in BARS else options.open_interest


def _of_tape(one: Tape, schema: str, start: int, end: int) -> Records:
    if schema == "statistics":
        return paperwork.statistics(one, start, end)
    return tape.trades(one, start, end) if schema == "trades" else tape.bars(one, schema, start, end)


def _count_trades(one: Tape, start: int, end: int) -> int:
    """Count trades, making only those of the minutes that the window cuts."""
    first, last = -(-start // MINUTE), end // MINUTE
    if first >= last:
        return len(tape.trades(one, start, end))
    whole = int(tape.counts(one, first, last)[1].sum())
    return whole + len(tape.trades(one, start, first * MINUTE)) + len(tape.trades(one, last * MINUTE, end))
