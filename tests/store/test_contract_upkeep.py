"""What every store does for its upkeep."""

from __future__ import annotations

from cwl_memo.core.digest import ReuseKey
from cwl_memo.store.memory import MemoryStore
from cwl_memo.store.protocol import Store
from tests.store.example import blob, digest, key, record

LONG_AGO = 1_000_000_000.0


def test_stats_count_what_is_there(store: Store) -> None:
    record(store, 1, b"one", b"shared", used=LONG_AGO)
    record(store, 2, b"shared")
    store.append_run("2026-a", {})
    stats = store.stats()
    assert (stats.entries, stats.evicted, stats.blobs, stats.blob_bytes) == (2, 0, 2, 9)
    assert (stats.quarantined, stats.runs, stats.seconds) == (0, 1, 4.0)
    store.gc(6)
    assert (store.stats().evicted, store.stats().blob_bytes) == (1, 6)


def test_gc_evicts_the_least_recently_used_first_and_no_more_than_needed(store: Store) -> None:
    record(store, 1, b"1111", used=LONG_AGO + 2)
    record(store, 2, b"2222", used=LONG_AGO)
    record(store, 3, b"3333", used=LONG_AGO + 1)
    evictions = store.gc(8)
    assert [(e.key, e.tool, e.freed) for e in evictions] == [(key(2), "sort", 4)]
    assert not store.check_blob(digest(b"2222"), 4)
    assert store.check_blob(digest(b"3333"), 4)
    assert store.gc(8) == []
    assert [e.key for e in store.gc(4)] == [key(3)]


def test_an_evicted_entry_keeps_its_metadata_until_it_is_recorded_again(store: Store) -> None:
    made = record(store, 1, b"one", used=LONG_AGO)
    assert not store.is_evicted(made.key)
    store.gc(0)
    assert store.is_evicted(made.key)
    assert store.get_entry(made.key) == made
    assert store.recent("sort", 1) == [made.key]
    record(store, 1, b"one")
    assert not store.is_evicted(made.key)


def test_a_dropped_entry_is_not_evicted(store: Store) -> None:
    record(store, 1, b"one", used=LONG_AGO)
    store.gc(0)
    store.drop_entry(key(1))
    assert not store.is_evicted(key(1))


def test_gc_keeps_blobs_that_other_entries_need(store: Store) -> None:
    record(store, 1, b"own1", b"shared", used=LONG_AGO)
    record(store, 2, b"own2", b"shared", used=LONG_AGO + 1)
    assert [(e.key, e.freed) for e in store.gc(10)] == [(key(1), 4)]
    assert store.check_blob(digest(b"shared"), 6)
    assert not store.check_blob(digest(b"own1"), 4)


def test_a_dry_run_names_the_same_and_takes_nothing(store: Store) -> None:
    record(store, 1, b"one", used=LONG_AGO)
    record(store, 2, b"two", used=LONG_AGO)
    listed = store.gc(0, dry_run=True)
    assert store.check_blob(digest(b"one"), 3)
    assert not store.is_evicted(key(1))
    assert store.gc(0) == listed
    assert not store.check_blob(digest(b"one"), 3)


def test_a_blob_that_waits_for_its_entry_is_left_alone(store: Store) -> None:
    record(store, 1, b"one", used=LONG_AGO)
    store.ingest_bytes(b"being recorded")
    # It takes room, so the entry goes; it stays itself.
    assert [e.key for e in store.gc(14)] == [key(1)]
    assert store.check_blob(digest(b"being recorded"), 14)


def test_verify_of_a_sound_store_finds_nothing(store: Store) -> None:
    record(store, 1, b"one", b"shared")
    record(store, 2, b"shared")
    store.ingest_bytes(b"orphan")
    report = store.verify()
    assert (report.entries, report.blobs, report.blob_bytes) == (2, 3, 15)
    assert (report.bad_entries, report.bad_blobs, report.missing_blobs) == ((), (), ())
    assert report.orphan_blobs == 1


def test_verify_misses_no_blob_of_an_evicted_entry(store: Store) -> None:
    record(store, 1, b"one", used=LONG_AGO)
    store.gc(0)
    assert store.verify().missing_blobs == ()


def test_long_work_tells_how_far_it_is(store: Store) -> None:
    for number in range(3):
        record(store, number, b"%d" % number)
    for work in (store.verify, lambda progress: store.gc(0, progress=progress)):
        steps: list[tuple[int, int]] = []
        work(lambda done, total, steps=steps: steps.append((done, total)))
        assert steps[-1][0] == steps[-1][1] >= 3


def test_clearing_an_entry_takes_the_blobs_that_only_it_needs(store: Store) -> None:
    record(store, 1, b"one", b"shared")
    record(store, 2, b"shared")
    assert store.clear([key(1), key(1), key(9)]) == 1
    assert list(store.keys()) == [key(2)]
    assert not store.check_blob(digest(b"one"), 3)
    assert store.check_blob(digest(b"shared"), 6)


def test_clearing_everything_leaves_an_empty_store_that_works(store: Store) -> None:
    record(store, 1, b"one")
    record(store, 2, b"two")
    store.append_run("2026-a", {})
    secret = store.secret()
    assert store.clear() == 2
    stats = store.stats()
    assert (stats.entries, stats.blobs, stats.runs, stats.quarantined) == (0, 0, 0, 0)
    assert store.used_bytes() == 0
    assert store.recent("sort", 9) == []
    assert store.secret() == secret
    made = record(store, 1, b"one")
    assert store.get_entry(made.key) == made
    assert store.check_blob(blob(b"one").digest, 3)


def test_a_store_may_be_closed_twice(store: Store) -> None:
    store.begin_run("2026-a")
    store.close()
    store.close()


# the store in memory


def test_a_damaged_entry_in_memory_is_a_miss() -> None:
    store = MemoryStore()
    record(store, 1, b"one")
    record(store, 2, b"two")
    store._content.entries[ReuseKey(key(1).hex)] = b'{"format": 1}'
    store._content.entries[ReuseKey(key(2).hex)] = b"{"
    assert store.verify().bad_entries == (key(1).hex, key(2).hex)
    assert store.get_entry(key(1)) is None
    assert store.stats().quarantined == 2


def test_old_orphans_in_memory_go() -> None:
    store = MemoryStore()
    found = store.ingest_bytes(b"orphan")
    store._content.blobs[found] = type(store._content.blobs[found])(b"orphan", since=0.0)
    store.gc(100)
    assert not store.check_blob(found, 6)


def test_clearing_a_damaged_entry_in_memory() -> None:
    store = MemoryStore()
    record(store, 1, b"one")
    store._content.entries[key(1)] = b"{"
    assert store.clear([key(1)]) == 1
