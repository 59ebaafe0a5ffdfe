"""Run replay: answered at once if nothing has changed, and never if anything has."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli.replay import answer
from cwl_memo.cwl import runner
from cwl_memo.report.files import write_report
from cwl_memo.store.local import open_store

from .bench import Bench
from .workflows import scatter, step, wrap

PROG = "cwl-memo run"


@dataclass
class Again:
    """A run that may be replayed: the same words, the same directory."""

    bench: Bench
    patch: pytest.MonkeyPatch
    words: list[str]
    said: str = ""

    def run(self, env: Mapping[str, str] | None = None) -> tuple[bool, Any, int]:
        """Return whether the run was replayed, what it gave, and how many jobs it executed."""
        before = self._marks()
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        with self.patch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            patch.chdir(self.bench.folder)
            patch.setattr(sys, "argv", ["cwl-memo"])
            patch.setattr("cwl_memo.cwl.schema_cache.setup_schema", lambda *_: None)
            with redirect_stdout(out), redirect_stderr(err):
                code = answer(self.words, PROG)
                replayed = code is not None
                if code is None:
                    code = runner.run(self.words, prog=PROG, write_report=write_report)
        assert code == 0
        out.flush()
        self.said = err.getvalue()
        output = json.loads(out.buffer.getvalue())
        return replayed, output, len(self._marks()) - len(before)

    def settle(self) -> None:
        """Make all that the run saw look old, as it is after a coffee."""
        old = time.time() - 3600
        for path in [p for p in self.bench.folder.rglob("*") if p.is_file()]:
            if self.bench.store not in path.parents:
                os.utime(path, (old, old))

    def _marks(self) -> list[str]:
        counter = self.bench.counter
        return counter.read_text().splitlines() if counter.exists() else []


@pytest.fixture
def again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Again]:
    """Make runs that may be replayed."""

    def make(document: Path, job: Mapping[str, Any] | list[str], *options: str) -> Again:
        words = ["--memo-store", "store", "--outdir", "o", "--no-container", *options]
        words.append(document.name)
        if isinstance(job, list):
            words += job
        else:
            bench.write("job.json", job)
            words.append("job.json")
        return Again(bench, monkeypatch, words)

    return make


def simple(bench: Bench, again: Callable[..., Again], *options: str) -> Again:
    bench.write("in.txt", "one\n")
    return again(bench.tool(), {"f": {"class": "File", "path": "in.txt"}}, *options)


def text(output: Any, name: str = "out") -> str:
    return Path(output[name]["path"]).read_text()


def test_a_run_of_which_nothing_changed_is_replayed(
    bench: Bench, again: Callable[..., Again]
) -> None:
    runs = simple(bench, again)
    cold = runs.run()
    assert cold[0] is False
    assert cold[2] == 1
    warm = runs.run()
    assert warm == (True, cold[1], 0)
    assert text(warm[1]) == "one\n"
    assert "nothing has changed since run" in runs.said
    assert "[job tool.cwl] reused from run" in runs.said


def test_a_replay_is_a_run_with_its_record_and_its_report(
    bench: Bench, again: Callable[..., Again]
) -> None:
    runs = simple(bench, again, "--memo-report", "report.json")
    runs.run()
    (bench.folder / "report.json").unlink()
    assert runs.run()[0]
    report = json.loads((bench.folder / "report.json").read_text())
    assert report["summary"]["reused"] == 1
    assert report["status"] == "success"
    store = open_store(bench.store)
    lines = store.read_run(store.runs()[-1])
    assert [line["line"] for line in lines] == ["run", "job", "end"]
    assert lines[0]["run"] == report["run"] == store.runs()[-1]
    assert lines[1]["origin_run"] == store.runs()[0]
    store.close()


def test_outputs_that_were_deleted_or_edited_are_delivered_again(
    bench: Bench, again: Callable[..., Again]
) -> None:
    runs = simple(bench, again)
    out = Path(runs.run()[1]["out"]["path"])
    out.unlink()
    assert runs.run()[0]
    assert out.read_text() == "one\n"
    out.write_text("two\n")
    assert runs.run()[0]
    assert out.read_text() == "one\n"
    # Of the same length, and with its times set back.
    seen = out.stat()
    out.write_text("two\n")
    os.utime(out, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert runs.run()[0]
    assert out.read_text() == "one\n"
    out.chmod(0o755)
    assert runs.run()[0]
    assert not os.access(out, os.X_OK)


def test_an_output_that_still_stands_is_left_alone(
    bench: Bench, again: Callable[..., Again]
) -> None:
    runs = simple(bench, again)
    out = Path(runs.run()[1]["out"]["path"])
    old = time.time() - 3600
    os.utime(out, (old, old))
    # Its times were changed; its bytes are those that would be delivered.
    while time.time() - out.stat().st_ctime < 2.5:
        time.sleep(0.1)
    before = out.stat()
    for _ in range(2):
        assert runs.run()[0]
        after = out.stat()
        assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


def test_delivered_files_are_no_links_to_blobs(bench: Bench, again: Callable[..., Again]) -> None:
    runs = simple(bench, again)
    out = Path(runs.run()[1]["out"]["path"])
    out.unlink()
    assert runs.run()[0]
    assert out.stat().st_nlink == 1
    out.write_text("mine\n")
    out.unlink()
    assert runs.run()[0]
    assert out.read_text() == "one\n"


# what ends a replay -------------------------------------------------------------------------


def edit_input(bench: Bench) -> None:
    bench.write("in.txt", "two\n")


def edit_input_unseen(bench: Bench) -> None:
    path = bench.folder / "in.txt"
    seen = path.stat()
    path.write_text("two\n")
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def replace_input(bench: Bench) -> None:
    other = bench.write("other", "two\n")
    other.replace(bench.folder / "in.txt")


def link_input(bench: Bench) -> None:
    other = bench.write("other", "two\n")
    path = bench.folder / "in.txt"
    path.unlink()
    path.symlink_to(other)


def edit_tool(bench: Bench) -> None:
    bench.tool(body="cat $1; echo two")


def edit_job(bench: Bench) -> None:
    bench.write("two.txt", "two\n")
    bench.write("job.json", {"f": {"class": "File", "path": "two.txt"}})


CHANGES = [edit_input, edit_input_unseen, replace_input, link_input, edit_tool, edit_job]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("settled", [False, True], ids=["young", "settled"])
def test_no_replay_after_a_change(
    bench: Bench, again: Callable[..., Again], change: Callable[[Bench], None], settled: bool
) -> None:
    runs = simple(bench, again)
    if settled:
        runs.settle()
    runs.run()
    assert runs.run()[0]
    change(bench)
    replayed, output, executed = runs.run()
    assert (replayed, executed) == (False, 1)
    assert "two" in text(output)


def test_replay_after_a_change_that_was_taken_back(
    bench: Bench, again: Callable[..., Again]
) -> None:
    runs = simple(bench, again)
    first = runs.run()[1]
    edit_input(bench)
    assert runs.run()[0] is False
    bench.write("in.txt", "one\n")
    replayed, output, executed = runs.run()
    assert (replayed, executed, output) == (False, 0, first)
    assert runs.run() == (True, first, 0)


def test_replay_after_inputs_were_touched(bench: Bench, again: Callable[..., Again]) -> None:
    runs = simple(bench, again)
    runs.run()
    runs.settle()
    assert runs.run()[0]


def test_no_replay_when_an_import_changes(bench: Bench, again: Callable[..., Again]) -> None:
    bench.write("in.txt", "one\n")
    bench.write("types.yml", [{"$import": "deep.yml"}])
    bench.write("deep.yml", {"name": "mood", "type": "enum", "symbols": ["sad"]})
    tool = bench.tool(
        requirements=[{"class": "SchemaDefRequirement", "types": [{"$import": "deep.yml"}]}]
    )
    runs = again(tool, {"f": {"class": "File", "path": "in.txt"}})
    runs.run()
    assert runs.run()[0]
    bench.write("deep.yml", {"name": "mood", "type": "enum", "symbols": ["sad", "glad"]})
    assert runs.run()[0] is False


def test_no_replay_when_an_include_changes(bench: Bench, again: Callable[..., Again]) -> None:
    bench.write("in.txt", "one\n")
    bench.write("lib.js", "function f() { return 'one'; }")
    tool = bench.tool(
        body="echo $2",
        requirements=[
            {"class": "InlineJavascriptRequirement", "expressionLib": [{"$include": "lib.js"}]}
        ],
        inputs={
            "f": {"type": "File", "inputBinding": {"position": 1}},
            "g": {"type": "string?", "inputBinding": {"position": 2, "valueFrom": "$(f())"}},
        },
    )
    runs = again(tool, {"f": {"class": "File", "path": "in.txt"}, "g": "x"})
    assert text(runs.run()[1]) == "one\n"
    assert runs.run()[0]
    bench.write("lib.js", "function f() { return 'two'; }")
    replayed, output, _ = runs.run()
    assert (replayed, text(output)) == (False, "two\n")


def test_no_replay_when_the_tool_of_a_step_changes(
    bench: Bench, again: Callable[..., Again]
) -> None:
    bench.write("in.txt", "one\n")
    tool = bench.tool("inner.cwl")
    flow = wrap(
        bench,
        "wf.cwl",
        {"s": step("inner.cwl", "f")},
        {"out": {"type": "File", "outputSource": "s/out"}},
    )
    runs = again(flow, {"f": {"class": "File", "path": "in.txt"}})
    runs.run()
    assert runs.run()[0]
    bench.tool(tool.name, body="cat $1; echo two")
    replayed, output, executed = runs.run()
    assert (replayed, executed, text(output)) == (False, 1, "one\ntwo\n")


def test_no_replay_when_a_default_file_changes(bench: Bench, again: Callable[..., Again]) -> None:
    bench.write("in.txt", "one\n")
    tool = bench.tool(
        inputs={
            "f": {
                "type": "File",
                "default": {"class": "File", "location": "in.txt"},
                "inputBinding": {"position": 1},
            }
        }
    )
    runs = again(tool, {})
    assert text(runs.run()[1]) == "one\n"
    assert runs.run()[0]
    bench.write("in.txt", "two\n")
    replayed, output, _ = runs.run()
    assert (replayed, text(output)) == (False, "two\n")


def test_no_replay_when_a_secondary_file_appears_or_goes(
    bench: Bench, again: Callable[..., Again]
) -> None:
    bench.write("in.txt", "one\n")
    tool = bench.tool(
        body="cat $1*",
        inputs={
            "f": {
                "type": "File",
                "secondaryFiles": [".idx?"],
                "inputBinding": {"position": 1},
            }
        },
    )
    runs = again(tool, {"f": {"class": "File", "path": "in.txt"}})
    assert text(runs.run()[1]) == "one\n"
    assert runs.run()[0]
    index = bench.write("in.txt.idx", "two\n")
    replayed, output, _ = runs.run()
    assert (replayed, text(output)) == (False, "one\ntwo\n")
    assert runs.run()[0]
    index.unlink()
    replayed, output, _ = runs.run()
    assert (replayed, text(output)) == (False, "one\n")


def test_no_replay_when_a_program_changes_or_another_comes_first(
    bench: Bench, again: Callable[..., Again]
) -> None:
    bench.write("in.txt", "one\n")
    for name, said in (("bin1", "one"), ("bin2", "two")):
        bench.write(f"{name}/hello", f"#!/bin/sh\necho {said}\n").chmod(0o755)
    (bench.folder / "bin2/hello").rename(bench.folder / "bin2/not")
    tool = bench.tool(body="hello")
    runs = again(tool, {"f": {"class": "File", "path": "in.txt"}})
    folder = bench.folder
    env = {"PATH": f"{folder}/bin2:{folder}/bin1:{os.environ['PATH']}"}
    assert text(runs.run(env)[1]) == "one\n"
    assert runs.run(env)[0]
    (folder / "bin2/not").rename(folder / "bin2/hello")
    replayed, output, _ = runs.run(env)
    assert (replayed, text(output)) == (False, "two\n")
    assert runs.run(env)[0]
    bench.write("bin2/hello", "#!/bin/sh\necho six\n")
    replayed, output, _ = runs.run(env)
    assert (replayed, text(output)) == (False, "six\n")


def test_no_replay_under_another_environment(bench: Bench, again: Callable[..., Again]) -> None:
    bench.write("in.txt", "one\n")
    tool = bench.tool(body="echo $WORD")
    runs = again(tool, {"f": {"class": "File", "path": "in.txt"}}, "--preserve-environment", "WORD")
    assert text(runs.run({"WORD": "one"})[1]) == "one\n"
    assert runs.run({"WORD": "one"})[0]
    replayed, output, _ = runs.run({"WORD": "two"})
    assert (replayed, text(output)) == (False, "two\n")
    assert runs.run({"WORD": "two"})[0]
    assert runs.run({"WORD": "one"})[0]


def test_replay_from_another_terminal(bench: Bench, again: Callable[..., Again]) -> None:
    runs = simple(bench, again)
    runs.run({"TERM": "xterm", "SSH_TTY": "/dev/pts/1"})
    assert runs.run({"TERM": "vt100", "COLUMNS": "80"})[0]


def test_no_replay_once_an_entry_is_gone(bench: Bench, again: Callable[..., Again]) -> None:
    runs = simple(bench, again)
    runs.run()
    store = open_store(bench.store)
    store.clear(list(store.keys()))
    store.close()
    replayed, output, executed = runs.run()
    assert (replayed, executed, text(output)) == (False, 1, "one\n")


def test_no_replay_of_what_another_execution_gave_since(
    bench: Bench, again: Callable[..., Again]
) -> None:
    """``recache`` replaces the entries: what they give now is what counts."""
    bench.write("in.txt", "one\n")
    bench.write("word", "one")
    tool = bench.tool(body=f"cat {bench.folder}/word")
    job = {"f": {"class": "File", "path": "in.txt"}}
    runs = again(tool, job)
    assert text(runs.run()[1]) == "one"
    assert runs.run()[0]
    bench.write("word", "two")
    again(tool, job, "--memo-mode", "recache").run()
    replayed, output, executed = runs.run()
    assert (replayed, executed, text(output)) == (False, 0, "two")


@pytest.mark.parametrize("damage", [b"", b"two\n", b"one\nmore"], ids=["cut", "flipped", "longer"])
def test_no_replay_from_a_damaged_blob(
    bench: Bench, again: Callable[..., Again], damage: bytes
) -> None:
    runs = simple(bench, again)
    out = Path(runs.run()[1]["out"]["path"])
    out.unlink()
    for blob in (bench.store / "blobs").glob("*/*"):
        if blob.read_bytes() == b"one\n":
            blob.chmod(0o644)
            blob.write_bytes(damage)
    replayed, output, executed = runs.run()
    assert (replayed, executed, text(output)) == (False, 1, "one\n")


def test_no_replay_from_a_damaged_manifest(bench: Bench, again: Callable[..., Again]) -> None:
    runs = simple(bench, again)
    first = runs.run()[1]
    (manifest,) = (bench.store / "replays").glob("*.json")
    sound = manifest.read_bytes()
    for damaged in (b"", sound[:-9], sound[:300] + b"~" + sound[301:], b"{}", b"\xff"):
        manifest.write_bytes(damaged)
        assert runs.run() == (False, first, 0)


def test_no_replay_into_a_place_that_is_taken(bench: Bench, again: Callable[..., Again]) -> None:
    runs = simple(bench, again)
    out = Path(runs.run()[1]["out"]["path"])
    out.unlink()
    out.mkdir()
    before = sorted(out.parent.rglob("*"))
    assert answer_only(runs) is None
    assert sorted(out.parent.rglob("*")) == before


def answer_only(runs: Again) -> int | None:
    with runs.patch.context() as patch:
        patch.chdir(runs.bench.folder)
        with redirect_stdout(io.StringIO()) as out:
            code = answer(runs.words, PROG)
        assert code is not None or not out.getvalue()
        return code


def test_no_replay_when_it_is_switched_off(bench: Bench, again: Callable[..., Again]) -> None:
    runs = simple(bench, again)
    runs.run({"CWL_MEMO_REPLAY": "off"})
    assert not list(bench.store.glob("replays/*"))
    runs.run()
    assert list(bench.store.glob("replays/*"))
    runs.words.insert(0, "--no-memo-replay")
    assert runs.run()[0] is False


# what leaves no manifest ---------------------------------------------------------------------


def expression_tool(bench: Bench, inputs: Any, expression: str) -> Path:
    return bench.write(
        "expression.cwl",
        {
            "cwlVersion": "v1.2",
            "class": "ExpressionTool",
            "requirements": {"InlineJavascriptRequirement": {}},
            "inputs": inputs,
            "outputs": {"out": "string"},
            "expression": expression,
        },
    )


def nothing_kept(bench: Bench) -> bool:
    return not list(bench.store.glob("replays/*.json"))


def test_no_manifest_of_a_run_with_a_refused_job(bench: Bench, again: Callable[..., Again]) -> None:
    bench.write("in.txt", "one\n")
    tool = bench.tool(requirements=[{"class": "WorkReuse", "enableReuse": False}])
    runs = again(tool, {"f": {"class": "File", "path": "in.txt"}})
    runs.run()
    assert nothing_kept(bench)
    assert runs.run()[2] == 1


def test_no_manifest_of_a_workflow_that_tells_the_time(
    bench: Bench, again: Callable[..., Again]
) -> None:
    bench.write("in.txt", "one\n")
    bench.tool(
        "inner.cwl",
        body="echo $2",
        inputs={
            "f": {"type": "File", "inputBinding": {"position": 1}},
            "w": {"type": "string", "inputBinding": {"position": 2}},
        },
    )
    one = step("inner.cwl", "f")
    one["in"]["w"] = {"valueFrom": "$(String(new Date().getTime()))"}
    flow = wrap(
        bench,
        "wf.cwl",
        {"s": one},
        {"out": {"type": "File", "outputSource": "s/out"}},
        requirements={"InlineJavascriptRequirement": {}, "StepInputExpressionRequirement": {}},
    )
    runs = again(flow, {"f": {"class": "File", "path": "in.txt"}})
    runs.run()
    assert nothing_kept(bench)


def test_no_manifest_of_an_expression_tool_that_tells_a_path(
    bench: Bench, again: Callable[..., Again]
) -> None:
    bench.write("in.txt", "one\n")
    tool = expression_tool(bench, {"f": "File"}, "${return {out: inputs.f.path};}")
    runs = again(tool, {"f": {"class": "File", "path": "in.txt"}})
    runs.run()
    assert nothing_kept(bench)


def test_no_replay_when_what_an_expression_tool_read_changes(
    bench: Bench, again: Callable[..., Again]
) -> None:
    bench.write("in.txt", "one\n")
    tool = expression_tool(
        bench,
        {"f": {"type": "File", "loadContents": True}},
        "${return {out: inputs.f.contents};}",
    )
    runs = again(tool, {"f": {"class": "File", "path": "in.txt"}})
    runs.settle()
    while time.time() - (bench.folder / "in.txt").stat().st_ctime < 2.5:
        time.sleep(0.1)
    assert runs.run()[1]["out"] == "one\n"
    assert runs.run()[0]
    edit_input_unseen(bench)
    assert runs.run()[:2] == (False, {"out": "two\n"})


def test_no_manifest_with_secrets(bench: Bench, again: Callable[..., Again]) -> None:
    bench.write("in.txt", "one\n")
    tool = bench.tool(
        body="cat $1",
        inputs={"f": {"type": "File", "inputBinding": {"position": 1}}, "pw": "string"},
        hints=[{"class": "http://commonwl.org/cwltool#Secrets", "secrets": ["pw"]}],
    )
    runs = again(tool, {"f": {"class": "File", "path": "in.txt"}, "pw": "hunter2"})
    runs.run()
    assert nothing_kept(bench)


def test_no_manifest_of_a_failed_run(
    bench: Bench, again: Callable[..., Again], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = simple(bench, again)
    bench.tool(body="exit 3")
    monkeypatch.chdir(bench.folder)
    assert runner.run(runs.words, prog=PROG, write_report=write_report) == 1
    assert nothing_kept(bench)


def test_the_jobs_of_a_scatter_are_replayed_with_equal_names(
    bench: Bench, again: Callable[..., Again]
) -> None:
    for i in range(3):
        bench.write(f"in{i}.txt", f"{i}\n")
    flow = scatter(bench, bench.tool("inner.cwl"))
    files = [{"class": "File", "path": f"in{i}.txt"} for i in range(3)]
    runs = again(flow, {"f": files})
    cold = runs.run()
    assert cold[2] == 3
    assert runs.run() == (True, cold[1], 0)
    assert [Path(f["path"]).read_text() for f in cold[1]["out"]] == ["0\n", "1\n", "2\n"]


def test_a_run_into_another_directory_is_replayed(
    bench: Bench, again: Callable[..., Again]
) -> None:
    for i in range(2):
        bench.write(f"in{i}.txt", f"{i}\n")
    flow = scatter(bench, bench.tool("inner.cwl"))
    files = [{"class": "File", "path": f"in{i}.txt"} for i in range(2)]
    runs = again(flow, {"f": files})
    first = runs.run()[1]
    runs.words[runs.words.index("o")] = "else where/ü"
    replayed, output, executed = runs.run()
    assert (replayed, executed) == (True, 0)
    runs.words.insert(0, "--no-memo-replay")
    assert runs.run() == (False, output, 0)
    place = bench.folder / "else where/ü"
    assert [Path(item["path"]).parent for item in output["out"]] == [place, place]
    assert [Path(item["path"]).read_text() for item in output["out"]] == ["0\n", "1\n"]
    assert [item["checksum"] for item in first["out"]] == [i["checksum"] for i in output["out"]]


def test_an_input_called_outdir_is_no_output_directory(
    bench: Bench, again: Callable[..., Again]
) -> None:
    tool = bench.tool(
        body="echo $1",
        inputs={"outdir": {"type": "string", "inputBinding": {"position": 1}}},
    )
    runs = again(tool, ["--outdir", "one"])
    assert text(runs.run()[1]) == "one\n"
    assert runs.run()[0]
    runs.words[-1] = "two"
    replayed, output, _ = runs.run()
    assert (replayed, text(output)) == (False, "two\n")
    assert Path(output["out"]["path"]).parent == bench.folder / "o"


def test_a_replay_writes_its_report_where_this_run_wants_it(
    bench: Bench, again: Callable[..., Again]
) -> None:
    runs = simple(bench, again)
    runs.run()
    assert runs.run({"CWL_MEMO_REPORT": "one.json"})[0]
    runs.words[:0] = ["--memo-report", "two.json"]
    assert runs.run()[0]
    one, two = (json.loads((bench.folder / f"{n}.json").read_text()) for n in ("one", "two"))
    assert one["run"] != two["run"]
    assert one["summary"] == two["summary"]
    runs.words[1] = "no such/two.json"
    assert answer_only(runs) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_no_manifest_with_a_program_that_cannot_be_read(
    bench: Bench, again: Callable[..., Again]
) -> None:
    bench.write("in.txt", "one\n")
    bench.write("bin/hello", "#!/bin/sh\necho one\n").chmod(0o111)
    runs = again(bench.tool(body="hello || :"), {"f": {"class": "File", "path": "in.txt"}})
    runs.run({"PATH": f"{bench.folder}/bin:{os.environ['PATH']}"})
    assert nothing_kept(bench)


# three attacks -------------------------------------------------------------------------------

CLOCK = "$(String(new Date().getTime()))"


def telling(bench: Bench, expression: str, **fields: Any) -> Path:
    """Write a workflow that hands its tool what an expression of a step gives."""
    bench.write("in.txt", "one\n")
    bench.tool(
        "inner.cwl",
        body="echo $2",
        inputs={
            "f": {"type": "File", "inputBinding": {"position": 1}},
            "w": {"type": "string", "inputBinding": {"position": 2}},
        },
    )
    one = step("inner.cwl", "f")
    one["in"]["w"] = {"valueFrom": expression}
    requirements: dict[str, Any] = {
        "InlineJavascriptRequirement": {},
        "StepInputExpressionRequirement": {},
    }
    fields.setdefault("requirements", requirements)
    outputs = {"out": {"type": "File", "outputSource": "s/out"}}
    return wrap(bench, "wf.cwl", {"s": one}, outputs, **fields)


def test_no_manifest_when_the_input_object_brings_code_that_tells_the_time(
    bench: Bench, again: Callable[..., Again]
) -> None:
    """``cwl:requirements`` stand in no document."""
    library = {
        "class": "InlineJavascriptRequirement",
        "expressionLib": [f"function now() {{ return {CLOCK[2:-1]}; }}"],
    }
    flow = telling(bench, "$(now())", requirements={"StepInputExpressionRequirement": {}})
    job = {"f": {"class": "File", "path": "in.txt"}, "cwl:requirements": [library]}
    runs = again(flow, job)
    first = text(runs.run()[1])
    assert nothing_kept(bench)
    assert text(runs.run()[1]) != first


def test_no_replay_when_a_directory_that_an_expression_listed_changes(
    bench: Bench, again: Callable[..., Again]
) -> None:
    bench.write("d/one", "")
    tool = expression_tool(
        bench,
        {"d": {"type": "Directory", "loadListing": "shallow_listing"}},
        "${return {out: String(inputs.d.listing.length)};}",
    )
    runs = again(tool, {"d": {"class": "Directory", "location": "d"}})
    while time.time() - (bench.folder / "d").stat().st_ctime < 2.5:
        time.sleep(0.1)
    assert runs.run()[1]["out"] == "1"
    assert runs.run()[0]
    bench.write("d/two", "")
    assert runs.run()[:2] == (False, {"out": "2"})


def test_no_manifest_when_the_clock_decides_about_reuse(
    bench: Bench, again: Callable[..., Again]
) -> None:
    bench.write("in.txt", "one\n")
    tool = bench.tool(
        requirements=[
            {"class": "InlineJavascriptRequirement"},
            {"class": "WorkReuse", "enableReuse": "$(new Date().getTime() > 0)"},
        ]
    )
    again(tool, {"f": {"class": "File", "path": "in.txt"}}).run()
    assert nothing_kept(bench)


def test_no_manifest_when_the_time_zone_shows(bench: Bench, again: Callable[..., Again]) -> None:
    """It may be set by a file of the machine."""
    flow = telling(bench, "$(new Date(0).toString())")
    again(flow, {"f": {"class": "File", "path": "in.txt"}}).run()
    assert nothing_kept(bench)
