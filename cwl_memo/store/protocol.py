"""What every store can do; the contract tests in ``tests/store`` spell it out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Protocol

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import BlobRef, Entry
from cwl_memo.core.manifest import StatIdentity
from cwl_memo.core.mode import USUAL, Mode
from cwl_memo.core.note import Note, Tombstone
from cwl_memo.core.retention import Clock, Evicted
from cwl_memo.core.run import SharedUse

__all__ = [
    "RACY_NS",
    "SMALL",
    "Claim",
    "Eviction",
    "FileDigest",
    "FileIdentity",
    "Progress",
    "Store",
    "StoreStats",
    "VerifyReport",
    "stat_identity",
]

SMALL: Final = 16 * 1024
"""Bytes up to which a blob is read before a process uses it, whatever is known of it.

To read it costs less than to remember it, and then it need not reach the disk before it
is relied on: what a power failure leaves of it is seen. Nor is the digest of an input as
small as that remembered from run to run.
"""

RACY_NS: Final = 2_000_000_000
"""Age in nanoseconds from which a change of a file must show in its times; FAT has 2 s."""


def stat_identity(found: os.stat_result) -> StatIdentity:
    """Return device, inode, size, mtime and ctime of a file, as a manifest has them."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class FileIdentity(NamedTuple):
    """By what a file is known to be unchanged, without reading it."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, stat: os.stat_result) -> FileIdentity:
        """Return the identity that a ``stat`` shows."""
        return cls(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@dataclass(frozen=True)
class FileDigest:
    """What one read of a file gives.

    :param digest: of its bytes.
    :param size: in bytes.
    :param sha1: hexadecimal SHA-1, which CWL's ``checksum`` field is made of; empty for a
        file that is no output.
    :param program: whether it begins as a program does (``#!``, ELF, Mach-O), so that
        its executable bit matters to a job.
    """

    digest: Digest
    size: int
    sha1: str
    program: bool


class Progress(Protocol):
    """Told how far long work has come."""

    def __call__(self, done: int, total: int, /) -> None:
        """Hear that so many steps of so many are done."""


class Claim(Protocol):
    """The right to execute a job while others wait; ends when its process dies."""

    def release(self) -> None:
        """Let others have it. May be called more than once."""


@dataclass(frozen=True)
class StoreStats:
    """Counts and sizes of a store; sizes in bytes."""

    entries: int
    evicted: int
    blobs: int
    blob_bytes: int
    quarantined: int
    runs: int
    seconds: float
    """Seconds of execution that all entries together stand for."""
    trimmed: int = 0
    """Entries of which retention took the workspace, and nothing else."""
    invalidated: int = 0
    pinned: int = 0


@dataclass(frozen=True)
class VerifyReport:
    """What a full check of a store found."""

    entries: int
    blobs: int
    blob_bytes: int
    bad_entries: tuple[str, ...]
    bad_blobs: tuple[str, ...]
    missing_blobs: tuple[str, ...]
    orphan_blobs: int
    invalidated: int = 0
    """Entries that are whole, and that nobody reuses."""
    untrusted: int = 0
    """Entries that are whole, and that none of the trusted keys signed."""


@dataclass(frozen=True)
class Eviction:
    """One entry that retention takes, and the bytes that frees.

    :param clock: why it goes.
    :param workspace_only: whether what its outputs need stays.
    """

    key: ReuseKey
    tool: str
    freed: int
    clock: Clock = Clock.SIZE
    workspace_only: bool = False


class Store(Protocol):
    """Entries by reuse key, blobs by digest, and what is needed to live with them.

    Every method may raise :class:`~cwl_memo.errors.StoreError`, and nothing else that
    comes from the outside world (an ``OSError`` of the store's own files becomes one).
    A store is used by several threads at once.
    """

    location: str
    writable: bool
    is_far: bool
    """Whether something of it is on another machine."""

    # entries
    def get_entry(self, key: ReuseKey) -> Entry | None:
        """Return the entry of a key; None where there is none or it was damaged.

        A damaged entry is quarantined.
        """

    def publish(self, entry: Entry) -> None:
        """Make an entry visible, atomically, in place of an older one of its key.

        Its blobs must have been ingested before.

        :raises InvalidatedError: if the tombstone of its key is meant for it.
        """

    def is_evicted(self, key: ReuseKey) -> bool:
        """Tell whether an entry's blobs were taken by retention, its metadata kept."""

    def quarantine_entry(self, entry: Entry, reason: str) -> bool:
        """Set an entry aside, with the reason: sound as it is, it is not to be used again.

        Its blobs stay as long as those of no entry do.

        :returns: whether it was there; another that was recorded since in its place stays.
        """

    def eviction(self, key: ReuseKey) -> Evicted | None:
        """Return what retention took of an entry, and why; None for an entry that is whole."""

    def mark_final(self, key: ReuseKey, run: str) -> None:
        """Note that outputs of the entry that a run recorded were outputs of that run."""

    def drop_entry(self, key: ReuseKey) -> None:
        """Forget an entry; not an error where there is none."""

    def keys(self, prefix: str = "") -> Iterator[ReuseKey]:
        """Yield the keys of all entries, or of those that begin so, in no order."""

    def recent(self, tool: str, limit: int) -> list[ReuseKey]:
        """Return the keys of the latest entries of a tool label, newest first."""

    # blobs
    def ingest_file(self, path: Path) -> FileDigest:
        """Take a regular file's bytes in as a blob, reading it once.

        The file is neither moved, linked nor touched.
        """

    def ingest_bytes(self, data: bytes) -> Digest:
        """Take bytes in as a blob."""

    def check_blob(self, digest: Digest, size: int) -> bool:
        """Tell whether a blob is there and sound.

        Sound means: of the recorded size and stat identity, or re-hashed to its
        digest. An unsound blob is quarantined.
        """

    def check_blobs(self, entry: Entry, blobs: Iterable[BlobRef]) -> bool:
        """Tell whether blobs of an entry are all to be had, and sound; each is looked at."""

    def read_blob(self, digest: Digest) -> bytes:
        """Return a blob's bytes, checked against the digest.

        :raises StoreDamagedError: if it is missing or unsound.
        """

    def open_blob(self, digest: Digest) -> IO[bytes]:
        """Open a blob of this machine for reading; whoever asks closes it.

        :raises StoreDamagedError: if it is missing or unsound.
        """

    def receive(self, digest: Digest, size: int, write: Callable[[Path], None]) -> None:
        """Take in a blob that comes from elsewhere.

        :param write: writes its bytes to a new file, and checks them against the digest.
        :raises StoreDamagedError: if the file is of another size.
        """

    def materialise(
        self, digest: Digest, target: Path, *, mode: Mode = USUAL, hardlink: bool = False
    ) -> None:
        """Make a blob appear as a new file at ``target``, whose directory exists.

        By reflink, else by copy, with the mode of the original. With ``hardlink`` a file of
        the usual mode may be a read-only hard link to the blob.

        :raises StoreDamagedError: if the blob is missing or unsound.
        """

    # use
    def begin_run(self, run: str) -> None:
        """Say that a run lives: until it ends, what it holds is not evicted."""

    def end_run(self, run: str) -> None:
        """Say that a run has ended."""

    def hold(self, run: str, key: ReuseKey, when: float) -> None:
        """Note that a run uses an entry at a time (seconds since the epoch)."""

    def claim(self, key: ReuseKey) -> Claim | None:
        """Return the right to execute a key's job, or None if another process has it."""

    # what may be far away

    def look_ahead(self, key: ReuseKey, *, claim: bool = False) -> Future[None] | None:
        """Begin to look for an entry that is not at hand.

        When that is done, to look it up takes no time. None where it takes none now.

        :param claim: whether to ask for the right to execute its job, too, if there is none.
        """

    def bring(self, digests: Iterable[Digest]) -> None:
        """Have blobs at hand that are wanted next, as far as that can be; never an error."""

    def is_borrowed(self, key: ReuseKey) -> bool:
        """Tell whether the entry of a key comes from a store that others share."""

    def vouch(self, entry: Entry) -> None:
        """Note that this machine stands for an entry: its job was executed here, just now.

        Whoever shares entries under a signature signs no others.
        """

    def vouches_for(self, entry: Entry) -> bool:
        """Tell whether what grows out of an entry here is to be vouched for.

        That is so if this process vouched for exactly this entry, or somebody did who is
        trusted.
        """

    def share(self, key: ReuseKey) -> None:
        """Have others see an entry, if there are any; that may take until :meth:`end_sharing`."""

    def end_sharing(self, *, wait: bool) -> SharedUse | None:
        """See to it that what is to be shared is, and tell of it; None where nobody shares.

        :param wait: whether there is time for that; what is left then waits for another run.
        """

    # digests of files outside the store
    def known_digest(self, identity: FileIdentity) -> FileDigest | None:
        """Return the digest remembered for an unchanged file."""

    def remember_digest(self, identity: FileIdentity, digest: FileDigest, hashed_ns: int) -> None:
        """Remember a digest; ``hashed_ns`` is the clock just before the file was read."""

    def secret(self) -> bytes:
        """Return the store's own key, with which secret inputs are hashed."""

    # runs
    def append_run(self, run: str, line: dict[str, Any]) -> None:
        """Add one line to a run's record."""

    def read_run(self, run: str) -> list[dict[str, Any]]:
        """Return the lines of a run's record; empty where there is none."""

    def runs(self) -> list[str]:
        """Return the ids of all recorded runs, oldest first."""

    def take_back(self, run: str, keys: Iterable[ReuseKey]) -> int:
        """Remove the entries that a run made; return how many went.

        Those stay that another living run holds, and those that are of another run by now.
        Blobs that no entry needs then go as well, now or later.
        """

    # what people say of entries
    def invalidate(
        self, keys: Iterable[ReuseKey], reason: str, *, who: str = "", force: bool = False
    ) -> int:
        """Take back what is recorded under keys; return of how many.

        From then on no entry of these keys is alive whose execution began before, wherever
        it comes from: of an entry, :meth:`~cwl_memo.core.entry.Entry.is_dead` tells that.

        :param reason: for those who will ask why their jobs are executed again.
        :param who: takes them back.
        :param force: whether a pinned entry is unpinned, and goes as well.
        :raises PinnedError: if one is pinned; then none is taken back.
        """

    def tombstone(self, key: ReuseKey) -> Tombstone | None:
        """Return the tombstone of a key; None where its entry was never taken back."""

    def tombstones(self, key: ReuseKey) -> tuple[Tombstone, ...]:
        """Return all tombstones of a key: a shared store has its own."""

    def keep_tombstone(self, key: ReuseKey, tombstone: Tombstone) -> bool:
        """Have a tombstone from elsewhere here; False where it does not stand for what is.

        It keeps its id: entries that name it are alive.
        """

    def pin(self, key: ReuseKey, reason: str = "", *, who: str = "") -> None:
        """Have the entry of a key never evicted."""

    def unpin(self, key: ReuseKey) -> bool:
        """Let the entry of a key be evicted as any other; return whether it was pinned."""

    def pins(self) -> Mapping[ReuseKey, Note]:
        """Return what was said of the entries that are pinned, by their keys."""

    # upkeep
    def used_bytes(self) -> int:
        """Return about how many bytes the blobs take, without looking at each."""

    def stats(self) -> StoreStats:
        """Count what the store holds."""

    def verify(self, progress: Progress | None = None) -> VerifyReport:
        """Read everything again; quarantine what is bad."""

    def is_due(self, max_size: int, max_age: float | None = None) -> bool:
        """Tell whether :meth:`gc` may have something to do, without looking at each entry."""

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
        """Evict what is past its time, then others until the blobs take at most ``max_size``.

        What was invalidated goes, what nobody used for ``max_age`` seconds, and of entries
        past the hours of their project what is intermediate: all but outputs of the run
        that recorded them. Then those that save the fewest seconds for their bytes and the
        time since their last use. Orphan blobs and leftover temporary files go too. Entries
        that a live run holds stay, and pinned ones. An evicted entry keeps its metadata.

        :param now: seconds since the epoch; None for what the clock says.
        :param patience: seconds of work after which the rest waits for another time.
        """

    def clear(self, keys: Iterable[ReuseKey] | None = None) -> int:
        """Remove the given entries, or everything; return how many entries went."""

    def close(self) -> None:
        """Let go of files and connections. May be called more than once."""
