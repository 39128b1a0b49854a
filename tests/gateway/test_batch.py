"""Batch jobs through the real client: states, files, checksums, resume, and jobs that are gone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import databento
import pytest

from tests.gateway import Gateway
from tests.gateway.samples import ES_DAY, GLD_YEAR


def test_batch_job(client: databento.Historical, gateway: Gateway, tmp_path: Path) -> None:
    job = client.batch.submit_job(**GLD_YEAR, split_duration="month")
    assert gateway.billed_usd == job["cost_usd"] == client.metadata.get_cost(**GLD_YEAR)
    states = [client.batch.get_job_details(job["id"])["state"] for _ in range(3)]
    assert states == ["queued", "processing", "done"]
    assert [one["id"] for one in client.batch.list_jobs()] == [job["id"]]
    files = client.batch.list_files(job["id"])
    data = [one for one in files if one["filename"].endswith(".dbn.zst")]
    assert len(data) == 12
    client.batch.download(job["id"], tmp_path / "all")
    for file in files:
        body = (tmp_path / "all" / job["id"] / file["filename"]).read_bytes()
        assert f"sha256:{hashlib.sha256(body).hexdigest()}" == file["hash"]
        assert len(body) == file["size"]
    bodies = [(tmp_path / "all" / job["id"] / one["filename"]).read_bytes() for one in data]
    stores = [databento.DBNStore.from_bytes(body) for body in bodies]
    assert sum(len(store.to_ndarray()) for store in stores) == job["record_count"]


def test_batch_file_is_resumed(client: databento.Historical, gateway: Gateway, tmp_path: Path) -> None:
    job = client.batch.submit_job(**ES_DAY, split_duration="none")
    for _ in range(3):
        client.batch.get_job_details(job["id"])
    (file,) = [one for one in client.batch.list_files(job["id"]) if one["filename"].endswith(".zst")]
    (path,) = client.batch.download(job["id"], tmp_path, filename_to_download=file["filename"])
    body = path.read_bytes()
    path.write_bytes(body[:1000])
    client.batch.download(job["id"], tmp_path, filename_to_download=file["filename"])
    assert gateway.requests[-1].range == f"bytes=1000-{file['size'] - 1}"
    assert gateway.requests[-1].status == 206
    assert gateway.requests[-1].bytes_sent == file["size"] - 1000
    assert path.read_bytes() == body


def test_gone_and_unknown_jobs(client: databento.Historical, gateway: Gateway) -> None:
    with pytest.raises(databento.BentoClientError) as caught:
        client.batch.get_job_details("NOPE")
    assert caught.value.http_status == 404
    job = client.batch.submit_job(**GLD_YEAR)
    gateway.batch.expire(job["id"])
    with pytest.raises(databento.BentoClientError) as caught:
        client.batch.list_files(job["id"])
    assert caught.value.http_status == 410
