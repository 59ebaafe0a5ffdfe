"""A shared store for those who look after it: count, list, check, take back, remove."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cwl_memo.core.digest import Digest, ReuseKey, digest_of_bytes
from cwl_memo.core.entry import BlobRef, Entry
from cwl_memo.core.note import Note, Tombstone
from cwl_memo.core.retention import Evicted
from cwl_memo.core.signature import TrustPolicy
from cwl_memo.errors import (
    FormatError,
    StoreDamagedError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from cwl_memo.store.note_file import seal_note
from cwl_memo.store.protocol import Progress, VerifyReport
from cwl_memo.store.shared.blobs import Blobs
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.collect import QUARANTINE, Collected, Collector
from cwl_memo.store.shared.envelope import SharedEntry
from cwl_memo.store.shared.layout import (
    BLOBS,
    ENTRIES,
    LEASES,
    MARKER,
    MARKER_LIMIT,
    PROBES,
    SETTINGS,
    TOMBSTONES,
    check_marker,
    digest_of_name,
    entry_name,
    key_of_name,
    tombstone_of_name,
)
from cwl_memo.store.shared.verify import Verification, signer_of
from cwl_memo.store.shared.walk import ahead, entries_of, look_at, read_tombstones

__all__ = ["SharedStats", "SharedUpkeep"]

_BLOB_LIMIT: Final = 64 << 20
"""Bytes of a blob that is read into memory: a log, or the tree of a workspace."""


@dataclass(frozen=True)
class SharedStats:
    """Counts and sizes of a shared store, as a listing tells them; sizes in bytes.

    :param blobs: objects of blobs, of which a large blob has several.
    :param others: objects that are none of a shared store.
    """

    entries: int
    entry_bytes: int
    blobs: int
    blob_bytes: int
    tombstones: int
    leases: int
    quarantined: int
    others: int


class SharedUpkeep:
    """A :class:`~cwl_memo.store.catalogue.Catalogue` on a bucket, and what upkeep does to it.

    It has no runs, no pins, and keeps nothing of an entry that it removes.

    :param bucket: the store.
    :param trust: whose signatures count.
    :param writable: whether anything may be changed.
    :raises StoreUnavailableError: if there is no shared store, or one of a newer format.
    """

    def __init__(
        self, bucket: Bucket, trust: TrustPolicy | None = None, *, writable: bool = True
    ) -> None:
        data = bucket.get(MARKER, MARKER_LIMIT)
        if data is None:
            raise StoreUnavailableError(f"there is no shared store at {bucket.url}")
        check_marker(data, bucket.url)
        self.location = bucket.url
        self.bucket = bucket
        self.trust = trust or TrustPolicy()
        self._writable = writable
        self._tombstones = read_tombstones(bucket)
        self._blobs = Blobs(bucket, may_write=False)
        self._seen: SharedEntry | None = None
        """The entry that was asked for last: that of the blobs that are asked for."""

    # entries

    def get_entry(self, key: ReuseKey) -> Entry | None:
        """Return the entry of a key, whoever signed it; None where there is none to be read."""
        shared = self._seen = self._shared(key)
        return None if shared is None else shared.entry

    def entries(self, keys: Iterable[ReuseKey]) -> Iterator[Entry]:
        """Yield the entries of keys, in their order, several read at once."""
        for _, shared in entries_of(self.bucket, keys):
            self._seen = shared
            if shared is not None:
                yield shared.entry

    def signer(self, key: ReuseKey) -> str:
        """Return the public key that signed an entry, trusted or not; empty for none."""
        shared = self._shared(key)
        try:
            return "" if shared is None else signer_of(shared)
        except FormatError:
            return ""

    def keys(self, prefix: str = "") -> Iterator[ReuseKey]:
        """Yield the keys of all entries, or of those that begin so, in no order."""
        shard = f"{prefix[:2]}/{prefix}" if len(prefix) > 1 else prefix
        for meta in self.bucket.list(f"{ENTRIES}{shard}"):
            key = key_of_name(meta.name)
            if key is not None:
                yield key

    def is_evicted(self, key: ReuseKey) -> bool:
        """Return false: what is removed leaves nothing."""
        del key
        return False

    def eviction(self, key: ReuseKey) -> Evicted | None:
        """Return None: what is removed leaves nothing."""
        del key
        return None

    def _shared(self, key: ReuseKey) -> SharedEntry | None:
        return look_at(self.bucket, entry_name(key), key).shared

    # blobs

    def check_blob(self, digest: Digest, size: int) -> bool:
        """Tell whether a blob of the entry that was asked for last is there."""
        seen = self._seen
        if seen is None or digest not in seen.stored:
            return False
        blob = BlobRef(digest, size)
        return digest in seen.inline or self._blobs.has(blob, seen.stored[digest])

    def read_blob(self, digest: Digest) -> bytes:
        """Return the bytes of a blob of the entry that was asked for last.

        :raises StoreDamagedError: if it is missing, unsound, or too large to be looked at.
        """
        seen = self._seen
        blobs = () if seen is None else seen.entry.blobs
        blob = next((blob for blob in blobs if blob.digest == digest), None)
        if seen is None or blob is None:
            raise StoreDamagedError(f"blob {digest} is not known in {self.location}")
        if digest in seen.inline:
            return seen.inline[digest]
        if blob.size > _BLOB_LIMIT:
            raise StoreDamagedError(f"blob {digest} has {blob.size} bytes, too many to be shown")
        with tempfile.TemporaryDirectory(prefix="cwl-memo-blob-") as folder:
            target = Path(folder, "blob")
            self._blobs.fetch(blob, seen.stored[digest], target)
            return target.read_bytes()

    # what people say

    def invalidate(
        self, keys: Iterable[ReuseKey], reason: str, *, who: str = "", force: bool = False
    ) -> int:
        """Take back what is recorded under keys, for all who share the store; return how many."""
        del force  # nothing is pinned here
        self._need_writable()
        when = dt.datetime.now().astimezone().isoformat(timespec="seconds")

        def bury(key: ReuseKey) -> None:
            # What its id is made of holds a random number.
            data = seal_note(key, Note(reason, when, who))
            self._tombstones.put(key, Tombstone(reason, when, who, digest_of_bytes(data)))

        return sum(1 for _ in ahead(bury, keys))

    def tombstone(self, key: ReuseKey) -> Tombstone | None:
        """Return the tombstone of a key, if it is meant for the entry that is there."""
        tombstone = self._tombstones.get(key)
        if tombstone is None:
            return None
        shared = self._shared(key)
        return tombstone if shared is None or self._tombstones.is_dead(shared.entry) else None

    def pins(self) -> Mapping[ReuseKey, Note]:
        """Return nothing: nothing is pinned here."""
        return {}

    def read_run(self, run: str) -> list[dict[str, Any]]:
        """Return nothing: runs are recorded where they are made."""
        del run
        return []

    def runs(self) -> list[str]:
        """Return nothing: runs are recorded where they are made."""
        return []

    # upkeep

    def stats(self) -> SharedStats:
        """Count what a listing of the store shows; nothing is read."""
        number, size = Counter[str](), Counter[str]()
        for meta in self.bucket.list():
            kind = _kind(meta.name)
            number[kind] += 1
            size[kind] += meta.size
        return SharedStats(
            entries=number[ENTRIES],
            entry_bytes=size[ENTRIES],
            blobs=number[BLOBS],
            blob_bytes=size[BLOBS],
            tombstones=number[TOMBSTONES],
            leases=number[LEASES],
            quarantined=number[QUARANTINE],
            others=number[""],
        )

    def verify(self, progress: Progress | None = None) -> VerifyReport:
        """Read everything again; set aside or remove what is damaged."""
        self._need_writable()
        return Verification(self.bucket, self.trust, progress).verify()

    def gc(
        self,
        *,
        max_size: int | None = None,
        max_age: float | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Collected:
        """Remove what is past its time, then what is worth least, then what nothing needs.

        As :class:`~cwl_memo.store.shared.collect.Collector` has it.
        """
        collector = Collector(
            self.bucket, max_size=max_size, max_age=max_age, dry_run=dry_run, progress=progress
        )
        return collector.collect()

    def close(self) -> None:
        """Let go of connections."""
        self.bucket.close()

    def _need_writable(self) -> None:
        if not self._writable:
            raise StoreReadOnlyError(f"nothing is written to the shared store {self.location}")


def _kind(name: str) -> str:
    """Return the room of the store that an object belongs to; empty for none."""
    if key_of_name(name) is not None:
        return ENTRIES if name.startswith(ENTRIES) else LEASES
    if digest_of_name(name) is not None:
        return BLOBS
    if tombstone_of_name(name) is not None:
        return TOMBSTONES
    if name.startswith(QUARANTINE):
        return QUARANTINE
    return "own" if name in {MARKER, SETTINGS} or name.startswith(PROBES) else ""
