"""Copies of files that share their bytes on disk where the file system can."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from typing import Final

from cwl_memo.store.regular import write_all

__all__ = ["copy_descriptor", "reflink"]

_BUFFER: Final = 1 << 20
_FICLONE: Final = 0x40049409
"""``ioctl`` of Linux that makes a file share all bytes of another."""

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
