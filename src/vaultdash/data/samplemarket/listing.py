"""What the sample market offers: its datasets, schemas and symbols in Databento's words, and its made-up prices.

Every dataset's name begins with SAMPLE, so that nobody takes it for one of Databento's.

- SAMPLE.SHARES (for EQUS.SUMMARY, ARCX.PILLAR): GLD (raw_symbol); ohlcv-1d, ohlcv-1h, ohlcv-1m, definition
- SAMPLE.FUTURES (for GLBX.MDP3): ES.v.0 and GC.v.0 (continuous), ES.FUT and GC.FUT (parent), a contract such as ESH4 or
  GCJ4 (raw_symbol); ohlcv-1d, ohlcv-1h, ohlcv-1m, trades, definition
- SAMPLE.OPTIONS (for OPRA.PILLAR): GLD.OPT (parent); definition, cbbo-1m, statistics
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaultdash.data.samplemarket.contracts import contracts_of
from vaultdash.errors import NotOfferedError

if TYPE_CHECKING:
    from vaultdash.data.catalog import Instrument
    from vaultdash.data.request import Series

SOURCE = "sample"
SHARES, FUTURES, OPTIONS = "SAMPLE.SHARES", "SAMPLE.FUTURES", "SAMPLE.OPTIONS"
BAR_SCHEMAS = ("ohlcv-1d", "ohlcv-1h", "ohlcv-1m")
FUTURE_ROOTS = ("ES", "GC")

USD_PER_GIB = {
    "ohlcv-1d": 100.0,
    "ohlcv-1h": 80.0,
    "ohlcv-1m": 40.0,
    "trades": 20.0,
    "definition": 4.0,
    "cbbo-1m": 2.0,
    "statistics": 1.0,
}
"""Made-up prices of 2**30 bytes of uncompressed records, so that the way from quote to receipt can be seen."""

RECORD_BYTES = {
    "ohlcv-1d": 56,
    "ohlcv-1h": 56,
    "ohlcv-1m": 56,
    "trades": 48,
    "definition": 520,
    "cbbo-1m": 80,
    "statistics": 80,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleDataset:
    """A dataset of the sample: its schemas, and its symbols with the stype_in each is asked by."""

    schemas: tuple[str, ...]
    symbols: dict[str, str]
    has_contracts: bool = False


DATASETS = {
    SHARES: SampleDataset(schemas=(*BAR_SCHEMAS, "definition"), symbols={"GLD": "raw_symbol"}),
    FUTURES: SampleDataset(
        schemas=(*BAR_SCHEMAS, "trades", "definition"),
        symbols={"ES.v.0": "continuous", "GC.v.0": "continuous", "ES.FUT": "parent", "GC.FUT": "parent"},
        has_contracts=True,
    ),
    OPTIONS: SampleDataset(schemas=("definition", "cbbo-1m", "statistics"), symbols={"GLD.OPT": "parent"}),
}


def sample_dataset(instrument: Instrument) -> str | None:
    """The sample's dataset for an instrument of the catalog, asked for by the instrument's own symbol and stype."""
    for name, dataset in DATASETS.items():
        if dataset.symbols.get(instrument.symbol) == instrument.stype:
            return name
    return None


def require_schema(dataset: str, schema: str) -> SampleDataset:
    """Return a dataset of the sample. Raises NotOfferedError where there is none, or it has no such schema."""
    if dataset not in DATASETS:
        raise NotOfferedError(source=SOURCE, what="dataset", asked=dataset, offered=DATASETS)
    found = DATASETS[dataset]
    if schema not in found.schemas:
        raise NotOfferedError(source=SOURCE, what=f"schema of {dataset}", asked=schema, offered=found.schemas)
    return found


def require_series(series: Series) -> None:
    """Raise NotOfferedError where the sample has no such series."""
    dataset = require_schema(series.dataset, series.schema)
    is_symbol = dataset.symbols.get(series.symbol) == series.stype_in
    is_contract = dataset.has_contracts and series.stype_in == "raw_symbol" and series.symbol in _contract_symbols()
    if is_symbol or is_contract:
        return
    offered = [f"{symbol} ({stype})" for symbol, stype in dataset.symbols.items()]
    if dataset.has_contracts:
        offered.append("a contract such as ESH4 (raw_symbol)")
    asked = f"{series.symbol} ({series.stype_in})"
    raise NotOfferedError(source=SOURCE, what=f"symbol in {series.dataset}", asked=asked, offered=offered)


def _contract_symbols() -> set[str]:
    return {contract.raw_symbol for root in FUTURE_ROOTS for contract in contracts_of(root)}
