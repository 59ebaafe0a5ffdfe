"""The settings of a shared store, and whose word on trust counts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cwl_memo.core.project import StoreProject
from cwl_memo.core.signature import SigningKey, TrustPolicy
from cwl_memo.core.store_settings import StoreSettings
from cwl_memo.errors import StoreDamagedError, StoreUnreachableError, UsageError
from cwl_memo.store.shared.layout import SETTINGS
from cwl_memo.store.shared.store import SharedStore
from cwl_memo.store.shared.store_settings import (
    read_settings,
    read_trust,
    write_settings,
)

from .upkeep_bucket import HeldBucket, entry_of, publish

ROOT, MATE, FOE = (SigningKey.from_seed(bytes([number]) * 32) for number in (1, 2, 3))
TRUST = TrustPolicy(frozenset({ROOT.public}))
URL = HeldBucket.url
LISTED = StoreSettings(URL, trusted_keys=(MATE.public,))


@pytest.fixture
def bucket() -> HeldBucket:
    return HeldBucket()


def everything() -> StoreSettings:
    project = StoreProject("wheat", ("ada",), use_memoization=False)
    return StoreSettings(URL, 3, 10**9, 86400.0, (project,), (MATE.public,)).signed(ROOT)


def trusted(bucket: HeldBucket, trust: TrustPolicy = TRUST) -> frozenset[str]:
    return read_trust(bucket, trust)[0].keys


def test_what_was_written_is_read(bucket: HeldBucket) -> None:
    write_settings(bucket, everything())
    assert read_settings(bucket) == everything()


def test_without_any_they_say_nothing(bucket: HeldBucket) -> None:
    assert read_settings(bucket) == StoreSettings(URL)
    assert trusted(bucket) == TRUST.keys


def test_keys_count_that_a_trusted_key_signed(bucket: HeldBucket) -> None:
    write_settings(bucket, LISTED.signed(ROOT))
    assert trusted(bucket) == {ROOT.public, MATE.public}


@pytest.mark.parametrize("settings", [LISTED, LISTED.signed(FOE), LISTED.signed(MATE)])
def test_keys_do_not_count_that_nobody_trusted_signed(
    bucket: HeldBucket, settings: StoreSettings
) -> None:
    write_settings(bucket, settings)
    assert trusted(bucket) == TRUST.keys


def test_keys_that_were_added_after_it_was_signed_do_not_count(bucket: HeldBucket) -> None:
    data = LISTED.signed(ROOT).to_json()
    data["trusted_keys"] = [MATE.public, FOE.public]
    bucket.put(SETTINGS, json.dumps(data).encode())
    assert trusted(bucket) == TRUST.keys


def test_the_settings_of_another_store_do_not_count(bucket: HeldBucket) -> None:
    write_settings(bucket, StoreSettings("s3://other", trusted_keys=(MATE.public,)).signed(ROOT))
    assert trusted(bucket) == TRUST.keys


def test_an_entry_is_no_settings(bucket: HeldBucket) -> None:
    # A signature of one kind of thing is none of another.
    signature = ROOT.sign(LISTED.digest())
    assert TRUST.accepts(StoreSettings(URL).digest(), signature) is None


def test_who_asks_for_no_signatures_is_not_asked_to_trust(bucket: HeldBucket) -> None:
    write_settings(bucket, LISTED.signed(ROOT))
    assert trusted(bucket, TrustPolicy()) == frozenset()


def test_a_change_takes_the_signature_off() -> None:
    changed = everything().changed(max_size=None)
    assert (changed.signature, changed.serial, changed.max_size) == (None, 4, None)


def test_settings_that_make_no_sense_add_no_trust_and_say_why(bucket: HeldBucket) -> None:
    bucket.put(SETTINGS, b"{")
    trust, why = read_trust(bucket, TRUST)
    assert trust == TRUST
    assert isinstance(why, StoreDamagedError)


def test_a_place_that_does_not_answer_adds_no_trust(bucket: HeldBucket) -> None:
    def fail(operation: str, name: str) -> None:
        raise StoreUnreachableError("no answer")

    bucket.before = fail
    trust, why = read_trust(bucket, TRUST)
    assert (trust, isinstance(why, StoreUnreachableError)) == (TRUST, True)


def changed(**changes: Any) -> bytes:
    return json.dumps({**everything().to_json(), **changes}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"format": NaN}',
        changed()[:-1] + b', "format": 1}',
        changed(format=2),
        changed(format=True),
        changed(location=1),
        changed(serial=-1),
        changed(serial=2**70),
        changed(retention=[]),
        changed(retention={"max_size": -1}),
        changed(retention={"max_size": 1.5}),
        changed(retention={"max_age": True}),
        changed(retention={"max_age": -1}),
        changed(retention={"max_age": 10**400}),
        changed(projects={}),
        changed(projects=[1]),
        changed(projects=[{"name": "../x"}]),
        changed(projects=everything().to_json()["projects"] * 2),
        changed(projects=[{}] * 1001),
        changed(trusted_keys={}),
        changed(trusted_keys=[1]),
        changed(trusted_keys=["ed25519:x"]),
        changed(trusted_keys=[MATE.public] * 1001),
        changed(signature=[]),
        changed(signature={"key": ROOT.public}),
    ],
    ids=range(29),
)
def test_what_is_no_settings_is_damage(bucket: HeldBucket, data: bytes) -> None:
    bucket.put(SETTINGS, data)
    with pytest.raises(StoreDamagedError, match=SETTINGS):
        read_settings(bucket)


def test_settings_too_large_to_be_read_are_not_written(bucket: HeldBucket) -> None:
    admins = tuple(f"user{number}" * 100 for number in range(900))
    projects = tuple(StoreProject(f"p{number}", admins) for number in range(5))
    with pytest.raises(UsageError, match="too large"):
        write_settings(bucket, StoreSettings(URL, projects=projects))
    assert not bucket.objects


def test_keys_are_added_and_removed() -> None:
    assert LISTED.with_keys([ROOT.public, MATE.public], []) == (MATE.public, ROOT.public)
    assert LISTED.with_keys([ROOT.public], [MATE.public]) == (ROOT.public,)
    with pytest.raises(UsageError, match="does not list"):
        LISTED.with_keys([], [ROOT.public])
    with pytest.raises(UsageError, match="not a public key"):
        LISTED.with_keys(["x"], [])


# what a run makes of it


def find(bucket: HeldBucket, trust: TrustPolicy = TRUST) -> str | None:
    found = SharedStore(bucket, trust=trust).find(entry_of(1).key)
    return None if found is None else found.signer


def test_a_run_uses_entries_of_keys_that_a_trusted_key_listed(bucket: HeldBucket) -> None:
    publish(bucket, entry_of(1), key=MATE)
    assert find(bucket) is None
    write_settings(bucket, LISTED.signed(ROOT))
    assert find(bucket) == MATE.public


def test_a_run_uses_no_entries_of_keys_that_anybody_else_listed(bucket: HeldBucket) -> None:
    publish(bucket, entry_of(1), key=MATE)
    for settings in (LISTED, LISTED.signed(MATE), LISTED.signed(FOE)):
        write_settings(bucket, settings)
        assert find(bucket) is None


def test_settings_that_make_no_sense_cost_nothing_but_their_keys(bucket: HeldBucket) -> None:
    publish(bucket, entry_of(1), key=ROOT)
    bucket.put(SETTINGS, b"{")
    assert find(bucket) == ROOT.public


def test_settings_are_read_once_and_only_where_trust_is_asked_for(bucket: HeldBucket) -> None:
    publish(bucket, entry_of(1), key=ROOT)
    reads: list[str] = []
    bucket.before = lambda operation, name: reads.append(name) if operation == "get" else None
    for trust, expected in ((TrustPolicy(), 0), (TRUST, 1)):
        store = SharedStore(bucket, trust=trust)
        for _ in range(3):
            assert store.find(entry_of(1).key) is not None
        assert reads.count(SETTINGS) == expected
