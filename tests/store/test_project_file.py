"""Shared projects in a store: whole or not at all, and read as hostile."""

from __future__ import annotations

import json
import os
import pwd
import stat
from pathlib import Path

import pytest
from filelock import FileLock

from cwl_memo.core.project import StoreProject
from cwl_memo.core.settings import IntermediateFiles, Retention
from cwl_memo.errors import StoreDamagedError, StoreError, StoreReadOnlyError, UsageError
from cwl_memo.store import project_file
from cwl_memo.store.layout import open_layout
from cwl_memo.store.project_file import ProjectFiles, current_user

PROJECT = StoreProject(
    "genomes", ("ada",), intermediate_files=IntermediateFiles(Retention.LIMITED, 5)
)


@pytest.fixture
def files(tmp_path: Path) -> ProjectFiles:
    """The projects of a new store."""
    layout, _ = open_layout(tmp_path / "store")
    return ProjectFiles(layout.root)


def test_a_project_is_read_as_it_was_written(files: ProjectFiles) -> None:
    files.write(PROJECT)
    assert files.read("genomes") == PROJECT
    assert list(files.find()) == ["genomes"]


def test_a_project_has_the_mode_of_a_file_of_the_store(files: ProjectFiles, tmp_path: Path) -> None:
    files.write(PROJECT)
    assert stat.S_IMODE(files.path("genomes").stat().st_mode) == 0o644
    assert stat.S_IMODE(files.path("genomes").parent.stat().st_mode) == 0o700
    assert list((tmp_path / "store" / "tmp").iterdir()) == []


def test_a_store_without_projects_has_none(files: ProjectFiles, tmp_path: Path) -> None:
    assert files.read("genomes") is None
    assert list(files.find()) == []
    assert ProjectFiles(tmp_path / "nowhere").read("genomes") is None
    assert list(ProjectFiles(tmp_path / "nowhere").find()) == []


def test_what_is_no_project_is_not_listed(files: ProjectFiles) -> None:
    files.write(PROJECT)
    folder = files.path("genomes").parent
    for name in ("notes.txt", ".hidden.json", "a b.json"):
        (folder / name).write_text("{}")
    assert list(files.find()) == ["genomes"]


def test_a_project_that_is_removed_is_gone(files: ProjectFiles) -> None:
    files.write(PROJECT)
    assert files.drop("genomes")
    assert not files.drop("genomes")
    assert files.read("genomes") is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"{}",
        b"[" * 60_000,
        json.dumps({**PROJECT.to_json(), "name": "x"}),
    ],
)
def test_a_damaged_project_is_told_as_such(files: ProjectFiles, data: bytes | str) -> None:
    files.write(PROJECT)
    files.path("genomes").write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(StoreDamagedError, match=r"genomes\.json: not a project"):
        files.read("genomes")


def test_no_link_leads_to_a_project(files: ProjectFiles, tmp_path: Path) -> None:
    files.write(PROJECT)
    path = files.path("genomes")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreDamagedError, match="not a regular file"):
        files.read("genomes")


def test_a_project_of_far_too_many_bytes_is_not_read(files: ProjectFiles) -> None:
    files.write(PROJECT)
    files.path("genomes").write_bytes(b" " * (1 << 17))
    with pytest.raises(StoreDamagedError):
        files.read("genomes")


def test_a_name_that_leaves_the_store_is_refused(files: ProjectFiles) -> None:
    with pytest.raises(UsageError, match="no name of a project"):
        files.read("../../x")


def test_a_project_that_could_not_be_read_again_is_not_written(files: ProjectFiles) -> None:
    users = tuple(f"{'u' * 100}{i}" for i in range(900))
    with pytest.raises(UsageError, match="too many administrators"):
        files.write(StoreProject("genomes", users))
    assert files.read("genomes") is None


def test_what_cannot_be_written_leaves_the_old_project(
    files: ProjectFiles, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files.write(PROJECT)

    def fail(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(project_file, "write_all", fail)
    with pytest.raises(StoreReadOnlyError):
        files.write(StoreProject("genomes", ("eve",)))
    assert files.read("genomes") == PROJECT
    assert list((tmp_path / "store" / "tmp").iterdir()) == []


def test_two_processes_do_not_change_projects_at_once(
    files: ProjectFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_file, "_PATIENCE", 0.0)
    lock = FileLock(tmp_path / "store" / "locks" / "projects.lock")
    with lock, pytest.raises(StoreError, match="another process"), files.changing():
        pass
    with files.changing():
        files.write(PROJECT)


def test_the_user_is_the_one_of_the_process_and_not_of_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "eve")
    assert current_user() == pwd.getpwuid(os.geteuid()).pw_name


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
    assert current_user() == "#4000000000"
