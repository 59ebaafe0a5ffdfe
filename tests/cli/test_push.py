"""Taking entries up to a shared store from the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cwl_memo.cli.main import main
from cwl_memo.store.local import open_store
from cwl_memo.store.shared.opening import open_shared
from tests.cli.stories import Shelf, fingerprint
from tests.store.shared.sharing import tombstone


def names(bucket: Path) -> list[str]:
    return sorted(path.name for path in (bucket / "entries").rglob("*") if path.is_file())


@pytest.fixture
def bucket(home: Path) -> Path:
    return home / "bucket"


def test_all_goes_up_once(shelf: Shelf, bucket: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = sorted(shelf.record(fingerprint(reads=str(n))).key.hex for n in range(3))
    push = ["push", "--shared", f"file://{bucket}", "--all", "--json"]
    assert main(push) == 0
    assert json.loads(capsys.readouterr().out)["uploaded"] == 3
    assert names(bucket) == keys
    assert main(push) == 0
    assert json.loads(capsys.readouterr().out)["uploaded"] == 0


def test_those_that_are_named_go_up(shelf: Shelf, bucket: Path) -> None:
    shelf.record(fingerprint(reads="1"))
    named = shelf.record(fingerprint(reads="2")).key.hex
    assert main(["push", "--shared", f"file://{bucket}", named[:12]]) == 0
    assert names(bucket) == [named]


def test_what_runs_have_left_goes_up(shelf: Shelf, bucket: Path) -> None:
    shelf.record(fingerprint(reads="1"))
    left = shelf.record(fingerprint(reads="2")).key
    store = open_store(shelf.path)
    spool = store.spool(f"file://{bucket}")
    assert spool is not None
    spool.add(left)
    store.close()
    assert main(["push", "--shared", f"file://{bucket}"]) == 0
    assert names(bucket) == [left.hex]
    assert spool.keys() == []


def test_where_to_has_to_be_said(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.record(fingerprint(reads="1"))
    assert main(["push"]) == 2
    assert "which shared store?" in capsys.readouterr().err


def test_the_environment_may_say_it(
    shelf: Shelf, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWL_MEMO_SHARED", f"file://{bucket}")
    key = shelf.record(fingerprint(reads="1")).key
    assert main(["push", "--all"]) == 0
    assert names(bucket) == [key.hex]


def test_what_did_not_go_up_is_an_answer_of_its_own(
    shelf: Shelf, bucket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = shelf.record(fingerprint(reads="1")).key
    bucket.mkdir()
    (bucket / "cwl-memo.json").write_text('{"format": 99}')
    assert main(["push", "--shared", f"file://{bucket}", key.hex]) == 1
    assert "1 result was not shared" in caplog.text


def test_one_that_is_named_and_may_not_go_up_is_told(
    shelf: Shelf, bucket: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = shelf.record(fingerprint(reads="1")).key
    store = open_store(shelf.path)
    store.invalidate([key], "wrong")
    store.close()
    assert main(["push", "--shared", f"file://{bucket}", key.hex]) == 1
    assert "was invalidated here" in capsys.readouterr().err
    assert names(bucket) == []
    assert main(["push", "--shared", f"file://{bucket}", "--all"]) == 0
    assert names(bucket) == []


def test_all_takes_the_place_of_what_is_dead_there(shelf: Shelf, bucket: Path) -> None:
    key = shelf.record(fingerprint(reads="1")).key
    push = ["push", "--shared", f"file://{bucket}", "--all"]
    assert main(push) == 0
    remote = open_shared(f"file://{bucket}")
    remote.bury(key, tombstone("wrong"))
    store = open_store(shelf.path)
    dead = store.get_entry(key)
    assert dead is not None
    store.publish(replace(dead, after=(tombstone("wrong").id,)))
    store.close()
    assert main(push) == 0
    found = remote.find(key)
    assert found is not None
    assert found.entry.after == (tombstone("wrong").id,)
    remote.close()
