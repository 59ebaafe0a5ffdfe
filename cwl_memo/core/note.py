"""Notes: what a person said of an entry, and why.

Like entries, they are read as hostile input. A note that cannot be read is one all the same:
that somebody took an entry back, or wants it kept, must not be lost with a flipped bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest

__all__ = ["MOST_IDS", "NOTE_FORMAT", "Note", "Tombstone"]

NOTE_FORMAT: Final = 1

MOST_IDS: Final = 64
"""Tombstones of a key that are told apart; nobody takes anything back more often."""

_LONGEST: Final = 1000
"""Characters of a text that are told; a note is a sentence, and stands in logs."""


@dataclass(frozen=True)
class Note:
    """Who said something of an entry, when and why; of a pin, all that there is to it.

    :param reason: in the words of whoever wrote it; empty where none was given.
    :param when: ISO 8601 with offset; for people, nothing is decided by it.
    :param who: the user and the machine.
    """

    reason: str
    when: str
    who: str

    def to_json(self) -> dict[str, JSON]:
        """Return the note as JSON."""
        return {"reason": self.reason, "when": self.when, "who": self.who}

    @classmethod
    def from_json(cls, data: Any) -> Note:
        """Read a note; what is not as it should be is left out."""
        fields = data if isinstance(data, dict) else {"reason": "(its note cannot be read)"}
        return cls(*(_line(fields.get(name)) for name in ("reason", "when", "who")))


@dataclass(frozen=True)
class Tombstone(Note):
    """That the entry of a key was taken back.

    It kills every entry of its key but those that name it: their executions began with
    the knowledge of it. No clock is asked, so none can be wrong.

    :param id: digest of its bytes, which hold a random number.
    :param ids: of one that stands for several of a shared store, theirs, if they are few.
    """

    id: Digest
    ids: frozenset[Digest] = frozenset()

    def stands_for(self, other: Tombstone) -> bool:
        """Tell whether whoever knows of this one knows of the other."""
        if self.id == other.id or other.id in self.ids:
            return True
        return bool(other.ids) and other.ids <= self.ids


def _line(value: Any) -> str:
    """Return a text as one line that can do nothing to a terminal."""
    text = value[:_LONGEST] if isinstance(value, str) else ""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()
