"""The rules of projects: what they may say, and who wins."""

from __future__ import annotations

from typing import Any

import pytest

from cwl_memo.core.project import (
    ProjectRules,
    StoreProject,
    bind,
    check_project_name,
    intermediate_files_json,
    read_intermediate_files,
)
from cwl_memo.core.settings import IntermediateFiles, Retention
from cwl_memo.errors import FormatError, UsageError

FOREVER = IntermediateFiles()


def hours(count: int) -> IntermediateFiles:
    return IntermediateFiles(Retention.LIMITED, count)


@pytest.mark.parametrize("name", ["genomes", "2", "a.b_c-D", "x" * 64])
def test_a_name_of_a_project(name: str) -> None:
    assert check_project_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".x", "-x", "a/b", "a b", "x" * 65, "é", "a\n", 3])
def test_what_is_no_name_of_a_project(name: Any) -> None:
    with pytest.raises(UsageError, match="is no name of a project"):
        check_project_name(name)


@pytest.mark.parametrize("duration", [1, 24, 120])
def test_a_duration_is_of_one_to_a_hundred_and_twenty_hours(duration: int) -> None:
    assert read_intermediate_files("LIMITED", duration) == hours(duration)


@pytest.mark.parametrize("duration", [0, -1, 121, 24.0, "24", True])
def test_another_duration_is_refused(duration: Any) -> None:
    with pytest.raises(UsageError, match="not a whole number of hours from 1 to 120"):
        read_intermediate_files("LIMITED", duration)


def test_a_limited_retention_without_a_duration_is_of_a_day() -> None:
    assert read_intermediate_files("LIMITED", None) == hours(24)


def test_an_unlimited_retention_has_no_duration() -> None:
    assert read_intermediate_files("UNLIMITED", None) == FOREVER
    with pytest.raises(UsageError, match="goes with retention LIMITED only"):
        read_intermediate_files("UNLIMITED", 24)


@pytest.mark.parametrize("retention", ["limited", "", None, 24, ["LIMITED"]])
def test_another_retention_is_refused(retention: Any) -> None:
    with pytest.raises(UsageError, match="neither LIMITED nor UNLIMITED"):
        read_intermediate_files(retention, None)


# administrators


def test_only_administrators_may_change_a_project() -> None:
    project = StoreProject("p", ("ada", "grace"))
    project.require_administrator("grace")
    with pytest.raises(UsageError, match=r"eve is no administrator .* only ada, grace may change"):
        project.require_administrator("eve")


def test_administrators_come_and_go() -> None:
    project = StoreProject("p", ("ada",))
    both = project.with_administrators(("grace", "grace", "ada"), ())
    assert both.administrators == ("ada", "grace")
    assert both.with_administrators((), ("ada",)).administrators == ("grace",)
    assert project.with_administrators(("grace",), ("ada",)).administrators == ("grace",)


def test_one_administrator_always_stays() -> None:
    with pytest.raises(UsageError, match="would have no administrator"):
        StoreProject("p", ("ada",)).with_administrators((), ("ada",))


def test_who_is_no_administrator_cannot_be_removed() -> None:
    with pytest.raises(UsageError, match="eve is no administrator"):
        StoreProject("p", ("ada",)).with_administrators((), ("eve",))


# as JSON


@pytest.mark.parametrize("kept", [FOREVER, hours(1), hours(120)])
def test_a_project_survives_being_written_and_read(kept: IntermediateFiles) -> None:
    project = StoreProject("p", ("ada", "#17"), use_memoization=False, intermediate_files=kept)
    assert StoreProject.from_json(project.to_json(), "p") == project


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"format": 2}, "format"),
        ({"format": True}, ""),
        ({"name": "q"}, "name"),
        ({"administrators": []}, "administrators"),
        ({"administrators": "ada"}, "administrators"),
        ({"administrators": ["ada", 3]}, "administrators"),
        ({"administrators": [""]}, "administrators"),
        ({"administrators": ["a"] * 1001}, "administrators"),
        ({"use_memoization": 1}, "use_memoization"),
        ({"use_memoization": None}, "use_memoization"),
        ({"intermediate_files": None}, "intermediate_files"),
        ({"intermediate_files": {}}, "intermediate_files"),
        ({"intermediate_files": {"retention": "LIMITED", "duration": 121}}, "intermediate_files"),
        ({"intermediate_files": {"retention": {}}}, "intermediate_files"),
    ],
)
def test_a_malformed_project_is_refused(change: dict[str, Any], path: str) -> None:
    data = {**StoreProject("p", ("ada",)).to_json(), **change}
    with pytest.raises(FormatError) as error:
        StoreProject.from_json(data, "p")
    assert error.value.path == path


@pytest.mark.parametrize("data", [None, [], "x", {}])
def test_what_is_no_project_is_refused(data: Any) -> None:
    with pytest.raises(FormatError, match="not a project"):
        StoreProject.from_json(data, "p")


def test_retention_is_written_as_projects_say_it() -> None:
    assert intermediate_files_json(FOREVER) == {"retention": "UNLIMITED"}
    assert intermediate_files_json(hours(3)) == {"retention": "LIMITED", "duration": 3}


# a file and a store


@pytest.mark.parametrize("in_store", [True, False])
@pytest.mark.parametrize("in_file", [None, True, False])
def test_a_file_cannot_turn_on_what_the_store_turned_off(
    in_file: bool | None, in_store: bool
) -> None:
    bound = bind(ProjectRules("p", use_memoization=in_file), StoreProject("p", ("a",), in_store))
    expected = in_store if in_file is None else in_file and in_store
    assert bound.rules.use_memoization is expected
    assert ("use_memoization" in bound.loosened) == (in_file is True and not in_store)
    assert ("use_memoization" in bound.from_store) == (in_file is None or in_file != expected)


@pytest.mark.parametrize(
    ("in_file", "in_store", "holds", "loosened"),
    [
        (None, FOREVER, FOREVER, False),
        (None, hours(5), hours(5), False),
        (hours(5), hours(5), hours(5), False),
        (hours(4), hours(5), hours(4), False),
        (hours(6), hours(5), hours(5), True),
        (FOREVER, hours(120), hours(120), True),
        (hours(120), FOREVER, hours(120), False),
        (FOREVER, FOREVER, FOREVER, False),
    ],
)
def test_a_file_cannot_keep_files_for_longer_than_the_store_lets_it(
    in_file: IntermediateFiles | None,
    in_store: IntermediateFiles,
    holds: IntermediateFiles,
    loosened: bool,
) -> None:
    store = StoreProject("p", ("a",), intermediate_files=in_store)
    bound = bind(ProjectRules("p", intermediate_files=in_file), store)
    assert bound.rules.intermediate_files == holds
    assert ("intermediate_files" in bound.loosened) == loosened
    assert ("intermediate_files" in bound.from_store) == (loosened or in_file is None)
