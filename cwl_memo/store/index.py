"""The index: what can be found out from the files again, kept at hand.

It holds the stat identities of blobs, digests of files outside the store, the latest
entries of each tool, a summary of each entry, and about how many bytes the blobs take.
Losing it costs reading, never a result; so it never fails: what cannot be kept on disk is
kept in memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.errors import FormatError
from cwl_memo.store.latest import RECENT, read_latest, write_latest
from cwl_memo.store.protocol import RACY_NS, FileDigest, FileIdentity
from cwl_memo.store.quarantine import Quarantine
from cwl_memo.store.regular import remove_file
from cwl_memo.store.summary import EntrySummary, pack, unpack
from cwl_memo.store.table import Table
from cwl_memo.store.unfailing_table import UnfailingTable, value_of

__all__ = ["BlobIdentity", "Index", "is_racy"]

_PENDING: Final = 256
"""How many notes may wait to be written together."""

_WAIT: Final = 1.0
"""Seconds after which the next entry has waiting notes written."""

_RECOUNT: Final = 7 * 24 * 3600.0
"""Seconds after which the running total of blob bytes is counted anew."""

_BEHIND: Final = "behind"
"""Name of a file that says that entries have changed without the index being told."""

_PAUSE: Final = 3600.0
"""Seconds for which nobody looks again for what is past its time, or cannot go yet."""

_DUE: Final = "due"
_REBUILT: Final = "rebuilt"
_TOTAL: Final = "total"

BlobIdentity = tuple[int, int, int, int]
"""Inode, size, mtime and ctime of a blob. Not the device: its number may change with a
reboot, and a file that was moved to another one has another inode or ctime."""


def is_racy(identity: FileIdentity, hashed_ns: int) -> bool:
    """Tell whether a file may have changed after it was read, and show the same times.

    A file written within the clock's granularity of being read may be written once more
    in the same tick: the rule by which git finds an index entry racy.

    :param hashed_ns: the clock just before the file was read.
    """
    newest = max(identity.mtime_ns, identity.ctime_ns)
    return newest > hashed_ns - RACY_NS or hashed_ns > time.time_ns()


class Index:
    """What is known of blobs, files and entries without reading them.

    :param directory: where it is kept.
    :param quarantine: where a damaged one goes.
    :param timeout: seconds to wait for another process that writes.
    :param is_current: tells whether a summary is of the file that an entry has now.
    :param writable: whether it may be written there. If not, what is new is kept in
        memory.
    """

    def __init__(
        self,
        directory: Path,
        quarantine: Quarantine,
        timeout: float,
        *,
        writable: bool = True,
        is_current: Callable[[ReuseKey, EntrySummary], bool] = lambda _key, _summary: True,
    ) -> None:
        self._directory = directory
        self._writable = writable
        self._lock = threading.RLock()
        self._pending: dict[str, Any] = {}
        self._added = 0
        self._summaries: dict[bytes, EntrySummary] = {}
        self._is_current = is_current
        self._latest: list[tuple[str, float, ReuseKey]] = []
        self._flushed = time.monotonic()
        self._table = UnfailingTable(directory, quarantine, timeout, self._lock, writable=writable)

    # notes

    def _get(self, name: str) -> Any:
        """Return the value of a name, waiting notes first; None where there is none."""
        with self._lock:
            if name in self._pending:
                return self._pending[name]
            return self._table.ask(lambda table: value_of(table, name))

    def _note(self, name: str, value: Any) -> None:
        with self._lock:
            self._pending[name] = value
            if len(self._pending) >= _PENDING:
                self.flush()

    def flush(self) -> None:
        """Write all waiting notes, in one transaction."""
        with self._lock:
            self._flushed = time.monotonic()
            if self._pending or self._added or self._summaries:
                self._table.ask(self._write_pending)
                self._pending.clear()
                self._summaries.clear()
                self._added = 0
            if self._latest:
                self._table.ask(lambda table: write_latest(table, self._latest))
                self._latest.clear()

    def _write_pending(self, table: Table) -> None:
        with table.transact():
            # Another file may have taken the place of one, and even its inode.
            rows = {
                key: pack(summary)
                for key, summary in self._summaries.items()
                if self._is_current(ReuseKey(key.hex()), summary)
            }
            table.keep_summaries(rows, ())
            for name, value in self._pending.items():
                table.set(name, json.dumps(value))
            if self._added:
                total = _as_total(value_of(table, _TOTAL))
                if total is not None:
                    table.set(_TOTAL, json.dumps([max(0, total[0] + self._added), total[1]]))

    def close(self) -> None:
        """Write what waits and let go of the file."""
        with self._lock:
            self.flush()
            self._table.close()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._pending.clear()
            self._summaries.clear()
            self._latest.clear()
            self._added = 0
            self._table.ask(lambda table: table.clear())

    # blobs

    def blob_identity(self, digest: Digest) -> BlobIdentity | None:
        """Return by what a blob is known to be as it was when its bytes were last read."""
        value = self._get(f"blob:{digest.hex}")
        if isinstance(value, list | tuple) and len(value) == 4:
            return (value[0], value[1], value[2], value[3])
        return None

    def remember_blob(self, digest: Digest, identity: BlobIdentity) -> None:
        """Remember a blob whose bytes have just been read or written."""
        self._note(f"blob:{digest.hex}", identity)

    def note_growth(self, added: int) -> None:
        """Note by how many bytes the blobs have grown."""
        with self._lock:
            self._added += added

    def forget_blobs(self, digests: Iterable[Digest], freed: int = 0) -> None:
        """Forget blobs that are gone, ``freed`` bytes in all."""
        names = [f"blob:{digest.hex}" for digest in digests]
        with self._lock:
            for name in names:
                self._pending.pop(name, None)
            self._added -= freed

            def forget(table: Table) -> None:
                with table.transact():
                    table.delete(names)

            self._table.ask(forget)
            self.flush()

    def total(self, count: Callable[[], int]) -> int:
        """Return about how many bytes all blobs take.

        :param count: finds out, where that is not known or was long ago.
        """
        with self._lock:
            total = _as_total(self._get(_TOTAL))
            if total is not None and 0 <= time.time() - total[1] < _RECOUNT:
                return max(0, total[0] + self._added)
        counted = count()
        self.set_total(counted)
        return counted

    def set_total(self, counted: int) -> None:
        """Take a fresh count of all blobs' bytes."""
        with self._lock:
            self._added = 0
            text = json.dumps([counted, time.time()])
            self._table.ask(lambda table: table.set(_TOTAL, text))

    # when there is something to look for

    def note_look(self, deadline: int | None, oldest: float, now: float) -> None:
        """Note what a look through the whole store found.

        :param deadline: the first second after which something of an entry goes.
        :param oldest: when the entry was used last that was used least recently.
        """
        text = json.dumps([deadline, oldest, now])
        with self._lock:
            self._pending.pop(_DUE, None)
            self._table.ask(lambda table: table.set(_DUE, text))

    def note_deadline(self, deadline: int) -> None:
        """Note after which second something of a new entry goes."""
        first, oldest, looked = self._due()
        if first is None or deadline < first:
            self._note(_DUE, [deadline, oldest, looked])

    def is_due(self, max_age: float | None, now: float) -> bool:
        """Tell whether something may be past its time, and nobody has looked for an hour."""
        deadline, oldest, looked = self._due()
        is_past = deadline is not None and deadline <= now
        is_old = max_age is not None and oldest + max_age < now
        return (is_past or is_old) and not 0 <= now - looked < _PAUSE

    def _due(self) -> tuple[int | None, float, float]:
        match self._get(_DUE):
            case [None | int() as deadline, int() | float() as oldest, int() | float() as looked]:
                return deadline, oldest, looked
        # Nobody has looked yet: what was used least recently was used at any time.
        return None, 0.0, 0.0

    # files outside the store

    def known_digest(self, identity: FileIdentity) -> FileDigest | None:
        """Return the digest remembered for an unchanged file."""
        value = self._get(f"stat:{identity.device}:{identity.inode}")
        try:
            size, mtime_ns, ctime_ns, content, sha1, program = value
            known = FileDigest(Digest.parse(content), size, sha1, program=program)
        except (TypeError, ValueError, FormatError):
            return None
        same = (size, mtime_ns, ctime_ns) == (identity.size, identity.mtime_ns, identity.ctime_ns)
        return known if same else None

    def remember_digest(self, identity: FileIdentity, digest: FileDigest, hashed_ns: int) -> None:
        """Remember a digest, unless the file could have changed again without a trace."""
        if is_racy(identity, hashed_ns):
            return
        self._note(
            f"stat:{identity.device}:{identity.inode}",
            [
                identity.size,
                identity.mtime_ns,
                identity.ctime_ns,
                str(digest.digest),
                digest.sha1,
                digest.program,
            ],
        )

    # entries

    def published(self, key: ReuseKey, summary: EntrySummary) -> None:
        """Note a new entry, to be written with other notes.

        A summary that is not written when the process dies is found again from the entry's
        file; of the latest entries of a tool, which explain misses, some are not.
        """
        with self._lock:
            self._latest.append((summary.tool, summary.used / 1e9, key))
            self._summaries[bytes.fromhex(key.hex)] = summary
            waited = time.monotonic() - self._flushed
            if len(self._summaries) >= RECENT or not 0 <= waited < _WAIT:
                self.flush()

    def recent(
        self, tool: str, rebuild: Callable[[], Iterable[tuple[str, float, ReuseKey]]]
    ) -> list[ReuseKey]:
        """Return the keys of a tool's latest entries, newest first.

        :param rebuild: finds tool, time and key of the latest entries of all tools;
            asked once in the life of an index.
        """
        self.flush()
        if self._table.ask(lambda table: table.get(_REBUILT)) is None:
            latest = list(rebuild())
            self._table.ask(lambda table: write_latest(table, latest, _REBUILT))
        return self._table.ask(lambda table: read_latest(table, tool))

    # summaries of entries

    def trust_summaries(self) -> None:
        """Forget the summaries of all entries if one of them may be of an older file."""
        behind = self._directory / _BEHIND
        if not os.path.lexists(behind):
            return
        if not self._writable:
            self._table.close()
            return
        with self._lock:
            self._summaries.clear()
            self._table.ask(lambda table: table.clear_summaries())
        if self._table.is_lasting:
            with contextlib.suppress(OSError):
                remove_file(behind)

    def summaries(self, first: bytes) -> dict[bytes, EntrySummary]:
        """Return the summaries of entries whose key begins with a byte, by key."""
        self.flush()
        rows = self._table.ask(lambda table: table.summaries(first))
        return {key: summary for key, row in rows.items() if (summary := unpack(row)) is not None}

    def keep_summaries(
        self, kept: Mapping[bytes, EntrySummary], gone: Collection[bytes] = ()
    ) -> None:
        """Keep summaries of entries, and forget others."""
        if kept or gone:
            rows = {key: pack(summary) for key, summary in kept.items()}
            with self._lock:
                for key in gone:
                    self._summaries.pop(key, None)
                self._table.ask(lambda table: table.keep_summaries(rows, gone))

    def forget_entry(self, key: ReuseKey) -> None:
        """Forget the summary of an entry whose file is about to go, or to be another one.

        Another file may get the inode of the old one, and must not be taken for it. So
        where this process has no table, it leaves a note for those who have.
        """
        self.keep_summaries({}, [bytes.fromhex(key.hex)])
        if not self._table.is_lasting:
            with contextlib.suppress(OSError):
                (self._directory / _BEHIND).touch()


def _as_total(value: Any) -> tuple[int, float] | None:
    match value:
        case [int(size), int(when) | float(when)]:
            return size, when
    return None
