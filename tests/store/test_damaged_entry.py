"""Whatever is done to the file of an entry: never a wrong answer, never a wait."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import digest_of_value, seal
from cwl_memo.errors import StoreError
from cwl_memo.store import entry_file
from cwl_memo.store.local import LocalStore, open_store
from tests.store.damage import (
    ABSENCES,
    CHANGES,
    entry_path,
    link_out,
    overwrite,
    replace,
    set_aside,
)
from tests.store.example import blob, digest, entry, key, record


@pytest.mark.parametrize("damage", CHANGES)
def test_a_damaged_entry_is_set_aside_and_recorded_anew(
    local: LocalStore, root: Path, damage: Callable[[Path], None]
) -> None:
    record(local, 1, b"one")
    damage(entry_path(root))
    assert local.get_entry(key(1)) is None
    assert set_aside(root) == [entry_path(root).name]
    assert local.stats().quarantined == 1
    assert local.recent("sort", 5) == []
    made = record(local, 1, b"one")
    assert local.get_entry(key(1)) == made


@pytest.mark.parametrize("damage", [*CHANGES, *ABSENCES])
def test_an_entry_is_recorded_over_whatever_stands_in_its_place(
    local: LocalStore, root: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    record(local, 1, b"one")
    damage(entry_path(root))
    made = record(local, 1, b"two")
    assert local.get_entry(key(1)) == made
    assert list(local.keys()) == [made.key]
    # Nothing was written out of the store.
    assert list((tmp_path / "elsewhere").rglob("*.json")) == []


@pytest.mark.parametrize("damage", ABSENCES)
def test_an_entry_that_is_gone_is_a_miss(
    local: LocalStore, root: Path, damage: Callable[[Path], None]
) -> None:
    record(local, 1, b"one")
    damage(entry_path(root))
    assert local.get_entry(key(1)) is None
    local.drop_entry(key(1))


@pytest.mark.parametrize("damage", CHANGES)
def test_whatever_stands_in_the_place_of_an_entry_can_be_dropped(
    local: LocalStore, root: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    record(local, 1, b"one")
    damage(entry_path(root))
    local.drop_entry(key(1))
    assert not os.path.lexists(entry_path(root))
    if damage is link_out:
        assert (tmp_path / "elsewhere").is_file()


def _envelope(payload: Any) -> bytes:
    """Seal a payload as somebody would who knows how entries are sealed."""
    return canonical_bytes({"digest": str(digest_of_value("entry", payload)), "entry": payload})


def _payload(**changes: Any) -> dict[str, Any]:
    payload: dict[str, Any] = entry(1, b"one").to_json()
    return {**payload, **changes}


def _sealed(payload: bytes) -> bytes:
    """Seal any bytes in place of an entry's."""
    return b'{"digest":"blake3:%b","entry":%b}' % (seal("entry", payload).hex().encode(), payload)


def test_an_entry_that_is_written_in_another_way_is_the_same(local: LocalStore, root: Path) -> None:
    made = record(local, 1, b"one")
    for data in (
        json.dumps(json.loads(_envelope(_payload())), indent=2).encode(),
        _envelope(_payload()) + b"\n",
        b" " + _envelope(_payload()),
    ):
        overwrite(entry_path(root), data)
        assert local.get_entry(key(1)) == made


@pytest.mark.parametrize(
    "data",
    [
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"entry": {}}',
        b'{"entry": [], "digest": ""}',
        b"[" * 200_000,
        b'{"entry": ' + b'{"a":' * 100_000,
        b"\xff\xfe",
        b'{"entry": {"a": NaN}, "digest": "x"}',
        json.dumps({"digest": "x", "entry": _payload()}).encode(),
        _envelope(_payload(key=key(2).hex)),
        _envelope(_payload(key="../../elsewhere")),
        _envelope(_payload(blobs=None)),
        _envelope(_payload(exit_code=True)),
        _envelope(_payload(format=True)),
        _sealed(b"[]"),
        _sealed(b"NaN"),
        _sealed(b"[" * 200_000),
        _sealed(canonical_bytes(_payload())[:-1] + b',"z":NaN}'),
        _envelope(_payload(origin={**_payload()["origin"], "seconds": 10**400})),
        _sealed(canonical_bytes(_payload())[:-1] + b',"z":1e999}'),
    ],
)
def test_a_hostile_entry_is_set_aside(local: LocalStore, root: Path, data: bytes) -> None:
    record(local, 1, b"one")
    overwrite(entry_path(root), data)
    assert local.verify().bad_entries == (key(1).hex,)
    assert local.get_entry(key(1)) is None
    assert set_aside(root) == [entry_path(root).name]


