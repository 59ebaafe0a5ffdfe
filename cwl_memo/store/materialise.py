"""Materialise: a blob appears as a new file somewhere else."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cwl_memo.core.digest import Digest, digest_of_bytes
from cwl_memo.core.mode import Mode
from cwl_memo.errors import StoreDamagedError
from cwl_memo.store.copying import copy_descriptor
from cwl_memo.store.failure import reading
from cwl_memo.store.permission import set_mode
from cwl_memo.store.protocol import SMALL
from cwl_memo.store.regular import NotRegularError, open_regular, read_regular, write_all

__all__ = ["copy_blob", "copy_small_blob", "link_blob", "write_blob"]

# The target is on another file system, or this one has no links, or not so many.
_NO_LINK: Final = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS}
)


def link_blob(blob: Path, target: Path) -> bool:
    """Make ``target`` a read-only hard link to a blob; False where that cannot be."""
    with reading(f"materialise {target}"):
        try:
            os.link(blob, target, follow_symlinks=False)
        except OSError as error:
            if error.errno in _NO_LINK:
                return False
            raise
    return True


def copy_blob(blob: Path, target: Path, mode: Mode) -> None:
    """Make ``target`` a file of its own with a blob's bytes, by reflink or by copy.

    :raises StoreDamagedError: if the blob is gone.
    """
    with reading(f"materialise {target}"):
        try:
            with open_regular(blob) as source:
                size = os.fstat(source).st_size
                _copy(source, target, size, mode)
        except NotRegularError as error:
            raise StoreDamagedError(f"{blob}: {error}") from error


def copy_small_blob(blob: Path, digest: Digest, target: Path, mode: Mode) -> None:
    """Make ``target`` a file of its own with a blob's bytes, of which nothing is known.

    :raises StoreDamagedError: if the blob is gone, or its bytes are not those of its name.
    """
    with reading(f"materialise {target}"):
        try:
            data = read_regular(blob, SMALL)
        except NotRegularError as error:
            raise StoreDamagedError(f"{blob}: {error}") from error
        if digest_of_bytes(data) != digest:
            raise StoreDamagedError(f"{blob}: its bytes are not those of its name")
    write_blob(data, target, mode)


def write_blob(data: bytes, target: Path, mode: Mode) -> None:
    """Make ``target`` a file of its own with the bytes of a blob."""
    with reading(f"materialise {target}"), _new_file(target, mode) as descriptor:
        write_all(descriptor, data)


def _copy(source: int, target: Path, size: int, mode: Mode) -> None:
    with _new_file(target, mode) as descriptor:
        copied = copy_descriptor(source, descriptor, size)
        _check_arrival(target, size, copied, os.fstat(descriptor).st_size)


@contextmanager
def _new_file(target: Path, mode: Mode) -> Iterator[int]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(target, flags, mode.asked)
    try:
        yield descriptor
        set_mode(descriptor, mode)
    except BaseException:
        # Half a file must not be taken for a result.
        with contextlib.suppress(OSError):
            target.unlink()
        raise
    finally:
        os.close(descriptor)


def _check_arrival(target: Path, *sizes: int) -> None:
    if len(set(sizes)) != 1:
        raise StoreDamagedError(f"{target}: another number of bytes arrived: {sizes}")
