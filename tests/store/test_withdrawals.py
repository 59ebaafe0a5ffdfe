"""What one machine found wrong, or took back, and the shared store could not be told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import Entry, OutputVariant
from cwl_memo.errors import (
    StoreError,
    StoreForbiddenError,
    StoreReadOnlyError,
    StoreUnreachableError,
)
from cwl_memo.store.local import open_store
from cwl_memo.store.tiered import TieredStore
from tests.store.example import digest, entry, key
from tests.store.fake_remote import FakeRemote, Objects

CONTENT = b"wrong"
DOWN = StoreUnreachableError("down")
Home = Callable[..., TieredStore]

every_fault = pytest.mark.parametrize(
    "fault", [DOWN, StoreForbiddenError("no"), StoreError("what")], ids=str
)


@pytest.fixture
def objects() -> Objects:
    return Objects()


@pytest.fixture
def home(tmp_path: Path, objects: Objects) -> Iterator[Home]:
    """Opens the store of a home; the same one's again, if it was closed before."""
    opened: list[TieredStore] = []

    def open_home(
        name: str, *, readonly: bool = False, fault: StoreError | None = None, **may: bool
    ) -> TieredStore:
        front = open_store(tmp_path / name, readonly=readonly)
        remote = FakeRemote(objects, host=name, **may)
        if fault is not None:
            remote.faults.update(quarantine=fault, bury=fault)
        store = TieredStore(
            front,
            remote,
            spool=front.spool(remote.location),
            untold=front.untold(remote.location),
            ask_again=0,
            pauses=(0.0, 0.0),
        )
        opened.append(store)
        return store

    yield open_home
    for store in opened:
        store.close()


def share(store: TieredStore, number: int = 1) -> Entry:
    store.ingest_bytes(CONTENT)
    made = entry(number, CONTENT)
    store.publish(made)
    store.share(made.key)
    store.end_sharing(wait=True)
    return made


def reuses(store: TieredStore, made: Entry) -> bool:
    """Whether a lookup is a hit of this entry."""
    found = store.get_entry(made.key)
    if found is None or found.origin != made.origin:
        return False
    return not any(found.is_dead(t) for t in store.tombstones(made.key))


def run(store: TieredStore) -> None:
    store.begin_run("run")
    store.end_sharing(wait=True)


def calls(store: TieredStore, name: str) -> int:
    assert isinstance(store.remote, FakeRemote)
    return store.remote.calls[name]


# found wrong


@every_fault
def test_what_was_found_wrong_and_stays_there_is_never_used_here_again(
    home: Home, fault: StoreError
) -> None:
    made = share(home("a"))
    here = home("b", fault=fault)
    assert reuses(here, made)
    assert here.quarantine_entry(made, "other outputs")
    assert not reuses(here, made)
    here.close()
    later = home("b", fault=fault)
    assert not reuses(later, made)
    run(later)
    assert not reuses(later, made)


def test_what_was_found_wrong_is_removed_by_a_later_run(home: Home, objects: Objects) -> None:
    made = share(home("a"))
    here = home("b", fault=DOWN)
    assert reuses(here, made)
    here.quarantine_entry(made, "other outputs")
    assert here.untold == 1
    here.close()
    later = home("b")
    run(later)
    assert not objects.entries
    assert later.untold == 0
    later.close()
    last = home("b")
    run(last)
    assert calls(last, "quarantine") == 0


def test_what_was_found_wrong_is_removed_as_the_same_run_ends(home: Home, objects: Objects) -> None:
    made = share(home("a"))
    here = home("b", fault=DOWN)
    here.quarantine_entry(made, "other outputs")
    here.remote.faults.clear()  # type: ignore[attr-defined]
    here.end_sharing(wait=True)
    assert not objects.entries


def test_what_a_server_brings_back_is_not_used_where_it_was_found_wrong(
    home: Home, objects: Objects
) -> None:
    made = share(home("a"))
    kept = dict(objects.entries)
    here = home("b")
    here.quarantine_entry(made, "other outputs")
    objects.entries.update(kept)
    here.close()
    assert not reuses(home("b"), made)


