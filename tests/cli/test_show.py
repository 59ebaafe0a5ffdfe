"""``cwl-memo show``."""

from __future__ import annotations

import json

import pytest

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.main import main
from tests.cli.stories import COLD, Shelf, fingerprint


def test_an_entry_is_shown_with_all_that_was_recorded(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    assert main(["show", entry.key.hex]) == 0
    text = capsys.readouterr().out
    for line in (
        f"key        {entry.key.hex}",
        "tool       align.cwl",
        f"run        {COLD}",
        "started    2026-11-20 10:15",
        "took       12 min 3 s",
        "executed   by cwl-memo 0.1.0 on bench",
        "exit code  0",
        "state      kept",
        "8 bytes  out.bam",
        '    "reads": {',
        f'      "digest": "blake3:{"1" * 64}"',
    ):
        assert line in text


def test_an_entry_is_found_by_six_digits_of_its_key(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    key = filled.record({"tool": {"baseCommand": ["count"]}}).key.hex
    assert main(["show", key[:6].upper(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["key"] == key


def test_an_entry_is_one_document_with_its_workspace(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    assert main(["show", entry.key.hex, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["fingerprint"] == entry.fingerprint
    assert document["variants"] == [variant.to_json() for variant in entry.variants]
    assert [(node["path"], node["size"]) for node in document["tree"]] == [("out.bam", 8)]
    assert document["origin"] == entry.origin.to_json()
    assert (document["size"], document["state"], document["exit_code"]) == (entry.size, "kept", 0)


@pytest.mark.parametrize(("log", "data"), [("stdout", b"read 1 \xff\n"), ("stderr", b"warned\n")])
def test_a_log_is_printed_byte_for_byte(
    log: str, data: bytes, shelf: Shelf, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    assert main(["show", entry.key.hex, "--log", log]) == 0
    assert capfdbinary.readouterr() == (data, b"")


def test_a_redirected_log_is_found_in_the_workspace(
    shelf: Shelf, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    entry = shelf.record(fingerprint(reads="1"), stderr_name="align.log")
    assert main(["show", entry.key.hex, "--log", "stderr"]) == 0
    assert capfdbinary.readouterr().out == b"warned\n"


def test_what_is_gone_of_an_evicted_entry_is_said(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    with shelf.opened() as store:
        store.gc(0)
    assert main(["show", entry.key.hex]) == 0
    text = capsys.readouterr().out
    assert "state      evicted" in text
    assert "workspace: not kept" in text
    assert main(["show", entry.key.hex, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["state"], document["tree"]) == ("evicted", None)
    assert main(["show", entry.key.hex, "--log", "stdout"]) == ExitCode.NOT_SO.status
    assert "no longer kept" in capsys.readouterr().err


def test_a_log_is_not_json(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    words = ["show", entry.key.hex, "--log", "stdout", "--json"]
    assert main(words) == ExitCode.USAGE.status
    assert "leave out --json" in capsys.readouterr().err


def test_a_key_that_begins_no_entry_is_not_found(
    filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "0" * 64]) == ExitCode.NOT_SO.status
    assert "cwl-memo ls" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["abcde", "latest", "abcdeg", "a" * 65])
def test_what_cannot_be_a_key_is_a_usage_error(
    key: str, filled: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", key]) == ExitCode.USAGE.status
    assert "6 to 64 hexadecimal digits" in capsys.readouterr().err


def test_a_key_that_begins_two_entries_is_ambiguous(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    for last in "12":
        shelf.record(fingerprint(reads=last), key="abcdef" + last * 58)
    assert main(["show", "abcdef"]) == ExitCode.USAGE.status
    message = capsys.readouterr().err
    assert "abcdef111111" in message
    assert "abcdef222222" in message
    assert main(["show", "abcdef1"]) == 0


def test_a_damaged_entry_is_an_error(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    (file,) = shelf.path.rglob(f"{entry.key.hex}.json")
    file.chmod(0o644)
    file.write_text("{}")
    assert main(["show", entry.key.hex]) == ExitCode.STORE.status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "damaged" in captured.err
