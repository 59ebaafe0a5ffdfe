"""Projects that a shared store keeps, for all who use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli import project as verb
from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.main import main
from cwl_memo.core.signature import SigningKey
from cwl_memo.settings.load import load_settings
from cwl_memo.store.shared.opening import open_shared
from tests.store.shared.sharing import SMALL_FILE, share

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A shared store; the user is Ada."""
    url = (tmp_path / "shared").as_uri()
    store = open_shared(url)
    share(store, 1, SMALL_FILE)
    store.close()
    monkeypatch.setattr(verb, "current_user", lambda: "ada")
    return url


def said(capsys: Captured, *words: str, code: ExitCode = ExitCode.OK) -> Any:
    assert main([*words, "--json"]) == code.status
    captured = capsys.readouterr()
    return json.loads(captured.out) if code is ExitCode.OK else captured.err


def test_a_project_is_kept_shown_changed_and_removed(url: str, capsys: Captured) -> None:
    shared = ("--shared", url)
    made = said(capsys, "project", "create", "genomes", "--duration", "48", *shared)
    said(capsys, "project", "create", "apes", *shared)
    assert said(capsys, "project", "show", "genomes", *shared) == made
    said(capsys, "project", "set", "genomes", "--no-use-memoization", *shared)
    listed = said(capsys, "project", "list", *shared)["projects"]
    assert [(p["name"], p["use_memoization"]) for p in listed] == [
        ("apes", True),
        ("genomes", False),
    ]
    said(capsys, "project", "delete", "apes", "--yes", *shared)
    assert [p["name"] for p in said(capsys, "shared", "show", url)["projects"]] == ["genomes"]
    said(capsys, "project", "show", "apes", *shared, code=ExitCode.NOT_SO)
    # Nothing of it is in the store of this machine.
    assert said(capsys, "project", "list")["projects"] == []


def test_it_is_there_once_and_its_administrators_change_it(
    url: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = ("--shared", url)
    said(capsys, "project", "create", "genomes", *shared)
    told = said(capsys, "project", "create", "genomes", *shared, code=ExitCode.USAGE)
    assert "is there already" in told
    monkeypatch.setattr(verb, "current_user", lambda: "eve")
    told = said(
        capsys, "project", "set", "genomes", "--duration", "1", *shared, code=ExitCode.USAGE
    )
    assert "eve is no administrator" in told


def test_limits_and_keys_stay_and_are_signed_again(url: str, capsys: Captured) -> None:
    lead = said(capsys, "key", "new", "lead")["public"]
    other = SigningKey.from_seed(bytes(32)).public
    signed = ("--sign-with", "lead")
    said(capsys, "shared", "set", url, "--max-age", "9d", "--trust", other, *signed)
    create = ("project", "create", "genomes", "--shared", url)
    assert "--sign-with" in said(capsys, *create, code=ExitCode.USAGE)
    said(capsys, *create, *signed)
    settings = said(capsys, "shared", "show", url)
    assert (settings["signed_by"], settings["trusted_keys"]) == (lead, [other])
    assert settings["retention"] == {"max_age": 9 * 86400.0}


def test_a_signature_goes_with_a_shared_store(url: str, capsys: Captured) -> None:
    words = ("project", "create", "genomes", "--sign-with", "lead")
    assert "--shared" in said(capsys, *words, code=ExitCode.USAGE)


def test_a_run_of_the_project_follows_it(
    url: str, capsys: Captured, tmp_path: Path, home: Path
) -> None:
    said(capsys, "project", "create", "genomes", "--no-use-memoization", "--shared", url)
    (tmp_path / "cwl-memo.toml").write_text('[project]\nname = "genomes"\n')
    environ = {"HOME": str(home), "CWL_MEMO_SHARED": url}
    assert not load_settings(directory=tmp_path, environ=environ).memo
