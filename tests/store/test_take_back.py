"""A run that ends well takes back what it has made, and nothing else."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cwl_memo.core.entry import Entry
from cwl_memo.errors import StoreError, StoreReadOnlyError
from cwl_memo.store import upkeep
from cwl_memo.store.claim import try_lock
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.memory import MemoryStore
from cwl_memo.store.protocol import Store
from tests.store.example import age, digest, entry, key, path_of, python, record

RUN = "2026-mine"
OTHER = "2026-other"


def make(store: Store, number: int, *contents: bytes, run: str = RUN) -> Entry:
    """Record a job as one of a run's."""
    for content in contents:
        store.ingest_bytes(content)
    made = entry(number, *contents)
    made = replace(made, origin=replace(made.origin, run=run))
    store.hold(run, made.key, time.time())
    store.publish(made)
    return made


def has(store: Store, content: bytes) -> bool:
    return store.check_blob(digest(content), len(content))


# every store


def test_what_a_run_made_goes_with_the_blobs_that_only_it_needs(store: Store) -> None:
    store.begin_run(RUN)
    record(store, 1, b"before", b"shared")
    make(store, 2, b"mine", b"shared")
    make(store, 3, b"mine")
    assert store.take_back(RUN, [key(2), key(3)]) == 2
    assert list(store.keys()) == [key(1)]
    assert not has(store, b"mine")
    assert has(store, b"before")
    assert has(store, b"shared")
    assert store.recent("sort", 9) == [key(1)]
    assert store.verify().bad_entries == store.verify().missing_blobs == ()


def test_what_is_not_named_stays(store: Store) -> None:
    made = make(store, 1, b"one")
    assert store.take_back(RUN, []) == 0
    assert store.take_back(RUN, [key(2)]) == 0
    assert store.get_entry(key(1)) == made
    assert has(store, b"one")


def test_what_another_run_has_made_of_it_since_stays(store: Store) -> None:
    make(store, 1, b"mine")
    made = make(store, 1, b"other", run=OTHER)
    assert store.take_back(RUN, [key(1)]) == 0
    assert store.get_entry(key(1)) == made
    assert has(store, b"other")


def test_what_another_living_run_holds_stays(store: Store) -> None:
    store.begin_run(RUN)
    store.begin_run(OTHER)
    held = make(store, 1, b"held")
    make(store, 2, b"not held")
    store.hold(OTHER, key(1), time.time())
    assert store.take_back(RUN, [key(1), key(2)]) == 1
    assert store.get_entry(key(1)) == held
    assert has(store, b"held")
    assert store.get_entry(key(2)) is None


def test_what_a_run_that_has_ended_held_goes(store: Store) -> None:
    store.begin_run(RUN)
    store.begin_run(OTHER)
    make(store, 1, b"held")
    store.hold(OTHER, key(1), time.time())
    store.end_run(OTHER)
    assert store.take_back(RUN, [key(1)]) == 1
    assert not has(store, b"held")


def test_blobs_stay_while_another_run_may_have_found_them_in_place(store: Store) -> None:
    store.begin_run(RUN)
    store.begin_run(OTHER)
    make(store, 1, b"empty log")
    store.ingest_bytes(b"empty log")
    assert store.take_back(RUN, [key(1)]) == 1
    made = make(store, 2, b"empty log", run=OTHER)
    assert store.get_entry(key(2)) == made
    assert has(store, b"empty log")


def test_it_can_be_made_again(store: Store) -> None:
    made = make(store, 1, b"one")
    store.take_back(RUN, [key(1)])
    assert make(store, 1, b"one") == made == store.get_entry(key(1))
    assert has(store, b"one")


def test_a_damaged_entry_is_not_taken_for_the_runs_own() -> None:
    store = MemoryStore()
    make(store, 1, b"one")
    store._content.entries[key(1)] = b"{"
    assert store.take_back(RUN, [key(1)]) == 0


# a local store


