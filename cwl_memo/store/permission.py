"""The modes of files and directories: read where they are recorded, set where delivered."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from cwl_memo.core.mode import Mode

__all__ = ["mode_of", "mode_of_directory", "read_umask", "remove_tree", "set_mode", "set_modes"]

_STATUS: Final = Path("/proc/self/status")


def mode_of(status: os.stat_result, umask: int | None = None) -> Mode:
    """Return the mode of a file that a job made.

    :param umask: of this process; read anew where it is not given.
    """
    return Mode.of(status.st_mode, read_umask() if umask is None else umask)


def mode_of_directory(status: os.stat_result, umask: int | None = None) -> Mode:
    """Return the mode of a directory; as :func:`mode_of`."""
    return Mode.of_directory(status.st_mode, read_umask() if umask is None else umask)


def set_modes(directories: Mapping[str, Mode]) -> None:
    """Give directories by path the modes that no umask gives, once all is in them.

    :raises OSError: if that cannot be done.
    """
    # Deepest first: what stands below one that may not be searched is out of reach.
    for path in sorted(directories, key=lambda path: path.count(os.sep), reverse=True):
        exact = directories[path].exact
        if exact is not None:
            Path(path).chmod(exact)


def remove_tree(directory: str) -> None:
    """Remove a directory as far as possible, also from what may not be written."""
    shutil.rmtree(directory, ignore_errors=True)
    if not Path(directory).is_dir() or Path(directory).is_symlink():
        return
    _permit(Path(directory))
    for above, names, _ in os.walk(directory):
        for name in names:
            _permit(Path(above, name))
    shutil.rmtree(directory, ignore_errors=True)


def _permit(directory: Path) -> None:
    with contextlib.suppress(OSError):
        if not directory.is_symlink():
            directory.chmod(stat.S_IRWXU)


def set_mode(descriptor: int, mode: Mode) -> None:
    """Give an open file, made with ``mode.asked``, the bits that no umask gives."""
    if mode.exact is not None:
        os.fchmod(descriptor, mode.exact)


def read_umask() -> int:
    """Return the umask of this process."""
    try:
        found = re.search(r"^Umask:\s*([0-7]+)$", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        found = None
    return int(found[1], 8) if found else _umask_by_setting()


@lru_cache(maxsize=1)
def _umask_by_setting() -> int:
    # Elsewhere there is no way to ask but to set it. Once: other threads make files too.
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
