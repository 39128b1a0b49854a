"""Definitions and statistics: one set per instrument and day, shaped like the real ones."""

from __future__ import annotations

from typing import Final

import databento_dbn as dbn
import numpy as np

from tests.gateway.catalog import Dataset, empty
from tests.gateway.instruments import NANO, Instrument
from tests.gateway.noise import I64, below, seed_of
from tests.gateway.paths import MINUTES_PER_DAY, date_of
from tests.gateway.sessions import is_session, new_york
from tests.gateway.tape import DAY, MINUTE, Records, Tape

_OPENING, _SETTLEMENT, _CLEARED_VOLUME, _OPEN_INTEREST, _CLOSING = 1, 3, 6, 9, 11
_PRELIMINARY, _FINAL = 2, 3
_OPTION_OPEN_INTEREST_AT: Final = 11 * 60 + 30  # minutes of the UTC day
_SHARE_LISTED_AT: Final = 9 * 60 + 5
_CASH_CLOSE: Final = 16 * 60
_SATURDAY: Final = 2  # day numbers counted from a Thursday
_UNDEFINED: Final[dict[str, int]] = {
    "u1": 255, "u2": 65535, "u4": 4294967295, "i1": 127, "i2": 32767, "i4": 2147483647,
    "u8": dbn.UNDEF_TIMESTAMP, "i8": dbn.UNDEF_PRICE,
}  # fmt: skip
_ZERO_WHERE_UNUSED: Final = (
    "underlying_id", "raw_instrument_id", "leg_count", "leg_index", "leg_instrument_id", "leg_underlying_id",
    "leg_ratio_price_numerator", "leg_ratio_price_denominator", "leg_ratio_qty_numerator",
    "leg_ratio_qty_denominator",
    "channel_id",
)  # fmt: skip
_HEADER: Final = ("length", "rtype", "publisher_id", "instrument_id")


