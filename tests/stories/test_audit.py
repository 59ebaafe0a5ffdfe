"""``cwl-memo audit``: every job of a run executed again, and which tools vary."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli.main import main

from .bench import Bench
from .workflows import scatter, step, wrap


class Auditor:
    """Audits documents of a bench; nothing but its folder is there."""

    def __init__(
        self, bench: Bench, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.bench = bench
        self._capsys = capsys
        self.words = ["--memo-store", str(bench.store), "--no-container"]
        patch.chdir(bench.folder)
        patch.setattr(sys, "argv", ["cwl-memo"])
        patch.setattr("cwl_memo.cwl.schema_cache.setup_schema", lambda *_: None)

    def mood(self, text: str) -> Path:
        """Change what tools read though no input names it."""
        return self.bench.write("mood", text)

    def run(self, *words: str | Path) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error of an audit."""
        self._capsys.readouterr()
        code = main(["audit", *self.words, *map(str, words)])
        told = self._capsys.readouterr()
        return code, told.out, told.err

    def rows(self, *words: str | Path) -> tuple[int, list[list[str]]]:
        """Return exit code and table of an audit, without its titles."""
        code, out, err = self.run(*words)
        lines = out.split("\n\n")[0].splitlines()
        assert lines, err
        assert lines[0].split()[:5] == ["TOOL", "JOBS", "SAME", "DIFFER", "FAILED"]
        return code, [line.split() for line in lines[1:]]


