"""The gate a download passes before the store keeps it: whole, undamaged, and what was asked for."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from vaultdash.data.dbn.examined import Examined, Tally
from vaultdash.data.dbn.reading import CHUNK_RECORDS, DbnReader
from vaultdash.data.dbn.splitting import split
from vaultdash.data.wording import counted
from vaultdash.errors import AdmissionError, DbnUnreadableError
from vaultdash.market import iso_utc

if TYPE_CHECKING:
    from pathlib import Path

    from databento_dbn import Metadata

    from vaultdash.data.request import DataRequest

__all__ = ["Examined", "examine", "split"]

EVERY_SYMBOL = "ALL_SYMBOLS"


def examine(path: Path, *, request: DataRequest, expected_rows: int | None) -> Examined:
    """Read a downloaded `.dbn.zst` from end to end and return what it holds; memory is bounded.

    `expected_rows` is the vendor's own count of records for the request, None where it could not be learned; without
    it a body cut between two records by the vendor's side cannot be told.
    Raises AdmissionError whose `fault` is: absent, unreadable, not_dbn, not_compressed, version, cut, damaged,
    trailing, metadata, mixed, misaligned, other_dataset, other_schema, other_stype, other_symbol, outside or rows.
    """
    digest, tally = sha256(), Tally()
    try:
        with DbnReader(path, seen=digest.update) as reader:
            if not reader.plain.is_compressed:
                raise AdmissionError(path=path, fault="not_compressed", reason="it is DBN, but not zstd-compressed")
            _require_what_was_asked(path, reader.metadata, request)
            for chunk in reader.chunks(CHUNK_RECORDS):
                tally.add(chunk)
    except DbnUnreadableError as error:
        raise AdmissionError(path=path, fault=error.fault, reason=error.reason) from None
    _require_inside(path, tally, request)
    if expected_rows is not None and tally.rows != expected_rows:
        reason = f"it holds {counted(tally.rows, 'record')} where the vendor counts {expected_rows:,}"
        raise AdmissionError(path=path, fault="rows", reason=reason)
    return tally.examined(path, digest=digest.hexdigest(), has_checksum=reader.plain.has_checksums)


def _require_what_was_asked(path: Path, metadata: Metadata, request: DataRequest) -> None:
    series = request.series
    for fault, what, asked, found in (
        ("other_dataset", "dataset", series.dataset, metadata.dataset),
        ("other_schema", "schema", series.schema, str(metadata.schema)),
        ("other_stype", "symbol type", series.stype_in, str(metadata.stype_in)),
    ):
        if asked != found:
            raise AdmissionError(path=path, fault=fault, reason=f"its {what} is {found}, not the {asked} asked for")
    # The client writes raw symbols in capitals; a file of every symbol need not list them.
    symbols = {symbol.upper() for symbol in metadata.symbols}
    if series.symbol != EVERY_SYMBOL and symbols and series.symbol.upper() not in symbols:
        found = ", ".join(metadata.symbols[:3])
        reason = f"its symbol is {found}, not the {series.symbol} asked for"
        raise AdmissionError(path=path, fault="other_symbol", reason=reason)


def _require_inside(path: Path, tally: Tally, request: DataRequest) -> None:
    if tally.first is None or tally.last is None:
        return
    window = request.window
    if not (tally.first in window and tally.last in window):
        held = f"{_moment(tally.first)}..{_moment(tally.last)}"
        reason = f"its records reach over {held}, outside the window asked for ({window})"
        raise AdmissionError(path=path, fault="outside", reason=reason)


def _moment(moment: int) -> str:
    """A timestamp of a record as text, however far off it is."""
    try:
        return iso_utc(moment)
    except OverflowError:
        return f"{moment} ns"
