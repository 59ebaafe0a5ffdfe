"""The tiered store: a store of this machine in front, one that others share behind it.

What is not in front is looked for behind. An entry that is found there is borrowed: its
small blobs come along, the others when somebody needs their bytes. When all of them are
here the entry is the front's own, and the next run asks nobody.

Of the shared store no failure goes further than this: it costs time, and one warning.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, TypeVar

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import BlobRef, Entry
from cwl_memo.core.mode import USUAL, Mode
from cwl_memo.core.note import Tombstone
from cwl_memo.core.run import SharedUse
from cwl_memo.core.signature import entry_digest, written_digest
from cwl_memo.errors import FormatError, InvalidatedError, StoreError
from cwl_memo.store.borrowed import Borrowed
from cwl_memo.store.far_blob import FarBlobs
from cwl_memo.store.far_claim import FarClaims
from cwl_memo.store.protocol import Claim, Store
from cwl_memo.store.shared.once import Once
from cwl_memo.store.shared.remote import Remote
from cwl_memo.store.spool import Spool
from cwl_memo.store.untold import Untold
from cwl_memo.store.uploads import Uploads
from cwl_memo.store.withdrawals import Withdrawals
from cwl_memo.store.workers import Workers

__all__ = ["TieredStore"]

_log = logging.getLogger("cwltool")

_WORKERS: Final = 16
"""How many questions the shared store is asked at once, and how many blobs come down."""

_ASK_AGAIN: Final = 2.0
"""Seconds for which nothing is asked for again that was not there."""

_RENEWAL: Final = 10.0
"""Seconds that the end of a run takes to have stay young what it used."""

_T = TypeVar("_T")


class TieredStore:
    """A store of this machine with a shared one behind it.

    What it does not define is the front's own.

    :param front: the store of this machine.
    :param remote: the shared one.
    :param leases: whether machines agree on who executes a job.
    :param spool: where it is noted what is to go up, if anywhere.
    :param untold: where it is noted what is to be gone there, if anywhere.
    :param once: says that the shared store fails.
    :param ask_again: seconds for which nothing is asked for again that was not there.
    :param pauses: seconds between the attempts to take an entry up.
    """

    is_far = True

    def __init__(
        self,
        front: Store,
        remote: Remote,
        *,
        leases: bool = True,
        spool: Spool | None = None,
        untold: Untold | None = None,
        once: Once | None = None,
        ask_again: float = _ASK_AGAIN,
        pauses: tuple[float, ...] | None = None,
    ) -> None:
        self.front = front
        self.remote = remote
        self.location = front.location
        self.writable = front.writable
        # It finds out by and by what it is allowed; what is to go up is noted all the same.
        self._brings = remote.may_write
        self._borrowed = Borrowed(ask_again)
        self._workers = Workers(_WORKERS, "cwl-memo look-up")
        self._pending: dict[ReuseKey, Future[None]] = {}
        self._once = once or Once()
        self._uploads = Uploads(front, remote, spool, self._once, pauses=pauses)
        self._withdrawals = Withdrawals(front, remote, untold)
        self._claims = FarClaims(remote, self._workers, self._ask, ask_again) if leases else None
        self._blobs = FarBlobs(
            front, remote, self._borrowed, self._workers, self._ask, self._warn, self._arrived
        )
        self._vouched: dict[ReuseKey, Digest] = {}
        self._signed: dict[ReuseKey, Digest] = {}
        self._closed = False
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.front, name)

    # failures of the shared store

    def _ask(self, ask: Callable[[], _T], otherwise: _T) -> _T:
        """Return what the shared store answers, or ``otherwise`` where it fails."""
        try:
            return ask()
        except StoreError as error:
            self._warn(error)
            return otherwise

    def _warn(self, error: StoreError) -> None:
        self._once.warn(
            f"cwl-memo: the shared store {self.remote.location} failed, the run goes on without "
            f"it where it has to: {error}"
        )

    # entries

    def get_entry(self, key: ReuseKey) -> Entry | None:
        """Return the entry of a key; None where there is none or it was damaged."""
        entry = self.front.get_entry(key)
        if entry is None or self._is_gone(entry):
            entry = self._find(key) or entry
        if entry is None or self._withdrawals.is_wrong(entry):
            return None
        if self._claims is not None:
            self._claims.drop(key)
        return entry

    def _is_gone(self, entry: Entry) -> bool:
        """Tell whether another entry of the same key may be better."""
        if self.front.is_evicted(entry.key) or self._withdrawals.is_wrong(entry):
            return True
        return self._is_dead(entry)

    def _is_dead(self, entry: Entry) -> bool:
        return any(entry.is_dead(tombstone) for tombstone in self.tombstones(entry.key))

    def _find(self, key: ReuseKey) -> Entry | None:
        """Return the entry that the shared store has of a key; None where it has none."""
        known = self._borrowed.get(key)
        if known is not None and self._is_dead(known):
            # Another may have been shared since.
            self._borrowed.ask_anew(key)
        if not self.remote.may_read or self._borrowed.is_known(key):
            return self._borrowed.get(key)
        found = self._ask(lambda: self.remote.find(key), None)
        if found is None or self._withdrawals.is_wrong(found.entry):
            self._borrowed.note_absent(key)
            return None
        if found.signer:
            self._signed[key] = entry_digest(found.entry)
        self._adopt(found.entry, self._blobs.take_in(found.inline))
        return found.entry

    def _adopt(self, entry: Entry, kept: Mapping[Digest, bytes]) -> None:
        """Borrow an entry, and make it the front's own once all of its blobs are here.

        :param kept: bytes of blobs that have no room here.
        """
        if not self._borrowed.add(entry, kept, self._blobs.is_here) or not self.front.writable:
            return
        try:
            self.front.publish(entry)
        except StoreError as error:
            _log.debug("cwl-memo: entry %s stays borrowed: %s", entry.key, error)
        else:
            self._borrowed.own(entry.key)

    def _arrived(self, key: ReuseKey) -> None:
        entry = self._borrowed.get(key)
        if entry is None:
            self._find(key)  # as many as this process has borrowed it does not remember
        else:
            # What was here when it was borrowed may have gone since.
            self._adopt(entry, {})

    def publish(self, entry: Entry) -> None:
        """Make an entry visible here, in place of an older one of its key.

        :raises InvalidatedError: if a tombstone of its key is meant for it.
        """
        if self._is_dead(entry):
            raise InvalidatedError(f"entry {entry.key} was invalidated")
        self.front.publish(entry)
        self._borrowed.ask_anew(entry.key)

    def is_borrowed(self, key: ReuseKey) -> bool:
        """Tell whether the entry of a key comes from the shared store."""
        return self._borrowed.was_lent(key)

    def quarantine_entry(self, entry: Entry, reason: str) -> bool:
        """Set an entry aside here, and have it gone from the shared store, too, or later."""
        # First: whatever fails after this, it is not used again.
        is_noted = self._withdrawals.distrust(entry, reason)
        is_there = self.front.writable and self.front.quarantine_entry(entry, reason)
        was_lent = self._borrowed.was_lent(entry.key)
        self._borrowed.note_lost(entry.key)
        is_gone = self._ask(lambda: self._withdrawals.remove(entry, reason), otherwise=False)
        if not is_gone:
            _log.info(
                "[memo] entry %s is wrong, and was not removed from %s%s",
                entry.key.hex[:12],
                self.remote.location,
                "; a later run tries again" if is_noted and self._brings else "",
            )
        return (is_noted or is_gone) and (is_there or was_lent)

    def drop_entry(self, key: ReuseKey) -> None:
        """Forget an entry; that of the shared store for as long as this process lives."""
        was_lent = self._borrowed.was_lent(key)
        self._borrowed.note_lost(key)
        if not was_lent or self.front.get_entry(key) is not None:
            self.front.drop_entry(key)

    # blobs

    def check_blob(self, digest: Digest, size: int) -> bool:
        """Tell whether a blob is to be had, and sound as far as that can be seen."""
        return self._blobs.check(digest, size)

    def check_blobs(self, entry: Entry, blobs: Iterable[BlobRef]) -> bool:
        """Tell whether blobs of an entry are all to be had."""
        far = self._blobs.not_at_hand(blobs)
        if not far:
            return True
        lender = self._find(entry.key)
        if lender is None or not set(lender.blobs).issuperset(far):
            return False
        # The front may have had them when the entry was found.
        self._borrowed.add(lender, {}, self._blobs.is_here)
        return self._blobs.are_there(lender.key, far)

    def read_blob(self, digest: Digest) -> bytes:
        """Return a blob's bytes, checked against the digest."""
        return self._blobs.read(digest)

    def materialise(
        self, digest: Digest, target: Path, *, mode: Mode = USUAL, hardlink: bool = False
    ) -> None:
        """Make a blob appear as a new file at ``target``, whose directory exists."""
        self._blobs.materialise(digest, target, mode=mode, hardlink=hardlink)

    def bring(self, digests: Iterable[Digest]) -> None:
        """Have blobs here that are wanted next, several at a time; never an error."""
        self._blobs.bring(digests)

    # looking ahead

    def look_ahead(self, key: ReuseKey, *, claim: bool = False) -> Future[None] | None:
        """Begin to look for an entry in the shared store; None where it is not needed there."""
        if not self.remote.may_read or self._borrowed.is_known(key):
            return None
        entry = self.front.get_entry(key)
        if entry is not None and not self.front.is_evicted(key):
            return None
        with self._lock:
            pending = self._pending.get(key)
            if pending is None or pending.done():
                try:
                    pending = self._workers.submit(self._look, key, claim=claim)
                except StoreError:
                    return None  # whoever asks looks themselves
                self._pending[key] = pending
            return pending

    def _look(self, key: ReuseKey, *, claim: bool) -> None:
        try:
            entry = self._find(key)
            if entry is not None:
                needed = (blob for variant in entry.variants for blob in variant.blobs)
                self._blobs.are_there(key, self._blobs.not_at_hand(dict.fromkeys(needed)))
            elif claim and self._claims is not None and self.remote.may_write:
                self._claims.ask_ahead(key)
        finally:
            with self._lock:
                self._pending.pop(key, None)

    # two machines, one job

    def claim(self, key: ReuseKey) -> Claim | None:
        """Return the right to execute a key's job, or None if somebody else has it."""
        near = self.front.claim(key)
        if near is None or self._claims is None or not self.remote.may_write:
            return near
        far = self._claims.claim(key)
        if far is None:
            if not self.remote.may_read:
                return near  # others wait for what this machine brings; it cannot have theirs
            near.release()
            return None
        return _Claim(near, far, lambda: self._give_back(key, far))

    def _give_back(self, key: ReuseKey, far: Claim) -> None:
        # Whoever waits for it finds the entry: it is released after that has gone up.
        if not self._uploads.hand_over(key, far):
            with contextlib.suppress(StoreError):  # closed: it ends by itself
                self._workers.submit(self._ask, far.release, None)

    # what people say of entries

    def invalidate(
        self, keys: Iterable[ReuseKey], reason: str, *, who: str = "", force: bool = False
    ) -> int:
        """Take back what is recorded under keys, here and in the shared store.

        :raises StoreError: if the shared store cannot be told yet; it is told later.
        """
        chosen = list(dict.fromkeys(keys))
        count = self.front.invalidate(chosen, reason, who=who, force=force)
        for key in chosen:
            self._borrowed.ask_anew(key)
        if self._brings:
            self._withdrawals.bury(chosen)
        return count

    def tombstones(self, key: ReuseKey) -> tuple[Tombstone, ...]:
        """Return all tombstones of a key, of this store and of the shared one."""
        near = self.front.tombstones(key)
        far = self._ask(lambda: self.remote.tombstone(key), None)
        if far is None or any(tombstone.id == far.id for tombstone in near):
            return near
        self._keep(key, far)
        # What is known of there stands for what went up from here.
        return (*(tombstone for tombstone in near if not far.stands_for(tombstone)), far)

    def _keep(self, key: ReuseKey, far: Tombstone) -> None:
        """Have dead here what is dead there, for later runs without the shared store, too."""
        if not self.front.writable:
            return
        try:
            if not self.front.keep_tombstone(key, far):
                entry = self.front.get_entry(key)
                if entry is not None and entry.is_dead(far):
                    self.front.quarantine_entry(entry, f"invalidated: {far.reason}")
        except StoreError as error:
            _log.debug("cwl-memo: tombstone of %s is not kept here: %s", key, error)

    def tombstone(self, key: ReuseKey) -> Tombstone | None:
        """Return a tombstone of a key; None where its entry was never taken back."""
        return next(iter(self.tombstones(key)), None)

    # sharing

    def begin_run(self, run: str) -> None:
        """Say that a run lives, and go on with what earlier ones did not get to share."""
        self.front.begin_run(run)
        self.take_up()

    def take_up(self) -> None:
        """Have go up what earlier runs left behind."""
        if self._brings:
            self._uploads.take_up()
            with contextlib.suppress(StoreError):  # noted: a later run tells it
                self._workers.submit(self._withdrawals.repeat)

    @property
    def untold(self) -> int:
        """Of how many entries the shared store is still to be told that they are no more."""
        return self._ask(lambda: self._withdrawals.left, 0)

    def vouch(self, entry: Entry) -> None:
        """Note that this machine stands for an entry, which is signed when it goes up."""
        if self._brings:
            with contextlib.suppress(FormatError):  # nobody can write it, or sign it
                self._vouched[entry.key] = written_digest(entry)

    def vouches_for(self, entry: Entry) -> bool:
        """Tell whether this process, or a trusted key, vouched for exactly this entry.

        What an entry says of its origin counts for nothing: others can read it, and write it.
        """
        known = {self._vouched.get(entry.key), self._signed.get(entry.key)} - {None}
        with contextlib.suppress(FormatError):
            return bool(known) and written_digest(entry) in known
        return False

    def share(self, key: ReuseKey) -> None:
        """Have an entry go up in the background."""
        if self._brings:
            self._uploads.add(key, self._vouched.get(key))

    @property
    def unsigned(self) -> int:
        """How many entries went up of which nobody here knows who has made them."""
        return self._uploads.unsigned

    @property
    def withheld(self) -> dict[ReuseKey, StoreError]:
        """Why entries did not go up that never will."""
        return dict(self._uploads.withheld)

    def end_sharing(self, *, wait: bool) -> SharedUse:
        """Wait until all has gone up, if there is time, and tell what was shared."""
        if wait:
            self._uploads.finish()
            self._renew()
            if self._brings:
                self._withdrawals.repeat()
        uploads = self._uploads
        return SharedUse(
            self.remote.location,
            self._blobs.fetched,
            self._blobs.fetched_bytes,
            len(uploads.done),
            uploads.bytes,
            uploads.left,
        )

    def _renew(self) -> None:
        """Have stay young what was found there. No run waits long, or says a word, for that."""
        if self.remote.may_read and self.remote.may_write and not self._once.is_said:
            try:
                self.remote.renew(_RENEWAL)
            except StoreError as error:
                _log.debug("cwl-memo: what was used is not renewed: %s", error)

    def close(self) -> None:
        """Let go of both stores. May be called more than once."""
        if self._closed:
            return
        self._closed = True
        self._uploads.close()
        self._workers.shutdown(wait=False, cancel_futures=True)
        if self._claims is not None:
            self._claims.close()
        try:
            self._ask(self.remote.close, None)
        finally:
            self.front.close()


class _Claim:
    """The claims of a job in both stores."""

    def __init__(self, near: Claim, far: Claim, give_back: Callable[[], None]) -> None:
        self._near = near
        self._far: Claim | None = far
        self._give_back = give_back

    def release(self) -> None:
        """Let others have it."""
        far, self._far = self._far, None
        if far is not None:
            self._give_back()
        self._near.release()
