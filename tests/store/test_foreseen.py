"""A store as a plan sees it: read, and as it would be after what a run does."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwl_memo.errors import StoreReadOnlyError
from cwl_memo.store.foreseen import ForeseenStore
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.memory import MemoryStore
from cwl_memo.store.protocol import FileDigest, FileIdentity
from tests.store.example import digest, entry, key, record

OLD_NS = 1_000_000_000_000_000_000


def foreseen(root: Path) -> ForeseenStore:
    return ForeseenStore(open_store(root, readonly=True), str(root))


def test_entries_and_blobs_are_those_of_the_store(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    local.close()
    store = foreseen(root)
    assert store.get_entry(key(1)) == entry(1, b"one")
    assert store.recent("sort", 5) == [key(1)]
    assert list(store.keys("")) == [key(1)]
    assert not store.writable
    assert store.location == str(root)
    store.close()


def test_a_dropped_entry_is_gone_for_this_process_alone(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    record(local, 2, b"two")
    store = foreseen(root)
    store.drop_entry(key(2))
    assert store.get_entry(key(2)) is None
    assert store.recent("sort", 1) == [key(1)]
    assert local.get_entry(key(2)) is not None
    store.close()


def test_nobody_is_kept_from_evicting(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    store = foreseen(root)
    store.begin_run("2026-run")
    store.hold("2026-run", key(1), 0.0)
    assert [found.key for found in local.gc(0)] == [key(1)]
    store.end_run("2026-run")
    store.close()


def test_digests_are_read_from_the_index_and_new_ones_kept_in_memory(
    local: LocalStore, root: Path
) -> None:
    known, new = (FileIdentity(1, inode, 3, OLD_NS, OLD_NS) for inode in (2, 3))
    found = FileDigest(digest(b"abc"), 3, "", program=False)
    local.remember_digest(known, found, OLD_NS + 10**10)
    local.close()
    store = foreseen(root)
    assert store.known_digest(known) == found
    assert store.known_digest(new) is None
    store.remember_digest(new, found, OLD_NS + 10**10)
    assert store.known_digest(new) == found
    store.close()
    assert foreseen(root).known_digest(new) is None


def test_the_key_for_secrets_is_the_stores_or_one_of_no_store(
    local: LocalStore, root: Path
) -> None:
    without = foreseen(root)
    with pytest.raises(StoreReadOnlyError):
        open_store(root, readonly=True).secret()
    assert without.secret() == without.secret()
    assert local.secret() != without.secret()
    assert foreseen(root).secret() == local.secret()
    without.close()


def test_a_store_that_is_to_be_made_is_empty(tmp_path: Path) -> None:
    store = ForeseenStore(MemoryStore(), str(tmp_path / "store"))
    assert store.get_entry(key(1)) is None
    assert store.recent("sort", 5) == []
    assert not (tmp_path / "store").exists()
