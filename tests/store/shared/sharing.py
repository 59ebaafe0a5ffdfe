"""Entries to share, and machines that share them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import IO

from cwl_memo.core.digest import Digest, ReuseKey, digest_of_bytes, digest_of_value
from cwl_memo.core.entry import Entry
from cwl_memo.core.note import Tombstone
from cwl_memo.store.shared.remote import Found, Remote
from tests.store.example import blob, entry

__all__ = ["SMALL_FILE", "job", "opener", "share", "take", "tombstone", "whole"]

SMALL_FILE = b"a small file\n"


def job(number: int, *contents: bytes) -> Entry:
    """Return an entry under the key that its fingerprint has."""
    made = entry(number, *contents)
    return replace(made, key=ReuseKey(digest_of_value("reuse-key", made.fingerprint).hex))


def opener(*contents: bytes) -> Callable[[Digest], IO[bytes]]:
    """Return what opens blobs of these bytes."""
    by_digest = {digest_of_bytes(content): content for content in contents}
    return lambda digest: io.BytesIO(by_digest[digest])


def share(remote: Remote, number: int, *contents: bytes) -> Entry:
    """Publish an entry of these bytes."""
    made = job(number, *contents)
    remote.publish(made, opener(*contents))
    return made


def take(remote: Remote, entry: Entry, content: bytes, target: Path) -> bytes:
    """Fetch a blob of an entry and return its bytes."""
    remote.fetch(entry.key, blob(content), target)
    return target.read_bytes()


def whole(remote: Remote, found: Found | None, contents: Iterable[bytes], folder: Path) -> bool:
    """Tell whether an entry was found with all its bytes, each checked here once more."""
    if found is None:
        return False
    for i, content in enumerate(contents):
        data = found.inline.get(digest_of_bytes(content))
        if data is None:
            data = take(remote, found.entry, content, folder / str(i))
        if data != content:
            return False
    return True


def tombstone(text: str) -> Tombstone:
    return Tombstone(text, "2026-01-01T00:00:00+00:00", "me", digest_of_bytes(text.encode()))
