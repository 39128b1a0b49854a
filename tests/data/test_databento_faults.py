"""Every fault the gateway can be switched to gives the right class and sentence, no second bill, and never the key."""

from __future__ import annotations

import gc
import logging
import re
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.data.databento_bench import CLOCK, ES_HOUR, Waits, days, of, source_at
from tests.gateway import Gateway
from tests.gateway.faults import (
    ALWAYS,
    Answer,
    CutStream,
    Fault,
    Hang,
    Slow,
    broken_warning,
    forbidden,
    gateway_timeout,
    html,
    json_list,
    nothing,
    payment_required,
    server_error,
    too_many_requests,
    unauthorized,
    unprocessable,
    unprocessable_field,
)
from tests.gateway.replies import Reply, error
from vaultdash.data.databento import DatabentoSource
from vaultdash.data.vendors.retry import Retries
from vaultdash.errors import (
    CertificateUntrustedError,
    DataError,
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
    VendorError,
    VendorFailedError,
    VendorTimeoutError,
    VendorUnreachableError,
)
from vaultdash.market import DateRange

RANGE = "timeseries.get_range"


@pytest.fixture(scope="module")
def running() -> Iterator[Gateway]:
    with Gateway() as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    running.reset()
    for name, value in running.environment().items():
        monkeypatch.setenv(name, value)
    yield running
    assert running.unexpected == []


@pytest.fixture
def seen(gateway: Gateway, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[list[BaseException]]:
    """Collects what a test saw raised; afterwards nothing of it, of the logs or of the files may hold the key."""
    caplog.set_level(logging.DEBUG)
    raised: list[BaseException] = []
    yield raised
    texts = [caplog.text, *(str(record.__dict__) for record in caplog.records)]
    for failure in raised:
        assert failure.__cause__ is None
        assert failure.__context__ is None
        texts += ["".join(traceback.format_exception(failure)), repr(failure), str(vars(failure)), str(failure.args)]
    texts += [file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file()]
    encoded = b64encode(f"{gateway.key}:".encode()).decode().rstrip("=")
    basic = re.compile(r"Basic (?!\[key\])")
    assert not [text for text in texts if gateway.key in text or encoded in text or basic.search(text)]


@pytest.fixture
def source(gateway: Gateway, tmp_path: Path) -> DatabentoSource:
    return source_at(gateway, tmp_path)


def said(status: int, case: str = "case", message: str = "words", **payload: str) -> Fault:
    return Answer(error(status, case, message, **payload))


REFUSALS = [
    (unauthorized(), KeyRefusedError, r"refused the key \(HTTP 401, auth_authentication_failed, request [0-9a-f]+\)"),
    (Answer(Reply(status=401, body=b'{"detail": "Not authenticated"}')), KeyRefusedError, r"\(HTTP 401, request"),
    (payment_required(), NoFundsError, "no funds for this .*nothing was bought"),
    (forbidden(), LicenceMissingError, r'"A license is required for this data\."'),
    (said(404), NothingThereError, "nothing there for databento GLBX.MDP3 trades"),
    (said(410), FilesGoneError, "no longer keeps"),
    (said(400), RequestRefusedError, 'refused databento GLBX.MDP3 trades ES.v.0 .*: "words"'),
    (said(418), RequestRefusedError, "HTTP 418"),
    (unprocessable(), SymbolsUnresolvedError, '"None of the symbols could be resolved". Check the symbol'),
    (unprocessable_field(), RequestRefusedError, '"start: invalid datetime format"'),
    (Answer(Reply(status=422, body=b"no json")), RequestRefusedError, r"\(HTTP 422, request"),
    (
        said(
            422,
            "data_start_before_available_start",
            available_start="2018-05-01T00:00:00.000000000Z",
            available_end="2026-11-01T12:30:00.000000000Z",
        ),
        OutsideAvailableError,
        r"It holds 2018-05-01\.\.2026-11-01T12:30:00Z: choose",
    ),
    (html(), UnreadableAnswerError, "it begins with '<!doctype html>"),
    (nothing(), UnreadableAnswerError, "it is empty"),
    (json_list(), UnreadableAnswerError, "it cannot be read"),
    (broken_warning(), UnreadableAnswerError, "it cannot be read"),
]


@pytest.mark.parametrize(("fault", "kind", "sentence"), REFUSALS)
def test_a_refusal_is_told_once_and_costs_nothing(
    *, gateway: Gateway, tmp_path: Path, seen: list[BaseException], fault: Fault, kind: type[VendorError], sentence: str
) -> None:
    source = source_at(gateway, tmp_path)
    gateway.faults.add(RANGE, fault, times=ALWAYS)
    with pytest.raises(DataError, match=sentence) as caught:
        source.download(ES_HOUR, tmp_path / "new")
    seen.append(caught.value)
    assert type(caught.value) is kind
    assert len(gateway.calls(RANGE)) == 1
    assert gateway.billed_usd == 0
    assert sorted(path.name for path in tmp_path.iterdir()) in ([], ["new"])


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (server_error(), VendorFailedError),
        (gateway_timeout(), VendorFailedError),
        (said(408), VendorFailedError),
        (too_many_requests("2"), RateLimitedError),
        (Hang(hang_seconds=0.01), VendorUnreachableError),
    ],
)
def test_what_passes_is_asked_again_a_few_times(
    gateway: Gateway, tmp_path: Path, seen: list[BaseException], fault: Fault, kind: type[VendorError]
) -> None:
    waits = Waits()
    source = source_at(gateway, tmp_path, clock=waits.clock)
    gateway.faults.add(RANGE, fault, times=4)
    source.download(ES_HOUR, tmp_path / "new")
    assert len(gateway.calls(RANGE)) == 5
    shortest = 2.0 if kind is RateLimitedError else 0.0
    assert waits.slept == [max(wait, shortest) for wait in (0.25, 0.5, 1.0, 2.0)]
    gateway.faults.add(RANGE, fault, times=ALWAYS)
    with pytest.raises(kind, match="It was tried 5 times") as caught:
        source.download(ES_HOUR, tmp_path / "other")
    seen.append(caught.value)
    assert not (tmp_path / "other").exists()


