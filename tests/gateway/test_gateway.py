"""The real client against the gateway: every query works, is logged and is billed as the reference says."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import databento
import pytest
import zstandard
from databento.common.error import BentoDeprecationWarning, BentoWarning

from tests.gateway import Gateway
from tests.gateway.samples import ES_DAY, GLD_YEAR, IN_PLACE, refusal, saved

pytestmark = pytest.mark.filterwarnings(IN_PLACE)


def test_metadata_lists(client: databento.Historical) -> None:
    assert client.metadata.list_datasets() == sorted(client.metadata.list_datasets())
    assert "EQUS.SUMMARY" not in client.metadata.list_datasets(end_date="2020-01-01")
    assert client.metadata.list_schemas("EQUS.SUMMARY") == ["ohlcv-1d", "definition", "statistics"]
    publishers = {(one["publisher_id"], one["dataset"]) for one in client.metadata.list_publishers()}
    assert {(30, "OPRA.PILLAR"), (90, "EQUS.SUMMARY"), (93, "XNAS.BASIC")} < publishers
    assert {"name": "open", "type": "int64_t"} in client.metadata.list_fields("ohlcv-1d", "dbn")
    prices = client.metadata.list_unit_prices("GLBX.MDP3")
    assert prices[0]["mode"] == "historical"
    assert prices[0]["unit_prices"]["ohlcv-1m"] == 70.0


def test_range_and_condition(client: databento.Historical, gateway: Gateway) -> None:
    span: Any = client.metadata.get_dataset_range("OPRA.PILLAR")
    assert span["schema"]["cbbo-1m"]["start"] == "2013-04-01T00:00:00.000000000Z"
    said = client.metadata.get_dataset_condition("GLBX.MDP3", "2020-02-26", "2020-02-29")
    assert [(day["date"], day["condition"]) for day in said] == [
        ("2020-02-26", "available"),
        ("2020-02-27", "degraded"),
        ("2020-02-28", "degraded"),
    ]
    gateway.market.revise("ARCX.PILLAR", "2019-03-05", last_modified="2026-10-10")
    (day,) = client.metadata.get_dataset_condition("ARCX.PILLAR", "2019-03-05", "2019-03-05")
    assert day["last_modified_date"] == "2026-10-10"


def test_a_revised_day_has_other_bytes(client: databento.Historical, gateway: Gateway) -> None:
    before = client.timeseries.get_range(**GLD_YEAR).to_df()
    gateway.market.revise("ARCX.PILLAR", "2020-06-03", last_modified="2026-10-11")
    after = client.timeseries.get_range(**GLD_YEAR).to_df()
    changed = before.index[(before["volume"] != after["volume"]).to_numpy()]
    assert list(changed.strftime("%Y-%m-%d")) == ["2020-06-03"]


def test_quote_count_and_data_agree(client: databento.Historical, gateway: Gateway) -> None:
    count = client.metadata.get_record_count(**ES_DAY)
    size = client.metadata.get_billable_size(**ES_DAY)
    cost = client.metadata.get_cost(**ES_DAY)
    store = client.timeseries.get_range(**ES_DAY)
    frame = store.to_df()
    assert len(frame) == count > 0
    assert size == count * 48
    assert cost == size * 24.5 / 2**30 == gateway.billed_usd
    assert set(frame["side"]) == {"A", "B", "N"}
    assert set(frame["symbol"]) == {"ES.v.0"}
    assert [one.billable for one in gateway.requests] == [False, False, False, True]


def test_quotes_of_parts_add_up_exactly(client: databento.Historical) -> None:
    cuts = ["2020-01-01", "2020-02-29", "2020-05-04T12:34:56.000000007", "2020-11-30", "2021-01-01"]
    parts = [GLD_YEAR | {"start": a, "end": b} for a, b in itertools.pairwise(cuts)]
    assert sum(client.metadata.get_cost(**part) for part in parts) == client.metadata.get_cost(**GLD_YEAR)
    counts = [client.metadata.get_record_count(**part) for part in parts]
    assert sum(counts) == client.metadata.get_record_count(**GLD_YEAR)


def test_the_body_is_a_whole_zstd_frame(client: databento.Historical, tmp_path: Path) -> None:
    body = saved(client, tmp_path / "a.dbn.zst")
    frame = zstandard.get_frame_parameters(body)
    assert frame.has_checksum
    assert frame.content_size == zstandard.CONTENTSIZE_UNKNOWN
    reader = zstandard.ZstdDecompressor().decompressobj()
    reader.decompress(body)
    assert reader.eof
    assert saved(client, tmp_path / "b.dbn.zst") == body


def test_limit(client: databento.Historical) -> None:
    store = client.timeseries.get_range(**ES_DAY, limit=7)
    assert len(store.to_ndarray()) == 7
    assert client.metadata.get_record_count(**ES_DAY, limit=7) == 7


def test_continuous_contract_rolls_on_a_utc_date(client: databento.Historical) -> None:
    asked = ES_DAY | {"schema": "ohlcv-1d", "start": "2024-03-01", "end": "2024-04-01"}
    frame = client.timeseries.get_range(**asked).to_df()
    ids = frame["instrument_id"]
    assert ids.nunique() == 2
    assert str(ids.index[ids == ids.iloc[-1]][0].date()) == "2024-03-11"
    names = ("GLBX.MDP3", "ES.v.0", "continuous", "raw_symbol")
    said = client.symbology.resolve(*names, "2024-03-01", "2024-04-01")
    assert [one["s"] for one in said["result"]["ES.v.0"]] == ["ESH4", "ESM4"]
    numbers = ",".join(map(str, ids.unique()))
    names = ("GLBX.MDP3", numbers, "instrument_id", "raw_symbol")
    back = client.symbology.resolve(*names, "2024-03-11", "2024-03-12")
    assert sorted(span["s"] for spans in back["result"].values() for span in spans) == ["ESH4", "ESM4"]


def test_parent_holds_two_expiries_and_a_spread(client: databento.Historical) -> None:
    asked = ES_DAY | {"symbols": "ES.FUT", "stype_in": "parent"}
    frame = client.timeseries.get_range(**asked).to_df()
    assert set(frame["symbol"]) == {"ESH4", "ESM4", "ESH4-ESM4"}
    assert frame.loc[frame["symbol"] == "ESH4-ESM4", "price"].max() < 100 < frame["price"].median()
    whole_day = asked | {"schema": "definition", "start": "2024-03-07"}
    definitions = client.timeseries.get_range(**whole_day).to_df()
    assert dict(zip(definitions["raw_symbol"], definitions["instrument_class"], strict=True)) == {
        "ESH4": "F", "ESM4": "F", "ESH4-ESM4": "S",
    }  # fmt: skip


def test_option_chain(client: databento.Historical) -> None:
    asked: dict[str, Any] = {"dataset": "OPRA.PILLAR", "symbols": "GLD.OPT", "stype_in": "parent"}
    day: dict[str, Any] = {"start": "2024-03-07", "end": "2024-03-08"}
    definitions = client.timeseries.get_range(**asked, **day, schema="definition").to_df()
    close: dict[str, Any] = {"start": "2024-03-07T20:55", "end": "2024-03-07T20:56"}
    quotes = client.timeseries.get_range(**asked, **close, schema="cbbo-1m").to_df()
    assert set(quotes["symbol"]) == set(definitions["raw_symbol"])
    has_bid = quotes["bid_px_00"].notna()
    assert (quotes["bid_px_00"] < quotes["ask_px_00"])[has_bid].all()
    assert set(quotes["publisher_id"]) == {30}
    interest = client.timeseries.get_range(**asked, **day, schema="statistics").to_df()
    repeated = interest.groupby("symbol")["quantity"].agg(["count", "nunique"])
    assert (repeated["count"] == 4).all()
    assert (repeated["nunique"] == 1).all()


def test_several_publishers_on_a_day(client: databento.Historical) -> None:
    asked = GLD_YEAR | {"dataset": "XNAS.BASIC", "start": "2025-03-03", "end": "2025-03-04"}
    frame = client.timeseries.get_range(**asked).to_df()
    assert list(frame["publisher_id"]) == [81, 82, 83, 88, 89]


def test_partly_resolved_symbols(client: databento.Historical, gateway: Gateway) -> None:
    store = client.timeseries.get_range(**GLD_YEAR | {"symbols": "GLD,NOPE"})
    assert store.metadata.not_found == ["NOPE"]
    assert gateway.requests[-1].status == 206
    names = ("ARCX.PILLAR", "GLDM", "raw_symbol", "instrument_id")
    said = client.symbology.resolve(*names, "2018-06-01", "2018-07-01")
    assert said["partial"] == ["GLDM"]
    assert said["result"]["GLDM"][0]["d0"] == "2018-06-26"


@pytest.mark.parametrize(
    ("changed", "case"),
    [
        ({"start": "2018-04-30"}, "data_start_before_available_start"),
        ({"end": "2030-01-01"}, "data_end_after_available_end"),
        ({"start": "2027-01-01", "end": "2027-02-01"}, "data_start_after_available_end"),
        ({"start": "2020-02-02", "end": "2020-02-02"}, "data_time_range_start_on_or_after_end"),
        ({"symbols": "NOPE"}, "symbology_invalid_request"),
        ({"symbols": "GC", "stype_in": "parent"}, "symbology_invalid_request"),
        ({"start": "2020-02-16", "end": "2020-02-18"}, "symbology_invalid_request"),  # a Sunday and a holiday
    ],
)
def test_refused_queries(client: databento.Historical, changed: dict[str, str], case: str) -> None:
    with pytest.raises(databento.BentoClientError) as caught:
        client.metadata.get_cost(**GLD_YEAR | changed)
    assert refusal(caught) == (422, case)
    assert caught.value.request_id is not None
    if case.startswith("data_") and "available" in case:
        assert caught.value.json_body is not None
        payload = caught.value.json_body["detail"]["payload"]
        assert payload["available_start"] == "2018-05-01T00:00:00.000000000Z"


def test_bad_field_is_refused_with_a_list(client: databento.Historical) -> None:
    with pytest.raises(databento.BentoClientError) as caught:
        client.metadata.get_cost(**GLD_YEAR | {"dataset": "NOPE"})
    assert caught.value.json_body is not None
    assert caught.value.json_body["detail"][0]["loc"] == ["body", "dataset"]


def test_wrong_key(gateway: Gateway) -> None:
    with pytest.raises(databento.BentoClientError) as caught:
        databento.Historical("db-wrong", gateway=gateway.url).metadata.list_datasets()
    assert refusal(caught) == (401, "auth_authentication_failed")


def test_window_without_rows(client: databento.Historical) -> None:
    store = client.timeseries.get_range(**GLD_YEAR | {"start": "2020-02-18T01:00", "end": "2020-02-18T02:00"})
    assert len(store.to_df()) == 0


def test_warnings_of_the_service(client: databento.Historical, gateway: Gateway) -> None:
    with pytest.warns(BentoWarning, match=r"reduced quality: 2020-02-27 \(degraded\)"):
        client.timeseries.get_range(**ES_DAY | {"start": "2020-02-27T14:00", "end": "2020-02-27T14:05"})
    gateway.protocol.warnings.append("DeprecationWarning: this call will go")
    with pytest.warns(BentoDeprecationWarning, match="this call will go"):
        client.timeseries.get_range(**ES_DAY)
