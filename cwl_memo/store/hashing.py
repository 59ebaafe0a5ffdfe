"""Digests of files, each file read once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from blake3 import blake3

from cwl_memo.core.digest import Digest, digest_of_bytes
from cwl_memo.store.protocol import FileDigest
from cwl_memo.store.regular import open_regular, parts_of

__all__ = ["digest_descriptor", "hash_bytes", "hash_descriptor", "hash_file"]

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


def hash_file(path: Path, *, sha1: bool = True) -> FileDigest:
    """Return the digests of a regular file, reading it once.

    :param sha1: whether the SHA-1 is wanted too, which takes twice as long as the other.
    :raises OSError: if it cannot be read; ``EINVAL`` if it is not a regular file.
    """
    with open_regular(path, follow=True) as descriptor:
        return hash_descriptor(descriptor, sha1=sha1)


def hash_bytes(data: bytes) -> FileDigest:
    """Return the digests of the bytes of a file."""
    sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    return FileDigest(digest_of_bytes(data), len(data), sha1, program=data.startswith(_PROGRAM))


def hash_descriptor(
    descriptor: int, keep: Callable[[memoryview], object] | None = None, *, sha1: bool = True
) -> FileDigest:
    """Return the digests of what an open file holds from here on.

    :param keep: gets the same bytes, part by part, as they are read; each part is there
        until the next one is.
    :param sha1: whether the SHA-1 is wanted too.
    """
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
