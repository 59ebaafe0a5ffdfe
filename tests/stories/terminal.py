"""Runs in processes of their own, as from a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .bench import Bench

__all__ = ["ended", "run_in_terminal", "started", "wait_for"]

_PATIENCE = 120.0


@contextmanager
def started(
    bench: Bench, words: Sequence[str | Path], *, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start ``cwl-memo`` with some words in the bench's folder; see that it ends."""
    surroundings = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONWARNINGS": "ignore",
        **(env or {}),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "cwl_memo", *map(str, words)],
        cwd=bench.folder,
        env=surroundings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end of a process; return exit code, stdout and stderr."""
    try:
        out, err = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err


def run_in_terminal(
    bench: Bench, *words: str | Path, env: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run ``cwl-memo`` to its end; return exit code, stdout and stderr."""
    with started(bench, words, env=env) as process:
        return ended(process)


def wait_for(path: Path, lines: int = 1) -> None:
    """Wait until a file has some lines."""
    deadline = time.monotonic() + _PATIENCE
    while not path.exists() or len(path.read_text().splitlines()) < lines:
        if time.monotonic() > deadline:
            raise AssertionError(f"{path} was never written")
        time.sleep(0.05)
