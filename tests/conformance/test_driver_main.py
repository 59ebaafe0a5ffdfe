"""The driver's command: what it runs, what it prints and writes, and how it ends."""

from __future__ import annotations

import json
import shlex
import signal
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.driver.main import main
from conformance.driver.template import TEMPLATES, Template, find_template
from conformance.errors import ConformanceError
from tests.conformance.fakes import HONEST, Fake

SUITE = """\
class: must-miss
tags: [some]
let: {runs: {executes: {tool: 1}, job: {x: 1}, outputs: {out: {class: File, contents: "x\\n"}}}}
cases:
  - id: miss-one
    title: one
    tags: [core]
    files: &files {tool.cwl: "echo tool >> {{marks}}; echo x"}
    runs: ["{{runs}}"]
  - id: hit-two
    class: must-hit
    title: two
    files: *files
    runs: ["{{runs}}", {executes: {}}]
  - id: hit-three
    class: must-hit
    title: three
    needs: [javascript]
    files: *files
    runs: ["{{runs}}"]
"""
NEVER = HONEST.replace("test -e", "false")

Run = Callable[..., int]


@pytest.fixture
def run(fake: Fake, tmp_path: Path) -> Run:
    """Runs the command on a small suite; returns its exit status."""
    path = tmp_path / "suite" / "some.yml"
    path.parent.mkdir()
    path.write_text(SUITE)

    def run_main(*words: str | Path, body: str = HONEST) -> int:
        return main([fake(body).command, "--suite", str(path.parent), *map(str, words)])

    return run_main


def test_run_without_flaws_ends_with_0(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert capsys.readouterr().out == (
        "class      cases  PASS  FALSE-HIT  WRONG-OUTPUT  CRASH  FALSE-MISS  POLICY  SKIP\n"
        "must-miss      1     1          .             .      .           .       .     .\n"
        "must-hit       2     2          .             .      .           .       .     .\n"
        "all            3     3          .             .      .           .       .     .\n"
        "cases: 3 passed, 0 failed, 0 skipped\n"
    )


def test_run_with_a_flaw_ends_with_1_and_says_what_it_was(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(body=NEVER) == 1
    out = capsys.readouterr().out
    assert "FALSE-MISS  hit-two: two\n  run 2: FALSE-MISS\n" in out
    assert "    job 'tool' was executed 1 times, not 0\n" in out
    assert "cases: 2 passed, 1 failed, 0 skipped\n" in out
    assert run("--quiet", body=NEVER) == 1
    assert "hit-two" not in capsys.readouterr().out


def test_log_of_a_runner_that_failed_is_shown(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--only", "one", body=HONEST.replace("answer", "echo help >&2; exit 3")) == 1
    assert "    | help\n" in capsys.readouterr().out


def test_runner_without_a_cache_is_asked_for_results_alone(run: Run) -> None:
    assert run("--no-reuse", body=NEVER) == 0


def test_what_the_runner_lacks_is_skipped(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--lacks", "javascript") == 0
    out = capsys.readouterr().out
    assert "skipped: the runner lacks javascript\n" in out
    assert "cases: 2 passed, 0 failed, 1 skipped\n" in out


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--only", "t"], ["hit-two", "hit-three"]),
        (["--only", "one", "--only", "two"], ["miss-one", "hit-two"]),
        (["--tag", "core"], ["miss-one"]),
        (["--tag", "must-hit"], ["hit-two", "hit-three"]),
        (["--tag", "must-hit", "--only", "two"], ["hit-two"]),
        ([], ["miss-one", "hit-two", "hit-three"]),
    ],
)
def test_cases_are_chosen_and_listed(
    run: Run, capsys: pytest.CaptureFixture[str], words: list[str], ids: list[str]
) -> None:
    chosen = [name for name in ids if "only" not in words or any(w in name for w in words)]
    assert run("--list", *words) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == chosen


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tag", "absent"], "--tag absent: no case has it; there are core, must-"),
        (["--only", "absent"], "no case is left"),
        (["--suite", "/no/where"], "--suite /no/where: there is no such file or folder"),
        (["--json", "/no/where/a.json"], "/no/where/a.json: its folder does not exist"),
        (["--junit", "/no/where/a.xml"], "/no/where/a.xml: its folder does not exist"),
        (["--keep", "/dev/null"], "--keep /dev/null: "),
    ],
)
def test_run_that_cannot_be_begun_ends_with_2(
    run: Run, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert run(*words) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"python -m conformance: error: {message}")
    assert told.out == ""


