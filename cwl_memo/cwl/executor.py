"""Executors that make a run's final outputs stand on disk before cwltool moves them."""

from __future__ import annotations

import logging
from typing import Any

from cwl_memo.cwl import work_reuse
from cwl_memo.cwl.door import (
    MultithreadedJobExecutor,
    Process,
    RuntimeContext,
    SingleJobExecutor,
)
from cwl_memo.cwl.session import Session

__all__ = ["MemoParallelExecutor", "MemoSerialExecutor"]


def _deliver(session: Session, executor: Any) -> None:
    """See that the user's outputs are on disk, as files of their own.

    The view they stand in is then one of the run's output directories: cwltool moves
    files out of it and removes it.
    """
    for output in executor.final_output:
        session.views.ensure_in(output, owned=True)
    if session.views.root:
        executor.output_dirs.add(session.views.root)
    session.summarise()


class MemoSerialExecutor(SingleJobExecutor):
    """cwltool's serial executor."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def run_jobs(
        self,
        process: Process,
        job_order_object: Any,
        logger: logging.Logger,
        runtime_context: RuntimeContext,
    ) -> None:
        """Run all jobs of a process."""
        self._session.work_reuse = work_reuse.of_run(process)
        super().run_jobs(process, job_order_object, logger, runtime_context)
        _deliver(self._session, self)


class MemoParallelExecutor(MultithreadedJobExecutor):
    """cwltool's executor of ``--parallel``.

    :param max_parallel: cores to use; 0 for all.
    """

    def __init__(self, session: Session, max_parallel: int = 0) -> None:
        super().__init__()
        if max_parallel >= 1:  # an argument of cwltool's own only since 2026
            self.max_cores = float(max_parallel)
        self._session = session

    def run_jobs(
        self,
        process: Process,
        job_order_object: Any,
        logger: logging.Logger,
        runtime_context: RuntimeContext,
    ) -> None:
        """Run all jobs of a process."""
        self._session.work_reuse = work_reuse.of_run(process)
        super().run_jobs(process, job_order_object, logger, runtime_context)
        _deliver(self._session, self)

    def wait_for_next_completion(self, runtime_context: RuntimeContext) -> None:
        """Wait until one of the running jobs has ended."""
        try:
            super().wait_for_next_completion(runtime_context)
        except BaseException:
            # A signal, or a job that broke down. cwltool then joins the threads of the running
            # jobs with the lock in its hand that they need to end: it would wait for ever.
            if runtime_context.workflow_eval_lock is not None:
                runtime_context.workflow_eval_lock.release()
            raise
