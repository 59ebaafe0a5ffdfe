"""Sweeping: blobs are removed while no entry that may need them is being published.

A process that publishes looks for the blobs of its entry and gives the entry its place
under a lock that many may share; one that removes blobs has the lock for itself, some
hundred blobs at a time. It learns which entries were published since it made up its mind
from a list that they write while it is at work.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cwl_memo.core.digest import ReuseKey
from cwl_memo.errors import FormatError, StoreError
from cwl_memo.store.failure import writing
from cwl_memo.store.regular import open_regular, remove_file, write_all

__all__ = ["Sweep"]

_PATIENCE: Final = 10.0
"""Seconds to wait for somebody who keeps the lock for some hundredths of one."""

_PAUSE: Final = 0.002


class Sweep:
    """The lock between those who publish and those who remove blobs.

    :param directory: where it is.
    :param patience: seconds to wait for others.
    """

    def __init__(self, directory: Path, patience: float = _PATIENCE) -> None:
        self._lock = directory / "sweep.lock"
        self._list = directory / "sweep.keys"
        self._patience = patience
        self._read = 0

    # for those who publish

    @contextmanager
    def publishing(self, key: ReuseKey) -> Iterator[None]:
        """Have no blob removed while the block looks for blobs and places an entry.

        :raises StoreError: if somebody who removes blobs does not let go.
        """
        with self._locked(fcntl.LOCK_SH):
            # There is a list only while somebody is at work.
            if os.path.lexists(self._list):
                with open_regular(self._list, os.O_WRONLY | os.O_APPEND) as descriptor:
                    # A line that a killed process left half written ends here.
                    write_all(descriptor, f"\n{key.hex}\n".encode())
            yield

    # for the one who removes

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Have a list kept of the entries that are published during the block."""
        with self._locked(fcntl.LOCK_EX):
            remove_file(self._list)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with open_regular(self._list, flags):
                self._read = 0
        try:
            yield
        finally:
            with contextlib.suppress(OSError, StoreError), self._locked(fcntl.LOCK_EX):
                remove_file(self._list)

    @contextmanager
    def removing(self) -> Iterator[list[ReuseKey]]:
        """Have nothing published during the block; yield what was since the last one."""
        with self._locked(fcntl.LOCK_EX):
            with open_regular(self._list) as descriptor:
                size = os.fstat(descriptor).st_size
                lines = os.pread(descriptor, size - self._read, self._read).split()
                self._read = size
            keys = []
            for line in lines:
                with contextlib.suppress(FormatError):
                    keys.append(ReuseKey(line.decode("ascii", "replace")))
            yield keys

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have nothing published during the block, which removes entries but no blobs.

        :raises StoreError: if somebody else does not let go.
        """
        with self._locked(fcntl.LOCK_EX):
            yield

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        with (
            writing("wait for whoever removes blobs"),
            open_regular(self._lock, os.O_RDWR | os.O_CREAT) as descriptor,
        ):
            deadline = time.monotonic() + self._patience
            while not _try(descriptor, kind):
                if time.monotonic() > deadline:
                    raise StoreError("another process keeps the store's blobs locked")
                time.sleep(_PAUSE)
            # The kernel unlocks with the last descriptor.
            yield


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
