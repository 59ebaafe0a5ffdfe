"""What upkeep knows of entries without reading their files is never wrong."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.entry import Entry
from cwl_memo.store.census import Steps
from cwl_memo.store.entry_file import EntryFiles, seal_entry
from cwl_memo.store.index import Index
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.protocol import SMALL
from cwl_memo.store.summary import pack, unpack
from cwl_memo.store.table import DiskTable, MemoryTable, _seal_summary
from tests.store.damage import entry_path, flip, replace
from tests.store.example import age, digest, entry, execute, failing, key, path_of
from tests.store.example import record as publish

LONG_AGO = 1_000_000_000.0


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of entries whose files were read."""
    payload = EntryFiles.payload
    keys: list[str] = []

    def note(entries: EntryFiles, of: Any) -> Any:
        keys.append(of.hex)
        return payload(entries, of)

    monkeypatch.setattr(EntryFiles, "payload", note)
    return keys


def record(store: LocalStore, number: int, *contents: bytes, used: float | None = None) -> Entry:
    """Publish an entry, and have all that is known of it written."""
    made = publish(store, number, *contents, used=used)
    store._index.flush()
    return made


def _rows(root: Path) -> list[tuple[bytes, bytes]]:
    return execute(root / "index", "SELECT key, body FROM Summary")


def _own(number: int) -> bytes:
    return bytes.fromhex(key(number).hex)


def test_what_was_published_is_counted_without_being_read(
    local: LocalStore, read: list[str]
) -> None:
    for number in range(20):
        record(local, number, b"%d" % number, b"shared")
    stats = local.stats()
    assert (stats.entries, stats.blobs, stats.blob_bytes, stats.seconds) == (20, 21, 36, 40.0)
    assert local.gc(36, dry_run=True) == []
    assert read == []


def test_only_victims_are_read(local: LocalStore, read: list[str]) -> None:
    for number in range(20):
        record(local, number, b"%02d" % number)
    age(entry_path(Path(local.location), 0), 5)
    assert [eviction.key for eviction in local.gc(38)] == [key(0)]
    assert read == [key(0).hex]


def test_an_entry_that_is_recorded_anew_is_another_one(local: LocalStore) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    record(local, 1, b"one", b"more", used=LONG_AGO)
    assert local.stats().blob_bytes == 7
    age(path_of(local, b"more"), 4000)
    local.gc(7)
    assert local.check_blob(digest(b"more"), 4)


