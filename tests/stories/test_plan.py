"""Plans: what a run would do, told without doing it."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cwl import plan as planning
from cwl_memo.errors import UsageError

from .bench import Bench, namespaces
from .workflows import chain, scatter, step, wrap

JSON = Any

JAVASCRIPT: dict[str, Any] = {
    "InlineJavascriptRequirement": {},
    "StepInputExpressionRequirement": {},
}


def file(path: Path) -> dict[str, Any]:
    return {"class": "File", "path": str(path)}


@pytest.fixture
def data(bench: Bench) -> dict[str, Any]:
    return {"f": file(bench.write("in.txt", "one\n"))}


def everything(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return by what each file below a folder is known to be as it was."""
    return {
        str(path): (found.st_ino, found.st_mtime_ns, found.st_ctime_ns)
        for path in sorted(folder.rglob("*"))
        for found in [path.lstat()]
    }


def test_a_plan_of_a_new_workflow_executes_the_first_job_and_waits_with_the_next(
    bench: Bench, data: JSON
) -> None:
    workflow = chain(bench, "cat $1", "cat $1", "cat $1")
    plan = bench.plan(workflow, data)
    assert plan.code == 0
    assert plan.predicted == {"s1": "executed", "s2": "unknown", "s3": "unknown"}
    assert plan.jobs["s1"].cause == "no-entry"
    assert plan.jobs["s2"].awaits == plan.jobs["s3"].awaits == ("s1",)
    assert plan.record is not None
    assert plan.record.would_execute


def test_a_plan_of_what_has_been_run_reuses_all_and_tells_what_that_saves(
    bench: Bench, data: JSON
) -> None:
    workflow = chain(bench, "cat $1", "cat $1")
    bench.run(workflow, data)
    plan = bench.plan(workflow, data)
    assert plan.predicted == {"s1": "reused", "s2": "reused"}
    assert plan.record is not None
    assert not plan.record.would_execute
    warm = bench.run(workflow, data).record
    assert plan.record.bytes_reused == warm.bytes_reused > 0
    assert plan.record.seconds_saved == warm.seconds_saved


def test_a_plan_goes_on_behind_jobs_that_are_reused(bench: Bench, data: JSON) -> None:
    workflow = chain(bench, "cat $1", "cat $1", "cat $1")
    bench.run(workflow, data)
    bench.tool("t2.cwl", "cat $1 $1")
    plan = bench.plan(workflow, data)
    assert plan.predicted == {"s1": "reused", "s2": "executed", "s3": "unknown"}
    assert plan.jobs["s2"].cause == "changed"
    assert plan.jobs["s2"].differs[0].startswith("tool.arguments")
    first = plan.jobs["s3"].upstream
    assert first is not None
    assert (first.job, first.cause) == ("s2", "changed")


