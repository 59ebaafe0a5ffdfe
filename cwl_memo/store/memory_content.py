"""What a store in memory holds: entries and blobs, and what is known of them."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.core.note import Note, Tombstone
from cwl_memo.core.retention import Evicted
from cwl_memo.errors import FormatError
from cwl_memo.store.protocol import FileDigest, FileIdentity

__all__ = ["Content", "MemoryBlob"]


@dataclass(frozen=True)
class MemoryBlob:
    """A blob in memory.

    :param since: when it was taken in, in seconds since the epoch.
    """

    data: bytes
    since: float


@dataclass
class Content:
    """All that a store in memory holds.

    :param entries: as JSON.
    :param used: when an entry was used last, in seconds since the epoch.
    :param published: the keys of all entries that ever were, in their order.
    :param final: by key, the run of which an entry's outputs were outputs.
    :param quarantined: how many entries were set aside.
    :param set_aside: those of them that were sound, and why.
    :param claimed: keys of the jobs that somebody executes.
    :param leases: what each living run holds.
    :param runs: the lines of their records.
    :param secret: with which secret inputs are hashed.
    """

    entries: dict[ReuseKey, bytes] = field(default_factory=dict)
    used: dict[ReuseKey, float] = field(default_factory=dict)
    published: list[ReuseKey] = field(default_factory=list)
    evicted: dict[ReuseKey, Evicted] = field(default_factory=dict)
    final: dict[ReuseKey, str] = field(default_factory=dict)
    blobs: dict[Digest, MemoryBlob] = field(default_factory=dict)
    quarantined: int = 0
    set_aside: list[tuple[Entry, str]] = field(default_factory=list)
    claimed: set[ReuseKey] = field(default_factory=set)
    leases: dict[str, set[ReuseKey]] = field(default_factory=dict)
    digests: dict[FileIdentity, FileDigest] = field(default_factory=dict)
    runs: dict[str, list[str]] = field(default_factory=dict)
    tombstones: dict[ReuseKey, Tombstone] = field(default_factory=dict)
    pins: dict[ReuseKey, Note] = field(default_factory=dict)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def entry(self, key: ReuseKey) -> Entry | None:
        """Return the entry of a key; None where there is none or it was damaged."""
        with self.lock:
            data = self.entries.get(key)
            if data is None:
                return None
            try:
                return Entry.from_json(json.loads(data))
            except (FormatError, ValueError):
                del self.entries[key]
                self.quarantined += 1
                return None

    def drop(self, key: ReuseKey) -> None:
        """Forget an entry; not an error where there is none."""
        with self.lock:
            self.entries.pop(key, None)
            self.evicted.pop(key, None)
            self.final.pop(key, None)

    def sound(self) -> list[Entry]:
        """Return all entries that are sound."""
        return [entry for key in list(self.entries) if (entry := self.entry(key)) is not None]

    def dead(self, entries: Iterable[Entry]) -> set[ReuseKey]:
        """Return the keys of those entries that their tombstones are meant for."""
        return {entry.key for entry in entries if entry.is_dead(self.tombstones.get(entry.key))}

    def is_evicted(self, key: ReuseKey) -> bool:
        """Tell whether an entry's blobs were taken by retention, its metadata kept."""
        return key in self.evicted and not self.evicted[key].workspace_only

    def blob_bytes(self) -> int:
        """Return how many bytes the blobs take."""
        with self.lock:
            return sum(len(blob.data) for blob in self.blobs.values())
