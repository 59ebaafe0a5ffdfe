"""What retention takes of runs, what it leaves them, and what later runs say of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.entry import Entry
from cwl_memo.core.settings import Settings
from cwl_memo.memo import Memo
from cwl_memo.store.collect import Collector
from cwl_memo.store.local import LocalStore, open_store

from .bench import Bench
from .test_replay import Again, again
from .workflows import chain, step, wrap

__all__ = ["again"]

DAY = 86_400.0
HUGE = 1 << 40


@pytest.fixture
def limit(bench: Bench) -> Callable[[int], None]:
    """Have the project keep intermediate files for so many hours."""

    def set_hours(hours: int) -> None:
        files = f'{{retention = "LIMITED", duration = {hours}}}'
        bench.write(
            "cwl-memo.toml",
            f'[project]\nname = "p"\nuse_memoization = true\nintermediate_files = {files}\n',
        )

    return set_hours


@contextmanager
def opened(bench: Bench) -> Iterator[LocalStore]:
    store = open_store(bench.store)
    yield store
    store.close()


def entries(bench: Bench) -> dict[str, Entry]:
    """The entries of the store, by the names of their jobs."""
    with opened(bench) as store:
        found = [store.get_entry(key) for key in store.keys()]  # noqa: SIM118
    return {entry.origin.job: entry for entry in found if entry is not None}


def collect(bench: Bench, after: float = 0, max_age: float | None = None) -> dict[str, bool]:
    """Collect as if later; tell whether each job that lost something lost its workspace alone."""
    names = {entry.key: name for name, entry in entries(bench).items()}
    with opened(bench) as store:
        evicted = store.gc(HUGE, now=time.time() + after, max_age=max_age)
    return {names[eviction.key]: eviction.workspace_only for eviction in evicted}


def job(bench: Bench) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n"))}}


A, B = "cat $1; echo a; echo a > tmp_a", "cat $1; echo b; echo b > tmp_b"


@pytest.mark.parametrize("options", [(), ("--parallel",), ("--leave-outputs",)])
def test_past_the_hours_only_outputs_of_the_run_stay(
    bench: Bench, limit: Callable[[int], None], options: tuple[str, ...]
) -> None:
    limit(24)
    workflow = chain(bench, A, B)
    bench.run(workflow, job(bench), *options)
    assert collect(bench, 23 * 3600) == {}
    assert collect(bench, 25 * 3600) == {"s1": False, "s2": True}
    run = bench.run(workflow, job(bench))
    # The first gives what it gave, so the second is reused all the same.
    assert (run.results, run.causes) == (["executed", "reused"], ["evicted", ""])
    assert run.record.jobs[0].detail == "intermediate files, past the project's hours"
    assert "its recorded files were evicted (intermediate files, past" in run.log
    assert run.text() == "one\na\nb\n"


def test_outputs_are_not_collected_anew_from_a_workspace_that_went(
    bench: Bench, limit: Callable[[int], None]
) -> None:
    limit(1)
    bench.run(bench.tool(body=A), job(bench))
    collect(bench, DAY)
    assert bench.run(bench.tool(body=A), job(bench)).executed == 0
    outputs = {"out": {"type": "File[]", "outputBinding": {"glob": "out.txt"}}}
    run = bench.run(bench.tool(body=A, outputs=outputs), job(bench))
    assert (run.executed, run.causes) == (1, ["evicted"])
    assert run.record.jobs[0].detail == "intermediate files, past the project's hours"
    # Recorded anew, it is whole.
    assert bench.run(bench.tool(body=A), job(bench)).executed == 0


def test_a_new_duration_holds_for_what_is_recorded_after_the_change(
    bench: Bench, limit: Callable[[int], None]
) -> None:
    began = time.time()
    workflow = chain(bench, A)
    limit(24)
    bench.run(workflow, job(bench))
    limit(2)
    bench.run(chain(bench, A, B), job(bench))
    first, second = (entries(bench)[name].keep_until for name in ("s1", "s2"))
    assert first is not None
    assert second is not None
    assert abs(first - began - 24 * 3600) < 600
    assert abs(second - began - 2 * 3600) < 600


def test_without_a_limit_nothing_has_a_time_to_go(bench: Bench) -> None:
    bench.run(chain(bench, A, B), job(bench))
    assert [entry.keep_until for entry in entries(bench).values()] == [None, None]
    assert list(bench.store.rglob("*.final")) == []
    assert collect(bench, 1000 * DAY) == {}


def test_a_job_whose_twin_made_an_output_of_the_run_keeps_it(
    bench: Bench, limit: Callable[[int], None]
) -> None:
    limit(1)
    tool = bench.tool("twin.cwl", A)
    steps = {
        "s1": step(tool, "f"),
        "s2": step(bench.tool("b.cwl", B), "s1/out"),
        "s3": {"run": str(tool), "in": {"f": "f", "after": "s2/out"}, "out": ["out"]},
    }
    outputs = {"out": {"type": "File", "outputSource": "s3/out"}}
    run = bench.run(wrap(bench, "twins.cwl", steps, outputs), job(bench))
    assert run.results == ["executed", "executed", "reused"]
    assert collect(bench, DAY) == {"s1": True, "s2": False}


def test_a_directory_of_the_outputs_is_one(bench: Bench, limit: Callable[[int], None]) -> None:
    limit(1)
    outputs = {"out": {"type": "Directory", "outputBinding": {"glob": "d"}}}
    tool = bench.tool(body="mkdir d; echo x > d/x; echo t > t", outputs=outputs)
    bench.run(tool, job(bench), "--memo-directories", "content")
    assert collect(bench, DAY) == {"tool.cwl": True}


def test_outputs_of_a_run_that_failed_are_those_that_it_delivered(
    bench: Bench, limit: Callable[[int], None]
) -> None:
    limit(1)
    run = bench.run(chain(bench, A, "exit 1"), job(bench))
    assert run.code == 1
    assert collect(bench, DAY) == {"s1": False}


# by age


def test_what_nobody_used_for_so_long_is_executed_again_and_says_so(bench: Bench) -> None:
    workflow = chain(bench, A)
    bench.run(workflow, job(bench))
    assert collect(bench, 90 * DAY + 60, max_age=91 * DAY) == {}
    assert collect(bench, 90 * DAY + 60, max_age=90 * DAY) == {"s1": False}
    run = bench.run(workflow, job(bench))
    assert (run.causes, run.record.jobs[0].detail) == (["evicted"], "not used for so long")


# at the end of runs


def expire(bench: Bench) -> None:
    """Have the hours of all entries be over."""
    with opened(bench) as store:
        for key in list(store.keys()):
            entry = store.get_entry(key)
            assert entry is not None
            store.publish(replace(entry, keep_until=1))


def test_what_is_past_its_time_goes_at_the_end_of_the_next_run(bench: Bench) -> None:
    bench.run(bench.tool(body=A), job(bench))
    expire(bench)
    bench.run(bench.tool("other.cwl", B), job(bench))
    states = entries(bench)
    with opened(bench) as store:
        assert store.is_evicted(states["tool.cwl"].key)
        assert not store.is_evicted(states["other.cwl"].key)


def test_what_the_run_itself_used_does_not_go(bench: Bench) -> None:
    bench.run(bench.tool(body=A), job(bench))
    expire(bench)
    assert bench.run(bench.tool(body=A), job(bench)).executed == 0
    with opened(bench) as store:
        assert not any(map(store.is_evicted, store.keys()))


def test_a_store_is_not_looked_through_where_nothing_can_be_due(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, limit: Callable[[int], None]
) -> None:
    limit(24)
    bench.run(bench.tool(body=A), job(bench), "--memo-max-age", "90d")

    def refuse(*_: Any) -> None:
        raise AssertionError("a look through the whole store")

    monkeypatch.setattr(Collector, "_look", refuse)
    assert bench.run(bench.tool("b.cwl", B), job(bench), "--memo-max-age", "90d").code == 0
    assert bench.run(bench.tool("c.cwl", B), job(bench)).code == 0


def test_a_run_evicts_by_the_age_that_it_was_given(bench: Bench) -> None:
    bench.run(bench.tool(body=A), job(bench))
    with opened(bench) as store:
        (key,) = store.keys()
        store.hold("nobody", key, time.time() - 8 * DAY)
    bench.run(bench.tool("b.cwl", B), job(bench), "--memo-max-age", "1w")
    with opened(bench) as store:
        assert store.is_evicted(key)


def test_an_age_that_makes_no_sense_ends_a_run_before_it_begins(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.run(bench.tool(), job(bench), "--memo-max-age", "old").code == 2
    assert "--memo-max-age: not an age: 'old'; write it as 90d" in capsys.readouterr().err


# replay


def test_a_run_is_replayed_without_its_workspaces_and_not_without_its_outputs(
    bench: Bench, again: Callable[..., Again], limit: Callable[[int], None]
) -> None:
    limit(1)
    bench.write("in.txt", "one\n")
    run = again(bench.tool(body=A), {"f": {"class": "File", "path": "in.txt"}})
    run.settle()
    assert [run.run()[0] for _ in range(2)] == [False, True]
    assert collect(bench, DAY) == {"tool.cwl": True}
    assert run.run()[::2] == (True, 0)
    with opened(bench) as store:
        store.gc(0)
    assert run.run()[::2] == (False, 1)


def test_a_memo_that_may_not_write_evicts_and_marks_nothing(bench: Bench, tmp_path: Path) -> None:
    bench.run(bench.tool(body=A), job(bench))
    expire(bench)
    store = open_store(bench.store, readonly=True)
    with Memo(store, Settings(max_size=0)) as memo:
        memo.tidy()
        memo.mark_final(store.keys())
        assert not any(map(store.is_evicted, store.keys()))
    assert list(bench.store.rglob("*.final")) == []
