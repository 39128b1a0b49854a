"""Each fault switch shows to the real client as the reference says."""

from __future__ import annotations

import io
from pathlib import Path

import databento
import pytest
import requests
import zstandard
from databento.common.error import BentoWarning
from databento.common.http import BentoHttpAPI

from tests.gateway import ALWAYS, Gateway, faults
from tests.gateway.market import Query
from tests.gateway.samples import ES_DAY, GLD_YEAR, IN_PLACE, saved

pytestmark = pytest.mark.filterwarnings(IN_PLACE)

RANGE = "timeseries.get_range"


@pytest.mark.parametrize(
    ("fault", "status", "case"),
    [
        (faults.unauthorized(), 401, "auth_authentication_failed"),
        (faults.payment_required(), 402, "account_insufficient_funds"),
        (faults.forbidden(), 403, "license_not_found_unauthorized"),
        (faults.unprocessable(), 422, "symbology_invalid_request"),
        (faults.too_many_requests("3"), 429, "rate_limit_exceeded"),
    ],
)
def test_refusals(
    client: databento.Historical,
    gateway: Gateway,
    fault: faults.Fault,
    status: int,
    case: str,
) -> None:
    gateway.faults.add(RANGE, fault)
    with pytest.raises(databento.BentoClientError) as caught:
        client.timeseries.get_range(**ES_DAY)
    assert caught.value.http_status == status
    assert caught.value.json_body is not None
    assert caught.value.json_body["detail"]["case"] == case
    assert caught.value.headers.get("Retry-After") == ("3" if status == 429 else None)
    assert gateway.billed_usd == 0
    assert len(client.timeseries.get_range(**ES_DAY).to_ndarray()) > 0  # the switch is used up


def test_field_refusal(client: databento.Historical, gateway: Gateway) -> None:
    gateway.faults.add(RANGE, faults.unprocessable_field())
    with pytest.raises(databento.BentoClientError) as caught:
        client.timeseries.get_range(**ES_DAY)
    assert caught.value.json_body is not None
    assert isinstance(caught.value.json_body["detail"], list)


def test_server_errors(client: databento.Historical, gateway: Gateway) -> None:
    gateway.faults.add("metadata.*", faults.server_error())
    with pytest.raises(databento.BentoServerError) as caught:
        client.metadata.list_datasets()
    assert (caught.value.http_status, caught.value.message) == (500, None)
    gateway.faults.add("metadata.*", faults.gateway_timeout())
    with pytest.raises(databento.BentoServerError, match="remote gateway timed out"):
        client.metadata.list_datasets()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.html(), databento.BentoError),
        (faults.nothing(), ValueError),
        (faults.json_list(), AttributeError),
        (faults.broken_warning(), ValueError),
    ],
)
def test_answers_the_client_cannot_read(
    client: databento.Historical, gateway: Gateway, fault: faults.Fault, error: type[Exception]
) -> None:
    gateway.faults.add(RANGE, fault)
    with pytest.raises(error):
        client.timeseries.get_range(**ES_DAY)


def test_failed_and_free_quotes(client: databento.Historical, gateway: Gateway) -> None:
    gateway.faults.add("metadata.get_cost", faults.server_error(), times=ALWAYS)
    for _ in range(3):
        with pytest.raises(databento.BentoServerError):
            client.metadata.get_cost(**ES_DAY)
    assert client.metadata.get_record_count(**ES_DAY) > 0
    gateway.faults.clear()
    gateway.faults.add("metadata.get_cost", faults.free_of_charge())
    assert client.metadata.get_cost(**ES_DAY) == 0.0
    assert client.metadata.get_cost(**ES_DAY) > 0.0


# The client leaves its file open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_cut_stream(client: databento.Historical, gateway: Gateway, tmp_path: Path) -> None:
    gateway.faults.add(RANGE, faults.CutStream(cut_after=9000), times=2)
    with pytest.raises(databento.BentoError, match="Error streaming response"):
        client.timeseries.get_range(**ES_DAY)
    assert gateway.requests[-1].bytes_sent == 9000
    with pytest.raises(databento.BentoError, match="Error streaming response"):
        saved(client, tmp_path / "cut.dbn.zst")
    assert (tmp_path / "cut.dbn.zst").stat().st_size <= 9000
    with pytest.raises(FileExistsError):
        saved(client, tmp_path / "cut.dbn.zst")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.99])
