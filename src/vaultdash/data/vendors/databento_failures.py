"""Turns what goes wrong between the Databento client and its service into sentences of ours, without the key.

Nothing of a vendor's exception is kept but the status, the case, the request id and its cleaned words: the exception
itself holds the request, and with it the key.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vaultdash.data.calendars import session_times, trading_calendar
from vaultdash.data.catalog import CATALOG
from vaultdash.data.vendors.moments import read_moment
from vaultdash.data.vendors.redact import Redaction
from vaultdash.data.vendors.retry import read_retry_after
from vaultdash.data.wording import shown
from vaultdash.errors import (
    CertificateUntrustedError,
    ClosedWindowError,
    DownloadCutError,
    FilesGoneError,
    KeyRefusedError,
    LicenceMissingError,
    NoFundsError,
    NothingThereError,
    OutputNotWrittenError,
    OutsideAvailableError,
    RateLimitedError,
    RequestRefusedError,
    SymbolsUnresolvedError,
    UnreadableAnswerError,
    VendorAnswer,
    VendorError,
    VendorFailedError,
    VendorTimeoutError,
    VendorUnreachableError,
)
from vaultdash.market import DAY_NS, SECOND_NS, DateRange, Window, iso_utc, midnight_ns, utc_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from vaultdash.errors import VaultdashError

VENDOR = "Databento"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
LONGEST_WORDS = 240
CASE_SHAPE = re.compile(r"[A-Za-z0-9_.-]{1,80}")
SYMBOLOGY_CASE = "symbology_invalid_request"
REQUEST_TIMEOUT, GONE, TOO_MANY, NOT_FOUND, SERVER_SIDE = 408, 410, 429, 404, 500

LOCAL_ERRORS = (PermissionError, FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError)
LOCAL_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EMFILE)

# The client's own sentence for a body that broke off; it has no class of its own for it.
BROKE_OFF = "Error streaming response"

CALENDARS = {dataset: one.calendar for one in CATALOG for dataset in one.datasets} | {"EQUS.MINI": "XNYS"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a call asked for, as sentences name it, and how it was asked."""

    what: str
    redaction: Redaction
    timeout: float
    dataset: str = ""
    window: Window | None = None
    path: Path | None = None


def failure_of(error: Exception, asked: Asked) -> VaultdashError:
    """Return the failure of ours that says what `error`, raised by the client, means."""
    status = getattr(error, "http_status", None)
    if isinstance(status, int):
        return refusal(status, getattr(error, "json_body", None), getattr(error, "headers", None) or {}, asked)
    if str(error).startswith(BROKE_OFF):
        return _written(error.__context__, asked) or DownloadCutError(vendor=VENDOR, what=asked.what, received=0)
    return _connection(error, asked) or UnreadableAnswerError(
        vendor=VENDOR, what=asked.what, reason="it cannot be read"
    )


def refusal(status: int, body: object, headers: Mapping[str, str], asked: Asked) -> VendorError:
    """Return the failure that a status of 4xx or 5xx and its body, in any of its shapes, mean."""
    detail = body.get("detail") if isinstance(body, dict) else None
    named = detail if isinstance(detail, dict) else {}
    answer = VendorAnswer(
        vendor=VENDOR,
        status=status,
        case=_plain(named.get("case"), asked.redaction),
        request_id=_plain(headers.get("request-id"), asked.redaction),
        words=_words(detail, asked.redaction),
        retry_after=read_retry_after(headers.get("Retry-After")),
    )
    simple = {401: KeyRefusedError, 402: NoFundsError, TOO_MANY: RateLimitedError}
    if status in simple:
        return simple[status](answer=answer)
    with_name = {403: LicenceMissingError, NOT_FOUND: NothingThereError, GONE: FilesGoneError}
    if status in with_name:
        return with_name[status](what=asked.what, answer=answer)
    if status == REQUEST_TIMEOUT or status >= SERVER_SIDE:
        return VendorFailedError(answer=answer)
    payload = named.get("payload")
    return _unprocessable(payload if isinstance(payload, dict) else {}, answer, asked)


def _unprocessable(payload: Mapping[str, object], answer: VendorAnswer, asked: Asked) -> VendorError:
    start, end = (read_moment(payload.get(name)) for name in ("available_start", "available_end"))
    if start is not None and end is not None:
        return OutsideAvailableError(what=asked.what, available=f"{iso_utc(start)}..{iso_utc(end)}", answer=answer)
    if answer.case != SYMBOLOGY_CASE:
        return RequestRefusedError(what=asked.what, answer=answer)
    calendar = CALENDARS.get(asked.dataset)
    if asked.window and calendar and not _meets_a_session(calendar, asked.window):
        return ClosedWindowError(what=asked.what, calendar=calendar, answer=answer)
    return SymbolsUnresolvedError(what=asked.what, answer=answer)


