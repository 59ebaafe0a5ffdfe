"""Envelopes: what digests stop, and what only signatures do."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.core.entry import Entry, OutputVariant
from cwl_memo.core.signature import SigningKey, TrustPolicy, entry_digest
from cwl_memo.errors import FormatError, StoreDamagedError, StoreError
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.envelope import (
    Place,
    Sealed,
    Stored,
    open_envelope,
    seal_envelope,
)
from cwl_memo.store.shared.layout import entry_name
from cwl_memo.store.shared.store import SharedStore
from tests.store.example import blob, digest
from tests.store.shared.sharing import job, opener, share

ONE, TWO = b"one\n", b"two\n"
LARGE = bytes(20_000)
KEY = SigningKey.from_seed(b"k" * 32)
OTHER = SigningKey.from_seed(b"o" * 32)


def seal(entry: Entry, *contents: bytes, key: SigningKey | None = None) -> bytes:
    sealed = Sealed.of(entry, opener(*contents))
    stored = {one.digest: Stored(Place.RAW, one.size) for one in sealed.rest}
    return seal_envelope(entry, sealed.inline, stored, key)


def changed(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return an envelope with another head."""
    first, _, body = data.partition(b"\n")
    head = json.loads(first)
    change(head)
    return canonical_bytes(head) + b"\n" + body


def test_small_blobs_are_inline_and_large_ones_are_not() -> None:
    made = job(1, ONE, TWO, LARGE)
    shared = open_envelope(seal(made, ONE, TWO, LARGE), made.key)
    assert shared is not None
    assert shared.entry == made
    assert shared.inline == {digest(ONE): ONE, digest(TWO): TWO}
    assert shared.stored[digest(LARGE)] == Stored(Place.RAW, len(LARGE))


def test_an_envelope_takes_a_mebibyte_of_blobs() -> None:
    contents = [b"%05d" % i + bytes(16 * 1024 - 5) for i in range(70)]
    made = job(1, *contents)
    sealed = Sealed.of(made, opener(*contents))
    assert sum(map(len, sealed.inline.values())) == 1 << 20
    assert len(sealed.rest) == 70 - 64


@pytest.mark.parametrize("place", range(len(ONE + TWO)))
def test_an_inline_byte_that_was_changed_is_noticed(place: int) -> None:
    made = job(1, ONE, TWO)
    data = bytearray(seal(made, ONE, TWO))
    data[len(data) - 1 - place] ^= 1
    with pytest.raises(FormatError, match="inline"):
        open_envelope(bytes(data), made.key)


def test_inline_bytes_in_another_order_are_noticed() -> None:
    made = job(1, ONE, TWO)
    data = seal(made, ONE, TWO)
    with pytest.raises(FormatError, match="inline"):
        open_envelope(data[: -len(ONE + TWO)] + TWO + ONE, made.key)


@pytest.mark.parametrize("more", [b"x", b"\n"])
def test_bytes_after_the_last_blob_are_noticed(more: bytes) -> None:
    made = job(1, ONE)
    with pytest.raises(FormatError, match="size"):
        open_envelope(seal(made, ONE) + more, made.key)


def test_the_entry_of_another_key_is_noticed() -> None:
    made = job(1, ONE)
    with pytest.raises(FormatError, match="key"):
        open_envelope(seal(made, ONE), job(2).key)


def test_an_entry_under_a_key_that_is_not_of_its_fingerprint_is_noticed() -> None:
    made = replace(job(1, ONE), key=job(2).key)
    with pytest.raises(FormatError, match="key"):
        open_envelope(seal(made, ONE), job(2).key)


def test_an_envelope_of_a_newer_format_is_left_alone() -> None:
    made = job(1, ONE)
    data = changed(seal(made, ONE), lambda head: head.update(format=2))
    assert open_envelope(data, made.key) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda head: head["blobs"].pop(), "other blobs"),
        (lambda head: head["blobs"].reverse(), "another blob"),
        (lambda head: head["blobs"][0].update(size=5), "another blob"),
        (lambda head: head["blobs"][0].update(at="elsewhere"), "unknown place"),
        (lambda head: head["blobs"][0].update(at="raw"), "body"),
        (lambda head: head["blobs"][0].update(stored=-1), "not its size"),
        (lambda head: head["blobs"][2].update(stored=3), "not its size"),
        (lambda head: head["blobs"][2].update(at="zstd", stored=1 << 20), "not its size"),
        (lambda head: head["blobs"][2].update(at="inline"), "body"),
        (lambda head: head["entry"].update(tree=str(digest(b"?"))), "does not list"),
        (lambda head: head["entry"]["blobs"].append(blob(b"?").to_json()), "other blobs"),
        (lambda head: head["entry"]["blobs"].pop(), "does not list"),
        (lambda head: head["entry"].update(blobs={}), "blobs"),
        (lambda head: head.update(entry=None), "not an object"),
        (lambda head: head.update(signature={"key": "x", "value": "y"}), "signature"),
        (lambda head: head.pop("format"), "format"),
    ],
    ids=range(16),
)
def test_a_head_that_does_not_fit_is_refused(change: Any, said: str) -> None:
    made = job(1, ONE, TWO, LARGE)
    data = changed(seal(made, ONE, TWO, LARGE), change)
    with pytest.raises(FormatError, match=said):
        open_envelope(data, made.key)


