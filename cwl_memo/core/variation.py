"""Variation: what is known to vary in a file from one execution to the next.

Two files that differ are read for what programs write into them of the time and of their own
command line. The answer explains a difference; it never makes one go away.
"""

from __future__ import annotations

import gzip
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable
from itertools import zip_longest
from typing import IO, Final

__all__ = ["AT_MOST", "first_difference", "known_variation"]

AT_MOST: Final = 256 << 20
"""Bytes of each file, packed or unpacked, that are looked at; of a larger one nothing is known."""

_PART: Final = 1 << 20
_IN_MEMORY: Final = 32 << 20
"""Bytes that are looked at at once."""

_GZIP: Final = b"\x1f\x8b"
_BAM: Final = b"BAM\1"
_SAM: Final = (b"@HD\t", b"@SQ\t", b"@RG\t", b"@PG\t", b"@CO\t")
_VARYING_TAGS: Final = ("@PG", "@RG")
_PDF_TIMES: Final = re.compile(
    rb"/(?:CreationDate|ModDate)\s*\([^)]*\)"
    rb"|/ID\s*\[\s*<[0-9A-Fa-f\s]*>\s*<[0-9A-Fa-f\s]*>\s*\]"
    rb"|<(?:xmp|xap):(?:CreateDate|ModifyDate|MetadataDate)>[^<]*<"
    rb"|<xmpMM:(?:DocumentID|InstanceID)>[^<]*<"
)

_Bytes = IO[bytes] | gzip.GzipFile


class _TooMuchError(Exception):
    """More would have to be read than is worth an explanation."""


def first_difference(old: _Bytes, new: _Bytes) -> int | None:
    """Return the offset of the first byte in which two files differ; None if none does.

    Where one is the beginning of the other, that is the length of the shorter.
    """
    offset = 0
    while True:
        was, now = old.read(_PART), new.read(_PART)
        if was != now:
            pairs = zip(was, now, strict=False)
            place = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
            return offset + (min(len(was), len(now)) if place is None else place)
        if not was:
            return None
        offset += len(was)


def known_variation(old: _Bytes, new: _Bytes) -> str:
    """Return what alone differs between two files, where it is known to vary; else nothing.

    :param old: a file, open at its beginning, in which one can go to and fro.
    :param new: the same, as it was made another time.
    """
    try:
        return _kind(old, new)(old, new)
    except Exception:  # noqa: BLE001  (whatever is in the files: it is only not explained then)
        return ""


def _kind(old: _Bytes, new: _Bytes) -> Callable[[_Bytes, _Bytes], str]:
    heads = [_peek(stream, 512) for stream in (old, new)]

    def both(start: bytes | tuple[bytes, ...], offset: int = 0) -> bool:
        return all(head[offset:].startswith(start) for head in heads)

    if both(_GZIP):
        return _gzip
    if both(_BAM):
        return _bam
    if both(_SAM):
        return _sam
    if both(b"PK\3\4"):
        return _zip
    if both(b"%PDF-"):
        return _pdf
    if both(b"ustar", 257):
        return _tar
    return lambda _old, _new: ""


def _peek(stream: _Bytes, size: int) -> bytes:
    head = stream.read(size)
    stream.seek(0)
    return head


def _same(old: _Bytes, new: _Bytes) -> bool:
    """Tell whether what follows in two streams is equal.

    :raises _TooMuchError: if it is too long to find out.
    """
    count = 0
    while True:
        was, now = old.read(_PART), new.read(_PART)
        if was != now:
            return False
        if not was:
            return True
        count += len(was)
        if count > AT_MOST:
            raise _TooMuchError


# gzip ---------------------------------------------------------------------------------------


def _gzip(old: _Bytes, new: _Bytes) -> str:
    with gzip.GzipFile(fileobj=old) as was, gzip.GzipFile(fileobj=new) as now:
        if not _same(was, now):
            was.seek(0)
            now.seek(0)
            inner = _kind(was, now)
            # What is packed twice is unpacked once.
            return "" if inner is _gzip else inner(was, now)
    old.seek(_header_size(old))
    new.seek(_header_size(new))
    if _same(old, new):
        return "its gzip header (time stamp or file name)"
    return "how it is compressed: unpacked, the bytes are the same"


