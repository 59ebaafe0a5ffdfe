"""Runs in processes of their own, as from a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .bench import Bench

__all__ = ["ended", "run_in_terminal", "start", "wait_for"]

_PATIENCE = 120.0


def start(
    bench: Bench,
    words: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    module: str = "cwl_memo",
) -> subprocess.Popen[str]:
    """Start ``cwl-memo`` with some words in the bench's folder."""
    here = str(Path(__file__).parents[2])
    surroundings = {
        **os.environ,
        "PYTHONPATH": here,
        "PYTHONWARNINGS": "ignore",
        **(env or {}),
    }
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, words)],
        cwd=bench.folder,
        env=surroundings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


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
    return ended(start(bench, words, env=env))


def wait_for(path: Path, lines: int = 1) -> None:
    """Wait until a file has some lines."""
    deadline = time.monotonic() + _PATIENCE
    while not path.exists() or len(path.read_text().splitlines()) < lines:
        if time.monotonic() > deadline:
            raise AssertionError(f"{path} was never written")
        time.sleep(0.05)
