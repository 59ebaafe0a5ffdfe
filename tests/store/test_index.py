"""An index that is lost is never missed."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from diskcache import Timeout

from cwl_memo.core.digest import Digest
from cwl_memo.store import table as table_module
from cwl_memo.store.disk import PlainCache
from cwl_memo.store.index import Index
from cwl_memo.store.latest import RECENT
from cwl_memo.store.layout import Layout
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.protocol import SMALL
from cwl_memo.store.quarantine import Quarantine
from cwl_memo.store.summary import EntrySummary
from cwl_memo.store.table import DiskTable, TableDamagedError, TableUnusableError
from tests.store.example import age, blob, digest, execute, key, record

LARGE = b"x" * (SMALL + 1)
"""What is not read each time it is used."""


def _garbage_header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[:100] = os.urandom(100)
    path.write_bytes(data)


def _bad_pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)


def _settings_that_nobody_wrote(path: Path) -> None:
    execute(path.parent, "INSERT INTO Settings VALUES ('disk_surprise', 1)")


def _no_tables(path: Path) -> None:
    execute(path.parent, "DROP TABLE Cache")
    execute(path.parent, "DROP TABLE Settings")


def _other_tables(path: Path) -> None:
    execute(path.parent, "DROP TABLE Cache")
    execute(path.parent, "CREATE TABLE Cache (other)")


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link_out(path: Path) -> None:
    elsewhere = path.parents[2] / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _truncate(path: Path) -> None:
    os.truncate(path, 5000)


def _empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize(
    "damage",
    [
        _garbage_header,
        _bad_pages,
        _settings_that_nobody_wrote,
        _no_tables,
        _other_tables,
        _directory,
        _link_out,
        _pipe,
        _truncate,
        _empty,
        Path.unlink,
    ],
)
def test_a_damaged_index_is_made_anew_from_the_files(
    local: LocalStore, root: Path, damage: Any
) -> None:
    for number in range(40):
        record(local, number, b"%d" % number)
    local.recent("sort", 1)
    local.close()
    damage(root / "index" / "cache.db")
    again = open_store(root)
    assert len(again.recent("sort", 99)) == 40
    assert again.get_entry(key(7)) is not None
    assert again.check_blob(digest(b"7"), 1)
    assert again.used_bytes() == sum(len(str(number)) for number in range(40))
    made = record(again, 99, LARGE)
    assert again.recent("sort", 1) == [made.key]
    again.close()
    # It is on disk again, and sound.
    rows = execute(root / "index", "SELECT key FROM Cache")
    assert (f"blob:{digest(LARGE).hex}",) in rows
    assert execute(root / "index", "PRAGMA integrity_check") == [("ok",)]


def test_an_index_damaged_under_way_is_made_anew(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    connection = local._index._table._table._cache._con  # type: ignore[attr-defined]
    connection.execute("DROP TABLE Cache")
    assert local.check_blob(digest(b"one"), 3)
    record(local, 2, b"two")
    assert local.recent("sort", 5)[0] == key(2)
    local.close()
    assert execute(root / "index", "PRAGMA integrity_check") == [("ok",)]
    assert any(path.name.endswith("-index") for path in (root / "quarantine").iterdir())


def test_an_index_damaged_again_and_again_is_done_without(
    local: LocalStore, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        record(local, number, b"%d" % number)
        local._index.flush()
        table = local._index._table._table
        if isinstance(table, DiskTable):
            table._cache._con.execute("DROP TABLE Cache")
    assert local.check_blob(digest(b"2"), 1)
    assert len(local.recent("sort", 5)) == 3
    assert len([r for r in caplog.records if "working without an index" in r.message]) == 1


def test_an_index_that_cannot_be_set_aside_is_done_without(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one")
    local.close()
    _garbage_header(root / "index" / "cache.db")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "no")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        again = open_store(root)
    assert again.check_blob(digest(b"one"), 3)
    assert again.recent("sort", 5) == [key(1)]
    again.close()


def test_an_index_that_another_process_keeps_locked_is_done_without(
    local: LocalStore, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = record(local, 1, b"one")
    local.close()
    with closing(sqlite3.connect(root / "index" / "cache.db")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        again = LocalStore(root, index_timeout=0.05)
        assert again.get_entry(made.key) == made
        assert again.check_blob(digest(b"one"), 3)
        record(again, 2, b"two")
        assert again.recent("sort", 5) == [key(2), key(1)]
        again.close()
    assert len([r for r in caplog.records if "working without an index" in r.message]) == 1
    # The other's index is as it was.
    assert (root / "index" / "cache.db").is_file()
    assert not list((root / "quarantine").iterdir())


def test_an_index_locked_under_way_is_done_without(root: Path, local: LocalStore) -> None:
    local.close()
    store = LocalStore(root, index_timeout=0.05)
    with closing(sqlite3.connect(root / "index" / "cache.db")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        made = record(store, 1, b"one")
        assert store.recent("sort", 5) == [made.key]
        assert store.clear() == 1
        assert store.recent("sort", 5) == []
    store.close()


def test_an_sqlite_without_double_quoted_strings_costs_the_index_alone(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    local.close()

    def refuse(*_: object, **__: object) -> None:
        # What such a build says at the first write.
        raise sqlite3.OperationalError("no such column: size")

    monkeypatch.setattr(PlainCache, "set", refuse)
    store = open_store(root)
    made = record(store, 1, b"one")
    assert store.get_entry(made.key) == made
    assert store.check_blob(digest(b"one"), 3)
    assert store.recent("sort", 5) == [made.key]
    store.close()
    assert len([r for r in caplog.records if "working without an index" in r.message]) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (sqlite3.OperationalError("database is locked"), TableUnusableError),
        (sqlite3.OperationalError("database or disk is full"), TableUnusableError),
        (sqlite3.OperationalError("attempt to write a readonly database"), TableUnusableError),
        (sqlite3.OperationalError("disk I/O error"), TableDamagedError),
        (sqlite3.OperationalError("no such table: Cache"), TableDamagedError),
        (sqlite3.DatabaseError("database disk image is malformed"), TableDamagedError),
        (Timeout(), TableUnusableError),
        (OSError(5, "Input/output error"), TableUnusableError),
    ],
)
def test_what_sqlite_says_is_told_apart(
    table: DiskTable,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    expected: type[Exception],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    for name in ("get", "set", "delete", "clear"):
        monkeypatch.setattr(PlainCache, name, fail)
    with pytest.raises(expected):
        table.get("name")
    with pytest.raises(expected):
        table.set("name", "text")
    with pytest.raises(expected):
        table.delete(["name"])
    with pytest.raises(expected):
        table.clear()


def test_a_full_disk_is_known_though_the_rollback_fails_too() -> None:
    with pytest.raises(TableUnusableError), table_module._failures():
        _fail_as_diskcache_does()


def _fail_as_diskcache_does() -> None:
    try:
        _say("database or disk is full")
    except sqlite3.OperationalError:
        _say("cannot rollback - no transaction is active")


def _say(message: str) -> None:
    raise sqlite3.OperationalError(message)


def test_a_path_with_a_variable_in_it_is_not_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", str(tmp_path / "elsewhere"))
    store = open_store(tmp_path / "$PLACE")
    made = record(store, 1, b"one")
    assert store.get_entry(made.key) == made
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["$PLACE"]


def test_an_entry_file_put_there_by_hand_is_found(
    local: LocalStore, root: Path, tmp_path: Path
) -> None:
    other = open_store(tmp_path / "other")
    made = record(other, 1, b"one")
    other.close()
    local.recent("sort", 1)
    for path in (tmp_path / "other").rglob("*"):
        name = path.relative_to(tmp_path / "other")
        if path.is_file() and name.parts[0] in ("entries", "blobs"):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(path.read_bytes())
    assert local.get_entry(made.key) == made
    assert local.check_blob(digest(b"one"), 3)
    assert list(local.keys()) == [made.key]


def test_a_damaged_entry_is_not_among_the_latest(local: LocalStore, root: Path) -> None:
    record(local, 1)
    record(local, 2)
    path = root / "entries" / "00" / f"{key(1).hex}.json"
    path.chmod(0o644)
    path.write_bytes(b"{")
    assert local.verify().bad_entries == (key(1).hex,)
    assert local.stats().entries == 1
    record(local, 1)
    path.chmod(0o644)
    path.write_bytes(b"{")
    (root / "index" / "cache.db").unlink()
    local.close()
    again = open_store(root)
    assert again.recent("sort", 5) == [key(2)]
    again.close()


def test_an_entry_whose_file_was_deleted_is_gone(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    next((root / "entries").rglob("*.json")).unlink()
    assert local.get_entry(key(1)) is None
    assert local.recent("sort", 5) == []


def test_the_latest_entries_of_a_tool_are_few(local: LocalStore) -> None:
    for number in range(RECENT + 3):
        summary = EntrySummary(1, number * 10**9, 0.0, "sort", b"")
        local._index.published(key(number), summary)
    latest = local._index.recent("sort", list)
    assert latest == [key(number) for number in range(RECENT + 2, 2, -1)]


def test_notes_wait_to_be_written_together(local: LocalStore, root: Path) -> None:
    local.ingest_bytes(LARGE)
    assert execute(root / "index", "SELECT key FROM Cache") == []
    # Yet they are known.
    assert local._index.blob_identity(digest(LARGE)) is not None
    for number in range(300):
        local.ingest_bytes(b"%d" % number + LARGE)
    assert len(execute(root / "index", "SELECT key FROM Cache")) >= 256
    local.close()
    assert len(execute(root / "index", "SELECT key FROM Cache")) >= 301


def test_the_running_total_follows_without_counting(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    assert local.used_bytes() == 3

    def count() -> int:
        raise AssertionError("counted again")

    local.ingest_bytes(b"three")
    assert local._index.total(count) == 8
    record(local, 2, b"four")
    local.ingest_bytes(b"three")
    assert local._index.total(count) == 12
    local.gc(10)
    assert local._index.total(count) == local.stats().blob_bytes == 9
    local.close()
    again = open_store(root)
    assert again._index.total(count) == 9
    again.close()


def test_the_running_total_is_counted_anew_once_a_week(local: LocalStore) -> None:
    local._index.set_total(1000)
    assert local.used_bytes() == 1000
    week = json.dumps([1000, time.time() - 8 * 24 * 3600])
    local._index._table.ask(lambda table: table.set("total", week))
    assert local.used_bytes() == 0


def test_a_closed_index_still_answers(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.index.mkdir()
    layout.quarantine.mkdir()
    index = Index(layout.index, Quarantine(layout.quarantine, writable=True), 1.0)
    index.remember_blob(Digest("ab" * 32), (1, 2, 3, 4))
    index.close()
    assert index.blob_identity(Digest("ab" * 32)) is None
    index.close()


def test_threads_share_one_connection(local: LocalStore) -> None:
    # Each blob is remembered from whichever thread; one close closes it all.
    assert blob(b"x").size == 1
    table = local._index._table._table
    assert isinstance(table, DiskTable)
    assert table._cache._con is table._cache._con


def test_a_waiting_note_of_a_file_that_is_gone_is_not_written(
    local: LocalStore, root: Path
) -> None:
    """Another process may have recorded the entry anew, in a file with the same inode."""
    content, other = b"A" * 20, b"B" * 20
    made = record(local, 1, content)
    path = next(root.glob("entries/*/*.json"))
    inode = path.stat().st_ino
    # The other's file, where the inode is used again.
    newer = open_store(root)
    newer.drop_entry(made.key)
    record(newer, 1, other)
    newer.close()
    path = next(root.glob("entries/*/*.json"))
    if path.stat().st_ino != inode:
        index = local._index
        index._summaries = {
            key: summary._replace(inode=path.stat().st_ino)
            for key, summary in index._summaries.items()
        }
    local.close()
    for file in root.glob("blobs/*/*"):
        age(file, 3 * 3600)
    again = open_store(root)
    again.gc(1 << 40)
    assert again.check_blob(digest(other), len(other))
    again.close()
