"""Stories: sequences of runs on one store."""

from __future__ import annotations

from pathlib import Path

import pytest

from .bench import Bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A folder with a store of its own."""
    return Bench(tmp_path, monkeypatch)
