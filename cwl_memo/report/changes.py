"""What made a job miss: the fields that differ, with their old and new values."""

from __future__ import annotations

from dataclasses import dataclass

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.core.explain import value_at
from cwl_memo.core.run import JobRecord
from cwl_memo.errors import FormatError
from cwl_memo.store.protocol import Store

__all__ = ["Change", "changes"]


@dataclass(frozen=True)
class Change:
    """One field of the fingerprint that made a miss.

    :param field: its path, as ``inputs.reads.digest``.
    :param old: its value in the nearest earlier entry; None where it was absent.
    :param new: its value in this job; None where it is absent.
    """

    field: str
    old: JSON
    new: JSON

    def to_json(self) -> JSON:
        """Return the change as JSON."""
        return {"field": self.field, "old": self.old, "new": self.new}


def changes(store: Store, job: JobRecord) -> tuple[Change, ...]:
    """Return the values of the fields that made a job miss, as far as the store still knows.

    Empty where nothing differed, where the job was not recorded, or where the entry it was
    held against is gone.

    """
    if not job.differs:
        return ()
    old, new = _entry(store, job.nearest), _entry(store, job.key)
    if new is None or old is None:
        return ()
    return tuple(
        Change(path, value_at(old.fingerprint, path), value_at(new.fingerprint, path))
        for path in job.differs
    )


def _entry(store: Store, key: str) -> Entry | None:
    try:
        return store.get_entry(ReuseKey(key))
    except FormatError:
        return None
