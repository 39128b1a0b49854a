"""Tells whether the process that wrote something is still the one that runs under its number."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROC = Path("/proc")
STATE, STARTED = 0, 19  # places among the fields of /proc/<pid>/stat that follow the name


def mark_of(pid: int) -> str:
    """What tells a process from others that have had its number: the system's start and its own.

    Empty where the process is gone, or on a system that does not say.
    """
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        stat = (PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[STATE] in {"Z", "X"} else f"{boot} {fields[STARTED]}"


def is_alive(pid: int, mark: str) -> bool:
    """Whether the process that had this number and mark still runs; taken to where the system does not say."""
    if mark:
        return mark_of(pid) == mark
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
