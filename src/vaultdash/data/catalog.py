"""The instruments we know by name: how each source spells them, where they trade and what a tick is worth.

The catalog is for comfort, not a fence: `instrument_for` answers for any symbol.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

from vaultdash.errors import UnreadableValueError

SHARE_DATASETS = ("EQUS.SUMMARY", "ARCX.PILLAR", "XNAS.ITCH", "XNAS.BASIC")
FUTURE_DATASETS = ("GLBX.MDP3",)
OPTION_DATASETS = ("OPRA.PILLAR",)

GLD_INCEPTION = date(2004, 11, 18)
GLD_FIRST_OUNCES = 0.1
GLD_YEARLY_FEE = 0.004
DAYS_PER_YEAR = 365.25

LONGEST_SYMBOL = 40

# Databento's continuous futures: root, roll rule (c calendar, n open interest, v volume), rank.
CONTINUOUS = re.compile(r"([A-Z0-9]+)\.([CNV])\.([0-9])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Instrument:
    """What can be traded or charted under one name.

    `datasets` are Databento's, in the order to try them: the first that covers the window for the schema is used.
    `symbol` and `stype` are what Databento is asked for; `yahoo_symbol` is None where Yahoo is not asked. `tick_size`
    is in USD of the quoted price and `multiplier` turns that price into USD a contract. `option_root` is the OPRA root
    of its listed options. `proxy_of` names the instrument whose history stands in for a price nobody publishes here.
    `is_listed` tells a catalog entry from one made up for a symbol the catalog does not hold.
    """

    name: str
    description: str
    symbol: str
    calendar: str
    tick_size: float
    aliases: tuple[str, ...] = ()
    datasets: tuple[str, ...] = SHARE_DATASETS
    stype: str = "raw_symbol"
    yahoo_symbol: str | None = None
    multiplier: float = 1.0
    currency: str = "USD"
    is_future: bool = False
    option_root: str | None = None
    proxy_of: str | None = None
    is_listed: bool = True


def _fund(name: str, description: str) -> Instrument:
    return Instrument(
        name=name,
        description=description,
        symbol=name,
        calendar="XNYS",
        tick_size=0.01,
        yahoo_symbol=name,
        option_root=name,
    )


def _future(
    name: str, description: str, *, tick_size: float, multiplier: float, on_yahoo: bool, aliases: tuple[str, ...] = ()
) -> Instrument:
    on_yahoo_as = f"{name}=F"
    return Instrument(
        name=name,
        description=description,
        aliases=(on_yahoo_as, f"{name}.FUT", *aliases),
        datasets=FUTURE_DATASETS,
        symbol=f"{name}.v.0",
        stype="continuous",
        yahoo_symbol=on_yahoo_as if on_yahoo else None,
        calendar="CMES",
        tick_size=tick_size,
        multiplier=multiplier,
        is_future=True,
    )


CATALOG = (
    _fund("GLD", "SPDR Gold Shares, a fund that holds gold"),
    _fund("GLDM", "SPDR Gold MiniShares, a fund that holds gold"),
    _fund("IAU", "iShares Gold Trust, a fund that holds gold"),
    _future("GC", "COMEX gold futures", tick_size=0.10, multiplier=100, on_yahoo=True, aliases=("GOLD",)),
    Instrument(
        name="XAU",
        aliases=("XAUUSD",),
        description="an ounce of gold: a proxy, GLD over the ounces a share stands for",
        symbol="GLD",
        yahoo_symbol="GLD",
        calendar="XNYS",
        tick_size=0.01,
        proxy_of="GLD",
    ),
    _future("ES", "E-mini S&P 500 futures", tick_size=0.25, multiplier=50, on_yahoo=True),
    _future("NQ", "E-mini Nasdaq-100 futures", tick_size=0.25, multiplier=20, on_yahoo=True),
    _future("YM", "E-mini Dow futures", tick_size=1.0, multiplier=5, on_yahoo=True),
    _future("RTY", "E-mini Russell 2000 futures", tick_size=0.10, multiplier=50, on_yahoo=True),
    _future("CL", "WTI crude oil futures", tick_size=0.01, multiplier=1_000, on_yahoo=False),
    _future("6E", "euro futures", tick_size=0.00005, multiplier=125_000, on_yahoo=False),
    _future("ZN", "10-year US Treasury note futures", tick_size=1 / 64, multiplier=1_000, on_yahoo=False),
    Instrument(
        name="GLD options",
        aliases=("GLD.OPT",),
        description="listed options on GLD, every strike and expiry",
        datasets=OPTION_DATASETS,
        symbol="GLD.OPT",
        stype="parent",
        calendar="XNYS",
        tick_size=0.01,
        multiplier=100,
        option_root="GLD",
    ),
)

_BY_NAME = {word.upper(): item for item in CATALOG for word in (item.name, *item.aliases)}


def find_instrument(symbol: str) -> Instrument | None:
    """Return the catalog's entry for a name, an alias or a continuous future (`GC.v.0`), in any case, or None.

    Another roll rule or rank than the catalog's own (`ES.c.1`) gives the same future under that name and symbol,
    without a Yahoo symbol: Yahoo has the front month alone.
    """
    word = symbol.strip().upper()
    if found := _BY_NAME.get(word):
        return found
    continuous = CONTINUOUS.fullmatch(word)
    future = _BY_NAME.get(continuous[1]) if continuous else None
    if not (continuous and future and future.is_future):
        return None
    spelled = f"{future.name}.{continuous[2].lower()}.{continuous[3]}"
    if spelled == future.symbol:
        return future
    return replace(future, name=spelled, aliases=(), symbol=spelled, yahoo_symbol=None)


def instrument_for(symbol: str) -> Instrument:
    """Return the catalog's entry for `symbol`, or a plain one that trades like a share on XNYS.

    Raises UnreadableValueError for a symbol that is empty, longer than 40 characters or not printable ASCII.
    """
    word = symbol.strip()
    if not (0 < len(word) <= LONGEST_SYMBOL and word.isascii() and word.isprintable()):
        raise UnreadableValueError(
            what="The symbol",
            text=symbol[: LONGEST_SYMBOL + 1],
            expected=f"a symbol of 1 to {LONGEST_SYMBOL} letters, digits and signs, such as GLD",
        )
    return find_instrument(word) or Instrument(
        name=word, description="not in the catalog", symbol=word, calendar="XNYS", tick_size=0.01, is_listed=False
    )


def gold_ounces_per_share(day: date) -> float:
    """Ounces of gold a share of GLD stands for on `day`: a tenth on the first day, less 0.4 % a year since."""
    years = (day - GLD_INCEPTION).days / DAYS_PER_YEAR
    return float(GLD_FIRST_OUNCES * (1.0 - GLD_YEARLY_FEE) ** years)
