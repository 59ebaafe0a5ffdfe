"""Plans: each job is looked up as in a run, and what would have to be executed is not.

A hit hands its outputs on as in a run, so that what follows is looked up too. A miss or a
refusal is noted and never answers: cwltool then starts nothing that depends on it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from cwl_memo.core import policy
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.outcome import MissCause
from cwl_memo.core.plan import PLANNED, PlannedJob, PlanRecord, foreseen, left_open
from cwl_memo.core.run import REUSED, JobRecord, Upstream
from cwl_memo.core.settings import Settings
from cwl_memo.cwl import work_reuse
from cwl_memo.cwl.attempt import Attempt
from cwl_memo.cwl.door import (
    CommandLineTool,
    LoadingContext,
    RuntimeContext,
    WorkflowException,
    WorkflowJob,
    shortname,
)
from cwl_memo.cwl.executor import MemoExecutor
from cwl_memo.cwl.factory import make_factory
from cwl_memo.cwl.files import Sources
from cwl_memo.cwl.lineage import place_of
from cwl_memo.cwl.location import is_file_object, is_scalar
from cwl_memo.cwl.session import Session
from cwl_memo.cwl.standstill import Standstill
from cwl_memo.cwl.tool import Callback, MemoMixin
from cwl_memo.store.protocol import Store

__all__ = ["PlanExecutor", "PlanSession"]

_REPEATS: Final = frozenset({MissCause.RECACHE, MissCause.NO_STORE, MissCause.STORE_FAILED})
"""Why a job is executed though the same job has just been."""


class PlanSession(Session):
    """What the jobs of one plan share.

    :param store: where entries are, and nothing is written.
    :param records: whether the run could write there.
    """

    def __init__(
        self,
        store: Store | None,
        settings: Settings,
        *,
        records: bool,
        document: str = "",
        arguments: Sequence[str] = (),
    ) -> None:
        # Of a sample nobody knows yet which jobs it takes.
        self._rechecks = settings.recheck >= 1
        settings = replace(settings, recheck=0.0)
        super().__init__(store, settings, document=document, arguments=arguments)
        self._records = records and policy.may_record(settings)
        self._first: dict[ReuseKey | str, str] = {}
        self.standstill = Standstill()
        self.views.foresees = True
        self.record = PlanRecord(**{**self.record.__dict__, "run": "", "status": PLANNED})

    def loading_context(self, context: LoadingContext | None = None) -> LoadingContext:
        """Return a loading context whose CommandLineTools are looked up alone."""
        context = (context or LoadingContext()).copy()
        context.construct_tool_object = cast("Any", make_factory(self, PlannedTool))
        return context

    def finish(self, job: JobRecord, sources: Sources | None = None) -> None:  # noqa: ARG002
        """Take what would become of a job to the plan."""
        planned = job if isinstance(job, PlannedJob) else foreseen(job)
        if self._rechecks and planned.predicted == REUSED:
            again = replace(planned, detail="its outputs are compared: it is executed again")
            planned = left_open(again, ())
        self.record.jobs.append(planned)

    def summarise(self) -> None:
        """Say nothing: a plan is told where it was asked for."""

    def share(self, status: str) -> None:
        """Do nothing: nothing was recorded."""

    def stand(self, attempt: Attempt, callback: Callback) -> None:
        """Note a job that a run would execute, or that waits for one that it would."""
        job = foreseen(attempt.foreseen())
        same: ReuseKey | str | None = None
        if attempt.is_keyed and attempt.gathered.awaited:
            same = attempt.gathered.awaited
        elif attempt.missed is not None and attempt.missed.cause not in _REPEATS:
            same = attempt.wanted.key
        first = self._first.setdefault(same, job.name) if same and self._records else job.name
        if first != job.name:
            job = left_open(job, (first,))
        self.finish(job)
        self.standstill.note(job, place_of(callback))

    def stand_unread(self, name: str, label: str, remote: str, callback: Callback) -> None:
        """Note a job of which no key is known, since an input would have to be downloaded."""
        job = JobRecord(name=name, tool=label, result="", lookup="", detail=f"{remote}: not read")
        planned = left_open(job, ())
        self.finish(planned)
        self.standstill.note(planned, place_of(callback))

    def conclude(self) -> PlanRecord:
        """Return the plan, with the jobs that wait for others and their first causes."""
        jobs = [*self.record.jobs, *self.standstill.blocked()]
        known = {job.name: job for job in jobs if isinstance(job, PlannedJob)}
        self.record.jobs = [_with_cause(job, known) for job in jobs]
        assert isinstance(self.record, PlanRecord)  # noqa: S101  (see __init__)
        return self.record


def _with_cause(job: JobRecord, known: dict[str, PlannedJob]) -> JobRecord:
    for name in job.awaits if isinstance(job, PlannedJob) else ():
        first = known.get(name)
        if first is not None and first.cause:
            return replace(job, upstream=Upstream.of(first))
    return job


class PlannedTool(MemoMixin, CommandLineTool):
    """cwltool's CommandLineTool, of which no job is ever executed."""

    def __str__(self) -> str:
        """Return what cwltool's own says."""
        return f"CommandLineTool: {self.tool['id']}"

    def job(
        self,
        job_order: Any,
        output_callbacks: Callback,
        runtimeContext: RuntimeContext,  # noqa: N803
    ) -> Generator[Any, None, None]:
        """Hand on the outputs of a hit, else note the job; yield nothing."""
        yield from ()
        session = cast("PlanSession", self.memo_session)
        context = runtimeContext.copy()
        identifier = str(self.tool.get("id", "job"))
        context.name = session.name_job(context.name or shortname(identifier))
        session.adopt(runtimeContext)
        remote = next(_remote([job_order, self.tool["inputs"]]), "")
        if remote:
            session.stand_unread(context.name, self.memo_facts.label, remote, output_callbacks)
            return
        attempt = self._attempt(job_order, context)
        known = attempt.is_keyed and attempt.refused is None
        if known and session.memo.is_far:
            yield from self._look_ahead(attempt)
        if not known or not self._is_answered(attempt, output_callbacks, context):
            session.stand(attempt, output_callbacks)

    def _execute_lost(
        self, attempt: Attempt, callbacks: Callback, context: RuntimeContext
    ) -> Iterator[Any]:
        del callbacks, context
        raise WorkflowException(f"[job {attempt.name}] a file has been lost from the store")


