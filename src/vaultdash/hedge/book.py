"""The books of one run: open positions, cash, and a record of every trade."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from vaultdash.hedge.pricing import TradingCosts
from vaultdash.hedge.quotes import CONTRACT_SIZE, OptionContract
from vaultdash.hedge.template import Side

if TYPE_CHECKING:
    from collections.abc import Container

    from vaultdash.hedge.quotes import MarketDay, OptionMark, OptionQuote
    from vaultdash.hedge.template import Leg

TradeAction = Literal["buy_open", "sell_open", "sell_close", "buy_close", "expire"]
TradeReason = Literal["initial_entry", "scheduled_roll", "expiry", "scenario_end"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """One trade of ours. `quantity` in units of the underlying (a contract holds 100), never negative.

    `price` is USD per unit as filled; `spread_cost` (USD) is the part of it beyond the mid, `fee` (USD) the
    commission; `cashflow` (USD, negative when paid) holds them both.
    """

    trade_id: str
    position_id: str
    date: dt.date
    action: TradeAction
    leg_id: str
    contract: OptionContract
    quantity: float
    price: float
    spread_cost: float
    fee: float
    cashflow: float
    reason: TradeReason


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkRecord:
    """What a position was marked at: USD per unit, and the date of the quote behind it."""

    date: dt.date
    mid: float
    source_date: dt.date


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """One contract we held, from its opening to its end, as recorded.

    `uncovered_units` is what whole contracts left out. `closed` is null while it is held.
    """

    position_id: str
    leg_id: str
    side: Side
    contract: OptionContract
    quantity: float
    uncovered_units: float
    opened: dt.date
    entry_price: float
    closed: dt.date | None
    marks: tuple[MarkRecord, ...]


@dataclass(kw_only=True, slots=True)
class Holding:
    """A position while the engine runs: it gathers marks and learns its end."""

    position_id: str
    leg_id: str
    side: Side
    contract: OptionContract
    quantity: float
    uncovered_units: float
    opened: dt.date
    entry_price: float
    closed: dt.date | None = None
    marks: list[MarkRecord] = field(default_factory=list)

    @property
    def sign(self) -> int:
        """1 for what we own, -1 for what we owe."""
        return 1 if self.side == "long" else -1

    def record(self, booked: Container[dt.date]) -> Position:
        """The position as it stood on the sessions that were booked."""
        return Position(
            position_id=self.position_id,
            leg_id=self.leg_id,
            side=self.side,
            contract=self.contract,
            quantity=self.quantity,
            uncovered_units=self.uncovered_units,
            opened=self.opened,
            entry_price=self.entry_price,
            closed=self.closed if self.closed in booked else None,
            marks=tuple(mark for mark in self.marks if mark.date in booked),
        )


@dataclass(kw_only=True, slots=True)
class Book:
    """Cash (USD), what is held by leg, and the records. Flows of the day are kept apart until it is booked."""

    costs: TradingCosts
    cash: float
    held: dict[str, Holding] = field(default_factory=dict)
    positions: list[Holding] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    premium_cashflow: float = 0.0
    realized_option_cashflow: float = 0.0

    def open(
        self, leg: Leg, quote: OptionQuote, *, quantity: float, uncovered: float, day: MarketDay, reason: TradeReason
    ) -> None:
        """Buy a long leg at the ask, or sell a short one at the bid."""
        position = Holding(
            position_id=f"{leg.leg_id}-{1 + sum(past.leg_id == leg.leg_id for past in self.positions)}",
            leg_id=leg.leg_id,
            side=leg.side,
            contract=quote.contract,
            quantity=quantity,
            uncovered_units=uncovered,
            opened=day.date,
            entry_price=quote.ask if leg.side == "long" else quote.bid,
        )
        self.held[leg.leg_id] = position
        self.positions.append(position)
        action: TradeAction = "buy_open" if leg.side == "long" else "sell_open"
        self.premium_cashflow += self._trade(
            position,
            day,
            action=action,
            price=position.entry_price,
            mid=quote.mid,
            fee=self._commission(quantity),
            reason=reason,
        )

    def close(self, position: Holding, mark: OptionMark, *, day: MarketDay, reason: TradeReason) -> None:
        """Sell what is owned at the bid, or buy back what is owed at the ask."""
        self.realized_option_cashflow += self._trade(
            position,
            day,
            action="sell_close" if position.side == "long" else "buy_close",
            price=mark.bid if position.side == "long" else mark.ask,
            mid=mark.mid,
            fee=self._commission(position.quantity),
            reason=reason,
        )
        self._end(position, day)

    def expire(self, position: Holding, *, day: MarketDay) -> None:
        """Settle at intrinsic on the day's close, in cash and free of costs."""
        intrinsic = position.contract.intrinsic(day.close)
        self.realized_option_cashflow += self._trade(
            position, day, action="expire", price=intrinsic, mid=intrinsic, fee=0.0, reason="expiry"
        )
        self._end(position, day)

    def start_day(self) -> None:
        """Forget the flows of the day before."""
        self.premium_cashflow = 0.0
        self.realized_option_cashflow = 0.0

    def _commission(self, quantity: float) -> float:
        return self.costs.commission * quantity / CONTRACT_SIZE

    def _end(self, position: Holding, day: MarketDay) -> None:
        position.closed = day.date
        del self.held[position.leg_id]

    def _trade(
        self,
        position: Holding,
        day: MarketDay,
        *,
        action: TradeAction,
        price: float,
        mid: float,
        fee: float,
        reason: TradeReason,
    ) -> float:
        received = position.sign if action in ("sell_close", "buy_close", "expire") else -position.sign
        cashflow = received * price * position.quantity - fee
        self.cash += cashflow
        self.trades.append(
            Trade(
                trade_id=f"t{len(self.trades) + 1}",
                position_id=position.position_id,
                date=day.date,
                action=action,
                leg_id=position.leg_id,
                contract=position.contract,
                quantity=position.quantity,
                price=price,
                spread_cost=abs(price - mid) * position.quantity,
                fee=fee,
                cashflow=cashflow,
                reason=reason,
            )
        )
        return cashflow
