"""An edit of the outputs section alone costs no execution."""

from __future__ import annotations

from typing import Any

import pytest

from .bench import Bench, Run
from .delivered import delivered
from .workflows import chain

BODY = "cat $1; echo two > two.txt; echo idx > out.txt.idx; mkdir d; echo deep > d/deep.txt; exit 3"
JS: dict[str, Any] = {"InlineJavascriptRequirement": {}}


def out(**fields: Any) -> dict[str, Any]:
    return {"type": "File", "outputBinding": {"glob": "out.txt"}, **fields}


def job(bench: Bench) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n"))}}


def run_edited(bench: Bench, outputs: Any, *options: str, **fields: Any) -> tuple[Run, Run]:
    """Record with one output, run with others; return the warm run and a plain one."""
    fixed: dict[str, Any] = {"body": BODY, "successCodes": [3], **fields}
    cold = bench.run(bench.tool(outputs={"out": out()}, **fixed), job(bench), *options)
    assert cold.executed == 1
    edited = bench.tool(outputs=outputs, **fixed)
    warm = bench.run(edited, job(bench), *options)
    plain = bench.run(edited, job(bench), "--no-memo", *options)
    return warm, plain


@pytest.mark.parametrize(
    "outputs",
    [
        {"out": {"type": "File", "outputBinding": {"glob": "two.txt"}}},
        {"out": {"type": "File", "outputBinding": {"glob": ["none*", "t*.txt"]}}},
        {"out": out(), "two": {"type": "File", "outputBinding": {"glob": "two.txt"}}},
        {"out": out(secondaryFiles=[".idx"])},
        {"out": out(secondaryFiles=[".idx", ".no?"])},
        {"all": {"type": "File[]", "outputBinding": {"glob": "*.txt"}}},
        {"out": {"type": "File?", "outputBinding": {"glob": "nothing"}}},
        {"out": {"type": "File", "outputBinding": {"glob": "d/deep.txt"}}},
        {"renamed": out()},
        {"out": "stdout"},
        {"out": out(format="http://edamontology.org/format_2330")},
        {"out": {"type": "string", "outputBinding": {"outputEval": "$(inputs.f.basename)"}}},
        {"out": {"type": "File", "outputBinding": {"outputEval": "$(inputs.f)"}}},
        {},
    ],
    ids=str,
)
def test_hit_when_only_outputs_are_edited(bench: Bench, outputs: Any) -> None:
    warm, plain = run_edited(bench, outputs)
    assert (warm.code, warm.results, warm.executed) == (0, ["reused"], 0), warm.log
    assert delivered(warm) == delivered(plain)


@pytest.mark.parametrize(
    "outputs",
    [
        {"code": {"type": "int", "outputBinding": {"outputEval": "$(runtime.exitCode)"}}},
        {
            "text": {
                "type": "string",
                "outputBinding": {
                    "glob": "out.txt",
                    "loadContents": True,
                    "outputEval": "$(self[0].contents.toUpperCase())",
                },
            }
        },
    ],
    ids=["exit-code", "contents"],
)
def test_hit_when_expression_is_added_to_outputs(bench: Bench, outputs: Any) -> None:
    warm, plain = run_edited(bench, outputs, requirements=JS)
    assert (warm.results, warm.executed) == (["reused"], 0), warm.log
    assert warm.output == plain.output
    assert warm.output in ({"code": 3}, {"text": "ONE\n"})


def test_collected_anew_is_recorded_and_the_first_still_hits(bench: Bench) -> None:
    fixed: dict[str, Any] = {"body": BODY, "successCodes": [3]}
    first = bench.tool("a/tool.cwl", outputs={"out": out()}, **fixed)
    second = bench.tool("b/tool.cwl", outputs={"out": out(secondaryFiles=[".idx"])}, **fixed)
    runs = [bench.run(tool, job(bench)) for tool in (first, second, first, second, second)]
    assert [run.executed for run in runs] == [1, 0, 0, 0, 0]
    assert delivered(runs[0]) == delivered(runs[2])
    assert delivered(runs[1]) == delivered(runs[3]) == delivered(runs[4])


