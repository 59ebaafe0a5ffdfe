"""Digests of files, each file read once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from blake3 import blake3

from cwl_memo.core.digest import Digest, digest_of_bytes
from cwl_memo.store.protocol import SMALL, FileDigest
from cwl_memo.store.regular import open_regular, parts_of

__all__ = ["digest_descriptor", "hash_bytes", "hash_descriptor", "hash_file", "read_small"]

# "#!", ELF, and the six spellings of Mach-O (two of them fat, one shared with Java).
_PROGRAM: Final = (
    b"#!",
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xca\xfe\xba\xbf",
)


def hash_file(path: str | Path, *, sha1: bool = True) -> FileDigest:
    """Return the digests of a regular file, reading it once.

    :param sha1: whether the SHA-1 is wanted too, which takes twice as long as the other.
    :raises OSError: if it cannot be read; ``EINVAL`` if it is not a regular file.
    """
    with open_regular(path, follow=True) as descriptor:
        return hash_descriptor(descriptor, sha1=sha1)


def hash_bytes(data: bytes, *, sha1: bool = True) -> FileDigest:
    """Return the digests of the bytes of a file.

    :param sha1: whether the SHA-1 is wanted too.
    """
    checksum = hashlib.sha1(data, usedforsecurity=False).hexdigest() if sha1 else ""
    return FileDigest(digest_of_bytes(data), len(data), checksum, data.startswith(_PROGRAM))


def read_small(descriptor: int) -> bytes | None:
    """Return all that a small file holds; None, and nothing read, where it is none."""
    data = os.read(descriptor, SMALL + 1)
    if len(data) <= SMALL and not os.read(descriptor, 1):
        return data
    os.lseek(descriptor, 0, os.SEEK_SET)  # it has grown meanwhile
    return None


def hash_descriptor(
    descriptor: int, keep: Callable[[memoryview], object] | None = None, *, sha1: bool = True
) -> FileDigest:
    """Return the digests of what an open file holds from here on.

    :param keep: gets the same bytes, part by part, as they are read; each part is there
        until the next one is.
    :param sha1: whether the SHA-1 is wanted too.
    """
    if keep is None and os.fstat(descriptor).st_size <= SMALL:
        small = read_small(descriptor)
        if small is not None:
            return hash_bytes(small, sha1=sha1)
    content = blake3()
    checksum = hashlib.sha1(usedforsecurity=False) if sha1 else None
    size = 0
    head = b""
    for data in parts_of(descriptor):
        content.update(data)
        if checksum is not None:
            checksum.update(data)
        if keep is not None:
            keep(data)
        if not size:
            head = bytes(data[:4])
        size += len(data)
    return FileDigest(
        Digest(content.hexdigest()),
        size,
        "" if checksum is None else checksum.hexdigest(),
        program=head.startswith(_PROGRAM),
    )


def digest_descriptor(descriptor: int) -> Digest:
    """Return the content digest alone of an open file: a third of the work of all digests."""
    content = blake3()
    for data in parts_of(descriptor):
        content.update(data)
    return Digest(content.hexdigest())