def test_a_blob_of_two_sizes_is_refused() -> None:
    made = job(1, ONE)
    data = seal(made, ONE)
    twice = {**blob(ONE).to_json(), "size": 5}
    data = changed(data, lambda head: head["entry"]["blobs"].append(twice))
    data = changed(data, lambda head: head["blobs"].append({**twice, "at": "raw", "stored": 5}))
    with pytest.raises(FormatError, match="two sizes"):
        open_envelope(data, made.key)


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1e300", b"9" * 400])
@pytest.mark.parametrize("name", [b"seconds", b"size"])
def test_number_that_is_beyond_all_numbers_is_refused(name: bytes, number: bytes) -> None:
    data = seal(job(1, ONE), ONE)
    start = data.index(b'"%s":' % name) + len(name) + 3
    end = min(end for end in (data.find(c, start) for c in (b",", b"}")) if end > 0)
    with pytest.raises(FormatError):
        open_envelope(data[:start] + number + data[end:], job(1, ONE).key)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]\n",
        b"{}\n",
        b"[" * 100_000 + b"\n",
        b'{"format":1e999}\n',
        b"\xff\n",
        b'{"format":%s}\n' % (b"9" * 5000),
        b" " * (9 << 20),
    ],
    ids=range(9),
)
def test_what_is_no_envelope_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        open_envelope(data, job(1).key)


def test_an_entry_that_is_too_large_is_not_shared() -> None:
    made = replace(job(1), variants=(OutputVariant(digest(b""), {"o": "x" * (9 << 20)}, ()),))
    with pytest.raises(StoreError, match="too many"):
        seal(made)


def test_a_blob_that_is_not_as_recorded_gets_into_no_envelope() -> None:
    with pytest.raises(StoreDamagedError):
        Sealed.of(job(1, ONE), lambda _: io.BytesIO(TWO))


# who wrote it


def found(bucket: Bucket, entry: Entry, *keys: SigningKey) -> Entry | None:
    """Return the entry as one finds it who trusts these keys."""
    store = SharedStore(bucket, trust=TrustPolicy(frozenset(key.public for key in keys)))
    there = store.find(entry.key)
    store.close()
    return None if there is None else there.entry


def test_whoever_knows_the_fingerprint_and_may_write_can_poison_what_is_not_signed(
    memory: Bucket,
) -> None:
    made = job(1, ONE)
    memory.put(entry_name(made.key), seal(made, ONE, key=KEY))
    poisoned = replace(made, variants=(OutputVariant(digest(b""), {"out": "evil"}, ()),))
    memory.put(entry_name(made.key), seal(poisoned, ONE))
    # No digest stops that, for all are right.
    assert found(memory, made) == poisoned
    assert found(memory, made, KEY) is None


def test_an_entry_signed_by_a_trusted_key_is_found(memory: Bucket) -> None:
    store = SharedStore(memory, sign_with=KEY)
    made = share(store, 1, ONE, LARGE)
    store.close()
    assert found(memory, made, KEY) == made
    assert found(memory, made, OTHER, KEY) == made
    assert found(memory, made) == made
    assert found(memory, made, OTHER) is None
    trusting = SharedStore(memory, trust=TrustPolicy(frozenset({KEY.public})))
    there = trusting.find(made.key)
    assert there is not None
    assert there.signer == KEY.public
    trusting.close()


def test_an_entry_whose_numbers_are_whole_can_be_signed(memory: Bucket) -> None:
    made = job(1, ONE)
    made = replace(made, origin=replace(made.origin, seconds=2))
    memory.put(entry_name(made.key), seal(made, ONE, key=KEY))
    assert found(memory, made, KEY) == made


@pytest.mark.parametrize(
    "change",
    [
        lambda head: head["entry"].update(exit_code=1),
        lambda head: head["entry"]["origin"].update(run="another"),
        lambda head: head["entry"].update(after=[str(digest(b"a tombstone"))]),
        lambda head: head["entry"]["variants"][0].update(output={"out": "evil"}),
        lambda head: head.pop("signature"),
        lambda head: head["signature"].update(OTHER.sign(digest(b"something else")).to_json()),
    ],
    ids=range(6),
)
def test_nothing_of_a_signed_entry_can_be_changed(memory: Bucket, change: Any) -> None:
    made = job(1, ONE)
    memory.put(entry_name(made.key), changed(seal(made, ONE, key=KEY), change))
    assert found(memory, made, KEY) is None


def test_a_signature_is_of_one_entry(memory: Bucket) -> None:
    made = job(1, ONE)
    borrowed = KEY.sign(entry_digest(job(2, TWO))).to_json()
    data = changed(seal(made, ONE), lambda head: head.update(signature=borrowed))
    memory.put(entry_name(made.key), data)
    assert found(memory, made, KEY) is None


def test_a_signed_entry_cannot_be_given_other_bytes(memory: Bucket) -> None:
    made = job(1, LARGE)
    store = SharedStore(memory, sign_with=KEY)
    store.publish(made, opener(LARGE))
    store.close()
    for name in [one.name for one in memory.list("blobs/")]:
        memory.put(name, b"evil")
    assert found(memory, made, KEY) == made
    trusting = SharedStore(memory, trust=TrustPolicy(frozenset({KEY.public})))
    assert trusting.find(made.key) is not None
    assert not trusting.has(made.key, made.blobs)
    trusting.close()
    assert digest_of_bytes(b"evil") != digest(LARGE)
