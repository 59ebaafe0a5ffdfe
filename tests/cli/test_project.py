"""``cwl-memo project``: settings of shared projects, and who may change them."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli import project as verb
from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.main import main


@pytest.fixture(autouse=True)
def ada(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user is Ada."""
    become(monkeypatch, "ada")


def become(monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    monkeypatch.setattr(verb, "current_user", lambda: user)


class Said:
    """What a command answered."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        self.code = main(["project", *words])
        captured = capsys.readouterr()
        self.out, self.err = captured.out, captured.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def shown(capsys: pytest.CaptureFixture[str], name: str = "p") -> Any:
    return Said(capsys, "show", name, "--json").json


def test_who_creates_a_project_is_its_administrator(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(capsys, "create", "genomes", "--duration", "48", "--add-admin", "grace")
    assert said.code == 0
    assert [line.split(maxsplit=1) for line in said.out.splitlines()] == [
        ["project", "genomes"],
        ["use_memoization", "on"],
        ["intermediate_files", "LIMITED, 48 h"],
        ["administrators", "ada, grace"],
    ]
    assert shown(capsys, "genomes") == {
        "format": 1,
        "name": "genomes",
        "administrators": ["ada", "grace"],
        "use_memoization": True,
        "intermediate_files": {"retention": "LIMITED", "duration": 48},
    }
    assert (home / ".cache" / "cwl-memo" / "format").is_file()


def test_a_project_is_there_once(capsys: pytest.CaptureFixture[str]) -> None:
    Said(capsys, "create", "p")
    again = Said(capsys, "create", "p", "--no-use-memoization")
    assert again.code == ExitCode.USAGE.status
    assert "is there already; 'project set' changes it" in again.err
    assert shown(capsys)["use_memoization"] is True


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        (["--no-use-memoization"], (False, {"retention": "LIMITED", "duration": 9})),
        (["--duration", "1"], (True, {"retention": "LIMITED", "duration": 1})),
        (["--retention", "UNLIMITED"], (True, {"retention": "UNLIMITED"})),
        (["--retention", "LIMITED"], (True, {"retention": "LIMITED", "duration": 9})),
        (["--use-memoization"], (True, {"retention": "LIMITED", "duration": 9})),
    ],
)
def test_set_changes_what_it_names_and_leaves_the_rest(
    words: list[str], rules: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    Said(capsys, "create", "p", "--duration", "9")
    assert Said(capsys, "set", "p", *words).code == 0
    found = shown(capsys)
    assert (found["use_memoization"], found["intermediate_files"]) == rules
    assert found["administrators"] == ["ada"]


@pytest.mark.parametrize("change", [["set", "p", "--duration", "100"], ["delete", "p", "--yes"]])
def test_anyone_else_is_refused(
    change: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Said(capsys, "create", "p", "--duration", "9")
    before = shown(capsys)
    become(monkeypatch, "eve")
    monkeypatch.setenv("USER", "ada")
    said = Said(capsys, *change)
    assert said.code == ExitCode.USAGE.status
    assert "eve is no administrator of project 'p', which only ada may change" in said.err
    assert shown(capsys) == before


def test_administrators_hand_a_project_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Said(capsys, "create", "p")
    alone = Said(capsys, "set", "p", "--remove-admin", "ada")
    assert (alone.code, "would have no administrator" in alone.err) == (2, True)
    assert Said(capsys, "set", "p", "--add-admin", "grace", "--remove-admin", "ada").code == 0
    assert shown(capsys)["administrators"] == ["grace"]
    assert Said(capsys, "set", "p", "--duration", "2").code == ExitCode.USAGE.status
    become(monkeypatch, "grace")
    assert Said(capsys, "set", "p", "--duration", "2").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show"], "project show: name it"),
        (["list", "p"], "project list: takes no NAME"),
        (["create", "a/b"], "no name of a project"),
        (["create", "p", "--duration", "121"], "--duration: 121 is not a whole number of hours"),
        (["create", "p", "--duration", "0"], "--duration: 0 is not"),
        (["create", "p", "--retention", "UNLIMITED", "--duration", "3"], "--duration: goes with"),
        (["create", "p", "--remove-admin", "ada"], "nobody to remove yet"),
        (["create", "p", "--add-admin", "a b"], "--add-admin: 'a b' is no name of a user"),
        (["create", "p", "--add-admin", ""], "--add-admin: '' is no name of a user"),
        (["show", "p", "--duration", "3"], "project show: changes nothing"),
        (["list", "--no-use-memoization"], "project list: changes nothing"),
        (["delete", "p", "--add-admin", "x"], "project delete: changes nothing"),
        (["rename", "p"], "invalid choice"),
        (["create", "p", "--duration", "1.5"], "invalid int value"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error_and_makes_no_store(
    words: list[str], message: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(capsys, *words)
    assert said.code == ExitCode.USAGE.status
    assert message in said.err
    assert not (home / ".cache").exists()


def test_set_without_a_change_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    Said(capsys, "create", "p")
    said = Said(capsys, "set", "p")
    assert (said.code, "say what to change" in said.err) == (2, True)


@pytest.mark.parametrize("action", ["show", "set", "delete"])
def test_a_project_that_is_not_there(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    Said(capsys, "create", "p")
    said = Said(capsys, action, "q", *(["--duration", "3"] if action == "set" else []))
    assert said.code == ExitCode.NOT_SO.status
    assert "no project 'q' at " in said.err


@pytest.mark.parametrize("words", [["set", "p", "--duration", "3"], ["delete", "p"]])
def test_only_create_makes_a_store(
    words: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Said(capsys, *words).code == ExitCode.STORE.status
    assert not (home / ".cache").exists()


def test_a_list_of_projects(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert "no projects at " in Said(capsys, "list").err
    assert Said(capsys, "list", "--json").json == {"projects": []}
    Said(capsys, "create", "b", "--no-use-memoization")
    Said(capsys, "create", "a")
    listed = Said(capsys, "list")
    assert [line.split() for line in listed.out.splitlines()[1:]] == [
        ["a", "on", "UNLIMITED", "ada"],
        ["b", "off", "UNLIMITED", "ada"],
    ]
    assert [p["name"] for p in Said(capsys, "list", "--json").json["projects"]] == ["a", "b"]


def test_a_damaged_project_is_told_of_and_does_not_hide_the_others(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    for name in ("a", "b"):
        Said(capsys, "create", name)
    (home / ".cache" / "cwl-memo" / "projects" / "a.json").write_text("{")
    listed = Said(capsys, "list")
    assert listed.code == 0
    assert "left out: " in listed.err
    assert listed.out.splitlines()[1].startswith("b ")
    assert Said(capsys, "show", "a").code == ExitCode.STORE.status
    assert Said(capsys, "set", "a", "--duration", "3").code == ExitCode.STORE.status


def test_delete_asks_and_without_a_terminal_wants_to_be_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Said(capsys, "create", "p")
    assert Said(capsys, "delete", "p").code == ExitCode.USAGE.status

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert Said(capsys, "delete", "p").code == ExitCode.NOT_SO.status
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert "project p removed" in Said(capsys, "delete", "p").out
    Said(capsys, "create", "p")
    assert Said(capsys, "delete", "p", "--yes", "--json").json == {"deleted": "p"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everything")
def test_a_store_that_may_not_be_written_has_its_projects_as_they_are(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Said(capsys, "create", "p")
    (home / ".cache" / "cwl-memo").chmod(0o500)
    said = Said(capsys, "set", "p", "--duration", "3")
    (home / ".cache" / "cwl-memo").chmod(0o700)
    assert said.code == ExitCode.STORE.status
    assert "can be read but not written" in said.err


def test_clearing_a_store_leaves_its_projects(capsys: pytest.CaptureFixture[str]) -> None:
    Said(capsys, "create", "p")
    assert main(["clear", "--all", "--yes"]) == 0
    capsys.readouterr()
    assert shown(capsys)["name"] == "p"
