"""The tape: trades as columns in Parquet, made from a record of trades and made again from it at any time.

Columns: ts_recv (int64, ns UTC, rising), price (int64, units of 1e-9), size (uint32), side (int8, the letter's code:
B the buyer crossed the spread, A the seller did, N not given) and instrument_id (uint32). Sizes stay unsigned as the
vendor sends them: sum and subtract them as int64, since `buys - sells` in uint32 wraps below zero in silence.

Rows are in order of (ts_recv, sequence). A record that repeats another in every byte is left out; rows with an
undefined price (UNDEFINED_PRICE) or a size of zero stay. All of these are counted in the footer.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from vaultdash.data.dbn.examined import Tally
from vaultdash.data.dbn.reading import CHUNK_RECORDS, UNDEFINED_PRICE, DbnReader
from vaultdash.data.dbn.row_groups import RowGroups
from vaultdash.data.dbn.tape_format import (
    BUYER,
    DAMAGED,
    FOOTER_KEY,
    REBUILD,
    SELLER,
    TAPE_DTYPES,
    TAPE_FORMAT,
    UNSIDED,
    TapeInfo,
    info_of,
    sealed,
    tape_schema,
)
from vaultdash.data.dbn.trade_order import StepsBackError, horizons, in_order, repeats
from vaultdash.data.store.whole import written_whole
from vaultdash.errors import FileUnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from vaultdash.data.dbn.reading import Records

    Columns = dict[str, NDArray[Any]]

__all__ = ["BUYER", "SELLER", "TAPE_DTYPES", "UNSIDED", "TapeInfo", "read_tape", "tape_info", "write_tape"]

ROW_GROUP = 1 << 20
ZSTD_LEVEL = 1
READERS = 2


def write_tape(record: Path, tape: Path) -> TapeInfo:
    """Make the tape of a record of trades (`.dbn` or `.dbn.zst`); it appears whole, or not at all.

    Memory is bounded: some hundred megabytes for any number of trades in order. Raises DbnUnreadableError for a record
    that cannot be read, FileUnreadableError for one of another schema, OutputNotWrittenError for a failing disk.
    """
    with written_whole(tape) as aside:
        try:
            return _write(record, aside, None)
        except StepsBackError:
            with DbnReader(record) as reader:
                ahead = horizons(reader.chunks(CHUNK_RECORDS))
            return _write(record, aside, ahead)


def _write(record: Path, target: Path, ahead: Sequence[int] | None) -> TapeInfo:
    import pyarrow as pa  # noqa: PLC0415  # a fifth of a second that only tapes have to pay
    import pyarrow.parquet as pq  # noqa: PLC0415  # see above

    schema = tape_schema()
    digest, tally, counts, groups = sha256(), Tally(), _Counts(), RowGroups(ROW_GROUP)
    with (
        DbnReader(record, seen=digest.update) as reader,
        pq.ParquetWriter(
            target,
            schema,
            compression="zstd",
            compression_level=ZSTD_LEVEL,
            use_dictionary=["size", "side", "instrument_id"],
            column_encoding={"ts_recv": "DELTA_BINARY_PACKED", "price": "DELTA_BINARY_PACKED"},
            write_statistics=["ts_recv"],
            write_page_checksum=True,
        ) as writer,
        ThreadPoolExecutor(1) as behind_us,
    ):
        if reader.schema != "trades":
            raise FileUnreadableError(
                path=record, reason=f"it holds {reader.schema}, and a tape is made of trades", remedy="Ask for trades."
            )

        def write(columns: Columns) -> None:
            # Buffers, because pyarrow imports pandas, a second's work, to look at an array of numpy's.
            arrays = [
                pa.Array.from_buffers(field.type, len(column), [None, pa.py_buffer(column)])
                for field, column in zip(schema, columns.values(), strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema), row_group_size=ROW_GROUP)

        writing: Future[None] | None = None
        for rows in in_order(_counted(reader.chunks(CHUNK_RECORDS), tally), ahead):
            repeated = repeats(rows)
            kept = np.delete(rows, repeated) if len(repeated) else rows
            counts.add(kept, duplicates=len(repeated))
            for group in groups.add(kept):
                # One group is written while the next fills; the columns of the one before are free again.
                if writing:
                    writing.result()
                writing = behind_us.submit(write, group)
        if writing:
            writing.result()
        write(groups.take())
        info = TapeInfo(
            format=TAPE_FORMAT,
            source_sha256=digest.hexdigest(),
            source_rows=tally.rows,
            out_of_order=tally.out_of_order,
            first=tally.first,
            last=tally.last,
            **{field.name: getattr(counts, field.name) for field in fields(counts)},
        )
        writer.add_key_value_metadata({FOOTER_KEY: sealed(info)})
    return info


@dataclass(slots=True)
class _Counts:
    rows: int = 0
    duplicates: int = 0
    undefined_prices: int = 0
    zero_sizes: int = 0
    buys: int = 0
    sells: int = 0
    unsided: int = 0

    def add(self, rows: Records, *, duplicates: int) -> None:
        """Count trades that the tape takes, and those it left out between them."""
        sides = rows["side"]
        self.rows += len(rows)
        self.duplicates += duplicates
        self.undefined_prices += int(np.count_nonzero(rows["price"] == UNDEFINED_PRICE))
        self.zero_sizes += int(np.count_nonzero(rows["size"] == 0))
        buys, sells = int(np.count_nonzero(sides == b"B")), int(np.count_nonzero(sides == b"A"))
        self.buys += buys
        self.sells += sells
        self.unsided += len(rows) - buys - sells


def _counted(chunks: Iterator[Records], tally: Tally) -> Iterator[Records]:
    for chunk in chunks:
        tally.add(chunk)
        yield chunk


def tape_info(path: Path) -> TapeInfo:
    """Read a tape's footer alone. Raises FileUnreadableError for a file that is no tape, or a damaged one."""
    with _opened(path) as file:
        return info_of(path, file)


