"""One download into the files the store keeps: a complete `.dbn.zst` for each partition's window."""

from __future__ import annotations

import io
import os
import shutil
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING

import databento_dbn
import numpy as np
import zstandard

from vaultdash.data.dbn.examined import Tally
from vaultdash.data.dbn.reading import CHUNK_RECORDS, DbnReader, index_field
from vaultdash.errors import AdmissionError, DbnUnreadableError, ImpossibleValueError, OutputNotWrittenError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from databento_dbn import Metadata
    from numpy.typing import NDArray

    from vaultdash.data.dbn.examined import Examined
    from vaultdash.data.dbn.reading import Records
    from vaultdash.market import Window

ZSTD_LEVEL = 3


def split(path: Path, *, parts: Sequence[Window], targets: Sequence[Path]) -> tuple[Examined, ...]:
    """Write the records of a download to `targets`, one for each of `parts`, and return what each holds.

    Every target is a complete `.dbn.zst` with the download's metadata, start and end narrowed to the part; a part
    without records gets one too. Records keep the vendor's order within a part. A single part keeps the vendor's very
    bytes. Targets must not exist; they are on the disk when this returns, and removed when it raises. `path` stays.
    Raises AdmissionError for a record that belongs to no part or a download that cannot be read,
    OutputNotWrittenError for a disk that is full, and ImpossibleValueError for parts that overlap or step back.
    """
    if not (parts and len(parts) == len(targets)):
        raise ImpossibleValueError(
            owner="split", field="targets", value=len(targets), must=f"be one for each of {len(parts)} parts"
        )
    for earlier, later in pairwise(parts):
        if not earlier.end <= later.start:
            raise ImpossibleValueError(owner="split", field="parts", value=str(later), must=f"come after {earlier}")
    try:
        if len(parts) == 1:
            return (_keep_whole(path, parts[0], targets[0]),)
        with DbnReader(path) as reader:
            writers = [
                _PartWriter(target, _narrowed(reader.header, reader.metadata, part))
                for part, target in zip(parts, targets, strict=True)
            ]
            try:
                _deal(path, reader, parts, writers)
                return tuple(writer.finish() for writer in writers)
            except BaseException:
                for writer in writers:
                    writer.discard()
                raise
    except DbnUnreadableError as error:
        raise AdmissionError(path=path, fault=error.fault, reason=error.reason) from None


def _deal(path: Path, reader: DbnReader, parts: Sequence[Window], writers: Sequence[_PartWriter]) -> None:
    """Hand every run of records to the part it lies in, one file open at a time."""
    current: _PartWriter | None = None
    for chunk in reader.chunks(CHUNK_RECORDS):
        places = _places(path, chunk, parts)
        edges = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(chunk)]
        for start, end in pairwise(edges):
            writer = writers[places[start]]
            if current is not None and current is not writer:
                current.pause()
            current = writer
            writer.write(chunk[start:end])
    if current is not None:
        current.pause()


def _places(path: Path, records: Records, parts: Sequence[Window]) -> NDArray[np.intp]:
    """Return the position of the part that each record lies in."""
    moments = records[index_field(records.dtype)].astype(np.uint64)
    starts = np.array([part.start for part in parts], np.uint64)
    ends = np.array([part.end for part in parts], np.uint64)
    places = np.searchsorted(starts, moments, side="right") - 1
    is_inside = (places >= 0) & (moments < ends[places])
    if not is_inside.all():
        count = int(np.count_nonzero(~is_inside))
        raise AdmissionError(path=path, fault="outside", reason=f"{count:,} of its records lie in none of its parts")
    return places


def _keep_whole(path: Path, part: Window, target: Path) -> Examined:
    """Keep the vendor's bytes as they are, under a second name for them where the disk can do that."""
    tally, digest = Tally(), sha256()
    with DbnReader(path, seen=digest.update) as reader:
        for chunk in reader.chunks(CHUNK_RECORDS):
            _places(path, chunk, [part])
            tally.add(chunk)
    with _told(target):
        _take_over(path, target)
        try:
            _to_disk(target)
        except BaseException:
            target.unlink()
            raise
    return tally.examined(target, digest=digest.hexdigest(), has_checksum=reader.plain.has_checksums)


def _take_over(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except FileExistsError:
        raise
    except OSError:  # a disk without links
        _copy(path, target)


def _copy(path: Path, target: Path) -> None:
    with path.open("rb") as source, target.open("xb") as file:
        try:
            shutil.copyfileobj(source, file)
        except BaseException:
            target.unlink()
            raise


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """Turn a failure of the disk into its sentence."""
    try:
        yield
    except OSError as error:
        raise OutputNotWrittenError(path=target, reason=error.strerror or str(error)) from None


def _narrowed(header: bytes, metadata: Metadata, part: Window) -> bytes:
    """The metadata's bytes with its start and end narrowed to a part, everything else as the vendor wrote it."""
    start, end = max(metadata.start, part.start), part.end
    if metadata.end is not None:  # the type says it is never None, but recordings without an end have none
        end = min(metadata.end, end)
    file = io.BytesIO(header)
    databento_dbn.update_encoded_metadata(file, start, max(start, end), metadata.limit)
    return file.getvalue()


class _PartWriter:
    """One target file. It may be paused and taken up again, each time with a zstd frame of its own."""

    def __init__(self, target: Path, header: bytes) -> None:
        self._target = target
        self._header = header
        self._tally = Tally()
        self._has_begun = False
        self._open: tuple[io.BufferedWriter, zstandard.ZstdCompressionObj] | None = None
        self._digest = sha256()

    def write(self, records: Records) -> None:
        """Add records, all of this part."""
        self._tally.add(records)
        self._send(records.tobytes())

    def pause(self) -> None:
        """End the frame and close the file."""
        if self._open is None:
            return
        file, compressor = self._open
        self._open = None
        with _told(self._target), file:
            self._put(file, compressor.flush())

    def finish(self) -> Examined:
        """Complete the file, also where no record came, put it on the disk and say what it holds."""
        if not self._has_begun:
            self._send(b"")
        self.pause()
        with _told(self._target):
            _to_disk(self._target)
        return self._tally.examined(self._target, digest=self._digest.hexdigest(), has_checksum=True)

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._open is not None:
            with suppress(OSError):  # closing writes what a full disk did not take
                self._open[0].close()
        if self._has_begun:
            self._target.unlink(missing_ok=True)

    def _send(self, data: bytes) -> None:
        with _told(self._target):
            if self._open is None:
                file = self._target.open("ab" if self._has_begun else "xb")
                compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compressobj()
                self._open = file, compressor
                if not self._has_begun:
                    self._has_begun = True
                    data = self._header + data
            file, compressor = self._open
            self._put(file, compressor.compress(data))

    def _put(self, file: io.BufferedWriter, data: bytes) -> None:
        self._digest.update(data)
        file.write(data)
