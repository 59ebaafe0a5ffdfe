"""A session on a worker: one job, or the look-ups of a scatter."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any, Final

from cwl_memo.core.run import JobRecord, RunRecord
from cwl_memo.cwl.door import RuntimeContext
from cwl_memo.cwl.files import Sources
from cwl_memo.cwl.session import Session
from cwl_memo.cwl.view import paths_in
from cwl_memo.engines.toil.carried import Carried
from cwl_memo.engines.toil.door import toil_version
from cwl_memo.engines.toil.hand_over import HandOver
from cwl_memo.engines.toil.opening import open_for
from cwl_memo.engines.toil.orders import Orders
from cwl_memo.engines.toil.relay import LEVEL, message, message_of_use
from cwl_memo.engines.toil.stream import Streams
from cwl_memo.engines.toil.whereabouts import Whereabouts
from cwl_memo.errors import NotGivenError
from cwl_memo.store.protocol import FileDigest

__all__ = ["WorkerSession", "is_in_job_store"]

_MADE_UP: Final = re.compile(r"\._:[0-9a-f-]{36}$")

_VARIABLES: Final = ("TMPDIR", "TOIL_", "SLURM_", "SLURMD_")
"""How the names of variables begin that Toil or Slurm set for each job."""

_WAIT: Final = 300.0
"""Seconds to wait for another that executes the same job, at most."""


class WorkerSession(Session):
    """What a process other than the leader needs to look jobs up and to record them.

    :param orders: what the leader says.
    :param file_store: Toil's, of the job that is being run.
    :param context: cwltool's context of that job; told to leave outputs where they are, once
        the job store has them.

    With ``is_early`` it is of a process that executes no job and keeps no files: what its hits
    give is in the job store, or is no hit.
    """

    is_early = False

    def __init__(self, orders: Orders, file_store: Any, context: RuntimeContext) -> None:
        super().__init__(
            open_for(orders, file_store.getLocalTempDir),
            orders.settings,
            behavior=orders.behavior,
            engine=f"Toil {toil_version()}",
            run=orders.run,
            leads=False,
        )
        self._file_store = file_store
        self._job_context = context
        self._noted = context.research_obj is None
        self.engine_variables = _VARIABLES
        # Who waits holds a place on the cluster meanwhile, against the limit of the job's time.
        self.waits_in_line = False
        self.limit_wait(orders.time_limit)
        self.views.lazy = True
        # A hit's files are made before anybody hears of it; if they cannot be, it is a miss.
        self.executes_again = False
        self.carried = Carried(file_store.jobStore, orders.secret)
        self.known = self.carried
        self.locate = Whereabouts(context.make_fs_access, self.carried).locate
        self.streams = Streams(context)
        self.logs = self.streams  # type: ignore[assignment]
        hints = str(context.name or "").split(".")
        self._hand = HandOver(file_store, hints, self.carried)

    def limit_wait(self, time_limit: float | None) -> None:
        """Have a job wait for another for a part of the time that it may take itself.

        :param time_limit: seconds; None for no limit.
        """
        share = _WAIT if time_limit is None else time_limit / 4
        self.wait_at_most = min(self.wait_at_most, _WAIT, share)

    def _make_view_root(self) -> str:
        # Beside nothing that anybody collects outputs from.
        return str(self._file_store.getLocalTempDir())

    def hand_over(self, outputs: Any, known: Callable[[str], FileDigest | None]) -> None:
        """Give the files of an output object to the job store, with their digests.

        :raises NotGivenError: if that cannot be done with all of them, and this is early.
        """
        is_given = self._hand.give(outputs, known, self.views, noted=self._noted)
        if self.is_early and not (is_given and is_in_job_store(outputs)):
            raise NotGivenError("its outputs can be laid out on a worker only")
        if is_given:
            self._job_context.move_outputs = "leave"
            return
        # A Directory, or a file that was not recorded: Toil takes them from where they are.
        self.views.ensure_in(outputs, owned=True)
        if self.views.root and any(path.startswith(self.views.root) for path in paths_in(outputs)):
            self._job_context.move_outputs = "leave"

    def finish(self, job: JobRecord, sources: Sources | None = None) -> None:
        """Tell the leader what became of a job."""
        del sources
        with self._lock:
            self._unfinished.pop(job.name, None)
            self.record.jobs.append(job)
        self._file_store.log_to_leader(message(job, self.memo.made), LEVEL)

    def end(self, status: str) -> RunRecord:
        """Let go of the store; the run goes on."""
        del status
        for give_up in list(self._unfinished.values()):
            give_up()
        # What may be taken back is the leader's to share, who knows how the run ends.
        used = self.memo.end_sharing(keep=False, wait=True)
        if used is not None:
            self._file_store.log_to_leader(message_of_use(used), LEVEL)
        if self.record.jobs:
            self.memo.tidy()
        with contextlib.suppress(OSError):
            self.memo.close()
        self.streams.close()
        return self.record

    def name_job(self, stem: str) -> str:
        """Return the name that Toil has given to the job, but for a made-up name of its tool."""
        return _MADE_UP.sub("", stem)


def is_in_job_store(value: Any) -> bool:
    """Tell whether nothing that a CWL value names stands in a directory of this process."""
    return all(path.startswith(("toilfile:", "toildir:")) for path in paths_in(value))
