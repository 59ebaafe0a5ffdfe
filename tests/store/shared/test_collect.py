"""What goes from a shared store, what stays, and what happens to those who use it meanwhile."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.core.note import Tombstone
from cwl_memo.core.retention import Clock
from cwl_memo.core.signature import TrustPolicy
from cwl_memo.errors import (
    StoreDamagedError,
    StoreError,
    StoreForbiddenError,
    StoreUnreachableError,
    StoreUnreadableError,
)
from cwl_memo.store.shared import collect
from cwl_memo.store.shared.collect import QUARANTINE, Collected, Collector
from cwl_memo.store.shared.layout import BLOBS, ENTRIES, LEASES, PROBES, TOMBSTONES, entry_name
from cwl_memo.store.shared.store import SharedStore
from cwl_memo.store.shared.verify import Verification

from .upkeep_bucket import DAY, HeldBucket, entry_of, is_hit, name_of, noise, publish, record


@pytest.fixture
def bucket() -> HeldBucket:
    return HeldBucket()


def gc(bucket: HeldBucket, **limits: Any) -> Collected:
    return Collector(bucket, **limits).collect()


def bury(bucket: HeldBucket, number: int, *, name: bytes = b"tombstone") -> Tombstone:
    tombstone = Tombstone("wrong", "", "", digest_of_bytes(name))
    SharedStore(bucket).bury(entry_of(number).key, tombstone)
    return tombstone


def test_nothing_goes_where_nobody_set_a_limit(bucket: HeldBucket) -> None:
    record(bucket, 1, noise(1))
    before = set(bucket.objects)
    bucket.now += 1000 * DAY
    collected = gc(bucket)
    assert (collected.evictions, collected.blobs, set(bucket.objects)) == ((), 0, before)
    assert collected.left == sum(
        len(data) for name, (data, _) in bucket.objects.items() if name.startswith(("e", "b"))
    )


def test_what_nobody_used_for_long_goes_with_its_blobs(bucket: HeldBucket) -> None:
    old = record(bucket, 1, noise(1), noise(0))
    bucket.now += 20 * DAY
    new = record(bucket, 2, noise(2), noise(0))
    bucket.now += 2 * DAY
    collected = gc(bucket, max_age=10 * DAY)
    (gone,) = collected.evictions
    assert (gone.key, gone.clock, gone.tool) == (old.key, Clock.AGE, "sort")
    assert collected.blobs == 1
    assert gone.freed > 20_000 == collected.blob_bytes
    assert bucket.names(BLOBS) == {name_of(noise(2)), name_of(noise(0))}
    assert is_hit(bucket, new)
    assert not is_hit(bucket, old)


def test_what_was_taken_back_goes_and_its_tombstone_stays(bucket: HeldBucket) -> None:
    dead = record(bucket, 1, noise(1))
    bury(bucket, 1)
    (gone,) = gc(bucket).evictions
    assert (gone.key, gone.clock) == (dead.key, Clock.INVALIDATED)
    bucket.now += 1000 * DAY
    gc(bucket, max_size=0, max_age=1)
    assert len(bucket.names(TOMBSTONES)) == 1


def test_what_was_made_anew_after_it_was_taken_back_stays(bucket: HeldBucket) -> None:
    ids = tuple(bury(bucket, 1, name=name).id for name in (b"one", b"two"))
    entry = entry_of(1, after=ids)
    publish(bucket, entry)
    assert gc(bucket).evictions == ()


def test_what_is_past_the_hours_of_its_project_goes(bucket: HeldBucket) -> None:
    publish(bucket, entry_of(1, keep_until=int(bucket.now + DAY)))
    bucket.now += DAY - 1
    assert gc(bucket).evictions == ()
    bucket.now += 2
    assert [gone.clock for gone in gc(bucket).evictions] == [Clock.INTERMEDIATE]


def test_the_least_worth_goes_until_the_rest_fits(bucket: HeldBucket) -> None:
    entries = {
        seconds: record(bucket, seconds, noise(seconds), seconds=float(seconds))
        for seconds in (50, 1, 100, 2)
    }
    bucket.now += 2 * DAY
    collected = gc(bucket, max_size=50_000)
    assert {gone.key for gone in collected.evictions} == {entries[1].key, entries[2].key}
    assert {gone.clock for gone in collected.evictions} == {Clock.SIZE}
    assert collected.left < 50_000
    assert collected.left == sum(len(data) for data, _ in bucket.objects.values()) - len(
        bucket.objects["cwl-memo.json"][0]
    )
    assert all(is_hit(bucket, entries[seconds]) for seconds in (50, 100))


def test_blobs_that_others_share_are_freed_once(bucket: HeldBucket) -> None:
    for number in range(3):
        record(bucket, number, noise(0))
    bucket.now += 2 * DAY
    before = sum(len(data) for name, (data, _) in bucket.objects.items() if "/" in name)
    collected = gc(bucket, max_size=0)
    assert sum(gone.freed for gone in collected.evictions) == before
    assert not bucket.names(ENTRIES) | bucket.names(BLOBS)


def test_what_was_just_made_stays_whatever_the_limit(bucket: HeldBucket) -> None:
    entry = record(bucket, 1, noise(1))
    bucket.now += 60
    assert gc(bucket, max_size=0, max_age=1.0).evictions == ()
    assert is_hit(bucket, entry)


def test_a_dry_run_tells_the_same_and_removes_nothing(bucket: HeldBucket) -> None:
    for number in range(4):
        record(bucket, number, noise(number))
    bury(bucket, 3)
    bucket.now += 3 * DAY
    before = dict(bucket.objects)
    told = gc(bucket, max_size=25_000, dry_run=True)
    assert bucket.objects == before
    assert gc(bucket, max_size=25_000) == told
    assert len(told.evictions) == 3


def test_blobs_of_no_entry_go_when_they_are_a_day_old(bucket: HeldBucket) -> None:
    bucket.put(name_of(noise(1)), noise(1))
    bucket.put(name_of(noise(2)) + ".parts/00000", noise(2))
    bucket.now += DAY - 1
    assert gc(bucket).blobs == 0
    bucket.now += 2
    assert gc(bucket).blobs == 2
    assert not bucket.names(BLOBS)


def test_what_is_left_of_runs_goes_and_what_lives_stays(bucket: HeldBucket) -> None:
    lease = f"{LEASES}ab/{'ab' * 32}"
    for name in (lease, f"{PROBES}x", f"{QUARANTINE}entries/ab/x"):
        bucket.put(name, b"")
    bucket.now += 7200
    bucket.put(f"{LEASES}cd/{'cd' * 32}", b"")
    assert gc(bucket).leftovers == 2
    assert bucket.names(LEASES) == {f"{LEASES}cd/{'cd' * 32}"}
    bucket.now += 31 * DAY
    assert gc(bucket).leftovers == 2
    assert not bucket.names(QUARANTINE) | bucket.names(LEASES) | bucket.names(PROBES)


def test_what_is_none_of_its_own_stays(bucket: HeldBucket) -> None:
    strange = {"README", "blobs/ab/notes.txt", "entries/ab/notes.txt", "other/x", "settings.json"}
    for name in strange:
        bucket.put(name, b"mine")
    bucket.now += 1000 * DAY
    gc(bucket, max_size=0, max_age=1.0)
    assert strange <= set(bucket.objects)


def test_the_clock_of_this_machine_counts_for_nothing(
    bucket: HeldBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(bucket, 1, noise(1))
    monkeypatch.setattr("time.time", lambda: 1e12)
    assert gc(bucket, max_size=0, max_age=10.0).evictions == ()


def test_with_an_entry_of_a_newer_program_no_blob_goes(bucket: HeldBucket) -> None:
    record(bucket, 1, noise(1))
    name = entry_name(entry_of(1).key)
    head, _, body = bucket.objects[name][0].partition(b"\n")
    for change in ({"format": 2}, {"entry": {**json.loads(head)["entry"], "format": 2}}):
        bucket.put(name, json.dumps({**json.loads(head), **change}).encode() + b"\n" + body)
        bucket.now += 1000 * DAY
        collected = gc(bucket, max_size=0, max_age=1.0)
        assert (collected.newer, collected.evictions, collected.blobs) == (1, (), 0)
        assert bucket.names(BLOBS) == {name_of(noise(1))}


def test_while_an_entry_cannot_be_read_no_blob_goes(bucket: HeldBucket) -> None:
    entry = record(bucket, 1, noise(1))
    bucket.now += 2 * DAY

    def forbid(asked: str, name: str) -> None:
        if asked == "get" and name == entry_name(entry.key):
            raise StoreUnreadableError("not for this user")

    bucket.before = forbid
    collected = gc(bucket, max_age=DAY)
    assert (collected.unread, collected.evictions, collected.blobs) == (1, (), 0)
    bucket.before = lambda _operation, _name: None
    assert is_hit(bucket, entry)


def test_what_was_read_badly_once_is_read_again(bucket: HeldBucket) -> None:
    entry = record(bucket, 1, noise(1))
    bucket.now += 2 * DAY
    reads = []

    def spoil(asked: str, name: str) -> None:
        if asked == "get" and name == entry_name(entry.key):
            reads.append(name)
            if len(reads) == 1:
                raise StoreDamagedError("ends too early")

    bucket.before = spoil
    assert (gc(bucket).unread, len(reads)) == (0, 2)
    assert is_hit(bucket, entry)


def test_no_blob_goes_until_a_damaged_entry_was_set_aside(bucket: HeldBucket) -> None:
    name = publish(bucket, entry_of(1, noise(1)), noise(1))
    bucket.put(name, b"damaged\n")
    bucket.now += 2 * DAY
    collected = gc(bucket)
    assert (collected.unread, collected.blobs) == (1, 0)
    assert name in bucket.objects
    Verification(bucket, TrustPolicy()).verify()
    collected = gc(bucket)
    assert (collected.unread, collected.blobs) == (0, 1)


# while others use it


def test_an_entry_that_was_renewed_meanwhile_stays(bucket: HeldBucket) -> None:
    entry = record(bucket, 1, noise(1))
    bucket.now += 20 * DAY

    def renew(operation: str, name: str) -> None:
        if (operation, name) == ("head", entry_name(entry.key)):
            bucket.before = lambda _operation, _name: None
            bucket.put(name, bucket.objects[name][0])

    bucket.before = renew
    collected = gc(bucket, max_age=10 * DAY)
    assert (collected.evictions, collected.blobs) == ((), 0)
    assert is_hit(bucket, entry)


def test_an_old_blob_that_a_new_entry_relies_on_stays(bucket: HeldBucket) -> None:
    # The entry comes after all entries were read: its blob is there, so it was not sent again.
    record(bucket, 1, noise(1))
    bucket.now += 20 * DAY
    late = entry_of(2, noise(1))

    def write(operation: str, name: str) -> None:
        if (operation, name) == ("delete", entry_name(entry_of(1).key)):
            bucket.before = lambda _operation, _name: None
            publish(bucket, late, noise(1))

    bucket.before = write
    collected = gc(bucket, max_age=10 * DAY)
    assert (len(collected.evictions), collected.blobs) == (1, 0)
    assert is_hit(bucket, late)


def test_a_blob_that_goes_under_a_new_entry_costs_a_miss_and_comes_back(
    bucket: HeldBucket,
) -> None:
    # The worst that can happen: the entry comes between the last look and the removal.
    record(bucket, 1, noise(1))
    bucket.now += 20 * DAY
    late = entry_of(2, noise(1))

    def write(operation: str, name: str) -> None:
        if (operation, name) == ("delete", name_of(noise(1))):
            bucket.before = lambda _operation, _name: None
            publish(bucket, late, noise(1))

    bucket.before = write
    assert gc(bucket, max_age=10 * DAY).blobs == 1
    assert not is_hit(bucket, late)
    # Its job is executed, and published again.
    publish(bucket, late, noise(1))
    assert is_hit(bucket, late)


def test_where_an_entry_cannot_be_read_nothing_is_removed(bucket: HeldBucket) -> None:
    for number in range(3):
        record(bucket, number, noise(number))
    bucket.now += 20 * DAY
    before = dict(bucket.objects)

    def fail(operation: str, name: str) -> None:
        if (operation, name) == ("get", entry_name(entry_of(2).key)):
            raise StoreUnreachableError("no answer")

    bucket.before = fail
    with pytest.raises(StoreUnreachableError):
        gc(bucket, max_size=0, max_age=1.0)
    assert {**bucket.objects, **before} == bucket.objects


@pytest.mark.parametrize("nth", range(40))
def test_a_failure_at_any_moment_leaves_entries_whole_or_gone(bucket: HeldBucket, nth: int) -> None:
    entries = [record(bucket, number, noise(number), noise(9)) for number in range(3)]
    bucket.now += 20 * DAY
    calls = iter(range(1000))

    def fail(operation: str, name: str) -> None:
        if next(calls) == nth:
            raise StoreUnreachableError("no answer")

    bucket.before = fail
    with contextlib.suppress(StoreError):
        gc(bucket, max_size=25_000)
    bucket.before = lambda _operation, _name: None
    for entry in entries:
        assert is_hit(bucket, entry) == (entry_name(entry.key) in bucket.objects)


def test_who_may_not_write_removes_nothing(bucket: HeldBucket) -> None:
    record(bucket, 1, noise(1))
    bucket.now += 20 * DAY

    def forbid(operation: str, name: str) -> None:
        if operation in ("put", "delete"):
            raise StoreForbiddenError("no")

    bucket.before = forbid
    with pytest.raises(StoreForbiddenError):
        gc(bucket, max_size=0)


def test_a_thousand_entries_go_in_batches(
    bucket: HeldBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "_BATCH", 7)
    for number in range(50):
        record(bucket, number)
    bucket.now += 20 * DAY
    seen: list[tuple[int, int]] = []
    progress = lambda done, total: seen.append((done, total))  # noqa: E731
    assert len(gc(bucket, max_age=DAY, progress=progress).evictions) == 50
    assert not bucket.names(ENTRIES)
    assert (len(seen), seen[-1]) == (50, (50, 50))


def test_names_that_no_database_keeps_do_not_stop_it(bucket: HeldBucket) -> None:
    publish(bucket, entry_of(1, tool="half \ud800 of a character"))
    bucket.now += 20 * DAY
    assert len(gc(bucket, max_age=DAY).evictions) == 1
