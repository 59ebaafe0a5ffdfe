"""A place for objects in which anything goes wrong."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path

from cwl_memo.errors import (
    StoreDamagedError,
    StoreForbiddenError,
    StoreFullError,
    StoreUnreachableError,
)
from cwl_memo.store.compressed import Reader
from cwl_memo.store.shared.bucket import Bucket, ObjectMeta

__all__ = ["Fault", "FaultyBucket"]


class Fault(str, Enum):
    """What goes wrong, with every call that it can go wrong with."""

    NONE = "none"
    UNREACHABLE = "unreachable"
    SLOW = "slow"
    TRUNCATED = "truncated"
    CORRUPTED = "corrupted"
    OTHER = "other"
    """The bytes of another object come back."""
    EMPTY = "empty"
    LOST = "lost"
    """What is read is not there, though a list and a look at it say so."""
    VANISHED = "vanished"
    """Nothing is there at all."""
    FORBIDDEN_WRITES = "forbidden-writes"
    FORBIDDEN = "forbidden"
    FULL = "full"
    CUT = "cut"
    """The connection ends in the middle of an object."""
    IGNORES_CREATE = "ignores-create"
    SWALLOWS = "swallows"
    """Writes are said to have succeeded, and were not done."""


class FaultyBucket:
    """A bucket with a fault.

    :param bucket: the sound one behind it.
    :param fault: what goes wrong; may be changed at any time.
    :param rate: the part of the calls that it goes wrong with.
    :param seed: of the choice of these calls.
    """

    def __init__(
        self, bucket: Bucket, fault: Fault = Fault.NONE, rate: float = 1.0, seed: int = 0
    ) -> None:
        self.url = bucket.url
        self.fault = fault
        self.rate = rate
        self.calls: list[tuple[str, str]] = []
        self._bucket = bucket
        self._chance = random.Random(seed)

    def _now(self, call: str, name: str) -> Fault:
        self.calls.append((call, name))
        if self.rate < 1.0 and self._chance.random() >= self.rate:
            return Fault.NONE
        if self.fault is Fault.UNREACHABLE:
            raise StoreUnreachableError("injected: no answer")
        if self.fault is Fault.FORBIDDEN:
            raise StoreForbiddenError("injected: 403")
        if self.fault is Fault.SLOW:
            time.sleep(0.01)
        return self.fault

    def _writing(self, call: str, name: str) -> Fault:
        fault = self._now(call, name)
        if fault is Fault.FORBIDDEN_WRITES:
            raise StoreForbiddenError("injected: 403")
        if fault is Fault.FULL:
            raise StoreFullError("injected: full")
        return fault

    def _spoil(self, fault: Fault, name: str, data: bytes) -> bytes:
        if fault is Fault.TRUNCATED:
            return data[: self._chance.randrange(len(data))] if data else data
        if fault is Fault.CORRUPTED and data:
            place = self._chance.randrange(len(data))
            flipped = bytes([data[place] ^ (1 << self._chance.randrange(8))])
            return data[:place] + flipped + data[place + 1 :]
        if fault is Fault.EMPTY:
            return b""
        if fault is Fault.OTHER:
            room = name.partition("/")[0]
            for other in self._bucket.list(f"{room}/"):
                if other.name != name:
                    return self._bucket.get(other.name, 1 << 30) or b""
        return data

    def get(self, name: str, limit: int) -> bytes | None:
        fault = self._now("get", name)
        if fault in {Fault.LOST, Fault.VANISHED}:
            return None
        if fault is Fault.CUT:
            raise StoreUnreachableError("injected: cut")
        data = self._bucket.get(name, limit)
        return None if data is None else self._spoil(fault, name, data)

    def read(self, name: str) -> Iterator[bytes]:
        fault = self._now("read", name)
        if fault in {Fault.LOST, Fault.VANISHED}:
            raise StoreDamagedError("injected: not there")
        data = b"".join(self._bucket.read(name))
        if fault is Fault.CUT:
            yield data[: len(data) // 2]
            raise StoreUnreachableError("injected: cut")
        yield self._spoil(fault, name, data)

    def head(self, name: str) -> ObjectMeta | None:
        fault = self._now("head", name)
        return None if fault is Fault.VANISHED else self._bucket.head(name)

    def put(self, name: str, data: bytes, *, create: bool = False) -> bool:
        fault = self._writing("put", name)
        if fault is Fault.SWALLOWS:
            return True
        if fault is Fault.CUT:
            raise StoreUnreachableError("injected: cut")
        is_ignored = fault is Fault.IGNORES_CREATE
        return self._bucket.put(name, data, create=create and not is_ignored)

    def put_file(self, name: str, source: Reader, size: int) -> None:
        fault = self._writing("put_file", name)
        if fault is Fault.CUT:
            source.read(size // 2)
            raise StoreUnreachableError("injected: cut")
        if fault is not Fault.SWALLOWS:
            self._bucket.put_file(name, source, size)

    def list(self, prefix: str = "") -> Iterator[ObjectMeta]:
        fault = self._now("list", prefix)
        found = list(self._bucket.list(prefix))
        self._chance.shuffle(found)
        if fault is Fault.CUT:
            yield from found[: len(found) // 2]
            raise StoreUnreachableError("injected: cut")
        if fault is not Fault.VANISHED:
            yield from found

    def delete(self, names: Iterable[str]) -> None:
        names = list(names)
        if self._writing("delete", ",".join(names)) is not Fault.SWALLOWS:
            self._bucket.delete(names)

    def path_of(self, name: str) -> Path | None:
        return self._bucket.path_of(name)

    def has_create(self) -> bool:
        if self._now("has_create", "") is Fault.IGNORES_CREATE:
            return False
        return self._bucket.has_create()

    def close(self) -> None:
        self._bucket.close()
