"""What must miss: JavaScript that no InlineJavascriptRequirement allows, which cwltool rejects."""

from __future__ import annotations

from typing import Any

import pytest

from .bench import Bench

JS: dict[str, Any] = {"InlineJavascriptRequirement": {}}
CODE = "${return 1 + 1}"

PLACES: dict[str, dict[str, Any]] = {
    "argument": {"arguments": [{"valueFrom": CODE, "position": 1}]},
    "calculation": {"arguments": [{"valueFrom": "x$(1 + 1)", "position": 1}]},
    "binding": {
        "inputs": {"n": {"type": "int?", "default": 1, "inputBinding": {"valueFrom": CODE}}}
    },
    "stream": {"stdout": "$(1 + 1).txt", "outputs": {"out": "stdout"}},
    "variable": {"requirements": {"EnvVarRequirement": {"envDef": {"N": "n$(1 + 1)"}}}},
    "resource": {"requirements": {"ResourceRequirement": {"coresMin": CODE}}},
    "output": {"outputs": {"n": {"type": "int", "outputBinding": {"outputEval": CODE}}}},
    "pattern": {
        "outputs": {"out": {"type": "File", "outputBinding": {"glob": "$('out' + '.txt')"}}}
    },
}


def tool(bench: Bench, place: dict[str, Any], **requirements: Any) -> Any:
    given = {"inputs": {}, **place}
    given["requirements"] = {**given.get("requirements", {}), **requirements}
    if "arguments" in given:
        own = [{"position": i - 9, "valueFrom": t} for i, t in enumerate(bench.script("echo $1"))]
        given["arguments"] = [*own, *given["arguments"]]
        return bench.tool(**given)
    return bench.tool(body="echo x", **given)


@pytest.mark.parametrize("place", PLACES)
def test_rejected_without_its_requirement_as_in_plain_cwltool(bench: Bench, place: str) -> None:
    for i in range(2):
        allowed = bench.run(tool(bench, PLACES[place], **JS), {})
        assert (allowed.code, allowed.executed) == (0, 1 - i), allowed.log
    hinted = tool(bench, {**PLACES[place], "hints": JS})
    for document in (tool(bench, PLACES[place]), hinted):
        plain = bench.run(document, {}, "--no-memo")
        run = bench.run(document, {})
        assert plain.code != 0, plain.log
        assert (run.code, run.output) == (plain.code, plain.output), run.log


@pytest.mark.parametrize(
    "place",
    [
        {"outputs": {"n": {"type": "int", "outputBinding": {"outputEval": "$(inputs.n)"}}}},
        {"baseCommand": ["sh", "-c", "echo $(echo x) $0"]},
    ],
    ids=["references", "shell"],
)
def test_hit_when_the_requirement_goes_and_nothing_needs_it(
    bench: Bench, place: dict[str, Any]
) -> None:
    inputs = {"n": {"type": "int", "default": 1, "inputBinding": {"valueFrom": "$(self)"}}}
    for i, more in enumerate([JS, {}]):
        run = bench.run(tool(bench, {"inputs": inputs, **place}, **more), {})
        assert (run.code, run.results) == (0, ["reused" if i else "executed"]), run.log
