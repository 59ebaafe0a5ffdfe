"""Executors that make a run's final outputs stand on disk before cwltool moves them."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from cwl_memo.cwl import work_reuse
from cwl_memo.cwl.delivery import Delivery, foresee
from cwl_memo.cwl.door import (
    CommandLineTool,
    JobExecutor,
    MultithreadedJobExecutor,
    MutationManager,
    Process,
    RuntimeContext,
    SingleJobExecutor,
    ValidationException,
    WorkflowException,
    terminate_processes,
)
from cwl_memo.cwl.input_object import as_plain, check_input_object
from cwl_memo.cwl.lookahead import PatientProcess
from cwl_memo.cwl.session import Session

__all__ = ["MemoExecutor", "MemoParallelExecutor", "MemoSerialExecutor"]

_log = logging.getLogger("cwltool")


class MemoExecutor(JobExecutor):
    """What both executors have in common."""

    _session: Session
    _prefix: str = ""
    _emptied: tuple[str, ...] = ()
    _outdir: str | None = None

    def execute(
        self,
        process: Process,
        job_order_object: Any,
        runtime_context: RuntimeContext,
        logger: logging.Logger = _log,
    ) -> tuple[Any, str]:
        """Execute a process; return its output object and status."""
        runtime_context = runtime_context.copy()
        self._session.views.gives_away = runtime_context.research_obj is not None
        if runtime_context.move_outputs == "leave":
            return self._execute(process, job_order_object, runtime_context, logger)
        # One beginning for the names of all of the run's directories: when cwltool moves the
        # outputs it holds each against the name of each directory, letter by letter.
        reserved = os.path.realpath(runtime_context.create_outdir())
        self._prefix = f"{reserved}-"
        runtime_context.tmp_outdir_prefix = self._prefix
        outdir = runtime_context.outdir
        self._outdir = os.path.abspath(outdir) if isinstance(outdir, str) else None
        if self._session.witness is not None:
            self._session.witness.own(self._prefix)
        try:
            result = self._execute(process, job_order_object, runtime_context, logger)
        finally:
            shutil.rmtree(reserved, ignore_errors=True)
        # Not where that failed: the outputs may still be there, and nowhere else.
        for directory in self._emptied if runtime_context.rm_tmpdir else ():
            shutil.rmtree(directory, ignore_errors=True)
        return result

    def _execute(
        self,
        process: Process,
        job_order_object: Any,
        runtime_context: RuntimeContext,
        logger: logging.Logger,
    ) -> tuple[Any, str]:
        lists = self._session.long_lists
        given = job_order_object
        try:
            if lists is None:
                plain = as_plain(given)
            else:
                plain = lists.fill(given, process, runtime_context)
            return super().execute(process, plain, runtime_context, logger)
        except (ValidationException, WorkflowException):
            has_begun = self._session.has_begun
            if has_begun and not isinstance(process, CommandLineTool):
                raise
            # The input object may be wrong. With its line numbers, the message says where.
            if lists is not None:
                given = lists.whole(given, process, runtime_context)
            if has_begun:
                check_input_object(process, given, runtime_context)
                raise
        return super().execute(process, given, runtime_context, logger)

    def _go_through(self, run: Callable[[], None], context: RuntimeContext) -> None:
        """Run all jobs and deliver the outputs; again, if files of two executions would meet."""
        beginnings = self._session.beginnings
        while True:
            try:
                run()
                if not beginnings.is_asked_for:
                    self._deliver(context)
            except (WorkflowException, ValidationException):
                if not beginnings.is_asked_for:
                    raise
            if not beginnings.is_asked_for:
                return
            self._session.begin_again()
            self.final_output.clear()
            self.final_status.clear()
            # It knows who read what, of which there is nothing any more.
            context.mutation_manager = MutationManager()

    def _deliver(self, context: RuntimeContext) -> None:
        """See that the user's outputs are on disk, as files of their own.

        Where they are not in their places yet, they stand in the run's own directories:
        cwltool moves files out of these.
        """
        session = self._session
        outputs = list(self.final_output)
        # Before they are delivered: they stand where their jobs left them.
        session.note_outputs(outputs)
        foreseen = self._foresee(context) if len(outputs) == 1 else None
        if foreseen is not None:
            session.testify(lambda witness: witness.note_outputs(outputs, session.views))
            foreseen.perform(session.views)
            context.move_outputs = "leave"  # where they are
        else:
            for output in outputs:
                if session.keeps_views:
                    session.views.ensure_in(output, owned=True)
                else:
                    session.views.deliver(output)
            session.testify(lambda witness: witness.note_outputs(outputs, session.views))
        if session.views.root:
            self.output_dirs.add(session.views.root)
        if self._prefix:
            directories = {directory: os.path.realpath(directory) for directory in self.output_dirs}
            own = [d for d, real in directories.items() if real.startswith(self._prefix)]
            self._emptied = tuple(own)
            self.output_dirs.difference_update(own)
            self.output_dirs.add(self._prefix)
        session.summarise()

    def _foresee(self, context: RuntimeContext) -> Delivery | None:
        moves = context.move_outputs == "move" and context.research_obj is None
        if self._outdir is None or not self._prefix or not moves:
            return None
        return foresee(
            self.final_output[0],
            self._outdir,
            self._session.views,
            self._prefix,
            checksums=context.compute_checksum is not False,
        )


class MemoSerialExecutor(MemoExecutor, SingleJobExecutor):
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
        session = self._session
        session.work_reuse = work_reuse.of_run(process)

        def run() -> None:
            patient = process
            # With a research object, cwltool asks the process itself for more than its jobs.
            if session.memo.is_far and runtime_context.research_obj is None:
                session.lookahead.is_on = True
                patient = PatientProcess(process, session.lookahead)
            super(MemoSerialExecutor, self).run_jobs(
                patient, job_order_object, logger, runtime_context
            )

        self._go_through(run, runtime_context)


class MemoParallelExecutor(MemoExecutor):
    """cwltool's executor of ``--parallel``, which it holds: compiled, that has no subclasses.

    :param max_parallel: cores to use; 0 for all.
    """

    def __init__(self, session: Session, max_parallel: int = 0) -> None:
        super().__init__()
        self._threads = MultithreadedJobExecutor()
        if max_parallel >= 1:  # an argument of cwltool's own only since 2026
            self._threads.max_cores = float(max_parallel)
        self._session = session
        self._has_run = False

    def select_resources(
        self, request: dict[str, Any], runtime_context: RuntimeContext
    ) -> dict[str, Any]:
        """Return what a job gets of the resources that it asks for."""
        return self._threads.select_resources(request, runtime_context)

    def run_jobs(
        self,
        process: Process,
        job_order_object: Any,
        logger: logging.Logger,
        runtime_context: RuntimeContext,
    ) -> None:
        """Run all jobs of a process."""
        self._session.work_reuse = work_reuse.of_run(process)
        run = partial(self._run, process, job_order_object, logger, runtime_context)
        self._go_through(run, runtime_context)

    def _run(
        self,
        process: Process,
        job_order_object: Any,
        logger: logging.Logger,
        runtime_context: RuntimeContext,
    ) -> None:
        if self._has_run:
            # What was left of the run before it began again stays behind in the old one.
            cores, self._threads = self._threads.max_cores, MultithreadedJobExecutor()
            self._threads.max_cores = cores
        self._has_run = True
        threads = self._threads
        threads.final_output, threads.final_status = self.final_output, self.final_status
        threads.output_dirs = self.output_dirs
        lock = runtime_context.workflow_eval_lock = _EvaluationLock(threads)
        if self._session.memo.is_far:
            lookahead = self._session.lookahead
            lookahead.is_on = lookahead.claims = True
            process = PatientProcess(process, lookahead, lock)
        threads.run_jobs(process, job_order_object, logger, runtime_context)


class _EvaluationLock(threading.Condition):
    """The lock of a run with ``--parallel``, which is free when the run breaks off.

    Of the threads only the one that starts the jobs waits for it to be notified.
    """

    def __init__(self, executor: MultithreadedJobExecutor) -> None:
        super().__init__(threading.RLock())
        self._executor = executor

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until one of the running jobs has ended."""
        try:
            is_notified = super().wait(timeout)
            if self._executor.exceptions:
                raise self._executor.exceptions[0]  # as the executor does next
        except BaseException as error:
            # A signal, or a job that broke down. cwltool then joins the threads of the running
            # jobs with the lock in its hand that they need to end: it would wait for ever.
            self.release()
            if not isinstance(error, Exception):
                # Without --parallel cwltool ends the jobs after a signal; here it would do so
                # only when they have ended by themselves.
                terminate_processes()
            raise
        return is_notified
