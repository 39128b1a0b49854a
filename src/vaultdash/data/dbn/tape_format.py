"""What a tape looks like: its columns, and the facts in its footer behind a checksum."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from vaultdash.errors import FileUnreadableError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

TAPE_FORMAT = 1
TAPE_DTYPES: dict[str, np.dtype[Any]] = {
    "ts_recv": np.dtype(np.int64),
    "price": np.dtype(np.int64),
    "size": np.dtype(np.uint32),
    "side": np.dtype(np.int8),
    "instrument_id": np.dtype(np.uint32),
}
BUYER, SELLER, UNSIDED = ord("B"), ord("A"), ord("N")

FOOTER_KEY = b"vaultdash.tape"
DAMAGED = "it is a tape, but damaged"
REBUILD = "Delete it: it is made again from its record."


@dataclass(frozen=True, kw_only=True, slots=True)
class TapeInfo:
    """What a tape's footer says of it.

    `source_sha256` is that of the record it was made from, `source_rows` the trades in it; `rows` are those without
    the `duplicates`. `out_of_order` counts trades of the record whose ts_recv is before that of the one before it.
    `buys`, `sells` and `unsided` count rows by side. `first` and `last` are ts_recv, None without rows.
    """

    format: int
    source_sha256: str
    source_rows: int
    rows: int
    duplicates: int
    out_of_order: int
    undefined_prices: int
    zero_sizes: int
    buys: int
    sells: int
    unsided: int
    first: int | None
    last: int | None


def tape_schema() -> pa.Schema:
    """The columns as Parquet has them, none of which can be empty."""
    import pyarrow as pa  # noqa: PLC0415  # a fifth of a second that only tapes have to pay

    return pa.schema([pa.field(name, pa.from_numpy_dtype(kind), nullable=False) for name, kind in TAPE_DTYPES.items()])


def sealed(info: TapeInfo) -> bytes:
    """The footer: the facts as JSON behind their checksum, since Parquet has none for its own footer."""
    facts = json.dumps(asdict(info)).encode()
    return b"%08x %s" % (crc32(facts), facts)


def info_of(path: Path, file: pq.ParquetFile) -> TapeInfo:
    """Read the facts of an open tape. Raises FileUnreadableError for none, a damaged one or another version."""
    checksum, _, facts = (file.metadata.metadata or {}).get(FOOTER_KEY, b"").partition(b" ")
    if checksum != b"%08x" % crc32(facts):
        raise FileUnreadableError(path=path, reason="it is no tape, or a damaged one", remedy=REBUILD)
    footer = json.loads(facts)
    if footer["format"] != TAPE_FORMAT:
        raise FileUnreadableError(path=path, reason="it is a tape of another version", remedy=REBUILD)
    info = TapeInfo(**footer)
    if not (file.metadata.num_rows == info.rows and file.schema_arrow.equals(tape_schema())):
        raise FileUnreadableError(path=path, reason=DAMAGED, remedy=REBUILD)
    return info
