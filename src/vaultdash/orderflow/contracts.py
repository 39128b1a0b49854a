"""One contract a session: spreads left out, the front month chosen by what was known before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from vaultdash.errors import ContractAbsentError, ContractRuleMissingError, ContractsUndefinedError
from vaultdash.orderflow.checks import require, require_one_of
from vaultdash.orderflow.sessions import sessions_within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultdash.orderflow.sessions import Sessions
    from vaultdash.orderflow.trades import Trades

RuleKind = Literal["front_by_volume", "named", "as_mapped"]

SPREAD_CLASSES = frozenset("STM")
"""Instrument classes of the vendor's definitions: future spread, option spread, mixed spread."""

SPREAD_MARKS = "-: "
"""Characters in the raw symbols of spreads (ESU4-ESZ4, ES:BF U4-Z4-H5) and of no single contract."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContractRule:
    """How one contract is picked: the one traded most in the session before, a named one, or whatever comes.

    `as_mapped` is for symbols that the vendor maps to one contract at a time (ES.v.0).
    """

    kind: RuleKind
    instrument_id: int | None = None

    def __post_init__(self) -> None:
        require_one_of("The contract rule", "kind", self.kind, get_args(RuleKind))
        require(
            fact=(self.kind == "named") == (self.instrument_id is not None),
            owner="The contract rule",
            field="instrument_id",
            value=self.instrument_id,
            must="be given for a named contract, and for no other rule",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenContract:
    """The contract of one session, by the session's day (days from 1970-01-01) and open (UTC ns)."""

    session: int
    open_ns: int
    instrument_id: int


