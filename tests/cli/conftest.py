"""What every test of the commands stands on."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.stories import WARM, Shelf, cold_run, fingerprint, warm_run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home directory of the test's own: no test may see the real cache, or a real setting."""
    for name in ("CWL_MEMO_STORE", "CWL_MEMO_MAX_SIZE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    # A command that writes each line at once meets a closed pipe at another place.
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with monkeypatch.context() as zone:
        zone.setenv("TZ", "UTC")
        time.tzset()
        yield tmp_path
    time.tzset()


@pytest.fixture
def shelf(home: Path) -> Shelf:
    """The default store, which nothing has filled yet."""
    return Shelf(home / ".cache" / "cwl-memo")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store after a cold and a warm run, made once: a store waits for the disk."""
    shelf = Shelf(tmp_path_factory.mktemp("template") / "store")
    shelf.record(fingerprint(reads="1"))
    earlier = shelf.record(fingerprint(reads="2"), job="align_2", seconds=60.0)
    newest = shelf.record(
        fingerprint(reads="3"),
        job="align_2",
        run=WARM,
        started="2026-11-21T10:15:02+00:00",
        seconds=61.0,
    )
    shelf.record(
        {"tool": {"baseCommand": ["sort"]}},
        tool="sort.cwl",
        job="sort",
        started="2026-11-20T10:20:00+00:00",
        seconds=5.0,
        content=b"sorted" * 1000,
    )
    shelf.append(cold_run())
    shelf.append(warm_run(newest, earlier))
    return shelf.path


@pytest.fixture
def filled(shelf: Shelf, template: Path) -> Shelf:
    """The default store after a cold and a warm run: four entries of two tools."""
    shutil.copytree(template, shelf.path)
    return shelf
