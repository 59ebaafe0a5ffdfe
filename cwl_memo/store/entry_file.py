"""Entries as files: small, immutable, each with a digest of itself."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from heapq import nlargest
from pathlib import Path
from typing import Any, Final, NamedTuple

from cwl_memo.core.canonical import JSON, canonical_bytes
from cwl_memo.core.digest import ALGORITHM, HEX, ReuseKey, digest_of_value, seal
from cwl_memo.core.entry import ENTRY_FORMAT, Entry
from cwl_memo.core.field import finite_float
from cwl_memo.core.retention import Clock, Evicted
from cwl_memo.errors import FormatError, StoreError
from cwl_memo.store.blob import shards
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.layout import Layout
from cwl_memo.store.quarantine import Quarantine
from cwl_memo.store.regular import (
    NotRegularError,
    open_regular,
    read_regular,
    remove_file,
    write_all,
)

__all__ = ["ENTRY_LIMIT", "EntryFiles", "Shard", "seal_entry", "unseal_entry"]

ENTRY_LIMIT: Final = 64 << 20
"""Bytes that an entry's file may have at most; a larger one is damage, or an attack."""

_MARK_LIMIT: Final = 4096

_ENTRY: Final = ".json"
_DOMAIN: Final = "entry"
_ENVELOPE: Final = re.compile(rb'\{"digest":"blake3:([0-9a-f]{64})","entry":')


class Shard(NamedTuple):
    """The names in one of the directories of entries.

    :param inodes: of the file of each entry, by its key as 32 bytes.
    :param evicted: the keys whose blobs were taken by retention.
    :param trimmed: the keys whose workspace was taken, and no more.
    """

    inodes: dict[bytes, int]
    evicted: set[bytes]
    trimmed: set[bytes]


