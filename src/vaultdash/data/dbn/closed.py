"""The record of a window in which the exchange was closed: DBN with its metadata and no rows.

A vendor that refuses to name a price for such a window sends no bytes for it either; without a record it would be asked
again and again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import databento_dbn as dbn
import zstandard

from vaultdash.errors import StoreNotWrittenError

if TYPE_CHECKING:
    from pathlib import Path

    from vaultdash.data.request import DataRequest

ZSTD_LEVEL = 3


def write_empty(path: Path, request: DataRequest) -> None:
    """Write a DBN file without records for the request to the new file `path`. Raises StoreNotWrittenError."""
    series = request.series
    metadata = dbn.Metadata(
        dataset=series.dataset,
        start=request.window.start,
        end=request.window.end,
        stype_in=dbn.SType(series.stype_in),
        stype_out=dbn.SType("instrument_id"),
        schema=dbn.Schema(series.schema),
        symbols=[series.symbol],
        mappings=[],
        partial=[],
        not_found=[],
        limit=None,
    )
    try:
        with path.open("xb") as file:
            file.write(zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compress(bytes(metadata)))
    except OSError as error:
        raise StoreNotWrittenError(path=path, reason=error.strerror or "the disk refuses it") from None
