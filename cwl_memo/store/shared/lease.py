"""Leases: of several machines that want to execute the same job, one does.

They save work, and no result depends on them: where they cannot be had, the job is executed.
No two clocks are compared. Whoever waits watches whether the lease changes, which it does
while its holder lives, and takes it over when it has not for a while by their own clock.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, wait
from dataclasses import dataclass, field
from typing import Any, Final

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import ReuseKey
from cwl_memo.errors import StoreDamagedError, StoreError, StoreReadOnlyError
from cwl_memo.store.protocol import Claim
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.layout import lease_name

__all__ = ["Granted", "Leases"]

_BEAT: Final = 10.0
"""Seconds between two signs of life."""

_STALE: Final = 45.0
"""Seconds without one after which a holder counts as dead."""

_LOOK: Final = 2.0
"""Seconds between two looks at a lease that somebody else has."""

_SURE: Final = 30.0
"""Seconds after a sign of life in which nobody can have taken a lease over."""

_VANISHED: Final = 3
"""Looks at a lease that is said to be there, and is not, after which nobody waits for it."""

_PATIENCE: Final = 59 * 60.0
"""Seconds for which a holder is waited for that lives and does not end; a run waits an hour."""

_ENDLESS: Final = 2
"""Such holders after which a run waits for nobody: whoever may write may feign any number."""

_LIMIT: Final = 4096


@dataclass
class _Held:
    """A lease of this process."""

    key: ReuseKey
    process: str
    """Whose sign of life is one for all of its leases."""
    holder: str = field(default_factory=lambda: secrets.token_hex(16))
    beat: int = 0
    beaten: float = 0.0
    """When it was last written, by the clock of this process."""

    def to_bytes(self) -> bytes:
        """Return what is written."""
        return canonical_bytes(
            {
                "holder": self.holder,
                "process": self.process,
                "host": socket.gethostname(),
                "beat": self.beat,
            }
        )


@dataclass
class _Watched:
    """A lease of somebody else, as it was seen last."""

    body: bytes
    since: float
    looked: float
    began: float
    """When it was seen first, whatever it was then."""


class Granted:
    """The right to execute a job; ``end`` is None where no lease stands behind it."""

    def __init__(self, end: Callable[[], None] | None = None) -> None:
        self._end = end

    def release(self) -> None:
        """Let others have it. May be called more than once."""
        end, self._end = self._end, None
        if end is not None:
            end()


class Leases:
    """The leases of one process in a shared store.

    :param bucket: where they are.
    :param pool: keeps them alive, and gives them back, which nobody waits for.
    :param beat: seconds between two signs of life.
    :param stale: seconds without one after which a holder counts as dead.
    :param look: seconds between two looks at a lease of somebody else.
    :param patience: seconds for which one that lives and does not end is waited for.
    """

    def __init__(
        self,
        bucket: Bucket,
        pool: Executor,
        *,
        beat: float = _BEAT,
        stale: float = _STALE,
        look: float = _LOOK,
        patience: float = _PATIENCE,
    ) -> None:
        self._bucket = bucket
        self._pool = pool
        self._beat = beat
        self._stale = stale
        self._look = look
        self._patience = patience
        self._held: dict[ReuseKey, _Held] = {}
        self._watched: dict[ReuseKey, _Watched] = {}
        self._vanished: Counter[ReuseKey] = Counter()
        self._process = secrets.token_hex(16)
        self._dead: set[str] = set()
        """Processes of which a lease has been taken over."""
        self._endless: set[str] = set()
        """Processes that were waited for as long as anybody is, in vain."""
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._heart: threading.Thread | None = None
        self._is_refused = False

    def claim(self, key: ReuseKey) -> Claim | None:
        """Return the right to execute a job; None while another process has it."""
        with self._lock:
            if key in self._held:
                return None
            watched = self._watched.get(key)
            if watched is not None and time.monotonic() < watched.looked + self._look:
                return None
            if self._is_refused or self._ended.is_set():
                return Granted()
            held = self._held[key] = _Held(key, self._process)
        try:
            has_it = self._take(held)
        except StoreReadOnlyError:
            # Nor will it be the next time.
            self._is_refused = True
            return self._let_go(held, Granted())
        except StoreError:
            return self._let_go(held, Granted())
        except BaseException:
            self._let_go(held, None)
            raise
        if not has_it:
            return self._let_go(held, None)
        with self._lock:
            self._watched.pop(key, None)
            self._vanished.pop(key, None)
        self._start()
        return Granted(lambda: self._release(held))

    def _let_go(self, held: _Held, instead: Claim | None) -> Claim | None:
        with self._lock:
            self._held.pop(held.key, None)
        return instead

    def _take(self, held: _Held) -> bool:
        """Write a lease where there is none, or one that is dead; return whether it is ours.

        :raises StoreError: if leases cannot be had here: nobody is waited for then.
        """
        name = lease_name(held.key)
        if self._bucket.put(name, held.to_bytes(), create=True):
            held.beaten = time.monotonic()
            return self._bucket.has_create() or self._has_won(held)
        body = self._bucket.get(name, _LIMIT)
        now = time.monotonic()
        if body is not None and _holder(body) == held.holder:
            # Written by a request whose answer was lost, and that was sent again.
            held.beaten = now
            return True
        process = "" if body is None else _named(body, "process")
        with self._lock:
            watched = self._watched.get(held.key)
            if body is None:  # given back just now: to be asked for again
                self._watched.pop(held.key, None)
                self._vanished[held.key] += 1
                if self._vanished[held.key] >= _VANISHED:
                    raise StoreDamagedError(f"{name} is there and is not")
                return False
            self._must_end(process, watched, now)
            # One that died left all of its leases, and is waited for once; nobody holds what
            # cannot be read.
            if process not in self._dead and _holder(body):
                if watched is None or watched.body != body:
                    began = now if watched is None else watched.began
                    self._watched[held.key] = _Watched(body, now, now, began)
                    return False
                watched.looked = now
                if now < watched.since + self._stale:
                    return False
                self._dead.update({process} - {""})
            self._watched.pop(held.key, None)
        self._bucket.put(name, held.to_bytes())
        held.beaten = time.monotonic()
        # Another may have done the same just now: whoever wrote last has it.
        time.sleep(min(0.2, self._look / 10))
        return self._has_won(held)

    def _must_end(self, process: str, watched: _Watched | None, now: float) -> None:
        """Make sure that a holder may still end while it is waited for.

        :raises StoreDamagedError: if it, or too many others, were waited for in vain.
        """
        if watched is not None and now > watched.began + self._patience:
            self._endless.add(process)
        if process in self._endless or len(self._endless) >= _ENDLESS:
            raise StoreDamagedError("leases that never end")

    def _has_won(self, held: _Held) -> bool:
        """Tell whether a lease that was just written is still ours.

        :raises StoreDamagedError: if there is none: a place that loses it has no leases.
        """
        body = self._bucket.get(lease_name(held.key), _LIMIT)
        holder = "" if body is None else _holder(body)
        if not holder:
            raise StoreDamagedError(f"{lease_name(held.key)} is lost")
        return holder == held.holder

    def _is_ours(self, held: _Held) -> bool:
        body = self._bucket.get(lease_name(held.key), _LIMIT)
        return body is not None and _holder(body) == held.holder

    # life

    def _start(self) -> None:
        with self._lock:
            if self._heart is None:
                heart = threading.Thread(target=self._live, name="cwl-memo-leases", daemon=True)
                # Where the system gives no thread others may execute the job, too.
                with contextlib.suppress(RuntimeError):
                    heart.start()
                    self._heart = heart

    def _live(self) -> None:
        while not self._ended.wait(self._beat):
            with self._lock:
                held = list(self._held.values())
            # Side by side: one after the other, many take longer than a holder counts as alive.
            beats = []
            for one in sorted(held, key=lambda one: one.beaten):
                try:
                    beats.append(self._pool.submit(self._beat_of, one))
                except (StoreError, RuntimeError):  # closed, or no threads are to be had
                    self._beat_of(one)
            wait(beats)

    def _beat_of(self, held: _Held) -> None:
        # One that fails is made up for by the next.
        with contextlib.suppress(StoreError):
            self._sign_of_life(held)

    def _sign_of_life(self, held: _Held) -> None:
        if time.monotonic() > held.beaten + self._sure and not self._is_ours(held):
            self._let_go(held, None)  # taken over: this machine slept, or was cut off
            return
        with self._lock:
            if self._held.get(held.key) is not held:
                return
            held.beat += 1
        self._bucket.put(lease_name(held.key), held.to_bytes())
        held.beaten = time.monotonic()
        with self._lock:
            is_held = self._held.get(held.key) is held
        if not is_held:
            # Given back meanwhile, and now there again.
            self._bucket.delete([lease_name(held.key)])

    @property
    def _sure(self) -> float:
        return min(_SURE, self._stale * 2 / 3)

    # end

    def _release(self, held: _Held) -> None:
        with self._lock:
            if self._held.get(held.key) is not held:
                return
            del self._held[held.key]
        try:
            self._pool.submit(self._give_back, held)
        except (StoreError, RuntimeError):  # the pool has been closed
            self._give_back(held)

    def _give_back(self, held: _Held) -> None:
        with contextlib.suppress(StoreError):
            if time.monotonic() < held.beaten + self._sure or self._is_ours(held):
                self._bucket.delete([lease_name(held.key)])

    def close(self) -> None:
        """Give all back, and take no more."""
        self._ended.set()
        with self._lock:
            held = list(self._held.values())
        for one in held:
            self._release(one)
        if self._heart is not None:
            self._heart.join(self._beat)


def _holder(body: bytes) -> str:
    return _named(body, "holder")


def _named(body: bytes, name: str) -> str:
    """Return a text that a lease holds; empty for none, and for what is no lease."""
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    text = data.get(name) if isinstance(data, dict) else None
    return text if isinstance(text, str) else ""
