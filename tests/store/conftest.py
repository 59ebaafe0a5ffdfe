"""Stores for tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.memory import MemoryStore
from cwl_memo.store.protocol import Store
from cwl_memo.store.table import DiskTable
from cwl_memo.store.tiered import TieredStore
from tests.store.fake_remote import FakeRemote


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test outlives the power, so none waits for the disk."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(params=["local", "memory", "tiered"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Every kind of store in turn."""
    store: Store = MemoryStore() if request.param == "memory" else open_store(tmp_path / "store")
    if request.param == "tiered":
        store = cast("Store", TieredStore(store, FakeRemote(), ask_again=0))
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
