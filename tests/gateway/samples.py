"""What several tests ask for, and small helpers to read the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import databento
    import pytest

# With pandas 3 the client's to_df sets its index in place, which pandas deprecates; no caller can help it.
IN_PLACE = "ignore:The inplace keyword in DataFrame.set_index:DeprecationWarning"

ES_DAY: dict[str, Any] = {
    "dataset": "GLBX.MDP3",
    "symbols": "ES.v.0",
    "stype_in": "continuous",
    "schema": "trades",
    "start": "2024-03-07T14:00",
    "end": "2024-03-07T15:00",
}
GLD_YEAR: dict[str, Any] = {
    "dataset": "ARCX.PILLAR",
    "symbols": "GLD",
    "schema": "ohlcv-1d",
    "start": "2020-01-01",
    "end": "2021-01-01",
}


def refusal(caught: pytest.ExceptionInfo[databento.BentoClientError]) -> tuple[int, str]:
    body = caught.value.json_body
    assert body is not None
    return caught.value.http_status, body["detail"]["case"]


def saved(client: databento.Historical, path: Path, **changed: Any) -> bytes:
    """Download to a file and read it, closing the handle that the client keeps open on it."""
    store = client.timeseries.get_range(**ES_DAY | changed, path=path)
    store._data_source.reader.close()
    return path.read_bytes()
