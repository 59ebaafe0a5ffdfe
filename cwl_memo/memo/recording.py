"""Record: what a job left is taken into the store, then its entry is made visible."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from cwl_memo.core import policy
from cwl_memo.core.cache import CacheBehavior
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import BlobRef, Entry, OutputVariant
from cwl_memo.core.fingerprint import Fingerprint
from cwl_memo.core.outcome import Reason, Refusal
from cwl_memo.core.settings import Retention, Settings
from cwl_memo.errors import InvalidatedError, StoreError
from cwl_memo.memo.execution import Execution
from cwl_memo.memo.guard import Guard
from cwl_memo.store.protocol import FileDigest, Store
from cwl_memo.store.tree_blob import tree_bytes
from cwl_memo.store.workspace import Workspace, ingest_workspace

__all__ = ["Recording"]


class Recording:
    """What one run records; a store that cannot take it has nothing recorded, and no more.

    :param guard: turns what the store fails at into a warning.
    :param settings: the user's choices.
    :param behavior: for which runs the store keeps the entries that they make.
    :param lease: under which id the store knows that the run lives; empty for none.
    """

    def __init__(
        self, guard: Guard, settings: Settings, behavior: CacheBehavior, lease: str
    ) -> None:
        self._guard = guard
        self._settings = settings
        self._behavior = behavior
        self._lease = lease
        self.made: set[ReuseKey] = set()
        """Keys of the entries that the run has made, where they may be taken back."""

    # ingest

    def ingest(
        self,
        store: Store | None,
        workspace: Path,
        inputs: Mapping[str, FileDigest],
        leave_out: Collection[str],
    ) -> Workspace | Refusal:
        """Take a working directory into a store; :meth:`Memo.ingest` says how."""
        if store is None or not store.writable:
            return Refusal(Reason.STORE_READ_ONLY)
        if not policy.may_record(self._settings):
            return Refusal(Reason.STORE_READ_ONLY, f"mode {self._settings.mode.value}")
        try:
            taken = ingest_workspace(
                store, workspace, inputs, leave_out, limit=self._settings.max_size
            )
        except StoreError as error:
            self._guard.warn(error)
            return Refusal(Reason.STORE_FAILED, str(error))
        except OSError as error:
            return Refusal(Reason.STORE_FAILED, f"workspace not readable: {error}")
        return Refusal(Reason.TOO_LARGE) if taken is None else taken

    def ingest_log(self, store: Store | None, log: bytes | Path) -> BlobRef | None:
        """Take a captured log into a store; None where that fails."""
        if store is None or not store.writable:
            return None
        try:
            if isinstance(log, bytes):
                return BlobRef(store.ingest_bytes(log), len(log))
            digest = store.ingest_file(log)
        except StoreError as error:
            self._guard.warn(error)
            return None
        return BlobRef(digest.digest, digest.size)

    # publish

    def publish(
        self, store: Store | None, wanted: Fingerprint, execution: Execution
    ) -> Entry | Refusal:
        """Make the result of a job visible to later lookups; return its entry, or why not."""
        if store is None or not store.writable:
            return Refusal(Reason.STORE_READ_ONLY)
        try:
            entry = self._entry(store, wanted, execution)
            # It was executed here: whoever signs what is shared vouches for it.
            store.vouch(entry)
            self._publish(store, entry)
        except InvalidatedError:
            return Refusal(Reason.INVALIDATED_DURING_RUN)
        except StoreError as error:
            self._guard.warn(error)
            return Refusal(Reason.STORE_FAILED, str(error))
        return entry

    def _entry(self, store: Store, wanted: Fingerprint, execution: Execution) -> Entry:
        """Return the entry of a job, the manifest of its workspace being in the store.

        A workspace of more files than a manifest has room for is not kept, its outputs are.
        """
        manifest = tree_bytes(execution.workspace.tree)
        tree = None if manifest is None else BlobRef(store.ingest_bytes(manifest), len(manifest))
        logs = [blob for blob in (execution.stdout, execution.stderr) if blob is not None]
        whole = () if tree is None else (*execution.workspace.blobs, tree)
        blobs = dict.fromkeys((*whole, *execution.output_blobs, *logs))
        return Entry(
            key=wanted.key,
            fingerprint=wanted.fields,
            variants=(OutputVariant(wanted.section, execution.output, execution.output_blobs),),
            exit_code=execution.exit_code,
            tree=None if tree is None else tree.digest,
            stdout=None if execution.stdout is None else execution.stdout.digest,
            stderr=None if execution.stderr is None else execution.stderr.digest,
            blobs=tuple(blobs),
            origin=execution.origin,
            stdout_name=execution.stdout_name,
            stderr_name=execution.stderr_name,
            after=execution.after,
            keep_until=self._keep_until(),
        )

    @property
    def limits_intermediates(self) -> bool:
        """Tell whether what is intermediate of new entries has a time to go."""
        return self._settings.intermediate_files.retention is Retention.LIMITED

    def _keep_until(self) -> int | None:
        hours = self._settings.intermediate_files.duration_hours
        if not self.limits_intermediates or hours is None:
            return None
        return math.ceil(time.time() + hours * 3600)

    def _publish(self, store: Store, entry: Entry) -> None:
        if self._lease:
            store.hold(self._lease, entry.key, time.time())
        # What stood there before is not the run's to take away, nor is what takes its place.
        provisional = (
            self._behavior is CacheBehavior.CACHE_ON_FAILURE and store.get_entry(entry.key) is None
        )
        if provisional:
            self.made.add(entry.key)
        store.publish(entry)
        if not provisional:
            store.share(entry.key)

    def publish_variant(self, store: Store | None, entry: Entry, grown: Entry) -> None:
        """Make an entry visible in place of the one that it has grown out of."""
        if store is not None and store.writable and policy.may_record(self._settings):
            self._guard.guard(lambda: self._publish_again(store, entry, grown), None)

    def _publish_again(self, store: Store, entry: Entry, grown: Entry) -> None:
        if store.vouches_for(entry):
            store.vouch(grown)
        # One that was taken back meanwhile has answered this job, and answers no other.
        with contextlib.suppress(InvalidatedError):
            self._publish(store, grown)
