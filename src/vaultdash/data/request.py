"""What is asked of history, cut into the partitions that the store keeps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Literal

from vaultdash.market import DAY_NS, Window, midnight_ns, utc_day

if TYPE_CHECKING:
    from collections.abc import Iterator

PartitionUnit = Literal["month", "day"]

DAILY_SCHEMAS = (
    "trades",
    "tbbo",
    "mbp-1",
    "mbp-10",
    "mbo",
    "cmbp-1",
    "tcbbo",
    "bbo-1s",
    "bbo-1m",
    "cbbo-1s",
    "cbbo-1m",
)
"""Schemas kept by UTC day; every other one (bars, definitions, statistics) is kept by UTC month."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One line of history: which source, dataset, schema and symbol, in the vendor's words."""

    source: str
    dataset: str
    schema: str
    symbol: str
    stype_in: str

    @property
    def unit(self) -> PartitionUnit:
        """Whether the store keeps it by UTC month or by UTC day."""
        return "day" if self.schema in DAILY_SCHEMAS else "month"

    def __str__(self) -> str:
        return f"{self.source} {self.dataset} {self.schema} {self.symbol} ({self.stype_in})"


@dataclass(frozen=True, kw_only=True, slots=True)
class DataRequest:
    """A series over a window of time, half-open, UTC nanoseconds."""

    series: Series
    window: Window

    def within(self, window: Window) -> DataRequest:
        """The same series over another window."""
        return replace(self, window=window)

    def __str__(self) -> str:
        return f"{self.series} {self.window}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Partition:
    """What the store keeps as one record: a series over one whole UTC month or day."""

    series: Series
    span: Window

    @property
    def name(self) -> str:
        """`2022-01` for a month, `2022-01-03` for a day."""
        first = utc_day(self.span.start)
        return first.strftime("%Y-%m") if self.series.unit == "month" else first.isoformat()


def partitions_of(request: DataRequest) -> Iterator[Partition]:
    """Cut a request into the whole partitions that cover it, in time order."""
    start = _partition_start(utc_day(request.window.start), request.series.unit)
    while (begin := midnight_ns(start)) < request.window.end:
        following = _next_start(start, request.series.unit)
        yield Partition(series=request.series, span=Window(start=begin, end=midnight_ns(following)))
        start = following


def _partition_start(day: date, unit: PartitionUnit) -> date:
    return day.replace(day=1) if unit == "month" else day


def _next_start(start: date, unit: PartitionUnit) -> date:
    if unit == "day":
        return utc_day(midnight_ns(start) + DAY_NS)
    return date(start.year + start.month // 12, start.month % 12 + 1, 1)
