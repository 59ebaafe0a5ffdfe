"""The comparison from end to end, with small programs in the runners' place."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from pathlib import Path

import psutil
import pytest

from conformance.errors import ConformanceError
from conformance.official.__main__ import main
from conformance.official.passes import Runner, read_verdicts, run_pass
from conformance.official.suite import read_suite
from conformance.official.verdict import Status

SUITE = """\
- {id: works, doc: Works, tool: works.cwl, output: {out: 1}, tags: [required]}
- {id: extra, doc: Extra, tool: extra.cwl, output: {out: Any}, tags: [required]}
- {id: fails, doc: Fails, tool: fails.cwl, should_fail: true, tags: [required]}
- {id: lacks, doc: Lacks, tool: lacks.cwl, output: {}, tags: [docker]}
- {id: never, doc: Never, tool: works.cwl, should_fail: true, tags: [required]}
"""
# Called as PROGRAM [options] --outdir=… --quiet DOCUMENT; answers by the document's name.
RUNNER = """\
#!/bin/sh
for document; do :; done
case "$document" in
    *works.cwl) echo '{"out": 1}' ;;
    *extra.cwl) echo '{"out": 1}' ;;
    *fails.cwl) echo 'this ought to fail' >&2; exit 1 ;;
    *lacks.cwl) exit 33 ;;
esac
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "conformance_tests.yaml"
    path.write_text(SUITE)
    for name in ("works", "extra", "fails", "lacks"):
        (tmp_path / f"{name}.cwl").touch()
    return path


