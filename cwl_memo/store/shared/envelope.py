"""Envelopes: an entry as one object, with its small blobs in it; hostile until checked.

::

    {"blobs": [...], "entry": {...}, "format": 1, "signature": {...}}, and the end of the line
    the bytes of the inline blobs, one after the other

Whoever can write to the place can put anything there. What is checked here: sizes before
anything is parsed, the form of every field, that the entry is of the key that was asked for
and this the digest of its fingerprint, that it lists what it needs, and that the inline
bytes are those of their digests. Who wrote it, only a signature tells.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import IO, Any, Final, NamedTuple

from cwl_memo.core.canonical import JSON, canonical_bytes
from cwl_memo.core.digest import Digest, ReuseKey, digest_of_bytes, digest_of_value
from cwl_memo.core.entry import BlobRef, Entry
from cwl_memo.core.field import finite_float, need
from cwl_memo.core.signature import Signature, SigningKey, written_digest
from cwl_memo.errors import FormatError, StoreDamagedError, StoreError
from cwl_memo.store.protocol import SMALL
from cwl_memo.store.shared import zstd

__all__ = [
    "ENVELOPE_LIMIT",
    "Place",
    "Sealed",
    "SharedEntry",
    "Stored",
    "check_head",
    "open_envelope",
    "seal_envelope",
]

_FORMAT: Final = 1
_HEAD_LIMIT: Final = 8 << 20
_INLINE_LIMIT: Final = 1 << 20

ENVELOPE_LIMIT: Final = _HEAD_LIMIT + 1 + _INLINE_LIMIT
"""Bytes that an envelope may have at most."""


class Place(str, Enum):
    """Where the bytes of a blob are."""

    INLINE = "inline"
    """In the envelope of the entry."""
    RAW = "raw"
    """In an object, as they are."""
    ZSTD = "zstd"
    """In an object, compressed."""
    PARTS = "parts"
    """In several objects."""


class Stored(NamedTuple):
    """How a blob is stored.

    :param place: where.
    :param size: bytes that it takes there; of one in parts, of the object that names them.
    """

    place: Place
    size: int


@dataclass(frozen=True)
class SharedEntry:
    """An entry out of its envelope.

    :param entry: whose key, form and references are sound.
    :param stored: how each of its blobs is stored.
    :param inline: the bytes of those that came along, held against their digests.
    :param signature: that somebody put on it, not yet looked at.
    """

    entry: Entry
    stored: Mapping[Digest, Stored]
    inline: Mapping[Digest, bytes]
    signature: Signature | None


@dataclass(frozen=True)
class Sealed:
    """Which blobs of an entry go into its envelope, and their bytes."""

    inline: Mapping[Digest, bytes]
    rest: tuple[BlobRef, ...]

    @classmethod
    def of(cls, entry: Entry, open_blob: Callable[[Digest], IO[bytes]]) -> Sealed:
        """Read the blobs that are to be inline: small ones, as many as an envelope takes.

        :raises StoreDamagedError: if one of them is not as the entry says.
        """
        inline: dict[Digest, bytes] = {}
        rest = []
        room = _INLINE_LIMIT
        for blob in _blobs(entry):
            if blob.size > SMALL or blob.size > room:
                rest.append(blob)
                continue
            with open_blob(blob.digest) as source:
                data = source.read(blob.size + 1)
            if digest_of_bytes(data) != blob.digest:
                raise StoreDamagedError(f"blob {blob.digest} is not as it was recorded")
            inline[blob.digest] = data
            room -= blob.size
        return cls(inline, tuple(rest))


def seal_envelope(
    entry: Entry,
    inline: Mapping[Digest, bytes],
    stored: Mapping[Digest, Stored],
    key: SigningKey | None,
) -> bytes:
    """Return the bytes of an envelope.

    :param inline: the bytes of blobs that go into it.
    :param stored: how the other blobs are stored.
    :param key: signs the entry, if there is one.
    :raises StoreError: if the entry cannot be written, or is too large.
    """
    first, listed = _head(entry, inline, stored, key)
    bodies = (inline[Digest.parse(item["digest"])] for item in listed if item["at"] == "inline")
    return b"".join((first, b"\n", *bodies))


def check_head(entry: Entry, inline: Mapping[Digest, bytes]) -> None:
    """Make sure that an entry is not too large to be shared, before its blobs are sent.

    :raises StoreError: if it is, or cannot be written.
    """
    _head(entry, inline, dict.fromkeys((b.digest for b in entry.blobs), Stored(Place.RAW, 0)), None)


def _head(
    entry: Entry,
    inline: Mapping[Digest, bytes],
    stored: Mapping[Digest, Stored],
    key: SigningKey | None,
) -> tuple[bytes, list[dict[str, Any]]]:
    """Return the first line of an envelope, and what it lists."""
    listed: list[dict[str, Any]] = []
    for blob in _blobs(entry):
        is_inline = blob.digest in inline
        at, size = Stored(Place.INLINE, blob.size) if is_inline else stored[blob.digest]
        listed.append({**blob.to_json(), "at": at.value, "stored": size})
    head: dict[str, Any] = {"format": _FORMAT, "entry": entry.to_json(), "blobs": listed}
    try:
        if key is not None:
            head["signature"] = key.sign(written_digest(entry)).to_json()
        first = canonical_bytes(head)
    except (TypeError, ValueError, RecursionError, FormatError) as error:
        raise StoreError(f"entry {entry.key} cannot be written: {error}") from error
    if len(first) > _HEAD_LIMIT:
        raise StoreError(f"entry {entry.key} cannot be shared: {len(first)} bytes are too many")
    return first, listed


def open_envelope(data: bytes, key: ReuseKey) -> SharedEntry | None:
    """Return what is in an envelope; None where it is of a newer format.

    :param key: that was asked for.
    :raises FormatError: if anything in it is not as it must be.
    """
    end = data.find(b"\n", 0, _HEAD_LIMIT + 1)
    if end < 0:
        raise FormatError("no end of the head")
    head = _parse(data[:end])
    if need(head, "format", int, "") != _FORMAT:
        return None
    entry = _entry(head.get("entry"), key)
    stored = _stored(need(head, "blobs", list, ""), entry)
    inlined = [blob for blob in _blobs(entry) if stored[blob.digest].place is Place.INLINE]
    signature = head.get("signature")
    return SharedEntry(
        entry,
        stored,
        _inline(memoryview(data)[end + 1 :], inlined),
        None if signature is None else Signature.from_json(signature),
    )


def _parse(head: bytes) -> dict[str, JSON]:
    try:
        text = head.decode("utf-8", "surrogatepass")
        parsed = json.loads(text, parse_constant=_refuse, parse_float=finite_float)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"its head is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise FormatError("its head is no object")
    return parsed


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no number of JSON")


def _entry(data: Any, key: ReuseKey) -> Entry:
    try:
        entry = Entry.from_json(data)
        named = digest_of_value("reuse-key", entry.fingerprint).hex
    except (TypeError, ValueError, RecursionError) as error:
        raise FormatError(f"not an entry: {error}", "entry") from error
    if not named == entry.key.hex == key.hex:
        raise FormatError("it is not the entry of its key", "entry")
    whole = {digest for digest in (entry.tree, entry.stdout, entry.stderr) if digest is not None}
    needed = {blob for variant in entry.variants for blob in variant.blobs}
    listed = {*entry.blobs}
    if not whole <= {blob.digest for blob in listed} or not needed <= listed:
        raise FormatError("it needs a blob that it does not list", "entry")
    if len({blob.digest for blob in listed}) != len(listed):
        raise FormatError("a blob of two sizes", "entry.blobs")
    return entry


def _blobs(entry: Entry) -> tuple[BlobRef, ...]:
    """Return the blobs of an entry, each once, in the order in which an envelope has them."""
    return tuple(dict.fromkeys(entry.blobs))


def _stored(listed: list[JSON], entry: Entry) -> Mapping[Digest, Stored]:
    """Return how each blob of an entry is stored."""
    stored: dict[Digest, Stored] = {}
    blobs = _blobs(entry)
    if len(listed) != len(blobs):
        raise FormatError("other blobs than those of the entry", "blobs")
    for i, (item, blob) in enumerate(zip(listed, blobs, strict=True)):
        path = f"blobs[{i}]"
        if BlobRef.from_json(item, path) != blob:
            raise FormatError("another blob than that of the entry", path)
        try:
            place = Place(need(item, "at", str, path))
        except ValueError:
            raise FormatError("unknown place", f"{path}.at") from None
        size: int = need(item, "stored", int, path)
        as_it_is = place in {Place.INLINE, Place.RAW}
        too_much = place is Place.ZSTD and size > zstd.most(blob.size)
        if size < 0 or too_much or (as_it_is and size != blob.size):
            raise FormatError("not its size", f"{path}.stored")
        stored[blob.digest] = Stored(place, size)
    return stored


def _inline(body: memoryview, blobs: Sequence[BlobRef]) -> Mapping[Digest, bytes]:
    if len(body) != sum(blob.size for blob in blobs):
        raise FormatError("its body is not of the size of its blobs")
    inline = {}
    start = 0
    for blob in blobs:
        data = bytes(body[start : start + blob.size])
        start += blob.size
        if digest_of_bytes(data) != blob.digest:
            raise FormatError(f"inline bytes are not those of {blob.digest}")
        inline[blob.digest] = data
    return inline
