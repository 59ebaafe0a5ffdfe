"""The spool: which entries are still to go up to a shared store, should a run be killed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cwl_memo.core.digest import ReuseKey, digest_of_bytes
from cwl_memo.errors import FormatError
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.regular import open_regular, remove_file

__all__ = ["Spool"]


class Spool:
    """An empty file for each entry that is to go up to one shared store.

    :param directory: of the spools of all shared stores; made with the first entry.
    :param location: the URL of the shared store.
    """

    def __init__(self, directory: Path, location: str) -> None:
        self._directory = directory / digest_of_bytes(location.encode()).hex[:16]
        self._is_made = False

    def add(self, key: ReuseKey) -> None:
        """Note an entry."""
        with writing("note what is to be shared"):
            if not self._is_made:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._is_made = True
            with open_regular(self._directory / key.hex, os.O_WRONLY | os.O_CREAT):
                pass

    def remove(self, key: ReuseKey) -> None:
        """Forget an entry, which has gone up or never will."""
        with writing("note what was shared"):
            remove_file(self._directory / key.hex)

    def keys(self) -> list[ReuseKey]:
        """Return the keys of the entries that are still to go up."""
        keys = []
        with reading("look for what is to be shared"):
            if not self._directory.is_dir():
                return []
            for name in sorted(os.listdir(self._directory)):  # noqa: PTH208  (only the names)
                with contextlib.suppress(FormatError):
                    keys.append(ReuseKey(name))
        return keys
