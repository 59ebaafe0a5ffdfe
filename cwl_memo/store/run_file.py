"""Run records as files: a line of JSON for each thing that happened."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from cwl_memo.errors import StoreError
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.regular import NotRegularError, open_regular, read_regular
from cwl_memo.store.run_id import check_run, is_run

__all__ = ["RunFiles"]

_SUFFIX: Final = ".jsonl"
_LIMIT: Final = 1 << 30
_ENCODER: Final = json.JSONEncoder(allow_nan=False)


class RunFiles:
    """The run records of a local store.

    :param directory: where they are.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._latest: tuple[str, int] | None = None

    def append(self, run: str, line: dict[str, Any]) -> None:
        """Add a line to a run's record."""
        self.append_all(run, [line])

    def append_all(self, run: str, lines: Iterable[dict[str, Any]]) -> None:
        """Add lines to a run's record, all at once."""
        path = self._path(run)
        try:
            data = b"".join(_ENCODER.encode(line).encode() + b"\n" for line in lines)
        except (TypeError, ValueError, RecursionError) as error:
            raise StoreError(f"run {run}: not a line of a record: {error}") from error
        with self._lock, writing("write a run's record"):
            # One write: lines of several processes do not mix.
            if os.write(self._descriptor(run, path), data) != len(data):
                raise StoreError(f"run {run}: a line of its record was cut short")

    def _descriptor(self, run: str, path: Path) -> int:
        """Return the open file of a run; that of the latest stays open, for its next line."""
        if self._latest is not None:
            latest, descriptor = self._latest
            if latest == run and os.fstat(descriptor).st_nlink:
                return descriptor
            self._close()
        with open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as opened:
            self._latest = run, os.dup(opened)
        return self._latest[1]

    def _close(self) -> None:
        latest, self._latest = self._latest, None
        if latest is not None:
            os.close(latest[1])

    def close(self) -> None:
        """Let go of the file that is open."""
        with self._lock:
            self._close()

    def read(self, run: str) -> list[dict[str, Any]]:
        """Return the lines of a run's record; a line that was cut short is left out."""
        path = self._path(run)
        with reading("read a run's record"):
            try:
                data = read_regular(path, _LIMIT)
            except (FileNotFoundError, NotRegularError):
                return []
        lines = []
        for text in data.split(b"\n"):
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict):
                lines.append(line)
        return lines

    def find(self) -> list[str]:
        """Return the ids of all runs, oldest first: an id begins with the time."""
        with reading("list the runs"):
            names = [path.name[: -len(_SUFFIX)] for path in self._directory.glob(f"*{_SUFFIX}")]
        return sorted(name for name in names if is_run(name))

    def _path(self, run: str) -> Path:
        return self._directory / f"{check_run(run)}{_SUFFIX}"
