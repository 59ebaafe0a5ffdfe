"""Retention on a local store: marks as files, small steps, and what happens meanwhile."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.digest import ReuseKey, digest_of_value
from cwl_memo.core.entry import Entry
from cwl_memo.core.retention import Clock, Evicted, Limits
from cwl_memo.store.census import kept_of
from cwl_memo.store.collect import Collector
from cwl_memo.store.local import LocalStore
from cwl_memo.store.memory import MemoryStore
from tests.store.example import blob, digest, entry, key, record
from tests.store.test_contract_retention import HUGE, LONG_AGO, NOW, gone, limited


def _mark(root: Path, suffix: str) -> Path:
    return root / "entries" / "00" / f"{key(1).hex}.{suffix}"


def test_a_mark_of_another_kind_is_an_eviction_all_the_same(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    local.gc(0)
    assert _mark(root, "evicted").read_text() == "size"
    _mark(root, "evicted").write_text("by a newer program")
    assert local.eviction(key(1)) == Evicted(None)
    _mark(root, "evicted").unlink()
    _mark(root, "evicted").mkdir()
    assert local.eviction(key(1)) == Evicted(None)


def test_whether_outputs_are_final_is_not_known_they_stay(local: LocalStore, root: Path) -> None:
    limited(local, 1)
    _mark(root, "final").mkdir()
    assert [e.workspace_only for e in local.gc(HUGE, now=NOW)] == [True]


def test_a_dropped_entry_leaves_no_marks(local: LocalStore, root: Path) -> None:
    made = limited(local, 1)
    local.mark_final(made.key, made.origin.run)
    local.gc(HUGE, now=NOW)
    local.drop_entry(made.key)
    assert list((root / "entries").rglob("*.*")) == []


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"variants": 7},
        {"variants": [7]},
        {"variants": [{}]},
        {"variants": [{"blobs": [{"digest": "md5:0"}]}]},
    ],
)
def test_all_that_an_entry_of_another_form_needs_is_kept(payload: dict[str, Any]) -> None:
    blobs = [{"digest": str(digest(b"one")), "size": 3}]
    assert kept_of({**payload, "blobs": blobs}) == {digest(b"one")}
    assert kept_of({"variants": [], "blobs": blobs, "stdout": 7}) == frozenset()


@pytest.mark.parametrize("until", ["soon", True, None, 1.5])
def test_a_deadline_of_another_form_is_none(local: LocalStore, root: Path, until: object) -> None:
    made = limited(local, 1)
    payload = {**made.to_json(), "keep_until": until, "format": 2}
    sealed = {"digest": str(digest_of_value("entry", payload)), "entry": payload}
    path = root / "entries" / "00" / f"{key(1).hex}.json"
    path.unlink()
    path.write_text(json.dumps(sealed))
    assert local.gc(HUGE, now=NOW) == []


# in small steps


class Hours:
    """A clock by which each look takes an hour."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 3600
        return self.now


