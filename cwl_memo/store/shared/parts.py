"""What says of which parts a large blob is made; hostile until checked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from blake3 import blake3

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import Digest
from cwl_memo.core.field import need
from cwl_memo.errors import FormatError, StoreDamagedError
from cwl_memo.store.failure import reading
from cwl_memo.store.shared import zstd
from cwl_memo.store.shared.layout import ZSTD, part_name

__all__ = ["PARTS_LIMIT", "Part", "Parts", "has_part", "split"]

PARTS_LIMIT: Final = 16 << 20
_FORMAT: Final = 1
_MOST: Final = 100_000
"""Parts that a blob may have: their numbers have five digits."""


class Part(NamedTuple):
    """One part of a blob.

    :param digest: of its bytes.
    :param size: of them.
    :param stored: bytes that it takes in the store.
    """

    digest: Digest
    size: int
    stored: int


@dataclass(frozen=True)
class Parts:
    """The parts of a blob, in their order.

    :param is_compressed: whether each of them is.
    """

    parts: tuple[Part, ...]
    is_compressed: bool

    @classmethod
    def of(cls, parts: Sequence[tuple[str, int, int]], *, is_compressed: bool) -> Parts:
        """Make it of digests in hexadecimal, sizes, and sizes in the store."""
        return cls(tuple(Part(Digest(text), *rest) for text, *rest in parts), is_compressed)

    def name(self, digest: Digest, number: int) -> str:
        """Return the name of the object of a part of a blob."""
        return part_name(digest, number) + (ZSTD if self.is_compressed else "")

    def to_bytes(self) -> bytes:
        """Return what is written."""
        parts = [
            {"digest": str(part.digest), "size": part.size, "stored": part.stored}
            for part in self.parts
        ]
        at = "zstd" if self.is_compressed else "raw"
        return canonical_bytes({"format": _FORMAT, "at": at, "parts": parts})

    @classmethod
    def read(cls, data: bytes, size: int) -> Parts:
        """Read it.

        :param size: of the blob.
        :raises StoreDamagedError: if it is not of such a blob.
        """
        try:
            return cls._from_json(json.loads(data), size)
        except (FormatError, ValueError, RecursionError) as error:
            raise StoreDamagedError(f"the list of a blob's parts is damaged: {error}") from error

    @classmethod
    def _from_json(cls, data: Any, size: int) -> Parts:
        if need(data, "format", int, "") != _FORMAT:
            raise FormatError("of another format", "format")
        at = need(data, "at", str, "")
        raw = need(data, "parts", list, "")
        if at not in {"raw", "zstd"} or not 0 < len(raw) <= _MOST:
            raise FormatError("not the parts of a blob", "parts")
        parts = []
        for i, item in enumerate(raw):
            path = f"parts[{i}]"
            digest = Digest.parse(need(item, "digest", str, path), f"{path}.digest")
            part = Part(digest, need(item, "size", int, path), need(item, "stored", int, path))
            largest = zstd.most(part.size) if at == "zstd" else part.size
            if part.size <= 0 or not 0 < part.stored <= largest:
                raise FormatError("not a size", path)
            parts.append(part)
        if sum(part.size for part in parts) != size:
            raise FormatError("not of the size of the blob", "parts")
        return cls(tuple(parts), at == "zstd")


def split(size: int, part: int) -> Iterator[int]:
    """Yield the sizes of the parts that so many bytes are stored in."""
    while size:
        yield min(size, part)
        size -= min(size, part)


def has_part(descriptor: int, part: Part, content: blake3) -> bool:
    """Read a part that a file may have from here on; return whether it has it.

    :param content: takes in what was read.
    """
    own = blake3()
    left = part.size
    while left:
        with reading("read a blob"):
            data = os.read(descriptor, min(left, 1 << 20))
        if not data:
            return False
        own.update(data)
        content.update(data)
        left -= len(data)
    return own.hexdigest() == part.digest.hex
