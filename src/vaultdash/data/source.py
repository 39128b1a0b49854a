"""What every source of history must do: say what it covers, price it, and hand over the bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vaultdash.data.request import DataRequest
    from vaultdash.market import DateRange, Window


@dataclass(frozen=True, kw_only=True, slots=True)
class DataQuote:
    """What a download would cost. `usd` is None where the price is unknown, which blocks a purchase; 0.0 is a price.

    `billable_bytes` and `record_count` are None where they are unknown. `unknown_because` says why a figure is.
    """

    usd: float | None
    billable_bytes: int | None
    record_count: int | None
    unknown_because: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayCondition:
    """What a vendor says of one UTC day of a dataset: its condition, and when the day was last rewritten."""

    condition: str
    last_modified_date: date | None


class HistorySource(Protocol):
    """A vendor of history, or the sample market that stands in for one.

    Every method raises DataError for what the source cannot do, in a sentence.
    """

    name: str
    is_paid: bool
    client_version: str

    def available(self, dataset: str, schema: str) -> Window:
        """The window of time that can be asked for."""
        ...

    def quote(self, request: DataRequest) -> DataQuote:
        """Price a request without buying it. A failure to learn a price is a quote whose `usd` is None."""
        ...

    def download(self, request: DataRequest, path: Path) -> None:
        """Write the request's bytes (zstd-compressed DBN) to a new file. May leave part of it where it raises."""
        ...

    def resumes(self, request: DataRequest) -> bool:
        """Whether a download of the request would go on from one that was paid for before, and cost nothing more."""
        ...

    def forget_job(self, request: DataRequest) -> None:
        """Let go of what is remembered of a paid download, once its bytes are safe or to buy it anew."""
        ...

    def conditions(self, dataset: str, days: DateRange) -> Mapping[date, DayCondition]:
        """What the source says of each UTC day, where it says anything."""
        ...
