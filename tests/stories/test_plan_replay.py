"""A plan says when a run would be answered from the record of the last one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli.main import main
from cwl_memo.cwl import plan as planning

from .bench import Bench
from .test_plan import everything
from .test_replay import Again, again, simple  # noqa: F401  (a fixture)

Runs = Callable[..., Again]


def ask(runs: Again, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    """Return the exit code and the plan of a run."""
    capsys.readouterr()
    with runs.patch.context() as patch:
        patch.chdir(runs.bench.folder)
        patch.setattr("cwl_memo.cwl.schema_cache.setup_schema", lambda *_: None)
        code = main(["plan", "--json", *runs.words])
    return code, json.loads(capsys.readouterr().out)


def test_what_a_replay_would_answer_is_planned_without_cwltool(
    bench: Bench,
    again: Runs,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = simple(bench, again)
    runs.run()
    before = everything(bench.folder)
    monkeypatch.setattr(planning, "plan", None)
    code, plan = ask(runs, capsys)
    assert code == 0
    [job] = plan["jobs"]
    assert (job["predicted"], job["lookup"], job["result"]) == ("reused", "hit", "")
    assert (plan["status"], plan["summary"]["reused"]) == ("planned", 1)
    assert everything(bench.folder) == before
    assert runs.run()[0]


@pytest.mark.parametrize("change", ["input", "document", "blob", "place"])
def test_what_ends_a_replay_is_planned_job_by_job(
    change: str,
    bench: Bench,
    again: Runs,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = simple(bench, again)
    out = Path(runs.run()[1]["out"]["path"])
    if change == "input":
        bench.write("in.txt", "two\n")
    elif change == "document":
        bench.tool(doc="edited")
    elif change == "place":
        out.unlink()
        out.mkdir()
    else:
        out.unlink()
        for blob in [p for p in (bench.store / "blobs").rglob("*") if p.is_file()]:
            blob.unlink()
    code, plan = ask(runs, capsys)
    [job] = plan["jobs"]
    expected = {"input": "changed", "blob": "damaged"}.get(change, "")
    assert (code, job["cause"]) == (1 if expected else 0, expected)
    if change != "place":  # which a run fails at
        replayed, _, executed = runs.run()
        assert (replayed, executed) == (False, code)


def test_an_output_that_stands_where_it_was_delivered_needs_no_blob(
    bench: Bench,
    again: Runs,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = simple(bench, again)
    out = Path(runs.run()[1]["out"]["path"])
    os.utime(out, (1e9, 1e9))
    out.write_text("mine\n")
    assert ask(runs, capsys)[0] == 0
    assert out.read_text() == "mine\n"
    assert runs.run()[0]
