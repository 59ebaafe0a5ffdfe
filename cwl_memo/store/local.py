"""The local store: a directory of one user on one machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.core.manifest import StatIdentity, UsedEntry
from cwl_memo.core.mode import USUAL, Mode
from cwl_memo.core.note import Note, Tombstone
from cwl_memo.core.retention import Evicted, Limits
from cwl_memo.errors import InvalidatedError, PinnedError, StoreReadOnlyError
from cwl_memo.store.clock import now
from cwl_memo.store.failure import reading
from cwl_memo.store.local_parts import LocalParts
from cwl_memo.store.manifest_file import name_of_run, used_entry
from cwl_memo.store.materialise import copy_blob, link_blob, write_blob
from cwl_memo.store.near import Near
from cwl_memo.store.protocol import (
    Claim,
    Eviction,
    FileDigest,
    FileIdentity,
    Progress,
    StoreStats,
    VerifyReport,
)
from cwl_memo.store.regular import is_regular
from cwl_memo.store.secret_file import read_secret
from cwl_memo.store.spool import Spool
from cwl_memo.store.untold import Untold

__all__ = ["LocalStore", "open_store"]

_INDEX_TIMEOUT: Final = 60.0
"""Seconds to wait for another process that writes to the index."""


def open_store(path: str | os.PathLike[str], *, readonly: bool = False) -> LocalStore:
    """Open the store in a directory, which is made if it does not exist.

    A store that may not be written is opened for reading.

    :raises StoreUnavailableError: if the directory is not a store and not empty, or is of
        a newer format, or cannot be made. Nothing in it has been touched then.
    """
    return LocalStore(Path(path), readonly=readonly)


class LocalStore(Near):
    """Entries and blobs as files in a directory.

    :param path: the directory.
    :param readonly: whether nothing may be written though it could be.
    :param index_timeout: seconds to wait for another process that writes to the index.
    """

    def __init__(
        self, path: Path, *, readonly: bool = False, index_timeout: float = _INDEX_TIMEOUT
    ) -> None:
        parts = LocalParts.opened(path, readonly=readonly, index_timeout=index_timeout)
        self.location = str(parts.layout.root)
        self.writable = parts.writable
        self._layout = parts.layout
        self._quarantine = parts.quarantine
        self._entries = parts.entries
        self._index = parts.index
        self._blobs = parts.blobs
        self._claims = parts.claims
        self._leases = parts.leases
        self._runs = parts.runs
        self._tombstones = parts.tombstones
        self._pins = parts.pins
        self.manifests = parts.manifests
        self._indexed = parts.indexed()
        self._upkeep = parts.upkeep()

    def _must_write(self) -> None:
        if not self.writable:
            raise StoreReadOnlyError(f"the store {self.location} can be read but not written")

    # entries

    def get_entry(self, key: ReuseKey) -> Entry | None:
        """Return the entry of a key; None where there is none or it was damaged."""
        return self._entries.get(key)

    def publish(self, entry: Entry) -> None:
        """Make an entry visible, atomically, in place of an older one of its key.

        :raises StoreDamagedError: if one of its blobs is not there.
        :raises InvalidatedError: if the tombstone of its key is meant for it.
        """
        self._must_write()
        if entry.is_dead(self.tombstone(entry.key)):
            # It would only take the place of one that is alive.
            raise InvalidatedError(f"entry {entry.key} was invalidated")
        self._indexed.publish(entry)

    def is_evicted(self, key: ReuseKey) -> bool:
        """Tell whether an entry's blobs were taken by retention, its metadata kept."""
        evicted = self._entries.eviction(key)
        return evicted is not None and not evicted.workspace_only

    def eviction(self, key: ReuseKey) -> Evicted | None:
        """Return what retention took of an entry, and why; None for an entry that is whole."""
        return self._entries.eviction(key)

    def mark_final(self, key: ReuseKey, run: str) -> None:
        """Note that outputs of the entry that a run recorded were outputs of that run."""
        self._must_write()
        self._entries.mark_final(key, run)

    def quarantine_entry(self, entry: Entry, reason: str) -> bool:
        """Set an entry aside, with the reason; return whether it was there."""
        self._must_write()
        return self._indexed.set_aside(entry, reason)

    def drop_entry(self, key: ReuseKey) -> None:
        """Forget an entry; not an error where there is none."""
        self._must_write()
        self._indexed.drop(key)

    def keys(self, prefix: str = "") -> Iterator[ReuseKey]:
        """Yield the keys of all entries, or of those that begin so, in no order."""
        return self._entries.find(prefix)

    def recent(self, tool: str, limit: int) -> list[ReuseKey]:
        """Return the keys of the latest entries of a tool label, newest first.

        At most :data:`~cwl_memo.store.latest.RECENT` of them are known.
        """
        return self._indexed.recent(tool, limit)

    def name_of_run(self, asked: JSON) -> str:
        """Return the name of the manifest of a command line in its surroundings.

        :raises StoreError: if the store has no key to hide it with.
        """
        return name_of_run(asked, self.secret())

    def used_entry(self, key: str) -> UsedEntry | None:
        """Return the entry of a key as this run used it; None where there is none, or no blobs.

        Whether it is still there is seen by whoever relies on it.
        """
        name = ReuseKey(key)
        known = self._entries.digest(name)
        return used_entry(self._layout, name) if known is None else UsedEntry(name, known)

    # blobs

    def blob_identity(self, digest: Digest) -> StatIdentity | None:
        """Return by what a sound blob is known to be as it is; None for any other."""
        return self._blobs.stat_identity(digest)

    def ingest_file(self, path: Path) -> FileDigest:
        """Take a regular file's bytes in as a blob, reading it once."""
        self._must_write()
        return self._blobs.ingest_file(path)

    def ingest_bytes(self, data: bytes) -> Digest:
        """Take bytes in as a blob."""
        self._must_write()
        return self._blobs.ingest_bytes(data)

    def check_blob(self, digest: Digest, size: int) -> bool:
        """Tell whether a blob is there and sound; quarantine it if it is not sound."""
        return self._blobs.check(digest, size)

    def read_blob(self, digest: Digest) -> bytes:
        """Return a blob's bytes, checked against the digest."""
        return self._blobs.read(digest)

    def open_blob(self, digest: Digest) -> IO[bytes]:
        """Open a sound blob for reading."""
        blob = self._blobs.sound_path(digest)
        with reading("read a blob"):
            return blob.open("rb")

    def receive(self, digest: Digest, size: int, write: Callable[[Path], None]) -> None:
        """Take in a blob that comes from elsewhere, its bytes checked by who writes it."""
        self._must_write()
        self._blobs.receive(digest, size, write)

    def materialise(
        self, digest: Digest, target: Path, *, mode: Mode = USUAL, hardlink: bool = False
    ) -> None:
        """Make a blob appear as a new file at ``target``, whose directory exists."""
        # A link has the mode of the blob, which all may read and nobody execute.
        is_link = hardlink and mode == USUAL and self.writable
        data = None if is_link else self._blobs.take_read(digest)
        if data is not None:
            write_blob(data, target, mode)
            return
        blob = self._blobs.sound_path(digest)
        if is_link:
            before = is_regular(blob)
            if before is not None and link_blob(blob, target):
                self._blobs.linked(digest, before)
                return
        copy_blob(blob, target, mode)

    # what others share

    def spool(self, location: str) -> Spool | None:
        """Return what is still to go up to a shared store; None where nothing can be noted."""
        return Spool(self._layout.uploads, location) if self.writable else None

    def untold(self, location: str) -> Untold:
        """Return what a shared store is still to be told, and what of it is not used here."""
        return Untold(self._layout.uploads, location)

    # use

    def begin_run(self, run: str) -> None:
        """Say that a run lives: until it ends, what it holds is not evicted.

        Where the store can only be read, this does nothing: nobody who can write to it
        sees the leases of one who cannot.
        """
        if self.writable:
            self._leases.begin(run)

    def end_run(self, run: str) -> None:
        """Say that a run has ended."""
        self._leases.end(run)

    def hold(self, run: str, key: ReuseKey, when: float) -> None:
        """Note that a run uses an entry; not more than a note, so never an error."""
        if self.writable:
            self._leases.hold(run, key)
            self._indexed.touch(key, when)

    def take_back(self, run: str, keys: Iterable[ReuseKey]) -> int:
        """Remove the entries that a run made, but for those that another uses."""
        self._must_write()
        return self._upkeep.take_back(run, keys)

    def claim(self, key: ReuseKey) -> Claim | None:
        """Return the right to execute a key's job, or None if somebody else has it."""
        self._must_write()
        return self._claims.claim(key)

    # digests of files outside the store

    def known_digest(self, identity: FileIdentity) -> FileDigest | None:
        """Return the digest remembered for an unchanged file."""
        return self._index.known_digest(identity)

    def remember_digest(self, identity: FileIdentity, digest: FileDigest, hashed_ns: int) -> None:
        """Remember a digest, unless the file is too young; for this process if read-only."""
        self._index.remember_digest(identity, digest, hashed_ns)

    def secret(self) -> bytes:
        """Return the store's own key, with which secret inputs are hashed."""
        return read_secret(self._layout, self._quarantine, writable=self.writable)

    # runs

    def append_run(self, run: str, line: dict[str, Any]) -> None:
        """Add one line to a run's record."""
        self._must_write()
        self._runs.append(run, line)

    def read_run(self, run: str) -> list[dict[str, Any]]:
        """Return the lines of a run's record; empty where there is none."""
        return self._runs.read(run)

    def runs(self) -> list[str]:
        """Return the ids of all recorded runs, oldest first: they begin with the time."""
        return self._runs.find()

    # what people say of entries

    def invalidate(
        self, keys: Iterable[ReuseKey], reason: str, *, who: str = "", force: bool = False
    ) -> int:
        """Take back what is recorded under keys; return of how many.

        :raises PinnedError: if one is pinned, and is not to go by ``force``.
        """
        self._must_write()
        chosen = dict.fromkeys(keys)
        pinned = chosen.keys() & set(self._pins.find())
        if pinned and not force:
            raise PinnedError(f"{len(pinned)} of the entries are pinned")
        note = Note(reason, now(), who)
        for key in chosen:
            self._tombstones.put(key, note)
        self._tombstones.settle()
        for key in pinned:
            self._pins.remove(key)
        return len(chosen)

    def tombstone(self, key: ReuseKey) -> Tombstone | None:
        """Return the tombstone of a key; None where its entry was never taken back."""
        return self._tombstones.get(key)

    def keep_tombstone(self, key: ReuseKey, tombstone: Tombstone) -> bool:
        """Have a tombstone from elsewhere here; False where it does not stand for what is."""
        self._must_write()
        return self._tombstones.keep(key, tombstone)

    def pin(self, key: ReuseKey, reason: str = "", *, who: str = "") -> None:
        """Have the entry of a key never evicted."""
        self._must_write()
        self._pins.write(key, Note(reason, now(), who))

    def unpin(self, key: ReuseKey) -> bool:
        """Let the entry of a key be evicted as any other; return whether it was pinned."""
        self._must_write()
        return self._pins.remove(key)

    def pins(self) -> Mapping[ReuseKey, Note]:
        """Return what was said of the entries that are pinned, by their keys."""
        return self._pins.all()

    # upkeep

    def used_bytes(self) -> int:
        """Return about how many bytes the blobs take, without looking at each."""
        return self._index.total(self._blobs.total)

    def stats(self) -> StoreStats:
        """Count what the store holds."""
        return self._upkeep.stats()

    def verify(self, progress: Progress | None = None) -> VerifyReport:
        """Read everything again; quarantine what is bad."""
        return self._upkeep.verify(progress)

    def is_due(self, max_size: int, max_age: float | None = None) -> bool:
        """Tell whether :meth:`gc` may have something to do, without looking at each entry."""
        return self.used_bytes() > max_size or self._index.is_due(max_age, time.time())

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
        if not dry_run:
            self._must_write()
        limits = Limits(max_size, time.time() if now is None else now, max_age, patience)
        return self._upkeep.gc(limits, dry_run=dry_run, progress=progress)

    def clear(self, keys: Iterable[ReuseKey] | None = None) -> int:
        """Remove the given entries and the blobs that only they need, or everything.

        Everything: entries, blobs, run records, what was quarantined and what was
        remembered; the store's key stays.

        :raises StoreError: if a run of another process lives and holds one of the
            entries, or everything is to go and such a run lives at all. What a run of
            this process holds is removed.
        """
        self._must_write()
        return self._upkeep.clear(keys)

    def close(self) -> None:
        """Write what waits to be written; end the runs and claims of this process."""
        self._claims.end_all()
        self._leases.end_all()
        self._runs.close()
        self._index.close()
