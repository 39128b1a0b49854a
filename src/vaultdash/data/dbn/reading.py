"""Reading DBN, Databento's binary format: its metadata, and its records as numpy columns, without the heavy client.

DBN 1 to 3 are read, plain or zstd-compressed. Records come in the layout of DBN 3; those of older versions whose layout
differs (definitions, statistics) are upgraded by `databento_dbn` itself. Prices are int64 in units of 1e-9, timestamps
are nanoseconds since 1970 UTC. `tcbbo` records are CMBP1Msg, as they lie in the file.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Self

import databento_dbn
import numpy as np
from databento_dbn import v1, v2

from vaultdash.data.dbn.compressed import COPY_AGAIN, PlainBytes
from vaultdash.data.wording import shown
from vaultdash.errors import DbnUnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

    Records = NDArray[np.void]

UNDEFINED_PRICE = databento_dbn.UNDEF_PRICE
UNDEFINED_TIMESTAMP = databento_dbn.UNDEF_TIMESTAMP
PRICE_SCALE = databento_dbn.FIXED_PRICE_SCALE

DBN_MAGIC = b"DBN"
PREFIX_SIZE = 8  # magic, version, and how long the rest of the metadata is
LONGEST_METADATA = 1 << 30
CHUNK_RECORDS = 1 << 16
CHECKED_BYTES = 1 << 23
USUAL_RATIO = 4  # how many times longer records are than their zstd, as a rule; where not, the buffer grows
WORD_BYTES = 4  # a record's length is given in words
OHLCV_DEPRECATED = 17  # the record type of bars in the oldest files, whatever their length in time

RECORD_NAMES = {
    "mbo": "MBOMsg",
    "mbp-1": "MBP1Msg",
    "mbp-10": "MBP10Msg",
    "tbbo": "MBP1Msg",
    "trades": "TradeMsg",
    "ohlcv-1s": "OHLCVMsg",
    "ohlcv-1m": "OHLCVMsg",
    "ohlcv-1h": "OHLCVMsg",
    "ohlcv-1d": "OHLCVMsg",
    "ohlcv-eod": "OHLCVMsg",
    "definition": "InstrumentDefMsg",
    "statistics": "StatMsg",
    "status": "StatusMsg",
    "imbalance": "ImbalanceMsg",
    "cmbp-1": "CMBP1Msg",
    "cbbo-1s": "CBBOMsg",
    "cbbo-1m": "CBBOMsg",
    "tcbbo": "CMBP1Msg",
    "bbo-1s": "BBOMsg",
    "bbo-1m": "BBOMsg",
}
OLDER_VERSIONS = {1: v1, 2: v2}

DOWNLOAD_AS_HISTORY = "Ask for it as historical data, which holds one schema a file."


def read_metadata(path: Path) -> databento_dbn.Metadata:
    """Return what a DBN file says of itself: dataset, schema, window, symbols and their instrument ids.

    Raises DbnUnreadableError for a file that is absent, not DBN, or cut before its records.
    """
    with DbnReader(path) as reader:
        return reader.metadata


def read_records(path: Path) -> Records:
    """Return every record of a DBN file, shape (n,), read-only; n may be 0.

    Raises DbnUnreadableError for a file that is cut, damaged, not DBN, or of mixed records.
    """
    with DbnReader(path) as reader:
        return reader.upgraded(reader.rest())


def iter_records(path: Path, *, chunk_records: int = CHUNK_RECORDS) -> Iterator[Records]:
    """Yield the records of a DBN file in order, at most `chunk_records` at a time, each chunk with its own memory.

    Raises DbnUnreadableError where `read_records` does, at the chunk in which the fault lies.
    """
    with DbnReader(path) as reader:
        for chunk in reader.chunks(chunk_records):
            yield reader.upgraded(chunk)


def record_dtype(schema: str) -> np.dtype[np.void]:
    """The layout of a schema's records in DBN 3. `schema` is one of RECORD_NAMES."""
    layout: np.dtype[np.void] = np.dtype(getattr(databento_dbn, RECORD_NAMES[schema])._dtypes)  # noqa: SLF001
    return layout


