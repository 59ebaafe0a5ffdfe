"""The file of a blob, held against its digest while it is sent."""

from __future__ import annotations

from typing import IO, Final

from blake3 import blake3

from cwl_memo.core.entry import BlobRef
from cwl_memo.errors import StoreDamagedError

__all__ = ["CheckedFile"]

_PIECE: Final = 1 << 20


class CheckedFile:
    """A blob's file, its digest computed while it is read.

    :param source: the file.
    :param blob: what it should be.
    """

    def __init__(self, source: IO[bytes], blob: BlobRef) -> None:
        self._source = source
        self._blob = blob
        self._content = blake3()
        self._part = blake3()
        self._left = blob.size

    def begin_part(self) -> blake3:
        """Return what computes the digest of what is read from now on."""
        self._part = blake3()
        return self._part

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes; none at the end.

        :raises StoreDamagedError: if those before the last were not the blob's: what is made
            of them must not become an object.
        """
        try:
            data = self._source.read(min(size, _PIECE) if size >= 0 else _PIECE)
        except OSError as error:
            # Not the fault of the place that it is sent to.
            raise StoreDamagedError(f"blob {self._blob.digest} cannot be read: {error}") from error
        self._content.update(data)
        self._part.update(data)
        self._left -= len(data)
        if not self._left:
            self.finish()
        return data

    def skip(self, size: int) -> None:
        """Read so many bytes that are not sent."""
        while size:
            data = self.read(size)
            if not data:
                raise StoreDamagedError(f"blob {self._blob.digest} ends too early")
            size -= len(data)

    def finish(self) -> None:
        """Hold what was read against the digest.

        :raises StoreDamagedError: if it is something else.
        """
        if self._left or self._content.hexdigest() != self._blob.digest.hex:
            raise StoreDamagedError(f"blob {self._blob.digest} is not as it was recorded")
