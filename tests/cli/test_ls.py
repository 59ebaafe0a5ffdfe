"""``cwl-memo ls``."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from cwl_memo.cli.main import main
from tests.cli.stories import COLD, WARM, Shelf, fingerprint


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["ls", "--json", *words]) == 0
    entries: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["entries"]
    return entries


def jobs(entries: list[dict[str, Any]]) -> list[tuple[str, float]]:
    return [(entry["job"], entry["seconds"]) for entry in entries]


def test_entries_are_listed_newest_first(filled: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["KEY", "TOOL", "JOB", "WHEN", "TOOK", "SIZE", "STATE", "RUN"]
    assert lines[1].split()[1:] == [
        "align.cwl", "align_2", "2026-11-21", "10:15", "1", "min", "1", "s",
        lines[1].split()[9], "bytes", "kept", WARM,
    ]  # fmt: skip
    assert lines[2].split()[1] == "sort.cwl"


def test_an_entry_is_listed_with_all_that_a_program_needs(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    assert listed(capsys) == [
        {
            "key": entry.key.hex,
            "tool": "align.cwl",
            "job": "align",
            "run": COLD,
            "started": "2026-11-20T10:15:00+00:00",
            "seconds": 723.0,
            "size": entry.size,
            "exit_code": 0,
            "host": "bench",
            "state": "kept",
            "evicted_by": None,
            "invalidated": None,
            "pinned": None,
        }
    ]


def test_only_the_entries_of_a_tool_are_listed(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [entry["tool"] for entry in listed(capsys, "--tool", "s*.cwl")] == ["sort.cwl"]
    assert listed(capsys, "--tool", "none*") == []


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        (["--sort", "when"], [61.0, 5.0, None, None]),
        (["--sort", "seconds"], [723.0, 61.0, 60.0, 5.0]),
        (["--sort", "seconds", "--reverse"], [5.0, 60.0, 61.0, 723.0]),
        (["--sort", "size", "--limit", "1"], [5.0]),
        (["--sort", "tool", "--reverse", "--limit", "1"], [5.0]),
        (["--sort", "job", "--limit", "1"], [723.0]),
        (["--limit", "0"], []),
    ],
    ids=str,
)
def test_entries_are_sorted_and_limited(
    words: list[str], seconds: list[float | None], filled: Shelf,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    found = [entry["seconds"] for entry in listed(capsys, *words)]
    # Two entries have the same time, and either may come first.
    assert [s if s is not None else f for s, f in zip(seconds, found, strict=True)] == found


def test_entries_of_different_time_zones_are_sorted_by_the_moment(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.record(fingerprint(reads="1"), job="later", started="2026-11-20T09:00:00-05:00")
    shelf.record(fingerprint(reads="2"), job="earlier", started="2026-11-20T10:00:00+00:00")
    assert [entry["job"] for entry in listed(capsys)] == ["later", "earlier"]


def test_times_are_shown_as_the_clock_here_has_them(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.record(fingerprint(reads="1"), started="2026-11-20T23:30:00-05:00")
    assert main(["ls"]) == 0
    assert "2026-11-21 04:30" in capsys.readouterr().out


def test_an_evicted_entry_is_listed_as_evicted(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    with filled.opened() as store:
        store.gc(0)
    assert {entry["state"] for entry in listed(capsys)} == {"evicted"}


def test_the_long_list_has_whole_keys(filled: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "--long"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[-2:] == ["EXIT", "HOST"]
    assert all(len(line.split()[0]) == 64 for line in lines[1:])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_list_fits_a_terminal_of_eighty_columns(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.record(fingerprint(reads="1"), tool="a" * 100, job="b" * 100)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["ls"]) == 0
    assert max(map(len, terminal.getvalue().splitlines())) <= 80
    assert "aaaa…" in terminal.getvalue()
