"""Collecting: blobs that are to go, and the entries that lose them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, TypeVar

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.retention import Candidate, Clock, Evicted, Limits, Victim, joined, take_victims
from cwl_memo.errors import StoreError
from cwl_memo.store.blob import ORPHAN_AGE, BlobFiles, shards
from cwl_memo.store.census import Census, blobs_of, kept_of, outputs_of, run_of
from cwl_memo.store.claim import try_lock
from cwl_memo.store.entry_file import EntryFiles
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.found import Found
from cwl_memo.store.index import Index
from cwl_memo.store.layout import Layout
from cwl_memo.store.lease import Leases
from cwl_memo.store.note_file import Pins, Tombstones
from cwl_memo.store.protocol import Eviction, Progress
from cwl_memo.store.regular import is_regular
from cwl_memo.store.summary import as_stamp
from cwl_memo.store.sweep import Sweep

__all__ = ["Collector"]

_BATCH: Final = 200
"""How many entries or blobs go while others wait to publish: some hundredths of a second."""

_NOTED: Final = 100_000
"""How many last uses are noted at once; it takes two seconds."""

_T = TypeVar("_T")


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
    clock: Callable[[], float] = time.monotonic

    def dead(self, found: Found | None = None) -> Iterator[ReuseKey]:
        """Yield the entries that their tombstones are meant for.

        :param found: of these alone, if given: no file of another is read.
        """
        for key in self.tombstones.find():
            if found is not None and not _places(found, [key]):
                continue
            payload = self.entries.payload(key)
            tombstone = self.tombstones.get(key)
            # An entry of another format is judged by this, too: who wrote it knew of tombstones.
            named = payload.get("after") if payload is not None else None
            if payload is None or tombstone is None:
                continue
            if not isinstance(named, list) or str(tombstone.id) not in named:
                yield key

    def foresee(self, limits: Limits, progress: Progress | None) -> list[Eviction]:
        """Return what :meth:`collect` would evict now, had it the patience."""
        found = self._look(progress)
        return [self._told(victim) for victim in self._choose(found, limits)]

    def collect(self, limits: Limits, progress: Progress | None) -> list[Eviction] | None:
        """Evict what is past its time, and others until the rest fits; remove orphans.

        None, and nothing done, where another process is at it.
        """

        def work() -> list[Eviction]:
            found = self._look(progress)
            marked = self._mark(found, self._choose(found, limits), limits.patience)
            evicted = self._take_blobs(found, marked)
            self._remove(found, found.orphans, time.time() - ORPHAN_AGE)
            self._note_uses(found)
            self._note_due(found, {eviction.key for eviction in evicted}, limits.now)
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

    def _look(self, progress: Progress | None) -> Found:
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
        found = Found(began, users, self._held())
        for key, summary, evicted, trimmed in self.census.take(progress):
            if not evicted:
                found.add(key, summary, trimmed=trimmed)
        self._look_at_orphans(found)
        return found

    def _held(self) -> set[ReuseKey]:
        """Return the entries that stay: those that living runs hold, and the pinned ones."""
        return self.leases.held() | set(self.pins.find())

    def _look_at_orphans(self, found: Found) -> None:
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

    def _choose(self, found: Found, limits: Limits) -> list[Victim[bytes]]:
        overdue = take_victims(
            self._overdue(found, limits), found.users, found.sizes, excess=math.inf
        )
        for victim in overdue:
            lost = found.trimmed if victim.candidate.workspace_only else found.gone
            lost |= _places(found, [victim.candidate.key])
        freed = sum(victim.freed for victim in overdue)
        excess = found.needed + found.young - freed - limits.max_size
        ordered = found.by_worth(self.entries, limits.now)
        chosen = {victim.candidate.key: victim for victim in overdue}
        for victim in take_victims(ordered, found.users, found.sizes, excess):
            before = chosen.get(victim.candidate.key)
            chosen[victim.candidate.key] = joined(before, victim) if before else victim
        return list(chosen.values())

    def _overdue(self, found: Found, limits: Limits) -> Iterator[Candidate[bytes]]:
        """Yield the entries whose time is over, or whom nobody will use again."""
        places = {at for at, until in found.deadlines.items() if until <= limits.now}
        oldest = -1
        if limits.max_age is not None:
            oldest = as_stamp(int((limits.now - limits.max_age) * 1e9))
            places.update(at for at, used in enumerate(found.used) if used < oldest)
        dead = _places(found, self.dead(found))
        for at in sorted(places | dead):
            used = as_stamp(self.entries.used(ReuseKey(found.key(at).hex())))
            if used > found.used[at]:
                found.used[at] = used
                found.later.append((used, at))
            if at in dead:
                yield found.candidate(at, used, Clock.INVALIDATED)
            elif used < oldest:
                yield found.candidate(at, used, Clock.AGE)
            elif at in places and found.deadlines.get(at, math.inf) <= limits.now:
                yield self._intermediate(found, at, used)

    def _intermediate(self, found: Found, at: int, used: int) -> Candidate[bytes]:
        """Return an entry as one that loses what is intermediate of it."""
        candidate = found.candidate(at, used, Clock.INTERMEDIATE)
        payload = self.entries.payload(candidate.key) or {}
        if outputs_of(payload) and not self.entries.is_final(candidate.key, run_of(payload)):
            return candidate
        rest = candidate.blobs[found.kept[at] :]
        return replace(candidate, blobs=rest, workspace_only=True)

    def _note_uses(self, found: Found) -> None:
        """Have the next look know what this one found out about the last uses."""
        for batch in _batches(found.later[:_NOTED]):
            fresh = {}
            for used, at in batch:
                key = found.key(at)
                summary = self.index.summaries(key).get(key)
                if summary is not None:
                    fresh[key] = summary._replace(used=used)
            self.index.keep_summaries(fresh)

    def _note_due(self, found: Found, evicted: set[ReuseKey], now: float) -> None:
        """Have it known when somebody should look again."""
        gone = _places(found, evicted)
        deadlines = (until for at, until in found.deadlines.items() if at not in gone)
        used = (used for at, used in enumerate(found.used) if at not in found.gone)
        self.index.note_look(min(deadlines, default=None), min(used, default=0) / 1e9, now)

    # evict

    def _mark(
        self, found: Found, victims: list[Victim[bytes]], patience: float | None
    ) -> list[Victim[bytes]]:
        """Mark those as evicted of whom the files say what the index says; return them.

        :param patience: seconds after which no more are marked; the rest waits for the
            next time.
        """
        marked: list[Victim[bytes]] = []
        began = self.clock()
        for batch in _batches(victims):
            if marked and patience is not None and self.clock() - began > patience:
                for victim in batch:
                    found.spare(victim)
                continue
            sound = [victim for victim in batch if self._is_as_found(found, victim)]
            with self.sweep.removing() as published:
                self._need_published(found, published)
                for victim in sound:
                    candidate = victim.candidate
                    if candidate.key not in published and self._is_unused(victim):
                        evicted = Evicted(candidate.clock, candidate.workspace_only)
                        self.entries.mark_evicted(candidate.key, evicted)
                        marked.append(victim)
                    else:
                        found.spare(victim)
        return marked

    def _is_as_found(self, found: Found, victim: Victim[bytes]) -> bool:
        key = victim.candidate.key
        payload = self.entries.payload(key)
        if payload is None:
            found.spare(victim)
            return False
        blobs = {bytes.fromhex(blob.hex) for blob, _ in blobs_of(payload)}
        kept = {bytes.fromhex(blob.hex) for blob in kept_of(payload)} & blobs
        evicted = self.entries.eviction(key)
        if victim.candidate.workspace_only:
            expected = blobs - kept
        else:
            expected = blobs if evicted is None else kept
        if expected & found.users.keys() == set(victim.candidate.blobs):
            return True
        self.index.forget_entry(key)
        found.spare(victim)
        found.need(blobs)
        return False

    def _is_unused(self, victim: Victim[bytes]) -> bool:
        """Tell whether nobody has used an entry since it was chosen."""
        used = self.entries.used(victim.candidate.key)
        return bool(used) and as_stamp(used) == victim.candidate.used

    def _take_blobs(self, found: Found, marked: list[Victim[bytes]]) -> list[Eviction]:
        """Remove the blobs of marked entries; return who has lost them."""
        evicted = []
        for batch in _batches(marked):
            going: set[bytes] = set()
            with self.sweep.removing() as published:
                self._need_published(found, published)
                # After the mark: whoever holds an entry from now on sees that blobs go.
                held = self._held()
                for victim in batch:
                    candidate = victim.candidate
                    if candidate.key not in held and self._is_unused(victim):
                        going.update(candidate.blobs)
                        evicted.append(self._told(victim))
                    else:
                        self.entries.unmark_evicted(
                            candidate.key, workspace_only=candidate.workspace_only
                        )
                        found.spare(victim)
                self._remove_unneeded(found, sorted(going), found.began)
        return evicted

    def _remove(self, found: Found, digests: list[bytes], before: float) -> None:
        """Remove those of the blobs that no entry needs and nobody has ingested since."""
        for batch in _batches(digests):
            with self.sweep.removing() as published:
                self._need_published(found, published)
                self._remove_unneeded(found, batch, before)

    def _remove_unneeded(self, found: Found, digests: list[bytes], before: float) -> None:
        going = []
        with reading("look at the blobs"):
            for digest in digests:
                blob = Digest(digest.hex())
                if not found.users[digest]:
                    seen = is_regular(self.layout.blob(blob))
                    if seen is not None and seen.st_mtime < before:
                        going.append(blob)
        self.blobs.remove(going)

    def _need_published(self, found: Found, published: list[ReuseKey]) -> None:
        for key in published:
            blobs = blobs_of(self.entries.payload(key) or {})
            found.need(bytes.fromhex(blob.hex) for blob, _ in blobs)

    def _told(self, victim: Victim[bytes]) -> Eviction:
        candidate = victim.candidate
        tool = self._tool(candidate.key)
        return Eviction(
            candidate.key, tool, victim.freed, candidate.clock, candidate.workspace_only
        )

    def _tool(self, key: ReuseKey) -> str:
        name = bytes.fromhex(key.hex)
        summary = self.index.summaries(name).get(name) or self.census.read(name, 0)
        return "" if summary is None else summary.tool


def _places(found: Found, keys: Iterable[ReuseKey]) -> set[int]:
    """Return the places of those entries that are among what was found."""
    places = (found.place(bytes.fromhex(key.hex)) for key in keys)
    return {at for at in places if at is not None}


def _batches(things: Iterable[_T]) -> Iterator[list[_T]]:
    rest = iter(things)
    while batch := list(islice(rest, _BATCH)):
        yield batch
