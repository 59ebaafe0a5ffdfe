"""Blobs of a tiered store: those that are not here come when somebody needs their bytes."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent import futures
from pathlib import Path

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import BlobRef
from cwl_memo.core.mode import USUAL, Mode
from cwl_memo.errors import StoreDamagedError, StoreError, StoreFullError
from cwl_memo.store.borrowed import Borrowed
from cwl_memo.store.far_claim import Guard
from cwl_memo.store.materialise import copy_blob, write_blob
from cwl_memo.store.protocol import Store
from cwl_memo.store.shared.remote import Remote
from cwl_memo.store.workers import Workers

__all__ = ["FarBlobs"]

_log = logging.getLogger("cwltool")


class _NotHadError(StoreDamagedError):
    """A blob did not come from the shared store."""


class FarBlobs:
    """Blobs of a store of this machine, and of the shared one behind it.

    :param front: the store of this machine.
    :param remote: the shared one.
    :param borrowed: which entry lends which blob.
    :param workers: fetch several at a time.
    :param guard: asks the shared store.
    :param warn: hears that it failed.
    :param adopt: is given the key of each borrowed entry of which the last blob has come.
    """

    def __init__(
        self,
        front: Store,
        remote: Remote,
        borrowed: Borrowed,
        workers: Workers,
        guard: Guard,
        warn: Callable[[StoreError], None],
        adopt: Callable[[ReuseKey], None],
    ) -> None:
        self._front = front
        self._remote = remote
        self._borrowed = borrowed
        self._workers = workers
        self._ask = guard
        self._warn = warn
        self._adopt = adopt
        self._fetching: dict[Digest, threading.Lock] = {}
        self._lock = threading.Lock()
        self.fetched = 0
        """How many blobs came from the shared store."""
        self.fetched_bytes = 0

    # here, and there

    def is_here(self, blob: BlobRef) -> bool:
        """Tell whether the store of this machine has a blob, and sound."""
        return self._front.check_blob(blob.digest, blob.size)

    def take_in(self, inline: Mapping[Digest, bytes]) -> dict[Digest, bytes]:
        """Take in the blobs that came along with an entry; return those that have no room here."""
        self._count(len(inline), sum(map(len, inline.values())))
        return {digest: data for digest, data in inline.items() if not self._ingest(data)}

    def _ingest(self, data: bytes) -> bool:
        if self._front.writable:
            with contextlib.suppress(StoreError):
                self._front.ingest_bytes(data)
                return True
        return False

    def check(self, digest: Digest, size: int) -> bool:
        """Tell whether a blob is to be had, and sound as far as that can be seen."""
        return self._is_at_hand(digest, size) or self._is_lent(digest, size)

    def _is_at_hand(self, digest: Digest, size: int) -> bool:
        if self._front.check_blob(digest, size):
            return True
        kept = self._borrowed.bytes_of(digest)
        return kept is not None and len(kept) == size

    def _is_lent(self, digest: Digest, size: int) -> bool:
        lender = self._borrowed.lender(digest)
        if lender is None or lender[1].size != size:
            return False
        return self.are_there(lender[0], [lender[1]])

    def not_at_hand(self, blobs: Iterable[BlobRef]) -> list[BlobRef]:
        """Return those of some blobs that this machine does not have, or not sound."""
        return [blob for blob in blobs if not self._is_at_hand(blob.digest, blob.size)]

    def are_there(self, key: ReuseKey, blobs: list[BlobRef]) -> bool:
        """Tell whether the shared store has blobs of an entry, which it is asked once."""
        unseen = self._borrowed.unannounced(key, blobs)
        if unseen:
            if not self._ask(lambda: self._remote.has(key, unseen), otherwise=False):
                return False
            self._borrowed.announce(key, unseen)
        return True

    def read(self, digest: Digest) -> bytes:
        """Return a blob's bytes, checked against the digest."""
        kept = self._borrowed.bytes_of(digest)
        if kept is not None:
            return kept
        try:
            return self._front.read_blob(digest)
        except StoreDamagedError:
            if self._borrowed.lender(digest) is None:
                raise
        if self._bring(digest):
            return self._front.read_blob(digest)
        with self._fetched_beside(digest) as path:
            return path.read_bytes()

    def materialise(
        self, digest: Digest, target: Path, *, mode: Mode = USUAL, hardlink: bool = False
    ) -> None:
        """Make a blob appear as a new file at ``target``, whose directory exists."""
        kept = self._borrowed.bytes_of(digest)
        if kept is not None:
            write_blob(kept, target, mode)
            return
        try:
            self._front.materialise(digest, target, mode=mode, hardlink=hardlink)
            return
        except StoreDamagedError:
            if self._borrowed.lender(digest) is None:
                raise
        if self._bring(digest):
            self._front.materialise(digest, target, mode=mode, hardlink=hardlink)
            return
        with self._fetched_beside(digest) as path:
            copy_blob(path, target, mode)

    def bring(self, digests: Iterable[Digest]) -> None:
        """Have blobs here that are wanted next, several at a time; never an error."""
        far = [d for d in dict.fromkeys(digests) if self._borrowed.lender(d) is not None]
        if len(far) > 1:
            with contextlib.suppress(StoreError):  # each is fetched when it is wanted
                futures.wait([self._workers.submit(self._bring, digest) for digest in far])

    def _bring(self, digest: Digest) -> bool:
        """Have a borrowed blob here; False where the front takes nothing in.

        :raises StoreDamagedError: if it is not to be had.
        """
        lender = self._borrowed.lender(digest)
        if lender is None or not self._front.writable:
            return False
        key, blob = lender
        with self._lock:
            fetching = self._fetching.setdefault(digest, threading.Lock())
        with fetching:
            if self.is_here(blob):
                return True
            try:
                self._front.receive(digest, blob.size, lambda path: self._fetch(key, blob, path))
            except _NotHadError:
                raise
            except StoreError as error:
                _log.debug("cwl-memo: blob %s is not kept here: %s", digest, error)
                return False
        for whole in self._borrowed.arrived(digest):
            self._adopt(whole)
        return True

    def _fetch(self, key: ReuseKey, blob: BlobRef, target: Path) -> None:
        try:
            self._remote.fetch(key, blob, target)
        except StoreFullError:
            raise  # there is no room here; the shared store has done nothing wrong
        except StoreError as error:
            self._warn(error)
            raise _NotHadError(
                f"blob {blob.digest} did not come from {self._remote.location}: {error}"
            ) from error
        self._count(1, blob.size)

    @contextlib.contextmanager
    def _fetched_beside(self, digest: Digest) -> Iterator[Path]:
        """Have a borrowed blob in a temporary file: the front has no room for it."""
        lender = self._borrowed.lender(digest)
        if lender is None:
            raise StoreDamagedError(f"blob {digest} is missing")
        try:
            with tempfile.TemporaryDirectory(prefix="cwl-memo-") as directory:
                path = Path(directory, "blob")
                self._fetch(*lender, path)
                yield path
        except StoreFullError as error:
            raise _NotHadError(f"there is no room for blob {digest}: {error}") from error
        except OSError as error:
            raise StoreError(f"blob {digest} cannot be written: {error}") from error

    def _count(self, blobs: int, size: int) -> None:
        with self._lock:
            self.fetched += blobs
            self.fetched_bytes += size
