"""``cwl-memo settings``, and the verbs that find their store by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.main import main
from tests.cli.stories import Shelf


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project, where the user is."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def own(home: Path, text: str) -> Path:
    return write(home / ".config" / "cwl-memo" / "settings.toml", text)


def rows(text: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split() for line in text.splitlines()[1:]}


def test_show_tells_of_each_setting_what_holds_and_who_said_so(
    home: Path,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = own(home, "link = 'hardlink'\nsalt = 'mine'\n")
    ours = write(project / "cwl-memo.toml", "salt = 'ours'\n")
    monkeypatch.setenv("CWL_MEMO_IMAGE", "name")
    assert main(["settings", "show", "--store", "here"]) == 0
    captured = capsys.readouterr()
    shown = rows(captured.out)
    assert shown["link"] == ["link", '"hardlink"', f"{user}:1"]
    assert shown["salt"] == ["salt", '"ours"', f"{ours}:1"]
    assert shown["image"] == ["image", '"name"', "$CWL_MEMO_IMAGE"]
    assert shown["store"] == ["store", f'"{project}/here"', "--store"]
    assert shown["network"] == ["network", '"allow"', "default"]
    assert f"{ours} is not in your trusted_projects" in captured.err


def test_show_says_where_the_users_file_would_be(
    home: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["settings", "show"]) == 0
    assert f"{home}/.config/cwl-memo/settings.toml" in capsys.readouterr().err


def test_show_as_json(home: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own(home, f"trusted_projects = ['{home}']\n")
    ours = write(
        project / "cwl-memo.toml",
        "[project]\nintermediate_files = {retention = 'LIMITED', duration = 3}\n",
    )
    assert main(["settings", "show", "--json"]) == 0
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert captured.err == ""
    assert answer["files"][1] == {"layer": "project-file", "path": str(ours), "trusted": True}
    settings = {setting.pop("name"): setting for setting in answer["settings"]}
    assert settings["intermediate_files"] == {
        "value": {"retention": "LIMITED", "duration": 3},
        "layer": "project-file",
        "origin": f"{ours}:2",
    }
    assert settings["trusted_projects"]["value"] == [str(home)]
    assert settings["max_size"] == {
        "value": 20_000_000_000,
        "layer": "default",
        "origin": "default",
    }
    assert answer["warnings"] == []


@pytest.mark.parametrize(
    "words",
    [["settings", "show"], ["settings", "check"], ["ls"], ["gc"], ["project", "list"]],
    ids=" ".join,
)
def test_a_wrong_file_is_a_usage_error_that_names_the_line(
    words: list[str], home: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = own(home, "\nimgae = 'name'\n")
    assert main(words) == ExitCode.USAGE.status
    captured = capsys.readouterr()
    assert captured.out == ""
    expected = f"cwl-memo: error: {path}:2: unknown setting 'imgae'; did you mean 'image'?\n"
    assert captured.err == expected


def test_show_takes_no_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "show", "x.toml"]) == ExitCode.USAGE.status
    assert "'settings check FILE' reads one" in capsys.readouterr().err


def test_show_warns_of_what_is_looser_than_the_store(
    home: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["project", "create", "p", "--no-use-memoization"])
    write(project / "cwl-memo.toml", "[project]\nname = 'p'\nuse_memoization = true\n")
    capsys.readouterr()
    assert main(["settings", "show"]) == 0
    captured = capsys.readouterr()
    assert "warning: project 'p': use_memoization" in captured.err
    assert rows(captured.out)["use_memoization"][1] == "false"


# check


def test_check_says_of_each_file_that_counts_that_it_makes_sense(
    home: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["settings", "check"]) == 0
    assert "no settings file here" in capsys.readouterr().err
    paths = [own(home, ""), write(project / "cwl-memo.toml", "")]
    assert main(["settings", "check"]) == 0
    assert capsys.readouterr().out == "".join(f"{path}: makes sense\n" for path in paths)
    assert main(["settings", "check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"files": [str(path) for path in paths]}


def test_check_takes_a_file_by_its_name_for_a_projects_or_a_users(
    home: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(Path("other") / "cwl-memo.toml", "image = 'name'")
    write(Path("mine.toml"), "image = 'name'")
    assert main(["settings", "check", "mine.toml"]) == 0
    assert main(["settings", "check", "other/cwl-memo.toml"]) == ExitCode.USAGE.status
    assert "unless you trust it" in capsys.readouterr().err
    own(home, f"trusted_projects = ['{project}']")
    assert main(["settings", "check", "other/cwl-memo.toml"]) == 0


def test_check_of_no_file_is_a_usage_error(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["settings", "check", "none.toml"]) == ExitCode.USAGE.status
    assert f"there is no file {project}/none.toml" in capsys.readouterr().err


# other verbs


def test_verbs_find_the_store_that_the_users_file_names(
    home: Path, filled: Shelf, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = home / "moved"
    filled.path.rename(moved)
    own(home, "store = '~/moved'\n")
    assert main(["ls"]) == 0
    assert "align.cwl" in capsys.readouterr().out
    assert main(["stats", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["store"] == str(moved)


def test_verbs_find_the_store_that_the_project_file_names(
    home: Path, filled: Shelf, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled.path.rename(project / "memo")
    write(project / "cwl-memo.toml", "store = 'memo'\n")
    own(home, "store = '~/elsewhere'\n")
    assert main(["ls"]) == 0
    assert "align.cwl" in capsys.readouterr().out


@pytest.mark.parametrize("way", ["option", "variable"])
def test_a_store_that_is_named_needs_no_file(
    way: str,
    home: Path,
    filled: Shelf,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own(home, "store = 'wrong")
    words = ["ls"]
    if way == "option":
        words += ["--store", str(filled.path)]
    else:
        monkeypatch.setenv("CWL_MEMO_STORE", str(filled.path))
    assert main(words) == 0
    assert "align.cwl" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("variable", "option", "expected"),
    [("", [], 1000), ("2kB", [], 2000), ("2kB", ["--max-size", "3kB"], 3000)],
)
def test_gc_takes_its_size_from_the_option_the_variable_or_the_file(
    variable: str,
    option: list[str],
    expected: int,
    home: Path,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own(home, "max_size = '1kB'")
    monkeypatch.setenv("CWL_MEMO_MAX_SIZE", variable)
    assert main(["gc", "--dry-run", "--json", *option]) == 0
    assert json.loads(capsys.readouterr().out)["max_size"] == expected


def test_what_another_variable_says_wrong_is_no_reason_not_to_list(
    home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWL_MEMO_LINK", "soft")
    assert main(["ls"]) == 0
