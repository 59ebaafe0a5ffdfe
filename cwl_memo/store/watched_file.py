"""A file of which somebody hears that it is read."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO, Any

__all__ = ["WatchedFile"]


class WatchedFile(io.RawIOBase):
    """A file of which somebody hears that it is read.

    :param file: the file.
    :param note: hears of each read.
    """

    def __init__(self, file: IO[bytes], note: Callable[[], None]) -> None:
        self._file = file
        self._note = note

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Tell whether the file can be."""
        return self._file.seekable()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to another place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes; all that are left where none are named."""
        data = self._file.read(size)
        self._note()
        return data

    def readall(self) -> bytes:
        """Return all that is left."""
        return self.read()

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return how many bytes."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
