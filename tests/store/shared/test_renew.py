"""What is used stays young."""

from __future__ import annotations

import threading

import pytest

from cwl_memo.core.settings import SharedMode
from cwl_memo.errors import StoreForbiddenError
from cwl_memo.store.shared.collect import Collector
from cwl_memo.store.shared.layout import ENTRIES, entry_name
from cwl_memo.store.shared.renew import renew
from cwl_memo.store.shared.store import SharedStore

from .upkeep_bucket import DAY, HeldBucket, entry_of, is_hit, noise, publish, record


@pytest.fixture
def bucket() -> HeldBucket:
    return HeldBucket()


def test_an_entry_that_is_used_outlives_those_that_are_not(bucket: HeldBucket) -> None:
    used, unused = record(bucket, 1, noise(1)), record(bucket, 2, noise(2))
    for _ in range(10):
        bucket.now += 8 * DAY
        assert renew(bucket, [used.key]) == 1
        Collector(bucket, max_age=20 * DAY).collect()
    assert is_hit(bucket, used)
    assert entry_name(unused.key) not in bucket.objects


def test_a_young_entry_is_not_written_again(bucket: HeldBucket) -> None:
    entry = record(bucket, 1)
    bucket.now += 6 * DAY
    before = bucket.objects[entry_name(entry.key)]
    assert renew(bucket, [entry.key]) == 0
    assert bucket.objects[entry_name(entry.key)] == before


def test_it_stays_byte_for_byte_and_so_does_all_else(bucket: HeldBucket) -> None:
    entry = record(bucket, 1, noise(1), b"inline")
    before = {name: data for name, (data, _) in bucket.objects.items()}
    bucket.now += 8 * DAY
    assert renew(bucket, [entry.key]) == 1
    assert {name: data for name, (data, _) in bucket.objects.items()} == before
    young = {name for name, (_, modified) in bucket.objects.items() if modified == bucket.now}
    assert young == {entry_name(entry.key)}


def test_what_is_gone_does_not_come_back(bucket: HeldBucket) -> None:
    assert renew(bucket, [entry_of(1).key]) == 0
    assert not bucket.names(ENTRIES)


def test_what_goes_meanwhile_does_not_come_back(bucket: HeldBucket) -> None:
    entry = record(bucket, 1)
    name = entry_name(entry.key)
    bucket.now += 8 * DAY

    def remove(operation: str, asked: str) -> None:
        if (operation, asked) == ("get", name):
            bucket.before = lambda _operation, _name: None
            heads.append(bucket.objects[name])
            bucket.before = _after_get

    def _after_get(operation: str, asked: str) -> None:
        if (operation, asked) == ("head", name):
            bucket.objects.pop(name, None)

    heads: list[tuple[bytes, float]] = []
    bucket.before = remove
    assert renew(bucket, [entry.key]) == 0
    assert heads
    assert name not in bucket.objects


def test_what_another_wrote_meanwhile_stays(bucket: HeldBucket) -> None:
    entry = record(bucket, 1)
    name = entry_name(entry.key)
    bucket.now += 8 * DAY
    looks = 0

    def write(operation: str, asked: str) -> None:
        nonlocal looks
        if (operation, asked) == ("head", name):
            looks += 1
            if looks == 2:
                bucket.before = lambda _operation, _name: None
                publish(bucket, entry_of(1, seconds=99.0))

    bucket.before = write
    assert renew(bucket, [entry.key]) == 0
    assert b"99.0" in bucket.objects[name][0]


def test_something_too_large_is_left_alone(bucket: HeldBucket) -> None:
    name = entry_name(entry_of(1).key)
    bucket.put(name, bytes(10 << 20))
    bucket.now += 8 * DAY
    assert renew(bucket, [entry_of(1).key]) == 0


def test_who_may_not_write_renews_nothing(bucket: HeldBucket) -> None:
    def forbid(operation: str, name: str) -> None:
        if operation == "put":
            raise StoreForbiddenError("no")

    bucket.before = forbid
    with pytest.raises(StoreForbiddenError):
        renew(bucket, [entry_of(1).key])


def test_a_run_renews_what_it_found_and_nothing_else(bucket: HeldBucket) -> None:
    used, unused = record(bucket, 1), record(bucket, 2)
    bucket.now += 8 * DAY
    store = SharedStore(bucket)
    assert store.find(used.key) is not None
    assert store.find(entry_of(3).key) is None
    assert (store.renew(), store.renew()) == (1, 0)
    ages = {
        entry.key: bucket.now - bucket.objects[entry_name(entry.key)][1] for entry in (used, unused)
    }
    assert ages == {used.key: 0, unused.key: 8 * DAY}


def test_who_only_reads_renews_nothing(bucket: HeldBucket) -> None:
    entry = record(bucket, 1)
    bucket.now += 8 * DAY
    store = SharedStore(bucket, mode=SharedMode.READONLY)
    assert store.find(entry.key) is not None
    before = dict(bucket.objects)
    assert store.renew() == 0
    assert bucket.objects == before


def test_a_run_whose_patience_is_over_renews_nothing_more(bucket: HeldBucket) -> None:
    entry = record(bucket, 1)
    bucket.now += 8 * DAY
    store = SharedStore(bucket)
    assert store.find(entry.key) is not None
    assert store.renew(0.0) == 0


def test_an_end_of_the_process_waits_for_no_renewal(bucket: HeldBucket) -> None:
    entry = record(bucket, 1)
    threads = []
    bucket.before = lambda _operation, _name: threads.append(threading.current_thread())
    renew(bucket, [entry.key])
    others = {thread for thread in threads if thread is not threading.main_thread()}
    assert others
    assert all(thread.daemon for thread in others)