def index_field(dtype: np.dtype[Any]) -> str:
    """The timestamp that Databento sorts, filters and maps symbols by."""
    return "ts_recv" if "ts_recv" in (dtype.names or ()) else "ts_event"


class DbnReader:
    """One pass over a DBN file: its metadata at once, then its records as they lie in it.

    `header` is the metadata's bytes, `dtype` the layout of a record in the file's own version. `seen` is called with
    every piece of the file as it lies on the disk.
    """

    def __init__(self, path: Path, *, seen: Callable[[bytes], object] | None = None) -> None:
        self._path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise self._fault(fault="absent", reason=reason, remedy="Check the path.") from None
        try:
            self.plain = PlainBytes(path, self._file, seen=seen)
            self.header = self._read_header()
            self.metadata = self._decode_metadata()
            self._set_layout()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def chunks(self, count: int) -> Iterator[Records]:
        """Yield the records, at most `count` at a time, in the file's own layout."""
        size = count * self.dtype.itemsize
        position = 0
        while True:
            buffer = np.empty(size, np.uint8)
            filled = self.plain.fill(buffer.data)
            records = self._view(buffer[:filled])
            self._require_kind(records, position)
            if len(records):
                yield records
            if filled < size:
                self._require_whole(filled)
                return
            position += count

    def rest(self) -> Records:
        """Return all the records at once, in the file's own layout."""
        buffer = np.empty(max(self._path.stat().st_size * USUAL_RATIO, CHECKED_BYTES), np.uint8)
        filled = checked = 0
        while True:
            if filled + CHECKED_BYTES > len(buffer):
                longer = np.empty(2 * len(buffer), np.uint8)
                longer[:filled] = buffer[:filled]
                buffer = longer
            count = self.plain.fill(buffer.data[filled : filled + CHECKED_BYTES])
            filled += count
            records = self._view(buffer[:filled])
            self._require_kind(records[checked:], checked)
            checked = len(records)
            if count < CHECKED_BYTES:
                self._require_whole(filled)
                return records

    def upgraded(self, records: Records) -> Records:
        """Return records of this file in the layout of DBN 3."""
        if self._record is self._newest_record or not len(records):
            return records if self._record is self._newest_record else np.empty(0, self.newest_dtype)
        output = io.BytesIO()
        try:
            transcoder = databento_dbn.Transcoder(
                output,
                databento_dbn.Encoding("dbn"),
                databento_dbn.Compression("none"),
                has_metadata=False,
                ts_out=self.metadata.ts_out,
                input_version=self.version,
            )
            transcoder.write(records.tobytes())
            transcoder.flush()
        except databento_dbn.DBNError as error:
            raise self._fault(fault="damaged", reason=f"a record of it cannot be upgraded ({error})") from None
        return np.frombuffer(output.getvalue(), self.newest_dtype)

    def _read_header(self) -> bytes:
        held = self.plain.read(PREFIX_SIZE)
        if held[: len(DBN_MAGIC)] != DBN_MAGIC[: len(held)] or not held:
            raise self._not_dbn(held)
        if len(held) < PREFIX_SIZE:
            raise self._fault(fault="cut", reason="it is cut short, within its metadata")
        self.version = held[len(DBN_MAGIC)]
        if not 1 <= self.version <= databento_dbn.DBN_VERSION:
            raise self._fault(
                fault="version",
                reason=f"it says it is DBN {self.version}, and DBN 1 to {databento_dbn.DBN_VERSION} can be read",
                remedy="Ask for it in an older version, or update databento-dbn.",
            )
        size = PREFIX_SIZE + int.from_bytes(held[WORD_BYTES:PREFIX_SIZE], "little")
        if not size <= LONGEST_METADATA:
            raise self._fault(fault="metadata", reason=f"its metadata claims to be {size:,} bytes long")
        header = held + self.plain.read(size - PREFIX_SIZE)
        if len(header) < size:
            raise self._fault(fault="cut", reason="it is cut short, within its metadata")
        return header

    def _decode_metadata(self) -> databento_dbn.Metadata:
        try:
            return databento_dbn.Metadata.decode(self.header)
        except databento_dbn.DBNError as error:
            raise self._fault(fault="metadata", reason=f"its metadata is damaged ({error})") from None

    def _set_layout(self) -> None:
        schema = self.metadata.schema
        if schema is None:
            raise self._fault(
                fault="mixed",
                reason="it names no schema, as recordings of live data do, so its records are mixed",
                remedy=DOWNLOAD_AS_HISTORY,
            )
        self.schema = str(schema)
        name = RECORD_NAMES[self.schema]
        self._newest_record = getattr(databento_dbn, name)
        self._record = getattr(OLDER_VERSIONS.get(self.version, databento_dbn), name)
        # Recordings of live data may carry the moment of sending behind every record.
        sent = [("ts_out", "u8")] if self.metadata.ts_out else []
        self.dtype: np.dtype[np.void] = np.dtype([*self._record._dtypes, *sent])  # noqa: SLF001  # as the client does
        self.newest_dtype: np.dtype[np.void] = np.dtype([*record_dtype(self.schema).descr, *sent])
        kinds = [int(databento_dbn.RType.from_schema(databento_dbn.Schema(self.schema)))]
        if name == "OHLCVMsg":
            kinds.append(OHLCV_DEPRECATED)
        # The first two bytes of every record: its length in words, and its type.
        self._heads = [self.dtype.itemsize // WORD_BYTES | kind << 8 for kind in kinds]
        self._head_dtype = np.dtype(
            {"names": ["head"], "formats": ["<u2"], "offsets": [0], "itemsize": self.dtype.itemsize}
        )

    def _view(self, data: NDArray[np.uint8]) -> Records:
        """View bytes as the whole records in them, read-only."""
        records = np.frombuffer(data, self.dtype, count=len(data) // self.dtype.itemsize)
        records.flags.writeable = False
        return records

    def _require_kind(self, records: Records, position: int) -> None:
        """Refuse a record that is not what the schema wants. `position` is that of the first in the file."""
        heads = records.view(self._head_dtype)["head"]
        is_right = heads == self._heads[0]
        for other in self._heads[1:]:
            is_right |= heads == other
        if is_right.all():
            return
        at = int(np.argmin(is_right))
        found = f"type {records['rtype'][at]}, {int(records['length'][at]) * WORD_BYTES} bytes"
        raise self._fault(
            fault="mixed",
            reason=f"its record {position + at + 1:,} is not one of schema {self.schema} ({found})",
            remedy=DOWNLOAD_AS_HISTORY,
        )

    def _require_whole(self, length: int) -> None:
        if loose := length % self.dtype.itemsize:
            size = self.dtype.itemsize
            raise self._fault(
                fault="misaligned", reason=f"it ends {loose} bytes into a record of {size}, as a file cut short does"
            )

    def _not_dbn(self, held: bytes) -> DbnUnreadableError:
        if not held:
            return self._fault(fault="not_dbn", reason="it is empty")
        beginning = shown(held[:PREFIX_SIZE].decode("latin-1"))
        kind = {b"<": ": a web page, it seems", b"{": ": JSON, it seems"}.get(held.lstrip()[:1], "")
        return self._fault(
            fault="not_dbn",
            reason=f"it is not DBN, it begins with {beginning}{kind}",
            remedy="Check where it comes from.",
        )

    def _fault(self, *, fault: str, reason: str, remedy: str = COPY_AGAIN) -> DbnUnreadableError:
        return DbnUnreadableError(path=self._path, fault=fault, reason=reason, remedy=remedy)
