"""What a store answers that has nothing behind it: all that it knows is at hand."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import Future
from typing import IO, Protocol

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import BlobRef, Entry
from cwl_memo.core.note import Tombstone
from cwl_memo.core.run import SharedUse

__all__ = ["Near"]


class Near(Protocol):
    """A store of this machine; see :class:`~cwl_memo.store.protocol.Store` for the answers."""

    is_far: bool = False

    def check_blob(self, digest: Digest, size: int) -> bool:
        """Tell whether a blob is there and sound."""

    def read_blob(self, digest: Digest) -> bytes:
        """Return a blob's bytes, checked against the digest."""

    def tombstone(self, key: ReuseKey) -> Tombstone | None:
        """Return the tombstone of a key; None where its entry was never taken back."""

    def check_blobs(self, entry: Entry, blobs: Iterable[BlobRef]) -> bool:  # noqa: ARG002
        """Tell whether blobs of an entry are there and sound; each is looked at."""
        # All of them, so that every bad one is set aside at once.
        sound = [self.check_blob(blob.digest, blob.size) for blob in blobs]
        return all(sound)

    def tombstones(self, key: ReuseKey) -> tuple[Tombstone, ...]:
        """Return all tombstones of a key."""
        tombstone = self.tombstone(key)
        return () if tombstone is None else (tombstone,)

    def open_blob(self, digest: Digest) -> IO[bytes]:
        """Open a sound blob for reading."""
        return io.BytesIO(self.read_blob(digest))

    def look_ahead(self, key: ReuseKey, *, claim: bool = False) -> Future[None] | None:  # noqa: ARG002
        """Return None: nothing has to be waited for."""
        return None

    def bring(self, digests: Iterable[Digest]) -> None:  # noqa: ARG002
        """Do nothing: blobs are here, or nowhere."""
        return

    def is_borrowed(self, key: ReuseKey) -> bool:  # noqa: ARG002
        """Tell that an entry is the store's own."""
        return False

    def vouch(self, entry: Entry) -> None:  # noqa: ARG002
        """Do nothing: nobody asks who has made an entry."""
        return

    def vouches_for(self, entry: Entry) -> bool:  # noqa: ARG002
        """Tell that nothing is known of who has made an entry."""
        return False

    def share(self, key: ReuseKey) -> None:  # noqa: ARG002
        """Do nothing: there is nobody to share with."""
        return

    def end_sharing(self, *, wait: bool) -> SharedUse | None:  # noqa: ARG002
        """Return None: nothing was shared."""
        return None
