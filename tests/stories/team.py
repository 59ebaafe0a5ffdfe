"""A team: machines with homes of their own that share one store, seen from their command lines."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.stories.delivered import tree_of

__all__ = ["JOBS", "Ended", "Team", "write_workflow"]

JSON = Any

JOBS = 6
"""Jobs of the workflow."""

_PATIENCE = 150.0
"""Seconds after which a run hangs. A lease that nobody renews costs 45."""


@dataclass(frozen=True)
class Ended:
    """A run that has come to its end.

    :param delivered: exit code, output object and files, without the name of the outdir.
    :param warnings: lines of the log.
    :param executed: how many jobs were.
    """

    delivered: JSON
    log: str
    executed: int

    @property
    def warnings(self) -> list[str]:
        """What is said of the shared store, but for the figures at the end."""
        return re.findall(r"^(?:WARNING|ERROR|cwl-memo:).*", self.log, re.MULTILINE)


class Team:
    """Machines at work on one workflow.

    :param folder: with the documents; each machine has a folder below.
    :param shared: URL of the store that they share; empty for none.
    :param environment: by which they find its server.
    """

    def __init__(self, folder: Path, shared: str = "", **environment: str) -> None:
        self.folder = folder
        self.shared = shared
        self.environment = environment
        self._runs = 0

    def store(self, machine: str) -> Path:
        """Return the local store of a machine."""
        return self.folder / machine / "store"

    def run(self, machine: str, *options: str) -> Ended:
        """Have a machine run the workflow with what is shared."""
        words = ["run", "--memo-store", str(self.store(machine))]
        words += ["--memo-shared", self.shared, "--memo-shared-timeout", "1s"]
        return self._run(machine, "cwl_memo", [*words, *options])

    def plain(self) -> Ended:
        """Run the workflow with cwltool itself."""
        return self._run("plain", "cwltool", [])

    def _run(self, machine: str, program: str, words: list[str]) -> Ended:
        self._runs += 1
        outdir = self.folder / machine / f"out{self._runs}"
        before = self._marks()
        words = [*words, "--disable-color", "--no-container", "--outdir", str(outdir)]
        done = self.ask(machine, program, *words, "wf.cwl", "job.json")
        text = done.stdout.replace(str(outdir), "OUTDIR")
        output = json.loads(text) if text.startswith("{") else text
        delivered = {"code": done.returncode, "output": output, "files": tree_of(outdir)}
        return Ended(delivered, done.stderr, self._marks() - before)

    def ask(self, machine: str, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program on a machine, to its end."""
        home = self.folder / machine
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        own = {"HOME": str(home), "TMPDIR": str(home / "tmp"), "PYTHONWARNINGS": "ignore"}
        kept: Mapping[str, str] = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "CWL_MEMO_", "XDG_"))
        }
        return subprocess.run(
            [sys.executable, "-m", program, *words],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **own, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )

    def left(self, machine: str) -> list[str]:
        """Return what runs have left in the temporary folders of a machine."""
        folders = [self.folder / machine / "tmp", *self.store(machine).glob("tmp")]
        return [str(path) for folder in folders for path in folder.rglob("*")]

    def forget(self, machine: str) -> None:
        """Have a machine's store gone, as of one that was set up anew."""
        shutil.rmtree(self.store(machine))

    def _marks(self) -> int:
        marks = self.folder / "marks"
        return len(marks.read_text().splitlines()) if marks.exists() else 0


def write_workflow(folder: Path) -> None:
    """Write the workflow and its data: small and large files, a scatter, a chain."""
    (folder / "small.txt").write_text("small\n")
    # No compression makes it smaller, and it goes up in parts.
    (folder / "large.bin").write_bytes(random.Random(1).randbytes(9 << 20))
    (folder / "text.txt").write_text("a line that compresses\n" * 20_000)
    files = {name.partition(".")[0]: name for name in ("small.txt", "large.bin", "text.txt")}
    job: JSON = {name: {"class": "File", "path": path} for name, path in files.items()}
    (folder / "job.json").write_text(json.dumps({**job, "words": ["one", "two"]}))
    marks = folder / "marks"
    steps = {
        "copy": _step(_tool(marks, "cat $1"), f="large"),
        "count": _step(_tool(marks, "wc -c < $1"), f="copy/out"),
        "each": {
            **_step(_tool(marks, 'cat $1; echo "$2"', w="string"), f="small", w="words"),
            "scatter": "w",
        },
        "lines": _step(_tool(marks, "cat $1; echo end"), f="text"),
        "last": _step(
            _tool(marks, "cat $1; cat $2 | tail -n 1", g="File"), f="count/out", g="lines/out"
        ),
    }
    outputs = {
        f"of_{name}": {"type": kind, "outputSource": f"{name}/out"}
        for name, kind in {"copy": "File", "last": "File", "each": "File[]"}.items()
    }
    document = {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "requirements": {"ScatterFeatureRequirement": {}},
        "inputs": {**dict.fromkeys(files, "File"), "words": "string[]"},
        "outputs": outputs,
        "steps": steps,
    }
    (folder / "wf.cwl").write_text(json.dumps(document))


def _tool(marks: Path, body: str, **more: str) -> JSON:
    kinds = {"f": "File", **more}
    return {
        "class": "CommandLineTool",
        "baseCommand": ["sh", "-c", f"echo ran >> {marks}\n{body}", "tool"],
        "inputs": {
            name: {"type": kind, "inputBinding": {"position": i}}
            for i, (name, kind) in enumerate(kinds.items())
        },
        "outputs": {"out": {"type": "File", "outputBinding": {"glob": "out.txt"}}},
        "stdout": "out.txt",
    }


def _step(tool: JSON, **sources: str) -> JSON:
    return {"run": tool, "in": sources, "out": ["out"]}
