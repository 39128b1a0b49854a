"""JSON in and out: values of the rooms as documents, and documents as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from vaultdash.data.files.tables import read_bytes
from vaultdash.errors import ImpossibleValueError, UnknownFieldError
from vaultdash.hedge.template import HedgeTemplate

if TYPE_CHECKING:
    from pathlib import Path


def to_json(value: Any, kind: Any) -> str:
    """Write a value as one JSON document: ISO dates, full-precision numbers, null for what does not exist."""
    return TypeAdapter(kind).dump_json(value, indent=2, ensure_ascii=True).decode()


def read_template(path: Path) -> HedgeTemplate:
    """Read one template from a JSON file.

    Raises FileUnreadableError, and UnknownFieldError naming each field that is wrong and why.
    """
    try:
        return TypeAdapter(HedgeTemplate).validate_json(read_bytes(path), strict=True)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'the document'}: {problem['msg'].lower()}"
            for problem in error.errors()
        ]
    except ImpossibleValueError as error:
        problems = [str(error).rstrip(".")]
    raise UnknownFieldError(document=str(path), problems=problems)
