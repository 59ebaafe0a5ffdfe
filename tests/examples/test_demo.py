"""The demo does what it says, and notices when it does not."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

DEMO = Path(__file__).parents[2] / "examples" / "demo"


@pytest.fixture
def run_demo(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(DEMO))
    return importlib.import_module("run_demo")


def play(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Play the demo as a user does, in an empty home directory."""
    return subprocess.run(
        [sys.executable, str(DEMO / "run_demo.py"), str(folder / "demo"), *options],
        cwd=folder,
        env=os.environ | {"HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def assert_played(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    """All six runs went as promised, and nothing was written outside the demo's folder."""
    assert done.returncode == 0, done.stdout + done.stderr
    table = done.stdout.partition("All runs")[2].splitlines()
    counts = [line.split() for line in table if line[-1:].isdigit() or " executed" not in line]
    assert any(words[:3] == ["cold", "0", "15"] for words in counts)
    assert any(words[:3] == ["warm", "15", "0"] for words in counts)
    assert [path.name for path in folder.iterdir()] == ["demo"]


def test_small_demo_goes_as_promised(tmp_path: Path) -> None:
    assert_played(play(tmp_path, "--small"), tmp_path)


@pytest.mark.slow
def test_demo_goes_as_promised(tmp_path: Path) -> None:
    assert_played(play(tmp_path), tmp_path)


def test_demo_leaves_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    kept = tmp_path / "demo" / "thesis.txt"
    kept.parent.mkdir()
    kept.write_text("years of work")
    done = play(tmp_path, "--small")
    assert done.returncode == 1
    assert "holds something else" in done.stderr
    assert kept.read_text() == "years of work"


def test_demo_makes_its_own_folder_anew(run_demo: ModuleType, tmp_path: Path) -> None:
    run_demo.prepare(tmp_path / "demo")
    (tmp_path / "demo" / "stale").touch()
    run_demo.prepare(tmp_path / "demo")
    assert not (tmp_path / "demo" / "stale").exists()


def test_simulated_data_are_the_same_each_time(run_demo: ModuleType, tmp_path: Path) -> None:
    for folder in ("one", "other"):
        run_demo.simulate.write_data(tmp_path / folder, seed=1, length=3000, depth=2)
    assert run_demo.contents(tmp_path / "one") == run_demo.contents(tmp_path / "other")


def fake_run(demo: Path, results: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Write the report of a run in which each job had the given result."""
    (demo / "x").mkdir(exist_ok=True)
    jobs = [{"name": name, "result": result} for name, result in results.items()]
    (demo / "x.json").write_text(json.dumps({"run": "r", "jobs": jobs}))
    return subprocess.CompletedProcess([], 0, "{}", "")


@pytest.mark.parametrize(
    ("job", "result"),
    [("trim", "executed"), ("align_2", "refused"), ("another", "reused")],
    ids=["needless execution", "refusal", "unknown job"],
)
def test_demo_fails_when_a_warm_run_is_not_wholly_reused(
    run_demo: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    job: str,
    result: str,
) -> None:
    reused = dict.fromkeys(run_demo.EVERY_JOB, "reused")
    warm = fake_run(tmp_path, reused)
    demo = run_demo.Demo(tmp_path, 3000, 2)
    monkeypatch.setattr(run_demo.Demo, "command", lambda *_: warm)
    demo.run("x", "warm", frozenset())
    fake_run(tmp_path, reused | {job: result})
    with pytest.raises(run_demo.DemoError):
        demo.run("x", "warm", frozenset())


def test_demo_fails_when_an_edit_executes_too_little(
    run_demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = fake_run(tmp_path, dict.fromkeys(run_demo.EVERY_JOB, "reused"))
    monkeypatch.setattr(run_demo.Demo, "command", lambda *_: done)
    with pytest.raises(run_demo.DemoError, match=r"expected to be executed: \['join'\]"):
        run_demo.Demo(tmp_path, 3000, 2).run("x", "edit", frozenset({"join"}))


def test_demo_fails_when_outputs_differ(run_demo: ModuleType, tmp_path: Path) -> None:
    for name, text in (("one", "a"), ("other", "b")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tree.nwk").write_text(text)
    with pytest.raises(run_demo.DemoError, match="differ"):
        run_demo.require_equal_outputs(tmp_path / "one", tmp_path / "other")