def test_a_wait_that_is_too_long_is_told_instead(gateway: Gateway, tmp_path: Path, seen: list[BaseException]) -> None:
    source = source_at(gateway, tmp_path)
    gateway.faults.add(RANGE, too_many_requests("3600"), times=ALWAYS)
    with pytest.raises(RateLimitedError, match=r"Wait 3,600 s and ask again") as caught:
        source.download(ES_HOUR, tmp_path / "new")
    seen.append(caught.value)
    assert len(gateway.calls(RANGE)) == 1


@pytest.mark.parametrize("cut_after", [0, 1, 100, 4096, 9000, 29_000])
def test_a_stream_that_breaks_off_is_not_bought_again_unbidden(
    source: DatabentoSource, gateway: Gateway, tmp_path: Path, seen: list[BaseException], cut_after: int
) -> None:
    gateway.faults.add(RANGE, CutStream(cut_after=cut_after))
    with pytest.raises(DownloadCutError, match=r"broke off after .* may charge for what it sent") as caught:
        source.download(ES_HOUR, tmp_path / "new")
    seen.append(caught.value)
    assert caught.value.received == (tmp_path / "new").stat().st_size <= cut_after
    assert len(gateway.calls(RANGE)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    gc.collect()  # a file that the client left open would warn here


@pytest.mark.parametrize("size", [10, 200, 1000])
def test_a_stream_that_ends_early_in_all_form(
    source: DatabentoSource, gateway: Gateway, tmp_path: Path, seen: list[BaseException], size: int
) -> None:
    source.download(ES_HOUR, tmp_path / "whole")
    body = (tmp_path / "whole").read_bytes()[:size]
    gateway.faults.add(RANGE, Answer(Reply(body=body, is_chunked=True)))
    with pytest.raises(DownloadCutError, match=f"after {size:,} bytes") as caught:
        source.download(ES_HOUR, tmp_path / "new")
    seen.append(caught.value)


def test_a_silent_connection_ends_in_a_sentence(gateway: Gateway, tmp_path: Path, seen: list[BaseException]) -> None:
    source = source_at(gateway, tmp_path, timeout_seconds=0.3)
    gateway.faults.add(RANGE, Hang(hang_seconds=1.0), times=ALWAYS)
    with pytest.raises(VendorTimeoutError, match=r"it said nothing for 0\.3 s.*tried 5 times") as caught:
        source.download(ES_HOUR, tmp_path / "new")
    seen.append(caught.value)


def test_a_slow_answer_arrives(source: DatabentoSource, gateway: Gateway, tmp_path: Path) -> None:
    gateway.faults.add(RANGE, Slow(bytes_per_second=100_000))
    source.download(ES_HOUR, tmp_path / "new")
    assert (tmp_path / "new").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (html(), "it cannot be read"),
        (nothing(), "it cannot be read"),
        (broken_warning(), "it cannot be read"),
        (json_list(), "it cannot be read"),
        (unauthorized(), "refused the key"),
        (gateway_timeout(), "HTTP 504"),
        (CutStream(cut_after=1), "could not be reached: the connection broke"),
    ],
)
def test_free_calls_fail_in_sentences_too(
    source: DatabentoSource, gateway: Gateway, seen: list[BaseException], fault: Fault, sentence: str
) -> None:
    gateway.faults.add("*", fault, times=ALWAYS)
    window = days("2024-03-01", "2024-03-31")
    calls: list[Callable[[], object]] = [
        lambda: source.available("GLBX.MDP3", "trades"),
        lambda: source.resolve_symbols(
            "GLBX.MDP3", ["ES.v.0"], stype_in="continuous", stype_out="instrument_id", window=window
        ),
        lambda: source._batch.calls.jobs(since="", states="done"),
        lambda: source._batch.calls.files("JOB"),
    ]
    for call in calls:
        with pytest.raises(VendorError, match=sentence) as caught:
            call()
        seen.append(caught.value)
    assert sentence in source.quote(ES_HOUR).unknown_because


