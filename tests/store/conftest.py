"""Stores for tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.memory import MemoryStore
from cwl_memo.store.protocol import Store
from cwl_memo.store.table import DiskTable


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test outlives the power, so none waits for the disk."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Every kind of store in turn."""
    store: Store = open_store(tmp_path / "store") if request.param == "local" else MemoryStore()
    yield store
    store.close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalStore]:
    """A new local store."""
    store = open_store(tmp_path / "store")
    yield store
    store.close()


@pytest.fixture
def root(local: LocalStore) -> Path:
    """The directory of the local store."""
    return Path(local.location)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[DiskTable]:
    """A table in an otherwise empty directory."""
    table = DiskTable(tmp_path, timeout=0.1)
    yield table
    table.close()
