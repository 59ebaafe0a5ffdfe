"""Compressed files: by their names when they are written, by their first bytes when read."""

from __future__ import annotations

import gzip
import importlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final, Protocol

from cwl_memo.errors import FormatError, UsageError

__all__ = [
    "SUFFIXES",
    "Reader",
    "Writer",
    "compressing",
    "decompressing",
    "suffix_of",
    "zstd_library",
]

SUFFIXES: Final = (".tar.zst", ".tar.gz", ".tgz", ".tar")
"""How the name of a bundle may end."""

_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_GZIP: Final = b"\x1f\x8b"

_WINDOW: Final = 1 << 27
"""Bytes of memory that a compressed file may ask for, at most; what zstd itself grants."""

_MISSING: Final = (
    "zstd needs Python 3.14, or a package that is not installed: pip install 'cwl-memo[bundles]'. "
    "A bundle called .tar.gz or .tar needs neither"
)


class Reader(Protocol):
    """Where bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes; none at the end."""


class Writer(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> object:
        """Write all of them."""


def suffix_of(name: str) -> str:
    """Return how the name of a bundle ends.

    :raises UsageError: if it ends in no way that says how it is compressed.
    """
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return suffix
    raise UsageError(f"{name}: the name of a bundle ends in {', '.join(SUFFIXES)}")


@contextmanager
def compressing(file: IO[bytes], suffix: str) -> Iterator[Writer]:
    """Yield what compresses into an open file; the same bytes give the same file.

    :raises UsageError: if zstd is asked for and not installed.
    """
    if suffix == ".tar.zst":
        with _zstd_writer(file) as writer:
            yield writer
    elif suffix == ".tar":
        yield file
    else:
        # Neither a name nor a time in the file: both would tell two equal bundles apart.
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as writer:
            yield writer


@contextmanager
def decompressing(file: IO[bytes]) -> Iterator[Reader]:
    """Yield what reads an open file, which can seek, and decompresses it as it asks for.

    :raises FormatError: if it turns out damaged while the body reads.
    :raises UsageError: if it is zstd, and that is not installed.
    """
    head = file.read(4)
    file.seek(0)
    errors: tuple[type[Exception], ...] = (EOFError, zlib.error, gzip.BadGzipFile)
    reader: Any = file
    if head == _ZSTD:
        reader, error = _zstd_reader(file)
        errors = (*errors, error)
    elif head[:2] == _GZIP:
        reader = gzip.GzipFile("", "rb", fileobj=file)
    try:
        yield reader
    except errors as error:
        raise FormatError(f"its compression is damaged or cut short: {error}") from error


def zstd_library() -> tuple[Any, bool]:
    """Return Python's own zstd, or that of the package; and whether it is the package's.

    :raises UsageError: if there is neither.
    """
    try:
        return importlib.import_module("compression.zstd"), False
    except ImportError:
        pass
    try:
        return importlib.import_module("zstandard"), True
    except ImportError:
        raise UsageError(_MISSING) from None


def _zstd_writer(file: IO[bytes]) -> Any:
    zstd, is_package = zstd_library()
    if is_package:
        return zstd.ZstdCompressor().stream_writer(file, closefd=False)
    return zstd.open(file, "wb")


def _zstd_reader(file: IO[bytes]) -> tuple[Any, type[Exception]]:
    zstd, is_package = zstd_library()
    if is_package:
        decompressor = zstd.ZstdDecompressor(max_window_size=_WINDOW)
        return decompressor.stream_reader(file, read_across_frames=True, closefd=False), (
            zstd.ZstdError
        )
    return zstd.open(file, "rb"), zstd.ZstdError
