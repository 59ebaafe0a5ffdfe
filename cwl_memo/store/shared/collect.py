"""Removal of what a shared store need not hold, while others use it.

Nobody is asked to stop. What may happen to a run meanwhile: an entry goes that it was about
to use, or a blob that an entry needs which was published a moment ago. Either is a miss
later, or a blob that cannot be had, which is made again; never a wrong result.

To make the second rare: blobs younger than a day stay whatever needs them, and the entries
that came while the others were looked at are looked at before any blob goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import BlobRef
from cwl_memo.core.retention import Clock
from cwl_memo.store.protocol import Eviction, Progress
from cwl_memo.store.shared.bucket import Bucket, ObjectMeta
from cwl_memo.store.shared.envelope import Place, SharedEntry, Stored
from cwl_memo.store.shared.layout import (
    BLOBS,
    ENTRIES,
    LEASES,
    PROBES,
    digest_of_name,
    entry_name,
    key_of_name,
)
from cwl_memo.store.shared.ledger import Ledger, LedgerEntry, opened_ledger
from cwl_memo.store.shared.tombstone import SharedTombstones
from cwl_memo.store.shared.walk import (
    Condition,
    ahead,
    looks,
    read_tombstones,
    server_time,
)

__all__ = ["GRACE", "QUARANTINE", "Collected", "Collector", "needs_of"]

GRACE: Final = 24 * 3600.0
"""Seconds for which a blob stays that no entry needs: its entry may be about to come."""

QUARANTINE: Final = "quarantine/"
"""Where damaged entries are set aside."""

_FRESH: Final = 3600.0
"""Seconds for which no limit takes an entry: whoever made it may be about to use it."""

_ABANDONED: Final = 3600.0
"""Seconds without a beat after which a lease is nobody's, whatever the clocks; and for which a
probe may stand, which is removed at once."""

_QUARANTINE_AGE: Final = 30 * 24 * 3600.0
"""Seconds for which somebody may still want to look at what was damaged."""

_SAME_TIME: Final = 2.0
"""Seconds by which two times of one object may differ."""

_BATCH: Final = 500
"""Objects that are removed with one request."""


@dataclass(frozen=True)
class Collected:
    """What was removed from a shared store, or would be.

    :param evictions: the entries.
    :param blobs: objects of blobs that no entry needs.
    :param blob_bytes: that they took.
    :param leftovers: leases, probes and damaged entries, long left.
    :param left: bytes of the entries and of what they need that stay.
    :param newer: entries of a newer program; with any, no blob is removed, since nobody here
        knows what they need.
    :param unread: entries that could not be read, or are damaged; the same holds for them.
    """

    evictions: tuple[Eviction, ...]
    blobs: int
    blob_bytes: int
    leftovers: int
    left: int
    newer: int
    unread: int


class Collector:
    """One removal.

    :param bucket: the store.
    :param max_size: bytes that may stay; None for any number.
    :param max_age: seconds since its last use after which an entry goes; None for never.
    :param grace: seconds for which a blob stays that nothing needs.
    :param dry_run: whether it is only told what would go.
    :param progress: told how many entries were read, of how many.
    """

    def __init__(
        self,
        bucket: Bucket,
        *,
        max_size: int | None = None,
        max_age: float | None = None,
        grace: float = GRACE,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self._bucket = bucket
        self._max_size = max_size
        self._max_age = max_age
        self._grace = grace
        self._dry_run = dry_run
        self._progress = progress
        self._newer = 0
        self._unread = 0

    def collect(self) -> Collected:
        """Remove it.

        :raises StoreError: if the place does not answer, or may not be written; what was
            removed until then is gone.
        """
        now = server_time(self._bucket)
        with opened_ledger() as ledger:
            for meta in self._bucket.list(BLOBS):
                digest = digest_of_name(meta.name)
                if digest is not None:
                    ledger.add_blob(digest, meta.size, meta.modified)
            self._read_entries(ledger, now)
            if self._max_size is not None:
                ledger.fit(self._max_size, now, now - _FRESH)
            evictions = tuple(self._evict(ledger))
            self._read_late(ledger)
            orphans = [] if self._newer or self._unread else self._orphans(ledger, now)
            blobs, blob_bytes = self._remove(orphans)
            leftovers, _ = self._remove(self._leftovers(now))
            left = ledger.stored()
        return Collected(evictions, blobs, blob_bytes, leftovers, left, self._newer, self._unread)

    # entries

    def _read_entries(self, ledger: Ledger, now: float) -> None:
        tombstones = read_tombstones(self._bucket)
        total = 0
        if self._progress is not None:
            total = sum(1 for meta in self._bucket.list(ENTRIES) if key_of_name(meta.name))
        for done, (key, meta, look) in enumerate(looks(self._bucket), 1):
            if look.shared is not None:
                clock = self._clock(look.shared, meta, now, tombstones)
                ledger.add_entry(_line(key, meta, look.shared, clock), needs_of(look.shared))
            if self._progress is not None:
                self._progress(done, max(done, total))

    def _clock(
        self, shared: SharedEntry, meta: ObjectMeta, now: float, tombstones: SharedTombstones
    ) -> Clock | None:
        """Return by what an entry goes, whatever the size of the store; None if it stays."""
        if tombstones.is_dead(shared.entry):
            return Clock.INVALIDATED
        if now - meta.modified < _FRESH:
            return None
        if self._max_age is not None and now - meta.modified > self._max_age:
            return Clock.AGE
        # By the clock of whoever recorded it: a wrong one costs an execution, or room.
        if shared.entry.keep_until is not None and now > shared.entry.keep_until:
            return Clock.INTERMEDIATE
        return None

    def _evict(self, ledger: Ledger) -> Iterator[Eviction]:
        going = iter(ledger.going())
        # None is removed but as it was read: a newer one may be alive.
        for batch in iter(lambda: list(islice(going, _BATCH)), []):
            gone = []
            for line, is_same in ahead(self._is_same, batch):
                if is_same:
                    gone.append(line)
                else:
                    ledger.keep(line.key)
            evictions = [Eviction(e.key, e.tool, ledger.freed(e.key), _why(e)) for e in gone]
            if not self._dry_run:
                self._bucket.delete([entry_name(line.key) for line in gone])
            yield from evictions

    def _is_same(self, line: LedgerEntry) -> bool:
        found = self._bucket.head(entry_name(line.key))
        # In a listing a time may have more digits than elsewhere.
        return (
            found is not None
            and found.tag == line.tag
            and abs(found.modified - line.modified) < _SAME_TIME
        )

    def _read_late(self, ledger: Ledger) -> None:
        """Read the entries that came, or changed, while the others were read."""

        def is_late(key: ReuseKey, meta: ObjectMeta) -> bool:
            return not ledger.knows(key, meta.modified, meta.tag)

        for key, meta, look in looks(self._bucket, is_late):
            if look.shared is not None:
                ledger.add_entry(_line(key, meta, look.shared, None), needs_of(look.shared))
            self._newer += look.condition is Condition.NEWER
            # Read for the second time: what one machine reads badly may be sound for others.
            self._unread += look.condition in {Condition.DAMAGED, Condition.UNREADABLE}

    # blobs, and what is left of runs

    def _orphans(self, ledger: Ledger, now: float) -> Iterator[ObjectMeta]:
        for meta in self._bucket.list(BLOBS):
            digest = digest_of_name(meta.name)
            is_old = now - meta.modified > self._grace
            if digest is not None and is_old and not ledger.is_needed(digest):
                yield meta

    def _leftovers(self, now: float) -> Iterator[ObjectMeta]:
        rooms = ((LEASES, _ABANDONED), (PROBES, _ABANDONED), (QUARANTINE, _QUARANTINE_AGE))
        for room, age in rooms:
            for meta in self._bucket.list(room):
                if now - meta.modified > age:
                    yield meta

    def _remove(self, objects: Iterable[ObjectMeta]) -> tuple[int, int]:
        """Remove objects; return how many, and their bytes."""
        number = size = 0
        waiting = iter(objects)
        for batch in iter(lambda: list(islice(waiting, _BATCH)), []):
            if not self._dry_run:
                self._bucket.delete([meta.name for meta in batch])
            number += len(batch)
            size += sum(meta.size for meta in batch)
        return number, size


def needs_of(shared: SharedEntry) -> Iterator[tuple[BlobRef, Stored]]:
    """Yield the blobs of an entry that are objects of their own, and how they are stored."""
    for blob in dict.fromkeys(shared.entry.blobs):
        stored = shared.stored[blob.digest]
        if stored.place is not Place.INLINE:
            yield blob, stored


def _line(key: ReuseKey, meta: ObjectMeta, shared: SharedEntry, clock: Clock | None) -> LedgerEntry:
    origin = shared.entry.origin
    size, seconds = meta.size, origin.seconds
    return LedgerEntry(key, size, meta.modified, meta.tag, seconds, origin.tool, clock)


def _why(line: LedgerEntry) -> Clock:
    return Clock.SIZE if line.clock is None else line.clock
