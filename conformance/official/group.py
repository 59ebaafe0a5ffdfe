"""Runs a program so that it comes to an end, and nothing that it began stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

__all__ = ["ProcessGroup", "process_group"]


class ProcessGroup:
    """A running program, the leader of a session of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._heard = time.monotonic()

    def lines(self) -> Iterator[str]:
        """Yield what the program says on stderr, until it and all it began fall silent."""
        for line in self._process.stderr or ():
            self._heard = time.monotonic()
            yield line

    def cpu_seconds(self) -> float:
        """Wait for the end; return the CPU seconds of the program and of what it waited for."""
        _, _, used = os.wait4(self._process.pid, 0)
        self._process.returncode = 0  # reaped here; the status is of no interest
        return used.ru_utime + used.ru_stime

    def watch(self, patience: float, done: threading.Event) -> None:
        """Kill orphans whenever the program has been silent for too long, until done.

        cwltest ends a runner that takes too long, but then waits for the jobs which that
        had begun, as long as they hold the runner's stdout or stderr.
        """
        while not done.wait(1):
            if time.monotonic() - self._heard > patience:
                self._kill_orphans()

    def _kill_orphans(self) -> None:
        for process in psutil.process_iter():
            with suppress(psutil.Error, ProcessLookupError):
                session = os.getsid(process.pid)
                if session != self._process.pid or process.pid == session:
                    continue
                if os.getsid(process.ppid()) != session:
                    process.kill()

    def end(self) -> None:
        """Kill what is left of the group."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()


@contextmanager
def process_group(
    command: list[str], folder: Path, environment: Mapping[str, str], patience: float
) -> Iterator[ProcessGroup]:
    """Run a program in a folder; in the end nothing is left of it.

    :param patience: seconds of silence after which orphans are killed.
    """
    group = ProcessGroup(
        subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    )
    done = threading.Event()
    watch = threading.Thread(target=group.watch, args=(patience, done), daemon=True)
    watch.start()
    try:
        yield group
    finally:
        done.set()
        group.end()
        watch.join()
