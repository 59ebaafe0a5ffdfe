"""What is heard of blobs on their way up."""

from __future__ import annotations

from typing import Final

from cwl_memo.store.compressed import Reader

__all__ = ["UNWATCHED", "Sending", "Watch"]

_HELD: Final = 32 << 20
"""Bytes of one object that a sender holds before it reads on, at most."""


class Watch:
    """Hears how blobs go up; this one makes nothing of it."""

    def on_way(self, name: str, size: int) -> None:
        """Hear that bytes of an object move, and how many wait to arrive; 0 when it ends."""

    def sent(self, size: int) -> None:
        """Hear that so many bytes of blobs have arrived."""


UNWATCHED: Final = Watch()


class Sending:
    """The bytes of one object, read by what sends them.

    :param name: of the object.
    :param source: of its bytes.
    :param watch: hears of each read.
    """

    def __init__(self, name: str, source: Reader, watch: Watch) -> None:
        self._name = name
        self._source = source
        self._watch = watch
        self._read = 0

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes; none at the end."""
        data = self._source.read(size)
        self._read += len(data)
        self._watch.on_way(self._name, min(self._read, _HELD))
        return data

    def end(self) -> None:
        """Say that nothing of it is on its way any more."""
        self._watch.on_way(self._name, 0)
