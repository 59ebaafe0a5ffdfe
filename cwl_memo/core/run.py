"""Run records: what became of each job of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.comparison import Difference

__all__ = [
    "DIFFERS",
    "EXECUTED",
    "FAILED",
    "FAILED_AGAIN",
    "LOCAL",
    "NOT_COMPARED",
    "REFUSED",
    "REPORT_FORMAT",
    "REUSED",
    "SAME",
    "SHARED",
    "JobRecord",
    "RunRecord",
    "SharedUse",
    "Upstream",
]

REPORT_FORMAT: Final = 1

LOCAL: Final = "local"
SHARED: Final = "shared"

REUSED: Final = "reused"
EXECUTED: Final = "executed"
REFUSED: Final = "refused"
FAILED: Final = "failed"

SAME: Final = "same"
DIFFERS: Final = "differs"
FAILED_AGAIN: Final = "failed"
NOT_COMPARED: Final = "not-compared"


_HEADER: Final = (
    "run", "document", "store", "mode", "started", "runner", "imported", "cache", "cache_name",
    "cache_behavior",
)  # fmt: skip


@dataclass(frozen=True)
class Upstream:
    """The job of the same run from which that comes in which a later job differs.

    :param job: its name.
    :param cause: code of its miss, or of the Reason why reuse was refused.
    :param differs: fields in which its own nearest earlier entry differs.
    """

    job: str
    cause: str
    differs: tuple[str, ...] = ()

    @classmethod
    def of(cls, job: JobRecord) -> Upstream:
        """Return the first cause of what follows from a job."""
        return job.upstream or cls(job.name, job.cause, job.differs)

    def to_json(self) -> JSON:
        """Return it as JSON."""
        return {"job": self.job, "cause": self.cause, "differs": list(self.differs)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Upstream:
        """Read what :meth:`to_json` gave."""
        names = (str(data.get("job", "")), str(data.get("cause", "")))
        return cls(*names, tuple(data.get("differs", ())))


@dataclass(frozen=True)
class SharedUse:
    """What a run took from the store that it shares with others, and brought there.

    :param location: the URL of that store.
    :param fetched: how many blobs came down.
    :param fetched_bytes: their bytes.
    :param uploaded: how many entries went up.
    :param uploaded_bytes: bytes of their blobs that were not there.
    :param not_uploaded: how many entries did not go up; a later run tries again.
    """

    location: str
    fetched: int = 0
    fetched_bytes: int = 0
    uploaded: int = 0
    uploaded_bytes: int = 0
    not_uploaded: int = 0

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return dict(self.__dict__)

    @classmethod
    def from_json(cls, data: Any) -> SharedUse | None:
        """Read what :meth:`to_json` gave; None for anything else."""
        if not isinstance(data, dict) or not isinstance(data.get("location"), str):
            return None
        counts = {n: data[n] for n in cls.__dataclass_fields__ if type(data.get(n)) is int}
        return cls(location=data["location"], **counts)

    def plus(self, other: SharedUse) -> SharedUse:
        """Return what two processes of a run did together."""
        return SharedUse(
            self.location,
            self.fetched + other.fetched,
            self.fetched_bytes + other.fetched_bytes,
            self.uploaded + other.uploaded,
            self.uploaded_bytes + other.uploaded_bytes,
            self.not_uploaded + other.not_uploaded,
        )


@dataclass(frozen=True)
class JobRecord:
    """What became of one job.

    :param name: of the job in its run, as in the log.
    :param tool: label of the tool.
    :param result: ``reused``, ``executed`` (and recorded, or not: see ``not_recorded``),
        ``refused`` (executed because reuse was refused) or ``failed``.
    :param lookup: ``hit``, ``miss`` or ``refusal``.
    :param key: the reuse key; empty where it was not computed.
    :param cause: code of the miss or of the refusal's Reason; empty for a hit.
    :param detail: what the refusal met; for a miss, why the entry was invalidated, or by
        which clock it was evicted.
    :param differs: fields in which the nearest earlier entry differs.
    :param nearest: the key of that entry; empty where there is none.
    :param not_recorded: code of the Reason why an executed job was not recorded.
    :param origin_run: for a hit, the run that executed the job.
    :param seconds: that the execution took; for a hit, the original's.
    :param size: bytes of the job's recorded files.
    :param started: ISO 8601.
    :param network: whether the tool may use the network.
    :param recheck: what came of executing a hit again: ``same``, ``differs`` (the outputs are
        then those of this execution, ``result`` is ``executed``), ``failed``, or
        ``not-compared`` for the reason in ``detail``; empty where it was not executed again.
    :param differences: the outputs that differ from the recorded ones, and how.
    :param section: digest of the tool's outputs section, under which the entry of the job
        has its outputs; empty where the job has no entry.
    :param upstream: for a miss, the executed job from which all comes in which it differs;
        None where that is not so or not known.
    :param source: for a hit, where its entry was: ``local``, or ``shared`` for the store
        behind the local one; empty for all else.
    """

    name: str
    tool: str
    result: str
    lookup: str
    key: str = ""
    cause: str = ""
    detail: str = ""
    differs: tuple[str, ...] = ()
    nearest: str = ""
    not_recorded: str = ""
    origin_run: str = ""
    origin_job: str = ""
    seconds: float = 0.0
    size: int = 0
    started: str = ""
    network: bool = False
    recheck: str = ""
    differences: tuple[Difference, ...] = ()
    section: str = ""
    upstream: Upstream | None = None
    source: str = ""

    @property
    def saved(self) -> bool:
        """Tell whether an execution was spared."""
        return self.result == REUSED and not self.recheck

    def to_json(self) -> JSON:
        """Return the record as JSON, each field present."""
        data = dict(self.__dict__)
        data["differs"] = list(self.differs)
        data["differences"] = [difference.to_json() for difference in self.differences]
        data["upstream"] = None if self.upstream is None else self.upstream.to_json()
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> JobRecord:
        """Read a record; unknown fields of a newer program are left out."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        known["differs"] = tuple(known.get("differs", ()))
        known["differences"] = tuple(map(Difference.from_json, known.get("differences", ())))
        first = known.get("upstream")
        known["upstream"] = Upstream.from_json(first) if isinstance(first, dict) else None
        return cls(**known)


