"""Job logs: what a tool writes goes to the terminal as before, and into its entry too.

cwltool hands a job that does not redirect its standard output or error the run's
``default_stdout`` and ``default_stderr``, asking each for its file descriptor in the
thread that runs the job. A :class:`Tap` gives each job the end of a pipe of its own; a
pump thread copies what comes out of it to the terminal and to a file.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Final

__all__ = ["Capture", "LogTaps", "Tap"]

_LINGER: Final = 0.5
"""Seconds to wait for output of children that a tool left behind in the background."""


class Capture:
    """What one job writes to one of its standard streams.

    :param path: the file that keeps it.
    :param terminal: file descriptor that it is passed on to.
    """

    def __init__(self, path: Path, terminal: int) -> None:
        self.path = path
        self._terminal = terminal
        reading, self.fd = os.pipe()
        self._open = True
        self._pump = threading.Thread(target=self._run, args=(reading,), daemon=True)
        self._pump.start()

    def _run(self, reading: int) -> None:
        with open(self.path, "wb") as kept:
            while chunk := os.read(reading, 65536):
                kept.write(chunk)
                kept.flush()
                # A terminal that went away is no reason to lose the log.
                with contextlib.suppress(OSError):
                    rest = memoryview(chunk)
                    while rest:
                        rest = rest[os.write(self._terminal, rest) :]
        os.close(reading)

    def close(self) -> None:
        """Close our end of the pipe, once the job's process has its own."""
        if self._open:
            self._open = False
            os.close(self.fd)

    def finish(self) -> Path:
        """Return the file, complete but for what children left behind may still write."""
        self.close()
        self._pump.join(_LINGER)
        return self.path


class Tap:
    """A stand-in for a stream, with another file descriptor for each thread's job."""

    def __init__(self, name: str, taps: LogTaps) -> None:
        self._name = name
        self._taps = taps

    def fileno(self) -> int:
        """Return where the present thread's job is to write."""
        capture = self._taps.capture(self._name, make=True)
        return _terminal() if capture is None else capture.fd

    def close(self) -> None:
        """Let go of the present thread's pipe; cwltool calls this when a job has ended."""
        capture = self._taps.capture(self._name, make=False)
        if capture is not None:
            capture.close()


def _terminal() -> int:
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):  # the stderr of a test or a notebook
        return 2


class LogTaps:
    """The two streams of every job of a run."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._directory: Path | None = None
        self._count = 0
        self._lock = threading.Lock()
        self.stdout = Tap("stdout", self)
        self.stderr = Tap("stderr", self)

    def begin(self) -> None:
        """Say that a job begins in this thread."""
        with self._lock:
            self._count += 1
            self._local.job = self._count
        self._local.captures = {}

    def capture(self, name: str, *, make: bool) -> Capture | None:
        """Return what keeps a stream of this thread's job, made if need be."""
        captures: dict[str, Capture] | None = getattr(self._local, "captures", None)
        if captures is None:
            return None
        if make and name not in captures:
            with self._lock:
                if self._directory is None:
                    self._directory = Path(tempfile.mkdtemp(prefix="cwl-memo-log-"))
            path = self._directory / f"{self._local.job}.{name}"
            captures[name] = Capture(path, _terminal())
        return captures.get(name)

    def end(self) -> tuple[Path | None, Path | None]:
        """Say that this thread's job has ended; return the files with its two streams.

        None for a stream that the tool redirects.
        """
        captures: dict[str, Capture] = getattr(self._local, "captures", None) or {}
        self._local.captures = None
        paths = {name: capture.finish() for name, capture in captures.items()}
        return paths.get("stdout"), paths.get("stderr")

    def remove(self) -> None:
        """Remove the files."""
        with self._lock:
            if self._directory is not None:
                shutil.rmtree(self._directory, ignore_errors=True)
                self._directory = None
