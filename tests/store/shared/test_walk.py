"""A way through a shared store holds few of its entries at once, however large they are."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from cwl_memo.core.digest import ReuseKey
from cwl_memo.store.shared import envelope, walk
from cwl_memo.store.shared.layout import entry_name
from cwl_memo.store.shared.upkeep import SharedUpkeep
from cwl_memo.store.shared.walk import Condition, looks

from .upkeep_bucket import SMALL, HeldBucket, entry_of, record

MIB = 1 << 20


@pytest.fixture
def gets() -> list[str]:
    return []


@pytest.fixture
def bucket(gets: list[str]) -> HeldBucket:
    bucket = HeldBucket()

    def before(operation: str, name: str) -> None:
        if operation == "get" and name.startswith("entries/"):
            gets.append(name)

    bucket.before = before
    return bucket


def fill(bucket: HeldBucket, count: int, size: int) -> None:
    data = b"x" * size
    for number in range(count):
        bucket.put(entry_name(ReuseKey(f"{number:064x}")), data)


@pytest.mark.parametrize(("size", "most"), [(8 * MIB, 4), (4 * MIB, 8), (1, 65)])
def test_what_waits_is_few_bytes(bucket: HeldBucket, gets: list[str], size: int, most: int) -> None:
    fill(bucket, 90, size)
    at_once = 0
    for done, (_, _, look) in enumerate(looks(bucket), 1):
        at_once = max(at_once, len(gets) - done + 1)
        assert look.condition is Condition.DAMAGED
    assert len(gets) == 90
    assert at_once <= most


def test_one_entry_is_parsed_at_a_time(bucket: HeldBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    where: list[threading.Thread] = []

    def open_envelope(*args: Any) -> object:
        where.append(threading.current_thread())
        return envelope.open_envelope(*args)

    made = [record(bucket, number, SMALL) for number in range(5)]
    monkeypatch.setattr(walk, "open_envelope", open_envelope)
    found = {look.shared.entry.key for _, _, look in looks(bucket) if look.shared is not None}
    assert found == {entry.key for entry in made}
    upkeep = SharedUpkeep(bucket)
    keys = [*(entry.key for entry in made), entry_of(9).key]
    assert [entry.key for entry in upkeep.entries(keys)] == keys[:-1]
    assert {*where} == {threading.main_thread()}


def test_few_entries_of_unknown_size_are_read_ahead(bucket: HeldBucket, gets: list[str]) -> None:
    made = [record(bucket, number, SMALL) for number in range(50)]
    gets.clear()
    upkeep = SharedUpkeep(bucket)
    for done, _ in enumerate(upkeep.entries(entry.key for entry in made), 1):
        assert len(gets) - done < 17
