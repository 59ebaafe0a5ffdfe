"""What a tool writes to its standard streams: Toil has a temporary file for each."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any, Final

from cwl_memo.cwl.door import RuntimeContext
from cwl_memo.cwl.log import Log

__all__ = ["Streams"]

_IN_MEMORY: Final = 16 * 1024
"""Bytes of a stream from which on it is kept in a file of its own."""

_PART: Final = 1024 * 1024
"""Bytes that are read at once; a system gives 2 GiB at most, whatever it is asked for."""


class Streams:
    """Reads the standard streams of a job from the files that Toil has them go to.

    :param context: cwltool's, of the job.
    """

    def __init__(self, context: RuntimeContext) -> None:
        # cwltool closes the files once the job has run; the outputs are collected later.
        self._stdout = _again(context.default_stdout)
        self._stderr = _again(context.default_stderr)
        self._copies: list[Path] = []

    def end(self) -> tuple[Log, Log]:
        """Return what the job wrote; None for what cannot be read."""
        logs = _read(self._stdout), _read(self._stderr)
        self._copies += [log for log in logs if isinstance(log, Path)]
        return logs

    def close(self) -> None:
        """Let go of the files, and of what was copied from them."""
        for descriptor in (self._stdout, self._stderr):
            if descriptor >= 0:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._stdout = self._stderr = -1
        for copy in self._copies:
            with contextlib.suppress(OSError):
                copy.unlink()
        self._copies = []


def _again(file: Any) -> int:
    try:
        return os.dup(file.fileno())
    except (AttributeError, OSError, ValueError):
        return -1


def _read(descriptor: int) -> Log:
    if descriptor < 0:
        return None
    try:
        if os.fstat(descriptor).st_size <= _IN_MEMORY:
            return os.pread(descriptor, _IN_MEMORY, 0)
        with tempfile.NamedTemporaryFile(prefix="cwl-memo-log-", delete=False) as file:
            place = 0
            while part := os.pread(descriptor, _PART, place):
                file.write(part)
                place += len(part)
        return Path(file.name)
    except OSError:
        return None
