"""Summaries: what upkeep asks of an entry, small enough to keep of a million."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import Entry

__all__ = ["EntrySummary", "as_stamp", "pack", "summary_of", "unpack"]

_HEAD: Final = struct.Struct("<QqdqII")
_REF: Final = struct.Struct("<32sQ")
_LARGEST: Final = (1 << 63) - 1


class EntrySummary(NamedTuple):
    """What upkeep asks of an entry.

    :param inode: of the file that it was made from. An entry that is recorded anew is
        another file, so a summary with another inode says nothing of it.
    :param used: when the entry was used last, in nanoseconds, or earlier.
    :param seconds: that its job took.
    :param tool: label of its tool.
    :param refs: digest and size of each blob that it needs, packed; those first that its
        outputs and logs need.
    :param kept: of how many blobs its outputs and logs need.
    :param keep_until: seconds since the epoch after which what is intermediate of it
        goes; 0 for never.
    """

    inode: int
    used: int
    seconds: float
    tool: str
    refs: bytes
    kept: int = 0
    keep_until: int = 0

    def blobs(self) -> Iterator[tuple[bytes, int]]:
        """Yield the digest, as 32 bytes, and the size of each blob, each once."""
        return _REF.iter_unpack(self.refs)

    @classmethod
    def of(cls, entry: Entry, inode: int, mtime_ns: int) -> EntrySummary:
        """Return the summary of an entry that has just been written."""
        blobs = ((blob.digest, blob.size) for blob in entry.blobs)
        origin = entry.origin
        return summary_of(
            inode, mtime_ns, origin.seconds, origin.tool, blobs, entry.kept, entry.keep_until or 0
        )


def summary_of(
    inode: int,
    mtime_ns: int,
    seconds: float,
    tool: str,
    blobs: Iterable[tuple[Digest, int]],
    kept: Collection[Digest],
    keep_until: int,
) -> EntrySummary:
    """Return a summary of what an entry's file says.

    :param kept: the blobs that its outputs and logs need.
    """
    sizes = dict(blobs)
    ordered = sorted(sizes, key=lambda digest: digest not in kept)
    refs = b"".join(_REF.pack(bytes.fromhex(d.hex), as_stamp(sizes[d])) for d in ordered)
    count = sum(1 for digest in sizes if digest in kept)
    stamp, until = as_stamp(mtime_ns), as_stamp(keep_until)
    return EntrySummary(inode, stamp, seconds, tool, refs, count, until)


def as_stamp(number: int) -> int:
    """Return the nearest number that a summary can hold; no file system needs others."""
    return min(max(number, 0), _LARGEST)


def pack(summary: EntrySummary) -> bytes:
    """Return a summary as bytes."""
    tool = summary.tool.encode("utf-8", "surrogatepass")
    head = _HEAD.pack(
        summary.inode,
        summary.used,
        summary.seconds,
        summary.keep_until,
        summary.kept,
        len(tool),
    )
    return head + tool + summary.refs


def unpack(data: bytes) -> EntrySummary | None:
    """Return the summary that bytes hold; None where they hold none."""
    try:
        inode, used, seconds, keep_until, kept, length = _HEAD.unpack_from(data)
        start = _HEAD.size + length
        tool = data[_HEAD.size : start].decode("utf-8", "surrogatepass")
    except (struct.error, UnicodeDecodeError):
        return None
    if (len(data) - start) % _REF.size or start > len(data):
        return None
    return EntrySummary(inode, used, seconds, tool, data[start:], kept, keep_until)
