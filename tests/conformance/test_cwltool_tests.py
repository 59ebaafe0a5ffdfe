"""How cwltool's own tests are chosen, run and compared."""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from conformance.cwltool_tests import __main__ as program
from conformance.cwltool_tests import passes
from conformance.cwltool_tests.outcome import (
    Difference,
    ExceptionToRule,
    Judgement,
    Outcome,
    TestResult,
    choose,
    compare,
    judge,
    read_exceptions,
    read_results,
)
from conformance.cwltool_tests.passes import ENGINES, PassResult, Plan, path_without, run_pass
from conformance.cwltool_tests.report import describe_choice, describe_judgement, table
from conformance.cwltool_tests.source import place_tests
from conformance.errors import ConformanceError

PASSED = TestResult("t.py::a", Outcome.PASSED, calls=1)
FAILED = replace(PASSED, outcome=Outcome.FAILED, detail="assert 'done' in stderr")
WARM = Difference("warm", PASSED, FAILED)
EXCUSE = ExceptionToRule("t.py::a", ("warm",), "'done' in stderr", "It is not done.")


def judged(*differences: Difference, **more: Any) -> Judgement:
    given: dict[str, Any] = {"exceptions": [], "ran": ["t.py::a"], "again": {}, **more}
    return judge(differences, given["exceptions"], given["ran"], given["again"])


# choosing


def test_tests_that_call_no_entry_are_not_compared() -> None:
    results = {"a": PASSED, "b": replace(PASSED, calls=0)}
    assert choose(results) == {"a": PASSED}


def test_tests_that_fail_with_cwltool_are_compared_unless_they_miss_their_container() -> None:
    hosted = replace(PASSED, hosted=True)
    results = {"a": FAILED, "b": replace(FAILED, hosted=True), "c": hosted}
    assert choose(results) == {"a": FAILED, "c": hosted}


# comparing


@pytest.mark.parametrize("first", Outcome)
@pytest.mark.parametrize("second", Outcome)
def test_another_outcome_is_a_difference_in_either_direction(
    first: Outcome, second: Outcome
) -> None:
    plain, memo = replace(PASSED, outcome=first), replace(PASSED, outcome=second)
    found = compare("cold", {"t": plain}, {"t": memo})
    assert found == ([] if first is second else [Difference("cold", plain, memo)])


def test_what_a_failed_test_says_is_no_difference() -> None:
    assert compare("cold", {"t": FAILED}, {"t": replace(FAILED, detail="in other words")}) == []


def test_passes_of_other_tests_cannot_be_compared() -> None:
    one, two = {"a": PASSED}, {"a": PASSED, "b": PASSED}
    for plain, memo in ((one, two), (two, one)):
        with pytest.raises(ConformanceError, match="not of the same tests: b"):
            compare("cold", plain, memo)


# judging


def test_difference_without_a_reason_is_unlisted() -> None:
    assert judged(WARM).unlisted == (WARM,)


def test_difference_with_a_reason_is_listed() -> None:
    found = judged(WARM, exceptions=[EXCUSE])
    assert found == Judgement((), ((WARM, EXCUSE),), (), ())


def test_exception_covers_all_parameters_of_a_test_or_the_one_it_names() -> None:
    for name, covered in (("t.py::a", True), ("t.py::a[x]", True), ("t.py::a[y]", False)):
        test = replace(FAILED, test="t.py::a[x]")
        found = judged(
            Difference("warm", replace(PASSED, test="t.py::a[x]"), test),
            exceptions=[replace(EXCUSE, test=name)],
        )
        assert bool(found.listed) is covered
    namesake = Difference(
        "warm", replace(PASSED, test="t.py::ab"), replace(FAILED, test="t.py::ab")
    )
    assert judged(namesake, exceptions=[EXCUSE]).unlisted


@pytest.mark.parametrize(
    "excuse",
    [
        pytest.param(replace(EXCUSE, passes=("cold",)), id="another-pass"),
        pytest.param(replace(EXCUSE, shows="wrong output"), id="another-failure"),
        pytest.param(replace(EXCUSE, test="t.py::b"), id="another-test"),
    ],
)
def test_exception_for_something_else_excuses_nothing(excuse: ExceptionToRule) -> None:
    assert judged(WARM, exceptions=[excuse]).unlisted == (WARM,)


def test_exception_that_no_longer_differs_is_stale() -> None:
    assert judged(exceptions=[EXCUSE]).stale == (EXCUSE,)
    both = replace(EXCUSE, passes=("cold", "warm"))
    assert judged(WARM, exceptions=[both]).stale == (both,)


