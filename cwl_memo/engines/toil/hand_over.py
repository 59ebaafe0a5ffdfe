"""Giving the files of a job to Toil's job store, in which the other jobs find them.

What a hit gives is laid out once, as a clone or a copy that nothing else knows, and then
moved into the job store where that is a directory of the same file system: a job store never
holds a blob of the store, so nothing that happens to one of them reaches the other.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Any

from cwl_memo.cwl.door import file_uri, visit_class
from cwl_memo.cwl.files import GENERATION
from cwl_memo.cwl.location import path_of
from cwl_memo.cwl.view import Views
from cwl_memo.engines.toil.carried import Carried
from cwl_memo.engines.toil.door import FileID, FileJobStore, is_tested
from cwl_memo.store.protocol import FileDigest

__all__ = ["HandOver"]


class HandOver:
    """Gives output objects to the job store.

    :param file_store: Toil's, of the job that is being run.
    :param hints: names for people in the job store's own.
    :param carried: takes note of their digests.
    """

    def __init__(self, file_store: Any, hints: list[str], carried: Carried) -> None:
        self._store = file_store
        self._hints = hints
        self._carried = carried

    def give(
        self,
        outputs: Any,
        known: Callable[[str], FileDigest | None],
        views: Views,
        *,
        noted: bool,
    ) -> bool:
        """Give all files of an output object, which is changed to say where they are now.

        :param known: returns the digest of a file of the job.
        :param noted: whether their digests are to be known to other jobs.
        :returns: False if that cannot be done with all of them; then nothing was changed.
        :raises StoreError: if a file of the store is not to be had.
        :raises OSError: if the job store does not take it.
        """
        found = self._find(outputs, known)
        if found is None:
            return False
        # Several at a time, where they are far away.
        views.ensure_in([item for path, item, _ in found if views.is_known(path)], owned=True)
        given: dict[str, tuple[str, bool]] = {}
        for path, _, digest in found:
            if path not in given:
                given[path] = location, executable = self._put(path, views)
                if noted:
                    self._carried.note(location, digest, executable=executable)
        for path, item, _ in found:
            item["location"], _ = given[path]
            item.pop("path", None)
            # As cwltool has it of what a job has made; an expression sees it.
            item.setdefault(GENERATION, 0)
        return True

    def _find(
        self, outputs: Any, known: Callable[[str], FileDigest | None]
    ) -> list[tuple[str, dict[str, Any], FileDigest]] | None:
        directories: list[Any] = []
        files: list[Any] = []
        visit_class(outputs, ("Directory",), directories.append)
        visit_class(outputs, ("File",), files.append)
        if directories:
            return None
        found = []
        for item in files:
            location = str(item.get("location") or "")
            if not location or location.startswith(("_:", "toilfile:", "toildir:")):
                continue  # a literal, or an input, which the job store has
            path = path_of(location) if location.startswith("file:") else location
            digest = known(path)
            if digest is None:
                return None
            found.append((path, item, digest))
        return found

    def _put(self, path: str, views: Views) -> tuple[str, bool]:
        """Put one file into the job store; return its location there, and if it is a program."""
        job_store = self._store.jobStore
        if views.is_known(path):
            views.ensure(path, owned=True)
            executable = os.access(path, os.X_OK)
            # As Toil's own copies are: it knows of no other modes.
            os.chmod(path, 0o755 if executable else 0o644)
            identifier = _moved(path, job_store, executable=executable)
            if identifier is None:
                identifier = job_store.import_file(file_uri(path), symlink=False)
            else:
                views.forget(path)
        else:
            # A copy: what a tool leaves may be a hard link to something of the user's.
            identifier = self._store.writeGlobalFile(path, hints=self._hints)
        return f"toilfile:{identifier.pack()}", bool(identifier.executable)


def _moved(path: str, job_store: Any, *, executable: bool) -> Any:
    """Move a file that nobody else has into a job store; None where it has to be copied.

    Toil's own way copies, whatever it is asked for. This uses names that are private to its
    job stores that are directories, so only with a series of Toil that was tested.
    """
    if not is_tested() or not isinstance(job_store, FileJobStore):
        return None
    try:
        found = os.lstat(path)
        is_movable = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
        if not is_movable or found.st_dev != os.stat(job_store.jobStoreDir).st_dev:
            return None
        place = job_store._get_unique_file_path(path)  # noqa: SLF001  (see above)
        identifier = FileID(
            job_store._get_file_id_from_path(place),  # noqa: SLF001
            found.st_size,
            executable,
        )
        os.rename(path, place)
    except (OSError, AttributeError, TypeError):
        return None
    return identifier
