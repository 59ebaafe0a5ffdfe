"""What a process knows of entries that come from a shared store, until they are its own."""

from __future__ import annotations

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import BlobRef, Entry

__all__ = ["Borrowed"]

_KEPT: Final = 64 << 20
"""Bytes of small blobs that are kept at most; the others are fetched again."""

_REMEMBERED: Final = 32 << 20
"""Bytes that the entries take up that are remembered; the others are asked for again."""


class Borrowed:
    """Entries of a shared store, who lends which blob, and what there was not.

    :param ask_again: seconds for which nothing is asked for again that was not there.
    :param most: bytes of blobs that are kept here at most.
    :param most_of_entries: bytes that the remembered entries take up; the last one at least.
    """

    def __init__(
        self, ask_again: float, most: int = _KEPT, most_of_entries: int = _REMEMBERED
    ) -> None:
        self._most = most
        self._kept_bytes = 0
        self._ask_again = ask_again
        self._most_of_entries = most_of_entries
        self._entries: OrderedDict[ReuseKey, tuple[Entry, int]] = OrderedDict()
        self._entry_bytes = 0
        self._lent: dict[ReuseKey, tuple[BlobRef, ...]] = {}
        self._lenders: dict[Digest, dict[ReuseKey, BlobRef]] = {}
        self._missing: dict[ReuseKey, set[Digest]] = {}
        self._wanted_by: dict[Digest, set[ReuseKey]] = {}
        self._announced: dict[ReuseKey, set[BlobRef]] = {}
        self._absent: dict[ReuseKey, float] = {}
        self._lost: set[ReuseKey] = set()
        self._kept: OrderedDict[Digest, bytes] = OrderedDict()
        self._ever: set[ReuseKey] = set()
        self._lock = threading.RLock()

    def get(self, key: ReuseKey) -> Entry | None:
        """Return the entry of a key, if it is known."""
        with self._lock:
            entry, _ = self._entries.get(key, (None, 0))
            if entry is not None:
                self._entries.move_to_end(key)
            return entry

    def is_known(self, key: ReuseKey) -> bool:
        """Tell whether to ask for a key would tell nothing new."""
        if key in self._entries or key in self._lost:
            return True
        asked = self._absent.get(key)
        return asked is not None and time.monotonic() - asked < self._ask_again

    def was_lent(self, key: ReuseKey) -> bool:
        """Tell whether the entry of a key came from the shared store."""
        return key in self._ever

    def note_absent(self, key: ReuseKey) -> None:
        """Note that there is no entry of a key now."""
        self._absent[key] = time.monotonic()

    def ask_anew(self, key: ReuseKey) -> None:
        """Have the key asked for again, whatever was known."""
        with self._lock:
            self._absent.pop(key, None)
            self._lost.discard(key)
            self._forget(key)

    def note_lost(self, key: ReuseKey) -> None:
        """Note that the entry of a key is of no use."""
        with self._lock:
            self._forget(key)
            self._lost.add(key)

    def own(self, key: ReuseKey) -> None:
        """Note that the store in front has the entry of a key, and all of its blobs."""
        with self._lock:
            lent = self._lent.get(key, ())
            self._drop(key)
            for blob in lent:
                lenders = self._lenders.get(blob.digest, {})
                lenders.pop(key, None)
                if not lenders:
                    self._lenders.pop(blob.digest, None)

    def _forget(self, key: ReuseKey) -> None:
        # What it lends it lends all the same: its files may be named in outputs already.
        self._drop(key)
        self._ever.discard(key)

    def _drop(self, key: ReuseKey) -> None:
        _, size = self._entries.pop(key, (None, 0))
        self._entry_bytes -= size
        for blob in self._lent.pop(key, ()):
            self._kept_bytes -= len(self._kept.pop(blob.digest, b""))
        self._missing.pop(key, None)
        self._announced.pop(key, None)

    def add(
        self, entry: Entry, kept: Mapping[Digest, bytes], is_here: Callable[[BlobRef], bool]
    ) -> bool:
        """Note an entry; return whether all of its blobs are here.

        :param kept: bytes of blobs that only this process keeps.
        """
        missing = {blob for blob in entry.blobs if not is_here(blob)}
        size = _bytes_of(entry, self._most_of_entries)
        with self._lock:
            self._remember(entry, size)
            self._lent[entry.key] = entry.blobs
            self._ever.add(entry.key)
            self._keep(kept)
            # Of one that is not whole no blob is safe here: till the front has the entry, any
            # upkeep may remove what came along.
            for blob in entry.blobs if missing else ():
                self._lenders.setdefault(blob.digest, {})[entry.key] = blob
            for blob in missing:
                self._wanted_by.setdefault(blob.digest, set()).add(entry.key)
            self._missing[entry.key] = {blob.digest for blob in missing}
        return not missing

    def _remember(self, entry: Entry, size: int) -> None:
        _, before = self._entries.pop(entry.key, (None, 0))
        self._entries[entry.key] = entry, size
        self._entry_bytes += size - before
        while self._entry_bytes > self._most_of_entries and len(self._entries) > 1:
            _, (_, gone) = self._entries.popitem(last=False)
            self._entry_bytes -= gone

    def lender(self, digest: Digest) -> tuple[ReuseKey, BlobRef] | None:
        """Return the key of an entry that lends a blob, and the blob with its size."""
        with self._lock:
            lenders = self._lenders.get(digest)
            return next(reversed(lenders.items())) if lenders else None

    def bytes_of(self, digest: Digest) -> bytes | None:
        """Return the bytes of a blob that only this process keeps, and still does."""
        with self._lock:
            kept = self._kept.get(digest)
            if kept is not None:
                self._kept.move_to_end(digest)
            return kept

    def _keep(self, kept: Mapping[Digest, bytes]) -> None:
        for digest, data in kept.items():
            self._kept_bytes += len(data) - len(self._kept.pop(digest, b""))
            self._kept[digest] = data
        while self._kept_bytes > self._most:
            _, data = self._kept.popitem(last=False)
            self._kept_bytes -= len(data)

    def announce(self, key: ReuseKey, blobs: Iterable[BlobRef]) -> None:
        """Note blobs of an entry that were seen to be there."""
        with self._lock:
            self._announced.setdefault(key, set()).update(blobs)

    def unannounced(self, key: ReuseKey, blobs: Iterable[BlobRef]) -> list[BlobRef]:
        """Return those of some blobs that nobody has seen to be there."""
        seen = self._announced.get(key, set())
        return [blob for blob in blobs if blob not in seen]

    def arrived(self, digest: Digest) -> list[ReuseKey]:
        """Note that a blob is here now; return the keys of entries that lack nothing any more."""
        whole = []
        with self._lock:
            for key in self._wanted_by.pop(digest, ()):
                missing = self._missing.get(key)
                if missing is None:
                    continue
                missing.discard(digest)
                if not missing:
                    whole.append(key)
        return whole


def _bytes_of(entry: Entry, enough: int) -> int:
    """Return about how many bytes an entry takes up in memory; not much more than is asked for.

    Those of a hostile one are many times those that it has in an object.
    """
    total = 0
    left: list[Any] = [entry.fingerprint, *(variant.output for variant in entry.variants)]
    while left and total <= enough:
        value = left.pop()
        total += sys.getsizeof(value)
        if isinstance(value, dict):
            left.extend(value)
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
    return total
