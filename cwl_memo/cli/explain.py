"""``cwl-memo explain``: why each job of a run was reused, executed or refused."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from typing import Any, Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import store_to_search
from cwl_memo.cli.output import terminal_width, write_json, write_lines
from cwl_memo.cli.selection import find_jobs, find_run, read_run_record
from cwl_memo.cli.verb import Verb
from cwl_memo.report.changes import changes
from cwl_memo.report.schema import report_schema
from cwl_memo.report.text import explanation

__all__ = ["VERB"]


class _PrintSchema(argparse.Action):
    """Prints the schema and ends, as ``--version`` does: it needs no run."""

    def __init__(self, option_strings: list[str], dest: str, help: str) -> None:  # noqa: A002
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: ArgumentParser, *_: object) -> None:
        write_json(report_schema())
        parser.exit()


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "run", metavar="RUN", help="a run's id or its beginning; latest, or -1, -2 from the end"
    )
    parser.add_argument("job", metavar="JOB", nargs="?", help="a job's name, or a glob for several")
    parser.add_argument(
        "--schema",
        action=_PrintSchema,
        help="print the JSON schema of --json, which is that of report files, and end",
    )


def _run(arguments: Namespace) -> int:
    with store_to_search(arguments) as store:
        record = read_run_record(store, find_run(store, arguments.run))
        jobs = find_jobs(record, arguments.job)
        changed = {i: changes(store, job) for i, job in enumerate(jobs) if job.differs}
    if not arguments.json:
        write_lines(explanation(record, jobs, changed, terminal_width()))
        return ExitCode.OK.status
    document: dict[str, Any] = record.to_json()
    document["jobs"] = [
        {**job.to_json(), "changes": [change.to_json() for change in changed.get(i, ())]}
        for i, job in enumerate(jobs)
    ]
    write_json(document)
    return ExitCode.OK.status


VERB: Final = Verb(
    name="explain",
    summary="say why each job of a run was reused, executed or refused",
    description="Say of each job of a run what became of it: which run it was reused from, "
    "which field of the fingerprint made a miss and what its values were, or why reuse was "
    "refused and what to do about it.",
    examples=(
        ("cwl-memo explain latest", "every job of the latest run"),
        ("cwl-memo explain -1 'align*'", "only its jobs whose names begin with align"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
