"""What every store does with what people say of entries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cwl_memo.errors import InvalidatedError, PinnedError
from cwl_memo.store.protocol import Store
from tests.store.example import entry, key, record


def test_an_invalidated_entry_is_dead_and_there(store: Store) -> None:
    made = record(store, 1, b"one")
    assert store.tombstone(made.key) is None
    assert not made.is_dead(store.tombstone(made.key))
    assert store.invalidate([made.key, made.key], "wrong reference", who="ada@lab") == 1
    tombstone = store.tombstone(made.key)
    assert tombstone is not None
    assert (tombstone.reason, tombstone.who) == ("wrong reference", "ada@lab")
    assert tombstone.when
    assert made.is_dead(tombstone)
    assert store.get_entry(made.key) == made


def test_others_live_on(store: Store) -> None:
    record(store, 1, b"one")
    other = record(store, 2, b"two")
    store.invalidate([key(1)], "wrong")
    assert store.tombstone(other.key) is None


def test_an_entry_that_knew_of_no_tombstone_does_not_come_back(store: Store) -> None:
    made = record(store, 1, b"one")
    store.invalidate([made.key], "wrong")
    store.drop_entry(made.key)
    # The same from elsewhere, and one that another store recorded after.
    for again in (made, replace(made, origin=replace(made.origin, started="2099-01-01"))):
        with pytest.raises(InvalidatedError):
            store.publish(again)
    assert store.get_entry(made.key) is None


def test_an_entry_that_was_recorded_after_its_tombstone_lives(store: Store) -> None:
    made = record(store, 1, b"one")
    store.invalidate([made.key], "wrong")
    tombstone = store.tombstone(made.key)
    assert tombstone is not None
    anew = replace(made, after=(tombstone.id,))
    store.publish(anew)
    assert store.get_entry(made.key) == anew
    assert not anew.is_dead(store.tombstone(made.key))
    store.invalidate([made.key], "wrong")
    assert anew.is_dead(store.tombstone(made.key))


def test_a_dead_entry_does_not_take_the_place_of_one_that_lives(store: Store) -> None:
    made = record(store, 1, b"one")
    store.invalidate([made.key], "wrong")
    tombstone = store.tombstone(made.key)
    assert tombstone is not None
    anew = replace(made, after=(tombstone.id,))
    store.publish(anew)
    with pytest.raises(InvalidatedError):
        store.publish(made)
    assert store.get_entry(made.key) == anew


def test_a_key_without_an_entry_can_be_invalidated(store: Store) -> None:
    store.invalidate([key(1)], "known from another store")
    store.ingest_bytes(b"one")
    with pytest.raises(InvalidatedError):
        store.publish(entry(1, b"one"))


def test_clearing_takes_no_tombstone_with_it(store: Store) -> None:
    made = record(store, 1, b"one")
    store.invalidate([made.key], "wrong")
    tombstone = store.tombstone(made.key)
    store.clear([made.key])
    store.clear()
    assert store.tombstone(made.key) == tombstone


def test_clearing_takes_the_pins_of_what_is_cleared(store: Store) -> None:
    for number in (1, 2):
        record(store, number, b"one")
        store.pin(key(number))
    store.clear([key(1)])
    assert list(store.pins()) == [key(2)]
    store.clear()
    assert store.pins() == {}


def test_counts_tell_of_what_was_invalidated_and_pinned(store: Store) -> None:
    made = record(store, 1, b"one")
    record(store, 2, b"two")
    store.invalidate([made.key, key(3)], "wrong")
    store.pin(key(2))
    stats = store.stats()
    assert (stats.entries, stats.invalidated, stats.pinned) == (2, 1, 1)
    assert store.verify().invalidated == 1
    tombstone = store.tombstone(made.key)
    assert tombstone is not None
    store.publish(replace(made, after=(tombstone.id,)))
    assert store.stats().invalidated == store.verify().invalidated == 0


def test_a_pin_is_told_and_taken_out_again(store: Store) -> None:
    record(store, 2, b"two")
    store.pin(key(2), "for the paper", who="ada@lab")
    store.pin(key(1))
    pins = store.pins()
    assert list(pins) == [key(1), key(2)]
    assert (pins[key(2)].reason, pins[key(2)].who, pins[key(1)].reason) == (
        "for the paper", "ada@lab", "",
    )  # fmt: skip
    assert store.unpin(key(2))
    assert not store.unpin(key(2))
    assert list(store.pins()) == [key(1)]


def test_a_pinned_entry_is_invalidated_by_force_alone(store: Store) -> None:
    record(store, 1, b"one")
    record(store, 2, b"two")
    store.pin(key(1))
    with pytest.raises(PinnedError, match="1 of the entries"):
        store.invalidate([key(1), key(2)], "wrong")
    assert store.tombstone(key(2)) is None
    store.invalidate([key(1), key(2)], "wrong", force=True)
    assert store.tombstone(key(1)) is not None
    assert list(store.pins()) == []
