"""``cwl-memo plan``: what a run would do with each of its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.output import terminal_width, write_json, write_lines
from cwl_memo.report.plan import plan_lines

__all__ = ["PROG", "plan"]

PROG: Final = "cwl-memo plan"


def plan(words: Sequence[str]) -> int:
    """Print the plan of a run; return the exit code.

    :param words: the arguments of the run.
    :raises UsageError: if they make no sense.
    """
    # Only here: cwltool takes longer to import than other verbs take to answer.
    from cwl_memo.cwl import plan as planning

    try:
        asked = planning.asked_for(words, PROG)
    except SystemExit as end:
        return int(end.code or 0)
    code, record = planning.plan(asked)
    if record is None:
        return code
    if asked.json:
        write_json(record.to_json())
    else:
        write_lines(plan_lines(record, terminal_width()))
    if code:
        return code
    return (ExitCode.NOT_SO if record.would_execute else ExitCode.OK).status
