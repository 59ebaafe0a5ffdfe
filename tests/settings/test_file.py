"""Where settings files are found, and what of them cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from cwl_memo.errors import SettingsFileError
from cwl_memo.settings.file import find_files, find_project_file, read_file, user_file_path
from cwl_memo.store import location

from .conftest import Desk


@pytest.mark.parametrize("given", [{}, {"XDG_CONFIG_HOME": "/etc/xdg/ada"}], ids=["home", "xdg"])
@pytest.mark.parametrize("is_linux", [True, False])
def test_the_users_file_is_where_platformdirs_says(
    given: dict[str, str], is_linux: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(location, "_IS_LINUX", is_linux)
    expected = platformdirs.user_config_path("cwl-memo", appauthor=False) / "settings.toml"
    assert user_file_path(os.environ) == expected


@pytest.mark.parametrize("value", ["", "config", "./config"])
def test_an_xdg_config_home_that_is_not_absolute_does_not_count(value: str) -> None:
    environ = {"HOME": "/home/ada", "XDG_CONFIG_HOME": value}
    assert user_file_path(environ) == Path("/home/ada/.config/cwl-memo/settings.toml")


def test_without_a_home_there_is_no_users_file(tmp_path: Path) -> None:
    assert user_file_path({}) is None
    assert find_files({}, tmp_path) == []


def test_the_nearest_project_file_upwards_is_the_one(desk: Desk) -> None:
    assert find_project_file(desk.here) is None
    desk.project_says("")
    assert find_project_file(desk.here) == desk.project_file
    nearer = desk.here.parent / "cwl-memo.toml"
    nearer.write_text("")
    assert find_project_file(desk.here) == nearer


def test_the_search_begins_in_the_working_directory(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.user_says("")
    desk.project_says("")
    monkeypatch.chdir(desk.here)
    found = find_files(os.environ)
    assert [f.path for f in found] == [desk.user_file, desk.project_file]
    assert [f.is_project for f in found] == [False, True]


def test_in_a_directory_that_was_removed_there_is_no_project(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.project_says("")
    monkeypatch.chdir(desk.here)
    desk.here.rmdir()
    assert find_files(os.environ) == []


def test_a_link_to_a_settings_file_is_followed(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "dotfiles").write_text('salt = "x"')
    desk.user_file.parent.mkdir(parents=True)
    desk.user_file.symlink_to(tmp_path / "dotfiles")
    assert desk.load().settings.salt == "x"


def test_a_link_that_leads_nowhere_is_an_error(desk: Desk) -> None:
    desk.project_file.symlink_to("nowhere")
    with pytest.raises(SettingsFileError, match=r"cwl-memo\.toml: is a link that leads nowhere"):
        desk.load()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_an_error_and_is_not_waited_for(desk: Desk, make: object) -> None:
    assert callable(make)
    make(desk.project_file)
    with pytest.raises(SettingsFileError, match="is no regular file"):
        desk.load()


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_file_that_may_not_be_read_is_an_error(desk: Desk) -> None:
    desk.project_says("")
    desk.project_file.chmod(0)
    with pytest.raises(SettingsFileError, match="cannot be read: Permission denied"):
        desk.load()


def test_a_file_that_cannot_be_read_is_an_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.project_says("")

    def fail(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "read", fail)
    with pytest.raises(SettingsFileError, match="cannot be read: Input/output error"):
        read_file(desk.project_file, is_project=True)


def test_a_file_of_far_too_many_bytes_is_an_error(desk: Desk) -> None:
    desk.project_says("#" * (1 << 16))
    with pytest.raises(SettingsFileError, match="more than 65536 bytes"):
        desk.load()


def test_whatever_is_in_a_file_makes_it_another(desk: Desk) -> None:
    desk.project_says("")
    first = find_files({}, desk.here)[0].seen
    assert find_files({}, desk.here)[0].seen == first
    desk.project_says("#")
    assert find_files({}, desk.here)[0].seen != first