def test_a_file_put_in_place_behind_the_index_is_read(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    record(local, 2, b"other")
    data = entry_path(root, 1).read_bytes()
    local.publish(entry(1, b"other"))
    age(path_of(local, b"one"), 4000)
    # The older file comes back, by another program.
    replace(entry_path(root, 1), data)
    local.gc(1 << 30)
    assert local.check_blob(digest(b"one"), 3)


def test_a_process_without_an_index_leaves_word(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one")
    local.ingest_bytes(b"other")
    row = _rows(root)
    # Another program's file, of the same inode: what no look at the names can tell.
    with monkeypatch.context() as patched:
        patched.setattr(local._index._table, "_table", MemoryTable())
        local.publish(entry(1, b"other"))
    execute(root / "index", "UPDATE Summary SET body = ?", (_with_inode(row[0], entry_path(root)),))
    for content in (b"one", b"other"):
        age(path_of(local, content), 4000)
    assert (root / "index" / "behind").exists()
    local.gc(1 << 30)
    assert local.check_blob(digest(b"other"), 5)
    assert not local.check_blob(digest(b"one"), 3)
    assert not (root / "index" / "behind").exists()


def _with_inode(row: tuple[bytes, bytes], path: Path) -> bytes:
    """Return a row as it would be of another file."""
    summary = unpack(row[1][16:])
    assert summary is not None
    body = pack(summary._replace(inode=path.stat().st_ino))
    return _seal_summary(row[0], body) + body


def test_word_that_cannot_be_left_costs_nothing(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one")
    monkeypatch.setattr(local._index._table, "_table", MemoryTable())
    monkeypatch.setattr(Path, "touch", failing(28))
    local.drop_entry(key(1))
    assert list(local.keys()) == []


def test_word_stays_where_the_index_cannot_be_opened(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    (root / "index" / "behind").touch()
    local._index._table.close()
    assert local.stats().entries == 1
    assert (root / "index" / "behind").exists()


def test_one_who_only_reads_believes_the_word_too(
    local: LocalStore, root: Path, read: list[str]
) -> None:
    record(local, 1, b"one")
    local.close()
    (root / "index" / "behind").touch()
    reader = open_store(root, readonly=True)
    assert reader.stats().entries == 1
    assert read == [key(1).hex]
    assert (root / "index" / "behind").exists()
    reader.close()


def test_a_lost_index_is_made_once(local: LocalStore, root: Path, read: list[str]) -> None:
    for number in range(5):
        record(local, number, b"%d" % number)
    local.close()
    shutil.rmtree(root / "index")
    again = open_store(root)
    steps: list[tuple[int, int]] = []
    again.gc(0, dry_run=True, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(done, 5) for done in range(1, 6)]
    assert len(read) == 5
    assert again.stats().blob_bytes == 5
    assert len(read) == 5
    again.close()


def test_a_damaged_entry_is_no_entry_of_a_new_index(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    record(local, 2, b"two")
    execute(root / "index", "DELETE FROM Summary")
    flip(entry_path(root, 1))
    stats = local.stats()
    assert (stats.entries, stats.quarantined, stats.blobs) == (1, 1, 2)


def test_a_lost_index_is_written_bit_by_bit(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        record(local, number, b"%d" % number)
    execute(root / "index", "DELETE FROM Summary")
    monkeypatch.setattr("cwl_memo.store.census._KEPT", 2)
    sizes = []
    keep = DiskTable.keep_summaries

    def note(table: DiskTable, kept: Any, gone: Any) -> None:
        sizes.append(len(kept))
        keep(table, kept, gone)

    monkeypatch.setattr(DiskTable, "keep_summaries", note)
    assert local.stats().entries == 5
    assert sizes == [2, 2, 1]
    assert len(_rows(root)) == 5


def test_a_long_work_is_not_told_of_a_million_times(local: LocalStore) -> None:
    told: list[int] = []
    steps = Steps(lambda done, _: told.append(done), 12345)
    for _ in range(12345):
        steps.step()
    assert 500 < len(told) <= 1000
    assert told[-1] == 12345


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("body", b""),
        ("body", "text"),
        ("body", 5),
        ("body", None),
        ("body", b"\0" * 200),
        ("key", "text" * 8),
    ],
)
def test_a_row_that_nobody_wrote_is_not_believed(
    local: LocalStore, root: Path, read: list[str], column: str, value: Any
) -> None:
    record(local, 1, b"one")
    execute(root / "index", f"UPDATE Summary SET {column} = ?", (value,))  # noqa: S608
    stats = local.stats()
    assert (stats.entries, stats.blob_bytes) == (1, 3)
    assert read == [key(1).hex]
    # It is right again.
    assert local.stats() == stats
    assert read == [key(1).hex]


def test_a_row_of_another_entry_is_not_believed(
    local: LocalStore, root: Path, read: list[str]
) -> None:
    record(local, 1, b"one")
    record(local, 2, b"two")
    (body,) = (body for name, body in _rows(root) if name == _own(2))
    execute(root / "index", "UPDATE Summary SET body = ?", (body,))
    assert local.stats().blobs == 2
    assert read == [key(1).hex]


def test_flipped_bytes_of_rows_are_seen(local: LocalStore, root: Path, read: list[str]) -> None:
    for number in range(30):
        record(local, number, b"%02d" % number)
    for name, body in _rows(root):
        at = name[-1] * len(body) // 30
        flipped = body[:at] + bytes([body[at] ^ 4]) + body[at + 1 :]
        execute(root / "index", "UPDATE Summary SET body = ? WHERE key = ?", (flipped, name))
    assert local.stats().blob_bytes == 60
    assert len(read) == 30


def test_rows_of_entries_that_are_gone_go(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    record(local, 2, b"two")
    entry_path(root, 1).unlink()
    assert local.stats().entries == 1
    assert [name for name, _ in _rows(root)] == [_own(2)]


def test_a_dropped_entry_has_no_row_that_could_be_taken_for_the_next(
    local: LocalStore, root: Path
) -> None:
    record(local, 1, b"one")
    local.drop_entry(key(1))
    assert _rows(root) == []


def test_an_index_without_summaries_is_one_of_an_older_program(
    local: LocalStore, root: Path
) -> None:
    large = b"x" * (SMALL + 1)
    record(local, 1, large)
    local.close()
    execute(root / "index", "DROP TABLE Summary")
    again = open_store(root)
    assert again.stats().entries == 1
    assert again._index.blob_identity(digest(large)) is not None
    again.close()


def test_a_file_that_changes_hands_while_it_is_read_is_read_again(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one")
    execute(root / "index", "DELETE FROM Summary")
    payload = EntryFiles.payload

    def interrupted(entries: EntryFiles, of: Any) -> Any:
        found = payload(entries, of)
        replace(entry_path(root), entry_path(root).read_bytes())
        return found

    with monkeypatch.context() as patched:
        patched.setattr(EntryFiles, "payload", interrupted)
        assert local.stats().entries == 1
    assert _rows(root) == []
    assert local.stats().entries == 1
    assert len(_rows(root)) == 1


def test_a_size_that_an_entry_only_claims_is_not_counted(local: LocalStore, root: Path) -> None:
    made = record(local, 1, b"one")
    huge = type(made.blobs[0])(made.blobs[0].digest, 1 << 70)
    replace(entry_path(root), seal_entry(type(made)(**{**made.__dict__, "blobs": (huge,)})))
    assert local.stats().blob_bytes == 3
    record(local, 2, b"two")
    assert local.gc(6) == []
    path_of(local, b"one").unlink()
    replace(entry_path(root), entry_path(root).read_bytes())
    assert local.stats().blob_bytes == 3


def test_directories_that_no_entry_can_be_in_are_passed_over(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    for name in ("zz", "notes", "AB"):
        (root / "entries" / name).mkdir()
        (root / "blobs" / name).mkdir()
        shutil.copy(entry_path(root), root / "entries" / name)
    (root / "entries" / "ff").mkdir()
    shutil.copy(entry_path(root), root / "entries" / "ff")
    assert local.stats().entries == 1
    assert local.gc(0) != []
    assert local.verify().entries == 1


# one who only reads


@pytest.mark.parametrize("live", [False, True])
def test_one_who_only_reads_counts_without_reading_entries(
    local: LocalStore, root: Path, read: list[str], live: bool
) -> None:
    for number in range(5):
        record(local, number, b"%d" % number)
    if not live:
        local.close()
    before = sorted(path.name for path in (root / "index").iterdir())
    reader = open_store(root, readonly=True)
    assert reader.stats().blob_bytes == 5
    assert reader.gc(4, dry_run=True) != []
    reader.close()
    assert read == []
    # And leaves nothing behind.
    assert sorted(path.name for path in (root / "index").iterdir()) == before


@pytest.mark.parametrize("damage", ["missing", "garbage", "link", "no table"])
def test_one_who_only_reads_bears_an_index_that_is_none(
    local: LocalStore, root: Path, read: list[str], damage: str
) -> None:
    record(local, 1, b"one")
    local.close()
    path = root / "index" / "cache.db"
    if damage == "missing":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(b"x" * 9000)
    elif damage == "link":
        path.rename(root.parent / "elsewhere")
        path.symlink_to(root.parent / "elsewhere")
    else:
        execute(root / "index", "DROP TABLE Summary")
    reader = open_store(root, readonly=True)
    assert reader.stats().entries == 1
    assert read == [key(1).hex]
    reader.close()


# last use


def test_an_entry_used_since_it_was_published_goes_after_others(
    local: LocalStore, root: Path
) -> None:
    for number in range(4):
        record(local, number, b"%d" % number)
    for number, seconds in ((0, 0), (1, -9), (2, -5), (3, -7)):
        age(entry_path(root, number), seconds)
    assert [eviction.key for eviction in local.gc(1)] == [key(0), key(2), key(3)]


def test_an_entry_used_between_two_others_goes_between_them(local: LocalStore) -> None:
    for number in range(4):
        record(local, number, b"%d" % number, used=LONG_AGO + 10 * number)
    local.stats()
    local._entries.touch(key(0), LONG_AGO + 15)
    evicted = [eviction.key for eviction in local.gc(0)]
    assert evicted == [key(1), key(0), key(2), key(3)]


def test_what_a_look_learned_of_last_uses_is_kept(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        record(local, number, b"%d" % number)
        age(entry_path(root, number), -9 + number)
    assert [eviction.key for eviction in local.gc(3)] == [key(3)]
    looked: list[str] = []
    look = EntryFiles.used

    def note(files: EntryFiles, of: Any) -> int:
        looked.append(of.hex)
        return look(files, of)

    monkeypatch.setattr(EntryFiles, "used", note)
    assert [eviction.key for eviction in local.gc(2, dry_run=True)] == [key(2)]
    # That of the one which was least recently used, in the order that was found before.
    assert looked == [key(2).hex]


def test_a_use_dated_back_is_heeded(local: LocalStore) -> None:
    record(local, 1, b"one")
    record(local, 2, b"two")
    local.hold("2026-a", key(2), time.time() - 3600)
    assert [eviction.key for eviction in local.gc(3)] == [key(2)]


def test_times_that_no_number_can_hold_are_borne(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    execute(root / "index", "DELETE FROM Summary")
    os.utime(entry_path(root), (-5.0, -5.0))
    record(local, 2, b"two")
    assert [eviction.key for eviction in local.gc(3)] == [key(1)]


def test_an_index_in_memory_keeps_no_summaries(local: LocalStore) -> None:
    index: Index = local._index
    index._table._do_without(OSError("no"))
    record(local, 1, b"one")
    assert index.summaries(b"\0") == {}
    assert local.stats().entries == 1
