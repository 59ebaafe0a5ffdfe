"""The published schema and the records it describes are held together here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import jsonschema
import pytest

from cwl_memo.core.plan import PLANNED, PlannedJob, PlanRecord, foreseen, left_open
from cwl_memo.core.run import EXECUTED, JobRecord, RunRecord, Upstream
from cwl_memo.core.settings import Mode
from cwl_memo.report.changes import Change
from cwl_memo.report.schema import report_schema

JOB = JobRecord("align", "align.cwl", EXECUTED, "miss", key="a" * 64, differs=("inputs.x",))
WAITING = JobRecord("sort", "sort.cwl", "", "", upstream=Upstream("align", "changed", ("tool",)))
RECORD = RunRecord(run="2026-11-20-a1b2", mode="readwrite", status="success", jobs=[JOB])


def problems(document: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(report_schema())
    return [error.json_path for error in validator.iter_errors(document)]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(report_schema())


def test_a_report_follows_the_schema() -> None:
    assert problems(RECORD.to_json()) == []


def test_a_run_that_was_killed_before_its_first_job_follows_the_schema() -> None:
    assert problems(RunRecord(run="2026-11-20-a1b2").to_json()) == []


def test_the_schema_names_every_property_of_a_report_and_no_other() -> None:
    schema = report_schema()
    assert set(RECORD.to_json()) == set(schema["properties"]) == set(schema["required"])


def test_the_schema_names_every_field_of_a_job_and_no_other() -> None:
    job = report_schema()["$defs"]["job"]
    assert {field.name for field in fields(JobRecord)} == set(job["required"])
    planned = {field.name for field in fields(PlannedJob)} - set(job["required"])
    assert set(job["properties"]) == {*job["required"], *planned, "changes"}


def test_a_plan_follows_the_schema() -> None:
    jobs: list[JobRecord] = [foreseen(JOB), left_open(WAITING, ("align",), scatter=True)]
    plan = PlanRecord(run="", status=PLANNED, jobs=jobs)
    assert problems(plan.to_json()) == []
    assert set(plan.summary()) == set(report_schema()["$defs"]["summary"]["properties"])
    first = Upstream("align", "changed")
    assert set(first.to_json()) == set(report_schema()["$defs"]["upstream"]["properties"])


def test_the_schema_names_every_field_of_a_summary_and_of_a_change() -> None:
    parts = report_schema()["$defs"]
    assert set(RECORD.summary()) == set(parts["summary"]["properties"]) - {"unknown"}
    assert set(RECORD.summary()) == set(parts["summary"]["required"])
    assert set(Change("f", None, None).to_json()) == set(parts["change"]["properties"])


def test_the_schema_knows_every_mode() -> None:
    modes = report_schema()["properties"]["mode"]["enum"]
    assert set(modes) == {mode.value for mode in Mode} | {""}


def described(part: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    yield path, part.get("description", "")
    for name, below in {**part.get("properties", {}), **part.get("$defs", {})}.items():
        yield from described(below, f"{path}.{name}")


def test_everything_in_the_schema_is_described() -> None:
    assert [path for path, text in described(report_schema(), "$") if not text.endswith(".")] == []


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"format": 2}, "$.format"),
        ({"status": "fine"}, "$.status"),
        ({"jobs": [{**JOB.to_json(), "result": "skipped"}]}, "$.jobs[0].result"),
        ({"jobs": [{**JOB.to_json(), "key": "abc"}]}, "$.jobs[0].key"),
        ({"jobs": [{**JOB.to_json(), "seconds": -1}]}, "$.jobs[0].seconds"),
        ({"jobs": [{**JOB.to_json(), "changes": [{"field": "x"}]}]}, "$.jobs[0].changes[0]"),
    ],
)
def test_what_is_not_a_report_does_not_follow_the_schema(
    changed: dict[str, Any], path: str
) -> None:
    assert path in problems({**RECORD.to_json(), **changed})