def test_exception_for_a_test_that_was_not_run_is_not_stale() -> None:
    # Another release of cwltool may not have it.
    assert judged(exceptions=[EXCUSE], ran=["t.py::b"]).stale == ()


def test_test_of_which_plain_cwltool_itself_is_not_sure_is_not_held_against_a_pass() -> None:
    found = judged(WARM, again={"t.py::a": FAILED})
    assert (found.unlisted, found.unstable) == ((), (WARM,))
    assert judged(WARM, again={"t.py::a": PASSED}).unlisted == (WARM,)


# reading


def test_list_of_exceptions_is_well_formed_and_names_each_test_once() -> None:
    path = Path(program.__file__).with_name("exceptions.json")
    tests = Counter(each.test for each in read_exceptions(path.read_text()))
    assert tests
    assert set(tests.values()) == {1}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param({"reason": ""}, r"exceptions\[0\]\.reason", id="empty"),
        pytest.param({"shows": 7}, r"exceptions\[0\]\.shows", id="number"),
        pytest.param({"passes": []}, r"exceptions\[0\]\.passes", id="no-pass"),
        pytest.param({"passes": ["hot"]}, r"exceptions\[0\]\.passes", id="no-such-pass"),
        pytest.param({"more": 1}, r"exceptions\[0\]: has to have", id="stranger"),
    ],
)
def test_exception_that_is_malformed_is_named(change: dict[str, Any], complaint: str) -> None:
    entry: dict[str, Any] = {"test": "t", "passes": ["cold"], "shows": "s", "reason": "r"}
    assert read_exceptions(json.dumps([entry])) == [ExceptionToRule("t", ("cold",), "s", "r")]
    with pytest.raises(ConformanceError, match=complaint):
        read_exceptions(json.dumps([entry | change]))


@pytest.mark.parametrize("text", ["", "{}", "[1]"])
def test_exceptions_that_are_no_list_of_objects_are_refused(text: str) -> None:
    with pytest.raises(ConformanceError, match="exceptions"):
        read_exceptions(text)


def test_results_are_those_of_the_report_and_it_tells_whether_the_pass_ended() -> None:
    lines = [json.dumps({**FAILED.__dict__, "outcome": "failed"})]
    assert read_results(lines) == ({"t.py::a": FAILED}, False)
    assert read_results([*lines, '{"end": true}']) == ({"t.py::a": FAILED}, True)


# showing


def test_table_has_a_line_for_each_pass() -> None:
    results = {name: PassResult({"a": PASSED, "b": PASSED}, 61.6) for name in ("plain", "warm")}
    jobs = {"warm": Counter(reused=5, executed=1)}
    head, plain, warm = (line.split() for line in table(results, jobs, [WARM]).splitlines())
    assert head[:3] == ["pass", "tests", "passed"]
    assert plain == ["plain", "2", "2", "0", "0", "0", *"------", "62"]
    assert warm == ["warm", "2", "2", "0", "0", "0", "1", "1", "5", "1", "0", "0", "62"]


def test_choice_says_what_is_left_out_and_why_cwltool_fails() -> None:
    skipped = TestResult("s", Outcome.SKIPPED, "Requires the podman executable on the system path.")
    tests = {
        "a": replace(PASSED, hosted=True),
        "b": replace(FAILED, offline=True),
        "c": replace(FAILED, hosted=True),
        "d": skipped,
        "e": replace(PASSED, calls=0),
    }
    said = list(describe_choice(PassResult(tests, 1), choose(tests)))
    assert said[0].startswith("5 tests of cwltool's; 2 are compared")
    assert said[1].startswith("run with --no-container: 1 ")
    assert said[2].startswith("left out: ")
    assert set(said[2].removeprefix("left out: ").split(", ")) == {
        "1 need Docker in earnest",
        "1 need another container engine",
        "1 call no entry",
    }
    assert said[3:] == ["plain cwltool fails b: asks for the network, which is refused"]


def test_differences_are_shown_with_reason_or_with_what_the_test_says() -> None:
    stale = replace(EXCUSE, test="t.py::old")
    listed = ((WARM, EXCUSE), (WARM, EXCUSE))
    said = list(describe_judgement(Judgement((WARM,), listed, (WARM,), (stale,))))
    assert said == [
        "listed: t.py::a (2 warm): It is not done.",
        "warm: t.py::a passed by cwltool, failed by cwl-memo; plain cwltool is not sure either",
        "stale exception: t.py::old no longer differs in each of: warm",
        "warm: t.py::a DIFFERS: passed by cwltool, failed by cwl-memo\n    assert 'done' in stderr",
    ]


