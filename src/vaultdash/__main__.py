"""`python -m vaultdash`, and the `vaultdash` command."""

from __future__ import annotations

import sys

CANCELLED = 130


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        from vaultdash.cli.main import run  # noqa: PLC0415 - Ctrl-C while it loads leaves as quietly as later

        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(CANCELLED)


if __name__ == "__main__":
    main()
