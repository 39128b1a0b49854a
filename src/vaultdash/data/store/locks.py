"""A lock between processes that dies with its holder: `flock` on an empty file.

The kernel drops the lock when the process ends, however it ends, so that no lock is ever stale. A lock file stays for
good: to remove one is to let two processes lock two files of the same name.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vaultdash.data.store.durable import PRIVATE_FILE, writing
from vaultdash.errors import ImpossibleValueError, LocksMissingError, StoreBusyError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

POLL_SECONDS = 0.05


@contextmanager
def hold_lock(
    path: Path, *, what: str, timeout: float | None = None, on_wait: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold the lock of a file in a folder that exists, waiting for another holder up to `timeout` seconds or for good.

    Threads of one process exclude each other as processes do; a thread that asks twice waits for itself. `on_wait` is
    called once where there is somebody to wait for. Raises StoreBusyError, LocksMissingError, StoreNotWrittenError.
    """
    if fcntl is None:
        raise LocksMissingError
    if not (timeout is None or timeout >= 0):
        raise ImpossibleValueError(owner="The lock", field="timeout", value=timeout, must="be 0 s or more")
    with writing(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        _take(handle, what=what, timeout=timeout, on_wait=on_wait)
        try:
            yield
        finally:
            # Closing alone would leave the lock with a child that was forked meanwhile.
            fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


def _take(handle: int, *, what: str, timeout: float | None, on_wait: Callable[[], None] | None) -> None:
    started = time.monotonic()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if timeout is not None and time.monotonic() - started >= timeout:
                raise StoreBusyError(what=what, seconds=timeout) from None
            if on_wait is not None:
                on_wait()
                on_wait = None
            time.sleep(POLL_SECONDS)
        else:
            return
