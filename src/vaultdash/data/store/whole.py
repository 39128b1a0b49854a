"""A derived file appears whole or not at all: written aside, put on the disk, renamed."""

from __future__ import annotations

import os
from contextlib import contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING

from vaultdash.errors import OutputNotWrittenError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASIDE_SUFFIX = ".part"


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; when the block ends well it takes the place of `path`, else it is removed.

    A process that is killed leaves at most a file that ends in `.part`. Raises OutputNotWrittenError for a failure of
    the disk.
    """
    aside = path.with_name(f".{path.name}.{token_hex(4)}{ASIDE_SUFFIX}")
    try:
        yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.replace(path)
        _folder_to_disk(path.parent)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise OutputNotWrittenError(path=path, reason=error.strerror or str(error)) from None
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _folder_to_disk(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened, and a rename is on the disk when it returns
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