@pytest.mark.parametrize("body", [b"{}", b"[]", b"7", b'{"schema": {"trades": {"start": "x", "end": "y"}}}', b"null"])
def test_answers_of_another_kind(
    source: DatabentoSource, gateway: Gateway, seen: list[BaseException], body: bytes
) -> None:
    gateway.faults.add("metadata.get_dataset_range", Answer(Reply(body=body)))
    with pytest.raises(UnreadableAnswerError, match=r"the range of GLBX\.MDP3") as caught:
        source.available("GLBX.MDP3", "trades")
    seen.append(caught.value)


@pytest.mark.parametrize("body", [b"{}", b"[7]", b'[{"date": "soon"}]', b'[{"date": "2020-02-27"}]', b"null"])
def test_conditions_of_another_kind(source: DatabentoSource, gateway: Gateway, body: bytes) -> None:
    gateway.faults.add("metadata.get_dataset_condition", Answer(Reply(body=body)))
    with pytest.raises(UnreadableAnswerError, match=r"the condition of GLBX\.MDP3"):
        source.conditions("GLBX.MDP3", DateRange(start=date(2020, 2, 27), end=date(2020, 2, 28)))


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"result": 7, "not_found": [], "partial": []}', b"null"])
def test_symbols_of_another_kind(source: DatabentoSource, gateway: Gateway, body: bytes) -> None:
    gateway.faults.add("symbology.resolve", Answer(Reply(body=body)))
    with pytest.raises(UnreadableAnswerError, match="it is no table of symbols"):
        source.resolve_symbols(
            "GLBX.MDP3",
            ["ES.v.0"],
            stype_in="continuous",
            stype_out="instrument_id",
            window=days("2024-03-01", "2024-03-31"),
        )


@pytest.mark.parametrize("body", [b"-1", b"1.5", b"true", b'"7"', b"null"])
def test_counts_of_another_kind(source: DatabentoSource, gateway: Gateway, body: bytes) -> None:
    gateway.faults.add("metadata.get_record_count", Answer(Reply(body=body)))
    quote = source.quote(ES_HOUR)
    assert quote.usd is not None
    assert quote.record_count is None
    assert "it is no count" in quote.unknown_because


