"""The first cause of a miss: from which executed job that comes in which a job differs."""

from __future__ import annotations

from typing import Any

import pytest

from cwl_memo.core.run import EXECUTED, FAILED, REFUSED, REUSED, JobRecord, Upstream
from cwl_memo.cwl.lineage import Lineage, place_of

JSON = Any


def made(name: str, result: str = EXECUTED, **more: Any) -> JobRecord:
    return JobRecord(name, f"{name}.cwl", result, "miss", cause="changed", **more)


def file(name: str, **more: JSON) -> dict[str, JSON]:
    return {"class": "File", "location": f"file:///out/{name}", **more}


def nobody(_outputs: Any, _status: str) -> None:
    """Be the callback of a job that is no step's."""


@pytest.fixture
def lineage() -> Lineage:
    """Outputs of two jobs."""
    lineage = Lineage()
    index = file("a.bai")
    lineage.note(
        made("a", differs=("tool.baseCommand",)),
        {"x": file("a.bam", secondaryFiles=[index]), "xs": [file("1"), {"r": file("2")}]},
        nobody,
    )
    lineage.note(made("b", REFUSED), {"y": file("b")}, nobody)
    return lineage


def cause(lineage: Lineage, job_order: JSON, *differs: str) -> str:
    found = lineage.first_cause(differs, job_order, nobody)
    return "" if found is None else found.job


@pytest.mark.parametrize(
    ("job_order", "path"),
    [
        ({"f": file("a.bam")}, "inputs.f.digest"),
        ({"f": file("a.bam")}, "inputs.f.size"),
        ({"f.g": file("a.bam")}, "inputs.f.g.digest"),
        ({"f": file("x", secondaryFiles=[file("a.bai")])}, "inputs.f.secondaryFiles[0].digest"),
        ({"fs": [file("x"), file("1")]}, "inputs.fs[1].digest"),
        ({"r": {"a": {"b": file("2")}}}, "inputs.r.a.b.digest"),
        ({"d": {**file("1"), "class": "Directory"}}, "inputs.d.tree.name.digest"),
    ],
)
def test_a_file_comes_from_the_job_that_made_it(
    lineage: Lineage, job_order: JSON, path: str
) -> None:
    assert cause(lineage, job_order, path) == "a"


@pytest.mark.parametrize(
    ("job_order", "path"),
    [
        ({"f": file("a.bam")}, "tool.baseCommand"),
        ({"f": file("a.bam")}, "inputs.g.digest"),
        ({"f": file("a.bam")}, "inputs.f.basename"),
        ({"f": file("a.bam")}, "inputs.f"),
        ({"f": file("a.bam")}, "inputs.f.secondaryFiles"),
        ({"f": file("a.bam")}, "inputs.f.secondaryFiles[0].digest"),
        ({"f": file("unknown")}, "inputs.f.digest"),
        ({"fs": [file("1")]}, "inputs.fs"),
        ({"fs": [file("1")]}, "inputs.fs[3].digest"),
        ({"fs": file("1")}, "inputs.fs[0].digest"),
        ({"r": {"a": 1}}, "inputs.r.b"),
        ({"n": 1}, "inputs.n"),
        ({"n": 1}, "inputs.n.deep"),
    ],
)
def test_nothing_is_said_where_it_is_not_sure(lineage: Lineage, job_order: JSON, path: str) -> None:
    assert cause(lineage, job_order, path) == ""


def test_all_that_differs_has_to_come_from_executed_jobs(lineage: Lineage) -> None:
    both = {"f": file("a.bam"), "g": file("b"), "h": file("other")}
    assert cause(lineage, both, "inputs.g.digest", "inputs.f.digest") == "b"
    assert cause(lineage, both, "inputs.g.digest", "inputs.h.digest") == ""
    assert cause(lineage, both, "inputs.g.digest", "tool.stdout") == ""
    assert cause(lineage, both) == ""


def test_the_cause_of_the_cause_is_named(lineage: Lineage) -> None:
    first = Upstream("a", "changed", ("tool.baseCommand",))
    lineage.note(made("c", upstream=first), {"z": file("c")}, nobody)
    assert lineage.first_cause(("inputs.f.digest",), {"f": file("c")}, nobody) == first
    assert lineage.first_cause(("inputs.f.digest",), {"f": file("a.bam")}, nobody) == first


@pytest.mark.parametrize("result", [REUSED, FAILED])
def test_only_what_was_executed_and_succeeded_is_a_cause(result: str) -> None:
    lineage = Lineage()
    lineage.note(made("a", result), {"x": file("x")}, nobody)
    assert cause(lineage, {"f": file("x")}, "inputs.f.digest") == ""


def test_a_callback_of_no_step_has_no_place() -> None:
    from functools import partial

    assert place_of(nobody) is None
    assert place_of(partial(nobody, {})) is None
