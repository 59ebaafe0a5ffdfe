"""Withdrawals: entries that this machine wants gone from a shared store, or dead there.

What the shared store cannot be told now, it is told later; and what was found wrong is not
used here again, whatever becomes of that.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import Entry, Origin
from cwl_memo.errors import (
    FormatError,
    StoreError,
    StoreReadOnlyError,
    StoreUnavailableError,
    StoreUnreachableError,
)
from cwl_memo.store.protocol import Store
from cwl_memo.store.shared.remote import Remote
from cwl_memo.store.untold import Untold

__all__ = ["Withdrawals"]

_log = logging.getLogger("cwltool")

_PATIENCE: Final = 10.0
"""Seconds for which what could not be told before is repeated."""


class Withdrawals:
    """Tells a shared store what is wrong and what is dead, until it has heard.

    :param front: the store of this machine.
    :param remote: the shared one.
    :param untold: where it is noted what is still to be told, if anywhere.
    """

    def __init__(self, front: Store, remote: Remote, untold: Untold | None) -> None:
        self._front = front
        self._remote = remote
        self._untold = untold
        self._wrong: set[tuple[ReuseKey, Origin]] = set()

    def is_wrong(self, entry: Entry) -> bool:
        """Tell whether an entry was ever found wrong on this machine."""
        if (entry.key, entry.origin) in self._wrong:
            return True
        with contextlib.suppress(FormatError):
            return self._untold is not None and self._untold.is_wrong(entry)
        return False

    def distrust(self, entry: Entry, reason: str) -> bool:
        """Never use an entry here again; return whether later runs know of that, too."""
        self._wrong.add((entry.key, entry.origin))
        if self._untold is None or not self._front.writable:
            return False
        try:
            self._untold.note_wrong(entry, reason)
        except (StoreError, FormatError) as error:
            _log.debug("cwl-memo: entry %s: %s", entry.key, error)
            return False
        return True

    def remove(self, entry: Entry, reason: str) -> bool:
        """Have a wrong entry gone from the shared store; return whether it is.

        :raises StoreError: if it could not be removed.
        """
        if not self._may_write():
            return False
        self._remote.quarantine(entry, reason)
        # Others may have found out meanwhile that nothing may be written.
        if not self._may_write():
            return False
        if self._untold is not None:
            with contextlib.suppress(StoreError, FormatError):
                self._untold.note_gone(entry)
        return True

    def _may_write(self) -> bool:
        return self._remote.may_write

    def bury(self, keys: Sequence[ReuseKey]) -> None:
        """Have entries that were taken back here dead for all who share the store.

        :raises StoreError: if it could not be told of all; it is told of the rest later.
        """
        for key in keys:
            self._note_dead(key)
        failures = [failed for key in keys if (failed := self._try_to_bury(key)) is not None]
        if failures:
            raise type(failures[0])(
                f"{self._remote.location} was not told of {len(failures)} of {len(keys)} "
                f"({failures[0]}); the next run with it, or 'cwl-memo push', tries again"
            )

    def _note_dead(self, key: ReuseKey) -> None:
        if self._untold is not None and self._front.tombstone(key) is not None:
            with contextlib.suppress(StoreError):
                self._untold.note_dead(key)

    def _try_to_bury(self, key: ReuseKey) -> StoreError | None:
        try:
            self._bury(key)
        except StoreError as error:
            return error
        return None

    def _bury(self, key: ReuseKey) -> None:
        tombstone = self._front.tombstone(key)
        # One that stands for others came from there.
        if tombstone is not None and not tombstone.ids:
            if not self._remote.may_write:
                raise StoreReadOnlyError("nothing may be written there")
            self._remote.bury(key, tombstone)
        if self._untold is not None:
            with contextlib.suppress(StoreError):
                self._untold.note_told(key)

    def repeat(self) -> None:
        """Tell the shared store what it could not be told before; never an error.

        No run says a word of that: who had to know of it has been told.
        """
        if self._untold is None or not self._may_write():
            return
        end = time.monotonic() + _PATIENCE
        try:
            for key in self._untold.dead():
                self._again(partial(self._bury, key), end)
            for entry, reason in self._untold.wrong():
                self._again(partial(self.remove, entry, reason), end)
        except StoreError as error:
            _log.debug("cwl-memo: told later: %s", error)

    def _again(self, tell: Callable[[], object], end: float) -> None:
        """Tell one thing once more.

        :raises StoreUnavailableError: if there is no use, or no time, in telling others.
        """
        if time.monotonic() > end:
            raise StoreUnavailableError("it took too long")
        try:
            tell()
        except StoreUnreachableError:
            raise
        except StoreError as error:
            _log.debug("cwl-memo: told later: %s", error)

    @property
    def left(self) -> int:
        """How many entries the shared store is still to be told of.

        :raises StoreError: if that cannot be read.
        """
        if self._untold is None:
            return 0
        return sum(1 for _ in self._untold.dead()) + sum(1 for _ in self._untold.wrong())
