from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from math import erf, exp, log, sqrt
from typing import Any

import numpy as np
import pytest

from tests.data.sample_requests import MINUTE, ask, ask_records, client_store, ns
from vaultdash.data.calendars import trading_calendar
from vaultdash.data.samplemarket.arithmetic import exponential, logarithm, normal_below
from vaultdash.data.samplemarket.quotes import RATE
from vaultdash.market import DateRange

DAYS = ["2004-11-18", "2006-06-14", "2013-04-15", "2020-03-16", "2024-03-06", "2024-11-29", "2026-01-29"]
UNDEFINED = 2**63 - 1


@cache
def chain(day: str) -> dict[int, tuple[str, str, float]]:
    """Expiry, right and strike of each option defined on a day."""
    rows = ask_records("definition", "GLD.OPT", day, day)
    return {
        int(row["instrument_id"]): (
            str(date(1970, 1, 1) + timedelta(days=int(row["expiration"]) // 86_400_000_000_000)),
            row["instrument_class"].decode(),
            row["strike_price"] / 1e9,
        )
        for row in rows
    }


def sound(quotes: Any) -> Any:
    """The quotes a buyer could use: both sides there, the bid not above the ask."""
    is_there = (quotes["bid_px_00"] != UNDEFINED) & (quotes["ask_px_00"] != UNDEFINED) & (quotes["ask_px_00"] > 0)
    return quotes[is_there & (quotes["bid_px_00"] <= quotes["ask_px_00"])]


@cache
def closing_quotes(day: str) -> dict[tuple[str, str, float], tuple[float, float]]:
    """Bid and ask of each contract at the close."""
    quotes = ask_records("cbbo-1m", "GLD.OPT", day, day)
    last = sound(quotes[quotes["ts_recv"] == quotes["ts_recv"].max()])
    return {chain(day)[int(row["instrument_id"])]: (row["bid_px_00"] / 1e9, row["ask_px_00"] / 1e9) for row in last}


def close_of(day: str) -> float:
    return float(ask_records("ohlcv-1d", "GLD", day, day)["close"][0] / 1e9)


def years_to(expiry: str, day: str) -> float:
    """From close to close, in years of 365 days (to the hours by which clocks and half days differ)."""
    return (date.fromisoformat(expiry) - date.fromisoformat(day)).days / 365


@pytest.mark.parametrize("day", DAYS)
def test_puts_and_calls_hold_parity_within_their_spreads(day: str) -> None:
    spot, quotes = close_of(day), closing_quotes(day)
    compared = 0
    for (expiry, right, strike), (call_bid, call_ask) in quotes.items():
        if right != "C" or (expiry, "P", strike) not in quotes or expiry == day:
            continue
        put_bid, put_ask = quotes[expiry, "P", strike]
        discounted = strike * exp(-RATE * years_to(expiry, day))
        # American puts: spot - strike <= call - put <= spot - discounted strike.
        slack = 0.01
        assert call_bid - put_ask <= spot - discounted + slack
        assert call_ask - put_bid >= spot - strike - slack
        if strike < spot:
            assert call_ask - put_bid >= spot - discounted - slack
        compared += 1
    assert compared > 200


def implied_volatility(price: float, spot: float, strike: float, years: float, right: str) -> float:
    """By bisection on a Black-Scholes of our own, European: used out of the money only."""
    low, high = 0.001, 3.0
    for _ in range(60):
        middle = (low + high) / 2
        d1 = (log(spot / strike) + (RATE + middle * middle / 2) * years) / (middle * sqrt(years))
        d2 = d1 - middle * sqrt(years)
        sign = 1 if right == "C" else -1
        value = sign * (spot * cdf(sign * d1) - strike * exp(-RATE * years) * cdf(sign * d2))
        low, high = (middle, high) if value < price else (low, middle)
    return low


def cdf(x: float) -> float:
    return 0.5 * (1 + erf(x / sqrt(2)))


@pytest.mark.parametrize("day", DAYS)
def test_volatility_smiles(day: str) -> None:
    spot, quotes = close_of(day), closing_quotes(day)
    expiries = sorted({expiry for expiry, _, _ in quotes if 60 <= years_to(expiry, day) * 365 <= 200})
    assert expiries
    for expiry in expiries:
        years = years_to(expiry, day)
        smile = {}
        for (listed, right, strike), prices in quotes.items():
            is_out = strike > spot if right == "C" else strike <= spot
            if listed == expiry and is_out and prices[0] >= 0.05:
                smile[strike / spot] = implied_volatility(sum(prices) / 2, spot, strike, years, right)
        at_the_money = smile[min(smile, key=lambda moneyness: abs(moneyness - 1))]
        assert 0.09 < at_the_money < 0.50
        assert smile[min(smile)] > at_the_money
        assert smile[max(smile)] > at_the_money


@pytest.mark.parametrize("day", DAYS)
def test_a_quote_is_a_spread_in_cents(day: str) -> None:
    quotes = sound(ask_records("cbbo-1m", "GLD.OPT", day, day))
    bid, ask = quotes["bid_px_00"] // 10**7, quotes["ask_px_00"] // 10**7
    assert ((quotes["bid_px_00"] % 10**7 == 0) & (quotes["ask_px_00"] % 10**7 == 0)).all()
    assert (ask - bid >= 1).all()
    assert (ask - bid <= 102).all()
    assert (bid >= 0).all()
    assert ((quotes["bid_sz_00"] > 0) == (bid > 0)).all()
    assert set(quotes["side"]) == {b"N"}


def test_a_few_quotes_are_no_use_on_purpose() -> None:
    quotes = np.concatenate([ask_records("cbbo-1m", "GLD.OPT", day, day) for day in DAYS])
    is_empty = (quotes["bid_px_00"] == UNDEFINED) & (quotes["ask_px_00"] == UNDEFINED)
    is_zero = quotes["ask_px_00"] == 0
    is_crossed = ~is_empty & ~is_zero & (quotes["bid_px_00"] > quotes["ask_px_00"])
    for flaw, share in ((is_empty, 0.003), (is_zero, 0.003), (is_crossed, 0.004)):
        assert flaw.mean() == pytest.approx(share, rel=0.35)
    assert (quotes["ask_sz_00"][is_empty | is_zero] == 0).all()
    assert len(sound(quotes)) == len(quotes) - (is_empty | is_zero | is_crossed).sum()


@pytest.mark.parametrize(("day", "close"), [("2024-03-06", "21:00"), ("2024-07-10", "20:00"), ("2024-11-29", "18:00")])
def test_quotes_are_of_the_last_five_minutes(day: str, close: str) -> None:
    quotes = ask_records("cbbo-1m", "GLD.OPT", day, day)
    end = ns(f"{day}T{close}")
    assert sorted(set(quotes["ts_recv"].tolist())) == [end - MINUTE * before for before in (4, 3, 2, 1, 0)]
    assert len(quotes) == 5 * len(chain(day))


@pytest.mark.parametrize("day", DAYS)
def test_a_year_and_every_usual_strike_can_be_bought(day: str) -> None:
    spot = close_of(day)
    expiries = sorted({expiry for expiry, _, _ in chain(day).values()})
    assert expiries[0] >= day
    for target in (30, 91, 182, 365):
        expiry = next(expiry for expiry in expiries if years_to(expiry, day) * 365 >= target)
        assert years_to(expiry, day) * 365 <= target + 92
        strikes = {strike for listed, right, strike in chain(day).values() if listed == expiry and right == "P"}
        for moneyness in (0.85, 0.90, 0.95, 1.00, 1.05):
            assert min(abs(strike - moneyness * spot) for strike in strikes) <= 2.5


def test_no_option_is_withdrawn_before_it_expires() -> None:
    for start in (date(2008, 9, 1), date(2013, 4, 1), date(2024, 2, 26)):
        sessions = trading_calendar("XNYS").within(DateRange(start=start, end=start + timedelta(days=45)))
        before: dict[int, tuple[str, str, float]] = {}
        for session in sessions:
            listed = chain(str(session))
            assert {
                key: option for key, option in before.items() if option[0] >= str(session)
            }.items() <= listed.items()
            assert min(expiry for expiry, _, _ in listed.values()) >= str(session)
            before = listed
        assert len(before) > 500


def test_names_are_those_of_the_options_industry() -> None:
    store, frame = client_store(ask("definition", "GLD.OPT", "2024-03-06", "2024-03-06"))
    row = frame[frame["raw_symbol"] == "GLD   240315C00190000"].iloc[0]
    assert row["symbol"] == row["raw_symbol"]
    assert (row["instrument_class"], row["strike_price"], row["underlying"]) == ("C", 190.0, "GLD")
    assert (str(row["expiration"]), row["asset"], row["contract_multiplier"]) == (
        "2024-03-15 00:00:00+00:00",
        "GLD",
        100,
    )
    # Good Friday, 2024-03-29, is a holiday: its week ends on Thursday.
    assert "GLD   240328P00190000" in set(frame["raw_symbol"])
    assert frame["raw_symbol"].is_unique
    assert frame["instrument_id"].is_unique
    assert store.mappings["GLD   240315C00190000"] == [
        {"start_date": date(2024, 3, 6), "end_date": date(2024, 3, 7), "symbol": str(row["instrument_id"])}
    ]


def test_mappings_begin_with_a_listing_and_end_with_an_expiry() -> None:
    store, frame = client_store(ask("definition", "GLD.OPT", "2024-03-01", "2024-03-31"))
    spans = {name: (str(span["start_date"]), str(span["end_date"])) for name, (span,) in store.mappings.items()}
    assert spans["GLD   240315C00190000"] == ("2024-03-01", "2024-03-16")
    weekly = {spans[name] for name in spans if name.startswith("GLD   240426")}
    # Weekly options of Friday 2024-04-26 are listed 35 days before it, and more strikes as the price moves.
    assert min(weekly) == ("2024-03-22", "2024-04-01")
    assert not frame["symbol"].isna().any()


def test_open_interest_is_told_alike_by_every_venue() -> None:
    _, frame = client_store(ask("statistics", "GLD.OPT", "2024-03-06", "2024-03-06"))
    assert set(frame["stat_type"]) == {9}
    assert {str(moment) for moment in frame.index} == {"2024-03-06 11:30:00+00:00"}
    told = frame.groupby("symbol")["quantity"].agg(["count", "nunique", "max"])
    assert set(told["count"]) == {3}
    assert set(told["nunique"]) == {1}
    assert (told["max"] >= 0).all()
    assert told["max"].max() > 1_000
    assert frame["publisher_id"].nunique() == 3


def test_arithmetic_agrees_with_the_library() -> None:
    values = np.linspace(-40.0, 40.0, 4_001)
    assert exponential(values) == pytest.approx(np.exp(values), rel=1e-14)
    positive = np.exp(np.linspace(-30.0, 30.0, 3_001))
    assert logarithm(positive) == pytest.approx(np.log(positive), rel=1e-14, abs=1e-15)
    assert float(exponential(np.array([0.0]))[0]) == 1.0
    assert float(logarithm(np.array([1.0]))[0]) == 0.0
    below = np.array([cdf(value) for value in values.tolist()])
    assert normal_below(values) == pytest.approx(below, abs=1e-7)
    assert normal_below(values) + normal_below(-values) == pytest.approx(1.0)
