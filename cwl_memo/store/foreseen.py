"""A store as a plan sees it: what a run would change in it changes for this process alone."""

from __future__ import annotations

import secrets
import threading
from typing import Any

from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.errors import StoreError
from cwl_memo.store.protocol import FileDigest, FileIdentity, Store

__all__ = ["ForeseenStore"]


class ForeseenStore:
    """Answers as a store that may be written, and writes nothing.

    What it does not define is the store's own.

    :param store: opened for reading.
    :param location: where the run would have its store.
    """

    def __init__(self, store: Store, location: str) -> None:
        self._store = store
        self._dropped: set[ReuseKey] = set()
        self._digests: dict[FileIdentity, FileDigest] = {}
        self._secret = b""
        self._lock = threading.Lock()
        self.location = location
        self.writable = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get_entry(self, key: ReuseKey) -> Entry | None:
        """Return the entry of a key; None where there is none or it was damaged."""
        return None if key in self._dropped else self._store.get_entry(key)

    def drop_entry(self, key: ReuseKey) -> None:
        """Take an entry for gone."""
        self._dropped.add(key)

    def recent(self, tool: str, limit: int) -> list[ReuseKey]:
        """Return the keys of the latest entries of a tool label, newest first."""
        found = self._store.recent(tool, limit + len(self._dropped))
        return [key for key in found if key not in self._dropped][:limit]

    def known_digest(self, identity: FileIdentity) -> FileDigest | None:
        """Return the digest remembered for an unchanged file."""
        return self._digests.get(identity) or self._store.known_digest(identity)

    def remember_digest(
        self,
        identity: FileIdentity,
        digest: FileDigest,
        hashed_ns: int,  # noqa: ARG002
    ) -> None:
        """Remember a digest for as long as this process lives."""
        self._digests[identity] = digest

    def secret(self) -> bytes:
        """Return the store's own key; one that no entry was made with where it has none."""
        with self._lock:
            if not self._secret:
                try:
                    self._secret = self._store.secret()
                except StoreError:
                    self._secret = secrets.token_bytes(32)
            return self._secret

    def begin_run(self, run: str) -> None:
        """Do nothing: nobody is kept from evicting what is only looked at."""

    def end_run(self, run: str) -> None:
        """Do nothing."""

    def hold(self, run: str, key: ReuseKey, when: float) -> None:
        """Do nothing."""
