"""A run that is ended from outside: what had finished is reused next time."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from .bench import Bench
from .terminal import ended, run_in_terminal, started, wait_for
from .workflows import chain


def prepare(bench: Bench) -> Path:
    """Write a workflow whose second job sleeps until a file says go."""
    path = str(bench.write("in.txt", "one\n"))
    bench.write("job.json", {"f": {"class": "File", "path": path}})
    sleeping = f"test -e {bench.folder}/go || exec sleep 60 2>&-; cat $1; echo b"
    return chain(bench, "cat $1; echo a", sleeping)


def words(bench: Bench, workflow: Path, number: int, *more: str) -> list[str | Path]:
    options: list[str | Path] = [
        "--memo-store",
        bench.store,
        "--no-container",
        "--outdir",
        f"o{number}",
    ]
    return ["run", *options, *more, workflow, bench.folder / "job.json"]


def end_in_mid_job(bench: Bench, signum: int, *more: str) -> tuple[int, str]:
    """Start a run, send it a signal while its second job sleeps; return code and stderr."""
    workflow = prepare(bench)
    before = len(bench.counter.read_text().splitlines()) if bench.counter.exists() else 0
    with started(bench, words(bench, workflow, 0, *more)) as process:
        wait_for(bench.counter, before + 2)
        process.send_signal(signum)
        code, _, err = ended(process)
    return code, err


STATUS = {
    signal.SIGTERM: signal.SIGTERM,
    signal.SIGINT: -signal.SIGINT,
    signal.SIGKILL: -signal.SIGKILL,
}
"""How a run ends after a signal, as cwltool does; with --parallel, cwltool hears KILL alone."""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_plain_run_ends_with_the_same_status(bench: Bench, signum: signal.Signals) -> None:
    code, _ = end_in_mid_job(bench, signum, "--no-memo")
    assert code == STATUS[signum]


@pytest.mark.parametrize(
    ("signum", "more"),
    [
        (signal.SIGTERM, ()),
        (signal.SIGINT, ()),
        (signal.SIGKILL, ()),
        (signal.SIGTERM, ("--parallel",)),
        (signal.SIGINT, ("--parallel",)),
        (signal.SIGKILL, ("--parallel",)),
    ],
    ids=[
        "terminated",
        "interrupted",
        "killed",
        "terminated-parallel",
        "interrupted-parallel",
        "killed-parallel",
    ],
)
def test_finished_job_is_a_hit_after_the_run_was_ended(
    bench: Bench, signum: signal.Signals, more: tuple[str, ...]
) -> None:
    code, err = end_in_mid_job(bench, signum, *more)
    assert code == STATUS[signum]
    assert "cwl-memo itself failed" not in err
    assert len(bench.counter.read_text().splitlines()) == 2
    (bench.folder / "go").touch()
    code, out, err = run_in_terminal(bench, *words(bench, prepare(bench), 1))
    assert code == 0, err
    assert Path(json.loads(out)["out"]["path"]).read_text() == "one\na\nb\n"
    assert len(bench.counter.read_text().splitlines()) == 3
    assert "2 jobs: 1 reused, 1 executed" in err


def test_interrupted_run_says_so_in_its_record(bench: Bench) -> None:
    end_in_mid_job(bench, signal.SIGTERM)
    code, out, _ = run_in_terminal(bench, "runs", "--store", bench.store, "--json")
    assert code == 0
    told: Any = json.loads(out)
    assert "interrupted" in json.dumps(told)
