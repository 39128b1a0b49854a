from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from math import log
from statistics import pstdev
from typing import TYPE_CHECKING

import pytest

from tests.data.sample_series import SAMPLE_LABEL, SAMPLE_SYMBOLS, SAMPLE_WINDOW, WAY_POINTS, sample_closes
from vaultdash.data.calendars import trading_calendar
from vaultdash.data.catalog import gold_ounces_per_share
from vaultdash.errors import UnknownNameError

if TYPE_CHECKING:
    from vaultdash.market import DailyClose, DailyCloses

# The bytes of the sample are a promise: results computed on it are compared between machines and versions.
DIGESTS = {
    "GLD": "d9e467e36c4e375a3eb6b3babc3c3251aec8e52deca23e840967d358027742cc",
    "GC": "001fc9c3259e9b4cd83b27de39a2eab87b7b121ba4dc61c2cc23416ca0d92bbe",
    "XAU": "c3cafb1b3de4dde08972d66aaf538385f5523ef471856ac0ca4d535eefa87c9e",
}


@pytest.fixture(params=SAMPLE_SYMBOLS)
def closes(request: pytest.FixtureRequest) -> DailyCloses:
    return sample_closes(str(request.param))


def line(day: DailyClose) -> str:
    return f"{day.date},{day.open!r},{day.high!r},{day.low!r},{day.close!r},{day.volume}\n"


def test_the_same_bytes_everywhere(closes: DailyCloses) -> None:
    assert sha256("".join(map(line, closes.days)).encode()).hexdigest() == DIGESTS[closes.symbol]
    assert closes.digest == DIGESTS[closes.symbol]


def test_gld_goes_exactly_through_the_way_points() -> None:
    held = {day.date: day.close for day in sample_closes("GLD").days}
    assert [held[day] for day, _ in WAY_POINTS] == [price for _, price in WAY_POINTS]
    assert len(WAY_POINTS) == 38


def test_it_says_what_it_is(closes: DailyCloses) -> None:
    assert SAMPLE_LABEL == "synthetic"
    assert closes.is_synthetic
    assert closes.source == "sample"
    expected = {"GLD": ("consolidated", "XNYS"), "GC": ("session", "CMES"), "XAU": ("consolidated", "XNYS")}
    assert (closes.close_basis, closes.calendar) == expected[closes.symbol]
    assert [("proxy" in note) for note in closes.notes] == [True] * (closes.symbol == "XAU")


def test_every_session_has_one_bar(closes: DailyCloses) -> None:
    assert [day.date for day in closes.days] == list(trading_calendar(closes.calendar).within(SAMPLE_WINDOW))


def test_bars_are_consistent(closes: DailyCloses) -> None:
    for day in closes.days:
        assert day.open is not None
        assert day.low is not None
        assert day.high is not None
        assert 0 < day.low <= min(day.open, day.close) <= max(day.open, day.close) <= day.high
        assert (day.volume is None) == (closes.symbol == "XAU")
        assert day.volume is None or day.volume > 0


def test_prices_stand_on_the_tick() -> None:
    for symbol, steps in (("GLD", 100), ("GC", 10), ("XAU", 100)):
        for day in sample_closes(symbol).days:
            for price in (day.open, day.high, day.low, day.close):
                assert price is not None
                assert price == round(price * steps) / steps


def test_it_moves_like_gold(closes: DailyCloses) -> None:
    # The way-points hold falls of 14 % and 15 % within two sessions; nothing the noise adds goes beyond them.
    prices = [day.close for day in closes.days]
    steps = [log(later / earlier) for earlier, later in pairwise(prices)]
    assert 0.009 < pstdev(steps) < 0.0105
    assert max(map(abs, steps)) < 0.10
    assert all(abs(log(later / earlier)) < 0.16 for earlier, later in zip(prices, prices[2:], strict=False))


def test_an_ounce_is_a_share_over_its_ounces() -> None:
    gld = {day.date: day.close for day in sample_closes("GLD").days}
    for symbol, rounding in (("XAU", 0.005), ("GC", 0.05)):
        shared = [day for day in sample_closes(symbol).days if day.date in gld]
        assert len(shared) == len(gld)
        for day in shared:
            assert abs(day.close - gld[day.date] / gold_ounces_per_share(day.date)) <= rounding + 1e-9


def test_holidays_in_new_york_are_near_their_neighbours() -> None:
    shares = trading_calendar("XNYS")
    days = sample_closes("GC").days
    holidays = [at for at, day in enumerate(days) if day.date not in shares]
    assert len(holidays) > 100
    for at in holidays:
        assert abs(log(days[at].close / days[at - 1].close)) < 0.06


@pytest.mark.parametrize(("alias", "name"), [("gc=f", "GC"), ("GC.v.0", "GC"), ("XAUUSD", "XAU"), (" gld ", "GLD")])
def test_aliases(alias: str, name: str) -> None:
    assert sample_closes(alias) == sample_closes(name)


@pytest.mark.parametrize("symbol", ["SPY", "GLDM", "ES", "GC.c.1", ""])
def test_other_symbols_are_refused_with_those_held(symbol: str) -> None:
    with pytest.raises(UnknownNameError) as refused:
        sample_closes(symbol)
    assert str(refused.value) == f"There is no sample instrument named {symbol!r}. Known: GC, GLD, XAU."
