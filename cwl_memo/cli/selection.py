"""Entries, runs and jobs by the names that people give them."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

from cwl_memo.cli.exit_codes import NothingMatchesError
from cwl_memo.cli.output import remark
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.core.run import REUSED, JobRecord, RunRecord
from cwl_memo.errors import StoreDamagedError, UsageError
from cwl_memo.store.catalogue import Catalogue
from cwl_memo.store.recorded import read_run_record

__all__ = [
    "SHORT_KEY",
    "add_job_arguments",
    "find_entry",
    "find_job",
    "find_jobs",
    "find_keys",
    "find_run",
    "origin_note",
    "read_run_record",
    "read_run_records",
]

SHORT_KEY: Final = 12
"""Hexadecimal digits of a reuse key that a table shows."""

_LEAST: Final = 6
_SHOWN: Final = 5
_PREFIX: Final = re.compile(rf"[0-9a-f]{{{_LEAST},64}}")
_COUNTED: Final = re.compile(r"-[1-9]\d*")


def find_keys(store: Catalogue, names: Sequence[str]) -> list[ReuseKey]:
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


def find_entry(store: Catalogue, name: str) -> Entry:
    """Return the entry whose reuse key a name is, or is a prefix of.

    :raises StoreDamagedError: if it is there and cannot be read.
    """
    key = find_keys(store, [name])[0]
    entry = store.get_entry(key)
    if entry is None:
        raise StoreDamagedError(f"the entry {key} is damaged; 'cwl-memo verify' tells more")
    return entry


def find_run(store: Catalogue, name: str) -> str:
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


def read_run_records(store: Catalogue, runs: Iterable[str]) -> list[RunRecord]:
    """Return the records of runs; one that cannot be read costs a remark, not the answer."""
    records = (_readable(store, run) for run in runs)
    return [record for record in records if record is not None]


def _readable(store: Catalogue, run: str) -> RunRecord | None:
    try:
        return read_run_record(store, run)
    except StoreDamagedError as error:
        remark(f"left out: {error}")
        return None


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


def find_job(record: RunRecord, name: str) -> JobRecord:
    """Return the one job of a run that has a name, or matches it as a glob.

    :raises UsageError: if more than one does.
    :raises NothingMatchesError: if none does.
    """
    jobs = find_jobs(record, name)
    if len(jobs) > 1:
        some = ", ".join(job.name for job in jobs[:_SHOWN]) + (", …" if jobs[_SHOWN:] else "")
        raise UsageError(f"JOB {name}: {len(jobs)} jobs have such a name; name one: {some}")
    return jobs[0]


def add_job_arguments(parser: ArgumentParser, job: str) -> None:
    """Add the arguments that name a job of a run.

    :param job: the help for the job.
    """
    parser.add_argument(
        "run", metavar="RUN", help="a run's id or its beginning; latest, or -1, -2 from the end"
    )
    parser.add_argument("job", metavar="JOB", help=job)


def origin_note(record: RunRecord, job: JobRecord, entry: Entry) -> str:
    """Return who made what the entry of a job holds; empty if it was the job itself."""
    origin = entry.origin
    made = (origin.run, origin.job)
    if made == (record.run, job.name):
        return ""
    seen = (job.origin_run, job.origin_job) if job.result == REUSED else (record.run, job.name)
    # An entry may have been recorded once more, by --memo-mode recache or after damage.
    how = "copied from" if made == seen else "recorded anew since by"
    return f"{how} run {origin.run}, job {origin.job}"