def test_a_plan_changes_nothing(
    bench: Bench,
    data: JSON,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    workflow = chain(bench, "cat $1", "cat $1")
    bench.run(workflow, data)
    bench.tool("t2.cwl", "cat $1 $1")
    bench.write("job.json", data)
    temporary = tmp_path_factory.mktemp("tmp")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    before = everything(bench.folder)
    marks = bench.counter.read_text()
    for options in ([], ["--parallel"], ["--leave-tmpdir"], ["--provenance", "ro"]):
        plan = bench.plan(workflow, "job.json", *options)
        assert plan.predicted == {"s1": "reused", "s2": "executed"}
        assert everything(bench.folder) == before
        assert not list(temporary.iterdir())
    assert bench.counter.read_text() == marks


def test_a_plan_delivers_no_outputs(bench: Bench, data: JSON) -> None:
    workflow = chain(bench, "cat $1", "cat $1")
    run = bench.run(workflow, data)
    plan = bench.plan(workflow, data)
    assert plan.predicted == {"s1": "reused", "s2": "reused"}
    assert [path.name for path in bench.folder.glob("outdir*")] == [run.outdir.name]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_plan_makes_no_store(bench: Bench, data: JSON, is_there: bool) -> None:
    if is_there:
        bench.store.mkdir()
    assert bench.plan(bench.tool(), data).jobs["tool.cwl"].cause == "no-entry"
    assert bench.store.exists() is is_there
    assert not is_there or not list(bench.store.iterdir())


def test_jobs_stand_behind_those_that_they_wait_for(bench: Bench, data: JSON) -> None:
    steps = {
        "c": step(bench.tool("c.cwl"), "f"),
        "b": step(bench.tool("b.cwl"), "c/out"),
        "a": step(bench.tool("a.cwl"), "b/out"),
        "d": step(bench.tool("d.cwl"), "a/out"),
    }
    outputs = {"out": {"type": "File", "outputSource": "d/out"}}
    plan = bench.plan(wrap(bench, "wf.cwl", steps, outputs), data)
    assert list(plan.jobs) == ["c", "b", "a", "d"]
    assert plan.jobs["d"].awaits == ("c",)


def test_a_long_chain_is_planned_to_its_end(bench: Bench, data: JSON) -> None:
    tool = bench.tool()
    steps = {f"s{i}": step(tool, f"s{i - 1}/out" if i else "f") for i in range(60)}
    outputs = {"out": {"type": "File", "outputSource": "s59/out"}}
    plan = bench.plan(wrap(bench, "wf.cwl", steps, outputs), data)
    assert list(plan.jobs) == list(steps)
    assert plan.jobs["s59"].awaits == ("s0",)


def test_a_job_that_is_refused_is_planned_as_refused(bench: Bench, data: JSON) -> None:
    tool = bench.tool(hints={"WorkReuse": {"enableReuse": False}})
    job = bench.plan(tool, data).jobs["tool.cwl"]
    assert (job.predicted, job.cause, job.lookup) == ("refused", "work-reuse-off", "refusal")


def test_a_scatter_is_planned_job_by_job(bench: Bench) -> None:
    files = [bench.write(f"{name}.txt", name) for name in "abc"]
    workflow = scatter(bench, bench.tool())
    bench.run(workflow, {"f": [file(path) for path in files[:2]]})
    plan = bench.plan(workflow, {"f": [file(path) for path in files]})
    assert plan.predicted == {"s": "reused", "s_2": "reused", "s_3": "executed"}


def test_a_scatter_that_waits_is_one_line(bench: Bench, data: JSON) -> None:
    split = bench.tool(
        "split.cwl",
        "for i in 1 2; do echo $i > $i.part; done",
        outputs={"parts": {"type": "File[]", "outputBinding": {"glob": "*.part"}}},
    )
    workflow = wrap(
        bench,
        "wf.cwl",
        {
            "split": step(split, "f", "parts"),
            "each": step(bench.tool(), "split/parts", scatter="f"),
        },
        {"out": {"type": "File[]", "outputSource": "each/out"}},
        requirements={"ScatterFeatureRequirement": {}},
    )
    plan = bench.plan(workflow, data)
    assert plan.predicted == {"split": "executed", "each": "unknown"}
    assert plan.jobs["each"].scatter
    assert plan.jobs["each"].awaits == ("split",)
    bench.run(workflow, data)
    assert bench.plan(workflow, data).predicted == {
        "split": "reused",
        "each": "reused",
        "each_2": "reused",
    }


def test_the_second_of_two_equal_jobs_waits_for_the_first(bench: Bench) -> None:
    path = bench.write("in.txt", "same")
    workflow = scatter(bench, bench.tool())
    values = {"f": [file(path), file(path)]}
    plan = bench.plan(workflow, values)
    assert plan.predicted == {"s": "executed", "s_2": "unknown"}
    assert plan.jobs["s_2"].awaits == ("s",)
    assert bench.plan(workflow, values, "--memo-mode", "recache").predicted == {
        "s": "executed",
        "s_2": "executed",
    }


def test_a_nested_workflow_that_waits_is_planned_tool_by_tool(bench: Bench, data: JSON) -> None:
    inner = chain(bench, "cat $1", "cat $1", name="inner.cwl")
    first = bench.tool("first.cwl")
    workflow = wrap(
        bench,
        "wf.cwl",
        {"first": step(first, "f"), "sub": step(inner, "first/out")},
        {"out": {"type": "File", "outputSource": "sub/out"}},
        requirements={"SubworkflowFeatureRequirement": {}},
    )
    plan = bench.plan(workflow, data)
    assert plan.predicted == {"first": "executed", "sub/s1": "unknown", "sub/s2": "unknown"}
    assert plan.jobs["sub/s2"].tool == "t2.cwl"
    bench.run(workflow, data)
    bench.tool("t1.cwl", "cat $1 $1")
    plan = bench.plan(workflow, data)
    assert plan.predicted == {"first": "reused", "s1": "executed", "s2": "unknown"}
    assert plan.jobs["s2"].awaits == ("s1",)


def test_what_follows_a_nested_workflow_waits_for_the_job_in_it(bench: Bench, data: JSON) -> None:
    inner = chain(bench, "cat $1", name="inner.cwl")
    workflow = wrap(
        bench,
        "wf.cwl",
        {"sub": step(inner, "f"), "last": step(bench.tool("last.cwl"), "sub/out")},
        {"out": {"type": "File", "outputSource": "last/out"}},
        requirements={"SubworkflowFeatureRequirement": {}},
    )
    plan = bench.plan(workflow, data)
    assert plan.predicted == {"s1": "executed", "last": "unknown"}
    assert plan.jobs["last"].awaits == ("s1",)


def with_decision(bench: Bench, when: str) -> Path:
    expression = {
        "class": "ExpressionTool",
        "cwlVersion": "v1.2",
        "requirements": {"InlineJavascriptRequirement": {}},
        "inputs": {"n": "int"},
        "outputs": {"m": "int"},
        "expression": "${ return {m: inputs.n + 1}; }",
    }
    tool = bench.tool("t.cwl", inputs={"f": {"type": "File", "inputBinding": {}}, "m": "int?"})
    return wrap(
        bench,
        "wf.cwl",
        {
            "add": {"run": expression, "in": {"n": "n"}, "out": ["m"]},
            "use": {
                "run": str(tool),
                "in": {"f": "f", "m": "add/m"},
                "when": when,
                "out": ["out"],
            },
        },
        {"out": {"type": "File?", "outputSource": "use/out"}},
        inputs={"f": "File", "n": "int"},
        requirements=JAVASCRIPT,
    )


def test_expressions_and_conditions_are_evaluated_where_their_inputs_are_known(
    bench: Bench, data: JSON
) -> None:
    workflow = with_decision(bench, "$(inputs.m > 1)")
    assert bench.plan(workflow, {**data, "n": 1}).predicted == {"use": "executed"}
    plan = bench.plan(workflow, {**data, "n": 0})
    assert plan.predicted == {}
    assert plan.record is not None
    assert not plan.record.would_execute


def test_files_of_reused_jobs_can_be_looked_into(bench: Bench, data: JSON) -> None:
    tool = bench.tool(
        "t.cwl",
        "true",
        inputs={"text": {"type": "string", "inputBinding": {"position": 1}}},
    )
    use = {
        "run": str(tool),
        "in": {"text": {"source": "s1/out", "loadContents": True, "valueFrom": "$(self.contents)"}},
        "out": ["out"],
    }
    workflow = wrap(
        bench,
        "wf.cwl",
        {"s1": step(bench.tool("t1.cwl"), "f"), "use": use},
        {"out": {"type": "File", "outputSource": "use/out"}},
        requirements=JAVASCRIPT,
    )
    bench.run(workflow, data)
    assert bench.plan(workflow, data).predicted == {"s1": "reused", "use": "reused"}


def test_the_further_rounds_of_a_loop_are_unknown(bench: Bench) -> None:
    tool = bench.tool(
        "inc.cwl",
        "expr $1 + 1",
        inputs={"n": {"type": "int", "inputBinding": {"position": 1}}},
        outputs={
            "m": {
                "type": "int",
                "outputBinding": {
                    "glob": "out.txt",
                    "loadContents": True,
                    "outputEval": "$(parseInt(self[0].contents))",
                },
            }
        },
        requirements={"InlineJavascriptRequirement": {}},
    )
    loop = {"loopWhen": "$(inputs.n < 3)", "loop": {"n": "m"}, "outputMethod": "last"}
    workflow = wrap(
        bench,
        "loop.cwl",
        {
            "inc": {
                "run": str(tool),
                "in": {"n": "n"},
                "out": ["m"],
                "requirements": {"cwltool:Loop": loop},
            }
        },
        {"m": {"type": "int?", "outputSource": "inc/m"}},
        inputs={"n": "int"},
        requirements={**JAVASCRIPT, "SubworkflowFeatureRequirement": {}},
        **namespaces({"cwltool": "http://commonwl.org/cwltool#"}),
    )
    plan = bench.plan(workflow, {"n": 1}, ext=True)
    assert plan.predicted == {"inc": "executed", "inc (loop)": "unknown"}
    assert plan.jobs["inc (loop)"].awaits == ("inc",)
    bench.run(workflow, {"n": 1}, ext=True)
    assert bench.plan(workflow, {"n": 1}, ext=True).predicted == {
        "inc": "reused",
        "inc_2": "reused",
    }


def test_an_edit_of_the_outputs_is_planned_as_reuse_and_not_recorded(
    bench: Bench, data: JSON
) -> None:
    bench.run(bench.tool(), data)
    outputs = {"other": {"type": "File", "outputBinding": {"glob": "*.txt"}}}
    tool = bench.tool(outputs=outputs)
    bench.write("job.json", data)
    before = everything(bench.store)
    assert bench.plan(tool, "job.json").predicted == {"tool.cwl": "reused"}
    assert everything(bench.store) == before


def test_a_damaged_entry_is_planned_as_the_run_finds_it_and_left_where_it_is(
    bench: Bench, data: JSON
) -> None:
    tool = bench.tool()
    bench.run(tool, data)
    for blob in (bench.store / "blobs").rglob("*"):
        if blob.is_file():
            blob.chmod(0o644)
            blob.write_text("changed")
    before = everything(bench.store)
    assert bench.plan(tool, data).jobs["tool.cwl"].cause == "damaged"
    assert everything(bench.store) == before
    assert bench.run(tool, data).causes == ["damaged"]


def test_a_plan_waits_for_no_other_run(bench: Bench, data: JSON) -> None:
    from cwl_memo.core.digest import ReuseKey
    from cwl_memo.store.local import open_store

    tool = bench.tool()
    key = bench.plan(tool, data).jobs["tool.cwl"].key
    with_claim = open_store(bench.store)
    assert with_claim.claim(ReuseKey(key)) is not None
    assert bench.plan(tool, data).predicted == {"tool.cwl": "executed"}
    with_claim.close()


def test_an_input_from_the_network_is_not_downloaded(bench: Bench) -> None:
    # Nobody listens there; a run that asked would say so.
    remote = {"class": "File", "location": "http://127.0.0.1:9/in.txt"}
    job = bench.plan(bench.tool(), {"f": remote}).jobs["tool.cwl"]
    assert (job.predicted, job.detail) == ("unknown", "http://127.0.0.1:9/in.txt: not read")


def test_a_document_that_cwltool_rejects_has_no_plan(bench: Bench, data: JSON) -> None:
    document = bench.write("bad.cwl", {"cwlVersion": "v1.2", "class": "Nonsense"})
    plan = bench.plan(document, data)
    assert (plan.code, plan.record) == (1, None)
    assert "failed validation" in plan.log


def test_a_step_that_no_run_could_begin_makes_a_failed_plan(bench: Bench, data: JSON) -> None:
    workflow = with_decision(bench, "$(inputs.m)")  # no boolean
    plan = bench.plan(workflow, {**data, "n": 1})
    assert plan.code == 1
    assert plan.record is not None
    assert plan.record.status == "permanentFail"
    assert bench.run(workflow, {**data, "n": 1}).code == 1


@pytest.mark.parametrize("option", ["--validate", "--pack", "--cachedir=x", "--no-memo"])
def test_what_a_plan_cannot_do_is_a_usage_error(bench: Bench, data: JSON, option: str) -> None:
    with pytest.raises(UsageError):
        bench.plan(bench.tool(), data, option)


def test_a_store_that_the_run_could_not_make_is_a_usage_error(bench: Bench, data: JSON) -> None:
    bench.write("file", "x")
    with pytest.raises(UsageError, match="cannot be written"):
        bench.plan(bench.tool(), data, store=bench.folder / "file" / "store")


@pytest.mark.parametrize("is_there", [True, False])
def test_a_store_without_room_is_planned_as_none(
    bench: Bench, data: JSON, is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = bench.tool()
    if is_there:
        bench.run(tool, data)
        assert bench.plan(tool, data).predicted == {"tool.cwl": "reused"}
        (bench.store / "README.txt").unlink()
    found = os.statvfs(bench.folder)
    full = os.statvfs_result((*found[:4], 0, *found[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    with pytest.raises(UsageError, match="no space left"):
        bench.plan(tool, data)


def test_a_store_that_is_none_is_a_usage_error(bench: Bench, data: JSON) -> None:
    bench.write("foreign/file", "x")
    with pytest.raises(UsageError, match=r"--memo-store: .* foreign directory"):
        bench.plan(bench.tool(), data, store=bench.folder / "foreign")


def test_the_command_prints_a_table_or_json_and_ends_by_what_it_found(
    bench: Bench, data: JSON, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cwl_memo.cli.main import main

    monkeypatch.setattr("cwl_memo.cwl.schema_cache.setup_schema", lambda *_: None)
    workflow = chain(bench, "cat $1", "cat $1")
    bench.write("job.json", data)
    words = ["--memo-store", str(bench.store), "--no-container", str(workflow), "job.json"]
    monkeypatch.chdir(bench.folder)
    assert main(["plan", *words]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["s1", "execute", "no", "entry", "yet"]
    assert lines[2].split() == ["s2", "unknown", "until", "s1", "has", "run"]
    assert lines[3] == "2 jobs: 0 to reuse, 1 to execute, 1 unknown"
    bench.run(workflow, data)
    assert main(["plan", "--json", *words]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [job["predicted"] for job in document["jobs"]] == ["reused", "reused"]
    assert document["status"] == "planned"
    assert main(["plan", "--memo-mode", "nonsense", *words]) == 2


def test_the_parser_of_a_plan_names_its_own_option() -> None:
    with pytest.raises(SystemExit):
        planning.asked_for(["--help"], "cwl-memo plan")


def test_a_plan_does_not_know_what_comes_of_jobs_that_are_executed_again(
    bench: Bench, data: JSON
) -> None:
    workflow = chain(bench, "cat $1", "cat $1")
    bench.run(workflow, data)
    plan = bench.plan(workflow, data, "--memo-recheck", "1")
    assert plan.predicted == {"s1": "unknown", "s2": "unknown"}
    assert plan.record is not None
    assert plan.record.would_execute
    # Which jobs a sample takes is drawn when the run begins.
    sampled = bench.plan(workflow, data, "--memo-recheck", "1%")
    assert sampled.predicted == {"s1": "reused", "s2": "reused"}
