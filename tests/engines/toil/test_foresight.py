"""What the leader may answer for the machines that execute the jobs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cwl_memo.core.facts import JobFacts, JobTraits
from cwl_memo.cwl.facts import Gathered
from cwl_memo.cwl.files import Sources
from cwl_memo.engines.toil.foresight import holds_elsewhere, sets_variables
from tests.engines.toil.conftest import Runners

VARIABLES = {"class": "EnvVarRequirement", "envDef": [{"envName": "A", "envValue": "b"}]}
PINNED = {"digest": "sha256:0", "platform": "linux/amd64"}


def gathered(*, container: bool = False, **facts: Any) -> Gathered:
    described = JobFacts(JobTraits("a.cwl"), tool={}, outputs={}, **facts)
    return Gathered(described, Sources(), {}, container=container)


@pytest.mark.parametrize(
    ("found", "holds"),
    [
        (gathered(), True),
        (gathered(host={"cat": "blake3:0"}), False),
        (gathered(environment={"LANG": "blake3:0"}), False),
        (gathered(container=True, image=PINNED), True),
        (gathered(container=True, image={"layers": []}), False),
        (gathered(container=True, image={"dockerfile": "blake3:0"}), False),
        (gathered(container=True), False),
    ],
)
def test_what_another_machine_may_have_otherwise_is_not_foreseen(
    found: Gathered, holds: bool
) -> None:
    assert holds_elsewhere(found) is holds


@pytest.mark.parametrize("inputs", [VARIABLES, {"a": VARIABLES}, {"a": [1, {"b": (VARIABLES,)}]}])
def test_variables_are_found_wherever_toil_finds_them(inputs: Any) -> None:
    assert sets_variables(inputs)


@pytest.mark.parametrize("inputs", [{}, {"a": "EnvVarRequirement"}, {"a": {"class": "File"}}])
def test_other_inputs_set_no_variables(inputs: Any) -> None:
    assert not sets_variables(inputs)


@pytest.mark.toil
@pytest.mark.parametrize(
    ("are_alike", "inputs", "answer"),
    [(True, {}, "found"), (False, {}, None), (True, {"a": {"b": [VARIABLES]}}, None)],
)
def test_the_leader_answers_only_what_it_can(
    runners: Runners, are_alike: bool, inputs: Any, answer: str | None
) -> None:
    del runners
    from cwl_memo.engines.toil.tool import MemoToilCommandLineTool

    def answered(_attempt: Any, callback: Any, _context: Any) -> bool:
        callback("found", "success")
        return True

    tool: Any = SimpleNamespace(
        tool={"inputs": []},
        inputs_record_schema={"fields": [{"name": "a"}]},
        memo_orders=SimpleNamespace(are_alike=are_alike),
        _attempt=lambda *_: SimpleNamespace(
            is_keyed=True,
            traits=JobTraits("a.cwl"),
            gathered=gathered(host={"cat": "blake3:0"}),
        ),
        _is_answered=answered,
    )
    session: Any = SimpleNamespace(
        carried=SimpleNamespace(take=lambda value: value),
        name_job=lambda name: name,
        adopt=lambda _context: None,
    )
    context: Any = SimpleNamespace(make_fs_access=lambda _: None, name="job")
    assert MemoToilCommandLineTool._answer(tool, session, inputs, context) == answer
