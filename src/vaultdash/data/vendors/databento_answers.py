"""Checks that Databento's answers to the free calls are what they should be, before anything is built on them."""

from __future__ import annotations

from datetime import date
from math import isfinite
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vaultdash.data.source import DayCondition
from vaultdash.errors import MissingKeyError, UnreadableAnswerError, UnreadableValueError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VENDOR = "Databento"
DEFAULT_HOST = "hist.databento.com"
OWN_DOMAIN = "databento.com"
KEY_VARIABLE = "DATABENTO_API_KEY"
GATEWAY_VARIABLE = "VAULTDASH_DATABENTO_GATEWAY"
PLACEHOLDER = "YOUR_API_KEY"


def usable_key(key: str | None) -> str:
    """Return the key without the space around it. Raises MissingKeyError where there is none that could be sent."""
    word = (key or "").strip()
    if not word:
        raise MissingKeyError(vendor=VENDOR, variable=KEY_VARIABLE, problem="none is set")
    if word == PLACEHOLDER:
        raise MissingKeyError(vendor=VENDOR, variable=KEY_VARIABLE, problem="the one set is a placeholder")
    if not (word.isascii() and word.isprintable()) or " " in word or ":" in word:
        problem = "the one set holds signs that no key has"
        raise MissingKeyError(vendor=VENDOR, variable=KEY_VARIABLE, problem=problem)
    return word


def usable_gateway(text: str) -> str:
    """Return a gateway as the client needs it: https, a host, no slash at the end.

    The client turns http into https and a bare `name:port` into nonsense without a word; here it is a sentence.
    Raises UnreadableValueError.
    """
    word = text.strip()
    parts = urlsplit(word if "://" in word else f"https://{word}")
    try:
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        port_is_fine = False
    has_only_a_place = not (parts.username or parts.password or parts.query or parts.fragment)
    if not (parts.scheme == "https" and parts.hostname and port_is_fine and has_only_a_place):
        shown = f"{parts.scheme}://{parts.hostname or ''}"
        raise UnreadableValueError(what=GATEWAY_VARIABLE, text=shown, expected="an address such as https://host:8443")
    return f"https://{parts.netloc}{parts.path.rstrip('/')}"


def may_have_the_key(url: str, gateway: str | None) -> bool:
    """Whether an address is the gateway's own, or the vendor's where no gateway is set: only those get the key."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return False
    if gateway:
        return parts.netloc == urlsplit(gateway).netloc
    host = parts.hostname or ""
    return host == OWN_DOMAIN or host.endswith(f".{OWN_DOMAIN}")


def read_usd(answer: object, *, what: str) -> float:
    """Read a price in USD; 0.0 is one. Raises UnreadableAnswerError."""
    if isinstance(answer, (int, float)) and not isinstance(answer, bool) and isfinite(answer) and answer >= 0:
        return float(answer)
    raise UnreadableAnswerError(vendor=VENDOR, what=what, reason="it is no price")


def read_count(answer: object, *, what: str) -> int:
    """Read a count of records or bytes. Raises UnreadableAnswerError."""
    if isinstance(answer, int) and not isinstance(answer, bool) and answer >= 0:
        return answer
    raise UnreadableAnswerError(vendor=VENDOR, what=what, reason="it is no count")


def read_conditions(answer: object, *, what: str) -> Mapping[date, DayCondition]:
    """Read get_dataset_condition's answer by day. Raises UnreadableAnswerError."""
    try:
        return {date.fromisoformat(str(one["date"])): _condition(one) for one in read_tables(answer, what=what)}
    except (KeyError, TypeError, ValueError):
        raise UnreadableAnswerError(vendor=VENDOR, what=what, reason="it is no list of days") from None


def _condition(one: Mapping[str, object]) -> DayCondition:
    modified = one.get("last_modified_date")
    return DayCondition(
        condition=str(one["condition"]), last_modified_date=date.fromisoformat(str(modified)) if modified else None
    )


def read_table(answer: object, *, what: str) -> Mapping[str, object]:
    """Read an answer of named fields. Raises UnreadableAnswerError."""
    if isinstance(answer, dict):
        return answer
    raise UnreadableAnswerError(vendor=VENDOR, what=what, reason="it has no fields")


def read_tables(answer: object, *, what: str) -> Sequence[Mapping[str, object]]:
    """Read a list of answers of named fields. Raises UnreadableAnswerError."""
    if isinstance(answer, list) and all(isinstance(one, dict) for one in answer):
        return answer
    raise UnreadableAnswerError(vendor=VENDOR, what=what, reason="it is no list of fields")
