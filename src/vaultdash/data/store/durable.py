"""Writes that outlive a power cut: whole or not at all, and readable by their owner alone."""

from __future__ import annotations

import os
from contextlib import contextmanager
from hashlib import file_digest
from typing import TYPE_CHECKING

from vaultdash.errors import StoreNotWrittenError, StoreUnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says of a failed write into StoreNotWrittenError."""
    try:
        yield
    except OSError as error:
        raise StoreNotWrittenError(path=path, reason=_reason(error)) from None


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the system says of a failed read into StoreUnreadableError; an absent file stays FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreUnreadableError(path=path, reason=_reason(error)) from None


def make_folder(folder: Path) -> None:
    """Make a private folder and those above it, each durably; those that are there stay as they are.

    Raises StoreNotWrittenError.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with writing(folder):
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    flush_folder(folder.parent)


def write_whole(path: Path, data: bytes, *, by_way_of: Path) -> None:
    """Write a file that is there whole or not at all. The temporary file lies in the folder `by_way_of`.

    The name itself lasts once the file's folder is flushed, which is left to the caller, who may have more to rename.
    Raises StoreNotWrittenError.
    """
    part = by_way_of / f"{path.name}.part"
    with writing(path):
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        part.replace(path)


def flush_file(path: Path) -> None:
    """Make a file that somebody wrote private and durable. Raises StoreNotWrittenError."""
    with writing(path):
        path.chmod(PRIVATE_FILE)
        _flush(path)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises StoreNotWrittenError."""
    with writing(folder):
        _flush(folder)


def sha256_of(path: Path) -> str:
    """Hash a file. Raises StoreUnreadableError, or FileNotFoundError where it is absent."""
    with reading(path), path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()
