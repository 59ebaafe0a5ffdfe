"""What is opened as a store, what is made, and what is left alone."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.errors import StoreFullError, StoreReadOnlyError, StoreUnavailableError
from cwl_memo.store import layout, regular
from cwl_memo.store.local import LocalStore, open_store
from tests.store.example import digest, entry, key, python, record


def everything(directory: Path) -> dict[str, tuple[int, int, bytes | None]]:
    """Mode, mtime and bytes of all that is in a directory, itself included."""
    found = {}
    for path in [directory, *directory.rglob("*")]:
        seen = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(seen.st_mode) else None
        found[str(path)] = (seen.st_mode, seen.st_mtime_ns, content)
    return found


def test_a_new_store_says_what_it_is_and_is_private(local: LocalStore, root: Path) -> None:
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    tag = (root / "CACHEDIR.TAG").read_text()
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert "cwl-memo" in (root / "README.txt").read_text()
    assert json.loads((root / "format").read_text()) == {"format": 1, "program": "cwl-memo"}
    local.secret()
    assert stat.S_IMODE((root / "secret.key").stat().st_mode) == 0o600
    for name in ("entries", "blobs", "index", "runs", "locks", "tmp", "quarantine"):
        assert stat.S_IMODE((root / name).stat().st_mode) == 0o700


def test_parents_of_a_new_store_are_made(tmp_path: Path) -> None:
    open_store(tmp_path / "a" / "b" / "store").close()
    assert (tmp_path / "a" / "b" / "store" / "format").is_file()


def test_an_empty_directory_becomes_a_store_that_nobody_else_can_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    open_store(tmp_path).close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_path_may_be_text_and_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("store")
    monkeypatch.chdir("/")
    made = record(store, 1, b"one")
    assert store.location == str(tmp_path / "store")
    assert store.get_entry(made.key) == made
    store.close()


def test_a_store_opened_again_holds_what_was_recorded(local: LocalStore, root: Path) -> None:
    made = record(local, 1, b"one")
    secret = local.secret()
    local.close()
    again = open_store(root)
    assert again.get_entry(made.key) == made
    assert again.read_blob(digest(b"one")) == b"one"
    assert again.secret() == secret
    again.close()


def test_a_link_to_a_store_is_the_store(local: LocalStore, root: Path, tmp_path: Path) -> None:
    made = record(local, 1, b"one")
    (tmp_path / "link").symlink_to(root)
    linked = open_store(tmp_path / "link")
    assert linked.get_entry(made.key) == made
    linked.close()


def test_what_is_missing_of_a_store_is_made_again(local: LocalStore, root: Path) -> None:
    local.close()
    (root / "README.txt").unlink()
    (root / "CACHEDIR.TAG").unlink()
    (root / "runs").rmdir()
    open_store(root).close()
    assert (root / "README.txt").is_file()
    assert (root / "CACHEDIR.TAG").is_file()
    assert (root / "runs").is_dir()


@pytest.mark.parametrize("readonly", [False, True])
def test_a_foreign_directory_is_left_exactly_as_it_is(tmp_path: Path, readonly: bool) -> None:
    (tmp_path / "entries").mkdir()
    (tmp_path / "thesis.txt").write_text("mine")
    before = everything(tmp_path)
    with pytest.raises(StoreUnavailableError, match="foreign directory"):
        open_store(tmp_path, readonly=readonly)
    assert everything(tmp_path) == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0\0\0\0",
        "[]",
        "[" * 4000,
        "1",
        '{"format": 1}',
        '{"format": 1, "program": "other"}',
        '{"format": true, "program": "cwl-memo"}',
        '{"format": 0, "program": "cwl-memo"}',
        '{"format": "1", "program": "cwl-memo"}',
        '{"program": "cwl-memo"}',
        '{"format": 1, "program": "cwl-memo"}' + " " * 5000,
    ],
)
def test_a_format_file_that_is_not_ours_is_not_guessed_at(
    local: LocalStore, root: Path, text: str
) -> None:
    local.close()
    (root / "format").write_text(text)
    before = everything(root)
    with pytest.raises(StoreUnavailableError, match="foreign directory, or a damaged store"):
        open_store(root)
    assert everything(root) == before


def test_a_store_without_its_format_file_is_not_guessed_at(local: LocalStore, root: Path) -> None:
    local.close()
    (root / "format").unlink()
    with pytest.raises(StoreUnavailableError, match="foreign directory"):
        open_store(root)


def test_a_newer_format_is_named_and_left_alone(local: LocalStore, root: Path) -> None:
    local.close()
    (root / "format").write_text('{"format": 2, "program": "cwl-memo", "more": []}')
    before = everything(root)
    with pytest.raises(StoreUnavailableError, match="a store of format 2"):
        open_store(root)
    assert everything(root) == before


def test_an_older_format_is_migrated_step_by_step(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.close()
    steps = []
    monkeypatch.setattr(layout, "FORMAT", 3)
    monkeypatch.setattr(
        layout,
        "_MIGRATIONS",
        {
            1: lambda found: steps.append((1, found.root)),
            2: lambda found: steps.append((2, found.root)),
        },
    )
    with pytest.raises(StoreUnavailableError, match="cannot be migrated here"):
        open_store(root, readonly=True)
    assert steps == []
    open_store(root).close()
    assert steps == [(1, root), (2, root)]


def test_an_older_format_without_a_way_up_is_left_alone(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.close()
    monkeypatch.setattr(layout, "FORMAT", 2)
    before = everything(root)
    with pytest.raises(StoreUnavailableError, match="cannot be migrated here"):
        open_store(root)
    assert everything(root) == before


def test_a_store_half_made_by_another_process_is_made(tmp_path: Path) -> None:
    (tmp_path / ".format-abc").write_text("{")
    open_store(tmp_path).close()
    assert (tmp_path / "format").is_file()


def test_a_store_made_by_another_process_between_two_looks_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = regular.read_regular

    def look_too_early(path: Path, limit: int) -> bytes:
        monkeypatch.setattr(layout, "read_regular", look)
        open_store(tmp_path).close()
        raise FileNotFoundError(path)

    monkeypatch.setattr(layout, "read_regular", look_too_early)
    open_store(tmp_path).close()


def test_processes_that_open_a_new_store_together_all_succeed(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom cwl_memo.store.local import open_store\n"
        "from tests.store.example import record\n"
        "sys.stdin.readline()\n"
        "store = open_store(sys.argv[1])\n"
        "record(store, int(sys.argv[2]), b'shared')\n"
        "print(store.secret().hex())\nstore.close()\n"
    )
    processes = [python(code, tmp_path / "store", number) for number in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    secrets = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert len(secrets) == 1
    store = open_store(tmp_path / "store")
    assert sorted(store.keys()) == [key(number) for number in range(4)]
    store.close()


def test_a_file_is_not_a_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("file", "file/below", "dangling"):
        with pytest.raises(StoreUnavailableError):
            open_store(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "file"]


@pytest.mark.parametrize("name", ["blobs", "entries", "tmp"])
def test_a_directory_that_leads_out_of_the_store_is_not_written_through(
    local: LocalStore, root: Path, tmp_path: Path, name: str
) -> None:
    local.close()
    (tmp_path / "elsewhere").mkdir()
    (root / name).rmdir()
    (root / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailableError, match="not a directory"):
        open_store(root)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    open_store(tmp_path / "store").close()
    (tmp_path / "store" / "README.txt").unlink()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFullError):
        open_store(tmp_path / "store")
    with pytest.raises(StoreUnavailableError):
        open_store(tmp_path / "new")


# read-only


@pytest.fixture(params=["asked for", "no permission", "read-only file system"])
def readonly(
    request: pytest.FixtureRequest, local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> LocalStore:
    """A store with one entry that can only be read, for each reason there is."""
    record(local, 1, b"one")
    local.append_run("2026-a", {"line": "run"})
    local.close()
    if request.param == "asked for":
        return open_store(root, readonly=True)
    if request.param == "no permission":
        monkeypatch.setattr(layout, "is_writable", lambda _: False)
        return open_store(root)
    # os.access says yes, and the first file that is made says no.
    (root / "README.txt").unlink()

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patched:
        patched.setattr("tempfile.mkstemp", refuse)
        return open_store(root)


def test_a_read_only_store_is_read(readonly: LocalStore, root: Path, tmp_path: Path) -> None:
    before = everything(root)
    assert not readonly.writable
    found = readonly.get_entry(key(1))
    assert found == entry(1, b"one")
    assert list(readonly.keys()) == [key(1)]
    assert readonly.recent("sort", 5) == [key(1)]
    assert readonly.check_blob(digest(b"one"), 3)
    assert readonly.check_blob(digest(b"one"), 3)
    assert readonly.read_blob(digest(b"one")) == b"one"
    readonly.materialise(digest(b"one"), tmp_path / "target", hardlink=True)
    assert (tmp_path / "target").read_bytes() == b"one"
    assert readonly.read_run("2026-a") == [{"line": "run"}]
    assert readonly.runs() == ["2026-a"]
    assert readonly.used_bytes() == 3
    assert readonly.stats().entries == 1
    assert readonly.verify().bad_blobs == ()
    assert [eviction.key for eviction in readonly.gc(0, dry_run=True)] == [key(1)]
    # Only notes: a hit from a store that cannot be written is still a hit.
    readonly.begin_run("2026-b")
    readonly.hold("2026-b", key(1), 1.0)
    readonly.end_run("2026-b")
    readonly.close()
    assert everything(root) == before


def test_a_read_only_store_refuses_to_write(
    readonly: LocalStore, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "source").write_bytes(b"two")
    before = everything(root)
    for write in (
        lambda: readonly.publish(entry(2)),
        lambda: readonly.drop_entry(key(1)),
        lambda: readonly.ingest_bytes(b"two"),
        lambda: readonly.ingest_file(tmp_path / "source"),
        lambda: readonly.claim(key(1)),
        lambda: readonly.append_run("2026-a", {}),
        lambda: readonly.gc(0),
        readonly.clear,
        readonly.secret,
    ):
        with pytest.raises(StoreReadOnlyError):
            write()
    assert everything(root) == before


def test_damage_in_a_read_only_store_is_not_served_and_not_moved(
    readonly: LocalStore, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blob = next((root / "blobs").rglob(digest(b"one").hex))
    blob.chmod(0o644)
    blob.write_bytes(b"two")
    entry_file = next((root / "entries").rglob("*.json"))
    entry_file.chmod(0o644)
    entry_file.write_bytes(b"{}")
    before = everything(root)
    for _ in range(3):
        assert readonly.get_entry(key(1)) is None
        assert not readonly.check_blob(digest(b"one"), 3)
    assert everything(root) == before
    # Said once for each.
    assert len([record for record in caplog.records if "damaged" in record.message]) == 2


def test_a_store_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="no store to read"):
        open_store(tmp_path / "store", readonly=True)
    assert not (tmp_path / "store").exists()
