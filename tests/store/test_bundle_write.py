"""Bundles are written whole or not at all, with the same bytes each time, and no secrets."""

from __future__ import annotations

import errno
import importlib
import io
import json
import os
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cwl_memo.core.run import EXECUTED, FAILED, REUSED, JobRecord, RunRecord
from cwl_memo.errors import StoreDamagedError, StoreError, UsageError
from cwl_memo.store.bundle_read import import_bundle, read_inventory
from cwl_memo.store.bundle_write import export_run
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.memory import MemoryStore
from cwl_memo.store.protocol import Store
from tests.store.bundles import LARGE, RUN, append, fill, job_of, members, record
from tests.store.example import entry, failing, key, path_of

SUFFIXES = (".tar.zst", ".tar.gz", ".tgz", ".tar")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_exported_is_imported(store: Store, suffix: str, tmp_path: Path) -> None:
    entries = fill(store)
    path = tmp_path / f"b{suffix}"
    steps: list[tuple[int, int]] = []
    exported = export_run(
        store, RUN, path, progress=lambda done, total: steps.append((done, total))
    )
    assert steps[-1][0] == steps[-1][1] == exported.size
    other = MemoryStore()
    imported = import_bundle(other, path, progress=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (exported.size, exported.size)
    assert imported.inventory == exported == read_inventory(path)
    assert imported.published == sorted(made.key for made in entries)
    assert [other.get_entry(made.key) for made in entries] == entries
    for made in entries:
        assert all(other.check_blob(blob.digest, blob.size) for blob in made.blobs)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_runs_give_equal_bundles(suffix: str, local: LocalStore, tmp_path: Path) -> None:
    other = MemoryStore()
    fill(local)
    fill(other)
    export_run(local, RUN, tmp_path / f"one{suffix}")
    export_run(other, RUN, tmp_path / f"two{suffix}")
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


def test_a_bundle_is_a_tar_file_of_plain_files(store: Store, tmp_path: Path) -> None:
    fill(store)
    export_run(store, RUN, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as tar:
        assert all(m.isreg() and not m.mtime and not m.uid and not m.uname for m in tar)
        names = tar.getnames()
    assert names[0] == "bundle.json"
    assert names[-1] == "run.json"
    assert len(set(names)) == len(names)


def test_a_bundle_without_workspaces_has_what_a_hit_needs(store: Store, tmp_path: Path) -> None:
    one = record(store, 1, b"one")
    made = record(store, 2, b"two", b"tree", b"log", variants=one.variants, fingerprint={"n": 2})
    append(store, RunRecord(RUN, jobs=[job_of(made)]))
    parts = dict(members(store, tmp_path / "b.tar", workspaces=False))
    assert sum(name.startswith("blobs/") for name in parts) == 1
    other = MemoryStore()
    import_bundle(other, tmp_path / "b.tar")
    slim = other.get_entry(made.key)
    assert slim is not None
    assert (slim.tree, slim.stdout, slim.stderr) == (None, None, None)
    assert slim.variants == made.variants
    assert slim.blobs == one.blobs


def test_nothing_of_the_machine_and_no_argument_is_in_a_bundle(
    store: Store, tmp_path: Path
) -> None:
    fill(store)
    export_run(store, RUN, tmp_path / "b.tar")
    data = (tmp_path / "b.tar").read_bytes()
    assert b"wf.cwl" in data
    for word in (b"hush", b"alice", b"password"):
        assert word not in data


def test_an_entry_with_a_secret_stays(store: Store, tmp_path: Path) -> None:
    token = f"Bearer (secret:{'a' * 64})"
    secret = record(store, 1, b"one", fingerprint={"inputs": {"token": token}})
    plain = record(store, 2, b"two", fingerprint={"inputs": {"token": "(secret:no)"}})
    append(store, RunRecord(RUN, jobs=[job_of(secret), job_of(plain)]))
    inventory = export_run(store, RUN, tmp_path / "b.tar")
    assert [entry.key for entry in inventory.entries] == [plain.key]
    assert "secret" in inventory.left_out[0].why
    assert b"a" * 64 not in (tmp_path / "b.tar").read_bytes()


def test_what_cannot_be_taken_along_is_named(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [record(local, number, b"%d" % number) for number in range(5)]
    path_of(local, b"1").unlink()
    monkeypatch.setattr(local, "is_evicted", lambda asked: asked == entries[2].key)
    local.drop_entry(entries[3].key)
    # As nobody here would look it up.
    entries.append(replace(entry(5, b"0"), key=key(5)))
    local.publish(entries[-1])
    jobs = [job_of(made) for made in entries]
    jobs += [
        job_of(entries[0], REUSED),
        JobRecord("failed", "sort", FAILED, "miss", not_recorded="failed"),
        JobRecord("newer", "sort", "skipped", "miss"),
        JobRecord("keyless", "sort", EXECUTED, "miss"),
    ]
    append(local, RunRecord(RUN, jobs=jobs))
    inventory = export_run(local, RUN, tmp_path / "b.tar")
    assert {carried.job for carried in inventory.entries} == {"sort_0", "sort_4"}
    assert {job.job: job.why.split(";")[0] for job in inventory.left_out} == {
        "sort_1": "its files are damaged",
        "sort_2": "its files were evicted",
        "sort_3": "its entry is gone, or was damaged",
        "sort_5": f"entry {key(5)}: its key is not that of its fingerprint",
        "failed": "not recorded (failed)",
        "newer": "not recorded (skipped)",
        "keyless": "its entry is gone, or was damaged",
    }


@pytest.mark.parametrize("jobs", [[], [JobRecord("index", "i", FAILED, "miss")]])
def test_a_run_without_entries_gives_no_bundle(
    jobs: list[JobRecord], store: Store, tmp_path: Path
) -> None:
    append(store, RunRecord(RUN, jobs=jobs))
    with pytest.raises(StoreError, match="no entry of run"):
        export_run(store, RUN, tmp_path / "b.tar")


def test_a_run_without_a_sound_record_gives_no_bundle(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has no record"):
        export_run(store, RUN, tmp_path / "b.tar")
    store.append_run(RUN, {"line": "job"})
    with pytest.raises(StoreError, match="has no record"):
        export_run(store, RUN, tmp_path / "b.tar")


def test_a_file_is_replaced_only_where_that_is_asked_for(store: Store, tmp_path: Path) -> None:
    fill(store)
    path = tmp_path / "b.tar"
    path.write_bytes(b"mine")
    with pytest.raises(UsageError, match="--force"):
        export_run(store, RUN, path)
    assert path.read_bytes() == b"mine"
    export_run(store, RUN, path, force=True)
    assert read_inventory(path).run == RUN


def test_a_file_that_appears_meanwhile_stays(store: Store, tmp_path: Path) -> None:
    fill(store)
    path = tmp_path / "b.tar"
    with pytest.raises(UsageError, match="--force"):
        export_run(store, RUN, path, progress=lambda *_: path.touch())
    assert [p.name for p in tmp_path.iterdir() if p.name != "store"] == ["b.tar"]
    assert path.read_bytes() == b""


@pytest.mark.parametrize("name", ["b", "b.zip", "b.tar.xz", "tar"])
def test_a_name_says_how_a_bundle_is_compressed(name: str, store: Store, tmp_path: Path) -> None:
    fill(store)
    with pytest.raises(UsageError, match=r"\.tar\.zst"):
        export_run(store, RUN, tmp_path / name)


def test_a_full_disk_leaves_no_bundle(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(local)
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC))
    with pytest.raises(OSError, match=r"No space left on device: '.*/b\.tar'"):
        export_run(local, RUN, folder / "b.tar")
    assert list(folder.iterdir()) == []
    with pytest.raises(OSError, match=r"nowhere/b\.tar"):
        export_run(local, RUN, tmp_path / "nowhere" / "b.tar")


def test_a_blob_that_rots_unseen_leaves_no_bundle(local: LocalStore, tmp_path: Path) -> None:
    fill(local)
    path = path_of(local, LARGE)
    before = path.stat()
    path.chmod(0o644)
    data = bytearray(LARGE)
    data[1000] ^= 1
    real = local.materialise

    def rotten(digest: Any, target: Path, **_: Any) -> None:
        real(digest, target)
        target.write_bytes(data)

    path.chmod(before.st_mode)
    local.materialise = rotten  # type: ignore[method-assign]
    with pytest.raises(StoreDamagedError, match="damaged"):
        export_run(local, RUN, tmp_path / "b.tar")
    assert not (tmp_path / "b.tar").exists()


# zstd


def test_without_zstd_a_bundle_can_still_be_called_tar_gz(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    path = tmp_path / "b.tar.zst"
    export_run(store, RUN, path)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(UsageError, match=r"cwl-memo\[bundles\].*\.tar\.gz"):
        export_run(store, RUN, path, force=True)
    with pytest.raises(UsageError, match=r"cwl-memo\[bundles\]"):
        import_bundle(store, path)
    export_run(store, RUN, tmp_path / "b.tar.gz")


def test_pythons_own_zstd_is_used_where_it_is(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zstandard = importlib.import_module("zstandard")
    own = ModuleType("compression.zstd")

    def open_own(file: Any, mode: str) -> Any:
        return zstandard.open(file, mode, closefd=False)

    own.__dict__.update(open=open_own, ZstdError=zstandard.ZstdError)
    monkeypatch.setitem(sys.modules, "compression", ModuleType("compression"))
    monkeypatch.setitem(sys.modules, "compression.zstd", own)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    fill(store)
    path = tmp_path / "b.tar.zst"
    export_run(store, RUN, path)
    assert len(import_bundle(MemoryStore(), path).published) == 3


def test_a_run_that_was_imported_can_be_exported(store: Store, tmp_path: Path) -> None:
    fill(store)
    export_run(store, RUN, tmp_path / "one.tar")
    other = open_store(tmp_path / "other")
    import_bundle(other, tmp_path / "one.tar")
    export_run(other, RUN, tmp_path / "two.tar")
    other.close()
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_the_inventory_is_json_for_anybody(store: Store, tmp_path: Path) -> None:
    fill(store)
    parts = members(store, tmp_path / "b.tar")
    inventory = json.load(io.BytesIO(parts[0][1]))
    assert inventory["format"] == 1
    assert inventory["left_out"] == [{"job": "index", "why": "not recorded (directory-input)"}]
