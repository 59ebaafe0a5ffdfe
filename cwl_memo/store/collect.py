"""Collecting: blobs that are to go, and the entries that lose them."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice
from typing import Final, TypeVar

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.retention import Candidate, Victim, take_victims
from cwl_memo.errors import StoreError
from cwl_memo.store.blob import ORPHAN_AGE, BlobFiles, shards
from cwl_memo.store.census import Census, blobs_of
from cwl_memo.store.claim import try_lock
from cwl_memo.store.entry_file import EntryFiles
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.index import Index
from cwl_memo.store.layout import Layout
from cwl_memo.store.lease import Leases
from cwl_memo.store.note_file import Pins, Tombstones
from cwl_memo.store.protocol import Eviction, Progress
from cwl_memo.store.regular import is_regular
from cwl_memo.store.summary import EntrySummary, as_stamp
from cwl_memo.store.sweep import Sweep

__all__ = ["Collector"]

_BATCH: Final = 200
"""How many entries or blobs go while others wait to publish: some hundredths of a second."""

_NOTED: Final = 100_000
"""How many last uses are noted at once; it takes two seconds."""

_T = TypeVar("_T")


@dataclass
class _Found:
    """What a look through the whole store showed; small, since there may be a million each.

    :param users: how many entries that are not evicted need each blob.
    :param keys: the keys of these entries, one after another.
    :param used: when each was used last, in nanoseconds, or earlier.
    :param refs: the digests of the blobs of each, one after another.
    :param ends: where those of each end in ``refs``.
    :param sizes: of the blobs of entries that were looked at more closely.
    :param needed: bytes of all blobs that an entry needs.
    :param young: bytes of blobs that no entry needs, and that may yet get one.
    :param orphans: blobs that no entry needs and none will.
    :param later: when entries were used that turned out to be used later than ``used``
        says, and their places.
    """

    began: float
    users: dict[bytes, int]
    held: set[ReuseKey]
    keys: bytearray = field(default_factory=bytearray)
    used: array[int] = field(default_factory=lambda: array("q"))
    refs: bytearray = field(default_factory=bytearray)
    ends: array[int] = field(default_factory=lambda: array("Q"))
    sizes: dict[bytes, int] = field(default_factory=dict)
    needed: int = 0
    young: int = 0
    orphans: list[bytes] = field(default_factory=list)
    later: list[tuple[int, int]] = field(default_factory=list)

    def add(self, key: bytes, summary: EntrySummary) -> None:
        """Count an entry, with those of its blobs that are there."""
        for digest, size in summary.blobs():
            users = self.users.get(digest)
            if users is not None:
                if not users:
                    self.needed += size
                self.users[digest] = users + 1
                self.refs += digest + size.to_bytes(8, "big")
        self.keys += key
        self.used.append(summary.used)
        self.ends.append(len(self.refs))

    def key(self, at: int) -> bytes:
        """Return the key of an entry by its place."""
        return bytes(self.keys[32 * at : 32 * at + 32])

    def blobs(self, at: int) -> tuple[bytes, ...]:
        """Return the blobs of an entry by its place, and have their sizes known."""
        blobs = []
        start = self.ends[at - 1] if at else 0
        for begin in range(start, self.ends[at], 40):
            digest = bytes(self.refs[begin : begin + 32])
            self.sizes[digest] = int.from_bytes(self.refs[begin + 32 : begin + 40], "big")
            blobs.append(digest)
        return tuple(blobs)

    def spare(self, victim: Victim[bytes]) -> None:
        """Count the blobs of an entry as needed again."""
        self.need(victim.candidate.blobs)

    def need(self, blobs: Iterable[bytes]) -> None:
        """Count blobs as needed by one entry more."""
        for digest in blobs:
            self.users[digest] = self.users.get(digest, 0) + 1


@dataclass(frozen=True)
class Collector:
    """Removes blobs of a local store; its parameters are the store's parts."""

    layout: Layout
    entries: EntryFiles
    blobs: BlobFiles
    index: Index
    leases: Leases
    census: Census
    sweep: Sweep
    tombstones: Tombstones
    pins: Pins

    def dead(self) -> Iterator[ReuseKey]:
        """Yield the entries that their tombstones are meant for."""
        for key in self.tombstones.find():
            payload = self.entries.payload(key)
            tombstone = self.tombstones.get(key)
            # An entry of another format is judged by this, too: who wrote it knew of tombstones.
            named = payload.get("after") if payload is not None else None
            if payload is None or tombstone is None:
                continue
            if not isinstance(named, list) or str(tombstone.id) not in named:
                yield key

    def foresee(self, max_size: int, progress: Progress | None) -> list[Eviction]:
        """Return what :meth:`collect` would evict now."""
        found = self._look(progress)
        return [
            Eviction(victim.candidate.key, self._tool(victim.candidate.key), victim.freed)
            for victim in self._choose(found, max_size)
        ]

    def collect(self, max_size: int, progress: Progress | None) -> list[Eviction] | None:
        """Evict entries until the blobs take at most ``max_size`` bytes; remove orphans.

        None, and nothing done, where another process is at it.
        """

        def work() -> list[Eviction]:
            found = self._look(progress)
            marked = self._mark(found, self._choose(found, max_size))
            evicted = self._take_blobs(found, marked)
            self._remove(found, found.orphans, time.time() - ORPHAN_AGE)
            self._note_uses(found)
            return evicted

        return self._alone(work)

    def clear(self, keys: set[ReuseKey]) -> int:
        """Remove entries, and the blobs that only they need.

        :raises StoreError: if another process is collecting.
        """

        def work() -> int:
            found = self._look(None)
            going = {bytes.fromhex(key.hex) for key in keys}
            freed: set[bytes] = set()
            for at in range(len(found.used)):
                if found.key(at) in going:
                    for digest in found.blobs(at):
                        found.users[digest] -= 1
                        freed.add(digest)
            cleared = 0
            for key in sorted(keys):
                self.index.forget_entry(key)
                cleared += self.entries.drop(key)
                self.pins.remove(key)
            self._remove(found, sorted(freed), found.began)
            return cleared

        cleared = self._alone(work)
        if cleared is None:
            raise StoreError("another process is freeing space in the store; try again later")
        return cleared

    def free(self, digests: Iterable[bytes], run: str) -> None:
        """Remove those of the blobs that no entry needs, at the end of a run.

        Where another process is at it, or another run lives that may have found one of them in
        place for an entry that is still to come, they wait for the next :meth:`collect`.
        """

        def work() -> None:
            found = self._look(None)
            there = sorted(digest for digest in set(digests) if digest in found.users)
            if not self.leases.live_beside(run):
                self._remove(found, there, found.began)

        if not self.leases.live_beside(run):
            self._alone(work)

    def _alone(self, work: Callable[[], _T]) -> _T | None:
        """Do work that removes blobs; None where another process is at it."""
        with writing("collect"):
            lock = try_lock(self.layout.locks / "gc.lock")
        if lock is None:
            return None
        try:
            with self.sweep.at_work():
                return work()
        finally:
            lock.release()

    # look

    def _look(self, progress: Progress | None) -> _Found:
        # Blobs before entries: a blob that comes later is not in the list of what may go,
        # and an entry that comes later is heard of before anything goes.
        with reading("list the blobs"):
            began = time.time()
            users = dict.fromkeys(
                (
                    digest
                    for directory in shards(self.layout.blobs)
                    for digest in self.blobs.names(directory)
                ),
                0,
            )
        found = _Found(began, users, self.leases.held())
        for key, summary, evicted in self.census.take(progress):
            if not evicted:
                found.add(key, summary)
        self._look_at_orphans(found)
        return found

    def _look_at_orphans(self, found: _Found) -> None:
        old = 0
        with reading("look at the blobs"):
            for digest in (digest for digest, users in found.users.items() if not users):
                seen = is_regular(self.layout.blob(Digest(digest.hex())))
                if seen is None:
                    continue
                if seen.st_mtime < found.began - ORPHAN_AGE:
                    found.orphans.append(digest)
                    old += seen.st_size
                else:
                    # What jobs are ingesting at this moment takes room, too.
                    found.young += seen.st_size
        self.index.set_total(found.needed + found.young + old)

    # choose

    def _choose(self, found: _Found, max_size: int) -> list[Victim[bytes]]:
        excess = found.needed + found.young - max_size
        return take_victims(self._by_use(found), found.users, found.sizes, excess)

    def _by_use(self, found: _Found) -> Iterator[Candidate[bytes]]:
        """Yield all entries, the least recently used first.

        A summary may be of before the last use. So the file is looked at when its turn
        comes, and one that was used later waits for its turn again.
        """
        later: list[tuple[int, int]] = []
        # Sorted by key already, and equals stay as they are.
        for at in sorted(range(len(found.used)), key=found.used.__getitem__):
            while later and later[0] < (found.used[at], at):
                yield self._candidate(found, *heappop(later))
            used = as_stamp(self.entries.used(ReuseKey(found.key(at).hex())))
            if used > found.used[at]:
                heappush(later, (used, at))
                found.later.append((used, at))
            else:
                yield self._candidate(found, used, at)
        while later:
            yield self._candidate(found, *heappop(later))

    def _candidate(self, found: _Found, used: int, at: int) -> Candidate[bytes]:
        key = ReuseKey(found.key(at).hex())
        return Candidate(key, used, found.blobs(at), key in found.held)

    def _note_uses(self, found: _Found) -> None:
        """Have the next look know what this one found out about the last uses."""
        for batch in _batches(found.later[:_NOTED]):
            fresh = {}
            for used, at in batch:
                key = found.key(at)
                summary = self.index.summaries(key).get(key)
                if summary is not None:
                    fresh[key] = summary._replace(used=used)
            self.index.keep_summaries(fresh)

    # evict

    def _mark(self, found: _Found, victims: list[Victim[bytes]]) -> list[Victim[bytes]]:
        """Mark those as evicted of whom the files say what the index says; return them."""
        marked = []
        for batch in _batches(victims):
            sound = [victim for victim in batch if self._is_as_found(found, victim)]
            with self.sweep.removing() as published:
                self._need_published(found, published)
                for victim in sound:
                    if victim.candidate.key not in published and self._is_unused(victim):
                        self.entries.mark_evicted(victim.candidate.key)
                        marked.append(victim)
                    else:
                        found.spare(victim)
        return marked

    def _is_as_found(self, found: _Found, victim: Victim[bytes]) -> bool:
        key = victim.candidate.key
        payload = self.entries.payload(key)
        if payload is None:
            found.spare(victim)
            return False
        blobs = {bytes.fromhex(blob.hex) for blob, _ in blobs_of(payload)}
        if blobs & found.users.keys() == set(victim.candidate.blobs):
            return True
        self.index.forget_entry(key)
        found.spare(victim)
        found.need(blobs)
        return False

    def _is_unused(self, victim: Victim[bytes]) -> bool:
        """Tell whether nobody has used an entry since it was chosen."""
        used = self.entries.used(victim.candidate.key)
        return bool(used) and as_stamp(used) == victim.candidate.used

    def _take_blobs(self, found: _Found, marked: list[Victim[bytes]]) -> list[Eviction]:
        """Remove the blobs of marked entries; return who has lost them."""
        evicted = []
        for batch in _batches(marked):
            going: set[bytes] = set()
            with self.sweep.removing() as published:
                self._need_published(found, published)
                # After the mark: whoever holds an entry from now on sees that blobs go.
                held = self.leases.held()
                for victim in batch:
                    key = victim.candidate.key
                    if key not in held and self._is_unused(victim):
                        going.update(victim.candidate.blobs)
                        evicted.append(Eviction(key, self._tool(key), victim.freed))
                    else:
                        self.entries.unmark_evicted(key)
                        found.spare(victim)
                self._remove_unneeded(found, sorted(going), found.began)
        return evicted

    def _remove(self, found: _Found, digests: list[bytes], before: float) -> None:
        """Remove those of the blobs that no entry needs and nobody has ingested since."""
        for batch in _batches(digests):
            with self.sweep.removing() as published:
                self._need_published(found, published)
                self._remove_unneeded(found, batch, before)

    def _remove_unneeded(self, found: _Found, digests: list[bytes], before: float) -> None:
        going = []
        with reading("look at the blobs"):
            for digest in digests:
                blob = Digest(digest.hex())
                if not found.users[digest]:
                    seen = is_regular(self.layout.blob(blob))
                    if seen is not None and seen.st_mtime < before:
                        going.append(blob)
        self.blobs.remove(going)

    def _need_published(self, found: _Found, published: list[ReuseKey]) -> None:
        for key in published:
            blobs = blobs_of(self.entries.payload(key) or {})
            found.need(bytes.fromhex(blob.hex) for blob, _ in blobs)

    def _tool(self, key: ReuseKey) -> str:
        name = bytes.fromhex(key.hex)
        summary = self.index.summaries(name).get(name) or self.census.read(name, 0)
        return "" if summary is None else summary.tool


def _batches(things: Iterable[_T]) -> Iterator[list[_T]]:
    rest = iter(things)
    while batch := list(islice(rest, _BATCH)):
        yield batch
