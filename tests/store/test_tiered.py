"""What a store does that others share: two homes with different paths, one bucket."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import BlobRef, Entry, OutputVariant
from cwl_memo.errors import (
    InvalidatedError,
    NotKeptError,
    StoreDamagedError,
    StoreError,
    StoreForbiddenError,
    StoreFullError,
    StoreUnavailableError,
    StoreUnreachableError,
)
from cwl_memo.store import uploads
from cwl_memo.store.blob import ORPHAN_AGE
from cwl_memo.store.local import open_store
from cwl_memo.store.shared.sending import UNWATCHED, Watch
from cwl_memo.store.tiered import TieredStore
from cwl_memo.store.workers import Workers
from tests.store.damage import flip
from tests.store.example import age, blob, digest, entry, key, path_of, record
from tests.store.fake_remote import FakeRemote, Objects

SMALL, LARGE, FAR = b"small", b"large " * 1000, b"far " * 1000
Home = Callable[..., TieredStore]


@pytest.fixture
def objects() -> Objects:
    return Objects()


@pytest.fixture
def home(tmp_path: Path, objects: Objects) -> Iterator[Home]:
    """Opens the store of a home; the same one's again, if it was closed before."""
    opened: list[TieredStore] = []

    def open_home(name: str, remote: FakeRemote | None = None, **options: bool) -> TieredStore:
        front = open_store(tmp_path / name, readonly=options.pop("readonly", False))
        remote = remote or FakeRemote(objects, host=name, **options)
        spool = front.spool(remote.location)
        untold = front.untold(remote.location)
        store = TieredStore(
            front, remote, spool=spool, untold=untold, ask_again=0, pauses=(0.0, 0.0)
        )
        opened.append(store)
        return store

    yield open_home
    for store in opened:
        store.close()


def share(store: TieredStore, number: int, *contents: bytes) -> Entry:
    for content in contents:
        store.ingest_bytes(content)
    made = entry(number, *contents)
    store.publish(made)
    store.share(made.key)
    assert store.end_sharing(wait=True) is not None
    return made


def far(store: TieredStore) -> FakeRemote:
    assert isinstance(store.remote, FakeRemote)
    return store.remote


def text(store: TieredStore, content: bytes, target: Path) -> bytes:
    store.materialise(digest(content), target)
    return target.read_bytes()


def looks_up(store: TieredStore, made: Entry) -> bool:
    """What a lookup asks; whether it is a hit."""
    found = store.get_entry(made.key)
    if found is None or any(found.is_dead(t) for t in store.tombstones(made.key)):
        return False
    return store.check_blobs(found, made.blobs)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


# two homes


def test_what_one_home_records_is_a_hit_in_the_other(home: Home, tmp_path: Path) -> None:
    made = share(home("a"), 1, SMALL, LARGE)
    there = home("b")
    assert looks_up(there, made)
    assert there.get_entry(made.key) == made
    assert there.is_borrowed(made.key)
    assert text(there, LARGE, tmp_path / "large") == LARGE
    assert text(there, SMALL, tmp_path / "small") == SMALL


def test_a_hit_fetches_no_blob_whose_bytes_nobody_needs(home: Home) -> None:
    made = share(home("a"), 1, LARGE)
    there = home("b")
    assert looks_up(there, made)
    assert far(there).calls["fetch"] == 0
    assert not path_of(there.front, LARGE).exists()  # type: ignore[arg-type]


def test_a_hit_of_small_blobs_costs_one_question(home: Home) -> None:
    made = share(home("a"), 1, SMALL)
    there = home("b")
    assert looks_up(there, made)
    asked = far(there).calls
    assert (asked["find"], asked["has"], asked["fetch"]) == (1, 0, 0)


def test_an_entry_of_which_all_is_here_is_asked_for_no_more(home: Home, tmp_path: Path) -> None:
    made = share(home("a"), 1, SMALL, LARGE)
    there = home("b")
    assert looks_up(there, made)
    text(there, LARGE, tmp_path / "large")
    there.close()
    again = home("b")
    assert looks_up(again, made)
    assert not again.is_borrowed(made.key)
    assert far(again).calls["find"] == 0


