"""Report files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cwl_memo.core.run import RunRecord
from cwl_memo.report.files import write_report

RECORD = RunRecord(run="2026-11-20-a1b2", document="wf.cwl")


def test_a_report_file_holds_the_whole_record(tmp_path: Path) -> None:
    write_report(tmp_path / "report.json", RECORD)
    assert json.loads((tmp_path / "report.json").read_text()) == RECORD.to_json()


def test_a_report_replaces_an_older_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("old" * 1000)
    write_report(tmp_path / "report.json", RECORD)
    assert json.loads((tmp_path / "report.json").read_text())["run"] == RECORD.run
    assert list(tmp_path.iterdir()) == [tmp_path / "report.json"]


def test_a_report_that_cannot_be_finished_leaves_the_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.json").write_text("old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match=r"No space left on device: .*/report\.json'"):
        write_report(tmp_path / "report.json", RECORD)
    assert (tmp_path / "report.json").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "report.json"]


def test_a_report_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_report(tmp_path / "report.json", RECORD)
    assert (tmp_path / "report.json").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_symlink_to_a_report_stays_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "latest.json").symlink_to(tmp_path / "reports" / "one.json")
    write_report(tmp_path / "latest.json", RECORD)
    assert (tmp_path / "latest.json").is_symlink()
    assert json.loads((tmp_path / "reports" / "one.json").read_text())["run"] == RECORD.run


def test_a_report_to_a_device_does_not_replace_the_device(tmp_path: Path) -> None:
    reader, writer = os.openpty()
    device = Path(os.ttyname(writer))
    try:
        write_report(device, RECORD)
        assert device.is_char_device()
        assert os.read(reader, 1) == b"{"
    finally:
        os.close(reader)
        os.close(writer)


def test_a_report_into_a_missing_directory_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"directory: .*/missing/report\.json'"):
        write_report(tmp_path / "missing" / "report.json", RECORD)
