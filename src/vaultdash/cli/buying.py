"""Asking before money is spent or history removed, and telling what goes on meanwhile."""

from __future__ import annotations

import sys
from math import fsum, inf
from typing import TYPE_CHECKING, Protocol

import typer

from vaultdash.cli.data_tables import quote_lines
from vaultdash.errors import UnknownPriceError, UnreadableValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultdash.data.history import History
    from vaultdash.data.purchase import Receipt, RequestQuote
    from vaultdash.data.store.removal import Removal


class Remove(Protocol):
    """Removes history, or shows what it would remove."""

    def __call__(self, *, preview: bool) -> Removal:
        """Do it, or only say what it would be."""
        ...


def agreed(quotes: Sequence[RequestQuote], *, yes: bool, word: str = "missing") -> bool:
    """Show the price of what is missing and ask whether to buy it. True where nothing is missing or it was agreed to.

    Where nobody can be asked, only `yes` agrees. Raises UnknownPriceError, since what has no price is not bought.
    """
    missing = [quote for quote in quotes if not quote.is_held]
    for quote in missing:
        for line in quote_lines(quote, word=word):
            sys.stderr.write(f"{line}\n")
    unknown = next((quote for quote in missing if quote.usd is None), None)
    if unknown is not None:
        raise UnknownPriceError(what=str(unknown.request), reason=unknown.unknown_because)
    if not missing or yes:
        return True
    return _asked(f"Buy it for {fsum(quote.usd or 0.0 for quote in missing):,.4f} USD?")


def buy(
    history: History, quotes: Sequence[RequestQuote], *, allow_usd: float | None, quiet: bool, replacing: bool = False
) -> list[Receipt]:
    """Fetch what is missing of each, one after the other, for no more than was shown.

    Raises UnreadableValueError for an allowance that is no amount, SpendLimitError where all of it together costs more
    than was allowed, and what `History.fetch` raises.
    """
    if allow_usd is not None and not 0 <= allow_usd < inf:
        raise UnreadableValueError(what="--allow-usd", text=str(allow_usd), expected="an amount in USD, such as 2.50")
    missing = [quote for quote in quotes if not quote.is_held]
    history.refuse_over_limits(missing, allow_usd=allow_usd)

    def tell(sentence: str) -> None:
        if not quiet:
            sys.stderr.write(f"{sentence}\n")

    fetch = history.fetch_revised if replacing else history.fetch
    return [fetch(quote.request, allow_usd=allow_usd, shown_usd=quote.usd, on_step=tell) for quote in missing]


def confirmed_removal(remove: Remove, *, yes: bool) -> bool:
    """Show what would be removed, ask, and remove it. False where it was not agreed to."""
    shown = remove(preview=True)
    count = len(shown.records) + len(shown.others)
    if not count:
        sys.stderr.write("There is nothing to remove.\n")
        return True
    what = f"{count:,} files, {shown.size:,} bytes"
    sys.stderr.write(f"To be removed: {what}.\n")
    if not (yes or _asked("Remove them?")):
        return False
    remove(preview=False)
    sys.stderr.write(f"Removed {what}.\n")
    return True


def _asked(question: str) -> bool:
    if not sys.stdin.isatty():
        sys.stderr.write(f"{question} Nobody can be asked here; say --yes to do it.\n")
        return False
    return typer.confirm(question, err=True)
