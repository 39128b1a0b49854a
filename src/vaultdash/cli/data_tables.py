"""Quotes, receipts, holdings and spend as lines of text and as JSON documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultdash.errors import OptionsConflictError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vaultdash.data.purchase import PricedGap, Receipt, RequestQuote, SpendLimits
    from vaultdash.data.store.receipts import Spend
    from vaultdash.data.store.spend import SpendLedger
    from vaultdash.data.store.upkeep import Holding
    from vaultdash.data.store.verification import Finding

SPANS_SHOWN = 4


def quote_lines(quote: RequestQuote, *, word: str = "missing") -> list[str]:
    """What is missing of a request, or what `word` says it is, and what it costs, a gap a line."""
    if quote.is_held:
        return [f"{quote.request}: all of it is held, nothing to buy."]
    lines = [f"{quote.request.series}: {word}"]
    lines += [f"  {priced.gap.request.window}: {_price(priced)}" for priced in quote.gaps]
    total = "not known, so that it cannot be bought" if quote.usd is None else f"{quote.usd:,.4f} USD"
    return [*lines, f"  in all: {total}"]


def _price(priced: PricedGap) -> str:
    quote = priced.quote
    if priced.is_closed:
        return "the exchange was closed; nothing to buy"
    if quote.usd is None:
        return f"price not known: {quote.unknown_because}"
    return f"{quote.usd:,.4f} USD, {quote.record_count or 0:,} records, {quote.billable_bytes or 0:,} bytes"


def quote_document(quote: RequestQuote) -> dict[str, Any]:
    """The quote as JSON: null where a figure is unknown."""
    return {
        "request": str(quote.request),
        "held": quote.is_held,
        "usd": quote.usd,
        "billable_bytes": quote.billable_bytes,
        "record_count": quote.record_count,
        "unknown_because": quote.unknown_because or None,
        "gaps": [
            {
                "window": str(priced.gap.request.window),
                "partitions": [partition.name for partition in priced.gap.partitions],
                "closed": priced.is_closed,
                "usd": priced.quote.usd,
                "billable_bytes": priced.quote.billable_bytes,
                "record_count": priced.quote.record_count,
            }
            for priced in quote.gaps
        ],
    }


def receipt_document(receipts: Sequence[Receipt]) -> dict[str, Any]:
    """What was bought, record by record."""
    return {
        "usd": sum(receipt.usd for receipt in receipts),
        "records": [
            {
                "series": str(record.partition.series),
                "partition": record.partition.name,
                "rows": record.manifest.rows,
                "bytes": record.manifest.size,
                "sha256": record.manifest.sha256,
                "quoted_usd": record.manifest.quoted_usd,
            }
            for receipt in receipts
            for record in receipt.bought
        ],
    }


def holding_rows(holdings: Iterable[Holding]) -> tuple[tuple[str, ...], list[list[str]], list[dict[str, Any]]]:
    """Header, rows and documents of what is held, a series each."""
    rows, documents = [], []
    for held in holdings:
        spans = [str(window) for window in held.covered]
        shown = ", ".join(spans[:SPANS_SHOWN]) + (
            f" and {len(spans) - SPANS_SHOWN} more" if len(spans) > SPANS_SHOWN else ""
        )
        rows.append([str(held.series), shown, f"{held.rows:,}", f"{held.size:,}", f"{held.quoted_usd:,.4f}"])
        documents.append(
            {
                "series": str(held.series),
                "covered": spans,
                "records": held.records,
                "rows": held.rows,
                "bytes": held.size,
                "quoted_usd": held.quoted_usd,
                "last_used": None if held.last_used is None else held.last_used.isoformat(),
                "damaged": [str(path) for path in held.damaged],
            }
        )
    return ("Series", "Held", "Rows", "Bytes", "Quoted USD"), rows, documents


def finding_document(finding: Finding) -> dict[str, Any]:
    """What verifying one file found."""
    return {
        "path": str(finding.path),
        "state": finding.state,
        "reason": finding.reason or None,
        "moved_to": None if finding.moved_to is None else str(finding.moved_to),
    }


def close_unsettled(ledger: SpendLedger, *, settle: int | None, release: int | None) -> None:
    """Say of a download of unknown outcome whether it was charged. Raises OptionsConflictError for any other number."""
    for number, close in ((settle, lambda r: ledger.settle(r, size=0, sha256="")), (release, ledger.release)):
        if number is None:
            continue
        entry = next((entry for entry in ledger.unsettled() if entry.number == number), None)
        if entry is None:
            raise OptionsConflictError(
                problem=f"Download {number} is not one of unknown outcome.", remedy="`vaultdash data spend` lists them."
            )
        close(entry.reservation)


def spend_document(ledger: SpendLedger, limits: SpendLimits) -> dict[str, Any]:
    """What was spent this month and before, against the limits, and every download."""
    return {
        "limit_per_request_usd": limits.per_request,
        "limit_per_month_usd": limits.per_month,
        "this_month": _spend(ledger.this_month()),
        "months": {f"{month:%Y-%m}": _spend(spend) for month, spend in ledger.by_month().items()},
        "downloads": [
            {
                "number": entry.number,
                "request": entry.request,
                "usd": entry.usd,
                "state": entry.state,
                "reserved_at": entry.reserved_at.isoformat(),
                "bytes": entry.size,
                "sha256": entry.sha256,
            }
            for entry in ledger.entries()
        ],
    }


def _spend(spend: Spend) -> dict[str, float]:
    return {"settled": spend.settled, "reserved": spend.reserved, "unsettled": spend.unsettled}


def spend_lines(document: dict[str, Any]) -> list[str]:
    """The same as text."""
    month = document["this_month"]
    spent = f"{month['settled']:,.4f} USD bought, {month['reserved']:,.4f} reserved"
    limits = (
        f"limits {document['limit_per_month_usd']:,.2f} a month, {document['limit_per_request_usd']:,.2f} a request"
    )
    lines = [f"This month: {spent}, {month['unsettled']:,.4f} of unknown outcome; {limits}."]
    lines += [f"  {name}: {spend['settled']:,.4f} USD" for name, spend in document["months"].items()]
    for entry in document["downloads"]:
        lines.append(f"{entry['number']}: {entry['state']} {entry['usd']:,.4f} USD, {entry['request']}")
    if month["unsettled"]:
        lines.append("Downloads that broke off may have been charged; --settle NUMBER or --release NUMBER says which.")
    return lines
