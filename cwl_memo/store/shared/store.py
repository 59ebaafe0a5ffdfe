"""A shared store: entries and blobs under a URL, as the store in front of it asks for them."""

from __future__ import annotations

import datetime as dt
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Final

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import BlobRef, Entry, Origin
from cwl_memo.core.note import Tombstone
from cwl_memo.core.printable import printable
from cwl_memo.core.settings import SharedMode
from cwl_memo.core.signature import SigningKey, TrustPolicy
from cwl_memo.errors import (
    FormatError,
    InvalidatedError,
    NotKeptError,
    StoreDamagedError,
    StoreError,
    StoreForbiddenError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from cwl_memo.store.failure import reading
from cwl_memo.store.protocol import Claim
from cwl_memo.store.shared.blobs import Blobs
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.entry_blob import EntryBlobs
from cwl_memo.store.shared.envelope import (
    ENVELOPE_LIMIT,
    Sealed,
    SharedEntry,
    check_head,
    open_envelope,
    seal_envelope,
)
from cwl_memo.store.shared.layout import (
    ENTRIES,
    MARKER,
    MARKER_LIMIT,
    check_marker,
    entry_name,
    key_of_name,
    marker,
)
from cwl_memo.store.shared.lease import Granted, Leases
from cwl_memo.store.shared.once import Once
from cwl_memo.store.shared.remote import Found
from cwl_memo.store.shared.renew import renew
from cwl_memo.store.shared.sending import UNWATCHED, Watch
from cwl_memo.store.shared.tombstone import SharedTombstones
from cwl_memo.store.shared.trust import Trust
from cwl_memo.store.workers import Workers

__all__ = ["SharedStore"]

_THREADS: Final = 16
_SENDERS: Final = 8

_RENEWED_AT_ONCE: Final = 1000
"""Entries that one run looks at to see whether they are to be written once more."""

_log = logging.getLogger("cwltool")


class SharedStore:
    """A :class:`~cwl_memo.store.shared.remote.Remote` on a bucket.

    :param bucket: where its objects are.
    :param mode: what may be done with it.
    :param trust: whose entries count; and those of keys that the settings of the store list,
        if one of these signed them.
    :param sign_with: signs the entries that are published.
    :param program: name and version of this program, for the store's marker.
    :param once: says that something there cannot be used.
    """

    def __init__(
        self,
        bucket: Bucket,
        *,
        mode: SharedMode = SharedMode.READ_WRITE,
        trust: TrustPolicy | None = None,
        sign_with: SigningKey | None = None,
        program: str = "cwl-memo",
        once: Once | None = None,
    ) -> None:
        self.location = bucket.url
        self.may_read = mode is not SharedMode.WRITEONLY
        self.may_write = mode is not SharedMode.READONLY
        self._may_list = True
        self._bucket = bucket
        self._trust = Trust(bucket, trust or TrustPolicy(), self._warn)
        self._used: set[ReuseKey] = set()
        self._sign_with = sign_with
        self._program = program
        self._pool = Workers(_THREADS, "cwl-memo shared store")
        # Look-ups do not wait behind large blobs that go up.
        self._senders = Workers(_SENDERS, "cwl-memo sender")
        self._blobs = EntryBlobs(
            Blobs(bucket, may_write=self.may_write),
            self.location,
            self._open,
            partial(self._warn, "blob"),
            self._pool,
            self._senders,
        )
        self._leases = Leases(bucket, self._pool)
        self._tombstones = SharedTombstones(bucket)
        self._lock = threading.Lock()
        self._marking = threading.Lock()
        self._has_marker: bool | None = None
        self._quarantined: set[tuple[ReuseKey, Origin]] = set()
        self._warned: set[str] = set()
        self._once = once or Once()

    # is it one, and ours?

    def _look_at_marker(self, *, make: bool) -> None:
        """Make sure that the store is of a format that is known here.

        :param make: whether it becomes a store if it is none.
        :raises StoreUnavailableError: if it is of another, or something else.
        """
        if self._has_marker or (self._has_marker is not None and not make):
            return
        with self._marking:
            data: bytes | None = None
            if self._has_marker is None:
                try:
                    data = self._bucket.get(MARKER, MARKER_LIMIT)
                except StoreDamagedError:
                    data = b""
                except StoreForbiddenError:
                    if self.may_read:
                        raise
                if data is not None:
                    check_marker(data, self.location)
            if data is None and make:
                now = dt.datetime.now().astimezone().isoformat(timespec="seconds")
                try:
                    self._bucket.put(MARKER, marker(now, self._program), create=True)
                except StoreForbiddenError:
                    # Whoever may only write may not look whether it is there.
                    if self.may_read:
                        raise
            self._has_marker = data is not None or make

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            self._look_at_marker(make=False)
            yield
        except StoreForbiddenError:
            self.may_read = False
            raise

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if not self.may_write:
            raise StoreReadOnlyError(f"nothing is written to the shared store {self.location}")
        try:
            self._look_at_marker(make=True)
            yield
        except StoreReadOnlyError:
            self.may_write = False
            raise

    def _warn(self, kind: str, message: str) -> None:
        """Say once of each kind of object that it cannot be used, and once in all as a warning."""
        with self._lock:
            is_first = kind not in self._warned
            self._warned.add(kind)
        text = f"cwl-memo: {message} of the shared store {self.location}"
        if is_first:
            self._once.warn(text, logging.INFO)
        else:
            _log.debug("%s", printable(text))

    # entries

    def find(self, key: ReuseKey) -> Found | None:
        """Return the entry of a key, at the cost of one request."""
        if not self.may_read:
            return None
        with self._reading():
            shared = self._open(key)
            if shared is None:
                return None
            signer = self._trust.signer(shared)
            if signer is None or self._tombstones.is_dead(shared.entry):
                return None
        if (key, shared.entry.origin) in self._quarantined:
            return None
        self._blobs.remember(shared)
        with self._lock:
            if len(self._used) < _RENEWED_AT_ONCE:
                self._used.add(key)
        return Found(shared.entry, shared.inline, signer)

    def _open(self, key: ReuseKey) -> SharedEntry | None:
        """Return the entry of a key if it is sound, whoever wrote it."""
        try:
            return self._open_sound(key)
        except (FormatError, StoreDamagedError) as error:
            self._warn("damaged", f"object {entry_name(key)} is not used ({error})")
            return None

    def _open_sound(self, key: ReuseKey) -> SharedEntry | None:
        """Return the entry of a key; None only where there is none.

        :raises FormatError: if what is there is no entry.
        """
        data = self._bucket.get(entry_name(key), ENVELOPE_LIMIT)
        return None if data is None else open_envelope(data, key)

    def publish(
        self,
        entry: Entry,
        open_blob: Callable[[Digest], IO[bytes]],
        *,
        signed: bool = True,
        watch: Watch = UNWATCHED,
    ) -> bool:
        """Make an entry visible, in place of an older one of its key, after its blobs.

        :returns: whether it is there now; False if another stays in its place.
        """
        key = self._sign_with if signed else None
        # It could be a signed one whose place is taken.
        yields = key is None and self._sign_with is not None
        name = entry_name(entry.key)
        with self._writing(), reading("share an entry"):
            self._must_live(entry)
            if yields and not self._is_free(name):
                return False
            sealed = Sealed.of(entry, open_blob)
            with _for_ever():
                check_head(entry, sealed.inline)
            stored = self._blobs.upload(sealed.rest, open_blob, watch)
            with _for_ever():
                data = seal_envelope(entry, sealed.inline, stored, key)
            # What went up may have taken hours.
            self._must_live(entry)
            if self._sign_with is None and self._is_vouched_for(entry):
                return False
            is_there = self._bucket.put(name, data, create=yields and self._bucket.has_create())
            if is_there:
                watch.sent(sum(map(len, sealed.inline.values())))
            return is_there

    def _is_free(self, name: str) -> bool:
        """Tell whether there is no object of a name, as far as that can be known."""
        if self.may_read:
            return self._bucket.head(name) is None
        # Whoever may not look finds out as it is created.
        return self._bucket.has_create()

    def _is_vouched_for(self, entry: Entry) -> bool:
        """Tell whether an entry of the same key is there, signed, alive and whole.

        Whose it is only those know who trust somebody: for them it is not to be lost.
        """
        try:
            there = self._open(entry.key)
            if there is None or there.signature is None:
                return False
            if (entry.key, there.entry.origin) in self._quarantined:
                return False
            self._blobs.remember(there)
            return not self._tombstones.is_known_dead(there.entry) and self._blobs.are_there(
                entry.key, (blob for blob in there.entry.blobs if blob.digest not in there.inline)
            )
        except StoreForbiddenError:
            return False  # who may not look may write all the same

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Have the entry of a key gone, if it is this one.

        :raises StoreError: if it is not known to be gone afterwards.
        """
        with self._lock:
            self._quarantined.add((entry.key, entry.origin))
        if not self.may_write:
            return
        # Who may not remove anything may share results all the same.
        self._look_at_marker(make=False)
        if not self._is_there(entry):
            return
        self._bucket.delete([entry_name(entry.key)])
        # Some servers say that they have done it, and have not.
        if self._is_there(entry):
            raise StoreUnavailableError(f"entry {entry.key} could not be removed")
        _log.debug("cwl-memo: entry %s removed from the shared store: %s", entry.key, reason)

    def _is_there(self, entry: Entry) -> bool:
        """Tell whether the entry of a key is this one.

        :raises StoreDamagedError: if that cannot be seen; by another program perhaps it can.
        """
        try:
            there = self._open_sound(entry.key)
        except FormatError as error:
            raise StoreDamagedError(f"{entry_name(entry.key)} cannot be read: {error}") from error
        return there is not None and there.entry.origin == entry.origin

    def renew(self, patience: float = math.inf) -> int:
        """Have the entries that were found since the last time stay young; return how many.

        For the end of a run, when there is time: one request for each.

        :param patience: seconds after which nothing more is begun.
        """
        end = time.monotonic() + patience
        with self._lock:
            used, self._used = self._used, set()
        if not used or not self.may_write:
            return 0
        with self._writing():
            return renew(self._bucket, (key for key in used if time.monotonic() < end))

    def keys(self, prefix: str = "") -> Iterator[ReuseKey]:
        """Yield the keys of all entries, or of those that begin so, in no order."""
        shard = f"{prefix[:2]}/{prefix}" if len(prefix) > 1 else prefix
        with self._reading():
            for found in self._bucket.list(f"{ENTRIES}{shard}"):
                key = key_of_name(found.name)
                if key is not None:
                    yield key

    # blobs

    def has(self, key: ReuseKey, blobs: Iterable[BlobRef]) -> bool:
        """Tell whether blobs of an entry are all there, with their sizes; inline ones are."""
        if not self.may_read:
            return False
        with self._reading():
            return self._blobs.are_there(key, blobs)

    def fetch(self, key: ReuseKey, blob: BlobRef, target: Path) -> None:
        """Write a blob of an entry to a new file, its digest checked while it streams."""
        if not self.may_read:
            raise StoreDamagedError(f"nothing is read from the shared store {self.location}")
        with self._reading():
            self._blobs.fetch(key, blob, target)

    # what people say, and who executes

    def tombstone(self, key: ReuseKey) -> Tombstone | None:
        """Return the tombstone of a key; None where its entry was never taken back.

        Whoever only brings results asks, too: theirs must not take the place of live ones.
        """
        if self._may_list:
            try:
                self._look_at_marker(make=False)
                return self._tombstones.get(key)
            except StoreForbiddenError:
                self._may_list = False
                if self.may_read:
                    self.may_read = False
                    raise
        return self._tombstones.known(key)

    def _must_live(self, entry: Entry) -> None:
        """Make sure that an entry is not dead, as far as this machine may know.

        :raises InvalidatedError: if it is.
        """
        is_dead = self._tombstones.is_known_dead(entry)
        if not is_dead and self._may_list:
            try:
                is_dead = self._tombstones.is_dead(entry)
            except StoreForbiddenError:
                if self.may_read:
                    raise
                self._may_list = False
        if is_dead:
            raise InvalidatedError(f"entry {entry.key} was invalidated")

    def bury(self, key: ReuseKey, tombstone: Tombstone) -> None:
        """Have all entries of a key dead that do not name the tombstone."""
        if not self.may_write:
            raise StoreReadOnlyError(f"nothing is written to the shared store {self.location}")
        # Who may take nothing back may share results all the same.
        self._look_at_marker(make=True)
        self._tombstones.put(key, tombstone)

    def claim(self, key: ReuseKey) -> Claim | None:
        """Return the right to execute a key's job, or None if another machine has it."""
        try:
            self._look_at_marker(make=False)
        except StoreError:
            return Granted()  # a store that is not ours to write to has no leases of ours
        return self._leases.claim(key)

    def close(self) -> None:
        """Let go of threads and connections. May be called more than once."""
        self._leases.close()
        self._senders.shutdown()
        self._pool.shutdown()
        self._bucket.close()


@contextmanager
def _for_ever() -> Iterator[None]:
    """Tell that what fails would fail whenever it was tried again."""
    try:
        yield
    except StoreError as error:
        raise NotKeptError(str(error)) from error
