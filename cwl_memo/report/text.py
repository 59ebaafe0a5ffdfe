"""Run records as text for a terminal or a pipe."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.explain import format_seconds, sentence, summary_line
from cwl_memo.core.outcome import Reason
from cwl_memo.core.run import EXECUTED, FAILED, REFUSED, REUSED, JobRecord, RunRecord
from cwl_memo.report.changes import Change
from cwl_memo.report.table import Column, cut, printable, table

__all__ = ["explanation", "runs_table", "why"]

_INDENT: Final = "    "
_VALUE_WIDTH: Final = 40

_RUNS: Final = (
    Column("RUN"),
    Column("STATUS"),
    Column("REUSED", right=True),
    Column("EXECUTED", right=True),
    Column("REFUSED", right=True),
    Column("FAILED", right=True),
    Column("DOCUMENT", least=8),
    Column("SAVED", right=True, spare=True),
)


def runs_table(records: Sequence[RunRecord], width: int | None) -> list[str]:
    """Return a table of runs, one line each.

    :param width: columns of the terminal; None for a pipe, where nothing is cut.
    """
    return table(_RUNS, [_run_cells(record) for record in records], width)


def _run_cells(record: RunRecord) -> list[str]:
    counts = [str(record.count(result)) for result in (REUSED, EXECUTED, REFUSED, FAILED)]
    document = PurePath(record.document).name
    saved = format_seconds(record.seconds_saved)
    return [record.run, _status(record), *counts, document, saved]


def _status(record: RunRecord) -> str:
    # A run that was killed never wrote its end, so the two cannot be told apart.
    status = record.status or "unfinished"
    return f"{status}, imported" if record.imported else status


def explanation(
    record: RunRecord,
    jobs: Sequence[JobRecord],
    changed: Mapping[int, Sequence[Change]],
    width: int | None,
) -> list[str]:
    """Return what became of each job and why: one paragraph a job, a summary at the end.

    :param jobs: the jobs of the run to speak of.
    :param changed: for a job, by its place in ``jobs``, the values that changed.
    :param width: columns of the terminal; None for a pipe, where no line is broken.
    """
    head = f"run {record.run}: {record.document or 'no document'}"
    lines = _wrapped(f"{head}, {_status(record)}", "", width)
    for i, job in enumerate(jobs):
        lines += _wrapped(f"[job {job.name}] {_sentence(job)}", "", width)
        lines += _why(job, changed.get(i, ()), width)
    return [*lines, *_wrapped(summary_line(record), "", width)]


def _sentence(job: JobRecord) -> str:
    try:
        return sentence(job)
    except KeyError:
        # A newer program may have recorded a cause that has no sentence here.
        return f"{job.result}: {job.cause}"


def why(job: JobRecord) -> str:
    """Return in a few words why a job was executed, or where what it gave comes from."""
    if job.recheck:
        return sentence(job)
    if job.result == REUSED:
        name = f", job {job.origin_job}" if job.origin_job not in ("", job.name) else ""
        return f"run {job.origin_run}{name}"
    text = f"{job.cause} ({job.detail})" if job.lookup == "refusal" and job.detail else job.cause
    if job.differs:
        text += f": {', '.join(job.differs)}"
    if job.upstream is not None:
        text += f", from job {job.upstream.job}"
    if job.not_recorded and not (job.result == FAILED and job.not_recorded == Reason.FAILED.code):
        detail = f" ({job.detail})" if job.detail and job.lookup != "refusal" else ""
        text += f"{'; ' if text else ''}not recorded: {job.not_recorded}{detail}"
    return text


def _why(job: JobRecord, changed: Sequence[Change], width: int | None) -> list[str]:
    if changed:
        return [line for change in changed for line in _change_lines(change, width)]
    lines = [printable(_INDENT + path) for path in job.differs]
    lines += [line for found in job.differences for line in _wrapped(str(found), _INDENT, width)]
    codes = [job.cause if job.lookup == "refusal" else "", job.not_recorded]
    # A refused job is not recorded for the same reason; it is told once.
    for code in dict.fromkeys(codes):
        reason = next((reason for reason in Reason if reason.code == code), None)
        if reason is not None:
            lines += _wrapped(f"{reason.sentence} {reason.remedy}", _INDENT, width)
    return lines


def _change_lines(change: Change, width: int | None) -> list[str]:
    old, new = _short(change.old), _short(change.new)
    line = printable(f"{_INDENT}{change.field}: {old} → {new}")
    if width is None or len(line) <= width:
        return [line]
    room = width - 2 * len(_INDENT)
    return [
        printable(f"{_INDENT}{change.field}:"),
        2 * _INDENT + cut(printable(old), room),
        2 * _INDENT + cut(printable(f"→ {new}"), room),
    ]


def _short(value: JSON) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        algorithm, colon, digits = value.partition(":")
        if colon and len(digits) == 64:
            return f"{algorithm}:{digits[:12]}…"
    return cut(json.dumps(value, ensure_ascii=False), _VALUE_WIDTH)


def _wrapped(text: str, indent: str, width: int | None) -> list[str]:
    text = printable(text)
    if width is None:
        return [indent + text]
    return textwrap.wrap(
        text,
        max(width, 2 * len(_INDENT) + 1),
        initial_indent=indent,
        subsequent_indent=indent or _INDENT,
        # A path or an option that is broken in two cannot be copied.
        break_on_hyphens=False,
    )
