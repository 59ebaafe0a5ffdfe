"""What every store does by its clocks: hours of the project, age, size, tombstones, pins."""

from __future__ import annotations

import time
from dataclasses import replace

from cwl_memo.core.entry import Entry, OutputVariant
from cwl_memo.core.retention import Clock, Evicted
from cwl_memo.store.protocol import Store
from tests.store.example import blob, digest, entry, key, record

LONG_AGO = 1_000_000_000.0
NOW = LONG_AGO + 100 * 86_400
HUGE = 1 << 40


def limited(
    store: Store,
    number: int,
    outputs: tuple[bytes, ...] = (b"out",),
    rest: tuple[bytes, ...] = (b"tree", b"tmp"),
    *,
    until: float = NOW,
    log: bytes = b"log",
) -> Entry:
    """Record an entry whose files have a deadline."""
    for content in (*outputs, *rest, log):
        store.ingest_bytes(content)
    made = entry(number, *outputs, *rest, log)
    variant = OutputVariant(digest(b"outputs"), {}, tuple(map(blob, outputs)))
    made = replace(
        made,
        variants=(variant,),
        tree=digest(rest[0]) if rest else None,
        stdout=digest(log),
        keep_until=int(until),
    )
    store.publish(made)
    store.hold("no such run", made.key, LONG_AGO)
    return made


def gone(store: Store, *contents: bytes) -> list[bool]:
    return [not store.check_blob(digest(content), len(content)) for content in contents]


# hours of the project


def test_before_its_deadline_an_entry_is_whole(store: Store) -> None:
    made = limited(store, 1)
    assert store.gc(HUGE, now=NOW - 1) == []
    assert store.eviction(made.key) is None


def test_past_its_deadline_an_intermediate_entry_loses_everything(store: Store) -> None:
    made = limited(store, 1)
    (evicted,) = store.gc(HUGE, now=NOW)
    assert (evicted.key, evicted.freed, evicted.clock) == (made.key, 13, Clock.INTERMEDIATE)
    assert evicted.workspace_only is False
    assert store.is_evicted(made.key)
    assert store.eviction(made.key) == Evicted(Clock.INTERMEDIATE)
    assert gone(store, b"out", b"tree", b"tmp", b"log") == [True] * 4
    assert store.get_entry(made.key) == made
    assert store.gc(HUGE, now=NOW) == []


def test_past_its_deadline_an_entry_with_final_outputs_keeps_these_and_its_logs(
    store: Store,
) -> None:
    made = limited(store, 1)
    store.mark_final(made.key, made.origin.run)
    (evicted,) = store.gc(HUGE, now=NOW)
    assert (evicted.freed, evicted.workspace_only) == (7, True)
    assert not store.is_evicted(made.key)
    assert store.eviction(made.key) == Evicted(Clock.INTERMEDIATE, workspace_only=True)
    assert gone(store, b"out", b"tree", b"tmp", b"log") == [False, True, True, False]
    assert store.gc(HUGE, now=NOW) == []
    assert store.verify().missing_blobs == ()
    stats = store.stats()
    assert (stats.evicted, stats.trimmed, stats.blobs) == (0, 1, 2)
    # The rest goes by size, as that of any other entry.
    (evicted,) = store.gc(0, now=NOW)
    assert (evicted.freed, evicted.clock) == (6, Clock.SIZE)
    assert store.is_evicted(made.key)
    assert (store.stats().evicted, store.stats().trimmed, store.stats().blobs) == (1, 0, 0)


def test_what_was_final_in_another_run_is_intermediate(store: Store) -> None:
    made = limited(store, 1)
    store.mark_final(made.key, "another run")
    assert [e.workspace_only for e in store.gc(HUGE, now=NOW)] == [False]


def test_an_entry_without_output_files_loses_its_workspace_alone(store: Store) -> None:
    made = limited(store, 1, outputs=())
    (evicted,) = store.gc(HUGE, now=NOW)
    assert (evicted.freed, evicted.workspace_only) == (7, True)
    assert not store.is_evicted(made.key)
    assert gone(store, b"tree", b"log") == [True, False]


def test_a_workspace_that_others_need_stays(store: Store) -> None:
    made = limited(store, 1, rest=(b"shared",))
    store.mark_final(made.key, made.origin.run)
    record(store, 2, b"shared")
    assert store.gc(HUGE, now=NOW) == []
    assert store.eviction(made.key) is None


def test_an_entry_loses_its_workspace_and_the_rest_in_one_go(store: Store) -> None:
    made = limited(store, 1)
    store.mark_final(made.key, made.origin.run)
    assert store.gc(0, now=NOW, dry_run=True) == store.gc(0, now=NOW)
    assert store.is_evicted(made.key)
    assert store.stats().blobs == 0