class ContractSelector:
    """Takes trades of a parent symbol piece by piece and hands on those of one contract a session.

    The front contract of a session is the outright with the largest volume in the last session before it that traded;
    on a tie the one already held, then the lower id. The first session has none before it and takes the contract of
    its first outright trade, which is known when that trade is. Trades between two sessions go with the one before.
    Volume outside sessions does not count.

    Spreads are known by `instrument_class` (definitions: S, T and M are spreads), or, for contracts without one, by
    the marks in their raw symbol (`symbols`); the latter is noted. A contract of which neither is known is left out
    and counted, and ContractsUndefinedError is raised where nothing else is there. Without a rule, a second outright
    contract raises ContractRuleMissingError.
    """

    def __init__(
        self,
        rule: ContractRule | None,
        *,
        sessions: Sessions | None = None,
        instrument_class: Mapping[int, str] | None = None,
        symbols: Mapping[int, str] | None = None,
    ) -> None:
        self._rule, self._sessions = rule, sessions
        self._classes, self._symbols = instrument_class or {}, symbols or {}
        self._is_outright: dict[int, bool | None] = {}
        self._judged_by_symbol = False
        self._volumes: dict[int, int] = {}
        self._session: int | None = None
        self._chosen: list[ChosenContract] = []
        self._seen: dict[int, int] = {}
        self.spread_count = 0
        self.undefined_count = 0

    def feed(self, trades: Trades) -> list[Trades]:
        """Take the next trades; return those of the chosen contracts, in order. Raises as the class says."""
        ids = trades.instrument_id
        if ids is None or not len(trades) or (self._rule is not None and self._rule.kind == "as_mapped"):
            return [trades]
        here, counts = np.unique(ids, return_counts=True)
        for instrument, count in zip(here.tolist(), counts.tolist(), strict=True):
            self._seen[instrument] = self._seen.get(instrument, 0) + count
        if self._rule is not None and self._rule.kind == "named":
            return [trades.take(ids == self._rule.instrument_id)]
        if self._rule is None:
            return [self._only_contract(trades, here.tolist(), counts.tolist())]
        return [piece for piece in self._front(self._outrights(trades, here.tolist(), counts.tolist())) if len(piece)]

    def finish(self) -> None:
        """Check what can only be known at the end: that a named contract traded, and that some were outrights."""
        named = self._rule.instrument_id if self._rule is not None else None
        if named is not None and named not in self._seen:
            raise ContractAbsentError(instrument_id=named, held=sorted(self._seen))
        if self._is_outright and not any(self._is_outright.values()) and self.undefined_count:
            raise ContractsUndefinedError(
                instrument_ids=[number for number, known in self._is_outright.items() if known is None]
            )

    @property
    def chosen(self) -> tuple[ChosenContract, ...]:
        """The contract of each session that traded, in order; empty unless the front is chosen by volume."""
        return tuple(self._chosen)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the result must know, as sentences."""
        told = [
            (
                bool(self._chosen),
                "The first session uses the contract of its first trade, later ones that with the most volume before.",
            ),
            (self.spread_count > 0, f"{self.spread_count:,} trades of spreads were left out."),
            (
                self._judged_by_symbol,
                "Spreads were told by their symbols, because no definition was at hand for every contract.",
            ),
            (
                self.undefined_count > 0,
                f"{self.undefined_count:,} trades of contracts that may be spreads, as far as is known, were left out.",
            ),
        ]
        return tuple(text for is_so, text in told if is_so)

    def _judge(self, instrument: int) -> bool | None:
        """Whether a contract is an outright; None where nothing says so."""
        if instrument not in self._is_outright:
            kind, symbol = self._classes.get(instrument), self._symbols.get(instrument)
            if kind is not None:
                self._is_outright[instrument] = kind not in SPREAD_CLASSES
            elif symbol is not None:
                self._judged_by_symbol = True
                self._is_outright[instrument] = not any(mark in symbol for mark in SPREAD_MARKS)
            else:
                self._is_outright[instrument] = None
        return self._is_outright[instrument]

    def _outrights(self, trades: Trades, here: list[int], counts: list[int]) -> Trades:
        kept = []
        for instrument, count in zip(here, counts, strict=True):
            verdict = self._judge(instrument)
            if verdict:
                kept.append(instrument)
            elif verdict is None:
                self.undefined_count += count
            else:
                self.spread_count += count
        return trades if len(kept) == len(here) else trades.take(np.isin(trades.contracts, kept))

    def _only_contract(self, trades: Trades, here: list[int], counts: list[int]) -> Trades:
        """Without a rule: leave out what is known to be a spread, and refuse a second contract."""
        spreads = [number for number in here if self._judge(number) is False]
        self.spread_count += sum(count for number, count in zip(here, counts, strict=True) if number in spreads)
        others = [number for number in self._seen if self._judge(number) is not False]
        if len(others) > 1:
            raise ContractRuleMissingError(instrument_ids=sorted(others))
        return trades if not spreads else trades.take(~np.isin(trades.contracts, spreads))

    def _front(self, trades: Trades) -> list[Trades]:
        if not len(trades):
            return []
        times = trades.ts_recv
        first, last = int(times[0]), int(times[-1])
        within = sessions_within(self._sessions, first_ns=first, last_ns=last)
        opens = np.searchsorted(times, within.open_ns, "left").tolist()
        closes = np.searchsorted(times, within.close_ns, "left").tolist()
        # Rows before the first of these sessions belong to the one before, if there was one.
        pieces = [self._of_held(trades, 0, opens[0] if opens else len(times))]
        for number, (begin, close) in enumerate(zip(opens, closes, strict=True)):
            end = opens[number + 1] if number + 1 < len(opens) else len(times)
            if begin < close:
                self._enter(int(within.day[number]), int(within.open_ns[number]), int(trades.contracts[begin]))
                self._count(trades, begin, close)
            pieces.append(self._of_held(trades, begin, end))
        return pieces

    def _enter(self, day: int, open_ns: int, first_traded: int) -> None:
        """Start a session that trades: choose its contract from the volumes of the one before."""
        if self._session == day:
            return
        held = self._chosen[-1].instrument_id if self._chosen else None
        front = first_traded
        if self._volumes:
            front = min(self._volumes, key=lambda number: (-self._volumes[number], number != held, number))
        self._chosen.append(ChosenContract(session=day, open_ns=open_ns, instrument_id=front))
        self._session, self._volumes = day, {}

    def _count(self, trades: Trades, begin: int, end: int) -> None:
        ids, where = np.unique(trades.contracts[begin:end], return_inverse=True)
        sums = np.zeros(len(ids), np.int64)
        np.add.at(sums, where, trades.size[begin:end].astype(np.int64))
        for instrument, volume in zip(ids.tolist(), sums.tolist(), strict=True):
            self._volumes[instrument] = self._volumes.get(instrument, 0) + volume

    def _of_held(self, trades: Trades, begin: int, end: int) -> Trades:
        piece = trades.take(slice(begin, end))
        if not self._chosen or not len(piece):
            return piece.take(slice(0, 0))
        return piece.take(piece.contracts == self._chosen[-1].instrument_id)
