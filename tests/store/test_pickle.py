"""The index is never unpickled."""

from __future__ import annotations

import os
import pickle
import time
from pathlib import Path
from typing import Any

import pytest
from diskcache.core import MODE_BINARY, MODE_PICKLE, MODE_RAW, MODE_TEXT

from cwl_memo.errors import StoreDamagedError
from cwl_memo.store.disk import PlainDisk
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.protocol import SMALL, FileDigest, FileIdentity
from cwl_memo.store.table import DiskTable
from tests.store.example import digest, execute, key, record

OLD_NS = 1_000_000_000_000_000_000
FILE = FileIdentity(1, 2, 3, OLD_NS, OLD_NS)
KNOWN = FileDigest(digest(b"one"), 3, "ab" * 20, program=False)


class Exploit:
    """Makes a directory when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def exploit(tmp_path: Path) -> bytes:
    """A pickle that leaves the trace ``tmp_path / "trace"``; proved to work."""
    trace = tmp_path / "trace"
    payload = pickle.dumps(Exploit(trace))
    pickle.loads(payload)  # noqa: S301  (it must be dangerous, or the tests show nothing)
    trace.rmdir()
    return payload


_PLANT = "UPDATE Cache SET mode = ?, value = ?, filename = ?"


@pytest.mark.parametrize("in_file", [False, True])
def test_a_planted_pickle_is_never_executed(
    local: LocalStore, root: Path, tmp_path: Path, exploit: bytes, in_file: bool
) -> None:
    large = b"x" * (SMALL + 1)
    made = record(local, 1, large)
    local.recent("sort", 1)
    local.remember_digest(FILE, KNOWN, time.time_ns())
    local.used_bytes()
    local.close()
    if in_file:
        (root / "index" / "planted.val").write_bytes(exploit)
        planted: tuple[Any, ...] = (MODE_PICKLE, None, "planted.val")
    else:
        planted = (MODE_PICKLE, exploit, None)
    execute(root / "index", _PLANT, planted)
    assert len(execute(root / "index", "SELECT key FROM Cache")) >= 5
    again = open_store(root)
    assert again.get_entry(made.key) == made
    assert again.check_blob(digest(large), len(large))
    assert again.recent("sort", 1) == [made.key]
    assert again.known_digest(FILE) is None
    assert again.used_bytes() == len(large)
    record(again, 2, b"one", b"two")
    again.gc(0)
    again.verify()
    again.clear()
    again.close()
    assert not (tmp_path / "trace").exists()


def test_a_planted_pickled_key_is_never_executed(
    local: LocalStore, root: Path, tmp_path: Path, exploit: bytes
) -> None:
    record(local, 1, b"one")
    local.close()
    execute(root / "index", "UPDATE Cache SET raw = 0, key = CAST(? || rowid AS BLOB)", (exploit,))
    execute(root / "index", "UPDATE Cache SET key = ? WHERE rowid = 1", (exploit,))
    again = open_store(root)
    assert again.check_blob(digest(b"one"), 3)
    assert again.recent("sort", 1) == [key(1)]
    again.clear()
    again.close()
    assert not (tmp_path / "trace").exists()


def test_a_row_that_names_a_file_has_nobody_elses_file_removed(
    local: LocalStore, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    record(local, 1, b"one")
    local.close()
    execute(root / "index", "UPDATE Cache SET filename = '../../mine'")
    again = open_store(root)
    record(again, 1, b"one", b"two")
    again.clear()
    again.close()
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_a_row_that_is_written_over_has_nobody_elses_file_removed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "index").mkdir()
    table = DiskTable(tmp_path / "index", timeout=0.1)
    table.set("name", "text")
    execute(tmp_path / "index", "UPDATE Cache SET filename = '../mine'")
    table.set("name", "text")
    execute(tmp_path / "index", "UPDATE Cache SET filename = '../mine'")
    table.delete(["name"])
    table.clear()
    table.close()
    assert (tmp_path / "mine").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("mode", "filename", "value", "read"),
    [
        (MODE_PICKLE, None, pickle.dumps("text"), False),
        (MODE_PICKLE, "planted", None, False),
        (MODE_BINARY, "planted", None, False),
        (MODE_TEXT, "planted", None, False),
        (MODE_RAW, None, b"bytes", False),
        (MODE_RAW, None, 1, False),
        (MODE_RAW, None, None, False),
        (MODE_RAW, "planted", "text", False),
        (MODE_RAW, None, "text", True),
        (None, None, "text", False),
    ],
)
def test_the_disk_gives_out_text_of_a_row_alone(
    tmp_path: Path, mode: Any, filename: Any, value: Any, read: bool
) -> None:
    (tmp_path / "planted").write_bytes(pickle.dumps("text"))
    disk = PlainDisk(str(tmp_path))
    with pytest.raises(StoreDamagedError):
        disk.fetch(mode, filename, value, read)
    assert disk.fetch(MODE_RAW, None, "text", read=False) == "text"


def test_the_disk_takes_text_alone(tmp_path: Path) -> None:
    disk = PlainDisk(str(tmp_path))
    for value in (b"bytes", 1, 1.5, None, ["list"], object()):
        with pytest.raises(TypeError):
            disk.store(value, read=False)
        with pytest.raises(TypeError):
            disk.put(value)
    with pytest.raises(TypeError):
        disk.store("text", read=True)
    assert disk.store("text" * 100_000, read=False) == (0, MODE_RAW, None, "text" * 100_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "raw"), [(pickle.dumps("text"), 0), ("text", 0), (b"bytes", 1), (1, 1)]
)
def test_the_disk_gives_out_text_keys_alone(tmp_path: Path, name: Any, raw: int) -> None:
    disk = PlainDisk(str(tmp_path))
    with pytest.raises(StoreDamagedError):
        disk.get(name, raw)
    assert disk.get("text", 1) == "text"


def test_large_values_stay_in_the_row(tmp_path: Path, table: DiskTable) -> None:
    table.set("name", "x" * 1_000_000)
    assert table.get("name") == "x" * 1_000_000
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {"cache.db"}


def test_nothing_is_ever_evicted_behind_our_back(table: DiskTable) -> None:
    cache = table._cache
    assert (cache.eviction_policy, cache.cull_limit) == ("none", 0)
    assert cache.size_limit >= 1 << 50
