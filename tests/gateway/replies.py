"""What the gateway answers with: replies, and errors in the shapes that the real service gives them."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any, Final

from tests.gateway.market import Download

_EPOCH: Final = dt.datetime(1970, 1, 1)
_DATASETS_DOCS: Final = "https://databento.com/docs/api-reference-historical/basics/datasets"
_SYMBOLOGY_DOCS: Final = "https://databento.com/docs/standards-and-conventions/symbology"
_TIME_DOCS: Final = "https://databento.com/docs/standards-and-conventions/common-fields-enums-types"
_BILLING_DOCS: Final = "https://databento.com/docs/faqs/usage-pricing-and-data-credits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One HTTP answer before it is sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    is_chunked: bool = False
    takes_ranges: bool = False
    download: Download | None = None  # what the body was encoded from, where it is market data
    usd: float = 0.0  # billed when this reply is sent with a success status


class RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def as_json(value: object, status: int = 200) -> Reply:
    """Answer with JSON."""
    return Reply(status=status, body=json.dumps(value).encode())


def error(status: int, case: str, message: str, *, docs: str | None = None, **payload: Any) -> Reply:
    """Answer with the service's own error body."""
    detail = {
        "case": case,
        "message": message,
        "status_code": status,
        "docs": docs,
        "payload": payload or None,
    }
    return as_json({"detail": detail}, status)


def invalid_field(field: str, message: str, kind: str = "value_error", place: str = "body") -> Reply:
    """Answer 422 in the web framework's own shape: a list of fields."""
    return as_json({"detail": [{"loc": [place, field], "msg": message, "type": kind}]}, 422)


def not_authenticated() -> Reply:
    """Answer 401 to a request without a key."""
    reply = as_json({"detail": "Not authenticated"}, 401)
    return Reply(status=401, body=reply.body, headers=(("WWW-Authenticate", "Basic"),))


def authentication_failed() -> Reply:
    """Answer 401 to a wrong key."""
    return error(401, "auth_authentication_failed", "Authentication failed.")


def insufficient_funds() -> Reply:
    """Answer 402."""
    return error(402, "account_insufficient_funds", "The account has insufficient funds.", docs=_BILLING_DOCS)


def license_not_found() -> Reply:
    """Answer 403."""
    sentence = "A license is required for this data."
    return error(403, "license_not_found_unauthorized", sentence, docs=_DATASETS_DOCS)


def too_many_requests(retry_after: str = "1") -> Reply:
    """Answer 429 with the seconds to wait."""
    reply = error(429, "rate_limit_exceeded", "Too many requests.")
    return Reply(status=429, body=reply.body, headers=(("Retry-After", retry_after),))


def unresolved(message: str) -> Reply:
    """Answer 422 to symbols that stand for nothing in the window."""
    return error(422, "symbology_invalid_request", message, docs=_SYMBOLOGY_DOCS)


def start_on_or_after_end(start: int, end: int) -> Reply:
    """Answer 422 to a window that is empty or turned round."""
    sentence = f"Invalid time range query, `start` {spoken(start)} cannot be on or after `end` {spoken(end)}."
    return error(422, "data_time_range_start_on_or_after_end", sentence, docs=_TIME_DOCS,
                 start=iso(start), end=iso(end))  # fmt: skip


def outside_coverage(dataset: str, start: int, end: int, available: tuple[int, int]) -> Reply | None:
    """Answer 422 to a window that leaves the available range; None where it does not."""
    payload = {
        "dataset": dataset, "start": iso(start), "end": iso(end),
        "available_start": iso(available[0]), "available_end": iso(available[1]),
    }  # fmt: skip
    if start < available[0]:
        return error(422, "data_start_before_available_start",
                     f"`start` in query ('{spoken(start)}') was before the available start of dataset "
                     f"{dataset} ('{spoken(available[0])}'). Try requesting with a later `start`.",
                     docs=_DATASETS_DOCS, **payload)  # fmt: skip
    if start >= available[1]:
        return error(422, "data_start_after_available_end",
                     f"`start` in query ('{spoken(start)}') was after the available end of dataset {dataset} "
                     f"('{spoken(available[1])}'). Try requesting with an earlier `start`.",
                     docs=_DATASETS_DOCS, **payload)  # fmt: skip
    if end > available[1]:
        return error(422, "data_end_after_available_end",
                     f"The dataset {dataset} has data available up to '{spoken(available[1])}'. The `end` in "
                     f"the query ('{spoken(end)}') is after the available range. "
                     "Try requesting with an earlier `end`.",
                     docs=_DATASETS_DOCS, **payload)  # fmt: skip
    return None


def iso(nanos: int) -> str:
    """Write nanoseconds as the service does in its payloads."""
    return f"{_seconds(nanos)}.{nanos % 1_000_000_000:09d}Z"


def spoken(nanos: int) -> str:
    """Write nanoseconds as the service does in its sentences."""
    part = nanos % 1_000_000_000
    return _seconds(nanos).replace("T", " ") + (f".{part:09d}" if part else "") + "+00:00"


def _seconds(nanos: int) -> str:
    return (_EPOCH + dt.timedelta(seconds=nanos // 1_000_000_000)).isoformat()
