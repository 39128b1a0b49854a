"""The sample market's daily closes: synthetic prices of GLD, GC and XAU, the same bytes on every machine."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from vaultdash.data.catalog import find_instrument
from vaultdash.data.samplemarket.path import GLD_WAY_POINTS, SAMPLE_WINDOW, daily_path
from vaultdash.errors import UnknownNameError
from vaultdash.market import DailyCloses

__all__ = ["SAMPLE_LABEL", "SAMPLE_SYMBOLS", "SAMPLE_WINDOW", "WAY_POINTS", "sample_closes"]

SAMPLE_LABEL = "synthetic"
SAMPLE_SYMBOLS = ("GC", "GLD", "XAU")
WAY_POINTS = GLD_WAY_POINTS


@cache
def sample_closes(symbol: str) -> DailyCloses:
    """Return the synthetic daily prices of GLD, GC or XAU (or an alias of theirs), in USD, 2004-11-18..2026-03-31.

    The digest is the sha256 of the series written as lines of `date,open,high,low,close,volume`.
    Raises UnknownNameError for any other symbol.
    """
    instrument = find_instrument(symbol)
    if instrument is None or instrument.name not in SAMPLE_SYMBOLS:
        raise UnknownNameError(kind="sample instrument", name=symbol, known=SAMPLE_SYMBOLS)
    name = instrument.name
    days = daily_path(name)
    lines = "".join(f"{d.date},{d.open!r},{d.high!r},{d.low!r},{d.close!r},{d.volume}\n" for d in days)
    proxy_note = "sample: XAU is a proxy, GLD's close over the ounces of gold a share stands for"
    return DailyCloses(
        symbol=name,
        source="sample",
        close_basis="session" if instrument.is_future else "consolidated",
        is_synthetic=True,
        calendar=instrument.calendar,
        days=days,
        digest=sha256(lines.encode()).hexdigest(),
        notes=(proxy_note,) if instrument.proxy_of else (),
    )
