"""Where the store keeps what: names that no symbol can break out of, and folders that can be read back.

history/<source>/<dataset>/<schema>/<stype_in>/<symbol>/2022-01.json                      what is held of a month
                                                        2022-01.0.1f0c4ab3c2d1.dbn.zst    the vendor's bytes
history/incoming/<key>/    downloads of a series before they are admitted
history/locks/<key>.lock   who may write a series
history/quarantine/...     damaged files, under the folders they came from
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from vaultdash.data.request import Series
from vaultdash.data.store.durable import reading
from vaultdash.data.store.manifest import Record
from vaultdash.errors import ImpossibleValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaultdash.data.request import Partition
    from vaultdash.data.store.manifest import RecordManifest

INCOMING, LOCKS, QUARANTINE = "incoming", "locks", "quarantine"
LONGEST_NAME = 200

PLAIN = frozenset("0123456789_-.")
LOWER = PLAIN | frozenset("abcdefghijklmnopqrstuvwxyz")
UPPER = PLAIN | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
# One case is kept and the other escaped, so that names which differ by case alone are two on every file system.
FIELDS = (("source", LOWER), ("dataset", UPPER), ("schema", LOWER), ("stype_in", LOWER), ("symbol", UPPER))

DEVICES = ("CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(10)))
RESERVED = frozenset((INCOMING.upper(), LOCKS.upper(), QUARANTINE.upper(), *DEVICES))

MANIFEST_NAME = re.compile(r"(\d{4}-\d{2}(?:-\d{2})?)\.json")
INCOMING_NAME = re.compile(r"[0-9a-f]{24}")
DATA_NAME = re.compile(r"(\d{4}-\d{2}(?:-\d{2})?)\.\d+\.[0-9a-f]{12}(?:\.dbn\.zst|\.parquet)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The paths of a store whose folder is `root`."""

    root: Path

    def parents_of(self, folder: Path) -> Iterator[Path]:
        """A folder of the store and those above it, up to the store's own and without it."""
        while folder != self.root:
            yield folder
            folder = folder.parent

    @property
    def incoming(self) -> Path:
        """The folder of downloads that are not admitted yet."""
        return self.root / INCOMING

    @property
    def locks(self) -> Path:
        """The folder of lock files."""
        return self.root / LOCKS

    @property
    def quarantine(self) -> Path:
        """The folder of damaged files."""
        return self.root / QUARANTINE

    def folder_of(self, series: Series) -> Path:
        """The folder of a series. Raises ImpossibleValueError for a name that cannot be one of a folder."""
        return _folder_of(self.root, series)

    def quarantine_of(self, series: Series) -> Path:
        """The folder of a series' damaged files."""
        return self.quarantine.joinpath(*_names_of(series))

    def incoming_of(self, series: Series) -> Path:
        """The folder of a series' downloads before they are admitted."""
        return self.incoming / blake2b("/".join(_names_of(series)).encode(), digest_size=12).hexdigest()

    def lock_of(self, incoming: Path) -> Path:
        """The file to lock for who writes the series of an `incoming` folder."""
        return self.locks / f"{incoming.name}.lock"

    def manifest_path(self, partition: Partition) -> Path:
        """The file that says what is held of a partition."""
        return self.folder_of(partition.series) / f"{partition.name}.json"

    def data_path(self, partition: Partition, manifest: RecordManifest) -> Path:
        """The file of a record's bytes. Its name changes with its bytes, so that new ones can lie beside the old."""
        offset = manifest.covered.start - partition.span.start
        name = f"{partition.name}.{offset}.{manifest.sha256[:12]}{manifest.suffix}"
        return self.folder_of(partition.series) / name

    def record(self, partition: Partition, manifest: RecordManifest) -> Record:
        """What is known of a record, with the place of its bytes."""
        return Record(partition=partition, path=self.data_path(partition, manifest), manifest=manifest)

    def series(self) -> Iterator[Series]:
        """Every series that has a folder; folders that the store did not make are passed over."""
        found: list[tuple[tuple[str, ...], Path]] = [((), self.root)]
        for _, kept in FIELDS:
            found = [
                ((*names, name), below)
                for names, folder in found
                for below in subfolders(folder)
                if (name := decode_name(below.name, kept=kept)) is not None
            ]
        for (source, dataset, schema, stype_in, symbol), _ in found:
            yield Series(source=source, dataset=dataset, schema=schema, symbol=symbol, stype_in=stype_in)


def encode_name(text: str, *, kept: frozenset[str], field: str) -> str:
    """Write a text as the name of a file, every byte outside `kept` as %XX.

    Dots at either end and names that a system reserves are escaped too. Raises ImpossibleValueError for a text that
    is empty, holds a NUL or half a character, or comes out longer than 200 characters.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = b"\0"
    letters = [chr(byte) if chr(byte) in kept else f"%{byte:02X}" for byte in data]
    if letters and (letters[0] == "." or text.partition(".")[0].upper() in RESERVED):
        letters[0] = f"%{data[0]:02X}"
    if letters and letters[-1] == ".":
        letters[-1] = "%2E"
    name = "".join(letters)
    if not (0 < len(name) <= LONGEST_NAME and 0 not in data):
        raise ImpossibleValueError(
            owner="The series",
            field=field,
            value=text[: LONGEST_NAME + 1],
            must=f"be a name of whole characters, not empty, without NUL and at most {LONGEST_NAME} characters long",
        )
    return name


def decode_name(name: str, *, kept: frozenset[str]) -> str | None:
    """Read a name back; None for one that `encode_name` does not write."""
    try:
        text = unquote(name, errors="strict")
        return text if encode_name(text, kept=kept, field="name") == name else None
    except (UnicodeDecodeError, ImpossibleValueError):
        return None


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, in order; none where it is absent. Raises StoreUnreadableError."""
    return [path for path in entries(folder) if path.is_dir()]


def entries(folder: Path) -> list[Path]:
    """What a folder holds, in order; nothing where it is absent. Raises StoreUnreadableError."""
    try:
        with reading(folder):
            return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


@lru_cache(maxsize=256)
def _folder_of(root: Path, series: Series) -> Path:
    return root.joinpath(*_names_of(series))


def _names_of(series: Series) -> list[str]:
    return [encode_name(getattr(series, field), kept=kept, field=field) for field, kept in FIELDS]
