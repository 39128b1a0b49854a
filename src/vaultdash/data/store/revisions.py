"""Which records the vendor has rewritten since they were bought."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from vaultdash.data.request import DataRequest
from vaultdash.data.store.manifest import Record
from vaultdash.market import DAY_NS, utc_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vaultdash.data.source import DayCondition


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """A record that the vendor has rewritten since, and the UTC days of it that moved."""

    record: Record
    days: tuple[date, ...]

    @property
    def request(self) -> DataRequest:
        """What to buy again, to be admitted in the record's place."""
        return DataRequest(series=self.record.partition.series, window=self.record.manifest.covered)


def find_revisions(records: Iterable[Record], conditions: Mapping[date, DayCondition]) -> Iterator[Revision]:
    """Compare what the vendor says of each day now with what it said at purchase.

    A day of which it said nothing then has moved if it was rewritten on a later day than the purchase.
    """
    for record in records:
        days = tuple(day for day in _days_of(record) if _has_moved(record, day, conditions.get(day)))
        if days:
            yield Revision(record=record, days=days)


def _days_of(record: Record) -> Iterator[date]:
    covered = record.manifest.covered
    for number in range(covered.start // DAY_NS, -(-covered.end // DAY_NS)):
        yield utc_day(number * DAY_NS)


def _has_moved(record: Record, day: date, condition: DayCondition | None) -> bool:
    if condition is None or condition.last_modified_date is None:
        return False
    known = record.manifest.last_modified.get(day)
    if known is None:
        return condition.last_modified_date > record.manifest.downloaded_at.date()
    return condition.last_modified_date != known