def _listing_days(dataset: Dataset, start: int, end: int, minute: int) -> I64:
    """Give the days in which the daily moment at `minute` falls into [start, end)."""
    at = minute * MINUTE
    days = np.arange(-(-(start - at) // DAY), -(-(end - at) // DAY), dtype=np.int64)
    is_listed = days % 7 != _SATURDAY if dataset.calendar == "futures" else is_session(dataset.calendar, days)
    listed: I64 = days[is_listed]
    return listed


def _definition(dataset: Dataset, instrument: Instrument) -> Records:
    record = empty("definition", 1)
    for name, code in dbn.InstrumentDefMsg._dtypes:
        if name not in _HEADER and code in _UNDEFINED:
            record[name] = 0 if name in _ZERO_WHERE_UNUSED else _UNDEFINED[code]
    record["publisher_id"] = dataset.consolidated.number
    record["instrument_id"] = instrument.instrument_id
    record["raw_symbol"] = instrument.raw_symbol.encode()
    record["instrument_class"] = instrument.kind.encode()
    record["security_update_action"] = b"A"
    record["user_defined_instrument"] = b"N"
    record["leg_instrument_class"], record["leg_side"], record["match_algorithm"] = b" ", b"N", b"F"
    if instrument.kind == "K":
        record["min_lot_size_round_lot"] = 100
        return record
    record["currency"] = b"USD"
    record["asset"] = instrument.asset.encode()
    expires = date_of(instrument.expiry)
    if instrument.kind in {"C", "P"}:
        record["expiration"] = instrument.expiry * DAY
        record["strike_price"], record["strike_price_currency"] = instrument.strike, b"USD"
        record["underlying"], record["security_type"] = instrument.asset.encode(), b"OPT"
        record["exchange"], record["unit_of_measure"] = b"OPRA", b"USD"
        return record
    record["expiration"] = (instrument.expiry * MINUTES_PER_DAY + 13 * 60 + 30) * MINUTE
    record["activation"] = instrument.first_day * DAY
    record["min_price_increment"] = instrument.tick
    record["display_factor"] = NANO
    record["unit_of_measure_qty"] = (100 if instrument.asset == "GC" else 50) * NANO
    record["group"], record["security_type"] = instrument.asset.encode(), b"FUT"
    record["exchange"] = b"XCEC" if instrument.asset == "GC" else b"XCME"
    record["maturity_year"], record["maturity_month"] = expires.year, expires.month
    return record


def definitions(dataset: Dataset, instrument: Instrument, start: int, end: int) -> Records:
    """Give the definitions whose ts_recv is in [start, end): one a day, at 00:00 UTC for futures."""
    minute = {"futures": 0, "shares": _SHARE_LISTED_AT, "options": _OPTION_OPEN_INTEREST_AT}[dataset.calendar]
    days = _listing_days(dataset, start, end, minute)
    records = np.repeat(_definition(dataset, instrument), len(days))
    records["ts_recv"] = days * DAY + minute * MINUTE
    # The futures exchange defined it before the day began: ts_event may lie before the window.
    records["ts_event"] = records["ts_recv"] - (7 * 3600 * NANO if dataset.calendar == "futures" else 50_000)
    return records


def _statistics(tape: Tape, days: I64, minute: I64, kind: int, flags: int = 0) -> Records:
    records = empty("statistics", len(days))
    records["publisher_id"] = tape.publisher.number
    records["instrument_id"] = tape.instrument.instrument_id
    records["ts_recv"] = days * DAY + minute * MINUTE + 40_000
    records["ts_event"] = records["ts_recv"] - 40_000
    records["ts_ref"] = days * DAY
    records["price"], records["quantity"] = dbn.UNDEF_PRICE, dbn.UNDEF_STAT_QUANTITY
    records["stat_type"], records["stat_flags"], records["update_action"] = kind, flags, 1
    records["sequence"] = (days % 10_000) * 100 + kind * 2 + flags
    return records


def statistics(tape: Tape, start: int, end: int) -> Records:
    """Give the statistics whose ts_recv is in [start, end).

    Futures have settlement, cleared volume and open interest; shares have open and close.
    """
    days = np.arange(start // DAY - 1, end // DAY + 1, dtype=np.int64)
    days = days[is_session(tape.dataset.calendar, days)]
    seed = seed_of(tape.instrument.raw_symbol, "interest")
    interest = 5_000 + below(seed, days, 40_000)
    summer = new_york(days * MINUTES_PER_DAY + 12 * 60) - days * MINUTES_PER_DAY - 12 * 60
    closing = _CASH_CLOSE - summer  # 16:00 in New York, in minutes of the UTC day
    price = np.rint(tape.instrument.price(days * MINUTES_PER_DAY + closing) * (1e9 / tape.instrument.tick))
    nanos = price.astype(np.int64) * tape.instrument.tick
    if tape.dataset.calendar == "futures":
        preliminary = _statistics(tape, days, closing + 75, _SETTLEMENT, _PRELIMINARY)
        final = _statistics(tape, days, closing + 210, _SETTLEMENT, _FINAL)
        volume = _statistics(tape, days, closing + 210, _CLEARED_VOLUME)
        held = _statistics(tape, days, closing + 211, _OPEN_INTEREST)
        preliminary["price"] = final["price"] = nanos
        volume["quantity"], held["quantity"] = 1_000 + below(seed, days, 9_000), interest
        found = [preliminary, final, volume, held]
    else:
        opening = _statistics(tape, days, closing - 390, _OPENING)
        opened = tape.instrument.price(days * MINUTES_PER_DAY + closing - 390) * (1e9 / tape.instrument.tick)
        opening["price"] = np.rint(opened).astype(np.int64) * tape.instrument.tick
        close = _statistics(tape, days, closing, _CLOSING)
        close["price"] = nanos
        found = [opening, close]
    records = np.concatenate(found)
    records = records[np.argsort(records["ts_recv"], kind="stable")]
    return records[(records["ts_recv"] >= start) & (records["ts_recv"] < end)]
