"""Regular files, opened so that nothing else can be mistaken for one.

Somebody may have put a symlink, a pipe or a directory where a file of the store should
be: it is neither followed nor waited for.
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = [
    "NotRegularError",
    "is_regular",
    "open_regular",
    "parts_of",
    "read_regular",
    "remove_file",
    "write_all",
]

_PART: Final = 1 << 20
"""Bytes that are read at once."""

_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC
# What open(2) says with O_NOFOLLOW of a symlink, and of a socket.
_NOT_REGULAR: Final = frozenset({errno.ELOOP, errno.EMLINK, errno.ENXIO})


class NotRegularError(OSError):
    """Something other than a regular file stands at a path, or a file is far too large."""


class open_regular:  # noqa: N801  (used as a function is)
    """Open a regular file for a block, which gets its descriptor.

    :param follow: whether a symlink is followed.
    :raises NotRegularError: on entry, if anything else stands there.
    :raises FileNotFoundError: on entry, if nothing does.
    """

    __slots__ = ("_descriptor", "_flags", "_path")

    def __init__(self, path: str | Path, flags: int = os.O_RDONLY, *, follow: bool = False) -> None:
        # O_NONBLOCK: opening a pipe would otherwise wait for its other end.
        self._flags = flags | (_FLAGS if follow else _FLAGS | os.O_NOFOLLOW)
        self._path = path

    def __enter__(self) -> int:
        """Return the descriptor of the open file."""
        path = self._path
        try:
            self._descriptor = os.open(path, self._flags, 0o600)
        except OSError as error:
            if error.errno in _NOT_REGULAR or isinstance(error, IsADirectoryError):
                raise NotRegularError(errno.EINVAL, "not a regular file", str(path)) from error
            if isinstance(error, NotADirectoryError):
                raise FileNotFoundError(errno.ENOENT, "no such file", str(path)) from error
            raise
        try:
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                raise NotRegularError(errno.EINVAL, "not a regular file", str(path))
        except BaseException:
            os.close(self._descriptor)
            raise
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_regular(path: str | Path, limit: int) -> bytes:
    """Return the bytes of a regular file of at most ``limit`` bytes.

    :raises NotRegularError: if it is anything else, or larger.
    :raises FileNotFoundError: if it is not there.
    """
    with open_regular(path) as descriptor:
        if os.fstat(descriptor).st_size > limit:
            raise NotRegularError(errno.EFBIG, "larger than it can be", str(path))
        parts = []
        # One more than allowed, so that a file that grows meanwhile is noticed.
        left = limit + 1
        while left and (part := os.read(descriptor, min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
        if not left:
            raise NotRegularError(errno.EFBIG, "larger than it can be", str(path))
        return b"".join(parts)


def parts_of(descriptor: int) -> Iterator[memoryview]:
    """Yield what an open file holds from here on, part by part.

    The parts of a large file are in the same memory, one after the other, and begin where
    a page of it does, as writing past the system's cache asks for.
    """
    if os.fstat(descriptor).st_size < _PART:
        while data := os.read(descriptor, _PART):
            yield memoryview(data)
        return
    with mmap.mmap(-1, _PART) as memory, memoryview(memory) as view:
        while count := os.readv(descriptor, [view]):
            with view[:count] as part:
                yield part


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of ``data``, however often the kernel takes only a part."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def is_regular(path: Path) -> os.stat_result | None:
    """Return the ``stat`` of a regular file; None where something else, or nothing, stands."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def remove_file(path: Path) -> bool:
    """Remove a file, but none that stands behind a link; return whether there was one.

    :raises IsADirectoryError: if it is a directory.
    """
    if path.parent.is_symlink() or not os.path.lexists(path):
        return False
    if stat.S_ISDIR(path.lstat().st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.unlink(missing_ok=True)
    return True
