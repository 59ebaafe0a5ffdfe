"""``cwl-memo audit``: executes every job of a run again and tells which tools vary."""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.output import remark, terminal_width, write_json, write_lines
from cwl_memo.core.run import (
    DIFFERS,
    EXECUTED,
    FAILED,
    FAILED_AGAIN,
    NOT_COMPARED,
    REFUSED,
    SAME,
    JobRecord,
    RunRecord,
)
from cwl_memo.core.settings import Mode
from cwl_memo.cwl.runner import run
from cwl_memo.errors import UsageError
from cwl_memo.report.files import write_report
from cwl_memo.report.table import Column, printable, table
from cwl_memo.settings.file import find_files
from cwl_memo.settings.load import load
from cwl_memo.store.permission import remove_tree

__all__ = ["DESCRIPTION", "Audit", "audit"]

DESCRIPTION: Final = (
    "Run a document as 'cwl-memo run' does, but execute every job that could be reused, and "
    "compare its outputs with those that were recorded, byte by byte. Entries whose jobs give "
    "other outputs are set aside. Jobs without an entry are executed and recorded; the next "
    "audit compares them. Outputs are delivered only where --outdir says so. The exit code is 1 "
    "where an output differs or a job fails when executed again, and else that of the run."
)

_WITHOUT_LOOKUP: Final = (Mode.OFF.value, Mode.RECACHE.value)

_COLUMNS: Final = (
    Column("TOOL", least=12),
    Column("JOBS", right=True),
    Column("SAME", right=True),
    Column("DIFFER", right=True),
    Column("FAILED", right=True),
    Column("NOT COMPARED", right=True),
    Column("OUTPUTS THAT DIFFER", least=12),
)


