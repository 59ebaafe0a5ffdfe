"""Command templates, and who of the ready runners can run here."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.peers import RUNNERS, find_runner, obstacle
from benchmarks.runner import Runner, surroundings

PLACES = {name: Path(f"/a {name}") for name in ("store", "outdir", "document", "job")}
WHOLE = "{store} {outdir} {document} {job}"


@pytest.mark.parametrize("runner", RUNNERS.values(), ids=list(RUNNERS))
def test_ready_runners_are_whole(runner: Runner) -> None:
    runner.check()


def test_a_place_is_filled_within_its_word() -> None:
    runner = Runner("x", "A={store}/a sh --outdir={outdir} {document} {job}")
    variables, (_, *words) = runner.words(PLACES)
    assert variables == {"A": "/a store/a"}
    assert words == ["--outdir=/a outdir", "/a document", "/a job"]


@pytest.mark.parametrize("place", ["store", "outdir", "document", "job"])
def test_a_place_that_is_missing_is_an_error(place: str) -> None:
    with pytest.raises(BenchmarkError, match="is missing"):
        Runner("x", f"sh {WHOLE}".replace(f"{{{place}}}", "")).check()


def test_a_place_that_there_is_not_is_an_error() -> None:
    with pytest.raises(BenchmarkError, match="no place"):
        Runner("x", f"sh {WHOLE} {{cache}}").check()


def test_a_runner_of_ones_own_has_a_name() -> None:
    assert find_runner(f"mine=sh {WHOLE}").name == "mine"
    assert not find_runner("mine=sh {outdir} {document} {job}").reuses


@pytest.mark.parametrize("text", ["nobody", f"sh {WHOLE}", "=sh {store}", "mine=sh"])
def test_what_is_no_runner_is_an_error(text: str) -> None:
    with pytest.raises(BenchmarkError):
        find_runner(text)


def test_a_peer_that_is_absent_is_told_with_where_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BENCH_PEERS", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert obstacle(RUNNERS["doit"]) == "not installed: doit (make bench-peers)"
    assert "ccache, gcc" in obstacle(RUNNERS["ccache"])


def test_an_option_that_a_version_lacks_is_told(tmp_path: Path) -> None:
    program = tmp_path / "runner"
    program.write_text("#!/bin/sh\necho 'usage: --old'\n")
    program.chmod(0o755)
    assert obstacle(Runner("x", f"{program} {WHOLE}", option="--old")) == ""
    assert "has no option --new" in obstacle(Runner("x", f"{program} {WHOLE}", option="--new"))


def test_settings_of_whoever_measures_do_not_reach_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CWL_MEMO_STORE", "/theirs")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert not {"CWL_MEMO_STORE", "PYTHONDONTWRITEBYTECODE"} & set(surroundings())
