"""Shared projects as files of a store: one JSON document each.

Who may write to the store may write here, whatever a project says of its administrators:
the permissions of the directory are what protects it. What is read is parsed as hostile.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cwl_memo.core.project import StoreProject, check_project_name
from cwl_memo.errors import FormatError, StoreDamagedError, StoreError, UsageError
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.regular import NotRegularError, read_regular, remove_file, write_all

__all__ = ["ProjectFiles", "current_user"]

_SUFFIX: Final = ".json"
_LIMIT: Final = 1 << 16
_PATIENCE: Final = 10.0
"""Seconds to wait for another process that changes a project."""


def current_user() -> str:
    """Return the name of the user of this process; ``#`` and the id where it has none."""
    # Only here: a replay has no need of it. Not from the environment, which anybody sets.
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"#{os.geteuid()}"


class ProjectFiles:
    """The projects of a local store.

    :param root: the directory of the store, which need not be open, or be there.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._directory = root / "projects"

    def path(self, name: str) -> Path:
        """Return the file of a project.

        :raises UsageError: if that is no name of a project.
        """
        return self._directory / f"{check_project_name(name)}{_SUFFIX}"

    def read_bytes(self, name: str) -> bytes | None:
        """Return what stands in a project's file; None where there is none.

        :raises StoreError: if it cannot be read.
        """
        path = self.path(name)
        with reading(f"read project {name!r}"):
            try:
                return read_regular(path, _LIMIT)
            except FileNotFoundError:
                return None
            except NotRegularError as error:
                raise StoreDamagedError(f"{path}: {error.strerror}") from None

    def has(self, name: str) -> bool:
        """Tell whether there is a project of a name, sound or not."""
        return self.read_bytes(name) is not None

    def parse(self, name: str, data: bytes) -> StoreProject:
        """Return the project that such bytes are.

        :raises StoreDamagedError: if they are none.
        """
        try:
            return StoreProject.from_json(json.loads(data), name)
        except (ValueError, RecursionError, FormatError) as error:
            raise StoreDamagedError(f"{self.path(name)}: not a project: {error}") from None

    def read(self, name: str) -> StoreProject | None:
        """Return a project; None where there is none.

        :raises StoreError: if it cannot be read, or is damaged.
        """
        data = self.read_bytes(name)
        return None if data is None else self.parse(name, data)

    def find(self) -> Iterator[str]:
        """Yield the names of all projects, in order."""
        with reading("list the projects"):
            try:
                names = sorted(os.listdir(self._directory))  # noqa: PTH208  (only the names)
            except (FileNotFoundError, NotADirectoryError):
                return
        for file in names:
            name = file.removesuffix(_SUFFIX)
            if file.endswith(_SUFFIX) and _is_name(name):
                yield name

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep other processes from changing a project while the body does.

        :raises StoreError: if another one does for too long, or the store cannot be written.
        """
        from filelock import FileLock, Timeout

        with writing("change the projects of the store"):
            try:
                with FileLock(self._root / "locks" / "projects.lock", timeout=_PATIENCE):
                    yield
            except Timeout as error:
                raise StoreError("another process is changing a project; try again") from error

    def write(self, project: StoreProject) -> None:
        """Write a project, whole or not at all."""
        path = self.path(project.name)
        data = (json.dumps(project.to_json(), indent=2) + "\n").encode()
        if len(data) > _LIMIT:
            raise UsageError(f"project {project.name!r} has too many administrators; remove some")
        with writing(f"write project {project.name!r}"):
            self._directory.mkdir(mode=0o700, exist_ok=True)
            # Read by whoever may come into the directory of the store, as its other files are.
            descriptor, temporary = tempfile.mkstemp(prefix="project-", dir=self._root / "tmp")
            try:
                write_all(descriptor, data)
                os.fsync(descriptor)
                os.fchmod(descriptor, 0o644)
                Path(temporary).replace(path)
            finally:
                os.close(descriptor)
                Path(temporary).unlink(missing_ok=True)

    def drop(self, name: str) -> bool:
        """Remove a project; return whether there was one."""
        with writing(f"remove project {name!r}"):
            return remove_file(self.path(name))


def _is_name(name: str) -> bool:
    try:
        check_project_name(name)
    except UsageError:
        return False
    return True
