"""Two runs of one job at the same time execute it once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .bench import Bench
from .terminal import ended, started, wait_for
from .workflows import scatter


def words(bench: Bench, document: Path, number: int, *more: str) -> list[str | Path]:
    job = bench.folder / "job.json"
    options: list[str | Path] = [
        "--no-container",
        "--memo-store",
        bench.store,
        "--outdir",
        f"o{number}",
    ]
    return ["run", *options, *more, document, job]


def give(bench: Bench, count: int = 1) -> None:
    path = str(bench.write("in.txt", "one\n"))
    file: Any = {"class": "File", "path": path}
    bench.write("job.json", {"f": file if count == 1 else [file] * count})


def text_of(out: str) -> str:
    return Path(json.loads(out)["out"]["path"]).read_text()


def executions(bench: Bench) -> int:
    return len(bench.counter.read_text().splitlines())


@pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_two_processes_execute_one_job_once(bench: Bench, more: tuple[str, ...]) -> None:
    give(bench)
    tool = bench.tool(body="sleep 1; cat $1")
    with started(bench, words(bench, tool, 1, *more)) as first:
        wait_for(bench.counter)
        with started(bench, words(bench, tool, 2, *more)) as second:
            results = [ended(first), ended(second)]
    assert [code for code, _, _ in results] == [0, 0]
    assert [text_of(out) for _, out, _ in results] == ["one\n", "one\n"]
    assert executions(bench) == 1
    assert sum("] reused from run" in err for _, _, err in results) == 1


def test_waiter_goes_on_when_the_other_is_killed(bench: Bench) -> None:
    give(bench)
    go = bench.folder / "go"
    tool = bench.tool(body=f"test -e {go} || exec sleep 30 2>&-; cat $1")
    with started(bench, words(bench, tool, 1)) as doomed:
        wait_for(bench.counter)
        with started(bench, words(bench, tool, 2)) as waiter:
            assert waiter.stderr is not None
            told = (line for line in waiter.stderr)
            assert any("waits: the same job is being executed" in line for line in told)
            assert executions(bench) == 1
            go.touch()
            doomed.kill()
            code, out, _ = ended(waiter)
    assert (code, text_of(out)) == (0, "one\n")
    assert executions(bench) == 2


@pytest.mark.slow
def test_two_scatters_in_two_processes_share_the_work(bench: Bench) -> None:
    tool = bench.tool(body="sleep 0.3; cat $1")
    workflow = scatter(bench, tool)
    paths = [bench.write(f"{i}/in.txt", str(i)) for i in range(6)]
    bench.write("job.json", {"f": [{"class": "File", "path": str(path)} for path in paths]})
    with (
        started(bench, words(bench, workflow, 1, "--parallel")) as first,
        started(bench, words(bench, workflow, 2, "--parallel")) as second,
    ):
        results = [ended(first), ended(second)]
    assert [code for code, _, _ in results] == [0, 0], results
    assert executions(bench) == 6
    for _, out, _ in results:
        texts = [Path(item["path"]).read_text() for item in json.loads(out)["out"]]
        assert texts == list("012345")
