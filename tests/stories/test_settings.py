"""Runs under settings files, and what a replay makes of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.project import StoreProject
from cwl_memo.core.settings import IntermediateFiles, Retention
from cwl_memo.cwl import runner
from cwl_memo.cwl.session import Session
from cwl_memo.store.layout import open_layout
from cwl_memo.store.project_file import ProjectFiles

from .bench import Bench, Run
from .test_replay import Again, again, answer_only

__all__ = ["again"]

OFF = "[project]\nuse_memoization = false\n"
NAMED = "[project]\nname = 'p'\n"


def own(text: str) -> Path:
    path = Path(os.environ["HOME"], ".config", "cwl-memo", "settings.toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def project(bench: Bench, text: str) -> Path:
    return bench.write("cwl-memo.toml", text)


def store_says(bench: Bench, **rules: Any) -> None:
    layout, _ = open_layout(bench.store)
    ProjectFiles(layout.root).write(StoreProject("p", ("ada",), **rules))


def run(bench: Bench, *options: str, env: dict[str, str] | None = None) -> Run:
    bench.write("in.txt", "one\n")
    given = {"f": {"class": "File", "path": str(bench.folder / "in.txt")}}
    return bench.run(bench.tool(), given, *options, env=env)


# runs


def test_a_setting_of_a_file_holds_in_a_run(bench: Bench) -> None:
    run(bench)
    project(bench, "salt = 'other'\n")
    assert run(bench).results == ["executed"]
    assert run(bench).results == ["reused"]
    own("salt = 'mine'\n")
    assert run(bench).results == ["reused"]
    project(bench, "")
    assert run(bench).results == ["executed"]
    assert run(bench, "--memo-salt", "").results == ["reused"]
    assert run(bench, env={"CWL_MEMO_SALT": "other"}).results == ["reused"]


def test_a_project_that_turns_memoization_off_executes_and_records_nothing(bench: Bench) -> None:
    project(bench, OFF)
    cold = run(bench)
    assert (cold.code, cold.executed, cold.record.jobs) == (0, 1, [])
    assert f"as {bench.folder}/cwl-memo.toml:2 says; --memo does" in cold.log
    assert not bench.store.exists()


@pytest.mark.parametrize("way", ["option", "variable"])
def test_the_switch_of_a_run_wins_over_the_projects(bench: Bench, way: str) -> None:
    options = ["--memo"] if way == "option" else []
    env = {"CWL_MEMO": "on"} if way == "variable" else {}
    project(bench, OFF)
    assert run(bench, *options, env=env).results == ["executed"]
    assert run(bench, *options, env=env).results == ["reused"]
    assert run(bench).executed == 1


def test_the_store_turns_memoization_off_for_its_project(bench: Bench) -> None:
    run(bench)
    store_says(bench, use_memoization=False)
    assert run(bench).results == ["reused"]
    project(bench, NAMED + "use_memoization = true\n")
    off = run(bench)
    assert (off.executed, off.record.jobs) == (1, [])
    assert off.log.count("is looser than the store allows") == 1
    assert run(bench, "--memo").results == ["reused"]


def sessions(monkeypatch: pytest.MonkeyPatch) -> list[Session]:
    made: list[Session] = []

    class Kept(Session):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(runner, "Session", Kept)
    return made


def test_recording_knows_for_how_long_intermediate_files_are_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sessions(monkeypatch)
    run(bench)
    project(bench, NAMED + "intermediate_files = {retention = 'LIMITED', duration = 7}\n")
    run(bench, env={"CWL_MEMO_INTERMEDIATE_FILES": "UNLIMITED"})
    store_says(bench, intermediate_files=IntermediateFiles(Retention.LIMITED, 5))
    warned = run(bench)
    kept = [session.memo.settings.intermediate_files for session in made]
    assert [files.duration_hours for files in kept] == [None, 7, 5]
    assert warned.log.count("is looser than the store allows") == 1


def test_a_run_says_that_a_project_file_chose_its_store(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project(bench, "store = 'memo'\n")
    monkeypatch.chdir(bench.folder)
    bench.write("in.txt", "one\n")
    tool = bench.tool()
    job = {"f": {"class": "File", "path": "in.txt"}}
    words = ["--outdir", "o", "--no-container", str(tool), str(bench.write("job.json", job))]
    monkeypatch.setattr("cwl_memo.cwl.schema_cache.setup_schema", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["cwl-memo"])
    said: list[str] = []
    monkeypatch.setattr(runner._log, "info", lambda text, *args: said.append(text % args))
    assert runner.run(words, prog="cwl-memo run", write_report=lambda *_: None) == 0
    place = f"{bench.folder}/cwl-memo.toml:1"
    assert f"cwl-memo: the store is {bench.folder}/memo, as {place} says" in said
    assert (bench.folder / "memo" / "entries").is_dir()
    assert not Path(os.environ["HOME"], ".cache", "cwl-memo").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("imgae = 'name'", ":1: unknown setting 'imgae'; did you mean 'image'?"),
        ("\nsalt", ":2: not TOML: "),
        ("max_size = 1", ":1: max_size: a project file may not choose this unless you trust it"),
        (
            "[project]\nintermediate_files = {retention = 'LIMITED', duration = 0}",
            ":2: project.intermediate_files: duration: 0 is not a whole number",
        ),
    ],
)
def test_a_wrong_file_is_an_error_before_anything_runs(
    bench: Bench, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project(bench, text)
    wrong = run(bench)
    assert (wrong.code, wrong.executed) == (2, 0)
    said = capsys.readouterr().err
    assert said.startswith(f"cwl-memo run: error: {bench.folder}/cwl-memo.toml{message}")
    assert not bench.store.exists()


# replay


def simple(bench: Bench, again: Callable[..., Again]) -> Again:
    bench.write("in.txt", "one\n")
    return again(bench.tool(), {"f": {"class": "File", "path": "in.txt"}})


def test_a_run_under_the_same_settings_files_is_replayed(
    bench: Bench, again: Callable[..., Again]
) -> None:
    own("link = 'hardlink'\n")
    project(bench, NAMED + "intermediate_files = {retention = 'LIMITED', duration = 7}\n")
    store_says(bench)
    runs = simple(bench, again)
    cold = runs.run()
    assert (cold[0], cold[2]) == (False, 1)
    assert runs.run() == (True, cold[1], 0)


@pytest.mark.parametrize(
    "change",
    ["user", "user-gone", "project", "project-gone", "store", "store-gone", "wrong"],
)
def test_no_replay_under_other_settings(
    bench: Bench, again: Callable[..., Again], change: str
) -> None:
    user = own("salt = 'a'\n")
    ours = project(bench, NAMED)
    store_says(bench)
    runs = simple(bench, again)
    runs.run()
    assert runs.run()[0]
    match change:
        case "user":
            own("salt = 'b'\n")
        case "user-gone":
            user.unlink()
        case "project":
            project(bench, NAMED + "use_memoization = false\n")
        case "project-gone":
            ours.unlink()
        case "store":
            store_says(bench, use_memoization=False)
        case "store-gone":
            ProjectFiles(bench.store).drop("p")
        case "wrong":
            own("salt = ")
    if change in ("wrong", "project", "store"):
        # The long way is an error, or plain cwltool, which wants real streams.
        assert answer_only(runs) is None
        return
    replayed, _, executed = runs.run()
    assert not replayed
    # Where the salt is another, the job is executed as well.
    assert executed == (1 if change in ("user", "user-gone") else 0)


def test_what_was_recorded_under_old_settings_is_replayed_under_them_again(
    bench: Bench, again: Callable[..., Again]
) -> None:
    runs = simple(bench, again)
    runs.run()
    project(bench, OFF)
    assert answer_only(runs) is None
    (bench.folder / "cwl-memo.toml").unlink()
    assert runs.run()[::2] == (True, 0)


def test_a_replay_finds_the_store_that_a_file_names(
    bench: Bench, again: Callable[..., Again]
) -> None:
    project(bench, "store = 'memo'\n")
    runs = simple(bench, again)
    runs.words.insert(2, "--disable-color")
    del runs.words[:2]  # --memo-store
    runs.run()
    assert (bench.folder / "memo" / "replays").is_dir()
    assert runs.run()[::2] == (True, 0)
    assert "INFO cwl-memo: the store is " in runs.said
    assert not bench.store.exists()


def test_a_replay_warns_as_the_run_did(bench: Bench, again: Callable[..., Again]) -> None:
    store_says(bench, intermediate_files=IntermediateFiles(Retention.LIMITED, 5))
    project(bench, NAMED + "intermediate_files = {retention = 'UNLIMITED'}\n")
    runs = simple(bench, again)
    runs.words.insert(0, "--disable-color")
    runs.run()
    assert runs.run()[0]
    assert runs.said.count("WARNING cwl-memo: project 'p': intermediate_files") == 1


@pytest.mark.parametrize("way", ["option", "cwltool-options", "variable"])
def test_a_run_that_turns_memoization_on_again_is_replayed_without_a_word_of_it(
    bench: Bench, again: Callable[..., Again], way: str
) -> None:
    project(bench, OFF)
    runs = simple(bench, again)
    if way == "option":
        runs.words.insert(0, "--memo")
    env = {"cwltool-options": {"CWLTOOL_OPTIONS": "--memo"}, "variable": {"CWL_MEMO": "on"}}
    runs.run(env.get(way))
    assert runs.run(env.get(way))[::2] == (True, 0)
    assert "nothing is reused or recorded" not in runs.said