def _header_size(stream: _Bytes) -> int:
    stream.seek(0)
    head = stream.read(_PART)
    flags, place = head[3], 10
    if flags & 4:
        place += 2 + struct.unpack_from("<H", head, place)[0]
    for flag in (8, 16):  # the name, the comment
        if flags & flag:
            place = head.index(0, place) + 1
    return place + (2 if flags & 2 else 0)


# alignments ---------------------------------------------------------------------------------


def _bam(old: _Bytes, new: _Bytes) -> str:
    headers = []
    for stream in (old, new):
        _, size = struct.unpack("<4si", stream.read(8))
        if not 0 <= size <= _IN_MEMORY:
            raise _TooMuchError
        headers.append(stream.read(size).rstrip(b"\0").splitlines())
    return _varying_tags(*headers) if _same(old, new) else ""


def _sam(old: _Bytes, new: _Bytes) -> str:
    headers = []
    for stream in (old, new):
        lines: list[bytes] = []
        size = place = 0
        while (line := stream.readline(_PART)).startswith(b"@"):
            lines.append(line.rstrip(b"\r\n"))
            size += len(line)
            place += len(line)
            if size > _IN_MEMORY:
                raise _TooMuchError
        stream.seek(place)
        headers.append(lines)
    return _varying_tags(*headers) if _same(old, new) else ""


def _varying_tags(old: list[bytes], new: list[bytes]) -> str:
    def of(lines: list[bytes], *tags: str) -> list[bytes]:
        return [line for line in lines if line[:3].decode("ascii", "replace") in tags]

    def without(lines: list[bytes]) -> list[bytes]:
        varying = of(lines, *_VARYING_TAGS)
        return [line for line in lines if line not in varying]

    if without(old) != without(new):
        return ""
    tags = [tag for tag in _VARYING_TAGS if of(old, tag) != of(new, tag)]
    return f"{' and '.join(tags)} lines of its header" if tags else ""


# archives -----------------------------------------------------------------------------------


def _zip(old: _Bytes, new: _Bytes) -> str:
    with zipfile.ZipFile(old) as was, zipfile.ZipFile(new) as now:
        if was.comment != now.comment:
            return ""
        varies = False
        for before, after in zip_longest(was.infolist(), now.infolist()):
            if before is None or after is None or _of_member(before) != _of_member(after):
                return ""
            with was.open(before) as one, now.open(after) as other:
                if not _same(one, other):
                    return ""
            varies |= (before.date_time, before.extra) != (after.date_time, after.extra)
        return "the times of its members" if varies else ""


def _of_member(member: zipfile.ZipInfo) -> tuple[object, ...]:
    return (
        member.filename,
        member.file_size,
        member.CRC,
        member.compress_type,
        member.external_attr,
        member.comment,
    )


def _tar(old: _Bytes, new: _Bytes) -> str:
    with tarfile.open(fileobj=old, mode="r:") as was, tarfile.open(fileobj=new, mode="r:") as now:
        varies = False
        for before, after in zip_longest(was, now):
            if before is None or after is None:
                return ""
            one, other = (
                {k: v for k, v in member.get_info().items() if k not in ("mtime", "chksum")}
                for member in (before, after)
            )
            if one != other:
                return ""
            # A link leads to another member, which has its own turn.
            content, again = (
                archive.extractfile(member) if member.isreg() else None
                for archive, member in ((was, before), (now, after))
            )
            if content and again and not _same(content, again):
                return ""
            varies |= before.mtime != after.mtime
        return "the times of its members" if varies else ""


# documents ----------------------------------------------------------------------------------


def _pdf(old: _Bytes, new: _Bytes) -> str:
    texts = []
    for stream in (old, new):
        data = stream.read(_IN_MEMORY + 1)
        if len(data) > _IN_MEMORY:
            raise _TooMuchError
        texts.append(_PDF_TIMES.sub(b"", data))
    return "its PDF time stamps or document id" if texts[0] == texts[1] else ""
