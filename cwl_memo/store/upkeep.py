"""Upkeep of a local store: count, verify, collect, clear."""

from __future__ import annotations

import contextlib
import shutil
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import ENTRY_FORMAT
from cwl_memo.core.retention import Limits
from cwl_memo.errors import StoreError
from cwl_memo.store.blob import ORPHAN_AGE, RECEIVED, BlobFiles, shards
from cwl_memo.store.census import Census, Steps, blobs_of, kept_of
from cwl_memo.store.claim import try_lock
from cwl_memo.store.collect import Collector
from cwl_memo.store.entry_file import EntryFiles
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.index import Index
from cwl_memo.store.layout import Layout
from cwl_memo.store.lease import Leases
from cwl_memo.store.note_file import Pins
from cwl_memo.store.protocol import Eviction, Progress, StoreStats, VerifyReport
from cwl_memo.store.quarantine import Quarantine
from cwl_memo.store.regular import is_regular
from cwl_memo.store.run_file import RunFiles

__all__ = ["Upkeep"]

_REF: Final = struct.Struct(">32sQ")

_BATCH: Final = 200
"""How many entries go while others wait to publish."""

_QUARANTINE_AGE: Final = 30 * 24 * 3600.0
"""Seconds for which somebody may still want to look at what was damaged."""

