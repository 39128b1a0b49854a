"""What every test may ask for: the real market files, where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real market files, or a skip that says it is absent."""
    folder = Path(os.environ.get("VAULTDASH_REAL_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        # They are not part of the project, so a clone without them is a normal one.
        pytest.skip(f"the real market files are not at {folder}")
    return folder


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the data folder of the person who runs it, or their key."""
    monkeypatch.setenv("VAULTDASH_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.delenv("DATABENTO_API_KEY", raising=False)


# Where a change is judged, the same examples are tried every time; everywhere else new ones are looked for.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
settings.register_profile("judged", deadline=None, derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("judged")
