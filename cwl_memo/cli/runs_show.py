"""``cwl-memo runs show``: one run, and what became of each of its jobs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any, Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import store_to_search
from cwl_memo.cli.output import short_time, terminal_width, write_json, write_lines
from cwl_memo.cli.selection import SHORT_KEY, find_jobs, find_run, read_run_record
from cwl_memo.cli.verb import Verb
from cwl_memo.core.explain import format_bytes, format_seconds, summary_line
from cwl_memo.core.run import EXECUTED, FAILED, REFUSED, REUSED, JobRecord, RunRecord
from cwl_memo.report.table import Column, printable, table
from cwl_memo.report.text import why

__all__ = ["VERB"]

_COLUMNS: Final = (
    Column("JOB", least=12),
    Column("RESULT"),
    Column("WHY, OR FROM WHERE", least=20),
    Column("TOOK", right=True),
    Column("SIZE", right=True),
    Column("STARTED", spare=True),
    Column("KEY", spare=True),
    Column("TOOL", least=8, spare=True),
)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "run", metavar="RUN", help="a run's id or its beginning; latest, or -1, -2 from the end"
    )
    parser.add_argument("job", metavar="JOB", nargs="?", help="a job's name, or a glob for several")
    parser.add_argument(
        "--result",
        choices=(REUSED, EXECUTED, REFUSED, FAILED),
        help="only jobs of which this became",
    )


def _run(arguments: Namespace) -> int:
    with store_to_search(arguments, readonly=True) as store:
        record = read_run_record(store, find_run(store, arguments.run))
    jobs = [
        job for job in find_jobs(record, arguments.job) if arguments.result in (None, job.result)
    ]
    if arguments.json:
        document: dict[str, Any] = record.to_json()
        document["jobs"] = [job.to_json() for job in jobs]
        write_json(document)
    else:
        write_lines(_text(record, jobs))
    return ExitCode.OK.status


def _text(record: RunRecord, jobs: list[JobRecord]) -> list[str]:
    facts = {
        "run": record.run,
        "document": record.document,
        "status": record.status or "unfinished",
        "started": short_time(record.started),
        "ended": short_time(record.ended) if record.ended else "",
        "mode": record.mode,
        "store": record.store,
        "runner": record.runner,
    }
    lines = [f"{name:<10} {printable(value)}" for name, value in facts.items() if value]
    if jobs:
        lines += ["", *table(_COLUMNS, [_cells(job) for job in jobs], terminal_width())]
    return [*lines, "", summary_line(record)]


def _cells(job: JobRecord) -> list[str]:
    return [
        job.name,
        job.result,
        why(job),
        format_seconds(job.seconds),
        format_bytes(job.size) if job.size else "",
        short_time(job.started),
        job.key[:SHORT_KEY],
        job.tool,
    ]


VERB: Final = Verb(
    name="show",
    summary="show one run: what became of each of its jobs, and why",
    description="Show one run and each of its jobs: whether it was reused, and from which run, "
    "or executed, and why; when it started, the seconds that the execution took (of a reused job, "
    "the original one), the bytes of its files, and its reuse key. 'cwl-memo run show RUN' is the "
    "same, unless there is a file called show.",
    examples=(
        ("cwl-memo runs show latest", "the latest run"),
        ("cwl-memo runs show -2 --result executed", "what the run before it had to execute"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
