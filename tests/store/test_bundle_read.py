"""Whatever a bundle holds, the store stays sound: entries come in whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.core.run import RunRecord
from cwl_memo.errors import (
    FormatError,
    StoreDamagedError,
    StoreFullError,
    StoreReadOnlyError,
    UsageError,
)
from cwl_memo.store import bundle_read
from cwl_memo.store.bundle_read import import_bundle, read_inventory
from cwl_memo.store.bundle_write import export_run
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.memory import MemoryStore
from cwl_memo.store.protocol import Store
from tests.store.bundles import LARGE, RUN, Members, append, changed, fill, members, pack, record
from tests.store.example import age, failing, path_of

Change = Callable[[Members], Members]


@pytest.fixture
def parts(tmp_path: Path) -> Members:
    """The members of a sound bundle."""
    origin = MemoryStore()
    fill(origin)
    return members(origin, tmp_path / "sound.tar")


def check_whole(store: Store) -> int:
    """Check that each entry has all of its blobs; return how many entries there are."""
    keys = list(store.keys())
    for key in keys:
        entry = store.get_entry(key)
        assert entry is not None
        for blob in entry.blobs:
            assert len(store.read_blob(blob.digest)) == blob.size
    return len(keys)


def refuse(store: Store, path: Path, message: str, **options: Any) -> None:
    with pytest.raises(FormatError, match=message):
        import_bundle(store, path, **options)
    check_whole(store)
    assert store.runs() == []
    assert store.verify().bad_blobs == ()


# what is there already


def test_an_entry_that_is_there_stays(store: Store, tmp_path: Path, parts: Members) -> None:
    path = pack(tmp_path / "b.tar", parts)
    mine = record(store, 1, b"another result")
    imported = import_bundle(store, path)
    assert imported.kept == [mine.key]
    assert len(imported.published) == 2
    assert store.get_entry(mine.key) == mine
    assert check_whole(store) == 3


def test_an_entry_that_another_run_records_meanwhile_stays(tmp_path: Path, parts: Members) -> None:
    store = MemoryStore()
    mine = record(MemoryStore(), 1, b"another result")

    def meanwhile(*_: int) -> None:
        if not list(store.keys(mine.key.hex)):
            record(store, 1, b"another result")

    import_bundle(store, pack(tmp_path / "b.tar", parts), progress=meanwhile)
    assert store.get_entry(mine.key) == mine


def test_an_evicted_entry_comes_back(local: LocalStore, tmp_path: Path, parts: Members) -> None:
    made = fill(local)[1]
    age(path_of(local, LARGE), 1e6)
    assert made.key in [eviction.key for eviction in local.gc(1000)]
    imported = import_bundle(local, pack(tmp_path / "b.tar", parts))
    assert made.key in imported.published
    assert not local.is_evicted(made.key)
    assert check_whole(local) == 3


def test_an_invalidated_entry_does_not_come_back(
    store: Store, tmp_path: Path, parts: Members
) -> None:
    made = fill(store)[1]
    store.invalidate([made.key], "wrong reference")
    imported = import_bundle(store, pack(tmp_path / "b.tar", parts))
    assert imported.taken_back == [made.key]
    found = store.get_entry(made.key)
    assert found is None or found.is_dead(store.tombstone(made.key))
    assert len(imported.kept) == 2


def test_a_second_import_changes_nothing(local: LocalStore, tmp_path: Path, parts: Members) -> None:
    path = pack(tmp_path / "b.tar", parts)
    assert import_bundle(local, path).run_is_new
    before = local.read_run(RUN)
    again = import_bundle(local, path)
    assert (again.published, len(again.kept), again.run_is_new) == ([], 3, False)
    assert local.read_run(RUN) == before


def test_large_blobs_are_not_written_again(
    local: LocalStore, tmp_path: Path, parts: Members
) -> None:
    made = fill(local)[1]
    local.drop_entry(made.key)
    before = path_of(local, LARGE).stat().st_ino
    assert import_bundle(local, pack(tmp_path / "b.tar", parts)).published == [made.key]
    assert path_of(local, LARGE).stat().st_ino == before


# runs


def test_the_run_is_there_as_imported(store: Store, tmp_path: Path, parts: Members) -> None:
    import_bundle(store, pack(tmp_path / "b.tar", parts))
    run = RunRecord.from_lines(store.read_run(RUN))
    assert run.imported
    assert (run.run, run.status, run.document, run.arguments) == (RUN, "success", "wf.cwl", ())
    assert [job.name for job in run.jobs] == ["sort_1", "sort_2", "sort_3", "index"]


def test_a_run_of_the_store_itself_stays(store: Store, tmp_path: Path, parts: Members) -> None:
    fill(store)
    before = store.read_run(RUN)
    assert not import_bundle(store, pack(tmp_path / "b.tar", parts)).run_is_new
    assert store.read_run(RUN) == before


def test_an_interrupted_import_of_a_run_is_completed(
    store: Store, tmp_path: Path, parts: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pack(tmp_path / "b.tar", parts)
    real, count = store.append_run, 0

    def twice(run: str, line: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise StoreFullError("full")
        real(run, line)

    monkeypatch.setattr(store, "append_run", twice)
    with pytest.raises(StoreFullError):
        import_bundle(store, path)
    assert import_bundle(store, path).run_is_new
    other = MemoryStore()
    import_bundle(other, path)
    assert [line for line in store.read_run(RUN) if line["line"] != "run"] == [
        line for line in other.read_run(RUN) if line["line"] != "run"
    ]


def test_another_run_of_the_same_id_stays(store: Store, tmp_path: Path, parts: Members) -> None:
    append(store, RunRecord(RUN, imported="2026-01-01T00:00:00+00:00"))
    before = store.read_run(RUN)
    assert not import_bundle(store, pack(tmp_path / "b.tar", parts)).run_is_new
    assert store.read_run(RUN) == before


# damage


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_a_bundle_that_was_cut_short_gives_whole_entries_only(suffix: str, tmp_path: Path) -> None:
    origin = MemoryStore()
    fill(origin)
    path = tmp_path / f"b{suffix}"
    export_run(origin, RUN, path)
    data = path.read_bytes()
    # What ends a compressed file, or an archive, may be missing: nothing depends on it.
    for length in sorted({*range(0, len(data), max(1, len(data) // 40)), len(data) - 1030}):
        path.write_bytes(data[:length])
        if length < len(data) - (1024 if suffix == ".tar" else 100):
            refuse(MemoryStore(), path, "not a sound bundle")


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_a_flipped_byte_never_makes_another_entry(suffix: str, tmp_path: Path) -> None:
    origin = MemoryStore()
    entries = {entry.key: entry for entry in fill(origin)}
    path = tmp_path / f"b{suffix}"
    export_run(origin, RUN, path)
    data = path.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 60)):
        flipped = bytearray(data)
        flipped[place] ^= 0x10
        path.write_bytes(flipped)
        store = MemoryStore()
        # A byte that says nothing, as one of the padding, may be any.
        with contextlib.suppress(FormatError):
            import_bundle(store, path)
        check_whole(store)
        assert all(store.get_entry(key) == entries[key] for key in list(store.keys()))


def test_a_full_disk_gives_whole_entries_only(
    local: LocalStore, tmp_path: Path, parts: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pack(tmp_path / "b.tar", parts)
    real, left = os.write, 2 * len(LARGE) // 3

    def write(descriptor: int, data: Any) -> int:
        nonlocal left
        left -= len(data)
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(StoreFullError):
            import_bundle(local, path)
    assert check_whole(local) < 3
    assert list(Path(local.location, "tmp").iterdir()) == []
    import_bundle(local, path)
    assert check_whole(local) == 3


def test_a_store_without_room_for_large_blobs_says_so(
    local: LocalStore, tmp_path: Path, parts: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryDirectory", failing(errno.ENOSPC))
    with pytest.raises(StoreFullError):
        import_bundle(local, pack(tmp_path / "b.tar", parts))


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path, parts: Members) -> None:
    open_store(tmp_path / "store").close()
    store = open_store(tmp_path / "store", readonly=True)
    with pytest.raises(StoreReadOnlyError):
        import_bundle(store, pack(tmp_path / "b.tar", parts))
    store.close()


def test_a_blob_that_goes_before_its_entry_comes_is_told(
    tmp_path: Path, parts: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    monkeypatch.setattr(store, "ingest_file", lambda _: None)
    with pytest.raises(StoreDamagedError, match="is not there"):
        import_bundle(store, pack(tmp_path / "b.tar", parts))
    check_whole(store)


# what an enemy may write


def first(prefix: str, parts: Members) -> int:
    return next(i for i, (name, _) in enumerate(parts) if name.startswith(prefix))


def twice(parts: Members) -> Members:
    place = first("blobs/", parts)
    return [*parts[: place + 1], parts[place], *parts[place + 1 :]]


def renamed(name: str) -> Change:
    def change(parts: Members) -> Members:
        place = first("blobs/", parts)
        return [*parts[:place], (name, parts[place][1]), *parts[place + 1 :]]

    return change


CHANGES: dict[str, Change] = {
    "nothing": lambda _: [],
    "no inventory": lambda parts: parts[1:],
    "a duplicate": twice,
    "a member more": lambda parts: [*parts, ("extra", b"x")],
    "the record twice": lambda parts: [*parts, parts[-1]],
    "a member less": lambda parts: parts[:1] + parts[2:],
    "no record": lambda parts: parts[:-1],
    "another order": lambda parts: [parts[0], *parts[:0:-1]],
    "an absolute name": renamed("/etc/passwd"),
    "a name that climbs": renamed("../../.bashrc"),
    "a name with a dot": renamed("./bundle.json"),
    "a long name": renamed("x" * 5000),
    "a wrong digest": renamed("blobs/" + "0" * 64),
    "other bytes": lambda parts: [
        (n, d[::-1] if n.startswith("blobs/") and len(d) == 3 else d) for n, d in parts
    ],
    "other large bytes": lambda parts: [(n, b"x" * len(d) if d == LARGE else d) for n, d in parts],
    "more bytes": lambda parts: [(n, d + b"x" if n.startswith("blobs/") else d) for n, d in parts],
    "another record": lambda parts: [*parts[:-1], ("run.json", b"x" * len(parts[-1][1]))],
    "an empty inventory": lambda parts: [("bundle.json", b""), *parts[1:]],
    "a deep inventory": lambda parts: [("bundle.json", b"[" * 100_000), *parts[1:]],
    "no number": lambda parts: [("bundle.json", b'{"program": NaN}'), *parts[1:]],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_members_that_are_not_as_announced_end_the_import(
    change: Change, tmp_path: Path, parts: Members
) -> None:
    refuse(MemoryStore(), pack(tmp_path / "b.tar", change(parts)), "not a sound bundle")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.tar", "sound.tar"]


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE,
        tarfile.BLKTYPE, tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, tarfile.AREGTYPE,
        tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME,
    ],
)  # fmt: skip
def test_members_that_are_no_regular_files_end_the_import(
    kind: bytes, tmp_path: Path, parts: Members
) -> None:
    def change(member: tarfile.TarInfo) -> None:
        if member.name.startswith("blobs/"):
            member.type = kind
            member.linkname = "/etc/passwd" if kind == tarfile.SYMTYPE else ""

    refuse(MemoryStore(), pack(tmp_path / "b.tar", parts, change), "no regular file|no tar header")


def test_a_regular_file_that_names_a_link_ends_the_import(tmp_path: Path, parts: Members) -> None:
    def change(member: tarfile.TarInfo) -> None:
        member.linkname = "/etc/passwd"

    refuse(MemoryStore(), pack(tmp_path / "b.tar", parts, change), "no regular file")


@pytest.mark.parametrize("name", ["bundle.json", "blobs/", "entries/", "run.json"])
@pytest.mark.parametrize("size", [1 << 50, -1])
def test_a_huge_header_costs_no_memory(
    name: str, size: int, tmp_path: Path, parts: Members
) -> None:
    path = tmp_path / "b.tar"
    with path.open("wb") as file:
        for other, data in parts:
            member = tarfile.TarInfo(other)
            member.size = size if other.startswith(name) else len(data)
            file.write(member.tobuf(tarfile.GNU_FORMAT))
            file.write(data + bytes(-len(data) % 512))
    refuse(MemoryStore(), path, "not a sound bundle")


@pytest.mark.parametrize("name", ["entries/", "run.json"])
def test_a_member_that_is_said_to_be_huge_is_not_read(
    name: str, tmp_path: Path, parts: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_read, "ENTRY_LIMIT", 10 if name == "entries/" else 1 << 20)
    monkeypatch.setattr(bundle_read, "_RECORD_LIMIT", 10)
    refuse(MemoryStore(), pack(tmp_path / "b.tar", parts), "larger than it can be")


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.zst"])
def test_a_bomb_does_not_go_off(suffix: str, tmp_path: Path, parts: Members) -> None:
    inventory = json.loads(parts[0][1])
    digest = {"digest": f"blake3:{'0' * 64}", "size": 1 << 40}
    inventory["entries"][0]["blobs"].append(digest)
    origin = MemoryStore()
    fill(origin)
    path = tmp_path / f"b{suffix}"
    # Whatever it says: no more is decompressed than was announced.
    export_run(origin, RUN, path)
    with pytest.raises(UsageError, match="--max-size"):
        import_bundle(MemoryStore(), path, max_size=1000)
    path = pack(tmp_path / "b.tar", [("bundle.json", canonical_bytes(inventory)), *parts[1:]])
    with pytest.raises(UsageError, match=r"1\.1 TB.*--max-size"):
        import_bundle(MemoryStore(), path)


def test_something_else_than_a_file_is_no_bundle(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(FormatError, match="not a regular file"):
            import_bundle(MemoryStore(), path)
    with pytest.raises(FileNotFoundError):
        read_inventory(tmp_path / "nothing")


def test_what_follows_the_end_is_not_read(tmp_path: Path, parts: Members) -> None:
    path = pack(tmp_path / "b.tar", parts)
    with path.open("ab") as file:
        file.write(b"x" * 10_000)
    assert len(import_bundle(MemoryStore(), path).published) == 3


# entries that are not what they claim


def other_key(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "fingerprint": {**entry["fingerprint"], "number": 99}}


def other_output(entry: dict[str, Any]) -> dict[str, Any]:
    entry["variants"][0]["blobs"].append({"digest": f"blake3:{'0' * 64}", "size": 1})
    return entry


ENTRIES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another fingerprint": (other_key, "not that of its fingerprint"),
    "another key": (lambda e: {**e, "key": "0" * 64}, "entry of another key"),
    "another tool": (lambda e: {**e, "origin": {**e["origin"], "tool": "x"}}, "something else"),
    "another format": (lambda e: {**e, "format": 2}, "format 2"),
    "no entry": (lambda _: {}, "another key"),
    "an output that is not there": (other_output, "does not list"),
    "a tree that is not there": (lambda e: {**e, "tree": f"blake3:{'0' * 64}"}, "does not list"),
    "a log that is not there": (lambda e: {**e, "stderr": f"blake3:{'0' * 64}"}, "does not list"),
    "fewer blobs": (lambda e: {**e, "blobs": e["blobs"][:1]}, "something else"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), ENTRIES.values(), ids=ENTRIES)
def test_an_entry_that_is_not_what_it_claims_is_refused(
    change: Callable[[dict[str, Any]], Any], message: str, tmp_path: Path, parts: Members
) -> None:
    name = parts[first("entries/", parts)][0]
    path = pack(tmp_path / "b.tar", changed(parts, name, change))
    store = MemoryStore()
    refuse(store, path, message)
    assert list(store.keys()) == []


def test_an_entry_whose_seal_is_broken_is_refused(tmp_path: Path, parts: Members) -> None:
    name = parts[first("entries/", parts)][0]
    broken = changed(parts, name, lambda e: e)
    place = first("entries/", broken)
    envelope = json.loads(broken[place][1])
    envelope["digest"] = f"blake3:{'0' * 64}"
    data = canonical_bytes(envelope)
    inventory = json.loads(broken[0][1])
    inventory["entries"][0]["file"]["digest"] = str(digest_of_bytes(data))
    broken[place] = (name, data)
    broken[0] = ("bundle.json", canonical_bytes(inventory))
    refuse(MemoryStore(), pack(tmp_path / "b.tar", broken), "not those that were written")


RECORDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another run": lambda r: {**r, "run": "2026-other"},
    "no jobs": lambda r: {**r, "jobs": None},
    "no job": lambda r: {**r, "jobs": [1]},
    "a number": lambda _: 1,
}


@pytest.mark.parametrize("change", RECORDS.values(), ids=RECORDS)
def test_a_record_that_is_not_one_is_refused(
    change: Callable[[dict[str, Any]], Any], tmp_path: Path, parts: Members
) -> None:
    refuse(
        MemoryStore(), pack(tmp_path / "b.tar", changed(parts, "run.json", change)), "not a sound"
    )


def test_the_run_of_a_bundle_cannot_be_a_path(tmp_path: Path, parts: Members) -> None:
    inventory = {**json.loads(parts[0][1]), "run": "../../x"}
    path = pack(tmp_path / "b.tar", [("bundle.json", canonical_bytes(inventory)), *parts[1:]])
    refuse(MemoryStore(), path, "not the id of a run")
