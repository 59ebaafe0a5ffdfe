"""Events: what happens to the jobs of a run, told while it happens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cwl_memo.core.canonical import JSON
from cwl_memo.core.outcome import Miss, Refusal
from cwl_memo.core.run import JobRecord

__all__ = ["Event", "EventKind"]


class EventKind(str, Enum):
    """What happened. The names are those of AWS HealthOmics, which has all but the last."""

    ENTRY_CREATED = "CACHE_ENTRY_CREATED"
    """An executed job was recorded."""
    HIT = "CACHE_HIT"
    """A job was answered by an entry."""
    MISS = "CACHE_MISS"
    """Reuse was allowed and nothing was found: the job is executed."""
    SKIPPED = "CACHE_SKIPPED"
    """Reuse was refused and the job is executed; or an executed job was not recorded."""


@dataclass(frozen=True)
class Event:
    """One thing that happened to one job.

    The fields after ``kind`` have the names and meanings that they have in a
    :class:`~cwl_memo.core.run.JobRecord`.

    :param time: ISO 8601.
    :param kind: what happened.
    :param run: id of the run.
    :param job: name of the job in its run.
    :param cause: code of the miss, or of the Reason why the job was skipped.
    :param seconds: that the execution took; 0 before it has ended.
    :param size: bytes of the job's recorded files; 0 before there are any.
    """

    time: str
    kind: EventKind
    run: str
    job: str
    tool: str
    key: str = ""
    cause: str = ""
    detail: str = ""
    differs: tuple[str, ...] = ()
    nearest: str = ""
    origin_run: str = ""
    origin_job: str = ""
    seconds: float = 0.0
    size: int = 0

    @classmethod
    def begun(
        cls, time: str, run: str, job: str, tool: str, key: str, found: Miss | Refusal
    ) -> Event:
        """Return the event of a job that is about to be executed, and why."""
        if isinstance(found, Refusal):
            reason, detail = found.reason.code, found.detail
            return cls(time, EventKind.SKIPPED, run, job, tool, key, reason, detail)
        nearest = str(found.nearest or "")
        differs = found.differs
        cause = found.cause.code
        return cls(time, EventKind.MISS, run, job, tool, key, cause, "", differs, nearest)

    @classmethod
    def hit(cls, time: str, run: str, job: JobRecord) -> Event:
        """Return the event of a job that was answered by an entry."""
        return cls(
            time=time,
            kind=EventKind.HIT,
            run=run,
            job=job.name,
            tool=job.tool,
            key=job.key,
            origin_run=job.origin_run,
            origin_job=job.origin_job,
            seconds=job.seconds,
            size=job.size,
        )

    @classmethod
    def ended(cls, time: str, run: str, job: JobRecord) -> Event | None:
        """Return the event at the end of an executed job: it was recorded, or why it was not.

        None where there is nothing to say that was not said when its execution began.
        """
        if job.not_recorded:
            kind, cause = EventKind.SKIPPED, job.not_recorded
        elif job.section:
            kind, cause = EventKind.ENTRY_CREATED, ""
        else:
            return None
        return cls(
            time=time,
            kind=kind,
            run=run,
            job=job.name,
            tool=job.tool,
            key=job.key,
            cause=cause,
            detail=job.detail if cause and job.lookup != "refusal" else "",
            seconds=job.seconds,
            size=job.size,
        )

    def to_json(self) -> JSON:
        """Return the event as the report schema describes it, each field present."""
        data = dict(self.__dict__)
        data["event"] = data.pop("kind").value
        data["differs"] = list(self.differs)
        return {"time": data.pop("time"), "event": data.pop("event"), **data}
