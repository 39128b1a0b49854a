"""Fetches a batch job's file from where it stands, with a time limit; the client's own way to do it has none.

The client's download waits for a silent connection for ever, repeats a 429 without end, cannot read a Retry-After that
is a date, and only warns of a wrong sha256; hence this one request of our own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vaultdash.data.vendors.databento_failures import failure_of, refusal
from vaultdash.errors import UnreadableAnswerError, VaultdashError, VendorUnreachableError

if TYPE_CHECKING:
    from pathlib import Path

    from requests import Response

    from vaultdash.data.vendors.databento_failures import Asked

CHUNK_BYTES = 8_192  # what is lost, at most, where a connection breaks
PARTIAL, FIRST_ERROR = 206, 400
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
RANGE = re.compile(r"bytes (\d+)-")


def fetch_rest(url: str, part: Path, *, size: int, key: str, asked: Asked) -> None:
    """Append to `part` what it lacks of `size` bytes. Keeps what arrived where it raises VendorError."""
    import requests  # noqa: PLC0415  # a quarter of a second that only batch downloads pay

    held = size_of(part)
    if held > size:
        part.unlink()
        held = 0
    if held == size:
        return
    headers = {"Range": f"bytes={held}-{size - 1}"} if held else {}
    failure: VaultdashError | None = None
    try:
        with requests.get(
            url, headers=headers, auth=(key, ""), timeout=(asked.timeout, asked.timeout), stream=True
        ) as response:
            if response.status_code >= FIRST_ERROR:
                failure = _refused(response, asked)
            else:
                failure = _append(response, part, held, asked)
    except (requests.RequestException, OSError, ValueError) as error:
        failure = failure_of(error, asked)
    if failure is None and size_of(part) < size:
        failure = VendorUnreachableError(vendor="Databento", reason="the connection ended before the file did")
    if failure is not None:
        # Out here, so that the vendor's exception, which holds the key, is not in the new one's context.
        raise failure


def size_of(path: Path) -> int:
    """Return the bytes that a file holds; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def _append(response: Response, part: Path, held: int, asked: Asked) -> VaultdashError | None:
    """Write what arrives; what does not begin as a compressed file is refused before a byte of it is on the disk."""
    span = RANGE.match(response.headers.get("Content-Range", ""))
    goes_on = response.status_code == PARTIAL and span is not None and int(span[1]) == held
    chunks = response.iter_content(CHUNK_BYTES)
    first = next(chunks, b"")
    if not (goes_on or first.startswith(ZSTD_MAGIC[: len(first)])):
        return UnreadableAnswerError(vendor="Databento", what=asked.what, reason="it is no compressed file")
    with part.open("ab" if goes_on else "wb") as file:
        file.write(first)
        for chunk in chunks:
            file.write(chunk)
    return None


def _refused(response: Response, asked: Asked) -> VaultdashError:
    try:
        body = response.json()
    except ValueError:
        body = None
    return refusal(response.status_code, body, response.headers, asked)
