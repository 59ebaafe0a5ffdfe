"""What every store does with an entry that is set aside, sound as it is."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cwl_memo.errors import StoreReadOnlyError
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.memory import MemoryStore
from cwl_memo.store.protocol import Store
from tests.store.example import entry, key, record

REASON = "executed again in run r: out: 3 bytes"
LONG_AGO = 1_000_000_000.0


def test_an_entry_that_is_set_aside_is_not_found_again(store: Store) -> None:
    made = record(store, 1, b"one")
    other = record(store, 2, b"one")
    assert store.quarantine_entry(made, REASON)
    assert store.get_entry(made.key) is None
    assert list(store.keys()) == store.recent("sort", 5) == [other.key]
    assert (store.stats().entries, store.stats().quarantined) == (1, 1)
    assert store.get_entry(other.key) == other
    report = store.verify()
    assert report.bad_entries == report.missing_blobs == ()


def test_an_entry_that_is_not_there_is_not_set_aside(store: Store) -> None:
    assert not store.quarantine_entry(entry(1, b"one"), REASON)
    assert store.stats().quarantined == 0


def test_an_entry_recorded_since_in_its_place_stays(store: Store) -> None:
    old = record(store, 1, b"one")
    new = replace(entry(1, b"one"), origin=replace(old.origin, run="2027-run"))
    store.publish(new)
    assert not store.quarantine_entry(old, REASON)
    assert store.get_entry(key(1)) == new


def test_an_entry_that_got_other_outputs_collected_since_is_set_aside(store: Store) -> None:
    old = record(store, 1, b"one")
    store.publish(old.with_variant(replace(old.variants[0], section=old.blobs[0].digest)))
    assert store.quarantine_entry(old, REASON)
    assert store.get_entry(key(1)) is None


def test_a_job_whose_entry_was_set_aside_can_be_recorded_again(store: Store) -> None:
    made = record(store, 1, b"one")
    assert store.quarantine_entry(made, REASON)
    store.ingest_bytes(b"two")
    # Another execution: what one has given that was found wrong stays wrong.
    again = replace(entry(1, b"two"), origin=replace(made.origin, run="another"))
    store.publish(again)
    assert store.get_entry(key(1)) == again


def test_an_evicted_entry_that_is_set_aside_is_evicted_no_more(store: Store) -> None:
    made = record(store, 1, b"one", used=LONG_AGO)
    store.gc(0)
    assert store.quarantine_entry(made, REASON)
    assert not store.is_evicted(made.key)


def test_what_was_set_aside_goes_when_everything_is_cleared(store: Store) -> None:
    store.quarantine_entry(record(store, 1, b"one"), REASON)
    store.clear()
    assert store.stats().quarantined == 0


def test_a_local_store_keeps_what_was_set_aside_with_the_reason(
    local: LocalStore, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = record(local, 1, b"one")
    local.quarantine_entry(made, REASON)
    kept, reason = sorted((root / "quarantine").iterdir())
    assert kept.name.endswith(f"{made.key.hex}.json")
    assert json.loads(kept.read_text())["entry"]["origin"]["run"] == made.origin.run
    assert REASON in reason.read_text()
    assert "damaged" not in caplog.text


def test_a_memory_store_keeps_what_was_set_aside_with_the_reason() -> None:
    store = MemoryStore()
    made = record(store, 1, b"one")
    store.quarantine_entry(made, REASON)
    assert store.set_aside == [(made, REASON)]


def test_a_store_that_is_only_read_sets_nothing_aside(local: LocalStore, root: Path) -> None:
    made = record(local, 1, b"one")
    with closing(open_store(root, readonly=True)) as store, pytest.raises(StoreReadOnlyError):
        store.quarantine_entry(made, REASON)
    assert local.get_entry(made.key) == made
