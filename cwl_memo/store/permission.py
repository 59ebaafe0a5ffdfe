"""The modes of files: read where they are recorded, set where they are delivered."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from cwl_memo.core.mode import Mode

__all__ = ["mode_of", "read_umask", "set_mode"]

_STATUS: Final = Path("/proc/self/status")


def mode_of(status: os.stat_result, umask: int | None = None) -> Mode:
    """Return the mode of a file that a job made.

    :param umask: of this process; read anew where it is not given.
    """
    return Mode.of(status.st_mode, read_umask() if umask is None else umask)


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
