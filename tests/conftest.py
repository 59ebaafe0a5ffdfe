"""No test sees the home directory, or the store, of whoever runs it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

_HOME = Path(os.path.expanduser("~"))  # noqa: PTH111  (before a test changes it)
_REAL_STORES = tuple(
    str(Path(cache, "cwl-memo"))
    for cache in (_HOME / ".cache", os.environ.get("XDG_CACHE_HOME"))
    if cache
)
_TOUCHES = frozenset({"open", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.scandir"})


def _refuse_real_store(event: str, arguments: tuple[object, ...]) -> None:
    if event in _TOUCHES and arguments and str(arguments[0]).startswith(_REAL_STORES):
        raise RuntimeError(f"a test touched the real store: {event} {arguments[0]}")


# Started in the background of a script, Python ignores SIGINT, and so would all it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A hook cannot be taken away again: it is set once, for the whole session.
sys.addaudithook(_refuse_real_store)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory for each test."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(home / ".local/share"))
    for name in [name for name in os.environ if name.startswith("CWL_MEMO_")]:
        monkeypatch.delenv(name)
    return home
