from __future__ import annotations

from typing import Any

from cwl_memo.core.run import EXECUTED, REUSED, JobRecord, RunRecord


def line(name: str, result: str, **more: Any) -> dict[str, Any]:
    job: Any = JobRecord(name=name, tool="t", result=result, lookup="hit").to_json()
    return {"line": "job", **job, **more}


def told(*lines: dict[str, Any]) -> list[tuple[str, str]]:
    return [(job.name, job.result) for job in RunRecord.from_lines(list(lines)).jobs]


def test_a_line_takes_the_place_of_one_before_if_it_says_so() -> None:
    # Some engines give two jobs one name.
    lines = line("a", REUSED), line("b", REUSED), line("a", EXECUTED)
    assert told(*lines) == [("a", REUSED), ("b", REUSED), ("a", EXECUTED)]
    assert told(*lines[:2], line("a", EXECUTED, instead=True)) == [("b", REUSED), ("a", EXECUTED)]


def test_jobs_before_a_run_began_again_count_no_more() -> None:
    assert told(line("a", REUSED), {"line": "again"}, line("b", EXECUTED)) == [("b", EXECUTED)]
