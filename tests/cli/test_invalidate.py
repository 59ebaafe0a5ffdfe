"""``cwl-memo invalidate``, ``pin`` and ``unpin``, and what other verbs tell of it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli.main import main
from tests.cli.stories import COLD, WARM, Shelf, fingerprint


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*words, "--json"]) == code
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def taken(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    document = answer(capsys, "invalidate", *words, "--reason", "wrong", "--dry-run")
    return [entry["job"] for entry in document["invalidated"]]


def refused(capsys: pytest.CaptureFixture[str], code: int, *words: str) -> str:
    assert main([*words]) == code
    return capsys.readouterr().err


def keys(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [entry["key"] for entry in answer(capsys, "ls", "--sort", "key")["entries"]]


def test_criteria_choose_entries_and_narrow_one_another(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    with filled.opened() as store:
        store.append_run(WARM, {"line": "job", "name": "x"})
    assert sorted(taken(capsys, "--tool", "al*")) == ["align", "align_2", "align_2"]
    assert taken(capsys, "--step", "s*") == ["sort"]
    assert taken(capsys, "--run", WARM) == ["align_2"]
    assert taken(capsys, "--run", "latest", "--tool", "al*") == ["align_2"]
    assert len(taken(capsys, "--older-than", "1s")) == 4
    key = keys(capsys)[0]
    assert len(taken(capsys, key[:8])) == 1
    assert "no entry is like that" in refused(
        capsys, 1, "invalidate", "--run", WARM, "--step", "sort", "--reason", "x"
    )
    assert "no entry is like that" in refused(
        capsys, 1, "invalidate", "--older-than", "5200w", "--reason", "x"
    )
    assert "no entry is like that" in refused(
        capsys, 1, "invalidate", "--run", "of another store", "--reason", "x"
    )


def test_entries_are_chosen_by_the_tags_of_the_run_that_recorded_them(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.record(fingerprint(reads="1"))
    shelf.record(fingerprint(reads="2"), run=WARM, job="other")
    with shelf.opened() as store:
        store.append_run(COLD, {"line": "run", "run": COLD, "tags": {"project": "wheat", "n": "1"}})
    assert taken(capsys, "--tag", "project=wheat") == ["align"]
    assert taken(capsys, "--tag", "project=wheat", "--tag", "n=1") == ["align"]
    assert "no entry" in refused(capsys, 1, "invalidate", "--tag", "n=2", "--reason", "x")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--reason", "x"], "name entries by KEY, --tool"),
        (["--tool", "x", "--reason", " "], "--reason: say why"),
        (["--tool", "x"], "--reason"),
        (["--older-than", "soon", "--reason", "x"], "--older-than: not an age: 'soon'"),
        (["--tag", "wheat", "--reason", "x"], "--tag: not a tag: 'wheat'"),
        (["--tool", "*", "--reason", "x"], "nobody is here to ask; give --yes"),
    ],
)
def test_what_makes_no_sense_is_refused_and_takes_nothing_back(
    filled: Shelf, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert message in refused(capsys, 2, "invalidate", *words)
    assert answer(capsys, "stats")["invalidated"] == 0


def test_what_is_taken_back_is_told_by_every_verb(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["invalidate", "--tool", "sort*", "--reason", "wrong\nsort"]
    assert main([*words, "--yes"]) == 0
    out = capsys.readouterr().out
    assert "sort.cwl" in out
    assert "1 entry invalidated" in out
    assert main([*words, "--yes"]) == 0
    assert "1 entry had been invalidated before" in capsys.readouterr().out
    states = {e["job"]: e["state"] for e in answer(capsys, "ls")["entries"]}
    assert states == {"sort": "invalidated", "align": "kept", "align_2": "kept"}
    assert answer(capsys, "stats")["invalidated"] == 1
    assert main(["stats"]) == 0
    assert "of these 0 evicted, 1 invalidated\n" in capsys.readouterr().out
    assert answer(capsys, "verify")["invalidated"] == 1
    assert main(["verify"]) == 0
    assert "1 entries are invalidated" in capsys.readouterr().out
    key = next(e["key"] for e in answer(capsys, "ls")["entries"] if e["job"] == "sort")
    assert main(["show", key]) == 0
    assert "state      invalidated, not reused: wrong sort (" in capsys.readouterr().out
    shown = answer(capsys, "show", key)
    assert shown["invalidated"]["reason"] == "wrong sort"


def test_a_dry_run_takes_nothing_back(filled: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["invalidate", "--tool", "*", "--reason", "x", "--dry-run"]) == 0
    assert "4 entries would be invalidated" in capsys.readouterr().out
    assert answer(capsys, "stats")["invalidated"] == 0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("said", "code", "invalidated"), [("y\n", 0, 4), ("\n", 1, 0)])
def test_a_terminal_is_asked(
    filled: Shelf,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    code: int,
    invalidated: int,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(said))
    assert main(["invalidate", "--tool", "*", "--reason", "x"]) == code
    assert "Invalidate 4 entries of " in capsys.readouterr().err
    assert answer(capsys, "stats")["invalidated"] == invalidated


# pins


def test_entries_are_pinned_listed_and_unpinned(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    key = keys(capsys)[0]
    assert main(["pin", key[:10], "--reason", "figure 3"]) == 0
    assert capsys.readouterr().out == "1 entry pinned\n"
    (listed,) = answer(capsys, "ls", "--pinned")["entries"]
    assert (listed["key"], listed["pinned"]["reason"]) == (key, "figure 3")
    assert "@" in listed["pinned"]["who"]
    assert main(["ls", "--pinned"]) == 0
    assert "kept, pinned" in capsys.readouterr().out
    assert main(["show", key]) == 0
    assert "pinned     figure 3 (" in capsys.readouterr().out
    assert answer(capsys, "stats")["pinned"] == 1
    assert answer(capsys, "unpin", key[:10])["unpinned"] == [key]
    assert answer(capsys, "ls", "--pinned")["entries"] == []
    assert "none of them is pinned" in refused(capsys, 1, "unpin", key)


def test_all_entries_that_a_run_used_are_pinned(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    pinned = answer(capsys, "pin", "--run", WARM)["pinned"]
    assert pinned
    assert answer(capsys, "unpin", "--run", WARM)["unpinned"] == pinned


def test_an_evicted_entry_can_be_pinned_and_that_is_said(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    with filled.opened() as store:
        store.gc(0)
    assert main(["pin", keys(capsys)[0]]) == 0
    assert "1 entry had been evicted before" in capsys.readouterr().err


def test_a_pinned_entry_is_taken_back_by_force_alone(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    key = keys(capsys)[0]
    main(["pin", key])
    words = ["invalidate", key, "--reason", "wrong", "--yes"]
    assert "('cwl-memo unpin'), or give --force" in refused(capsys, 2, *words)
    assert main([*words, "--force"]) == 0
    assert (answer(capsys, "stats")["pinned"], answer(capsys, "stats")["invalidated"]) == (0, 1)


@pytest.mark.parametrize("words", [["pin"], ["pin", "abcdef", "--run", "latest"], ["unpin"]])
def test_pins_need_one_way_to_name_entries(
    filled: Shelf, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert "name the entries by KEY, or by --run RUN" in refused(capsys, 2, *words)


def test_a_run_without_entries_has_nothing_to_pin(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    with filled.opened() as store:
        store.append_run("2027", {"line": "run", "run": "2027"})
    assert "none of the jobs has an entry" in refused(capsys, 1, "pin", "--run", "2027")


def test_a_pin_without_an_entry_can_be_taken_out(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, *_ = keys(capsys)
    for key in (first, second):
        main(["pin", key])
    with filled.opened() as store:
        for entry in list(store.keys()):
            store.drop_entry(entry)
    assert "2 entries begin so; give more of the KEY" in refused(capsys, 2, "unpin", "")
    assert answer(capsys, "unpin", first)["unpinned"] == [first]


# the shared store that the settings name


def take_back(capsys: pytest.CaptureFixture[str], code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    words = ["invalidate", "--step", "sort", "--reason", "wrong", "--yes"]
    assert main(words) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_what_is_taken_back_is_dead_in_the_shared_store_of_the_settings(
    filled: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    url = f"file://{tmp_path}/bucket"
    assert main(["push", "--all", "--shared", url]) == 0
    monkeypatch.setenv("CWL_MEMO_SHARED", url)
    out, _ = take_back(capsys)
    assert out.splitlines()[-2:] == ["1 entry invalidated", f"and in {url}"]
    (tombstone,) = (tmp_path / "bucket" / "tombstones").iterdir()
    assert b'"wrong"' in tombstone.read_bytes()


def test_a_shared_store_that_may_only_be_read_is_said_not_to_be_told(
    filled: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    url = f"file://{tmp_path}/bucket"
    assert main(["push", "--all", "--shared", url]) == 0
    monkeypatch.setenv("CWL_MEMO_SHARED", url)
    monkeypatch.setenv("CWL_MEMO_SHARED_MODE", "readonly")
    out, _ = take_back(capsys)
    assert "1 entry invalidated" in out
    assert f"not in {url}, which is only read, as the settings say" in out
    assert not (tmp_path / "bucket" / "tombstones").exists()


def test_a_shared_store_that_cannot_be_told_is_told_later(
    filled: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    bucket = tmp_path / "bucket"
    url = f"file://{bucket}"
    assert main(["push", "--all", "--shared", url]) == 0
    (bucket / "tombstones").write_text("in the way")
    monkeypatch.setenv("CWL_MEMO_SHARED", url)
    out, err = take_back(capsys, 3)
    assert f"not in {url}, which could not be told" in out
    assert "was not told of 1 of 1" in err
    assert main(["push"]) == 1
    (bucket / "tombstones").unlink()
    assert main(["push"]) == 0
    assert len(list((bucket / "tombstones").iterdir())) == 1


def test_a_shared_store_that_cannot_be_opened_keeps_nothing_alive_here(
    filled: Shelf, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("CWL_MEMO_SHARED", "s3://bucket/x?y")
    _, err = take_back(capsys, 2)
    assert "has no query" in err
    monkeypatch.delenv("CWL_MEMO_SHARED")
    assert answer(capsys, "invalidate", "--step", "sort", "--reason", "x", "--yes")["before"] == 1
