"""``cwl-memo key``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.main import main
from cwl_memo.core.signature import check_public_key

Captured = pytest.CaptureFixture[str]


def answer(capsys: Captured, *words: str) -> dict[str, Any]:
    assert main([*words, "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_a_new_key_is_told_by_its_public_key_alone(home: Path, capsys: Captured) -> None:
    assert main(["key", "new", "laptop"]) == 0
    told = capsys.readouterr()
    check_public_key(told.out.rstrip("\n"))
    path = home / ".config/cwl-memo/keys/laptop.pem"
    assert str(path) in told.err
    assert path.read_text().splitlines()[1] not in told.out + told.err
    assert main(["key", "show", "laptop"]) == 0
    assert capsys.readouterr().out == told.out


def test_keys_are_listed(home: Path, capsys: Captured) -> None:
    made = [answer(capsys, "key", "new", name) for name in ("b", "a")]
    assert answer(capsys, "key", "list") == {"keys": [made[1], made[0]]}
    assert answer(capsys, "key", "show", "b") == made[0]
    assert main(["key", "list"]) == 0
    titles, first, _ = capsys.readouterr().out.splitlines()
    assert titles.split() == ["NAME", "PUBLIC", "KEY"]
    assert first.split() == ["a", made[1]["public"]]


def test_a_key_that_others_can_read_is_left_out_of_the_list(home: Path, capsys: Captured) -> None:
    Path(answer(capsys, "key", "new", "a")["file"]).chmod(0o644)
    assert main(["key", "list"]) == 0
    told = capsys.readouterr()
    assert (told.out, "others may read it" in told.err) == ("", True)
    assert main(["key", "show", "a"]) == ExitCode.USAGE.status


def test_a_key_is_removed_when_that_is_meant(home: Path, capsys: Captured) -> None:
    path = Path(answer(capsys, "key", "new", "a")["file"])
    assert main(["key", "remove", "a"]) == ExitCode.USAGE.status
    assert path.exists()
    assert main(["key", "remove", "a", "--yes"]) == 0
    assert not path.exists()
    capsys.readouterr()
    answer(capsys, "key", "new", "a")
    assert answer(capsys, "key", "remove", "a", "--yes") == {"name": "a", "removed": True}


def test_a_key_can_be_removed_that_is_none(home: Path, capsys: Captured) -> None:
    path = Path(answer(capsys, "key", "new", "a")["file"])
    path.write_text("damaged")
    path.chmod(0o644)
    assert main(["key", "remove", "a", "--yes"]) == 0


@pytest.mark.parametrize("words", [("show", "x"), ("remove", "x", "--yes")])
def test_a_key_that_is_not_there_is_a_no(home: Path, capsys: Captured, words: list[str]) -> None:
    assert main(["key", *words]) == ExitCode.NOT_SO.status
    assert "no key 'x'" in capsys.readouterr().err


@pytest.mark.parametrize("words", [(), ("new",), ("new", "../x"), ("frob",)])
def test_what_makes_no_sense_is_a_usage_error(
    home: Path, capsys: Captured, words: list[str]
) -> None:
    assert main(["key", *words]) == ExitCode.USAGE.status


def test_a_name_is_not_taken_twice(home: Path, capsys: Captured) -> None:
    assert main(["key", "new", "a"]) == 0
    assert main(["key", "new", "a"]) == ExitCode.USAGE.status
    assert "there is a key 'a'" in capsys.readouterr().err


def test_no_keys_is_an_empty_list(home: Path, capsys: Captured) -> None:
    assert main(["key", "list"]) == 0
    told = capsys.readouterr()
    assert (told.out, "cwl-memo key new NAME" in told.err) == ("", True)
