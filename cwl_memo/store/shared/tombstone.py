"""Tombstones of a shared store: which entries were taken back, by anybody who shares it."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Final

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import Digest, ReuseKey, digest_of_value
from cwl_memo.core.entry import Entry
from cwl_memo.core.note import NOTE_FORMAT, Note, Tombstone
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.layout import TOMBSTONES, tombstone_name, tombstone_of_name

__all__ = ["SharedTombstones"]

_FRESH: Final = 60.0
"""Seconds for which the names that were listed are taken for all that there are."""

_LIMIT: Final = 1 << 20


class SharedTombstones:
    """The tombstones of a shared store; their names are listed at once, and seldom.

    :param bucket: where they are.
    :param fresh: seconds between two looks.
    """

    def __init__(self, bucket: Bucket, fresh: float = _FRESH) -> None:
        self._bucket = bucket
        self._fresh = fresh
        self._lock = threading.Lock()
        self._known: dict[ReuseKey, set[Digest]] | None = None
        self._listed = 0.0

    def is_dead(self, entry: Entry) -> bool:
        """Tell whether an entry was taken back.

        :raises StoreError: if that cannot be found out.
        """
        ids = self._of(entry.key)
        after = {*entry.after}
        return bool(ids) and not ids <= after and _joined(ids) not in after

    def get(self, key: ReuseKey) -> Tombstone | None:
        """Return the tombstone of a key; of several, one that stands for all.

        :raises StoreError: if that cannot be found out.
        """
        ids = self._of(key)
        if not ids:
            return None
        data = self._bucket.get(tombstone_name(key, max(ids)), _LIMIT)
        note = Note.from_json(_parse(data or b""))
        return Tombstone(note.reason, note.when, note.who, _joined(ids))

    def put(self, key: ReuseKey, tombstone: Tombstone) -> None:
        """Have all entries of a key dead that do not name the tombstone."""
        data = canonical_bytes({"format": NOTE_FORMAT, "key": key.hex, **tombstone.to_json()})
        self._bucket.put(tombstone_name(key, tombstone.id), data)
        with self._lock:
            if self._known is not None:
                self._known.setdefault(key, set()).add(tombstone.id)

    def _of(self, key: ReuseKey) -> set[Digest]:
        with self._lock:
            known = self._known
            if known is None or time.monotonic() >= self._listed + self._fresh:
                began = time.monotonic()
                known = {}
                for found in self._bucket.list(TOMBSTONES):
                    named = tombstone_of_name(found.name)
                    if named is not None:
                        known.setdefault(named[0], set()).add(named[1])
                self._known, self._listed = known, began
            return {*known.get(key, ())}


def _joined(ids: set[Digest]) -> Digest:
    """Return the id that stands for several tombstones; of one, its own."""
    if len(ids) == 1:
        return next(iter(ids))
    return digest_of_value("tombstones", sorted(str(one) for one in ids))


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
