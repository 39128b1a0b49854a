"""`python -m bench [NAME ...]`: runs the benchmarks, or those named, and prints their tables."""

from __future__ import annotations

import sys

from bench import daily_closes, hedge_engine, signal_backtest, start_up, tape, threshold_sweep, trade_bars

BENCHMARKS = {
    "hedge_engine": hedge_engine.main,
    "start_up": start_up.main,
    "tape": tape.main,
    "daily_closes": daily_closes.main,
    "trade_bars": trade_bars.main,
    "signal_backtest": signal_backtest.main,
    "threshold_sweep": threshold_sweep.main,
}


def main(names: list[str]) -> int:
    """Run the named benchmarks; all of them where none is named."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"bench: there is no benchmark named {', '.join(unknown)}. Known: {', '.join(BENCHMARKS)}.")
        return 2
    for name in names or BENCHMARKS:
        BENCHMARKS[name]()
    return 0


sys.exit(main(sys.argv[1:]))
