"""How the programs begin and end: without the work that only a process which lives on needs."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
import threading
from typing import Final

__all__ = ["collect_rarely", "leave"]

_OBJECTS: Final = 50_000
"""New objects after which garbage is looked for; Python's own 700 suit small programs."""


def collect_rarely() -> None:
    """Have garbage looked for less often: a document is a large graph, and none of it."""
    gc.set_threshold(_OBJECTS, 20, 100)


def leave(code: int) -> int:
    """End the process with an exit code, its files written and its exit functions called.

    What Python does besides is to take each object apart, a tenth of a small run's time.
    Returns the code where threads still run, which Python waits for.
    """
    if threading.active_count() > 1:
        return code
    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()  # noqa: SLF001  (there is no other way to have them called)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return code  # Python says what is to be said of it
    os._exit(code)
