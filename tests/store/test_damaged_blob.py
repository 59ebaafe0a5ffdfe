"""Whatever is done to the file of a blob: never a wrong answer, never a wait."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cwl_memo.errors import StoreDamagedError
from cwl_memo.store.local import LocalStore, open_store
from tests.store.damage import (
    ABSENCES,
    CHANGES,
    blob_path,
    directory,
    entry_path,
    flip,
    overwrite,
    set_aside,
    truncate,
)
from tests.store.example import digest, entry, key, record

LARGE = os.urandom(1 << 15)


@pytest.mark.parametrize("damage", CHANGES)
@pytest.mark.parametrize("reopened", [False, True])
def test_a_damaged_blob_is_set_aside_and_ingested_anew(
    local: LocalStore, root: Path, damage: Callable[[Path], None], reopened: bool
) -> None:
    record(local, 1, b"one")
    damage(blob_path(root, b"one"))
    store = local
    if reopened:
        local.close()
        store = open_store(root)
    assert not store.check_blob(digest(b"one"), 3)
    assert set_aside(root) == [digest(b"one").hex]
    made = record(store, 1, b"one")
    assert store.check_blob(digest(b"one"), 3)
    assert store.get_entry(key(1)) == made
    store.close()


@pytest.mark.parametrize("damage", [*CHANGES, *ABSENCES])
def test_a_damaged_blob_is_neither_read_nor_materialised(
    local: LocalStore, root: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    for content in (b"one", b"two"):
        local.ingest_bytes(content)
        damage(blob_path(root, content))
        shutil.rmtree(tmp_path / "elsewhere", ignore_errors=True)
        (tmp_path / "elsewhere").unlink(missing_ok=True)
    with pytest.raises(StoreDamagedError):
        local.read_blob(digest(b"one"))
    for hardlink in (False, True):
        with pytest.raises(StoreDamagedError):
            local.materialise(digest(b"two"), tmp_path / "target", hardlink=hardlink)
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("damage", [*CHANGES, *ABSENCES])
def test_a_blob_is_ingested_over_whatever_stands_in_its_place(
    local: LocalStore, root: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"one")
    local.ingest_file(source)
    damage(blob_path(root, b"one"))
    before = sorted(tmp_path.glob("elsewhere/*"))
    found = local.ingest_file(source)
    assert local.check_blob(found.digest, 3)
    assert local.read_blob(found.digest) == b"one"
    assert sorted(tmp_path.glob("elsewhere/*")) == before


@pytest.mark.parametrize("damage", [*CHANGES, *ABSENCES])
def test_an_entry_whose_blob_vanished_is_not_published(
    local: LocalStore, root: Path, damage: Callable[[Path], None]
) -> None:
    local.ingest_bytes(b"one")
    damage(blob_path(root, b"one"))
    if damage is flip:
        return  # seen when it is looked up, by its stat identity
    with pytest.raises(StoreDamagedError):
        local.publish(entry(1, b"one"))


def test_a_change_that_keeps_size_and_mtime_is_seen(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    path = blob_path(root, b"one")
    seen = path.stat()
    overwrite(path, b"two")
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert not local.check_blob(digest(b"one"), 3)


def test_a_blob_only_touched_is_read_again_and_stays(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one")
    os.utime(blob_path(root, b"one"), (1, 1))
    assert not local.check_blob(digest(b"one"), 4)
    assert local.check_blob(digest(b"one"), 3)
    assert set_aside(root) == []
    # And is remembered then.
    monkeypatch.setattr("cwl_memo.store.blob.digest_descriptor", None)
    assert local.check_blob(digest(b"one"), 3)


@pytest.mark.parametrize("content", [b"one", LARGE])
def test_a_blob_that_changes_while_it_is_read_is_not_remembered(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    record(local, 1, content)
    path = blob_path(root, content)
    os.utime(path, (1, 1))
    fstat = os.fstat
    seen: list[os.stat_result] = []

    def look(descriptor: int) -> os.stat_result:
        if seen:  # the bytes were read in between
            overwrite(path, content[::-1])
        found = fstat(descriptor)
        if os.path.samestat(found, path.stat()):
            seen.append(found)
        return found

    with monkeypatch.context() as patched:
        patched.setattr("cwl_memo.store.blob.os.fstat", look)
        local.check_blob(digest(content), len(content))
    assert len(seen) > 1
    assert not local.check_blob(digest(content), len(content))


def test_a_small_blob_is_delivered_as_it_was_when_it_was_checked(
    local: LocalStore, root: Path, tmp_path: Path
) -> None:
    record(local, 1, b"one")
    os.utime(blob_path(root, b"one"), (1, 1))
    assert local.check_blob(digest(b"one"), 3)
    overwrite(blob_path(root, b"one"), b"two")
    local.materialise(digest(b"one"), tmp_path / "first")
    assert (tmp_path / "first").read_bytes() == b"one"
    with pytest.raises(StoreDamagedError):
        local.materialise(digest(b"one"), tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_verify_finds_every_damage(local: LocalStore, root: Path) -> None:
    for number, content in enumerate((b"flipped", b"missing", b"sound", b"shared")):
        record(local, number, content, b"shared")
    record(local, 9)
    path = blob_path(root, b"flipped")
    seen = path.stat()
    flip(path)
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    blob_path(root, b"missing").unlink()
    truncate(entry_path(root, 9))
    local.ingest_bytes(b"orphan")
    report = local.verify()
    assert (report.entries, report.blobs) == (5, 4)
    assert report.bad_entries == (key(9).hex,)
    assert report.bad_blobs == (str(digest(b"flipped")),)
    assert report.missing_blobs == (str(digest(b"missing")),)
    assert report.orphan_blobs == 1
    assert report.blob_bytes == local.used_bytes() == len(b"soundsharedorphan")
    assert sorted(set_aside(root)) == sorted([digest(b"flipped").hex, entry_path(root, 9).name])
    second = local.verify()
    assert (second.bad_entries, second.bad_blobs) == ((), ())


def test_what_is_set_aside_says_why(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    flip(blob_path(root, b"one"))
    local.check_blob(digest(b"one"), 3)
    reason = next((root / "quarantine").glob("*.reason")).read_text()
    assert str(blob_path(root, b"one")) in reason
    assert "not those of its name" in reason


def test_two_processes_that_set_the_same_aside_do_not_fail(local: LocalStore, root: Path) -> None:
    local._quarantine.take(root / "blobs" / "gone", "another process was quicker")
    assert set_aside(root) == []


def test_clear_takes_what_was_set_aside_and_what_blocks(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    record(local, 2, b"two")
    flip(blob_path(root, b"one"))
    local.check_blob(digest(b"one"), 3)
    directory(blob_path(root, b"two"))
    directory(entry_path(root, 2))
    assert local.clear() == 2
    assert local.stats().quarantined == 0
    assert list((root / "blobs").iterdir()) == []


def test_clear_does_not_follow_links_out(local: LocalStore, root: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    (root / "blobs" / "ab").symlink_to(tmp_path / "mine")
    (tmp_path / "mine" / f"{key(1).hex}.json").write_text("mine")
    (tmp_path / "mine" / digest(b"one").hex).write_text("mine")
    (root / "entries" / "cd").symlink_to(tmp_path / "mine")
    assert list(local.keys()) == []
    assert local.stats().blobs == 0
    local.gc(0)
    local.clear()
    assert {path.read_text() for path in (tmp_path / "mine").iterdir()} == {"mine"}
    assert len(list((tmp_path / "mine").iterdir())) == 3


def test_a_link_in_place_of_a_directory_is_set_aside_with_nothing_behind_it(
    local: LocalStore, root: Path, tmp_path: Path
) -> None:
    record(local, 1, b"one")
    for path in (entry_path(root), blob_path(root, b"one")):
        flip(path)
        path.parent.rename(tmp_path / path.name)
        path.parent.symlink_to(tmp_path / path.name)
    local.drop_entry(key(1))
    assert local.get_entry(key(1)) is None
    assert not local.check_blob(digest(b"one"), 3)
    assert set_aside(root) == [entry_path(root).parent.name, blob_path(root, b"one").parent.name]
    assert len(list(tmp_path.glob("*/*.json"))) == 1
    made = record(local, 1, b"one")
    assert local.get_entry(key(1)) == made
    assert local.check_blob(digest(b"one"), 3)


def test_a_blob_that_vanishes_during_verify_is_bad(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    report = local.verify(lambda *_: blob_path(root, b"one").unlink(missing_ok=True))
    assert report.bad_blobs == (str(digest(b"one")),)
    assert set_aside(root) == []