def _remote(value: Any) -> Iterator[str]:
    """Yield the locations of Files that cwltool would download."""
    if is_scalar(value):
        return
    if isinstance(value, dict):
        location = str(value.get("location") or value.get("path") or "")
        if is_file_object(value) and location.startswith(("http:", "https:")):
            yield location
        for item in value.values():
            yield from _remote(item)
    elif isinstance(value, list):
        for item in value:
            yield from _remote(item)


class PlanExecutor(MemoExecutor):
    """Goes through a process until nothing more can be said of it."""

    def __init__(self, session: PlanSession) -> None:
        super().__init__()
        self._session = session
        self._plan = session
        self.has_ended = False
        """Whether cwltool took the process and its input object."""

    def execute(
        self,
        process: Any,
        job_order_object: Any,
        runtime_context: RuntimeContext,
        logger: Any = None,
    ) -> tuple[Any, str]:
        """Plan a process; return its output object, if all is reused, and whether it is well."""
        self._found: list[Any] = []
        self._execute(process, job_order_object, runtime_context, logger)
        self.has_ended = True
        failed = next((s for s in self.final_status if s not in ("success", "skipped")), "")
        if failed:
            # A step or an output that an expression, or cwltool, rejects as it stands.
            self._plan.record.status = failed
            return None, failed
        return (self._found or [{}])[0], "success"

    def run_jobs(
        self,
        process: Any,
        job_order_object: Any,
        logger: Any,  # noqa: ARG002
        runtime_context: RuntimeContext,
    ) -> None:
        """Go through all steps of a process, and again until none makes any progress."""
        plan = self._plan
        plan.work_reuse = work_reuse.of_run(process)
        plan.lookahead.is_on = plan.memo.is_far
        before = -1
        for job in process.job(job_order_object, self.output_callback, runtime_context):
            if job is not None:
                if isinstance(job, WorkflowJob):
                    plan.standstill.workflows.append(job)
                job.run(runtime_context)
                before = -1
            elif plan.lookahead.wait():
                before = -1
            elif before == len(plan.record.jobs):
                break  # stood still twice
            else:
                before = len(plan.record.jobs)
        # Kept from cwltool, which would deliver them.
        self._found = list(self.final_output)
        self.final_output = []
        if any("runProcess" in output for output in self._found if output):
            plan.views.ensure_in(self._found)  # cwltool reads on in it
