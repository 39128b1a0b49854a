"""The sample market as a source of history: it answers as Databento does, with DBN bytes and made-up prices."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from vaultdash.data.samplemarket.chaintape import chain_count, chain_mappings, chain_records
from vaultdash.data.samplemarket.encode import write_dbn
from vaultdash.data.samplemarket.listing import (
    DATASETS,
    OPTIONS,
    RECORD_BYTES,
    SOURCE,
    USD_PER_GIB,
    require_schema,
    require_series,
)
from vaultdash.data.samplemarket.path import SAMPLE_WINDOW
from vaultdash.data.samplemarket.tape import tape_count, tape_mappings, tape_records
from vaultdash.data.source import DataQuote, DayCondition
from vaultdash.errors import NotOfferedError, WindowNotCoveredError
from vaultdash.market import Window

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from vaultdash.data.request import DataRequest
    from vaultdash.market import DateRange

GIB = 2**30
HELD = Window.of_days(SAMPLE_WINDOW)


class SampleSource:
    """A vendor of synthetic history: any window on demand, the same records for the same request on every machine.

    A window split anywhere gives exactly the records of the whole. The records are a promise; the compressed frame
    around them is what the installed zstd makes of them. What it quotes is made up and nobody is charged.
    """

    name = SOURCE
    is_paid = False
    client_version = "sample market 1"

    def available(self, dataset: str, schema: str) -> Window:
        """2004-11-18 to 2026-03-31, for every dataset and schema. Raises NotOfferedError for others."""
        require_schema(dataset, schema)
        return HELD

    def quote(self, request: DataRequest) -> DataQuote:
        """Count the records of a request and put a made-up price on their bytes.

        Raises NotOfferedError and WindowNotCoveredError.
        """
        _require(request)
        series = request.series
        count = chain_count(request) if series.dataset == OPTIONS else tape_count(request)
        size = count * RECORD_BYTES[series.schema]
        return DataQuote(usd=size / GIB * USD_PER_GIB[series.schema], billable_bytes=size, record_count=count)

    def download(self, request: DataRequest, path: Path) -> None:
        """Write a request's records as DBN in one zstd frame to a new file.

        Raises NotOfferedError and WindowNotCoveredError before anything is written, and what the disk raises.
        """
        _require(request)
        is_chain = request.series.dataset == OPTIONS
        mappings = chain_mappings(request) if is_chain else tape_mappings(request)
        records = chain_records(request) if is_chain else tape_records(request)
        with path.open("xb") as file:
            write_dbn(file, request, mappings, records)

    def resumes(self, request: DataRequest) -> bool:  # noqa: ARG002 - the protocol's word
        """Nothing is ever paid for, so that nothing goes on."""
        return False

    def forget_job(self, request: DataRequest) -> None:
        """Nothing is remembered."""

    def conditions(self, dataset: str, days: DateRange) -> Mapping[date, DayCondition]:
        """Every day held is available, and none was ever rewritten. Raises NotOfferedError."""
        if dataset not in DATASETS:
            raise NotOfferedError(source=SOURCE, what="dataset", asked=dataset, offered=DATASETS)
        within = HELD.overlap(Window.of_days(days))
        if within is None:
            return {}
        start, end = max(days.start, SAMPLE_WINDOW.start), min(days.end, SAMPLE_WINDOW.end)
        held = (start + timedelta(days=after) for after in range((end - start).days + 1))
        return {day: DayCondition(condition="available", last_modified_date=None) for day in held}


def _require(request: DataRequest) -> None:
    require_series(request.series)
    if HELD.overlap(request.window) != request.window:
        raise WindowNotCoveredError(
            source=SOURCE, symbol=request.series.symbol, asked=str(request.window), held=str(SAMPLE_WINDOW)
        )
