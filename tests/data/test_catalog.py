from __future__ import annotations

from datetime import date

import pytest

from vaultdash.data.calendars import CALENDARS
from vaultdash.data.catalog import CATALOG, find_instrument, gold_ounces_per_share, instrument_for
from vaultdash.errors import UnreadableValueError

WORDS = [(word, item.name) for item in CATALOG for word in (item.name, *item.aliases)]


@pytest.mark.parametrize(("word", "name"), WORDS)
def test_names_and_aliases_are_found_in_any_case(word: str, name: str) -> None:
    for spelled in (word, word.lower(), f" {word.upper()} "):
        found = find_instrument(spelled)
        assert found is not None
        assert found.name == name


def test_no_two_instruments_share_a_word() -> None:
    words = [word.upper() for word, _ in WORDS]
    assert len(words) == len(set(words))


def test_every_entry_names_a_calendar_we_hold_and_a_possible_tick() -> None:
    for item in CATALOG:
        assert item.calendar in CALENDARS
        assert item.tick_size > 0
        assert item.multiplier > 0
        assert item.is_listed
        assert item.is_future == (item.calendar == "CMES") == (item.stype == "continuous")


@pytest.mark.parametrize(
    ("name", "tick", "multiplier"),
    [
        ("GLD", 0.01, 1),
        ("GC", 0.10, 100),
        ("ES", 0.25, 50),
        ("NQ", 0.25, 20),
        ("YM", 1, 5),
        ("RTY", 0.10, 50),
        ("CL", 0.01, 1000),
        ("6E", 0.00005, 125000),
        ("ZN", 0.015625, 1000),
        ("GLD.OPT", 0.01, 100),
    ],
)
def test_contract_terms(name: str, tick: float, multiplier: float) -> None:
    item = instrument_for(name)
    assert (item.tick_size, item.multiplier, item.currency) == (tick, multiplier, "USD")


def test_gld_is_asked_for_as_the_sources_name_it() -> None:
    gld = instrument_for("gld")
    assert gld.datasets == ("EQUS.SUMMARY", "ARCX.PILLAR", "XNAS.ITCH", "XNAS.BASIC")
    assert (gld.symbol, gld.stype, gld.yahoo_symbol, gld.option_root) == ("GLD", "raw_symbol", "GLD", "GLD")


def test_xau_is_a_proxy_of_gld() -> None:
    xau = instrument_for("XAUUSD")
    assert (xau.name, xau.symbol, xau.proxy_of) == ("XAU", "GLD", "GLD")
    assert "proxy" in xau.description


@pytest.mark.parametrize("spelled", ["GC.v.0", "gc.V.0", "GC=F", "gold", "GC.FUT"])
def test_gold_futures_by_any_name(spelled: str) -> None:
    assert find_instrument(spelled) is instrument_for("GC")
    assert instrument_for("GC").symbol == "GC.v.0"


def test_another_roll_rule_is_another_series_of_the_same_future() -> None:
    other = instrument_for("es.C.1")
    assert (other.name, other.symbol, other.yahoo_symbol) == ("ES.c.1", "ES.c.1", None)
    assert (other.calendar, other.tick_size, other.multiplier, other.is_future) == ("CMES", 0.25, 50, True)


@pytest.mark.parametrize("spelled", ["GLD.v.0", "ES.x.0", "ES.v.10", "ZZ.v.0", "ES.v", ""])
def test_what_is_no_instrument_is_not_found(spelled: str) -> None:
    assert find_instrument(spelled) is None


def test_an_unlisted_symbol_is_a_share_in_new_york() -> None:
    plain = instrument_for(" SPY ")
    assert (plain.name, plain.symbol, plain.calendar, plain.tick_size, plain.multiplier) == (
        "SPY",
        "SPY",
        "XNYS",
        0.01,
        1,
    )
    assert not plain.is_listed
    assert not plain.is_future
    assert plain.yahoo_symbol is None


@pytest.mark.parametrize("symbol", ["", "  ", "G\x1b[31m", "Ä", "x" * 41, "a\nb"])
def test_a_symbol_that_cannot_be_one_is_refused(symbol: str) -> None:
    with pytest.raises(UnreadableValueError, match=r"^The symbol: .* cannot be read\. Write a symbol of 1 to 40") as no:
        instrument_for(symbol)
    assert str(no.value).isprintable()


def test_ounces_a_share_stands_for() -> None:
    assert gold_ounces_per_share(date(2004, 11, 18)) == 0.1
    assert gold_ounces_per_share(date(2024, 11, 18)) == pytest.approx(0.1 * 0.996**20, rel=1e-5)
