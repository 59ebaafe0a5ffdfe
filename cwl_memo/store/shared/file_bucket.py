"""Objects as files of a directory that several machines mount.

Not by obstore: what stands there may be put there by anybody who may write to the directory.
A link is not followed, a pipe not waited for, and each failure has its errno. Nor need a
cluster install anything for it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from cwl_memo.errors import (
    StoreDamagedError,
    StoreError,
    StoreUnavailableError,
    StoreUnreadableError,
    UsageError,
)
from cwl_memo.store.compressed import Reader
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.regular import (
    NotRegularError,
    is_regular,
    open_regular,
    read_regular,
    write_all,
)
from cwl_memo.store.shared.bucket import ObjectMeta
from cwl_memo.store.shared.layout import LEASES, MARKER, PROBES

__all__ = ["FileBucket", "open_files"]

_PART: Final = 1 << 20
_TMP: Final = ".cwl-memo-tmp"
"""The folder of what is being written; no object."""

_IN_TMP: Final = re.compile(r"[0-9a-f]{32}(?:\.clock)?")
"""Names of the files in it; whatever has another is not ours."""

_ABANDONED: Final = 24 * 3600.0
"""Seconds after which what nobody writes to any more is nobody's."""

_BEFORE_MARKER: Final = frozenset({_TMP, PROBES.rstrip("/"), LEASES.rstrip("/")})
"""What others may have put into a new store before its marker."""

_DEEPEST: Final = 5
"""Names in the longest name of an object: that of a part of a blob that is set aside."""

_OF_SYSTEM: Final = frozenset({"lost+found", ".snapshot", ".snapshots", ".zfs"})
"""What file systems themselves put into a directory that is empty."""


def open_files(url: str) -> FileBucket:
    """Return the objects in the directory of a ``file://`` URL; it need not exist.

    :raises UsageError: if the URL names another machine, or no absolute path.
    """
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.netloc not in {"", "localhost"} or not path.startswith("/") or "\0" in path:
        raise UsageError(f"{url} cannot be used as a shared store: write it as file:///path")
    return FileBucket(url, Path(path))


_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EOPNOTSUPP})
"""What file systems say that know no hard links."""

_NO_FOLDER: Final = frozenset({errno.ELOOP, errno.EMLINK, errno.ENOTDIR})
"""What is said of a link, or a file, where a directory should be."""