def test_json_tells_all_that_was_seen(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    assert run("--json", path, "--lacks", "javascript", body=NEVER) == 1
    told = json.loads(path.read_text())
    assert told["runner"]["reuses"] is True
    assert told["summary"] == {
        "cases": 3,
        "PASS": 1,
        "FALSE-HIT": 0,
        "WRONG-OUTPUT": 0,
        "CRASH": 0,
        "FALSE-MISS": 1,
        "POLICY": 0,
        "SKIP": 1,
        "unexplained": 0,
    }
    one, two, three = told["cases"]
    assert (one["id"], one["verdict"], three["skipped"]) == (
        "miss-one",
        "PASS",
        "the runner lacks javascript",
    )
    assert {key: two[key] for key in ("class", "title", "tags", "verdict")} == {
        "class": "must-hit",
        "title": "two",
        "tags": ["some"],
        "verdict": "FALSE-MISS",
    }
    first, second = two["runs"]
    assert (first["statuses"], first["marks"], first["verdict"]) == ([0], {"tool": 1}, "PASS")
    assert second["details"] == ["job 'tool' was executed 1 times, not 0"]
    assert second["outputs"][0]["out"]["contents"] == "x\n"
    assert second["commands"][0].endswith("tool.cwl job.json")


def test_junit_has_a_failure_for_each_flaw(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "seen.xml"
    assert run("--junit", path, "--lacks", "javascript", body=NEVER) == 1
    suites = ET.parse(path).getroot().findall("testsuite")  # noqa: S314 - written by the driver
    counts = ("tests", "failures", "errors", "skipped")
    assert [[suite.get(name) for name in counts] for suite in suites] == [
        ["1", "0", "0", "0"],
        ["2", "1", "0", "1"],
        *([["0", "0", "0", "0"]] * (len(suites) - 2)),
    ]
    two, three = suites[1].findall("testcase")
    failure = two.find("failure")
    assert failure is not None
    assert failure.get("message") == "FALSE-MISS"
    assert "job 'tool' was executed" in (failure.text or "")
    assert (two.get("name"), two.get("classname")) == ("hit-two", "must-hit")
    assert three.find("skipped") is not None


def test_what_no_xml_can_hold_does_not_spoil_it(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "seen.xml"
    noisy = HONEST.replace("answer", r"printf '\001\033[1mhelp\033[0m\377' >&2; exit 3")
    assert run("--junit", path, body=noisy) == 1
    ET.parse(path)  # noqa: S314 - written by the driver


def test_folders_of_the_cases_are_kept_where_asked(run: Run, tmp_path: Path) -> None:
    assert run("--keep", tmp_path / "kept", "--only", "two") == 0
    assert (tmp_path / "kept" / "hit-two" / "out2" / "out.txt").read_text() == "x\n"


def test_signals_are_heard_as_before_when_the_run_is_over(run: Run) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert run("--list") == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == handlers[1]
    finally:
        signal.signal(signal.SIGINT, handlers[0])


# Templates

PLACES = "{store} {outdir} {document} {job}"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"sh {PLACES} {{jobb}}", "there is no place {jobb}"),
        ("sh {store} {outdir} {document}", "the place {job} is missing"),
        ("sh {outdir} {document} {job}", "the place {store} is missing"),
        (f"A={PLACES.replace(' ', ' B=')}", "the command is empty"),
        (f"no-such-program {PLACES}", "no program 'no-such-program'"),
        (f"A=b no-such-program {PLACES}", "no program 'no-such-program'"),
        ("no-such-runner", "no runner 'no-such-runner'; ready are cwl-memo, "),
    ],
)
def test_runner_that_cannot_be_called_is_an_error(command: str, message: str) -> None:
    with pytest.raises(ConformanceError) as raised:
        find_template(command, reuses=True, lacks=frozenset())
    assert message in str(raised.value)


def test_runner_without_a_cache_needs_no_place_for_the_store() -> None:
    template = find_template("sh {outdir} {document} {job}", reuses=False, lacks=frozenset())
    assert not template.reuses


def test_places_are_filled_in_and_words_without_a_value_left_out() -> None:
    command = "A={store} sh --o={outdir} {options} {document} 'x {job}'"
    template = Template("some", command)
    places: dict[str, Any] = dict.fromkeys(("store", "outdir", "document", "job"), "a b")
    words = template.words(places, ("--x", "y z"))
    assert words[:2] == ["env", "A=a b"]
    assert Path(words[2]).name == "sh"
    assert words[3:] == ["--o=a b", "--x", "y z", "a b", "x a b"]
    assert template.words({**places, "job": None}, ())[3:] == ["--o=a b", "a b"]


def test_program_beside_this_python_comes_first() -> None:
    template = Template("some", f"{Path(sys.executable).name} {PLACES}")
    places = dict.fromkeys(("store", "outdir", "document", "job"), "a")
    assert Path(template.words(places, ())[0]).parent == Path(sys.executable).parent


@pytest.mark.parametrize("name", TEMPLATES)
def test_ready_template_has_all_places(name: str) -> None:
    template = TEMPLATES[name]
    programs = [word for word in shlex.split(template.command) if "{" not in word]
    Template(name, template.command.replace(programs[0], "sh", 1), template.reuses).check()


def test_what_a_ready_runner_lacks_is_added_to() -> None:
    template = find_template("cwltool", reuses=True, lacks=frozenset({"javascript"}))
    assert template.lacks > TEMPLATES["cwltool"].lacks


def test_runner_whose_place_fails_may_execute_needlessly(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--tag", "must-hit", body=NEVER) == 1
    assert run("--tag", "must-hit", "--may-miss", body=NEVER) == 0
    assert "1 were executed needlessly" in capsys.readouterr().out


def test_runner_whose_place_fails_may_give_no_wrong_result(run: Run) -> None:
    assert run("--tag", "must-hit", "--may-miss", body="exit 3") == 1
