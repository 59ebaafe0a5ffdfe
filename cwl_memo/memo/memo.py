"""Lookup and record: what core decides, asked of what the store holds."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

from cwl_memo.core import policy
from cwl_memo.core.cache import CacheBehavior
from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import BlobRef, Entry, OutputVariant, Tree
from cwl_memo.core.facts import JobFacts
from cwl_memo.core.fingerprint import Fingerprint, fingerprint
from cwl_memo.core.mode import USUAL, Mode
from cwl_memo.core.note import Tombstone
from cwl_memo.core.outcome import Hit, Miss, MissCause, Reason, Refusal
from cwl_memo.core.run import SharedUse
from cwl_memo.core.settings import Link, Settings
from cwl_memo.errors import StoreDamagedError
from cwl_memo.memo.claims import Claims, Unclaimed
from cwl_memo.memo.execution import Execution
from cwl_memo.memo.guard import Guard
from cwl_memo.memo.neighbour import Neighbours
from cwl_memo.memo.recording import Recording
from cwl_memo.memo.seen_file import SeenFiles
from cwl_memo.store.protocol import Claim, FileDigest, FileIdentity, Store
from cwl_memo.store.tree_blob import read_tree
from cwl_memo.store.workspace import Workspace

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Memo"]

_PATIENCE: Final = 2.0
"""Seconds for which entries are evicted as a run ends."""


class Memo(Guard):
    """Looks jobs up and records them, on one store, with one set of settings.

    :param store: where entries are; None for a run without reuse.
    :param settings: the user's choices.
    :param run: id of the run that the memo serves.
    :param behavior: for which runs the store keeps the entries that they make.
    :param lease: under which id the store is told that the run lives; another than the run's
        for each of the processes that serve one run.
    """

    def __init__(
        self,
        store: Store | None,
        settings: Settings | None = None,
        *,
        run: str = "",
        behavior: CacheBehavior = CacheBehavior.CACHE_ALWAYS,
        lease: str = "",
    ) -> None:
        super().__init__()
        self.store = store
        self._lease = lease or run
        self.settings = settings or Settings()
        self.run = run
        self.behavior = behavior
        self._recording = Recording(self, self.settings, behavior, self._lease)
        self.made = self._recording.made
        """Keys of the entries that the run has made, where they may be taken back."""
        self._files = SeenFiles(self)
        self._neighbours = Neighbours(run)
        self._claims = Claims(self)
        self._distrusted: dict[ReuseKey, MissCause] = {}
        self._seen: dict[ReuseKey, tuple[Digest, ...]] = {}
        if store is not None and self._lease:
            self.guard(lambda: store.begin_run(self._lease), None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the run and let go of the store."""
        store, self.store = self.store, None
        if store is not None:
            if self._lease:
                self.guard(lambda: store.end_run(self._lease), None)
            self.guard(store.close, None)

    # files outside the store

    def digest_file(self, path: str | Path) -> tuple[FileDigest, FileIdentity]:
        """Return the digest of a regular file, and by what it is known to be unchanged.

        Read only if neither this process nor the stat cache knows the unchanged file.

        :raises OSError: if the file cannot be read, or is not a regular file (``EINVAL``).
        """
        return self._files.digest(path, self.store)

    def trust(self, path: str | Path, digest: FileDigest) -> FileIdentity:
        """Take a file's digest as known while its stat identity stands.

        For files that this process has just seen finished: outputs of its jobs, and
        what it materialised itself.

        :returns: by what the file is known to be unchanged.
        """
        return self._files.trust(path, digest)

    # lookup

    def fingerprint(self, facts: JobFacts) -> Fingerprint:
        """Return the fingerprint of a job under these settings."""
        return fingerprint(facts, self.settings.salt)

    def lookup(self, wanted: Fingerprint, label: str) -> Hit | Miss:
        """Return the entry of a fingerprint if all that it needs is there and sound."""
        store = self.store
        if store is None:
            return Miss(wanted.key, MissCause.NO_STORE)
        failed = Miss(wanted.key, MissCause.STORE_FAILED)
        return self.shield(lambda: self._look_up(store, wanted, label), failed)

    def _look_up(self, store: Store, wanted: Fingerprint, label: str) -> Hit | Miss:
        # First: what is taken back from now on is taken back from this job, too.
        tombstones = store.tombstones(wanted.key)
        after = tuple(tombstone.id for tombstone in tombstones)
        self._seen.setdefault(wanted.key, after)
        found = self._lookup(store, wanted, label, tombstones)
        return replace(found, after=after) if isinstance(found, Miss) else found

    def _lookup(
        self, store: Store, wanted: Fingerprint, label: str, tombstones: tuple[Tombstone, ...]
    ) -> Hit | Miss:
        key = wanted.key
        if not policy.may_lookup(self.settings):
            return Miss(key, MissCause.RECACHE)
        if key in self._distrusted:
            return Miss(key, self._distrusted[key])
        entry = store.get_entry(key)
        if entry is None:
            return self._neighbours.nearest(store, wanted, label)
        for tombstone in tombstones:
            if entry.is_dead(tombstone):
                return Miss(key, MissCause.INVALIDATED, detail=tombstone.reason)
        variant = entry.variant(wanted.section)
        needed = entry.blobs if variant is None else variant.blobs
        if variant is None and entry.tree is None:
            return Miss(key, MissCause.OUTPUTS_CHANGED)
        if self._lease:
            # Held before it is checked: what is checked then cannot be evicted.
            store.hold(self._lease, key, time.time())
        if not store.check_blobs(entry, needed):
            lost = store.eviction(key)
            if lost is not None and (variant is None or not lost.workspace_only):
                return Miss(key, MissCause.EVICTED, detail=lost.sentence)
            store.drop_entry(key)
            return Miss(key, MissCause.DAMAGED)
        return Hit(entry, variant, is_shared=store.is_borrowed(key))

    @property
    def is_far(self) -> bool:
        """Tell whether a lookup may take time, since others share what is looked into."""
        return self.store is not None and self.store.is_far

    def look_ahead(self, wanted: Fingerprint, *, claim: bool) -> Future[None] | None:
        """Begin to look for an entry that is far away; None where a lookup takes no time.

        :param claim: whether to ask for the right to execute the job, too, if there is none.
        """
        store = self.store
        if store is None or not policy.may_lookup(self.settings):
            return None
        claim = claim and store.writable and policy.may_record(self.settings)
        return self.guard(lambda: store.look_ahead(wanted.key, claim=claim), None)

    def bring(self, digests: Iterable[Digest]) -> None:
        """Have blobs at hand that are materialised next."""
        store = self.store
        if store is not None:
            self.guard(lambda: store.bring(digests), None)

    def stands(self, key: ReuseKey) -> bool:
        """Tell whether no entry of a key was taken back since it was first looked up here.

        :raises StoreError: if that cannot be found out.
        """
        tombstones = () if self.store is None else self.store.tombstones(key)
        return self._seen.get(key, ()) == tuple(tombstone.id for tombstone in tombstones)

    def tree(self, entry: Entry) -> Tree:
        """Return the workspace manifest of an entry.

        :raises StoreError: if it is not to be had.
        """
        if self.store is None:
            raise StoreDamagedError("the store is closed")
        return read_tree(self.store, entry)

    def materialise(
        self, digest: Digest, target: Path, *, mode: Mode = USUAL, owned: bool = True
    ) -> None:
        """Make a blob appear at ``target``.

        :param owned: whether somebody may write to the file: never a hard link then.
        :raises StoreError: if the blob is not to be had.
        """
        if self.store is None:
            raise StoreDamagedError("the store is closed")
        hardlink = not owned and self.settings.link is Link.HARDLINK
        self.store.materialise(digest, target, mode=mode, hardlink=hardlink)

    # two runs, one job

    def claim(self, key: ReuseKey) -> Claim | None:
        """Return the right to execute a job, or None while another executes it.

        A store that cannot say does not keep anybody waiting.
        """
        store = self.store
        if store is None or not store.writable or not policy.may_record(self.settings):
            return Unclaimed()
        return self.shield(lambda: self._claims.claim(store, key), Unclaimed())

    def is_claimed_here(self, key: ReuseKey) -> bool:
        """Tell whether this process is the one that executes the job of a key."""
        return self._claims.is_held(key)

    # record

    def ingest(
        self,
        workspace: Path,
        inputs: Mapping[str, FileDigest],
        leave_out: Collection[str] = (),
    ) -> Workspace | Refusal:
        """Take a working directory into the store.

        :param inputs: digests of the files that links in it may lead to, by real path.
        :param leave_out: relative paths that are not recorded (they hold secrets).
        """
        taken = self.shield(
            lambda: self._recording.ingest(self.store, workspace, inputs, leave_out),
            _broken_down(),
        )
        if isinstance(taken, Workspace):
            self._files.learn(taken)
        return taken

    def measure(self, workspace: Path, inputs: Mapping[str, FileDigest]) -> Workspace:
        """Return what :meth:`ingest` would of a working directory; nothing is taken in.

        :raises OSError: if the directory cannot be read.
        """
        return self._files.measure(workspace, inputs)

    def set_aside(self, entry: Entry, reason: str) -> bool:
        """Never use an entry again; return whether the store has set it aside.

        Where it has not, this run at least does without it.
        """
        self._distrusted[entry.key] = MissCause.DIFFERED
        return self.withdraw(entry, reason)

    def lose(self, key: ReuseKey) -> None:
        """Do without an entry whose files cannot be had, until the job is recorded again."""
        self._distrusted.setdefault(key, MissCause.LOST)
        store = self.store
        if store is not None and store.writable:
            self.guard(lambda: store.drop_entry(key), None)

    def withdraw(self, entry: Entry, reason: str) -> bool:
        """Have the store set an entry aside, if it can; return whether it has.

        Another of its key may be used, and recorded.
        """
        store = self.store
        if store is None or not store.writable:
            return False
        return self.guard(lambda: store.quarantine_entry(entry, reason), otherwise=False)

    def ingest_log(self, log: bytes | Path) -> BlobRef | None:
        """Take a captured log into the store; None where that fails or there is none."""
        return self.shield(lambda: self._recording.ingest_log(self.store, log), None)

    def ingest_file(self, path: Path) -> FileDigest | None:
        """Take one file into the store; None where that fails."""
        store = self.store
        if store is None or not store.writable:
            return None
        return self.guard(lambda: store.ingest_file(path), None)

    def publish(self, wanted: Fingerprint, execution: Execution) -> Entry | Refusal:
        """Make the result of a job visible to later lookups; return its entry, or why not."""
        published = self.shield(
            lambda: self._recording.publish(self.store, wanted, execution), _broken_down()
        )
        if self._distrusted.get(wanted.key) is MissCause.LOST and isinstance(published, Entry):
            del self._distrusted[wanted.key]
        return published

    @property
    def limits_intermediates(self) -> bool:
        """Tell whether what is intermediate of new entries has a time to go."""
        return self._recording.limits_intermediates

    def mark_final(self, keys: Iterable[ReuseKey]) -> None:
        """Note that outputs of entries that this run recorded are outputs of the run."""
        store = self.store
        if store is not None and store.writable:
            for key in sorted(keys):
                self.guard(partial(store.mark_final, key, self.run), None)

    def publish_variant(self, entry: Entry, variant: OutputVariant) -> Entry:
        """Add the output object of another outputs section to an entry."""
        grown = entry.with_variant(variant)
        self._recording.publish_variant(self.store, entry, grown)
        return grown

    def note_run(self, line: dict[str, JSON]) -> None:
        """Add a line to the run's record in the store."""
        store = self.store
        if store is not None and store.writable and self.run:
            self.guard(lambda: store.append_run(self.run, line), None)

    def secret(self) -> bytes:
        """Return the key with which secret inputs are hashed.

        A key of this process alone where the store has none: secrets then never match.
        """
        store = self.store
        if store is not None:
            secret = self.guard(store.secret, b"")
            if secret:
                return secret
        return self._process_secret

    _process_secret: Final = os.urandom(32)

    def take_back(self) -> int:
        """Forget the entries that the run has made, as it ends well; return how many went.

        Nothing where the store keeps the entries of all runs.
        """
        store = self.store
        if store is None or not self.made:
            return 0
        return self.guard(lambda: store.take_back(self.run, self.made), 0)

    def end_sharing(self, *, keep: bool, wait: bool) -> SharedUse | None:
        """Have what the run recorded go up to the shared store, if there is one.

        :param keep: whether the entries that could be taken back stay.
        :param wait: whether there is time for it.
        """
        store = self.store
        if store is None:
            return None
        for key in sorted(self.made) if keep else ():
            self.guard(partial(store.share, key), None)
        return self.guard(lambda: store.end_sharing(wait=wait), None)

    def tidy(self) -> None:
        """Have go what is past its time, and what is too much, as a run ends.

        A run does not wait for long: what remains goes at the end of the next.
        """
        store = self.store
        size, age = self.settings.max_size, self.settings.max_age
        if store is None or not store.writable:
            return
        if self.guard(lambda: store.is_due(size, age), otherwise=False):
            self.guard(lambda: len(store.gc(size, max_age=age, patience=_PATIENCE)), 0)


def _broken_down() -> Refusal:
    return Refusal(Reason.STORE_FAILED, "unexpected error")
