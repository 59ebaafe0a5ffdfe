"""Toil on a Slurm of two nodes: what was executed is not submitted again, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.servers.slurm import Slurm, begin_slurm

pytestmark = [pytest.mark.slow, pytest.mark.slurm]

_PROGRAM: Final = Path(sys.executable).with_name("cwl-memo-toil")
_LONGEST: Final = 300

SAY: Final = {
    "class": "CommandLineTool",
    "baseCommand": ["sh", "-c"],
    "arguments": ['echo "$1" >> "$2"; while [ -e "$3" ]; do sleep 0.1; done; echo "said $1"', "-"],
    "inputs": {
        name: {"type": "string", "inputBinding": {"position": position}}
        for position, name in enumerate(("word", "marks", "gate"))
    },
    "outputs": {"out": "stdout"},
    "stdout": "said.txt",
}
GATHER: Final = {
    "class": "CommandLineTool",
    "baseCommand": "cat",
    "inputs": {"texts": {"type": "File[]", "inputBinding": {"position": 1}}},
    "outputs": {"out": "stdout"},
    "stdout": "all.txt",
}
WORKFLOW: Final = {
    "cwlVersion": "v1.2",
    "class": "Workflow",
    "requirements": {"ScatterFeatureRequirement": {}},
    "inputs": {"words": "string[]", "marks": "string", "gate": "string"},
    "outputs": {"all": {"type": "File", "outputSource": "gather/out"}},
    "steps": {
        "say": {
            "run": SAY,
            "scatter": "word",
            "in": {"word": "words", "marks": "marks", "gate": "gate"},
            "out": ["out"],
        },
        "gather": {"run": GATHER, "in": {"texts": "say/out"}, "out": ["out"]},
    },
}
"""A job for each word, and one more. While the file that is its gate is there, no job ends."""


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    """One for all the tests of the module."""
    pytest.importorskip("toil")
    with begin_slurm() as slurm:
        yield slurm


class Cluster:
    """A folder that all nodes see, and runs of the workflow on them.

    :param home: of the user, in which Toil keeps its history.
    """

    def __init__(self, slurm: Slurm, folder: Path, home: Path) -> None:
        self._slurm = slurm
        self._folder = folder
        self._home = home
        self._marks = folder / "marks"
        self.gate = folder / "gate"
        self._runs = 0
        (folder / "workflow.cwl").write_text(json.dumps(WORKFLOW))

    def begin(self, *words: str, restart: bool = False) -> subprocess.Popen[bytes]:
        """Begin a run of these words, or begin the last one again."""
        self._runs += not restart
        job = {"words": words, "marks": str(self._marks), "gate": str(self.gate)}
        (self._folder / f"job{self._runs}.json").write_text(json.dumps(job))
        options = {
            "--batchSystem": "slurm",
            "--memo-toil-lookup": "leader",
            "--workDir": self._folder,
            "--jobStore": self._folder / f"jobstore{self._runs}",
            "--outdir": self._folder / f"out{self._runs}",
            # Other nodes for each run, which have nothing but what is shared.
            "--memo-node-store": self._folder / f"store{self._runs}",
            "--memo-shared": (self._folder / "shared").as_uri(),
            "--memo-report": self._folder / "report.json",
            "--publishWorkflowMetrics": "no",
            "--statePollingWait": 1,
            "--retryCount": 2,
            "--defaultMemory": "100Mi",
            "--defaultDisk": "100Mi",
            "--logLevel": "INFO",
        }
        return self._slurm.begin(
            [
                str(_PROGRAM),
                *(str(word) for option in options.items() for word in option),
                *(["--restart"] if restart else []),
                "workflow.cwl",
                f"job{self._runs}.json",
            ],
            self._folder,
            {
                **os.environ,
                "HOME": str(self._home),
                "PATH": os.pathsep.join([str(_PROGRAM.parent), os.environ["PATH"]]),
            },
            self._folder / "log",
        )

    def end(self, run: subprocess.Popen[bytes]) -> Counter[str]:
        """Wait for a run, which has to succeed; return how many jobs became what."""
        try:
            assert run.wait(_LONGEST) == 0, self.log()
        finally:
            kill(run)
        report: dict[str, Any] = json.loads((self._folder / "report.json").read_text())
        return Counter(job["result"] for job in report["jobs"])

    def output(self) -> list[str]:
        """Return the lines of what the last run has delivered."""
        return (self._folder / f"out{self._runs}" / "all.txt").read_text().splitlines()

    def executed(self) -> list[str]:
        """Return the words of which the job was begun, each time it was, and forget them."""
        try:
            found = self._marks.read_text().split()
        except FileNotFoundError:
            return []
        self._marks.unlink()
        return sorted(found)

    def await_marks(self, count: int) -> None:
        """Wait until so many jobs have begun."""
        self.wait_until(
            lambda: self._marks.exists() and self._marks.read_text().count("\n") >= count
        )

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so."""
        for _ in range(_LONGEST * 5):
            if is_so():
                return
            time.sleep(0.2)
        pytest.fail(f"it never came: {self.log()}")

    def log(self) -> str:
        """Return the end of what the runs have logged."""
        return (self._folder / "log").read_text(errors="replace")[-5000:]


