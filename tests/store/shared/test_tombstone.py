"""Tombstones of a shared store, and what may hide them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import Entry
from cwl_memo.core.settings import SharedMode
from cwl_memo.errors import (
    InvalidatedError,
    StoreDamagedError,
    StoreError,
    StoreForbiddenError,
    StoreUnreachableError,
)
from cwl_memo.store.local import open_store
from cwl_memo.store.shared import tombstone as module
from cwl_memo.store.shared.bucket import Bucket, ObjectMeta
from cwl_memo.store.shared.store import SharedStore
from cwl_memo.store.shared.tombstone import SharedTombstones
from cwl_memo.store.tiered import TieredStore
from tests.store.shared.faults import Fault, FaultyBucket
from tests.store.shared.sharing import SMALL_FILE, job, opener, share, tombstone


class Hiding(FaultyBucket):
    """A bucket that fails with some calls."""

    error: StoreError | None = None
    hidden: tuple[tuple[str, str], ...] = ()

    def _now(self, call: str, name: str) -> Fault:
        if self.error is not None and any(
            call == hidden and name.startswith(prefix) for hidden, prefix in self.hidden
        ):
            raise self.error
        return super()._now(call, name)


@pytest.fixture
def bucket(memory: Bucket) -> Hiding:
    return Hiding(memory)


@pytest.fixture
def made(memory: Bucket) -> Entry:
    """An entry that was shared, and that this machine has, too."""
    return share(SharedStore(memory), 1, SMALL_FILE)


@pytest.fixture
def home(tmp_path: Path, made: Entry) -> Iterator[Callable[[SharedStore], TieredStore]]:
    opened = []

    def open_home(remote: SharedStore) -> TieredStore:
        front = open_store(tmp_path / "front")
        front.ingest_bytes(SMALL_FILE)
        if front.tombstone(made.key) is None:
            front.publish(made)
        opened.append(TieredStore(front, remote, ask_again=0))
        return opened[-1]

    yield open_home
    for store in opened:
        store.close()


def reuses(store: TieredStore, made: Entry) -> bool:
    found = store.get_entry(made.key)
    return found is not None and not any(found.is_dead(t) for t in store.tombstones(made.key))


def bury(memory: Bucket, made: Entry, text: str = "wrong") -> None:
    SharedStore(memory).bury(made.key, tombstone(text))


@pytest.mark.parametrize(
    "error",
    [StoreDamagedError("too large"), StoreForbiddenError("403"), StoreUnreachableError("down")],
    ids=str,
)
def test_a_tombstone_whose_note_cannot_be_read_is_one(
    memory: Bucket,
    bucket: Hiding,
    made: Entry,
    home: Callable[[SharedStore], TieredStore],
    error: StoreError,
) -> None:
    bury(memory, made)
    bury(memory, made, "again")
    bucket.error, bucket.hidden = error, (("get", "tombstones/"),)
    remote = SharedStore(bucket)
    known = remote.tombstone(made.key)
    assert known is not None
    assert known.reason == "(its note cannot be read)"
    assert known.id == SharedStore(memory).tombstone(made.key).id  # type: ignore[union-attr]
    assert not reuses(home(remote), made)


@pytest.mark.parametrize(
    "error", [StoreForbiddenError("403"), StoreUnreachableError("down")], ids=str
)
def test_a_tombstone_that_was_seen_stays_one_when_the_names_cannot_be_listed_again(
    memory: Bucket,
    bucket: Hiding,
    made: Entry,
    home: Callable[[SharedStore], TieredStore],
    monkeypatch: pytest.MonkeyPatch,
    error: StoreError,
) -> None:
    monkeypatch.setattr(module, "_FRESH", 0.0)
    bury(memory, made)
    remote = SharedStore(bucket)
    remote._tombstones = SharedTombstones(bucket, fresh=0.0)
    store = home(remote)
    monkeypatch.setattr(type(store.front), "keep_tombstone", lambda *_: False, raising=False)
    assert not reuses(store, made)
    bucket.error, bucket.hidden = error, (("list", "tombstones/"),)
    assert not reuses(store, made)
    # Of others nobody knows.
    with pytest.raises(StoreError):
        remote._tombstones.get(job(2).key)


def test_a_tombstone_that_was_seen_stays_one_when_nothing_may_be_read_any_more(
    memory: Bucket, bucket: Hiding, made: Entry, home: Callable[[SharedStore], TieredStore]
) -> None:
    bury(memory, made)
    remote = SharedStore(bucket)
    store = home(remote)
    assert remote.tombstone(made.key) is not None
    bucket.error, bucket.hidden = StoreForbiddenError("403"), (("get", ""), ("list", ""))
    with pytest.raises(StoreForbiddenError):
        remote.find(job(2).key)
    assert not remote.may_read
    assert not reuses(store, made)


def test_a_list_under_way_keeps_nobody_waiting_who_knows_the_last_one(
    memory: Bucket, made: Entry
) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow(FaultyBucket):
        is_slow = False

        def list(self, prefix: str = "") -> Iterator[ObjectMeta]:
            found = [*super().list(prefix)]
            if self.is_slow:
                entered.set()
                leave.wait(10)
            yield from found

    bucket = Slow(memory)
    tombstones = SharedTombstones(bucket, fresh=1e6)
    bury(memory, made)
    assert tombstones.is_dead(made)
    tombstones._listed -= 1.5e6  # type: ignore[operator]
    bucket.is_slow = True
    lister = threading.Thread(target=tombstones.is_dead, args=[made], daemon=True)
    lister.start()
    try:
        assert entered.wait(10)
        assert tombstones.is_dead(made)
        tombstones.put(job(2).key, tombstone("meanwhile"))
    finally:
        leave.set()
        lister.join()
    assert tombstones.get(job(2).key) is not None


# who may only write


def test_who_only_writes_brings_nothing_that_is_dead(memory: Bucket, made: Entry) -> None:
    bury(memory, made)
    known = SharedStore(memory).tombstone(made.key)
    assert known is not None
    alive = replace(made, after=(known.id,))
    SharedStore(memory).publish(alive, opener(SMALL_FILE))
    writer = SharedStore(memory, mode=SharedMode.WRITEONLY)
    with pytest.raises(InvalidatedError):
        writer.publish(made, opener(SMALL_FILE))
    found = SharedStore(memory).find(made.key)
    assert found is not None
    assert found.entry == alive
    # And its own results are not dead for ever.
    assert writer.tombstone(made.key) == known
    assert writer.publish(alive, opener(SMALL_FILE))


def test_who_may_not_list_tombstones_brings_results(memory: Bucket, bucket: Hiding) -> None:
    bucket.error, bucket.hidden = StoreForbiddenError("403"), (("list", ""),)
    writer = SharedStore(bucket, mode=SharedMode.WRITEONLY)
    share(writer, 1, SMALL_FILE)
    share(writer, 2, SMALL_FILE)
    assert writer.tombstone(job(1).key) is None
    assert writer.may_write
    assert len([name for call, name in bucket.calls if call == "list"]) == 0


def test_what_is_taken_back_while_it_goes_up_stays_dead(bucket: Hiding) -> None:
    store = SharedStore(bucket)
    made = job(1, SMALL_FILE)

    def open_late(digest: Digest) -> IO[bytes]:
        store.bury(made.key, tombstone("meanwhile"))
        return opener(SMALL_FILE)(digest)

    with pytest.raises(InvalidatedError):
        store.publish(made, open_late)
    assert not [name for call, name in bucket.calls if call == "put" and "entries/" in name]
