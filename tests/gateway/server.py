"""The gateway itself: HTTPS on loopback under an authority of its own, a log of requests and a bill."""

from __future__ import annotations

import itertools
import re
import socket
import ssl
import sys
import tempfile
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

import trustme

from tests.gateway.batch import Batch
from tests.gateway.faults import Fault, Faults
from tests.gateway.market import Market
from tests.gateway.protocol import Protocol, Request
from tests.gateway.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

HOST: Final = "127.0.0.1"
# Shaped like a real key and made up: `db-` and 29 letters and digits.
KEY: Final = "db-" + "GatewayTestKey".ljust(29, "0")
_CHUNK: Final = 16_384
_BILLABLE: Final = ("timeseries.get_range", "batch.submit_job")
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)")
_IDLE_SECONDS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One request as the gateway saw it and answered it."""

    method: str
    path: str  # the call's name
    params: dict[str, str]
    status: int
    billable: bool
    usd: float
    bytes_sent: int
    fault: str | None
    range: str | None = None


class Gateway:
    """A running gateway; use it as a context manager, or call `start` and `stop`."""

    VARIABLES: Final = (
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "SSL_CERT_FILE",
        "NO_PROXY",
        "no_proxy",
        "DATABENTO_API_KEY",
        "VAULTDASH_DATABENTO_GATEWAY",
    )

    def __init__(
        self, *, port: int = 0, directory: Path | None = None, key: str = KEY, trades_per_day: float = 20_000
    ) -> None:
        self.key = key
        self.market = Market(trades_per_day=trades_per_day)
        self.batch = Batch(self.market)
        self.faults = Faults()
        self.protocol = Protocol(market=self.market, batch=self.batch, key=key)
        self.requests: list[Logged] = []
        self.unexpected: list[BaseException] = []  # failures of the gateway itself; tests should find none
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._own_directory = None if directory else tempfile.TemporaryDirectory(prefix="gateway-")
        self._directory = directory or Path(self._own_directory.name if self._own_directory else ".")
        self._directory.mkdir(parents=True, exist_ok=True)
        self.ca_path = self._directory / "ca.pem"
        self._server = _Server(port, self, self._context())
        self.url = f"https://{HOST}:{self._server.server_port}"
        self.batch.url = self.url
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def _context(self) -> ssl.SSLContext:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_path))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HOST, "localhost").configure_cert(context)
        return context

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End: hanging requests are let go, and the port is closed."""
        self.closing.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        if self._own_directory is not None:
            self._own_directory.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def reset(self) -> None:
        """Forget requests, jobs, warnings and faults; the market's own settings stay."""
        self.faults.clear()
        self.batch.clear()
        self.protocol.warnings.clear()
        with self._lock:
            self.requests.clear()
            self.unexpected.clear()

    @property
    def billed_usd(self) -> float:
        """What an account would have been billed for the answers sent, cut ones included."""
        with self._lock:
            return sum(one.usd for one in self.requests)

    def calls(self, path: str) -> list[Logged]:
        """Give the logged requests of one call."""
        with self._lock:
            return [one for one in self.requests if one.path == path]

    def environment(self) -> dict[str, str]:
        """Give the environment under which the unmodified client trusts and reaches this gateway."""
        trusted = str(self.ca_path)
        values = (trusted, trusted, trusted, HOST, HOST, self.key, self.url)
        return dict(zip(self.VARIABLES, values, strict=True))

    def log(self, entry: Logged) -> None:
        """Add one request to the log."""
        with self._lock:
            self.requests.append(entry)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, gateway: Gateway, context: ssl.SSLContext) -> None:
        self.gateway = gateway
        self.context = context
        self.numbers = itertools.count(1)
        super().__init__((HOST, port), _Handler)

    def get_request(self) -> tuple[ssl.SSLSocket, Any]:
        connection, address = self.socket.accept()
        connection.settimeout(_IDLE_SECONDS)
        # The handshake waits for the handler's thread, so that a silent client blocks nobody else.
        return self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - set by the base
        error = sys.exception()
        # A client may go away or distrust the certificate; only what is left is a fault of the gateway.
        if error is not None and not isinstance(error, OSError):
            self.gateway.unexpected.append(error)


