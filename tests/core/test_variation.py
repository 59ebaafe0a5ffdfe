"""What is known to vary in files."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile

import pytest

from cwl_memo.core import variation
from cwl_memo.core.variation import first_difference, known_variation


def variation_of(old: bytes, new: bytes) -> str:
    return known_variation(io.BytesIO(old), io.BytesIO(new))


def offset(old: bytes, new: bytes) -> int | None:
    return first_difference(io.BytesIO(old), io.BytesIO(new))


def gz(data: bytes, when: int = 0, level: int = 9, name: str = "") -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(name, "wb", level, packed, when) as file:
        file.write(data)
    return packed.getvalue()


def sam(*header: str, reads: str = "r1\t0\n") -> bytes:
    return "".join(f"{line}\n" for line in header).encode() + reads.encode()


def bam(*header: str, reads: bytes = b"\1\2\3") -> bytes:
    text = sam(*header, reads="")
    return gz(b"BAM\1" + struct.pack("<i", len(text)) + text + reads)


def zipped(when: int = 1980, content: bytes = b"x", name: str = "a", comment: bytes = b"") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name, (when, 1, 1, 0, 0, 0)), content)
        archive.comment = comment
    return packed.getvalue()


def tarred(when: int = 0, content: bytes = b"x", mode: int = 0o644, *, link: bool = False) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("a")
        member.size, member.mtime, member.mode = len(content), when, mode
        archive.addfile(member, io.BytesIO(content))
        if link:
            member = tarfile.TarInfo("l")
            member.type, member.linkname = tarfile.SYMTYPE, "nowhere"
            archive.addfile(member)
    return packed.getvalue()


HD, SQ = "@HD\tVN:1.6", "@SQ\tSN:1\tLN:9"
PG1, PG2, RG1, RG2 = "@PG\tCL:x /tmp/a", "@PG\tCL:x /tmp/bcd", "@RG\tID:1", "@RG\tID:2"
GZIP = "its gzip header (time stamp or file name)"
PACKED = "how it is compressed: unpacked, the bytes are the same"
TIMES = "the times of its members"
PDF = b"%PDF-1.4 /CreationDate (D:2026) /ID [<0a><0b>] <xmp:ModifyDate>1<"


@pytest.mark.parametrize(
    ("old", "new", "varies"),
    [
        (b"one", b"two", ""),
        (b"", b"x", ""),
        (gz(b"x", 1), gz(b"x", 2), GZIP),
        (gz(b"x", 1, name="a"), gz(b"x", 1, name="bcd"), GZIP),
        (gz(b"ab" * 999, 1, 1), gz(b"ab" * 999, 2, 9), PACKED),
        (gz(b"x"), gz(b"y"), ""),
        (gz(gz(b"x", 1)), gz(gz(b"x", 2)), ""),
        (gz(b"x")[:-9], gz(b"y")[:-9], ""),
        (sam(HD, SQ, PG1), sam(HD, SQ, PG2), "@PG lines of its header"),
        (sam(HD, RG1, PG1), sam(HD, RG2, PG2), "@PG and @RG lines of its header"),
        (sam(HD, PG1), sam(HD), "@PG lines of its header"),
        (sam(HD, SQ, PG1), sam(HD, PG2), ""),
        (sam(HD, PG1), sam(HD, PG2, reads="r2\n"), ""),
        (sam(SQ, HD), sam(HD, SQ), ""),
        (gz(sam(HD, PG1)), gz(sam(HD, PG2)), "@PG lines of its header"),
        (bam(HD, PG1), bam(HD, PG2), "@PG lines of its header"),
        (bam(HD, RG1), bam(HD, RG2), "@RG lines of its header"),
        (bam(HD, PG1), bam(HD, PG2, reads=b"\4"), ""),
        (bam(HD), bam(HD, SQ), ""),
        (gz(b"BAM\1\xff\xff\xff\xffa"), gz(b"BAM\1\xff\xff\xff\xffb"), ""),
        (zipped(1980), zipped(1990), TIMES),
        (zipped(), zipped(content=b"y"), ""),
        (zipped(1980), zipped(1990, name="b"), ""),
        (zipped(1980), zipped(1990, comment=b"c"), ""),
        (zipped() + b"x", zipped(), ""),
        (tarred(1), tarred(2), TIMES),
        (gz(tarred(1)), gz(tarred(2)), TIMES),
        (tarred(1, link=True), tarred(2, link=True), TIMES),
        (tarred(1, b"x"), tarred(2, b"y"), ""),
        (tarred(1), tarred(2, mode=0o600), ""),
        (tarred(1), tarred(2, link=True), ""),
        (PDF, PDF.replace(b"2026", b"2027"), "its PDF time stamps or document id"),
        (PDF, PDF.replace(b"0a", b"0c"), "its PDF time stamps or document id"),
        (PDF + b"x", PDF + b"y", ""),
    ],
)  # fmt: skip
def test_what_is_known_to_vary_is_named_and_nothing_else_is(
    old: bytes, new: bytes, varies: str
) -> None:
    assert variation_of(old, new) == varies
    assert variation_of(new, old) == varies


def test_a_gzip_header_with_all_that_it_may_have_is_passed_over() -> None:
    body = gz(b"x")[10:]
    fields = struct.pack("<H", 3) + b"abc" + b"name\0" + b"comment\0" + b"\0\0"
    head = b"\x1f\x8b\x08" + bytes([2 | 4 | 8 | 16])
    one, other = (head + time + b"\0\3" + fields + body for time in (b"\1\0\0\0", b"\2\0\0\0"))
    # Its checksum of the header is not looked at by anyone.
    assert variation_of(one, other) == GZIP


def test_what_is_too_large_is_not_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variation, "_IN_MEMORY", 10)
    assert variation_of(PDF, PDF.replace(b"0a", b"0c")) == ""
    assert variation_of(sam(HD, PG1), sam(HD, PG2)) == ""
    assert variation_of(bam(HD, PG1), bam(HD, PG2)) == ""
    monkeypatch.setattr(variation, "AT_MOST", 10)
    monkeypatch.setattr(variation, "_PART", 4)
    assert variation_of(gz(b"x" * 100, 1), gz(b"x" * 100, 2)) == ""


def test_members_of_an_archive_are_held_against_one_another_by_their_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(variation, "_of_member", lambda member: member.filename)
    assert variation_of(zipped(1980), zipped(1990)) == TIMES
    assert variation_of(zipped(1980), zipped(1990, content=b"y")) == ""


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [(b"", b"", None), (b"abc", b"abc", None), (b"abc", b"abd", 2), (b"ab", b"abc", 2),
     (b"abcdefgh", b"abcdefgx", 7), (b"", b"x", 0), (b"abcd", b"abcde", 4)],
)  # fmt: skip
def test_the_first_byte_that_differs_is_found(
    old: bytes, new: bytes, place: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert offset(old, new) == place
    monkeypatch.setattr(variation, "_PART", 4)
    assert offset(old, new) == place
