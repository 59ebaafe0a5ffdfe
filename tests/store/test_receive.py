"""A large blob that comes from elsewhere: what has come of it stays for the next try."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cwl_memo.errors import StoreDamagedError, StoreUnreachableError
from cwl_memo.store import blob as blob_module
from cwl_memo.store.local import LocalStore, open_store
from tests.store.example import digest

CONTENT = b"large " * 1000
HALF = CONTENT[:3000]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    monkeypatch.setattr(blob_module, "_RESUMED", 100)
    return open_store(tmp_path / "store")


def partial(target: Path) -> Path:
    return target.with_name(f"{target.name}.partial")


def cut(target: Path) -> None:
    partial(target).write_bytes(HALF)
    raise StoreUnreachableError("the line is dead")


def resume(seen: list[bytes | None]) -> Callable[[Path], None]:
    def write(target: Path) -> None:
        there = partial(target)
        seen.append(there.read_bytes() if there.exists() else None)
        target.write_bytes(CONTENT)

    return write


def left(store: LocalStore) -> list[Path]:
    return sorted((Path(store.location) / "tmp").rglob("*"))


def test_what_has_come_is_there_for_the_next_try(store: LocalStore) -> None:
    with pytest.raises(StoreUnreachableError):
        store.receive(digest(CONTENT), len(CONTENT), cut)
    seen: list[bytes | None] = []
    store.receive(digest(CONTENT), len(CONTENT), resume(seen))
    assert seen == [HALF]
    assert store.read_blob(digest(CONTENT)) == CONTENT
    assert left(store) == []


def test_another_blob_does_not_see_it(store: LocalStore) -> None:
    with pytest.raises(StoreUnreachableError):
        store.receive(digest(b"other"), len(CONTENT), cut)
    seen: list[bytes | None] = []
    store.receive(digest(CONTENT), len(CONTENT), resume(seen))
    assert seen == [None]


def test_what_a_killed_run_had_finished_is_not_in_the_way(store: LocalStore) -> None:
    def killed(target: Path) -> None:
        target.write_bytes(b"whole, and never checked")
        os.link(target, partial(target))
        raise StoreUnreachableError("killed")

    with pytest.raises(StoreUnreachableError):
        store.receive(digest(CONTENT), len(CONTENT), killed)

    def write(target: Path) -> None:
        with target.open("xb") as file:
            file.write(CONTENT)

    store.receive(digest(CONTENT), len(CONTENT), write)
    assert store.read_blob(digest(CONTENT)) == CONTENT


def test_two_at_once_do_not_write_into_one_another(store: LocalStore) -> None:
    places = []

    def outer(target: Path) -> None:
        places.append(target)
        other = open_store(store.location)
        other.receive(digest(CONTENT), len(CONTENT), inner)
        other.close()
        target.write_bytes(CONTENT)

    def inner(target: Path) -> None:
        places.append(target)
        target.write_bytes(CONTENT)

    store.receive(digest(CONTENT), len(CONTENT), outer)
    assert len(set(places)) == 2
    assert left(store) == []


def test_a_small_one_and_one_of_another_size_leave_nothing(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreDamagedError):
        store.receive(digest(CONTENT), 5000, resume([]))
    assert left(store) == []
    monkeypatch.setattr(blob_module, "_RESUMED", 1 << 20)
    with pytest.raises(StoreUnreachableError):
        store.receive(digest(CONTENT), len(CONTENT), cut)
    assert left(store) == []


@pytest.mark.parametrize(("hours", "stays"), [(2, True), (25, False)])
def test_what_nobody_went_on_with_goes(store: LocalStore, hours: int, *, stays: bool) -> None:
    with pytest.raises(StoreUnreachableError):
        store.receive(digest(CONTENT), len(CONTENT), cut)
    then = time.time() - hours * 3600
    for path in left(store):
        os.utime(path, (then, then))
    store.gc(1 << 40)
    assert bool(left(store)) is stays
