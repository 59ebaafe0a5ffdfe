"""Waiting for another run that executes the same job."""

from __future__ import annotations

import threading
import time
from typing import Any, ClassVar

from cwl_memo.cwl.door import RuntimeContext

__all__ = ["WaitJob"]


class WaitJob:
    """A job that does nothing for a moment, so that an executor has something to run.

    cwltool gives a workflow up when nothing is in flight and no job is ready; a job
    that waits for another process would look like that. It is no JobBase, so it takes
    no cores and no memory from those that work.
    """

    SLICE: ClassVar[float] = 0.2
    """Seconds after which the store is asked again."""

    outdir: None = None
    prov_obj: Any = None
    name: str = "wait"

    def __init__(self) -> None:
        self.done = False

    def run(
        self,
        runtimeContext: RuntimeContext,  # noqa: ARG002, N803
        tmpdir_lock: threading.Lock | None = None,  # noqa: ARG002
    ) -> None:
        """Wait for a moment."""
        time.sleep(self.SLICE)
        self.done = True
