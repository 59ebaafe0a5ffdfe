"""How verbs meet a store that is missing, empty, foreign or damaged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.main import main
from tests.cli.stories import Shelf

KEY = "abcdef"
LISTING = (["ls"], ["runs"], ["stats"])
UPKEEP = (["verify"], ["gc"], ["clear", "--all", "--yes"])
SEARCHING = (["show", KEY], ["explain", "latest"], ["clear", "--yes", KEY])
EVERY = (*LISTING, *UPKEEP, *SEARCHING)


def name(words: list[str]) -> str:
    return "-".join(words)


@pytest.mark.parametrize("words", [*LISTING, *UPKEEP], ids=name)
def test_a_default_store_that_no_run_has_made_holds_nothing(
    words: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    assert f"nothing recorded yet at {home / '.cache' / 'cwl-memo'}" in capsys.readouterr().err


@pytest.mark.parametrize("words", [*LISTING, *UPKEEP], ids=name)
def test_a_default_store_that_no_run_has_made_is_an_empty_answer_in_json(
    words: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["store"] == str(home / ".cache" / "cwl-memo")
    assert not any(document.get(name) for name in ("entries", "runs", "evicted", "cleared"))
    assert captured.err == ""


@pytest.mark.parametrize("words", SEARCHING, ids=name)
def test_nothing_is_found_in_a_default_store_that_no_run_has_made(
    words: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == ExitCode.NOT_SO.status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "nothing recorded yet at" in captured.err


@pytest.mark.parametrize("words", EVERY, ids=name)
def test_looking_makes_no_store(words: list[str], home: Path) -> None:
    main(words)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("words", EVERY, ids=name)
def test_a_missing_directory_that_was_named_is_an_error(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--store", str(tmp_path / "memmo")]) == ExitCode.STORE.status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"there is no store at {tmp_path / 'memmo'}" in captured.err
    assert not (tmp_path / "memmo").exists()


def test_a_missing_directory_of_the_environment_holds_nothing_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CWL_MEMO_STORE", str(tmp_path / "memo"))
    assert main(["ls"]) == 0
    assert f"nothing recorded yet at {tmp_path / 'memo'}" in capsys.readouterr().err


def test_an_empty_directory_that_was_named_stays_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "memo").mkdir()
    assert main(["ls", "--store", str(tmp_path / "memo")]) == 0
    assert "nothing recorded yet" in capsys.readouterr().err
    assert list((tmp_path / "memo").iterdir()) == []


@pytest.mark.parametrize("words", EVERY, ids=name)
def test_a_foreign_directory_is_an_error_and_stays_as_it_is(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "cat.jpg").write_bytes(b"cat")
    assert main([*words, "--store", str(foreign)]) == ExitCode.STORE.status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(foreign) in captured.err
    assert os.listdir(foreign) == ["cat.jpg"]  # noqa: PTH208


def test_a_file_in_the_place_of_a_store_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "memo").write_text("not a directory")
    assert main(["ls", "--store", str(tmp_path / "memo")]) == ExitCode.STORE.status
    assert str(tmp_path / "memo") in capsys.readouterr().err


def test_the_option_wins_over_the_environment(
    filled: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("CWL_MEMO_STORE", str(tmp_path / "elsewhere"))
    assert main(["ls", "--json", "--store", str(filled.path)]) == 0
    assert len(json.loads(capsys.readouterr().out)["entries"]) == 4
