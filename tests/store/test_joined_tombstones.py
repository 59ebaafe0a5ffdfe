"""Entries that were taken back several times, by one machine or by several, and recorded anew."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.core.entry import Entry
from cwl_memo.core.note import Tombstone
from cwl_memo.store.local import open_store
from cwl_memo.store.memory import MemoryStore
from cwl_memo.store.protocol import Store
from cwl_memo.store.sharing import open_tiered
from cwl_memo.store.tiered import TieredStore
from tests.store.example import entry, failing, key
from tests.store.shared.sharing import SMALL_FILE, job

Home = Callable[[str], TieredStore]
ONE, TWO, THREE = (digest_of_bytes(text) for text in (b"one", b"two", b"three"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Opens the store of a machine, which sees all tombstones that are there by then."""
    opened = []

    def open_home(name: str) -> TieredStore:
        store = open_tiered(tmp_path / name, f"file://{tmp_path}/shared")
        assert isinstance(store, TieredStore)
        opened.append(store)
        return opened[-1]

    yield open_home
    for store in opened:
        store.close()


def executes(store: TieredStore) -> Entry:
    """Record a job as one who knows of all tombstones that are told there."""
    made = job(1, SMALL_FILE)
    made = replace(made, after=tuple(t.id for t in store.tombstones(made.key)))
    store.ingest_bytes(SMALL_FILE)
    store.publish(made)
    store.share(made.key)
    store.end_sharing(wait=True)
    return made


def reuses(store: Store) -> bool:
    found = store.get_entry(job(1, SMALL_FILE).key)
    return found is not None and not any(found.is_dead(t) for t in store.tombstones(found.key))


@pytest.fixture(params=[("a", "a"), ("a", "b")], ids=["by one machine", "by two"])
def twice(request: pytest.FixtureRequest, home: Home) -> tuple[str, ...]:
    """Who took the entry back, of which there are two tombstones."""
    machines: tuple[str, ...] = request.param
    made = executes(home("a"))
    for machine in machines:
        home(machine).invalidate([made.key], "wrong reference")
    return machines


def test_who_took_it_back_reuses_what_others_record(
    twice: tuple[str, ...], home: Home, tmp_path: Path
) -> None:
    executes(home("c"))
    for machine in ("d", *twice):
        assert reuses(home(machine))
        assert reuses(home(machine))  # by what it has kept
        with closing(open_store(tmp_path / machine)) as alone:
            assert reuses(alone)


def test_taken_back_once_more_it_is_dead_for_all(
    twice: tuple[str, ...], home: Home, tmp_path: Path
) -> None:
    made = executes(home("c"))
    assert all(reuses(home(machine)) for machine in twice)
    home("d").invalidate([made.key], "wrong again")
    for machine in ("c", "d", *twice):
        assert not reuses(home(machine))
        with closing(open_store(tmp_path / machine)) as alone:
            assert not reuses(alone)
    executes(home("e"))
    assert all(reuses(home(machine)) for machine in ("c", "d", *twice))


def test_what_was_taken_back_does_not_come_back(twice: tuple[str, ...], home: Home) -> None:
    old = job(1, SMALL_FILE)
    for machine in twice:
        one = home(machine)
        assert all(old.is_dead(tombstone) for tombstone in one.tombstones(old.key))
        assert not reuses(one)


def test_what_was_kept_from_there_is_not_told_there(
    twice: tuple[str, ...], home: Home, tmp_path: Path
) -> None:
    made = executes(home("c"))
    machine = home(twice[0])
    assert reuses(machine)
    machine.invalidate([], "")
    machine._withdrawals.bury([made.key])
    assert len(list((tmp_path / "shared" / "tombstones").rglob("*.*"))) == 2


def joined(*ids: object, name: bytes = b"joined") -> Tombstone:
    stands_for = frozenset(one for one in (ONE, TWO, THREE) if one in ids)
    return Tombstone("wrong", "", "", digest_of_bytes(name), stands_for)


def single(of: object) -> Tombstone:
    return replace(joined(), id=of)  # type: ignore[arg-type]


def test_what_one_tombstone_stands_for() -> None:
    assert joined(ONE, TWO).stands_for(single(ONE))
    assert not joined(ONE, TWO).stands_for(single(THREE))
    assert joined(ONE, TWO, THREE).stands_for(joined(ONE, TWO, name=b"before"))
    assert not joined(ONE, TWO).stands_for(joined(ONE, THREE, name=b"other"))
    assert joined(ONE).stands_for(joined(ONE))
    assert not single(ONE).stands_for(single(TWO))


def test_an_entry_that_names_all_that_it_stands_for_is_alive() -> None:
    made = replace(entry(1), after=(ONE, TWO))
    assert not made.is_dead(joined(ONE, TWO))
    assert not replace(made, after=(joined(ONE, TWO).id,)).is_dead(joined(ONE, TWO))
    assert made.is_dead(joined(ONE, TWO, THREE))
    assert made.is_dead(single(THREE))


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path / "store") if request.param == "local" else MemoryStore()
    yield made
    made.close()


def test_a_kept_one_is_as_it_came(store: Store) -> None:
    assert store.keep_tombstone(key(1), joined(ONE, TWO))
    assert store.tombstone(key(1)) == joined(ONE, TWO)


def test_it_takes_the_place_of_those_that_it_stands_for_alone(store: Store) -> None:
    store.keep_tombstone(key(1), single(ONE))
    assert not store.keep_tombstone(key(1), joined(TWO, THREE))
    assert store.tombstone(key(1)) == single(ONE)
    assert store.keep_tombstone(key(1), joined(ONE, TWO))
    assert store.tombstone(key(1)) == joined(ONE, TWO)
    store.invalidate([key(1)], "once more")
    assert not store.keep_tombstone(key(1), joined(ONE, TWO))


@pytest.mark.parametrize("ids", ["x", [1], ["x"], {}, [str(ONE)] * 1000], ids=repr)
def test_a_note_that_says_nonsense_stands_for_itself(tmp_path: Path, ids: object) -> None:
    from cwl_memo.core.canonical import canonical_bytes
    from cwl_memo.store.note_file import tombstone_of

    data = canonical_bytes({"id": str(ONE), "ids": ids})
    assert tombstone_of(data) == replace(tombstone_of(b"{}"), reason="", id=ONE)


def test_what_is_kept_already_is_not_written_again(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "store")) as store:
        assert store.keep_tombstone(key(1), joined(ONE, TWO))
        (note,) = (tmp_path / "store" / "tombstones").rglob("*.json")
        before = note.read_bytes()  # with a random number
        assert store.keep_tombstone(key(1), joined(ONE, TWO))
        assert note.read_bytes() == before


def test_where_nothing_can_be_locked_tombstones_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(tmp_path / "store")) as store:
        monkeypatch.setattr(fcntl, "flock", failing(errno.ENOLCK))
        assert store.keep_tombstone(key(1), joined(ONE, TWO))
        assert store.invalidate([key(1)], "once more") == 1
        assert store.tombstone(key(1)) != joined(ONE, TWO)


def test_who_takes_back_at_the_same_moment_is_not_overruled(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "store")) as store:
        assert store.keep_tombstone(key(1), single(ONE))
        shard = tmp_path / "store" / "tombstones" / key(1).hex[:2]
        descriptor = os.open(shard, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # another process is about to write one
        assert not store.keep_tombstone(key(1), joined(ONE, TWO))
        os.close(descriptor)
        assert store.keep_tombstone(key(1), joined(ONE, TWO))
