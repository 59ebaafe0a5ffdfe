"""File access through which cwltool finds the files of views, and the witness what it looked at."""

from __future__ import annotations

import io
import os
from typing import Any, Protocol

from cwl_memo.cwl.door import StdFsAccess, abspath
from cwl_memo.cwl.view import Views

__all__ = ["Looker", "ViewFsAccess"]


class Looker(Protocol):
    """Told what cwltool looks at; a :class:`~cwl_memo.cwl.witness.Witness` is one."""

    def note_look(self, path: str, *, there: bool) -> None:
        """Note that cwltool asked whether something is there."""

    def note_read(self, path: str) -> None:
        """Note that cwltool read a file, or asked for its size."""

    def note_listing(self, path: str) -> None:
        """Note that cwltool asked for the names in a directory."""


class ViewFsAccess(StdFsAccess):
    """File access for cwltool that makes a view's files when they are looked into.

    :param basedir: what relative paths are relative to.
    :param looker: told of what is looked at, if anyone is.
    """

    def __init__(self, basedir: str, views: Views, looker: Looker | None = None) -> None:
        super().__init__(basedir)
        self._views = views
        self._looker = looker

    def _abs(self, p: str) -> str:
        # What cwltool's own says too, after it has taken the path apart.
        return p if p.startswith("/") else str(abspath(p, self.basedir))

    def _need(self, name: str) -> str:
        path = self._abs(name)
        self._views.ensure(path)
        return path

    def _looked(self, name: str, *, there: bool) -> bool:
        if self._looker is not None:
            self._looker.note_look(self._abs(name), there=there)
        return there

    def _read(self, name: str) -> None:
        path = self._need(name)
        if self._looker is not None:
            self._looker.note_read(path)

    def open(self, fn: str, mode: str) -> Any:
        """Open a file."""
        self._read(fn)
        file = super().open(fn, mode)
        return io.BufferedReader(_Nameless(file)) if self._views.gives_away else file

    def exists(self, fn: str) -> bool:
        """Tell whether something is there, or will be when it is needed."""
        waits = self._views.is_waiting(self._abs(fn))
        return self._looked(fn, there=waits or super().exists(fn))

    def isfile(self, fn: str) -> bool:
        """Tell whether a file is there, or will be when it is needed."""
        waits = self._views.is_waiting(self._abs(fn))
        is_file = waits or super().isfile(fn)
        self._looked(fn, there=is_file or super().exists(fn))
        return is_file

    def isdir(self, fn: str) -> bool:
        """Tell whether a directory is there."""
        is_directory = super().isdir(fn)
        self._looked(fn, there=is_directory or super().exists(fn))
        return is_directory

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that fit a pattern."""
        if self._looker is not None:
            # A pattern without a star is the path itself.
            path = self._abs(pattern)
            self._looker.note_listing(path if os.path.isdir(path) else os.path.dirname(path))
        return super().glob(pattern)

    def listdir(self, fn: str) -> list[str]:
        """Return the locations of what is in a directory."""
        if self._looker is not None:
            self._looker.note_listing(self._abs(fn))
        return super().listdir(fn)

    def size(self, fn: str) -> int:
        """Return the bytes of a file."""
        self._read(fn)
        return super().size(fn)

    def realpath(self, path: str) -> str:
        """Return the path without links."""
        if self._views.is_known(path):
            self._views.ensure(path)
            return path  # they stand in a directory without links
        self._need(path)
        return super().realpath(path)


class _Nameless(io.RawIOBase):
    """A file that is read without being known by name.

    cwltool puts what has a name into a research object as a hard link, through which the user's
    inputs, and blobs, could be written to; to link an input changes it, too.
    """

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return how many bytes there were."""
        count: int = self._file.readinto(buffer)
        return count

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
