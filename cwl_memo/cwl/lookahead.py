"""Looking ahead: the look-ups of a scatter are under way side by side, far as their store is.

cwltool asks the elements of a scatter for their jobs one by one, and goes on to the next when
one has nothing to give yet. A tool that waits for its look-up says just that; when all have
said so, cwltool would give the workflow up, and here waits instead.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, as_completed
from typing import Any, Final

from cwl_memo.cwl.door import Process, RuntimeContext
from cwl_memo.cwl.wait import WaitJob

__all__ = ["Lookahead", "PatientProcess"]

_WIDTH: Final = 16
"""After how many answers it is time to look what follows; as many are asked for at once."""

_PAUSE: Final = 0.2
"""Seconds between two looks at which jobs may begin."""

_SLICE: Final = 0.05
"""Seconds after which whoever waits beside running jobs looks again."""


class Lookahead:
    """The look-ups of a run that are under way.

    :ivar is_on: whether whoever runs the jobs waits for look-ups; others must not meet them.
    """

    def __init__(self) -> None:
        self.is_on = False
        self.claims = False
        """Whether all jobs that are found are claimed at once, as with ``--parallel``."""
        self._awaited: list[Future[None]] = []

    @property
    def is_awaited(self) -> bool:
        """Whether a job waits for a look-up, or has not been asked since that had its answer.

        Not whether one is under way: the answer may come between the job's saying that it has
        none and the question here, and the workflow would be given up.
        """
        return bool(self._awaited)

    @property
    def is_answered(self) -> bool:
        """Whether a job would go on if it were asked."""
        return any(future.done() for future in self._awaited)

    def wait_for(self, pending: Future[None] | None) -> Iterator[None]:
        """Let other jobs go on until a look-up has its answer."""
        if pending is None or not self.is_on:
            return  # the lookup itself waits
        self._awaited.append(pending)
        try:
            while not pending.done():
                yield None
        finally:
            self._awaited.remove(pending)

    def wait(self) -> bool:
        """Wait until some look-ups have their answers; return whether there were any."""
        awaited = set(self._awaited)
        for count, _ in enumerate(as_completed(awaited), 1):
            if count == _WIDTH:
                break
        return bool(awaited)


class PatientProcess(Process):
    """A process whose jobs are waited for while look-ups are under way.

    :param process: what is run.
    :param lookahead: its look-ups.
    :param lock: of the run, if jobs run beside one another; they end while it is waited for.
    """

    def __init__(
        self, process: Process, lookahead: Lookahead, lock: threading.Condition | None = None
    ) -> None:
        # Process's own would read the document again.
        self._process = process
        self._lookahead = lookahead
        self._lock = lock

    def job(
        self,
        job_order: Any,
        output_callbacks: Any,
        runtimeContext: RuntimeContext,  # noqa: N803
    ) -> Generator[Any, None, None]:
        """Yield the jobs of the process."""
        lookahead = self._lookahead
        for job in self._process.job(job_order, output_callbacks, runtimeContext):
            if job is not None or not lookahead.is_awaited:
                yield job
            elif self._lock is None:
                lookahead.wait()
            else:
                yield from self._wait_beside(self._lock)

    def _wait_beside(self, lock: threading.Condition) -> Iterator[Any]:
        """Wait until a look-up has its answer, and have what waits for room begin meanwhile."""
        has_ended, last = False, 0.0
        while not self._lookahead.is_answered:
            has_ended = lock.wait(_SLICE) or has_ended
            if has_ended and time.monotonic() - last > _PAUSE:
                # Nothing less than a job has cwltool begin the next; the end of it is heard, too.
                has_ended, last = False, time.monotonic()
                yield WaitJob(0.0).job
