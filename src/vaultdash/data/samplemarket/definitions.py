"""Instrument definitions as DBN records: shares and futures at midnight UTC of a day they trade, options at 06:30."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import databento_dbn as dbn
import numpy as np

from vaultdash.data.samplemarket.chain import CALENDAR as OPTION_CALENDAR
from vaultdash.data.samplemarket.chain import MILLI, chain_on, option_symbol
from vaultdash.data.samplemarket.contracts import ROOTS
from vaultdash.data.samplemarket.instruments import CENT, HOUR_NS, PRICE_UNIT, outright, session_hours, sessions_over
from vaultdash.market import DAY_NS, Window, midnight_ns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vaultdash.data.samplemarket.contracts import Contract
    from vaultdash.data.samplemarket.instruments import Instrument
    from vaultdash.data.samplemarket.stretches import Stretch

EXCHANGE = "SMPL"
# Definitions and open interest of options come three hours before the open, at 06:30 in New York.
HOURS_BEFORE_OPEN = 3
LATENCY_NS = 150_000
CONSOLIDATED = 60_100  # the publisher of options' definitions and consolidated quotes
VENUES = tuple(range(60_101, 60_117))
OPTION_MULTIPLIER = 100
LEGS = 2

Records = Any  # a numpy array of one of DBN's record types


def definition_days(stretches: Sequence[Stretch]) -> list[tuple[int, Stretch]]:
    """The midnights of stretches on whose UTC day their instrument trades, with what trades, in order of time."""
    found = []
    for stretch in stretches:
        for midnight in range(-(-stretch.window.start // DAY_NS) * DAY_NS, stretch.window.end, DAY_NS):
            day = Window(start=midnight, end=midnight + DAY_NS)
            sessions = sessions_over(stretch.instrument.calendar, day)
            if any(stretch.first_session <= session.day <= stretch.last_session for session in sessions):
                found.append((midnight, stretch))
    return sorted(found, key=lambda row: row[0])


def instrument_definitions(days: Sequence[tuple[int, Stretch]]) -> Records:
    """A record for each share or future of `definition_days`, and one for each leg of each calendar spread."""
    rows: list[bytes] = []
    for midnight, stretch in days:
        instrument = stretch.instrument
        rows += [_definition(instrument, leg, midnight) for leg in range(definition_count(instrument))]
    return np.frombuffer(b"".join(rows), dtype=dbn.InstrumentDefMsg._dtypes)  # noqa: SLF001 - its public layout


def definition_count(instrument: Instrument) -> int:
    """How many records define an instrument: one, or as many as it has legs."""
    return 1 if instrument.far is None else LEGS


def _definition(instrument: Instrument, leg: int, midnight: int) -> bytes:
    contract = instrument.contract
    details = _share() if contract is None else _future(instrument, contract)
    if contract is not None and instrument.far is not None:
        details |= _leg(contract, instrument.far, leg)
    record = dbn.InstrumentDefMsg(
        publisher_id=instrument.publisher,
        instrument_id=instrument.instrument_id,
        raw_instrument_id=instrument.instrument_id,
        ts_event=midnight - LATENCY_NS,
        ts_recv=midnight,
        min_price_increment=instrument.tick,
        display_factor=PRICE_UNIT,
        raw_symbol=instrument.raw_symbol,
        asset=instrument.path,
        exchange=EXCHANGE,
        security_update_action=dbn.SecurityUpdateAction("A"),
        currency="USD",
        **details,
    )
    return bytes(record)


def _share() -> dict[str, Any]:
    return {"instrument_class": dbn.InstrumentClass.STOCK, "security_type": "ETF", "expiration": dbn.UNDEF_TIMESTAMP}


def _future(instrument: Instrument, contract: Contract) -> dict[str, Any]:
    multiplier, is_spread = ROOTS[contract.root].multiplier, instrument.far is not None
    return {
        "instrument_class": dbn.InstrumentClass.FUTURE_SPREAD if is_spread else dbn.InstrumentClass.FUTURE,
        "security_type": "MLEG" if is_spread else "FUT",
        "group": contract.root,
        "expiration": session_hours(instrument.calendar, contract.expiry).ends,
        "maturity_year": contract.year,
        "maturity_month": contract.month,
        "unit_of_measure_qty": multiplier * PRICE_UNIT,
        "min_price_increment_amount": instrument.tick * multiplier,
    }


def _leg(near: Contract, far: Contract, leg: int) -> dict[str, Any]:
    """One leg of a calendar spread: far less near buys the far contract, near less far the near one."""
    is_bought = (leg == 0) == (ROOTS[near.root].spread_sign < 0)
    part = outright((near, far)[leg])
    return {
        "leg_count": LEGS,
        "leg_index": leg,
        "leg_instrument_id": part.instrument_id,
        "leg_raw_symbol": part.raw_symbol,
        "leg_instrument_class": dbn.InstrumentClass.FUTURE,
        "leg_side": dbn.Side.BID if is_bought else dbn.Side.ASK,
        "leg_ratio_qty_numerator": 1,
        "leg_ratio_qty_denominator": 1,
    }


def option_definition_time(session: date) -> int:
    """When a session's options are defined, in nanoseconds."""
    return session_hours(OPTION_CALENDAR, session).opens - HOURS_BEFORE_OPEN * HOUR_NS


def option_definitions(session: date) -> Records:
    """A record for each option listed on a session, in the order of its chain."""
    chain = chain_on(session)
    moment = option_definition_time(session)
    rows = np.repeat(_option_template(), len(chain))
    rows["instrument_id"] = rows["raw_instrument_id"] = chain.instrument_id
    rows["ts_event"], rows["ts_recv"] = moment - LATENCY_NS, moment
    rows["strike_price"] = chain.strike * (PRICE_UNIT // MILLI)
    rows["instrument_class"] = np.where(chain.is_put, b"P", b"C")
    expiries, places = np.unique(chain.expiry, return_inverse=True)
    days = [date.fromordinal(ordinal) for ordinal in expiries.tolist()]
    # As OPRA gives it: the date at 00:00 UTC, not the moment.
    rows["expiration"] = np.array([midnight_ns(day) for day in days], dtype=np.uint64)[places]
    rows["maturity_year"] = np.array([day.year for day in days])[places]
    rows["maturity_month"] = np.array([day.month for day in days])[places]
    rows["maturity_day"] = np.array([day.day for day in days])[places]
    rows["raw_symbol"] = option_symbols(session)
    return rows


def option_symbols(session: date) -> list[str]:
    """The name of each option listed on a session, in the order of its chain."""
    chain = chain_on(session)
    columns = (chain.expiry.tolist(), chain.strike.tolist(), chain.is_put.tolist())
    return [option_symbol(expiry, strike, is_put=is_put) for expiry, strike, is_put in zip(*columns, strict=True)]


def _option_template() -> NDArray[Any]:
    record = dbn.InstrumentDefMsg(
        publisher_id=CONSOLIDATED,
        instrument_id=0,
        ts_event=0,
        ts_recv=0,
        min_price_increment=CENT,
        display_factor=PRICE_UNIT,
        contract_multiplier=OPTION_MULTIPLIER,
        raw_symbol="",
        asset="GLD",
        exchange=EXCHANGE,
        security_type="OPT",
        instrument_class=dbn.InstrumentClass("C"),
        security_update_action=dbn.SecurityUpdateAction("A"),
        expiration=0,
        strike_price=0,
        underlying="GLD",
        currency="USD",
        strike_price_currency="USD",
    )
    return np.frombuffer(bytes(record), dtype=dbn.InstrumentDefMsg._dtypes).copy()  # noqa: SLF001 - its public layout
