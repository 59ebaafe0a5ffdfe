"""The driver runs cases from end to end, with small programs in the runner's place."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from conformance.driver.case import Case, parse
from conformance.driver.drive import Plan, drive
from conformance.driver.errors import CaseError
from conformance.driver.mount import Mounts
from conformance.driver.template import Template
from conformance.driver.verdict import CaseResult, Verdict
from tests.conformance.fakes import HONEST, Fake

TOOL = 'echo tool >> {{marks}}; cat "$1"'


def case(*runs: dict[str, Any], **fields: Any) -> Case:
    """Return a case whose tool prints its input object."""
    first = {"job": {"x": "one"}, "outputs": shows("one"), "executes": {"tool": 1}}
    given = {
        "id": "some-case",
        "title": "something happens",
        "class": "robust",
        "files": {"tool.cwl": TOOL},
        "runs": [{**first, **runs[0]}, *runs[1:]] if runs else [first],
        **fields,
    }
    return parse(given, Path("some.yml"))


def shows(value: str) -> dict[str, Any]:
    return {"out": {"class": "File", "basename": "out.txt", "contents": f'{{\n "x": "{value}"\n}}'}}


def only(tmp_path: Path, template: Template, asked: Case, **plan: Any) -> CaseResult:
    """Run one case; return what became of it."""
    keep = plan.pop("keep", tmp_path / "cases")
    [result] = drive([asked], Plan(template, keep=keep, timeout=60, **plan))
    return result


PLAIN = 'sh "$document" "$job" > "$outdir/out.txt"; answer'
"""What a runner does that has no cache."""

TWO = {"job": {"x": "two"}, "outputs": shows("two"), "executes": {"tool": 1}}
AGAIN: dict[str, Any] = {"executes": {}}


def test_honest_runner_passes(fake: Fake, tmp_path: Path) -> None:
    result = only(tmp_path, fake(), case({}, AGAIN, TWO, AGAIN))
    assert result.verdict is Verdict.PASS
    assert [run.number for run in result.runs] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("body", "runs", "expected"),
    [
        (HONEST.replace('"$document" "$job"', '"$document"', 1), [{}, TWO], Verdict.FALSE_HIT),
        (HONEST.replace("test -e", "false"), [{}, AGAIN], Verdict.FALSE_MISS),
        (HONEST.replace("answer", 'echo more >> "$outdir/out.txt"; answer'), [{}], "WRONG-OUTPUT"),
        (HONEST.replace("answer", "echo done"), [{}], Verdict.WRONG_OUTPUT),
        (HONEST.replace("answer", 'rm "$outdir/out.txt"; answer'), [{}], Verdict.WRONG_OUTPUT),
        (HONEST.replace("answer", "answer; exit 7"), [{}], Verdict.CRASH),
        (HONEST.replace("answer", "answer; kill -9 $$"), [{}], Verdict.CRASH),
        ("exit 1", [{}], Verdict.FALSE_HIT),
        ("exit 1", [{"executes": {}}], Verdict.CRASH),
    ],
)
def test_flaw_is_told(
    fake: Fake, tmp_path: Path, body: str, runs: list[Any], expected: Verdict | str
) -> None:
    assert only(tmp_path, fake(body), case(*runs)).verdict is Verdict(expected)


def test_runner_without_a_cache_is_judged_by_its_results_alone(fake: Fake, tmp_path: Path) -> None:
    plain = 'rmdir "$store"; sh "$document" "$job" > "$outdir/out.txt"; answer'
    changes = [{"copy": {"store": "copy"}}, {"move_store": "elsewhere"}, {"delete_store": True}]
    asked = case({}, AGAIN, {"executes": {}, "change": changes})
    assert only(tmp_path, fake(plain, reuses=False), asked).verdict is Verdict.PASS
    wrong = plain.replace("answer", 'echo more >> "$outdir/out.txt"; answer')
    result = only(tmp_path, fake(wrong, reuses=False), asked, keep=tmp_path / "other")
    assert result.verdict is Verdict.WRONG_OUTPUT


def test_gravest_verdict_of_the_runs_is_the_cases(fake: Fake, tmp_path: Path) -> None:
    result = only(tmp_path, fake(HONEST.replace("test -e", "false")), case({}, AGAIN, TWO))
    assert [run.verdict for run in result.runs] == [
        Verdict.PASS,
        Verdict.FALSE_MISS,
        Verdict.PASS,
    ]
    assert result.verdict is Verdict.FALSE_MISS


def has_ended(pid: int) -> bool:
    """Wait a while for a process that has been killed to be gone."""
    try:
        process = psutil.Process(pid)
        for _ in range(1000):
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            time.sleep(0.01)
    except psutil.NoSuchProcess:
        return True
    return False


def test_runner_that_hangs_has_crashed_and_nothing_of_it_lives_on(
    fake: Fake, tmp_path: Path
) -> None:
    pids = [tmp_path / name for name in ("child", "grandchild")]
    # Out of the runner's own process group, where a signal to that does not reach it.
    away = "import os, time; os.setsid(); time.sleep(600)"
    begun = f"sleep 600 & echo $! > {pids[0]}; '{sys.executable}' -c '{away}' & echo $! > {pids[1]}"
    runner = fake(f"{begun}; wait")
    [result] = drive([case({"executes": {}})], Plan(runner, timeout=1.5, keep=tmp_path / "cases"))
    assert result.verdict is Verdict.CRASH
    assert result.runs[0].details == ("the runner hung and was ended",)
    assert all(has_ended(int(path.read_text())) for path in pids)


@pytest.mark.parametrize("signal", ["TERM", "KILL", "INT"])
def test_signal_is_sent_when_a_job_has_left_its_mark(
    fake: Fake, tmp_path: Path, signal: str
) -> None:
    blocked = f"{TOOL}; if test -e {{{{case}}}}/block; then sleep 600; fi"
    killed = {"change": [{"write": {"block": ""}}], "kill": {"signal": signal, "mark": "tool"}}
    after = {"change": [{"delete": ["block"]}], "executes": {"tool": 1}}
    result = only(tmp_path, fake(), case(killed, after, AGAIN, files={"tool.cwl": blocked}))
    assert result.verdict is Verdict.PASS, result.runs
    seen = result.runs[0].observation
    assert seen is not None
    assert seen.statuses != (0,)
    assert seen.marks == {"tool": 1}


def test_runners_at_once_have_outputs_and_logs_of_their_own(fake: Fake, tmp_path: Path) -> None:
    said = HONEST.replace("answer", 'echo "$job" >&2; answer')
    result = only(tmp_path, fake(said), case({"at_once": 3, "executes": {"tool": "1..3"}}))
    assert result.verdict is Verdict.PASS, result.runs
    seen = result.runs[0].observation
    assert seen is not None
    assert len(set(seen.logs)) == len(set(seen.commands)) == 3


def test_runners_beside_one_another_each_do_what_is_asked_of_them(
    fake: Fake, tmp_path: Path
) -> None:
    fails = "echo fails >> {{marks}}; exit 1"
    others: list[dict[str, Any]] = [
        {"job": {"x": "two"}, "outputs": shows("two")},
        {"document": "fails.cwl", "exit": "failure", "after": "tool"},
    ]
    run = {"beside": others, "executes": {"tool": 2, "fails": 1}}
    asked = case(run, files={"tool.cwl": TOOL, "fails.cwl": fails})
    assert only(tmp_path, fake(), asked).verdict is Verdict.PASS
    others[0]["outputs"] = shows("three")
    asked = case(run, files={"tool.cwl": TOOL, "fails.cwl": fails})
    result = only(tmp_path, fake(), asked, keep=tmp_path / "other")
    assert result.verdict is Verdict.WRONG_OUTPUT
    assert result.runs[0].details[0].startswith("runner 2: ")


def test_runner_beside_another_can_be_started_after_a_mark(fake: Fake, tmp_path: Path) -> None:
    files = {
        "tool.cwl": "sleep 0.3; echo tool >> {{marks}}; sleep 0.3; echo end >> {{marks}}",
        "other.cwl": 'test "$(cat {{marks}})" = tool && echo other >> {{marks}}',
    }
    other = {"document": "other.cwl", "after": "tool"}
    counts = {"tool": 1, "other": 1, "end": 1}
    outputs = {"out": {"class": "File", "contents": ""}}
    asked = case({"beside": [other], "executes": counts, "outputs": outputs}, files=files)
    result = only(tmp_path, fake(), asked)
    assert result.verdict is Verdict.PASS, result.runs


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (HONEST, Verdict.WRONG_OUTPUT),
        (HONEST.replace("test -e", "grep -q '^{'"), Verdict.PASS),
    ],
)
def test_each_file_of_the_store_is_damaged_in_turn(
    fake: Fake, tmp_path: Path, body: str, expected: Verdict
) -> None:
    damaged = {"store_files": "garble", "executes": {"tool": "0..1"}}
    result = only(tmp_path, fake(body), case({}, TWO, damaged))
    assert result.verdict is expected, result.runs
    labels = [run.label for run in result.runs]
    assert labels[:2] == ["", ""]
    assert len(set(labels[2:])) == len(labels[2:]) == 2
    fewer = only(tmp_path, fake(body), case({}, TWO, damaged), keep=tmp_path / "few", damages=1)
    assert len(fewer.runs) == 3


def test_other_files_of_the_store_are_as_they_were_when_one_is_damaged(
    fake: Fake, tmp_path: Path
) -> None:
    written = {"change": [{"write_store": {"a": "1", "b": "2", "c": "3"}}]}
    asked = case(
        {**written, "store_files": "remove", "executes": {}, "outputs": {"out": {"class": "File"}}}
    )
    runner = fake('cat "$store"/* >&2; rm "$store"/*; echo > "$outdir/out.txt"; answer')
    result = only(tmp_path, runner, asked)
    logs = [run.observation.logs for run in result.runs if run.observation]
    assert logs == [("23",), ("13",), ("12",)]


def test_files_that_are_to_be_kept_are_looked_at(fake: Fake, tmp_path: Path) -> None:
    change = [{"write": {"mine.txt": "mine", "other.txt": "mine"}}]
    run = {"change": change, "keeps": {"mine.txt": "mine", "other.txt": "mine"}}
    body = "printf changed > mine.txt; rm other.txt; " + HONEST
    result = only(tmp_path, fake(body), case(run))
    assert result.verdict is Verdict.WRONG_OUTPUT
    changed, lost = result.runs[0].details
    assert (changed, lost.partition(":")[0]) == ("mine.txt was changed", "other.txt is lost")
    assert only(tmp_path, fake(), case(run), keep=tmp_path / "2").verdict is Verdict.PASS


def test_environment_is_that_of_the_case_and_nobodys_else(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_MINE", "seen")
    shown = 'echo "$HOME $MINE $LANG" > "$outdir/out.txt"; env >&2; answer'
    asked = case(
        {
            "environment": {"MINE": "{{case}}/mine", "LANG": None},
            "executes": {},
            "outputs": {"out": {"class": "File", "contents": "{home} {mine} \n"}},
        }
    )
    folder = tmp_path / "cases" / "some-case"
    asked.runs[0].outputs["out"]["contents"] = f"{folder}/home {folder}/mine \n"
    result = only(tmp_path, fake(shown), asked)
    assert result.verdict is Verdict.PASS, result.runs
    seen = result.runs[0].observation
    assert seen is not None
    assert "SECRET_OF_MINE" not in seen.logs[0]


@pytest.mark.parametrize(
    ("fields", "option", "why"),
    [
        ({"needs": ["javascript"]}, "", "the runner lacks javascript"),
        ({}, "--parallel", "the runner lacks --parallel"),
        ({}, "--outdir=x", "the runner takes no options"),
    ],
)
def test_case_is_skipped_that_the_runner_cannot_be_asked(
    fake: Fake, tmp_path: Path, fields: Any, option: str, why: str
) -> None:
    runner = fake("exit 9", lacks=frozenset({"javascript", "--parallel"}))
    result = only(tmp_path, runner, case({"options": [option] if option else []}, **fields))
    assert (result.verdict, result.why_skipped, result.runs) == (Verdict.SKIP, why, ())


def test_options_reach_the_runner_in_their_place(fake: Fake, tmp_path: Path) -> None:
    runner = fake('echo "$5 $6 $7" > "$outdir/out.txt"; answer', words="{options} end")
    outputs = {"out": {"class": "File", "contents": "--a b end\n"}}
    asked = case({"options": ["--a", "b"], "executes": {}, "outputs": outputs})
    result = only(tmp_path, runner, asked)
    assert result.verdict is Verdict.PASS, result.runs


def test_reasons_are_read_from_the_report_and_their_lack_is_no_flaw(
    fake: Fake, tmp_path: Path
) -> None:
    told = """echo '{"jobs": [{"cause": "changed", "not_recorded": ""}]}' > "$report"\n"""
    runner = fake(told + HONEST, words="{report}")
    asked = case({"reasons": ["changed"]})
    assert not only(tmp_path, runner, asked).is_unexplained
    asked = case({"reasons": ["damaged"]})
    result = only(tmp_path, runner, asked, keep=tmp_path / "other")
    assert (result.verdict, result.is_unexplained) == (Verdict.PASS, True)
    assert not only(tmp_path, fake(), asked, keep=tmp_path / "third").is_unexplained


def test_case_that_cannot_be_done_is_an_error_that_names_the_change(
    fake: Fake, tmp_path: Path
) -> None:
    with pytest.raises(CaseError, match=r"change delete: .*absent"):
        only(tmp_path, fake(), case({"change": [{"delete": ["absent"]}]}))


def test_case_ends_where_a_failed_run_left_nothing_to_change(fake: Fake, tmp_path: Path) -> None:
    asked = case({}, {**AGAIN, "change": [{"delete": ["out1/out.txt"]}]})
    result = only(tmp_path, fake("exit 1"), asked)
    assert [run.verdict for run in result.runs] == [result.verdict] == [Verdict.FALSE_HIT]


def test_folder_of_a_case_is_removed_though_it_cannot_be_written(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    runner = fake('mkdir -p "$store/sub"; chmod 500 "$store/sub" "$store"; ' + HONEST)
    before = set(tmp_path.iterdir())
    only(tmp_path, runner, case(), keep=None)
    assert set(tmp_path.iterdir()) == before


def test_case_is_skipped_where_the_machine_does_not_let_us_mount(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.driver.mount.shutil.which", lambda _: None)
    result = only(tmp_path, fake(), case({"change": [{"bound_store": 4096}]}))
    assert result.verdict is Verdict.SKIP
    assert "no mount" in result.why_skipped


def test_store_is_locked_by_modes_where_they_hold_the_user_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    file = tmp_path / "store" / "sub" / "file"
    file.parent.mkdir(parents=True)
    file.write_text("x")
    paths = (tmp_path / "store", file.parent, file)
    before = [path.stat().st_mode for path in paths]
    mounts = Mounts()
    mounts.lock(tmp_path / "store", locked=True)
    assert all(path.stat().st_mode & 0o222 == 0 for path in paths)
    mounts.lock(tmp_path / "store", locked=False)
    assert [path.stat().st_mode for path in paths] == before


# what is taken back

TAKEN_BACK: dict[str, Any] = {"change": [{"invalidate": ["tool.cwl"]}], "executes": {"tool": 1}}


def test_results_are_taken_back_by_the_runners_own_command(fake: Fake, tmp_path: Path) -> None:
    honest = replace(fake(), invalidation="rm -r {store}")
    result = only(tmp_path, honest, case({}, AGAIN, TAKEN_BACK, needs=["invalidation"]))
    assert result.verdict is Verdict.PASS


def test_a_runner_that_keeps_what_was_taken_back_is_caught(fake: Fake, tmp_path: Path) -> None:
    forgetful = replace(fake(), invalidation="true {store} {tool}")
    result = only(tmp_path, forgetful, case({}, AGAIN, TAKEN_BACK, needs=["invalidation"]))
    assert result.verdict is Verdict.FALSE_HIT


def test_a_runner_that_cannot_take_back_is_not_asked(fake: Fake, tmp_path: Path) -> None:
    asked = case({}, AGAIN, TAKEN_BACK, needs=["invalidation"])
    assert "invalidation" in only(tmp_path, fake(), asked).why_skipped
    # Without a cache there is nothing to take back.
    fresh = {"change": [{"invalidate": ["tool.cwl"]}], "executes": {"tool": 1}}
    validated = only(tmp_path / "plain", fake(PLAIN, reuses=False), case({}, fresh))
    assert validated.verdict is Verdict.PASS


def test_a_command_that_fails_to_take_back_is_an_error(fake: Fake, tmp_path: Path) -> None:
    broken = replace(fake(), invalidation="false {store}")
    with pytest.raises(CaseError, match=r"invalidate tool\.cwl: exit status 1"):
        only(tmp_path, broken, case({}, AGAIN, TAKEN_BACK, needs=["invalidation"]))
