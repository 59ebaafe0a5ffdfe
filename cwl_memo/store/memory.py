"""A store in memory, for tests and for embedders that want no directory."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import Digest, ReuseKey, digest_of_bytes
from cwl_memo.core.entry import Entry
from cwl_memo.core.mode import USUAL, Mode
from cwl_memo.core.note import Note, Tombstone
from cwl_memo.core.retention import Evicted, Limits
from cwl_memo.errors import (
    InvalidatedError,
    PinnedError,
    StoreDamagedError,
    StoreError,
)
from cwl_memo.store.clock import now
from cwl_memo.store.failure import reading
from cwl_memo.store.hashing import hash_descriptor
from cwl_memo.store.index import is_racy
from cwl_memo.store.memory_content import Content, MemoryBlob
from cwl_memo.store.memory_upkeep import MemoryUpkeep
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


class MemoryStore(Near):
    """Entries and blobs in the memory of this process.

    Entries are kept as JSON, so that what comes out has gone through the same parser as
    in every other store.
    """

    def __init__(self) -> None:
        self.location = "memory:"
        self.writable = True
        self._content = Content()
        self._upkeep = MemoryUpkeep(self._content)

    @property
    def set_aside(self) -> list[tuple[Entry, str]]:
        """The sound entries that were set aside, and why."""
        return self._content.set_aside

    # entries

    def get_entry(self, key: ReuseKey) -> Entry | None:
        """Return the entry of a key; None where there is none or it was damaged."""
        return self._content.entry(key)

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
        with self._content.lock:
            for blob in entry.blobs:
                if not self.check_blob(blob.digest, blob.size):
                    raise StoreDamagedError(f"entry {entry.key}: blob {blob.digest} is not there")
            self._content.entries[entry.key] = data
            self._content.evicted.pop(entry.key, None)
            self._content.used[entry.key] = time.time()
            self._content.published.append(entry.key)

    def is_evicted(self, key: ReuseKey) -> bool:
        """Tell whether an entry's blobs were taken by retention, its metadata kept."""
        return self._content.is_evicted(key)

    def eviction(self, key: ReuseKey) -> Evicted | None:
        """Return what retention took of an entry, and why; None for an entry that is whole."""
        return self._content.evicted.get(key)

    def mark_final(self, key: ReuseKey, run: str) -> None:
        """Note that outputs of the entry that a run recorded were outputs of that run."""
        self._content.final[key] = run

    def quarantine_entry(self, entry: Entry, reason: str) -> bool:
        """Set an entry aside, with the reason; return whether it was there."""
        with self._content.lock:
            there = self.get_entry(entry.key)
            if there is None or there.origin != entry.origin:
                return False
            self.set_aside.append((there, reason))
            self._content.quarantined += 1
            self.drop_entry(entry.key)
            return True

    def drop_entry(self, key: ReuseKey) -> None:
        """Forget an entry; not an error where there is none."""
        self._content.drop(key)

    def keys(self, prefix: str = "") -> Iterator[ReuseKey]:
        """Yield the keys of all entries, or of those that begin so, in no order."""
        yield from [key for key in self._content.entries if key.hex.startswith(prefix)]

    def recent(self, tool: str, limit: int) -> list[ReuseKey]:
        """Return the keys of the latest entries of a tool label, newest first."""
        latest = []
        for key in dict.fromkeys(reversed(self._content.published)):
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
        self._content.blobs[found.digest] = MemoryBlob(b"".join(parts), time.time())
        return found

    def ingest_bytes(self, data: bytes) -> Digest:
        """Take bytes in as a blob."""
        digest = digest_of_bytes(data)
        self._content.blobs[digest] = MemoryBlob(data, time.time())
        return digest

    def receive(self, digest: Digest, size: int, write: Callable[[Path], None]) -> None:
        """Take in a blob that comes from elsewhere, its bytes checked by who writes it."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "blob")
            write(path)
            data = path.read_bytes()
        if len(data) != size:
            raise StoreDamagedError(f"blob {digest} has {len(data)} bytes, not {size}")
        self._content.blobs[digest] = MemoryBlob(data, time.time())

    def check_blob(self, digest: Digest, size: int) -> bool:
        """Tell whether a blob is there and sound."""
        blob = self._content.blobs.get(digest)
        return blob is not None and len(blob.data) == size

    def read_blob(self, digest: Digest) -> bytes:
        """Return a blob's bytes."""
        blob = self._content.blobs.get(digest)
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
        self._content.leases.setdefault(check_run(run), set())

    def end_run(self, run: str) -> None:
        """Say that a run has ended."""
        self._content.leases.pop(run, None)

    def hold(self, run: str, key: ReuseKey, when: float) -> None:
        """Note that a run uses an entry."""
        with self._content.lock:
            if run in self._content.leases:
                self._content.leases[run].add(key)
            self._content.used[key] = when

    def take_back(self, run: str, keys: Iterable[ReuseKey]) -> int:
        """Remove the entries that a run made, but for those that another uses."""
        return self._upkeep.take_back(run, keys)

    def claim(self, key: ReuseKey) -> Claim | None:
        """Return the right to execute a key's job, or None if somebody has it."""
        with self._content.lock:
            if key in self._content.claimed:
                return None
            self._content.claimed.add(key)
        return _MemoryClaim(self._content.claimed, key)

    # digests of files outside the store

    def known_digest(self, identity: FileIdentity) -> FileDigest | None:
        """Return the digest remembered for an unchanged file."""
        return self._content.digests.get(identity)

    def remember_digest(self, identity: FileIdentity, digest: FileDigest, hashed_ns: int) -> None:
        """Remember a digest, unless the file is too young."""
        if not is_racy(identity, hashed_ns):
            self._content.digests[identity] = digest

    def secret(self) -> bytes:
        """Return the store's own key, with which secret inputs are hashed."""
        return self._content.secret

    # runs

    def append_run(self, run: str, line: dict[str, Any]) -> None:
        """Add one line to a run's record."""
        try:
            text = json.dumps(line, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise StoreError(f"run {run}: not a line of a record: {error}") from error
        with self._content.lock:
            self._content.runs.setdefault(check_run(run), []).append(text)

    def read_run(self, run: str) -> list[dict[str, Any]]:
        """Return the lines of a run's record; empty where there is none."""
        return [json.loads(text) for text in self._content.runs.get(run, ())]

    def runs(self) -> list[str]:
        """Return the ids of all recorded runs, oldest first: they begin with the time."""
        return sorted(self._content.runs)

    # what people say of entries

    def invalidate(
        self, keys: Iterable[ReuseKey], reason: str, *, who: str = "", force: bool = False
    ) -> int:
        """Take back what is recorded under keys; return of how many.

        :raises PinnedError: if one is pinned, and is not to go by ``force``.
        """
        with self._content.lock:
            chosen = dict.fromkeys(keys)
            pinned = chosen.keys() & self._content.pins.keys()
            if pinned and not force:
                raise PinnedError(f"{len(pinned)} of the entries are pinned")
            for key in chosen:
                note = seal_note(key, Note(reason, now(), who))
                self._content.tombstones[key] = tombstone_of(note)
                self._content.pins.pop(key, None)
            return len(chosen)

    def tombstone(self, key: ReuseKey) -> Tombstone | None:
        """Return the tombstone of a key; None where its entry was never taken back."""
        return self._content.tombstones.get(key)

    def keep_tombstone(self, key: ReuseKey, tombstone: Tombstone) -> bool:
        """Have a tombstone from elsewhere here; False where it does not stand for what is."""
        with self._content.lock:
            here = self._content.tombstones.setdefault(key, tombstone)
            if not tombstone.stands_for(here):
                return False
            self._content.tombstones[key] = tombstone
            return True

    def pin(self, key: ReuseKey, reason: str = "", *, who: str = "") -> None:
        """Have the entry of a key never evicted."""
        self._content.pins[key] = Note(reason, now(), who)

    def unpin(self, key: ReuseKey) -> bool:
        """Let the entry of a key be evicted as any other; return whether it was pinned."""
        return self._content.pins.pop(key, None) is not None

    def pins(self) -> Mapping[ReuseKey, Note]:
        """Return what was said of the entries that are pinned, by their keys."""
        return dict(sorted(self._content.pins.items()))

    # upkeep

    def used_bytes(self) -> int:
        """Return how many bytes the blobs take."""
        return self._content.blob_bytes()

    def stats(self) -> StoreStats:
        """Count what the store holds."""
        return self._upkeep.stats()

    def verify(self, progress: Progress | None = None) -> VerifyReport:
        """Parse every entry again; bytes in memory are taken as they are."""
        return self._upkeep.verify(progress)

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
        return self._upkeep.gc(limits, dry_run=dry_run, progress=progress)

    def clear(self, keys: Iterable[ReuseKey] | None = None) -> int:
        """Remove the given entries and the blobs that only they need, or everything."""
        return self._upkeep.clear(keys)

    def close(self) -> None:
        """End the runs; what is recorded stays as long as the object."""
        self._content.leases.clear()


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
