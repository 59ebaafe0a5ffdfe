"""A shared store in memory, with the faults that a test asks for."""

from __future__ import annotations

import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import Digest, ReuseKey, digest_of_bytes
from cwl_memo.core.entry import BlobRef, Entry
from cwl_memo.core.note import Tombstone
from cwl_memo.errors import StoreDamagedError, StoreError
from cwl_memo.store.protocol import Claim
from cwl_memo.store.shared.remote import Found
from cwl_memo.store.shared.sending import UNWATCHED, Watch

__all__ = ["FakeRemote", "Objects"]

INLINE = 64
"""Bytes of a blob that comes along with its entry; few, so that both kinds are met."""


@dataclass
class Objects:
    """What is in a bucket, whoever looks."""

    entries: dict[ReuseKey, bytes] = field(default_factory=dict)
    blobs: dict[Digest, bytes] = field(default_factory=dict)
    signed: dict[ReuseKey, str] = field(default_factory=dict)
    tombstones: dict[ReuseKey, list[Tombstone]] = field(default_factory=dict)
    leases: dict[ReuseKey, str] = field(default_factory=dict)


class FakeRemote:
    """One machine's view of a bucket.

    :param objects: what others see too.
    :param host: whose view it is.
    :param delay: seconds that each call takes.
    :param signs: whether what goes up is signed, by the host.
    :ivar faults: errors that calls of a name raise; of ``*`` all of them.
    :ivar calls: how many there were of each name.
    :ivar slow: names of calls that take long enough to meet others.
    :ivar most_of: the most calls of a name that were under way at once.
    :ivar most: the most calls that were under way at once.
    """

    def __init__(
        self,
        objects: Objects | None = None,
        *,
        host: str = "one",
        may_read: bool = True,
        may_write: bool = True,
        delay: float = 0.0,
        signs: bool = False,
    ) -> None:
        self.objects = objects or Objects()
        self.location = "fake://bucket"
        self.may_read = may_read
        self.may_write = may_write
        self.host = host
        self.delay = delay
        self.signs = signs
        self.faults: dict[str, StoreError] = {}
        self.corrupt = False
        self.calls: Counter[str] = Counter()
        self.order: list[str] = []
        self.most = 0
        self.slow: set[str] = set()
        self.most_of: Counter[str] = Counter()
        self._of: Counter[str] = Counter()
        self.closed = False
        self._now = 0
        self._lock = threading.Lock()

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        with self._lock:
            self.calls[name] += 1
            self.order.append(name)
            self._now += 1
            self._of[name] += 1
            self.most = max(self.most, self._now)
            self.most_of[name] = max(self.most_of[name], self._of[name])
        try:
            if self.delay or name in self.slow:
                time.sleep(self.delay or 0.02)
            fault = self.faults.get(name) or self.faults.get("*")
            if fault is not None:
                raise type(fault)(*fault.args)
            yield
        finally:
            with self._lock:
                self._now -= 1
                self._of[name] -= 1

    def find(self, key: ReuseKey) -> Found | None:
        assert self.may_read
        with self._call("find"):
            data = self.objects.entries.get(key)
            entry = None if data is None else Entry.from_json(json.loads(data))
            known = self.objects.tombstones.get(key, [None])
            if entry is None or entry.is_dead(known[-1]):
                return None
            small = {b.digest for b in entry.blobs if b.size <= INLINE}
            signer = self.objects.signed.get(key, "")
            return Found(entry, {d: self.objects.blobs[d] for d in small}, signer)

    def has(self, key: ReuseKey, blobs: Iterable[BlobRef]) -> bool:
        with self._call("has"):
            held = self.objects.blobs
            return all(b.digest in held and len(held[b.digest]) == b.size for b in blobs)

    def fetch(self, key: ReuseKey, blob: BlobRef, target: Path) -> None:
        with self._call("fetch"):
            data = self.objects.blobs.get(blob.digest)
            if data is None:
                raise StoreDamagedError(f"blob {blob.digest} is not there")
            if self.corrupt:
                data = data[::-1] + b"!"
            if digest_of_bytes(data) != blob.digest:
                raise StoreDamagedError(f"blob {blob.digest} was changed")
            with target.open("xb") as file:
                file.write(data)

    def publish(
        self,
        entry: Entry,
        open_blob: Callable[[Digest], IO[bytes]],
        *,
        signed: bool = True,
        watch: Watch = UNWATCHED,
    ) -> bool:
        assert self.may_write
        with self._call("publish"):
            if self.signs and not signed and entry.key in self.objects.entries:
                return False
            for blob in entry.blobs:
                if blob.digest not in self.objects.blobs:
                    with open_blob(blob.digest) as file:
                        self.objects.blobs[blob.digest] = io.BytesIO(file.read()).getvalue()
                    watch.sent(blob.size)
            self.objects.entries[entry.key] = canonical_bytes(entry.to_json())
            self.objects.signed.pop(entry.key, None)
            if self.signs and signed:
                self.objects.signed[entry.key] = self.host
            return True

    def quarantine(self, entry: Entry, reason: str) -> None:
        with self._call("quarantine"):
            data = self.objects.entries.get(entry.key)
            if data is not None and Entry.from_json(json.loads(data)).origin == entry.origin:
                del self.objects.entries[entry.key]

    def tombstone(self, key: ReuseKey) -> Tombstone | None:
        if not self.may_read:
            return None
        with self._call("tombstone"):
            known = self.objects.tombstones.get(key)
            return known[-1] if known else None

    def bury(self, key: ReuseKey, tombstone: Tombstone) -> None:
        with self._call("bury"):
            self.objects.tombstones.setdefault(key, []).append(tombstone)

    def claim(self, key: ReuseKey) -> Claim | None:
        with self._call("claim"):
            holder = self.objects.leases.setdefault(key, self.host)
            return _Lease(self, key) if holder == self.host else None

    def release(self, key: ReuseKey) -> None:
        with self._call("release"):
            self.objects.leases.pop(key, None)

    def renew(self, patience: float) -> int:
        with self._call("renew"):
            assert self.may_write
            return 0

    def keys(self, prefix: str = "") -> Iterator[ReuseKey]:
        with self._call("keys"):
            yield from [key for key in self.objects.entries if key.hex.startswith(prefix)]

    def close(self) -> None:
        self.closed = True


class _Lease:
    def __init__(self, remote: FakeRemote, key: ReuseKey) -> None:
        self._remote = remote
        self._key = key

    def release(self) -> None:
        self._remote.release(self._key)