def test_what_was_evicted_here_is_had_from_there(home: Home, tmp_path: Path) -> None:
    here = home("a")
    made = share(here, 1, LARGE)
    here.gc(0, now=4e9)
    assert here.is_evicted(made.key)
    assert looks_up(here, made)
    assert text(here, LARGE, tmp_path / "large") == LARGE
    assert not here.is_evicted(made.key)


def test_a_blob_that_was_damaged_here_is_had_from_there(home: Home, tmp_path: Path) -> None:
    here = home("a")
    made = share(here, 1, LARGE)
    flip(path_of(here.front, LARGE))  # type: ignore[arg-type]
    assert looks_up(here, made)
    assert text(here, LARGE, tmp_path / "large") == LARGE


def test_several_blobs_come_side_by_side(home: Home, objects: Objects) -> None:
    contents = [bytes([n]) * 1000 for n in range(8)]
    made = share(home("a"), 1, *contents)
    there = home("b", FakeRemote(objects, delay=0.02))
    assert looks_up(there, made)
    there.bring(b.digest for b in made.blobs)
    assert far(there).calls["fetch"] == 8
    assert far(there).most > 1


def test_one_blob_that_many_want_at_once_comes_once(home: Home, objects: Objects) -> None:
    made = share(home("a"), 1, LARGE)
    there = home("b", FakeRemote(objects, delay=0.02))
    assert looks_up(there, made)
    readers = [threading.Thread(target=there.read_blob, args=[digest(LARGE)]) for _ in range(6)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert far(there).calls["fetch"] == 1


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["came along", "was here"])
def test_what_a_borrowed_entry_has_here_comes_again_when_it_goes(
    home: Home, tmp_path: Path, content: bytes
) -> None:
    made = share(home("a"), 1, SMALL, LARGE, FAR)
    there = home("b")
    there.ingest_bytes(LARGE)
    there.begin_run("live")
    assert looks_up(there, made)
    there.hold("live", made.key, 4e9)
    # No entry here names it yet, and a run may take hours.
    age(path_of(there.front, content), 2 * ORPHAN_AGE)  # type: ignore[arg-type]
    with closing(open_store(tmp_path / "b")) as beside:
        beside.gc(1 << 40)
    assert not path_of(there.front, content).exists()  # type: ignore[arg-type]
    assert text(there, content, tmp_path / "out") == content
    assert there.read_blob(digest(content)) == content


def test_an_entry_is_the_own_one_only_when_all_is_here_again(home: Home, tmp_path: Path) -> None:
    made = share(home("a"), 1, SMALL, LARGE)
    there = home("b")
    assert looks_up(there, made)
    path_of(there.front, SMALL).unlink()  # type: ignore[arg-type]
    assert text(there, LARGE, tmp_path / "large") == LARGE
    assert there.front.get_entry(made.key) is None
    assert text(there, SMALL, tmp_path / "small") == SMALL
    assert there.front.get_entry(made.key) == made


# what must never be a hit


def test_a_blob_that_is_lost_before_it_comes_is_said_to_be(home: Home, objects: Objects) -> None:
    made = share(home("a"), 1, LARGE)
    there = home("b")
    assert looks_up(there, made)
    objects.blobs.clear()
    with pytest.raises(StoreDamagedError):
        there.read_blob(digest(LARGE))


def test_an_entry_whose_blobs_are_lost_is_no_hit(home: Home, objects: Objects) -> None:
    made = share(home("a"), 1, LARGE)
    objects.blobs.clear()
    there = home("b")
    assert not looks_up(there, made)
    there.drop_entry(made.key)
    assert there.get_entry(made.key) is None


