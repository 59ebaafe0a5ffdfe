"""Plans as text."""

from __future__ import annotations

from typing import Any

from cwl_memo.core.plan import PlanRecord, foreseen, left_open
from cwl_memo.core.run import EXECUTED, REFUSED, REUSED, JobRecord
from cwl_memo.report.plan import plan_lines


def job(name: str, result: str, **fields: Any) -> JobRecord:
    return JobRecord(name, f"{name}.cwl", result, "miss", **fields)


def test_each_job_has_its_line_and_its_reason() -> None:
    awaits = ("a", "b", "c", "d")
    plan = PlanRecord(
        run="",
        jobs=[
            foreseen(job("a", REUSED, seconds=75.0, size=1500, origin_run="2026-run")),
            foreseen(job("b", EXECUTED, cause="changed", differs=("tool.stdout",))),
            foreseen(job("c", REFUSED, cause="work-reuse-off")),
            foreseen(job("d", REFUSED, cause="directory-input", detail="inputs.d")),
            left_open(job("e", ""), awaits, scatter=True),
            left_open(job("f", ""), ("a", "b")),
            left_open(job("g", "", detail="http://x: not read"), ()),
            left_open(job("h", ""), ()),
        ],
    )
    lines = [" ".join(line.split()) for line in plan_lines(plan, None)]
    assert lines == [
        "JOB PLAN SAVES BYTES WHY",
        "a reuse 1 min 15 s 1.5 kB from run 2026-run",
        "b execute changed: tool.stdout",
        "c execute reuse refused: work-reuse-off",
        "d execute reuse refused: directory-input (inputs.d)",
        "e (scatter) unknown until a, b, c and 1 more have run",
        "f unknown until a and b have run",
        "g unknown http://x: not read",
        "h unknown until the steps before it have run",
        "8 jobs: 1 to reuse, 3 to execute, 4 unknown; saves 1 min 15 s and 1.5 kB of results",
    ]


def test_a_plan_without_jobs_is_one_line() -> None:
    assert plan_lines(PlanRecord(run=""), 80) == ["0 jobs: 0 to reuse, 0 to execute, 0 unknown"]
