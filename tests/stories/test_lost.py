"""A file that is lost after its hit was announced costs one execution, and mixes nothing."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cwl import again
from cwl_memo.store.run_file import RunFiles

from .bench import Bench, Run
from .workflows import step

SIZE = 40_000
"""Bytes of the files of interest: too many to come along with an entry."""

BOTH = pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])

FILES: dict[str, Any] = {
    "d": {"type": "File[]", "outputBinding": {"glob": "f*"}},
    "s": {"type": "File", "outputBinding": {"glob": "sum.txt"}},
}
MAKES = f"for i in 0 1 2 3; do head -c {SIZE} /dev/urandom > f$i; done; cat f* | sha1sum > sum.txt"


class Homes:
    """Two homes that share a store in a directory."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.shared = bench.folder / "shared"

    def run(self, home: str, document: str, job: Any, *more: str) -> Run:
        where = ("--memo-shared", f"file://{self.shared}")
        return self.bench.run(document, job, *where, *more, store=self.bench.folder / home)

    def damage(self, count: int = 1000) -> None:
        """Flip a bit in some of the large blobs that are shared."""
        found = [p for p in sorted((self.shared / "blobs").rglob("*")) if p.is_file()]
        damaged = [p for p in found if p.stat().st_size == SIZE][:count]
        assert damaged
        for path in damaged:
            data = bytearray(path.read_bytes())
            data[100] ^= 1
            path.write_bytes(data)


@pytest.fixture
def homes(bench: Bench) -> Homes:
    return Homes(bench)


def random_tool(bench: Bench, name: str = "t.cwl", body: str = MAKES, **more: Any) -> Path:
    """Write a tool without inputs that gives other files each time, and their sum."""
    return bench.tool(name, body, **{"inputs": {}, "outputs": FILES, "stdout": None, **more})


def same_bytes(bench: Bench) -> Path:
    """Write a file for tools that give the same bytes each time, which nothing compresses."""
    return bench.write("same.bin", random.Random(1).randbytes(SIZE))


def sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def files_in(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        if value.get("class") == "File":
            yield value
        for item in value.values():
            yield from files_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from files_in(item)


def assert_told_as_delivered(run: Run) -> None:
    """What is printed of each file is true of it."""
    assert run.code == 0, run.log
    for item in files_in(run.output):
        data = Path(item["path"]).read_bytes()
        told = (item["checksum"], item["size"])
        assert told == (f"sha1${sha1(data)}", len(data)), item["basename"]


def assert_of_one_execution(run: Run, files: str = "d", total: str = "s") -> None:
    """The sum is that of the files."""
    assert_told_as_delivered(run)
    data = b"".join(Path(item["path"]).read_bytes() for item in run.output[files])
    assert run.text(total).split()[0] == sha1(data)


def assert_executed_once(run: Run, *jobs: str) -> None:
    """The jobs that were executed are told as such, once, in the report and in the store."""
    told = {job.name: job for job in run.record.jobs}
    assert len(told) == len(run.record.jobs)
    assert {name for name, job in told.items() if job.result == "executed"} == set(jobs)
    assert run.executed == len(jobs), run.log
    stored = {
        json.dumps(line["name"]): line["result"]
        for line in RunFiles(Path(run.record.store) / "runs").read(run.record.run)
        if line["line"] == "job"
    }
    assert {name.strip('"') for name, r in stored.items() if r == "executed"} == set(jobs)
    assert f"{len(jobs)} executed" in run.log


@BOTH
@pytest.mark.parametrize("count", [1, 4])
def test_a_job_is_executed_once_however_many_of_its_files_are_lost(
    homes: Homes, count: int, more: tuple[str, ...]
) -> None:
    random_tool(homes.bench)
    homes.run("a", "t.cwl", {})
    homes.damage(count)
    after = homes.run("b", "t.cwl", {}, *more)
    assert_of_one_execution(after)
    assert_executed_once(after, "t.cwl")
    assert (after.causes, after.not_recorded) == (["lost"], [""])
    assert "executed: a file of its entry was lost" in after.log
    later = homes.run("b", "t.cwl", {}, *more)
    assert_of_one_execution(later)
    assert (later.executed, later.text("s")) == (0, after.text("s"))


@BOTH
def test_a_job_gets_files_of_one_execution(homes: Homes, more: tuple[str, ...]) -> None:
    bench = homes.bench
    random_tool(bench)
    body = 'total=`cat $1`; shift; test "$total" = "`cat $* | sha1sum`" && echo fine'
    check_workflow(bench, body)
    homes.run("a", "wf.cwl", {"n": 1})
    homes.damage(1)
    after = homes.run("b", "wf.cwl", {"n": 2}, *more)
    assert after.code == 0, after.log
    assert after.text() == "fine\n"
    assert_executed_once(after, "a", "b", "c")


def check_workflow(bench: Bench, body: str, **outputs: str) -> None:
    """Write a workflow: ``a`` makes files and their sum, of which ``c`` is given both."""
    inputs = {
        "s": {"type": "File", "inputBinding": {"position": 1}},
        "d": {"type": "File[]", "inputBinding": {"position": 2}},
        "n": "int",
    }
    bench.tool("c.cwl", body, inputs=inputs)
    bench.tool("b.cwl", "cat $1 | sha1sum")
    c = {"run": "c.cwl", "in": {"s": "a/s", "d": "a/d", "n": "n"}, "out": ["out"]}
    # Of the first file alone, of which a job was executed before.
    b = step("b.cwl", "a/d")
    b["in"] = {"f": {"source": "a/d", "valueFrom": "$(self[0])"}}
    steps = {"a": {"run": "t.cwl", "in": {}, "out": ["d", "s"]}, "b": b, "c": c}
    kinds = {"out": "c/out", "b": "b/out", **outputs}
    bench.write(
        "wf.cwl",
        {
            "cwlVersion": "v1.2",
            "class": "Workflow",
            "requirements": {"StepInputExpressionRequirement": {}},
            "inputs": {"n": "int"},
            "outputs": {
                name: {"type": "File[]" if source == "a/d" else "File", "outputSource": source}
                for name, source in kinds.items()
            },
            "steps": steps,
        },
    )


@BOTH
def test_what_used_the_lost_execution_is_done_anew(homes: Homes, more: tuple[str, ...]) -> None:
    bench = homes.bench
    random_tool(bench)
    # The job of `b` is a hit, keyed by a file of the old execution.
    check_workflow(bench, "cat $*", d="a/d", s="a/s")
    homes.run("a", "wf.cwl", {"n": 1})
    homes.damage()
    after = homes.run("b", "wf.cwl", {"n": 2}, *more)
    assert_of_one_execution(after)
    first = Path(after.output["d"][0]["path"]).read_bytes()
    assert after.text("b").split()[0] == sha1(first)
    assert_executed_once(after, "a", "b", "c")
    assert "begins again" in after.log
    assert [event for event in after.causes if event == "lost"] == ["lost"]
    assert homes.run("b", "wf.cwl", {"n": 2}, *more).executed == 0


def test_beginning_has_an_end(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some beginnings no file waits: what is lost is a miss before anybody hears of it."""
    monkeypatch.setattr(again, "_LAZY_TIMES", 1)
    bench = homes.bench
    random_tool(bench)
    check_workflow(bench, "cat $*", d="a/d", s="a/s", e="e/out")
    document = json.loads((bench.folder / "wf.cwl").read_text())
    document["steps"]["e"] = {"run": "e.cwl", "in": {}, "out": ["out"]}
    bench.write("wf.cwl", document)
    output = {"out": {"type": "File", "outputBinding": {"glob": "f"}}}
    random_tool(bench, "e.cwl", f"head -c {SIZE} /dev/urandom > f", outputs=output)
    homes.run("a", "wf.cwl", {"n": 1})
    homes.damage()
    after = homes.run("b", "wf.cwl", {"n": 2})
    assert_of_one_execution(after)
    assert_executed_once(after, "a", "b", "c", "e")
    assert after.log.count("and reuses what it has recorded") == 1
    # Of the other the loss was seen before it was announced.
    assert after.causes.count("lost") == 1


def test_a_vandal_in_the_run_mixes_nothing(bench: Bench) -> None:
    """The same in a local store, of which a job of the run takes the blobs away."""
    random_tool(bench)
    bench.tool("v.cwl", "echo v")
    check_workflow(bench, "cat $*", d="a/d", s="a/s")
    document = json.loads((bench.folder / "wf.cwl").read_text())
    document["steps"]["c"]["in"]["v"] = "v/out"
    document["steps"]["v"] = step("v.cwl", "a/s")
    bench.write("wf.cwl", document)
    tool = json.loads((bench.folder / "c.cwl").read_text())
    bench.write("c.cwl", {**tool, "inputs": {**tool["inputs"], "v": "File"}})
    bench.run("wf.cwl", {"n": 1})
    bench.tool("v.cwl", f"rm -rf {bench.store}/blobs; echo v")
    after = bench.run("wf.cwl", {"n": 2})
    assert_of_one_execution(after)
    first = Path(after.output["d"][0]["path"]).read_bytes()
    assert after.text("b").split()[0] == sha1(first)


@BOTH
def test_a_run_that_records_nothing_executes_the_job_once(
    homes: Homes, more: tuple[str, ...]
) -> None:
    random_tool(homes.bench)
    homes.run("a", "t.cwl", {})
    homes.bench.tool("other.cwl", "true", inputs={})
    homes.run("b", "other.cwl", {})
    homes.damage(2)
    after = homes.run("b", "t.cwl", {}, "--memo-mode", "readonly", *more)
    assert_of_one_execution(after)
    assert (after.executed, after.results, after.causes) == (1, ["executed"], ["lost"])
    assert after.not_recorded == ["store-read-only"]


def test_a_readonly_user_executes_a_damaged_job_once_and_for_all(homes: Homes) -> None:
    body = f"cat {same_bytes(homes.bench)} > f"
    outputs = {"out": {"type": "File", "outputBinding": {"glob": "f"}}}
    random_tool(homes.bench, body=body, outputs=outputs)
    cold = homes.run("a", "t.cwl", {})
    homes.damage()
    readonly = ("--memo-shared-mode", "readonly")
    first = homes.run("b", "t.cwl", {}, *readonly)
    assert_told_as_delivered(first)
    assert first.output["out"]["checksum"] == cold.output["out"]["checksum"]
    assert_executed_once(first, "t.cwl")
    second = homes.run("b", "t.cwl", {}, *readonly)
    assert (second.code, second.executed, second.results) == (0, 0, ["reused"])


def test_the_same_files_go_on_without_beginning_again(homes: Homes) -> None:
    bench = homes.bench
    make = f"for i in 0 1; do cat {same_bytes(bench)} > f$i; done"
    random_tool(bench, body=f"{make}; cat f* | sha1sum > sum.txt")
    check_workflow(bench, "cat $* | wc -c", d="a/d", s="a/s")
    homes.run("a", "wf.cwl", {"n": 1})
    homes.damage()
    after = homes.run("b", "wf.cwl", {"n": 2})
    assert_of_one_execution(after)
    assert_executed_once(after, "a", "c")
    assert "begins again" not in after.log


@pytest.mark.parametrize("names_itself", [False, True], ids=["stream", "itself"])
def test_files_with_another_name_today(homes: Homes, *, names_itself: bool) -> None:
    name = f"head -c {SIZE} /dev/urandom > f.$$"
    outputs: Any = {"out": "stdout"}
    body = f"head -c {SIZE} /dev/urandom"
    if names_itself:
        outputs = {"out": {"type": "File", "outputBinding": {"glob": "f.*"}}}
        body = name
    random_tool(homes.bench, body=body, outputs=outputs, label="one")
    homes.run("a", "t.cwl", {})
    homes.damage()
    random_tool(homes.bench, body=body, outputs=outputs, label="two")
    after = homes.run("b", "t.cwl", {})
    assert_told_as_delivered(after)
    assert_executed_once(after, "t.cwl")


def test_what_changed_its_inputs_in_place_is_not_done_twice(homes: Homes) -> None:
    bench = homes.bench
    random_tool(bench)
    check_workflow(bench, "cat $*")
    homes.run("a", "wf.cwl", {"n": 1}, "--enable-ext")
    homes.damage()
    bench.tool(
        "i.cwl",
        "echo more >> $1",
        requirements={
            "InplaceUpdateRequirement": {"inplaceUpdate": True},
            "InitialWorkDirRequirement": {"listing": [{"entry": "$(inputs.f)", "writable": True}]},
        },
    )
    document = json.loads((bench.folder / "wf.cwl").read_text())
    document["inputs"]["f"] = "File"
    document["steps"] = {"i": step("i.cwl", "f"), **document["steps"]}
    document["steps"]["c"]["in"]["i"] = "i/out"
    bench.write("wf.cwl", document)
    tool = json.loads((bench.folder / "c.cwl").read_text())
    bench.write("c.cwl", {**tool, "inputs": {**tool["inputs"], "i": "File"}})
    f = {"class": "File", "path": str(bench.write("f.txt", "once\n"))}
    after = homes.run("b", "wf.cwl", {"n": 2, "f": f}, "--enable-ext")
    assert after.code == 1
    assert "job i has changed its inputs in place: run it again" in after.log
    assert (bench.folder / "f.txt").read_text() == "once\nmore\n"


def test_a_lost_file_of_a_lost_job_is_made_too(homes: Homes) -> None:
    bench = homes.bench
    output = {"out": {"type": "File", "outputBinding": {"glob": "out.txt"}}}
    make = f"head -c {SIZE} /dev/urandom > out.txt"
    random_tool(bench, "a.cwl", make, outputs=output)
    # Of the same size, and nothing that compresses.
    bench.tool("b.cwl", "tr a-z b-za < $1", stdout="out.txt")
    inputs = {
        "f": {"type": "File", "inputBinding": {"position": 1}},
        "n": {"type": "int"},
    }
    bench.tool("c.cwl", "sha1sum < $1", inputs=inputs)
    bench.write(
        "wf.cwl",
        {
            "cwlVersion": "v1.2",
            "class": "Workflow",
            "inputs": {"n": "int"},
            "outputs": {x: {"type": "File", "outputSource": f"{x}/out"} for x in "abc"},
            "steps": {
                "a": {"run": "a.cwl", "in": {}, "out": ["out"]},
                "b": step("b.cwl", "a/out"),
                "c": {"run": "c.cwl", "in": {"f": "b/out", "n": "n"}, "out": ["out"]},
            },
        },
    )
    homes.run("a", "wf.cwl", {"n": 1})
    homes.damage()
    after = homes.run("b", "wf.cwl", {"n": 2})
    assert_told_as_delivered(after)
    a, b = (Path(after.output[x]["path"]).read_bytes() for x in "ab")
    shift = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyz", b"bcdefghijklmnopqrstuvwxyza")
    assert b == a.translate(shift)
    assert after.text("c").split()[0] == sha1(b)
    assert after.executed == 3
    shutil.rmtree(homes.shared)
    assert homes.run("b", "wf.cwl", {"n": 2}).executed == 0
