"""The state of an entry, in the words that verbs tell it with."""

from __future__ import annotations

from dataclasses import dataclass

from cwl_memo.cli.output import short_time
from cwl_memo.core.canonical import JSON
from cwl_memo.core.entry import Entry
from cwl_memo.core.note import Note, Tombstone
from cwl_memo.core.retention import Evicted
from cwl_memo.store.catalogue import Catalogue

__all__ = ["State", "said"]


@dataclass(frozen=True)
class State:
    """Whether an entry can be reused, and what people said of it.

    :param word: ``kept``, ``trimmed`` (of its workspace), ``evicted`` or ``invalidated``.
    :param lost: what retention took of it.
    :param tombstone: by which it is invalidated.
    :param pin: by which it is pinned.
    """

    word: str
    lost: Evicted | None = None
    tombstone: Tombstone | None = None
    pin: Note | None = None

    @classmethod
    def of(cls, store: Catalogue, entry: Entry, pin: Note | None) -> State:
        """Return the state of an entry in a store."""
        tombstone = store.tombstone(entry.key)
        lost = store.eviction(entry.key)
        if entry.is_dead(tombstone):
            return cls("invalidated", lost, tombstone, pin)
        word = "kept" if lost is None else "trimmed" if lost.workspace_only else "evicted"
        return cls(word, lost, None, pin)

    @property
    def short(self) -> str:
        """The state as a cell of a table."""
        return self.word if self.pin is None else f"{self.word}, pinned"

    @property
    def sentence(self) -> str:
        """The state in words."""
        if self.tombstone is not None:
            return f"invalidated, not reused: {said(self.tombstone)}"
        if self.lost is None:
            return self.word
        why = f" ({self.lost.sentence})" if self.lost.sentence else ""
        if self.lost.workspace_only:
            return f"its outputs alone are kept, its workspace went{why}"
        return f"evicted: it can no longer be reused{why}"

    def to_json(self) -> dict[str, JSON]:
        """Return the state as members of a JSON object."""
        return {
            "state": self.word,
            "evicted_by": self.lost.clock.value if self.lost and self.lost.clock else None,
            "invalidated": None if self.tombstone is None else self.tombstone.to_json(),
            "pinned": None if self.pin is None else self.pin.to_json(),
        }


def said(note: Note) -> str:
    """Return what somebody said, with who and when."""
    by = ", ".join(part for part in (note.who, short_time(note.when)) if part)
    return f"{note.reason or 'no reason given'} ({by})" if by else note.reason
