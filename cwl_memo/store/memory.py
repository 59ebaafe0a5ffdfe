"""A store in memory, for tests and for embedders that want no directory."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import Digest, ReuseKey, digest_of_bytes
from cwl_memo.core.entry import Entry
from cwl_memo.core.mode import USUAL, Mode
from cwl_memo.core.note import Note, Tombstone
from cwl_memo.core.retention import Candidate, Clock, Evicted, Limits, choose_victims
from cwl_memo.errors import (
    FormatError,
    InvalidatedError,
    PinnedError,
    StoreDamagedError,
    StoreError,
)
from cwl_memo.store.blob import ORPHAN_AGE
from cwl_memo.store.clock import now
from cwl_memo.store.failure import reading
from cwl_memo.store.hashing import hash_descriptor
from cwl_memo.store.index import is_racy
from cwl_memo.store.near import Near
from cwl_memo.store.note_file import seal_note, tombstone_of
from cwl_memo.store.permission import set_mode
from cwl_memo.store.protocol import (
    Claim,
    Eviction,
    FileDigest,
    FileIdentity,
    Progress,
    StoreStats,
    VerifyReport,
)
from cwl_memo.store.regular import open_regular, write_all
from cwl_memo.store.run_id import check_run

__all__ = ["MemoryStore"]


@dataclass(frozen=True)
class _Blob:
    data: bytes
    since: float


class MemoryStore(Near):
    """Entries and blobs in the memory of this process.

    Entries are kept as JSON, so that what comes out has gone through the same parser as
    in every other store.
    """

    def __init__(self) -> None:
        self.location = "memory:"
        self.writable = True
        self._entries: dict[ReuseKey, bytes] = {}
        self._used: dict[ReuseKey, float] = {}
        self._published: list[ReuseKey] = []
        self._evicted: dict[ReuseKey, Evicted] = {}
        self._final: dict[ReuseKey, str] = {}
        self._blobs: dict[Digest, _Blob] = {}
        self._quarantined = 0
        self.set_aside: list[tuple[Entry, str]] = []
        self._claimed: set[ReuseKey] = set()
        self._leases: dict[str, set[ReuseKey]] = {}
        self._digests: dict[FileIdentity, FileDigest] = {}
        self._runs: dict[str, list[str]] = {}
        self._tombstones: dict[ReuseKey, Tombstone] = {}
        self._pins: dict[ReuseKey, Note] = {}
        self._secret = secrets.token_bytes(32)
        self._lock = threading.RLock()

    # entries

    def get_entry(self, key: ReuseKey) -> Entry | None:
        """Return the entry of a key; None where there is none or it was damaged."""
        with self._lock:
            data = self._entries.get(key)
            if data is None:
                return None
            try:
                return Entry.from_json(json.loads(data))
            except (FormatError, ValueError):
                del self._entries[key]
                self._quarantined += 1
                return None

    def publish(self, entry: Entry) -> None:
        """Make an entry visible, atomically, in place of an older one of its key.

        :raises StoreDamagedError: if one of its blobs is not there.
        :raises InvalidatedError: if the tombstone of its key is meant for it.
        """
        if entry.is_dead(self.tombstone(entry.key)):
            raise InvalidatedError(f"entry {entry.key} was invalidated")
        try:
            data = canonical_bytes(entry.to_json())
        except (TypeError, ValueError, RecursionError) as error:
            raise StoreError(f"entry {entry.key} cannot be written: {error}") from error
        with self._lock:
            for blob in entry.blobs:
                if not self.check_blob(blob.digest, blob.size):
                    raise StoreDamagedError(f"entry {entry.key}: blob {blob.digest} is not there")
            self._entries[entry.key] = data
            self._evicted.pop(entry.key, None)
            self._used[entry.key] = time.time()
            self._published.append(entry.key)

    def is_evicted(self, key: ReuseKey) -> bool:
        """Tell whether an entry's blobs were taken by retention, its metadata kept."""
        return key in self._evicted and not self._evicted[key].workspace_only

    def eviction(self, key: ReuseKey) -> Evicted | None:
        """Return what retention took of an entry, and why; None for an entry that is whole."""
        return self._evicted.get(key)

    def mark_final(self, key: ReuseKey, run: str) -> None:
        """Note that outputs of the entry that a run recorded were outputs of that run."""
        self._final[key] = run

    def quarantine_entry(self, entry: Entry, reason: str) -> bool:
        """Set an entry aside, with the reason; return whether it was there."""
        with self._lock:
            there = self.get_entry(entry.key)
            if there is None or there.origin != entry.origin:
                return False
            self.set_aside.append((there, reason))
            self._quarantined += 1
            self.drop_entry(entry.key)
            return True

    def drop_entry(self, key: ReuseKey) -> None:
        """Forget an entry; not an error where there is none."""
        with self._lock:
            self._entries.pop(key, None)
            self._evicted.pop(key, None)
            self._final.pop(key, None)

    def keys(self, prefix: str = "") -> Iterator[ReuseKey]:
        """Yield the keys of all entries, or of those that begin so, in no order."""
        yield from [key for key in self._entries if key.hex.startswith(prefix)]

    def recent(self, tool: str, limit: int) -> list[ReuseKey]:
        """Return the keys of the latest entries of a tool label, newest first."""
        latest = []
        for key in dict.fromkeys(reversed(self._published)):
            entry = self.get_entry(key)
            if entry is not None and entry.origin.tool == tool:
                latest.append(key)
        return latest[:limit]

    # blobs

    def ingest_file(self, path: Path) -> FileDigest:
        """Take a regular file's bytes in as a blob, reading it once."""
        parts: list[bytes] = []
        with reading(f"read {path}"), open_regular(path, follow=True) as descriptor:
            found = hash_descriptor(descriptor, keep=lambda part: parts.append(bytes(part)))
        self._blobs[found.digest] = _Blob(b"".join(parts), time.time())
        return found

    def ingest_bytes(self, data: bytes) -> Digest:
        """Take bytes in as a blob."""
        digest = digest_of_bytes(data)
        self._blobs[digest] = _Blob(data, time.time())
        return digest

    def receive(self, digest: Digest, size: int, write: Callable[[Path], None]) -> None:
        """Take in a blob that comes from elsewhere, its bytes checked by who writes it."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "blob")
            write(path)
            data = path.read_bytes()
        if len(data) != size:
            raise StoreDamagedError(f"blob {digest} has {len(data)} bytes, not {size}")
        self._blobs[digest] = _Blob(data, time.time())

    def check_blob(self, digest: Digest, size: int) -> bool:
        """Tell whether a blob is there and sound."""
        blob = self._blobs.get(digest)
        return blob is not None and len(blob.data) == size

    def read_blob(self, digest: Digest) -> bytes:
        """Return a blob's bytes."""
        blob = self._blobs.get(digest)
        if blob is None:
            raise StoreDamagedError(f"blob {digest} is missing")
        return blob.data

    def materialise(
        self,
        digest: Digest,
        target: Path,
        *,
        mode: Mode = USUAL,
        hardlink: bool = False,  # noqa: ARG002  (there is nothing to link to)
    ) -> None:
        """Make a blob appear as a new file at ``target``, whose directory exists."""
        data = self.read_blob(digest)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with reading(f"materialise {target}"):
            descriptor = os.open(target, flags, mode.asked)
            try:
                write_all(descriptor, data)
                set_mode(descriptor, mode)
            finally:
                os.close(descriptor)

    # use

    def begin_run(self, run: str) -> None:
        """Say that a run lives: until it ends, what it holds is not evicted."""
        self._leases.setdefault(check_run(run), set())

    def end_run(self, run: str) -> None:
        """Say that a run has ended."""
        self._leases.pop(run, None)

    def hold(self, run: str, key: ReuseKey, when: float) -> None:
        """Note that a run uses an entry."""
        with self._lock:
            if run in self._leases:
                self._leases[run].add(key)
            self._used[key] = when

    def take_back(self, run: str, keys: Iterable[ReuseKey]) -> int:
        """Remove the entries that a run made, but for those that another uses."""
        with self._lock:
            held = {key for other, held in self._leases.items() if other != run for key in held}
            made = {
                key
                for key in set(keys) - held
                if (entry := self.get_entry(key)) is not None and entry.origin.run == run
            }
            if self._leases.keys() - {run}:
                # One of their blobs may be waiting for an entry of another run.
                for key in made:
                    self.drop_entry(key)
                return len(made)
            return self.clear(made)

    def claim(self, key: ReuseKey) -> Claim | None:
        """Return the right to execute a key's job, or None if somebody has it."""
        with self._lock:
            if key in self._claimed:
                return None
            self._claimed.add(key)
        return _MemoryClaim(self._claimed, key)

    # digests of files outside the store

    def known_digest(self, identity: FileIdentity) -> FileDigest | None:
        """Return the digest remembered for an unchanged file."""
        return self._digests.get(identity)

    def remember_digest(self, identity: FileIdentity, digest: FileDigest, hashed_ns: int) -> None:
        """Remember a digest, unless the file is too young."""
        if not is_racy(identity, hashed_ns):
            self._digests[identity] = digest

    def secret(self) -> bytes:
        """Return the store's own key, with which secret inputs are hashed."""
        return self._secret

    # runs

    def append_run(self, run: str, line: dict[str, Any]) -> None:
        """Add one line to a run's record."""
        try:
            text = json.dumps(line, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise StoreError(f"run {run}: not a line of a record: {error}") from error
        with self._lock:
            self._runs.setdefault(check_run(run), []).append(text)

    def read_run(self, run: str) -> list[dict[str, Any]]:
        """Return the lines of a run's record; empty where there is none."""
        return [json.loads(text) for text in self._runs.get(run, ())]

    def runs(self) -> list[str]:
        """Return the ids of all recorded runs, oldest first: they begin with the time."""
        return sorted(self._runs)

    # what people say of entries

    def invalidate(
        self, keys: Iterable[ReuseKey], reason: str, *, who: str = "", force: bool = False
    ) -> int:
        """Take back what is recorded under keys; return of how many.

        :raises PinnedError: if one is pinned, and is not to go by ``force``.
        """
        with self._lock:
            chosen = dict.fromkeys(keys)
            pinned = chosen.keys() & self._pins.keys()
            if pinned and not force:
                raise PinnedError(f"{len(pinned)} of the entries are pinned")
            for key in chosen:
                note = seal_note(key, Note(reason, now(), who))
                self._tombstones[key] = tombstone_of(note)
                self._pins.pop(key, None)
            return len(chosen)

    def tombstone(self, key: ReuseKey) -> Tombstone | None:
        """Return the tombstone of a key; None where its entry was never taken back."""
        return self._tombstones.get(key)

    def keep_tombstone(self, key: ReuseKey, tombstone: Tombstone) -> bool:
        """Have a tombstone from elsewhere here, too; False where there is another."""
        return self._tombstones.setdefault(key, tombstone) is tombstone

    def pin(self, key: ReuseKey, reason: str = "", *, who: str = "") -> None:
        """Have the entry of a key never evicted."""
        self._pins[key] = Note(reason, now(), who)

    def unpin(self, key: ReuseKey) -> bool:
        """Let the entry of a key be evicted as any other; return whether it was pinned."""
        return self._pins.pop(key, None) is not None

    def pins(self) -> Mapping[ReuseKey, Note]:
        """Return what was said of the entries that are pinned, by their keys."""
        return dict(sorted(self._pins.items()))

    # upkeep

    def used_bytes(self) -> int:
        """Return how many bytes the blobs take."""
        with self._lock:
            return sum(len(blob.data) for blob in self._blobs.values())

    def stats(self) -> StoreStats:
        """Count what the store holds."""
        with self._lock:
            entries = self._all()
            return StoreStats(
                entries=len(entries),
                evicted=sum(1 for key in self._evicted if self.is_evicted(key)),
                trimmed=sum(1 for lost in self._evicted.values() if lost.workspace_only),
                blobs=len(self._blobs),
                blob_bytes=self.used_bytes(),
                quarantined=self._quarantined,
                runs=len(self._runs),
                seconds=sum(entry.origin.seconds for entry in entries),
                invalidated=len(self._dead(entries)),
                pinned=len(self._pins),
            )

    def verify(self, progress: Progress | None = None) -> VerifyReport:
        """Parse every entry again; bytes in memory are taken as they are."""
        with self._lock:
            keys = set(self._entries)
            entries = self._all()
            bad = sorted(key.hex for key in keys - self._entries.keys())
            wanted = {blob.digest for entry in entries for blob in entry.blobs}
            needed = {digest for entry in entries for digest in self._has(entry)}
            if progress is not None:
                progress(len(keys), len(keys))
            return VerifyReport(
                entries=len(keys),
                blobs=len(self._blobs),
                blob_bytes=self.used_bytes(),
                bad_entries=tuple(bad),
                bad_blobs=(),
                missing_blobs=tuple(str(d) for d in sorted(needed - self._blobs.keys())),
                orphan_blobs=len(self._blobs.keys() - wanted),
                invalidated=len(self._dead(entries)),
            )

    def is_due(self, max_size: int, max_age: float | None = None) -> bool:
        """Tell whether :meth:`gc` has something to do."""
        return bool(self.gc(max_size, max_age=max_age, dry_run=True))

    def gc(
        self,
        max_size: int,
        *,
        max_age: float | None = None,
        now: float | None = None,
        patience: float | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> list[Eviction]:
        """Evict what is past its time, then others until the blobs take at most ``max_size``."""
        limits = Limits(max_size, time.time() if now is None else now, max_age, patience)
        with self._lock:
            entries = {e.key: e for e in self._all() if not self.is_evicted(e.key)}
            orphans = self._blobs.keys() - {b for e in entries.values() for b in self._has(e)}
            old = {d for d in orphans if self._blobs[d].since < time.time() - ORPHAN_AGE}
            sizes = {digest: len(blob.data) for digest, blob in self._blobs.items()}
            room = max_size - sum(sizes[digest] for digest in orphans - old)
            candidates = [self._candidate(entry) for entry in entries.values()]
            overdue = [c for e in entries.values() for c in self._overdue(e, limits)]
            victims = choose_victims(candidates, sizes, replace(limits, max_size=room), overdue)
            if not dry_run:
                for victim in victims:
                    lost = Evicted(victim.candidate.clock, victim.candidate.workspace_only)
                    self._evicted[victim.candidate.key] = lost
                for digest in old.union(*(v.candidate.blobs for v in victims)):
                    if not any(digest in self._has(entry) for entry in entries.values()):
                        del self._blobs[digest]
            if progress is not None:
                progress(len(entries), len(entries))
            return [
                Eviction(c.key, entries[c.key].origin.tool, v.freed, c.clock, c.workspace_only)
                for v in victims
                for c in (v.candidate,)
            ]

    def clear(self, keys: Iterable[ReuseKey] | None = None) -> int:
        """Remove the given entries and the blobs that only they need, or everything."""
        with self._lock:
            if keys is None:
                cleared = len(self._entries)
                for kept in (self._entries, self._blobs, self._runs, self._digests, self._pins):
                    kept.clear()
                self._evicted.clear()
                self._final.clear()
                self._quarantined = 0
                self.set_aside.clear()
                return cleared
            going = {key: self.get_entry(key) for key in set(keys) & self._entries.keys()}
            for key in going:
                self.drop_entry(key)
                self._pins.pop(key, None)
            wanted = {blob.digest for entry in self._all() for blob in entry.blobs}
            for entry in going.values():
                for blob in entry.blobs if entry is not None else ():
                    if blob.digest not in wanted:
                        self._blobs.pop(blob.digest, None)
            return len(going)

    def close(self) -> None:
        """End the runs; what is recorded stays as long as the object."""
        self._leases.clear()

    def _has(self, entry: Entry) -> tuple[Digest, ...]:
        """Return the blobs that an entry still needs and that are there."""
        lost = self._evicted.get(entry.key)
        needed = dict.fromkeys(blob.digest for blob in entry.blobs)
        if lost is not None:
            kept = entry.kept if lost.workspace_only else frozenset()
            needed = {digest: None for digest in needed if digest in kept}
        return tuple(digest for digest in needed if digest in self._blobs)

    def _candidate(self, entry: Entry) -> Candidate[Digest]:
        held = entry.key in self._pins or any(entry.key in keys for keys in self._leases.values())
        used, seconds = self._used[entry.key], entry.origin.seconds
        return Candidate(entry.key, used, self._has(entry), held, seconds)

    def _overdue(self, entry: Entry, limits: Limits) -> Iterator[Candidate[Digest]]:
        """Yield an entry as what it loses because its time is over, if that is so."""
        candidate = self._candidate(entry)
        age = limits.now - candidate.used
        if entry.is_dead(self.tombstone(entry.key)):
            yield replace(candidate, clock=Clock.INVALIDATED)
        elif limits.max_age is not None and age > limits.max_age:
            yield replace(candidate, clock=Clock.AGE)
        elif entry.keep_until is not None and entry.keep_until <= limits.now:
            kept = entry.kept.intersection(candidate.blobs)
            has_outputs = any(variant.blobs for variant in entry.variants)
            if has_outputs and self._final.get(entry.key) != entry.origin.run:
                yield replace(candidate, clock=Clock.INTERMEDIATE)
            else:
                rest = tuple(digest for digest in candidate.blobs if digest not in kept)
                clock = Clock.INTERMEDIATE
                yield replace(candidate, blobs=rest, clock=clock, workspace_only=True)

    def _dead(self, entries: Iterable[Entry]) -> set[ReuseKey]:
        return {entry.key for entry in entries if entry.is_dead(self.tombstone(entry.key))}

    def _all(self) -> list[Entry]:
        return [entry for key in list(self._entries) if (entry := self.get_entry(key)) is not None]


class _MemoryClaim:
    """The right to execute a job, among the threads of this process."""

    def __init__(self, claimed: set[ReuseKey], key: ReuseKey) -> None:
        self._claimed: set[ReuseKey] | None = claimed
        self._key = key

    def release(self) -> None:
        """Let others have it."""
        claimed, self._claimed = self._claimed, None
        if claimed is not None:
            claimed.discard(self._key)
