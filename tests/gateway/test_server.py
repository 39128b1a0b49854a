"""The gateway as a server: its own authority, and a process of its own for trying things by hand."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import databento
import pytest
import requests

from tests.gateway import Gateway


def test_untrusted_without_its_authority(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.delenv("CURL_CA_BUNDLE")
    with pytest.raises(requests.exceptions.SSLError):
        databento.Historical(gateway.key, gateway=gateway.url).metadata.list_datasets()


def test_runs_as_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.gateway",
        "--dir",
        str(tmp_path),
        "--fault",
        "metadata.*",
        "server_error",
    ]
    root = Path(__file__).parents[2]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=root, **pipes) as process:
        assert process.stdout is not None
        lines = itertools.islice(process.stdout, len(Gateway.VARIABLES))
        environment = dict(line.removeprefix("export ").rstrip("\n").split("=", 1) for line in lines)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        client = databento.Historical(gateway=environment["VAULTDASH_DATABENTO_GATEWAY"])
        with pytest.raises(databento.BentoServerError):
            client.metadata.list_datasets()
        assert "GLBX.MDP3" in client.metadata.list_datasets()
        os.kill(process.pid, signal.SIGTERM)
        _, said = process.communicate(timeout=10)
    assert process.returncode == 0
    assert said.startswith("2 requests")
