"""The command as a whole: help, versions, exit codes, pipes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli import dropin, main
from cwl_memo.cli.exit_codes import ExitCode, guarded
from cwl_memo.cli.main import verbs
from cwl_memo.errors import FormatError, StoreFullError, UsageError
from cwl_memo.report.files import write_report
from tests.cli.stories import Shelf

ROOT = Path(__file__).parents[2]


def command(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *words], env=environ, text=True, capture_output=True, check=False,
        **options,
    )  # fmt: skip


def test_the_module_is_the_command() -> None:
    done = command("-m", "cwl_memo", "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("cwl-memo ")
    assert "cwltool " in done.stdout


def test_verbs_that_look_after_the_store_do_not_import_cwltool(filled: Shelf) -> None:
    code = (
        "import sys; from cwl_memo.cli.main import main; status = main(['ls']);"
        "slow = {'cwltool', 'schema_salad', 'rdflib', 'ruamel', 'rich', 'argcomplete'};"
        "sys.exit(status or ' '.join(slow & set(sys.modules)) or 0)"
    )
    done = command("-c", code)
    assert (done.returncode, done.stderr) == (0, "")
    assert "align.cwl" in done.stdout


def test_help_lists_every_verb_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--help"]) == 0
    text = capsys.readouterr().out
    for name in ["run", *(verb.name for verb in verbs())]:
        assert re.search(rf"^    {name}\s", text, re.MULTILINE)
    for code in ExitCode:
        assert f"  {code.status:<3}  {code.meaning}" in text


@pytest.mark.parametrize("verb", [verb.name for verb in verbs()])
def test_the_help_of_a_verb_fits_eighty_columns_and_has_an_example(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main.main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"examples:\n  cwl-memo {verb}" in text
    assert max(map(len, text.splitlines())) <= 80


def test_no_verb_is_a_usage_error_that_shows_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main([]) == ExitCode.USAGE.status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "explain" in captured.err


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["ls", "--colour"]) == ExitCode.USAGE.status
    assert "--colour" in capsys.readouterr().err


def runner(calls: list[dict[str, Any]]) -> types.ModuleType:
    def run(argv: list[str], **options: Any) -> int:
        calls.append({"argv": argv, **options})
        return 33

    module = types.ModuleType("cwl_memo.cwl.runner")
    vars(module)["run"] = run
    return module


def test_run_gives_everything_after_it_to_the_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setitem(sys.modules, "cwl_memo.cwl.runner", runner(calls))
    assert main.main(["run", "--help", "--store", "wf.cwl", "--json"]) == 33
    assert calls == [
        {
            "argv": ["--help", "--store", "wf.cwl", "--json"],
            "prog": "cwl-memo run",
            "write_report": write_report,
        }
    ]


def test_the_drop_in_gives_everything_to_the_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setitem(sys.modules, "cwl_memo.cwl.runner", runner(calls))
    monkeypatch.setattr(sys, "argv", ["cwltool-memo", "run", "--version"])
    assert dropin.main() == 33
    assert calls == [
        {"argv": ["run", "--version"], "prog": "cwltool-memo", "write_report": write_report}
    ]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("--limit: no"), ExitCode.USAGE, "cwl-memo: error: --limit: no\n"),
        (StoreFullError("no space"), ExitCode.STORE, "cwl-memo: error: no space\n"),
        (FormatError("bad", "a.b"), ExitCode.STORE, "cwl-memo: error: a.b: bad\n"),
        (OSError(5, "I/O error"), ExitCode.STORE, "cwl-memo: error: [Errno 5] I/O error\n"),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, "cwl-memo: error: interrupted\n"),
        (UsageError("\x1b[2J"), ExitCode.USAGE, "cwl-memo: error: \\x1b[2J\n"),
    ],
)
def test_every_error_is_one_message_and_one_exit_code(
    error: BaseException, code: ExitCode, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise error

    assert guarded("cwl-memo", fail) == code.status
    assert capsys.readouterr() == ("", message)


def test_a_defect_shows_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise LookupError("lost")

    assert guarded("cwl-memo", fail) == ExitCode.DEFECT.status
    message = capsys.readouterr().err
    assert message.startswith("Traceback")
    assert message.endswith("cwl-memo: error: LookupError: lost\n")


def test_exit_codes_differ() -> None:
    assert len({code.status for code in ExitCode}) == len(ExitCode)


def test_a_reader_that_goes_away_is_no_error(filled: Shelf) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "cwl_memo", "ls"],
            env=environ, text=True, stdout=closed, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (ExitCode.PIPE_CLOSED.status, "")


def test_a_name_that_the_terminal_cannot_show_does_not_end_a_listing(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.record({"tool": {}}, tool="整列.cwl")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = command("-m", "cwl_memo", "ls")
    assert done.returncode == 0, done.stderr
    assert r"\u6574\u5217.cwl" in done.stdout


@pytest.mark.parametrize(
    ("line", "expected"),
    [("cwl-memo ver", "verify "), ("cwl-memo gc --dr", "--dry-run ")],
)
def test_the_shell_is_told_how_a_line_may_go_on(line: str, expected: str, tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    subprocess.run([sys.executable, "-m", "cwl_memo"], env=environ, check=False)
    assert answer.read_text().split("\x0b") == [expected]


def test_the_shell_is_told_by_the_runner_how_a_run_may_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setitem(sys.modules, "cwl_memo.cwl.runner", runner(calls))
    monkeypatch.setenv("_ARGCOMPLETE", "1")
    monkeypatch.setenv("COMP_LINE", "cwl-memo run --mem")
    assert main.main([]) == 33
    assert os.environ["_ARGCOMPLETE"] == "2"


def test_the_answer_of_every_verb_is_one_json_document(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    key = filled.record({"tool": {}}).key.hex
    for words in (
        ["ls"], ["show", key], ["stats"], ["verify"], ["gc", "--dry-run"], ["runs"],
        ["explain", "latest"], ["clear", "--yes", key],
    ):  # fmt: skip
        assert main.main([*words, "--json"]) == 0, words
        captured = capsys.readouterr()
        assert json.loads(captured.out), words
        assert captured.err == "", words