def test_a_certificate_nobody_trusts(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: list[BaseException]
) -> None:
    source = source_at(gateway, tmp_path)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.delenv("CURL_CA_BUNDLE")
    with pytest.raises(CertificateUntrustedError, match=r"no authority .* REQUESTS_CA_BUNDLE") as caught:
        source.download(ES_HOUR, tmp_path / "new")
    seen.append(caught.value)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(CertificateUntrustedError, match="names a file that is not there") as other:
        source.available("XNAS.ITCH", "trades")
    seen.append(other.value)


def test_nobody_at_the_address(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: list[BaseException]
) -> None:
    def at(address: str) -> DatabentoSource:
        return DatabentoSource(gateway.key, folder=tmp_path, gateway=address, retries=Retries(clock=CLOCK))

    with pytest.raises(VendorUnreachableError, match=r"it refused the connection.*tried 5 times") as refused:
        at("https://127.0.0.1:1").available("XNAS.ITCH", "trades")
    monkeypatch.setenv("NO_PROXY", "nobody.invalid")
    with pytest.raises(VendorUnreachableError, match="its host cannot be resolved") as unknown:
        at("https://nobody.invalid").available("XNAS.ITCH", "trades")
    seen += [refused.value, unknown.value]


def test_a_full_disk_is_not_a_broken_stream(
    source: DatabentoSource,
    gateway: Gateway,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seen: list[BaseException],
) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    from databento.common import http  # noqa: PLC0415

    class FullDisk:
        def __init__(self, *_: object) -> None:
            self.file = full.open("wb", buffering=0)

        def write(self, chunk: bytes) -> None:
            with self.file:
                self.file.write(chunk)

    monkeypatch.setattr(http, "open", FullDisk, raising=False)
    with pytest.raises(OutputNotWrittenError, match="no space left on device") as caught:
        source.download(ES_HOUR, tmp_path / "new")
    seen.append(caught.value)
    assert len(gateway.calls(RANGE)) == 1


def test_the_key_is_kept_in_where_the_vendor_repeats_it(
    source: DatabentoSource, gateway: Gateway, tmp_path: Path, seen: list[BaseException]
) -> None:
    encoded = b64encode(f"{gateway.key}:".encode()).decode()
    words = f"user {gateway.key} sent Basic {encoded}, or {encoded}"
    faults = [
        said(422, "case", words),
        said(422, gateway.key, words),
        Answer(Reply(status=403, body=f'{{"detail": "{words}"}}'.encode(), headers=(("request-id", words),))),
        Answer(Reply(status=200, body=words.encode(), content_type="text/html")),
    ]
    for number, fault in enumerate(faults):
        gateway.faults.add(RANGE, fault)
        place = tmp_path / str(number)
        with pytest.raises(VendorError, match=r"databento") as caught:
            source.download(ES_HOUR, place)
        seen.append(caught.value)
        place.unlink(missing_ok=True)  # what the vendor sent is the caller's to discard
    gateway.protocol.warnings.append(f"Warning: {words}")
    source.download(ES_HOUR, tmp_path / "warned")


def test_the_key_is_in_no_repr(source: DatabentoSource, gateway: Gateway) -> None:
    source.available("XNAS.ITCH", "trades")
    shown = [repr(source), str(source), *(repr(value) for value in vars(source).values())]
    assert not [text for text in shown if gateway.key in text]


def test_a_request_id_or_case_that_is_no_name_is_left_out(
    source: DatabentoSource, gateway: Gateway, tmp_path: Path, seen: list[BaseException]
) -> None:
    gateway.faults.add(RANGE, said(422, "a case\nwith <markup>", "line one\nline \x1b[31mtwo" + "x" * 500))
    with pytest.raises(RequestRefusedError) as caught:
        source.download(of("XNAS.ITCH", "trades", "GLD", "raw_symbol", ES_HOUR.window), tmp_path / "new")
    seen.append(caught.value)
    assert "markup" not in str(caught.value)
    assert "line one line ?[31mtwoxxx" in str(caught.value)
    assert "..." in str(caught.value)
    assert len(str(caught.value)) < 600
