"""Copies of files that share their bytes on disk where the file system can."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from typing import Final

from cwl_memo.store.regular import write_all

__all__ = ["DirectWriter", "copy_descriptor", "reflink"]

_BUFFER: Final = 1 << 20
_FICLONE: Final = 0x40049409
"""``ioctl`` of Linux that makes a file share all bytes of another."""

_DIRECT: Final = getattr(os, "O_DIRECT", 0)

# A file system, a kernel or a sandbox that cannot: everything else is a real failure.
_CANNOT: Final = frozenset(
    {
        errno.EXDEV,
        errno.EOPNOTSUPP,
        errno.ENOTSUP,
        errno.EINVAL,
        errno.ENOSYS,
        errno.EPERM,
        errno.ENOTTY,
    }
)


_LARGE: Final = 8 << 20
"""Bytes from which on a new file is written past the system's cache."""

_BLOCK: Final = 4096
"""No file system asks for larger blocks when its cache is passed by."""


class DirectWriter:
    """Writes a new file past the system's cache where that can be.

    Nobody reads a blob soon after it was written, and to find memory for it costs more
    than the writing. Linux has ``O_DIRECT``; whatever it refuses is written as usual.

    :param descriptor: of the file, empty.
    :param size: bytes that it will about have.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._is_direct = size >= _LARGE and self._ask(_DIRECT)

    def _ask(self, flag: int) -> bool:
        flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL) & ~_DIRECT
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags | flag)
        except OSError:
            return False
        return flag != 0

    def write(self, data: memoryview) -> None:
        """Write all of a part of the file."""
        if self._is_direct and len(data) % _BLOCK:
            self._is_direct = self._ask(0)  # the end of the file
        while self._is_direct and data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                self._is_direct = self._ask(0)
        write_all(self._descriptor, data)


def reflink(source: int, target: int) -> bool:
    """Make an empty open file share the bytes of another; False where that cannot be."""
    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in _CANNOT:
            return False
        raise
    return True


def copy_descriptor(source: int, target: int, size: int) -> int:
    """Copy an open file into an empty one; return how many bytes there were.

    ``copy_file_range`` reflinks by itself on xfs and btrfs, and spares the way through
    this process elsewhere.
    """
    copied = _copy_in_kernel(source, target, size)
    while data := os.read(source, _BUFFER):
        write_all(target, data)
        copied += len(data)
    return copied


def _copy_in_kernel(source: int, target: int, size: int) -> int:
    copied = 0
    # Not there on macOS.
    copy_file_range = getattr(os, "copy_file_range", None)
    while copy_file_range is not None and copied < size:
        try:
            count = copy_file_range(source, target, size - copied)
        except OSError as error:
            if error.errno in _CANNOT:
                break
            raise
        if not count:
            break
        copied += count
    return copied
