"""Collecting on a local store: what goes, what stays, and what happens meanwhile."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from cwl_memo.core.retention import Limits
from cwl_memo.errors import StoreError
from cwl_memo.store.collect import Collector
from cwl_memo.store.local import LocalStore
from tests.store.example import age, digest, key, path_of, record

LONG_AGO = 1_000_000_000.0


def test_an_orphan_goes_when_it_is_old(local: LocalStore) -> None:
    local.ingest_bytes(b"young")
    local.ingest_bytes(b"old")
    record(local, 1, b"needed")
    age(path_of(local, b"old"), 3700)
    age(path_of(local, b"needed"), 3700)
    assert local.gc(1 << 30, dry_run=True) == []
    assert local.check_blob(digest(b"old"), 3)
    age(path_of(local, b"old"), 3700)
    assert local.gc(1 << 30) == []
    assert not local.check_blob(digest(b"old"), 3)
    assert local.check_blob(digest(b"young"), 5)
    assert local.check_blob(digest(b"needed"), 6)
    assert local.used_bytes() == local.stats().blob_bytes == 11


def test_a_lookup_is_a_use(local: LocalStore) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    record(local, 2, b"two", used=LONG_AGO + 1)
    local.begin_run("2026-a")
    local.hold("2026-a", key(1), LONG_AGO + 2)
    local.end_run("2026-a")
    assert [eviction.key for eviction in local.gc(3)] == [key(2)]


def test_last_use_survives_the_index(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one", used=LONG_AGO + 1)
    record(local, 2, b"two", used=LONG_AGO)
    local.close()
    (root / "index" / "cache.db").unlink()
    again = LocalStore(root)
    assert [eviction.key for eviction in again.gc(3)] == [key(2)]
    again.close()


def test_only_one_process_collects_at_a_time(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    with FileLock(root / "locks" / "gc.lock"):
        assert local.gc(0) == []
    assert len(local.gc(0)) == 1


def _meanwhile(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Do something between the choice of victims and their end."""
    choose = Collector._choose

    def choose_then_act(collector: Collector, found: Any, limits: Limits) -> Any:
        victims = choose(collector, found, limits)
        act()
        return victims

    monkeypatch.setattr(Collector, "_choose", choose_then_act)


def test_an_entry_that_is_used_meanwhile_is_spared(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    record(local, 2, b"two", used=LONG_AGO)
    _meanwhile(monkeypatch, lambda: local.hold("unknown", key(1), time.time()))
    assert [eviction.key for eviction in local.gc(0)] == [key(2)]
    assert local.check_blob(digest(b"one"), 3)
    assert not local.is_evicted(key(1))


def test_an_entry_that_is_held_meanwhile_is_spared(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    local.begin_run("2026-a")
    _meanwhile(monkeypatch, lambda: local._leases.hold("2026-a", key(1)))
    assert local.gc(0) == []
    assert local.check_blob(digest(b"one"), 3)


def test_an_entry_that_is_published_meanwhile_keeps_its_blobs(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"shared", b"own", used=LONG_AGO)
    _meanwhile(monkeypatch, lambda: record(local, 2, b"shared"))
    assert [eviction.key for eviction in local.gc(0)] == [key(1)]
    assert local.check_blob(digest(b"shared"), 6)
    assert not local.check_blob(digest(b"own"), 3)


def test_an_entry_that_is_dropped_meanwhile_leaves_no_mark(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    _meanwhile(monkeypatch, lambda: local.drop_entry(key(1)))
    assert local.gc(0) == []
    assert list((root / "entries").rglob("*.evicted")) == []


def test_blobs_that_are_moved_out_meanwhile_are_left_alone(
    local: LocalStore, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one", used=LONG_AGO)

    def move_out() -> None:
        (root / "blobs").rename(tmp_path / "blobs")
        (root / "blobs").mkdir()
        for path in (tmp_path / "blobs").iterdir():
            (root / "blobs" / path.name).symlink_to(path)

    _meanwhile(monkeypatch, move_out)
    local.gc(0)
    assert [path.read_bytes() for path in (tmp_path / "blobs").glob("*/*")] == [b"one"]


def test_blobs_of_evicted_entries_that_were_shared_go_with_the_last(local: LocalStore) -> None:
    record(local, 1, b"shared", b"own", used=LONG_AGO)
    record(local, 2, b"shared", used=LONG_AGO + 1)
    assert [eviction.freed for eviction in local.gc(6)] == [3]
    assert local.verify().missing_blobs == ()
    assert [eviction.freed for eviction in local.gc(0)] == [6]
    assert local.stats().blobs == 0


def test_a_blob_that_cannot_be_removed_is_told(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one", used=LONG_AGO)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StoreError):
        local.gc(0)
    monkeypatch.undo()
    # Nobody takes the entry for whole or keeps the lock.
    assert local.is_evicted(key(1))
    assert local.gc(0) == []


def test_what_blocks_a_blob_is_not_counted(local: LocalStore) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    path_of(local, b"one").unlink()
    path_of(local, b"one").mkdir()
    assert local.gc(0) == []
    record(local, 2, b"two", used=LONG_AGO)
    assert [eviction.key for eviction in local.gc(0)] == [key(2)]


def test_clearing_keeps_what_an_evicted_entry_left(local: LocalStore) -> None:
    record(local, 1, b"one", b"shared", used=LONG_AGO)
    record(local, 2, b"shared")
    local.gc(6)
    assert local.clear([key(1)]) == 1
    assert local.check_blob(digest(b"shared"), 6)
