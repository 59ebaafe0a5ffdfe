"""A miss downstream of a miss names the first cause upstream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cwl_memo.core.run import Upstream

from .bench import Bench, Run
from .workflows import chain, step, wrap

JSON = Any


def data(bench: Bench) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n"))}}


def causes(run: Run) -> dict[str, Upstream | None]:
    return {job.name: job.upstream for job in run.record.jobs}


def test_jobs_after_an_edited_one_name_it(bench: Bench) -> None:
    workflow = chain(bench, "cat $1", "cat $1; echo 2", "cat $1; echo 3")
    bench.run(workflow, data(bench))
    bench.tool("t1.cwl", "cat $1 $1")
    run = bench.run(workflow, data(bench))
    found = causes(run)
    assert found["s1"] is None
    first = found["s2"]
    assert first is not None
    assert (first.job, first.cause) == ("s1", "changed")
    assert first.differs[0].startswith("tool.arguments")
    assert found["s3"] == first
    why = f"from job s1 (executed: changed: {first.differs[0]})"
    assert f"[job s3] executed: changed: inputs.f.size, inputs.f.digest, {why}" in run.log


def test_a_refused_job_is_a_first_cause(bench: Bench) -> None:
    workflow = chain(bench, "date +%s%N", "cat $1", hints={"WorkReuse": {"enableReuse": True}})
    bench.tool("t1.cwl", "date +%s%N", hints={"WorkReuse": {"enableReuse": False}})
    bench.run(workflow, data(bench))
    assert causes(bench.run(workflow, data(bench)))["s2"] == Upstream("s1", "work-reuse-off")


def test_a_job_that_was_edited_itself_has_no_cause_upstream(bench: Bench) -> None:
    workflow = chain(bench, "cat $1", "cat $1")
    bench.run(workflow, data(bench))
    bench.tool("t1.cwl", "cat $1 $1")
    bench.tool("t2.cwl", "cat $1 $1 $1")
    assert causes(bench.run(workflow, data(bench))) == {"s1": None, "s2": None}


def with_number(bench: Bench, **source: JSON) -> Path:
    """Write a workflow in which a number goes from one tool to another."""
    bench.tool(
        "count.cwl",
        "cat $1",
        outputs={
            "n": {
                "type": "int",
                "outputBinding": {
                    "glob": "out.txt",
                    "loadContents": True,
                    "outputEval": "$(self[0].contents.length)",
                },
            }
        },
        requirements={"InlineJavascriptRequirement": {}},
    )
    bench.tool("use.cwl", "echo $1", inputs={"n": {"type": "int", "inputBinding": {"position": 1}}})
    steps = {
        "count": step("count.cwl", "f", "n"),
        "use": {"run": "use.cwl", "in": {"n": {"source": "count/n", **source}}, "out": ["out"]},
    }
    return wrap(
        bench,
        "wf.cwl",
        steps,
        {"out": {"type": "File", "outputSource": "use/out"}},
        requirements={"StepInputExpressionRequirement": {}, "InlineJavascriptRequirement": {}},
    )


def test_a_value_comes_from_the_step_that_gives_it(bench: Bench) -> None:
    workflow = with_number(bench)
    values = data(bench)
    bench.run(workflow, values)
    bench.write("in.txt", "one more\n")
    found = causes(bench.run(workflow, values))
    assert found["use"] is not None
    assert found["use"].job == "count"
    assert set(found["use"].differs) == {"inputs.f.digest", "inputs.f.size"}


def test_nothing_is_said_of_a_value_that_an_expression_made(bench: Bench) -> None:
    workflow = with_number(bench, valueFrom="$(self + 1)")
    values = data(bench)
    bench.run(workflow, values)
    bench.write("in.txt", "one more\n")
    assert causes(bench.run(workflow, values))["use"] is None


def test_a_reused_job_is_no_cause(bench: Bench) -> None:
    workflow = chain(bench, "cat $1", "cat $1")
    bench.run(workflow, data(bench))
    bench.write("in.txt", "two\n")
    bench.run(bench.folder / "t1.cwl", {"f": {"class": "File", "path": "in.txt"}})
    found = bench.run(workflow, {"f": {"class": "File", "path": "in.txt"}})
    assert found.results == ["reused", "executed"]
    assert causes(found)["s2"] is None
