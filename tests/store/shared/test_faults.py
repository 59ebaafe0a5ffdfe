"""Whatever goes wrong in a shared store, nothing wrong comes out of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.core.entry import Entry
from cwl_memo.errors import StoreError
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.store import SharedStore
from tests.store.shared.faults import Fault, FaultyBucket
from tests.store.shared.sharing import SMALL_FILE, job, opener, share, take, tombstone

NOISE = os.urandom(50_000)
TEXT = b"a line that compresses\n" * 10_000
CONTENTS = (SMALL_FILE, NOISE, TEXT)

every_fault = pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.value)
sometimes = pytest.mark.parametrize("rate", [1.0, 0.3])


@pytest.fixture(autouse=True)
def _two_entries(memory: Bucket) -> None:
    """A sound store in which a job, and others beside it, are recorded."""
    store = SharedStore(memory)
    for number in (1, 2):
        share(store, number, SMALL_FILE + b"%d" % number, *CONTENTS)
    store.close()


def only_store_errors(ask: Callable[[], object]) -> object:
    """Return what a call gives, or None for an error of the store; any other fails the test."""
    try:
        return ask()
    except StoreError:
        return None


def sound_or_nothing(store: SharedStore, made: Entry, folder: Path) -> None:
    """Whatever is found and fetched is what was recorded."""
    found = only_store_errors(lambda: store.find(made.key))
    if found is not None:
        assert found.entry == made  # type: ignore[attr-defined]
        for digest, data in found.inline.items():  # type: ignore[attr-defined]
            assert digest_of_bytes(data) == digest
    has = only_store_errors(lambda: store.has(made.key, made.blobs))
    assert has in {True, False, None}
    for i, content in enumerate(CONTENTS):
        target = folder / f"{i}"
        data = only_store_errors(lambda c=content, t=target: take(store, made, c, t))  # type: ignore[misc]
        assert data in {content, None}
        # Nothing that is not whole has a name.
        assert target.exists() == (data is not None)
        assert [p.name for p in folder.iterdir() if p != target] == []
        target.unlink(missing_ok=True)


@every_fault
@sometimes
def test_what_is_found_is_right_or_nothing(
    memory: Bucket, fault: Fault, rate: float, tmp_path: Path
) -> None:
    made = job(1, SMALL_FILE + b"1", *CONTENTS)
    for seed in range(5):
        store = SharedStore(FaultyBucket(memory, fault, rate, seed))
        sound_or_nothing(store, made, tmp_path)
        store.close()
        # A sound look heals whatever the fault has left, or misses.
        store = SharedStore(memory)
        sound_or_nothing(store, made, tmp_path)
        store.close()


@every_fault
@sometimes
def test_what_was_written_through_a_fault_is_right_or_nothing(
    memory: Bucket, fault: Fault, rate: float, tmp_path: Path
) -> None:
    made = job(7, SMALL_FILE + b"7", *CONTENTS)
    for seed in range(5):
        store = SharedStore(FaultyBucket(memory, fault, rate, seed))
        contents = (SMALL_FILE + b"7", *CONTENTS)
        only_store_errors(lambda s=store, c=contents: s.publish(made, opener(*c)))  # type: ignore[misc]
        only_store_errors(lambda s=store: s.quarantine(job(2), "x"))  # type: ignore[misc]
        store.close()
        sound = SharedStore(memory)
        sound_or_nothing(sound, made, tmp_path)
        sound.close()


@every_fault
@sometimes
def test_a_claim_is_granted_or_somebody_else_has_it(
    memory: Bucket, fault: Fault, rate: float
) -> None:
    for seed in range(5):
        store = SharedStore(FaultyBucket(memory, fault, rate, seed))
        claim = store.claim(job(1).key)
        if claim is not None:
            claim.release()
        store.close()


@pytest.mark.parametrize(
    "fault", [one for one in Fault if one is not Fault.VANISHED], ids=lambda fault: fault.value
)
@sometimes
def test_a_tombstone_that_cannot_be_seen_revives_nothing_while_the_store_is_whole(
    memory: Bucket, fault: Fault, rate: float
) -> None:
    made = job(1, SMALL_FILE + b"1", *CONTENTS)
    store = SharedStore(memory)
    store.bury(made.key, tombstone("wrong"))
    store.close()
    for seed in range(5):
        store = SharedStore(FaultyBucket(memory, fault, rate, seed))
        assert only_store_errors(lambda s=store: s.find(made.key)) is None  # type: ignore[misc]
        only_store_errors(lambda s=store: s.tombstone(made.key))  # type: ignore[misc]
        store.close()


def test_whoever_may_remove_tombstones_can_revive_entries(memory: Bucket) -> None:
    made = job(1, SMALL_FILE + b"1", *CONTENTS)
    store = SharedStore(memory)
    store.bury(made.key, tombstone("wrong"))
    assert store.find(made.key) is None
    store.close()
    memory.delete([found.name for found in memory.list("tombstones/")])
    # Nothing in the store stops that; the store in front keeps tombstones of its own.
    store = SharedStore(memory)
    assert store.find(made.key) is not None
    store.close()


@every_fault
def test_after_damage_an_execution_heals_the_store(
    memory: Bucket, fault: Fault, tmp_path: Path
) -> None:
    made = job(1, SMALL_FILE + b"1", *CONTENTS)
    faulty = FaultyBucket(memory, fault)
    store = SharedStore(faulty)
    sound_or_nothing(store, made, tmp_path)
    faulty.fault = Fault.NONE
    only_store_errors(lambda: store.publish(made, opener(SMALL_FILE + b"1", *CONTENTS)))
    store.close()
    sound = SharedStore(memory)
    assert sound.find(made.key) is not None
    assert sound.has(made.key, made.blobs)
    for i, content in enumerate(CONTENTS):
        assert take(sound, made, content, tmp_path / str(i)) == content
    sound.close()


@pytest.mark.parametrize("suffix", ["", ".zst"])
def test_a_blob_damaged_in_place_is_replaced_by_the_next_execution(
    memory: Bucket, suffix: str, tmp_path: Path
) -> None:
    made = job(1, SMALL_FILE + b"1", *CONTENTS)
    content = TEXT if suffix else NOISE
    hexadecimal = digest_of_bytes(content).hex
    name = f"blobs/{hexadecimal[:2]}/{hexadecimal}{suffix}"
    data = memory.get(name, 1 << 20)
    assert data is not None
    memory.put(name, bytes(len(data)))
    reader = SharedStore(memory)
    assert reader.find(made.key) is not None
    assert reader.has(made.key, made.blobs)  # only its bytes tell
    with pytest.raises(StoreError):
        take(reader, made, content, tmp_path / "x")
    reader.close()
    # Another process, that has not seen the damage, executes the job.
    writer = SharedStore(memory)
    writer.publish(made, opener(SMALL_FILE + b"1", *CONTENTS))
    assert take(writer, made, content, tmp_path / "x") == content
    writer.close()


def test_of_each_kind_of_damage_there_is_one_warning(
    memory: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    for found in list(memory.list("entries/")):
        memory.put(found.name, b"{}\n")
    store = SharedStore(memory)
    for number in (1, 2):
        assert store.find(job(number, SMALL_FILE + b"%d" % number, *CONTENTS).key) is None
    store.close()
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "entries/" in warnings[0]
