"""Claims: of several that want to execute a job, one does, and the others wait."""

from __future__ import annotations

import threading

from cwl_memo.core.digest import ReuseKey
from cwl_memo.memo.guard import Guard
from cwl_memo.store.protocol import Claim, Store

__all__ = ["Claims", "Unclaimed"]


class Unclaimed:
    """Leave to execute a job without keeping others from it."""

    def release(self) -> None:
        """Do nothing."""


class Claims:
    """The claims of a process: the store keeps out others, and this its own threads.

    :param guard: turns what the store fails at into a warning.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._claimed: set[ReuseKey] = set()
        self._lock = threading.Lock()

    def claim(self, store: Store, key: ReuseKey) -> Claim | None:
        """Return the right to execute a job, or None while another executes it.

        :raises StoreError: if the store cannot say.
        """
        with self._lock:
            if key in self._claimed:
                return None
            self._claimed.add(key)
        claim = None
        try:
            claim = store.claim(key)
        finally:
            if claim is None:
                with self._lock:
                    self._claimed.discard(key)
        return None if claim is None else _OwnClaim(self, key, claim)

    def is_held(self, key: ReuseKey) -> bool:
        """Tell whether this process is the one that executes the job of a key."""
        with self._lock:
            return key in self._claimed

    def release(self, key: ReuseKey, claim: Claim) -> None:
        """Let others have it."""
        with self._lock:
            self._claimed.discard(key)
        self._guard.guard(claim.release, None)


class _OwnClaim:
    """A claim that tells when it is released."""

    def __init__(self, claims: Claims, key: ReuseKey, claim: Claim) -> None:
        self._claims = claims
        self._key = key
        self._claim: Claim | None = claim

    def release(self) -> None:
        """Let others have it."""
        claim, self._claim = self._claim, None
        if claim is not None:
            self._claims.release(self._key, claim)
