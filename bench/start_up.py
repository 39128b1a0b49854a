"""Whole processes: `--help`, and a comparison of eight templates over a year, beside `import pandas` alone."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from bench.measure import medians, report

if TYPE_CHECKING:
    from collections.abc import Callable

COMPARE = "hedge compare --symbol GLD --start 2022-01-03 --end 2022-12-30 --units 1000 --loan 120000"


def main() -> None:
    """Measure and print."""
    contenders = {
        "vaultdash --help": _process("-m", "vaultdash", "--help"),
        "vaultdash hedge compare, 8 templates, 1 year": _process("-m", "vaultdash", *COMPARE.split()),
        "vaultdash demo": _process("-m", "vaultdash", "demo"),
        "python -c 'import pandas'": _process("-c", "import pandas"),
    }
    report(
        "A whole process",
        medians(contenders, repeats=5),
        us="vaultdash hedge compare, 8 templates, 1 year",
        goal="help under 300 ms, compare under 2,000 ms, demo under 5,000 ms",
    )


def _process(*words: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)
