"""Who wins: files, the environment, the command line, and what a store says of a project."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

import cwl_memo
from cwl_memo.core.project import StoreProject
from cwl_memo.core.setting import SETTINGS, Layer
from cwl_memo.core.settings import IntermediateFiles, Mode, Retention, Settings
from cwl_memo.errors import UsageError
from cwl_memo.store.caches import RunCaches
from cwl_memo.store.layout import open_layout
from cwl_memo.store.project_file import ProjectFiles

from .conftest import Desk

KEYS = (
    "ed25519:O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=",
    "ed25519:iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=",
    "ed25519:gTl3Dqh9F19Wo1Rmw0x+zMuNipG07jeiXfYPW4/Js5Q=",
    "ed25519:7UkoxijRwsbq6QM4kFmVYSlZJzpcY/k2NsFGFKyHN9E=",
)

# A value for each of user file, project file, environment and caller: as TOML has it, as text.
VALUES: dict[str, list[tuple[Any, str]]] = {
    "store": [(f"/data/{n}", f"/data/{n}") for n in range(4)],
    "cache": [(f"cache {n}", f"cache {n}") for n in range(4)],
    "node_store": [(f"/data/{n}", f"/data/{n}") for n in range(4)],
    "mode": [(mode, mode) for mode in ("readonly", "recache", "off", "readwrite")],
    "salt": [(word, word) for word in "abcd"],
    "max_age": [(float(n), f"{n}s") for n in (10, 11, 12, 13)],
    "max_size": [(n, str(n)) for n in (10, 11, 12, 13)],
    "shared": [(f"s3://bucket/{n}", f"s3://bucket/{n}") for n in range(4)],
    "shared_timeout": [(float(n), f"{n}s") for n in (10, 11, 12, 13)],
    "shared_leases": [(False, "off"), (True, "on"), (False, "no"), (True, "1")],
    "trusted_keys": [((key,), key) for key in KEYS],
    "recheck": [(n, str(n)) for n in (0.1, 0.2, 0.3, 1.0)],
    **{
        name: [(word, word) for word in (a, b, a, b)]
        for name, a, b in (
            ("cache_behavior", "CACHE_ON_FAILURE", "CACHE_ALWAYS"),
            ("directories", "content", "refuse"),
            ("image", "name", "digest"),
            ("host_tools", "name", "content"),
            ("network", "refuse", "allow"),
            ("link", "hardlink", "copy"),
            ("toil_lookup", "worker", "leader"),
            ("shared_mode", "readonly", "writeonly"),
        )
    },
    "replay": [(False, "off"), (True, "on"), (False, "no"), (True, "1")],
}


def test_every_setting_that_all_layers_may_say_is_tried() -> None:
    both = frozenset({Layer.USER, Layer.PROJECT})
    assert set(VALUES) == {s.name for s in SETTINGS.values() if s.in_files == both}


def toml(value: Any) -> str:
    return SETTINGS["store"].show(value)


@pytest.mark.parametrize("name", VALUES)
def test_each_layer_wins_over_those_below_it(desk: Desk, name: str) -> None:
    setting = SETTINGS[name]
    values = VALUES[name]
    for cache, _ in values if name == "cache" else ():
        RunCaches().create(cache)
    for user, project, environment, caller in itertools.product((False, True), repeat=4):
        desk.user_says(
            f'trusted_projects = ["{desk.project}"]',
            *([f"{name} = {toml(values[0][0])}"] if user else []),
        )
        desk.project_says("# ours", *([f"{name} = {toml(values[1][0])}"] if project else []))
        environ = {setting.variable: values[2][1]} if environment else {}
        choices: dict[str, Any] = {name: values[3][0]} if caller else {}
        loaded = desk.load(environ, **choices)
        places = [
            (caller, 3, "the caller"),
            (environment, 2, f"${setting.variable}"),
            (project, 1, f"{desk.project_file}:2"),
            (user, 0, f"{desk.user_file}:2"),
        ]
        which, place = next(((n, place) for said, n, place in places if said), (None, "default"))
        found = loaded.values[name]
        assert str(found.origin) == place
        if which is not None:
            assert getattr(found.value, "value", found.value) == values[which][0]
            if name in vars(Settings()):
                assert getattr(loaded.settings, name) == found.value


def test_without_files_everything_is_as_it_always_was(desk: Desk) -> None:
    loaded = desk.load()
    assert loaded.settings == Settings()
    assert (loaded.memo, loaded.replay, loaded.report, loaded.project) == (True, True, None, "")
    assert loaded.store == desk.home / ".cache" / "cwl-memo"
    assert {str(value.origin) for value in loaded.values.values()} == {"default"}
    assert (loaded.documents, loaded.warnings, loaded.notes) == ((), (), ())


def test_the_environment_is_that_of_the_process_unless_another_is_given(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWL_MEMO_SALT", "x")
    monkeypatch.chdir(desk.here)
    desk.project_says("[project]", "name = 'p'")
    loaded = cwl_memo.load_settings()
    assert (loaded.settings.salt, loaded.project) == ("x", "p")


def test_an_empty_variable_says_nothing(desk: Desk) -> None:
    desk.user_says("salt = 'x'")
    assert desk.load({"CWL_MEMO_SALT": "", "CWL_MEMO": ""}).settings.salt == "x"


def test_a_variable_that_makes_no_sense_is_named(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"^CWL_MEMO_LINK: 'soft' is none of copy, hardlink$"):
        desk.load({"CWL_MEMO_LINK": "soft"})


def test_a_caller_may_choose_by_enum_and_by_path(desk: Desk) -> None:
    loaded = desk.load(mode=Mode.OFF, store=Path("/data/memo"))
    assert (loaded.settings.mode, loaded.store) == (Mode.OFF, Path("/data/memo"))
    assert not loaded.memo


@pytest.mark.parametrize("name", ["imagee", "trusted_projects", "intermediate_files", "project"])
def test_a_caller_cannot_choose_what_is_no_option(desk: Desk, name: str) -> None:
    unknown: dict[str, Any] = {name: "x"}
    with pytest.raises(UsageError, match=f"unknown setting '{name}'"):
        desk.load(**unknown)


def test_a_choice_of_the_caller_that_makes_no_sense_is_named(desk: Desk) -> None:
    with pytest.raises(UsageError, match="image: 'x' is none of digest, name"):
        desk.load(image="x")


# the switch


@pytest.mark.parametrize("user", [None, True, False])
@pytest.mark.parametrize("project", [None, True, False])
@pytest.mark.parametrize("variable", [None, True, False])
@pytest.mark.parametrize("caller", [None, True, False])
def test_the_switch_of_a_run_wins_over_the_projects_and_that_over_the_users(
    desk: Desk, user: bool | None, project: bool | None, variable: bool | None, caller: bool | None
) -> None:
    if user is not None:
        desk.user_says(f"memo = {toml(user)}")
    if project is not None:
        desk.project_says("[project]", f"use_memoization = {toml(project)}")
    environ = {} if variable is None else {"CWL_MEMO": "on" if variable else "off"}
    choices = {} if caller is None else {"memo": caller}
    loaded = desk.load(environ, **choices)
    said = [value for value in (caller, variable, project, user) if value is not None]
    assert loaded.memo is (said[0] if said else True)
    assert loaded.values["use_memoization"].value is (True if project is None else project)


def test_a_run_that_the_project_turns_off_says_so(desk: Desk) -> None:
    desk.project_says("[project]", "use_memoization = false")
    assert desk.load().notes == (
        f"nothing is reused or recorded, as {desk.project_file}:2 says; --memo does",
    )
    assert desk.load(memo=True).notes == ()


# what only a project may say

INTERMEDIATE = "intermediate_files = {retention = 'LIMITED', duration = 7}"


def test_no_variable_changes_the_rules_of_a_project(desk: Desk) -> None:
    desk.project_says("[project]", INTERMEDIATE)
    tried = {
        "CWL_MEMO_INTERMEDIATE_FILES": "UNLIMITED",
        "CWL_MEMO_DURATION": "120",
        "CWL_MEMO_RETENTION": "UNLIMITED",
        "CWL_MEMO_PROJECT": "other",
        "CWL_MEMO_USE_MEMOIZATION": "false",
    }
    loaded = desk.load(tried)
    assert loaded.settings.intermediate_files == hours(7)
    assert loaded.memo


def hours(count: int) -> IntermediateFiles:
    return IntermediateFiles(Retention.LIMITED, count)


# what the store says


def store_says(desk: Desk, **rules: Any) -> Path:
    layout, _ = open_layout(desk.home / ".cache" / "cwl-memo")
    files = ProjectFiles(layout.root)
    files.write(StoreProject("p", ("ada",), **rules))
    return files.path("p")


def test_what_the_store_says_holds_where_the_file_says_nothing(desk: Desk) -> None:
    path = store_says(desk, use_memoization=False, intermediate_files=hours(5))
    desk.project_says("[project]", "name = 'p'")
    loaded = desk.load()
    assert (loaded.memo, loaded.settings.intermediate_files) == (False, hours(5))
    assert str(loaded.origin("intermediate_files")) == str(path)
    assert loaded.origin("memo").layer is Layer.STORE
    assert loaded.warnings == ()


def test_a_looser_file_does_not_hold_and_one_warning_says_so(desk: Desk) -> None:
    path = store_says(desk, use_memoization=False, intermediate_files=hours(5))
    desk.project_says("[project]", "name = 'p'", "use_memoization = true", INTERMEDIATE)
    loaded = desk.load()
    assert (loaded.memo, loaded.settings.intermediate_files) == (False, hours(5))
    (warning,) = loaded.warnings
    assert warning == (
        f"project 'p': use_memoization ({desk.project_file}:3), intermediate_files "
        f"({desk.project_file}:4) is looser than the store allows; what the store says holds"
    )
    assert {str(loaded.origin(n)) for n in ("use_memoization", "intermediate_files")} == {str(path)}


def test_a_stricter_file_holds(desk: Desk) -> None:
    store_says(desk, intermediate_files=hours(50))
    desk.project_says("[project]", "name = 'p'", "use_memoization = false", INTERMEDIATE)
    loaded = desk.load()
    assert (loaded.memo, loaded.settings.intermediate_files) == (False, hours(7))
    assert str(loaded.origin("intermediate_files")) == f"{desk.project_file}:4"
    assert loaded.warnings == ()


def test_the_switch_of_a_run_wins_over_the_store(desk: Desk) -> None:
    store_says(desk, use_memoization=False)
    desk.project_says("[project]", "name = 'p'")
    assert desk.load(memo=True).memo
    assert desk.load({"CWL_MEMO": "on"}).memo


def test_a_project_that_the_store_does_not_know_is_the_files_own(desk: Desk) -> None:
    store_says(desk, use_memoization=False)
    desk.project_says("[project]", "name = 'q'", INTERMEDIATE)
    loaded = desk.load()
    assert (loaded.memo, loaded.settings.intermediate_files) == (True, hours(7))


def test_a_file_without_a_name_is_of_no_shared_project(desk: Desk) -> None:
    store_says(desk, use_memoization=False)
    desk.project_says("[project]", INTERMEDIATE)
    assert desk.load().memo


def test_the_store_that_is_asked_is_the_one_of_the_run(desk: Desk, tmp_path: Path) -> None:
    store_says(desk, use_memoization=False)
    desk.project_says("[project]", "name = 'p'")
    assert desk.load(store=str(tmp_path / "other")).memo


def test_where_the_stores_project_is_damaged_nothing_is_reused(desk: Desk) -> None:
    path = store_says(desk)
    path.write_text("{")
    desk.project_says("[project]", "name = 'p'", "use_memoization = true", INTERMEDIATE)
    loaded = desk.load()
    assert not loaded.memo
    assert loaded.origin("memo").layer is Layer.STORE
    assert loaded.settings.intermediate_files == hours(7)
    (warning,) = loaded.warnings
    assert warning.startswith("the settings of project 'p' are not known: ")
    assert desk.load(memo=True).memo


# by what a replay knows them


def seen(desk: Desk) -> Any:
    return desk.load().seen


def test_settings_are_known_again_and_another_byte_makes_them_others(desk: Desk) -> None:
    from cwl_memo.settings.file import NO_FILES

    found = [seen(desk)]
    assert found == [NO_FILES]
    desk.user_says("salt = 'x'")
    found.append(seen(desk))
    desk.user_says("salt = 'x' ")
    found.append(seen(desk))
    desk.project_says("[project]", "name = 'p'")
    found.append(seen(desk))
    store_says(desk)
    found.append(seen(desk))
    store_says(desk, use_memoization=False)
    found.append(seen(desk))
    assert seen(desk) == found[-1]
    assert len({repr(each) for each in found}) == len(found)


def test_settings_are_public() -> None:
    loaded = cwl_memo.load_settings(environ={"HOME": os.environ["HOME"]}, directory="/")
    assert isinstance(loaded, cwl_memo.LoadedSettings)
    assert isinstance(loaded.settings.intermediate_files, cwl_memo.IntermediateFiles)
    with pytest.raises(KeyError):
        loaded.origin("nothing")
