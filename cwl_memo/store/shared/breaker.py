"""A circuit breaker: a place that does not answer is asked no more in this run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from cwl_memo.errors import (
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnreachableError,
)
from cwl_memo.store.compressed import Reader
from cwl_memo.store.shared.bucket import Bucket, ObjectMeta

__all__ = ["BreakerBucket"]

_FAILURES: Final = 3
"""Failures in a row after which a place is given up."""

_LOST: Final = 60.0
"""Seconds that all failures of a run may have cost before it is."""

_ANSWERS: Final = (StoreDamagedError, StoreReadOnlyError, StoreFullError)
"""Errors that a place in good health gives as well."""

_T = TypeVar("_T")


class BreakerBucket:
    """A bucket that fails at once when the one behind it has failed too often.

    It stays so: a run that went on without its shared store ends so.

    :param bucket: that may fail.
    :param failures: how many in a row are too many.
    :param lost: seconds that failures may cost in all.
    """

    def __init__(self, bucket: Bucket, failures: int = _FAILURES, lost: float = _LOST) -> None:
        self.url = bucket.url
        self._bucket = bucket
        self._most_failures = failures
        self._most_lost = lost
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._lost = 0.0
        self._reason = ""

    @property
    def is_open(self) -> bool:
        """Whether the place has been given up."""
        return bool(self._reason)

    @contextmanager
    def _watching(self) -> Iterator[None]:
        if self._reason:
            raise StoreUnreachableError(
                f"the shared store {self.url} is not asked any more in this run: {self._reason}"
            )
        began = time.monotonic()
        try:
            yield
        except _ANSWERS:
            self._succeeded()
            raise
        except StoreError as error:
            self._failed(error, time.monotonic() - began)
            raise
        self._succeeded()

    def _succeeded(self) -> None:
        if self._in_a_row:
            with self._lock:
                self._in_a_row = 0

    def _failed(self, error: StoreError, seconds: float) -> None:
        with self._lock:
            self._in_a_row += 1
            self._lost += seconds
            if self._in_a_row >= self._most_failures:
                self._reason = f"{self._in_a_row} failures in a row, the last: {error}"
            elif self._lost >= self._most_lost:
                self._reason = f"{self._lost:.0f} s lost with failures, the last: {error}"

    def _each(self, ask: Callable[[], Iterator[_T]]) -> Iterator[_T]:
        """Yield what an iterator does; that there is one is no answer yet."""
        with self._watching():
            items = ask()
            item = next(items, None)
        while item is not None:
            yield item
            with self._watching():
                item = next(items, None)

    def get(self, name: str, limit: int) -> bytes | None:
        """Return the bytes of an object; None where there is none."""
        with self._watching():
            return self._bucket.get(name, limit)

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an object in parts, as they arrive."""
        return self._each(lambda: self._bucket.read(name))

    def head(self, name: str) -> ObjectMeta | None:
        """Return what the place tells of an object; None where there is none."""
        with self._watching():
            return self._bucket.head(name)

    def put(self, name: str, data: bytes, *, create: bool = False) -> bool:
        """Write an object, whole or not at all."""
        with self._watching():
            return self._bucket.put(name, data, create=create)

    def put_file(self, name: str, source: Reader, size: int) -> None:
        """Write an object from an open file."""
        with self._watching():
            self._bucket.put_file(name, source, size)

    def list(self, prefix: str = "") -> Iterator[ObjectMeta]:
        """Yield the objects whose names begin so, in no order."""
        return self._each(lambda: self._bucket.list(prefix))

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects; those that are not there are no error."""
        with self._watching():
            self._bucket.delete(names)

    def path_of(self, name: str) -> Path | None:
        """Return where an object is a file of this machine; None where it is not."""
        return self._bucket.path_of(name)

    def has_create(self) -> bool:
        """Tell whether of several that create an object only one succeeds."""
        with self._watching():
            return self._bucket.has_create()

    def close(self) -> None:
        """Let go of connections."""
        self._bucket.close()
