from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultdash.hedge.black_scholes import european_value, option_delta, strike_where

SPOTS = st.floats(1, 5000)
YEARS = st.floats(0.003, 3)
RATES = st.floats(-0.02, 0.15)
VOLATILITIES = st.floats(0.02, 2)
TYPES: tuple[Literal["call", "put"], ...] = ("call", "put")


@pytest.mark.parametrize(
    ("option_type", "spot", "strike", "years", "rate", "carry", "volatility", "value"),
    [
        # Haug, The Complete Guide to Option Pricing Formulas: Black-Scholes call, and Black-76 call and put.
        ("call", 60, 65, 0.25, 0.08, 0.08, 0.30, 2.1334),
        ("call", 19, 19, 0.75, 0.10, 0.0, 0.28, 1.7011),
        ("put", 19, 19, 0.75, 0.10, 0.0, 0.28, 1.7011),
        # Hull, Options, Futures and Other Derivatives: call 4.76 and put 0.81 on 42 struck at 40.
        ("call", 42, 40, 0.5, 0.10, 0.10, 0.20, 4.7594),
        ("put", 42, 40, 0.5, 0.10, 0.10, 0.20, 0.8086),
    ],
)
def test_published_values(  # noqa: PLR0917 - one parameter a column of the table above
    option_type: Literal["call", "put"],
    spot: float,
    strike: float,
    years: float,
    rate: float,
    carry: float,
    volatility: float,
    value: float,
) -> None:
    ours = european_value(
        option_type, spot=spot, strike=strike, years=years, rate=rate, carry=carry, volatility=volatility
    )
    assert ours == pytest.approx(value, abs=5e-5)


def published(path: Path, column: str, word: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row[column] == word]


def terms(row: dict[str, str]) -> dict[str, float]:
    """A spot written F=20 is a futures price: its carry is 0."""
    rate = float(row["r"])
    is_future = row["spot"].startswith("F=")
    return {
        "spot": float(row["spot"].removeprefix("F=")),
        "strike": float(row["strike"]),
        "years": float(row["t"]),
        "rate": rate,
        "carry": 0.0 if is_future else rate - float(row["q"]),
        "volatility": float(row["vol"]),
    }


def half_a_printed_digit(text: str) -> float:
    return 0.5 * float(10 ** -len(text.partition(".")[2]))


@pytest.mark.real_data
def test_the_published_table_of_european_values(real_data: Path) -> None:
    rows = published(real_data / "options" / "option_values_published.csv", "style", "european")
    assert len(rows) == 45
    for row in rows:
        ours = european_value("call" if row["type"] == "call" else "put", **terms(row))
        tolerance = 1e-4 if row["kind"].startswith("exact") else half_a_printed_digit(row["value"])
        assert ours == pytest.approx(float(row["value"]), abs=tolerance), row


@pytest.mark.real_data
def test_the_published_table_of_deltas(real_data: Path) -> None:
    rows = published(real_data / "options" / "greeks_published.csv", "greek", "delta")
    assert len(rows) == 3
    for row in rows:
        ours = option_delta("call" if row["type"] == "call" else "put", **terms(row))
        assert ours == pytest.approx(float(row["value"]), abs=half_a_printed_digit(row["value"])), row


@given(
    spot=SPOTS, moneyness=st.floats(0.3, 3), years=YEARS, rate=RATES, volatility=VOLATILITIES, spot_carry=st.booleans()
)
def test_put_call_parity(
    *, spot: float, moneyness: float, years: float, rate: float, volatility: float, spot_carry: bool
) -> None:
    carry = rate if spot_carry else 0.0
    strike = spot * moneyness
    call, put = (
        european_value(kind, spot=spot, strike=strike, years=years, rate=rate, carry=carry, volatility=volatility)
        for kind in TYPES
    )
    forward_value = spot * math.exp((carry - rate) * years) - strike * math.exp(-rate * years)
    assert math.isclose(call - put, forward_value, rel_tol=1e-9, abs_tol=1e-9 * spot)


@given(spot=SPOTS, moneyness=st.floats(0.5, 2), years=YEARS, rate=RATES, volatility=st.floats(0.05, 1))
def test_delta_is_the_slope_of_the_value(
    spot: float, moneyness: float, years: float, rate: float, volatility: float
) -> None:
    strike, step = spot * moneyness, spot * 1e-5
    for kind in TYPES:
        up, down = (
            european_value(
                kind, spot=spot + s, strike=strike, years=years, rate=rate, carry=rate, volatility=volatility
            )
            for s in (step, -step)
        )
        ours = option_delta(kind, spot=spot, strike=strike, years=years, rate=rate, carry=rate, volatility=volatility)
        assert math.isclose(ours, (up - down) / (2 * step), abs_tol=2e-4)


@given(spot=SPOTS, moneyness=st.floats(0.3, 3), years=YEARS, rate=RATES, volatility=VOLATILITIES)
def test_a_put_is_worth_no_less_than_its_forward_intrinsic_and_no_more_than_its_strike(
    spot: float, moneyness: float, years: float, rate: float, volatility: float
) -> None:
    strike = spot * moneyness
    put = european_value("put", spot=spot, strike=strike, years=years, rate=rate, carry=rate, volatility=volatility)
    discounted = strike * math.exp(-rate * years)
    assert discounted - spot - 1e-9 * spot <= put <= discounted


@pytest.mark.parametrize(("kind", "value"), [("call", 10.0), ("put", 0.0)])
def test_at_expiry_a_value_is_intrinsic(kind: Literal["call", "put"], value: float) -> None:
    terms = {"spot": 110.0, "strike": 100.0, "years": 0.0, "rate": 0.05, "carry": 0.05, "volatility": 0.2}
    assert european_value(kind, **terms) == value
    assert option_delta(kind, **terms) == (1.0 if kind == "call" else 0.0)


def test_the_far_tail_keeps_its_digits() -> None:
    """A put at a fifth of the spot is worth less than the rounding of one minus a probability, and is not zero."""
    value = european_value("put", spot=100, strike=20, years=0.5, rate=0.03, carry=0.03, volatility=0.2)
    assert 0 < value < 1e-26


def test_no_strike_is_found_where_nothing_turns() -> None:
    assert strike_where(lambda _strike: False, spot=100, upward=True) is None
    found = strike_where(lambda strike: strike >= 123.456, spot=100, upward=True)
    assert found == pytest.approx(123.456, rel=1e-14)
