"""Neighbours: the earlier entries of a tool, which say what a job without one differs in."""

from __future__ import annotations

import threading
from typing import Final

from cwl_memo.core.entry import Entry
from cwl_memo.core.explain import differing_fields
from cwl_memo.core.fingerprint import Fingerprint
from cwl_memo.core.outcome import Miss, MissCause
from cwl_memo.store.protocol import Store

__all__ = ["Neighbours"]

_AT_MOST: Final = 16
"""How many earlier entries of a tool a miss is compared with."""


class Neighbours:
    """The latest entries of each tool, as a run found them at its first miss.

    :param run: id of the run: what it made itself is no earlier entry, and says nothing.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._entries: dict[str, list[Entry]] = {}
        self._lock = threading.Lock()

    def nearest(self, store: Store, wanted: Fingerprint, label: str) -> Miss:
        """Return the miss, held against the earlier entry that differs least."""
        best: tuple[tuple[str, ...], Entry] | None = None
        for entry in self._of(store, label):
            differs = differing_fields(entry.fingerprint, wanted.fields)
            if differs and (best is None or len(differs) < len(best[0])):
                best = (differs, entry)
        if best is None:
            return Miss(wanted.key, MissCause.NO_ENTRY)
        return Miss(wanted.key, MissCause.CHANGED, best[0], best[1].key)

    def _of(self, store: Store, label: str) -> list[Entry]:
        with self._lock:
            entries = self._entries.get(label)
            if entries is None:
                found = [store.get_entry(key) for key in store.recent(label, _AT_MOST)]
                entries = [e for e in found if e is not None and e.origin.run != self._run]
                self._entries[label] = entries
            return entries
