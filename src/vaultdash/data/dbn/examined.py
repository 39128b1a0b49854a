"""What a whole DBN file holds, counted while its records pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vaultdash.data.dbn.reading import index_field

if TYPE_CHECKING:
    from pathlib import Path

    from vaultdash.data.dbn.reading import Records


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """What a whole DBN file holds.

    `first` and `last` are the earliest and the latest index timestamp (ts_recv where the schema has it, else ts_event;
    ns UTC), None without rows. `out_of_order` counts records whose timestamp is before that of the record before them.
    `has_checksum` is false where the vendor's compression carried none, so that only its structure was checked.
    """

    rows: int
    size_bytes: int
    sha256: str
    first: int | None
    last: int | None
    out_of_order: int
    has_checksum: bool


class Tally:
    """Rows, earliest, latest and out-of-order records of index timestamps that pass in chunks."""

    def __init__(self) -> None:
        self.rows = self.out_of_order = 0
        self.first: int | None = None
        self.last: int | None = None
        self._before = 0

    def add(self, records: Records) -> None:
        """Count a chunk of records, in the file's order."""
        if not len(records):
            return
        moments = records[index_field(records.dtype)]
        self.rows += len(moments)
        self.out_of_order += int(np.count_nonzero(moments[1:] < moments[:-1])) + (int(moments[0]) < self._before)
        self._before = int(moments[-1])
        first, last = int(moments.min()), int(moments.max())
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)

    def examined(self, path: Path, *, digest: str, has_checksum: bool) -> Examined:
        """What has passed, with the facts of the file it came from."""
        return Examined(
            rows=self.rows,
            size_bytes=path.stat().st_size,
            sha256=digest,
            first=self.first,
            last=self.last,
            out_of_order=self.out_of_order,
            has_checksum=has_checksum,
        )
