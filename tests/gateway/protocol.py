"""The service's calls: a parsed request in, a reply out."""

from __future__ import annotations

import datetime as dt
import hmac
import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from tests.gateway import parsing, replies
from tests.gateway.batch import Batch
from tests.gateway.catalog import DATASETS, DTYPES
from tests.gateway.market import Market, Query
from tests.gateway.parsing import Params
from tests.gateway.paths import date_of, day_number
from tests.gateway.replies import RefusedError, Reply, as_json
from tests.gateway.sessions import has_hours
from tests.gateway.symbology import UnresolvedError, resolve
from tests.gateway.tape import DAY

if TYPE_CHECKING:
    import numpy as np

_ROOT: Final = "/v0/"
_PARTLY_RESOLVED: Final = 206
FILES: Final = "batch/download"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, its fields decoded."""

    method: str
    path: str
    params: Params
    headers: Mapping[str, str]

    @property
    def call(self) -> str:
        """The call's name, such as `timeseries.get_range`; every file of a batch job is `batch/download`."""
        name = unquote(self.path.removeprefix(_ROOT))
        return FILES if name.startswith(f"{FILES}/") else name


@dataclass(slots=True, kw_only=True)
class Protocol:
    """Every call of the service over one market."""

    market: Market
    batch: Batch
    key: str
    warnings: list[str] = field(default_factory=list)  # sent as X-Warning with every answer of market data

    def answer(self, request: Request) -> Reply:
        """Answer a request, errors included."""
        try:
            self._check_key(request)
            return self._dispatch(request)
        except RefusedError as refused:
            return refused.reply
        except UnresolvedError as unresolved:
            return replies.unresolved(str(unresolved))

    def _check_key(self, request: Request) -> None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Basic":
            raise RefusedError(replies.not_authenticated())
        try:
            user, _, password = b64decode(token).decode().partition(":")
        except (Base64Error, UnicodeDecodeError):
            raise RefusedError(replies.not_authenticated()) from None
        if password or not hmac.compare_digest(user.encode(), self.key.encode()):
            raise RefusedError(replies.authentication_failed())

    def _dispatch(self, request: Request) -> Reply:
        posts: dict[str, Callable[[Params], Reply]] = {
            "metadata.get_record_count": lambda p: as_json(self.market.count(self._query(p))),
            "metadata.get_billable_size": lambda p: as_json(self.market.billable_size(self._query(p))),
            "metadata.get_cost": lambda p: as_json(self.market.cost(self._query(p))),
            "symbology.resolve": self._resolve,
            "timeseries.get_range": self._get_range,
            "batch.submit_job": lambda p: self.batch.submit(p, self._query(p)),
        }
        gets: dict[str, Callable[[Params], Reply]] = {
            "metadata.list_publishers": lambda _: as_json(_publishers()),
            "metadata.list_datasets": self._list_datasets,
            "metadata.list_schemas": lambda p: as_json(list(self._coverage(p))),
            "metadata.list_fields": _list_fields,
            "metadata.list_unit_prices": _list_unit_prices,
            "metadata.get_dataset_range": self._dataset_range,
            "metadata.get_dataset_condition": self._dataset_condition,
            "batch.list_jobs": self.batch.list_jobs,
            "batch.get_job_details": self.batch.get_job_details,
            "batch.list_files": self.batch.list_files,
            "batch.download": self.batch.download_all,
        }
        if request.method == "GET" and request.call == FILES:
            return self.batch.download_one(unquote(request.path).rsplit("/", 2)[-2:])
        handle = (gets if request.method == "GET" else posts).get(request.call)
        if handle is None:
            is_known = request.call in posts or request.call in gets
            status, text = (405, "Method Not Allowed") if is_known else (404, "Not Found")
            raise RefusedError(as_json({"detail": text}, status))
        return handle(request.params)

    def _coverage(self, params: Params) -> dict[str, tuple[int, int]]:
        return self.market.coverage[parsing.dataset_of(params, "query")]

    def _query(self, params: Params) -> Query:
        return parsing.query_of(params, self.market)

    def _get_range(self, params: Params) -> Reply:
        query = self._query(params)
        if (params.get("encoding"), params.get("compression")) != ("dbn", "zstd"):
            sentence = "this gateway sends zstd-compressed DBN only"
            raise RefusedError(replies.invalid_field("encoding", sentence))
        found = self.market.resolve(query)
        download = self.market.download(query)
        warnings = [*self.warnings, *self._degraded(query)]
        return Reply(
            status=_PARTLY_RESOLVED if found.partial or found.not_found else 200, body=download.encode(),
            content_type="application/octet-stream", is_chunked=True, download=download,
            usd=self.market.cost(query), headers=(("X-Warning", json.dumps(warnings)),) if warnings else (),
        )  # fmt: skip

    def _degraded(self, query: Query) -> list[str]:
        first, end = query.days()
        days = [
            f"{day} ({said.condition})"
            for (name, day), said in sorted(self.market.conditions.items())
            if name == query.dataset and said.condition != "available"
            and first <= day_number(dt.date.fromisoformat(day)) < end
        ]  # fmt: skip
        told = "Warning: The streaming request contained one or more days which have reduced quality: "
        return [told + ", ".join(days) + "."] if days else []

    def _list_datasets(self, params: Params) -> Reply:
        start, end = (parsing.date_of(params, name, "query") for name in ("start_date", "end_date"))
        names = []
        for name, schemas in self.market.coverage.items():
            since, until = min(s for s, _ in schemas.values()), max(e for _, e in schemas.values())
            if start is not None and until <= day_number(start) * DAY:
                continue
            if end is None or since < day_number(end) * DAY:
                names.append(name)
        return as_json(sorted(names))

    def _dataset_range(self, params: Params) -> Reply:
        schemas = self._coverage(params)
        spans = {s: {"start": replies.iso(a), "end": replies.iso(b)} for s, (a, b) in schemas.items()}
        since, until = min(a for a, _ in schemas.values()), max(b for _, b in schemas.values())
        return as_json({"start": replies.iso(since), "end": replies.iso(until), "schema": spans})

    def _dataset_condition(self, params: Params) -> Reply:
        name = parsing.dataset_of(params, "query")
        schemas = self.market.coverage[name].values()
        first, last = min(a for a, _ in schemas) // DAY, -(-max(b for _, b in schemas) // DAY) - 1
        start, end = (parsing.date_of(params, which, "query") for which in ("start_date", "end_date"))
        first = first if start is None else max(first, day_number(start))
        last = last if end is None else min(last, day_number(end))  # this call's end is inclusive
        said = []
        for number in range(first, last + 1):
            if has_hours(DATASETS[name].calendar, number, number + 1):
                day = date_of(number).isoformat()
                condition = self.market.condition(name, day)
                said.append(
                    {
                        "date": day,
                        "condition": condition.condition,
                        "last_modified_date": condition.last_modified,
                    }
                )
        return as_json(said)

    def _resolve(self, params: Params) -> Reply:
        name, symbols = parsing.dataset_of(params), parsing.symbols_of(params)
        stype_in = parsing.stype_of(params, "stype_in", "raw_symbol")
        stype_out = parsing.stype_of(params, "stype_out", "instrument_id")
        parsing.required(params, "start_date")
        start = parsing.date_of(params, "start_date") or dt.date.min
        end = parsing.date_of(params, "end_date") or start + dt.timedelta(days=1)
        if start >= end:
            raise RefusedError(replies.start_on_or_after_end(day_number(start) * DAY, day_number(end) * DAY))
        found = resolve(DATASETS[name], symbols, stype_in, day_number(start), day_number(end))
        result: dict[str, list[dict[str, str]]] = {}
        for piece in found.pieces:
            one = piece.instrument
            out = one.raw_symbol if stype_out == "raw_symbol" else str(one.instrument_id)
            span = {
                "d0": date_of(piece.first_day).isoformat(),
                "d1": date_of(piece.end_day).isoformat(),
                "s": out,
            }
            result.setdefault(piece.symbol, []).append(span)
        is_part = bool(found.partial or found.not_found)
        body: dict[str, Any] = {
            "result": result, "symbols": list(found.symbols), "stype_in": stype_in, "stype_out": stype_out,
            "start_date": start.isoformat(), "end_date": end.isoformat(), "partial": list(found.partial),
            "not_found": list(found.not_found), "message": "Partially resolved" if is_part else "OK",
            "status": 1 if is_part else 0,
        }  # fmt: skip
        return as_json(body, _PARTLY_RESOLVED if is_part else 200)


def _publishers() -> list[dict[str, object]]:
    return [
        {"publisher_id": p.number, "dataset": d.name, "venue": p.venue, "description": p.description}
        for d in DATASETS.values()
        for p in sorted(d.publishers, key=lambda one: one.number)
    ]


def _list_fields(params: Params) -> Reply:
    schema = parsing.required(params, "schema", "query")
    if schema not in DTYPES:
        sentence = f"unknown schema: {schema}"
        raise RefusedError(replies.invalid_field("schema", sentence, "type_error.enum", "query"))
    kinds = {"u": "uint{}_t", "i": "int{}_t", "S": "char[{}]"}
    fields = []
    for name in DTYPES[schema].names or ():
        code: np.dtype[Any] = DTYPES[schema][name]
        size = code.itemsize if code.kind == "S" else code.itemsize * 8
        fields.append({"name": name, "type": kinds[code.kind].format(size)})
    return as_json([one for one in fields if not one["name"].startswith("_")])


def _list_unit_prices(params: Params) -> Reply:
    prices = DATASETS[parsing.dataset_of(params, "query")].usd_per_gib
    modes = ("historical", "historical-streaming", "live")
    return as_json([{"mode": mode, "unit_prices": prices} for mode in modes])
