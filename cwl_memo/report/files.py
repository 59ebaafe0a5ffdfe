"""Report files: a run record as JSON in a file of the user's."""

from __future__ import annotations

import json
import os
from pathlib import Path

from cwl_memo.core.run import RunRecord

__all__ = ["write_report"]


def write_report(path: Path, record: RunRecord) -> None:
    """Write a run record to ``path``, whole or not at all.

    :raises OSError: if the file cannot be written; it names ``path``.
    """
    data = (json.dumps(record.to_json(), indent=2, allow_nan=False) + "\n").encode()
    try:
        # A symlink keeps leading where it led; what it leads to is written.
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            # A rename over /dev/stdout or a pipe would put a plain file in its place.
            with target.open("wb") as stream:
                stream.write(data)
            return
        _replace(target, data)
    except OSError as error:
        # The name of a temporary file, or of what a link leads to, says little to the user.
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace(target: Path, data: bytes) -> None:
    # Opened as any new file is, so that the user's umask holds for the report.
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        # One that a killed run of the same process id left behind.
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as stream:
            stream.write(data)
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