def _meets_a_session(calendar: str, window: Window) -> bool:
    """Whether a session's UTC day, or the evening before on which it opens, meets the window."""
    days = DateRange(start=utc_day(window.start), end=utc_day(window.end + DAY_NS))
    return any(_span(calendar, day).overlap(window) for day in trading_calendar(calendar).within(days))


def _span(calendar: str, day: date) -> Window:
    opens = int(session_times(calendar, day)[0].timestamp()) * SECOND_NS
    midnight = midnight_ns(day)
    return Window(start=min(opens, midnight), end=midnight + DAY_NS)


def _connection(error: Exception, asked: Asked) -> VaultdashError | None:
    """Read a failure of the network or of this machine; None for one of neither."""
    from requests import exceptions as web  # noqa: PLC0415  # loaded by the time something failed

    text = str(error)
    if isinstance(error, web.Timeout):
        return VendorTimeoutError(vendor=VENDOR, seconds=asked.timeout)
    reason = _distrust(text) if isinstance(error, OSError) else ""
    if reason:
        return CertificateUntrustedError(vendor=VENDOR, reason=reason)
    if isinstance(error, (web.ConnectionError, web.ChunkedEncodingError)):
        return VendorUnreachableError(vendor=VENDOR, reason=_break(text))
    return _written(error, asked)


def _written(error: BaseException | None, asked: Asked) -> OutputNotWrittenError | None:
    """Read a failure to write to the disk; None for any other. Broken connections are OSErrors too."""
    if asked.path is None or not isinstance(error, OSError):
        return None
    if not (isinstance(error, LOCAL_ERRORS) or error.errno in LOCAL_NUMBERS):
        return None
    return OutputNotWrittenError(path=asked.path, reason=(error.strerror or "it cannot be made there").lower())


def _distrust(text: str) -> str:
    """Say why a TLS connection was not made, or nothing where that was not the trouble."""
    for mark, reason in (
        ("CERTIFICATE_VERIFY_FAILED", "no authority that is trusted here signed its certificate for this host"),
        ("WRONG_VERSION_NUMBER", "it does not speak TLS"),
        ("CA certificate bundle", "REQUESTS_CA_BUNDLE names a file that is not there"),
    ):
        if mark in text:
            return reason
    return ""


def _break(text: str) -> str:
    for mark, reason in (
        ("NameResolution", "the name of its host cannot be resolved"),
        ("Unable to connect to proxy", "the proxy did not let the request through"),
        ("refused", "it refused the connection"),
        ("timed out", "it fell silent"),
    ):
        if mark in text:
            return reason
    return "the connection broke"


def beginning_of(path: Path, failure: VendorError, asked: Asked) -> VendorError:
    """Return what it means that the client gave up an answer: `failure`, said better by the file it began to write.

    The file holds market data that broke off, or something else altogether.
    """
    if not path.exists():
        return failure
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(LONGEST_WORDS)
    if head.startswith(ZSTD_MAGIC) or isinstance(failure, DownloadCutError):
        return DownloadCutError(vendor=VENDOR, what=asked.what, received=size)
    text = asked.redaction.clean(head.decode("utf-8", "replace"))
    return UnreadableAnswerError(
        vendor=VENDOR, what=asked.what, reason=f"it begins with {shown(text)}" if head else "it is empty"
    )


def _plain(value: object, redaction: Redaction) -> str:
    """Return a case or an id as it is, or nothing for what does not look like one."""
    return value if isinstance(value, str) and CASE_SHAPE.fullmatch(redaction.clean(value)) else ""


def _words(detail: object, redaction: Redaction) -> str:
    """The vendor's words out of `{"message"}`, a text, or a list of `{"loc", "msg"}`; one line, cut, clean."""
    if isinstance(detail, dict):
        text = str(detail.get("message") or "")
    elif isinstance(detail, list):
        fields = [one for one in detail if isinstance(one, dict)]
        text = "; ".join(f"{_place(one.get('loc'))}: {one.get('msg')}" for one in fields)
    else:
        text = detail if isinstance(detail, str) else ""
    line = " ".join(redaction.clean(text).split())
    printable = "".join(sign if sign.isprintable() else "?" for sign in line)
    return printable if len(printable) <= LONGEST_WORDS else f"{printable[: LONGEST_WORDS - 3]}..."


def _place(loc: object) -> str:
    return str(loc[-1]) if isinstance(loc, list) and loc else "a field"
