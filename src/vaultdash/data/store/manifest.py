"""What is held of a partition: its records, and what was said and paid when each was bought."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from vaultdash.data.request import DataRequest, Partition, Series, partitions_of
from vaultdash.data.store.durable import reading
from vaultdash.errors import ImpossibleValueError, NewerFormatError, StoreDamagedError
from vaultdash.market import Window

Document = TypeVar("Document")
Suffix = Literal[".dbn.zst", ".parquet"]

FORMAT: Literal[1] = 1
SHA256 = re.compile(r"[0-9a-f]{64}")
STRICT_FIELDS: dict[str, Any] = {"extra": "forbid", "allow_inf_nan": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordManifest:
    """What is known of a record: a file of the vendor's bytes.

    `covered` is the window that was asked for and answered, inside one partition; it is shorter than the partition
    where the month was not over or the vendor's history began in it. `rows` may be 0: the vendor has nothing for that
    window. `first_ts` and `last_ts` are the first and last timestamp in nanoseconds, None without rows. `quoted_usd`
    is this record's share of the quote it was bought at. `last_modified` is what the vendor said at purchase of each
    UTC day, where it said anything. `size` is in bytes.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT_FIELDS

    covered: Window
    suffix: Suffix
    rows: int
    size: int
    sha256: str
    first_ts: int | None
    last_ts: int | None
    quoted_usd: float
    downloaded_at: datetime
    client_version: str
    last_modified: Mapping[date, date] = field(hash=False)

    def __post_init__(self) -> None:
        if not self.rows >= 0:
            self._refuse("rows", self.rows, "be 0 or more")
        if not self.size > 0:
            self._refuse("size", self.size, "be above 0: an empty answer has a header too")
        if not SHA256.fullmatch(self.sha256):
            self._refuse("sha256", self.sha256, "be 64 hexadecimal digits")
        if not 0 <= self.quoted_usd < inf:
            self._refuse("quoted_usd", self.quoted_usd, "be a finite amount, 0 or more")
        if self.downloaded_at.utcoffset() != timedelta(0):
            self._refuse("downloaded_at", str(self.downloaded_at), "be in UTC")
        if not self._times_fit():
            self._refuse("first_ts", (self.first_ts, self.last_ts), f"lie with last_ts inside {self.covered}")

    @property
    def is_empty(self) -> bool:
        """Whether the vendor has nothing for the window."""
        return self.rows == 0

    def _times_fit(self) -> bool:
        if self.first_ts is None or self.last_ts is None:
            return self.first_ts is self.last_ts and self.is_empty
        return not self.is_empty and self.covered.start <= self.first_ts <= self.last_ts < self.covered.end

    def _refuse(self, name: str, value: object, must: str) -> None:
        raise ImpossibleValueError(owner="A record's manifest", field=name, value=value, must=must)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdmittedPart:
    """A file that has passed the gate and waits in the store's `incoming` folder to become a record."""

    partition: Partition
    path: Path
    manifest: RecordManifest

    def __post_init__(self) -> None:
        covered, span = self.manifest.covered, self.partition.span
        if not span.start <= covered.start < covered.end <= span.end:
            raise ImpossibleValueError(
                owner=f"A part of {self.partition.name}", field="covered", value=str(covered), must=f"lie inside {span}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A file of the vendor's bytes that is held, and what is known of it."""

    partition: Partition
    path: Path
    manifest: RecordManifest


@dataclass(frozen=True, kw_only=True, slots=True)
class PartitionManifest:
    """What is held of one partition, in time order and without overlap: the file beside its records."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT_FIELDS

    format: Literal[1] = FORMAT
    partition: Partition
    records: tuple[RecordManifest, ...]

    def __post_init__(self) -> None:
        _check_span(self.partition)
        bounds = [edge for record in self.records for edge in (record.covered.start, record.covered.end)]
        edges = [self.partition.span.start, *bounds, self.partition.span.end]
        if not (self.records and all(earlier <= later for earlier, later in pairwise(edges))):
            raise ImpossibleValueError(
                owner=f"The manifest of {self.partition.name}",
                field="records",
                value=len(self.records),
                must="be one or more that follow each other inside the partition",
            )


def _check_span(partition: Partition) -> None:
    whole = next(partitions_of(DataRequest(series=partition.series, window=partition.span)))
    if whole != partition:
        raise ImpossibleValueError(
            owner=f"The manifest of {partition.name}",
            field="span",
            value=str(partition.span),
            must=f"be one UTC {partition.series.unit}",
        )


def to_document(value: object) -> bytes:
    """Write a dataclass as a JSON document."""
    kind: Any = type(value)
    return _adapter(kind).dump_json(value, indent=1) + b"\n"


def from_document(path: Path, kind: type[Document]) -> Document:
    """Read a value back from the JSON document at `path`.

    Raises FileNotFoundError, StoreUnreadableError, StoreDamagedError, or NewerFormatError where a newer program wrote
    the document.
    """
    with reading(path):
        data = path.read_bytes()
    try:
        return cast("Document", _adapter(cast("Any", kind)).validate_json(data))
    except ValidationError as error:
        _refuse_newer(path, data)
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise StoreDamagedError(path=path, reason=f"{where}: {first['msg'].lower()}") from None
    except ImpossibleValueError as error:
        raise StoreDamagedError(path=path, reason=str(error).rstrip(".")) from None


def read_manifest(path: Path, *, series: Series) -> PartitionManifest:
    """Read what is held of a partition of `series`. Raises what `from_document` does."""
    manifest = from_document(path, PartitionManifest)
    if not (manifest.partition.series == series and f"{manifest.partition.name}.json" == path.name):
        reason = f"it belongs to {manifest.partition.series}, {manifest.partition.name}"
        raise StoreDamagedError(path=path, reason=reason)
    return manifest


def held_of(path: Path, partition: Partition) -> tuple[RecordManifest, ...]:
    """The records of a partition whose manifest would lie at `path`; none where there is none."""
    try:
        return read_manifest(path, series=partition.series).records
    except FileNotFoundError:
        return ()


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _refuse_newer(path: Path, data: bytes) -> None:
    try:
        document = json.loads(data)
    except ValueError:
        return
    found = document.get("format") if isinstance(document, dict) else None
    if isinstance(found, int) and found > FORMAT:
        raise NewerFormatError(path=path, found=found, known=FORMAT)
