"""Where Files and Directories are, and what is one."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from cwl_memo.cwl.door import WorkflowException, downloadHttpFile, uri_file_path

__all__ = ["RealPaths", "basename_of", "is_file_object", "is_scalar", "local_path", "path_of"]

_ESCAPED: Final = re.compile("[%?#]")


def is_scalar(value: object) -> bool:
    """Tell whether a value is a text, a number, a boolean or null.

    Asked first: most values are, and to find out that one is no mapping takes longer.
    """
    return value is None or isinstance(value, (str, int, float))


def is_file_object(value: object, *classes: str) -> bool:
    """Tell whether a value is a File or Directory object."""
    return (
        not is_scalar(value)
        and isinstance(value, Mapping)
        and value.get("class") in (classes or ("File", "Directory"))
    )


def path_of(location: str) -> str:
    """Return the path of a location with the scheme ``file``."""
    if location.startswith("file:///") and not _ESCAPED.search(location):
        return location[len("file://") :]
    return str(uri_file_path(location))


def local_path(location: str, basedir: str) -> str | None:
    """Return the path of a location on this machine; None for any other scheme."""
    if location.startswith("file://"):
        return path_of(location)
    scheme = urlsplit(location).scheme
    if scheme in ("http", "https"):
        # cwltool downloads it all the same, and keeps what did not change.
        try:
            path, _ = downloadHttpFile(location)
        except (OSError, WorkflowException) as error:
            raise OSError(errno.EIO, str(error), location) from error
        return str(path)
    if scheme and not os.path.exists(os.path.join(basedir, location)):
        return None
    return os.path.join(basedir, location)


class RealPaths:
    """Paths without links, for many files of few directories."""

    def __init__(self) -> None:
        self._directories: dict[str, str] = {}

    def of(self, path: str) -> str:
        """Return an absolute path without links."""
        above, name = os.path.split(path)
        if name in ("", ".", "..") or os.path.islink(path):
            return os.path.realpath(path)
        real = self._directories.get(above)
        if real is None:
            real = self._directories[above] = os.path.realpath(above)
        return os.path.join(real, name)

    def moved(self) -> str:
        """Return a directory that leads elsewhere than when it was asked for; empty if none."""
        known = self._directories.items()
        return next((above for above, real in known if os.path.realpath(above) != real), "")


def basename_of(location: str) -> str:
    """Return the name that cwltool gives to a File without a ``basename``."""
    return os.path.basename(unquote(urlsplit(location).path.rstrip("/")))
