"""Toil on this machine, in a folder of its own; tests that need it are marked ``toil``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


@dataclass
class Ran:
    """What a run left.

    :param report: its record, as ``--memo-report`` has it.
    """

    status: int
    outputs: Any
    log: str
    report: dict[str, Any]
    results: list[str] = field(default_factory=list)

    @property
    def submitted(self) -> int:
        """How many jobs of tools were given to the batch system."""
        return self.log.count("Issued job 'CWLJob'")


class Runners:
    """Runs documents in a folder, on one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"
        self._count = 0

    def toil(self, *words: str, expect: int = 0) -> Ran:
        """Run cwl-memo-toil, to its end."""
        process = self.start(*words)
        out, log = process.communicate(timeout=300)
        assert process.returncode == expect, log[-6000:]
        return self._ran(process.returncode, out, log)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start cwl-memo-toil."""
        own = self._new()
        return self._start(
            [
                sys.executable,
                str(HERE / "loopback.py"),
                *("--memo-store", str(self.store), "--memo-report", f"{own}.json"),
                *("--publishWorkflowMetrics", "no", "--defaultDisk", "100Mi"),
                *("--defaultMemory", "100Mi", "--outdir", f"{own}.out", *words),
            ]
        )

    def cwltool(self, *words: str) -> Ran:
        """Run cwl-memo, to its end."""
        own = self._new()
        process = self._start(
            [
                *(sys.executable, "-m", "cwl_memo", "run", "--no-memo-replay"),
                *("--memo-store", str(self.store), "--memo-report", f"{own}.json"),
                *("--outdir", f"{own}.out", *words),
            ]
        )
        out, log = process.communicate(timeout=300)
        assert process.returncode == 0, log[-6000:]
        return self._ran(process.returncode, out, log)

    def _new(self) -> Path:
        self._count += 1
        self._own = self.folder / f"run-{self._count}"
        return self._own

    def _start(self, words: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            words,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _ran(self, status: int, out: str, log: str) -> Ran:
        path = Path(f"{self._own}.json")
        report = json.loads(path.read_text()) if path.exists() else {}
        results = [job["result"] for job in report.get("jobs", ())]
        return Ran(status, json.loads(out) if status == 0 else None, log, report, results)


@pytest.fixture
def runners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runners:
    if find_spec("toil") is None:
        pytest.skip("Toil is not installed: make test-toil")
    # Workers are found on PATH, as is the JavaScript engine.
    bin_folder = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return Runners(tmp_path)
