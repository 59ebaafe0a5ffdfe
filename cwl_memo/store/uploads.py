"""Uploads: what a run records goes up to the shared store while its next jobs run.

Only keys wait; an entry and its blobs are read when their turn comes. What a run leaves
behind, the next one with the same shared store finds in the spool.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from concurrent.futures import Future
from typing import IO, Final, cast

from cwl_memo.core.bundle import has_secrets
from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.core.explain import format_bytes
from cwl_memo.core.signature import entry_digest
from cwl_memo.errors import (
    FormatError,
    InvalidatedError,
    NotKeptError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from cwl_memo.store.protocol import Claim, Store
from cwl_memo.store.shared.once import Once
from cwl_memo.store.shared.remote import Remote
from cwl_memo.store.shared.sending import Watch
from cwl_memo.store.spool import Spool
from cwl_memo.store.watched_file import WatchedFile
from cwl_memo.store.workers import Workers

__all__ = ["Uploads"]

_log = logging.getLogger("cwltool")

_WORKERS: Final = 4
_PAUSES: Final = (0.5, 2.0)
"""Seconds between the attempts for one entry."""

_STALLED: Final = 60.0
"""Seconds without a byte or an answer after which the end of a run waits no longer."""

_SLOWEST: Final = 250_000.0
"""Bytes a second that a connection carries, or is none."""

_SILENT: Final = 3.0
"""Seconds that the end of a run may take without a word."""

_LEFT_OVER: Final = 10_000
"""How many entries of earlier runs one run takes up."""

_FINAL: Final = (StoreFullError, StoreReadOnlyError)
"""What no later attempt of this run will change."""

_NEVER: Final = (NotKeptError, InvalidatedError)
"""What no attempt of any run will change."""


class _TakenError(NotKeptError):
    """An entry of the key is there already."""


class Uploads:
    """Takes entries from a local store up to a shared one.

    :param front: where they are.
    :param remote: where they go.
    :param spool: where it is noted what is to go, if anywhere.
    :param once: says that not all has gone up.
    :param pauses: seconds between attempts.
    """

    def __init__(
        self,
        front: Store,
        remote: Remote,
        spool: Spool | None = None,
        once: Once | None = None,
        *,
        pauses: tuple[float, ...] | None = None,
    ) -> None:
        self._front = front
        self._remote = remote
        self._spool = spool
        self._once = once or Once()
        self._pauses = _PAUSES if pauses is None else pauses
        self._workers = Workers(_WORKERS, "cwl-memo upload")
        self._waiting: dict[ReuseKey, Future[None]] = {}
        self._running: set[ReuseKey] = set()
        self._again: set[ReuseKey] = set()
        self._claims: dict[ReuseKey, list[Claim]] = {}
        self._vouched: dict[ReuseKey, Digest] = {}
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._refused: StoreError | None = None
        self._moved = time.monotonic()
        self._on_way: dict[str, int] = {}
        self._is_taken_up = False
        self.done: set[ReuseKey] = set()
        self.failed: dict[ReuseKey, StoreError] = {}
        self.withheld: dict[ReuseKey, StoreError] = {}
        self._told: set[ReuseKey] = set()
        self.bytes = 0
        self.unsigned = 0

    # what is to go

    def add(self, key: ReuseKey, vouched: Digest | None = None) -> None:
        """Have an entry go up, before the run ends or in a later one.

        :param vouched: digest of the entry that gets this machine's signature. What else
            stands under the key by then gets none.
        """
        with self._changed:
            # Before it is noted: what goes up now must not take that note for its own.
            if key in self._running:
                self._again.add(key)
        if self._spool is not None:
            # Without it the entry goes up all the same, if the run is not killed.
            with contextlib.suppress(StoreError):
                self._spool.add(key, vouched)
        self._begin(key, vouched)

    def take_up(self) -> int:
        """Have go up what earlier runs left behind; return how many entries that is."""
        if self._spool is None or self._is_taken_up:
            return 0
        self._is_taken_up = True
        try:
            keys = self._spool.keys()[:_LEFT_OVER]
        except StoreError:
            return 0
        for key in keys:
            self._begin(key)
        return len(keys)

    def _begin(self, key: ReuseKey, vouched: Digest | None = None) -> None:
        if vouched is None and self._spool is not None:
            vouched = self._spool.vouched(key)
        with self._changed:
            if vouched is not None:
                self._vouched[key] = vouched
            if not self._waiting:
                self._moved = time.monotonic()
            self.done.discard(key)
            self.failed.pop(key, None)
            self.withheld.pop(key, None)
            if key in self._running:
                self._again.add(key)
            elif key not in self._waiting:
                self._submit(key)

    def _submit(self, key: ReuseKey) -> None:
        """Have an entry go up when its turn comes; ``_changed`` is held."""
        try:
            self._waiting[key] = self._workers.submit(self._work, key)
        except StoreError as error:  # shut down, or no thread is to be had
            self._waiting.pop(key, None)
            self.failed[key] = error

    def hand_over(self, key: ReuseKey, claim: Claim) -> bool:
        """Have the claim of an entry released once it has gone up; False if it is not to go."""
        with self._changed:
            if key not in self._waiting:
                return False
            self._claims.setdefault(key, []).append(claim)
            return True

    # one entry

    def _work(self, key: ReuseKey) -> None:
        error: StoreError | None = None
        with self._changed:
            self._running.add(key)
            self._again.discard(key)
        try:
            error = self._upload(key)
        except StoreError as failed:
            error = failed
        except Exception as unexpected:  # noqa: BLE001  (a fault costs others a re-execution)
            error = StoreError(f"unexpected error: {unexpected!r}")
        finally:
            with self._changed:
                claims = self._ended(key, error)
                self._changed.notify_all()
            for claim in claims:
                with contextlib.suppress(StoreError):
                    claim.release()

    def _ended(self, key: ReuseKey, error: StoreError | None) -> list[Claim]:
        """Note what became of an upload; return the claims that are to be released.

        ``_changed`` is held.
        """
        self._moved = time.monotonic()
        self._running.discard(key)
        if key in self._again:
            # Another entry of the key was recorded while this one went up.
            self._again.discard(key)
            self._submit(key)
            if key in self._waiting:
                return []
        self._waiting.pop(key, None)
        if error is None:
            self.done.add(key)
            self._vouched.pop(key, None)
        elif isinstance(error, _NEVER):
            if not isinstance(error, _TakenError):
                self.withheld[key] = error
        else:
            self.failed[key] = error
        return self._claims.pop(key, [])

    def _upload(self, key: ReuseKey) -> StoreError | None:
        """Take an entry up; return why it did not go, if it did not."""
        for pause in (*self._pauses, None):
            if self._refused is not None:
                return self._refused
            if self._stop.is_set():
                return StoreUnavailableError("the run was interrupted")
            try:
                self._upload_once(key)
            except _FINAL as error:
                self._refused = error
                return error
            except _NEVER as error:
                # As one that is gone from the local store: no run will find it there again.
                self._forget(key)
                return error
            except StoreError as error:
                if isinstance(error, StoreDamagedError) and not self._is_whole(key):
                    self._forget(key)
                    return error
                if pause is None or self._stop.wait(pause):
                    return error
            else:
                self._forget(key)
                return None
        return None

    def _is_whole(self, key: ReuseKey) -> bool:
        """Tell whether the local store has an entry and all its blobs, so that it may yet go."""
        with contextlib.suppress(StoreError):
            entry = self._front.get_entry(key)
            return entry is not None and self._front.check_blobs(entry, entry.blobs)
        return True  # whatever ails it now, nothing is known to be lost

    def _upload_once(self, key: ReuseKey) -> None:
        entry = self._front.get_entry(key)
        if entry is None or self._front.eviction(key) is not None:
            raise NotKeptError(f"entry {key} is no longer kept")
        if has_secrets(entry):
            # Only this store's own key stands for them: no other would ever find it.
            raise NotKeptError(f"entry {key} was given a secret")
        if any(entry.is_dead(tombstone) for tombstone in self._front.tombstones(key)):
            raise NotKeptError(f"entry {key} was invalidated here")

        def open_blob(digest: Digest) -> IO[bytes]:
            return cast("IO[bytes]", WatchedFile(self._front.open_blob(digest), self._note_move))

        is_ours = self._is_ours(entry)
        if not self._remote.publish(entry, open_blob, signed=is_ours, watch=_Watch(self)):
            raise _TakenError(f"an entry {key} is there, and nobody here vouches for another")
        with self._changed:
            self.unsigned += not is_ours

    def _is_ours(self, entry: Entry) -> bool:
        """Tell whether this machine vouches for exactly this entry."""
        vouched = self._vouched.get(entry.key)
        with contextlib.suppress(FormatError):
            return vouched is not None and vouched == entry_digest(entry)
        return False

    def _note_move(self) -> None:
        self._moved = time.monotonic()

    def note_way(self, name: str, size: int) -> None:
        """Note how many bytes of an object are on their way."""
        with self._changed:
            self._note_move()
            self._on_way[name] = size
            if not size:
                del self._on_way[name]

    def note_sent(self, size: int) -> None:
        """Note that bytes of blobs have arrived."""
        with self._changed:
            self._note_move()
            self.bytes += size

    @property
    def _patience(self) -> float:
        """Seconds for which nothing need be heard: what is on its way is not heard of."""
        return max(_STALLED, sum(self._on_way.values()) / _SLOWEST)

    def _forget(self, key: ReuseKey) -> None:
        with self._changed:
            if self._spool is not None and key not in self._again:
                with contextlib.suppress(StoreError):
                    self._spool.remove(key)

    # the end

    def finish(self) -> None:
        """Wait until all has gone up, or nothing moves any more, and say what has not."""
        begun = told = time.monotonic()
        with self._changed:
            total = len(self._waiting)
            while self._waiting:
                self._changed.wait(0.5)
                now = time.monotonic()
                if now - self._moved > self._patience:
                    break
                if now - told > (_SILENT if told == begun else 4 * _SILENT):
                    told = now
                    done = total - len(self._waiting)
                    _log.info(
                        "[memo] sharing results: %d of %d, %s",
                        done,
                        total,
                        format_bytes(self.bytes),
                    )
        if self.left:
            self._tell()
        self._tell_withheld()

    def _tell(self) -> None:
        results = "1 result was" if self.left == 1 else f"{self.left} results were"
        told = f"{results} not shared with {self._remote.location}"
        later = "a later run, or 'cwl-memo push', shares what it can"
        if self._once.is_said:
            # One warning a run: that it fails, and why, has been said.
            _log.info("[memo] %s; %s", told, later)
        else:
            why = next(iter(self.failed.values()), "it took too long")
            self._once.warn(f"cwl-memo: {told}: {why}; {later}", logging.INFO)

    def _tell_withheld(self) -> None:
        """Say of how many results nobody else will ever hear, and why of one of them."""
        with self._changed:
            new = {key: why for key, why in self.withheld.items() if key not in self._told}
        self._told.update(new)
        if new:
            results = "1 result is" if len(new) == 1 else f"{len(new)} results are"
            why = next(iter(new.values()))
            _log.info("[memo] %s not for %s: %s", results, self._remote.location, why)

    @property
    def left(self) -> int:
        """How many entries have not gone up."""
        with self._changed:
            return len(self._waiting) + len(self.failed)

    def close(self) -> None:
        """Begin nothing more, and wait for nothing."""
        self._stop.set()
        self._workers.shutdown(wait=False, cancel_futures=True)


class _Watch(Watch):
    """Tells what is heard of an upload."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads

    def on_way(self, name: str, size: int) -> None:
        self._uploads.note_way(name, size)

    def sent(self, size: int) -> None:
        self._uploads.note_sent(size)
