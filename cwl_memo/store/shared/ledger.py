"""What is in a shared store, written down for the time of an upkeep.

In a file of this machine that has no name: a store may have more entries than fit in memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import BlobRef
from cwl_memo.core.retention import Clock, density, worth
from cwl_memo.errors import StoreError
from cwl_memo.store.shared.envelope import Place, Stored

__all__ = ["Ledger", "LedgerEntry", "opened_ledger"]

_TABLES: Final = """
CREATE TABLE entry (
    key BLOB PRIMARY KEY, size INTEGER, modified REAL, tag TEXT, seconds REAL, tool TEXT, clock TEXT
) WITHOUT ROWID;
CREATE TABLE need (
    key BLOB, digest BLOB, size INTEGER, place TEXT, stored INTEGER, PRIMARY KEY (key, digest)
) WITHOUT ROWID;
CREATE INDEX need_by_digest ON need (digest);
CREATE TABLE blob (digest BLOB PRIMARY KEY, stored INTEGER, newest REAL) WITHOUT ROWID;
"""

_SHARES: Final = """
SELECT e.key, e.modified, worth(e.seconds, e.size + COALESCE(SUM(b.stored * 1.0 / u.users), 0),
    ? - e.modified) AS value
FROM entry e LEFT JOIN need n ON n.key = e.key LEFT JOIN blob b ON b.digest = n.digest
LEFT JOIN users u ON u.digest = n.digest
WHERE e.clock IS NULL AND e.modified < ? GROUP BY e.key ORDER BY value, e.modified, e.key
"""

_USERS: Final = """
CREATE TABLE users AS SELECT n.digest AS digest, COUNT(*) AS users FROM need n
JOIN entry e ON e.key = n.key WHERE e.clock IS NULL GROUP BY n.digest
"""


_PAGE: Final = 1000


class LedgerEntry(NamedTuple):
    """The object of an entry, as it was when it was read.

    :param size: of the object, in bytes.
    :param modified: by the clock of the server.
    :param tag: that the server gave the object.
    :param seconds: that its job took.
    :param tool: label of its tool.
    :param clock: by what it goes; None if it stays.
    """

    key: ReuseKey
    size: int
    modified: float
    tag: str
    seconds: float
    tool: str
    clock: Clock | None


@contextmanager
def opened_ledger() -> Iterator[Ledger]:
    """Open an empty ledger for the body; what is in it goes with its end.

    :raises StoreError: if there is no room for it on this machine.
    """
    # No name: SQLite makes a file in the folder for temporary files when memory gets short,
    # and removes it at once.
    connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    try:
        connection.create_function("worth", 3, _worth, deterministic=True)
        connection.executescript(_TABLES)
        connection.execute("BEGIN")
        yield Ledger(connection)
    except sqlite3.Error as error:
        raise StoreError(f"could not write down what is in the store: {error}") from error
    finally:
        connection.close()


def _worth(seconds: float, size: float, idle: float) -> float:
    return worth(density(seconds, size), idle)


class Ledger:
    """The entries and blobs of a shared store.

    :param connection: to an empty database, which has the tables.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    # entries

    def add_entry(self, entry: LedgerEntry, needs: Iterable[tuple[BlobRef, Stored]]) -> None:
        """Write down an entry, in place of what was known of it.

        :param needs: the blobs that are objects of their own, and how they are stored.
        """
        key = bytes.fromhex(entry.key.hex)
        clock = None if entry.clock is None else entry.clock.value
        row = (key, entry.size, entry.modified, entry.tag, entry.seconds, _text(entry.tool), clock)
        self._sql.execute("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        self._sql.execute("DELETE FROM need WHERE key = ?", (key,))
        rows = (
            (key, bytes.fromhex(blob.digest.hex), _bounded(blob.size), *_row(stored))
            for blob, stored in needs
        )
        self._sql.executemany("INSERT OR REPLACE INTO need VALUES (?, ?, ?, ?, ?)", rows)

    def knows(self, key: ReuseKey, modified: float, tag: str) -> bool:
        """Tell whether an entry is written down as it is now."""
        row = (bytes.fromhex(key.hex), modified, tag)
        found = self._sql.execute(
            "SELECT 1 FROM entry WHERE key = ? AND modified = ? AND tag = ?", row
        )
        return found.fetchone() is not None

    def going(self) -> Iterator[LedgerEntry]:
        """Yield the entries that go, by key; while they are yielded, some may be kept."""
        last = b""
        while True:
            rows = self._sql.execute(
                "SELECT * FROM entry WHERE clock IS NOT NULL AND key > ? ORDER BY key LIMIT ?",
                (last, _PAGE),
            ).fetchall()
            for last, size, modified, tag, seconds, tool, clock in rows:
                key = ReuseKey(last.hex())
                yield LedgerEntry(key, size, modified, tag, seconds, tool, Clock(clock))
            if not rows:
                return

    def keep(self, key: ReuseKey) -> None:
        """Write down that an entry stays after all."""
        self._sql.execute("UPDATE entry SET clock = NULL WHERE key = ?", (bytes.fromhex(key.hex),))

    def count(self) -> int:
        """Return how many entries are written down."""
        return int(self._sql.execute("SELECT COUNT(*) FROM entry").fetchone()[0])

    # blobs

    def add_blob(self, digest: Digest, stored: int, modified: float) -> None:
        """Write down an object of a blob; a blob may have several."""
        row = (bytes.fromhex(digest.hex), stored, modified)
        self._sql.execute(
            "INSERT INTO blob VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE SET "
            "stored = stored + excluded.stored, newest = MAX(newest, excluded.newest)",
            row,
        )

    def is_needed(self, digest: Digest) -> bool:
        """Tell whether an entry that stays needs a blob."""
        row = (bytes.fromhex(digest.hex),)
        found = self._sql.execute(
            "SELECT 1 FROM need n JOIN entry e ON e.key = n.key "
            "WHERE n.digest = ? AND e.clock IS NULL LIMIT 1",
            row,
        )
        return found.fetchone() is not None

    def needed(self) -> Iterator[tuple[BlobRef, Stored, bool]]:
        """Yield each blob that an entry needs, how it is stored, and whether one is there."""
        rows = self._sql.execute(
            "SELECT DISTINCT n.digest, n.size, n.place, n.stored, b.digest IS NOT NULL "
            "FROM need n LEFT JOIN blob b ON b.digest = n.digest"
        )
        for digest, size, place, stored, is_there in rows:
            blob = BlobRef(Digest(digest.hex()), size)
            yield blob, Stored(Place(place), stored), bool(is_there)

    def count_needed(self) -> int:
        """Return how many blobs :meth:`needed` yields."""
        found = self._sql.execute(
            "SELECT COUNT(*) FROM (SELECT DISTINCT digest, size, place, stored FROM need)"
        )
        return int(found.fetchone()[0])

    def count_orphans(self) -> int:
        """Return how many blobs are there that no entry needs."""
        found = self._sql.execute(
            "SELECT COUNT(*) FROM blob WHERE digest NOT IN (SELECT digest FROM need)"
        )
        return int(found.fetchone()[0])

    # size

    def stored(self) -> int:
        """Return the bytes of the entries that stay, and of the blobs that they need."""
        entries = "SELECT COALESCE(SUM(size), 0) FROM entry WHERE clock IS NULL"
        blobs = (
            "SELECT COALESCE(SUM(stored), 0) FROM blob WHERE digest IN (SELECT n.digest "
            "FROM need n JOIN entry e ON e.key = n.key WHERE e.clock IS NULL)"
        )
        return sum(int(self._sql.execute(query).fetchone()[0]) for query in (entries, blobs))

    def fit(self, max_size: int, now: float, fresh: float) -> None:
        """Let those that are worth least go until the rest fits.

        :param max_size: bytes.
        :param now: by the clock of the server.
        :param fresh: what was written since then stays.
        """
        excess = self.stored() - max_size
        if excess <= 0:
            return
        self._sql.execute("DROP TABLE IF EXISTS users")
        self._sql.execute(_USERS)
        self._sql.execute("CREATE UNIQUE INDEX users_by_digest ON users (digest)")
        # All of the order at once: what follows changes what it is made of.
        self._sql.execute("DROP TABLE IF EXISTS worst")
        self._sql.execute(f"CREATE TABLE worst AS {_SHARES}", (now, fresh))
        for (key,) in self._sql.execute("SELECT key FROM worst ORDER BY rowid"):
            excess -= self._free(key)
            if excess <= 0:
                return

    def freed(self, key: ReuseKey) -> int:
        """Return the bytes that go with an entry that goes: its own, and blobs of it alone."""
        raw = bytes.fromhex(key.hex)
        own = self._sql.execute("SELECT size FROM entry WHERE key = ?", (raw,)).fetchone()[0]
        blobs = self._sql.execute(
            "SELECT COALESCE(SUM(b.stored), 0) FROM need n JOIN blob b ON b.digest = n.digest "
            "WHERE n.key = ? AND NOT EXISTS (SELECT 1 FROM need m JOIN entry e ON e.key = m.key "
            "WHERE m.digest = n.digest AND (e.clock IS NULL OR e.key > n.key))",
            (raw,),
        )
        return int(own) + int(blobs.fetchone()[0])

    def _free(self, key: bytes) -> int:
        self._sql.execute("UPDATE entry SET clock = ? WHERE key = ?", (Clock.SIZE.value, key))
        self._sql.execute(
            "UPDATE users SET users = users - 1 WHERE digest IN "
            "(SELECT digest FROM need WHERE key = ?)",
            (key,),
        )
        own = self._sql.execute("SELECT size FROM entry WHERE key = ?", (key,)).fetchone()[0]
        blobs = self._sql.execute(
            "SELECT COALESCE(SUM(b.stored), 0) FROM need n JOIN blob b ON b.digest = n.digest "
            "JOIN users u ON u.digest = n.digest WHERE n.key = ? AND u.users = 0",
            (key,),
        )
        return int(own) + int(blobs.fetchone()[0])


def _bounded(size: int) -> int:
    return min(size, 2**63 - 1)


def _row(stored: Stored) -> tuple[str, int]:
    return stored.place.value, _bounded(stored.size)


def _text(text: str) -> str:
    # What SQLite cannot keep, as half of a character.
    return text.encode("utf-8", "replace").decode()
