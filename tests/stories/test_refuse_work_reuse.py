"""What must not be reused: jobs whose document says so with WorkReuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .bench import Bench, Run, fields
from .workflows import scatter, step, wrap

JS: dict[str, Any] = {"InlineJavascriptRequirement": {}}


def reuse(enable: Any) -> dict[str, Any]:
    return {"WorkReuse": {"enableReuse": enable}}


def job(bench: Bench, **more: Any) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n"))}, **more}


def twice(bench: Bench, document: Path, given: Any, *options: str, ext: bool = False) -> Run:
    """Run twice; return the second run, which must be as right as the first."""
    first = bench.run(document, given, *options, ext=ext)
    second = bench.run(document, given, *options, ext=ext)
    assert (first.code, second.code) == (0, 0), second.log
    assert first.executed == 1
    return second


def assert_refused(run: Run) -> None:
    assert (run.results, run.causes, run.executed) == (["refused"], ["work-reuse-off"], 1)
    assert "executed: reuse refused: work-reuse-off" in run.log


def nested(bench: Bench, places: dict[str, Any], version: str = "v1.2") -> Path:
    """Write a workflow with WorkReuse in some of six places, each true or false."""

    def at(owner: str) -> dict[str, Any]:
        return {
            kind: reuse(places[f"{owner} {kind}"])
            for kind in ("requirements", "hints")
            if f"{owner} {kind}" in places
        }

    tool = bench.tool(cwlVersion=version, **at("tool"))
    made = step(tool, "f", **at("step"))
    outputs = {"out": {"type": "File", "outputSource": "s/out"}}
    return wrap(bench, "wf.cwl", {"s": made}, outputs, cwlVersion=version, **at("workflow"))


PLACES = [
    f"{owner} {kind}"
    for owner in ("tool", "step", "workflow")
    for kind in ("requirements", "hints")
]
"""Most specific first, requirements before hints at each."""


@pytest.mark.parametrize("version", ["v1.1", "v1.2"])
@pytest.mark.parametrize("place", PLACES)
def test_refused_when_work_reuse_is_off(bench: Bench, place: str, version: str) -> None:
    assert_refused(twice(bench, nested(bench, {place: False}, version), job(bench)))


@pytest.mark.parametrize("place", PLACES)
def test_hit_when_work_reuse_is_on(bench: Bench, place: str) -> None:
    warm = twice(bench, nested(bench, {place: True}), job(bench))
    assert (warm.results, warm.executed) == (["reused"], 0)


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        ("tool requirements", "step requirements"),
        ("tool requirements", "workflow requirements"),
        ("step requirements", "workflow requirements"),
        ("tool hints", "step hints"),
        ("tool hints", "workflow hints"),
        ("step hints", "workflow hints"),
        ("tool requirements", "tool hints"),
        # A requirement wins over a hint however specific (CWL v1.2 Workflow, 4.6.4).
        ("step requirements", "tool hints"),
        ("workflow requirements", "tool hints"),
        ("workflow requirements", "step hints"),
    ],
)
@pytest.mark.parametrize("wins", [True, False])
def test_precedence_of_work_reuse_is_that_of_cwl(
    bench: Bench, stronger: str, weaker: str, wins: bool
) -> None:
    run = twice(bench, nested(bench, {stronger: wins, weaker: not wins}), job(bench))
    assert run.executed == (0 if wins else 1)
    assert run.causes == ["" if wins else "work-reuse-off"]


def test_refused_job_leaves_nothing_for_one_that_may_be_reused(bench: Bench) -> None:
    bench.run(bench.tool(hints=reuse(enable=False)), job(bench))
    allowed = bench.run(bench.tool(), job(bench))
    assert (allowed.results, allowed.causes, allowed.executed) == (["executed"], ["no-entry"], 1)


def test_refused_job_does_not_use_the_entry_of_one_that_was_recorded(bench: Bench) -> None:
    bench.run(bench.tool(), job(bench))
    assert_refused(bench.run(bench.tool(hints=reuse(enable=False)), job(bench)))


@pytest.mark.parametrize("kind", ["requirements", "hints"])
def test_refused_by_cwltool_extension_in_v1_0(bench: Bench, kind: str) -> None:
    tool = bench.tool(
        cwlVersion="v1.0",
        **fields(
            {
                "$namespaces": {"cwltool": "http://commonwl.org/cwltool#"},
                kind: {"cwltool:WorkReuse": {"enableReuse": False}},
            }
        ),
    )
    assert_refused(twice(bench, tool, job(bench), ext=True))


def test_refused_by_cwltool_extension_as_a_hint_without_enable_ext(bench: Bench) -> None:
    tool = bench.tool(
        cwlVersion="v1.0",
        **fields(
            {
                "$namespaces": {"cwltool": "http://commonwl.org/cwltool#"},
                "hints": {"cwltool:WorkReuse": {"enableReuse": False}},
            }
        ),
    )
    assert_refused(twice(bench, tool, job(bench)))


@pytest.mark.parametrize("version", ["v1.0", "v1.2"])
def test_refused_by_arvados_extension(bench: Bench, version: str) -> None:
    tool = bench.tool(
        cwlVersion=version,
        **fields(
            {
                "$namespaces": {"arv": "http://arvados.org/cwl#"},
                "hints": {"arv:ReuseRequirement": {"enableReuse": False}},
            }
        ),
    )
    assert_refused(twice(bench, tool, job(bench)))


@pytest.mark.parametrize("name", ["WorkReuse", "http://commonwl.org/cwltool#WorkReuse"])
def test_refused_by_override_in_the_input_object(bench: Bench, name: str) -> None:
    tool = bench.tool()
    given = job(bench)
    given["cwltool:overrides"] = {"tool.cwl": {"requirements": {name: {"enableReuse": False}}}}
    assert_refused(twice(bench, tool, given))


def test_refused_by_override_in_a_file(bench: Bench) -> None:
    tool = bench.tool()
    overrides = bench.write(
        "overrides.yml",
        {"cwltool:overrides": {"tool.cwl": {"requirements": reuse(enable=False)}}},
    )
    assert_refused(twice(bench, tool, job(bench), "--overrides", str(overrides)))


def test_override_switches_reuse_on_again(bench: Bench) -> None:
    tool = bench.tool(requirements=reuse(enable=False))
    given = job(bench)
    given["cwltool:overrides"] = {"tool.cwl": {"requirements": reuse(enable=True)}}
    warm = twice(bench, tool, given)
    assert (warm.results, warm.executed) == (["reused"], 0)


@pytest.mark.parametrize(
    "name",
    [
        "WorkReuse",
        "http://commonwl.org/cwltool#WorkReuse",
        "http://arvados.org/cwl#ReuseRequirement",
    ],
)
def test_step_permits_what_an_override_of_the_workflow_forbids(bench: Bench, name: str) -> None:
    given = job(bench)
    given["cwltool:overrides"] = {"wf.cwl": {"requirements": {name: {"enableReuse": False}}}}
    workflow = nested(bench, {})
    assert_refused(twice(bench, workflow, given))
    warm = twice(bench, nested(bench, {"step requirements": True}), given)
    assert (warm.results, warm.executed) == (["reused"], 0)


def test_refused_by_requirements_in_the_input_object(bench: Bench) -> None:
    tool = bench.tool()
    given = job(bench)
    given["cwl:requirements"] = [{"class": "WorkReuse", "enableReuse": False}]
    assert_refused(twice(bench, tool, given))


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize(
    "expression", ["$(inputs.reuse)", "${return inputs.reuse;}", "$(!(!inputs.reuse))"]
)
def test_expression_decides_about_reuse(bench: Bench, expression: str, value: bool) -> None:
    inputs = {"f": {"type": "File", "inputBinding": {"position": 1}}, "reuse": "boolean"}
    tool = bench.tool(inputs=inputs, requirements={**JS, **reuse(expression)})
    run = twice(bench, tool, job(bench, reuse=value))
    assert run.executed == (0 if value else 1)
    assert run.causes == ["" if value else "work-reuse-off"]


def test_expression_decides_for_each_element_of_a_scatter(bench: Bench) -> None:
    tool = bench.tool(requirements={**JS, **reuse("$(inputs.f.basename != 'no.txt')")})
    workflow = scatter(bench, tool)
    paths = [bench.write(name, name) for name in ("a.txt", "no.txt", "b.txt")]
    given = {"f": [{"class": "File", "path": str(path)} for path in paths]}
    bench.run(workflow, given)
    for more in ((), ("--parallel",)):
        warm = bench.run(workflow, given, *more)
        assert warm.executed == 1
        assert sorted(warm.results) == ["refused", "reused", "reused"]
        assert warm.text_of_all() == ["a.txt", "no.txt", "b.txt"]


@pytest.mark.parametrize(
    "expression",
    ["$(inputs.f.basename)", "$('false')", "$(0)", "$(null)", "$([])", "false $(1)"],
)
def test_expression_that_gives_no_boolean_is_an_error(bench: Bench, expression: str) -> None:
    tool = bench.tool(requirements={**JS, **reuse(expression)})
    run = bench.run(tool, job(bench))
    assert (run.code, run.executed) == (1, 0)
    assert "enableReuse" in run.log
    assert "boolean" in run.log


def test_expression_of_step_is_evaluated_on_the_tools_inputs(bench: Bench) -> None:
    made = step(bench.tool(), "f", requirements={**JS, **reuse("$(inputs.f.size > 1000)")})
    outputs = {"out": {"type": "File", "outputSource": "s/out"}}
    assert_refused(twice(bench, wrap(bench, "wf.cwl", {"s": made}, outputs), job(bench)))


def test_refused_by_an_input_object_that_overrules_the_workflow(bench: Bench) -> None:
    permits = {"class": "WorkReuse", "enableReuse": True}
    forbids = {"class": "WorkReuse", "enableReuse": False}
    steps = {"inner": step(bench.tool(body="echo 1"), "f")}
    outputs = {"out": {"type": "File", "outputSource": "inner/out"}}
    workflow = wrap(bench, "wf.cwl", steps, outputs, requirements=[permits])
    given = {"f": {"class": "File", "path": str(bench.write("in.txt", "one"))}}
    for expected in ("executed", "reused"):
        assert bench.run(workflow, given).results == [expected]
    refused = bench.run(workflow, {**given, "cwl:requirements": [forbids]})
    assert (refused.executed, refused.causes) == (1, ["work-reuse-off"])
