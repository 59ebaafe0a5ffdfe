"""Events in a file: a line of JSON each, as things happen.

Nothing here needs cwltool, which takes longer to import than a replay takes.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cwl_memo.core.event import Event
from cwl_memo.errors import UsageError
from cwl_memo.store.regular import write_all

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["EventFile"]

_STANDARD_ERROR: Final = "-"
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class EventFile:
    """Appends events to a file, which others may read meanwhile and append to as well.

    :param name: of the file; ``-`` for standard error, empty for nowhere.
    :param descriptor: of the file; None for standard error.
    :param warn: told once if events cannot be written, which is no reason to fail a run.
    """

    def __init__(self, name: str, descriptor: int | None, warn: Callable[[str], None]) -> None:
        self._name = name
        self._descriptor = descriptor
        self._warn = warn
        self._works = name != ""
        self._lock = threading.Lock()

    @classmethod
    def open(cls, name: str, warn: Callable[[str], None]) -> Self:
        """Open a file for events, which is made if it does not exist.

        :param name: of the file; ``-`` for standard error, empty for nowhere.
        :raises UsageError: if it cannot be written.
        """
        if name in (_STANDARD_ERROR, ""):
            return cls(name, None, warn)
        try:
            # A pipe that nobody reads would otherwise be waited for.
            descriptor = os.open(Path(name).expanduser(), _FLAGS, 0o666)
            os.set_blocking(descriptor, True)
        except (OSError, RuntimeError) as error:
            unread = isinstance(error, OSError) and error.errno == errno.ENXIO
            why = "a pipe that nobody reads" if unread else getattr(error, "strerror", str(error))
            raise UsageError(
                f"--memo-events: {name} cannot be written: {why}; name a file, or - for "
                "standard error"
            ) from None
        return cls(name, descriptor, warn)

    def write(self, event: Event) -> None:
        """Append an event, in one write."""
        line = json.dumps(event.to_json()) + "\n"
        with self._lock:
            if not self._works:
                return
            try:
                if self._descriptor is None:
                    sys.stderr.write(line)
                    sys.stderr.flush()
                else:
                    write_all(self._descriptor, line.encode("ascii"))
            except (OSError, ValueError) as error:
                self._works = False
                self._warn(f"--memo-events: {self._name}: no more events are written: {error}")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
            self._works = False
            if descriptor is not None:
                os.close(descriptor)
