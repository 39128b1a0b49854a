"""Keeps the key out of every sentence and every log record."""

from __future__ import annotations

import logging
import re
from base64 import b64encode
from traceback import format_exception

MASK = "[key]"
KEY_SHAPE = re.compile(r"db-[A-Za-z0-9]{29}")
BASIC_SHAPE = re.compile(r"Basic [A-Za-z0-9+/=]+")
SHORTEST_SECRET = 6  # an exact match of a shorter one would tear ordinary words
VENDOR_LOGGERS = ("databento", "urllib3", "requests")


class Redaction:
    """Replaces a key wherever it stands in a text: plain, as base64, or anything that is shaped like one."""

    def __init__(self, key: str = "") -> None:
        encoded = (b64encode(text.encode()).decode().rstrip("=") for text in (f"{key}:", key))
        self._secrets = tuple(secret for secret in (key, *encoded) if len(key) >= SHORTEST_SECRET)

    def __repr__(self) -> str:
        return "Redaction()"

    def clean(self, text: str) -> str:
        """Return the text without the key."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return BASIC_SHAPE.sub(f"Basic {MASK}", KEY_SHAPE.sub(MASK, text))


class KeyFilter(logging.Filter):
    """A logging filter that cleans a record's message and traceback; it lets every record pass."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__()
        self._redaction = redaction

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record in place."""
        record.msg = self._redaction.clean(record.getMessage())
        record.args = None
        if record.exc_info and record.exc_info[1]:
            record.exc_text = self._redaction.clean("".join(format_exception(record.exc_info[1])).rstrip())
            # A handler of its own mind would otherwise format the exception, request headers and all, once more.
            record.exc_info = None
        return True


def guard_logs(redaction: Redaction) -> None:
    """Put a filter on every logger that the vendor's client and its HTTP library have made so far.

    A filter of a parent logger is not asked about its children's records, so that each gets its own.
    """
    key_filter = KeyFilter(redaction)
    for name in tuple(logging.root.manager.loggerDict):
        if name.partition(".")[0] in VENDOR_LOGGERS:
            logger = logging.getLogger(name)
            for older in [one for one in logger.filters if isinstance(one, KeyFilter)]:
                logger.removeFilter(older)
            logger.addFilter(key_filter)
