"""A second, deliberately plain signal backtest that shares no code with the engine it is compared to.

Rows are dicts of plain integers: prices in 1e-9, times in UTC nanoseconds. Every decision is worked out again from the
rows up to its own; nothing is cached and nothing is fast. Money is float USD.
"""

# The dumber engine is one plain loop on purpose, and a rule one line after another.
# ruff: noqa: C901, PLR0911, PLR0912, PLR0915, PLR0917

import math
import statistics
from datetime import datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, int]
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def run_of(rows: list[Row], t: int, reset: str) -> list[Row]:
    """Rows up to and including `t` since the cumulative delta last started again."""

    def key(row: Row) -> object:
        if reset == "session":
            return row["session"]
        return (EPOCH + timedelta(microseconds=row["start"] // 1000)).date() if reset == "day" else None

    return [row for row in rows[: t + 1] if key(row) == key(rows[t])]


def word(rule: dict[str, Any], rows: list[Row], t: int, reset: str) -> int:
    """What the rule says at the close of row `t`: 1 to be long, -1 to be short, 0 for nothing."""
    known = run_of(rows, t, reset)
    now, kind = known[-1], rule["kind"]
    if kind == "threshold":
        total = sum(row["volume_delta"] for row in known)
        return 1 if total > rule["threshold"] else -1 if total < -rule["threshold"] else 0
    back = rule["lookback"]
    before = known[:-1][-back:]
    if len(before) < back:
        return 0
    if kind == "z_score":
        deltas = [row["volume_delta"] for row in before]
        deviation = statistics.stdev(deltas)
        if deviation == 0:
            return 0
        z = (now["volume_delta"] - statistics.mean(deltas)) / deviation
        return 1 if z > rule["entry"] else -1 if z < -rule["entry"] else 0
    sums = [row["cumulative_delta"] for row in before]
    delta = now["cumulative_delta"]
    if kind == "breakout":
        return 1 if delta > max(sums) else -1 if delta < min(sums) else 0
    closes = [row["close"] for row in before]
    if now["close"] > max(closes) and delta <= max(sums):
        return -1
    if now["close"] < min(closes) and delta >= min(sums):
        return 1
    return 0


def in_hours(hours: dict[str, Any] | None, row: Row) -> bool:
    """Whether the row's end lies in the hours, from the opening until just before the closing."""
    if hours is None:
        return True
    end = EPOCH + timedelta(microseconds=row["end"] // 1000)
    local: time = end.astimezone(ZoneInfo(hours["time_zone"])).time()
    if hours["opens"] < hours["closes"]:
        return bool(hours["opens"] <= local < hours["closes"])
    return bool(local >= hours["opens"] or local < hours["closes"])


def run(
    rows: list[Row], rule: dict[str, Any], *, tick: str, multiplier: float, reset: str = "session",
    fraction: float | None = 0.1, contracts: int | None = None, same_close: bool = False, long_short: bool = False,
    commission: float = 0.0, slippage_ticks: str = "0", capital: float = 10_000.0, hours: dict[str, Any] | None = None,
    stop_ticks: str | None = None, target_ticks: str | None = None, flat_at_session_end: bool = False,
    sessions_per_year: int = 252,
) -> dict[str, Any]:  # fmt: skip
    """One rule along one path: `{"trips": [trip], "equity": [float], "unfilled": int, "figures": {name: figure}}`."""
    unit = Fraction(tick) * 10**9
    slip = unit * Fraction(slippage_ticks)
    trips: list[dict[str, Any]] = []
    equity: list[float] = []
    held: dict[str, Any] | None = None
    order: tuple[int, str] | None = None
    shut_out = 0  # the direction that a stop or a target has closed, until the rule says something else
    unfilled = 0

    def cash() -> float:
        closed = sum(trip["pnl"] - trip["fees"] for trip in trips)
        return float(capital + closed - (commission * held["quantity"] if held else 0.0))

    def gain(price: Fraction | int) -> float:
        assert held is not None
        change = float((Fraction(price) - held["price"]) / 10**9)
        return float(held["direction"] * held["quantity"] * multiplier * change)

    def leave(t: int, price: Fraction | int, moment: str, reason: str, *, slips: bool = True) -> None:
        nonlocal held, shut_out
        assert held is not None
        paid = Fraction(price) - (held["direction"] * slip if slips else 0)
        first = held["bar"] if held["moment"] == "open" else held["bar"] + 1
        last = t - 1 if moment == "open" else t
        trips.append({
            "entry_bar": held["bar"], "entry_price": float(held["price"] / 10**9), "exit_bar": t,
            "exit_price": float(paid / 10**9), "direction": held["direction"], "quantity": held["quantity"],
            "pnl": gain(paid), "fees": 2 * commission * held["quantity"], "bars_held": last - first + 1,
            "reason": reason, "exit_moment": moment,
        })  # fmt: skip
        if reason in ("stop", "target"):
            shut_out = held["direction"]
        held = None

    def enter(t: int, direction: int, price: int, moment: str) -> None:
        nonlocal held, unfilled
        paid = Fraction(price) + direction * slip
        if not cash() > 0 or (fraction is not None and paid <= 0):
            unfilled += 1
            return
        quantity = float(contracts or 0)
        if fraction is not None:
            quantity = fraction * cash() / (float(paid / 10**9) * multiplier)
        held = {"bar": t, "price": paid, "direction": direction, "quantity": quantity, "moment": moment}

    for t, row in enumerate(rows):
        if order:
            if held:
                leave(t, row["open"], "open", order[1])
            if order[0]:
                enter(t, order[0], row["open"], "open")
            order = None
        if held:
            up = held["direction"]
            stop = None if stop_ticks is None else held["price"] - up * unit * Fraction(stop_ticks)
            target = None if target_ticks is None else held["price"] + up * unit * Fraction(target_ticks)
            low_side, high_side = (row["low"], row["high"]) if up > 0 else (row["high"], row["low"])
            if target is not None and up * row["open"] >= up * target:
                leave(t, row["open"], "open", "target", slips=False)
            elif stop is not None and up * row["open"] <= up * stop:
                leave(t, row["open"], "open", "stop")
            elif stop is not None and up * low_side <= up * stop:
                leave(t, stop, "inside", "stop")
            elif target is not None and up * high_side >= up * target:
                leave(t, target, "inside", "target", slips=False)

        said = word(rule, rows, t, reset)
        if said != shut_out:
            shut_out = 0
        now = held["direction"] if held else 0
        wanted = {1: 1, -1: -1 if long_short else 0, 0: now}[said]
        if wanted == shut_out:
            wanted = 0
        why = "signal"
        if not in_hours(hours, row):
            why = "signal" if wanted != now else "hours"
            wanted = 0

        is_last = t == len(rows) - 1
        session_over = flat_at_session_end and not is_last and rows[t + 1]["session"] != row["session"]
        if is_last or session_over:
            if held:
                by_clock = "end" if is_last else "session_end"
                leave(t, row["close"], "close", why if same_close and wanted != now else by_clock)
        elif wanted != now and same_close:
            if held:
                leave(t, row["close"], "close", why)
            if wanted:
                enter(t, wanted, row["close"], "close")
        elif wanted != now:
            order = (wanted, why)
        equity.append(cash() + (gain(row["close"]) if held else 0.0))

    figures = measure(rows, trips, equity, capital, multiplier, sessions_per_year)
    return {"trips": trips, "equity": equity, "unfilled": unfilled, "figures": figures}


def measure(
    rows: list[Row], trips: list[dict[str, Any]], equity: list[float], capital: float, multiplier: float, year: int
) -> dict[str, Any]:
    """The run's figures, from its finished lists; None for what does not exist."""
    net = [trip["pnl"] - trip["fees"] for trip in trips]
    wins, losses = [n for n in net if n > 0], [n for n in net if n < 0]
    final = equity[-1] if equity else capital
    ends = [e for t, e in enumerate(equity) if t == len(rows) - 1 or rows[t + 1]["session"] != rows[t]["session"]]
    before = [capital, *ends[:-1]] if ends else []
    returns = [e / b - 1 for e, b in zip(ends, before, strict=True)] if all(b > 0 for b in before) else []
    falls = [r for r in returns if r < 0]
    sharpe = sortino = None
    if len(returns) > 1 and statistics.stdev(returns) > 1e-12 * max(abs(r) for r in returns):
        sharpe = statistics.mean(returns) / statistics.stdev(returns) * math.sqrt(year)
    if len(returns) > 1 and falls:
        sortino = statistics.mean(returns) / math.sqrt(sum(r * r for r in falls) / len(returns)) * math.sqrt(year)
    path = [capital, *equity]
    return {
        "initial_capital": capital,
        "final_capital": final,
        "total_return": final / capital - 1,
        "total_trades": len(net),
        "winning_trades": len(wins),
        "losing_trades": len(losses),
        "win_rate": len(wins) / len(net) if net else None,
        "average_win": sum(wins) / len(wins) if wins else None,
        "average_loss": sum(losses) / len(losses) if losses else None,
        "profit_factor": sum(wins) / -sum(losses) if losses else None,
        "expectancy": sum(net) / len(net) if net else None,
        "sharpe_ratio": sharpe,
        "sortino_ratio": sortino,
        "observations": len(returns),
        "sessions_per_year": year,
        "max_drawdown": max(1 - path[t] / max(path[: t + 1]) for t in range(len(path))),
        "exposure": sum(trip["bars_held"] for trip in trips) / len(rows) if rows else None,
        "turnover": sum(t["quantity"] * (abs(t["entry_price"]) + abs(t["exit_price"])) for t in trips)
        * multiplier
        / capital,
        "fees_paid": sum((trip["fees"] for trip in trips), 0.0),
        "buy_and_hold_return": rows[-1]["close"] / rows[0]["open"] - 1 if rows and rows[0]["open"] > 0 else None,
    }
