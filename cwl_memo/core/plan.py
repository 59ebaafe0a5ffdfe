"""Plans: what a run would do with each of its jobs, were it begun now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.run import EXECUTED, REFUSED, REUSED, JobRecord, RunRecord

__all__ = ["PLANNED", "UNKNOWN", "PlanRecord", "PlannedJob", "foreseen", "left_open"]

UNKNOWN: Final = "unknown"
"""What is predicted for a job whose inputs are made by others that have not run."""

PLANNED: Final = "planned"
"""The status of a plan, where a run has how it ended."""


@dataclass(frozen=True)
class PlannedJob(JobRecord):
    """What would become of one job.

    Its ``result`` is empty: nothing has happened.

    :param predicted: ``reused``, ``executed``, ``refused`` or ``unknown``.
    :param awaits: names of the jobs that have to run before more can be said.
    :param scatter: whether it stands for all jobs of a scattered step.
    """

    predicted: str = UNKNOWN
    awaits: tuple[str, ...] = ()
    scatter: bool = False

    def to_json(self) -> JSON:
        """Return the record as JSON, each field present."""
        data = super().to_json()
        assert isinstance(data, dict)  # noqa: S101  (as the record's own is)
        return {**data, "awaits": list(self.awaits)}


def foreseen(job: JobRecord) -> PlannedJob:
    """Return the plan of a job whose outcome is known."""
    fields = {**job.__dict__, "result": "", "started": "", "not_recorded": ""}
    return PlannedJob(**fields, predicted=job.result)


def left_open(job: JobRecord, awaits: tuple[str, ...], *, scatter: bool = False) -> PlannedJob:
    """Return the plan of a job of which no more can be said until others have run."""
    return PlannedJob(
        name=job.name,
        tool=job.tool,
        result="",
        lookup="",
        key=job.key,
        detail=job.detail,
        network=job.network,
        upstream=job.upstream,
        awaits=awaits,
        scatter=scatter,
    )


class PlanRecord(RunRecord):
    """What would become of each job of a run."""

    def count(self, result: str) -> int:
        """Return for how many jobs something is predicted."""
        return len(self._of(lambda job: job.predicted == result))

    def _of(self, suits: Callable[[PlannedJob], bool]) -> list[PlannedJob]:
        return [job for job in self.jobs if isinstance(job, PlannedJob) and suits(job)]

    @property
    def seconds_saved(self) -> float:
        """Seconds that the jobs which would be reused took when they were executed."""
        return sum(job.seconds for job in self._of(lambda job: job.predicted == REUSED))

    @property
    def bytes_reused(self) -> int:
        """Bytes of these jobs' recorded files."""
        return sum(job.size for job in self._of(lambda job: job.predicted == REUSED))

    @property
    def would_execute(self) -> bool:
        """Tell whether anything would be executed, as far as is known."""
        return any(self.count(result) for result in (EXECUTED, REFUSED, UNKNOWN))

    def summary(self) -> JSON:
        """Return the counts and sums of the plan."""
        found = super().summary()
        assert isinstance(found, dict)  # noqa: S101  (as the record's own is)
        return {**found, UNKNOWN: self.count(UNKNOWN)}
