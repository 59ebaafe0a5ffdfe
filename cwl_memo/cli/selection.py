"""Entries, runs and jobs by the names that people give them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

from cwl_memo.cli.exit_codes import NothingMatchesError
from cwl_memo.cli.output import remark
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.core.run import JobRecord, RunRecord
from cwl_memo.errors import StoreDamagedError, UsageError
from cwl_memo.store.protocol import Store

__all__ = [
    "SHORT_KEY",
    "find_entry",
    "find_jobs",
    "find_keys",
    "find_run",
    "read_run_record",
    "read_run_records",
]

SHORT_KEY: Final = 12
"""Hexadecimal digits of a reuse key that a table shows."""

_LEAST: Final = 6
_SHOWN: Final = 5
_PREFIX: Final = re.compile(rf"[0-9a-f]{{{_LEAST},64}}")
_COUNTED: Final = re.compile(r"-[1-9]\d*")


def find_keys(store: Store, names: Sequence[str]) -> list[ReuseKey]:
    """Return the one reuse key that each name is, or is a prefix of; each key once.

    :raises UsageError: if a name cannot be a key, or more than one key begins with it.
    :raises NothingMatchesError: if no key begins with it.
    """
    prefixes = [name.lower() for name in names]
    for prefix in prefixes:
        if not _PREFIX.fullmatch(prefix):
            raise UsageError(
                f"KEY {prefix!r} is no reuse key; give {_LEAST} to 64 hexadecimal digits, "
                "as 'cwl-memo ls' shows them"
            )
    found = dict.fromkeys(
        _only([key.hex for key in sorted(store.keys(prefix))], prefix, "KEY", "ls")
        for prefix in prefixes
    )
    return [ReuseKey(key) for key in found]


def find_entry(store: Store, name: str) -> Entry:
    """Return the entry whose reuse key a name is, or is a prefix of.

    :raises StoreDamagedError: if it is there and cannot be read.
    """
    key = find_keys(store, [name])[0]
    entry = store.get_entry(key)
    if entry is None:
        raise StoreDamagedError(f"the entry {key} is damaged; 'cwl-memo verify' tells more")
    return entry


def find_run(store: Store, name: str) -> str:
    """Return the id of a run: a unique prefix of it, ``latest``, or ``-1`` for the latest.

    :raises UsageError: if more than one run begins so.
    :raises NothingMatchesError: if no run does.
    """
    runs = store.runs()
    if name == "latest":
        name = "-1"
    if _COUNTED.fullmatch(name):
        if int(name) < -len(runs):
            raise NothingMatchesError(f"RUN {name}: only {len(runs)} runs are recorded")
        return runs[int(name)]
    return name if name in runs else _only(runs, name, "RUN", "runs")


def _only(names: Sequence[str], prefix: str, kind: str, verb: str) -> str:
    found = [name for name in names if name.startswith(prefix)]
    if not found:
        raise NothingMatchesError(f"{kind} {prefix}: nothing has that name; see 'cwl-memo {verb}'")
    if len(found) > 1:
        some = ", ".join(name[: len(prefix) + 12] for name in found[:_SHOWN])
        more = ", …" if len(found) > _SHOWN else ""
        raise UsageError(f"{kind} {prefix}: {len(found)} begin so; give more of it: {some}{more}")
    return found[0]


def read_run_record(store: Store, run: str) -> RunRecord:
    """Return what became of each job of a run.

    :raises StoreDamagedError: if the record does not have the form of one.
    """
    try:
        record = RunRecord.from_lines(store.read_run(run))
        valid = record.run == run and all(_is_sound(job) for job in record.jobs)
    except (TypeError, ValueError, AttributeError):
        valid = False
    if not valid:
        raise StoreDamagedError(f"the record of run {run} is damaged")
    return record


def read_run_records(store: Store, runs: Iterable[str]) -> list[RunRecord]:
    """Return the records of runs; one that cannot be read costs a remark, not the answer."""
    records = (_readable(store, run) for run in runs)
    return [record for record in records if record is not None]


def _readable(store: Store, run: str) -> RunRecord | None:
    try:
        return read_run_record(store, run)
    except StoreDamagedError as error:
        remark(f"left out: {error}")
        return None


def _is_sound(job: JobRecord) -> bool:
    """Tell whether the fields of a job, read from a file, are of the types they should be."""
    texts = (job.name, job.tool, job.result, job.lookup, job.key, job.cause, job.detail)
    numbers = (job.seconds, job.size)
    return all(isinstance(text, str) for text in (*texts, *job.differs)) and all(
        isinstance(number, (int, float)) for number in numbers
    )


def find_jobs(record: RunRecord, name: str | None) -> list[JobRecord]:
    """Return the jobs of a run that have a name, or match it as a glob; all for None.

    :raises NothingMatchesError: if there is none.
    """
    if name is None:
        return record.jobs
    jobs = [job for job in record.jobs if job.name == name]
    # A name that is there is meant as it stands, though it hold a * or a [.
    jobs = jobs or [job for job in record.jobs if fnmatchcase(job.name, name)]
    if not jobs:
        raise NothingMatchesError(f"JOB {name}: no job of run {record.run} has that name")
    return jobs
