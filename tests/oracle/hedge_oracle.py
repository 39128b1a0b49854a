"""A second, deliberately plain hedge backtest that shares no code with the engine it is compared to.

Everything is recomputed from the raw inputs whenever it is asked for; nothing is cached and nothing is fast.
Money is USD, ratios are fractions, rates are continuously compounded, time is calendar days / 365.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

CONTRACT_SIZE = 100  # units of the underlying in one listed contract
STRIKE_SCAN_STEP = 0.01  # in ln(strike / spot)
STRIKE_SCAN_LIMIT = 10.0


@dataclass(frozen=True)
class Held:
    """One open option position; `sign` is +1 for long, -1 for short; `quantity` is in underlying units."""

    leg_id: str
    sign: int
    option_type: str
    strike: float
    expiry: date
    quantity: float
    opened: date


@dataclass(frozen=True)
class Model:
    """What prices options: the (scaled) closes and the volatility and rate configuration."""

    closes: list[tuple[date, float]]
    volatility: dict[str, Any]
    rate: dict[str, Any]
    skew: float
    term_slope: float
    is_future: bool

    def spot(self, day: date) -> float:
        """The close of `day`."""
        return next(close for session, close in self.closes if session == day)

    def base_volatility(self, day: date) -> float:
        """Yearly volatility of `day` before skew and term slope."""
        if self.volatility["kind"] != "trailing":
            return fixed_or_scheduled(self.volatility, day)
        sessions: int = self.volatility["sessions"]
        known = [close for session, close in self.closes if session <= day][-(sessions + 1) :]
        if len(known) < sessions + 1:
            raise ValueError(f"{day}: trailing volatility needs {sessions + 1} closes, has {len(known)}")
        returns = [math.log(today / before) for before, today in pairwise(known)]
        mean = sum(returns) / sessions
        variance = sum((r - mean) ** 2 for r in returns) / (sessions - 1)
        return math.sqrt(variance) * math.sqrt(252) * float(self.volatility["premium"])

    def value(self, option_type: str, strike: float, expiry: date, day: date) -> tuple[float, float]:
        """Black-Scholes mid per unit and signed spot delta of a live option, from the forward."""
        spot = self.spot(day)
        years = (expiry - day).days / 365
        rate = fixed_or_scheduled(self.rate, day)
        carry = 0.0 if self.is_future else rate
        sigma = self.base_volatility(day) + self.skew * math.log(strike / spot) + self.term_slope * years
        if not (years > 0 and sigma > 0):
            raise ValueError(f"{day}: cannot price strike {strike} at {years} years and volatility {sigma}")
        forward = spot * math.exp(carry * years)
        discount = math.exp(-rate * years)
        d1 = (math.log(forward / strike) + sigma * sigma * years / 2) / (sigma * math.sqrt(years))
        d2 = d1 - sigma * math.sqrt(years)
        growth = math.exp((carry - rate) * years)
        if option_type == "call":
            return discount * (forward * normal_cdf(d1) - strike * normal_cdf(d2)), growth * normal_cdf(d1)
        return discount * (strike * normal_cdf(-d2) - forward * normal_cdf(-d1)), -growth * normal_cdf(-d1)

    def mid(self, held: Held, day: date) -> float:
        """The position's mark per unit."""
        return self.value(held.option_type, held.strike, held.expiry, day)[0]

    def strike(self, leg: dict[str, Any], expiry: date, day: date) -> float:
        """The strike that the leg's rule picks at the close of `day`."""
        rule_type, value = leg["strike_rule"]["rule_type"], float(leg["strike_rule"]["value"])
        if rule_type == "fixed_strike":
            return value
        if rule_type in ("spot_pct", "moneyness_bucket"):
            return value * self.spot(day)
        if rule_type == "delta_target":
            return self.strike_at_delta(leg["option_type"], value, expiry, day)
        raise ValueError(f"unknown strike rule {rule_type!r}")

    def strike_at_delta(self, option_type: str, target: float, expiry: date, day: date) -> float:
        """The strike nearest to the money whose absolute spot delta is `target`."""
        spot = self.spot(day)

        def excess(log_moneyness: float) -> float:
            return abs(self.value(option_type, spot * math.exp(log_moneyness), expiry, day)[1]) - target

        at_the_money = excess(0.0)
        # Too much delta: walk out of the money (down for a put, up for a call). Too little: walk in.
        step = STRIKE_SCAN_STEP if (at_the_money > 0) == (option_type == "call") else -STRIKE_SCAN_STEP
        near, far = 0.0, step
        while (excess(far) > 0) == (at_the_money > 0):
            near, far = far, far + step
            if abs(far) > STRIKE_SCAN_LIMIT:
                raise ValueError(f"{day}: no strike has an absolute delta of {target}")
        for _ in range(100):  # far more halvings than a float can tell apart
            middle = (near + far) / 2
            if (excess(middle) > 0) == (at_the_money > 0):
                near = middle
            else:
                far = middle
        return spot * math.exp((near + far) / 2)