def test_output_collected_anew_reaches_a_job_that_executes(bench: Bench) -> None:
    workflow = chain(bench, BODY, "cat $1; echo b")
    bench.tool("t1.cwl", BODY, successCodes=[3])
    bench.run(workflow, job(bench))
    glob: Any = {"out": {"type": "File", "outputBinding": {"glob": "two.txt"}}}
    bench.tool("t1.cwl", BODY, outputs=glob, successCodes=[3])
    for more in ((), ("--parallel",)):
        edited = bench.run(workflow, job(bench), *more, "--memo-salt", "")
        assert edited.text() == "two\nb\n"
        assert edited.results[0] == "reused"


def test_hit_when_document_with_made_up_stream_name_is_edited_elsewhere(bench: Bench) -> None:
    fields: dict[str, Any] = {"outputs": {"out": "stdout"}, "stdout": None}
    cold = bench.run(bench.tool(**fields), job(bench))
    warm = bench.run(bench.tool(doc="said", **fields), job(bench))
    assert (warm.results, warm.executed, warm.text()) == (["reused"], 0, "one\n")
    assert cold.text() == "one\n"


def test_collection_that_fails_fails_as_in_plain_cwltool(bench: Bench) -> None:
    missing = {"out": {"type": "File", "outputBinding": {"glob": "nothing"}}}
    warm, plain = run_edited(bench, missing)
    assert warm.code == plain.code == 1
    assert warm.output == plain.output
    assert warm.results == ["failed"]
    assert "Did not find output file with glob pattern: ['nothing']" in warm.log
    mended = bench.run(bench.tool(body=BODY, successCodes=[3], outputs={"out": out()}), job(bench))
    assert (mended.code, mended.executed) == (0, 0)


def test_collection_whose_expression_fails_fails_as_in_plain_cwltool(bench: Bench) -> None:
    outputs = {"out": {"type": "int", "outputBinding": {"outputEval": "$(inputs.none.x)"}}}
    warm, plain = run_edited(bench, outputs)
    assert (warm.code, warm.results) == (plain.code, ["failed"]) == (1, ["failed"])


def test_type_that_does_not_fit_fails_as_in_plain_cwltool(bench: Bench) -> None:
    outputs = {"out": {"type": "int", "outputBinding": {"glob": "out.txt"}}}
    warm, plain = run_edited(bench, outputs)
    assert warm.code == plain.code == 1
    assert warm.results == ["failed"]


def test_miss_when_success_codes_change(bench: Bench) -> None:
    fixed: dict[str, Any] = {"body": "cat $1; exit 3", "outputs": {"out": out()}}
    bench.run(bench.tool(successCodes=[3], **fixed), job(bench))
    strict = bench.run(bench.tool(successCodes=[0], **fixed), job(bench))
    assert (strict.code, strict.executed, strict.results) == (1, 1, ["failed"])


def test_user_file_beside_outputs_is_collected_from_the_recorded_workspace(bench: Bench) -> None:
    # What lies in an outdir later, or in the tool's folder, is no part of the workspace.
    fixed: dict[str, Any] = {"body": BODY, "successCodes": [3]}
    cold = bench.run(bench.tool(outputs={"out": out()}, **fixed), job(bench))
    (cold.outdir / "extra.txt").write_text("the user's")
    bench.write("extra.txt", "the user's")
    every = {"all": {"type": "File[]", "outputBinding": {"glob": "*.txt"}}}
    warm = bench.run(bench.tool(outputs=every, **fixed), job(bench))
    assert warm.executed == 0
    assert [item["basename"] for item in warm.output["all"]] == ["out.txt", "two.txt"]
