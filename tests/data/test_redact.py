from __future__ import annotations

import io
import logging
from base64 import b64encode
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultdash.data.vendors.redact import KeyFilter, Redaction, guard_logs

KEY = "db-" + "Secret".ljust(29, "9")
BASIC = b64encode(f"{KEY}:".encode()).decode()


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a handler of the root logger writes, whatever the logger."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logging.root.addHandler(handler)
    yield text
    logging.root.removeHandler(handler)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"key {KEY}.", "key [key]."),
        (f"db-{'a1B' * 9}zz twice db-{'a1B' * 9}zz", "[key] twice [key]"),
        (f"Authorization: Basic {BASIC}", "Authorization: Basic [key]"),
        ("Basic YWJj", "Basic [key]"),
        (f"<{BASIC}>", "<[key]==>" if BASIC.endswith("==") else f"<[key]{'=' * BASIC.count('=')}>"),
        (f"<{b64encode(KEY.encode()).decode().rstrip('=')}>", "<[key]>"),
        ("db-short and XNAS.BASIC and Basics", "db-short and XNAS.BASIC and Basics"),
        ("", ""),
    ],
)
def test_the_key_and_what_is_shaped_like_one_are_masked(text: str, clean: str) -> None:
    assert Redaction(KEY).clean(text) == clean


@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_neighbour_saves_the_key(before: str, after: str) -> None:
    redaction = Redaction("a-key-of-another-shape")
    assert "a-key-of-another-shape" not in redaction.clean(f"{before}a-key-of-another-shape{after}")


def test_a_key_too_short_to_be_one_tears_no_words() -> None:
    assert Redaction("db").clean("a db of trades") == "a db of trades"
    assert Redaction("").clean("nothing to hide") == "nothing to hide"


def test_a_redaction_does_not_show_what_it_hides() -> None:
    assert KEY not in repr(Redaction(KEY))
    assert KEY not in repr(KeyFilter(Redaction(KEY)))


def test_records_of_the_vendors_loggers_are_cleaned(written: io.StringIO) -> None:
    names = ("databento.historical.api.batch", "urllib3.connectionpool", "requests.sessions")
    loggers = [logging.getLogger(name) for name in names]
    guard_logs(Redaction(KEY))
    for logger in loggers:
        logger.warning("sent %s and %d", KEY, 7)
        logger.error("Basic %s", BASIC, exc_info=OSError(KEY))
    assert KEY not in written.getvalue()
    assert BASIC not in written.getvalue()
    assert written.getvalue().count("sent [key] and 7") == 3
    assert written.getvalue().count("OSError: [key]") == 3


def test_a_later_key_takes_the_place_of_an_earlier_one(written: io.StringIO) -> None:
    logger = logging.getLogger("databento.common")
    guard_logs(Redaction("the-first-key"))
    guard_logs(Redaction("the-second-key"))
    assert sum(isinstance(one, KeyFilter) for one in logger.filters) == 1
    logger.error("the-second-key")
    assert written.getvalue() == "[key]\n"


def test_other_loggers_are_left_alone(written: io.StringIO) -> None:
    guard_logs(Redaction(KEY))
    logging.getLogger("databentology").error("as it is: %s", "x")
    assert logging.getLogger("databentology").filters == []
    assert written.getvalue() == "as it is: x\n"
