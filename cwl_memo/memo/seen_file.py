"""Files outside the store: each is read once, and known again while it is unchanged."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from cwl_memo.memo.guard import Guard
from cwl_memo.store.hashing import hash_file
from cwl_memo.store.protocol import SMALL, FileDigest, FileIdentity, Store
from cwl_memo.store.workspace import Workspace, ingest_workspace

__all__ = ["SeenFiles"]


class SeenFiles:
    """Files that this process has read, written or seen finished, and their digests.

    :param guard: turns what the store fails at into a warning.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._known: dict[FileIdentity, FileDigest] = {}

    def digest(self, path: str | Path, store: Store | None) -> tuple[FileDigest, FileIdentity]:
        """Return the digest of a regular file, and by what it is known to be unchanged.

        :param store: may know the file from another run, and is told of it.
        :raises OSError: if the file cannot be read, or is not a regular file (``EINVAL``).
        """
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        identity = FileIdentity.of(found)
        known = self._known.get(identity)
        if known is None and store is not None and found.st_size > SMALL:
            known = self._guard.guard(lambda: store.known_digest(identity), None)
            if known is not None:
                self._known[identity] = known
        if known is None:
            started = time.time_ns()
            known = hash_file(path, sha1=False)
            after = FileIdentity.of(os.stat(path))
            if after != identity:
                raise OSError(errno.EBUSY, "changed while it was read", str(path))
            if store is not None and store.writable and found.st_size > SMALL:
                fresh = known
                self._guard.guard(lambda: store.remember_digest(identity, fresh, started), None)
        return known, identity

    def trust(self, path: str | Path, digest: FileDigest) -> FileIdentity:
        """Take a file's digest as known while its stat identity stands, which is returned."""
        identity = FileIdentity.of(os.stat(path))
        self._known[identity] = digest
        return identity

    def learn(self, workspace: Workspace) -> None:
        """Take as known the digests of all files of a workspace."""
        self._known.update(workspace.identities)

    def measure(self, workspace: Path, inputs: Mapping[str, FileDigest]) -> Workspace:
        """Return what is in a working directory; nothing is taken into a store.

        :raises OSError: if the directory cannot be read.
        """
        # No directory is larger than that.
        found = ingest_workspace(_Hasher(), workspace, inputs, limit=sys.maxsize)
        taken = cast("Workspace", found)
        self.learn(taken)
        return taken


class _Hasher:
    """Takes nothing in; finds out the digests of what it is given."""

    def ingest_file(self, path: Path) -> FileDigest:
        """Return the digests of a regular file, reading it once."""
        return hash_file(path)
