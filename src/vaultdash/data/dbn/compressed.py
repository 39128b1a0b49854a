"""From a file to its plain bytes, bounded in memory: zstd undone, and every way it can be broken told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zstandard

from vaultdash.errors import DbnUnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path
    from typing import BinaryIO

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE_MAGICS = frozenset(bytes((low, 0x2A, 0x4D, 0x18)) for low in range(0x50, 0x60))
MAGIC_SIZE = 4
LONGEST_FRAME_HEADER = 18
# A small piece at a time bounds what one piece can swell to: zstd packs uniform bytes ten thousand times.
PIECE_BYTES = 1 << 15
PLAIN_BYTES = 1 << 20

COPY_AGAIN = "Copy or download it again."


class PlainBytes:
    """The decompressed bytes of a file. Plain files pass as they are; zstd may come in several frames.

    `seen` is called with every piece of the file as it lies on the disk. After the last byte, `has_checksums` says
    whether every frame carried one, which has then been compared.
    """

    def __init__(self, path: Path, file: BinaryIO, *, seen: Callable[[bytes], object] | None = None) -> None:
        self._path = path
        self._file = file
        self._seen = seen
        head = self._read(MAGIC_SIZE)
        self._head = head
        self.is_compressed = head == ZSTD_MAGIC or head in SKIPPABLE_MAGICS
        self.has_checksums = self.is_compressed
        self._blocks = self._decoded()
        self._left = memoryview(b"")

    def fill(self, view: memoryview) -> int:
        """Fill `view` with the bytes that come next; return how many there were, fewer than asked only at the end.

        Raises DbnUnreadableError for a frame that does not end (fault `cut`), a checksum or a block that is wrong
        (`damaged`) and bytes after the last frame that are none (`trailing`).
        """
        filled = 0
        while filled < len(view):
            if not self._left:
                block = next(self._blocks, b"")
                if not block:
                    break
                self._left = memoryview(block)
            count = min(len(self._left), len(view) - filled)
            view[filled : filled + count] = self._left[:count]
            self._left = self._left[count:]
            filled += count
        return filled

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end. Raises what `fill` raises."""
        pieces = []
        while size > 0:
            piece = bytearray(min(size, PLAIN_BYTES))
            count = self.fill(memoryview(piece))
            pieces.append(bytes(piece[:count]))
            if count < len(piece):
                break
            size -= count
        return b"".join(pieces)

    def _decoded(self) -> Iterator[bytes]:
        if self.is_compressed:
            yield from self._frames()
            return
        yield self._head
        while piece := self._read(PLAIN_BYTES):
            yield piece

    def _frames(self) -> Iterator[bytes]:
        rest = self._head
        while rest or (rest := self._read(PIECE_BYTES)):
            rest = self._at_least(rest, LONGEST_FRAME_HEADER)
            if not (rest[:MAGIC_SIZE] == ZSTD_MAGIC or rest[:MAGIC_SIZE] in SKIPPABLE_MAGICS):
                raise self._fault(fault="trailing", reason="bytes that belong to no part of it follow its end")
            if rest[:MAGIC_SIZE] == ZSTD_MAGIC:
                self._note_checksum(rest)
            rest = yield from self._frame(rest)

    def _frame(self, piece: bytes) -> Generator[bytes, None, bytes]:
        """Yield what a frame holds; return what of the piece comes after it."""
        decoder = zstandard.ZstdDecompressor().decompressobj()
        while True:
            try:
                plain = decoder.decompress(piece)
            except zstandard.ZstdError as error:
                text = str(error).lower()
                if "checksum" in text:
                    raise self._fault(fault="damaged", reason="its checksum does not match its content") from None
                raise self._fault(fault="damaged", reason="its compressed content is damaged") from None
            if plain:
                yield plain
            if decoder.eof:
                return decoder.unused_data
            if not (piece := self._read(PIECE_BYTES)):
                raise self._fault(fault="cut", reason="it is cut short, its compressed content has no end")

    def _note_checksum(self, header: bytes) -> None:
        try:
            parameters = zstandard.get_frame_parameters(header)
        except zstandard.ZstdError:
            if len(header) < LONGEST_FRAME_HEADER:
                raise self._fault(fault="cut", reason="it is cut short, its compressed content has no end") from None
            raise self._fault(fault="damaged", reason="its compressed content is damaged") from None
        self.has_checksums = self.has_checksums and parameters.has_checksum

    def _at_least(self, piece: bytes, size: int) -> bytes:
        while len(piece) < size and (more := self._read(PIECE_BYTES)):
            piece += more
        return piece

    def _read(self, size: int) -> bytes:
        try:
            piece = self._file.read(size)
        except OSError as error:
            raise self._fault(fault="unreadable", reason=(error.strerror or str(error)).lower()) from None
        if piece and self._seen:
            self._seen(piece)
        return piece

    def _fault(self, *, fault: str, reason: str) -> DbnUnreadableError:
        return DbnUnreadableError(path=self._path, fault=fault, reason=reason, remedy=COPY_AGAIN)