class EntryFiles:
    """The entries of a local store.

    :param layout: where they are.
    :param quarantine: where damaged ones go.
    """

    def __init__(self, layout: Layout, quarantine: Quarantine) -> None:
        self._layout = layout
        self._quarantine = quarantine
        self._digests: dict[ReuseKey, str] = {}

    def write(
        self, entry: Entry, placing: AbstractContextManager[object] | None = None
    ) -> os.stat_result:
        """Write an entry's file, atomically, in place of an older one; return its ``stat``.

        :param placing: entered while the finished file gets its place.
        """
        data = seal_entry(entry)
        path = self._layout.entry(entry.key)
        with writing("write an entry"):
            descriptor, name = tempfile.mkstemp(prefix="entry-", dir=self._layout.tmp)
            temporary = Path(name)
            try:
                try:
                    write_all(descriptor, data)
                    os.fchmod(descriptor, 0o444)
                    # Not awaited on disk: what a power failure leaves of it is seen by its
                    # digest. Of this very file: another may stand in its place a moment later.
                    written = os.fstat(descriptor)
                finally:
                    os.close(descriptor)
                with placing or contextlib.nullcontext():
                    self._quarantine.place(temporary, path)
                    self._unmark(entry.key)
            finally:
                temporary.unlink(missing_ok=True)
        self._note_digest(entry.key, data)
        return written

    def _note_digest(self, key: ReuseKey, data: bytes) -> None:
        envelope = _ENVELOPE.match(data)
        if envelope is not None:
            self._digests[key] = f"{ALGORITHM}:{envelope[1].decode()}"

    def digest(self, key: ReuseKey) -> str | None:
        """Return the digest of an entry as this process read or wrote it last, if it did."""
        return self._digests.get(key)

    def get(self, key: ReuseKey) -> Entry | None:
        """Return the entry of a key; None where there is none or it was damaged."""
        data = self.payload(key, note=True)
        if data is None or data.get("format") != ENTRY_FORMAT:
            # Another program's format is no damage: that program may still want it.
            return None
        try:
            return Entry.from_json(data)
        except FormatError as error:
            self._quarantine.take(self._layout.entry(key), str(error))
            return None

    def payload(self, key: ReuseKey, *, note: bool = False) -> dict[str, Any] | None:
        """Return what an entry's file holds, proved to be what was written.

        :param note: whether :meth:`digest` is to tell of it.
        """
        with reading("read an entry"):
            try:
                data = read_regular(self._layout.entry_name(key), ENTRY_LIMIT)
                payload = unseal_entry(data, key)
                if note:
                    self._note_digest(key, data)
                return payload
            except FileNotFoundError:
                return None
            except (NotRegularError, FormatError) as error:
                self._quarantine.take(self._layout.entry(key), str(error))
                return None

    def drop(self, key: ReuseKey) -> bool:
        """Remove an entry's file; return whether there was one."""
        with writing("drop an entry"):
            self._unmark(key)
            remove_file(self._layout.final_mark(key))
            path = self._layout.entry(key)
            try:
                return remove_file(path)
            except IsADirectoryError:
                self._quarantine.take(path, "a directory stands where a file should be")
                return True

    def set_aside(self, key: ReuseKey, reason: str) -> None:
        """Move a sound entry's file into quarantine, with the reason."""
        with writing("set an entry aside"):
            remove_file(self._layout.eviction_mark(key))
        self._quarantine.take(self._layout.entry(key), reason, is_damaged=False)

    def find(self, prefix: str = "") -> Iterator[ReuseKey]:
        """Yield the keys of all entries, or of those that begin so, in no order."""
        with reading("list the entries"):
            for directory in shards(self._layout.entries):
                # A million names are in 256 directories; those of others are not read.
                if not directory.name.startswith(prefix[:2]):
                    continue
                for name in os.listdir(directory):  # noqa: PTH208  (a million names)
                    if name.startswith(prefix) and name.endswith(_ENTRY):
                        with contextlib.suppress(FormatError):
                            yield ReuseKey(name[: -len(_ENTRY)])

    def list_shard(self, directory: Path) -> Shard:
        """Return the names in one of the directories of entries, looking at no file."""
        inodes = {}
        evicted = set()
        trimmed = set()
        with os.scandir(directory) as items:
            for item in items:
                name, _, suffix = item.name.partition(".")
                # An entry of another directory is nobody's.
                if not HEX.fullmatch(name) or not name.startswith(directory.name):
                    continue
                if suffix == "json":
                    inodes[bytes.fromhex(name)] = item.inode()
                elif suffix == "evicted":
                    evicted.add(bytes.fromhex(name))
                elif suffix == "trimmed":
                    trimmed.add(bytes.fromhex(name))
        return Shard(inodes, evicted, trimmed)

    def latest(self, limit: int) -> list[tuple[int, ReuseKey]]:
        """Return when the entries used last were used, in nanoseconds, and their keys."""
        with reading("list the entries"):
            latest = nlargest(limit, self._find_used())
        return [(used, ReuseKey(name)) for used, name in latest]

    def _find_used(self) -> Iterator[tuple[int, str]]:
        for directory in shards(self._layout.entries):
            with os.scandir(directory) as items:
                for item in items:
                    name, _, suffix = item.name.partition(".")
                    if suffix == "json" and HEX.fullmatch(name):
                        with contextlib.suppress(FileNotFoundError):
                            yield item.stat(follow_symlinks=False).st_mtime_ns, name

    # last use is the mtime of the file, so that it survives the index

    def touch(self, key: ReuseKey, when: float) -> None:
        """Note that an entry was used at a time."""
        with contextlib.suppress(OSError):
            os.utime(self._layout.entry_name(key), (when, when), follow_symlinks=False)

    def used(self, key: ReuseKey) -> int:
        """Return when an entry was last used, in nanoseconds; 0 where there is none."""
        found = self.look(key)
        return 0 if found is None else found.st_mtime_ns

    def look(self, key: ReuseKey) -> os.stat_result | None:
        """Return the ``stat`` of an entry's file; None where there is none."""
        try:
            return self._layout.entry(key).lstat()
        except OSError:
            return None

    # eviction

    def _mark(self, key: ReuseKey, *, workspace_only: bool) -> Path:
        layout = self._layout
        return layout.trim_mark(key) if workspace_only else layout.eviction_mark(key)

    def _unmark(self, key: ReuseKey) -> None:
        for workspace_only in (True, False):
            remove_file(self._mark(key, workspace_only=workspace_only))

    def mark_evicted(self, key: ReuseKey, evicted: Evicted) -> None:
        """Note that blobs of an entry are taken by retention, and by which clock."""
        path = self._mark(key, workspace_only=evicted.workspace_only)
        flags = os.O_WRONLY | os.O_CREAT
        with writing("mark an entry as evicted"), open_regular(path, flags) as descriptor:
            # A mark counts by its name; what stands in it is told to people.
            if evicted.clock is not None:
                write_all(descriptor, evicted.clock.value.encode())

    def unmark_evicted(self, key: ReuseKey, *, workspace_only: bool) -> None:
        """Note that an entry keeps its blobs after all."""
        with writing("unmark an entry"):
            remove_file(self._mark(key, workspace_only=workspace_only))

    def eviction(self, key: ReuseKey) -> Evicted | None:
        """Return what retention took of an entry, and why; None for an entry that is whole."""
        with reading("look at an entry"):
            for workspace_only in (False, True):
                path = self._mark(key, workspace_only=workspace_only)
                if os.path.lexists(path):
                    return Evicted(_clock(path), workspace_only)
        return None

    # final outputs

    def mark_final(self, key: ReuseKey, run: str) -> None:
        """Note that outputs of an entry were outputs of the run that recorded it."""
        with writing("mark an entry"):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            with open_regular(self._layout.final_mark(key), flags) as descriptor:
                write_all(descriptor, run.encode("utf-8", "surrogatepass"))

    def is_final(self, key: ReuseKey, run: str) -> bool:
        """Tell whether outputs of an entry that a run recorded were outputs of that run."""
        try:
            marked = read_regular(self._layout.final_mark(key), _MARK_LIMIT)
        except FileNotFoundError:
            return False
        except OSError:
            return True  # to keep an output for too long is the lesser evil
        return marked == run.encode("utf-8", "surrogatepass")


