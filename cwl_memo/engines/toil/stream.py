"""What a tool writes to its standard streams: Toil has a temporary file for each."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from cwl_memo.cwl.door import RuntimeContext
from cwl_memo.cwl.log import Log

__all__ = ["Streams"]


class Streams:
    """Reads the standard streams of a job from the files that Toil has them go to.

    :param context: cwltool's, of the job.
    """

    def __init__(self, context: RuntimeContext) -> None:
        # cwltool closes the files once the job has run; the outputs are collected later.
        self._stdout = _again(context.default_stdout)
        self._stderr = _again(context.default_stderr)

    def end(self) -> tuple[Log, Log]:
        """Return what the job wrote; None for what cannot be read."""
        return _read(self._stdout), _read(self._stderr)

    def close(self) -> None:
        """Let go of the files."""
        for descriptor in (self._stdout, self._stderr):
            if descriptor >= 0:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._stdout = self._stderr = -1


def _again(file: Any) -> int:
    try:
        return os.dup(file.fileno())
    except (AttributeError, OSError, ValueError):
        return -1


def _read(descriptor: int) -> Log:
    if descriptor < 0:
        return None
    try:
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    except OSError:
        return None
