"""Case files are read as written, families in full, and the suite's own keep to the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from conformance.driver.case import UNCHECKED, Case, CaseClass, Count, Policy, parse
from conformance.driver.errors import CaseError
from conformance.driver.family import SUITE, read_file, read_suite

FOLDER = SUITE.parent
FILES = sorted(SUITE.rglob("*.yml"))
PREFIXES = {
    CaseClass.MUST_MISS: "miss-",
    CaseClass.MUST_HIT: "hit-",
    CaseClass.MUST_NOT_REUSE: "no-reuse-",
    CaseClass.ROBUST: "robust-",
}


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((FOLDER / "case.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return read_suite([SUITE])


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], list[Case]]:
    """Reads the text of a file of cases."""

    def read_text(text: str) -> list[Case]:
        path = tmp_path / "some.yml"
        path.write_text(text)
        return read_file(path)

    return read_text


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


# The suite itself


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(SUITE)) for path in FILES])
def test_file_of_the_suite_keeps_to_the_schema(
    path: Path, validator: jsonschema.Draft202012Validator
) -> None:
    found = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in validator.iter_errors(load(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_suite_has_cases_of_every_class_under_ids_of_their_own(cases: list[Case]) -> None:
    assert len(cases) >= 300
    assert {case.kind for case in cases} == set(CaseClass)
    assert [case.id for case in cases if not case.id.startswith(PREFIXES[case.kind])] == []
    assert [case.id for case in cases if case.title.endswith(".")] == []


def test_core_of_the_suite_has_cases_of_every_class(cases: list[Case]) -> None:
    core = [case for case in cases if "core" in case.tags]
    assert {case.kind for case in core} == set(CaseClass)


def test_example_of_the_readme_is_a_case(
    validator: jsonschema.Draft202012Validator, read: Callable[[str], list[Case]]
) -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    validator.validate(load(example))
    assert [case.id for case in read(example)] == ["miss-value-string", "miss-value-int"]


# Families

FAMILY = """\
class: must-miss
tags: [a]
needs: [b]
policy: network
let: {x: 1, y: outer, text: "<{{x}} {{y}}>"}
cases:
  - id: family
    title: of {{y}}
    tags: [c]
    let: {y: inner}
    each:
      one: {x: one, job: {a: ["{{x}}", "{{x}}s"]}}
      two: {x: {deep: [2]}, job: "{{x}}", policy: null}
    files: {"{{y}}.cwl": "{{text}} {{marks}} {{case}} {{ x }}", tool.cwl: "{{x}}"}
    runs:
      - {job: "{{job}}", executes: {}, outputs: {}}
  - id: alone
    title: a case
    class: robust
    policy: null
    runs: [{executes: {}, outputs: {}}]
