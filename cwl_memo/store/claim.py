"""Claims: of two who want to execute the same job, one does."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from filelock import FileLock, Timeout

from cwl_memo.core.digest import ReuseKey
from cwl_memo.store.failure import writing

__all__ = ["Claims", "HeldClaim", "try_lock"]


def try_lock(path: Path) -> FileLock | None:
    """Return a lock of a file, held; None while another process or thread holds it.

    The kernel ends it with its process.
    """
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


class HeldClaim:
    """The right to execute a job, held by this process."""

    def __init__(self, claims: Claims, key: ReuseKey, lock: FileLock) -> None:
        self.key = key
        self.lock = lock
        self._claims = claims

    def release(self) -> None:
        """Let others have it."""
        self._claims.end(self)


class Claims:
    """The claims of one process on the keys of a local store.

    :param directory: where the lock files are.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: dict[ReuseKey, HeldClaim] = {}
        self._mutex = threading.Lock()

    def claim(self, key: ReuseKey) -> HeldClaim | None:
        """Return the right to execute a key's job, or None if somebody has it."""
        with self._mutex:
            # Where the file system locks for a whole process, the lock does not tell.
            if key in self._held:
                return None
            with writing("claim a job"):
                lock = try_lock(self._path(key))
            if lock is None:
                return None
            claim = self._held[key] = HeldClaim(self, key, lock)
            return claim

    def end(self, claim: HeldClaim) -> None:
        """Let others claim a key; nothing if that has been done."""
        with self._mutex:
            if self._held.get(claim.key) is not claim:
                return
            # Removed while it is held: it is nobody else's yet.
            with contextlib.suppress(OSError):
                self._path(claim.key).unlink()
            with contextlib.suppress(OSError):
                claim.lock.release()
            del self._held[claim.key]

    def end_all(self) -> None:
        """Let others claim every key."""
        with self._mutex:
            held = list(self._held.values())
        for claim in held:
            self.end(claim)

    def _path(self, key: ReuseKey) -> Path:
        return self._directory / f"{key.hex}.lock"
