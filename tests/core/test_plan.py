"""Records of what would become of jobs, and of the first cause of a miss."""

from __future__ import annotations

from typing import Any

import pytest

from cwl_memo.core.explain import sentence, why_executed
from cwl_memo.core.plan import PlannedJob, PlanRecord, foreseen, left_open
from cwl_memo.core.run import EXECUTED, REFUSED, REUSED, JobRecord, RunRecord, Upstream

FIRST = Upstream("sort", "changed", ("tool.baseCommand",))


def job(result: str = EXECUTED, **fields: Any) -> JobRecord:
    return JobRecord("count", "count.cwl", result, "miss", **fields)


def test_a_plan_counts_what_is_predicted() -> None:
    planned: list[JobRecord] = [
        foreseen(job(REUSED, seconds=2.0, size=10)),
        foreseen(job(EXECUTED)),
        foreseen(job(REFUSED)),
        left_open(job(), ("sort",)),
    ]
    plan = PlanRecord(run="", jobs=list(planned))
    summary = plan.summary()
    assert isinstance(summary, dict)
    counts = [summary[name] for name in ("reused", "executed", "refused", "failed", "unknown")]
    assert counts == [1, 1, 1, 0, 1]
    assert (plan.seconds_saved, plan.bytes_reused) == (2.0, 10)
    assert plan.would_execute
    assert not PlanRecord(run="", jobs=planned[:1]).would_execute
    assert PlanRecord(run="", jobs=planned[3:]).would_execute


def test_a_planned_job_has_no_result_and_began_at_no_time() -> None:
    planned = foreseen(job(started="2026-01-01", not_recorded="failed", cause="no-entry"))
    assert (planned.result, planned.started, planned.not_recorded) == ("", "", "")
    assert (planned.predicted, planned.cause) == ("executed", "no-entry")


def test_a_job_that_is_left_open_keeps_nothing_of_a_miss() -> None:
    planned = left_open(job(cause="changed", differs=("tool",), key="a" * 64), ("sort",))
    assert isinstance(planned, PlannedJob)
    assert (planned.cause, planned.differs, planned.lookup) == ("", (), "")
    assert (planned.key, planned.awaits) == ("a" * 64, ("sort",))


@pytest.mark.parametrize("first", [None, FIRST, Upstream("sort", "work-reuse-off")])
def test_a_first_cause_comes_back_from_the_record(first: Upstream | None) -> None:
    before = job(upstream=first)
    line = before.to_json()
    assert isinstance(line, dict)
    [after] = RunRecord.from_lines([{"line": "job", **line}]).jobs
    assert after == before


def test_a_record_of_an_older_program_has_no_first_cause() -> None:
    line = job().to_json()
    assert isinstance(line, dict)
    del line["upstream"]
    assert JobRecord.from_json(line).upstream is None
    assert JobRecord.from_json({**line, "upstream": "odd"}).upstream is None


def test_the_first_of_several_causes_is_kept() -> None:
    assert Upstream.of(job(cause="no-entry")) == Upstream("count", "no-entry")
    assert Upstream.of(job(cause="changed", upstream=FIRST)) == FIRST


@pytest.mark.parametrize(
    ("upstream", "why"),
    [
        (FIRST, "changed: tool.baseCommand"),
        (Upstream("a", "changed", tuple("abcde")), "changed: a, b, c and 2 more"),
        (Upstream("a", "changed"), "changed since the last entry"),
        (Upstream("a", "evicted"), "its recorded files were evicted"),
        (Upstream("a", "work-reuse-off"), "work-reuse-off"),
        (Upstream("a", "of a newer program"), "of a newer program"),
    ],
)
def test_why_a_job_was_executed_is_said_in_a_few_words(upstream: Upstream, why: str) -> None:
    assert why_executed(upstream) == why


def test_a_sentence_names_the_first_cause() -> None:
    told = sentence(job(cause="changed", differs=("inputs.f.digest",), upstream=FIRST))
    assert told == (
        "executed: changed: inputs.f.digest, from job sort (executed: changed: tool.baseCommand)"
    )
