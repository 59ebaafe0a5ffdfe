"""``cwl-memo workspace``: the working directory of a job, as it was when the job ended."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import store_to_search
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.selection import (
    add_job_arguments,
    find_job,
    find_run,
    origin_note,
    read_run_record,
)
from cwl_memo.cli.verb import Verb
from cwl_memo.core.explain import format_bytes
from cwl_memo.errors import NotKeptError
from cwl_memo.report.table import printable
from cwl_memo.store.lay_out import LaidOut, materialise_workspace, require_free
from cwl_memo.store.recorded import entry_of_job

__all__ = ["VERB", "say_what_is_not_there"]


def _add_arguments(parser: ArgumentParser) -> None:
    add_job_arguments(parser, "a job's name, or a glob that one job matches")
    parser.add_argument(
        "directory", metavar="DIR", type=Path, help="where to put it: a new or an empty directory"
    )


def _run(arguments: Namespace) -> int:
    directory: Path = arguments.directory
    require_free(directory)
    with store_to_search(arguments, readonly=True) as store:
        record = read_run_record(store, find_run(store, arguments.run))
        job = find_job(record, arguments.job)
        try:
            entry = entry_of_job(store, job)
            laid_out = materialise_workspace(store, entry, directory)
        except NotKeptError as error:
            raise NotKeptError(f"job {job.name}: {error}") from error
    note = origin_note(record, job, entry)
    if arguments.json:
        write_json(
            {
                "run": record.run,
                "job": job.name,
                "key": job.key,
                "origin_run": entry.origin.run,
                "origin_job": entry.origin.job,
                "directory": str(directory.absolute()),
                "files": laid_out.files,
                "size": laid_out.size,
                "partial": laid_out.partial,
                "lost_inputs": list(laid_out.lost_inputs),
            }
        )
        return ExitCode.OK.status
    files = f"{laid_out.files} file{'' if laid_out.files == 1 else 's'}"
    line = f"{directory}: {files}, {format_bytes(laid_out.size)}" + (f", {note}" if note else "")
    write_lines([printable(line)])
    say_what_is_not_there(laid_out)
    return ExitCode.OK.status


def say_what_is_not_there(laid_out: LaidOut) -> None:
    """Say on standard error what of a tree could not be put into a directory."""
    for path in laid_out.lost_inputs:
        remark(f"left out: {path}, an input of the job, whose bytes are not in the store")
    if laid_out.partial:
        remark("left out: what cannot be recorded, such as links to other places, pipes, secrets")


VERB: Final = Verb(
    name="workspace",
    summary="put the working directory of a job of a run into a directory",
    description="Put all files that a job left in its working directory into a new or an empty "
    "directory, also those that are no outputs. They are files of your own. Of a "
    "reused job it is the working directory of the original execution. A link to an input becomes "
    "a file where the store has its bytes. If it cannot be completed, nothing is left behind.",
    examples=(("cwl-memo workspace latest align align.d", "into the new directory align.d"),),
    add_arguments=_add_arguments,
    run=_run,
)
