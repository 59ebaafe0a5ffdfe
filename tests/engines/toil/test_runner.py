"""What the leader makes of a command line, and tells the workers."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cwl_memo.core.cache import CacheBehavior
from cwl_memo.core.run import RunRecord
from cwl_memo.core.settings import (
    IntermediateFiles,
    Retention,
    Settings,
    SharedChoice,
    ToilLookup,
)
from cwl_memo.cwl.arguments import Choice
from tests.engines.toil.conftest import Runners

pytestmark = [pytest.mark.toil]


@pytest.fixture
def runner(runners: Runners) -> Any:
    del runners
    from cwl_memo.engines.toil import runner

    return runner


def choice(folder: Path, **fields: Any) -> Choice:
    shown: dict[str, Any] = {
        "memo": True,
        "replay": False,
        "settings": Settings(),
        "store": folder / "store",
        "is_named": False,
        "report": None,
        "cache": None,
        "behavior": CacheBehavior.CACHE_ALWAYS,
        "events": "",
        "workspaces": None,
        "shared": SharedChoice((folder / "shared").as_uri()),
        **fields,
    }
    return Choice(**shown)


def options(**fields: Any) -> Any:
    shown: dict[str, Any] = {
        "cachedir": None,
        "runDir": None,
        "bypass_file_store": False,
        "batchSystem": "slurm",
        **fields,
    }
    return SimpleNamespace(**shown)


@pytest.mark.parametrize(
    ("system", "said", "are_alike"),
    [("single_machine", False, True), ("slurm", False, False), ("slurm", True, True)],
)
def test_machines_are_alike_if_there_is_one_or_somebody_says_so(
    runner: Any, tmp_path: Path, system: str, said: bool, are_alike: bool
) -> None:
    chosen = choice(tmp_path, toil_lookup=ToilLookup.LEADER, says_toil_lookup=said)
    orders = runner._orders(chosen, options(batchSystem=system, slurm_time=60))
    assert orders.are_alike is are_alike
    assert orders.time_limit == 60


def test_nothing_that_a_worker_records_is_for_a_while_only(runner: Any, tmp_path: Path) -> None:
    settings = Settings(intermediate_files=IntermediateFiles(Retention.LIMITED, 1))
    orders = runner._orders(choice(tmp_path, settings=settings), options())
    assert orders.settings.intermediate_files.retention is Retention.UNLIMITED


def test_a_store_that_is_not_used_is_told_of(
    runner: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runner._orders(choice(tmp_path, is_named=True), options(batchSystem="single_machine"))
    assert "is not used" not in caplog.text
    runner._orders(choice(tmp_path, is_named=True), options())
    assert f"{tmp_path / 'store'} is not used" in caplog.text


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--setEnv", "A=secret", "a=b"], ["--setEnv", "A=...", "a=b"]),
        (["--setEnv=A=secret", "-e", "A=secret"], ["--setEnv=A=...", "-e", "A=..."]),
        (["--setEnv", "{A: secret}", "-e", "A: secret"], ["--setEnv", "=...", "-e", "A=..."]),
        (["--setEnv", "A", "--x=y"], ["--setEnv", "A", "--x=y"]),
    ],
)
def test_values_of_variables_are_nobodys_business(
    runner: Any, words: list[str], shown: list[str]
) -> None:
    assert runner._without_values(words) == shown


def test_the_outputs_are_printed_before_the_session_ends(
    runner: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    printed: list[str] = []

    class Session:
        memo: Any = SimpleNamespace(made=set(), shield=None)
        shared_elsewhere: Any = SimpleNamespace(append=None)

        def end(self, _status: str) -> RunRecord:
            printed.append(out.getvalue())
            raise KeyboardInterrupt

    def main(_words: list[str], stdout: Any) -> int:
        stdout.write("{}")
        return 0

    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr(runner.cwltoil, "main", main)
    orders = runner._orders(choice(tmp_path), options())
    with pytest.raises(KeyboardInterrupt):
        runner._run([], orders, Session(), choice(tmp_path), None)
    assert printed == ["{}"]


def test_a_job_does_not_wait_for_long_where_its_time_is_limited(tmp_path: Path) -> None:
    from cwl_memo.engines.toil.session import WorkerSession

    session: Any = SimpleNamespace(wait_at_most=3600.0)
    WorkerSession.limit_wait(session, None)
    assert session.wait_at_most == 300.0
    WorkerSession.limit_wait(session, 100)
    assert session.wait_at_most == 25.0
    del tmp_path


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("cwltool"), "propagate", True)
    caplog.set_level(logging.INFO)
