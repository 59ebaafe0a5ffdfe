"""How blobs leave the store: reflinks, copies and hard links."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.mode import Mode
from cwl_memo.errors import (
    StoreDamagedError,
    StoreError,
    StoreFullError,
)
from cwl_memo.store import blob as blob_module
from cwl_memo.store import copying, materialise
from cwl_memo.store.local import LocalStore
from cwl_memo.store.materialise import copy_small_blob
from cwl_memo.store.protocol import SMALL
from cwl_memo.store.regular import write_all
from tests.store.example import digest, failing, path_of

BIG = os.urandom(3 * (1 << 20) + 5)


# copies


def test_a_reflink_that_cannot_be_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = os.open(tmp_path / "source", os.O_RDWR | os.O_CREAT)
    target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    try:
        monkeypatch.setattr("fcntl.ioctl", failing(errno.EOPNOTSUPP))
        assert not copying.reflink(source, target)
        monkeypatch.setattr("fcntl.ioctl", failing(errno.ENOSPC))
        with pytest.raises(OSError, match="No space"):
            copying.reflink(source, target)
        monkeypatch.setattr("fcntl.ioctl", lambda *_: 0)
        assert copying.reflink(source, target) is (sys.platform == "linux")
        monkeypatch.setattr(sys, "platform", "darwin")
        assert not copying.reflink(source, target)
    finally:
        os.close(source)
        os.close(target)


def _gives_up_half_way(source: int, target: int, count: int) -> int:
    if os.lseek(target, 0, os.SEEK_CUR):
        raise OSError(errno.EXDEV, "other file system")
    write_all(target, os.read(source, 1000))
    return 1000


@pytest.mark.parametrize(
    "copy_file_range",
    [
        None,
        failing(errno.EXDEV),
        failing(errno.EOPNOTSUPP),
        failing(errno.EINVAL),
        failing(errno.ENOSYS),
        lambda *_: 0,
        _gives_up_half_way,
    ],
    ids=["absent", "exdev", "eopnotsupp", "einval", "enosys", "nothing", "half way"],
)
def test_a_copy_is_whole_whatever_the_kernel_can(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copy_file_range: Any
) -> None:
    local.ingest_bytes(BIG)
    monkeypatch.setattr(os, "copy_file_range", copy_file_range, raising=False)
    local.materialise(digest(BIG), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == BIG


def test_a_copy_that_the_kernel_makes_in_parts_is_whole(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_parts(source: int, target: int, count: int) -> int:
        data = os.read(source, min(count, 700_001))
        write_all(target, data)
        return len(data)

    local.ingest_bytes(BIG)
    monkeypatch.setattr(os, "copy_file_range", in_parts, raising=False)
    local.materialise(digest(BIG), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == BIG


@pytest.mark.parametrize(
    ("code", "expected"), [(errno.ENOSPC, StoreFullError), (errno.EIO, StoreError)]
)
def test_a_copy_that_fails_leaves_no_half_file(
    local: LocalStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    expected: type[StoreError],
) -> None:
    local.ingest_bytes(BIG)
    monkeypatch.setattr(os, "copy_file_range", failing(code), raising=False)
    with pytest.raises(expected):
        local.materialise(digest(BIG), tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_copy_of_another_size_is_not_delivered(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.ingest_bytes(BIG)
    monkeypatch.setattr(materialise, "copy_descriptor", lambda *_: len(BIG))
    with pytest.raises(StoreDamagedError):
        local.materialise(digest(BIG), tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_blob_that_becomes_something_else_is_not_copied(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = local.ingest_bytes(b"one")
    monkeypatch.setattr(local._blobs, "check", lambda _: True)
    path_of(local, b"one").unlink()
    path_of(local, b"one").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreDamagedError):
        local.materialise(found, tmp_path / "target")


# hard links


def test_a_hard_link_shares_the_blob_and_cannot_be_written(
    local: LocalStore, tmp_path: Path
) -> None:
    local.ingest_bytes(b"one")
    local.materialise(digest(b"one"), tmp_path / "target", hardlink=True)
    assert (tmp_path / "target").samefile(path_of(local, b"one"))
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o444


def test_an_executable_is_never_a_hard_link(local: LocalStore, tmp_path: Path) -> None:
    local.ingest_bytes(b"#!one")
    local.materialise(
        digest(b"#!one"), tmp_path / "target", mode=Mode(executable=True), hardlink=True
    )
    assert not (tmp_path / "target").samefile(path_of(local, b"#!one"))


def test_a_hard_link_does_not_cost_a_reading_of_the_blob(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.ingest_bytes(b"one")
    monkeypatch.setattr(blob_module, "digest_descriptor", None)
    for number in range(3):
        local.materialise(digest(b"one"), tmp_path / str(number), hardlink=True)
    assert local.check_blob(digest(b"one"), 3)


def test_writing_through_a_hard_link_is_noticed(local: LocalStore, tmp_path: Path) -> None:
    local.ingest_bytes(b"one")
    target = tmp_path / "target"
    local.materialise(digest(b"one"), target, hardlink=True)
    target.chmod(0o644)
    target.write_bytes(b"two")
    assert not local.check_blob(digest(b"one"), 3)
    assert target.read_bytes() == b"two"


def test_a_change_while_a_link_is_made_is_not_believed(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.ingest_bytes(b"one")
    link = os.link

    def link_and_change(source: Path, target: Path, **options: Any) -> None:
        link(source, target, **options)
        Path(source).chmod(0o644)
        Path(source).write_bytes(b"two")

    monkeypatch.setattr(os, "link", link_and_change)
    local.materialise(digest(b"one"), tmp_path / "target", hardlink=True)
    assert not local.check_blob(digest(b"one"), 3)


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP])
def test_where_no_link_can_be_there_is_a_copy(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    local.ingest_bytes(b"one")
    monkeypatch.setattr(os, "link", failing(code))
    local.materialise(digest(b"one"), tmp_path / "target", hardlink=True)
    assert (tmp_path / "target").read_bytes() == b"one"


def test_a_blob_gone_as_it_is_linked_is_told(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.ingest_bytes(b"one")
    monkeypatch.setattr(local._blobs, "check", lambda _: True)
    path_of(local, b"one").unlink()
    with pytest.raises(StoreError):
        local.materialise(digest(b"one"), tmp_path / "target", hardlink=True)
    assert not (tmp_path / "target").exists()


def test_a_small_blob_is_held_against_its_name_as_it_is_copied(
    local: LocalStore, tmp_path: Path
) -> None:
    name = local.ingest_bytes(b"one")
    blob = path_of(local, b"one")
    copy_small_blob(blob, name, tmp_path / "copy", Mode(executable=True))
    assert (tmp_path / "copy").read_bytes() == b"one"
    assert os.access(tmp_path / "copy", os.X_OK)
    blob.chmod(0o644)
    for changed in (b"two", b"", b"x" * (SMALL + 1)):
        blob.write_bytes(changed)
        with pytest.raises(StoreDamagedError):
            copy_small_blob(blob, name, tmp_path / "other", Mode())
    blob.unlink()
    with pytest.raises(StoreError):
        copy_small_blob(blob, name, tmp_path / "other", Mode())
    assert not (tmp_path / "other").exists()


# past the system's cache

LARGE = os.urandom(8 << 20)


@pytest.mark.parametrize("extra", [0, 1, 4095, 4096, 5000, (1 << 20) + 1])
def test_a_large_file_is_taken_in_whole(local: LocalStore, tmp_path: Path, extra: int) -> None:
    content = LARGE + BIG[:extra]
    (tmp_path / "source").write_bytes(content)
    found = local.ingest_file(tmp_path / "source")
    assert (found.digest, found.size) == (digest(content), len(content))
    assert path_of(local, content).read_bytes() == content


@pytest.mark.parametrize("refuses", ["flag", "write", "parts"])
def test_a_file_system_that_refuses_is_written_to_as_usual(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: str
) -> None:
    content = LARGE + b"the end"
    (tmp_path / "source").write_bytes(content)
    write, ask = os.write, fcntl.fcntl
    direct = getattr(os, "O_DIRECT", 0)
    refused = []

    def is_direct(descriptor: int) -> bool:
        return bool(ask(descriptor, fcntl.F_GETFL) & direct)

    def write_badly(descriptor: int, data: Any) -> int:
        if is_direct(descriptor):
            if refuses == "write":
                refused.append(len(data))
                raise OSError(errno.EINVAL, "not like this")
            if refuses == "parts" and len(data) > 8192:
                data = data[:8192]
        return write(descriptor, data)

    def ask_badly(descriptor: int, command: int, value: int = 0) -> int:
        if refuses == "flag" and command == fcntl.F_SETFL and value & direct:
            refused.append(value)
            raise OSError(errno.EINVAL, "not here")
        return ask(descriptor, command, value)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write_badly)
        patched.setattr(fcntl, "fcntl", ask_badly)
        found = local.ingest_file(tmp_path / "source")
    assert path_of(local, content).read_bytes() == content
    assert found.digest == digest(content)
    if direct and refuses != "parts":
        assert len(refused) == 1


def test_a_full_disk_is_told_of_a_large_file_too(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").write_bytes(LARGE)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", failing(errno.ENOSPC))
        with pytest.raises(StoreFullError):
            local.ingest_file(tmp_path / "source")
    assert list(Path(local.location, "tmp").iterdir()) == []
