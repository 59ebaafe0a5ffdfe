"""Run records as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cwl_memo.core.comparison import Difference
from cwl_memo.core.outcome import Reason
from cwl_memo.core.run import (
    EXECUTED,
    FAILED,
    REFUSED,
    REUSED,
    SAME,
    JobRecord,
    RunRecord,
    Upstream,
)
from cwl_memo.report.changes import Change
from cwl_memo.report.text import explanation, runs_table, why

OLD, NEW = "blake3:" + "1" * 64, "blake3:" + "2" * 64
REUSED_JOB = JobRecord(
    "align", "align.cwl", REUSED, "hit", origin_run="2026-11-20-a1b2", seconds=723, size=10**9
)
CHANGED_JOB = JobRecord(
    "sort", "sort.cwl", EXECUTED, "miss", cause="changed", differs=("inputs.reads.digest",)
)
REFUSED_JOB = JobRecord(
    "stats", "s.cwl", REFUSED, "refusal", cause="directory-input", detail="inputs.reference",
    not_recorded="directory-input",
)  # fmt: skip
RUN = RunRecord(
    run="2026-11-21-101500-c3d4",
    document="/data/workflows/variant-calling.cwl",
    status="success",
    jobs=[REUSED_JOB, CHANGED_JOB, REFUSED_JOB],
)


def explained(*jobs: JobRecord, width: int | None = None) -> str:
    return "\n".join(explanation(RunRecord(run="r", jobs=list(jobs)), jobs, {}, width))


def test_an_explanation_names_the_run_each_job_and_the_sum() -> None:
    lines = explanation(RUN, RUN.jobs, {}, None)
    assert lines[0] == ("run 2026-11-21-101500-c3d4: /data/workflows/variant-calling.cwl, success")
    assert "[job align] reused from run 2026-11-20-a1b2 (saved 12 min 3 s)" in lines
    assert lines[-1].startswith("3 jobs: 1 reused, 1 executed, 1 refused, 0 failed")


def test_a_refusal_is_explained_with_its_sentence_and_its_remedy_once() -> None:
    text = explained(REFUSED_JOB)
    assert "[job stats] executed: reuse refused: directory-input (inputs.reference)" in text
    assert text.count(Reason.DIRECTORY_INPUT.sentence) == 1
    assert text.count(Reason.DIRECTORY_INPUT.remedy) == 1


def test_why_an_executed_job_was_not_recorded_is_explained() -> None:
    job = JobRecord("a", "a.cwl", EXECUTED, "miss", cause="no-entry", not_recorded="too-large")
    assert Reason.TOO_LARGE.remedy in explained(job)


def test_a_miss_is_explained_by_the_old_and_the_new_value() -> None:
    changed = {0: [Change("inputs.reads.digest", OLD, NEW)]}
    lines = explanation(RUN, [CHANGED_JOB], changed, None)
    assert "    inputs.reads.digest: blake3:111111111111… → blake3:222222222222…" in lines


def test_a_value_that_was_not_there_is_called_nothing() -> None:
    changed = {0: [Change("environment.LANG", None, "C")]}
    assert '    environment.LANG: nothing → "C"' in explanation(RUN, [CHANGED_JOB], changed, None)


def test_a_miss_whose_values_are_gone_still_names_its_fields() -> None:
    assert explanation(RUN, [CHANGED_JOB], {}, None)[2] == "    inputs.reads.digest"


def test_a_cause_of_a_newer_program_is_named_as_it_stands() -> None:
    job = JobRecord("a", "a.cwl", EXECUTED, "miss", cause="moon-phase", not_recorded="tide")
    assert "[job a] executed: moon-phase" in explained(job)


def test_a_failed_job_is_called_failed() -> None:
    job = JobRecord("a", "a.cwl", FAILED, "miss", cause="no-entry", not_recorded="failed")
    assert "[job a] failed" in explained(job)


def test_a_run_that_never_ended_is_called_unfinished() -> None:
    assert explanation(RunRecord(run="r"), [], {}, None)[0] == "run r: no document, unfinished"


@pytest.mark.parametrize("width", [40, 80])
def test_an_explanation_fits_the_terminal(width: int) -> None:
    changed = {1: [Change("inputs.a_rather_long_name.digest", OLD * 3, ["x" * 90])]}
    lines = explanation(RUN, RUN.jobs, changed, width)
    assert max(map(len, lines)) <= width
    assert "    inputs.a_rather_long_name.digest:" in lines


def test_a_pipe_gets_each_paragraph_on_one_line() -> None:
    lines = explanation(RUN, [REFUSED_JOB], {}, None)
    reason = Reason.DIRECTORY_INPUT
    assert lines[2] == f"    {reason.sentence} {reason.remedy}"


def test_a_job_name_cannot_steer_the_terminal() -> None:
    job = JobRecord("\x1b[2J", "a.cwl", EXECUTED, "miss", cause="no-entry")
    assert "\x1b" not in explained(job)


def test_runs_are_listed_with_their_counts() -> None:
    lines = runs_table([RUN], None)
    assert lines[0].split() == [
        "RUN", "STATUS", "REUSED", "EXECUTED", "REFUSED", "FAILED", "DOCUMENT", "SAVED",
    ]  # fmt: skip
    assert lines[1].split() == [
        "2026-11-21-101500-c3d4", "success", "1", "1", "1", "0", "variant-calling.cwl",
        "12", "min", "3", "s",
    ]  # fmt: skip


def test_a_list_of_runs_fits_eighty_columns() -> None:
    interrupted = RunRecord(run=RUN.run, document=RUN.document, status="interrupted")
    lines = runs_table([RUN, interrupted], 80)
    assert max(map(len, lines)) <= 80
    assert lines[2].split()[:2] == [RUN.run, "interrupted"]


def test_the_outputs_that_differed_are_listed() -> None:
    found = (Difference("out", "3 bytes", "its gzip header"), Difference("exit code", "0, now 3"))
    job = JobRecord(
        "s", "t", EXECUTED, "hit", origin_run="r", recheck="differs", differences=found,
        not_recorded="not-deterministic",
    )  # fmt: skip
    lines = explanation(RunRecord(run="x", jobs=[job]), [job], {}, None)
    assert lines[1:4] == [
        "[job s] executed again: other outputs than in run r: out, exit code",
        "    out: 3 bytes; only in its gzip header",
        "    exit code: 0, now 3",
    ]
    assert "WorkReuse" in lines[4]


def test_a_few_words_name_the_first_cause_and_what_a_recheck_gave() -> None:
    changed = JobRecord(
        "b", "b.cwl", EXECUTED, "miss", cause="changed", differs=("inputs.f.digest",)
    )
    first = Upstream("a", "changed", ("tool",))
    assert why(replace(changed, upstream=first)) == "changed: inputs.f.digest, from job a"
    same = JobRecord("a", "a.cwl", REUSED, "hit", origin_run="r", recheck=SAME)
    assert why(same) == "reused from run r (executed again: the same outputs)"