def test_a_blob_that_comes_corrupted_gets_no_name_here(home: Home, tmp_path: Path) -> None:
    made = share(home("a"), 1, LARGE)
    there = home("b")
    assert looks_up(there, made)
    far(there).corrupt = True
    with pytest.raises(StoreDamagedError):
        there.materialise(digest(LARGE), tmp_path / "large")
    assert not (tmp_path / "large").exists()
    assert not path_of(there.front, LARGE).exists()  # type: ignore[arg-type]
    assert not list(Path(there.location, "tmp").iterdir())


def test_a_front_entry_that_names_a_blob_the_shared_one_does_not_is_no_hit(
    home: Home, objects: Objects
) -> None:
    here = home("a")
    share(here, 1, SMALL)
    other = record(here.front, 1, LARGE)
    path_of(here.front, LARGE).unlink()  # type: ignore[arg-type]
    assert not looks_up(here, other)


# taken back


def test_what_one_home_takes_back_is_dead_in_the_other(home: Home) -> None:
    here, there = home("a"), home("b")
    made = share(here, 1, SMALL)
    assert looks_up(there, made)
    here.invalidate([made.key], "wrong reference")
    assert not looks_up(there, made)
    assert not looks_up(here, made)


def test_what_was_recorded_after_it_was_taken_back_lives_in_both(home: Home) -> None:
    here, there = home("a"), home("b")
    made = share(here, 1, SMALL)
    here.invalidate([made.key], "wrong reference")
    after = tuple(t.id for t in there.tombstones(made.key))
    there.ingest_bytes(SMALL)
    again = Entry(**{**made.__dict__, "after": after})
    there.publish(again)
    there.share(again.key)
    there.end_sharing(wait=True)
    assert looks_up(there, again)
    assert here.get_entry(made.key) == again
    assert looks_up(here, again)


def test_an_entry_that_is_set_aside_is_gone_for_all(home: Home) -> None:
    here, there = home("a"), home("b")
    made = share(here, 1, SMALL)
    assert looks_up(there, made)
    assert there.quarantine_entry(made, "other outputs")
    assert not looks_up(there, made)
    assert not looks_up(home("c"), made)


# modes


def test_a_read_only_home_brings_nothing(home: Home, objects: Objects) -> None:
    laptop = home("laptop", may_write=False)
    share(laptop, 1, SMALL)
    assert not objects.entries
    assert not far(laptop).calls["claim"]


def test_a_write_only_home_takes_nothing(home: Home) -> None:
    made = share(home("a"), 1, SMALL)
    machine = home("ci", may_read=False)
    assert not looks_up(machine, made)
    other = share(machine, 2, SMALL)
    assert looks_up(home("b"), other)


def test_a_front_that_cannot_be_written_still_gives_what_is_shared(
    home: Home, tmp_path: Path
) -> None:
    made = share(home("a"), 1, SMALL, LARGE)
    home("b").close()
    there = home("b", readonly=True)
    assert looks_up(there, made)
    assert text(there, LARGE, tmp_path / "large") == LARGE
    assert there.read_blob(digest(SMALL)) == SMALL
    assert there.read_blob(digest(LARGE)) == LARGE


