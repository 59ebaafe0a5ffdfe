"""``cwl-memo plan``: what a run would do with each of its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.output import terminal_width, write_json, write_lines
from cwl_memo.cli.replay import foretell
from cwl_memo.core.plan import PLANNED, PlanRecord, foreseen
from cwl_memo.core.run import JobRecord
from cwl_memo.core.settings import Mode
from cwl_memo.report.plan import plan_lines
from cwl_memo.store.clock import now

__all__ = ["PROG", "plan"]

PROG: Final = "cwl-memo plan"
_JSON: Final = "--json"


def plan(words: Sequence[str]) -> int:
    """Print the plan of a run; return the exit code.

    :param words: the arguments of the run.
    :raises UsageError: if they make no sense.
    """
    foretold = _foretold(words)
    if foretold is not None:
        _tell(foretold[0], is_json=foretold[1])
        return ExitCode.OK.status
    # Only here: cwltool takes longer to import than other verbs take to answer.
    from cwl_memo.cwl import plan as planning

    try:
        asked = planning.asked_for(words, PROG)
    except SystemExit as end:
        return int(end.code or 0)
    code, record = planning.plan(asked)
    if record is None:
        return code
    _tell(record, is_json=asked.json)
    if code:
        return code
    return (ExitCode.NOT_SO if record.would_execute else ExitCode.OK).status


def _tell(record: PlanRecord, *, is_json: bool) -> None:
    if is_json:
        write_json(record.to_json())
    else:
        write_lines(plan_lines(record, terminal_width()))


def _foretold(words: Sequence[str]) -> tuple[PlanRecord, bool] | None:
    """Return the plan of a run that would be answered at once, and whether it is to be JSON."""
    is_json = words[:1] == [_JSON]
    run = words[1:] if is_json else words
    if _JSON in run:
        return None  # ours, or the tool's: only the parser can tell
    found = foretell(run, "cwl-memo run")
    if found is None:
        return None
    manifest, store = found
    when = now()
    jobs: list[JobRecord] = [foreseen(job) for job in manifest.jobs]
    record = PlanRecord(
        run="",
        document=manifest.document,
        arguments=tuple(words),
        store=str(store),
        mode=Mode.READWRITE.value,
        started=when,
        ended=when,
        status=PLANNED,
        runner=manifest.runner,
        jobs=jobs,
    )
    return record, is_json