def test_a_wrong_entry_that_grew_by_other_outputs_is_as_wrong(home: Home) -> None:
    here = home("b", fault=DOWN)
    made = share(home("a"))
    here.quarantine_entry(made, "other outputs")
    grown = made.with_variant(OutputVariant(Digest.parse(str(digest(b"other"))), {"out": 1}, ()))
    there = home("a2")
    there.ingest_bytes(CONTENT)
    there.publish(grown)
    there.share(grown.key)
    there.end_sharing(wait=True)
    assert reuses(home("c"), grown)
    assert not reuses(here, grown)


def test_another_execution_of_the_same_job_is_used(home: Home) -> None:
    made = share(home("a"))
    here = home("b", fault=DOWN)
    here.quarantine_entry(made, "other outputs")
    other = replace(made, origin=replace(made.origin, run="another"))
    there = home("c")
    there.ingest_bytes(CONTENT)
    there.publish(other)
    there.share(other.key)
    there.end_sharing(wait=True)
    here.close()
    later = home("b")
    assert reuses(later, other)
    run(later)
    assert reuses(later, other)
    assert reuses(home("d"), other)
    assert later.untold == 0


def test_who_may_only_read_does_without_what_was_found_wrong(home: Home, objects: Objects) -> None:
    made = share(home("a"))
    here = home("b", may_write=False)
    assert reuses(here, made)
    assert here.quarantine_entry(made, "other outputs")
    here.close()
    later = home("b", may_write=False)
    run(later)
    assert not reuses(later, made)
    assert objects.entries
    assert calls(later, "quarantine") == 0


def test_a_home_that_cannot_be_written_distrusts_for_as_long_as_it_can(home: Home) -> None:
    made = share(home("a"))
    home("b").close()
    here = home("b", readonly=True, fault=DOWN)
    assert not here.quarantine_entry(made, "other outputs")
    assert not reuses(here, made)


def test_a_note_that_cannot_be_read_is_heeded(home: Home, tmp_path: Path) -> None:
    made = share(home("a"))
    here = home("b", fault=DOWN)
    here.quarantine_entry(made, "other outputs")
    here.close()
    (note,) = (tmp_path / "b" / "uploads").glob("*/wrong/*/*")
    note.write_bytes(b'{"entry": 1')
    later = home("b")
    run(later)
    assert not reuses(later, made)


# taken back


@every_fault
def test_a_tombstone_that_did_not_go_up_goes_up_in_a_later_run(
    home: Home, fault: StoreError
) -> None:
    made = share(home("a"))
    here = home("b", fault=fault)
    with pytest.raises(StoreError, match="was not told of 1 of 1"):
        here.invalidate([made.key], "bad reads", who="me")
    assert not reuses(here, made)
    assert reuses(home("c"), made)
    here.close()
    later = home("b")
    assert later.untold == 1
    run(later)
    assert later.untold == 0
    assert not reuses(home("d"), made)
    assert [t.reason for t in home("e").tombstones(made.key)] == ["bad reads"]


def test_one_tombstone_that_does_not_go_up_keeps_no_other_back(home: Home) -> None:
    there = home("a")
    first, second = share(there, 1), share(there, 2)
    here = home("b", fault=DOWN)
    bury = here.remote.bury

    def fail_once(*told: object) -> None:
        here.remote.faults.clear()  # type: ignore[attr-defined]
        here.remote.bury = bury  # type: ignore[method-assign]
        raise DOWN

    here.remote.bury = fail_once  # type: ignore[method-assign, assignment]
    with pytest.raises(StoreUnreachableError, match="was not told of 1 of 2"):
        here.invalidate([key(1), key(2)], "bad reads")
    assert not reuses(home("c"), second)
    run(here)
    assert not reuses(home("d"), first)


def test_who_may_only_read_takes_back_here_alone(home: Home) -> None:
    made = share(home("a"))
    here = home("b", may_write=False)
    here.invalidate([made.key], "bad reads")
    assert not reuses(here, made)
    assert reuses(home("c"), made)
    assert here.untold == 0


def test_who_was_forbidden_to_write_is_told_so(home: Home) -> None:
    made = share(home("a"))
    here = home("b")
    here.remote.may_write = False
    with pytest.raises(StoreReadOnlyError, match="was not told"):
        here.invalidate([made.key], "bad reads")
    assert here.untold == 1


def test_of_a_shared_store_that_is_never_told_there_is_one_warning(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    made = share(home("a"))
    here = home("b", fault=DOWN)
    here.begin_run("run")
    here.quarantine_entry(made, "other outputs")
    here.end_sharing(wait=True)
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == 1
