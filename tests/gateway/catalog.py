"""What the gateway offers: datasets, schemas, coverage, publishers and unit prices, as declarations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import databento_dbn as dbn
import numpy as np

from tests.gateway.sessions import Calendar

BARS: Final = ("ohlcv-1m", "ohlcv-1h", "ohlcv-1d")
BAR_MINUTES: Final = {"ohlcv-1m": 1, "ohlcv-1h": 60, "ohlcv-1d": 1440}
AVAILABLE_END: Final = "2026-11-01"

DTYPES: Final[dict[str, np.dtype[np.void]]] = {
    **{schema: np.dtype(dbn.OHLCVMsg._dtypes) for schema in BARS},
    "trades": np.dtype(dbn.TradeMsg._dtypes),
    "definition": np.dtype(dbn.InstrumentDefMsg._dtypes),
    "statistics": np.dtype(dbn.StatMsg._dtypes),
    "cbbo-1m": np.dtype(dbn.CBBOMsg._dtypes),
}
RTYPES: Final = {
    "ohlcv-1m": 33, "ohlcv-1h": 34, "ohlcv-1d": 35, "trades": 0, "definition": 19, "statistics": 24,
    "cbbo-1m": 193,
}  # fmt: skip


def time_field(schema: str) -> str:
    """Name the field that windows filter on: ts_recv where the schema has it."""
    return "ts_event" if schema in BARS else "ts_recv"


def empty(schema: str, rows: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Make `rows` zeroed records with their length and type set."""
    records = np.zeros(rows, dtype=DTYPES[schema])
    records["length"] = DTYPES[schema].itemsize // 4  # the header counts 32-bit words
    records["rtype"] = RTYPES[schema]
    return records


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """One venue's feed within a dataset, and the share of the dataset's trades that it prints."""

    number: int
    venue: str
    description: str
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One dataset: since when, which schemas, who publishes, what the sides of its trades tell."""

    name: str
    since: str
    schemas: tuple[str, ...]
    publishers: tuple[Publisher, ...]
    calendar: Calendar
    unsided: float  # share of trades whose aggressor is not given
    usd_per_gib: dict[str, float]

    @property
    def consolidated(self) -> Publisher:
        """The publisher of what belongs to no venue: the one that prints no trades, or the only one."""
        return next((p for p in self.publishers if not p.share), self.publishers[0])


# Whole eighths of a dollar: bytes at such a price are exact in a float, and so is any sum of quotes.
_SHARES_USD: Final = {
    "ohlcv-1m": 64.0, "ohlcv-1h": 130.0, "ohlcv-1d": 175.0, "trades": 24.5, "definition": 1.75,
    "statistics": 0.75,
    "cbbo-1m": 2.0,
}  # fmt: skip
_FUTURES_USD: Final = {**_SHARES_USD, "ohlcv-1m": 70.0}
_OPTIONS_USD: Final = {"ohlcv-1d": 600.0, "definition": 5.0, "statistics": 8.0, "cbbo-1m": 2.0}

DATASETS: Final[dict[str, Dataset]] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            name="ARCX.PILLAR", since="2018-05-01", schemas=(*BARS, "trades", "definition", "statistics"),
            publishers=(Publisher(number=43, venue="ARCX", description="NYSE Arca Integrated", share=0.3),),
            calendar="shares", unsided=0.1, usd_per_gib=_SHARES_USD,
        ),
        Dataset(
            name="EQUS.MINI", since="2023-03-28", schemas=(*BARS, "trades", "definition"),
            publishers=(Publisher(number=95, venue="EQUS", description="Databento US Equities Mini",
            share=0.4),),
            calendar="shares", unsided=0.0, usd_per_gib=_SHARES_USD,
        ),
        Dataset(
            name="EQUS.SUMMARY", since="2024-07-01", schemas=("ohlcv-1d", "definition", "statistics"),
            publishers=(Publisher(number=90, venue="EQUS", description="Databento Equities Summary"),),
            calendar="shares", unsided=1.0, usd_per_gib=_SHARES_USD,
        ),
        Dataset(
            name="GLBX.MDP3", since="2010-06-06", schemas=(*BARS, "trades", "definition", "statistics"),
            publishers=(Publisher(number=1, venue="GLBX", description="CME Globex MDP 3.0"),),
            calendar="futures", unsided=0.02, usd_per_gib=_FUTURES_USD,
        ),
        Dataset(
            name="OPRA.PILLAR", since="2013-04-01", schemas=("ohlcv-1d", "definition", "statistics",
            "cbbo-1m"),
            publishers=(
                Publisher(number=20, venue="AMXO", description="OPRA - NYSE American Options", share=0.2),
                Publisher(number=22, venue="XCBO", description="OPRA - Cboe Options", share=0.4),
                Publisher(number=26, venue="XISX", description="OPRA - Nasdaq ISE", share=0.3),
                Publisher(number=31, venue="MPRL", description="OPRA - MIAX Pearl", share=0.1),
                Publisher(number=30, venue="OPRA", description="OPRA - Options Price Reporting Authority",
                          share=0.0),
            ),
            calendar="options", unsided=1.0, usd_per_gib=_OPTIONS_USD,
        ),
        Dataset(
            name="XNAS.BASIC", since="2024-07-01", schemas=(*BARS, "trades", "definition", "cbbo-1m"),
            publishers=(
                Publisher(number=81, venue="XNAS", description="Nasdaq Basic - Nasdaq", share=0.2),
                Publisher(number=82, venue="FINN", description="Nasdaq Basic - FINRA/Nasdaq TRF Carteret",
                          share=0.3),
                Publisher(number=83, venue="FINC", description="Nasdaq Basic - FINRA/Nasdaq TRF Chicago",
                          share=0.05),
                Publisher(number=88, venue="XBOS", description="Nasdaq Basic - Nasdaq Texas", share=0.02),
                Publisher(number=89, venue="XPSX", description="Nasdaq Basic - Nasdaq PSX", share=0.02),
                Publisher(number=93, venue="EQUS", description="Nasdaq Basic - Consolidated", share=0.0),
            ),
            calendar="shares", unsided=1.0, usd_per_gib=_SHARES_USD,
        ),
        Dataset(
            name="XNAS.ITCH", since="2018-05-01", schemas=(*BARS, "trades", "definition", "statistics"),
            publishers=(Publisher(number=2, venue="XNAS", description="Nasdaq TotalView-ITCH", share=0.2),),
            calendar="shares", unsided=0.1, usd_per_gib=_SHARES_USD,
        ),
    )
}  # fmt: skip
