"""What stands in the index is never believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from diskcache.core import MODE_RAW

from cwl_memo.errors import StoreDamagedError
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.protocol import FileIdentity
from cwl_memo.store.table import DiskTable, ReadTable, _seal
from tests.store.example import digest, execute, key, record

OLD_NS = 1_000_000_000_000_000_000
FILE = FileIdentity(1, 2, 3, OLD_NS, OLD_NS)


def test_a_changed_row_is_absent_and_dropped(tmp_path: Path, table: DiskTable) -> None:
    table.set("name", "text")
    execute(tmp_path, "UPDATE Cache SET value = replace(value, 'text', 'next')")
    assert table.get("name") is None
    assert execute(tmp_path, "SELECT * FROM Cache") == []


def test_a_row_moved_to_another_name_is_absent(tmp_path: Path, table: DiskTable) -> None:
    table.set("name", "text")
    execute(tmp_path, "UPDATE Cache SET key = 'other'")
    assert table.get("other") is None


def test_a_table_that_is_only_read_has_what_was_written_and_leaves_it_as_it_is(
    tmp_path: Path, table: DiskTable
) -> None:
    for name in ("name", "other", "third"):
        table.set(name, "text")
    execute(tmp_path, "UPDATE Cache SET value = replace(value, 'text', 'next') WHERE key = 'other'")
    execute(tmp_path, "UPDATE Cache SET value = 3 WHERE key = 'third'")
    table.close()
    reader = ReadTable(tmp_path)
    assert reader.get("name") == "text"
    assert [reader.get(name) for name in ("other", "third", "absent")] == [None, None, None]
    reader.set("name", "mine")
    assert reader.get("name") == "mine"
    reader.close()
    assert len(execute(tmp_path, "SELECT * FROM Cache")) == 3


def test_a_table_that_is_no_file_has_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache.db").write_bytes(b"no table")
    assert ReadTable(tmp_path).get("name") is None
    assert ReadTable(tmp_path / "nowhere").get("name") is None


def test_a_transaction_that_fails_leaves_nothing(table: DiskTable) -> None:
    def fail() -> None:
        with table.transact():
            table.set("name", "text")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert table.get("name") is None


def _forge(root: Path, name: str, text: str) -> None:
    """Write a row as somebody would who knows how rows are sealed."""
    sealed = _seal(name, text) + text
    execute(root / "index", "DELETE FROM Cache WHERE key = ?", (name,))
    execute(
        root / "index",
        "INSERT INTO Cache (key, raw, store_time, mode, value) VALUES (?, 1, 0, ?, ?)",
        (name, MODE_RAW, sealed),
    )


def test_forging_works(local: LocalStore, root: Path) -> None:
    local.close()
    _forge(root, f"blob:{digest(b'one').hex}", "[1, 2, 3, 4]")
    again = open_store(root)
    assert again._index.blob_identity(digest(b"one")) == (1, 2, 3, 4)
    again.close()


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "1", "[]", "[1]", '{"a": 1}', '[["x", "y"]]', "[" * 100_000, "[1, 2, 3, 4]",
     '["1", "2"]', '[[1, "short"], [2], 3]', "[1, 2, 3, 4, 5, 6]", '[3, 1, 1, "blake3:", 1, 1]'],
)  # fmt: skip
def test_a_forged_row_costs_reading_and_no_more(local: LocalStore, root: Path, text: str) -> None:
    made = record(local, 1, b"one")
    local.recent("sort", 1)
    local.close()
    names = [row[0] for row in execute(root / "index", "SELECT key FROM Cache")]
    for name in [*names, "total", "stat:1:2"]:
        _forge(root, name, text)
    again = open_store(root)
    assert again.get_entry(made.key) == made
    assert again.check_blob(digest(b"one"), 3)
    assert again.recent("sort", 5) in ([], [made.key])
    assert again.known_digest(FILE) is None
    again.used_bytes()
    record(again, 2, b"two")
    assert key(2) in again.recent("sort", 5)
    again.close()


def test_a_blob_row_that_is_forged_does_not_hide_a_changed_blob_from_verify(
    local: LocalStore, root: Path
) -> None:
    record(local, 1, b"one")
    local.close()
    path = root / "blobs" / digest(b"one").hex[:2] / digest(b"one").hex
    path.chmod(0o644)
    path.write_bytes(b"two")
    seen = path.stat()
    identity = [seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns]
    _forge(root, f"blob:{digest(b'one').hex}", json.dumps(identity))
    again = open_store(root)
    with pytest.raises(StoreDamagedError):
        again.read_blob(digest(b"one"))
    again.close()
