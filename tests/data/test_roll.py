from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from tests.data.dbn_bytes import MINUTE, Spans, bars, metadata, records
from vaultdash.data.calendars import trading_calendar
from vaultdash.data.dbn.reading import UNDEFINED_PRICE
from vaultdash.data.dbn.roll import Roll, is_spread, outrights_of, rolls
from vaultdash.data.request import Series
from vaultdash.errors import ParentSymbolError
from vaultdash.market import DAY_NS, midnight_ns

HOUR = 60 * MINUTE
CONTINUOUS = Series(source="databento", dataset="GLBX.MDP3", schema="ohlcv-1d", symbol="GC.v.0", stype_in="continuous")
PARENT = Series(source="databento", dataset="GLBX.MDP3", schema="ohlcv-1h", symbol="GC.FUT", stype_in="parent")
CHICAGO = trading_calendar("CMES")


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def spans(*dated: tuple[str, str, int], name: str = "GC.v.0") -> Spans:
    return {name: [(day(first), day(end), number) for first, end, number in dated]}


def head(mapped: Spans, series: Series = CONTINUOUS) -> Any:
    return metadata(schema=series.schema, symbol=series.symbol, stype_in=series.stype_in, spans=mapped)


JANUARY = head(spans(("2022-01-01", "2022-01-26", 1), ("2022-01-26", "2022-02-01", 2)))
FEBRUARY = head(spans(("2022-02-01", "2022-02-24", 2), ("2022-02-27", "2022-03-01", 3)))


def test_rolls_are_where_the_mapping_changes_over_all_records() -> None:
    assert rolls([FEBRUARY, JANUARY], series=CONTINUOUS) == (
        Roll(date=day("2022-01-26"), from_instrument=1, to_instrument=2, gap=None),
        Roll(date=day("2022-02-27"), from_instrument=2, to_instrument=3, gap=None),
    )


def test_the_gap_is_from_the_last_close_to_the_first() -> None:
    dates = ["2022-01-24", "2022-01-25", "2022-01-26", "2022-01-27", "2022-02-23"]
    made = bars(
        "ohlcv-1d",
        [midnight_ns(day(date)) for date in dates],
        [1840.0, 1850.5, 1855.1, 1800.0, 1900.0],
        instrument_id=[1, 1, 2, 2, 2],
    )
    first, second = rolls([JANUARY, FEBRUARY], series=CONTINUOUS, bars=made)
    assert (first.gap, second.gap) == (4.6, None)
    made["close"][1] = UNDEFINED_PRICE
    assert rolls([JANUARY], series=CONTINUOUS, bars=made)[0].gap == 15.1


def test_one_contract_never_rolls() -> None:
    plain = Series(source="databento", dataset="GLBX.MDP3", schema="ohlcv-1d", symbol="GCG2", stype_in="raw_symbol")
    month = head(spans(("2022-01-01", "2022-02-01", 1), name="GCG2"), plain)
    assert rolls([month, month], series=plain) == ()
    assert rolls([], series=plain) == ()


def test_another_symbol_of_the_file_is_none_of_ours() -> None:
    both = {**spans(("2022-01-01", "2022-02-01", 1)), **spans(("2022-01-01", "2022-02-01", 9), name="ES.v.0")}
    assert rolls([head(both)], series=CONTINUOUS) == ()


CHAIN: Spans = {
    "GCG2": [(day("2022-01-01"), day("2022-02-01"), 1)],
    "GCJ2": [(day("2022-01-01"), day("2022-02-01"), 2)],
    "GCG2-GCJ2": [(day("2022-01-01"), day("2022-02-01"), 3)],
}
# Sessions of 2022-01-04, 05, 06 and 07, the first bar of each on the evening before.
VOLUMES = {1: (90, 40, 80, 10), 2: (10, 60, 70, 90), 3: (500, 500, 500, 500)}


def chain_bars() -> Any:
    rows = []
    for at in range(4):
        evening = midnight_ns(day("2022-01-03")) + at * DAY_NS + 23 * HOUR
        for number, volumes in VOLUMES.items():
            rows += [
                (evening, number, 1800 + number + at, 0),
                (evening + 12 * HOUR, number, 1810 + number, volumes[at]),
            ]
    return bars(
        "ohlcv-1h",
        [row[0] for row in rows],
        [row[2] for row in rows],
        instrument_id=[row[1] for row in rows],
        volume=[row[3] for row in rows],
    )


def test_a_parent_is_refused_without_a_rule_and_what_it_needs() -> None:
    sentence = r"GC\.FUT stands for every contract of GC, so it has no single price\. Use GC\.v\.0.*name one"
    given: list[dict[str, Any]] = [
        {},
        {"bars": chain_bars(), "calendar": CHICAGO},
        {"rule": "previous_volume", "calendar": CHICAGO},
        {"rule": "previous_volume", "bars": chain_bars()},
    ]
    for some in given:
        with pytest.raises(ParentSymbolError, match=sentence):
            rolls([head(CHAIN, PARENT)], series=PARENT, **some)


def test_by_rule_each_session_is_the_largest_outright_of_the_one_before() -> None:
    found = rolls([head(CHAIN, PARENT)], series=PARENT, bars=chain_bars(), rule="previous_volume", calendar=CHICAGO)
    # 01-05 is contract 1 by the volume of 01-04; 01-06 contract 2 by 01-05; 01-07 contract 1 by 01-06.
    assert found == (
        Roll(date=day("2022-01-06"), from_instrument=1, to_instrument=2, gap=(1800 + 2 + 2) - (1810 + 1)),
        Roll(date=day("2022-01-07"), from_instrument=2, to_instrument=1, gap=(1800 + 1 + 3) - (1810 + 2)),
    )


def test_the_rule_knows_no_future() -> None:
    made = chain_bars()
    whole = rolls([head(CHAIN, PARENT)], series=PARENT, bars=made, rule="previous_volume", calendar=CHICAGO)
    scrambled = made.copy()
    is_last = made["ts_event"] >= midnight_ns(day("2022-01-06")) + 23 * HOUR
    scrambled["volume"][is_last] = 10**6 - scrambled["volume"][is_last]
    assert (
        rolls([head(CHAIN, PARENT)], series=PARENT, bars=scrambled, rule="previous_volume", calendar=CHICAGO) == whole
    )


def test_definitions_tell_outrights_before_names_do() -> None:
    definitions = records("definition", 3, instrument_id=[1, 2, 3], instrument_class=[b"F", b"S", b"S"])
    assert outrights_of(definitions) == {1}
    found = rolls(
        [head(CHAIN, PARENT)],
        series=PARENT,
        bars=chain_bars(),
        rule="previous_volume",
        calendar=CHICAGO,
        definitions=definitions,
    )
    assert found == ()


def test_spreads_are_told_by_their_names() -> None:
    assert not is_spread("ESU2")
    assert all(map(is_spread, ("ESU2-ESZ2", "GC:BF J2-M2-Q2", "UD:1V: VT 2812", "UD:1V")))


def test_no_bars_of_outrights_give_no_rolls() -> None:
    nothing = chain_bars()[:0]
    assert rolls([head(CHAIN, PARENT)], series=PARENT, bars=nothing, rule="previous_volume", calendar=CHICAGO) == ()
    assert isinstance(nothing, np.ndarray)
