"""Leases: what a living run holds is not evicted."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from cwl_memo.core.digest import ReuseKey
from cwl_memo.errors import FormatError, StoreError
from cwl_memo.store.claim import try_lock
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.regular import open_regular, read_regular, write_all
from cwl_memo.store.run_id import check_run

__all__ = ["Leases"]

_LIMIT: Final = 1 << 30


@dataclass
class _Lease:
    lock: FileLock
    keys: int
    """Descriptor of the file of keys."""
    held: set[ReuseKey]


class Leases:
    """The runs that live, and what they hold.

    A run's lock file is locked while its process lives; beside it stands a file with the
    keys that the run holds, a line each.

    :param directory: where these files are.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._own: dict[str, _Lease] = {}
        self._mutex = threading.Lock()

    def begin(self, run: str) -> None:
        """Say that a run lives, in this process."""
        path = self._lock_path(check_run(run))
        with self._mutex, writing("begin a run"):
            if run in self._own:
                return
            lock = try_lock(path)
            if lock is None:
                raise StoreError(f"run {run} lives in another process")
            # After the lock: a run with keys and no lock is a dead one.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC
            try:
                with open_regular(self._keys_path(run), flags) as descriptor:
                    self._own[run] = _Lease(lock, os.dup(descriptor), set())
            except OSError:
                lock.release()
                raise

    def hold(self, run: str, key: ReuseKey) -> None:
        """Note that a run holds an entry; nothing for a run that was not begun here."""
        with self._mutex:
            lease = self._own.get(run)
            if lease is None or key in lease.held:
                return
            lease.held.add(key)
            # A full disk is no reason to miss: an entry that is evicted under a run
            # costs an execution.
            with contextlib.suppress(OSError):
                write_all(lease.keys, f"{key.hex}\n".encode())

    def end(self, run: str) -> None:
        """Say that a run of this process has ended."""
        with self._mutex:
            lease = self._own.pop(run, None)
            if lease is not None:
                os.close(lease.keys)
                self._remove(run, lease.lock)

    def end_all(self) -> None:
        """Say that all runs of this process have ended."""
        for run in self.own():
            self.end(run)

    def held(self, *, own: bool = True) -> set[ReuseKey]:
        """Return what living runs hold; forget the runs that are dead.

        :param own: whether the runs of this process count.
        """
        with self._mutex, reading("look for living runs"):
            keys: set[ReuseKey] = set()
            for lease in self._own.values() if own else ():
                keys |= lease.held
            for run in self._others():
                with contextlib.suppress(OSError):
                    keys |= self._read(run)
            return keys

    def held_beside(self, run: str) -> set[ReuseKey]:
        """Return what the living runs but one hold, in this process and in others."""
        keys = self.held(own=False)
        with self._mutex:
            for other, lease in self._own.items():
                if other != run:
                    keys |= lease.held
        return keys

    def live_beside(self, run: str) -> bool:
        """Tell whether a run lives beside one, in this process or in another."""
        return bool(self.own() - {run}) or self.others_live()

    def own(self) -> set[str]:
        """Return the living runs of this process."""
        with self._mutex:
            return set(self._own)

    def others_live(self) -> bool:
        """Tell whether a run of another process lives."""
        with self._mutex, reading("look for living runs"):
            return bool(self._others())

    def _others(self) -> list[str]:
        living = []
        for path in self._directory.glob("run-*.keys"):
            run = path.name[len("run-") : -len(".keys")]
            if run in self._own:
                continue
            lock = try_lock(self._lock_path(run))
            if lock is None:
                living.append(run)
            else:
                self._remove(run, lock)
        return living

    def _remove(self, run: str, lock: FileLock) -> None:
        for path in (self._keys_path(run), self._lock_path(run)):
            with contextlib.suppress(OSError):
                path.unlink()
        with contextlib.suppress(OSError):
            lock.release()

    def _read(self, run: str) -> set[ReuseKey]:
        keys = set()
        for line in read_regular(self._keys_path(run), _LIMIT).decode("ascii", "replace").split():
            with contextlib.suppress(FormatError):
                keys.add(ReuseKey(line))
        return keys

    def _lock_path(self, run: str) -> Path:
        return self._directory / f"run-{run}.lock"

    def _keys_path(self, run: str) -> Path:
        return self._directory / f"run-{run}.keys"
