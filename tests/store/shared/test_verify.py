"""What a full check of a shared store finds, and what it does to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.core.note import Tombstone
from cwl_memo.core.signature import SigningKey, TrustPolicy
from cwl_memo.errors import StoreUnreachableError, StoreUnreadableError
from cwl_memo.store.protocol import VerifyReport
from cwl_memo.store.shared.collect import QUARANTINE
from cwl_memo.store.shared.envelope import Place, Stored, open_envelope, seal_envelope
from cwl_memo.store.shared.layout import ENTRIES, entry_name
from cwl_memo.store.shared.store import SharedStore
from cwl_memo.store.shared.verify import Verification

from .upkeep_bucket import LARGE, SMALL, HeldBucket, entry_of, is_hit, name_of, noise, publish

MINE = SigningKey.from_seed(bytes(range(32)))
THEIRS = SigningKey.from_seed(b"\1" * 32)
TRUST = TrustPolicy(frozenset({MINE.public}))


@pytest.fixture
def bucket() -> HeldBucket:
    """A store with two entries, one of which has blobs of every kind."""
    bucket = HeldBucket()
    publish(bucket, entry_of(1, SMALL, LARGE, noise(1)), SMALL, LARGE, noise(1))
    publish(bucket, entry_of(2, noise(1)), noise(1))
    return bucket


def verify(bucket: HeldBucket, trust: TrustPolicy | None = None) -> VerifyReport:
    return Verification(bucket, trust or TrustPolicy()).verify()


def is_sound(report: VerifyReport) -> bool:
    return not (report.bad_entries or report.bad_blobs or report.missing_blobs)


def test_a_sound_store_stays_as_it_is(bucket: HeldBucket) -> None:
    before = dict(bucket.objects)
    seen: list[tuple[int, int]] = []
    report = Verification(
        bucket, TrustPolicy(), lambda done, total: seen.append((done, total))
    ).verify()
    assert is_sound(report)
    assert (report.entries, report.blobs, report.orphan_blobs) == (2, 2, 0)
    assert report.blob_bytes == len(LARGE) + len(noise(1))
    assert bucket.objects == before
    assert seen == [(1, 2), (2, 2)]


def test_a_damaged_entry_is_set_aside(bucket: HeldBucket) -> None:
    name = entry_name(entry_of(1).key)
    bad = bucket.objects[name][0][:-1] + b"!"
    bucket.put(name, bad)
    report = verify(bucket)
    assert [found.partition(":")[0] for found in report.bad_entries] == [name]
    assert report.entries == 1
    assert name not in bucket.objects
    assert bucket.objects[f"{QUARANTINE}{name}"][0] == bad
    assert is_sound(verify(bucket))


def test_an_entry_under_another_key_is_set_aside(bucket: HeldBucket) -> None:
    poisoned, name = entry_name(entry_of(3).key), entry_name(entry_of(1).key)
    bucket.put(poisoned, bucket.objects[name][0])
    assert len(verify(bucket).bad_entries) == 1
    assert bucket.names(ENTRIES) == {name, entry_name(entry_of(2).key)}


def test_an_entry_too_large_to_be_one_is_removed(bucket: HeldBucket) -> None:
    name = entry_name(entry_of(3).key)
    bucket.put(name, bytes(10 << 20))
    assert len(verify(bucket).bad_entries) == 1
    assert name not in bucket.objects
    assert not bucket.names(QUARANTINE)


def test_what_came_damaged_over_the_network_alone_stays(bucket: HeldBucket) -> None:
    name = entry_name(entry_of(1).key)
    good = bucket.objects[name][0]
    bucket.put(name, b"damaged")

    bucket.before = _after_first_read(bucket, name, good)
    report = verify(bucket)
    assert len(report.bad_entries) == 1
    assert bucket.objects[name][0] == good


def _after_first_read(bucket: HeldBucket, name: str, good: bytes) -> Callable[[str, str], None]:
    reads = 0

    def before(operation: str, asked: str) -> None:
        nonlocal reads
        if (operation, asked) == ("get", name):
            reads += 1
            if reads == 2:
                bucket.objects[name] = good, bucket.now

    return before


def test_a_damaged_blob_is_removed_and_its_jobs_miss(bucket: HeldBucket) -> None:
    bucket.put(name_of(noise(1)), noise(2))
    report = verify(bucket)
    assert len(report.bad_blobs) == 1
    assert str(digest_of_bytes(noise(1))) in report.bad_blobs[0]
    assert name_of(noise(1)) not in bucket.objects
    assert not is_hit(bucket, entry_of(1))


def test_a_missing_blob_is_told(bucket: HeldBucket) -> None:
    bucket.delete([name_of(noise(1))])
    report = verify(bucket)
    assert report.missing_blobs == (str(digest_of_bytes(noise(1))),)
    assert report.bad_blobs == ()


def test_a_blob_that_unpacks_to_more_than_it_should_is_damage(bucket: HeldBucket) -> None:
    import zstandard

    name = f"{name_of(LARGE)}.zst"
    bomb = zstandard.compress(bytes(1 << 26))
    size = len(bucket.objects[name][0])
    bucket.put(name, bomb + bytes(max(0, size - len(bomb))))
    report = verify(bucket)
    assert report.bad_blobs or report.missing_blobs
    assert not is_sound(report)


def test_an_entry_that_promises_more_than_there_is_room_for_stops_nothing(
    bucket: HeldBucket,
) -> None:
    entry = entry_of(3, noise(3))
    (blob,) = entry.blobs
    huge = replace(blob, size=1 << 60)
    variant = replace(entry.variants[0], blobs=(huge,))
    liar = replace(entry, blobs=(huge,), variants=(variant,))
    bucket.put(name_of(noise(3)), noise(3))
    stored = {blob.digest: Stored(Place.ZSTD, 20_000)}
    bucket.put(f"{name_of(noise(3))}.zst", noise(3))
    bucket.put(entry_name(entry.key), seal_envelope(liar, {}, stored, None))
    report = verify(bucket)
    assert len(report.bad_blobs) == 1
    assert report.blobs == 3


def test_blobs_of_no_entry_are_counted(bucket: HeldBucket) -> None:
    bucket.put(name_of(noise(7)), noise(7))
    assert verify(bucket).orphan_blobs == 1


def test_entries_that_were_taken_back_are_counted(bucket: HeldBucket) -> None:
    SharedStore(bucket).bury(entry_of(1).key, Tombstone("", "", "", digest_of_bytes(b"t")))
    report = verify(bucket)
    assert (report.invalidated, is_sound(report)) == (1, True)


def test_a_signature_that_is_none_of_its_entry_is_damage(bucket: HeldBucket) -> None:
    name = publish(bucket, entry_of(3), key=MINE)
    forged = _with_signature_of(bucket, name, publish(bucket, entry_of(4), key=MINE))
    bucket.put(name, forged)
    report = verify(bucket)
    assert [found.partition(":")[0] for found in report.bad_entries] == [name]
    assert name not in bucket.objects
    assert f"{QUARANTINE}{name}" in bucket.objects


def _with_signature_of(bucket: HeldBucket, name: str, other: str) -> bytes:
    head, _, body = bucket.objects[name][0].partition(b"\n")
    signed = json.loads(bucket.objects[other][0].partition(b"\n")[0])
    changed = {**json.loads(head), "signature": signed["signature"]}
    return json.dumps(changed).encode() + b"\n" + body


def test_entries_by_others_than_those_trusted_are_counted_and_stay(bucket: HeldBucket) -> None:
    names = [publish(bucket, entry_of(n), key=key) for n, key in ((3, MINE), (4, THEIRS))]
    report = verify(bucket, TRUST)
    assert (report.untrusted, is_sound(report)) == (3, True)
    assert verify(bucket).untrusted == 0
    assert set(names) < bucket.names(ENTRIES)


def test_an_entry_of_a_newer_program_is_none_of_ours(bucket: HeldBucket) -> None:
    name = entry_name(entry_of(1).key)
    head, _, body = bucket.objects[name][0].partition(b"\n")
    newer = json.dumps({**json.loads(head), "format": 2}).encode() + b"\n" + body
    bucket.put(name, newer)
    report = verify(bucket)
    assert (report.entries, is_sound(report)) == (2, True)
    assert bucket.objects[name][0] == newer


def test_a_place_that_does_not_answer_is_no_damage(bucket: HeldBucket) -> None:
    before = dict(bucket.objects)

    def fail(operation: str, name: str) -> None:
        if operation == "read":
            raise StoreUnreachableError("no answer")

    bucket.before = fail
    with pytest.raises(StoreUnreachableError):
        verify(bucket)
    assert bucket.objects == before


def test_what_is_signed_is_what_is_read(bucket: HeldBucket) -> None:
    name = publish(bucket, entry_of(3, SMALL), SMALL, key=MINE)
    shared = open_envelope(bucket.objects[name][0], entry_of(3).key)
    assert shared is not None
    assert is_hit(bucket, entry_of(3), TRUST)
    assert not is_hit(bucket, entry_of(1), TRUST)


@pytest.mark.parametrize("operation", ["get", "read"])
def test_what_this_user_may_not_read_stays(bucket: HeldBucket, operation: str) -> None:
    before = dict(bucket.objects)

    def forbid(asked: str, name: str) -> None:
        if asked == operation and name.startswith(("entries/", "blobs/")):
            raise StoreUnreadableError("not for this user")

    bucket.before = forbid
    report = verify(bucket)
    assert report.bad_entries or report.bad_blobs
    assert bucket.objects == before


def test_a_blob_that_came_damaged_over_the_network_once_stays(bucket: HeldBucket) -> None:
    name, reads = name_of(noise(1)), []
    good = bucket.objects[name]

    def spoil(asked: str, name_: str) -> None:
        if (asked, name_) == ("read", name):
            reads.append(name)
            bucket.objects[name] = (noise(2), bucket.now) if len(reads) == 1 else good

    bucket.before = spoil
    assert is_sound(verify(bucket))
    assert bucket.objects[name] == good
