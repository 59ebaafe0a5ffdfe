"""What those ask of a store who look at what is in it, or take it back: local or shared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.core.note import Note, Tombstone
from cwl_memo.core.retention import Evicted

__all__ = ["Catalogue", "Signed"]


class Catalogue(Protocol):
    """A part of :class:`~cwl_memo.store.protocol.Store`, where each method is explained."""

    location: str

    def get_entry(self, key: ReuseKey) -> Entry | None:
        """Return the entry of a key; None where there is none or it is damaged."""

    def keys(self, prefix: str = "") -> Iterator[ReuseKey]:
        """Yield the keys of all entries, or of those that begin so, in no order."""

    def is_evicted(self, key: ReuseKey) -> bool:
        """Tell whether an entry's blobs were taken by retention, its metadata kept."""

    def eviction(self, key: ReuseKey) -> Evicted | None:
        """Return what retention took of an entry; None for an entry that is whole."""

    def check_blob(self, digest: Digest, size: int) -> bool:
        """Tell whether a blob is there and sound."""

    def read_blob(self, digest: Digest) -> bytes:
        """Return a blob's bytes, checked against the digest."""

    def read_run(self, run: str) -> list[dict[str, Any]]:
        """Return the lines of a run's record; empty where there is none."""

    def runs(self) -> list[str]:
        """Return the ids of all recorded runs, oldest first."""

    def invalidate(
        self, keys: Iterable[ReuseKey], reason: str, *, who: str = "", force: bool = False
    ) -> int:
        """Take back what is recorded under keys; return of how many."""

    def tombstone(self, key: ReuseKey) -> Tombstone | None:
        """Return the tombstone of a key; None where its entry was never taken back."""

    def pins(self) -> Mapping[ReuseKey, Note]:
        """Return what was said of the entries that are pinned, by their keys."""


@runtime_checkable
class Signed(Protocol):
    """What a shared store can do besides: its entries are far away, and may be signed."""

    def entries(self, keys: Iterable[ReuseKey]) -> Iterator[Entry]:
        """Yield the entries of keys that can be read, in their order, several read at once."""

    def signer(self, key: ReuseKey) -> str:
        """Return the public key that signed an entry, trusted or not; empty for none."""
