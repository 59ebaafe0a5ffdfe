"""Upkeep of a local store: count, verify, collect, clear."""

from __future__ import annotations

import contextlib
import shutil
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import ENTRY_FORMAT
from cwl_memo.core.retention import Candidate, Victim, choose_victims
from cwl_memo.errors import FormatError, StoreError
from cwl_memo.store.blob import ORPHAN_AGE, BlobFiles
from cwl_memo.store.claim import try_lock
from cwl_memo.store.entry_file import EntryFiles
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.index import Index
from cwl_memo.store.layout import Layout
from cwl_memo.store.lease import Leases
from cwl_memo.store.protocol import Eviction, Progress, StoreStats, VerifyReport
from cwl_memo.store.quarantine import Quarantine
from cwl_memo.store.run_file import RunFiles

__all__ = ["Upkeep"]

_QUARANTINE_AGE: Final = 30 * 24 * 3600.0
"""Seconds for which somebody may still want to look at what was damaged."""


@dataclass
class _Found:
    """What a look through the whole store showed."""

    sizes: dict[Digest, int]
    old: set[Digest]
    candidates: list[Candidate]
    tools: dict[ReuseKey, str]
    keys: set[ReuseKey]


@dataclass(frozen=True)
class Upkeep:
    """What is done to a store as a whole; its parameters are the store's parts."""

    layout: Layout
    entries: EntryFiles
    blobs: BlobFiles
    index: Index
    leases: Leases
    runs: RunFiles
    quarantine: Quarantine

    # count

    def stats(self) -> StoreStats:
        """Count what the store holds."""
        entries = evicted = 0
        seconds = 0.0
        for key in self.entries.find():
            payload = self.entries.payload(key)
            if payload is None:
                continue
            entries += 1
            evicted += self.entries.is_evicted(key)
            seconds += _seconds(payload)
        with reading("count the blobs"):
            sizes = [found.st_size for _, found in self.blobs.find()]
            return StoreStats(
                entries=entries,
                evicted=evicted,
                blobs=len(sizes),
                blob_bytes=sum(sizes),
                quarantined=self.quarantine.count(),
                runs=len(self.runs.find()),
                seconds=seconds,
            )

    # verify

    def verify(self, progress: Progress | None) -> VerifyReport:
        """Read everything again; quarantine what is bad."""
        with reading("list the blobs"):
            sizes = {digest: found.st_size for digest, found in self.blobs.find()}
        keys = sorted(self.entries.find())
        steps = _Steps(progress, len(keys) + len(sizes))
        bad_entries: list[str] = []
        wanted: set[Digest] = set()
        needed: set[Digest] = set()
        for key in keys:
            # First as bytes: an entry of another format is sound, and needs its blobs.
            payload = self.entries.payload(key)
            if payload is None or (
                payload.get("format") == ENTRY_FORMAT and self.entries.get(key) is None
            ):
                bad_entries.append(key.hex)
            else:
                refers = set(_blobs(payload))
                wanted |= refers
                if not self.entries.is_evicted(key):
                    needed |= refers
            steps.step()
        bad_blobs = []
        for digest in sorted(sizes):
            if not self.blobs.read_again(digest):
                bad_blobs.append(digest)
            steps.step()
        sound = sizes.keys() - bad_blobs
        size = sum(sizes[digest] for digest in sound)
        self.index.set_total(size)
        return VerifyReport(
            entries=len(keys),
            blobs=len(sizes),
            blob_bytes=size,
            bad_entries=tuple(bad_entries),
            bad_blobs=tuple(str(digest) for digest in bad_blobs),
            missing_blobs=tuple(str(digest) for digest in sorted(needed - sizes.keys())),
            orphan_blobs=len(sound - wanted),
        )

    # collect

    def gc(self, max_size: int, *, dry_run: bool, progress: Progress | None) -> list[Eviction]:
        """Evict least recently used entries until the blobs take at most ``max_size`` bytes.

        Where another process is at it, nothing is done.
        """
        if dry_run:
            found = self._look(progress)
            return [_eviction(victim, found) for victim in self._choose(found, max_size)]
        with writing("collect"):
            lock = try_lock(self.layout.locks / "gc.lock")
        if lock is None:
            return []
        try:
            found = self._look(progress)
            victims = self._evict(found, self._choose(found, max_size))
            self._sweep_leftovers()
        finally:
            lock.release()
        return [_eviction(victim, found) for victim in victims]

    def _look(self, progress: Progress | None = None) -> _Found:
        # Blobs before entries: a blob that comes later is not in the list of what may go,
        # and an entry that comes later is looked for again before anything goes.
        self.index.flush()
        sizes = {}
        old = set()
        too_young = time.time() - ORPHAN_AGE
        with reading("list the blobs"):
            for digest, seen in self.blobs.find():
                if stat.S_ISREG(seen.st_mode):
                    sizes[digest] = seen.st_size
                    if seen.st_mtime < too_young:
                        old.add(digest)
        self.index.set_total(sum(sizes.values()))
        held = self.leases.held()
        found = _Found(sizes, old, [], {}, set(self.entries.find()))
        steps = _Steps(progress, len(found.keys))
        for key in found.keys:
            used = self.entries.used(key)
            payload = self.entries.payload(key)
            steps.step()
            if payload is not None and not self.entries.is_evicted(key):
                blobs = tuple(blob for blob in dict.fromkeys(_blobs(payload)) if blob in sizes)
                found.candidates.append(Candidate(key, used, blobs, key in held))
                found.tools[key] = _tool(payload)
        return found

    @staticmethod
    def _choose(found: _Found, max_size: int) -> list[Victim]:
        wanted = {blob for candidate in found.candidates for blob in candidate.blobs}
        # What jobs are ingesting at this moment takes room, too.
        young = found.sizes.keys() - wanted - found.old
        room = max_size - sum(found.sizes[blob] for blob in young)
        return choose_victims(found.candidates, found.sizes, room)

    def _evict(self, found: _Found, victims: list[Victim]) -> list[Victim]:
        """Take the blobs of the victims, and orphans; return who was not spared."""
        held = self.leases.held()
        victims = [
            victim
            for victim in victims
            # Used since it was looked at: somebody is about to materialise it.
            if victim.candidate.key not in held
            and self.entries.used(victim.candidate.key) == victim.candidate.used
        ]
        going = {victim.candidate.key for victim in victims}
        kept: set[Digest] = set()
        wanted: set[Digest] = set()
        for candidate in found.candidates:
            wanted.update(candidate.blobs)
            if candidate.key not in going:
                kept.update(candidate.blobs)
        for key in self.entries.find():
            if key not in found.keys:
                kept.update(_blobs(self.entries.payload(key) or {}))
        for victim in victims:
            self.entries.mark_evicted(victim.candidate.key)
        orphans = (found.sizes.keys() - wanted) & found.old
        taken = {blob for victim in victims for blob in victim.candidate.blobs}
        self.blobs.remove(sorted((taken | orphans) - kept))
        return victims

    def _sweep_leftovers(self) -> None:
        """Remove what killed processes left behind, and what was damaged long ago."""
        now = time.time()
        for directory, age in (
            (self.layout.tmp, ORPHAN_AGE),
            (self.layout.quarantine, _QUARANTINE_AGE),
        ):
            for path in directory.glob("*"):
                with contextlib.suppress(FileNotFoundError), writing("remove leftovers"):
                    if path.lstat().st_mtime < now - age:
                        _remove(path)
        for path in self.layout.locks.glob("*.lock"):
            with contextlib.suppress(OSError):
                if len(path.stem) == 64 and path.lstat().st_mtime < now - ORPHAN_AGE:
                    lock = try_lock(path)
                    if lock is not None:
                        path.unlink(missing_ok=True)
                        lock.release()

    # clear

    def clear(self, keys: Iterable[ReuseKey] | None) -> int:
        """Remove the given entries with the blobs that only they need, or everything."""
        return self._clear_all() if keys is None else self._clear_some(set(keys))

    def _clear_some(self, keys: set[ReuseKey]) -> int:
        held = keys & self.leases.held(own=False)
        if held:
            raise StoreError(f"a run that still lives holds {len(held)} of the entries")
        found = self._look()
        cleared = sum([self.entries.drop(key) for key in sorted(keys)])
        kept = {b for c in found.candidates if c.key not in keys for b in c.blobs}
        taken = {b for c in found.candidates if c.key in keys for b in c.blobs}
        self.blobs.remove(sorted(taken - kept))
        return cleared

    def _clear_all(self) -> int:
        if self.leases.others_live():
            raise StoreError("a run that still lives uses the store")
        cleared = sum([self.entries.drop(key) for key in list(self.entries.find())])
        with writing("clear the store"):
            for directory in (self.layout.entries, self.layout.blobs, self.layout.quarantine):
                for path in directory.glob("*"):
                    _remove(path)
            own = self.leases.own()
            for path in self.layout.runs.glob("*"):
                # A run of this process goes on writing.
                if path.stem not in own:
                    _remove(path)
        self.index.clear()
        return cleared


class _Steps:
    """Counts steps of long work and tells of them."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def step(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _eviction(victim: Victim, found: _Found) -> Eviction:
    key = victim.candidate.key
    return Eviction(key, found.tools[key], victim.freed)


# An entry of a newer format is read as far as it looks familiar: its blobs are needed.


def _blobs(payload: dict[str, Any]) -> Iterable[Digest]:
    blobs = payload.get("blobs")
    for blob in blobs if isinstance(blobs, list) else ():
        with contextlib.suppress(FormatError):
            yield Digest.parse(blob.get("digest") if isinstance(blob, dict) else None)


def _origin(payload: dict[str, Any], name: str) -> Any:
    origin = payload.get("origin")
    return origin.get(name) if isinstance(origin, dict) else None


def _tool(payload: dict[str, Any]) -> str:
    return str(_origin(payload, "tool") or "")


def _seconds(payload: dict[str, Any]) -> float:
    seconds = _origin(payload, "seconds")
    return float(seconds) if isinstance(seconds, int | float) else 0.0
