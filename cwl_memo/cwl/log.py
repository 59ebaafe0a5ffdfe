"""Job logs: what a tool writes goes to the terminal as before, and into its entry too.

cwltool hands a job that does not redirect its standard output or error the run's
``default_stdout`` and ``default_stderr``, asking each for its file descriptor in the
thread that runs the job. A :class:`Tap` gives each job the end of a pipe of its own; one
thread copies what comes out of the pipes of all jobs to the terminal, and keeps it.
"""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

__all__ = ["Capture", "Log", "LogTaps", "Pump", "Tap"]

Log = bytes | Path | None
"""What a job wrote to a stream: all of it, or its file; None for a redirected stream."""

_LINGER: Final = 0.5
"""Seconds to wait for output of children that a tool left behind in the background."""

_AT_ONCE: Final = 16 * 1024
"""Bytes that are passed on before it is another's turn."""

_IN_MEMORY: Final = 16 * 1024
"""Bytes of a log from which on it is kept in a file."""


class Pump:
    """Passes on what comes out of the pipes of all jobs, in one thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        # Whatever comes out of this pipe, its end here, ends the thread.
        self._ending, self._end = os.pipe()
        self._selector.register(self._ending, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="cwl-memo logs", daemon=True)
        self._thread.start()

    def add(self, capture: Capture) -> None:
        """Pass on what comes out of a pipe from now on."""
        with self._lock:
            self._selector.register(capture.reading, selectors.EVENT_READ, capture)

    def remove(self, capture: Capture) -> None:
        """Leave a pipe alone; nothing if that has been done."""
        with self._lock:
            key = self._selector.get_map().get(capture.reading)
            # The number may have become that of another pipe.
            if key is not None and key.data is capture:
                self._selector.unregister(capture.reading)

    def stop(self) -> None:
        """End the thread."""
        os.close(self._end)
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                key.data.let_go()
        self._selector.close()
        os.close(self._ending)

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                capture = key.data
                if capture is None:
                    return
                if not capture.drain():
                    self.remove(capture)
                    capture.let_go()


class Capture:
    """What one job writes to one of its standard streams.

    :param path: the file that keeps it, if it is long.
    :param terminal: file descriptor that it is passed on to.
    """

    def __init__(self, pump: Pump, path: Path, terminal: int) -> None:
        self._path = path
        self._terminal = terminal
        self._pump = pump
        self._kept: list[bytes] = []
        self._size = 0
        self._done = False
        self._ended = False
        self._closed = False
        self._lock = threading.Lock()
        self.reading, self.fd = os.pipe()
        os.set_blocking(self.reading, False)
        self._open = True
        pump.add(self)

    def drain(self) -> bool:
        """Pass on some of what is there; return whether more may come.

        Not all of it: whoever never stops writing must not keep the others waiting.
        """
        with self._lock:
            if self._ended:
                return False
            try:
                chunk = os.read(self.reading, _AT_ONCE)
            except BlockingIOError:
                return True
            if not chunk:
                self._ended = True
                return False
            self._keep(chunk)
            # A terminal that went away is no reason to lose the log.
            with contextlib.suppress(OSError):
                rest = memoryview(chunk)
                while rest:
                    rest = rest[os.write(self._terminal, rest) :]
            return True

    def _keep(self, chunk: bytes) -> None:
        if self._done:
            return
        self._kept.append(chunk)
        self._size += len(chunk)
        if self._size > _IN_MEMORY:
            with self._path.open("ab") as file:
                file.writelines(self._kept)
            self._kept.clear()

    def let_go(self) -> None:
        """Close the pipe, once nobody asks for what came out of it."""
        with self._lock:
            if self._done and not self._closed:
                self._closed = True
                os.close(self.reading)

    def close(self) -> None:
        """Close our end of the pipe, once the job's process has its own."""
        if self._open:
            self._open = False
            os.close(self.fd)

    def finish(self) -> bytes | Path:
        """Return all that came, but for what children left behind may still write.

        In a file if it is long.
        """
        self.close()
        self._pump.remove(self)
        deadline = time.monotonic() + _LINGER
        while self.drain():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            _await(self.reading, left)
        with self._lock:
            self._done = True
            ended = self._ended
        if ended:
            self.let_go()
        else:
            self._pump.add(self)  # to the terminal it still goes
        return self._path if self._size > _IN_MEMORY else b"".join(self._kept)


def _await(descriptor: int, seconds: float) -> None:
    """Wait until there is something to read, or nothing ever will be."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    waiting.poll(seconds * 1000)


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
        self._pump: Pump | None = None
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
                if self._directory is None or self._pump is None:
                    self._directory = Path(tempfile.mkdtemp(prefix="cwl-memo-log-"))
                    self._pump = Pump()
            path = self._directory / f"{self._local.job}.{name}"
            captures[name] = Capture(self._pump, path, _terminal())
        return captures.get(name)

    def end(self) -> tuple[Log, Log]:
        """Say that this thread's job has ended; return its two streams, or their files.

        None for a stream that the tool redirects.
        """
        captures: dict[str, Capture] = getattr(self._local, "captures", None) or {}
        self._local.captures = None
        kept = {name: capture.finish() for name, capture in captures.items()}
        return kept.get("stdout"), kept.get("stderr")

    def remove(self) -> None:
        """Remove the files, and end the thread."""
        with self._lock:
            if self._pump is not None:
                self._pump.stop()
                self._pump = None
            if self._directory is not None:
                shutil.rmtree(self._directory, ignore_errors=True)
                self._directory = None
