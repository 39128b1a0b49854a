"""`python -m vaultdash`, and the `vaultdash` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from vaultdash.cli.main import run  # noqa: PLC0415 - keeps `import vaultdash.__main__` free of the door

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
