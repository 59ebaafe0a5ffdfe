"""Reading a bundle: every byte of it as an enemy may have written it.

The inventory says which members there are, in which order, how large, and with what digests;
what is not exactly so ends the import. No name in a bundle becomes the name of a file, no
kind of member but regular files is known, and nothing is read beyond what was announced.
"""

from __future__ import annotations

import datetime as dt
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

from cwl_memo.core.bundle import (
    INVENTORY,
    RECORD,
    CarriedEntry,
    Inventory,
    check_carried,
    read_json,
    record_from_json,
)
from cwl_memo.core.digest import ReuseKey, digest_of_bytes
from cwl_memo.core.entry import BlobRef, Entry
from cwl_memo.core.explain import format_bytes
from cwl_memo.core.settings import DEFAULT_MAX_SIZE
from cwl_memo.errors import FormatError, InvalidatedError, StoreReadOnlyError, UsageError
from cwl_memo.store.compressed import Reader, decompressing
from cwl_memo.store.entry_file import ENTRY_LIMIT, unseal_entry
from cwl_memo.store.failure import writing
from cwl_memo.store.protocol import Progress, Store
from cwl_memo.store.regular import NotRegularError, open_regular, write_all
from cwl_memo.store.run_id import is_run

__all__ = ["Imported", "import_bundle", "read_inventory"]

_PART: Final = 1 << 20
"""Bytes of a blob that are held in memory at once."""

_INVENTORY_LIMIT: Final = 256 << 20
_RECORD_LIMIT: Final = 256 << 20


@dataclass
class Imported:
    """What an import did.

    :param inventory: what is in the bundle.
    :param published: the entries that the store has now and had not before.
    :param kept: the entries that were there already, and were left as they are.
    :param taken_back: the entries that were invalidated in this store, and stay away.
    :param run_is_new: whether the run's record was taken in.
    """

    inventory: Inventory
    published: list[ReuseKey] = field(default_factory=list)
    kept: list[ReuseKey] = field(default_factory=list)
    taken_back: list[ReuseKey] = field(default_factory=list)
    run_is_new: bool = False


def read_inventory(path: str | os.PathLike[str]) -> Inventory:
    """Return what a bundle says is in it; nothing but its inventory is read.

    :raises FormatError: if it is not a bundle, or of another format.
    :raises OSError: if the file cannot be read.
    """
    with _opened(Path(path)) as tar:
        return tar.inventory()


def import_bundle(
    store: Store,
    path: str | os.PathLike[str],
    *,
    max_size: int = DEFAULT_MAX_SIZE,
    progress: Progress | None = None,
) -> Imported:
    """Take the entries of a bundle into a store, each whole or not at all.

    An entry that is there already stays as it is. Whoever made the bundle says what its
    entries return: import only what you trust.

    :param max_size: bytes that the bundle may have, decompressed.
    :param progress: told how many bytes of how many are read.
    :raises FormatError: if the bundle is damaged, cut short, or anything but a bundle; the
        entries that came before are in the store, whole.
    :raises UsageError: if it is larger than allowed.
    :raises StoreError: if the store fails, or may not be written.
    :raises OSError: if the file cannot be read.
    """
    if not store.writable:
        raise StoreReadOnlyError(f"the store {store.location} can be read but not written")
    with _opened(Path(path)) as tar:
        inventory = tar.inventory()
        if inventory.size > max_size:
            raise UsageError(
                f"{path}: it says that it has {format_bytes(inventory.size)}, and "
                f"{format_bytes(max_size)} are allowed; allow more with --max-size"
            )
        with _scratch(store) as scratch:
            return _Import(store, tar, inventory, scratch).run(progress)


@contextmanager
def _opened(path: Path) -> Iterator[_Tar]:
    try:
        with (
            open_regular(path, follow=True) as descriptor,
            open(descriptor, "rb", closefd=False) as file,
            decompressing(file) as reader,
        ):
            yield _Tar(reader)
    except NotRegularError:
        raise FormatError(f"{path}: not a regular file") from None
    except FormatError as error:
        raise FormatError(f"{path} is not a sound bundle: {error}") from error


@contextmanager
def _scratch(store: Store) -> Iterator[Path]:
    """Yield a directory for large blobs, in the store's own file system if it has one."""
    own = Path(store.location, "tmp")
    with writing("take in a bundle"):
        scratch = tempfile.TemporaryDirectory(prefix="bundle-", dir=own if own.is_dir() else None)
    with scratch as name:
        yield Path(name)


