"""How bytes become blobs."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from cwl_memo.errors import (
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
)
from cwl_memo.store import blob as blob_module
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.hashing import hash_file
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.regular import NotRegularError, read_regular, write_all
from tests.store.example import age, digest, entry, failing, key, path_of, record

BIG = os.urandom(3 * (1 << 20) + 5)


def leftovers(store: LocalStore) -> list[Path]:
    return list(Path(store.location, "tmp").iterdir())


def test_a_blob_is_a_read_only_file_named_by_its_digest(local: LocalStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(BIG)
    source.chmod(0o755)
    local.ingest_file(source)
    assert path_of(local, BIG).read_bytes() == BIG
    assert stat.S_IMODE(path_of(local, BIG).stat().st_mode) == 0o444
    assert path_of(local, BIG).stat().st_nlink == 1
    assert leftovers(local) == []


def test_a_blob_is_on_disk_before_it_has_its_name(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(path_of(local, b"one").exists()))
    local.ingest_bytes(BIG)
    assert synced == [False]


def test_a_small_blob_that_never_reached_the_disk_is_seen(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is not waited for: what a power failure leaves, as nothing or zeros, is read.
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    record(local, 1, b"one", b"two")
    local.close()
    for content, left in ((b"one", b""), (b"two", b"\0\0\0")):
        path = path_of(local, content)
        path.chmod(0o644)
        path.write_bytes(left)
    again = open_store(root)
    for content in (b"one", b"two"):
        # The index says that it was read as it is: it may have reached the disk before.
        found = path_of(local, content).stat()
        times = found.st_mtime_ns, found.st_ctime_ns
        again._index.remember_blob(digest(content), (found.st_ino, found.st_size, *times))
        assert not again.check_blob(digest(content), 3)
    again.close()


def test_an_entry_that_never_reached_the_disk_is_seen(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    made = record(local, 1)
    path = next(root.glob("entries/*/*.json"))
    path.chmod(0o644)
    for left in (b"", b"\0" * path.stat().st_size):
        path.write_bytes(left)
        assert local.get_entry(made.key) is None
        record(local, 1)


def test_a_clone_is_ingested_by_what_it_holds(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a reflink does, on a file system that has none; the source changes meanwhile.
    source = tmp_path / "source"
    source.write_bytes(BIG)

    def clone(_: int, target: int) -> bool:
        write_all(target, BIG)
        os.lseek(target, 0, os.SEEK_SET)
        source.write_bytes(b"changed")
        return True

    monkeypatch.setattr(blob_module, "reflink", clone)
    found = local.ingest_file(source)
    assert (found.digest, found.size) == (digest(BIG), len(BIG))
    assert local.read_blob(found.digest) == BIG


def test_a_file_that_grows_while_it_is_read_is_what_was_read(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"one")
    read = os.read
    grown: list[int] = []

    def read_and_grow(descriptor: int, count: int) -> bytes:
        data = read(descriptor, count)
        if not grown:
            grown.append(1)
            with source.open("ab") as file:
                file.write(b"two")
        return data

    monkeypatch.setattr(os, "read", read_and_grow)
    found = local.ingest_file(source)
    monkeypatch.undo()
    assert (found.digest, found.size) == (digest(b"onetwo"), 6)
    assert local.read_blob(found.digest) == b"onetwo"


def test_the_blob_that_is_there_stays(local: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"one")
    local.ingest_bytes(b"one")
    inode = path_of(local, b"one").stat().st_ino
    local.ingest_bytes(b"one")
    local.ingest_file(tmp_path / "source")
    assert path_of(local, b"one").stat().st_ino == inode


def test_an_old_blob_that_is_ingested_again_is_young_again(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.ingest_bytes(b"one")
    age(path_of(local, b"one"), 7200)
    assert local.check_blob(digest(b"one"), 3)
    local.ingest_bytes(b"one")
    # Its times changed, and that is no reason to read it.
    monkeypatch.setattr(blob_module, "digest_descriptor", None)
    assert local.check_blob(digest(b"one"), 3)
    monkeypatch.undo()
    local.gc(0)
    assert local.check_blob(digest(b"one"), 3)


def test_an_old_blob_that_vanishes_as_it_is_ingested_again_is_written(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.ingest_bytes(b"one")
    age(path_of(local, b"one"), 7200)
    assert local.check_blob(digest(b"one"), 3)

    def collected(path: Path) -> None:
        Path(path).unlink()
        raise FileNotFoundError

    monkeypatch.setattr(os, "utime", collected)
    local.ingest_bytes(b"one")
    assert local.check_blob(digest(b"one"), 3)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ENOSPC, StoreFullError),
        (errno.EDQUOT, StoreFullError),
        (errno.EROFS, StoreReadOnlyError),
        (errno.EACCES, StoreReadOnlyError),
        (errno.EPERM, StoreReadOnlyError),
        (errno.EIO, StoreError),
    ],
)
@pytest.mark.parametrize("call", ["write", "fchmod"])
def test_a_write_that_fails_leaves_no_blob_no_entry_and_no_rest(
    local: LocalStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    code: int,
    expected: type[StoreError],
) -> None:
    (tmp_path / "source").write_bytes(b"two")
    local.ingest_bytes(b"one")
    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing(code))
        for write in (
            lambda: local.ingest_file(tmp_path / "source"),
            lambda: local.ingest_bytes(b"two"),
            lambda: local.publish(entry(1, b"one")),
        ):
            with pytest.raises(expected) as caught:
                write()
            assert type(caught.value) is expected
    assert leftovers(local) == []
    assert not local.check_blob(digest(b"two"), 3)
    assert local.get_entry(key(1)) is None
    assert record(local, 1, b"one", b"two") == local.get_entry(key(1))


@pytest.mark.parametrize("large", [False, True])
def test_a_blob_that_the_disk_did_not_take_is_none(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    # A network file system may say so only then.
    content = BIG if large else b"one"
    with monkeypatch.context() as patched:
        close = os.close

        def close_badly(descriptor: int) -> None:
            close(descriptor)
            raise OSError(errno.EIO, "not written")

        if large:
            patched.setattr(os, "fsync", failing(errno.EIO))
        else:
            patched.setattr(os, "close", close_badly)
        with pytest.raises(StoreError):
            local.ingest_bytes(content)
    assert leftovers(local) == []
    assert not local.check_blob(digest(content), len(content))


def test_reading_without_permission_does_not_make_a_store_read_only() -> None:
    with pytest.raises(StoreError) as caught, reading("read"):
        raise PermissionError(errno.EACCES, "no")
    assert type(caught.value) is StoreError
    with pytest.raises(StoreReadOnlyError), writing("write"):
        raise PermissionError(errno.EACCES, "no")


def test_a_short_write_is_continued(local: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:1000]))
    local.ingest_bytes(BIG[:4321])
    monkeypatch.undo()
    assert local.read_blob(digest(BIG[:4321])) == BIG[:4321]


# reading regular files


def test_a_file_that_grows_past_the_limit_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_regular(path, 5) == b"12345"
    with pytest.raises(NotRegularError):
        read_regular(path, 4)
    monkeypatch.setattr(os, "read", lambda _, count: b"x" * count)
    with pytest.raises(NotRegularError):
        read_regular(path, 5)


def test_hash_file_says_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(OSError, match="not a regular file") as caught:
            hash_file(path)
        assert caught.value.errno == errno.EINVAL
    with pytest.raises(FileNotFoundError):
        hash_file(tmp_path / "missing")
    (tmp_path / "file").write_bytes(b"one")
    with pytest.raises(FileNotFoundError):
        hash_file(tmp_path / "file" / "below")
    (tmp_path / "link").symlink_to("file")
    assert hash_file(tmp_path / "link").digest == digest(b"one")


def test_a_file_that_may_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "open", failing(errno.EACCES))
    with pytest.raises(PermissionError):
        hash_file(tmp_path / "file")
