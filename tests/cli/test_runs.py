"""``cwl-memo runs`` and ``cwl-memo explain``."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.main import main
from cwl_memo.core.outcome import Reason
from cwl_memo.core.run import EXECUTED, JobRecord
from cwl_memo.report.schema import report_schema
from tests.cli.stories import COLD, WARM, Shelf, cold_run, fingerprint, warm_run


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main([*words, "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


# runs


def test_runs_are_listed_newest_first_with_their_counts(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1][:7] == [WARM, "unfinished", "1", "1", "0", "1", "wf.cwl"]
    assert lines[2][:7] == [COLD, "success", "0", "2", "1", "0", "wf.cwl"]


def test_a_run_is_listed_with_all_that_a_program_needs(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    newest, oldest = answer(capsys, "runs")["runs"]
    assert newest["run"] == WARM
    cold = cold_run()
    assert oldest == {
        **cold.header(), "ended": cold.ended, "status": "success", "summary": cold.summary(),
    }  # fmt: skip


def test_the_list_of_runs_is_limited(filled: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(25):
        filled.append(replace(cold_run(), run=f"2026-10-{i + 1:02}-000000-0000", jobs=[]))
    assert len(answer(capsys, "runs")["runs"]) == 20
    assert len(answer(capsys, "runs", "--limit", "0")["runs"]) == 27
    assert [run["run"] for run in answer(capsys, "runs", "--limit", "1")["runs"]] == [WARM]
    assert main(["runs", "--limit", "-3"]) == ExitCode.USAGE.status


# explain


def test_a_miss_is_explained_with_its_old_and_new_value(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "latest"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"run {WARM}: workflows/wf.cwl, unfinished"
    assert lines[1] == f"[job align] reused from run {COLD} (saved 12 min 3 s)"
    assert lines[2] == "[job align_2] executed: changed: inputs.reads.digest"
    assert lines[3].startswith("    inputs.reads.digest: blake3:")
    assert lines[3].endswith("… → blake3:333333333333…")
    assert lines[-1].startswith("3 jobs: 1 reused, 1 executed, 0 refused, 1 failed")


def test_a_miss_is_explained_with_the_values_of_the_entry_it_was_held_against(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    nearest = shelf.record(fingerprint(reads="1"), started="2026-11-20T10:00:00+00:00")
    other = {**fingerprint(reads="2"), "image": "sha256:aa"}
    shelf.record(other, started="2026-11-20T11:00:00+00:00")
    newest = shelf.record(fingerprint(reads="3"), run=WARM, started="2026-11-21T10:15:02+00:00")
    shelf.append(warm_run(newest, nearest))
    (job,) = answer(capsys, "explain", "-1", "align_2")["jobs"]
    assert job["changes"] == [
        {
            "field": "inputs.reads.digest",
            "old": f"blake3:{'1' * 64}",
            "new": f"blake3:{'3' * 64}",
        }
    ]


def test_a_miss_with_many_changes_is_explained_by_those_that_were_recorded(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"reads_{i:02}" for i in range(12)]
    nearest = shelf.record(fingerprint(**dict.fromkeys(names, "1")))
    newest = shelf.record(fingerprint(**dict.fromkeys(names, "2")), run=WARM)
    run = warm_run(newest, nearest)
    # In another order than the store keeps the fields in.
    fields = tuple(f"inputs.{name}.digest" for name in reversed(names[:10]))
    shelf.append(replace(run, jobs=[replace(run.jobs[1], differs=fields)]))
    (job,) = answer(capsys, "explain", "latest")["jobs"]
    assert [change["field"] for change in job["changes"]] == list(fields)
    assert {change["old"][-1] for change in job["changes"]} == {"1"}


def test_a_miss_that_was_not_recorded_is_explained_by_its_fields_alone(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    shelf.append(warm_run(replace(entry, key=type(entry.key)("0" * 64))))
    assert main(["explain", "latest", "align_2"]) == 0
    assert "\n    inputs.reads.digest\n" in capsys.readouterr().out


def test_a_refusal_is_explained_with_its_remedy(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", COLD, "index"]) == 0
    text = capsys.readouterr().out
    assert "[job index] executed: reuse refused: directory-input (inputs.reference)" in text
    assert Reason.DIRECTORY_INPUT.remedy in text


def test_an_explanation_in_json_follows_the_report_schema(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    for run in ("latest", "-2"):
        document = answer(capsys, "explain", run)
        jsonschema.Draft202012Validator(report_schema()).validate(document)
        assert len(document["jobs"]) == 3


def test_the_schema_is_printed_without_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == report_schema()


@pytest.mark.parametrize(
    ("name", "run"),
    [("latest", WARM), ("-1", WARM), ("-2", COLD), (COLD, COLD), ("2026-11-20", COLD)],
)
def test_a_run_is_found_by_its_beginning_or_from_the_end(
    name: str, run: str, filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(capsys, "explain", name)["run"] == run


def test_the_beginning_of_two_runs_is_ambiguous(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "2026"]) == ExitCode.USAGE.status
    message = capsys.readouterr().err
    assert "2026-11-20" in message
    assert "2026-11-21" in message


def test_a_run_whose_id_begins_another_is_found_by_its_whole_id(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    filled.append(replace(cold_run(), run=f"{COLD}-2"))
    assert answer(capsys, "explain", COLD)["run"] == COLD


@pytest.mark.parametrize("name", ["1999", "-3", "latests"])
def test_an_unknown_run_is_not_found(
    name: str, filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", name]) == ExitCode.NOT_SO.status
    assert name in capsys.readouterr().err


def test_jobs_are_found_by_name_or_glob(filled: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    def names(pattern: str) -> list[str]:
        return [job["name"] for job in answer(capsys, "explain", COLD, pattern)["jobs"]]

    assert names("align") == ["align"]
    assert names("align*") == ["align", "align_2"]
    assert names("*") == ["align", "align_2", "index"]
    assert main(["explain", COLD, "Align"]) == ExitCode.NOT_SO.status


def test_a_job_whose_name_looks_like_a_glob_is_found_by_its_name(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [JobRecord(name, "a.cwl", EXECUTED, "miss") for name in ("call[1]", "call1")]
    shelf.append(replace(cold_run(), jobs=jobs))
    found = answer(capsys, "explain", "latest", "call[1]")["jobs"]
    assert [job["name"] for job in found] == ["call[1]"]


@pytest.mark.parametrize(
    ("run", "line"),
    [
        (COLD, {"line": "job", "name": "x", "tool": 1, "result": "", "lookup": ""}),
        (COLD, {"line": "job", "name": "x"}),
        (COLD, {"line": "run", "run": WARM}),
        ("2026-11-22-000000-beef", {"line": "end", "status": "success"}),
    ],
    ids=["wrong type", "missing field", "another run", "no header"],
)
def test_a_damaged_run_record_is_an_error(
    run: str, line: dict[str, Any], filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    with filled.opened() as store:
        store.append_run(run, line)
    assert main(["explain", run]) == ExitCode.STORE.status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"the record of run {run} is damaged" in captured.err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_an_explanation_fits_a_terminal_of_eighty_columns(
    filled: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in (["explain", "latest"], ["explain", "-2"], ["runs"]):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        assert main(words) == 0
        assert max(map(len, terminal.getvalue().splitlines())) <= 80