def test_an_entry_that_is_recorded_anew_is_whole(store: Store) -> None:
    made = limited(store, 1)
    store.mark_final(made.key, made.origin.run)
    store.gc(HUGE, now=NOW)
    limited(store, 1, until=NOW + 9)
    assert store.eviction(made.key) is None
    store.gc(HUGE, now=NOW + 9)
    store.drop_entry(made.key)
    assert store.eviction(made.key) is None


def test_a_trimmed_entry_needs_nothing_of_its_workspace_any_more(store: Store) -> None:
    made = limited(store, 1, rest=(b"tree", b"shared"))
    store.mark_final(made.key, made.origin.run)
    record(store, 2, b"shared", used=LONG_AGO - 9)
    assert len(store.gc(HUGE, now=NOW)) == 1
    assert gone(store, b"tree", b"shared") == [True, False]
    (evicted,) = store.gc(6, now=NOW)
    assert (evicted.key, evicted.freed) == (key(2), 6)


# age


def test_what_nobody_used_for_so_long_goes(store: Store) -> None:
    record(store, 1, b"old", used=NOW - 101)
    record(store, 2, b"young", used=NOW - 99)
    (evicted,) = store.gc(HUGE, max_age=100, now=NOW)
    assert (evicted.key, evicted.freed, evicted.clock) == (key(1), 3, Clock.AGE)
    assert store.eviction(key(1)) == Evicted(Clock.AGE)
    assert store.gc(HUGE, max_age=100, now=NOW) == []


def test_age_takes_more_than_hours_do(store: Store) -> None:
    made = limited(store, 1)
    store.mark_final(made.key, made.origin.run)
    (evicted,) = store.gc(HUGE, max_age=1, now=NOW)
    assert (evicted.clock, evicted.workspace_only) == (Clock.AGE, False)


def test_a_use_renews_the_age_but_not_the_hours(store: Store) -> None:
    limited(store, 1)
    store.hold("no such run", key(1), NOW)
    assert [e.clock for e in store.gc(HUGE, max_age=100, now=NOW)] == [Clock.INTERMEDIATE]


# tombstones


def test_what_was_invalidated_goes_first_and_says_so(store: Store) -> None:
    made = record(store, 1, b"one", used=LONG_AGO)
    record(store, 2, b"two", used=LONG_AGO)
    store.invalidate([made.key], "wrong")
    (evicted,) = store.gc(HUGE)
    assert (evicted.key, evicted.clock) == (made.key, Clock.INVALIDATED)
    assert store.stats().invalidated == 1
    assert store.gc(HUGE) == []


# who stays


def test_no_clock_takes_what_is_held_or_pinned(store: Store) -> None:
    for number in (1, 2):
        limited(store, number, outputs=(b"%d" % number,), rest=(b"r%d" % number,))
        record(store, number + 2, b"x%d" % number, used=LONG_AGO)
    store.begin_run("2026-a")
    for number in (1, 3):
        store.hold("2026-a", key(number), LONG_AGO)
    for number in (2, 4):
        store.pin(key(number))
    store.invalidate([key(3)], "wrong")
    assert store.gc(0, max_age=1, now=NOW) == []
    assert store.gc(0, max_age=1, now=NOW, dry_run=True) == []
    for number in (2, 4):
        store.unpin(key(number))
    assert {e.key for e in store.gc(0, max_age=1, now=NOW)} == {key(2), key(4)}
    store.end_run("2026-a")
    assert {e.key for e in store.gc(0, max_age=1, now=NOW)} == {key(1), key(3)}


# when there is something to do


def test_a_store_within_its_limits_is_not_due(store: Store) -> None:
    record(store, 1, b"one")
    store.gc(HUGE, now=time.time() - 4000)
    assert not store.is_due(3)
    assert not store.is_due(3, 100)
    assert store.is_due(2)


def test_a_deadline_that_has_passed_is_due(store: Store) -> None:
    limited(store, 1, until=time.time() + 60)
    assert not store.is_due(HUGE)
    limited(store, 2, (b"o2",), (b"r2",), until=time.time() - 1, log=b"l2")
    limited(store, 3, until=time.time() + 60)
    assert store.is_due(HUGE)
    store.gc(HUGE)
    assert not store.is_due(HUGE)


def test_an_age_that_has_passed_is_due(store: Store) -> None:
    record(store, 1, b"one", used=time.time() - 5000)
    store.gc(HUGE, now=time.time() - 4000)
    assert not store.is_due(HUGE, 6000)
    assert store.is_due(HUGE, 4500)
    store.gc(HUGE, max_age=4500)
    assert not store.is_due(HUGE, 4500)


# what is dear


def test_of_two_that_are_idle_for_as_long_the_cheaper_goes(store: Store) -> None:
    for number, seconds in ((1, 3600.0), (2, 9.0)):
        store.ingest_bytes(b"%d" % number)
        store.publish(entry(number, b"%d" % number, seconds=seconds))
        store.hold("no such run", key(number), LONG_AGO)
    assert [e.key for e in store.gc(1)] == [key(2)]
