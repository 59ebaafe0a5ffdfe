"""What stands behind a local store: entries and blobs that other machines share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import BlobRef, Entry
from cwl_memo.core.note import Tombstone
from cwl_memo.store.protocol import Claim
from cwl_memo.store.shared.sending import UNWATCHED, Watch

__all__ = ["Found", "Remote"]


class Found(NamedTuple):
    """An entry that was found in a shared store.

    :param entry: sound and alive.
    :param inline: bytes of small blobs that came along, held against their digests.
    :param signer: public key that signed the entry and is trusted; empty where no trust is
        asked for.
    """

    entry: Entry
    inline: Mapping[Digest, bytes]
    signer: str


class Remote(Protocol):
    """A shared store, as the store in front of it sees it.

    Every method may raise :class:`~cwl_memo.errors.StoreError`, and nothing else that comes
    from the outside world. It is used by several threads at once. Of objects that fail a
    check it warns by itself, once for each kind; that it cannot be reached is raised.
    """

    location: str
    may_read: bool
    may_write: bool

    def find(self, key: ReuseKey) -> Found | None:
        """Return the entry of a key, at the cost of one request.

        None where there is none, or it is not sound, not trusted, or dead by a tombstone.
        """

    def has(self, key: ReuseKey, blobs: Iterable[BlobRef]) -> bool:
        """Tell whether blobs of an entry are all there, with their sizes; inline ones are."""

    def fetch(self, key: ReuseKey, blob: BlobRef, target: Path) -> None:
        """Write a blob of an entry to a new file, its digest checked while it streams.

        :raises StoreDamagedError: if it is not there or not sound; there is no file then.
        """

    def publish(
        self,
        entry: Entry,
        open_blob: Callable[[Digest], IO[bytes]],
        *,
        signed: bool = True,
        watch: Watch = UNWATCHED,
    ) -> bool:
        """Make an entry visible, in place of an older one of its key, after its blobs.

        :param open_blob: opens a blob of the entry for reading, to see what it is like even
            where it is there already.
        :param signed: whether it gets a signature, if there is a key to sign with. Where there
            is one and it gets none, it takes the place of no other entry; where there is none,
            of no signed one.
        :param watch: hears of what is sent.
        :returns: whether it is there now; False if another stays in its place.
        """

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Have the entry of a key gone, if it is this one."""

    def tombstone(self, key: ReuseKey) -> Tombstone | None:
        """Return the tombstone of a key; None where its entry was never taken back."""

    def bury(self, key: ReuseKey, tombstone: Tombstone) -> None:
        """Have all entries of a key dead that do not name the tombstone."""

    def claim(self, key: ReuseKey) -> Claim | None:
        """Return the right to execute a key's job, or None if another machine has it.

        It is granted where claims cannot be had: it saves work, and nothing relies on it.
        """

    def renew(self, patience: float) -> int:
        """Have the entries that were found since the last time stay young; return how many.

        For the end of a run.

        :param patience: seconds after which nothing more is begun.
        """

    def keys(self, prefix: str = "") -> Iterator[ReuseKey]:
        """Yield the keys of all entries, or of those that begin so, in no order."""

    def close(self) -> None:
        """Let go of threads and connections. May be called more than once."""
