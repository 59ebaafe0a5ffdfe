"""Runs one runner once, so that it comes to an end and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from .case import Kill

__all__ = ["Execution", "Finished"]

_POLL: Final = 0.02
_GRACE: Final = 15.0


@dataclass(frozen=True)
class Finished:
    """What a runner did.

    :param status: its exit status, negative for the signal that ended it; None where it
        had to be ended since it took too long.
    :param stdout: what it wrote there.
    :param log: the end of what it wrote to stderr.
    :param seconds: how long it took.
    """

    status: int | None
    stdout: str
    log: str
    seconds: float


class Execution:
    """A runner that has been started.

    :param log: a path; stdout and stderr are kept beside it.
    """

    def __init__(
        self, words: list[str], folder: Path, environment: Mapping[str, str], log: Path
    ) -> None:
        # Not with_suffix: the names of runners that are started at once have a dot.
        self._stdout = log.with_name(f"{log.name}.out")
        self._stderr = log.with_name(f"{log.name}.err")
        self._begun = time.monotonic()
        self._children: set[psutil.Process] = set()
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                words,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def await_mark(self, mark: str, marks: Callable[[], Counter[str]], timeout: float) -> None:
        """Wait until a job has left a mark, at most until the runner has ended."""
        while not marks()[mark]:
            if self._process.poll() is not None or self._elapsed() > timeout:
                return
            time.sleep(_POLL)

    def finish(
        self, timeout: float, kill: Kill | None, marks: Callable[[], Counter[str]]
    ) -> Finished:
        """Wait until the runner has ended, or end it.

        :param timeout: seconds after which it is ended.
        :param kill: a signal to send to it, and when.
        :param marks: counts the marks left in this run.
        """
        try:
            if kill is not None:
                self._send(kill, marks, timeout)
            status = self._wait(timeout)
        finally:
            self._end()
        return Finished(
            status=status,
            stdout=self._stdout.read_text(encoding="utf-8", errors="replace"),
            log=self._stderr.read_text(encoding="utf-8", errors="replace")[-20_000:],
            seconds=time.monotonic() - self._begun,
        )

    def _send(self, kill: Kill, marks: Callable[[], Counter[str]], timeout: float) -> None:
        if kill.mark is not None:
            self.await_mark(kill.mark, marks, timeout)
        time.sleep(kill.seconds)
        self._note_children()
        with suppress(ProcessLookupError):
            if kill.signal == "INT":
                # Ctrl-C reaches all that the terminal shows, runner and jobs.
                os.killpg(self._process.pid, signal.SIGINT)
            elif self._process.poll() is None:
                self._process.send_signal(signal.Signals[f"SIG{kill.signal}"])

    def _wait(self, timeout: float) -> int | None:
        try:
            return self._process.wait(max(0.0, timeout - self._elapsed()))
        except subprocess.TimeoutExpired:
            self._note_children()
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
            return None

    def _elapsed(self) -> float:
        return time.monotonic() - self._begun

    def _note_children(self) -> None:
        # Before their parent ends: afterwards nothing tells whose they were.
        with suppress(psutil.Error):
            self._children |= set(psutil.Process(self._process.pid).children(recursive=True))

    def _end(self) -> None:
        """Kill what is left of the runner and of the jobs that it began."""
        self._note_children()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for child in self._children:
            with suppress(psutil.Error):
                child.kill()
        self._process.wait()
