"""JSON in and out: values of the rooms as documents, and documents as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from vaultdash.errors import FileUnreadableError, UnknownFieldError
from vaultdash.hedge.template import HedgeTemplate

if TYPE_CHECKING:
    from pathlib import Path


def to_json(value: Any, kind: Any) -> str:
    """Write a value as one JSON document: ISO dates, full-precision numbers, null for what does not exist."""
    return TypeAdapter(kind).dump_json(value, indent=2).decode()


def read_template(path: Path) -> HedgeTemplate:
    """Read one template from a JSON file.

    Raises FileUnreadableError, UnknownFieldError naming each field that is wrong, and what a template's own
    constructor refuses.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise FileUnreadableError(
            path=path, reason=error.strerror or "it cannot be opened", remedy="Check the path of --template."
        ) from None
    try:
        return TypeAdapter(HedgeTemplate).validate_json(text)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'the document'}: {problem['msg'].lower()}"
            for problem in error.errors()
        ]
        raise UnknownFieldError(document=str(path), problems=problems) from None