class Audit:
    """What makes an audit of a run.

    :param is_second: whether it is the second of two runs; the first only records.
    """

    def __init__(self, *, is_second: bool = False) -> None:
        self._is_second = is_second
        self._nowhere = ""
        self.record: RunRecord | None = None
        self.json = False
        self.twice = False

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments that a run does not have."""
        parser.description = DESCRIPTION
        parser.set_defaults(outdir=None)
        group = parser.add_argument_group("audit options", "These stand before the document.")
        group.add_argument(
            "--twice",
            dest="memo_twice",
            action="store_true",
            help="run first as 'cwl-memo run' does, so that every job has an entry to be "
            "compared with: a job that has none is executed twice",
        )
        group.add_argument(
            "--json", dest="memo_json", action="store_true", help="answer with one JSON document"
        )

    def settle(self, args: argparse.Namespace) -> None:
        """Change what the command line chose so that every hit is executed again.

        :raises UsageError: if it chose what leaves nothing to compare.
        """
        self.json, self.twice = args.memo_json, args.memo_twice
        if args.memo is False or args.memo_mode in _WITHOUT_LOOKUP:
            raise UsageError(
                "an audit compares what is recorded with what is executed: leave out --no-memo, "
                "and give --memo-mode as readwrite or readonly"
            )
        if args.memo_recheck is not None:
            raise UsageError("an audit executes every job: leave out --memo-recheck")
        if args.provenance:
            raise UsageError(
                "a research object tells of one execution of each job: leave out --provenance"
            )
        if self.twice and "-" in args.job_order:
            raise UsageError("--twice: an input object cannot be read from a pipe two times")
        args.memo, args.memo_replay = True, False
        args.memo_recheck = "0" if self.twice and not self._is_second else "1"
        if args.memo_mode is None:
            said = load(find_files(os.environ), os.environ, {}).settings.mode
            if said.value in _WITHOUT_LOOKUP:
                args.memo_mode = Mode.READWRITE.value
        if args.outdir is None:
            # Where the outputs are, so that they are moved and not copied.
            above = Path(args.tmp_outdir_prefix).parent
            self._nowhere = tempfile.mkdtemp(prefix="cwl-memo-audit-", dir=above)
            args.outdir = self._nowhere

    def take(self, record: RunRecord) -> None:
        """Take the record of the run, which has ended."""
        self.record = record

    def end(self) -> None:
        """Remove the outputs that nobody asked for."""
        if self._nowhere:
            remove_tree(self._nowhere)


def audit(words: Sequence[str], prog: str) -> int:
    """Audit a run; return the exit code.

    :param words: the arguments: those of a run, and the audit's own before them.
    """
    done, code = _run(words, prog, Audit())
    if done.twice and done.record is not None and code == 0:
        done, code = _run(words, prog, Audit(is_second=True))
    record = done.record
    if record is None:
        return code
    jobs = sorted(record.jobs, key=lambda job: job.name)
    is_same = not any(job.recheck in (DIFFERS, FAILED_AGAIN) for job in jobs)
    if done.json:
        write_json(_document(record, jobs, is_same=is_same))
    else:
        write_lines(_text(jobs))
        for line in _remarks(jobs):
            remark(line)
    return code or (ExitCode.OK if is_same else ExitCode.NOT_SO).status


def _run(words: Sequence[str], prog: str, purpose: Audit) -> tuple[Audit, int]:
    # What a run prints is its output object; here the answer is another.
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    try:
        with redirect_stdout(printed):
            code = run(words, prog=prog, write_report=write_report, purpose=purpose)
    finally:
        purpose.end()
    if purpose.record is None:
        printed.seek(0)
        sys.stdout.write(printed.read())  # its help, or the like
    return purpose, code


# the answer ---------------------------------------------------------------------------------


def _by_tool(jobs: Sequence[JobRecord]) -> dict[str, list[JobRecord]]:
    tools: dict[str, list[JobRecord]] = {}
    for job in jobs:
        tools.setdefault(job.tool, []).append(job)
    return dict(sorted(tools.items()))


def _count(jobs: Sequence[JobRecord]) -> dict[str, int]:
    came = Counter(job.recheck or NOT_COMPARED for job in jobs)
    return {kind: came[kind] for kind in (SAME, DIFFERS, FAILED_AGAIN, NOT_COMPARED)}


def _outputs(jobs: Sequence[JobRecord]) -> Counter[str]:
    """Return in how many jobs each output differs."""
    return Counter(name for job in jobs for name in {d.output for d in job.differences})


def _text(jobs: Sequence[JobRecord]) -> list[str]:
    rows = []
    details = []
    for tool, of_tool in _by_tool(jobs).items():
        counts = [str(count) for count in _count(of_tool).values()]
        rows.append([tool, str(len(of_tool)), *counts, ", ".join(sorted(_outputs(of_tool)))])
        for job in of_tool:
            details += [f"[job {job.name}] {difference}" for difference in job.differences]
            if job.recheck in (FAILED_AGAIN, NOT_COMPARED):
                details.append(f"[job {job.name}] {job.recheck}: {job.detail}")
    lines = table(_COLUMNS, rows, terminal_width())
    return [*lines, *([""] if details else []), *map(printable, details)]


def _remarks(jobs: Sequence[JobRecord]) -> list[str]:
    new = sum(job.result == EXECUTED and not job.recheck for job in jobs)
    refused = sum(job.result == REFUSED for job in jobs)
    failed = sum(job.result == FAILED for job in jobs)
    lines = []
    if new:
        lines.append(f"{new} had nothing to be compared with: audit again, or with --twice")
    if refused:
        lines.append(f"{refused} may not be reused, and so need not be the same")
    if failed:
        lines.append(f"{failed} failed")
    return lines


def _document(record: RunRecord, jobs: Sequence[JobRecord], *, is_same: bool) -> dict[str, Any]:
    return {
        "run": record.run,
        "document": record.document,
        "status": record.status,
        "same": is_same,
        "tools": [
            {
                "tool": tool,
                "jobs": len(of_tool),
                **{kind.replace("-", "_"): count for kind, count in _count(of_tool).items()},
                "outputs": dict(sorted(_outputs(of_tool).items())),
            }
            for tool, of_tool in _by_tool(jobs).items()
        ],
        "jobs": [job.to_json() for job in jobs],
    }
