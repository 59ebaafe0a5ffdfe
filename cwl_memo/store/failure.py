"""Failures of the operating system, told as failures of the store."""

from __future__ import annotations

import errno
from types import TracebackType
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


class reading:  # noqa: N801  (used as a function is)
    """Turn an ``OSError`` of the block into a store error.

    :param doing: what is tried, as ``"read a blob"``.
    """

    _wrote = False

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raise a store error in place of an ``OSError``."""
        if isinstance(error, OSError):
            raise store_error(error, self._doing, wrote=self._wrote) from error


class writing(reading):  # noqa: N801  (used as a function is)
    """Turn an ``OSError`` of the block, which writes to the store, into a store error."""

    _wrote = True