def kill(run: subprocess.Popen[bytes]) -> None:
    """End a run's leader, and what it began on its own machine, as a loss of power would."""
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()


@pytest.fixture
def cluster(slurm: Slurm, tmp_path: Path, home: Path) -> Iterator[Cluster]:
    """A new folder, and a Slurm on which nothing runs before or after."""
    yield Cluster(slurm, tmp_path, home)
    (tmp_path / "gate").unlink(missing_ok=True)
    for job in slurm.running():
        slurm.cancel(job)


def said(*words: str) -> list[str]:
    return [f"said {word}" for word in words]


def test_what_was_executed_is_not_submitted_again(slurm: Slurm, cluster: Cluster) -> None:
    before = slurm.submitted()
    assert cluster.end(cluster.begin("one", "two", "three")) == {"executed": 4}
    assert cluster.output() == said("one", "two", "three")
    assert cluster.executed() == ["one", "three", "two"]
    assert slurm.submitted() == before + 4

    assert cluster.end(cluster.begin("one", "two", "three")) == {"reused": 4}
    assert cluster.output() == said("one", "two", "three")
    assert slurm.submitted() == before + 4

    assert cluster.end(cluster.begin("one", "other", "three")) == {"reused": 2, "executed": 2}
    assert cluster.output() == said("one", "other", "three")
    assert cluster.executed() == ["other"]
    assert slurm.submitted() == before + 6


def test_a_cancelled_job_is_executed_again(slurm: Slurm, cluster: Cluster) -> None:
    cluster.gate.touch()
    run = cluster.begin("one", "two")
    cluster.await_marks(2)
    slurm.cancel(slurm.running()[0])
    cluster.wait_until(lambda: len(slurm.running()) < 2)
    cluster.gate.unlink()
    assert cluster.end(run) == {"executed": 3}
    assert cluster.output() == said("one", "two")
    assert Counter(cluster.executed()).total() == 3  # one of them twice

    assert cluster.end(cluster.begin("one", "two")) == {"reused": 3}


def test_another_run_waits_for_no_cancelled_job(slurm: Slurm, cluster: Cluster) -> None:
    cluster.gate.touch()
    first = cluster.begin("one")
    cluster.await_marks(1)
    second = cluster.begin("one")
    cluster.wait_until(lambda: len(slurm.running()) == 2)
    holder = slurm.running()[0]
    kill(first)
    slurm.cancel(holder)
    cluster.wait_until(lambda: holder not in slurm.running())
    cluster.gate.unlink()
    cluster.end(second)
    assert cluster.output() == said("one")


def test_a_killed_leader_begins_again_where_it_was(slurm: Slurm, cluster: Cluster) -> None:
    cluster.gate.touch()
    run = cluster.begin("one", "two")
    cluster.await_marks(2)
    kill(run)
    # What was submitted goes on without it, and is recorded.
    cluster.gate.unlink()
    cluster.wait_until(lambda: not slurm.running())
    cluster.end(cluster.begin("one", "two", restart=True))
    assert cluster.output() == said("one", "two")

    # Anew, as one who has lost the job store: nothing that was executed is lost.
    cluster.executed()
    assert cluster.end(cluster.begin("one", "two")) == {"reused": 3}
    assert cluster.executed() == []