def program(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def nothing(done: int, total: int) -> None:
    pass


def test_a_pass_tells_passed_failed_and_unsupported_apart(suite: Path, tmp_path: Path) -> None:
    runner = Runner((program(tmp_path / "plain", RUNNER),), jobs=2, timeout=60)
    result = run_pass(read_suite(suite), runner, tmp_path / "pass", nothing)
    assert {number: verdict.status for number, verdict in result.verdicts.items()} == {
        1: Status.PASSED,
        2: Status.PASSED,
        3: Status.PASSED,
        4: Status.UNSUPPORTED,
        5: Status.FAILED,
    }
    assert result.verdicts[1].output == {"out": 1}
    assert result.cpu > 0


def test_tests_that_were_chosen_are_reported_under_their_own_numbers(
    suite: Path, tmp_path: Path
) -> None:
    runner = Runner((program(tmp_path / "plain", RUNNER),), jobs=1, timeout=60)
    result = run_pass(read_suite(suite).only({4, 5}), runner, tmp_path / "pass", nothing)
    assert {number: verdict.status for number, verdict in result.verdicts.items()} == {
        4: Status.UNSUPPORTED,
        5: Status.FAILED,
    }


def test_a_test_that_takes_too_long_has_failed_and_leaves_no_process(
    suite: Path, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    slow = program(tmp_path / "slow", f"#!/bin/sh\nsleep 1000 & echo $! > {pid_file}\nwait\n")
    result = run_pass(
        read_suite(suite).only({1}), Runner((slow,), 1, timeout=1), tmp_path / "pass", nothing
    )
    assert result.verdicts[1].status is Status.FAILED
    assert _is_gone(int(pid_file.read_text()))


def _is_gone(pid: int) -> bool:
    """Wait for a killed process, which the system may take a moment to end."""
    for _ in range(100):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_a_suite_that_cwltest_does_not_run_is_an_error(suite: Path, tmp_path: Path) -> None:
    broken = read_suite(suite)
    broken.tests[0].entry["tool"] = 7
    with pytest.raises(ConformanceError, match="no report"):
        run_pass(broken, Runner(("true",), 1, 60), tmp_path / "pass", nothing)


def run_main(suite: Path, plain: str, memo: str, *more: str) -> int:
    return main([str(suite), "--tool", plain, "--memo-tool", memo, "--min-reused", "0", *more])


def test_a_runner_does_not_differ_from_itself(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = program(tmp_path / "plain", RUNNER)
    assert run_main(suite, plain, plain) == 0
    shown = capsys.readouterr().out
    assert shown.endswith("comparisons: 20 passed, 0 failed\n")
    assert [line.split()[1:6] for line in shown.splitlines() if "plain" in line] == [
        ["serial", "plain", "3", "1", "1"],
        ["parallel", "plain", "3", "1", "1"],
    ]


def test_a_runner_that_differs_when_warm_is_found_out(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = program(tmp_path / "plain", RUNNER)
    # Its second answer to a document is another one; the test alone would let it pass.
    memo = program(
        tmp_path / "memo",
        RUNNER.replace(
            """*extra.cwl) echo '{"out": 1}' ;;""",
            """*extra.cwl)
        if [ -e "$CWL_MEMO_STORE.asked" ]; then echo '{"out": 2}'; else echo '{"out": 1}'; fi
        touch "$CWL_MEMO_STORE.asked" ;;""",
        ),
    )
    junit = tmp_path / "junit.xml"
    assert run_main(suite, plain, memo, "--only-serial", "--junit", str(junit)) == 1
    shown = capsys.readouterr().out
    assert "serial, warm: test 2 extra differs in its output object (Extra)" in shown
    assert '  plain: {"out": 1}\n  memo:  {"out": 2}\n' in shown
    assert "serial, cold: test" not in shown
    assert shown.endswith("comparisons: 9 passed, 1 failed\n")
    [cold, warm] = ET.fromstring(junit.read_text())  # noqa: S314 (written just now)
    assert (cold.get("failures"), warm.get("failures")) == ("0", "1")
    assert [case.get("name") for case in warm if case.find("failure") is not None] == ["extra"]


def test_a_runner_that_differs_with_parallel_alone_is_found_out(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = program(tmp_path / "plain", RUNNER)
    memo = program(
        tmp_path / "memo",
        RUNNER.replace("case", """case "$*" in *--parallel*works*) exit 1 ;; esac\ncase""", 1),
    )
    assert run_main(suite, plain, memo, "-n", "1-2") == 1
    shown = capsys.readouterr().out
    assert "parallel, cold: test 1 works differs in its status" in shown
    assert "serial, cold: test" not in shown


def test_a_test_of_which_plain_cwltool_itself_is_not_sure_is_not_held_against_a_runner(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Each run prints another number, as a tool does that reads the clock.
    moody = program(
        tmp_path / "moody",
        RUNNER.replace(
            """*extra.cwl) echo '{"out": 1}'""", """*extra.cwl) echo "{\\"out\\": $$}\""""
        ),
    )
    assert run_main(suite, moody, moody, "--only-serial") == 0
    shown = capsys.readouterr().out
    assert "test 2 extra unstable in its output object" in shown
    assert shown.endswith("comparisons: 8 passed, 0 failed\n")


def test_a_warm_pass_that_reuses_nothing_shows_nothing_and_fails(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = program(tmp_path / "plain", RUNNER)
    chosen = [str(suite), "--tool", plain, "--memo-tool", plain, "--only-serial", "-n", "1"]
    assert main(chosen) == 1
    assert "the warm pass reused 0 jobs" in capsys.readouterr().out


def test_runners_are_told_to_use_no_container_unless_asked(suite: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    memo = program(tmp_path / "memo", f'#!/bin/sh\necho "$*" >> {said}\necho "{{}}"\n')
    run_main(suite, memo, f"{memo} --store={{store}}/x", "-n", "1")
    told = said.read_text().splitlines()
    assert all("--no-container" in line for line in told)
    assert len([line for line in told if "--parallel" in line]) == len(told) // 2
    assert any("/store-serial/x " in line for line in told)
    said.unlink()
    run_main(suite, memo, memo, "-n", "1", "--only-serial", "--containers")
    assert "--no-container" not in said.read_text()


def test_settings_of_the_caller_do_not_reach_the_runners(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWLTOOL_OPTIONS", "--debug")
    monkeypatch.setenv("CWL_MEMO_MODE", "off")
    said = tmp_path / "said"
    asks = program(tmp_path / "asks", f'#!/bin/sh\nenv >> {said}\necho "{{}}"\n')
    run_main(suite, asks, asks, "-n", "1", "--only-serial")
    assert "CWLTOOL_OPTIONS" not in said.read_text()
    assert "CWL_MEMO_MODE" not in said.read_text()


def test_nothing_is_left_behind_but_what_keep_asks_for(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    messy = program(tmp_path / "messy", '#!/bin/sh\ntouch "$TMPDIR/left"\necho "{}"\n')
    run_main(suite, messy, messy, "-n", "1", "--only-serial")
    assert list(temporary.iterdir()) == []
    kept = tmp_path / "kept"
    run_main(suite, messy, messy, "-n", "1", "--only-serial", "--keep", str(kept))
    assert (kept / "serial-1-conformance_tests" / "warm" / "report.xml").is_file()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["SUITE", "-n", "1,x"], "write numbers as", id="numbers"),
        pytest.param(["SUITE", "-n", "900"], "leave no test", id="none-left"),
        pytest.param(["SUITE", "-s", "absent"], "leave no test", id="no-such-name"),
        pytest.param(["SUITE", "--tool", "no-such-program"], "no program", id="program"),
        pytest.param(["SUITE", "--memo-tool", " "], "need a program", id="empty"),
        pytest.param(["SUITE", "--keep", "."], "name a new directory", id="keep"),
        pytest.param(["absent.yaml"], "no such file", id="absent"),
        pytest.param([], "CWL_CONFORMANCE is not set", id="nothing"),
    ],
)
def test_what_cannot_be_compared_is_a_usage_error(
    suite: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    complaint: str,
) -> None:
    monkeypatch.delenv("CWL_CONFORMANCE", raising=False)
    chosen = [argument.replace("SUITE", str(suite)) for argument in arguments]
    assert main([*chosen, "--only-serial"]) == 2
    assert complaint in capsys.readouterr().err


def test_an_unknown_option_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--no-such-option"])
    assert ended.value.code == 2


def test_the_environment_names_the_suites_where_no_argument_does(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWL_CONFORMANCE", str(suite.parent))
    plain = program(tmp_path / "plain", RUNNER)
    assert main(["--tool", plain, "--memo-tool", plain, "--min-reused", "0", "-n", "1"]) == 0


def test_a_report_on_fewer_tests_than_were_asked_for_is_an_error(
    suite: Path, tmp_path: Path
) -> None:
    tests = read_suite(suite)
    (tmp_path / "log").touch()
    (tmp_path / "report.xml").write_text("<testsuites><testcase/></testsuites>")
    with pytest.raises(ConformanceError, match="ran 1 of 5 tests"):
        read_verdicts(tests, tmp_path)
