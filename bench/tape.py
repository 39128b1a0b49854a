"""Trades from `.dbn.zst` to a tape and from the tape to columns, against the real client and plain pyarrow.

Run it with `python -m bench.tape`. The trades are synthetic: a random walk of 5 M prints, in a temporary folder.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import databento_dbn
import numpy as np
import zstandard

from bench.tables import medians, print_table
from vaultdash.data.dbn.reading import record_dtype
from vaultdash.data.dbn.tape import READERS, TAPE_DTYPES, read_tape, tape_info, write_tape

TRADES = 5_000_000
WRITE_REPEATS, READ_REPEATS = 3, 9
WRITE_GOAL, READ_GOAL = 5.0, 1.3
START = 1_700_000_000_000_000_000

# Each peer runs in a process of its own, which tells its seconds (imports left out) and the most memory it held.
RUN = """
import json, resource, sys, time, warnings
warnings.simplefilter("ignore")
{imports}
warnings.simplefilter("ignore")
record, target = sys.argv[1:]
start = time.perf_counter()
{work}
seconds = time.perf_counter() - start
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""
WRITERS = {
    "tape": (
        "from pathlib import Path; import pyarrow.parquet; from vaultdash.data.dbn.tape import write_tape",
        "write_tape(Path(record), Path(target))",
    ),
    "DBNStore.to_parquet": (
        "import databento",
        "databento.DBNStore.from_file(record).to_parquet(target)",
    ),
    "DBNStore.to_df, then Parquet": (
        "import databento, pyarrow; from vaultdash.data.dbn.tape import TAPE_DTYPES",
        "databento.DBNStore.from_file(record).to_df().reset_index()[list(TAPE_DTYPES)].to_parquet(target)",
    ),
}


def write_trades(path: Path, count: int) -> None:
    """Write a day of synthetic trades of one contract, side and size as a future's are."""
    chance = np.random.default_rng(7)
    made = np.zeros(count, record_dtype("trades"))
    moments = START + np.cumsum(chance.exponential(16_000_000, count)).astype(np.uint64)
    made["length"] = made.dtype.itemsize // 4
    made["publisher_id"], made["instrument_id"] = 1, 5482
    made["ts_recv"], made["ts_event"] = moments, moments - chance.integers(90_000, 400_000, count).astype(np.uint64)
    made["price"] = 5_000 * 10**9 + np.cumsum(chance.integers(-1, 2, count)) * 250_000_000
    made["size"] = chance.geometric(0.35, count)
    made["action"], made["side"] = b"T", np.where(chance.random(count) < 0.5, b"A", b"B")
    made["ts_in_delta"] = chance.integers(10_000, 30_000, count)
    made["sequence"] = np.cumsum(chance.integers(1, 12, count))
    metadata = databento_dbn.Metadata(
        dataset="GLBX.MDP3",
        start=START,
        end=int(moments[-1]) + 1,
        stype_in=databento_dbn.SType("raw_symbol"),
        stype_out=databento_dbn.SType("instrument_id"),
        schema=databento_dbn.Schema("trades"),
        symbols=["ESH4"],
    )
    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
    path.write_bytes(compressor.compress(bytes(metadata) + made.tobytes()))


def write_apart(name: str, record: Path, target: Path) -> tuple[float, int]:
    """Run one writer in its own process; return its seconds and its peak memory in KiB."""
    imports, work = WRITERS[name]
    command = [sys.executable, "-c", RUN.format(imports=imports, work=work), str(record), str(target)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, peak = json.loads(told)
    return seconds, peak


def read_row_groups(path: Path) -> object:
    """The peer of reading: pyarrow, row group by row group, two threads."""
    import pyarrow.parquet as pq  # noqa: PLC0415  # the benchmark's own processes need it no sooner

    groups = pq.ParquetFile(path).num_row_groups

    def read(first: int) -> list[object]:
        file = pq.ParquetFile(path)
        columns = list(TAPE_DTYPES)
        return [file.read_row_group(at, columns=columns, use_threads=False) for at in range(first, groups, READERS)]

    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(read, range(READERS)))


def compare_writers(record: Path, folder: Path) -> None:
    """Print what each way from `.dbn.zst` to Parquet takes."""
    taken: dict[str, list[tuple[float, int]]] = {name: [] for name in WRITERS}
    for _ in range(WRITE_REPEATS):
        for name in WRITERS:
            taken[name].append(write_apart(name, record, folder / f"{len(name)}.parquet"))
    ours = statistics.median(seconds for seconds, _ in taken["tape"])
    rows = [("", "seconds", "M trades/s", "peak memory", "file", "tape is faster by", "goal")]
    for name, runs in taken.items():
        seconds = statistics.median(run[0] for run in runs)
        size = (folder / f"{len(name)}.parquet").stat().st_size / 1e6
        peer = name != "tape"
        rows.append(
            (
                name,
                f"{seconds:.2f}",
                f"{TRADES / seconds / 1e6:.2f}",
                f"{max(run[1] for run in runs) / 1024:,.0f} MiB",
                f"{size:.0f} MB",
                f"{seconds / ours:.1f}x" if peer else "",
                f">= {WRITE_GOAL:.0f}x" if peer else "",
            )
        )
    title = f"{TRADES / 1e6:.0f} M trades, .dbn.zst ({record.stat().st_size / 1e6:.0f} MB) -> Parquet"
    print_table(f"{title}, each in its own process, median of {WRITE_REPEATS}", rows)


def compare_readers(tape: Path) -> None:
    """Print what reading a tape takes."""
    taken = medians(
        {"pyarrow row groups, two threads": lambda: read_row_groups(tape), "read_tape": lambda: read_tape(tape)},
        repeats=READ_REPEATS,
    )
    peer, ours = taken.values()
    rows = [
        ("", "seconds", "M trades/s", "takes", "goal"),
        ("pyarrow row groups, two threads", f"{peer:.3f}", f"{TRADES / peer / 1e6:.0f}", "", ""),
        ("read_tape", f"{ours:.3f}", f"{TRADES / ours / 1e6:.0f}", f"{ours / peer:.2f}x", f"<= {READ_GOAL}x"),
    ]
    print_table(f"{tape_info(tape).rows / 1e6:.0f} M trades, tape -> columns, median of {READ_REPEATS}", rows)


def main() -> None:
    """Run both comparisons."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record = folder / "trades.dbn.zst"
        # Apart too, because a process counts the memory of the one that started it as its own.
        make = (
            f"import sys; from pathlib import Path; from bench.tape import *; write_trades(Path(sys.argv[1]), {TRADES})"
        )
        subprocess.run([sys.executable, "-c", make, str(record)], check=True)
        compare_writers(record, folder)
        write_tape(record, folder / "tape.parquet")
        compare_readers(folder / "tape.parquet")


if __name__ == "__main__":
    main()
