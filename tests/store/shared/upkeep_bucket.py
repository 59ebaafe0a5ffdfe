"""A bucket in memory whose clock a test holds, and entries in it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cwl_memo.core.digest import Digest, ReuseKey, digest_of_bytes, digest_of_value
from cwl_memo.core.entry import BlobRef, Entry, Origin, OutputVariant
from cwl_memo.core.signature import SigningKey, TrustPolicy
from cwl_memo.errors import StoreDamagedError
from cwl_memo.store.compressed import Reader
from cwl_memo.store.shared.bucket import ObjectMeta
from cwl_memo.store.shared.layout import blob_name, entry_name
from cwl_memo.store.shared.store import SharedStore

DAY = 24 * 3600.0
SMALL = b"small"
LARGE = bytes(range(256)) * 100
"""Not inline, and compressed."""


def noise(number: int, size: int = 20_000) -> bytes:
    """Bytes that do not compress."""
    from blake3 import blake3

    return blake3(str(number).encode()).digest(length=size)


class HeldBucket:
    """Objects in memory, by the clock of a test.

    ``before`` is called with the name of each operation and of its object.
    """

    url = "memory://held"

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.objects: dict[str, tuple[bytes, float]] = {}
        self.before: Callable[[str, str], None] = lambda _operation, _name: None
        self._lock = threading.RLock()

    def get(self, name: str, limit: int) -> bytes | None:
        self.before("get", name)
        with self._lock:
            found = self.objects.get(name)
        if found is not None and len(found[0]) > limit:
            raise StoreDamagedError("too large")
        return None if found is None else found[0]

    def read(self, name: str) -> Iterator[bytes]:
        self.before("read", name)
        if name not in self.objects:
            raise StoreDamagedError("not there")
        yield self.objects[name][0]

    def head(self, name: str) -> ObjectMeta | None:
        self.before("head", name)
        with self._lock:
            found = self.objects.get(name)
        return None if found is None else _meta(name, *found)

    def put(self, name: str, data: bytes, *, create: bool = False) -> bool:
        self.before("put", name)
        with self._lock:
            if create and name in self.objects:
                return False
            self.objects[name] = data, self.now
        return True

    def put_file(self, name: str, source: Reader, size: int) -> None:
        data = b""
        while len(data) < size and (part := source.read(size - len(data))):
            data += part
        self.put(name, data)

    def list(self, prefix: str = "") -> Iterator[ObjectMeta]:
        self.before("list", prefix)
        with self._lock:
            found = [(name, *item) for name, item in self.objects.items()]
        yield from (_meta(*item) for item in found if item[0].startswith(prefix))

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self.before("delete", name)
            with self._lock:
                self.objects.pop(name, None)

    def path_of(self, name: str) -> Path | None:
        return None

    def has_create(self) -> bool:
        return True

    def close(self) -> None:
        pass

    def names(self, prefix: str = "") -> set[str]:
        return {name for name in self.objects if name.startswith(prefix)}


def _meta(name: str, data: bytes, modified: float) -> ObjectMeta:
    return ObjectMeta(name, len(data), modified, digest_of_bytes(data).hex[:16])


def entry_of(
    number: int, *contents: bytes, seconds: float = 2.0, tool: str = "sort",
    after: tuple[Digest, ...] = (), keep_until: int | None = None,
) -> Entry:  # fmt: skip
    blobs = tuple(BlobRef(digest_of_bytes(data), len(data)) for data in dict.fromkeys(contents))
    fingerprint = {"tool": {"baseCommand": [tool]}, "number": number}
    return Entry(
        key=ReuseKey(digest_of_value("reuse-key", fingerprint).hex),
        fingerprint=fingerprint,
        variants=(OutputVariant(digest_of_bytes(b"section"), {"out": None}, blobs),),
        exit_code=0,
        tree=None,
        stdout=None,
        stderr=None,
        blobs=blobs,
        origin=Origin("run", f"job_{number}", tool, "2026-01-01T00:00:00+00:00", seconds),
        after=after,
        keep_until=keep_until,
    )


def publish(
    bucket: HeldBucket,
    entry: Entry,
    *contents: bytes,
    key: SigningKey | None = None,
) -> str:
    """Publish an entry as a run does; return the name of its object."""
    by_digest = {digest_of_bytes(data): data for data in contents}
    store = SharedStore(bucket, sign_with=key)
    store.publish(entry, lambda digest: io.BytesIO(by_digest[digest]))
    return entry_name(entry.key)


def record(bucket: HeldBucket, number: int, *contents: bytes, seconds: float = 2.0) -> Entry:
    entry = entry_of(number, *contents, seconds=seconds)
    publish(bucket, entry, *contents)
    return entry


def name_of(data: bytes) -> str:
    return blob_name(digest_of_bytes(data))


def is_hit(bucket: HeldBucket, entry: Entry, trust: TrustPolicy | None = None) -> bool:
    """Whether a run would use the entry: it is found, and all of it is there."""
    store = SharedStore(bucket, trust=trust)
    found = store.find(entry.key)
    return found is not None and store.has(
        found.entry.key, [blob for blob in found.entry.blobs if blob.digest not in found.inline]
    )