class FileBucket:
    """Objects as files.

    :param url: of the directory.
    :param root: the directory.
    """

    def __init__(self, url: str, root: Path) -> None:
        self.url = url
        self._root = root
        self._has_create: bool | None = None
        self._probing = threading.Lock()
        self._looking = threading.Lock()
        self._is_own = False
        self._is_swept = False

    def get(self, name: str, limit: int) -> bytes | None:
        """Return the bytes of an object; None where there is none."""
        with reading(f"read {name}"):
            try:
                return read_regular(self._path(name), limit)
            except FileNotFoundError:
                return None
            except PermissionError as error:
                # That one may not be read says nothing of the others.
                raise StoreUnreadableError(f"{name} cannot be used: {error}") from error
            except NotRegularError as error:
                raise StoreDamagedError(f"{name} cannot be used: {error}") from error

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an object in parts."""
        with reading(f"read {name}"):
            try:
                with open_regular(self._path(name)) as descriptor:
                    while data := os.read(descriptor, _PART):
                        yield data
            except FileNotFoundError:
                raise StoreDamagedError(f"{name} is not there") from None
            except PermissionError as error:
                # That one may not be read says nothing of the others.
                raise StoreUnreadableError(f"{name} cannot be used: {error}") from error
            except NotRegularError as error:
                raise StoreDamagedError(f"{name} cannot be used: {error}") from error

    def head(self, name: str) -> ObjectMeta | None:
        """Return what the file system tells of an object; None where there is none."""
        with reading(f"look at {name}"):
            try:
                found = self._path(name).lstat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return _meta(name, found) if stat.S_ISREG(found.st_mode) else None

    def put(self, name: str, data: bytes, *, create: bool = False) -> bool:
        """Write an object, whole or not at all."""
        if create and not self.has_create():
            if self.head(name) is not None:
                return False
            create = False
        return self._write(name, iter((data,)), create=create)

    def put_file(self, name: str, source: Reader, size: int) -> None:
        """Write an object from an open file."""
        self._write(name, _parts(source, size, name), create=False)

    def _write(self, name: str, parts: Iterator[bytes], *, create: bool) -> bool:
        target = self._path(name)
        with writing(f"write {name}"), self._folder() as folder:
            temporary = secrets.token_hex(16)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            # Who may read it is for the directory and the umask to say: it is shared.
            descriptor = os.open(temporary, flags, 0o666, dir_fd=folder)
            try:
                try:
                    for part in parts:
                        write_all(descriptor, part)
                finally:
                    os.close(descriptor)
                return _place(folder, temporary, target, create=create)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=folder)

    @contextmanager
    def _folder(self) -> Iterator[int]:
        """Open the folder of what is being written, which no link leads to.

        :raises StoreUnavailableError: if the directory is somebody's, and no store.
        """
        # Not what is above: that may be a file system which is not mounted just now.
        self._root.mkdir(exist_ok=True)
        self._need_own()
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        root = os.open(self._root, flags)
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(_TMP, dir_fd=root)
            try:
                folder = os.open(_TMP, flags | os.O_NOFOLLOW, dir_fd=root)
            except OSError as error:
                if error.errno not in _NO_FOLDER:
                    raise
                raise StoreDamagedError(f"{self._root / _TMP} is no directory") from error
        finally:
            os.close(root)
        try:
            if not self._is_swept and self._has_marker():
                self._is_swept = True
                _sweep(folder)
            yield folder
        finally:
            os.close(folder)

    def _need_own(self) -> None:
        """Write nothing into a directory that is not empty and was never a store.

        :raises StoreUnavailableError: if it is one.
        """
        with self._looking:
            if not self._is_own and not self._has_marker():
                names = {*os.listdir(self._root)}  # noqa: PTH208  (only the names)
                # Another may have made it a store since.
                if names - _BEFORE_MARKER - _OF_SYSTEM and not self._has_marker():
                    raise StoreUnavailableError(
                        f"{self._root}: a foreign directory: not empty, and no shared store of "
                        "cwl-memo; nothing in it was touched. Name an empty or a new directory"
                    )
            self._is_own = True

    def _has_marker(self) -> bool:
        return is_regular(self._root / MARKER) is not None

    def list(self, prefix: str = "") -> Iterator[ObjectMeta]:
        """Yield the objects whose names begin so, in no order.

        What is deeper than any object is nobody's, and may be without an end.
        """
        with reading(f"list {prefix or 'the objects'}"):
            yield from self._list(prefix)

    def _list(self, prefix: str) -> Iterator[ObjectMeta]:
        folder = prefix.rpartition("/")[0]
        waiting = [(folder, self._path(folder) if folder else self._root)]
        while waiting:
            folder, path = waiting.pop()
            try:
                items = list(os.scandir(path))
            except (FileNotFoundError, NotADirectoryError):
                continue
            for item in items:
                name = f"{folder}/{item.name}" if folder else item.name
                if name == _TMP:
                    continue
                if item.is_dir(follow_symlinks=False):
                    if f"{name}/".startswith(prefix) and name.count("/") < _DEEPEST - 1:
                        waiting.append((name, Path(item.path)))
                elif name.startswith(prefix):
                    with contextlib.suppress(FileNotFoundError):
                        found = item.stat(follow_symlinks=False)
                        if stat.S_ISREG(found.st_mode):
                            yield _meta(name, found)

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects; those that are not there are no error."""
        for name in names:
            with writing(f"remove {name}"), contextlib.suppress(FileNotFoundError):
                self._path(name).unlink()

    def path_of(self, name: str) -> Path | None:
        """Return where an object is."""
        return self._path(name)

    def has_create(self) -> bool:
        """Tell whether of several that create an object only one succeeds; probed once."""
        with self._probing:
            if self._has_create is None:
                name = f"{PROBES}{secrets.token_hex(16)}"
                try:
                    first = self._write(name, iter((b"1",)), create=True)
                    self._has_create = first and not self._write(name, iter((b"2",)), create=True)
                except StoreError as error:
                    cause = error.__cause__
                    if not isinstance(cause, OSError) or cause.errno not in _NO_LINKS:
                        raise
                    self._has_create = False
                finally:
                    with contextlib.suppress(StoreError):
                        self.delete([name])
            return self._has_create

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _path(self, name: str) -> Path:
        parts = name.split("/")
        if not all(parts) or {".", ".."} & {*parts} or "\0" in name or parts[0] == _TMP:
            raise StoreError(f"not the name of an object: {name[:200]!r}")
        path = self._root
        for part in parts:
            path /= part
            if path.is_symlink():
                raise StoreDamagedError(f"a link stands where {name} should be")
        return path


def _place(folder: int, temporary: str, target: Path, *, create: bool) -> bool:
    """Give a finished file its name; return whether it has it."""
    try:
        return _name(folder, temporary, target, create=create)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        return _name(folder, temporary, target, create=create)


def _name(folder: int, temporary: str, target: Path, *, create: bool) -> bool:
    if not create:
        os.replace(temporary, target, src_dir_fd=folder)
        return True
    try:
        # One system call decides who is first, on network file systems too.
        os.link(temporary, target, src_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    return True


def _sweep(folder: int) -> None:
    """Remove what processes that died have left behind in the folder of what is written."""
    with contextlib.suppress(OSError):
        # The clock is that of the file system: a new file shows what it is.
        clock = f"{secrets.token_hex(16)}.clock"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(clock, flags, 0o600, dir_fd=folder)
        try:
            now = os.fstat(descriptor).st_mtime
        finally:
            os.close(descriptor)
            os.unlink(clock, dir_fd=folder)
        for name in filter(_IN_TMP.fullmatch, os.listdir(folder)):
            with contextlib.suppress(OSError):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISREG(found.st_mode) and found.st_mtime < now - _ABANDONED:
                    os.unlink(name, dir_fd=folder)


def _parts(source: Reader, size: int, name: str) -> Iterator[bytes]:
    left = size
    while left:
        data = source.read(min(left, _PART))
        if not data:
            raise StoreDamagedError(f"what was to become {name} ends too early")
        left -= len(data)
        yield data


def _meta(name: str, found: os.stat_result) -> ObjectMeta:
    tag = f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"
    return ObjectMeta(name, found.st_size, found.st_mtime, tag)
