"""Fault switches: what may go wrong with the next requests of a path, and how it shows on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from threading import Lock
from typing import TYPE_CHECKING, ClassVar, Final

from tests.gateway import replies
from tests.gateway.catalog import time_field
from tests.gateway.market import Download
from tests.gateway.replies import Reply
from tests.gateway.tape import DAY

if TYPE_CHECKING:
    from collections.abc import Callable

ALWAYS: Final = None


class Fault:
    """One thing that goes wrong. The request is still worked on unless `asks` is False."""

    asks: ClassVar[bool] = True
    cut_after: int | None = None  # bytes of the body that are sent before the connection is closed
    hang_seconds: float = 0.0
    bytes_per_second: float | None = None

    def change(self, reply: Reply) -> Reply:
        """Turn the right answer into what is sent."""
        return reply


@dataclass(frozen=True)
class Answer(Fault):
    """Answer this instead of working on the request."""

    reply: Reply
    asks: ClassVar[bool] = False

    def change(self, reply: Reply) -> Reply:  # noqa: ARG002 - nothing was asked
        """Give the set reply."""
        return self.reply


@dataclass(frozen=True)
class CutStream(Fault):
    """Close the connection after `cut_after` bytes: the chunked body, or the promised length, stays open."""

    cut_after: int | None = 4096


@dataclass(frozen=True)
class Hang(Fault):
    """Take the request and send nothing for some seconds; then close without an answer."""

    hang_seconds: float = 5.0
    asks: ClassVar[bool] = False


@dataclass(frozen=True)
class Slow(Fault):
    """Send at most this many bytes a second."""

    bytes_per_second: float | None = 10_000


@dataclass(frozen=True)
class _DataFault(Fault):
    """A fault of the market data itself; other answers pass untouched."""

    def change(self, reply: Reply) -> Reply:
        """Change the data where there is any."""
        if reply.download is None or reply.status >= 300:
            return reply
        return replace(reply, body=self.damage(reply.download))

    def damage(self, download: Download) -> bytes:
        """Give the damaged body."""
        return download.encode()


@dataclass(frozen=True)
class ShortBody(_DataFault):
    """End the HTTP body properly, but break the zstd frame off on a record boundary, after this share."""

    keep: float = 0.5

    def damage(self, download: Download) -> bytes:
        """Leave the frame open after the kept records."""
        kept = download.records[: int(len(download.records) * self.keep)]
        return replace(download, records=kept).encode_open()


@dataclass(frozen=True)
class MissingRows(_DataFault):
    """Leave out the last rows; the file is whole in every other way."""

    rows: int = 1

    def damage(self, download: Download) -> bytes:
        """Encode all but the last rows."""
        kept = download.records[: max(0, len(download.records) - self.rows)]
        return replace(download, records=kept).encode()


@dataclass(frozen=True)
class BadChecksum(_DataFault):
    """Turn over one bit of the zstd frame's checksum."""

    def damage(self, download: Download) -> bytes:
        """Damage the last byte."""
        body = download.encode()
        return body[:-1] + bytes([body[-1] ^ 1])


@dataclass(frozen=True)
class RowsOutside(_DataFault):
    """Move the last rows a day beyond what was asked for; the count stays right."""

    rows: int = 1
    days: int = 1

    def damage(self, download: Download) -> bytes:
        """Move rows in time."""
        records = download.records.copy()
        records[time_field(download.schema)][-self.rows :] += self.days * DAY
        return replace(download, records=records).encode()


@dataclass(frozen=True)
class WrongSchema(_DataFault):
    """Send the data of another query, such as one for another schema, in place of what was asked for."""

    download: Download

    def damage(self, download: Download) -> bytes:  # noqa: ARG002 - what was asked for is not looked at
        """Encode the other data."""
        return self.download.encode()


def _text(status: int, text: str, content_type: str = "text/plain; charset=utf-8") -> Answer:
    return Answer(Reply(status=status, body=text.encode(), content_type=content_type))


def unauthorized() -> Fault:
    """Give 401."""
    return Answer(replies.authentication_failed())


def payment_required() -> Fault:
    """Give 402."""
    return Answer(replies.insufficient_funds())


def forbidden() -> Fault:
    """Give 403."""
    return Answer(replies.license_not_found())


def unprocessable() -> Fault:
    """Give 422 in the service's shape."""
    return Answer(replies.unresolved("None of the symbols could be resolved"))


def unprocessable_field() -> Fault:
    """Give 422 in the web framework's shape."""
    return Answer(replies.invalid_field("start", "invalid datetime format", "value_error.datetime"))


def too_many_requests(retry_after: str = "1") -> Fault:
    """Give 429."""
    return Answer(replies.too_many_requests(retry_after))


def server_error() -> Fault:
    """Give 500 as plain text."""
    return _text(500, "Internal Server Error")


def gateway_timeout() -> Fault:
    """Give 504 as a load balancer does."""
    return _text(504, "<html><body><h1>504 Gateway Time-out</h1></body></html>", "text/html")


def html() -> Fault:
    """Give a web page with 200, as a captive portal or a proxy does."""
    return _text(200, "<!doctype html><html><body>Sign in</body></html>", "text/html")


def nothing() -> Fault:
    """Give an empty 204."""
    return Answer(Reply(status=204))


def json_list() -> Fault:
    """Give 400 with a JSON list, which the client cannot read."""
    return Answer(replies.as_json(["bad request"], 400))


def broken_warning() -> Fault:
    """Give 500 with an X-Warning that is no JSON, which the client cannot read."""
    return Answer(Reply(status=500, body=b"Internal Server Error", headers=(("X-Warning", "not json"),)))


def free_of_charge() -> Fault:
    """Give a cost of 0.0, as a flat-rate plan does."""
    return Answer(replies.as_json(0.0))


SIMPLE: Final[dict[str, Callable[[], Fault]]] = {
    make.__name__: make
    for make in (
        unauthorized, payment_required, forbidden, unprocessable, unprocessable_field, too_many_requests,
        server_error,
        gateway_timeout, html, nothing, json_list, broken_warning, free_of_charge, CutStream, Hang, Slow,
        ShortBody,
        MissingRows, BadChecksum, RowsOutside,
    )
}  # fmt: skip


@dataclass(slots=True)
class _Switch:
    path: str
    fault: Fault
    left: int | None
    skip: int


@dataclass(slots=True)
class Faults:
    """The switches that are set; the first that fits a request is used."""

    _switches: list[_Switch] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, path: str, fault: Fault, *, times: int | None = 1, after: int = 0) -> None:
        """Let the next `times` requests (ALWAYS: all) of a path fail, once `after` of them have gone through.

        A path is a call's name, `batch/download` for a job's files, or a pattern such as `metadata.*`.
        """
        with self._lock:
            self._switches.append(_Switch(path, fault, times, after))

    def clear(self) -> None:
        """Put every switch back."""
        with self._lock:
            self._switches.clear()

    def take(self, path: str) -> Fault | None:
        """Use up the fault that is meant for this request, if there is one."""
        with self._lock:
            for switch in self._switches:
                if not fnmatchcase(path, switch.path):
                    continue
                if switch.skip:
                    switch.skip -= 1
                    continue
                if switch.left is not ALWAYS:
                    switch.left -= 1
                    if not switch.left:
                        self._switches.remove(switch)
                return switch.fault
        return None