@dataclass
class RunRecord:
    """One run: where, when, what of each job, and how it ended.

    :param tags: what the user said of the run, by name.
    :param status: ``success``, ``permanentFail``, ``interrupted`` or, while it runs or
        when it was killed, empty.
    :param imported: for a run that came in a bundle, when that was; else empty.
    :param cache: id of the run cache that it used; empty where none was named.
    :param cache_name: the name of that cache.
    :param cache_behavior: for which runs entries are kept: ``CACHE_ALWAYS`` or
        ``CACHE_ON_FAILURE``; empty where there is no store.
    :param taken_back: how many of its entries were not kept, since it ended well.
    :param shared: what it took from a shared store and brought there; None without one.
    """

    run: str
    document: str = ""
    arguments: tuple[str, ...] = ()
    store: str = ""
    mode: str = ""
    started: str = ""
    ended: str = ""
    status: str = ""
    runner: str = ""
    cache: str = ""
    cache_name: str = ""
    cache_behavior: str = ""
    taken_back: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    jobs: list[JobRecord] = field(default_factory=list)
    imported: str = ""
    shared: SharedUse | None = None

    def count(self, result: str) -> int:
        """Return how many jobs had a result."""
        return sum(1 for job in self.jobs if job.result == result)

    @property
    def seconds_saved(self) -> float:
        """Seconds that the reused jobs took when they were executed."""
        return sum(job.seconds for job in self.jobs if job.saved)

    @property
    def bytes_reused(self) -> int:
        """Bytes of the reused jobs' recorded files."""
        return sum(job.size for job in self.jobs if job.result == REUSED)

    def header(self) -> JSON:
        """Return what is known of the run when it starts."""
        return {
            "run": self.run,
            "document": self.document,
            "arguments": list(self.arguments),
            "store": self.store,
            "mode": self.mode,
            "started": self.started,
            "runner": self.runner,
            "imported": self.imported,
            "cache": self.cache,
            "cache_name": self.cache_name,
            "cache_behavior": self.cache_behavior,
            "tags": dict(self.tags),
        }

    def summary(self) -> JSON:
        """Return the counts and sums of the run."""
        return {
            "reused": self.count(REUSED),
            "executed": self.count(EXECUTED),
            "refused": self.count(REFUSED),
            "failed": self.count(FAILED),
            "seconds_saved": round(self.seconds_saved, 3),
            "bytes_reused": self.bytes_reused,
        }

    def to_json(self) -> JSON:
        """Return the whole record, as the report schema describes it."""
        return {
            "format": REPORT_FORMAT,
            **self.header(),
            "ended": self.ended,
            "status": self.status,
            "taken_back": self.taken_back,
            "shared": None if self.shared is None else self.shared.to_json(),
            "jobs": [job.to_json() for job in self.jobs],
            "summary": self.summary(),
        }

    @classmethod
    def from_lines(cls, lines: list[dict[str, Any]]) -> RunRecord:
        """Join the lines of a run's record: a header, jobs, and at last the end."""
        record = cls(run="")
        for line in lines:
            kind = line.get("line")
            if kind == "run":
                for name in _HEADER:
                    setattr(record, name, str(line.get(name, "")))
                record.arguments = tuple(line.get("arguments", ()))
                record.tags = {str(k): str(v) for k, v in dict(line.get("tags", {})).items()}
            elif kind == "job":
                job = JobRecord.from_json(line)
                if line.get("instead") is True:
                    record.jobs = [other for other in record.jobs if other.name != job.name]
                record.jobs.append(job)
            elif kind == "again":
                record.jobs.clear()
            elif kind == "end":
                record.ended = str(line.get("ended", ""))
                record.status = str(line.get("status", ""))
                taken_back = line.get("taken_back")
                record.taken_back = taken_back if isinstance(taken_back, int) else 0
                record.shared = SharedUse.from_json(line.get("shared"))
        return record
