"""Twenty million trades in memory -> 1-minute bars with deltas: us, polars, duckdb and pandas, thread for thread.

The peers are asked for open, high, low, close, volume, bought, sold and count. Average prices and the lowest and
highest running delta, which we always give, are asked of polars alone, on a line of its own.
"""

# Peers are not among the project's own libraries, so mypy may not find them.
# mypy: disable-error-code="import-not-found,import-untyped,no-any-return,unused-ignore"

from __future__ import annotations

import os
import resource
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.measure import medians, report
from vaultdash.orderflow.bar_spec import BarSpec
from vaultdash.orderflow.bars import BarBuilder
from vaultdash.orderflow.trades import BUY, SELL, UNSIDED, Trades

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaultdash.market import Bars

COUNT = 20_000_000
CHUNK = 1_000_000
MINUTE = 60_000_000_000
MONTH = 21 * 23 * 60 * MINUTE
"""A month of a future: 21 sessions of 23 hours, without the nights between them."""
GOAL = "polars 6 x ours, thread for thread"
THREADS = (1, 2)
NUMPY_REPEATS = 3


def main() -> None:
    """Measure each number of threads, and memory, in processes of their own: polars fixes its threads at the start."""
    for threads in THREADS:
        _in_its_own_process(f"speed {threads}", POLARS_MAX_THREADS=str(threads))
    for way in ("whole", "chunks"):
        _in_its_own_process(f"memory {way}")


def _in_its_own_process(asked: str, **environment: str) -> None:
    subprocess.run([sys.executable, "-m", "bench.trade_bars", *asked.split()], check=True, env=os.environ | environment)


def synthetic_trades(count: int, *, seed: int = 1, start: int = 1_700_000_000_000_000_000) -> Trades:
    """A month of one future: exponential gaps, prices a tick up or down, small sizes, one print in fifty unsided."""
    random = np.random.default_rng(seed)
    gaps = random.exponential(MONTH / COUNT, count)
    return Trades(
        ts_recv=np.cumsum(gaps).astype(np.int64) + start,
        price=5_000_000_000_000 + np.cumsum(random.integers(-1, 2, count)) * 250_000_000,
        size=random.integers(1, 20, count).astype(np.uint32),
        side=random.choice(np.array([BUY, SELL, UNSIDED], np.uint8), count, p=[0.49, 0.49, 0.02]),
    )


def _speed(threads: int) -> None:
    trades = synthetic_trades(COUNT)
    us = f"vaultdash, {threads} thread{'s' if threads > 1 else ''}: every column of Bars"
    contenders: dict[str, Callable[[], object]] = {us: lambda: _ours(trades, threads)}
    expected = _ours(trades, threads)
    for name, peer in _peers(trades, threads).items():
        _check(name, peer, expected)
        contenders[name] = peer
    # Each runs on its own, again and again: in turns, polars would get its memory from the system anew every time.
    seconds = {name: medians({name: run}, repeats=7)[name] for name, run in contenders.items()}
    report(f"{COUNT:,} trades in memory -> {len(expected):,} bars of a minute", seconds, us=us, goal=GOAL)
    if threads == 1:
        numpy_alone = medians({"numpy": lambda: _ours(trades, threads, compiled=False)}, repeats=NUMPY_REPEATS)
        print(f"  vaultdash without numba, as small work is done    {numpy_alone['numpy'] * 1e3:>13.2f} ms")


def _ours(trades: Trades, threads: int, *, compiled: bool = True) -> Bars:
    builder = BarBuilder(BarSpec.parse("1m"), threads=threads, compiled=compiled)
    builder.feed(trades)
    return builder.finish()


def _peers(trades: Trades, threads: int) -> dict[str, Callable[[], Mapping[str, Any]]]:
    """Those installed; a sentence for each that is not."""
    peers: dict[str, Callable[[], Mapping[str, Any]]] = {}
    for name, find in (("polars", _polars), ("duckdb", _duckdb), ("pandas", _pandas)):
        try:
            peers |= find(trades, threads)
        except ImportError as missing:
            print(f"\n{name} is left out, because {missing.name} is not installed: pip install {missing.name}")
    return peers


def _polars(trades: Trades, threads: int) -> dict[str, Callable[[], Mapping[str, Any]]]:
    import polars as pl  # noqa: PLC0415 - an optional peer

    if pl.thread_pool_size() != threads:
        print(f"\npolars runs on {pl.thread_pool_size()} threads, not {threads}")
    times = pl.col("ts_recv").cast(pl.Datetime("ns")).set_sorted()
    frame = pl.DataFrame(trades.columns()).with_columns(times)
    # Sizes are widened first: a sum of uint32 is exact, a difference of two wraps.
    size, side, price = pl.col("size").cast(pl.Int64), pl.col("side"), pl.col("price")
    sided = frame.lazy().with_columns(
        size=size,
        bought=pl.when(side == BUY).then(size).otherwise(0),
        sold=pl.when(side == SELL).then(size).otherwise(0),
    )
    signed, running = pl.col("bought") - pl.col("sold"), pl.col("running")
    every = sided.with_columns(value=price * size, running=signed.cum_sum())
    columns = [
        price.first().alias("open"),
        price.max().alias("high"),
        price.min().alias("low"),
        price.last().alias("close"),
        pl.col("size", "bought", "sold").sum(),
        pl.len().alias("count"),
    ]
    before = running.first() - signed.first()
    more = [
        (pl.col("value").sum() / pl.col("size").sum() / 1e9).alias("vwap"),
        pl.min_horizontal(running.min() - before, 0).alias("min_delta"),
        pl.max_horizontal(running.max() - before, 0).alias("max_delta"),
    ]

    def run(frame: Any, columns: list[Any], engine: Any) -> Mapping[str, Any]:
        found = frame.group_by_dynamic("ts_recv", every="1m").agg(columns).collect(engine=engine)
        return {name: found[name].to_numpy() for name in found.columns}

    return {
        "polars group_by_dynamic, in memory": partial(run, sided, columns, "in-memory"),
        "polars group_by_dynamic, streaming": partial(run, sided, columns, "streaming"),
        "polars group_by_dynamic, in memory, every column": partial(run, every, columns + more, "in-memory"),
    }


