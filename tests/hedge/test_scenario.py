from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from vaultdash.errors import DatesReversedError, ImpossibleValueError, LoanExceedsCollateralError
from vaultdash.hedge.portfolio import Portfolio
from vaultdash.hedge.pricing import FixedRate, FixedVolatility, ModelPricing, TradingCosts, TrailingVolatility
from vaultdash.hedge.scenario import ProviderRef, Scenario, TemplateRef

NAN, INF = float("nan"), float("inf")
PORTFOLIO: dict[str, Any] = {"underlying_units": 1000.0, "loan_amount": 120_000.0}


@pytest.mark.parametrize("bad", [NAN, INF, -INF, 0.0, -1.0, 5e-324])
def test_units_are_a_number_above_zero(bad: float) -> None:
    with pytest.raises(ImpossibleValueError, match="underlying_units"):
        Portfolio(**(PORTFOLIO | {"underlying_units": bad}))


@pytest.mark.parametrize("field", ["loan_amount", "cash_balance", "financing_rate"])
@pytest.mark.parametrize("bad", [NAN, INF, -1.0])
def test_money_is_a_finite_number_of_zero_or_more(field: str, bad: float) -> None:
    with pytest.raises(ImpossibleValueError, match=field):
        Portfolio(**(PORTFOLIO | {field: bad}))


@pytest.mark.parametrize("bad", [NAN, INF, 0.0, -0.5, 5e-324])
def test_an_entry_spot_is_a_price(bad: float) -> None:
    with pytest.raises(ImpossibleValueError, match="entry_spot"):
        Portfolio(**PORTFOLIO, entry_spot=bad)


@pytest.mark.parametrize("bad", [NAN, 75.0, 0.0, -0.75])
def test_a_margin_call_is_a_fraction(bad: float) -> None:
    with pytest.raises(ImpossibleValueError, match=r"Write 0.75 for 75 %"):
        Portfolio(**PORTFOLIO, margin_call_ltv=bad)


def test_a_loan_stays_below_its_collateral() -> None:
    Portfolio(**PORTFOLIO, entry_spot=120.001)
    with pytest.raises(LoanExceedsCollateralError, match=r"1,000 units at 120.00 are worth 120,000.00 USD"):
        Portfolio(**PORTFOLIO, entry_spot=120.0)
    with pytest.raises(LoanExceedsCollateralError):
        Portfolio(**PORTFOLIO).starting_at(119.0)
    assert Portfolio(**PORTFOLIO).starting_at(150.0).entry_spot == 150.0
    assert Portfolio(**PORTFOLIO, entry_spot=300.0).starting_at(150.0).entry_spot == 300.0


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: FixedVolatility(value=16.0), "Write 0.16 for 16 %"),
        (lambda: FixedVolatility(value=NAN), "value is nan"),
        (lambda: FixedVolatility(value=0.0), "must lie between"),
        (lambda: FixedVolatility(value=5e-324), "must lie between"),
        (lambda: TrailingVolatility(sessions=1), "sessions is 1"),
        (lambda: TrailingVolatility(sessions=60, premium=NAN), "premium is nan"),
        (lambda: FixedRate(value=4.5), r"Write 0.045 for 4.5 %"),
        (lambda: FixedRate(value=NAN), "value is nan"),
        (lambda: ModelPricing(skew=NAN), "skew is nan"),
        (lambda: ModelPricing(term_slope=INF), "term_slope is inf"),
        (lambda: TradingCosts(half_spread=2.0), r"Write 0.02 for 2 %"),
        (lambda: TradingCosts(commission=-1), "commission is -1"),
        (lambda: TradingCosts(commission=NAN), "commission is nan"),
    ],
)
def test_pricing_and_costs_refuse_the_impossible(make: Any, sentence: str) -> None:
    with pytest.raises(ImpossibleValueError, match=sentence):
        make()


def make_scenario(**changes: Any) -> Scenario:
    fields: dict[str, Any] = {
        "scenario_id": "s",
        "slug": "s",
        "display_name": "s",
        "symbol": "GLD",
        "start_date": dt.date(2022, 1, 3),
        "end_date": dt.date(2022, 12, 30),
        "initial_portfolio": Portfolio(**PORTFOLIO),
        "template_refs": (TemplateRef(template_id="a", version=1),),
        "provider_ref": ProviderRef(provider_id="sample", config_key="GLD"),
        "pricing": ModelPricing(),
        "costs": TradingCosts(),
    }
    return Scenario(**(fields | changes))


def test_a_scenario_runs_forward_in_time() -> None:
    make_scenario(end_date=dt.date(2022, 1, 3))
    with pytest.raises(DatesReversedError, match="starts on 2022-01-03, after its end on 2022-01-02"):
        make_scenario(end_date=dt.date(2022, 1, 2))


def test_a_scenario_names_its_templates_once() -> None:
    with pytest.raises(ImpossibleValueError, match="name one template at least"):
        make_scenario(template_refs=())
    twice = (TemplateRef(template_id="a", version=1), TemplateRef(template_id="a", version=2))
    with pytest.raises(ImpossibleValueError, match="name each template once"):
        make_scenario(template_refs=twice)