"""


def test_family_is_written_out_with_the_values_of_each_member(
    read: Callable[[str], list[Case]],
) -> None:
    one, two, alone = read(FAMILY)
    assert [case.id for case in (one, two, alone)] == ["family-one", "family-two", "alone"]
    assert one.title == "of inner"
    assert one.files == {
        "inner.cwl": "<one inner> {{marks}} {{case}} {{ x }}",
        "tool.cwl": "one",
    }
    assert one.runs[0].job == {"a": ["one", "ones"]}
    assert two.files["tool.cwl"] == two.runs[0].job == {"deep": [2]}
    assert two.files["inner.cwl"].startswith("<{'deep': [2]} inner>")


def test_what_all_cases_of_a_file_have_in_common_is_theirs(
    read: Callable[[str], list[Case]],
) -> None:
    one, _, alone = read(FAMILY)
    assert (one.kind, one.tags, one.needs, one.policy) == (
        CaseClass.MUST_MISS,
        ("a", "c"),
        ("b",),
        Policy.NETWORK,
    )
    assert (alone.kind, alone.tags, alone.policy) == (CaseClass.ROBUST, ("a",), None)


SOME = "id: some, title: t, class: robust"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cases: [", "while parsing"),
        ("a: 1", "no list 'cases'"),
        ("{extra: 1, cases: []}", "unknown fields.*extra"),
        (f"cases: [{{{SOME}, files: {{a: '{{{{x}}}}'}}, runs: []}}]", "{{x}} has no value"),
        (f"cases: [{{{SOME}, let: {{x: 'a{{{{x}}}}'}}, files: {{a: '{{{{x}}}}'}}}}]", "itself"),
        (f"cases: [{{{SOME}, each: {{}}, runs: []}}]", "no mapping of members"),
        (f"cases: [{{{SOME}}}]", "runs is missing"),
        (f"cases: [{{{SOME}, runs: []}}]", "at least one"),
        ("cases: [{id: some, title: t, runs: []}]", "class is missing"),
        ("cases: [{id: some, title: t, class: odd, runs: []}]", "odd"),
        (f"cases: [{{{SOME}, policy: odd, runs: []}}]", "odd"),
        (f"cases: [{{{SOME}, runs: [{{executes: {{}}}}]}}]", "outputs is missing"),
        (f"cases: [{{{SOME}, runs: [{{outputs: 1}}]}}]", "executes is missing"),
    ],
)
def test_file_that_holds_no_cases_is_an_error_that_names_it(
    read: Callable[[str], list[Case]], text: str, message: str
) -> None:
    with pytest.raises(CaseError, match=rf"some\.yml: .*{message}"):
        read(text)


def test_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"absent\.yml"):
        read_file(tmp_path / "absent.yml")


def test_two_cases_of_one_id_are_an_error_that_names_both_files(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text(
            f"cases: [{{{SOME}, runs: [{{executes: {{}}, outputs: {{}}}}]}}]"
        )
    with pytest.raises(CaseError, match=r"b\.yml: some: stands in .*a\.yml"):
        read_suite([tmp_path])


# Runs


def runs(*given: dict[str, Any]) -> Any:
    raw = {"id": "some", "title": "t", "class": "robust", "runs": list(given)}
    return parse(raw, Path("some.yml")).runs


def test_run_inherits_document_job_and_outputs_and_nothing_else() -> None:
    first, second = runs(
        {
            "document": "a.cwl",
            "job": "a.yml",
            "outputs": {"o": 1},
            "options": ["--x"],
            "environment": {"A": "b"},
            "at_once": 2,
            "executes": {"tool": "1..2"},
        },
        {"executes": {}},
    )
    assert (first.options, first.at_once, first.executes) == (("--x",), 2, {"tool": Count(1, 2)})
    assert (second.document, second.job, second.outputs) == ("a.cwl", "a.yml", {"o": 1})
    assert (second.options, second.environment, second.at_once, second.executes) == ((), {}, 1, {})


def test_document_is_tool_cwl_and_there_is_no_job_at_first() -> None:
    [run] = runs({"executes": {}, "outputs": {}})
    assert (run.document, run.job, run.exits) == ("tool.cwl", None, (0,))


@pytest.mark.parametrize(
    ("fields", "exits", "is_checked"),
    [
        ({}, (0,), True),
        ({"exit": 3}, (3,), False),
        ({"exit": "failure"}, (), False),
        ({"exit": "any"}, None, False),
        ({"kill": {"signal": "TERM", "seconds": 1}}, None, False),
        ({"kill": {"signal": "TERM", "mark": "a"}, "exit": 0}, (0,), True),
    ],
)
def test_outputs_count_only_where_the_run_has_to_succeed(
    fields: dict[str, Any], exits: Any, is_checked: bool
) -> None:
    [run] = runs({"executes": {}, "outputs": {"o": 1}, **fields})
    assert run.exits == exits
    assert (run.outputs is not UNCHECKED) == is_checked


def test_run_beside_is_like_the_run_in_all_that_it_does_not_say() -> None:
    [run] = runs(
        {
            "job": {"x": 1},
            "outputs": {"o": 1},
            "options": ["--x"],
            "executes": {"tool": 2},
            "beside": [{"job": {"x": 2}, "after": "tool"}, {"exit": "failure"}],
            "at_once": 2,
        }
    )
    assert len(run.started) == 4
    assert run.started[:2] == (run, run)
    one, other = run.beside
    assert (one.job, one.outputs, one.options, one.after) == ({"x": 2}, {"o": 1}, ("--x",), "tool")
    assert (other.job, other.exits, other.beside) == ({"x": 1}, (), ())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"typo": 1}, "run 1: unknown fields.*typo"),
        ({"kill": {"signal": "HUP", "seconds": 1}}, "no signal 'HUP'"),
        ({"kill": {"signal": "TERM"}}, "a mark to wait for, or seconds"),
        ({"executes": {"tool": "often"}}, "'often' is no count"),
        ({"executes": {"tool": -1}}, "-1"),
        ({"executes": {"tool": True}}, "True"),
        ({"beside": [{"executes": {}}]}, "beside: unknown fields.*executes"),
        ({"exit": "odd"}, "odd"),
    ],
)
def test_run_that_is_none_is_an_error_that_names_the_case(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(CaseError, match=rf"some\.yml: some: .*{message}"):
        runs({"executes": {}, "outputs": {}, **fields})


@pytest.mark.parametrize(
    ("text", "low", "high"), [(2, 2, 2), ("0..1", 0, 1), ("1..", 1, None), ("3..3", 3, 3)]
)
def test_count_is_read_and_written(text: Any, low: int, high: int | None) -> None:
    count = Count.parse(text)
    assert (count.low, count.high) == (low, high)
    assert Count.parse(str(count) if ".." in str(count) else int(str(count))) == count
