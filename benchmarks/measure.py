"""Measures one command: CPU of its whole process tree, wall, peak memory, bytes moved."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .errors import BenchmarkError

__all__ = ["Measured", "Usage", "measure"]

_METER: Final = Path(__file__).with_name("meter.py")


@dataclass(frozen=True)
class Usage:
    """What a command and all that it began have used.

    :param cpu: seconds of user and system time, of all processes together.
    :param wall: seconds until the command ended.
    :param peak: bytes of memory that the largest of the processes had at its largest.
    :param read: bytes, by calls of the system; None where it does not tell.
    :param written: likewise.
    """

    cpu: float
    wall: float
    peak: int
    read: int | None = None
    written: int | None = None


@dataclass(frozen=True)
class Measured:
    """How a command ended, and what it used.

    :param status: its exit status, negative for the signal that ended it; None where it had
        to be ended since it took too long.
    """

    status: int | None
    usage: Usage
    stdout: Path
    stderr: Path

    def log(self) -> str:
        """Return the end of what it wrote to stderr."""
        return self.stderr.read_text(encoding="utf-8", errors="replace")[-2000:]


def measure(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    logs: Path,
    timeout: float,
) -> Measured:
    """Run a command in a folder and measure it.

    :param words: the program by its path, and its arguments.
    :param logs: a path; what the command prints is kept beside it.
    :param timeout: seconds after which the command is ended.
    """
    logs.parent.mkdir(parents=True, exist_ok=True)
    stdout, stderr, report = (logs.with_name(logs.name + end) for end in (".out", ".err", ".json"))
    report.unlink(missing_ok=True)
    with stdout.open("wb") as out, stderr.open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_METER), str(report), *words],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        return Measured(None, Usage(0, timeout, 0), stdout, stderr)
    finally:
        # Also what the command left behind, which would share the processors with the next.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return _read(report, stdout, stderr)


def _read(report: Path, stdout: Path, stderr: Path) -> Measured:
    try:
        data = json.loads(report.read_text(encoding="ascii"))
    except FileNotFoundError:
        log = stderr.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise BenchmarkError(f"the command could not be measured:\n{log}") from None
    if data["left"]:
        raise BenchmarkError("the command left processes behind that do not end")
    usage = Usage(data["cpu"], data["wall"], data["peak"], data["read"], data["written"])
    return Measured(data["status"], usage, stdout, stderr)
