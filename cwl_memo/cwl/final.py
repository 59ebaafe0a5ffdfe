"""Which of a run's jobs made the run's own outputs: what else they made is intermediate."""

from __future__ import annotations

import os
import threading
from typing import Any

from cwl_memo.core.digest import ReuseKey
from cwl_memo.cwl.view import paths_in

__all__ = ["FinalOutputs"]


class FinalOutputs:
    """Directories in which outputs of recorded jobs stand, and the entries of these jobs."""

    def __init__(self) -> None:
        self._keys: dict[str, ReuseKey] = {}
        self._lock = threading.Lock()

    def note(self, directory: str, key: ReuseKey) -> None:
        """Note where the outputs of an entry stand that this run recorded."""
        with self._lock:
            self._keys[os.path.realpath(directory)] = key

    def find(self, outputs: Any) -> set[ReuseKey]:
        """Return the entries whose outputs are among those of the run."""
        found = set()
        for path in paths_in(outputs) if self._keys else ():
            above = os.path.realpath(path)
            while above != os.path.dirname(above):
                if above in self._keys:
                    found.add(self._keys[above])
                    break
                above = os.path.dirname(above)
        return found
