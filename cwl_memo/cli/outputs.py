"""``cwl-memo outputs``: the output object of a job, and its files."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import store_to_search
from cwl_memo.cli.output import remark, write_json
from cwl_memo.cli.selection import (
    add_job_arguments,
    find_job,
    find_run,
    origin_note,
    read_run_record,
)
from cwl_memo.cli.verb import Verb
from cwl_memo.cli.workspace import say_what_is_not_there
from cwl_memo.errors import NotKeptError
from cwl_memo.store.lay_out import LaidOut, require_free
from cwl_memo.store.recorded import entry_of_job, materialise_outputs, outputs_of_job

__all__ = ["VERB"]


def _add_arguments(parser: ArgumentParser) -> None:
    add_job_arguments(parser, "a job's name, or a glob that one job matches")
    parser.add_argument(
        "directory",
        metavar="DIR",
        nargs="?",
        type=Path,
        help="where to put the files: a new or an empty directory (default: only list them)",
    )


def _run(arguments: Namespace) -> int:
    directory: Path | None = arguments.directory
    if directory is not None:
        require_free(directory)
    laid_out: LaidOut | None = None
    with store_to_search(arguments, readonly=True) as store:
        record = read_run_record(store, find_run(store, arguments.run))
        job = find_job(record, arguments.job)
        try:
            entry = entry_of_job(store, job)
            if directory is None:
                output = outputs_of_job(entry, job).value
            else:
                output, laid_out = materialise_outputs(store, entry, job, directory)
        except NotKeptError as error:
            raise NotKeptError(f"job {job.name}: {error}") from error
    note = origin_note(record, job, entry)
    if arguments.json:
        output = {
            "run": record.run,
            "job": job.name,
            "key": job.key,
            "origin_run": entry.origin.run,
            "origin_job": entry.origin.job,
            "lost_inputs": [] if laid_out is None else list(laid_out.lost_inputs),
            "outputs": output,
        }
    write_json(output)
    if note and not arguments.json:
        remark(f"[job {job.name}] {note}")
    if laid_out is not None:
        say_what_is_not_there(laid_out)
    return ExitCode.OK.status


VERB: Final = Verb(
    name="outputs",
    summary="print the output object of a job of a run, and deliver its files",
    description="Print the output object of a job. With DIR its files are put there and it says "
    "where they are, as that of a run does; without, each has the path in the job's workspace and "
    "the digest of its bytes. --json adds what run and job the outputs come from.",
    examples=(
        ("cwl-memo outputs latest align", "what the job gave, with digests"),
        ("cwl-memo outputs latest align out.d", "with its files, in the new directory out.d"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
