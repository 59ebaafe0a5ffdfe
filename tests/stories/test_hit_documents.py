"""What must hit: documents that mean the same, however they are written."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from .bench import Bench, Run, namespaces
from .parted import file
from .workflows import chain, step, wrap

SCHEMA_ORG = {"s": "https://schema.org/"}


def job(bench: Bench) -> dict[str, Any]:
    path = bench.write("in.txt", "one\n")
    return {"f": {"class": "File", "path": str(path)}}


def assert_hit(run: Run, jobs: int = 1) -> None:
    assert (run.code, run.results, run.executed) == (0, ["reused"] * jobs, 0), run.log


@pytest.mark.parametrize(
    "fields",
    [
        {"label": "a label"},
        {"doc": "what it does"},
        {"doc": ["what", "it does"]},
        {"id": "another_name"},
        {"intent": ["http://edamontology.org/operation_0004"]},
        {"$namespaces": SCHEMA_ORG, "s:author": "me", "s:keywords": ["a", "b"]},
        {"$namespaces": SCHEMA_ORG},
        {"hints": [{"class": "s:Anything", "some": "thing"}], "$namespaces": SCHEMA_ORG},
        {"requirements": {"InlineJavascriptRequirement": {}}},
        {"requirements": {"ScatterFeatureRequirement": {}}},
        {"requirements": {"ResourceRequirement": {"coresMin": 1, "ramMin": 300}}},
        {"hints": {"ResourceRequirement": {"coresMin": 1, "tmpdirMin": 5}}},
        {"hints": {"SoftwareRequirement": {"packages": {"cat": {"version": ["8"]}}}}},
        {"hints": {"WorkReuse": {"enableReuse": True}}},
        {"requirements": {"NetworkAccess": {"networkAccess": True}}},
        {"requirements": {"ToolTimeLimit": {"timelimit": 0}}},
        {"requirements": {"InplaceUpdateRequirement": {"inplaceUpdate": False}}},
        {"requirements": {"LoadListingRequirement": {"loadListing": "deep_listing"}}},
        {"successCodes": None},
        {"cwlVersion": "v1.1"},
        {"cwlVersion": "v1.0"},
    ],
    ids=str,
)
def test_hit_when_tool_field_that_bears_on_nothing_changes(
    bench: Bench, fields: dict[str, Any]
) -> None:
    given = job(bench)
    bench.run(bench.tool(), given)
    assert_hit(bench.run(bench.tool(**fields), given))


@pytest.mark.parametrize("where", ["inputs", "outputs"])
@pytest.mark.parametrize(
    "fields", [{"label": "a label"}, {"doc": "said"}, {"s:about": "said"}], ids=str
)
def test_hit_when_parameter_is_described(bench: Bench, where: str, fields: dict[str, Any]) -> None:
    given = job(bench)
    parameters: dict[str, Any] = {
        "inputs": {"f": {"type": "File", "inputBinding": {"position": 1}}},
        "outputs": {"out": {"type": "File", "outputBinding": {"glob": "out.txt"}}},
    }
    bench.run(bench.tool(**parameters), given)
    next(iter(parameters[where].values())).update(fields)
    described = bench.tool(**parameters, **namespaces(SCHEMA_ORG))
    warm = bench.run(described, given)
    assert_hit(warm)
    assert "collected" not in warm.log


def test_hit_when_comments_and_order_of_the_document_change(bench: Bench) -> None:
    given = job(bench)
    tool = bench.tool()
    bench.run(tool, given)
    text = tool.read_text()
    tool.write_text(f"# a comment\n{text}\n# another\n")
    assert_hit(bench.run(tool, given))


def test_hit_when_maps_are_written_as_lists(bench: Bench) -> None:
    given = job(bench)
    bench.run(
        bench.tool(
            inputs={"f": {"type": "File", "inputBinding": {"position": 1}}},
            requirements={"EnvVarRequirement": {"envDef": {"A": "1"}}},
        ),
        given,
    )
    listed = bench.tool(
        inputs=[{"id": "f", "type": "File", "inputBinding": {"position": 1}}],
        outputs=[{"id": "out", "type": "File", "outputBinding": {"glob": "out.txt"}}],
        requirements=[
            {
                "class": "EnvVarRequirement",
                "envDef": [{"envName": "A", "envValue": "1"}],
            }
        ],
    )
    assert_hit(bench.run(listed, given))


def test_hit_when_types_are_written_out(bench: Bench) -> None:
    given = {**job(bench), "many": ["a", "b"]}
    bound = {"inputBinding": {"position": 2}}
    first: Any = {"f": "File", "many": {"type": "string[]?", **bound}}
    bench.run(bench.tool(body="echo $@", inputs=first), given)
    array = {"type": "array", "items": "string"}
    written: Any = {"f": {"type": "File"}, "many": {"type": ["null", array], **bound}}
    assert_hit(bench.run(bench.tool(body="echo $@", inputs=written), given))


def test_hit_when_base_command_is_a_list_of_one(bench: Bench) -> None:
    given = job(bench)
    fields: dict[str, Any] = {"arguments": None, "stdout": "out.txt"}
    bench.run(bench.tool(baseCommand="cat", **fields), given)
    # This tool leaves no mark, so only the runner's word is to be had.
    assert bench.run(bench.tool(baseCommand=["cat"], **fields), given).results == ["reused"]


def test_hit_when_fields_are_moved_to_imported_files(bench: Bench) -> None:
    given = job(bench)
    bench.run(bench.tool(requirements={"EnvVarRequirement": {"envDef": {"A": "1"}}}), given)
    bench.write("env.yml", "envDef:\n  A: '1'\nclass: EnvVarRequirement\n")
    bench.write("inputs.yml", "id: f\ntype: File\ninputBinding: {position: 1}\n")
    imported = bench.tool(requirements=[{"$import": "env.yml"}], inputs=[{"$import": "inputs.yml"}])
    assert_hit(bench.run(imported, given))


def test_hit_when_steps_and_workflow_are_renamed(bench: Bench) -> None:
    given = job(bench)
    chain(bench, "cat $1; echo a", "cat $1; echo b")
    cold = bench.run("wf.cwl", given)
    renamed = wrap(
        bench,
        "sub/other.cwl",
        {
            "first": step("../t1.cwl", "f"),
            "second": step("../t2.cwl", "first/out"),
        },
        {"result": {"type": "File", "outputSource": "second/out"}},
        id="renamed",
    )
    warm = bench.run(renamed, given)
    assert_hit(warm, 2)
    assert cold.text("out") == warm.text("result")


def test_hit_when_a_step_is_added(bench: Bench) -> None:
    given = job(bench)
    bodies = ["cat $1; echo a", "cat $1; echo b"]
    bench.run(chain(bench, *bodies), given)
    grown = bench.run(chain(bench, *bodies, "cat $1; echo c"), given)
    assert (grown.results, grown.executed) == (["reused", "reused", "executed"], 1)
    assert grown.text() == "one\na\nb\nc\n"


def test_hit_when_document_is_packed(bench: Bench) -> None:
    given = job(bench)
    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b")
    cold = bench.run(workflow, given)
    packed = bench.run(workflow, None, "--pack")
    assert packed.code == 0
    assert packed.output["$graph"]
    document = bench.write("packed/packed.json", packed.output)
    warm = bench.run(document, given)
    assert_hit(warm, 2)
    assert warm.text() == cold.text()


def test_hit_when_tool_is_embedded_in_the_workflow(bench: Bench) -> None:
    given = job(bench)
    tool = bench.tool()
    outputs = {"out": {"type": "File", "outputSource": "s/out"}}
    bench.run(wrap(bench, "apart.cwl", {"s": step(tool, "f")}, outputs), given)
    import json

    embedded = json.loads(tool.read_text())
    del embedded["cwlVersion"]
    tool.unlink()
    warm = bench.run(wrap(bench, "embedded.cwl", {"s": step(embedded, "f")}, outputs), given)
    assert_hit(warm)


def test_hit_when_another_workflow_uses_the_tool_on_the_same_inputs(bench: Bench) -> None:
    given = job(bench)
    tool = bench.tool()
    outputs = {"out": {"type": "File", "outputSource": "s/out"}}
    bench.run(wrap(bench, "one.cwl", {"s": step(tool, "f")}, outputs), given)
    inner = wrap(bench, "inner.cwl", {"s": step(tool, "f")}, outputs)
    other = wrap(
        bench,
        "two.cwl",
        {"sub": step(inner, "f"), "after": step(bench.tool("u.cwl", "wc -c < $1"), "sub/out")},
        {"out": {"type": "File", "outputSource": "after/out"}},
        requirements={"SubworkflowFeatureRequirement": {}},
    )
    second = bench.run(other, given)
    assert (sorted(second.results), second.executed) == (["executed", "reused"], 1)
    assert second.text().strip() == "4"


def test_hit_when_top_level_tool_becomes_a_step_and_back(bench: Bench) -> None:
    given = job(bench)
    tool = bench.tool()
    outputs = {"out": {"type": "File", "outputSource": "s/out"}}
    workflow = wrap(bench, "wf.cwl", {"s": step(tool, "f")}, outputs)
    bench.run(tool, given)
    assert_hit(bench.run(workflow, given))
    assert_hit(bench.run(tool, given))


def test_hit_when_top_level_tool_with_discovered_secondary_files_becomes_a_step(
    bench: Bench,
) -> None:
    bench.write("in.txt.idx", "index")
    parameter = {"type": "File", "secondaryFiles": [".idx"]}
    tool = bench.tool(
        body='cat "$1" "$1.idx"', inputs={"f": {**parameter, "inputBinding": {"position": 1}}}
    )
    outputs = {"out": {"type": "File", "outputSource": "s/out"}}
    workflow = wrap(bench, "wf.cwl", {"s": step(tool, "f")}, outputs, inputs={"f": parameter})
    bench.run(tool, job(bench))
    assert_hit(bench.run(workflow, job(bench)))


def test_hit_when_value_comes_from_step_expression_instead_of_input(bench: Bench) -> None:
    inputs = {
        "f": {"type": "File", "inputBinding": {"position": 1}},
        "w": {"type": "string", "inputBinding": {"position": 2}},
    }
    tool = bench.tool(body='cat "$1"; echo "$2"', inputs=inputs)
    bench.run(tool, {**job(bench), "w": "in.txt!"})
    outputs = {"out": {"type": "File", "outputSource": "s/out"}}
    made = step(tool, "f")
    made["in"] = {"f": "f", "w": {"valueFrom": "$(inputs.f.basename)!"}}
    workflow = wrap(
        bench,
        "wf.cwl",
        {"s": made},
        outputs,
        requirements={"StepInputExpressionRequirement": {}},
    )
    assert_hit(bench.run(workflow, job(bench)))


def test_hit_when_requirement_is_moved_from_tool_to_step_or_workflow(bench: Bench) -> None:
    need = {"EnvVarRequirement": {"envDef": {"WORD": "w"}}}
    outputs = {"out": {"type": "File", "outputSource": "s/out"}}
    body = 'cat "$1"; echo $WORD'
    bench.run(bench.tool(body=body, requirements=need), job(bench))
    tool = bench.tool(body=body)
    on_step = wrap(bench, "a.cwl", {"s": step(tool, "f", requirements=need)}, outputs)
    on_workflow = wrap(bench, "b.cwl", {"s": step(tool, "f")}, outputs, requirements=need)
    assert_hit(bench.run(on_step, job(bench)))
    warm = bench.run(on_workflow, job(bench))
    assert_hit(warm)
    assert warm.text() == "one\nw\n"


def test_hit_when_resources_change_that_no_expression_names(bench: Bench) -> None:
    fields: dict[str, Any] = {
        "body": 'cat "$1"; echo "$OUT" | wc -c > /dev/null',
        "requirements": {"EnvVarRequirement": {"envDef": {"OUT": "$(runtime.outdir)"}}},
    }
    bench.run(bench.tool(**fields), job(bench))
    fields["requirements"]["ResourceRequirement"] = {"coresMin": 1, "ramMin": 700}
    assert_hit(bench.run(bench.tool(**fields), job(bench)))


def test_hit_when_an_ontology_has_nodes_without_names(bench: Bench) -> None:
    bench.write(
        "formats.ttl",
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        "<http://e.org/csv> rdfs:subClassOf <http://e.org/text>, [ rdfs:label 'blank' ] .\n",
    )
    tool = bench.tool(
        body="cat $1",
        inputs={"f": {"type": "File", "format": "http://e.org/text", "inputBinding": {}}},
        **{"$schemas": ["formats.ttl"]},  # type: ignore[arg-type]
    )
    given = {"f": file(bench.write("a.csv", "a,b"), format="http://e.org/csv")}
    assert bench.run(tool, given).executed == 1
    again = bench.run(tool, given)
    assert (again.code, again.executed) == (0, 0), again.log


def test_hit_when_the_input_object_comes_from_a_pipe(bench: Bench) -> None:
    tool = bench.tool()
    given = json.dumps({"f": {"class": "File", "path": str(bench.write("in.txt", "one"))}})
    for executed in (1, 0):
        reading, writing = os.pipe()
        os.write(writing, given.encode())
        os.close(writing)
        run = bench.run(tool, f"/dev/fd/{reading}")
        os.close(reading)
        assert (run.code, run.executed, run.text()) == (0, executed, "one"), run.log
