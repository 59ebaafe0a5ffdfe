"""What nobody vouches for takes no place of what somebody does, or that this machine signs for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from cwl_memo.core.entry import Entry, OutputVariant
from cwl_memo.core.settings import SharedMode
from cwl_memo.core.signature import SigningKey, TrustPolicy
from cwl_memo.errors import StoreForbiddenError
from cwl_memo.store.shared.bucket import Bucket, ObjectMeta
from cwl_memo.store.shared.layout import BLOBS, ENTRIES
from cwl_memo.store.shared.store import SharedStore
from tests.store.example import blob, digest
from tests.store.shared.faults import FaultyBucket
from tests.store.shared.sharing import SMALL_FILE, job, opener, share, tombstone

MINE, OTHER = (SigningKey.from_seed(bytes([n]) * 32) for n in (1, 2))
TRUST = TrustPolicy(frozenset({MINE.public, OTHER.public}))
LARGE = b"".join(b"%d" % i for i in range(50_000))


class Blind(FaultyBucket):
    """One that may be written and not looked into, as CI's may be."""

    creates = True

    def head(self, name: str) -> ObjectMeta | None:
        raise StoreForbiddenError("not to be looked at")

    def get(self, name: str, limit: int) -> bytes | None:
        raise StoreForbiddenError("not to be read")

    def has_create(self) -> bool:
        return self.creates


def signer(bucket: Bucket, made: object) -> str | None:
    reader = SharedStore(bucket, trust=TRUST, mode=SharedMode.READONLY)
    found = reader.find(job(1).key)
    return None if found is None else found.signer


def test_it_goes_where_nothing_is(bucket: Bucket) -> None:
    store = SharedStore(bucket, sign_with=MINE)
    assert store.publish(job(1, SMALL_FILE), opener(SMALL_FILE), signed=False)
    found = store.find(job(1).key)
    assert found is not None
    assert signer(bucket, found.entry) is None
    # Whoever has executed the job knows better.
    share(store, 1, SMALL_FILE)
    assert signer(bucket, found.entry) == MINE.public


def test_it_takes_no_place(bucket: Bucket) -> None:
    made = share(SharedStore(bucket, sign_with=OTHER), 1, SMALL_FILE)
    store = SharedStore(bucket, sign_with=MINE)
    other = made.with_variant(OutputVariant(digest(b"other"), {"o": 1}, (blob(LARGE),)))
    assert not store.publish(other, opener(SMALL_FILE, LARGE), signed=False)
    assert signer(bucket, made) == OTHER.public
    assert list(bucket.list(BLOBS)) == []


def test_nor_that_of_one_that_comes_meanwhile(memory: Bucket) -> None:
    class Raced(FaultyBucket):
        def head(self, name: str) -> ObjectMeta | None:
            found = super().head(name)
            if name.startswith(ENTRIES):
                share(SharedStore(memory, sign_with=OTHER), 1, SMALL_FILE)
            return found

    store = SharedStore(Raced(memory), sign_with=MINE)
    assert not store.publish(job(1, SMALL_FILE), opener(SMALL_FILE), signed=False)
    assert signer(memory, None) == OTHER.public


@pytest.mark.parametrize("creates", [True, False])
def test_nor_where_nobody_may_look(memory: Bucket, *, creates: bool) -> None:
    blind = Blind(memory)
    blind.creates = creates
    store = SharedStore(blind, sign_with=MINE, mode=SharedMode.WRITEONLY)
    assert store.publish(job(1, SMALL_FILE), opener(SMALL_FILE), signed=False) is creates
    made = share(SharedStore(memory, sign_with=OTHER), 1, SMALL_FILE)
    assert not store.publish(job(1, SMALL_FILE), opener(SMALL_FILE), signed=False)
    assert signer(memory, made) == OTHER.public
    assert store.may_write


# where there is no key to sign with


def grown(made: Entry) -> Entry:
    return made.with_variant(OutputVariant(digest(b"other"), {"o": 1}, (blob(SMALL_FILE),)))


def test_without_a_key_it_takes_no_place_of_a_signed_one(bucket: Bucket) -> None:
    made = share(SharedStore(bucket, sign_with=OTHER), 1, SMALL_FILE)
    for mode in SharedMode.READ_WRITE, SharedMode.WRITEONLY:
        store = SharedStore(bucket, mode=mode)
        assert not store.publish(grown(made), opener(SMALL_FILE))
        assert signer(bucket, made) == OTHER.public


def test_without_a_key_it_takes_that_of_an_unsigned_one(bucket: Bucket) -> None:
    store = SharedStore(bucket)
    made = share(store, 1, SMALL_FILE)
    assert store.publish(grown(made), opener(SMALL_FILE))
    found = store.find(made.key)
    assert found is not None
    assert found.entry == grown(made)


def test_a_signed_one_that_was_taken_back_keeps_nothing_out(bucket: Bucket) -> None:
    made = share(SharedStore(bucket, sign_with=OTHER), 1, SMALL_FILE)
    store = SharedStore(bucket)
    dead = tombstone("wrong reference")
    store.bury(made.key, dead)
    again = replace(made, after=(dead.id,))
    assert store.publish(again, opener(SMALL_FILE))
    found = store.find(made.key)
    assert found is not None
    assert found.entry == again


def test_a_signed_one_that_was_found_wrong_keeps_nothing_out(memory: Bucket) -> None:
    made = share(SharedStore(memory, sign_with=OTHER), 1, SMALL_FILE)

    class Held(FaultyBucket):
        def delete(self, names: Iterable[str]) -> None:
            raise StoreForbiddenError("not to be removed")

    store = SharedStore(Held(memory))
    with pytest.raises(StoreForbiddenError):
        store.quarantine(made, "other outputs")
    assert store.publish(replace(made, exit_code=1), opener(SMALL_FILE))


def test_a_signed_one_whose_files_are_lost_keeps_nothing_out(memory: Bucket) -> None:
    made = share(SharedStore(memory, sign_with=OTHER), 1, LARGE)
    memory.delete([found.name for found in memory.list(BLOBS)])
    store = SharedStore(memory)
    other = replace(job(1, SMALL_FILE), key=made.key, fingerprint=made.fingerprint)
    assert store.publish(other, opener(SMALL_FILE))


def test_a_signed_one_whose_files_come_again_stays(memory: Bucket) -> None:
    made = share(SharedStore(memory, sign_with=OTHER), 1, LARGE)
    memory.delete([found.name for found in memory.list(BLOBS)])
    assert not SharedStore(memory).publish(made, opener(LARGE))
    assert signer(memory, made) == OTHER.public
    assert SharedStore(memory).has(made.key, made.blobs)


def test_who_may_not_look_and_has_no_key_writes(memory: Bucket) -> None:
    store = SharedStore(Blind(memory), mode=SharedMode.WRITEONLY)
    assert store.publish(job(1, SMALL_FILE), opener(SMALL_FILE))
    assert store.may_write