# surroundings


def test_path_lacks_container_engines_and_nothing_else(tmp_path: Path) -> None:
    clean, mixed = tmp_path / "clean", tmp_path / "mixed"
    for path in (clean / "node", mixed / "cat", mixed / "docker", mixed / "podman"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    absent = tmp_path / "absent"
    given = os.pathsep.join(map(str, (clean, absent, mixed)))
    first, second, third = path_without(ENGINES, given, tmp_path / "links").split(os.pathsep)
    assert (first, second) == (str(clean), str(absent))
    assert [path.name for path in Path(third).iterdir()] == ["cat"]
    assert Path(third, "cat").resolve() == mixed / "cat"


def test_each_module_is_in_one_part_and_large_ones_are_apart(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    for name, size in {"a": 10, "b": 900, "c": 20, "d": 800, "udocker": 5}.items():
        (tmp_path / "tests" / f"test_{name}.py").write_text("#" * size)
    plan = Plan(tmp_path, tmp_path, "", test_seconds=1, pass_seconds=1, processes=2)
    assert sorted(plan.parts()) == [
        ["tests/test_a.py", "tests/test_c.py", "tests/test_d.py"],
        ["tests/test_b.py"],
    ]


# the source


def sdist(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def test_nothing_but_the_tests_is_taken_from_a_source_distribution(tmp_path: Path) -> None:
    files = {"cwltool-3/tests/util.py": "1", "cwltool-3/cwltool/main.py": "2"}
    place = place_tests(tmp_path / "f", sdist=sdist(tmp_path / "s.tar.gz", files))
    assert [str(path.relative_to(place)) for path in sorted(place.rglob("*"))] == [
        "tests",
        "tests/util.py",
    ]


@pytest.mark.parametrize("files", [{"cwltool-3/setup.py": ""}, {"a/tests/util.py": "", "b/c": ""}])
def test_what_is_no_source_of_cwltool_is_refused(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(ConformanceError, match=r"not cwltool's source|not a source distribution"):
        place_tests(tmp_path / "f", sdist=sdist(tmp_path / "s.tar.gz", files))
    (tmp_path / "broken.tar.gz").write_text("no archive")
    with pytest.raises(ConformanceError, match="cannot be unpacked"):
        place_tests(tmp_path / "g", sdist=tmp_path / "broken.tar.gz")


@pytest.mark.parametrize("name", ["../climbs", "/absolute"])
def test_a_source_distribution_is_unpacked_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConformanceError, match="lead out of it"):
        place_tests(tmp_path / "f", sdist=sdist(tmp_path / "s.tar.gz", {name: ""}))


# all of it


TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: echo
inputs: {word: {type: string, inputBinding: {}}}
outputs: {said: stdout}
"""

UTIL = """\
from pathlib import Path

def get_data(name):
    raise AssertionError(f"{name} is not looked for in what is installed")
"""

TESTS = """\
import io
import shutil
import socket
import subprocess
import sys

import pytest

from cwltool.context import RuntimeContext
from cwltool.factory import Factory
from cwltool.main import main

from .util import get_data

TOOL = "tests/echo.cwl"
needs_docker = pytest.mark.skipif(
    not shutil.which("docker"), reason="Requires the docker executable on the system path."
)


def run(tmp_path, *words):
    stderr = io.StringIO()
    stdout = io.StringIO()
    options = ["--outdir", str(tmp_path), get_data(TOOL), "--word", words[0]]
    return main([*words[1:], *options], stdout=stdout, stderr=stderr), stderr.getvalue()


def test_same(tmp_path):
    assert run(tmp_path, "same")[0] == 0


def test_log(tmp_path):
    assert "completed success" in run(tmp_path, "log")[1]


@needs_docker
def test_hosted(tmp_path):
    assert run(tmp_path, "hosted")[0] == 0


@needs_docker
def test_docker(tmp_path):
    assert run(tmp_path, "docker")[0] != 0


def test_factory(tmp_path):
    context = RuntimeContext()
    context.outdir = str(tmp_path)
    echo = Factory(runtime_context=context).make(get_data(TOOL))
    said = echo(word="factory")["said"]
    assert open(said["location"].removeprefix("file://")).read() == "factory\\n"


def test_module(tmp_path):
    words = ["--outdir", str(tmp_path), get_data(TOOL), "--word", "module"]
    assert subprocess.call([sys.executable, "-m", "cwltool", *words]) == 0


def test_network():
    main(["--version"], stdout=io.StringIO())
    socket.getaddrinfo("example.org", 80)


def test_calls_nothing():
    pass
"""


def test_cwltools_tests_go_through_the_entry_cold_and_warm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "_NEEDED", {})
    tests = tmp_path / "source" / "tests"
    tests.mkdir(parents=True)
    texts = {"__init__.py": "", "util.py": UTIL, "test_it.py": TESTS, "echo.cwl": TOOL}
    for name, text in texts.items():
        (tests / name).write_text(text)
    listed = tmp_path / "listed.json"
    listed.write_text("[]")
    kept = tmp_path / "kept"
    words = ["--source", str(tests.parent), "--exceptions", str(listed)]
    assert program.main([*words, "-j", "1", "--keep", str(kept)]) == 1
    said = capsys.readouterr().out
    assert "8 tests of cwltool's; 6 are compared" in said
    assert "run with --no-container: 1 of these" in said
    assert "1 need Docker in earnest" in said
    assert "plain cwltool fails tests/test_it.py::test_network: asks for the network" in said
    assert said.count("DIFFERS") == 1
    assert "warm: tests/test_it.py::test_log DIFFERS: passed by cwltool, failed by cwl-memo" in said
    plain, cold, warm = (line.split() for line in said.splitlines()[-4:-1])
    assert plain[:6] == ["plain", "6", "5", "1", "0", "0"]
    # Each job executed once, then reused: of main, of the factory and of python -m cwltool.
    assert cold[6:12] == ["6", "0", "0", "5", "0", "0"]
    assert warm[6:12] == ["5", "1", "5", "0", "0", "0"]
    assert said.endswith("comparisons: 11 passed, 1 failed\n")


def plan_for(folder: Path, module: str) -> Plan:
    """Write a module of tests; return how to run it."""
    (folder / "tests").mkdir()
    for name, text in {"__init__": "", "util": UTIL, "test_it": module}.items():
        (folder / "tests" / f"{name}.py").write_text(text)
    path = os.environ["PATH"]
    return Plan(folder, folder / "f", path, test_seconds=1, pass_seconds=300, processes=2)


def test_test_that_hangs_has_failed_and_those_after_it_are_run(tmp_path: Path) -> None:
    module = """\
import threading

def test_a():
    threading.Event().wait()

def test_b():
    pass
"""
    found = run_pass("plain", plan_for(tmp_path, module)).tests
    assert [test.rpartition("::")[2] for test in found] == ["test_a", "test_b"]
    first, second = found.values()
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.PASSED)
    assert "takes longer than 1 s" in first.detail


@pytest.mark.parametrize(
    ("module", "complaint"),
    [
        ("import os\nos._exit(3)\n", "pytest ran no test"),
        ("import os\ndef test_a(): pass\ndef test_b(): os._exit(3)\n", "(?s)did not end.*test_a"),
    ],
)
def test_pass_that_breaks_off_is_an_error(tmp_path: Path, module: str, complaint: str) -> None:
    plan = plan_for(tmp_path, module)
    with pytest.raises(ConformanceError, match=complaint):
        run_pass("plain", plan)


def test_pass_whose_time_is_over_leaves_no_process(tmp_path: Path) -> None:
    # In its import, where no test is given up; the processes that it begins go too.
    module = """\
import os, subprocess
with open("pids", "w") as pids:
    pids.write(f"{os.getpid()} {subprocess.Popen(['sleep', '1000']).pid}")
os.rename("pids", "written")
while True:
    pass
"""
    plan, written = plan_for(tmp_path, module), tmp_path / "written"
    with passes._running(passes.Part(("tests/test_it.py",), None), plan, tmp_path / "f", None):
        for _ in range(1200):
            if written.exists():
                break
            time.sleep(0.05)
    assert all(map(is_gone, map(int, written.read_text().split())))


def is_gone(pid: int) -> bool:
    """Wait for a killed process, which the system may take a moment to end."""
    for _ in range(100):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_what_cwltools_tests_need_is_named_where_it_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "_NEEDED", {"pytest": "pytest", "no_such_module": "no-such"})
    assert program.main([]) == 2
    said = capsys.readouterr().err
    assert "cwltool's tests need no-such: pip install 'cwl-memo[cwltool-tests]'" in said