@dataclass(slots=True)
class _Sender:
    """Sends one body under the limits that a fault sets, and counts it."""

    handler: _Handler
    fault: Fault | None
    sent: int = field(default=0)

    def pieces(self, body: bytes) -> Iterator[bytes]:
        limit = None if self.fault is None else self.fault.cut_after
        body = body if limit is None else body[:limit]
        rate = None if self.fault is None else self.fault.bytes_per_second
        size = _CHUNK if rate is None else max(1, min(_CHUNK, int(rate / 10)))
        for start in range(0, len(body), size):
            piece = body[start : start + size]
            if rate is not None and self.handler.server.gateway.closing.wait(len(piece) / rate):
                return
            yield piece
            self.sent += len(piece)

    def send(self, body: bytes, *, is_chunked: bool) -> None:
        write = self.handler.wfile.write
        for piece in self.pieces(body):
            write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
            if self.is_slow:
                self.handler.wfile.flush()
        if is_chunked and not self.is_cut:
            write(b"0\r\n\r\n")

    @property
    def is_cut(self) -> bool:
        return self.fault is not None and self.fault.cut_after is not None

    @property
    def is_slow(self) -> bool:
        return self.fault is not None and self.fault.bytes_per_second is not None


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "gateway"
    disable_nagle_algorithm = True
    wbufsize = 65_536  # headers and a small body leave in one packet
    timeout = _IDLE_SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base
        pass

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self._serve(dict(parse_qsl(text, keep_blank_values=True)))

    def hang_up(self) -> None:
        """Close the connection without TLS's goodbye, as a broken network does."""
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, form: dict[str, str]) -> None:
        gateway = self.server.gateway
        parts = urlsplit(self.path)
        params = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **form}
        headers = dict(self.headers.items())
        request = Request(method=self.command, path=parts.path, params=params, headers=headers)
        fault = gateway.faults.take(request.call)
        if fault is not None and fault.hang_seconds:
            gateway.closing.wait(fault.hang_seconds)
            self._log(request, Reply(status=0), fault, 0)
            self.hang_up()
            return
        reply = gateway.protocol.answer(request) if fault is None or fault.asks else Reply()
        reply = reply if fault is None else fault.change(reply)
        self._send(request, _ranged(reply, request), fault)

    def _send(self, request: Request, reply: Reply, fault: Fault | None) -> None:
        is_chunked = reply.is_chunked and reply.status < 300
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("request-id", f"{next(self.server.numbers):032x}")
        for name, value in reply.headers:
            self.send_header(name, value)
        if is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        sender = _Sender(self, fault)
        try:
            sender.send(reply.body, is_chunked=is_chunked)
        finally:
            # Before the last bytes leave: who has the whole answer finds its request in the log.
            self._log(request, reply, fault, sender.sent)
        if sender.is_cut:
            self.hang_up()
        self.wfile.flush()

    def _log(self, request: Request, reply: Reply, fault: Fault | None, sent: int) -> None:
        is_success = 200 <= reply.status < 300
        self.server.gateway.log(
            Logged(
                method=request.method, path=request.call, params=dict(request.params), status=reply.status,
                billable=request.call in _BILLABLE, usd=reply.usd if is_success else 0.0, bytes_sent=sent,
                fault=None if fault is None else type(fault).__name__, range=request.headers.get("Range"),
            )
        )  # fmt: skip


def _ranged(reply: Reply, request: Request) -> Reply:
    """Cut a file to the range that was asked for."""
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    if not reply.takes_ranges or match is None:
        return reply
    first, size = int(match[1]), len(reply.body)
    last = min(int(match[2] or size - 1), size - 1)
    if first >= size:
        return Reply(status=416, headers=(("Content-Range", f"bytes */{size}"),))
    headers = (*reply.headers, ("Content-Range", f"bytes {first}-{last}/{size}"))
    return replace(reply, status=206, body=reply.body[first : last + 1], headers=headers)
