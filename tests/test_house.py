"""What the house promises of every source file, and import linters do not say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import vaultdash
from tests.conftest import ROOT
from vaultdash import errors

SOURCES = sorted((ROOT / "src").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_opens_with_one_line_that_says_its_job(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
    assert docstring.splitlines()[0].endswith(".")


def test_the_error_tree_is_drawn_as_it_is() -> None:
    """Names in the drawing at the top of errors.py, and the classes with their bases, are the same."""
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"(?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+Error)\b", line)
        if found:
            depth = len(found["indent"]) // 4
            path = [*path[:depth], found["name"]]
            drawn[found["name"]] = path[-2] if depth else "Exception"
    real = {
        name: kind.__bases__[0].__name__
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception)
    }
    assert drawn == real


def test_every_public_name_is_there_and_documented() -> None:
    for name in vaultdash.__all__:
        assert getattr(vaultdash, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'Workbnch'"):
        _ = vaultdash.Workbnch


def test_the_readme_uses_public_names_only() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (names,) = re.findall(r"^from vaultdash import (.+)$", readme, flags=re.MULTILINE)
    assert set(names.split(", ")) <= set(vaultdash.__all__)
