"""The command: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.main import main
from tests.benchmarks.fakes import fake


def arguments(folder: Path, *words: str, lie: str = "none") -> list[str]:
    command = fake(folder, lie=lie).command
    own = ["--folder", str(folder / "work"), "--settle", "0", "--runner", f"mine={command}"]
    return [*own, *words]


def test_figures_targets_and_results_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    words = arguments(tmp_path, "-w", "W1:2", "--scenario", "cold,replay", "--json", str(results))
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "W1 (scatter of N small jobs), N = 2: replay" in printed
    assert "Targets" in printed
    assert "2 runs delivered what they must, 0 did not" in printed
    assert [run["scenario"] for run in json.loads(results.read_text())["runs"]] == [
        "cold",
        "replay",
    ]
    assert main(["targets", str(results)]) == 0
    assert "not measured" in capsys.readouterr().out
    assert list((tmp_path / "work").iterdir()) == []


def test_a_run_that_delivered_something_else_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-w", "W1:2", "--scenario", "cold,step"]
    assert main(arguments(tmp_path, *words, lie="stale")) == 1
    assert "1 did not" in capsys.readouterr().out


def test_a_named_runner_that_is_broken_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(tmp_path, "-w", "W1:2", lie="status")) == 2
    assert "mine: fails: ended with status 3" in capsys.readouterr().err


def test_who_cannot_run_here_is_left_out_loudly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.runner.find_program", lambda _: None)
    results = tmp_path / "results.json"
    words = ["--folder", str(tmp_path / "work"), "-w", "W1:2", "--json", str(results)]
    assert main(words) == 1
    printed = capsys.readouterr()
    for name in ("cwl-memo", "cwltool", "doit", "snakemake-cache", "miniwdl", "ccache"):
        assert f"LEFT OUT  {name}: not installed" in printed.out
        assert f"LEFT OUT  {name}: not installed" in printed.err
        assert name in json.loads(results.read_text())["absent"]


@pytest.mark.parametrize(
    "words",
    [
        ["-w", "W9"],
        ["-w", "W1:many"],
        ["--runner", "nobody"],
        ["--scenario", "hot"],
        ["targets", "/no/such/file"],
    ],
)
def test_what_cannot_be_done_is_told(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "benchmarks: error: " in capsys.readouterr().err
