"""What must hit in workflows: grown and reordered scatters, early cut-off, equal jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.digest import Digest
from cwl_memo.store.local import LocalStore

from .bench import Bench
from .delivered import delivered
from .workflows import chain, scatter


def files(bench: Bench, *texts: str) -> dict[str, Any]:
    paths = [bench.write(f"{text}/in.txt", text) for text in texts]
    return {"f": [{"class": "File", "path": str(path)} for path in paths]}


def one(bench: Bench, text: str) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", text))}}


@pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_grown_and_reordered_scatter_executes_only_the_new(
    bench: Bench, more: tuple[str, ...]
) -> None:
    workflow = scatter(bench, bench.tool())
    bench.run(workflow, files(bench, "a", "b", "c"), *more)
    grown = bench.run(workflow, files(bench, "c", "new", "a", "b"), *more)
    assert grown.executed == 1
    assert sorted(grown.results) == ["executed", "reused", "reused", "reused"]
    assert grown.text_of_all() == ["c", "new", "a", "b"]


def test_shrunk_scatter_executes_nothing(bench: Bench) -> None:
    workflow = scatter(bench, bench.tool())
    bench.run(workflow, files(bench, "a", "b", "c"))
    shrunk = bench.run(workflow, files(bench, "b"))
    assert (shrunk.results, shrunk.executed) == (["reused"], 0)
    assert shrunk.text_of_all() == ["b"]


def test_jobs_of_a_scatter_hit_when_run_alone(bench: Bench) -> None:
    tool = bench.tool()
    bench.run(scatter(bench, tool), files(bench, "a", "b"))
    alone = bench.run(tool, {"f": files(bench, "b")["f"][0]})
    assert (alone.results, alone.executed) == (["reused"], 0)


@pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_equal_jobs_of_one_scatter_execute_once(bench: Bench, more: tuple[str, ...]) -> None:
    workflow = scatter(bench, bench.tool(body="sleep 0.2; cat $1"))
    given = files(bench, "a", "b")
    given["f"] = [given["f"][i] for i in (0, 0, 1, 0, 1, 1)]
    cold = bench.run(workflow, given, *more)
    assert cold.executed == 2
    assert sorted(cold.results) == ["executed"] * 2 + ["reused"] * 4
    assert cold.text_of_all() == ["a", "a", "b", "a", "b", "b"]
    # Six files, though cwltool keeps only one of two Files with one location.
    assert len({item["path"] for item in cold.output["out"]}) == 6


def test_equal_steps_of_one_workflow_execute_once_in_parallel(bench: Bench) -> None:
    from .workflows import step, wrap

    tool = bench.tool(body="sleep 0.2; cat $1")
    steps = {name: step(tool, "f") for name in ("x", "y", "z")}
    outputs = {name: {"type": "File", "outputSource": f"{name}/out"} for name in steps}
    cold = bench.run(wrap(bench, "wf.cwl", steps, outputs), one(bench, "a"), "--parallel")
    assert (cold.code, cold.executed) == (0, 1)
    assert [cold.text(name) for name in steps] == ["a", "a", "a"]


def test_early_cut_off_when_edited_step_gives_equal_bytes(bench: Bench) -> None:
    bodies = ["sort $1", "cat $1; echo b", "wc -l < $1"]
    cold = bench.run(chain(bench, *bodies), one(bench, "2\n1\n"))
    bodies[0] = "sort < $1  # edited"
    edited = bench.run(chain(bench, *bodies), one(bench, "2\n1\n"))
    assert (edited.results, edited.executed) == (["executed", "reused", "reused"], 1)
    assert delivered(edited) == delivered(cold)


def test_early_cut_off_when_changed_input_gives_equal_bytes(bench: Bench) -> None:
    workflow = chain(bench, "sort $1", "cat $1; echo b")
    bench.run(workflow, one(bench, "2\n1\n"))
    changed = bench.run(workflow, one(bench, "1\n2\n"))
    assert (changed.results, changed.executed) == (["executed", "reused"], 1)


def test_early_cut_off_below_a_refused_job(bench: Bench) -> None:
    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b")
    bench.tool("t1.cwl", "cat $1; echo a", hints={"WorkReuse": {"enableReuse": False}})
    bench.run(workflow, one(bench, "1\n"))
    again = bench.run(workflow, one(bench, "1\n"))
    assert (again.results, again.executed) == (["refused", "reused"], 1)


def test_edit_in_the_middle_executes_only_what_depends_on_it(bench: Bench) -> None:
    bodies = ["cat $1; echo a", "cat $1; echo b", "cat $1; echo c"]
    bench.run(chain(bench, *bodies), one(bench, "1\n"))
    bodies[1] = "cat $1; echo B"
    edited = bench.run(chain(bench, *bodies), one(bench, "1\n"))
    assert (edited.results, edited.executed) == (["reused", "executed", "executed"], 2)
    assert edited.text() == "1\na\nB\nc\n"


def test_reverted_edit_hits_the_first_entries_again(bench: Bench) -> None:
    bodies = ["cat $1; echo a", "cat $1; echo b"]
    cold = bench.run(chain(bench, *bodies), one(bench, "1\n"))
    bench.run(chain(bench, "cat $1; echo A", bodies[1]), one(bench, "1\n"))
    reverted = bench.run(chain(bench, *bodies), one(bench, "1\n"))
    assert (reverted.results, reverted.executed) == (["reused", "reused"], 0)
    assert reverted.text() == cold.text()


def test_failed_step_leaves_hits_for_what_had_finished(bench: Bench) -> None:
    go = bench.folder / "go"
    workflow = chain(bench, "cat $1; echo a", f"test -e {go} && cat $1")
    failed = bench.run(workflow, one(bench, "1\n"))
    assert (failed.code, failed.results) == (1, ["executed", "failed"])
    go.touch()
    mended = bench.run(workflow, one(bench, "1\n"))
    assert (mended.code, mended.results, mended.executed) == (0, ["reused", "executed"], 1)
    assert mended.text() == "1\na\n"


def test_parallel_run_hits_what_a_serial_run_recorded_and_back(bench: Bench) -> None:
    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b")
    cold = bench.run(workflow, one(bench, "1\n"), "--parallel")
    serial = bench.run(workflow, one(bench, "1\n"))
    parallel = bench.run(workflow, one(bench, "1\n"), "--parallel")
    assert (serial.executed, parallel.executed) == (0, 0)
    assert delivered(cold) == delivered(serial) == delivered(parallel)


def test_conditional_step_hits_and_skipped_step_is_null(bench: Bench) -> None:
    from .workflows import step, wrap

    guarded = step(bench.tool(), "f", when="$(inputs.go)")
    guarded["in"]["go"] = "go"
    workflow = wrap(
        bench,
        "wf.cwl",
        {"s": guarded},
        {"out": {"type": "File?", "outputSource": "s/out"}},
        inputs={"f": "File", "go": "boolean"},
    )
    bench.run(workflow, {**one(bench, "1"), "go": True})
    skipped = bench.run(workflow, {**one(bench, "1"), "go": False})
    warm = bench.run(workflow, {**one(bench, "1"), "go": True})
    assert (skipped.output, skipped.executed) == ({"out": None}, 0)
    assert (warm.results, warm.executed, warm.text()) == (["reused"], 0, "1")


def test_intermediate_of_a_hit_is_not_copied_when_nobody_reads_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = chain(bench, "cat $1; echo a", "wc -l < $1")
    bench.run(workflow, one(bench, "1\n"))
    made: list[Path] = []
    materialise = LocalStore.materialise

    def noting(store: LocalStore, digest: Digest, target: Path, **names: Any) -> None:
        made.append(target)
        materialise(store, digest, target, **names)

    monkeypatch.setattr(LocalStore, "materialise", noting)
    warm = bench.run(workflow, one(bench, "1\n"))
    assert (warm.executed, warm.text().strip()) == (0, "2")
    assert len(made) == 1
