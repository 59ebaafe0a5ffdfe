"""Whatever is done to run records and to the secret: never a failure that lasts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from cwl_memo.errors import StoreError
from cwl_memo.store import secret_file
from cwl_memo.store.local import LocalStore
from tests.store.damage import (
    directory,
    empty,
    link_nowhere,
    link_out,
    pipe,
    prolong,
    set_aside,
    truncate,
)

RUN = "2026-a"


# run records


def test_a_line_cut_short_is_left_out(local: LocalStore, root: Path) -> None:
    local.append_run(RUN, {"line": "run"})
    local.append_run(RUN, {"line": "job", "name": "sort"})
    path = root / "runs" / f"{RUN}.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    assert local.read_run(RUN) == [{"line": "run"}]


@pytest.mark.parametrize("text", [b"\xff\xfe\n", b"[1]\n", b"[" * 100_000, b"\n\n", b'{"a": 1\n'])
def test_lines_that_nobody_wrote_are_left_out(local: LocalStore, root: Path, text: bytes) -> None:
    local.append_run(RUN, {"line": "run"})
    path = root / "runs" / f"{RUN}.jsonl"
    path.write_bytes(text + path.read_bytes() if text.endswith(b"\n") else path.read_bytes() + text)
    assert local.read_run(RUN) == [{"line": "run"}]


@pytest.mark.parametrize("damage", [directory, link_out, link_nowhere, pipe])
def test_something_else_in_place_of_a_run_record(
    local: LocalStore, root: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    local.append_run(RUN, {"line": "run"})
    damage(root / "runs" / f"{RUN}.jsonl")
    elsewhere = root.parents[1] / "elsewhere"
    before = elsewhere.read_bytes() if elsewhere.is_file() else b""
    assert local.read_run(RUN) == []
    assert local.runs() == [RUN]
    with pytest.raises(StoreError):
        local.append_run(RUN, {"line": "end"})
    assert (elsewhere.read_bytes() if elsewhere.is_file() else b"") == before
    local.clear()
    assert local.runs() == []


def test_a_line_that_the_disk_took_in_part_is_told(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "write", lambda _, data: len(data) - 1)
    with pytest.raises(StoreError, match="cut short"):
        local.append_run(RUN, {"line": "run"})


# the secret


@pytest.mark.parametrize("damage", [truncate, empty, prolong, directory, link_nowhere, pipe])
def test_a_damaged_secret_is_set_aside_and_made_anew(
    local: LocalStore, root: Path, damage: Callable[[Path], None]
) -> None:
    first = local.secret()
    damage(root / "secret.key")
    second = local.secret()
    assert len(second) == 32
    assert second != first
    assert local.secret() == second
    assert set_aside(root) == ["secret.key"]


def test_a_secret_that_another_process_makes_for_ever_is_not_waited_for(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_file, "_PATIENCE", 0.05)
    with FileLock(root / "locks" / "secret.lock"), pytest.raises(StoreError, match="locked"):
        local.secret()
    assert len(local.secret()) == 32


def test_a_secret_that_was_removed_is_made_anew(local: LocalStore, root: Path) -> None:
    first = local.secret()
    (root / "secret.key").unlink()
    assert local.secret() != first
