"""Parameters of a request: times, dates and queries out of fields, refused as the service refuses them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Final

import databento_dbn as dbn

from tests.gateway import replies
from tests.gateway.catalog import DATASETS
from tests.gateway.market import Market, Query
from tests.gateway.paths import day_number
from tests.gateway.replies import RefusedError
from tests.gateway.tape import DAY, MINUTE

Params = Mapping[str, str]

_STYPES: Final = ("raw_symbol", "instrument_id", "parent", "continuous")
_SCHEMAS: Final = tuple(map(str, dbn.Schema.variants()))
_MOST_SYMBOLS: Final = 2_000
_DIGITS_OF_A_DATE: Final = 8
_TIME: Final = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<hour>\d{2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,9}))?)?)?"
    r"(?P<zone>Z|[+-]\d{2}:?\d{2})?)?"
)


def required(params: Params, field: str, place: str = "body") -> str:
    """Read a field that must be there."""
    if params.get(field):
        return params[field]
    raise RefusedError(replies.invalid_field(field, "field required", "value_error.missing", place))


def dataset_of(params: Params, place: str = "body") -> str:
    """Read a dataset that exists."""
    name = required(params, "dataset", place)
    if name in DATASETS:
        return name
    raise RefusedError(replies.invalid_field("dataset", f"unknown dataset: {name}", "type_error.enum", place))


def date_of(params: Params, field: str, place: str = "body") -> dt.date | None:
    """Read a date, or None where the field is not given."""
    if not params.get(field):
        return None
    try:
        return dt.date.fromisoformat(params[field])
    except ValueError:
        refused = replies.invalid_field(field, "invalid date format", "value_error.date", place)
        raise RefusedError(refused) from None


def time_of(params: Params, field: str) -> tuple[int, int]:
    """Read a moment in nanoseconds, and the resolution that it was written in."""
    text = required(params, field).strip()
    if text.isdigit() and len(text) != _DIGITS_OF_A_DATE:
        return int(text), 1
    match = _TIME.fullmatch(text)
    if match is None:
        raise RefusedError(replies.invalid_field(field, "invalid datetime format", "value_error.datetime"))
    try:
        nanos = day_number(dt.date.fromisoformat(match["date"])) * DAY
    except ValueError:
        refused = replies.invalid_field(field, "invalid datetime format", "value_error.datetime")
        raise RefusedError(refused) from None
    nanos += int(match["hour"] or 0) * 60 * MINUTE + int(match["minute"] or 0) * MINUTE
    nanos += int(match["second"] or 0) * 1_000_000_000 + int((match["part"] or "0").ljust(9, "0"))
    if match["zone"] not in {None, "Z"}:
        zone = match["zone"].replace(":", "")
        offset = (int(zone[1:3]) * 60 + int(zone[3:5])) * MINUTE
        nanos -= offset if zone[0] == "+" else -offset
    steps = (("part", 1), ("second", 1_000_000_000), ("minute", MINUTE), ("hour", 60 * MINUTE))
    return nanos, next((step for name, step in steps if match[name] is not None), DAY)


def symbols_of(params: Params) -> tuple[str, ...]:
    """Read the comma-joined symbols."""
    symbols = tuple(filter(None, required(params, "symbols").split(",")))
    if len(symbols) > _MOST_SYMBOLS:
        raise RefusedError(replies.invalid_field("symbols", f"at most {_MOST_SYMBOLS} symbols are allowed"))
    return symbols


def stype_of(params: Params, field: str, usual: str) -> str:
    """Read a symbology type."""
    stype = params.get(field) or usual
    if stype in _STYPES:
        return stype
    sentence = f"unsupported symbology type: {stype}"
    raise RefusedError(replies.invalid_field(field, sentence, "type_error.enum"))


def query_of(params: Params, market: Market) -> Query:
    """Read a query for data, and refuse one that leaves what the dataset holds."""
    dataset = dataset_of(params)
    schema = params.get("schema") or "trades"
    if schema not in _SCHEMAS:
        raise RefusedError(replies.invalid_field("schema", f"unknown schema: {schema}", "type_error.enum"))
    if schema not in market.coverage[dataset]:
        # The case's name is this gateway's own: no real answer of this kind is known.
        sentence = f"The schema {schema} is not available for dataset {dataset}."
        raise RefusedError(replies.error(422, "data_schema_not_available", sentence))
    start, resolution = time_of(params, "start")
    end = time_of(params, "end")[0] if params.get("end") else start // resolution * resolution + resolution
    if start >= end:
        raise RefusedError(replies.start_on_or_after_end(start, end))
    refused = replies.outside_coverage(dataset, start, end, market.coverage[dataset][schema])
    if refused is not None:
        raise RefusedError(refused)
    return Query(
        dataset=dataset, schema=schema, symbols=symbols_of(params), start=start, end=end,
        stype_in=stype_of(params, "stype_in", "raw_symbol"), limit=_limit_of(params),
        stype_out=stype_of(params, "stype_out", "instrument_id"),
    )  # fmt: skip


def _limit_of(params: Params) -> int | None:
    text = params.get("limit")
    if not text:
        return None
    if text.isdigit() and int(text) > 0:
        return int(text)
    sentence = "ensure this value is greater than 0"
    raise RefusedError(replies.invalid_field("limit", sentence, "value_error.number"))
