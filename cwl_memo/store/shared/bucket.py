"""What a shared store asks of the place where its objects are; ``tests/store`` spells it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from cwl_memo.store.compressed import Reader

__all__ = ["Bucket", "ObjectMeta"]


class ObjectMeta(NamedTuple):
    """What a place tells of an object.

    :param name: relative to the place, with ``/`` between its parts.
    :param size: in bytes.
    :param modified: seconds since the epoch by the clock of the server, never of this machine.
    :param tag: changes whenever the object does; empty where the place has none.
    """

    name: str
    size: int
    modified: float
    tag: str


class Bucket(Protocol):
    """Objects by name, as all providers of object storage have them, and file systems.

    Every method raises :class:`~cwl_memo.errors.StoreError` and nothing else:
    StoreUnreachableError where there is no answer, StoreForbiddenError where the answer is
    no, StoreFullError, StoreDamagedError, and StoreUnreadableError where one object alone
    may not be read, or did not come whole. It is used by several threads at once.
    """

    url: str

    def get(self, name: str, limit: int) -> bytes | None:
        """Return the bytes of an object; None where there is none.

        :raises StoreDamagedError: if it has more than ``limit`` bytes.
        """

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an object in parts, as they arrive.

        :raises StoreDamagedError: if there is no such object.
        :raises StoreUnreadableError: if it ends too early.
        """

    def head(self, name: str) -> ObjectMeta | None:
        """Return what the place tells of an object; None where there is none."""

    def put(self, name: str, data: bytes, *, create: bool = False) -> bool:
        """Write an object, whole or not at all.

        :param create: whether one that is there stays as it is. Only a hint where
            :meth:`has_create` is false.
        :returns: false where that was asked for and it was there.
        """

    def put_file(self, name: str, source: Reader, size: int) -> None:
        """Write an object from what reads a file, in parts, holding few of them in memory.

        :param size: in bytes, of what is read, from where it stands.
        :raises StoreDamagedError: if the file ends before; there is no object then.
        """

    def list(self, prefix: str = "") -> Iterator[ObjectMeta]:
        """Yield the objects whose names begin so, in no order."""

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects; those that are not there are no error."""

    def path_of(self, name: str) -> Path | None:
        """Return where an object is a file of this machine; None where it is not."""

    def has_create(self) -> bool:
        """Tell whether of several that create an object only one succeeds; probed once."""

    def close(self) -> None:
        """Let go of connections. May be called more than once."""
