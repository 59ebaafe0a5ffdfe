"""Settings files: where they are, and what stands in them, byte for byte.

A run that is replayed looks for them too. Nothing is imported here that it does not need.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from blake3 import blake3

from cwl_memo.core.canonical import JSON
from cwl_memo.errors import SettingsFileError
from cwl_memo.store.location import configuration_directory
from cwl_memo.store.regular import NotRegularError, open_regular

__all__ = [
    "NO_FILES",
    "PROJECT_FILE",
    "SettingsFile",
    "find_files",
    "find_project_file",
    "read_file",
    "user_file_path",
]

PROJECT_FILE: Final = "cwl-memo.toml"
NO_FILES: Final[JSON] = [[], None]
"""By what a run without settings files is known."""

_USER_FILE: Final = "settings.toml"
_LIMIT: Final = 1 << 16
"""Bytes that a settings file may have; a hundred lines are about four thousand."""


@dataclass(frozen=True)
class SettingsFile:
    """A settings file as it was read.

    :param path: absolute.
    :param data: its bytes.
    :param owner: the id of the user whose file it is.
    :param is_project: whether it is a project's file, not the user's.
    """

    path: Path
    data: bytes
    owner: int
    is_project: bool

    @property
    def seen(self) -> JSON:
        """All by which the file is known to say the same, for the name of a manifest."""
        return [os.fsencode(self.path).hex(), blake3(self.data).hexdigest(), self.owner]


def user_file_path(environ: Mapping[str, str]) -> Path | None:
    """Return where the user's settings file is, or would be; None where no home is known."""
    folder = configuration_directory(environ)
    return None if folder is None else folder / _USER_FILE


def find_project_file(directory: Path) -> Path | None:
    """Return the project file that counts in a directory: its own, else one above."""
    for folder in (directory, *directory.parents):
        path = folder / PROJECT_FILE
        try:
            path.lstat()
        except OSError:
            continue
        return path
    return None


def find_files(environ: Mapping[str, str], directory: Path | None = None) -> list[SettingsFile]:
    """Return the settings files that count, the user's before the project's.

    :param directory: where the search for a project file begins; None for the working
        directory.
    :raises SettingsFileError: if there is one that cannot be read.
    """
    user = user_file_path(environ)
    found = [] if user is None else [read_file(user, is_project=False)]
    try:
        start = Path.cwd() if directory is None else directory.absolute()
    except FileNotFoundError:
        start = None  # the working directory was removed
    project = None if start is None else find_project_file(start)
    if project is not None:
        found.append(read_file(project, is_project=True))
    return [file for file in found if file is not None]


def read_file(path: Path, *, is_project: bool) -> SettingsFile | None:
    """Read a settings file; None where there is none.

    :raises SettingsFileError: if it cannot be read.
    """
    try:
        with open_regular(path, follow=True) as descriptor:
            owner = os.fstat(descriptor).st_uid
            data = _read(descriptor)
    except NotRegularError:
        raise SettingsFileError(f"{path}: is no regular file; move it away") from None
    except FileNotFoundError:
        if not path.is_symlink():
            return None
        raise SettingsFileError(f"{path}: is a link that leads nowhere; remove it") from None
    except OSError as error:
        raise SettingsFileError(
            f"{path}: cannot be read: {error.strerror}; mend its permissions, or move it away"
        ) from error
    if len(data) > _LIMIT:
        raise SettingsFileError(
            f"{path}: has more than {_LIMIT} bytes, which no settings file needs; shorten it"
        )
    return SettingsFile(path, data, owner, is_project)


def _read(descriptor: int) -> bytes:
    parts = []
    left = _LIMIT + 1
    while left and (part := os.read(descriptor, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