def test_the_envelope_of_these_tests_is_the_real_one(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    assert entry_path(root).read_bytes() == _envelope(_payload())


def test_an_entry_far_too_large_is_set_aside_unread(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one")
    entry_path(root).chmod(0o644)
    os.truncate(entry_path(root), 1 << 40)
    assert local.get_entry(key(1)) is None
    monkeypatch.setattr(entry_file, "ENTRY_LIMIT", 100)
    with pytest.raises(StoreError, match="too many"):
        record(local, 1, b"one")


def test_an_entry_of_another_format_is_neither_read_nor_damaged(
    local: LocalStore, root: Path
) -> None:
    record(local, 1, b"one")
    data = _envelope(_payload(format=2, more={}))
    overwrite(entry_path(root), data)
    assert local.get_entry(key(1)) is None
    assert local.verify().bad_entries == ()
    assert local.verify().orphan_blobs == 0
    # It is retained and evicted as any other.
    assert [eviction.key for eviction in local.gc(0)] == [key(1)]
    assert entry_path(root).read_bytes() == data


@pytest.mark.parametrize(
    "payload",
    [
        {"key": key(1).hex, "format": 2},
        {"key": key(1).hex, "format": 2, "blobs": [1, {"digest": "x"}, {}], "origin": []},
        {"key": key(1).hex, "format": 2, "blobs": {}, "origin": {"tool": 1, "seconds": "x"}},
        {"key": key(1).hex, "format": 2, "origin": {"seconds": 10**400}},
    ],
)
def test_upkeep_bears_an_entry_of_another_format(
    local: LocalStore, root: Path, payload: dict[str, Any]
) -> None:
    record(local, 1, b"one")
    replace(entry_path(root), _envelope(payload))
    stats = local.stats()
    assert (stats.entries, stats.seconds) == (1, 0.0)
    assert local.gc(0) == []
    assert local.verify().entries == 1


def test_files_that_are_not_entries_are_not_keys(local: LocalStore, root: Path) -> None:
    record(local, 1)
    for name in ("notes.txt", "short.json", f"{key(2).hex}.json.tmp"):
        (entry_path(root).parent / name).write_text("x")
    (root / "entries" / "notes").mkdir()
    (root / "entries" / "ab").write_text("x")
    assert list(local.keys()) == [key(1)]
    assert local.stats().entries == local.verify().entries == 1


def test_use_of_an_entry_touches_nothing_behind_a_link(
    local: LocalStore, root: Path, tmp_path: Path
) -> None:
    record(local, 1, b"one")
    link_out(entry_path(root))
    before = (tmp_path / "elsewhere").stat().st_mtime_ns
    local.hold("2026-a", key(1), 1.0)
    assert (tmp_path / "elsewhere").stat().st_mtime_ns == before


def test_a_store_whose_entries_were_all_deleted_is_empty(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one")
    shutil.rmtree(root / "entries")
    shutil.rmtree(root / "blobs")
    shutil.rmtree(root / "quarantine")
    assert list(local.keys()) == []
    assert not local.check_blob(digest(b"one"), 3)
    assert local.stats().blobs == 0
    local.close()
    again = open_store(root)
    made = record(again, 1, b"one")
    assert again.get_entry(key(1)) == made
    again.close()


def test_a_blob_named_twice_is_needed_once(local: LocalStore) -> None:
    local.ingest_bytes(b"one")
    made = entry(1, b"one")
    local.publish(type(made)(**{**made.__dict__, "blobs": (blob(b"one"), blob(b"one"))}))
    assert [eviction.freed for eviction in local.gc(0)] == [3]
