"""Which put hedge would have kept a gold loan from a margin call; what following order flow paid."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaultdash.errors import VaultdashError
    from vaultdash.hedge.portfolio import Portfolio
    from vaultdash.hedge.pricing import FixedRate, FixedVolatility, ModelPricing, TradingCosts, TrailingVolatility
    from vaultdash.hedge.template import HedgeTemplate, Leg, RollPolicy, StrikeRule
    from vaultdash.market import DateRange
    from vaultdash.workbench import HedgeQuestion, Workbench

__all__ = [
    "DateRange",
    "FixedRate",
    "FixedVolatility",
    "HedgeQuestion",
    "HedgeTemplate",
    "Leg",
    "ModelPricing",
    "Portfolio",
    "RollPolicy",
    "StrikeRule",
    "TradingCosts",
    "TrailingVolatility",
    "VaultdashError",
    "Workbench",
]

_HOMES = {
    "vaultdash.errors": ("VaultdashError",),
    "vaultdash.hedge.portfolio": ("Portfolio",),
    "vaultdash.hedge.pricing": ("FixedRate", "FixedVolatility", "ModelPricing", "TradingCosts", "TrailingVolatility"),
    "vaultdash.hedge.template": ("HedgeTemplate", "Leg", "RollPolicy", "StrikeRule"),
    "vaultdash.market": ("DateRange",),
    "vaultdash.workbench": ("HedgeQuestion", "Workbench"),
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for, so that `vaultdash --help` loads none."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    message = f"module 'vaultdash' has no attribute {name!r}"
    raise AttributeError(message)
