"""The working directories of all jobs of a run, side by side in a directory of the user's.

Nothing here needs cwltool, which takes longer to import than a replay takes.
"""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cwl_memo.core.mode import Mode
from cwl_memo.core.run import JobRecord, RunRecord
from cwl_memo.errors import CwlMemoError, NotKeptError
from cwl_memo.store.copying import copy_descriptor
from cwl_memo.store.lay_out import materialise_workspace, require_free
from cwl_memo.store.permission import mode_of, mode_of_directory, remove_tree, set_mode, set_modes
from cwl_memo.store.protocol import Store
from cwl_memo.store.recorded import entry_of_job
from cwl_memo.store.regular import open_regular

__all__ = ["Workspaces"]

_UNSAFE: Final = re.compile(r"[^\w.+@=-]+")
_LONGEST: Final = 200
"""Bytes that a directory's name has at most; most file systems take 255."""

_SHOWN: Final = 5


@dataclass(frozen=True)
class _Kept:
    """What there is of a job's working directory.

    :param note: what is not there, and why; empty if all is.
    :param is_there: whether anything is.
    """

    note: str
    is_there: bool = True


class Workspaces:
    """A directory with one directory for each job.

    :param directory: new or empty.
    :raises UsageError: if it is neither.
    """

    def __init__(self, directory: Path) -> None:
        require_free(directory)
        self._directory = directory
        self._taken: set[str] = set()
        self._copied: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def keep(self, job: str, outdir: str, leave_out: Collection[str] = ()) -> None:
        """Copy the working directory of a job that has just been executed.

        For one that is not recorded, and that nobody could put there later.

        :param leave_out: relative paths that are not copied, since they hold secrets.
        """
        place = self._place(job)
        copy = _Copy(os.path.realpath(outdir), place, frozenset(leave_out))
        try:
            copy.directory("")
            set_modes(copy.modes)
            kept = _Kept("what leads or belongs elsewhere" if copy.left_out else "")
        except OSError as error:
            remove_tree(str(place))
            kept = _Kept(f"it could not be copied: {error}", is_there=False)
        with self._lock:
            self._copied[job] = kept

    def complete(self, store: Store | None, record: RunRecord) -> tuple[str, list[str]]:
        """Put the recorded working directories of all other jobs there.

        :returns: what was done, and what was not and why, as lines for the user.
        """
        done = 0
        lines: list[str] = []
        for job in record.jobs:
            kept = self._copied.get(job.name) or self._lay_out(store, job)
            done += kept.is_there
            if kept.note:
                head = "left out of" if kept.is_there else "no"
                lines.append(f"{head} workspace of job {job.name}: {kept.note}")
        if len(lines) > _SHOWN:
            lines[_SHOWN:] = [f"the same, or the like, of {len(lines) - _SHOWN} more jobs"]
        return f"workspaces of {done} job{'' if done == 1 else 's'} in {self._directory}", lines

    def _lay_out(self, store: Store | None, job: JobRecord) -> _Kept:
        try:
            if store is None:
                raise NotKeptError("there is no store")
            found = materialise_workspace(store, entry_of_job(store, job), self._place(job.name))
        except (CwlMemoError, OSError) as error:
            return _Kept(str(error), is_there=False)
        notes = [f"{path}, an input whose bytes are not in the store" for path in found.lost_inputs]
        notes += ["what could not be recorded"] if found.partial else []
        return _Kept(", ".join(notes))

    def _place(self, job: str) -> Path:
        """Return a new place for a job: its name, made safe, and that of no other."""
        # A name that begins with a dot would be hidden, or lead to the directory above.
        safe = _UNSAFE.sub("_", job).lstrip(".") or "job"
        while len(os.fsencode(safe)) > _LONGEST:
            safe = safe[:-1]
        with self._lock:
            name, count = safe, 1
            # Some file systems take names for equal that are not.
            while (folded := unicodedata.normalize("NFC", name).casefold()) in self._taken:
                count += 1
                name = f"{safe}_{count}"
            self._taken.add(folded)
        return self._directory / name


class _Copy:
    """Copies a directory: its files, and the links that lead to another place of it.

    :param source: without links in its path.
    :param target: does not exist.
    :param leave_out: relative paths that are not copied.
    """

    def __init__(self, source: str, target: Path, leave_out: frozenset[str]) -> None:
        self._source = source
        self._target = target
        self._leave_out = leave_out
        self.left_out: list[str] = []
        self.modes: dict[str, Mode] = {}
        """Of its directories, for when all is in them."""

    def directory(self, below: str) -> None:
        (self._target / below).mkdir(parents=not below)
        with os.scandir(os.path.join(self._source, below)) as items:
            for item in items:
                path = f"{below}/{item.name}" if below else item.name
                if path in self._leave_out:
                    self.left_out.append(path)
                elif item.is_symlink():
                    self._link(path)
                elif item.is_dir():
                    self.modes[str(self._target / path)] = mode_of_directory(item.stat())
                    self.directory(path)
                elif item.is_file():
                    self._file(path)
                else:
                    self.left_out.append(path)

    def _file(self, path: str) -> None:
        with open_regular(Path(self._source, path)) as source:
            found = os.fstat(source)
            mode = mode_of(found)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._target / path, flags, mode.asked)
            try:
                copy_descriptor(source, descriptor, found.st_size)
                set_mode(descriptor, mode)
            finally:
                os.close(descriptor)

    def _link(self, path: str) -> None:
        full = os.path.join(self._source, path)
        real = os.path.realpath(full)
        if real.startswith(self._source + os.sep):
            (self._target / path).symlink_to(os.path.relpath(real, os.path.dirname(full)))
        else:
            self.left_out.append(path)
