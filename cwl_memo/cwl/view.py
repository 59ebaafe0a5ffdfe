"""Views: the files of reused jobs, under their own names, on disk when someone needs them.

A hit costs no copy. Its output object names files in a directory of the run; a file
there is made when a job that executes, an expression or the user's outputs need it. Two
outputs of equal bytes have two places in a view, since cwltool keeps only the first of
two Files with one location.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cwl_memo.core.mode import Mode
from cwl_memo.core.settings import Link
from cwl_memo.cwl.door import file_uri
from cwl_memo.cwl.location import path_of
from cwl_memo.errors import StoreError
from cwl_memo.memo import Memo
from cwl_memo.store.permission import remove_tree, set_mode
from cwl_memo.store.protocol import SMALL, FileDigest, FileIdentity

__all__ = ["Made", "ViewFile", "Views", "paths_in"]


@dataclass(frozen=True)
class ViewFile:
    """A file that a view can make.

    :param digest: what is known of its bytes.
    :param mode: who may do what with it.
    :param again: executes the job again and returns where a file of the same bytes stands;
        for a blob that was lost after the hit was announced.
    """

    digest: FileDigest
    mode: Mode
    again: Callable[[], str]


class Made(NamedTuple):
    """A file of a view, as it was when it had just been made.

    :param digest: of what it held.
    :param identity: by what it is known to be unchanged.
    :param is_lent: whether it may be a hard link to a blob, to which others may be added.
    """

    digest: FileDigest
    identity: FileIdentity
    is_lent: bool


class Views:
    """The files of one run's reused jobs.

    :param make_root: makes the directory in which the views stand.
    :param lazy: whether files wait until they are needed; without an executor and file
        access of ours they cannot.
    """

    def __init__(self, memo: Memo, make_root: Callable[[], str], *, lazy: bool) -> None:
        self._memo = memo
        self._make_root = make_root
        self.lazy = lazy
        self.foresees = False
        """Whether nobody looks into the files, as in a plan: those of directories are empty."""
        self._held: set[str] = set()
        self.gives_away = False
        """Whether cwltool keeps what it reads, as a research object, and would hard link it."""
        self.root = ""
        self._count = 0
        self._taken: dict[str, int] = {}
        self._directories: set[str] = set()
        self._files: dict[str, ViewFile] = {}
        self._made: dict[str, Made] = {}
        self._lock = threading.RLock()
        """For what is known of the files; never held while one is made, which may take long."""
        self._making: dict[str, tuple[threading.RLock, int]] = {}

    @contextlib.contextmanager
    def _alone_with(self, path: str) -> Iterator[None]:
        """Have nobody else make the same file meanwhile."""
        with self._lock:
            lock, count = self._making.get(path) or (threading.RLock(), 0)
            self._making[path] = lock, count + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, count = self._making[path]
                if count > 1:
                    self._making[path] = lock, count - 1
                else:
                    del self._making[path]

    def new_directory(self) -> str:
        """Return the path of a new view, for one job.

        Not to be shared: a program finds what lies beside it, as Python does beside a script.
        """
        with self._lock:
            if not self.root:
                self.root = os.path.realpath(self._make_root())
            self._count += 1
            return os.path.join(self.root, str(self._count))

    def add(self, path: str, file: ViewFile) -> None:
        """Put a file into a view."""
        with self._lock:
            self._files[path] = file

    def make(self, paths: Iterable[str]) -> None:
        """Make files at once that have just been added, as parts of directories.

        :raises StoreError: if one cannot be made.
        """
        chosen = dict.fromkeys(paths)
        if not self.foresees:
            self._bring(chosen)
        for path in chosen:
            file = self._files[path]
            if self.foresees:
                self._hold_place(path, file)
            else:
                self._make(path, file, owned=True)

    def _hold_place(self, path: str, file: ViewFile) -> None:
        """Have a file of the right name, size and mode stand for one that is not made yet."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode.asked)
        try:
            os.truncate(descriptor, file.digest.size)
            set_mode(descriptor, file.mode)
        finally:
            os.close(descriptor)
        self._held.add(path)

    def drop(self, directory: str) -> None:
        """Take a view back that could not be completed."""
        with self._lock:
            for path in [p for p in self._files if p.startswith(directory + os.sep)]:
                del self._files[path]
                self._made.pop(path, None)
        remove_tree(directory)

    def digest_of(self, path: str) -> FileDigest | None:
        """Return the digest of a file that is not on disk yet; None for any other."""
        file = self._files.get(path)
        return None if file is None or path in self._made else file.digest

    def mode_of(self, path: str) -> Mode | None:
        """Return the mode that a file that is not on disk yet will have."""
        file = self._files.get(path)
        return None if file is None or path in self._made else file.mode

    def is_executable(self, path: str) -> bool | None:
        """Tell whether a file that is not on disk yet will be executable."""
        file = self._files.get(path)
        return None if file is None else file.mode.executable

    def is_waiting(self, path: str) -> bool:
        """Tell whether a path is a file that is not on disk yet."""
        return path in self._files and path not in self._made

    def made(self, path: str) -> Made | None:
        """Return what a file was when it was made; None for one that was not."""
        return self._made.get(path)

    def is_known(self, path: str) -> bool:
        """Tell whether a path is a file of a view."""
        return path in self._files

    def ensure(self, path: str, *, owned: bool = False) -> None:
        """See that a file is on disk, if it is one of a view.

        :param owned: whether somebody may write to it.
        :raises WorkflowException: if it was lost, and the run has to begin again.
        """
        if path not in self._files:
            return
        with self._alone_with(path):
            with self._lock:
                file = self._files.get(path)
                made = self._made.get(path)
                if owned and made is not None and made.is_lent:
                    # Somebody may write to it, which must not reach the blob.
                    os.unlink(path)
                    del self._made[path]
                if file is None or path in self._made:
                    return
            try:
                self._make(path, file, owned=owned or self.gives_away)
            except StoreError as error:
                self._memo.warn(error)
                self._make_again(path, file)

    def make_at(self, path: str, target: str) -> bool:
        """Make a small file that nobody needed yet at another place, where nothing stands.

        :returns: whether that was done: not for a file on disk, nor a large one, whose
            half must never be met under its name.
        """
        with self._alone_with(path):
            file = self._files.get(path)
            if file is None or path in self._made or file.digest.size > SMALL:
                return False
            try:
                self._memo.materialise(file.digest.digest, Path(target), mode=file.mode)
            except StoreError:
                return False
            self.forget(path)
            return True

    def forget(self, path: str) -> None:
        """Forget a file that was moved away."""
        with self._lock:
            self._files.pop(path, None)
            self._made.pop(path, None)

    def _make(self, path: str, file: ViewFile, *, owned: bool) -> None:
        target = Path(path)
        above = os.path.dirname(path)
        if above not in self._directories:
            os.makedirs(above, exist_ok=True)
            self._directories.add(above)
        with self._given_up(path):
            self._memo.materialise(file.digest.digest, target, mode=file.mode, owned=owned)
        identity = self._memo.trust(path, file.digest)
        is_lent = not owned and self._memo.settings.link is Link.HARDLINK
        self._made[path] = Made(file.digest, identity, is_lent)

    @contextlib.contextmanager
    def _given_up(self, path: str) -> Iterator[None]:
        """Let what holds the place of a file make room for it."""
        if path not in self._held:
            yield
            return
        above = os.path.dirname(path)
        mode = os.stat(above).st_mode
        os.chmod(above, mode | stat.S_IRWXU)
        try:
            os.unlink(path)
            self._held.discard(path)
            yield
        finally:
            os.chmod(above, stat.S_IMODE(mode))

    def _make_again(self, path: str, file: ViewFile) -> None:
        source = file.again()
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(source, path)
        digest, identity = self._memo.digest_file(path)
        self._made[path] = Made(digest, identity, is_lent=False)

    def ensure_in(self, value: Any, *, owned: bool = False) -> None:
        """See that every file that a CWL value names is on disk.

        :raises WorkflowException: if one was lost, and the run has to begin again.
        """
        paths = list(paths_in(value))
        self._bring(paths)
        for path in paths:
            self.ensure(path, owned=owned)

    def _bring(self, paths: Iterable[str]) -> None:
        """Have what is far away come several files at a time."""
        if self._memo.is_far:
            found = (self.digest_of(path) for path in paths)
            self._memo.bring([digest.digest for digest in found if digest is not None])

    def deliver(self, value: Any) -> None:
        """See that every file that the run's output object names is on disk.

        Those that no job needed share a few directories, which the object is changed to
        name: to make and remove one for each job takes as long as the rest of a hit.
        """
        self._bring(paths_in(value))
        moved: dict[str, str] = {}
        for item in _files_in(value):
            location = str(item.get("location"))
            path = path_of(location) if location.startswith("file:") else location
            with self._lock:
                if path in self._files and path not in self._made:
                    moved[path] = place = self._place(os.path.basename(path))
                    self._files[place] = self._files.pop(path)
            if path in moved:
                self.ensure(moved[path], owned=True)
                item["location"] = file_uri(moved[path])
        self.ensure_in(value, owned=True)

    def _place(self, name: str) -> str:
        """Return a path for a file that is delivered, where no other has its name."""
        # Some file systems take names for equal that are not.
        folded = unicodedata.normalize("NFC", name).casefold()
        count = self._taken[folded] = self._taken.get(folded, 0) + 1
        return os.path.join(self.root, f"delivered-{count}", name)

    def remove(self) -> None:
        """Remove all views from disk."""
        with self._lock:
            self._files.clear()
            self._made.clear()
            self._directories.clear()
            if self.root:
                remove_tree(self.root)
                self.root = ""


def paths_in(value: Any) -> Iterator[str]:
    """Yield the path, or the location that is none, of each File and Directory in a value."""
    for item in _files_in(value):
        location = item.get("location") or item.get("path")
        if isinstance(location, str) and not location.startswith("_:"):
            yield path_of(location) if location.startswith("file:") else location


def _files_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("class") in ("File", "Directory"):
            yield value
        for item in value.values():
            yield from _files_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _files_in(item)
