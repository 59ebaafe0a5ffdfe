"""Plans as text for a terminal or a pipe."""

from __future__ import annotations

from typing import Final

from cwl_memo.core.explain import format_bytes, format_seconds, why_executed
from cwl_memo.core.plan import UNKNOWN, PlannedJob, PlanRecord
from cwl_memo.core.run import EXECUTED, REFUSED, REUSED, Upstream
from cwl_memo.report.table import Column, table

__all__ = ["plan_lines"]

_COLUMNS: Final = (
    Column("JOB", least=12),
    Column("PLAN"),
    Column("SAVES", right=True),
    Column("BYTES", right=True, spare=True),
    Column("WHY", least=20),
)

_WORDS: Final = {REUSED: "reuse", EXECUTED: "execute", REFUSED: "execute", UNKNOWN: "unknown"}


def plan_lines(record: PlanRecord, width: int | None) -> list[str]:
    """Return a table of the jobs of a plan, and a summary.

    :param width: columns of the terminal; None for a pipe, where nothing is cut.
    """
    jobs = [job for job in record.jobs if isinstance(job, PlannedJob)]
    lines = table(_COLUMNS, [_cells(job) for job in jobs], width) if jobs else []
    return [*lines, _summary(record)]


def _cells(job: PlannedJob) -> list[str]:
    saves, size = "", ""
    if job.predicted == REUSED:
        saves, size = format_seconds(job.seconds), format_bytes(job.size)
    name = f"{job.name} (scatter)" if job.scatter else job.name
    return [name, _WORDS[job.predicted], saves, size, _why(job)]


def _why(job: PlannedJob) -> str:
    if job.predicted == REUSED:
        return f"from run {job.origin_run}"
    if job.predicted == REFUSED:
        return f"reuse refused: {job.cause}" + (f" ({job.detail})" if job.detail else "")
    if job.predicted == EXECUTED:
        return why_executed(Upstream(job.name, job.cause, job.differs))
    if job.awaits:
        return f"until {_and(job.awaits)} {'has' if len(job.awaits) == 1 else 'have'} run"
    return job.detail or "until the steps before it have run"


def _and(names: tuple[str, ...]) -> str:
    shown = [*names[:3], *([f"{len(names) - 3} more"] if len(names) > 3 else [])]
    return ", ".join(shown[:-1]) + " and " + shown[-1] if len(shown) > 1 else shown[0]


def _summary(record: PlanRecord) -> str:
    total = len(record.jobs)
    executed = record.count(EXECUTED) + record.count(REFUSED)
    line = (
        f"{total} job{'' if total == 1 else 's'}: {record.count(REUSED)} to reuse, "
        f"{executed} to execute, {record.count(UNKNOWN)} unknown"
    )
    if record.count(REUSED):
        saved = format_seconds(record.seconds_saved)
        line += f"; saves {saved} and {format_bytes(record.bytes_reused)} of results"
    return line
