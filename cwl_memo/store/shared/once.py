"""One warning a run: that a shared store is not what it should be."""

from __future__ import annotations

import logging
import threading

from cwl_memo.core.printable import printable

__all__ = ["Once"]

_log = logging.getLogger("cwltool")


class Once:
    """Says the first thing as a warning, and the rest for those who want to know more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_said = False

    @property
    def is_said(self) -> bool:
        """Whether there has been a warning."""
        return self._is_said

    def warn(self, message: str, otherwise: int = logging.DEBUG) -> None:
        """Say something.

        :param otherwise: the level at which it is said after another warning.
        """
        with self._lock:
            is_first, self._is_said = not self._is_said, True
        _log.log(logging.WARNING if is_first else otherwise, "%s", printable(message))
