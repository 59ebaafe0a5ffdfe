"""What must miss: changes that come from a step, a workflow, overrides or the input object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .bench import Bench, Run
from .parted import assert_parted, bound, file, show_arguments, words
from .workflows import chain

OUT = {"out": {"type": "File", "outputSource": "s/out"}}
FILES = {"out": {"type": "File[]", "outputSource": "s/out"}}
ALL: dict[str, Any] = {
    "InlineJavascriptRequirement": {},
    "MultipleInputFeatureRequirement": {},
    "ScatterFeatureRequirement": {},
    "StepInputExpressionRequirement": {},
    "SubworkflowFeatureRequirement": {},
}


def env(value: str) -> dict[str, Any]:
    return {"EnvVarRequirement": {"envDef": {"FOO": value}}}


def echo(bench: Bench, **fields: Any) -> Path:
    return bench.tool(body="echo $FOO", **{"inputs": {}, **fields})


def workflow(bench: Bench, step: dict[str, Any], **fields: Any) -> Path:
    """Write a workflow of one step ``s``."""
    document: dict[str, Any] = {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "inputs": {},
        "outputs": OUT,
        "steps": {"s": {"in": {}, "out": ["out"], **step}},
        "requirements": ALL,
    }
    return bench.write("wf.cwl", {**document, **fields})


# requirements from above


@pytest.mark.parametrize("place", ["requirements", "hints"])
@pytest.mark.parametrize("level", ["step", "workflow"])
def test_miss_when_an_inherited_requirement_changes(bench: Bench, level: str, place: str) -> None:
    tool = echo(bench)

    def run(value: str) -> Run:
        step: dict[str, Any] = {"run": str(tool)}
        if level == "step":
            step[place] = env(value)
            return bench.run(workflow(bench, step))
        given = {**ALL, **env(value)} if place == "requirements" else env(value)
        return bench.run(workflow(bench, step, **{place: given}))

    assert_parted(run, "a", "b", ("a\n", "b\n"))


def test_miss_when_requirement_of_an_outer_workflow_changes(bench: Bench) -> None:
    tool = echo(bench)
    workflow(bench, {"run": str(tool)}).rename(bench.folder / "inner.cwl")

    def run(value: str) -> Run:
        step = {"run": "inner.cwl", "requirements": env(value)}
        return bench.run(workflow(bench, step))

    assert_parted(run, "a", "b", ("a\n", "b\n"))


@pytest.mark.parametrize(
    ("one", "other", "texts"),
    [
        ({}, {"tool": "requirements"}, ("wf\n", "tool\n")),
        ({}, {"step": "requirements"}, ("wf\n", "step\n")),
        (
            {"step": "requirements"},
            {"step": "requirements", "tool": "requirements"},
            ("step\n", "tool\n"),
        ),
        ({"tool": "hints"}, {"tool": "requirements"}, ("wf\n", "tool\n")),
    ],
)
def test_miss_when_another_level_of_requirements_wins(
    bench: Bench, one: dict[str, str], other: dict[str, str], texts: tuple[str, str]
) -> None:
    def run(levels: dict[str, str]) -> Run:
        own = {levels["tool"]: env("tool")} if "tool" in levels else {}
        above = {levels["step"]: env("step")} if "step" in levels else {}
        step = {"run": str(echo(bench, **own)), **above}
        return bench.run(workflow(bench, step, requirements={**ALL, **env("wf")}))

    assert_parted(run, one, other, texts)


def test_miss_when_overrides_file_changes(bench: Bench) -> None:
    tool = echo(bench, requirements=env("own"))

    def run(value: str) -> Run:
        if not value:
            return bench.run(tool, {})
        overrides = {"cwltool:overrides": {"tool.cwl": {"requirements": env(value)}}}
        path = bench.write("overrides.yml", overrides)
        return bench.run(tool, {}, "--overrides", str(path))

    assert_parted(run, "", "a", ("own\n", "a\n"))
    assert_parted(run, "b", "c", ("b\n", "c\n"))


def test_miss_when_overrides_in_the_input_object_change(bench: Bench) -> None:
    tool = echo(bench, requirements=env("own"))

    def run(value: str) -> Run:
        overrides = {"tool.cwl": {"requirements": env(value)}}
        return bench.run(tool, {"cwltool:overrides": overrides})

    assert_parted(run, "a", "b", ("a\n", "b\n"))


def test_miss_when_overrides_reach_a_step_of_a_workflow(bench: Bench) -> None:
    echo(bench)
    document = workflow(bench, {"run": "tool.cwl"})

    def run(value: str) -> Run:
        return bench.run(
            document, {"cwltool:overrides": {"wf.cwl#s": {"requirements": env(value)}}}
        )

    assert_parted(run, "a", "b", ("a\n", "b\n"))


@pytest.mark.parametrize("version", ["v1.1", "v1.2"])
def test_miss_when_requirements_in_the_input_object_change(bench: Bench, version: str) -> None:
    tool = echo(bench, cwlVersion=version)

    def run(value: str) -> Run:
        variable = {"envName": "FOO", "envValue": value}
        requirement = {"class": "EnvVarRequirement", "envDef": [variable]}
        return bench.run(tool, {"cwl:requirements": [requirement]})

    assert_parted(run, "a", "b", ("a\n", "b\n"))


# what a step gives to its tool


@pytest.mark.parametrize(
    ("one", "other", "texts"),
    [
        pytest.param({"default": "a"}, {"default": "b"}, (words("a"), words("b")), id="default"),
        pytest.param(
            {"valueFrom": "a"}, {"valueFrom": "b"}, (words("a"), words("b")), id="value-from"
        ),
        pytest.param(
            {"source": "x", "valueFrom": "$(self)1"},
            {"source": "x", "valueFrom": "$(self)2"},
            (words("in-x1"), words("in-x2")),
            id="expression",
        ),
        pytest.param({"source": "x"}, {"source": "y"}, (words("in-x"), words("in-y")), id="source"),
        pytest.param(
            {"default": "a"},
            {"default": "a", "source": "x"},
            (words("a"), words("in-x")),
            id="source-over-default",
        ),
    ],
)
def test_miss_when_input_of_a_step_changes(
    bench: Bench, one: dict[str, Any], other: dict[str, Any], texts: tuple[str, str]
) -> None:
    tool = show_arguments(bench, {"v": bound("string")})

    def run(value: dict[str, Any]) -> Run:
        step = {"run": str(tool), "in": {"v": value}}
        document = workflow(bench, step, inputs={"x": "string", "y": "string"})
        return bench.run(document, {"x": "in-x", "y": "in-y"})

    assert_parted(run, one, other, texts)


def test_miss_when_link_merge_changes(bench: Bench) -> None:
    tool = bench.tool(
        body="cat v",
        inputs={"v": "Any"},
        requirements={
            "InlineJavascriptRequirement": {},
            "InitialWorkDirRequirement": {"listing": [{"entryname": "v", "entry": "$(inputs.v)"}]},
        },
    )

    def run(merge: str) -> Run:
        given = {"source": ["x", "y"], "linkMerge": merge}
        step = {"run": str(tool), "in": {"v": given}}
        kinds = {"x": "string[]", "y": "string[]"}
        return bench.run(workflow(bench, step, inputs=kinds), {"x": ["a"], "y": ["b"]})

    assert_parted(run, "merge_nested", "merge_flattened", ('[["a"], ["b"]]', '["a", "b"]'))


def test_miss_when_default_file_of_a_workflow_input_changes(bench: Bench) -> None:
    tool = bench.tool()
    path = bench.folder / "default.txt"
    default = {"class": "File", "location": "default.txt"}
    document = workflow(
        bench,
        {"run": str(tool), "in": {"f": "f"}},
        inputs={"f": {"type": "File", "default": default}},
    )

    def run(text: str) -> Run:
        path.write_text(text)
        return bench.run(document, {})

    assert_parted(run, "one", "two", ("one", "two"))


@pytest.mark.parametrize("kind", ["string", "File"])
def test_miss_when_default_of_a_tool_changes_that_its_step_does_not_give(
    bench: Bench, kind: str
) -> None:
    path = bench.folder / "default.txt"
    document = workflow(bench, {"run": "tool.cwl"})

    def run(text: str) -> Run:
        path.write_text(text)
        default = text if kind == "string" else {"class": "File", "location": "default.txt"}
        body = "printf %s $1" if kind == "string" else "cat $1"
        bench.tool(body=body, inputs={"x": {**bound(kind), "default": default}})
        return bench.run(document)

    assert_parted(run, "one", "two", ("one", "two"))


def test_miss_when_secondary_file_of_a_workflow_input_appears(bench: Bench) -> None:
    tool = bench.tool(body="cat $1*")
    kind = {"type": "File", "secondaryFiles": [".idx?"]}
    document = workflow(bench, {"run": str(tool), "in": {"f": "f"}}, inputs={"f": kind})
    path, index = bench.write("in.txt", "one"), bench.folder / "in.txt.idx"

    def run(text: str) -> Run:
        index.unlink(missing_ok=True)
        if text:
            index.write_text(text)
        return bench.run(document, {"f": file(path)})

    assert_parted(run, "", "+idx", ("one", "one+idx"))


def test_miss_downstream_when_what_comes_from_upstream_changes(bench: Bench) -> None:
    document = chain(bench, "cat $1", "cat $1; echo .", "cat $1; echo !")
    path = bench.folder / "in.txt"

    def run(text: str) -> Run:
        path.write_text(text)
        return bench.run(document, {"f": file(path)})

    assert_parted(run, "one", "two", ("one.\n!\n", "two.\n!\n"), jobs=3)


def test_miss_only_downstream_of_the_step_that_changed(bench: Bench) -> None:
    path = bench.write("in.txt", "one")

    def run(body: str) -> Run:
        document = chain(bench, "cat $1", body, "cat $1; echo !")
        return bench.run(document, {"f": file(path)})

    cold, changed = run("cat $1; echo ."), run("cat $1; echo ,")
    assert (cold.executed, cold.text()) == (3, "one.\n!\n")
    assert (changed.executed, changed.text()) == (2, "one,\n!\n")
    assert changed.results == ["reused", "executed", "executed"]


# scatter


def test_miss_when_one_element_of_a_scatter_changes(bench: Bench) -> None:
    tool = show_arguments(bench, {"x": bound("string")})
    step = {"run": str(tool), "in": {"x": "xs"}, "scatter": "x"}
    document = workflow(bench, step, inputs={"xs": "string[]"}, outputs=FILES)
    cold = bench.run(document, {"xs": ["a", "b", "c"]})
    changed = bench.run(document, {"xs": ["a", "x", "c"]})
    assert (cold.executed, cold.text_of_all()) == (3, ["a|", "b|", "c|"])
    assert (changed.executed, changed.text_of_all()) == (1, ["a|", "x|", "c|"])
    assert changed.results == ["reused", "executed", "reused"]


def literal(text: str) -> dict[str, Any]:
    return {"class": "File", "basename": "in.txt", "contents": text}


def record(word: Any) -> dict[str, Any]:
    return {"type": "record", "name": "r", "fields": {"word": word}}


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize(
    ("kind", "tool", "elements"),
    [
        pytest.param(
            "File",
            {"body": "cat $1", "inputs": {"x": bound("File")}},
            [literal("a"), literal("b")],
            id="contents-of-a-literal",
        ),
        pytest.param(
            "string",
            {
                "body": "printf $FOO",
                "inputs": {"x": "string"},
                "requirements": env("$(inputs.x)"),
            },
            ["a", "b"],
            id="environment-variable",
        ),
        pytest.param(
            "string",
            {
                "body": "echo told",
                "inputs": {"x": "string"},
                "stdout": "$(inputs.x)",
                "outputs": {
                    "out": {
                        "type": "string",
                        "outputBinding": {"glob": "*", "outputEval": "$(self[0].basename)"},
                    }
                },
            },
            ["a", "b"],
            id="name-of-stdout",
        ),
        pytest.param(
            record("string"),
            {"body": "printf $1", "inputs": {"x": {"type": record(bound("string"))}}},
            [{"word": "a"}, {"word": "b"}],
            id="record-field",
        ),
        pytest.param(
            "File",
            {"body": "cat `dirname $1`/*.idx", "inputs": {"x": bound("File")}},
            [
                {
                    **literal("same"),
                    "secondaryFiles": [
                        {"class": "File", "basename": "in.txt.idx", "contents": text}
                    ],
                }
                for text in ("a", "b")
            ],
            id="secondary-file",
        ),
        pytest.param(
            "Any",
            {
                "body": "cat conf",
                "inputs": {"x": "Any"},
                "requirements": {
                    "InitialWorkDirRequirement": {
                        "listing": [{"entryname": "conf", "entry": "$(inputs.x.deep[0])"}]
                    }
                },
            },
            [{"deep": ["a"]}, {"deep": ["b"]}],
            id="working-directory",
        ),
    ],
)
def test_miss_when_two_elements_of_one_scatter_differ_in_one_thing(
    bench: Bench, kind: Any, tool: dict[str, Any], elements: list[Any], parallel: bool
) -> None:
    step = {"run": str(bench.tool(**tool)), "in": {"x": "xs"}, "scatter": "x"}
    output = {"type": "array", "items": tool.get("outputs", {}).get("out", {}).get("type", "File")}
    document = workflow(
        bench,
        step,
        inputs={"xs": {"type": {"type": "array", "items": kind}}},
        outputs={"out": {"type": output, "outputSource": "s/out"}},
    )
    run = bench.run(document, {"xs": elements}, *(["--parallel"] if parallel else []))
    assert (run.code, run.executed) == (0, 2), run.log
    found = run.output["out"] if output["items"] == "string" else run.text_of_all()
    assert found == ["a", "b"]
