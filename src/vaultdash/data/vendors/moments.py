"""Reads the moments that vendors write: ISO-8601 with nanoseconds, in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from vaultdash.market import SECOND_NS

MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?)?(Z|\+00:?00)?")


def read_moment(text: object) -> int | None:
    """Return nanoseconds since 1970 for `2022-01-03`, `2022-01-03T14:30:00.000000001Z`; None for anything else."""
    match = MOMENT.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * SECOND_NS + int((match[3] or "").ljust(9, "0"))
