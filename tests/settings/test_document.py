"""What a settings file may say, and whose file may say what."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cwl_memo.core.settings import HostTools, ImageIdentity, IntermediateFiles, Link, Retention
from cwl_memo.errors import SettingsFileError
from cwl_memo.settings import document

from .conftest import Desk


def complaint(desk: Desk) -> str:
    with pytest.raises(SettingsFileError) as error:
        desk.load()
    return str(error.value)


# wrong files


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("imgae = 'name'", "unknown setting 'imgae'; did you mean 'image'?"),
        ("max-size = 1", "unknown setting 'max-size'; did you mean 'max_size'?"),
        ("xyzzy = 1", "unknown setting 'xyzzy'; there are memo, store, cache, cache_behavior"),
        ("image = 'tag'", "image: 'tag' is none of digest, name"),
        ("replay = 'off'", 'replay: "off" is no switch; write true or false'),
        ("max_size = 'lots'", "max_size: not a size: 'lots'; write it as 500MB"),
        ("store = 'memo'", "store: 'memo' is relative; write it from the root, or from ~"),
        ("store = '~no-such-user-here/x'", "store: no home directory is known"),
        ("trusted_projects = ['a']", "trusted_projects: 'a' is relative"),
        ("report = 'r.json'", "report: is no setting of a file; use --memo-report or CWL_MEMO_REP"),
        ("use_memoization = false", "is a project's: write it below [project] in cwl-memo.toml"),
        ("intermediate_files = {}", "is a project's: write it below [project] in cwl-memo.toml"),
        ("[project]\nname = 'x'", "[project] is for a project's own file; move it to cwl-memo"),
        ("salt", "not TOML: Expected '=' after a key"),
    ],
)
def test_what_is_wrong_in_the_users_file_is_told_with_its_line(
    desk: Desk, line: str, message: str
) -> None:
    desk.user_says("# mine", "", line)
    said = complaint(desk)
    assert said.startswith(f"{desk.user_file}:3: ")
    assert message in said


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("memo = false", "memo: a project file says it as use_memoization below [project]"),
        ("trusted_projects = ['/']", "trusted_projects: only your own settings file may say this"),
        ("use_memoization = false", "use_memoization is a project's: write it below [project]"),
        ("project = 'x'", "project: is no table; write [project] above its names"),
        ("project.nam = 'x'", "project; did you mean 'name'?"),
        ("project.name = 'a b'", "project.name: 'a b' is no name of a project"),
        ("project.use_memoization = 1", "project.use_memoization: 1 is no switch"),
        ("project.intermediate_files = 24", "project.intermediate_files: needs a retention"),
        ("project.intermediate_files = {duration = 2}", "needs a retention; write it as {retent"),
        (
            "project.intermediate_files = {retention = 'LIMITED', durration = 2}",
            "unknown name 'durration'; did you mean 'duration'?",
        ),
        (
            "project.intermediate_files = {retention = 'LIMITED', duration = 121}",
            "duration: 121 is not a whole number of hours from 1 to 120",
        ),
        ("project.intermediate_files = {retention = 'FOREVER'}", "neither LIMITED nor UNLIMITED"),
    ],
)
def test_what_is_wrong_in_a_project_file_is_told_with_its_line(
    desk: Desk, line: str, message: str
) -> None:
    desk.project_says("# ours", line)
    said = complaint(desk)
    assert said.startswith(f"{desk.project_file}:2: ")
    assert message in said


def test_all_that_is_wrong_is_told_at_once(desk: Desk) -> None:
    desk.project_says("imgae = 1", "salt = 2", "[project]", "nam = 1")
    assert [line.split(":")[1] for line in complaint(desk).splitlines()] == ["1", "2", "4"]


def test_the_users_file_is_told_of_first(desk: Desk) -> None:
    desk.user_says("a = 1")
    desk.project_says("b = 1")
    assert "'a'" in complaint(desk)
    assert "'b'" not in complaint(desk)


# trust

LOOSE = ("image = 'name'", "host_tools = 'name'", "link = 'hardlink'", "max_size = 1")


@pytest.mark.parametrize("line", [*LOOSE, "network = 'allow'", "store = '/data/memo'"])
def test_a_project_file_may_not_choose_what_can_hurt(desk: Desk, line: str) -> None:
    desk.project_says(line)
    said = complaint(desk)
    assert said.startswith(f"{desk.project_file}:1: ")
    assert f'write trusted_projects = ["{desk.project}"] into your own settings file' in said


@pytest.mark.parametrize(
    "line",
    [
        "image = 'digest'", "host_tools = 'content'", "link = 'copy'", "network = 'refuse'",
        "salt = 'x'", "mode = 'off'", "directories = 'content'", "replay = false",
    ],
)  # fmt: skip
def test_a_project_file_may_choose_what_costs_time_at_most(desk: Desk, line: str) -> None:
    desk.project_says(line)
    name = line.partition(" ")[0]
    assert str(desk.value(name).origin) == f"{desk.project_file}:1"


def test_a_project_file_that_is_trusted_may_choose_as_the_user_may(desk: Desk) -> None:
    desk.project_says(*LOOSE, "store = '/data/memo'")
    desk.trust()
    loaded = desk.load()
    settings = loaded.settings
    assert (settings.image, settings.host_tools) == (ImageIdentity.NAME, HostTools.NAME)
    assert (settings.link, settings.max_size) == (Link.HARDLINK, 1)
    assert loaded.store == Path("/data/memo")


@pytest.mark.parametrize("folder", ["{project}", "~", "{parent}/proj", "{parent}/project/deep"])
def test_trust_in_another_folder_is_none_in_this(desk: Desk, folder: str) -> None:
    desk.project_says("image = 'name'")
    text = folder.format(project=desk.project, parent=desk.project.parent)
    desk.user_says(f"trusted_projects = ['{text}']")
    if folder == "{project}":
        assert desk.value("image").value is ImageIdentity.NAME
    else:
        assert "unless you trust it" in complaint(desk)


def test_trust_in_the_root_is_trust_in_everything(desk: Desk) -> None:
    desk.user_says("trusted_projects = ['/']")
    desk.project_says("image = 'name'")
    assert desk.value("image").value is ImageIdentity.NAME


def test_trust_follows_links_so_that_none_leads_out_of_it(desk: Desk, tmp_path: Path) -> None:
    desk.project_says("image = 'name'")
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "link").symlink_to(desk.project)
    desk.user_says(f"trusted_projects = ['{tmp_path / 'trusted'}']")
    desk.here = tmp_path / "trusted" / "link"
    assert "unless you trust it" in complaint(desk)


# the store of a project


def test_the_store_of_a_project_stands_beside_its_file(desk: Desk) -> None:
    desk.project_says("store = 'a/memo'")
    loaded = desk.load()
    assert loaded.store == desk.project / "a" / "memo"
    assert loaded.notes == (f"the store is {desk.project}/a/memo, as {desk.project_file}:1 says",)


@pytest.mark.parametrize("text", ["..", ".", "../memo", "a/../../memo", "/data", "link/memo"])
def test_the_store_of_a_project_stands_nowhere_else(desk: Desk, text: str, tmp_path: Path) -> None:
    (desk.project / "link").symlink_to(tmp_path)
    desk.project_says(f"store = '{text}'")
    assert f"store: '{text}' is not below the folder of the file" in complaint(desk)


def test_a_tilde_is_no_home_in_a_project_file_that_nobody_trusts(desk: Desk) -> None:
    desk.project_says("store = '~/memo'")
    assert desk.load().store == desk.project / "~" / "memo"


@pytest.mark.parametrize("text", ["../memo", "~/memo"])
def test_the_store_of_a_trusted_project_may_stand_elsewhere(desk: Desk, text: str) -> None:
    desk.project_says(f"store = '{text}'")
    desk.trust()
    expected = desk.home if text[0] == "~" else desk.project.parent
    assert desk.load().store == expected / "memo"


def test_another_user_does_not_choose_the_store(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.project_says("store = 'memo'", "salt = 'x'")
    monkeypatch.setattr(document, "_is_ours", lambda _: False)
    assert "the file is another user's, who may not choose your store" in complaint(desk)
    desk.trust()
    assert desk.load().store == desk.project / "memo"


def test_what_is_the_users_or_roots_is_ours() -> None:
    assert document._is_ours(os.geteuid())
    assert document._is_ours(0)
    assert not document._is_ours(os.geteuid() + 1)


def test_the_users_store_may_stand_in_their_home(desk: Desk) -> None:
    desk.user_says("store = '~/memo'")
    assert desk.load().store == desk.home / "memo"


# the project


def test_what_a_project_file_says_of_its_project(desk: Desk) -> None:
    desk.project_says(
        "[project]", "name = 'p'", "use_memoization = false",
        "intermediate_files = {retention = 'LIMITED'}",
    )  # fmt: skip
    loaded = desk.load()
    assert (loaded.project, loaded.memo) == ("p", False)
    assert loaded.settings.intermediate_files == IntermediateFiles(Retention.LIMITED, 24)
    assert str(loaded.origin("intermediate_files")) == f"{desk.project_file}:4"
    assert str(loaded.origin("memo")) == f"{desk.project_file}:3"