def _clock(path: Path) -> Clock | None:
    try:
        return Clock(read_regular(path, _MARK_LIMIT).decode())
    except (OSError, ValueError):
        return None


def seal_entry(entry: Entry) -> bytes:
    """Return the bytes of an entry's file."""
    try:
        payload = entry.to_json()
        data = canonical_bytes({"digest": str(_digest(payload)), "entry": payload})
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"entry {entry.key} cannot be written: {error}") from error
    if len(data) > ENTRY_LIMIT:
        raise StoreError(f"entry {entry.key} cannot be written: {len(data)} bytes are too many")
    return data


def unseal_entry(data: bytes, key: ReuseKey) -> dict[str, Any]:
    """Return the entry that the bytes of an entry's file hold, not yet parsed.

    :raises FormatError: if they are not as they were written, or of another key.
    """
    try:
        payload = _unseal_bytes(data)
        if payload is None:
            payload = _unseal_value(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not an entry: {error}") from error
    if payload.get("key") != key.hex:
        raise FormatError("it is the entry of another key")
    return payload


def _unseal_bytes(data: bytes) -> dict[str, Any] | None:
    """Return the entry in an envelope as it is written here, byte for byte; else None.

    To hold the digest against the bytes takes a fraction of making them again.
    """
    envelope = _ENVELOPE.match(data)
    if envelope is None or not data.endswith(b"}"):
        return None
    inner = data[envelope.end() : -1]
    if seal(_DOMAIN, inner).hex().encode() != envelope[1]:
        return None
    payload = _JSON.decode(inner.decode("utf-8", "surrogatepass"))
    return payload if isinstance(payload, dict) else None


def _unseal_value(data: bytes) -> dict[str, Any]:
    """Return the entry in an envelope of the right value, however it is written."""
    envelope = _JSON.decode(data.decode("utf-8", "surrogatepass"))
    if not isinstance(envelope, dict) or not isinstance(envelope.get("entry"), dict):
        raise FormatError("not an entry")
    payload: dict[str, Any] = envelope["entry"]
    if envelope.get("digest") != str(_digest(payload)):
        raise FormatError("its bytes are not those that were written")
    return payload


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no number of JSON")


def _digest(payload: JSON) -> object:
    return digest_of_value(_DOMAIN, payload)


_JSON: Final = json.JSONDecoder(parse_constant=_refuse, parse_float=finite_float)
