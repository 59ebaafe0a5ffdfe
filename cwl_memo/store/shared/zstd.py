"""Blobs compressed with zstd, where that pays; what comes out is bounded."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Final, cast

from cwl_memo.errors import StoreDamagedError, StoreError, UsageError
from cwl_memo.store.compressed import Reader, zstd_library

__all__ = ["NoRoomError", "compressed", "decompressed", "has_zstd", "most", "need_zstd", "pays"]

SAMPLE: Final = 1 << 20
"""Bytes of a blob by which it is judged."""

_LEVEL: Final = 1
"""Measured on alignments: 0.357 of the size at 231 MB/s; level 3 makes 0.356 at 137 MB/s."""

_WORTH: Final = 0.9
_WINDOW: Final = 1 << 27
"""Bytes of memory that a compressed blob may ask for, at most; what zstd itself grants."""

_PART: Final = 1 << 20
_IN_MEMORY: Final = 8 << 20


class NoRoomError(StoreError):
    """This machine has no room to compress; that says nothing of the store."""


def has_zstd() -> bool:
    """Tell whether zstd can be used here."""
    try:
        zstd_library()
    except UsageError:
        return False
    return True


def need_zstd() -> None:
    """Do nothing where zstd can be used.

    :raises StoreError: where it cannot.
    """
    if not has_zstd():
        raise StoreError("a blob is compressed with zstd: pip install 'cwl-memo[shared]'")


def pays(sample: bytes) -> bool:
    """Tell by the first bytes of a blob whether it is to be compressed."""
    if not has_zstd():
        return False
    compressor = _compressor()
    return len(compressor.compress(sample) + compressor.flush()) < _WORTH * len(sample)


def most(size: int) -> int:
    """Return how many compressed bytes can stand for so many, at most.

    zstd itself would take any number more: there are frames out of which nothing comes.
    """
    return size + (size >> 7) + 1024


@contextmanager
def compressed(source: Reader, size: int) -> Iterator[tuple[IO[bytes], int]]:
    """Yield the compressed bytes of a part of a file, and how many they are.

    They are held in memory, or in a temporary file if they are many.

    :param size: bytes to read from where the file stands.
    :raises StoreDamagedError: if it ends before.
    :raises NoRoomError: if there is no room for it on this machine.
    """
    spool = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  (see the end)
    try:
        yield cast("IO[bytes]", spool), _compress(source, size, spool)
    finally:
        # A full disk is told of twice: what could not be written is tried once more.
        with contextlib.suppress(OSError):
            spool.close()


def _compress(source: Reader, size: int, spool: tempfile.SpooledTemporaryFile[bytes]) -> int:
    compressor = _compressor()
    left = size
    while left:
        data = source.read(min(left, _PART))
        if not data:
            raise StoreDamagedError("a blob ends too early")
        left -= len(data)
        with _having_room():
            spool.write(compressor.compress(data))
    with _having_room():
        spool.write(compressor.flush())
        total = spool.tell()
        spool.seek(0)
    return total


@contextmanager
def _having_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NoRoomError(f"no room to compress a blob: {error}") from error


def decompressed(parts: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the bytes that compressed parts stand for.

    :param size: of all of them; more is never made of them.
    :raises StoreDamagedError: if they are anything else.
    """
    library, is_package = zstd_library()
    left = size
    if is_package:
        decompressor = library.ZstdDecompressor(max_window_size=_WINDOW)
        reader: Any = decompressor.stream_reader(
            _File(parts), read_across_frames=True, closefd=False
        )
    else:
        options = {library.DecompressionParameter.window_log_max: _WINDOW.bit_length() - 1}
        reader = library.open(_File(parts), "rb", options=options)
    while True:
        try:
            # One more than there should be, so that more is noticed.
            data = reader.read(min(_PART, left + 1))
        except (library.ZstdError, EOFError) as error:
            raise StoreDamagedError(f"compressed bytes are damaged: {error}") from error
        if not data:
            break
        left -= len(data)
        if left < 0:
            raise StoreDamagedError("more comes out of compressed bytes than there may be")
        yield data
    if left:
        raise StoreDamagedError("compressed bytes end too early")


def _compressor() -> Any:
    library, is_package = zstd_library()
    if is_package:
        return library.ZstdCompressor(level=_LEVEL).compressobj()
    return library.ZstdCompressor(level=_LEVEL)


class _File:
    """Parts, to be read as a file is."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return false."""
        return False

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes; none at the end."""
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return b""
            self._rest = memoryview(part)
        size = len(self._rest) if size < 0 else size
        data, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return data