class _Tar:
    """The members of a bundle, read one after the other.

    tarfile's own reader takes names, sizes and whole further headers as they come; here a
    header is 512 bytes, held against what is expected.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def read(self, size: int) -> Iterator[bytes]:
        """Yield so many bytes, in parts."""
        while size:
            data = self._reader.read(min(size, _PART))
            if not data:
                raise FormatError("cut short")
            size -= len(data)
            yield data

    def exactly(self, size: int) -> bytes:
        """Return so many bytes."""
        return b"".join(self.read(size))

    def header(self, name: str) -> int:
        """Read the header of the member that has to follow; return its size."""
        block = self.exactly(tarfile.BLOCKSIZE)
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise FormatError(f"no tar header where {name} should be: {error}") from error
        if member.type != tarfile.REGTYPE or member.linkname:
            raise FormatError(f"{member.name[:200]!r} is no regular file", name)
        if member.name != name:
            raise FormatError(f"{member.name[:200]!r} stands in its place", name)
        return member.size

    def member(self, name: str, expected: BlobRef) -> Iterator[bytes]:
        """Yield the parts of the member that has to follow; its digest is not looked at."""
        size = self.header(name)
        if size != expected.size:
            raise FormatError(f"of {size} bytes instead of {expected.size}", name)
        yield from self.read(size)
        self.exactly(-size % tarfile.BLOCKSIZE)

    def small(self, name: str, expected: BlobRef, limit: int) -> bytes:
        """Return the whole of the member that has to follow, held against its digest."""
        if expected.size > limit:
            raise FormatError(f"larger than it can be: {expected.size} bytes", name)
        data = b"".join(self.member(name, expected))
        if digest_of_bytes(data) != expected.digest:
            raise FormatError("its bytes are not those of its digest", name)
        return data

    def inventory(self) -> Inventory:
        """Read the first member."""
        size = self.header(INVENTORY)
        if not 0 <= size <= _INVENTORY_LIMIT:
            raise FormatError(f"larger than it can be: {size} bytes", INVENTORY)
        data = self.exactly(size)
        self.exactly(-size % tarfile.BLOCKSIZE)
        inventory = Inventory.from_json(read_json(data, INVENTORY))
        if not is_run(inventory.run):
            raise FormatError(f"not the id of a run: {inventory.run[:200]!r}", "run")
        return inventory

    def end(self) -> None:
        """Read the end of the archive, where no further member may stand."""
        if any(self.exactly(tarfile.BLOCKSIZE)):
            raise FormatError("more members than the inventory names")


class _Import:
    """One import.

    :param scratch: a directory for blobs that are too large for memory.
    """

    def __init__(self, store: Store, tar: _Tar, inventory: Inventory, scratch: Path) -> None:
        self._store = store
        self._tar = tar
        self._scratch = scratch
        self._result = Imported(inventory)

    def run(self, progress: Progress | None) -> Imported:
        """Take everything in; return what became of it."""
        inventory = self._result.inventory
        wanted = {entry.key for entry in inventory.entries if not self._has(entry.key)}
        needed = {
            blob.digest for e in inventory.entries if e.key in wanted for blob in e.blobs
        }  # fmt: skip
        done, total = 0, inventory.size
        for name, member, carried in inventory.members():
            if carried is not None:
                self._take_entry(name, carried, is_wanted=carried.key in wanted)
            elif name == RECORD:
                record = self._tar.small(name, member, _RECORD_LIMIT)
                self._tar.end()
                self._take_record(record)
            else:
                self._take_blob(name, member, is_needed=member.digest in needed)
            done += member.size
            if progress is not None:
                progress(done, total)
        return self._result

    def _has(self, key: ReuseKey) -> bool:
        """Tell whether the store has an entry that can be reused."""
        entry = self._store.get_entry(key)
        if entry is None or entry.is_dead(self._store.tombstone(key)):
            return False
        return not self._store.is_evicted(key)

    def _take_blob(self, name: str, blob: BlobRef, *, is_needed: bool) -> None:
        if blob.size <= _PART:
            data = self._tar.small(name, blob, _PART)
            if is_needed:
                self._store.ingest_bytes(data)
            return
        if not is_needed or self._store.check_blob(blob.digest, blob.size):
            self._read_blob(name, blob, lambda _: None)
            return
        copy = self._scratch / "blob"
        with writing("write a blob"):
            descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            self._read_blob(name, blob, partial(_write, descriptor))
        finally:
            os.close(descriptor)
        self._store.ingest_file(copy)
        copy.unlink()

    def _read_blob(self, name: str, blob: BlobRef, keep: Callable[[bytes], None]) -> None:
        content = blake3()
        for data in self._tar.member(name, blob):
            content.update(data)
            keep(data)
        if content.hexdigest() != blob.digest.hex:
            raise FormatError("its bytes are not those of its digest", name)

    def _take_entry(self, name: str, carried: CarriedEntry, *, is_wanted: bool) -> None:
        data = self._tar.small(name, carried.file, ENTRY_LIMIT)
        entry = Entry.from_json(unseal_entry(data, carried.key))
        check_carried(entry, carried)
        # Another run may have recorded it meanwhile.
        if not is_wanted or self._has(entry.key):
            self._result.kept.append(entry.key)
            return
        try:
            self._store.publish(entry)
        except InvalidatedError:
            self._result.taken_back.append(entry.key)
        else:
            self._result.published.append(entry.key)

    def _take_record(self, data: bytes) -> None:
        """Take the run's record in, or what an interrupted import has left out of it."""
        record = record_from_json(read_json(data, RECORD))
        run = self._result.inventory.run
        if record.run != run:
            raise FormatError("it is the record of another run", RECORD)
        there = self._store.read_run(run)
        record.imported = (
            str(there[0].get("imported", ""))
            if there
            else dt.datetime.now().astimezone().isoformat(timespec="seconds")
        )
        lines: list[dict[str, Any]] = [{"line": "run", **record.header()}]
        lines += [{"line": "job", **job.to_json()} for job in record.jobs]
        end = {"ended": record.ended, "status": record.status, "summary": record.summary()}
        lines.append({"line": "end", **end})
        if not record.imported or lines[: len(there)] != there:
            return
        for line in lines[len(there) :]:
            self._store.append_run(run, line)
            self._result.run_is_new = True


def _write(descriptor: int, data: bytes) -> None:
    with writing("write a blob"):
        write_all(descriptor, data)
