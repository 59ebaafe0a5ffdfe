"""Entries in the index: whatever comes, goes or is another, the index is told of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.errors import StoreDamagedError
from cwl_memo.store.entry_file import EntryFiles
from cwl_memo.store.failure import reading
from cwl_memo.store.index import Index
from cwl_memo.store.layout import Layout
from cwl_memo.store.regular import is_regular
from cwl_memo.store.summary import EntrySummary, as_stamp
from cwl_memo.store.sweep import Sweep

__all__ = ["IndexedEntries", "is_current"]

_PAST: Final = 60.0
"""Seconds from which on a use is not of now."""

_REBUILD: Final = 10_000
"""How many entries are read at most to find the latest of each tool again."""


def is_current(entries: EntryFiles, key: ReuseKey, summary: EntrySummary) -> bool:
    """Tell whether a summary is of the file that an entry has now."""
    found = entries.look(key)
    if found is None:
        return False
    return (found.st_ino, as_stamp(found.st_mtime_ns)) == (summary.inode, summary.used)


class IndexedEntries:
    """The entries of a local store, and what the index knows of them.

    :param layout: where their blobs are.
    :param entries: their files.
    :param index: forgets an entry before its file goes or becomes another.
    :param sweep: keeps blobs there while an entry gets its place.
    """

    def __init__(self, layout: Layout, entries: EntryFiles, index: Index, sweep: Sweep) -> None:
        self._layout = layout
        self._entries = entries
        self._index = index
        self._sweep = sweep
        self._rebuilding = threading.Lock()

    def publish(self, entry: Entry) -> None:
        """Make an entry visible, atomically, in place of an older one of its key.

        :raises StoreDamagedError: if one of its blobs is not there.
        """
        if self._entries.look(entry.key) is not None:
            self._index.forget_entry(entry.key)
        written = self._entries.write(entry, self._placing(entry))
        summary = EntrySummary.of(entry, written.st_ino, written.st_mtime_ns)
        self._index.published(entry.key, summary)
        if entry.keep_until is not None:
            self._index.note_deadline(entry.keep_until)

    @contextmanager
    def _placing(self, entry: Entry) -> Iterator[None]:
        """Have all blobs of an entry there while it gets its place."""
        with self._sweep.publishing(entry.key):
            with reading("look at a blob"):
                for blob in entry.blobs:
                    found = is_regular(self._layout.blob(blob.digest))
                    if found is None or found.st_size != blob.size:
                        raise StoreDamagedError(
                            f"entry {entry.key}: blob {blob.digest} is not there"
                        )
            yield

    def set_aside(self, entry: Entry, reason: str) -> bool:
        """Set an entry aside, with the reason; return whether it was there."""
        there = self._entries.get(entry.key)
        if there is None or there.origin != entry.origin:
            return False
        self._index.forget_entry(entry.key)
        self._entries.set_aside(entry.key, reason)
        return True

    def drop(self, key: ReuseKey) -> None:
        """Forget an entry; not an error where there is none."""
        self._index.forget_entry(key)
        self._entries.drop(key)

    def touch(self, key: ReuseKey, when: float) -> None:
        """Note that an entry was used at a time (seconds since the epoch)."""
        self._entries.touch(key, when)
        if when < time.time() - _PAST:
            # The index takes an entry for used no earlier than it was published.
            self._index.forget_entry(key)

    def recent(self, tool: str, limit: int) -> list[ReuseKey]:
        """Return the keys of the latest entries of a tool label, newest first.

        At most :data:`~cwl_memo.store.latest.RECENT` of them are known.
        """
        with self._rebuilding:
            keys = self._index.recent(tool, self._latest)
        with reading("look for entries"):
            return [key for key in keys if self._entries.used(key)][:limit]

    def _latest(self) -> Iterator[tuple[str, float, ReuseKey]]:
        """Yield tool, time of last use and key of the entries used last."""
        for when, key in self._entries.latest(_REBUILD):
            entry = self._entries.get(key)
            if entry is not None:
                yield entry.origin.tool, when / 1e9, key
