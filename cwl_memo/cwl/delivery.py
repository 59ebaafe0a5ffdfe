"""Delivery: a run's final outputs get their places in the user's directory.

cwltool does this for any output object, with a dozen looks at each file. Where there are
but Files of different names, of the run's own making, what it would do is known: each moves
to its name in the output directory. A reused file that is small is made there at once.
"""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from cwl_memo.cwl.door import WorkflowException, file_uri
from cwl_memo.cwl.files import GENERATION
from cwl_memo.cwl.location import path_of
from cwl_memo.cwl.view import Views

__all__ = ["Delivery", "foresee"]

_FIELDS: Final = frozenset(
    {
        "class",
        "location",
        "basename",
        "nameroot",
        "nameext",
        "size",
        "checksum",
        "format",
        GENERATION,
    }
)
"""What a File may have of which cwltool changes the location and nothing else."""


@dataclass(frozen=True)
class Delivery:
    """Which files go where.

    :param directory: the user's, absolute.
    :param files: each File object, with the path at which it stands or will stand.
    """

    directory: str
    files: list[tuple[dict[str, Any], str]]

    def perform(self, views: Views) -> None:
        """Put the files into their places, and have their objects name these.

        :raises WorkflowException: if one was lost, and the run has to begin again; the user's
            directory then has none of them.
        """
        os.makedirs(self.directory, exist_ok=True)
        taken = set(os.listdir(self.directory))
        placed: list[str] = []
        try:
            for item, path in self.files:
                name = item["basename"]
                target = os.path.join(self.directory, name)
                if name in taken or not views.make_at(path, target):
                    views.ensure(path, owned=True)
                    shutil.move(path, target)
                    views.forget(path)
                placed.append(target)
                item["location"] = file_uri(target)
        except WorkflowException:
            for target in placed:
                os.unlink(target)
            raise


def foresee(
    output: Any, directory: str, views: Views, own: str, *, checksums: bool
) -> Delivery | None:
    """Return how an output object is delivered; None where cwltool has to do it.

    :param directory: the user's output directory, absolute.
    :param own: how the paths of the run's own directories begin.
    :param checksums: whether each file has to have one.
    """
    wanted = {"location", "basename", "checksum"} if checksums else {"location", "basename"}
    files = []
    names: set[str] = set()
    for item in _files_in(output):
        if item is None or not wanted <= item.keys() <= _FIELDS:
            return None
        location, name = item["location"], item["basename"]
        if not location.startswith("file:///") or "/" in name or name in ("", ".", ".."):
            return None
        path = path_of(location)
        if not views.is_known(path) and not _is_plain(path, own):
            return None
        files.append((item, path))
        # Some file systems take names for equal that are not.
        names.add(unicodedata.normalize("NFC", name).casefold())
    if not files or len(names) != len(files) or not _is_free(directory, names):
        return None
    return Delivery(directory, files)


def _is_plain(path: str, own: str) -> bool:
    """Tell whether a path is a regular file of an executed job, with no link on the way."""
    return path.startswith(own) and os.path.isfile(path) and os.path.realpath(path) == path


def _is_free(directory: str, names: set[str]) -> bool:
    """Tell whether nothing but files stand where the outputs are to be."""
    if not os.path.lexists(directory):
        return True
    try:
        with os.scandir(directory) as found:
            return not any(
                unicodedata.normalize("NFC", entry.name).casefold() in names
                and not entry.is_file(follow_symlinks=False)
                for entry in found
            )
    except OSError:
        return False


def _files_in(value: Any) -> Iterator[dict[str, Any] | None]:
    """Yield the Files of an output object; None for whatever else has to be delivered."""
    if isinstance(value, dict):
        kind = value.get("class")
        if kind == "File":
            yield value
        elif kind == "Directory":
            yield None
        else:
            for item in value.values():
                yield from _files_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _files_in(item)
    elif value is not None and not isinstance(value, (str, int, float)):
        yield None