def read_tape(
    path: Path, *, columns: Sequence[str] = tuple(TAPE_DTYPES), row_groups: Sequence[int] | None = None
) -> Columns:
    """Return columns of a tape, each of shape (n,) and of the dtype in TAPE_DTYPES, read by two threads.

    `row_groups` takes only some parts of it, of about a million trades each, in the order given; None takes all.
    Raises FileUnreadableError for a file that is no tape, or a damaged one.
    """
    with _opened(path) as file:
        info_of(path, file)
        groups = list(range(file.num_row_groups) if row_groups is None else row_groups)
        sizes = [file.metadata.row_group(group).num_rows for group in groups]
    starts = np.cumsum([0, *sizes]).tolist()
    output = {name: _column(starts[-1], TAPE_DTYPES[name]) for name in columns}

    def read_every(first: int) -> None:
        with _opened(path) as file:
            for at in range(first, len(groups), READERS):
                _read_group(path, file, groups[at], output, slice(starts[at], starts[at + 1]))

    with ThreadPoolExecutor(READERS) as pool:
        list(pool.map(read_every, range(READERS)))
    return output


def _column(count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """An empty column in memory of pyarrow's pool, which hands out again what was freed rather than fresh pages."""
    import pyarrow as pa  # noqa: PLC0415  # see above

    return np.frombuffer(pa.allocate_buffer(count * dtype.itemsize), dtype) if count else np.empty(0, dtype)


def _read_group(path: Path, file: pq.ParquetFile, group: int, output: Columns, place: slice) -> None:
    import pyarrow as pa  # noqa: PLC0415  # see above

    for name, column in output.items():
        # One column at a time, so that it is still in the cache when it is copied to its place.
        try:
            table = file.read_row_group(group, columns=[name], use_threads=False)
        except (pa.ArrowException, OSError):
            raise FileUnreadableError(path=path, reason=DAMAGED, remedy=REBUILD) from None
        position = place.start
        for chunk in table.column(name).chunks:
            # The buffer itself, because pyarrow imports pandas to make an array of numpy's.
            values = np.frombuffer(chunk.buffers()[1], column.dtype)[chunk.offset : chunk.offset + len(chunk)]
            column[position : position + len(chunk)] = values
            position += len(chunk)


def _opened(path: Path) -> pq.ParquetFile:
    import pyarrow as pa  # noqa: PLC0415  # see above
    import pyarrow.parquet as pq  # noqa: PLC0415  # see above

    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        is_absent = isinstance(error, FileNotFoundError)
        reason = "no such file or directory" if is_absent else "it is no Parquet file, or a damaged one"
        raise FileUnreadableError(path=path, reason=reason, remedy=REBUILD) from None
