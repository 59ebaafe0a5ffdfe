"""Toil's tool, memoized; and the factory that makes it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from cwl_memo.cwl import work_reuse
from cwl_memo.cwl.door import LoadingContext, Process, RuntimeContext
from cwl_memo.cwl.tool import Callback, MemoMixin
from cwl_memo.engines.toil.door import cwltoil
from cwl_memo.engines.toil.orders import Orders
from cwl_memo.engines.toil.session import WorkerSession

__all__ = ["MemoToilCommandLineTool", "make_factory"]


class MemoToilCommandLineTool(MemoMixin, cwltoil.ToilCommandLineTool):  # type: ignore[misc]
    """Toil's CommandLineTool, memoized. It travels in a pickle, with its orders."""

    memo_orders: Orders
    memo_work_reuse: work_reuse.OfRun | None = None

    def job(
        self,
        job_order: Any,
        output_callbacks: Callback,
        runtimeContext: RuntimeContext,  # noqa: N803
    ) -> Generator[Any, None, None]:
        """Yield the jobs that have to be executed: none for a hit."""
        if getattr(runtimeContext, "bypass_file_store", False):
            # Toil's jobs then overwrite one another's outputs in the user's directory.
            yield from cwltoil.ToilCommandLineTool.job(
                self, job_order, output_callbacks, runtimeContext
            )
            return
        session = self.memo_begin(self._toil_file_store, runtimeContext)
        try:
            job_order = session.carried.take(job_order)
            yield from super().job(job_order, output_callbacks, runtimeContext)
        finally:
            session.end("")

    def memo_begin(self, file_store: Any, context: RuntimeContext) -> WorkerSession:
        """Begin a session, which serves this tool from now on."""
        session = WorkerSession(self.memo_orders, file_store, context)
        session.work_reuse = self.memo_work_reuse
        self.memo_session = session
        self._memo_facts = None
        return session

    def __getstate__(self) -> dict[str, Any]:
        """Return what travels: all but what belongs to a process."""
        left = ("memo_session", "_memo_facts")
        return {name: value for name, value in self.__dict__.items() if name not in left}


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
