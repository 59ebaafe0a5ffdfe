"""Waiting for another run that executes the same job."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from cwl_memo.cwl.door import Builder, ExpressionJob

__all__ = ["WaitJob"]


class WaitJob:
    """A job that does nothing for a moment, so that an executor has something to run.

    :param seconds: how long that is.

    cwltool gives a workflow up when nothing is in flight and no job is ready; a job
    that waits for another process would look like that. It is no JobBase, so it takes
    no cores and no memory from those that work.

    :ivar job: what the executor is given. Compiled, cwltool takes no jobs but its own, and
        they have no subclasses: it is one whose expression takes that moment.
    """

    SLICE: ClassVar[float] = 0.2
    """Seconds after which the store is asked again."""

    def __init__(self, seconds: float = SLICE) -> None:
        self.done = False
        self.job = ExpressionJob(_Moment(seconds), "", self._end, [], [])

    def _end(self, _outputs: Any, _status: str) -> None:
        self.done = True


class _Moment(Builder):
    """A job's surroundings in which an expression takes a moment and gives nothing."""

    def __init__(self, seconds: float) -> None:
        self.job = {}  # all that the job asks for; Builder's own __init__ wants a tool
        self._seconds = seconds

    def do_eval(self, *_: Any, **__: Any) -> Any:
        """Take the moment."""
        time.sleep(self._seconds)
        return {}
