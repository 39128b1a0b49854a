"""A deliberately dumb maker of bars: one trade at a time, plain Python integers, nothing shared with the product.

Trades are dicts with ts, price (1e-9), size, side ("B", "A" or "N") and contract. Sessions are tuples (open, close,
day) or None for UTC days.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

DAY = 86_400 * 10**9

Bar = dict[str, Any]


class Oracle:
    def __init__(
        self,
        *,
        kind: str,
        size: int,
        sessions: list[tuple[int, int, int]] | None,
        reset: str,
        fill: str = "none",
        multiplier: float = 1.0,
    ) -> None:
        self.kind, self.size, self.sessions, self.reset, self.fill = kind, size, sessions, reset, fill
        self.multiplier = Fraction(multiplier)
        self.bars: list[Bar] = []
        self.current: Bar | None = None
        self.contract: int | None = None
        self.rolls: list[tuple[int, int, int]] = []
        self.outside = [0, 0]
        self.last_ts = 0

    def run(self, trades: list[dict[str, Any]]) -> list[Bar]:
        for trade in trades:
            self.one(trade)
        if self.current is not None:
            self.bars.append(self.current)
        done = self.filled() if self.fill == "previous_close" else self.bars
        self.accumulate(done)
        return done

    def one(self, trade: dict[str, Any]) -> None:
        if self.contract is not None and trade["contract"] != self.contract:
            self.rolls.append((trade["ts"], self.contract, trade["contract"]))
            if self.current is not None:
                if self.kind == "time":
                    self.current["end"] = min(self.current["end"], max(trade["ts"], self.last_ts + 1))
                self.bars.append(self.current)
            self.current = None
        self.contract = trade["contract"]
        self.last_ts = trade["ts"]
        session = self.session_of(trade["ts"])
        if session is None:
            self.outside[0] += 1
            self.outside[1] += trade["size"]
            return
        if self.current is not None and not self.goes_on(self.current, trade, session):
            self.bars.append(self.current)
            self.current = None
        if self.current is None:
            self.current = self.new_bar(trade, session)
        self.add(self.current, trade)

    def session_of(self, ts: int) -> tuple[int, int, int] | None:
        if self.sessions is None:
            return (ts // DAY * DAY, (ts // DAY + 1) * DAY, ts // DAY)
        for session in self.sessions:
            if session[0] <= ts < session[1]:
                return session
        return None

    def interval(self, ts: int, session: tuple[int, int, int]) -> tuple[int, int]:
        start = session[0]
        while start + self.size <= ts:
            start += self.size * max(1, (ts - start) // self.size)
        return start, min(start + self.size, session[1])

    def goes_on(self, bar: Bar, trade: dict[str, Any], session: tuple[int, int, int]) -> bool:
        if bar["session"] != session[2]:
            return False
        if self.kind == "time":
            return bool(trade["ts"] < bar["end"])
        return not bar["full"]

    def new_bar(self, trade: dict[str, Any], session: tuple[int, int, int]) -> Bar:
        start, end = trade["ts"], trade["ts"] + 1
        if self.kind == "time":
            start, end = self.interval(trade["ts"], session)
            if self.rolls:
                start = max(start, self.rolls[-1][0])
        price = trade["price"]
        return {
            "start": start, "end": end, "session": session[2], "contract": trade["contract"], "open": price,
            "high": price, "low": price, "close": price, "volume": 0, "buy_volume": 0, "sell_volume": 0,
            "unsided_volume": 0, "trade_count": 0, "volume_delta": 0, "min_delta": 0, "max_delta": 0,
            "value": 0, "money": Fraction(0), "full": False, "levels": {}, "roll": len(self.rolls),
        }  # fmt: skip

    def add(self, bar: Bar, trade: dict[str, Any]) -> None:
        price, size, side = trade["price"], trade["size"], trade["side"]
        bar["high"], bar["low"], bar["close"] = max(bar["high"], price), min(bar["low"], price), price
        bar["volume"] += size
        bar["trade_count"] += 1
        bar[{"B": "buy_volume", "A": "sell_volume", "N": "unsided_volume"}[side]] += size
        bar["volume_delta"] += {"B": size, "A": -size, "N": 0}[side]
        bar["min_delta"] = min(bar["min_delta"], bar["volume_delta"])
        bar["max_delta"] = max(bar["max_delta"], bar["volume_delta"])
        bar["value"] += price * size
        bar["money"] += Fraction(abs(price) * size, 10**9) * self.multiplier
        level = bar["levels"].setdefault(price, {"B": 0, "A": 0, "N": 0})
        level[side] += size
        if self.kind != "time":
            bar["end"] = trade["ts"] + 1
            reached = {"tick": bar["trade_count"], "volume": bar["volume"], "dollar": bar["money"]}[self.kind]
            bar["full"] = reached >= self.size

    def filled(self) -> list[Bar]:
        done: list[Bar] = []
        for bar in self.bars:
            last = done[-1] if done else None
            while last is not None and (last["session"], last["roll"]) == (bar["session"], bar["roll"]):
                if last["end"] >= bar["start"]:
                    break
                close = last["close"]
                last = dict.fromkeys(last, 0) | {
                    "start": last["end"], "end": last["end"] + self.size, "session": last["session"],
                    "roll": last["roll"], "open": close, "high": close, "low": close, "close": close, "levels": {},
                }  # fmt: skip
                done.append(last)
            done.append(bar)
        return done

    def accumulate(self, bars: list[Bar]) -> None:
        running, before = 0, None
        for bar in bars:
            if before is not None and (
                bar["roll"] != before["roll"]
                or (self.reset == "session" and bar["session"] != before["session"])
                or (self.reset == "day" and bar["start"] // DAY != before["start"] // DAY)
            ):
                running = 0
            running += bar["volume_delta"]
            bar["cumulative_delta"] = running
            if bar["trade_count"]:
                bar["vwap"] = (bar["value"] // bar["volume"] + bar["value"] % bar["volume"] / bar["volume"]) / 1e9
            else:
                bar["vwap"] = bar["close"] / 1e9
            before = bar
