"""``cwl-memo export`` and ``cwl-memo import``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.main import main
from cwl_memo.core.run import EXECUTED, JobRecord
from tests.cli.stories import COLD, WARM, Shelf, cold_run, fingerprint


@pytest.fixture
def run(shelf: Shelf) -> str:
    """A run of the default store: one job recorded, one whose entry is gone, one refused."""
    made = shelf.record(fingerprint(reads="1"))
    recorded = JobRecord("align", "align.cwl", EXECUTED, "miss", key=made.key.hex)
    run = cold_run()
    run.jobs[0] = recorded
    shelf.append(run)
    return made.key.hex


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main([*words, "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_a_run_goes_from_one_store_to_another(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, other = str(tmp_path / "b.tar.gz"), str(tmp_path / "other")
    assert main(["export", "latest", bundle]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"run {COLD}: 1 entries and 4 blobs")
    assert captured.err.splitlines() == [
        "left out: job align_2: its entry is gone, or was damaged",
        "left out: job index: not recorded (directory-input)",
    ]
    assert main(["import", bundle, "--store", other]) == 0
    assert capsys.readouterr().out == f"run {COLD}: 1 entries imported, 0 were there already\n"
    assert main(["import", bundle, "--store", other]) == 0
    assert "stays as it was" in capsys.readouterr().out
    assert main(["show", run[:12], "--store", other]) == 0
    assert main(["runs", "--store", other]) == 0
    assert " success, imported " in capsys.readouterr().out
    assert answer(capsys, "stats", "--store", other)["jobs"]["executed"] == 0
    assert answer(capsys, "verify", "--store", other)["sound"]


def test_programs_hear_of_a_bundle_in_json(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, other = str(tmp_path / "b.tar"), str(tmp_path / "other")
    planned = answer(capsys, "export", COLD, bundle, "--dry-run")
    assert planned["size"] is None
    assert not Path(bundle).exists()
    exported = answer(capsys, "export", COLD, bundle)
    assert exported["size"] == Path(bundle).stat().st_size
    assert {**planned, "size": exported["size"]} == exported
    assert [entry["key"] for entry in exported["entries"]] == [run]
    assert [job["job"] for job in exported["left_out"]] == ["align_2", "index"]
    listed = answer(capsys, "import", bundle, "--list", "--store", other)
    assert {**listed, "size": exported["size"]} == exported
    assert not Path(other).exists()
    imported = answer(capsys, "import", bundle, "--store", other)
    assert (imported["published"], imported["kept"], imported["run_is_new"]) == ([run], [], True)


def test_a_bundle_is_listed_without_a_store(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = str(tmp_path / "b.tar")
    main(["export", COLD, bundle, "--no-workspaces"])
    capsys.readouterr()
    assert main(["import", bundle, "--list", "--store", str(tmp_path / "other")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:4] == [run[:12], "align.cwl", "align", "1"]
    assert lines[2].startswith("not in it: job align_2: ")
    assert lines[-1].startswith(f"run {COLD}: 1 entries without workspaces, ")
    assert not (tmp_path / "other").exists()


def test_a_dry_run_says_what_would_be_written(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", COLD, str(tmp_path / "b.tar"), "--dry-run"]) == 0
    assert "would be written" in capsys.readouterr().out
    assert not (tmp_path / "b.tar").exists()


def test_a_file_is_replaced_with_force_only(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "b.tar"
    bundle.write_text("mine")
    assert main(["export", COLD, str(bundle)]) == ExitCode.USAGE.status
    assert "--force" in capsys.readouterr().err
    assert bundle.read_text() == "mine"
    assert main(["export", COLD, str(bundle), "--force"]) == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("export", "1999", "b.tar"), ExitCode.NOT_SO),
        (("export", COLD, "b.zip"), ExitCode.USAGE),
        (("export", WARM, "b.tar"), ExitCode.NOT_SO),
        (("export", COLD, "nowhere/b.tar"), ExitCode.STORE),
        (("import", "nowhere.tar"), ExitCode.STORE),
        (("import", "noise.tar"), ExitCode.STORE),
        (("import", "b.tar", "--max-size", "many"), ExitCode.USAGE),
        (("import", "small.tar", "--max-size", "10"), ExitCode.USAGE),
    ],
)
def test_what_makes_no_sense_is_told_with_a_code(
    words: tuple[str, ...], code: ExitCode, run: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("noise.tar").write_bytes(os.urandom(2000))
    assert main(["export", COLD, "small.tar"]) == 0
    capsys.readouterr()
    assert main([*words]) == code.status
    assert "cwl-memo: error: " in capsys.readouterr().err


def test_noise_makes_no_store(home: Path, tmp_path: Path) -> None:
    (tmp_path / "noise.tar").write_bytes(os.urandom(2000))
    assert main(["import", str(tmp_path / "noise.tar"), "--store", "other"]) != 0
    assert not Path("other").exists()


def test_the_help_says_what_importing_trusts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "--help"]) == 0
    assert "Import only from those whom you would trust" in " ".join(
        capsys.readouterr().out.split()
    )


def test_an_entry_of_another_key_is_not_exported(
    shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # No importer would take it.
    made = shelf.record(fingerprint(reads="1"), key="0" * 64)
    run = cold_run()
    run.jobs[:] = [JobRecord("align", "align.cwl", EXECUTED, "miss", key=made.key.hex)]
    shelf.append(run)
    assert main(["export", COLD, str(tmp_path / "b.tar")]) == ExitCode.STORE.status
    assert "not that of its fingerprint" in capsys.readouterr().err
