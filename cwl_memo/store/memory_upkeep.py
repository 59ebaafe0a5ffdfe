"""Upkeep of a store in memory: count, verify, collect, clear."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.core.retention import Candidate, Clock, Evicted, Limits, choose_victims
from cwl_memo.store.blob import ORPHAN_AGE
from cwl_memo.store.memory_content import Content
from cwl_memo.store.protocol import Eviction, Progress, StoreStats, VerifyReport

__all__ = ["MemoryUpkeep"]


@dataclass(frozen=True)
class MemoryUpkeep:
    """What is done to a store in memory as a whole.

    :param content: what the store holds.
    """

    content: Content

    # count and verify

    def stats(self) -> StoreStats:
        """Count what the store holds."""
        content = self.content
        with content.lock:
            entries = content.sound()
            return StoreStats(
                entries=len(entries),
                evicted=sum(1 for key in content.evicted if content.is_evicted(key)),
                trimmed=sum(1 for lost in content.evicted.values() if lost.workspace_only),
                blobs=len(content.blobs),
                blob_bytes=content.blob_bytes(),
                quarantined=content.quarantined,
                runs=len(content.runs),
                seconds=sum(entry.origin.seconds for entry in entries),
                invalidated=len(content.dead(entries)),
                pinned=len(content.pins),
            )

    def verify(self, progress: Progress | None = None) -> VerifyReport:
        """Parse every entry again; bytes in memory are taken as they are."""
        content = self.content
        with content.lock:
            keys = set(content.entries)
            entries = content.sound()
            bad = sorted(key.hex for key in keys - content.entries.keys())
            wanted = {blob.digest for entry in entries for blob in entry.blobs}
            needed = {digest for entry in entries for digest in self._has(entry)}
            if progress is not None:
                progress(len(keys), len(keys))
            return VerifyReport(
                entries=len(keys),
                blobs=len(content.blobs),
                blob_bytes=content.blob_bytes(),
                bad_entries=tuple(bad),
                bad_blobs=(),
                missing_blobs=tuple(str(d) for d in sorted(needed - content.blobs.keys())),
                orphan_blobs=len(content.blobs.keys() - wanted),
                invalidated=len(content.dead(entries)),
            )

    # collect

    def gc(
        self, limits: Limits, *, dry_run: bool = False, progress: Progress | None = None
    ) -> list[Eviction]:
        """Evict what is past its time, then others until the blobs are within the limits."""
        content = self.content
        with content.lock:
            entries = {e.key: e for e in content.sound() if not content.is_evicted(e.key)}
            orphans = content.blobs.keys() - {b for e in entries.values() for b in self._has(e)}
            old = {d for d in orphans if content.blobs[d].since < time.time() - ORPHAN_AGE}
            sizes = {digest: len(blob.data) for digest, blob in content.blobs.items()}
            room = limits.max_size - sum(sizes[digest] for digest in orphans - old)
            candidates = [self._candidate(entry) for entry in entries.values()]
            overdue = [c for e in entries.values() for c in self._overdue(e, limits)]
            victims = choose_victims(candidates, sizes, replace(limits, max_size=room), overdue)
            if not dry_run:
                for victim in victims:
                    lost = Evicted(victim.candidate.clock, victim.candidate.workspace_only)
                    content.evicted[victim.candidate.key] = lost
                for digest in old.union(*(v.candidate.blobs for v in victims)):
                    if not any(digest in self._has(entry) for entry in entries.values()):
                        del content.blobs[digest]
            if progress is not None:
                progress(len(entries), len(entries))
            return [
                Eviction(c.key, entries[c.key].origin.tool, v.freed, c.clock, c.workspace_only)
                for v in victims
                for c in (v.candidate,)
            ]

    def _has(self, entry: Entry) -> tuple[Digest, ...]:
        """Return the blobs that an entry still needs and that are there."""
        lost = self.content.evicted.get(entry.key)
        needed = dict.fromkeys(blob.digest for blob in entry.blobs)
        if lost is not None:
            kept = entry.kept if lost.workspace_only else frozenset()
            needed = {digest: None for digest in needed if digest in kept}
        return tuple(digest for digest in needed if digest in self.content.blobs)

    def _candidate(self, entry: Entry) -> Candidate[Digest]:
        content = self.content
        is_held = any(entry.key in keys for keys in content.leases.values())
        held = entry.key in content.pins or is_held
        used, seconds = content.used[entry.key], entry.origin.seconds
        return Candidate(entry.key, used, self._has(entry), held, seconds)

    def _overdue(self, entry: Entry, limits: Limits) -> Iterator[Candidate[Digest]]:
        """Yield an entry as what it loses because its time is over, if that is so."""
        candidate = self._candidate(entry)
        age = limits.now - candidate.used
        if entry.is_dead(self.content.tombstones.get(entry.key)):
            yield replace(candidate, clock=Clock.INVALIDATED)
        elif limits.max_age is not None and age > limits.max_age:
            yield replace(candidate, clock=Clock.AGE)
        elif entry.keep_until is not None and entry.keep_until <= limits.now:
            kept = entry.kept.intersection(candidate.blobs)
            has_outputs = any(variant.blobs for variant in entry.variants)
            if has_outputs and self.content.final.get(entry.key) != entry.origin.run:
                yield replace(candidate, clock=Clock.INTERMEDIATE)
            else:
                rest = tuple(digest for digest in candidate.blobs if digest not in kept)
                clock = Clock.INTERMEDIATE
                yield replace(candidate, blobs=rest, clock=clock, workspace_only=True)

    # clear

    def clear(self, keys: Iterable[ReuseKey] | None = None) -> int:
        """Remove the given entries and the blobs that only they need, or everything."""
        with self.content.lock:
            return self._clear_all() if keys is None else self._clear(keys)

    def _clear_all(self) -> int:
        content = self.content
        cleared = len(content.entries)
        for kept in (content.entries, content.blobs, content.runs, content.digests, content.pins):
            kept.clear()
        content.evicted.clear()
        content.final.clear()
        content.quarantined = 0
        content.set_aside.clear()
        return cleared

    def _clear(self, keys: Iterable[ReuseKey]) -> int:
        content = self.content
        going = {key: content.entry(key) for key in set(keys) & content.entries.keys()}
        for key in going:
            content.drop(key)
            content.pins.pop(key, None)
        wanted = {blob.digest for entry in content.sound() for blob in entry.blobs}
        for entry in going.values():
            for blob in entry.blobs if entry is not None else ():
                if blob.digest not in wanted:
                    content.blobs.pop(blob.digest, None)
        return len(going)

    def take_back(self, run: str, keys: Iterable[ReuseKey]) -> int:
        """Remove the entries that a run made, but for those that another uses."""
        content = self.content
        with content.lock:
            held = {key for other, held in content.leases.items() if other != run for key in held}
            made = {
                key
                for key in set(keys) - held
                if (entry := content.entry(key)) is not None and entry.origin.run == run
            }
            if content.leases.keys() - {run}:
                # One of their blobs may be waiting for an entry of another run.
                for key in made:
                    content.drop(key)
                return len(made)
            return self._clear(made)