@pytest.fixture
def auditor(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Auditor:
    """What audits, and a job."""
    auditor = Auditor(bench, capsys, monkeypatch)
    auditor.mood("first\n")
    bench.write("in.txt", "one\n")
    bench.write("job.json", {"f": {"class": "File", "path": "in.txt"}})
    return auditor


def two_steps(bench: Bench) -> Path:
    """Write a workflow of a tool that does not vary and of one that does."""
    steps = {
        "s1": step(bench.tool("good.cwl"), "f"),
        "s2": step(bench.tool("bad.cwl", f"cat $1 {bench.folder}/mood"), "s1/out"),
    }
    return wrap(bench, "wf.cwl", steps, {"out": {"type": "File", "outputSource": "s2/out"}})


def test_an_audit_tells_which_tools_vary(
    auditor: Auditor, caplog: pytest.LogCaptureFixture
) -> None:
    workflow = two_steps(auditor.bench)
    assert auditor.rows(workflow, "job.json") == (
        0, [["bad.cwl", "1", "0", "0", "0", "1"], ["good.cwl", "1", "0", "0", "0", "1"]],
    )  # fmt: skip
    assert auditor.rows(workflow, "job.json")[0] == 0
    auditor.mood("other\n")
    code, out, _ = auditor.run(workflow, "job.json")
    assert code == 1
    assert [line.split() for line in out.splitlines()[1:3]] == [
        ["bad.cwl", "1", "0", "1", "0", "0", "out"], ["good.cwl", "1", "1", "0", "0", "0"],
    ]  # fmt: skip
    assert "[job s2] out: 10 bytes, the first that differs at offset 4" in out
    assert "WorkReuse: {enableReuse: false}" in caplog.text
    # Its entry is gone: it has nothing to be compared with.
    assert auditor.rows(workflow, "job.json")[1][0] == ["bad.cwl", "1", "0", "0", "0", "1"]


def test_jobs_without_an_entry_are_recorded_and_said_to_be_new(auditor: Auditor) -> None:
    tool = auditor.bench.tool()
    code, _, err = auditor.run(tool, "job.json")
    assert (code, len(auditor.bench._marks())) == (0, 1)
    assert "1 had nothing to be compared with" in err
    assert auditor.bench.run(tool, "job.json").executed == 0


def test_twice_gives_every_job_something_to_be_compared_with(auditor: Auditor) -> None:
    tool = auditor.bench.tool(body=f"wc -l < {auditor.bench.counter}")
    code, rows = auditor.rows("--twice", tool, "job.json")
    assert (code, rows) == (1, [["tool.cwl", "1", "0", "1", "0", "0", "out"]])
    assert len(auditor.bench._marks()) == 2
    steady = auditor.bench.tool("steady.cwl")
    auditor.bench.run(steady, "job.json")
    assert auditor.rows("--twice", steady, "job.json") == (
        0, [["steady.cwl", "1", "1", "0", "0", "0"]],
    )  # fmt: skip
    assert len(auditor.bench._marks()) == 4


def test_a_word_of_the_tools_own_is_no_option_of_the_audit(auditor: Auditor) -> None:
    tool = auditor.bench.tool(inputs={"twice": "boolean?", "json": "boolean?"}, body="true")
    auditor.bench.run(tool, ["--twice"])
    assert auditor.rows(tool, "--twice") == (0, [["tool.cwl", "1", "1", "0", "0", "0"]])


@pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_the_jobs_of_a_scatter_are_counted_by_tool(auditor: Auditor, more: tuple[str, ...]) -> None:
    bench = auditor.bench
    tool = bench.tool("t.cwl", f"cat $1; grep -q b $1 && cat {bench.folder}/mood; true")
    files = [bench.write(f"{name}.txt", name) for name in "abc"]
    bench.write("job.json", {"f": [{"class": "File", "path": str(path)} for path in files]})
    workflow = scatter(bench, tool)
    assert auditor.run(workflow, "job.json")[0] == 0
    auditor.mood("other\n")
    code, rows = auditor.rows(*more, workflow, "job.json")
    assert (code, rows) == (1, [["t.cwl", "3", "2", "1", "0", "0", "out"]])


def test_a_job_that_fails_again_is_told_and_is_not_the_same(auditor: Auditor) -> None:
    tool = auditor.bench.tool(body=f"grep -q first {auditor.bench.folder}/mood")
    assert auditor.run(tool, "job.json")[0] == 0
    auditor.mood("other\n")
    code, out, _ = auditor.run(tool, "job.json")
    assert code == 1
    assert out.splitlines()[1].split() == ["tool.cwl", "1", "0", "0", "1", "0"]
    assert "[job tool.cwl] failed: exit code 1" in out


def test_a_refused_job_need_not_be_the_same(auditor: Auditor) -> None:
    tool = auditor.bench.tool(requirements={"WorkReuse": {"enableReuse": False}})
    for _ in range(2):
        code, _, err = auditor.run(tool, "job.json")
        assert (code, "1 may not be reused" in err) == (0, True)


def test_a_run_that_fails_keeps_its_exit_code(auditor: Auditor) -> None:
    tool = auditor.bench.tool(body="exit 3")
    code, out, err = auditor.run("--twice", tool, "job.json")
    assert (code, "1 failed" in err) == (1, True)
    assert out.splitlines()[1].split()[:2] == ["tool.cwl", "1"]


def test_the_answer_as_json(auditor: Auditor) -> None:
    workflow = two_steps(auditor.bench)
    auditor.run(workflow, "job.json")
    auditor.mood("other\n")
    code, out, _ = auditor.run("--json", workflow, "job.json")
    document = json.loads(out)
    counts = {"jobs": 1, "same": 0, "differs": 1, "failed": 0, "not_compared": 0}
    assert (code, document["same"], document["status"]) == (1, False, "success")
    assert document["tools"][0] == {"tool": "bad.cwl", **counts, "outputs": {"out": 1}}
    assert document["jobs"][1]["differences"][0]["output"] == "out"
    again: dict[str, Any] = json.loads(auditor.run("--json", workflow, "job.json")[1])
    assert again["same"] is True


def test_nothing_is_delivered_unless_a_directory_is_named(auditor: Auditor) -> None:
    tool = auditor.bench.tool()
    auditor.run(tool, "job.json")
    temporary = str(auditor.bench.folder / "tmp" / "x")
    Path(temporary).parent.mkdir()
    before = set(auditor.bench.folder.iterdir())
    auditor.run("--tmp-outdir-prefix", temporary, tool, "job.json")
    assert set(auditor.bench.folder.iterdir()) == before
    assert not any(Path(temporary).parent.iterdir())
    auditor.run("--outdir", "here", tool, "job.json")
    assert (auditor.bench.folder / "here" / "out.txt").read_text() == "one\n"


def test_the_environment_does_not_keep_an_audit_from_looking(
    auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = auditor.bench.tool()
    auditor.run(tool, "job.json")
    for name, value in [
        ("CWL_MEMO", "off"), ("CWL_MEMO_MODE", "recache"), ("CWL_MEMO_RECHECK", "0"),
        ("CWL_MEMO_MODE", "readonly"),
    ]:  # fmt: skip
        monkeypatch.setenv(name, value)
        assert auditor.rows(tool, "job.json")[1] == [["tool.cwl", "1", "1", "0", "0", "0"]]


def test_a_settings_file_does_not_keep_an_audit_from_looking(auditor: Auditor) -> None:
    tool = auditor.bench.tool()
    auditor.run(tool, "job.json")
    auditor.bench.write("cwl-memo.toml", 'mode = "recache"\nrecheck = 0\n')
    assert auditor.rows(tool, "job.json")[1] == [["tool.cwl", "1", "1", "0", "0", "0"]]
    auditor.bench.write("cwl-memo.toml", 'mode = "fast"\n')
    code, _, err = auditor.run(tool, "job.json")
    assert (code, "cwl-memo.toml:1" in err) == (2, True)


def test_a_store_that_is_only_read_keeps_what_differs(auditor: Auditor) -> None:
    tool = auditor.bench.tool(body=f"cat {auditor.bench.folder}/mood")
    auditor.run(tool, "job.json")
    auditor.mood("other\n")
    for _ in range(2):
        code, rows = auditor.rows("--memo-mode", "readonly", tool, "job.json")
        assert (code, rows) == (1, [["tool.cwl", "1", "0", "1", "0", "0", "out"]])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--no-memo",), "leave out --no-memo"),
        (("--memo-mode", "off"), "give --memo-mode as readwrite"),
        (("--memo-mode", "recache"), "give --memo-mode as readwrite"),
        (("--memo-recheck", "5%"), "leave out --memo-recheck"),
        (("--provenance", "ro"), "leave out --provenance"),
    ],
)
def test_what_leaves_nothing_to_compare_is_a_usage_error(
    auditor: Auditor, words: tuple[str, ...], message: str
) -> None:
    code, out, err = auditor.run(*words, auditor.bench.tool(), "job.json")
    assert (code, out) == (2, "")
    assert message in err
    assert not auditor.bench.store.exists()


def test_an_input_object_from_a_pipe_is_read_once(auditor: Auditor) -> None:
    code, _, err = auditor.run("--twice", auditor.bench.tool(), "-")
    assert (code, "two times" in err) == (2, True)


def test_help_and_version_are_printed(auditor: Auditor) -> None:
    code, out, _ = auditor.run("--help")
    assert code == 0
    assert "cwl-memo audit" in out
    assert "--twice" in out
    code, out, _ = auditor.run("--version")
    assert (code, out.startswith("cwl-memo ")) == (0, True)
