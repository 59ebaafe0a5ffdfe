"""Directories that reused jobs give, where their files are far away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cwl_memo.core.run import REUSED
from cwl_memo.store.shared.file_bucket import FileBucket

from .bench import Bench, Plan, Run
from .workflows import step, wrap

FILES = 12
SIZE = 40_000
"""Bytes of each file: too many to come along with an entry."""


class Reads:
    """Reads of blobs of a bucket.

    :ivar count: how many there were.
    :ivar together: whether two were under way at once.
    """

    def __init__(self) -> None:
        self.count = 0
        self.together = False
        self._under_way = 0
        self._lock = threading.Condition()

    def read(self, answer: Iterator[bytes]) -> Iterator[bytes]:
        with self._lock:
            self.count += 1
            self._under_way += 1
            self.together = self.together or self._under_way > 1
            self._lock.notify_all()
            # One by one, nobody else comes.
            if self.count == 1:
                self._lock.wait_for(lambda: self.together, 2)
        yield from answer
        with self._lock:
            self._under_way -= 1


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    reads, read = Reads(), FileBucket.read

    def counted(self: FileBucket, name: str) -> Iterator[bytes]:
        answer = read(self, name)
        return reads.read(answer) if "blobs/" in name else answer

    monkeypatch.setattr(FileBucket, "read", counted)
    return reads


def workflow(bench: Bench, body: str = "ls $1 | wc -l") -> str:
    """Write a workflow of two jobs with a Directory between them."""
    made = (
        f"mkdir d; for i in `seq {FILES}`; do head -c {SIZE} /dev/urandom > d/$i; done; chmod 555 d"
    )
    out: Any = {"out": {"type": "Directory", "outputBinding": {"glob": "d"}}}
    bench.tool("make.cwl", made, outputs=out, stdout=None)
    d = {"f": {"type": "Directory", "inputBinding": {"position": 1}}}
    bench.tool("use.cwl", body, inputs=d)
    steps = {"make": step("make.cwl", "f"), "use": step("use.cwl", "make/out")}
    wrap(bench, "wf.cwl", steps, {"out": {"type": "File", "outputSource": "use/out"}})
    return "wf.cwl"


def run(bench: Bench, home: str, *more: str) -> Run:
    job = {"f": {"class": "File", "path": str(bench.write("in.txt", "in"))}}
    return bench.run("wf.cwl", job, *options(bench), *more, store=bench.folder / home)


def plan(bench: Bench, home: str) -> Plan:
    job = {"f": {"class": "File", "path": str(bench.write("in.txt", "in"))}}
    return bench.plan("wf.cwl", job, *options(bench), store=bench.folder / home)


def options(bench: Bench) -> tuple[str, ...]:
    return (
        "--memo-shared",
        f"file://{bench.folder / 'shared'}",
        "--memo-directories",
        "content",
    )


def test_a_plan_downloads_no_file_of_a_directory(bench: Bench, reads: Reads) -> None:
    workflow(bench)
    assert run(bench, "a").executed == 2
    reads.count = 0
    planned = plan(bench, "b")
    assert set(planned.predicted.values()) == {REUSED}, planned.log
    assert reads.count == 0
    # It is keyed by what is in it, there or not.
    workflow(bench, "ls $1 | wc -l # otherwise")
    assert plan(bench, "b").predicted == {"make": REUSED, "use": "executed"}
    assert reads.count == 0


def test_the_files_of_a_directory_come_together(bench: Bench, reads: Reads) -> None:
    workflow(bench)
    cold = run(bench, "a")
    reads.count, reads.together = 0, False
    after = run(bench, "b")
    assert (after.results, after.text()) == ([REUSED, REUSED], cold.text())
    assert reads.together
    assert reads.count == FILES


def test_what_is_executed_finds_them_whole(bench: Bench, reads: Reads) -> None:
    workflow(bench, "cat $1/* | sha1sum")
    cold = run(bench, "a")
    workflow(bench, "cat $1/* | sha1sum # otherwise")
    after = run(bench, "b")
    assert (after.results, after.text()) == (["reused", "executed"], cold.text())
    assert reads.count >= FILES