def test_who_has_no_patience_evicts_a_part_and_the_rest_the_next_time(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cwl_memo.store.collect._BATCH", 2)
    for number in range(5):
        record(local, number, b"%d" % number, b"shared", used=LONG_AGO + number)
    collector = replace(local._upkeep.collector, clock=Hours())
    object.__setattr__(local._upkeep, "collector", collector)
    steps = [[e.key for e in local.gc(0, patience=1.0)] for _ in range(4)]
    assert steps == [[key(0), key(1)], [key(2), key(3)], [key(4)], []]
    assert local.stats().blobs == 0


def test_what_waits_for_the_next_time_keeps_its_blobs(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cwl_memo.store.collect._BATCH", 1)
    record(local, 1, b"one", b"shared", used=LONG_AGO)
    record(local, 2, b"two", b"shared", used=LONG_AGO + 1)
    collector = replace(local._upkeep.collector, clock=Hours())
    object.__setattr__(local._upkeep, "collector", collector)
    local.gc(0, patience=1.0)
    assert gone(local, b"one", b"two", b"shared") == [True, False, False]
    assert local.verify().missing_blobs == ()


# meanwhile


def _meanwhile(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    choose = Collector._choose

    def choose_then_act(collector: Collector, found: Any, limits: Limits) -> Any:
        victims = choose(collector, found, limits)
        act()
        return victims

    monkeypatch.setattr(Collector, "_choose", choose_then_act)


def _final(store: LocalStore) -> Entry:
    made = limited(store, 1)
    store.mark_final(made.key, made.origin.run)
    return made


def test_a_workspace_that_is_held_meanwhile_is_spared(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _final(local)
    local.begin_run("2026-a")
    _meanwhile(monkeypatch, lambda: local._leases.hold("2026-a", made.key))
    assert local.gc(HUGE, now=NOW) == []
    assert local.eviction(made.key) is None
    assert gone(local, b"out", b"tree", b"tmp") == [False] * 3


def test_an_entry_that_is_pinned_meanwhile_is_spared(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _final(local)
    _meanwhile(monkeypatch, lambda: local.pin(made.key))
    assert local.gc(0, max_age=1, now=NOW) == []
    assert local.eviction(made.key) is None
    assert gone(local, b"out", b"tree", b"tmp") == [False] * 3


def test_an_entry_that_was_used_since_its_summary_was_made_is_not_too_old(
    local: LocalStore, root: Path
) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    local.stats()
    path = root / "entries" / "00" / f"{key(1).hex}.json"
    os.utime(path, (NOW - 5, NOW - 5))
    assert local.gc(HUGE, max_age=100, now=NOW) == []


def test_another_file_of_the_entry_is_judged_by_itself(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _final(local)

    def grow() -> None:
        # The index believes that there is nothing but what it saw.
        local.ingest_bytes(b"more")
        grown = replace(made, blobs=(*made.blobs, blob(b"more")))
        local._entries.write(grown)
        local.hold("nobody", made.key, LONG_AGO)

    _meanwhile(monkeypatch, grow)
    local.gc(HUGE, now=NOW)
    assert gone(local, b"out", b"more") == [False, False]


def test_what_is_dead_and_gone_is_not_read_again(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    local.invalidate([key(1), key(2)], "wrong")
    assert [e.clock for e in local.gc(HUGE)] == [Clock.INVALIDATED]

    def refuse(_: ReuseKey) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(local._tombstones, "get", refuse)
    monkeypatch.setattr(local._entries, "payload", refuse)
    assert local.gc(HUGE) == []


# the index


def test_notes_of_looks_are_read_as_if_anybody_wrote_them(local: LocalStore) -> None:
    index = local._index
    now = time.time()
    assert not index.is_due(None, now)
    assert index.is_due(100, now)
    for row in (7, [], [1, 2], ["x", 0, 0], [1, "x", 0], [None, 0, None]):
        index._note("due", row)
        assert not index.is_due(None, now)
    index.note_look(None, now, now - 4000)
    assert not index.is_due(100, now)
    index.note_deadline(int(now) + 50)
    index.note_deadline(int(now) + 90)
    index.note_deadline(int(now) - 50)
    assert index.is_due(None, now)
    # A look of the future says nothing.
    index.note_look(int(now) - 50, now, now + 4000)
    assert index.is_due(None, now)
    index.note_look(int(now) - 50, now, now - 4)
    assert not index.is_due(None, now)


def test_a_local_store_takes_what_one_in_memory_takes(local: LocalStore) -> None:
    memory = MemoryStore()
    for store in (local, memory):
        for number in range(12):
            rest = (b"r%d" % (number % 5), b"s%d" % number)
            made = limited(store, number, (b"o%d" % (number % 7),), rest, until=NOW - 3 + number)
            if number % 2:
                store.mark_final(made.key, made.origin.run)
        for number in range(12, 20):
            store.ingest_bytes(b"x" * (5000 * number))
            made = entry(number, b"x" * (5000 * number), seconds=float(number % 3))
            store.publish(made)
            store.hold("nobody", made.key, LONG_AGO + (number % 4) * 1e6)
        store.invalidate([key(14)], "wrong")
        store.pin(key(2))

    def taken(store: Any, size: int) -> list[tuple[ReuseKey, int, Clock, bool]]:
        evictions = store.gc(size, max_age=95 * 86_400, now=NOW)
        return sorted((e.key, e.freed, e.clock, e.workspace_only) for e in evictions)

    for size in (HUGE, 300_000, 100_000, 0):
        assert taken(local, size) == taken(memory, size)
    assert local.stats().blobs == memory.stats().blobs > 0
