"""What made a job miss: the fields that differ, with their old and new values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.core.explain import differing_fields, value_at
from cwl_memo.core.run import JobRecord
from cwl_memo.errors import FormatError
from cwl_memo.store.protocol import Store

__all__ = ["Change", "changes"]

_LOOKED_AT: Final = 50
_ALL: Final = 10_000
_RECORDED: Final = 10


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


def changes(store: Store, run: str, job: JobRecord) -> tuple[Change, ...]:
    """Return the values of the fields that made a job miss, as far as the store still knows.

    Empty where nothing differed, where the job was not recorded, or where the entry it was
    held against is gone.

    :param run: the id of the run that the job belongs to.
    """
    if not job.differs:
        return ()
    new = _entry(store, job.key)
    old = None if new is None else _nearest(store, run, job, new)
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


def _nearest(store: Store, run: str, job: JobRecord, new: Entry) -> Entry | None:
    """Return the earlier entry that the job was held against.

    The run's record does not name it. It is one from before the job, of another run, that
    differs from the job's own entry in just the fields that were recorded.
    """
    recorded = set(job.differs)
    for old in _earlier(store, run, job):
        found = set(differing_fields(old.fingerprint, new.fingerprint, _ALL))
        # The record names a few fields only, where there are many.
        if recorded == found or (len(recorded) >= _RECORDED and recorded < found):
            return old
    return None


def _earlier(store: Store, run: str, job: JobRecord) -> Iterator[Entry]:
    for key in store.recent(job.tool, _LOOKED_AT):
        entry = store.get_entry(key)
        if entry is None or entry.origin.run == run:
            continue
        if not _is_after(entry.origin.started, job.started):
            yield entry


def _is_after(one: str, other: str) -> bool:
    try:
        return datetime.fromisoformat(one) > datetime.fromisoformat(other)
    except (TypeError, ValueError):
        return False
