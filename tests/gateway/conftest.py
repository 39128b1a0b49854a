"""One running gateway for these tests, clean for each, and the real client pointed at it."""

from __future__ import annotations

from collections.abc import Iterator

import databento
import pytest

from tests.gateway import Gateway


@pytest.fixture(scope="session")
def running_gateway() -> Iterator[Gateway]:
    with Gateway() as gateway:
        yield gateway


@pytest.fixture
def gateway(running_gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    running_gateway.reset()
    for name, value in running_gateway.environment().items():
        monkeypatch.setenv(name, value)
    yield running_gateway
    assert running_gateway.unexpected == []


@pytest.fixture
def client(gateway: Gateway) -> databento.Historical:
    return databento.Historical(gateway.key, gateway=gateway.url)
