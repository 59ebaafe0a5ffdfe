"""``cwl-memo cache``, and ``--cache`` of the other verbs."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.main import main
from cwl_memo.store.caches import RunCaches
from tests.cli.stories import Shelf


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main([*words, "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def complaint(capsys: pytest.CaptureFixture[str], *words: str, code: ExitCode) -> str:
    assert main(list(words)) == code.status
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def nightly(filled: Shelf, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """A cache that has taken over a store with four entries."""
    return answer(capsys, "cache", "create", "nightly", "--location", str(filled.path))


# create, get, list, update


def test_a_cache_is_made_and_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "create", "nightly", "--description", "why", "--tag", "a=b=c"]) == 0
    told = capsys.readouterr().out
    (cache,) = RunCaches().list()
    assert f"id           {cache.id}\n" in told
    for text in ("nightly", "ACTIVE", "CACHE_ON_FAILURE", cache.location, "why", "a=b=c"):
        assert text in told
    assert main(["cache", "get", cache.id]) == 0
    assert capsys.readouterr().out == told
    assert str(home) in cache.location


def test_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    told = answer(capsys, "cache", "create", "dev", "--behavior", "CACHE_ALWAYS", "--tag", "a=")
    assert told == answer(capsys, "cache", "get", "dev") == RunCaches().get("dev").to_json()
    assert (told["behavior"], told["tags"]) == ("CACHE_ALWAYS", {"a": ""})
    assert answer(capsys, "cache", "list") == {"caches": [told]}


def test_caches_are_listed_without_those_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        answer(capsys, "cache", "create", name)
    assert main(["cache", "delete", "one"]) == 0
    capsys.readouterr()
    assert main(["cache", "list"]) == 0
    titles, row = capsys.readouterr().out.splitlines()
    assert titles.split() == ["ID", "NAME", "STATUS", "BEHAVIOR", "CREATED", "LOCATION"]
    assert row.split()[1:4] == ["two", "ACTIVE", "CACHE_ON_FAILURE"]
    told = answer(capsys, "cache", "list", "--all")["caches"]
    assert {cache["name"]: cache["status"] for cache in told} == {"one": "DELETED", "two": "ACTIVE"}


def test_no_cache_is_an_empty_list(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "list"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("cwl-memo cache create NAME")) == ("", 1)
    assert answer(capsys, "cache", "list") == {"caches": []}
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--tag", "team"], ["one", "two"]),
        (["--tag", "team=a"], ["one"]),
        (["--tag", "team=a", "--tag", "x"], []),
        (["--tag", "team="], []),
        (["--tag", "none"], []),
    ],
)
def test_caches_are_listed_by_tag(
    capsys: pytest.CaptureFixture[str], words: list[str], found: list[str]
) -> None:
    answer(capsys, "cache", "create", "one", "--tag", "team=a")
    answer(capsys, "cache", "create", "two", "--tag", "team=b")
    told = answer(capsys, "cache", "list", *words)["caches"]
    assert sorted(cache["name"] for cache in told) == found


def test_a_failed_cache_says_why(
    nightly: dict[str, Any], filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    (filled.path / "format").write_text("{}")
    assert answer(capsys, "cache", "get", "nightly")["status"] == "FAILED"
    assert main(["cache", "get", "nightly"]) == 0
    assert f"why          {filled.path}: a foreign directory" in capsys.readouterr().out


def test_a_cache_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    made = answer(capsys, "cache", "create", "one", "--tag", "a=1", "--tag", "b=2")
    change = ["--name", "two", "--behavior", "CACHE_ALWAYS", "--description", "d"]
    told = answer(capsys, "cache", "update", "one", *change, "--tag", "b=3", "--untag", "a")
    assert told == answer(capsys, "cache", "get", "two")
    expected = {"name": "two", "behavior": "CACHE_ALWAYS", "description": "d", "tags": {"b": "3"}}
    assert {**told, "updated": ""} == {**made, **expected, "updated": ""}


def test_a_change_of_nothing_is_refused(
    nightly: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    said = complaint(capsys, "cache", "update", "nightly", code=ExitCode.USAGE)
    assert "say what to change with --name" in said


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["create", "nightly"], ExitCode.USAGE, "there is a run cache nightly already"),
        (["create", "a\nb"], ExitCode.USAGE, "cannot be the name"),
        (["create", "x", "--tag", "team"], ExitCode.USAGE, "--tag team: write it as KEY=VALUE"),
        (["create", "x", "--location", "s3://a/b"], ExitCode.USAGE, "directory of this machine"),
        (["create", "x", "--location", "/proc"], ExitCode.STORE, "foreign directory"),
        (["create", "x", "--behavior", "NEVER"], ExitCode.USAGE, "invalid choice"),
        (["get", "nigthly"], ExitCode.NOT_SO, "there are: nightly"),
        (["update", "none", "--name", "x"], ExitCode.NOT_SO, "there is no run cache 'none'"),
        (["update", "nightly", "--untag", "x"], ExitCode.USAGE, "has no tag 'x'"),
        (["delete", "none"], ExitCode.NOT_SO, "there is no run cache 'none'"),
    ],
)
def test_what_cannot_be_is_refused(
    nightly: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: ExitCode,
    says: str,
) -> None:
    assert says in complaint(capsys, "cache", *words, code=code)
    assert [cache.id for cache in RunCaches().list()] == [nightly["id"]]


def test_without_a_verb_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint(capsys, "cache", code=ExitCode.USAGE)
    for verb in ("create", "list", "get", "update", "delete"):
        assert f"\n    {verb} " in said


# delete


def test_deleting_keeps_the_data(
    nightly: dict[str, Any], filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cache", "delete", "nightly"]) == 0
    told = capsys.readouterr().out
    assert f"its data stay in {filled.path}" in told
    assert len(answer(capsys, "ls", "--store", str(filled.path))["entries"]) == 4
    # They are there to be looked at, by the id of the deleted cache.
    assert len(answer(capsys, "ls", "--cache", nightly["id"])["entries"]) == 4
    said = complaint(capsys, "cache", "delete", nightly["id"], code=ExitCode.USAGE)
    assert "is deleted already; --purge removes its data" in said


def test_a_purge_needs_somebody_to_ask(
    nightly: dict[str, Any], filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    said = complaint(capsys, "cache", "delete", "nightly", "--purge", code=ExitCode.USAGE)
    assert f"all that is recorded in {filled.path} would go" in said
    assert filled.path.is_dir()
    assert RunCaches().is_active(nightly["id"])


@pytest.mark.parametrize(("word", "goes"), [("y\n", True), ("n\n", False), ("", False)])
def test_a_purge_asks(
    nightly: dict[str, Any],
    filled: Shelf,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    word: str,
    goes: bool,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(word))
    assert main(["cache", "delete", "nightly", "--purge"]) == (0 if goes else 1)
    assert f"Remove all that is recorded in {filled.path}?" in capsys.readouterr().err
    assert filled.path.exists() is not goes
    assert RunCaches().is_active(nightly["id"]) is not goes


def test_a_purge_tells_what_it_left(
    nightly: dict[str, Any], filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    (filled.path / "thesis.txt").write_text("mine")
    assert main(["cache", "delete", "nightly", "--purge", "--yes"]) == 0
    captured = capsys.readouterr()
    assert "deleted, its data removed" in captured.out
    assert "left alone" in captured.err
    assert "thesis.txt" in captured.err
    assert [path.name for path in filled.path.iterdir()] == ["thesis.txt"]


def test_a_purge_in_json(nightly: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    told = answer(capsys, "cache", "delete", "nightly", "--purge", "--yes")
    assert (told["status"], told["purged"], told["left"]) == ("DELETED", True, [])


def test_a_cache_in_use_is_not_deleted(
    nightly: dict[str, Any], filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    with filled.opened() as store:
        store.begin_run("2026-other")
        said = complaint(capsys, "cache", "delete", "nightly", code=ExitCode.STORE)
    assert "in use by a run that still lives" in said
    assert RunCaches().is_active(nightly["id"])


# the other verbs


@pytest.mark.parametrize("verb", ["ls", "runs", "stats", "verify", "gc"])
def test_verbs_take_a_cache_in_place_of_a_store(
    nightly: dict[str, Any],
    filled: Shelf,
    capsys: pytest.CaptureFixture[str],
    verb: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/nowhere")
    for name in ("nightly", nightly["id"]):
        told = answer(capsys, verb, "--cache", name)
        assert told["store"] == str(filled.path)
    monkeypatch.setenv("CWL_MEMO_CACHE", "nightly")
    assert answer(capsys, verb)["store"] == str(filled.path)


def test_a_store_and_a_cache_exclude_one_another(
    nightly: dict[str, Any], filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ls", "--cache", "nightly", "--store", str(filled.path)]
    said = complaint(capsys, *words, code=ExitCode.USAGE)
    assert "--store and --cache exclude one another" in said


def test_a_cache_that_is_not_there_is_told(
    nightly: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    said = complaint(capsys, "ls", "--cache", "nigthly", code=ExitCode.NOT_SO)
    assert "--cache: there is no run cache 'nigthly'; there are: nightly" in said
