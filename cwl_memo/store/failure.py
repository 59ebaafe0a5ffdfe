"""Failures of the operating system, told as failures of the store."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cwl_memo.errors import StoreError, StoreFullError, StoreReadOnlyError

__all__ = ["reading", "store_error", "writing"]

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_READ_ONLY: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def store_error(error: OSError, doing: str, *, wrote: bool = False) -> StoreError:
    """Return the store error that stands for an ``OSError``.

    :param doing: what was tried, as ``"publish an entry"``.
    :param wrote: whether it was the store itself that was written to, so that a missing
        permission means that the store is read-only.
    """
    message = f"could not {doing}: {error}"
    if error.errno in _FULL:
        return StoreFullError(message)
    if wrote and error.errno in _READ_ONLY:
        return StoreReadOnlyError(message)
    return StoreError(message)


@contextmanager
def reading(doing: str) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a store error."""
    try:
        yield
    except OSError as error:
        raise store_error(error, doing) from error


@contextmanager
def writing(doing: str) -> Iterator[None]:
    """Turn an ``OSError`` of the block, which writes to the store, into a store error."""
    try:
        yield
    except OSError as error:
        raise store_error(error, doing, wrote=True) from error
