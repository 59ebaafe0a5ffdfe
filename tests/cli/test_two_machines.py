"""Two machines with a real S3 server between them: what one has made, the other does not make."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.servers.s3 import S3Server, running_s3

pytestmark = pytest.mark.slow

_LARGE: Final = random.Random(1).randbytes(300_000)

# Each job leaves a mark, and gives a small file, a large one, and one that goes with it.
_SCRIPT: Final = (
    'echo ran >> "$3"; (cat "$1"; echo "$2") > large.bin; '
    'printf idx > large.bin.idx; echo "$2" > small.txt'
)
MAKE: Final = {
    "class": "CommandLineTool",
    "baseCommand": ["sh", "-c"],
    "arguments": [_SCRIPT, "-"],
    "inputs": {
        "data": {"type": "File", "inputBinding": {"position": 1}},
        "word": {"type": "string", "inputBinding": {"position": 2}},
        "marks": {"type": "string", "inputBinding": {"position": 3}},
    },
    "outputs": {
        "large": {
            "type": "File",
            "secondaryFiles": [".idx"],
            "outputBinding": {"glob": "large.bin"},
        },
        "small": {"type": "File", "outputBinding": {"glob": "small.txt"}},
    },
}
COUNT: Final = {
    "class": "CommandLineTool",
    "baseCommand": ["wc", "-c"],
    "inputs": {"files": {"type": "File[]", "inputBinding": {"position": 1}}},
    "outputs": {"counted": "stdout"},
    "stdout": "counted.txt",
}
WORKFLOW: Final = {
    "cwlVersion": "v1.2",
    "class": "Workflow",
    "requirements": {"ScatterFeatureRequirement": {}},
    "inputs": {"data": "File", "words": "string[]", "marks": "string"},
    "outputs": {
        "small": {"type": "File[]", "outputSource": "make/small"},
        "counted": {"type": "File", "outputSource": "count/counted"},
    },
    "steps": {
        "make": {
            "run": MAKE,
            "scatter": "word",
            "in": {"data": "data", "word": "words", "marks": "marks"},
            "out": ["large", "small"],
        },
        "count": {"run": COUNT, "in": {"files": "make/large"}, "out": ["counted"]},
    },
}
"""The large files stand between its jobs; the user gets small ones."""


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    """One server for all the tests of the module, which keep apart by their prefixes."""
    with running_s3() as server:
        yield server


@dataclass
class Ran:
    """What a run gave.

    :param files: contents of the small files, and what was counted.
    :param jobs: how many jobs became what.
    :param shared: what the report says of the shared store.
    :param warnings: lines of the log that warn of it.
    """

    files: list[str]
    jobs: Counter[str]
    shared: dict[str, Any]
    warnings: list[str]


class Machine:
    """A home, a store and documents in a folder of its own.

    :param identity: who it is for the server.
    """

    def __init__(self, folder: Path, s3: S3Server, prefix: str, identity: str = "admin") -> None:
        folder.mkdir(parents=True)
        (folder / "home").mkdir()
        (folder / "workflow.cwl").write_text(json.dumps(WORKFLOW))
        (folder / f"data-of-{folder.name}").mkdir()
        self._data = folder / f"data-of-{folder.name}" / "data.bin"
        self._data.write_bytes(_LARGE)
        self._folder = folder
        self._url = s3.url(prefix)
        # Common to all, so that it is the same input: it is only written to.
        self._marks = folder.parents[1] / "marks"
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ},
            **s3.environment(identity),
            "HOME": str(folder / "home"),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }

    def memo(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run cwl-memo; it has to succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "cwl_memo", *words],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done

    def run(self, *words: str, mode: str = "readwrite") -> Ran:
        """Run the workflow on some words."""
        job = {
            "data": {"class": "File", "path": str(self._data)},
            "words": list(words),
            "marks": str(self._marks),
        }
        (self._folder / "job.json").write_text(json.dumps(job))
        shared = ["--memo-shared", self._url, "--memo-shared-mode", mode]
        own = ["--memo-report", "report.json", "--outdir", "out"]
        done = self.memo("run", *own, *shared, "workflow.cwl", "job.json")
        output = json.loads(done.stdout)
        report = json.loads((self._folder / "report.json").read_text())
        paths = [file["path"] for file in [*output["small"], output["counted"]]]
        return Ran(
            files=[Path(path).read_text().split(" ")[0].strip() for path in paths],
            jobs=Counter(job["result"] for job in report["jobs"]),
            shared=report["shared"],
            warnings=[line for line in done.stderr.splitlines() if "WARNING" in line],
        )

    def executed(self) -> int:
        """Return how many jobs left a mark since this was asked last, on whatever machine."""
        if not self._marks.exists():
            return 0
        count = self._marks.read_text().count("ran")
        self._marks.unlink()
        return count

    def entries(self) -> set[str]:
        """Return the keys of the entries that are shared."""
        listed = self.memo("ls", "--memo-shared", self._url, "--json")
        return {entry["key"] for entry in json.loads(listed.stdout)["entries"]}


def test_what_one_made_is_a_hit_for_the_other(s3: S3Server, tmp_path: Path) -> None:
    ann = Machine(tmp_path / "a" / "ann", s3, "both")
    bob = Machine(tmp_path / "far away" / "bob", s3, "both")
    made = ann.run("one", "two", "three")
    assert made.jobs == {"executed": 4}
    assert made.shared["uploaded"] == 4
    assert ann.executed() == 3

    # Equal inputs under another path: the jobs are the same.
    reused = bob.run("one", "two", "three")
    assert reused.jobs == {"reused": 4}
    assert bob.executed() == 0
    assert reused.files[:3] == made.files[:3] == ["one", "two", "three"]
    assert reused.shared["fetched_bytes"] < len(_LARGE)
    assert made.warnings == reused.warnings == []

    # And the other way round; a large file comes down now, for the job that counts.
    assert bob.run("one", "four").jobs == {"reused": 1, "executed": 2}
    assert bob.executed() == 1
    again = ann.run("four", "one")
    assert again.jobs == {"reused": 2, "executed": 1}
    assert again.files[:2] == ["four", "one"]
    assert ann.executed() == 0
    assert again.shared["fetched_bytes"] > len(_LARGE)


def test_who_may_only_read_reuses_and_changes_nothing(s3: S3Server, tmp_path: Path) -> None:
    writer = Machine(tmp_path / "a" / "writer", s3, "readers")
    reader = Machine(tmp_path / "b" / "reader", s3, "readers", identity="reader")
    writer.run("one")
    before = writer.entries()
    writer.executed()

    assert reader.run("one").jobs == {"reused": 2}
    assert reader.executed() == 0
    # Told of it or not, what it makes itself stays with it, and costs a warning at most.
    said = reader.run("one", "two", mode="readonly")
    assert said.jobs == {"reused": 1, "executed": 2}
    assert said.warnings == []
    unsaid = reader.run("one", "three")
    assert unsaid.jobs == {"reused": 1, "executed": 2}
    assert len(unsaid.warnings) <= 1
    assert reader.run("one", "three").jobs == {"reused": 3}
    assert writer.entries() == before


def test_who_only_writes_executes_all_and_others_reuse_it(s3: S3Server, tmp_path: Path) -> None:
    first = Machine(tmp_path / "a" / "first", s3, "writers")
    second = Machine(tmp_path / "b" / "second", s3, "writers")
    first.run("one", mode="writeonly")
    assert second.run("one", "two", mode="writeonly").jobs == {"executed": 3}
    assert second.executed() == 3
    assert len(first.entries()) == 4
    third = Machine(tmp_path / "c" / "third", s3, "writers", identity="reader")
    assert third.run("one", "two", mode="readonly").jobs == {"reused": 3}
    assert third.executed() == 0


def test_upkeep_sees_what_machines_made(s3: S3Server, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "a" / "one", s3, "upkeep")
    machine.run("one", "two")
    assert len(machine.entries()) == 3
    for verb in (["verify"], ["gc", "--dry-run"], ["gc"], ["stats"]):
        machine.memo(*verb, "--memo-shared", s3.url("upkeep"))
    assert len(machine.entries()) == 3
