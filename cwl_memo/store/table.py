"""Tables of text by name: one on disk, one in memory for when there can be none."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from diskcache import Timeout

from cwl_memo.core.digest import seal
from cwl_memo.errors import StoreDamagedError
from cwl_memo.store.disk import DATABASE, PlainCache, read_row, read_summaries

__all__ = [
    "DiskTable",
    "MemoryTable",
    "ReadTable",
    "Table",
    "TableDamagedError",
    "TableUnusableError",
]

# What SQLite says where the file is not to blame: somebody else keeps it locked, the disk
# is full, or this SQLite takes "count" and "size", which diskcache writes, for columns.
_UNUSABLE: Final = (
    "locked",
    "full",
    "readonly",
    "read-only",
    "unable to open",
    'no such column: "',
    "no such column: count",
    "no such column: size",
    "permission",
)

_SEAL: Final = 16
"""Bytes of a digest that stand before a summary."""


class TableDamagedError(Exception):
    """The file of a table is not what was written; it has to be made anew."""


class TableUnusableError(Exception):
    """A table cannot be used now, through no fault of its file."""


class Table(Protocol):
    """Text by name."""

    def get(self, name: str) -> str | None:
        """Return the text of a name; None where there is none or it was changed."""

    def set(self, name: str, text: str) -> None:
        """Keep a text under a name."""

    def delete(self, names: Iterable[str]) -> None:
        """Forget names."""

    def summaries(self, first: bytes) -> dict[bytes, bytes]:
        """Return the summaries of entries whose key begins with a byte, by key."""

    def keep_summaries(self, kept: Mapping[bytes, bytes], gone: Iterable[bytes]) -> None:
        """Keep summaries of entries, and forget others."""

    def clear_summaries(self) -> None:
        """Forget the summaries of all entries."""

    def clear(self) -> None:
        """Forget everything."""

    def transact(self) -> contextlib.AbstractContextManager[None]:
        """Make what the block does visible at once, or not at all."""

    def close(self) -> None:
        """Let go of the file."""


class MemoryTable:
    """A table that ends with its process.

    Of entries it keeps no summaries: there may be a million, and it is for this process
    alone.
    """

    def __init__(self) -> None:
        self._rows: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        """Return the text of a name; None where there is none."""
        return self._rows.get(name)

    def set(self, name: str, text: str) -> None:
        """Keep a text under a name."""
        self._rows[name] = text

    def delete(self, names: Iterable[str]) -> None:
        """Forget names."""
        for name in names:
            self._rows.pop(name, None)

    def summaries(self, first: bytes) -> dict[bytes, bytes]:  # noqa: ARG002
        """Return nothing."""
        return {}

    def keep_summaries(self, kept: Mapping[bytes, bytes], gone: Iterable[bytes]) -> None:
        """Do nothing."""

    def clear_summaries(self) -> None:
        """Do nothing."""

    def clear(self) -> None:
        """Forget everything."""
        self._rows.clear()

    @contextmanager
    def transact(self) -> Iterator[None]:
        """Do the block; nothing in it fails."""
        yield

    def close(self) -> None:
        """Do nothing: there is no file."""


class ReadTable(MemoryTable):
    """A table that is read from its file, which is left as it is; what is new stays in memory.

    :param directory: holds the file.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._connection: sqlite3.Connection | None = None
        path = directory / DATABASE
        with contextlib.suppress(OSError, sqlite3.Error, TableDamagedError):
            _check_files(directory)
            # Where nobody writes, SQLite would make two files beside it only to read.
            alone = not os.path.lexists(f"{path}-wal")
            uri = f"{path.as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
            self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)

    def get(self, name: str) -> str | None:
        """Return the text of a name; None where there is none or it was changed."""
        text = super().get(name)
        if text is None and self._connection is not None:
            # A file that is no table, or that somebody writes meanwhile, has none.
            with contextlib.suppress(sqlite3.Error):
                return _unsealed_text(name, read_row(self._connection, name))
        return text

    def summaries(self, first: bytes) -> dict[bytes, bytes]:
        """Return the summaries of entries whose key begins with a byte, by key."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                return _unsealed(read_summaries(self._connection, first))
        return {}

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()


class DiskTable:
    """A table in a file of SQLite, through diskcache.

    Each row carries a digest of its name and its text: SQLite hands out flipped bytes
    without a word.

    :param directory: holds the file and nothing else.
    :param timeout: seconds to wait for another process that writes.
    :raises TableDamagedError: if the file is not a table.
    :raises TableUnusableError: if it can be opened by nobody or not now.
    """

    def __init__(self, directory: Path, timeout: float) -> None:
        with _failures():
            try:
                _probe(directory, timeout)
                self._cache = PlainCache(directory, timeout)
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                # diskcache trusts the settings that it finds in the file.
                raise TableDamagedError(f"settings that nobody wrote: {error!r}") from error

    def get(self, name: str) -> str | None:
        """Return the text of a name; None where there is none or it was changed."""
        with _failures():
            sealed = self._cache.get(name)
            if sealed is None:
                return None
            text = _unsealed_text(name, sealed)
            if text is None:
                self._cache.delete(name)
            return text

    def set(self, name: str, text: str) -> None:
        """Keep a text under a name."""
        with _failures():
            self._cache.set(name, _seal(name, text) + text)

    def delete(self, names: Iterable[str]) -> None:
        """Forget names."""
        with _failures():
            for name in names:
                self._cache.delete(name)

    def summaries(self, first: bytes) -> dict[bytes, bytes]:
        """Return the summaries of entries whose key begins with a byte, by key."""
        with _failures():
            return _unsealed(self._cache.summaries(first))

    def keep_summaries(self, kept: Mapping[bytes, bytes], gone: Iterable[bytes]) -> None:
        """Keep summaries of entries, and forget others."""
        rows = ((key, _seal_summary(key, body) + body) for key, body in kept.items())
        with self.transact():
            self._cache.write_summaries(rows, gone)

    def clear_summaries(self) -> None:
        """Forget the summaries of all entries."""
        with self.transact():
            self._cache.clear_summaries()

    def clear(self) -> None:
        """Forget everything."""
        with _failures():
            self._cache.clear()
        self.clear_summaries()

    @contextmanager
    def transact(self) -> Iterator[None]:
        """Make what the block does visible at once, or not at all."""
        with _failures(), self._cache.transact():
            yield

    def close(self) -> None:
        """Let go of the file."""
        # Nothing that is still to be written depends on it.
        with contextlib.suppress(sqlite3.Error):
            self._cache.close()


def _seal(name: str, text: str) -> str:
    # No name has a NUL in it.
    return seal("index-row", f"{name}\0{text}".encode("utf-8", "surrogatepass")).hex()


def _unsealed_text(name: str, sealed: Any) -> str | None:
    """Return the text of a row that is what was written under a name; None for any other."""
    if type(sealed) is not str:
        return None
    text = sealed[64:]
    return text if _seal(name, text) == sealed[:64] else None


def _seal_summary(key: bytes, body: bytes) -> bytes:
    # Half of it is plenty against chance, and nothing here is against malice.
    return seal("entry-summary", key + body)[:_SEAL]


def _unsealed(rows: Iterable[tuple[Any, Any]]) -> dict[bytes, bytes]:
    """Return the rows that are what was written, by key and without their seals."""
    sound = {}
    for key, body in rows:
        if type(key) is bytes and type(body) is bytes:
            inner = body[_SEAL:]
            if body[:_SEAL] == _seal_summary(key, inner):
                sound[key] = inner
    return sound


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except Timeout as error:
        raise TableUnusableError("locked by another process") from error
    except sqlite3.Error as error:
        if _is_passing(error):
            raise TableUnusableError(str(error)) from error
        raise TableDamagedError(str(error)) from error
    except StoreDamagedError as error:
        raise TableDamagedError(str(error)) from error
    except OSError as error:
        raise TableUnusableError(str(error)) from error


def _is_passing(error: BaseException | None) -> bool:
    # A failed ROLLBACK hides what made it necessary.
    while error is not None:
        if isinstance(error, sqlite3.OperationalError) and any(
            words in str(error) for words in _UNUSABLE
        ):
            return True
        error = error.__context__
    return False


def _probe(directory: Path, timeout: float) -> None:
    """Find out what diskcache would wait for a minute, or follow out of the store."""
    _check_files(directory)
    connection = sqlite3.connect(directory / DATABASE, timeout=timeout, isolation_level=None)
    with contextlib.closing(connection):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def _check_files(directory: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path = directory / f"{DATABASE}{suffix}"
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(path.lstat().st_mode):
                raise TableDamagedError(f"{path}: not a regular file")
