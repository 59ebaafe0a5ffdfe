"""Toil's tool, memoized; and the factory that makes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any, Final

from cwl_memo.cwl import work_reuse
from cwl_memo.cwl.door import (
    LoadingContext,
    Process,
    RuntimeContext,
    ValidationException,
    WorkflowException,
)
from cwl_memo.cwl.tool import Callback, MemoMixin
from cwl_memo.engines.toil import early
from cwl_memo.engines.toil.door import cwltoil
from cwl_memo.engines.toil.foresight import holds_elsewhere, sets_variables
from cwl_memo.engines.toil.orders import Orders, is_switched_off
from cwl_memo.engines.toil.session import WorkerSession, is_in_job_store
from cwl_memo.memo.guard import Guard

__all__ = ["MemoToilCommandLineTool", "make_factory"]

_REQUIREMENTS: Final = ("cwl:requirements", "https://w3id.org/cwl/cwl#requirements")

early.install()  # here, since every process that runs a part of the workflow imports this


class MemoToilCommandLineTool(MemoMixin, cwltoil.ToilCommandLineTool):  # type: ignore[misc]
    """Toil's CommandLineTool, memoized. It travels in a pickle, with its orders."""

    memo_orders: Orders
    memo_session: WorkerSession | None = None  # type: ignore[assignment]
    memo_work_reuse: work_reuse.OfRun | None = None

    def job(
        self,
        job_order: Any,
        output_callbacks: Callback,
        runtimeContext: RuntimeContext,  # noqa: N803
    ) -> Generator[Any, None, None]:
        """Yield the jobs that have to be executed: none for a hit."""
        # With that, Toil's jobs overwrite one another's outputs in the user's directory.
        is_off = getattr(runtimeContext, "bypass_file_store", False) or is_switched_off()
        session = None if is_off else self._begun(self._toil_file_store, runtimeContext)
        if session is None:
            yield from cwltoil.ToilCommandLineTool.job(
                self, job_order, output_callbacks, runtimeContext
            )
            return
        session.limit_wait(_time_limit(self))
        try:
            yield from super().job(job_order, output_callbacks, runtimeContext)
        finally:
            self.memo_end()

    def _begun(self, file_store: Any, context: RuntimeContext) -> WorkerSession | None:
        return Guard().shield(lambda: self.memo_begin(file_store, context), None)

    def memo_begin(self, file_store: Any, context: RuntimeContext) -> WorkerSession:
        """Begin a session, which serves this tool from now on."""
        session = WorkerSession(self.memo_orders, file_store, context)
        session.work_reuse = self.memo_work_reuse
        self.memo_session = session
        self._memo_facts = None
        return session

    def memo_answer(self, file_store: Any, inputs: Any, context: RuntimeContext, name: str) -> Any:
        """Return the outputs of a job if a hit answers it, else None; nothing is executed.

        The session that this begins serves further jobs, until :meth:`memo_end`.

        :param inputs: the input object as the step gives it; defaults are missing.
        :param context: that of the workflow.
        :param name: of the job.
        """
        if is_switched_off() or any(field in inputs for field in _REQUIREMENTS):
            return None  # they reach the tool only where it is executed
        context = _as_of_job(context, file_store, name)
        session = self.memo_session or self._begun(file_store, context)
        if session is None or session.memo.settings.recheck:
            return None
        session.is_early = True
        return session.memo.shield(lambda: self._answer(session, inputs, context), None)

    def _answer(self, session: WorkerSession, inputs: Any, context: RuntimeContext) -> Any:
        inputs = _copied(inputs)
        cwltoil.fill_in_defaults(self.tool["inputs"], inputs, context.make_fs_access(""))
        if sets_variables(inputs):
            return None  # whoever executes the job sets them, and keys it by them
        known = {field["name"] for field in self.inputs_record_schema["fields"]}
        inputs = {name: value for name, value in inputs.items() if name in known}
        context.name = session.name_job(context.name)
        session.adopt(context)
        try:
            attempt = self._attempt(inputs, context)
        except (WorkflowException, ValidationException):
            return None  # whoever executes the job will say so
        if not attempt.is_keyed or attempt.traits.directory_outputs:
            return None
        if not (self.memo_orders.are_alike or holds_elsewhere(attempt.gathered)):
            return None  # keyed by what this machine has; the worker keys it by what it has
        found: list[Any] = []
        if not self._is_answered(attempt, lambda outputs, _: found.append(outputs), context):
            return None
        # What stands in a directory of this job is gone when anybody reads it.
        return found[0] if is_in_job_store(found[0]) else None

    def memo_end(self) -> None:
        """End the session, if one was begun."""
        session, self.memo_session = self.memo_session, None
        if session is not None:
            Guard().shield(lambda: session.end(""), None)

    def __getstate__(self) -> dict[str, Any]:
        """Return what travels: all but what belongs to a process."""
        left = ("memo_session", "_memo_facts")
        return {name: value for name, value in self.__dict__.items() if name not in left}


def _time_limit(tool: Any) -> float | None:
    """Return the seconds that a tool gives itself, if its document has the number."""
    limit = (tool.get_requirement("ToolTimeLimit")[0] or {}).get("timelimit")
    return float(limit) if isinstance(limit, (int, float)) and limit > 0 else None


def make_factory(orders: Orders) -> Callable[[Any, LoadingContext], Process]:
    """Return what takes the place of ``toil_make_tool``."""
    make_plain = cwltoil.toil_make_tool
    tools: list[MemoToilCommandLineTool] = []

    def make_tool(toolpath_object: Any, loading_context: LoadingContext) -> Process:
        toolpath_object, loading_context = work_reuse.for_process(toolpath_object, loading_context)
        process: Process
        if toolpath_object.get("class") == "CommandLineTool":
            process = tool = MemoToilCommandLineTool(toolpath_object, loading_context)
            tool.memo_orders = orders
            tools.append(tool)
        else:
            process = make_plain(toolpath_object, loading_context)
        # The process that the user runs is the last to be made.
        of_run = work_reuse.of_run(process)
        for one in tools:
            one.memo_work_reuse = of_run
        return process

    return make_tool


def _as_of_job(context: RuntimeContext, file_store: Any, name: str) -> RuntimeContext:
    """Return the context that Toil would execute a job in, as far as it matters to its key."""
    context = context.copy()
    context.basedir = os.getcwd()
    context.preserve_environment = {}
    context.toplevel = False
    context.tmp_outdir_prefix = os.path.join(file_store.getLocalTempDir(), "tmp-out")
    context.outdir = None
    context.tmpdir = context.stagedir = ""
    context.make_fs_access = partial(cwltoil.ToilFsAccess, file_store=file_store)  # type: ignore[assignment]
    context.name = name
    return context


def _copied(value: Any) -> Any:
    """Return a CWL value that may be changed."""
    if isinstance(value, Mapping):
        return {name: _copied(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(item) for item in value]
    return value
