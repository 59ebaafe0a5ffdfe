"""Upkeep on every kind of place: in memory, in files, on a real S3 server."""

from __future__ import annotations

import io
import os

import pytest

from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.core.retention import Clock
from cwl_memo.core.signature import SigningKey, TrustPolicy
from cwl_memo.errors import StoreReadOnlyError, StoreUnavailableError
from cwl_memo.store.recorded import read_log
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.collect import Collector
from cwl_memo.store.shared.layout import BLOBS, ENTRIES, entry_name
from cwl_memo.store.shared.renew import renew
from cwl_memo.store.shared.store import SharedStore
from cwl_memo.store.shared.store_settings import read_settings, write_settings
from cwl_memo.store.shared.upkeep import SharedUpkeep
from cwl_memo.store.shared.walk import server_time

from .upkeep_bucket import LARGE, SMALL, entry_of, noise

MINE = SigningKey.from_seed(bytes(range(32)))


@pytest.fixture
def filled(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A place with three entries, of which nothing is too young to go."""
    for limit in ("GRACE", "_FRESH"):
        monkeypatch.setattr(f"cwl_memo.store.shared.collect.{limit}", -1.0)
    for number in range(3):
        publish(bucket, number, SMALL, LARGE, noise(number))
    return bucket


def publish(bucket: Bucket, number: int, *contents: bytes) -> None:
    by_digest = {digest_of_bytes(data): data for data in contents}
    SharedStore(bucket, sign_with=MINE).publish(
        entry_of(number, *contents), lambda digest: io.BytesIO(by_digest[digest])
    )


def is_whole(bucket: Bucket, number: int) -> bool:
    store = SharedStore(bucket)
    found = store.find(entry_of(number).key)
    return found is not None and store.has(found.entry.key, found.entry.blobs)


def test_the_clock_of_the_server_goes_on(bucket: Bucket) -> None:
    first = server_time(bucket)
    assert server_time(bucket) >= first
    assert not list(bucket.list())


def test_what_is_there_is_sound_and_stays(filled: Bucket) -> None:
    upkeep = SharedUpkeep(filled, TrustPolicy(frozenset({MINE.public})))
    report = upkeep.verify()
    assert (report.entries, report.blobs, report.untrusted) == (3, 4, 0)
    assert report.bad_entries == report.bad_blobs == report.missing_blobs == ()
    collected = Collector(filled, grace=-1.0).collect()
    assert (collected.evictions, collected.blobs, collected.newer) == ((), 0, 0)
    assert all(is_whole(filled, number) for number in range(3))


def test_what_was_taken_back_goes_and_what_others_need_stays(filled: Bucket) -> None:
    upkeep = SharedUpkeep(filled)
    assert upkeep.invalidate([entry_of(1).key], "wrong", who="me") == 1
    tombstone = SharedUpkeep(filled).tombstone(entry_of(1).key)
    assert tombstone is not None
    assert (tombstone.reason, tombstone.who) == ("wrong", "me")
    collected = Collector(filled, grace=-1.0).collect()
    assert [gone.clock for gone in collected.evictions] == [Clock.INVALIDATED]
    assert collected.blobs == 1
    assert [is_whole(filled, number) for number in range(3)] == [True, False, True]
    assert upkeep.stats().tombstones == 1


def test_everything_can_go(filled: Bucket) -> None:
    collected = Collector(filled, max_size=0, grace=-1.0).collect()
    assert (len(collected.evictions), collected.blobs, collected.left) == (3, 4, 0)
    assert not [*filled.list(ENTRIES), *filled.list(BLOBS)]


def test_what_is_used_is_written_once_more(filled: Bucket) -> None:
    keys = [entry_of(number).key for number in range(3)]
    before = [filled.get(entry_name(key), 1 << 20) for key in keys]
    assert renew(filled, keys) == 0
    assert renew(filled, keys, age=-10.0) == 3
    assert [filled.get(entry_name(key), 1 << 20) for key in keys] == before


def test_settings_are_kept(bucket: Bucket) -> None:
    settings = read_settings(bucket).changed(max_size=5).signed(MINE)
    write_settings(bucket, settings)
    assert read_settings(bucket) == settings


def test_a_catalogue_tells_what_is_there(filled: Bucket) -> None:
    upkeep = SharedUpkeep(filled, writable=False)
    keys = sorted(upkeep.keys())
    assert keys == sorted(entry_of(number).key for number in range(3))
    assert list(upkeep.keys(keys[0].hex[:7])) == keys[:1]
    assert keys[0] in list(upkeep.keys(keys[0].hex[:1]))
    assert [entry.key for entry in upkeep.entries(keys)] == keys
    assert upkeep.signer(keys[0]) == MINE.public
    stats = upkeep.stats()
    assert (stats.entries, stats.blobs, stats.others) == (3, 4, 0)
    for refused in (lambda: upkeep.invalidate(keys, "x"), upkeep.verify):
        with pytest.raises(StoreReadOnlyError):
            refused()
    assert upkeep.stats() == stats


def test_blobs_of_an_entry_are_read_wherever_they_are(filled: Bucket) -> None:
    upkeep = SharedUpkeep(filled)
    entry = upkeep.get_entry(entry_of(0).key)
    assert entry is not None
    for data in (SMALL, LARGE, noise(0)):
        digest = digest_of_bytes(data)
        assert upkeep.check_blob(digest, len(data))
        assert upkeep.read_blob(digest) == data
    assert not upkeep.check_blob(digest_of_bytes(os.urandom(9)), 9)
    assert read_log(upkeep, entry, "stdout") is None


def test_a_place_without_a_store_is_none(bucket: Bucket) -> None:
    with pytest.raises(StoreUnavailableError, match="no shared store"):
        SharedUpkeep(bucket)
