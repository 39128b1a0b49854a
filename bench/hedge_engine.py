"""A year of daily marks of a two-leg template: our engine, and QuantLib's analytic engine behind the same marks."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.measure import medians, report
from vaultdash.data.calendars import trading_calendar
from vaultdash.data.desk import DataDesk
from vaultdash.data.purchase import SpendLimits
from vaultdash.hedge.engine import HedgeEngine, run_to_end
from vaultdash.hedge.model_quotes import ModelQuotes
from vaultdash.hedge.portfolio import Portfolio
from vaultdash.hedge.pricing import ModelPricing, TradingCosts
from vaultdash.hedge.served import ServedMarket
from vaultdash.market import DateRange
from vaultdash.workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vaultdash.hedge.quotes import MarketDay

YEAR = DateRange(start=dt.date(2022, 1, 3), end=dt.date(2022, 12, 30))
TWO_LEGS = "collar-95-110-12m"


def main() -> None:
    """Measure and print."""
    days = _served_days()
    contenders = {"vaultdash: engine, books, every figure": lambda: _run_engine(days)}
    quantlib = _quantlib_marks(days)
    if quantlib is None:
        print("\nQuantLib is not installed, so the peer is left out: pip install QuantLib")
    else:
        contenders["QuantLib AnalyticEuropeanEngine: the marks alone"] = quantlib
    report(
        f"A year of {TWO_LEGS}, {len(days)} sessions, in one process",
        medians(contenders, repeats=15),
        us="vaultdash: engine, books, every figure",
        goal="under 5 ms",
    )


def _served_days() -> Sequence[MarketDay]:
    with TemporaryDirectory() as home:
        desk = DataDesk(Path(home), limits=SpendLimits(per_request=0, per_month=0), key=None, gateway=None)
        closes = desk.closes("sample", "GLD", YEAR)
    return tuple(ServedMarket(closes=closes, window=YEAR, pricing=ModelPricing(), schedules={}).days())


def _run_engine(days: Sequence[MarketDay]) -> None:
    calendar = trading_calendar("XNYS")
    engine = HedgeEngine(
        Workbench().template(TWO_LEGS),
        symbol="GLD",
        portfolio=Portfolio(underlying_units=1000, loan_amount=100_000).starting_at(days[0].close),
        costs=TradingCosts(),
        quotes=ModelQuotes(calendar=calendar, is_future=False),
        calendar=calendar,
    )
    run_to_end(engine, days)


def _quantlib_marks(days: Sequence[MarketDay]) -> Callable[[], None] | None:
    """Two European options marked on each day by QuantLib; None where it is not installed."""
    try:
        import QuantLib as ql  # noqa: N813, PLC0415 - an optional peer under the name its users know
    except ImportError:
        return None

    def date_of(day: dt.date) -> object:
        return ql.Date(day.day, day.month, day.year)

    def run() -> None:
        counter = ql.Actual365Fixed()
        spot, volatility, rate = (ql.SimpleQuote(value) for value in (days[0].close, 0.16, 0.045))
        ql.Settings.instance().evaluationDate = date_of(days[0].date)
        curve = ql.YieldTermStructureHandle(ql.FlatForward(0, ql.NullCalendar(), ql.QuoteHandle(rate), counter))
        flat = ql.BlackConstantVol(0, ql.NullCalendar(), ql.QuoteHandle(volatility), counter)
        process = ql.BlackScholesProcess(ql.QuoteHandle(spot), curve, ql.BlackVolTermStructureHandle(flat))
        engine = ql.AnalyticEuropeanEngine(process)
        expiry = ql.EuropeanExercise(date_of(days[0].date + dt.timedelta(days=365)))
        options = [
            ql.VanillaOption(ql.PlainVanillaPayoff(kind, days[0].close * pct), expiry)
            for kind, pct in ((ql.Option.Put, 0.95), (ql.Option.Call, 1.10))
        ]
        for option in options:
            option.setPricingEngine(engine)
        for day in days:
            ql.Settings.instance().evaluationDate = date_of(day.date)
            spot.setValue(day.close)
            for option in options:
                option.NPV()

    return run
