"""Tables of text by name: one on disk, one in memory for when there can be none."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from diskcache import Timeout

from cwl_memo.core.digest import digest_of_value
from cwl_memo.errors import StoreDamagedError
from cwl_memo.store.disk import DATABASE, PlainCache

__all__ = ["DiskTable", "MemoryTable", "Table", "TableDamagedError", "TableUnusableError"]

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

    def clear(self) -> None:
        """Forget everything."""

    def transact(self) -> contextlib.AbstractContextManager[None]:
        """Make what the block does visible at once, or not at all."""

    def close(self) -> None:
        """Let go of the file."""


class MemoryTable:
    """A table that ends with its process."""

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

    def clear(self) -> None:
        """Forget everything."""
        self._rows.clear()

    @contextmanager
    def transact(self) -> Iterator[None]:
        """Do the block; nothing in it fails."""
        yield

    def close(self) -> None:
        """Do nothing: there is no file."""


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
            text: str = sealed[64:]
            if _seal(name, text) != sealed[:64]:
                self._cache.delete(name)
                return None
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

    def clear(self) -> None:
        """Forget everything."""
        with _failures():
            self._cache.clear()

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
    return digest_of_value("index-row", [name, text]).hex


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
    for suffix in ("", "-wal", "-shm", "-journal"):
        path = directory / f"{DATABASE}{suffix}"
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(path.lstat().st_mode):
                raise TableDamagedError(f"{path}: not a regular file")
    connection = sqlite3.connect(directory / DATABASE, timeout=timeout, isolation_level=None)
    with contextlib.closing(connection):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
