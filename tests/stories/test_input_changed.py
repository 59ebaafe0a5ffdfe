"""What must not be recorded: jobs that were given a reused output which a job then wrote to."""

from __future__ import annotations

from pathlib import Path

import pytest

from .bench import Bench
from .workflows import chain, step, wrap

WRITES = 'echo more >> "$1"; echo written'


def job(bench: Bench) -> dict[str, object]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n"))}}


@pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_a_job_that_writes_to_a_reused_output_is_not_recorded(
    bench: Bench, more: tuple[str, ...]
) -> None:
    given = job(bench)
    bench.run(chain(bench, "cat $1"), given, *more)
    for _ in range(2):
        run = bench.run(chain(bench, "cat $1", WRITES), given, *more)
        assert (run.code, run.results) == (0, ["reused", "executed"]), run.log
        assert run.not_recorded == ["", "input-changed-during-run"]


def race(bench: Bench, *names: str) -> Path:
    """Write a workflow of a file's maker, and of a writer and a reader that run at once."""
    made, written, read = (bench.folder / name for name in ("made", "written", "read"))
    wait = "for i in `seq 99`; do [ -e {} ] && break; sleep 0.1; done"
    bodies = {
        "writer": f"touch {made}; echo more >> $1; touch {written}; {wait.format(read)}",
        "reader": f"{wait.format(written)}; cat $1; touch {read}",
        "bystander": f"{wait.format(made)}; cat $1",
    }
    steps = {"maker": step(bench.tool("maker.cwl"), "f")}
    steps |= {n: step(bench.tool(f"{n}.cwl", bodies[n]), "maker/out") for n in names}
    outputs = {f"of_{n}": {"type": "File", "outputSource": f"{n}/out"} for n in ("maker", *names)}
    return wrap(bench, "race.cwl", steps, outputs)


def test_a_job_that_read_what_another_wrote_to_its_input_is_not_recorded(bench: Bench) -> None:
    given = job(bench)
    bench.run(race(bench), given)
    run = bench.run(race(bench, "reader", "writer"), given, "--parallel")
    assert (run.code, run.results) == (0, ["reused", "executed", "executed"]), run.log
    assert run.text("of_reader") == "one\nmore\n"
    assert run.not_recorded == ["", "input-changed-during-run", "input-changed-during-run"]
    alone = bench.run(race(bench, "reader"), given)
    assert (alone.results, alone.text("of_reader")) == (["reused", "executed"], "one\n")


def test_recheck_does_not_compare_what_was_made_of_an_input_that_was_written_to(
    bench: Bench,
) -> None:
    given = job(bench)
    flag = bench.folder / "flag"
    workflow = chain(bench, "cat $1", f'cat "$1"; [ ! -e {flag} ] || echo more >> "$1"')
    bench.run(workflow, given)
    flag.touch()
    run = bench.run(workflow, given, "--memo-recheck", "1")
    rechecks = [j.recheck for j in sorted(run.record.jobs, key=lambda j: j.name)]
    assert (run.code, rechecks) == (0, ["same", "not-compared"]), run.log
    assert "input-changed-during-run" in run.log


@pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_hard_links_to_a_blob_that_nobody_writes_to_are_no_change(
    bench: Bench, more: tuple[str, ...]
) -> None:
    # A second view of one blob is one more hard link to it, which its times tell.
    given, options = job(bench), (*more, "--memo-link", "hardlink")
    makers = {n: step(bench.tool("maker.cwl"), "f") for n in ("m1", "m2")}
    bench.run(wrap(bench, "makers.cwl", makers, {}), given, *options)
    readers = {
        n: step(bench.tool(f"{n}.cwl", f"sleep {wait}; cat $1; echo {n}"), f"{source}/out")
        for n, source, wait in (("r1", "m1", 0.5), ("r2", "m2", 0.1))
    }
    run = bench.run(wrap(bench, "all.cwl", {**makers, **readers}, {}), given, *options)
    assert (run.code, run.results) == (0, ["reused"] * 2 + ["executed"] * 2), run.log
    assert not any(run.not_recorded), run.log