def test_short_body_is_silent(
    client: databento.Historical,
    gateway: Gateway,
    tmp_path: Path,
    keep: float,
) -> None:
    whole = client.metadata.get_record_count(**ES_DAY)
    gateway.faults.add(RANGE, faults.ShortBody(keep=keep))
    body = saved(client, tmp_path / "short.dbn.zst")
    store = databento.DBNStore.from_bytes(io.BytesIO(body))
    assert len(store.to_ndarray()) == int(whole * keep)
    reader = zstandard.ZstdDecompressor().decompressobj()
    assert len(reader.decompress(body)) - len(bytes(store.metadata)) == int(whole * keep) * 48
    assert not reader.eof


def test_missing_rows_are_silent(client: databento.Historical, gateway: Gateway, tmp_path: Path) -> None:
    gateway.faults.add(RANGE, faults.MissingRows(rows=2))
    body = saved(client, tmp_path / "few.dbn.zst")
    reader = zstandard.ZstdDecompressor().decompressobj()
    reader.decompress(body)
    assert reader.eof
    store = databento.DBNStore.from_bytes(io.BytesIO(body))
    assert len(store.to_ndarray()) == client.metadata.get_record_count(**ES_DAY) - 2


def test_bad_checksum(client: databento.Historical, gateway: Gateway) -> None:
    gateway.faults.add(RANGE, faults.BadChecksum())
    store = client.timeseries.get_range(**ES_DAY)
    with pytest.raises(zstandard.ZstdError, match="checksum"):
        store.to_ndarray()


def test_rows_outside_the_window(client: databento.Historical, gateway: Gateway) -> None:
    gateway.faults.add(RANGE, faults.RowsOutside(rows=3))
    moments = client.timeseries.get_range(**ES_DAY).to_df().index
    assert sum(moments >= "2024-03-07T15:00Z") == 3
    assert len(moments) == client.metadata.get_record_count(**ES_DAY)


def test_wrong_schema(client: databento.Historical, gateway: Gateway) -> None:
    other = Query(dataset="ARCX.PILLAR", schema="ohlcv-1d", symbols=("GLD",), stype_in="raw_symbol",
                  start=1_583_020_800_000_000_000, end=1_583_280_000_000_000_000)  # fmt: skip
    gateway.faults.add(RANGE, faults.WrongSchema(gateway.market.download(other)))
    assert str(client.timeseries.get_range(**ES_DAY).schema) == "ohlcv-1d"


def test_hang(client: databento.Historical, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BentoHttpAPI, "TIMEOUT", 0.2)
    gateway.faults.add(RANGE, faults.Hang(hang_seconds=0.5))
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.timeseries.get_range(**ES_DAY)


def test_closed_without_an_answer(client: databento.Historical, gateway: Gateway) -> None:
    gateway.faults.add(RANGE, faults.Hang(hang_seconds=0.01))
    with pytest.raises(requests.exceptions.ConnectionError):
        client.timeseries.get_range(**ES_DAY)


def test_slow_body_arrives_whole(client: databento.Historical, gateway: Gateway) -> None:
    gateway.faults.add(RANGE, faults.Slow(bytes_per_second=20_000))
    store = client.timeseries.get_range(**GLD_YEAR)
    assert len(store.to_ndarray()) == client.metadata.get_record_count(**GLD_YEAR)


def test_faults_begin_after_some_requests(client: databento.Historical, gateway: Gateway) -> None:
    gateway.faults.add("metadata.list_datasets", faults.server_error(), after=1)
    client.metadata.list_datasets()
    with pytest.raises(databento.BentoServerError):
        client.metadata.list_datasets()
    client.metadata.list_datasets()
    assert [one.fault for one in gateway.calls("metadata.list_datasets")] == [None, "Answer", None]


def test_batch_file_faults(client: databento.Historical, gateway: Gateway, tmp_path: Path) -> None:
    job = client.batch.submit_job(**ES_DAY, split_duration="none")
    for _ in range(3):
        client.batch.get_job_details(job["id"])
    (name,) = [f["filename"] for f in client.batch.list_files(job["id"]) if f["filename"].endswith(".zst")]
    gateway.faults.add("batch/download", faults.too_many_requests("0"))
    gateway.faults.add("batch/download", faults.CutStream(cut_after=9000))
    (path,) = client.batch.download(job["id"], tmp_path, filename_to_download=name)
    assert [one.range is not None for one in gateway.calls("batch/download")] == [False, False, True]
    assert len(databento.DBNStore.from_bytes(path.read_bytes()).to_ndarray()) == job["record_count"]
    gateway.faults.add("batch/download", faults.BadChecksum())
    with pytest.warns(BentoWarning, match="failed checksum"):
        client.batch.download(job["id"], tmp_path / "bad", filename_to_download=name)
    gateway.faults.add("batch/download", faults.server_error())
    with pytest.raises(databento.BentoServerError):
        client.batch.download(job["id"], tmp_path / "worse", filename_to_download=name)
