"""``cwl-memo stats``, ``verify``, ``gc`` and ``clear``."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.main import main
from tests.cli.stories import COLD, Shelf, fingerprint


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    assert main([*words, "--json"]) == code
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# stats


def test_stats_count_entries_blobs_runs_and_jobs(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    document = answer(capsys, "stats")
    assert (document["entries"], document["runs"]) == (4, 2)
    assert document["seconds"] == 723 + 60 + 61 + 5
    assert document["jobs"] == {"reused": 1, "executed": 3, "refused": 1, "failed": 1}
    assert document["causes"] == {
        "changed": 1, "directory-input": 1, "failed": 1, "no-entry": 3,
    }  # fmt: skip
    assert (document["seconds_saved"], document["bytes_reused"]) == (723, 1_200_000_000)


def test_stats_say_what_was_saved(filled: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats"]) == 0
    text = capsys.readouterr().out
    assert "saved        12 min 3 s by reuse" in text
    assert "jobs         1 reused, 3 executed, 1 refused, 1 failed" in text


def test_a_damaged_run_record_is_left_out_with_a_remark(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    with filled.opened() as store:
        store.append_run(COLD, {"line": "job", "name": 7})
    for verb in ("stats", "runs"):
        assert main([verb]) == 0
        assert f"left out: the record of run {COLD} is damaged" in capsys.readouterr().err


# verify


def test_a_sound_store_is_verified(filled: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) == 0
    assert "4 entries" in (text := capsys.readouterr().out)
    assert "all sound" in text


def test_a_changed_blob_is_found_and_named(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    blob = next(path for path in filled.path.rglob("*") if is_blob_of(path, b"sorted" * 1000))
    blob.chmod(0o644)
    blob.write_bytes(b"forged" * 1000)
    document = answer(capsys, "verify", code=ExitCode.NOT_SO.status)
    assert document["sound"] is False
    assert len(document["bad_blobs"]) == 1


def is_blob_of(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def test_damage_is_told_to_people_with_what_it_means(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    blob = next(path for path in filled.path.rglob("*") if is_blob_of(path, b"sorted" * 1000))
    blob.chmod(0o644)
    blob.write_bytes(b"short")
    assert main(["verify"]) == ExitCode.NOT_SO.status
    text = capsys.readouterr().out
    assert "damaged blob" in text
    assert "damage found" in text
    assert "execute again" in text


def test_progress_is_shown_on_a_terminal_and_nowhere_else(
    filled: Shelf, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["verify"]) == 0
    assert capsys.readouterr().err == ""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert main(["verify"]) == 0
    assert "verifying" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


# gc


def test_gc_evicts_what_is_too_much_and_says_what_went(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    document = answer(capsys, "gc", "--max-size", "0")
    assert len(document["evicted"]) == 4
    assert document["freed"] == sum(entry["freed"] for entry in document["evicted"]) > 6000
    assert document["dry_run"] is False
    assert answer(capsys, "stats")["evicted"] == 4


def test_a_dry_run_of_gc_evicts_nothing(filled: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gc", "--max-size", "0", "--dry-run"]) == 0
    assert "4 entries would be evicted" in capsys.readouterr().out
    assert answer(capsys, "stats")["evicted"] == 0


def test_gc_takes_its_size_from_the_environment(
    filled: Shelf, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answer(capsys, "gc", "--dry-run")["max_size"] == 20 * 10**9
    monkeypatch.setenv("CWL_MEMO_MAX_SIZE", "1kB")
    assert answer(capsys, "gc", "--dry-run")["max_size"] == 1000
    assert answer(capsys, "gc", "--dry-run", "--max-size", "2kB")["max_size"] == 2000


@pytest.mark.parametrize("size", ["many", "-1", "5 apples"])
def test_what_is_not_a_size_is_a_usage_error_that_names_the_option(
    size: str, filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gc", f"--max-size={size}"]) == ExitCode.USAGE.status
    assert "--max-size: not a size" in capsys.readouterr().err


def test_what_is_not_a_size_in_the_environment_is_a_usage_error_that_names_the_variable(
    filled: Shelf, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWL_MEMO_MAX_SIZE", "lots")
    assert main(["gc"]) == ExitCode.USAGE.status
    assert "CWL_MEMO_MAX_SIZE: not a size" in capsys.readouterr().err


# clear


def test_clear_removes_the_named_entries_and_no_other(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    key = filled.record({"tool": {"baseCommand": ["count"]}}).key.hex
    assert answer(capsys, "clear", "--yes", key, key[:8])["cleared"] == 1
    entries = answer(capsys, "ls")["entries"]
    assert len(entries) == 4
    assert key not in {entry["key"] for entry in entries}


def test_clear_all_removes_every_entry(filled: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clear", "--all", "--yes"]) == 0
    assert capsys.readouterr().out == "4 entries removed\n"
    assert answer(capsys, "ls")["entries"] == []


@pytest.mark.parametrize("words", [["clear"], ["clear", "--all", "abcdef"]], ids=" ".join)
def test_clear_must_be_told_what_to_remove(
    words: list[str], filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--yes"]) == ExitCode.USAGE.status
    assert "--all" in capsys.readouterr().err


def test_clear_does_nothing_unasked_where_nobody_can_answer(
    filled: Shelf, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert main(["clear", "--all"]) == ExitCode.USAGE.status
    assert "--yes" in capsys.readouterr().err
    assert len(answer(capsys, "ls")["entries"]) == 4


@pytest.mark.parametrize(
    ("typed", "code", "left"),
    [("y\n", 0, 0), ("Yes\n", 0, 0), ("n\n", 1, 4), ("\n", 1, 4), ("", 1, 4)],
)
def test_clear_asks_on_a_terminal(
    typed: str, code: int, left: int, filled: Shelf, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert main(["clear", "--all"]) == code
    assert "Remove all 4 entries of" in capsys.readouterr().err
    assert len(answer(capsys, "ls")["entries"]) == left


def test_clear_of_an_unknown_key_removes_nothing(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    key = shelf.record(fingerprint(reads="1")).key.hex
    assert main(["clear", "--yes", key, "0" * 64]) == ExitCode.NOT_SO.status
    capsys.readouterr()
    assert len(answer(capsys, "ls")["entries"]) == 1


# clocks and pins


def test_an_age_evicts_and_says_so(filled: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    with filled.opened() as store:
        for key in list(store.keys())[:3]:
            store.hold("nobody", key, 1_000_000_000.0)
    assert main(["gc", "--max-age", "90d", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "3 entries would be evicted" in out
    assert "  age  " in out
    document = answer(capsys, "gc", "--max-age", "90d")
    assert (document["max_age"], len(document["evicted"])) == (90 * 86_400, 3)
    assert {(e["why"], e["lost"]) for e in document["evicted"]} == {("age", "all")}
    states = {(e["state"], e["evicted_by"]) for e in answer(capsys, "ls")["entries"]}
    assert states == {("evicted", "age"), ("kept", None)}
    assert main(["show", document["evicted"][0]["key"]]) == 0
    assert "it can no longer be reused (not used for so long)" in capsys.readouterr().out


def test_the_age_comes_from_the_environment_where_it_is_not_given(
    filled: Shelf, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWL_MEMO_MAX_AGE", "2w")
    assert answer(capsys, "gc")["max_age"] == 14 * 86_400
    monkeypatch.setenv("CWL_MEMO_MAX_AGE", "soon")
    assert main(["gc"]) == ExitCode.USAGE.status
    assert "CWL_MEMO_MAX_AGE: not an age: 'soon'" in capsys.readouterr().err
    assert main(["gc", "--max-age", ""]) == ExitCode.USAGE.status
    assert "--max-age: not an age" in capsys.readouterr().err


def test_a_workspace_that_goes_alone_is_told(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    with shelf.opened() as store:
        store.publish(replace(entry, keep_until=1))
        store.mark_final(entry.key, entry.origin.run)
    assert main(["gc"]) == 0
    assert "intermediate-files, workspace only  align.cwl" in capsys.readouterr().out
    assert [e["state"] for e in answer(capsys, "ls")["entries"]] == ["trimmed"]
    assert answer(capsys, "stats")["trimmed"] == 1
    assert main(["show", entry.key.hex]) == 0
    text = capsys.readouterr().out
    assert "its outputs alone are kept, its workspace went (intermediate files" in text
    assert "workspace: not kept" in text


def test_a_size_that_cannot_be_reached_is_said(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    with filled.opened() as store:
        for key in sorted(store.keys()):
            store.pin(key)
    for words in (["gc", "--max-size", "1"], ["gc", "--max-size", "1", "--dry-run"]):
        assert main(words) == 0
        said = capsys.readouterr()
        assert "0 entries" in said.out
        assert "stay: more than 1 bytes, and pinned" in said.err


def test_a_mark_without_a_word_is_an_eviction_all_the_same(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    with filled.opened() as store:
        store.gc(0)
    for mark in filled.path.rglob("*.evicted"):
        mark.write_text("")
    entries = answer(capsys, "ls")["entries"]
    assert {(e["state"], e["evicted_by"]) for e in entries} == {("evicted", None)}
    assert main(["show", entries[0]["key"]]) == 0
    assert "state      evicted: it can no longer be reused\n" in capsys.readouterr().out
