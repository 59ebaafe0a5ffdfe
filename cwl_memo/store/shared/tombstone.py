"""Tombstones of a shared store: which entries were taken back, by anybody who shares it."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Final

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import Digest, ReuseKey, digest_of_value
from cwl_memo.core.entry import Entry
from cwl_memo.core.note import MOST_IDS, NOTE_FORMAT, Note, Tombstone
from cwl_memo.errors import StoreError
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.layout import TOMBSTONES, tombstone_name, tombstone_of_name

__all__ = ["SharedTombstones"]

_FRESH: Final = 60.0
"""Seconds for which the names that were listed are taken for all that there are."""

_LIMIT: Final = 1 << 20


class SharedTombstones:
    """The tombstones of a shared store; their names are listed at once, and seldom.

    What was seen once is never forgotten, whatever fails later.

    :param bucket: where they are.
    :param fresh: seconds between two looks.
    """

    def __init__(self, bucket: Bucket, fresh: float = _FRESH) -> None:
        self._bucket = bucket
        self._fresh = fresh
        self._lock = threading.Lock()
        self._listing = threading.Lock()
        self._seen: dict[ReuseKey, set[Digest]] = {}
        self._notes: dict[Digest, Note] = {}
        self._listed: float | None = None

    def is_dead(self, entry: Entry) -> bool:
        """Tell whether an entry was taken back.

        :raises StoreError: if that cannot be found out.
        """
        return _kills(self._of(entry.key), entry)

    def is_known_dead(self, entry: Entry) -> bool:
        """Tell whether an entry is known to have been taken back. Nothing is asked."""
        return _kills(self._known(entry.key), entry)

    def get(self, key: ReuseKey) -> Tombstone | None:
        """Return the tombstone of a key; of several, one that stands for all.

        :raises StoreError: if that cannot be found out.
        """
        ids = self._of(key)
        return self._tombstone(ids, self._note(key, max(ids))) if ids else None

    def known(self, key: ReuseKey) -> Tombstone | None:
        """Return the tombstone of a key if one was seen. Nothing is asked."""
        ids = self._known(key)
        return self._tombstone(ids, self._notes.get(max(ids))) if ids else None

    @staticmethod
    def _tombstone(ids: set[Digest], note: Note | None) -> Tombstone:
        # What cannot be read is said by somebody all the same.
        said = note or Note.from_json(None)
        told = frozenset(ids) if 1 < len(ids) <= MOST_IDS else frozenset[Digest]()
        return Tombstone(said.reason, said.when, said.who, _joined(ids), told)

    def _note(self, key: ReuseKey, one: Digest) -> Note | None:
        """Return what a tombstone says; None where it cannot be read."""
        note = self._notes.get(one)
        if note is None:
            try:
                data = self._bucket.get(tombstone_name(key, one), _LIMIT)
            except StoreError:
                return None
            note = Note.from_json(_parse(data or b""))
            if data is not None:
                self._notes[one] = note
        return note

    def put(self, key: ReuseKey, tombstone: Tombstone) -> None:
        """Have all entries of a key dead that do not name the tombstone."""
        data = canonical_bytes({"format": NOTE_FORMAT, "key": key.hex, **tombstone.to_json()})
        self._bucket.put(tombstone_name(key, tombstone.id), data)
        self._see(key, tombstone.id)

    def _of(self, key: ReuseKey) -> set[Digest]:
        try:
            self._look()
        except StoreError:
            ids = self._known(key)
            if not ids:
                raise
            return ids
        return self._known(key)

    def _known(self, key: ReuseKey) -> set[Digest]:
        with self._lock:
            return {*self._seen.get(key, ())}

    def _see(self, key: ReuseKey, one: Digest) -> None:
        with self._lock:
            self._seen.setdefault(key, set()).add(one)

    def _look(self) -> None:
        """List the names, if the last time is too long ago.

        While one lists them again, others go on with what was listed last.

        :raises StoreError: if they cannot be listed.
        """
        if self._is_younger(self._fresh):
            return
        if not self._listing.acquire(blocking=not self._is_younger(2 * self._fresh)):
            return
        try:
            if self._is_younger(self._fresh):
                return
            began = time.monotonic()
            for found in self._bucket.list(TOMBSTONES):
                named = tombstone_of_name(found.name)
                if named is not None:
                    self._see(*named)
            self._listed = began
        finally:
            self._listing.release()

    def _is_younger(self, seconds: float) -> bool:
        listed = self._listed
        return listed is not None and time.monotonic() < listed + seconds


def _kills(ids: set[Digest], entry: Entry) -> bool:
    after = {*entry.after}
    return bool(ids) and not ids <= after and _joined(ids) not in after


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
