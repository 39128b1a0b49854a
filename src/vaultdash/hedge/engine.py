"""Runs one template along one path, a session at a time, close to close."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, inf
from typing import TYPE_CHECKING

from vaultdash.hedge.book import Book, MarkRecord, Position, Trade
from vaultdash.hedge.quotes import CONTRACT_SIZE, OptionQuery
from vaultdash.hedge.result import DailyPoint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from vaultdash.hedge.book import TradeReason
    from vaultdash.hedge.portfolio import Portfolio
    from vaultdash.hedge.pricing import TradingCosts
    from vaultdash.hedge.quotes import MarketDay, OptionQuotes
    from vaultdash.hedge.template import HedgeTemplate, Leg
    from vaultdash.market import TradingCalendar

WHOLE_CONTRACT_TOLERANCE = 1e-9
"""A quantity within this of a whole contract is one: 10,000 units x 0.57 is 57 contracts, not 56."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineRun:
    """What the engine recorded: days, trades and positions in time order, and notes for the reader."""

    days: tuple[DailyPoint, ...]
    trades: tuple[Trade, ...]
    positions: tuple[Position, ...]
    notes: tuple[str, ...]


class HedgeEngine:
    """Holds a template's books and is handed one session after another. It never learns which comes last.

    `step` trades and books a session; `finish` sells what is left on the session that ends the run.
    """

    def __init__(
        self,
        template: HedgeTemplate,
        *,
        symbol: str,
        portfolio: Portfolio,
        costs: TradingCosts,
        quotes: OptionQuotes,
        calendar: TradingCalendar,
    ) -> None:
        self._template = template
        self._symbol = symbol
        self._portfolio = portfolio
        self._quotes = quotes
        self._calendar = calendar
        self._book = Book(costs=costs, cash=portfolio.cash_balance)
        self._legs = {leg.leg_id: leg for leg in template.legs}
        self._first_session: date | None = None
        self._days: list[DailyPoint] = []
        self._notes: list[str] = []

    def step(self, day: MarketDay) -> None:
        """Settle, roll, open, mark and book one session."""
        self._book.start_day()
        is_first = self._first_session is None
        vacant: dict[str, TradeReason] = dict.fromkeys(self._legs, "initial_entry") if is_first else {}
        vacant |= dict.fromkeys(self._settle_expired(day), "expiry")
        vacant |= dict.fromkeys(self._close_due(day), "scheduled_roll")
        for leg_id, leg in self._legs.items():
            if leg_id in vacant:
                self._open(leg, day, reason=vacant[leg_id])
        self._book_day(day)

    def finish(self, day: MarketDay) -> EngineRun:
        """Settle what expired, sell the rest at its mark, book the last session. Nothing is opened."""
        self._book.start_day()
        self._settle_expired(day)
        for position in tuple(self._book.held.values()):
            self._book.close(position, self._quotes.mark(position.contract, day), day=day, reason="scenario_end")
        self._book_day(day)
        return self.so_far()

    def so_far(self) -> EngineRun:
        """The record up to the last session that was booked; what a session did before it failed is left out."""
        booked = {day.date for day in self._days}
        return EngineRun(
            days=tuple(self._days),
            trades=tuple(trade for trade in self._book.trades if trade.date in booked),
            positions=tuple(held.record(booked) for held in self._book.positions if held.opened in booked),
            notes=tuple(dict.fromkeys(self._notes)),
        )

    def _settle_expired(self, day: MarketDay) -> list[str]:
        expired = [position for position in self._book.held.values() if position.contract.expiry <= day.date]
        for position in expired:
            if position.contract.expiry < day.date:
                self._notes.append(
                    f"{position.position_id} expired on {position.contract.expiry}, a session without a close; "
                    f"it was settled on {day.date}."
                )
            self._book.expire(position, day=day)
        return [position.leg_id for position in expired]

    def _close_due(self, day: MarketDay) -> list[str]:
        policy = self._template.roll_policy
        if policy.policy_type == "hold_to_expiry":
            return []
        due = [
            position
            for position in self._book.held.values()
            if self._calendar.sessions_until(day.date, position.contract.expiry) <= policy.days_before_expiry
        ]
        for position in due:
            self._book.close(position, self._quotes.mark(position.contract, day), day=day, reason="scheduled_roll")
        return [position.leg_id for position in due]

    def _open(self, leg: Leg, day: MarketDay, *, reason: TradeReason) -> None:
        wanted = self._portfolio.underlying_units * leg.target_coverage_pct * leg.allocation_weight
        quantity = wanted
        if self._template.contract_mode == "listed_contracts":
            quantity = float(CONTRACT_SIZE * floor(wanted / CONTRACT_SIZE + WHOLE_CONTRACT_TOLERANCE))
        uncovered = max(wanted - quantity, 0.0)
        if uncovered > WHOLE_CONTRACT_TOLERANCE * wanted:
            self._notes.append(
                f"Leg {leg.leg_id}: {quantity / CONTRACT_SIZE:g} whole contracts of {CONTRACT_SIZE} leave "
                f"{uncovered:,.10g} of {wanted:,.10g} units uncovered."
            )
        if not quantity > 0:
            return
        query = OptionQuery(
            symbol=self._symbol,
            option_type=leg.option_type,
            target_expiry_days=leg.target_expiry_days,
            strike_rule=leg.strike_rule,
            side=leg.side,
        )
        quote = self._quotes.select(query, day)
        self._book.open(leg, quote, quantity=quantity, uncovered=uncovered, day=day, reason=reason)

    def _book_day(self, day: MarketDay) -> None:
        portfolio, book = self._portfolio, self._book
        self._first_session = self._first_session or day.date
        option_value = 0.0
        for position in book.held.values():
            mark = self._quotes.mark(position.contract, day)
            position.marks.append(MarkRecord(date=day.date, mid=mark.mid, source_date=mark.source_date))
            option_value += position.sign * mark.mid * position.quantity
        underlying = portfolio.underlying_units * day.close
        # Options and cash are added first: on an entry day they cancel to the last bit, and so do equal ratios.
        net = underlying + (option_value + book.cash)
        loan = portfolio.loan_on(day.date, first_session=self._first_session)
        ltv_unhedged = loan / underlying
        ltv_hedged = loan / net if net > 0 else inf
        self._days.append(
            DailyPoint(
                date=day.date,
                spot_close=day.close,
                underlying_value=underlying,
                option_market_value=option_value,
                premium_cashflow=book.premium_cashflow,
                realized_option_cashflow=book.realized_option_cashflow,
                cash=book.cash,
                net_portfolio_value=net,
                loan_amount=loan,
                ltv_unhedged=ltv_unhedged,
                ltv_hedged=ltv_hedged,
                margin_call_unhedged=ltv_unhedged >= portfolio.margin_call_ltv,
                margin_call_hedged=ltv_hedged >= portfolio.margin_call_ltv,
                active_position_ids=tuple(position.position_id for position in book.held.values()),
                newest_read=day.newest_read,
            )
        )


def run_to_end(engine: HedgeEngine, days: Iterable[MarketDay]) -> EngineRun:
    """Hand the engine every session in turn, the last one to `finish`. `days` holds one session at least."""
    coming = iter(days)
    today = next(coming)
    for tomorrow in coming:
        engine.step(today)
        today = tomorrow
    return engine.finish(today)
