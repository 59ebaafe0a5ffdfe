"""What a shared store is still to be told by this machine: what is wrong, and what is dead."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import ReuseKey, digest_of_value
from cwl_memo.core.entry import Entry
from cwl_memo.errors import FormatError
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.regular import open_regular, read_regular, remove_file, write_all
from cwl_memo.store.spool import name_of_place

__all__ = ["Untold", "execution_of"]

_LIMIT: Final = 64 << 20


def execution_of(entry: Entry) -> str:
    """Return a name for the execution that an entry records, whatever it grew by since.

    :raises FormatError: if the entry says what JSON cannot name.
    """
    try:
        return digest_of_value("origin", entry.origin.to_json()).hex[:32]
    except (ValueError, TypeError, RecursionError):
        raise FormatError("an origin that cannot be written") from None


class Untold:
    """Notes of what was found wrong, and of tombstones, about one shared store.

    ``wrong/<key>/<execution>`` holds the entry until it is gone from there. Beside the notes of
    all shared stores, a file of this name says from then on that it is not used here again,
    wherever it comes from. ``dead/<key>`` is empty: the tombstone itself is the local store's.

    :param directory: of the notes of all shared stores; made with the first.
    :param location: the URL of the shared store.
    """

    def __init__(self, directory: Path, location: str) -> None:
        # As the spool names it: what is still to go up is beside it.
        self._directory = directory / name_of_place(location)
        self._everywhere = directory / "wrong"
        self._wrong = self._directory / "wrong"
        self._dead = self._directory / "dead"

    # entries that were found wrong

    def note_wrong(self, entry: Entry, reason: str) -> None:
        """Note that an entry is wrong, and is to be removed."""
        name = f"{entry.key.hex}/{execution_of(entry)}"
        self._write(self._everywhere / name, b"")
        note = canonical_bytes({"entry": entry.to_json(), "reason": reason})
        self._write(self._wrong / name, note)

    def note_gone(self, entry: Entry) -> None:
        """Forget that a wrong entry was to be removed there; it is as wrong."""
        with writing("note what a shared store was told"):
            remove_file(self._wrong / entry.key.hex / execution_of(entry))

    def is_wrong(self, entry: Entry) -> bool:
        """Tell whether an entry was ever found wrong here."""
        # Asked for each hit, and few keys have a note.
        directory = f"{self._everywhere}/{entry.key.hex}"
        return os.path.lexists(directory) and os.path.lexists(f"{directory}/{execution_of(entry)}")

    def wrong(self) -> Iterator[tuple[Entry, str]]:
        """Yield the wrong entries that are still to be removed, each with the reason."""
        for name in _names(self._wrong):
            for execution in _names(self._wrong / name):
                # What cannot be read cannot be repeated, and is used as little.
                with contextlib.suppress(OSError, FormatError, ValueError, RecursionError):
                    data = read_regular(self._wrong / name / execution, _LIMIT)
                    if data:
                        fields: Any = json.loads(data)
                        yield Entry.from_json(fields["entry"]), str(fields["reason"])

    # entries that were taken back

    def note_dead(self, key: ReuseKey) -> None:
        """Note that the tombstone of a key is still to go up."""
        self._write(self._dead / key.hex, b"")

    def note_told(self, key: ReuseKey) -> None:
        """Forget that a tombstone was to go up."""
        with writing("note what a shared store was told"):
            remove_file(self._dead / key.hex)

    def dead(self) -> Iterator[ReuseKey]:
        """Yield the keys whose tombstones are still to go up."""
        for name in _names(self._dead):
            with contextlib.suppress(FormatError):
                yield ReuseKey(name)

    def _write(self, path: Path, data: bytes) -> None:
        with writing("note what a shared store is to be told"):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not data:
                with open_regular(path, os.O_WRONLY | os.O_CREAT):
                    return
            # Its name has the place of no note while it is written.
            temporary = self._directory / f"note-{secrets.token_hex(8)}"
            try:
                with open_regular(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
                    write_all(descriptor, data)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)


def _names(directory: Path) -> list[str]:
    with reading("look for what a shared store is to be told"):
        try:
            return sorted(os.listdir(directory))  # noqa: PTH208  (only the names)
        except (FileNotFoundError, NotADirectoryError):
            return []