def test_a_front_that_is_full_still_gives_what_is_shared(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = share(home("a"), 1, SMALL, LARGE)
    there = home("b")

    def refuse(*_: object) -> None:
        raise StoreFullError("no space left")

    monkeypatch.setattr(there.front, "receive", refuse)
    monkeypatch.setattr(there.front, "ingest_bytes", refuse)
    assert looks_up(there, made)
    assert text(there, LARGE, tmp_path / "large") == LARGE
    assert text(there, SMALL, tmp_path / "small") == SMALL


# a shared store that fails


@pytest.mark.parametrize(
    "fault", [StoreUnreachableError("down"), StoreForbiddenError("no"), StoreFullError("full")]
)
def test_without_the_shared_store_the_own_one_does_all_it_did(
    home: Home, fault: StoreError, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    here = home("a")
    far(here).faults["*"] = fault
    made = record(here, 1, LARGE)
    assert looks_up(here, made)
    assert here.get_entry(key(2)) is None
    claim = here.claim(key(2))
    assert claim is not None
    claim.release()
    assert text(here, LARGE, tmp_path / "large") == LARGE
    assert len(warnings(caplog)) == 1


def test_of_a_shared_store_that_fails_there_is_one_warning(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    here = home("a")
    far(here).faults["*"] = StoreUnreachableError("down")
    assert here.get_entry(key(1)) is None
    share(here, 1, LARGE)
    used = here.end_sharing(wait=True)
    assert used is not None
    assert used.not_uploaded == 1
    (told,) = warnings(caplog)
    assert "failed, the run goes on without it" in told


def test_what_did_not_go_up_goes_up_in_a_later_run(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    here = home("a")
    far(here).faults["publish"] = StoreUnreachableError("down")
    made = share(here, 1, LARGE)
    assert far(here).calls["publish"] == 3
    (told,) = warnings(caplog)
    assert "1 result was not shared with fake://bucket: down" in told
    here.close()
    later = home("a")
    later.begin_run("later")
    used = later.end_sharing(wait=True)
    assert used is not None
    assert used.uploaded == 1
    assert looks_up(home("b"), made)
    later.close()
    last = home("a")
    last.begin_run("last")
    last.end_sharing(wait=True)
    assert far(last).calls["publish"] == 0


def test_damage_there_is_no_loss_here(home: Home, objects: Objects) -> None:
    here = home("a")
    far(here).faults["publish"] = StoreDamagedError("a marker that is none")
    made = share(here, 1, LARGE)
    assert far(here).calls["publish"] == 3
    here.close()
    later = home("a")
    later.begin_run("later")
    used = later.end_sharing(wait=True)
    assert used is not None
    assert used.uploaded == 1
    assert made.key in objects.entries


def test_what_is_damaged_here_is_taken_up_no_more(home: Home, objects: Objects) -> None:
    here = home("a")
    made = record(here, 1, LARGE)
    flip(path_of(here.front, LARGE))  # type: ignore[arg-type]
    here.share(made.key)
    here.end_sharing(wait=True)
    assert far(here).calls["publish"] == 1
    assert not objects.entries
    here.close()
    later = home("a")
    later.begin_run("later")
    later.end_sharing(wait=True)
    assert far(later).calls["publish"] == 0


def test_what_is_forbidden_is_not_tried_for_each_result(home: Home) -> None:
    here = home("a")
    far(here).faults["publish"] = StoreForbiddenError("no")
    for number in range(20):
        share(here, number, SMALL)
    assert far(here).calls["publish"] == 1
    used = here.end_sharing(wait=False)
    assert used is not None
    assert used.not_uploaded == 20


def test_who_interrupts_a_run_does_not_wait_for_uploads(home: Home, objects: Objects) -> None:
    here = home("a")
    for number in range(8):
        record(here.front, number, SMALL)
    far(here).delay = 0.3
    for number in range(8):
        here.share(key(number))
    used = here.end_sharing(wait=False)
    here.close()
    assert used is not None
    assert used.not_uploaded == 8
    assert len(objects.entries) < 8
    later = home("a")
    later.begin_run("later")
    later.end_sharing(wait=True)
    assert len(objects.entries) == 8


def test_the_end_of_a_run_waits_for_what_is_on_its_way(
    home: Home, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(FakeRemote):
        """Holds a large object for a time in which nothing of it is heard."""

        def publish(self, *args: Any, watch: Watch = UNWATCHED, **more: Any) -> bool:
            watch.on_way("blobs/x", 32 << 20)
            time.sleep(1.5)
            watch.on_way("blobs/x", 0)
            return super().publish(*args, watch=watch, **more)

    monkeypatch.setattr(uploads, "_STALLED", 0.3)
    here = home("a", Slow(objects))
    share(here, 1, LARGE)
    used = here.end_sharing(wait=True)
    assert used is not None
    assert (used.uploaded, used.not_uploaded, used.uploaded_bytes) == (1, 0, len(LARGE))


def test_of_what_was_there_no_bytes_went_up(home: Home, objects: Objects) -> None:
    del objects
    here = home("a")
    made = share(here, 1, LARGE)
    grown = made.with_variant(OutputVariant(digest(b"others"), {"out": 1}, ()))
    here.publish(grown)
    here.share(grown.key)
    used = here.end_sharing(wait=True)
    assert used is not None
    assert used.uploaded_bytes == len(LARGE)


def test_an_entry_with_a_secret_does_not_go_up(home: Home, objects: Objects) -> None:
    here = home("a")
    made = entry(1)
    secret = Entry(**{**made.__dict__, "fingerprint": {"x": f"(secret:{'0' * 64})"}})
    here.publish(secret)
    here.share(secret.key)
    used = here.end_sharing(wait=True)
    assert not objects.entries
    assert used is not None
    assert used.not_uploaded == 0


def test_an_entry_that_is_evicted_before_it_went_up_is_forgotten(home: Home) -> None:
    here = home("a")
    far(here).faults["publish"] = StoreUnreachableError("down")
    made = share(here, 1, LARGE)
    here.gc(0, now=4e9)
    assert here.front.is_evicted(made.key)
    here.close()
    later = home("a")
    later.begin_run("later")
    used = later.end_sharing(wait=True)
    assert used is not None
    assert (used.uploaded, used.not_uploaded) == (0, 0)


# two machines, one job


def test_one_of_two_machines_executes_a_job(home: Home) -> None:
    here, there = home("a"), home("b")
    claim = here.claim(key(1))
    assert claim is not None
    assert there.claim(key(1)) is None
    claim.release()


def test_a_claim_is_free_for_others_once_its_entry_is_there(home: Home, objects: Objects) -> None:
    here = home("a", FakeRemote(objects, delay=0.05))
    claim = here.claim(key(1))
    assert claim is not None
    record(here, 1, SMALL)
    here.share(key(1))
    claim.release()
    here.end_sharing(wait=True)
    assert far(here).order.index("publish") < far(here).order.index("release")


def test_a_refused_far_claim_leaves_the_near_one_to_others(home: Home) -> None:
    here, there = home("a"), home("b")
    assert here.claim(key(1)) is not None
    assert there.claim(key(1)) is None
    near = there.front.claim(key(1))
    assert near is not None
    near.release()


def test_nobody_waits_for_a_result_that_may_not_be_read(home: Home) -> None:
    here, there = home("a"), home("b", may_read=False)
    first = here.claim(key(1))
    assert first is not None
    claim = there.claim(key(1))
    assert claim is not None
    claim.release()
    # It is the other's still.
    assert home("c").claim(key(1)) is None
    first.release()


def test_others_wait_for_one_who_may_not_read(home: Home) -> None:
    there = home("b", may_read=False)
    claim = there.claim(key(1))
    assert claim is not None
    assert home("a").claim(key(1)) is None
    claim.release()


# looking ahead


def test_to_look_ahead_leaves_nothing_to_ask_of_the_lookup(home: Home) -> None:
    made = share(home("a"), 1, SMALL, LARGE)
    there = home("b")
    pending = there.look_ahead(made.key)
    assert pending is not None
    pending.result(10)
    far(there).calls.clear()
    assert looks_up(there, made)
    assert not far(there).calls["find"]
    assert not far(there).calls["has"]
    assert there.look_ahead(made.key) is None


def test_looking_ahead_asks_for_many_at_once(home: Home, objects: Objects) -> None:
    there = home("b", FakeRemote(objects, delay=0.05))
    pending = [there.look_ahead(key(number)) for number in range(32)]
    for future in pending:
        assert future is not None
        future.result(10)
    assert far(there).most == 16


def test_who_looks_ahead_may_bring_the_claim_along(home: Home) -> None:
    here = home("a")
    pending = here.look_ahead(key(1), claim=True)
    assert pending is not None
    pending.result(10)
    assert far(here).calls["claim"] == 1
    claim = here.claim(key(1))
    assert claim is not None
    assert far(here).calls["claim"] == 1
    claim.release()


def test_nothing_is_looked_for_ahead_that_is_here(home: Home) -> None:
    here = home("a")
    made = record(here, 1, SMALL)
    assert here.look_ahead(made.key) is None
    assert blob(SMALL) in made.blobs


# staying young


def test_what_a_run_used_is_renewed_once_all_has_gone_up(home: Home) -> None:
    store = home("a")
    share(store, 1, SMALL)
    assert far(store).order[-1] == "renew"


def test_nothing_is_renewed_where_there_is_no_time_and_no_leave(home: Home) -> None:
    interrupted, readonly, writeonly = home("a"), home("b", may_write=False), home("c")
    writeonly.remote.may_read = False
    interrupted.end_sharing(wait=False)
    readonly.end_sharing(wait=True)
    writeonly.end_sharing(wait=True)
    assert not any(far(store).calls["renew"] for store in (interrupted, readonly, writeonly))


def test_nobody_hears_of_what_was_not_renewed(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    store = home("a")
    far(store).faults["renew"] = StoreForbiddenError("no")
    used = store.end_sharing(wait=True)
    assert far(store).calls["renew"] == 1
    assert used.not_uploaded == 0
    assert warnings(caplog) == []


# what the shared store said stays said


@pytest.mark.parametrize("had_its_own", [False, True])
def test_what_others_took_back_is_dead_here_without_the_shared_store(
    home: Home, tmp_path: Path, had_its_own: bool
) -> None:
    here, there = home("a"), home("b", may_write=False)
    made = share(here, 1, SMALL)
    if had_its_own:
        # Of this one nobody else knows.
        there.invalidate([made.key], "at first")
        made = replace(made, after=tuple(t.id for t in there.tombstones(made.key)))
        there.ingest_bytes(SMALL)
        there.publish(made)
    assert looks_up(there, made)
    here.invalidate([made.key], "wrong reference")
    assert not looks_up(there, made)
    there.close()
    alone = open_store(tmp_path / "b")
    found = alone.get_entry(made.key)
    assert found is None or any(found.is_dead(t) for t in alone.tombstones(made.key))
    alone.close()


def test_what_lives_after_a_tombstone_from_elsewhere_lives_here(home: Home, tmp_path: Path) -> None:
    here, there = home("a"), home("b")
    made = share(here, 1, SMALL)
    here.invalidate([made.key], "wrong reference")
    assert not looks_up(there, made)
    after = tuple(t.id for t in there.tombstones(made.key))
    here.publish(replace(made, after=after))
    here.share(made.key)
    here.end_sharing(wait=True)
    again = home("b")
    assert looks_up(again, made)
    again.close()
    alone = open_store(tmp_path / "b")
    found = alone.get_entry(made.key)
    assert found is not None
    assert not any(found.is_dead(t) for t in alone.tombstones(made.key))
    alone.close()


def test_what_was_taken_back_here_alone_does_not_go_up(home: Home, objects: Objects) -> None:
    here = home("a")
    made = record(here, 1, SMALL)
    here.front.invalidate([made.key], "wrong")
    here.share(made.key)
    used = here.end_sharing(wait=True)
    assert not objects.entries
    assert used is not None
    assert used.not_uploaded == 0
    spool = here.front.spool(here.remote.location)  # type: ignore[attr-defined]
    assert spool.keys() == []


@pytest.mark.parametrize(
    "fault", [InvalidatedError("dead there"), NotKeptError("too large")], ids=str
)
def test_what_can_never_go_up_is_tried_once(
    home: Home, fault: StoreError, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cwltool")
    here = home("a")
    far(here).faults["publish"] = fault
    share(here, 1, SMALL)
    here.end_sharing(wait=True)
    here.close()
    told = [record.getMessage() for record in caplog.records]
    assert told == [f"[memo] 1 result is not for fake://bucket: {fault}"]
    again = home("a")
    again.begin_run("later")
    again.end_sharing(wait=True)
    assert far(here).calls["publish"] == 1
    assert far(again).calls["publish"] == 0
    assert warnings(caplog) == []


def test_what_is_recorded_anew_while_it_goes_up_goes_up_after(home: Home, objects: Objects) -> None:
    here = home("a")
    made = record(here, 1, SMALL)
    entered, leave = threading.Event(), threading.Event()
    publish = far(here).publish

    def slow(*args: Any, **kwargs: Any) -> bool:
        if not entered.is_set():
            entered.set()
            leave.wait(10)
            # The first has gone up, the second is still to go.
            return publish(*args, **kwargs)
        raise StoreUnreachableError("down")

    far(here).publish = slow  # type: ignore[method-assign]
    here.share(made.key)
    assert entered.wait(10)
    here.publish(replace(made, origin=replace(made.origin, run="another")))
    here.share(made.key)
    leave.set()
    used = here.end_sharing(wait=True)
    assert used is not None
    assert used.not_uploaded == 1
    here.close()
    later = home("a")
    later.begin_run("later")
    later.end_sharing(wait=True)
    assert b'"another"' in objects.entries[made.key]


def test_a_blob_for_which_there_is_no_room_while_it_comes_is_had_beside(
    home: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = share(home("a"), 1, LARGE)
    there = home("b")
    assert looks_up(there, made)
    fetch = far(there).fetch

    def fill_up(lender: ReuseKey, wanted: BlobRef, target: Path) -> None:
        if target.is_relative_to(there.location):
            raise StoreFullError("no space left")
        fetch(lender, wanted, target)

    far(there).fetch = fill_up  # type: ignore[method-assign, assignment]
    assert text(there, LARGE, tmp_path / "large") == LARGE
    assert there.read_blob(digest(LARGE)) == LARGE
    assert warnings(caplog) == []


def test_a_live_entry_is_found_that_was_shared_after_a_borrowed_one_died(home: Home) -> None:
    here, there = home("a"), home("b")
    made = share(here, 1, LARGE)
    assert looks_up(there, made)
    here.invalidate([made.key], "wrong reference")
    after = tuple(t.id for t in here.tombstones(made.key))
    alive = replace(made, after=after)
    here.publish(alive)
    here.share(made.key)
    here.end_sharing(wait=True)
    assert looks_up(there, made)
    assert there.get_entry(made.key) == alive


def test_bytes_that_only_the_process_keeps_are_bounded(home: Home, tmp_path: Path) -> None:
    here = home("a")
    made = [share(here, number, b"%d" % number * 30) for number in range(4)]
    home("b").close()
    there = home("b", readonly=True)
    there._borrowed._most = 70
    for one in made:
        assert looks_up(there, one)
    kept = there._borrowed._kept
    assert len(kept) == 2
    for number, one in enumerate(made):
        assert looks_up(there, one)
        assert text(there, b"%d" % number * 30, tmp_path / str(number)) == b"%d" % number * 30
    there.drop_entry(made[3].key)
    assert len(kept) == 1
    assert there._borrowed._kept_bytes == sum(map(len, kept.values()))


@pytest.mark.parametrize(
    "error", [StoreUnavailableError("no thread"), StoreUnreachableError("closed")]
)
def test_without_threads_a_run_goes_on(
    home: Home, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    made = share(home("a"), 1, LARGE, LARGE + b"2")
    there = home("b")

    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Workers, "submit", refuse)
    there.begin_run("run")
    assert there.look_ahead(made.key) is None
    assert looks_up(there, made)
    there.bring(b.digest for b in made.blobs)
    there.share(made.key)
    used = there.end_sharing(wait=True)
    assert used is not None
    assert used.not_uploaded == 1