def test_a_damaged_file_is_set_aside(local: LocalStore, root: Path) -> None:
    make(local, 1, b"one")
    path = next((root / "entries").glob("*/*.json"))
    path.chmod(0o600)
    path.write_text("{}")
    assert local.take_back(RUN, [key(1)]) == 0
    assert local.stats().quarantined == 1


def test_an_entry_without_an_origin_is_nobodys() -> None:
    assert upkeep._run_of({}) == ""
    assert upkeep._run_of({"origin": []}) == ""


def test_a_store_that_cannot_be_written_gives_nothing_back(local: LocalStore) -> None:
    make(local, 1, b"one")
    store = open_store(local.location, readonly=True)
    with pytest.raises(StoreReadOnlyError):
        store.take_back(RUN, [key(1)])
    store.close()


def test_many_go_in_batches(local: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_BATCH", 2)
    for number in range(5):
        make(local, number, b"%d" % number)
    assert local.take_back(RUN, [key(number) for number in range(5)]) == 5
    assert local.stats().blobs == local.stats().entries == 0


def test_entries_go_though_another_process_collects_and_their_blobs_later(
    local: LocalStore, root: Path
) -> None:
    make(local, 1, b"one")
    lock = try_lock(root / "locks" / "gc.lock")
    assert lock is not None
    assert local.take_back(RUN, [key(1)]) == 1
    assert list(local.keys()) == []
    assert has(local, b"one")
    lock.release()
    age(path_of(local, b"one"), 7200)
    local.gc(1000)
    assert not has(local, b"one")


def test_blobs_stay_for_a_run_that_begins_meanwhile(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.begin_run(RUN)
    make(local, 1, b"one")
    collector = local._upkeep.collector
    look = type(collector)._look

    def look_and_begin(*arguments: object) -> object:
        found = look(*arguments)  # type: ignore[arg-type]
        local.begin_run(OTHER)
        return found

    monkeypatch.setattr(type(collector), "_look", look_and_begin)
    assert local.take_back(RUN, [key(1)]) == 1
    assert has(local, b"one")


def test_the_store_is_not_looked_through_for_blobs_that_stay(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.begin_run(OTHER)
    make(local, 1, b"one")

    def look(*_: object) -> object:
        raise AssertionError("it takes seconds in a large store")

    monkeypatch.setattr(type(local._upkeep.collector), "_look", look)
    assert local.take_back(RUN, [key(1)]) == 1


def test_a_blob_that_is_gone_already_is_no_harm(local: LocalStore) -> None:
    make(local, 1, b"one", b"two")
    path_of(local, b"one").unlink()
    assert local.take_back(RUN, [key(1)]) == 1
    assert not has(local, b"two")


def test_who_publishes_keeps_a_run_from_taking_back(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it could remove what another run has put in the place of its entry."""
    made = make(local, 1, b"one")
    monkeypatch.setattr(local._upkeep.collector.sweep, "_patience", 0.0)
    with local._upkeep.collector.sweep.publishing(key(2)), pytest.raises(StoreError):
        local.take_back(RUN, [key(1)])
    assert local.get_entry(key(1)) == made


HOLD = """
import sys
from cwl_memo.store.local import open_store
from tests.store.example import key
store = open_store(sys.argv[1])
store.begin_run('2026-other')
store.hold('2026-other', key(1), 1e9)
print('ready', flush=True)
sys.stdin.readline()
store.close()
"""


def test_another_process_keeps_what_it_holds_until_it_dies(local: LocalStore, root: Path) -> None:
    local.begin_run(RUN)
    made = make(local, 1, b"one")
    make(local, 2, b"two")
    other: subprocess.Popen[str] = python(HOLD, root)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        assert local._leases.live_beside(RUN)
        assert local.take_back(RUN, [key(1), key(2)]) == 1
        assert local.get_entry(key(1)) == made
        assert has(local, b"one")
        assert has(local, b"two")
    finally:
        other.kill()
        other.communicate()
    assert not local._leases.live_beside(RUN)
    assert local._leases.live_beside("")
    assert local.take_back(RUN, [key(1)]) == 1
    assert not has(local, b"one")
