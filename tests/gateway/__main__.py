"""Run the gateway by hand: it prints the environment to set, and serves until it is interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from tests.gateway.faults import ALWAYS, SIMPLE
from tests.gateway.server import Gateway


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted or terminated."""
    parser = argparse.ArgumentParser(prog="python -m tests.gateway", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--dir", type=Path, required=True, help="where ca.pem is written")
    parser.add_argument("--trades-per-day", type=float, default=20_000, help="of the leading ES contract")
    parser.add_argument("--available-end", metavar="DATE", help="where history ends (default: 2026-11-01)")
    parser.add_argument("--jobs-poll", type=int, default=1, help="looks at a batch job per state")
    parser.add_argument("--fault", nargs="+", action="append", default=[], metavar=("CALL", "FAULT"),
                        help=f"and TIMES, 0 is always; faults: {', '.join(sorted(SIMPLE))}")  # fmt: skip
    chosen = parser.parse_args(arguments)
    gateway = Gateway(port=chosen.port, directory=chosen.dir, trades_per_day=chosen.trades_per_day)
    gateway.batch.polls_per_state = chosen.jobs_poll
    if chosen.available_end:
        gateway.market.set_available_end(chosen.available_end)
    for call, name, *times in chosen.fault:
        if name not in SIMPLE:
            parser.error(f"unknown fault: {name}")
        gateway.faults.add(call, SIMPLE[name](), times=(int(times[0]) or ALWAYS) if times else 1)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with gateway:
        for variable, value in gateway.environment().items():
            sys.stdout.write(f"export {variable}={value}\n")
        sys.stdout.flush()
        stopped.wait()
    sys.stderr.write(f"{len(gateway.requests)} requests, ${gateway.billed_usd:.6f} billed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
