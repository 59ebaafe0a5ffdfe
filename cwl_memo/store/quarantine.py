"""Quarantine: where damaged files go, so that nothing is lost and nothing is used.

So do entries whose jobs gave something else when they were executed again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import time
from pathlib import Path

from cwl_memo.store.failure import writing

__all__ = ["Quarantine"]

_log = logging.getLogger("cwltool")


class Quarantine:
    """Moves what is damaged out of the way.

    :param directory: where it goes.
    :param writable: whether anything may be moved; what is damaged stays otherwise.
    """

    def __init__(self, directory: Path, *, writable: bool) -> None:
        self._directory = directory
        self._writable = writable
        self._told: set[Path] = set()

    def take(self, path: Path, reason: str, *, is_damaged: bool = True) -> None:
        """Move a file, or whatever stands at the path, and note the reason beside it.

        :param is_damaged: whether the log is to say so; what is sound its user speaks of.
        """
        if path.parent != self._directory.parent and path.parent.is_symlink():
            # What is behind the link is not the store's.
            path = path.parent
        if is_damaged and path not in self._told:
            _log.warning("cwl-memo: damaged, and not used: %s: %s", path, reason)
        if not self._writable:
            self._told.add(path)
            return
        aside = self._directory / f"{time.time_ns()}-{os.getpid()}-{path.name}"
        with writing("set aside a damaged file"):
            try:
                path.rename(aside)
            except FileNotFoundError:
                return  # another process was quicker
        # Both are for people: not having them costs no result.
        with contextlib.suppress(OSError):
            # Its time is that of its last use, and it is kept for a while from now on.
            os.utime(aside, follow_symlinks=False)
        with contextlib.suppress(OSError):
            Path(f"{aside}.reason").write_text(f"{path}\n{reason}\n", encoding="utf-8")

    def place(self, temporary: Path, final: Path) -> None:
        """Rename a finished file to its place, and move out of the way what blocks it.

        :raises OSError: if that does not succeed.
        """
        # A link in place of the directory would take the file out of the store.
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISDIR(final.parent.lstat().st_mode):
                self.take(final.parent, "stands where a directory should be")
        try:
            temporary.replace(final)
        except FileNotFoundError:
            final.parent.mkdir(mode=0o700, exist_ok=True)
            temporary.replace(final)
        except IsADirectoryError:
            self.take(final, "a directory stands where a file should be")
            temporary.replace(final)

    def count(self) -> int:
        """Return how many things have been set aside."""
        try:
            with os.scandir(self._directory) as found:
                return sum(1 for item in found if not item.name.endswith(".reason"))
        except FileNotFoundError:
            return 0