def normal_cdf(x: float) -> float:
    """Standard normal distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def fixed_or_scheduled(config: dict[str, Any], day: date) -> float:
    """A constant, or the latest scheduled value dated at or before `day`."""
    if config["kind"] == "fixed":
        return float(config["value"])
    if config["kind"] != "schedule":
        raise ValueError(f"unknown kind {config['kind']!r}")
    known = [point for point in config["points"] if point[0] <= day]
    if not known:
        raise ValueError(f"{day} is before the first scheduled value")
    return float(max(known, key=lambda point: point[0])[1])


def intrinsic(held: Held, spot: float) -> float:
    """Payoff per unit at expiry."""
    return max(spot - held.strike, 0.0) if held.option_type == "call" else max(held.strike - spot, 0.0)


def leg_quantity(leg: dict[str, Any], units: float, contract_mode: str) -> float:
    """Underlying units that the leg covers."""
    quantity = units * float(leg["target_coverage_pct"]) * float(leg["allocation_weight"])
    if contract_mode == "listed_contracts":
        # A hair below a whole contract is rounding noise: 10,000 x 0.57 is 57 contracts.
        return float(math.floor(quantity / CONTRACT_SIZE + 1e-9) * CONTRACT_SIZE)
    return quantity


def roll_is_due(held: Held, day: date, calendar: list[date], roll_policy: dict[str, Any]) -> bool:
    """Whether the schedule replaces this position at the close of `day`."""
    if roll_policy["policy_type"] == "hold_to_expiry":
        return False
    if roll_policy["policy_type"] != "roll_n_days_before_expiry":
        raise ValueError(f"unknown roll policy {roll_policy['policy_type']!r}")
    sessions_left = sum(1 for session in calendar if day < session <= held.expiry)
    return held.opened < day and sessions_left <= int(roll_policy["days_before_expiry"])


def run(
    *, closes: list[tuple[date, float]], calendar: list[date], template: dict[str, Any], units: float,
    loan: float, start: date, end: date, margin_call_ltv: float = 0.75, cash_balance: float = 0.0,
    financing_rate: float = 0.0, entry_spot: float | None = None, volatility: dict[str, Any],
    rate: dict[str, Any], skew: float = 0.0, term_slope: float = 0.0, half_spread: float = 0.0,
    commission: float = 0.0, is_future: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """One template along one path: `{"days": [row], "trades": [trade], "metrics": {name: figure}}`.

    `closes` may reach beyond `start` and `end`; `calendar` holds every session, past the data.
    Trades of one session come as expiries, then closings, then openings, each in the template's leg order.
    Raises ValueError for an empty window, a schedule or trailing window without values, or a volatility <= 0.
    """
    sessions = [session for session, _ in closes if start <= session <= end]
    if not sessions:
        raise ValueError(f"no session between {start} and {end}")
    first, last = sessions[0], sessions[-1]
    scale = 1.0 if entry_spot is None else entry_spot / dict(closes)[first]
    scaled = [(session, close * scale) for session, close in closes]
    model = Model(scaled, volatility, rate, skew, term_slope, is_future)
    legs = {leg["leg_id"]: leg for leg in template["legs"]}
    trades: list[dict[str, Any]] = []
    days: list[dict[str, Any]] = []
    book: dict[str, Held] = {}  # by leg_id

    def trade(held: Held, day: date, what: str, reason: str) -> None:
        """Record an `open`, a `close` or an `expire` of the position, with its cash flow."""
        if what == "expire":
            action, price, fee, direction = "expire", intrinsic(held, model.spot(day)), 0.0, held.sign
        else:
            is_buy = (what == "open") == (held.sign > 0)
            action = f"{'buy' if is_buy else 'sell'}_{what}"
            price = model.mid(held, day) * (1 + half_spread if is_buy else 1 - half_spread)
            fee, direction = commission * held.quantity / CONTRACT_SIZE, -1 if is_buy else 1
        trades.append({
            "date": day, "action": action, "leg_id": held.leg_id, "strike": held.strike,
            "expiry": held.expiry, "quantity": held.quantity, "price": price, "fee": fee,
            "cashflow": direction * held.quantity * price - fee, "reason": reason,
        })  # fmt: skip

    for day in sessions:
        to_open = dict.fromkeys(legs, "initial_entry") if day == first else {}
        for leg_id in legs:
            if leg_id in book and book[leg_id].expiry <= day:
                trade(book.pop(leg_id), day, "expire", "expiry")
                to_open[leg_id] = "expiry"
        for leg_id in legs:
            if leg_id in book and day == last:
                trade(book.pop(leg_id), day, "close", "scenario_end")
            elif leg_id in book and roll_is_due(book[leg_id], day, calendar, template["roll_policy"]):
                trade(book.pop(leg_id), day, "close", "scheduled_roll")
                to_open[leg_id] = "scheduled_roll"
        for leg_id, leg in legs.items():
            quantity = leg_quantity(leg, units, template["contract_mode"])
            if day == last or quantity == 0 or leg_id not in to_open:
                continue
            expiry = min(s for s in calendar if s >= day + timedelta(days=leg["target_expiry_days"]))
            sign, strike = 1 if leg["side"] == "long" else -1, model.strike(leg, expiry, day)
            book[leg_id] = Held(leg_id, sign, leg["option_type"], strike, expiry, quantity, day)
            trade(book[leg_id], day, "open", to_open[leg_id])

        spot = model.spot(day)
        underlying = units * spot
        option = sum((held.sign * held.quantity * model.mid(held, day) for held in book.values()), 0.0)
        cash = cash_balance + sum(done["cashflow"] for done in trades)
        net = underlying + option + cash
        owed = loan * (1 + financing_rate * (day - first).days / 365)
        ltv_hedged = owed / net if net > 0 else math.inf
        today = [done for done in trades if done["date"] == day]
        opened = [done["cashflow"] for done in today if "open" in done["action"]]
        ended = [done["cashflow"] for done in today if "open" not in done["action"]]
        days.append({
            "date": day, "spot_close": spot, "underlying_value": underlying, "option_market_value": option,
            "premium_cashflow": sum(opened, 0.0),
            "realized_option_cashflow": sum(ended, 0.0),
            "cash": cash, "net_portfolio_value": net, "loan_amount": owed,
            "ltv_unhedged": owed / underlying, "ltv_hedged": ltv_hedged,
            "margin_call_unhedged": owed / underlying >= margin_call_ltv,
            "margin_call_hedged": ltv_hedged >= margin_call_ltv,
        })  # fmt: skip
    return {"days": days, "trades": trades, "metrics": measure(days, trades, cash_balance)}


def measure(days: list[dict[str, Any]], trades: list[dict[str, Any]], cash_balance: float) -> dict[str, Any]:
    """The run's figures, from its finished rows."""
    unhedged = [day["underlying_value"] + cash_balance for day in days]
    hedged = [day["net_portfolio_value"] for day in days]
    replacements = {t["date"] for t in trades if "open" in t["action"] and t["reason"] != "initial_entry"}
    return {
        "start_value": unhedged[0],
        "end_value_unhedged": unhedged[-1],
        "end_value_hedged_net": hedged[-1],
        "total_hedge_cost": -sum(day["premium_cashflow"] for day in days),
        "total_option_payoff_realized": sum(day["realized_option_cashflow"] for day in days),
        "max_ltv_unhedged": max(day["ltv_unhedged"] for day in days),
        "max_ltv_hedged": max(day["ltv_hedged"] for day in days),
        "margin_call_days_unhedged": sum(1 for day in days if day["margin_call_unhedged"]),
        "margin_call_days_hedged": sum(1 for day in days if day["margin_call_hedged"]),
        "worst_drawdown_unhedged": worst_drawdown(unhedged),
        "worst_drawdown_hedged": worst_drawdown(hedged),
        "days_protected_below_threshold": sum(
            1 for day in days if day["margin_call_unhedged"] and not day["margin_call_hedged"]
        ),
        "roll_count": len(replacements),
    }


def worst_drawdown(values: list[float]) -> float:
    """The deepest fraction below the running peak, as a positive number."""
    return max(1 - value / max(values[: i + 1]) for i, value in enumerate(values))


def rank(results: dict[str, dict[str, Any]]) -> list[str]:
    """Slugs from best to worst, given each template's metrics."""

    def key(slug: str) -> tuple[float, float, float, float, str]:
        found = results[slug]
        return (
            found["margin_call_days_hedged"],
            round(found["max_ltv_hedged"], 12),
            round(found["total_hedge_cost"], 6),
            -round(found["end_value_hedged_net"], 6),
            slug,
        )

    return sorted(results, key=key)
