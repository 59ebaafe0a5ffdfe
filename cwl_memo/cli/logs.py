"""``cwl-memo logs``: what a job of a run wrote to its standard streams."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import store_to_search
from cwl_memo.cli.output import remark, short_time, write_json
from cwl_memo.cli.selection import (
    add_job_arguments,
    find_jobs,
    find_run,
    origin_note,
    read_run_record,
)
from cwl_memo.cli.verb import Verb
from cwl_memo.core.canonical import JSON
from cwl_memo.core.entry import Entry
from cwl_memo.core.run import JobRecord, RunRecord
from cwl_memo.errors import NotKeptError
from cwl_memo.store.protocol import Store
from cwl_memo.store.recorded import LOGS, Log, entry_of_job, read_log

__all__ = ["VERB"]


def _add_arguments(parser: ArgumentParser) -> None:
    add_job_arguments(parser, "a job's name, or a glob for several")
    only = parser.add_mutually_exclusive_group()
    for stream in LOGS:
        only.add_argument(
            f"--{stream}",
            dest="stream",
            action="store_const",
            const=stream,
            help=f"only the job's {stream}, byte for byte",
        )


def _run(arguments: Namespace) -> int:
    streams = (arguments.stream,) if arguments.stream else LOGS
    answers: list[JSON] = []
    unkept: list[str] = []
    with store_to_search(arguments, readonly=True) as store:
        record = read_run_record(store, find_run(store, arguments.run))
        jobs = find_jobs(record, arguments.job)
        for job in jobs:
            try:
                entry = entry_of_job(store, job)
                logs = _read(store, entry, streams)
            except NotKeptError as error:
                unkept.append(f"job {job.name}: {error}")
                continue
            if arguments.json:
                answers.append(_document(record, job, entry, logs))
            else:
                _print(record, job, entry, logs)
    if len(unkept) == len(jobs):
        raise NotKeptError("\n".join(unkept))
    for line in unkept:
        remark(line)
    if arguments.json:
        write_json({"run": record.run, "jobs": answers})
    return ExitCode.NOT_SO.status if unkept else ExitCode.OK.status


def _read(store: Store, entry: Entry, streams: Sequence[str]) -> list[Log]:
    found = [read_log(store, entry, stream) for stream in streams]
    logs = [log for log in found if log is not None]
    if not logs:
        raise NotKeptError(f"no {' and no '.join(streams)} was recorded")
    return logs


def _print(record: RunRecord, job: JobRecord, entry: Entry, logs: Sequence[Log]) -> None:
    note = origin_note(record, job, entry)
    for log in logs:
        parts = [
            f"{log.stream}{f' to {log.name}' if log.name else ''}",
            f"{len(log.data)} bytes",
            f"of {short_time(entry.origin.started)}",
            note,
        ]
        # Beside the log, not in it: what is piped on is what the tool wrote.
        remark(f"[job {job.name}] {', '.join(part for part in parts if part)}")
        sys.stderr.flush()
        sys.stdout.flush()
        sys.stdout.buffer.write(log.data)
        sys.stdout.buffer.flush()


def _document(record: RunRecord, job: JobRecord, entry: Entry, logs: Sequence[Log]) -> JSON:
    return {
        "job": job.name,
        "tool": job.tool,
        "key": job.key,
        "origin_run": entry.origin.run,
        "origin_job": entry.origin.job,
        "is_copy": (entry.origin.run, entry.origin.job) != (record.run, job.name),
        "started": entry.origin.started,
        "logs": {
            log.stream: {
                "name": log.name,
                "digest": str(log.digest),
                "size": len(log.data),
                "text": log.data.decode("utf-8", "replace"),
            }
            for log in logs
        },
    }


VERB: Final = Verb(
    name="logs",
    summary="print what a job of a run wrote to its standard streams",
    description="Print what a job wrote to its standard output and its standard error. Of a "
    "reused job these are the logs of the original execution, marked as copies. The logs go to "
    "standard output as they were written; what they are is said on standard error, so that they "
    "can be piped on. --json has them as text, in which what is not UTF-8 is replaced.",
    examples=(
        ("cwl-memo logs latest align", "both streams of one job of the latest run"),
        ("cwl-memo logs -1 'align*' --stderr", "what several jobs wrote to their standard error"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
