"""A diskcache that keeps text alone, and never unpickles.

diskcache unpickles whatever row it finds (CVE-2025-69872): somebody who can write the
index could have code of theirs executed. Here a row is text or it is damage.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import diskcache
from diskcache.core import DBNAME, MODE_RAW, UNKNOWN

from cwl_memo.errors import StoreDamagedError

__all__ = ["DATABASE", "PlainCache", "PlainDisk", "read_row", "read_summaries"]

DATABASE: Final = str(DBNAME)
"""Name of the file that holds the rows."""

_SETTINGS: Final = {
    "eviction_policy": "none",
    "cull_limit": 0,
    # The default of 1 GiB evicts without a word.
    "size_limit": 1 << 50,
    "tag_index": 0,
    "statistics": 0,
    # After a power cut the index may be damaged, and is then made anew: nothing in it is
    # worth waiting for a disk at every run. A killed process damages nothing.
    "sqlite_synchronous": 0,
    # A mapped file that is cut short kills the process; a read one is an error.
    "sqlite_mmap_size": 0,
    "disk_min_file_size": 1 << 50,
}


_SUMMARY: Final = (
    "CREATE TABLE IF NOT EXISTS Summary (key BLOB PRIMARY KEY, body BLOB) WITHOUT ROWID"
)


def read_summaries(connection: sqlite3.Connection, first: bytes) -> list[tuple[Any, Any]]:
    """Return the rows whose key begins with a byte; nothing in them is checked."""
    # A key has 32 bytes, so none comes after 32 times the highest.
    bounds = (first, first + b"\xff" * 32)
    query = "SELECT key, body FROM Summary WHERE key BETWEEN ? AND ?"
    return connection.execute(query, bounds).fetchall()


def read_row(connection: sqlite3.Connection, name: str) -> Any:
    """Return what is kept under a name, None for nothing; it is not checked."""
    query = "SELECT value FROM Cache WHERE key = ? AND raw = 1"
    row = connection.execute(query, (name,)).fetchone()
    return None if row is None else row[0]


class PlainDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache has no types
    """Keeps text in the row itself, and refuses everything else in both directions."""

    def put(self, key: Any) -> tuple[str, bool]:
        """Return a key for the database; it must be text."""
        if type(key) is not str:
            raise TypeError("a key of the index must be text")
        return key, True

    def get(self, key: Any, raw: Any) -> str:
        """Return a key from the database.

        :raises StoreDamagedError: if it is pickled, or not text.
        """
        if not raw or type(key) is not str:
            raise StoreDamagedError("the index holds a key that this program never wrote")
        return key

    def store(self, value: Any, read: bool, key: Any = UNKNOWN) -> tuple[int, int, None, str]:  # noqa: ARG002, FBT001
        """Return a value for the database; it must be text."""
        if type(value) is not str or read:
            raise TypeError("a value of the index must be text")
        return 0, MODE_RAW, None, value

    def fetch(self, mode: Any, filename: Any, value: Any, read: Any) -> str:
        """Return a value from the database.

        :raises StoreDamagedError: if it is pickled, in a file of its own, or not text.
        """
        if mode != MODE_RAW or filename is not None or read or type(value) is not str:
            raise StoreDamagedError("the index holds a value that this program never wrote")
        return value

    def remove(self, file_path: str) -> None:
        """Do nothing: no value has a file, so a row that names one would have another's removed."""


class PlainCache(diskcache.Cache):  # type: ignore[misc]  # diskcache has no types
    """A cache with one connection for all threads, which the caller lets in one by one.

    diskcache opens one for each thread and cannot close those of other threads.
    """

    _one: sqlite3.Connection | None = None
    _opening = True

    def __init__(self, directory: Path, timeout: float) -> None:
        if os.path.expandvars(directory) != str(directory):
            # diskcache would expand it and write somewhere else.
            raise OSError(f"a path with a variable in it cannot hold an index: {directory}")
        try:
            super().__init__(str(directory), timeout=timeout, disk=PlainDisk, **_SETTINGS)
        except BaseException:
            self._opening = False
            self.close()
            raise
        self._opening = False
        self._con.execute(_SUMMARY)
        # Opened without patience, since diskcache has its own while it prepares the file.
        self._con.execute(f"PRAGMA busy_timeout = {int(timeout * 1000)}")

    # summaries of entries, in a table of their own: diskcache would take thrice the room

    def summaries(self, first: bytes) -> list[tuple[Any, Any]]:
        """Return the rows whose key begins with a byte; nothing in them is checked."""
        return read_summaries(self._con, first)

    def write_summaries(
        self, rows: Iterable[tuple[bytes, bytes]], gone: Iterable[bytes] = ()
    ) -> None:
        """Put rows in, in place of older ones of their keys, and take others out."""
        self._con.executemany("INSERT OR REPLACE INTO Summary VALUES (?, ?)", rows)
        self._con.executemany("DELETE FROM Summary WHERE key = ?", ((key,) for key in gone))

    def clear_summaries(self) -> None:
        """Take all rows out."""
        self._con.execute("DELETE FROM Summary")

    @property
    def _con(self) -> sqlite3.Connection:
        if self._one is None:
            self._one = sqlite3.connect(
                Path(self._directory, DBNAME),
                timeout=self._timeout,
                isolation_level=None,
                check_same_thread=False,
            )
            self._one.execute("PRAGMA synchronous = OFF")
        return self._one

    def close(self) -> None:
        """Close the connection."""
        if self._opening:
            # diskcache opens the file twice, which costs more than all else here.
            return
        con, self._one = self._one, None
        if con is not None:
            con.close()