_PARTIAL_AGE: Final = 24 * 3600.0
"""Seconds for which a part of a large blob is kept that nobody goes on to fetch."""


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
    census: Census
    collector: Collector
    pins: Pins

    # count

    def _count_dead(self) -> int:
        """Return how many entries their tombstones are meant for."""
        return sum(1 for _ in self.collector.dead())

    def stats(self) -> StoreStats:
        """Count what the store holds."""
        entries = evicted = trimmed = 0
        seconds = 0.0
        # By the first byte of the digest, which is also the directory that it is in.
        known: list[bytearray] = [bytearray() for _ in range(256)]
        for _, summary, is_evicted, is_trimmed in self.census.take():
            entries += 1
            evicted += is_evicted
            trimmed += is_trimmed and not is_evicted
            seconds += summary.seconds
            for digest, size in summary.blobs():
                known[digest[0]] += digest + size.to_bytes(8, "big")
        with reading("count the blobs"):
            blobs, size = self._count_blobs(known)
            self.index.set_total(size)
            return StoreStats(
                entries=entries,
                evicted=evicted,
                blobs=blobs,
                blob_bytes=size,
                quarantined=self.quarantine.count(),
                runs=len(self.runs.find()),
                seconds=seconds,
                trimmed=trimmed,
                invalidated=self._count_dead(),
                pinned=sum(1 for _ in self.pins.find()),
            )

    def _count_blobs(self, known: list[bytearray]) -> tuple[int, int]:
        """Return how many blobs there are and what they take.

        :param known: digests and sizes of blobs that entries name, by their first byte.
        """
        count = total = 0
        for directory in shards(self.layout.blobs):
            sizes = None
            for digest in self.blobs.names(directory):
                if sizes is None:
                    sizes = dict(_REF.iter_unpack(known[digest[0]]))
                    known[digest[0]] = bytearray()
                size = sizes.get(digest)
                if size is None:
                    size = self._size(digest)
                count += 1
                total += size
        return count, total

    def _size(self, digest: bytes) -> int:
        found = is_regular(self.layout.blob(Digest(digest.hex())))
        return 0 if found is None else found.st_size

    # verify

    def verify(self, progress: Progress | None) -> VerifyReport:
        """Read everything again; quarantine what is bad."""
        with reading("list the blobs"):
            sizes = {
                digest: self._size(digest)
                for directory in shards(self.layout.blobs)
                for digest in self.blobs.names(directory)
            }
        keys = sorted(
            key
            for directory in self.census.shards()
            for key in self.entries.list_shard(directory).inodes
        )
        steps = Steps(progress, len(keys) + len(sizes))
        bad_entries: list[str] = []
        unwanted = set(sizes)
        missing: set[bytes] = set()
        for name in keys:
            key = ReuseKey(name.hex())
            # First as bytes: an entry of another format is sound, and needs its blobs.
            payload = self.entries.payload(key)
            if payload is None or (
                payload.get("format") == ENTRY_FORMAT and self.entries.get(key) is None
            ):
                bad_entries.append(key.hex)
            else:
                refers = {bytes.fromhex(blob.hex) for blob, _ in blobs_of(payload)}
                unwanted -= refers
                evicted = self.entries.eviction(key)
                if evicted is not None:
                    kept = {bytes.fromhex(blob.hex) for blob in kept_of(payload)}
                    refers = kept & refers if evicted.workspace_only else set()
                missing |= refers - sizes.keys()
            steps.step()
        bad_blobs = []
        for name in sorted(sizes):
            if not self.blobs.read_again(Digest(name.hex())):
                bad_blobs.append(name)
            steps.step()
        size = sum(sizes.values()) - sum(sizes[name] for name in bad_blobs)
        self.index.set_total(size)
        return VerifyReport(
            entries=len(keys),
            blobs=len(sizes),
            blob_bytes=size,
            bad_entries=tuple(bad_entries),
            bad_blobs=tuple(str(Digest(name.hex())) for name in bad_blobs),
            missing_blobs=tuple(str(Digest(name.hex())) for name in sorted(missing)),
            orphan_blobs=len(unwanted.difference(bad_blobs)),
            invalidated=self._count_dead(),
        )

    # collect

    def gc(self, limits: Limits, *, dry_run: bool, progress: Progress | None) -> list[Eviction]:
        """Evict what is past its time, and others until the rest fits.

        Where another process is at it, nothing is done.
        """
        if dry_run:
            return self.collector.foresee(limits, progress)
        evictions = self.collector.collect(limits, progress)
        if evictions is None:
            return []
        self._sweep_leftovers()
        return evictions

    def _sweep_leftovers(self) -> None:
        """Remove what killed processes left behind, and what was damaged long ago."""
        now = time.time()
        for directory, age in (
            (self.layout.tmp, ORPHAN_AGE),
            (self.layout.quarantine, _QUARANTINE_AGE),
        ):
            for path in directory.glob("*"):
                with writing("remove leftovers"), contextlib.suppress(FileNotFoundError):
                    is_partial = path.name.startswith(RECEIVED)
                    if _last_written(path) < now - (_PARTIAL_AGE if is_partial else age):
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
        return self.collector.clear(keys)

    def take_back(self, run: str, keys: Iterable[ReuseKey]) -> int:
        """Remove the entries that a run made, but for those that another uses."""
        freed: set[bytes] = set()
        taken = 0
        going = sorted(keys)
        for start in range(0, len(going), _BATCH):
            # With others kept from publishing, an entry is not another one a moment later.
            with self.collector.sweep.alone():
                held = self.leases.held_beside(run)
                for key in going[start : start + _BATCH]:
                    payload = self.entries.payload(key)
                    if key in held or payload is None or _run_of(payload) != run:
                        continue
                    self.index.forget_entry(key)
                    taken += self.entries.drop(key)
                    freed.update(bytes.fromhex(blob.hex) for blob, _ in blobs_of(payload))
        if taken:
            self.collector.free(freed, run)
        return taken

    def _clear_all(self) -> int:
        if self.leases.others_live():
            raise StoreError("a run that still lives uses the store")
        cleared = sum(1 for _ in self.entries.find())
        with writing("clear the store"):
            layout = self.layout
            # Not the tombstones: what was taken back stays so, wherever it comes from.
            cleared_too = (layout.blobs, layout.replays, layout.quarantine, layout.pins)
            for directory in (layout.entries, *cleared_too):
                for path in directory.glob("*"):
                    _remove(path)
            own = self.leases.own()
            for path in self.layout.runs.glob("*"):
                # A run of this process goes on writing.
                if path.stem not in own:
                    _remove(path)
        self.index.clear()
        return cleared


def _run_of(payload: dict[str, Any]) -> str:
    origin = payload.get("origin")
    return str(origin.get("run", "")) if isinstance(origin, dict) else ""


def _last_written(path: Path) -> float:
    """Return when a file was written to last, or the blob that comes into a directory."""
    # What comes from afar may be written for hours.
    coming = path.glob("blob*") if path.is_dir() and not path.is_symlink() else ()
    return max([path.lstat().st_mtime, *(part.lstat().st_mtime for part in coming)])


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
