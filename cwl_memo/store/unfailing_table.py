"""A table that never fails: a damaged one is made anew, and one that is unusable done without."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from cwl_memo.errors import StoreError
from cwl_memo.store.quarantine import Quarantine
from cwl_memo.store.table import (
    DiskTable,
    MemoryTable,
    ReadTable,
    Table,
    TableDamagedError,
    TableUnusableError,
)

__all__ = ["UnfailingTable", "value_of"]

_log = logging.getLogger("cwltool")

_T = TypeVar("_T")


class UnfailingTable:
    """A table on disk, as long as it can be there; then one in memory.

    :param directory: where it is kept.
    :param quarantine: where a damaged one goes.
    :param timeout: seconds to wait for another process that writes.
    :param lock: held while it is used.
    :param writable: whether it may be written there. If not, what is new is kept in memory.
    """

    def __init__(
        self,
        directory: Path,
        quarantine: Quarantine,
        timeout: float,
        lock: threading.RLock,
        *,
        writable: bool,
    ) -> None:
        self._directory = directory
        self._quarantine = quarantine
        self._timeout = timeout
        self._lock = lock
        self._rebuilds = 0
        self._table: Table = MemoryTable()
        if writable:
            self._open()
        else:
            # SQLite cannot use a table as it should in a directory where it cannot write.
            self._table = ReadTable(directory)

    @property
    def is_lasting(self) -> bool:
        """Tell whether what is written outlives this process."""
        return isinstance(self._table, DiskTable)

    def ask(self, use: Callable[[Table], _T]) -> _T:
        """Return what a use of the table gives; it begins anew where the table fails."""
        with self._lock:
            while True:
                try:
                    return use(self._table)
                # A table in memory never fails, so this ends.
                except TableDamagedError as error:
                    self._replace(error)
                except TableUnusableError as error:
                    self._do_without(error)

    def close(self) -> None:
        """Let go of the file; what is asked after that is asked of an empty table."""
        self._table.close()
        self._table = MemoryTable()

    def _open(self) -> None:
        try:
            self._table = DiskTable(self._directory, self._timeout)
        except TableDamagedError as error:
            self._replace(error)
        except TableUnusableError as error:
            self._do_without(error)

    def _replace(self, error: TableDamagedError) -> None:
        """Set a damaged table aside and begin a new one; the second time, in memory."""
        directory = self._directory
        self._table.close()
        self._rebuilds += 1
        if self._rebuilds > 1:
            self._do_without(error)
            return
        try:
            self._quarantine.take(directory, f"damaged index: {error}")
            directory.mkdir(mode=0o700, exist_ok=True)
        except (StoreError, OSError) as failure:
            self._do_without(failure)
            return
        self._open()

    def _do_without(self, error: Exception) -> None:
        _log.warning("cwl-memo: working without an index: %s", error)
        self.close()


def value_of(table: Table, name: str) -> Any:
    """Return the value of a name, as it is in JSON; None where there is none."""
    text = table.get(name)
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
