"""Trades gathered into columns, a row group at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vaultdash.data.dbn.tape_format import TAPE_DTYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from vaultdash.data.dbn.reading import Records

    Columns = dict[str, NDArray[Any]]


class RowGroups:
    """Columns that fill up to a row group; there are two sets, so that one can be written while the other fills."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._sets = [{name: np.empty(rows, dtype) for name, dtype in TAPE_DTYPES.items()} for _ in range(2)]
        self._filled = 0

    def add(self, rows: Records) -> Iterator[Columns]:
        """Take trades in; yield each row group that they complete."""
        start = 0
        while start < len(rows):
            count = min(len(rows) - start, self._rows - self._filled)
            place = slice(self._filled, self._filled + count)
            for name, column in self._sets[0].items():
                # A side is a letter; its code is its byte.
                values = rows[name].view(np.int8) if name == "side" else rows[name]
                column[place] = values[start : start + count]
            self._filled += count
            start += count
            if self._filled == self._rows:
                yield self.take()

    def take(self) -> Columns:
        """Return the columns as far as they are filled, and go on with the other set."""
        columns = {name: column[: self._filled] for name, column in self._sets[0].items()}
        self._sets.reverse()
        self._filled = 0
        return columns
