"""Notes as files: one for each key that somebody said something of."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cwl_memo.core.canonical import JSON, canonical_bytes
from cwl_memo.core.digest import Digest, ReuseKey, digest_of_bytes
from cwl_memo.core.note import MOST_IDS, NOTE_FORMAT, Note, Tombstone
from cwl_memo.errors import FormatError
from cwl_memo.store.blob import shards
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.layout import Layout
from cwl_memo.store.regular import read_regular, remove_file, write_all

__all__ = ["Notes", "Pins", "Tombstones", "read_tombstone", "seal_note", "tombstone_of"]

_LIMIT: Final = 1 << 20
_SUFFIX: Final = ".json"


def seal_note(key: ReuseKey, note: Note) -> bytes:
    """Return the bytes of a note's file; no two are the same."""
    # An entry from elsewhere cannot know the tombstone of a store that it has not been in.
    return canonical_bytes(
        {
            "format": NOTE_FORMAT,
            "key": key.hex,
            "random": secrets.token_hex(16),
            **note.to_json(),
            **(_ids_to_json(note) if isinstance(note, Tombstone) else {}),
        }
    )


def _ids_to_json(tombstone: Tombstone) -> dict[str, JSON]:
    ids: list[JSON] = [*sorted(map(str, tombstone.ids))]
    return {"id": str(tombstone.id), **({"ids": ids} if ids else {})}


def tombstone_of(data: bytes) -> Tombstone:
    """Return the tombstone that bytes are, whatever they are.

    One that comes from a shared store has the id that it has there.
    """
    fields = _fields_of(data)
    note = Note.from_json(fields)
    kept = digest_of_bytes(data)
    ids: frozenset[Digest] = frozenset()
    if isinstance(fields, dict) and isinstance(fields.get("id"), str):
        with contextlib.suppress(FormatError):
            kept = Digest.parse(fields["id"])
            listed = fields.get("ids")
            if isinstance(listed, list) and len(listed) <= MOST_IDS:
                ids = frozenset(Digest.parse(one) for one in listed)
    return Tombstone(note.reason, note.when, note.who, kept, ids)


def read_tombstone(layout: Layout, key: ReuseKey) -> Tombstone | None:
    """Return the tombstone of a key; None where there is none.

    :raises StoreError: if there is one that cannot be read.
    """
    data = Notes(layout, layout.tombstones).read(key)
    return None if data is None else tombstone_of(data)


def _note_of(data: bytes) -> Note:
    return Note.from_json(_fields_of(data))


def _fields_of(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


class Notes:
    """The notes of one kind.

    :param layout: of the store.
    :param directory: where they are; made with the first.
    """

    def __init__(self, layout: Layout, directory: Path) -> None:
        self._layout = layout
        self._directory = directory

    def _path(self, key: ReuseKey) -> str:
        return f"{self._directory}/{key.hex[:2]}/{key.hex}{_SUFFIX}"

    def read(self, key: ReuseKey) -> bytes | None:
        """Return the bytes of the note of a key; None where there is none.

        :raises StoreError: if there is something that cannot be read.
        """
        path = self._path(key)
        with reading("read a note of an entry"):
            try:
                # Asked for each job that is looked up, and few have a note.
                os.lstat(path)
                return read_regular(Path(path), _LIMIT)
            except FileNotFoundError:
                return None

    def write(self, key: ReuseKey, note: Note) -> bytes:
        """Write the note of a key, in place of an older one."""
        data = seal_note(key, note)
        path = Path(self._path(key))
        with writing("write a note of an entry"):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix="note-", dir=self._layout.tmp)
            try:
                write_all(descriptor, data)
                # Not awaited on disk: a note that a power failure cut short is still one.
                os.fchmod(descriptor, 0o444)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            finally:
                os.close(descriptor)
        return data

    def settle(self) -> None:
        """Wait until all notes that were written are there after a power failure, too."""
        with writing("write notes of entries"):
            for directory in (*shards(self._directory), self._directory, self._layout.root):
                _sync(directory)

    def remove(self, key: ReuseKey) -> bool:
        """Remove the note of a key; return whether there was one."""
        with writing("remove a note of an entry"):
            return remove_file(Path(self._path(key)))

    def find(self) -> Iterator[ReuseKey]:
        """Yield the keys that there is a note of, in no order."""
        with reading("list notes of entries"):
            for directory in shards(self._directory):
                for name in os.listdir(directory):  # noqa: PTH208  (only the names)
                    if name.startswith(directory.name) and name.endswith(_SUFFIX):
                        with contextlib.suppress(FormatError):
                            yield ReuseKey(name[: -len(_SUFFIX)])


class Tombstones(Notes):
    """The tombstones of a local store."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout, layout.tombstones)

    def get(self, key: ReuseKey) -> Tombstone | None:
        """Return the tombstone of a key; None where there is none."""
        data = self.read(key)
        return None if data is None else tombstone_of(data)

    def put(self, key: ReuseKey, note: Note) -> Tombstone:
        """Take back whatever is recorded under a key."""
        with self._alone(key, wait=True):
            return tombstone_of(self.write(key, note))

    def keep(self, key: ReuseKey, tombstone: Tombstone) -> bool:
        """Have a tombstone from elsewhere here; False where it does not stand for what is."""
        with self._alone(key, wait=False) as is_alone:
            here = self.get(key)
            if not is_alone or (here is not None and not tombstone.stands_for(here)):
                return False
            if here != tombstone:
                self.write(key, tombstone)
            return True

    @contextlib.contextmanager
    def _alone(self, key: ReuseKey, *, wait: bool) -> Iterator[bool]:
        """Keep others from writing the tombstone of a key; tell whether nobody is about to."""
        directory = Path(self._path(key)).parent
        with writing("write a note of an entry"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            is_alone = True
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                is_alone = False
            except OSError:
                pass  # some file systems have no such thing
            yield is_alone
        finally:
            os.close(descriptor)


class Pins(Notes):
    """The pins of a local store."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout, layout.pins)

    def all(self) -> Mapping[ReuseKey, Note]:
        """Return the pins, by the keys of their entries."""
        read = ((key, self.read(key)) for key in sorted(self.find()))
        return {key: _note_of(data) for key, data in read if data is not None}


def _sync(directory: Path) -> None:
    # Some file systems have no such thing.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
