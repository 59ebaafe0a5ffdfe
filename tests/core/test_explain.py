"""Explanations: which field differs, and what became of a job."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwl_memo.core.comparison import Difference
from cwl_memo.core.explain import (
    differing_fields,
    format_bytes,
    format_seconds,
    sentence,
    summary_line,
    value_at,
)
from cwl_memo.core.run import EXECUTED, FAILED, REFUSED, REUSED, JobRecord, RunRecord

EVIL = "bad\x1b]0;owned\x07\n\u202e"


def job(**fields: Any) -> JobRecord:
    defaults: dict[str, Any] = {
        "name": "align",
        "tool": "align.cwl",
        "result": EXECUTED,
        "lookup": "miss",
    }
    return JobRecord(**{**defaults, **fields})


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ({"a": 1}, {"a": 1}, ()),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ("a.b",)),
        ({"a": [1, 2]}, {"a": [1, 3]}, ("a[1]",)),
        ({"a": [1]}, {"a": [1, 2]}, ("a",)),
        ({"a": 1}, {"a": 1.0}, ("a",)),
        ({"a": None}, {}, ("a",)),
        ({}, {"a": None}, ("a",)),
        ({"image": {"x": 1}}, {"image": None}, ("image",)),
        ({"a": 1, "b": 2}, {"a": 0, "b": 0}, ("a", "b")),
    ],
)
def test_differing_fields_names_the_innermost_field(
    old: object, new: object, paths: tuple[str, ...]
) -> None:
    assert differing_fields(old, new) == paths


def test_differing_fields_stops_at_its_limit() -> None:
    new = {str(i): 1 for i in range(100)}
    assert len(differing_fields({}, new, limit=7)) == 7


names = st.text(min_size=1, max_size=5)
trees = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(names, children, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(names, trees, max_size=4))
def test_equal_fingerprints_do_not_differ(fields: dict[str, object]) -> None:
    assert differing_fields(fields, fields) == ()


def test_value_at_finds_what_differing_fields_named() -> None:
    fields = {"inputs": {"reads.1": [{"digest": "x"}]}, "host": {"/usr/bin/a.sh": "d"}}
    assert value_at(fields, "inputs.reads.1[0].digest") == "x"
    assert value_at(fields, "host./usr/bin/a.sh") == "d"
    assert value_at(fields, "inputs.absent") is None
    assert value_at(fields, "inputs.reads.1[7].digest") is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (59.6, "1 min 0 s"), (723, "12 min 3 s"), (7500, "2 h 5 min")],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_960, "1.0 MB"),
        (1_234_567_890, "1.2 GB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_sizes_read_as_people_say_them(size: int, text: str) -> None:
    assert format_bytes(size) == text


def test_sentences_of_the_log() -> None:
    reused = job(result=REUSED, lookup="hit", origin_run="2026-01-01-000000-a1b2", seconds=723.0)
    assert sentence(reused) == "reused from run 2026-01-01-000000-a1b2 (saved 12 min 3 s)"
    assert sentence(job(cause="no-entry")) == "executed: no entry yet"
    changed = job(cause="changed", differs=("inputs.reads.digest", "image"))
    assert sentence(changed) == "executed: changed: inputs.reads.digest, image"
    many = job(cause="changed", differs=("a", "b", "c", "d", "e"))
    assert sentence(many) == "executed: changed: a, b, c and 2 more"
    refused = job(
        result=REFUSED, lookup="refusal", cause="directory-input", detail="inputs.reference"
    )
    assert sentence(refused) == "executed: reuse refused: directory-input (inputs.reference)"
    failed = job(result=FAILED, cause="no-entry", not_recorded="failed")
    assert sentence(failed) == "failed: no entry yet"
    unrecorded = job(cause="no-entry", not_recorded="too-large")
    assert sentence(unrecorded) == "executed: no entry yet; not recorded: too-large"
    invalidated = job(cause="invalidated", detail="wrong reference", not_recorded="too-large")
    assert sentence(invalidated) == (
        "executed: its entry was invalidated (wrong reference); not recorded: too-large"
    )
    assert sentence(job(cause="evicted")) == "executed: its recorded files were evicted"


def test_summary_counts_each_job_once() -> None:
    record = RunRecord(
        run="r",
        jobs=[
            job(result=REUSED, seconds=60.0, size=1000),
            job(),
            job(result=REFUSED),
            job(result=FAILED),
        ],
    )
    assert summary_line(record) == (
        "4 jobs: 1 reused, 1 executed, 1 refused, 1 failed; saved 1 min 0 s and 1.0 kB of results"
    )
    assert summary_line(RunRecord(run="r", jobs=[job()])).startswith("1 job: 0 reused")


def test_sentences_of_hits_that_were_executed_again() -> None:
    again = job(result=REUSED, lookup="hit", origin_run="r", seconds=723.0, recheck="same")
    assert sentence(again) == "reused from run r (executed again: the same outputs)"
    failed = replace(again, recheck="failed", detail="exit code 1")
    assert sentence(failed) == "reused from run r (failed when executed again: exit code 1)"
    not_compared = replace(again, recheck="not-compared", detail="why")
    assert sentence(not_compared) == "reused from run r (executed again, and not compared: why)"
    found = (
        Difference("out", "2 bytes"),
        Difference("out", "mode"),
        Difference("d/a", "is missing"),
    )
    differs = replace(again, result=EXECUTED, recheck="differs", differences=found)
    assert sentence(differs) == "executed again: other outputs than in run r: out, d/a"
    jobs = [again, again, failed, not_compared, differs, replace(again, recheck="")]
    record = RunRecord(run="x", jobs=jobs)
    assert summary_line(record).endswith(
        "; 5 executed again: 1 with other outputs, 1 failed, 1 not compared"
    )
    assert summary_line(RunRecord(run="x", jobs=[again])).endswith(
        "; 1 executed again: the same outputs"
    )
    assert record.seconds_saved == 723.0
    assert [JobRecord.from_json(one.to_json()) for one in jobs] == jobs


@pytest.mark.parametrize(
    "told",
    [
        {"result": REUSED, "lookup": "hit"},
        {"result": REUSED, "lookup": "hit", "recheck": "same"},
        {"result": REUSED, "lookup": "hit", "recheck": "failed"},
        {"result": EXECUTED, "cause": "changed", "differs": (f"inputs.{EVIL}",)},
        {"result": EXECUTED, "cause": "invalidated"},
        {"result": REFUSED, "lookup": "refusal", "cause": "secret-output"},
    ],
    ids=range(6),
)
def test_nothing_that_others_wrote_can_do_anything_to_a_terminal(told: dict[str, Any]) -> None:
    said = sentence(job(origin_run=EVIL, detail=EVIL, **told))
    assert said.isprintable()
    assert r"bad\x1b]0;owned\x07\n" in said
