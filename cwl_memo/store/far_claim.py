"""Claims in a shared store: two machines, one job. They save work, and nothing relies on them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from cwl_memo.core.digest import ReuseKey
from cwl_memo.errors import StoreError
from cwl_memo.store.protocol import Claim
from cwl_memo.store.shared.remote import Remote
from cwl_memo.store.workers import Workers

__all__ = ["FarClaims", "Guard"]

_T = TypeVar("_T")


class Guard(Protocol):
    """Asks a store that may fail."""

    def __call__(self, ask: Callable[[], _T], otherwise: _T) -> _T:
        """Return the answer, or ``otherwise`` where the store fails."""


class _Granted:
    """Leave to execute a job, where nobody can be asked."""

    def release(self) -> None:
        """Do nothing."""


class FarClaims:
    """Who executes a job, as machines agree on it.

    :param remote: where they do.
    :param workers: release in the background.
    :param guard: asks the shared store.
    :param ask_again: seconds for which a claim that another has is not asked for again.
    :param most: claims at most that are asked for ahead: others may want what one machine
        would not come to for hours.
    """

    def __init__(
        self,
        remote: Remote,
        workers: Workers,
        guard: Guard,
        ask_again: float,
        most: int = 2 * (os.cpu_count() or 1),
    ) -> None:
        self._remote = remote
        self._workers = workers
        self._guard = guard
        self._ask_again = ask_again
        self._most = most
        self._asking = 0
        self._ahead: dict[ReuseKey, Claim] = {}
        self._refused: dict[ReuseKey, float] = {}
        self._lock = threading.Lock()

    def ask_ahead(self, key: ReuseKey) -> None:
        """Have a claim ready for whoever asks next, unless many wait to be used."""
        with self._lock:
            if key in self._ahead or len(self._ahead) + self._asking >= self._most:
                return
            self._asking += 1
        try:
            claim = self._ask(key)
        finally:
            with self._lock:
                self._asking -= 1
        if claim is not None:
            with self._lock:
                self._ahead.setdefault(key, claim)

    def claim(self, key: ReuseKey) -> Claim | None:
        """Return the right to execute a job; None while another machine has it."""
        with self._lock:
            ready = self._ahead.pop(key, None)
            refused = self._refused.get(key)
        if ready is not None:
            return ready
        if refused is not None and time.monotonic() - refused < self._ask_again:
            return None
        return self._ask(key)

    def _ask(self, key: ReuseKey) -> Claim | None:
        granted: Claim | None = _Granted()
        claim = self._guard(lambda: self._remote.claim(key), granted)
        with self._lock:
            if claim is None:
                self._refused[key] = time.monotonic()
            else:
                self._refused.pop(key, None)
        return claim

    def drop(self, key: ReuseKey) -> None:
        """Give a claim back that was asked for ahead, and that nobody needs."""
        with self._lock:
            ready = self._ahead.pop(key, None)
        if ready is not None:
            with contextlib.suppress(StoreError):  # closed: it ends by itself
                self._workers.submit(self._guard, ready.release, None)

    def close(self) -> None:
        """Give back what was asked for ahead."""
        with self._lock:
            ahead, self._ahead = list(self._ahead.values()), {}
        for claim in ahead:
            with contextlib.suppress(StoreError):
                claim.release()