def _duckdb(trades: Trades, threads: int) -> dict[str, Callable[[], Mapping[str, Any]]]:
    import duckdb  # noqa: PLC0415 - an optional peer
    import pyarrow as pa  # noqa: PLC0415 - how duckdb reads columns without a copy

    connection = duckdb.connect(config={"threads": threads})
    columns = {name: pa.array(column) for name, column in trades.columns().items()}
    connection.register("trades", pa.table(columns))
    # `last` has no order there, so the close is the price at the latest time.
    query = f"""
        select ts_recv // {MINUTE} as minute, arg_min(price, ts_recv) as open, max(price) as high, min(price) as low,
               arg_max(price, ts_recv) as close, sum(size) as size, count(*) as count,
               sum(case when side = {BUY} then size else 0 end) as bought,
               sum(case when side = {SELL} then size else 0 end) as sold
        from trades group by minute order by minute
    """  # noqa: S608 - the names are ours

    return {"duckdb": lambda: connection.execute(query).fetchnumpy()}


def _pandas(trades: Trades, threads: int) -> dict[str, Callable[[], Mapping[str, Any]]]:
    import pandas as pd  # noqa: PLC0415 - an optional peer

    if threads > 1:
        return {}
    side, size = trades.side, trades.size.astype(np.int64)

    def run() -> Mapping[str, Any]:
        frame = pd.DataFrame(
            {
                "minute": trades.ts_recv // MINUTE,
                "price": trades.price,
                "size": size,
                "bought": np.where(side == BUY, size, 0),
                "sold": np.where(side == SELL, size, 0),
            }
        )
        groups = frame.groupby("minute", sort=False)
        prices = groups["price"].agg(["first", "max", "min", "last"])
        sums = groups[["size", "bought", "sold"]].sum()
        named = dict(zip(("open", "high", "low", "close"), (prices[name].to_numpy() for name in prices), strict=True))
        return named | {name: sums[name].to_numpy() for name in sums}

    return {"pandas groupby": run}


def _check(name: str, peer: Callable[[], Mapping[str, Any]], ours: Bars) -> None:
    """The same work: a peer whose bars differ from ours is a mistake of this file."""
    theirs = peer()
    both = {
        "open": ours.open,
        "high": ours.high,
        "low": ours.low,
        "close": ours.close,
        "size": ours.volume,
        "bought": ours.buy_volume,
        "sold": ours.sell_volume,
        "min_delta": ours.min_delta,
        "max_delta": ours.max_delta,
    }
    for column, values in ((column, values) for column, values in both.items() if column in theirs):
        if not np.array_equal(np.asarray(theirs[column]).astype(np.int64), values):
            message = f"{name}: {column} differs"
            raise AssertionError(message)


def _memory(way: str) -> None:
    """Peak memory of a process, whole or a chunk at a time, above what it held before the first trade."""
    builder = BarBuilder(BarSpec.parse("1m"))
    builder.feed(synthetic_trades(CHUNK))
    builder = BarBuilder(BarSpec.parse("1m"))
    before = _peak_mb()
    if way == "whole":
        trades = synthetic_trades(COUNT)
        held = sum(column.nbytes for column in trades.columns().values()) / 1e6
        made = _peak_mb()
        builder.feed(trades)
        bars = builder.finish()
        print(
            f"\nMemory for {COUNT:,} trades in one piece: columns {held:,.0f} MB, {len(bars):,} bars; making the "
            f"trades peaks at {made:,.0f} MB, building the bars at {_peak_mb():,.0f} MB"
        )
        return
    start = 1_700_000_000_000_000_000
    for chunk in range(COUNT // CHUNK):
        trades = synthetic_trades(CHUNK, seed=chunk, start=start)
        start = int(trades.ts_recv[-1])
        builder.feed(trades)
    bars = builder.finish()
    print(
        f"Memory for {COUNT:,} trades in pieces of {CHUNK:,}: {len(bars):,} bars; peak {_peak_mb():,.0f} MB, "
        f"{_peak_mb() - before:,.0f} MB above a process that has built one piece"
    )


def _peak_mb() -> float:
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    what, choice = sys.argv[1:]
    if what == "speed":
        _speed(int(choice))
    else:
        _memory(choice)
