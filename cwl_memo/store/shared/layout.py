"""What is where in a shared store: the names of its objects, and its marker.

::

    cwl-memo.json                   that this is a shared store, and of which format
    settings.json                   what holds in the store
    entries/ab/<key>                the envelope of the entry of a reuse key
    blobs/ab/<digest>               the bytes of that digest
    blobs/ab/<digest>.zst           the same, compressed with zstd
    blobs/ab/<digest>.parts/<nnnnn> a part of a large one; <digest>.parts/whole comes last
    tombstones/<key>.<id>           that the entry of a key was taken back, and why
    leases/ab/<key>                 who executes the job of a key now
    probe/<random>                  short-lived
"""

from __future__ import annotations

import contextlib
import json
from typing import Any, Final

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.errors import FormatError, StoreUnavailableError

__all__ = [
    "BLOBS",
    "ENTRIES",
    "FORMAT",
    "LEASES",
    "MARKER",
    "MARKER_LIMIT",
    "PARTS",
    "PROBES",
    "SETTINGS",
    "TOMBSTONES",
    "ZSTD",
    "blob_name",
    "check_marker",
    "digest_of_name",
    "entry_name",
    "key_of_name",
    "lease_name",
    "marker",
    "part_name",
    "tombstone_name",
    "tombstone_of_name",
    "whole_name",
]

FORMAT: Final = 1
"""The format that this program reads and writes."""

MARKER: Final = "cwl-memo.json"
MARKER_LIMIT: Final = 1 << 16
SETTINGS: Final = "settings.json"
ENTRIES: Final = "entries/"
BLOBS: Final = "blobs/"
TOMBSTONES: Final = "tombstones/"
LEASES: Final = "leases/"
PROBES: Final = "probe/"
ZSTD: Final = ".zst"
PARTS: Final = ".parts/"
_WHOLE: Final = "whole"


def entry_name(key: ReuseKey) -> str:
    """Return the name of the envelope of a key's entry."""
    return f"{ENTRIES}{key.hex[:2]}/{key.hex}"


def blob_name(digest: Digest) -> str:
    """Return the name of a blob whose bytes are as they are; others begin with it."""
    return f"{BLOBS}{digest.hex[:2]}/{digest.hex}"


def part_name(digest: Digest, number: int) -> str:
    """Return the name of a part of a large blob, counted from 0."""
    return f"{blob_name(digest)}{PARTS}{number:05}"


def whole_name(digest: Digest) -> str:
    """Return the name of what says that all parts of a large blob are there."""
    return f"{blob_name(digest)}{PARTS}{_WHOLE}"


def lease_name(key: ReuseKey) -> str:
    """Return the name of the lease of a key."""
    return f"{LEASES}{key.hex[:2]}/{key.hex}"


def tombstone_name(key: ReuseKey, tombstone: Digest) -> str:
    """Return the name of one invalidation of a key."""
    return f"{TOMBSTONES}{key.hex}.{tombstone.hex}"


def key_of_name(name: str) -> ReuseKey | None:
    """Return the key that an entry or a lease has by its name; None for other objects."""
    room, _, rest = name.partition("/")
    shard, _, text = rest.partition("/")
    if f"{room}/" in {ENTRIES, LEASES} and text.startswith(shard) and len(shard) == 2:
        with contextlib.suppress(FormatError):
            return ReuseKey(text)
    return None


def digest_of_name(name: str) -> Digest | None:
    """Return the digest of a blob by the name of any of its objects; None for others."""
    if not name.startswith(BLOBS):
        return None
    shard, _, text = name[len(BLOBS) :].partition("/")
    text, dot, suffix = text.partition(".")
    is_known = not dot or f".{suffix}" == ZSTD or f".{suffix}".startswith(PARTS)
    if is_known and text.startswith(shard) and len(shard) == 2:
        with contextlib.suppress(FormatError):
            return Digest(text)
    return None


def tombstone_of_name(name: str) -> tuple[ReuseKey, Digest] | None:
    """Return the key and the id of a tombstone by its name; None for other objects."""
    key, _, tombstone = name.removeprefix(TOMBSTONES).partition(".")
    if name.startswith(TOMBSTONES):
        with contextlib.suppress(FormatError):
            return ReuseKey(key), Digest(tombstone)
    return None


def marker(made: str, program: str) -> bytes:
    """Return the bytes of the marker of a new store.

    :param made: when, ISO 8601; for people.
    :param program: its name and version; for people.
    """
    return canonical_bytes({"format": FORMAT, "made": made, "by": program}) + b"\n"


def check_marker(data: bytes, url: str) -> None:
    """Look at the marker of a store.

    :raises StoreUnavailableError: if the store is of a newer format, or is none.
    """
    try:
        found: Any = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    number = found.get("format") if isinstance(found, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise StoreUnavailableError(f"{url} is no shared store: its {MARKER} cannot be read")
    if number > FORMAT:
        raise StoreUnavailableError(
            f"the shared store {url} is of format {number}, and this program knows up to "
            f"{FORMAT}: use a newer cwl-memo, or another prefix"
        )
