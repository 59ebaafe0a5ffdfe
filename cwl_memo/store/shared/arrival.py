"""The bytes of a blob as they arrive: bounded, and held against its size and its digest."""

from __future__ import annotations

from collections.abc import Iterator

from blake3 import blake3

from cwl_memo.core.entry import BlobRef
from cwl_memo.errors import StoreDamagedError
from cwl_memo.store.shared import zstd

__all__ = ["known", "of_size", "unpacked"]


def unpacked(parts: Iterator[bytes], size: int, name: str) -> Iterator[bytes]:
    """Return the bytes that compressed ones stand for, of which there are not endlessly many."""
    return zstd.decompressed(_at_most(parts, zstd.most(size), name), size)


def _at_most(parts: Iterator[bytes], size: int, name: str) -> Iterator[bytes]:
    left = size
    for part in parts:
        left -= len(part)
        if left < 0:
            raise StoreDamagedError(f"{name} is larger than it can be")
        yield part


def of_size(parts: Iterator[bytes], size: int, name: str) -> Iterator[bytes]:
    """Yield parts that are to be so many bytes.

    :param name: of what they are, for people.
    :raises StoreDamagedError: if they are more, or fewer.
    """
    left = size
    for part in _at_most(parts, size, name):
        left -= len(part)
        yield part
    if left:
        raise StoreDamagedError(f"{name} ends too early")


def known(parts: Iterator[bytes], blob: BlobRef) -> Iterator[bytes]:
    """Yield the bytes of a blob.

    :raises StoreDamagedError: in the end, if they are others.
    """
    content = blake3()
    for part in of_size(parts, blob.size, str(blob.digest)):
        content.update(part)
        yield part
    if content.hexdigest() != blob.digest.hex:
        raise StoreDamagedError(f"blob {blob.digest} is not as it was recorded")
