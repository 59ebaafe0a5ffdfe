"""``cwl-memo runs``: the recorded runs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from cwl_memo.cli import runs_show
from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import existing_store, nothing_recorded, store_path
from cwl_memo.cli.output import remark, terminal_width, write_json, write_lines
from cwl_memo.cli.selection import read_run_records
from cwl_memo.cli.verb import Verb
from cwl_memo.core.canonical import JSON
from cwl_memo.core.run import RunRecord
from cwl_memo.errors import UsageError
from cwl_memo.report.text import runs_table
from cwl_memo.store.protocol import Store

__all__ = ["VERB"]

_LIMIT: Final = 20


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--limit",
        metavar="N",
        type=int,
        default=_LIMIT,
        help=f"at most N runs; 0 for all of them (default: {_LIMIT})",
    )


def _run(arguments: Namespace) -> int:
    if arguments.limit < 0:
        raise UsageError(f"--limit {arguments.limit}: give the number of runs, or 0 for all")
    with existing_store(arguments, readonly=True) as store:
        if store is None and not arguments.json:
            remark(nothing_recorded(arguments))
            return ExitCode.OK.status
        records = _latest(store, arguments.limit)
    if arguments.json:
        runs = [_document(record) for record in records]
        write_json({"store": str(store_path(arguments)), "runs": runs})
    else:
        write_lines(runs_table(records, terminal_width()))
    return ExitCode.OK.status


def _latest(store: Store | None, limit: int) -> list[RunRecord]:
    if store is None:
        return []
    newest_first = store.runs()[::-1]
    return read_run_records(store, newest_first[: limit or None])


def _document(record: RunRecord) -> JSON:
    ended = {"ended": record.ended, "status": record.status}
    return {**record.header(), **ended, "summary": record.summary()}


VERB: Final = Verb(
    name="runs",
    summary="list the recorded runs; 'runs show RUN' shows one",
    description="List the runs that used the store, newest first, with how many of their jobs "
    "were reused, executed, refused and failed.",
    examples=(("cwl-memo runs --limit 5", "the five latest"),),
    add_arguments=_add_arguments,
    run=_run,
    verbs=(runs_show.VERB,),
)
