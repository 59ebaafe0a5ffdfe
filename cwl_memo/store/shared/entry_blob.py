"""Blobs of the entries of a shared store: an entry says how each of its blobs is stored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import IO, Final, TypeVar

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import BlobRef
from cwl_memo.errors import StoreDamagedError
from cwl_memo.store.failure import writing
from cwl_memo.store.shared.blobs import Blobs
from cwl_memo.store.shared.envelope import Place, SharedEntry, Stored
from cwl_memo.store.shared.sending import UNWATCHED, Watch

__all__ = ["EntryBlobs"]

_REMEMBERED: Final = 100_000
"""Blobs of which it is remembered how they are stored."""

_T = TypeVar("_T")


class EntryBlobs:
    """Blobs of entries, and how they are stored as far as that is known.

    :param blobs: the objects that they are.
    :param location: of the store.
    :param open_entry: returns the entry of a key if it is sound.
    :param warn: hears that a blob cannot be used.
    :param pool: looks at several at a time.
    :param senders: send up several at a time.
    """

    def __init__(
        self,
        blobs: Blobs,
        location: str,
        open_entry: Callable[[ReuseKey], SharedEntry | None],
        warn: Callable[[str], None],
        pool: Executor,
        senders: Executor,
    ) -> None:
        self._blobs = blobs
        self._location = location
        self._open = open_entry
        self._warn = warn
        self._pool = pool
        self._senders = senders
        self._stored: dict[Digest, Stored] = {}
        self._lock = threading.Lock()

    def remember(self, shared: SharedEntry) -> None:
        """Remember how the blobs of an entry are stored."""
        with self._lock:
            if len(self._stored) > _REMEMBERED:
                self._stored.clear()
            for digest, stored in shared.stored.items():
                # That it is in the envelope of one entry says nothing of another's.
                if stored.place is not Place.INLINE:
                    self._stored[digest] = stored

    def upload(
        self,
        blobs: tuple[BlobRef, ...],
        open_blob: Callable[[Digest], IO[bytes]],
        watch: Watch = UNWATCHED,
    ) -> dict[Digest, Stored]:
        """Have blobs there; return how each is stored.

        :param open_blob: opens one for reading.
        :param watch: hears of what is sent.
        """
        upload = partial(self._blobs.upload, open_blob=open_blob, watch=watch)
        stored = _each(upload, blobs, self._senders)
        return {blob.digest: how for blob, how in zip(blobs, stored, strict=True)}

    def are_there(self, key: ReuseKey, blobs: Iterable[BlobRef]) -> bool:
        """Tell whether blobs of an entry are all there, with their sizes; inline ones are."""
        asked = tuple(dict.fromkeys(blobs))
        there: SharedEntry | None = None
        if any(self._stored.get(blob.digest) is None for blob in asked):
            there = self._open(key)
        if there is not None:
            self.remember(there)
        inline = {} if there is None else there.inline
        left = [blob for blob in asked if blob.digest not in inline]
        return all(_each(self._is_there, left, self._pool))

    def _is_there(self, blob: BlobRef) -> bool:
        stored = self._stored.get(blob.digest)
        return stored is not None and self._blobs.has(blob, stored)

    def fetch(self, key: ReuseKey, blob: BlobRef, target: Path) -> None:
        """Write a blob of an entry to a new file, its digest checked while it streams."""
        stored = self._stored.get(blob.digest)
        if stored is None:
            there = self._open(key)
            if there is not None:
                self.remember(there)
                stored = there.stored.get(blob.digest)
                data = there.inline.get(blob.digest)
                if data is not None:
                    with writing("write a blob"), target.open("xb") as file:
                        file.write(data)
                    return
        stored = stored or self._blobs.look(blob)
        if stored is None:
            raise StoreDamagedError(f"blob {blob.digest} is not in {self._location}")
        try:
            self._blobs.fetch(blob, stored, target)
        except StoreDamagedError as error:
            with self._lock:
                self._stored.pop(blob.digest, None)
            self._warn(f"a blob of entry {key} is not used ({error})")
            raise


def _each(work: Callable[[BlobRef], _T], blobs: Sequence[BlobRef], pool: Executor) -> Iterable[_T]:
    """Do something with several blobs at once."""
    if len(blobs) < 2:
        return map(work, blobs)
    return pool.map(work, blobs)
