"""The spool: which entries are still to go up to a shared store, should a run be killed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from cwl_memo.core.digest import Digest, ReuseKey, digest_of_bytes
from cwl_memo.errors import FormatError
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.regular import open_regular, read_regular, remove_file

__all__ = ["Spool", "name_of_place"]

_LIMIT: Final = 200
"""Bytes that a note may have."""


def name_of_place(location: str) -> str:
    """Return the name of the directory of what is noted of a shared store.

    It is the same however the URL is written. Two URLs of one place may have two names: what
    was to go to one place must never go to another.
    """
    with contextlib.suppress(ValueError):
        parts = urlsplit(location)
        host, path = parts.netloc, parts.path.rstrip("/")
        if parts.scheme == "file":
            # Not "..": it climbs from wherever a link leads.
            names = (name for name in unquote(path).split("/") if name not in {"", "."})
            host, path = "" if host == "localhost" else host, "/".join(["", *names])
        location = f"{parts.scheme}://{host}{path}"
    return digest_of_bytes(location.encode("utf-8", "surrogateescape")).hex[:16]


class Spool:
    """A file for each entry that is to go up to one shared store.

    It holds the digest of the entry that a run vouched for, and nothing where none did: what
    stands under the key by the time it goes up may be another entry.

    :param directory: of the spools of all shared stores; made with the first entry.
    :param location: the URL of the shared store.
    """

    def __init__(self, directory: Path, location: str) -> None:
        self._directory = directory / name_of_place(location)
        self._is_made = False

    def add(self, key: ReuseKey, vouched: Digest | None = None) -> None:
        """Note an entry.

        :param vouched: digest of the entry, if its job was executed here.
        """
        with writing("note what is to be shared"):
            if not self._is_made:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._is_made = True
            with open_regular(self._directory / key.hex, os.O_WRONLY | os.O_CREAT) as descriptor:
                # Over what an earlier run noted, which is as long: no reader finds half of it.
                if vouched is not None:
                    os.write(descriptor, str(vouched).encode())

    def vouched(self, key: ReuseKey) -> Digest | None:
        """Return the digest of the entry of a key that a run vouched for, if one did."""
        with contextlib.suppress(OSError, ValueError, FormatError):
            return Digest.parse(read_regular(self._directory / key.hex, _LIMIT).decode())
        return None

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
