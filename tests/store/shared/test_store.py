"""What a shared store does beside what all of them can do."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.core.entry import OutputVariant
from cwl_memo.core.signature import SigningKey, TrustPolicy
from cwl_memo.errors import (
    FormatError,
    NotKeptError,
    StoreError,
    StoreForbiddenError,
    StoreUnavailableError,
    StoreUnreachableError,
)
from cwl_memo.store.shared import entry_blob
from cwl_memo.store.shared import trust as trust_module
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.envelope import open_envelope, seal_envelope
from cwl_memo.store.shared.layout import MARKER, SETTINGS
from cwl_memo.store.shared.store import SharedStore
from tests.store.shared.faults import Fault, FaultyBucket
from tests.store.shared.sharing import SMALL_FILE, job, opener, share, take, tombstone

FILES = tuple(os.urandom(20_000) for _ in range(3))


def test_after_its_end_it_is_unavailable(memory: Bucket) -> None:
    store = SharedStore(memory)
    made = share(store, 1, *FILES)
    assert store.find(made.key) is not None
    store.close()
    with pytest.raises(StoreUnavailableError, match="closed"):
        store.has(made.key, made.blobs)
    with pytest.raises(StoreUnavailableError, match="closed"):
        store.publish(made, opener(*FILES))


def test_what_it_forgets_it_looks_up_again(
    memory: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry_blob, "_REMEMBERED", 2)
    store = SharedStore(memory)
    made = [share(store, number, SMALL_FILE, *FILES) for number in range(3)]
    for one in made:
        assert store.find(one.key) is not None
        assert store.has(one.key, one.blobs)
    assert take(store, made[0], FILES[0], tmp_path / "x") == FILES[0]
    store.close()


def test_objects_that_are_no_entries_are_no_keys(memory: Bucket) -> None:
    store = SharedStore(memory)
    made = share(store, 1, SMALL_FILE)
    memory.put("entries/README", b"")
    memory.put(f"entries/zz/{made.key.hex}", b"")
    assert list(store.keys()) == [made.key]
    store.close()


def test_one_who_may_not_look_for_the_marker_does_not_write(memory: Bucket) -> None:
    class Unmarked(FaultyBucket):
        def put(self, name: str, data: bytes, *, create: bool = False) -> bool:
            if name == MARKER:
                raise StoreForbiddenError("not this one")
            return super().put(name, data, create=create)

    store = SharedStore(Unmarked(memory))
    with pytest.raises(StoreForbiddenError):
        share(store, 1, SMALL_FILE)
    assert not store.may_write
    assert list(memory.list()) == []
    store.close()


def test_an_entry_whose_digest_cannot_be_made_is_not_trusted(
    memory: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Any) -> None:
        raise FormatError("an entry that cannot be written")

    key = SigningKey.from_seed(b"k" * 32)
    store = SharedStore(memory, trust=TrustPolicy(frozenset({key.public})), sign_with=key)
    made = share(store, 1, SMALL_FILE)
    assert store.find(made.key) is not None
    monkeypatch.setattr(trust_module, "entry_digest", fail)
    assert store.find(made.key) is None
    assert "cannot be written" in caplog.text
    store.close()


def test_numbers_that_are_none_are_refused() -> None:
    made = job(1)
    data = seal_envelope(made, {}, {}, None)
    for number in (b"1e999", b"NaN"):
        assert b'"half":0.5' in data
        with pytest.raises(FormatError):
            open_envelope(data.replace(b'"half":0.5', b'"half":' + number), made.key)


def test_an_entry_that_cannot_be_written_is_an_error_of_the_store(memory: Bucket) -> None:
    store = SharedStore(memory)
    made = replace(job(1), fingerprint={"half": float("nan")})
    with pytest.raises(StoreError):
        store.publish(made, opener())
    store.close()


def test_of_an_entry_that_is_too_large_nothing_goes_up(memory: Bucket) -> None:
    huge = OutputVariant(digest_of_bytes(b""), {"o": "x" * (9 << 20)}, ())
    content = os.urandom(100_000)
    made = job(1, content)
    store = SharedStore(memory)
    with pytest.raises(NotKeptError, match="too many"):
        store.publish(replace(made, variants=(*made.variants, huge)), opener(content))
    store.close()
    assert list(memory.list("blobs/")) == []


def test_a_run_that_loses_its_store_is_not_kept_waiting(memory: Bucket) -> None:
    faulty = FaultyBucket(memory)
    store = SharedStore(faulty)
    made = share(store, 1, SMALL_FILE)
    faulty.fault = Fault.UNREACHABLE
    claim = store.claim(made.key)
    assert claim is not None
    claim.release()
    store.close()


@pytest.mark.parametrize(
    "fault",
    [Fault.SWALLOWS, Fault.UNREACHABLE, Fault.FORBIDDEN_WRITES, Fault.TRUNCATED, Fault.OTHER],
)
def test_an_entry_is_not_said_to_be_gone_that_may_be_there(memory: Bucket, fault: Fault) -> None:
    bucket = FaultyBucket(memory)
    store = SharedStore(bucket)
    made = share(store, 1, SMALL_FILE)
    share(store, 2, SMALL_FILE)
    bucket.fault = fault
    with pytest.raises(StoreError):
        store.quarantine(made, "it differs")
    bucket.fault = Fault.NONE
    assert SharedStore(memory).find(made.key) is not None
    # Who may remove nothing may bring something.
    assert store.may_write


def test_who_may_take_nothing_back_may_bring_something(memory: Bucket) -> None:
    bucket = FaultyBucket(memory)
    store = SharedStore(bucket)
    made = share(store, 1, SMALL_FILE)
    bucket.fault = Fault.FORBIDDEN_WRITES
    with pytest.raises(StoreForbiddenError):
        store.bury(made.key, tombstone("wrong"))
    bucket.fault = Fault.NONE
    share(store, 2, SMALL_FILE)


def test_settings_that_cannot_be_read_once_are_read_again(memory: Bucket) -> None:
    trusted, listed = SigningKey.from_seed(b"t" * 32), SigningKey.from_seed(b"l" * 32)
    made = share(SharedStore(memory, sign_with=listed), 1, SMALL_FILE)

    class Flaky(FaultyBucket):
        is_down = True

        def get(self, name: str, limit: int) -> bytes | None:
            if name == SETTINGS and self.is_down:
                self.is_down = False
                raise StoreUnreachableError("down")
            return super().get(name, limit)

    bucket = Flaky(memory)
    store = SharedStore(bucket, trust=TrustPolicy(frozenset({trusted.public})))
    for _ in range(3):
        assert store.find(made.key) is None
    reads = [name for call, name in bucket.calls if call == "get" and name == SETTINGS]
    # The first failed before it was counted; the second is kept.
    assert len(reads) == 1
    store.close()
