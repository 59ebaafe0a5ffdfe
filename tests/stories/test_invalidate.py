"""What was taken back answers no job, wherever it comes from and whatever clocks say."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cwl.keeper import Keeper
from cwl_memo.memo import Memo
from cwl_memo.store.local import LocalStore, open_store

from .bench import Bench
from .test_replay import Again, again
from .workflows import chain

__all__ = ["again"]


@contextmanager
def opened(bench: Bench) -> Iterator[LocalStore]:
    store = open_store(bench.store)
    yield store
    store.close()


def take_back(bench: Bench, reason: str = "wrong reference") -> None:
    """Invalidate all that the store holds."""
    with opened(bench) as store:
        store.invalidate(list(store.keys()), reason)


def job(bench: Bench) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n"))}}


def test_an_invalidated_job_is_executed_and_says_why_and_then_reused(bench: Bench) -> None:
    tool = bench.tool()
    assert bench.run(tool, job(bench)).executed == 1
    take_back(bench)
    run = bench.run(tool, job(bench))
    assert (run.executed, run.causes, run.not_recorded) == (1, ["invalidated"], [""])
    assert run.record.jobs[0].detail == "wrong reference"
    assert "executed: its entry was invalidated (wrong reference)" in run.log
    assert bench.run(tool, job(bench)).executed == 0


def test_an_entry_that_is_put_back_stays_dead(bench: Bench) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    shutil.copytree(bench.store / "entries", bench.folder / "backup")
    take_back(bench)
    assert bench.run(tool, job(bench)).executed == 1
    shutil.rmtree(bench.store / "entries")
    shutil.copytree(bench.folder / "backup", bench.store / "entries")
    run = bench.run(tool, job(bench))
    assert (run.executed, run.causes) == (1, ["invalidated"])


def test_recache_records_after_the_tombstone(bench: Bench) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    take_back(bench)
    assert bench.run(tool, job(bench), "--memo-mode", "recache").causes == ["recache"]
    assert bench.run(tool, job(bench)).executed == 0


def test_a_job_that_was_invalidated_while_it_ran_is_not_recorded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    ingest = Memo.ingest

    def take_back_first(*args: Any, **kwargs: Any) -> Any:
        take_back(bench)
        return ingest(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Memo, "ingest", take_back_first)
        run = bench.run(tool, job(bench), "--memo-mode", "recache")
    assert (run.code, run.not_recorded) == (0, ["invalidated-during-run"])
    run = bench.run(tool, job(bench))
    assert (run.executed, run.causes) == (1, ["invalidated"])


def test_outputs_collected_anew_do_not_bring_an_entry_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run(bench.tool(), job(bench))
    edited = bench.tool(outputs={"out": {"type": "File[]", "outputBinding": {"glob": "out.txt"}}})
    publish_variant = Memo.publish_variant

    def take_back_first(*args: Any, **kwargs: Any) -> Any:
        take_back(bench)
        return publish_variant(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Memo, "publish_variant", take_back_first)
        run = bench.run(edited, job(bench))
    # The lookup came first; a run is not stopped by what is taken back after.
    assert (run.code, run.executed) == (0, 0)
    assert "failed" not in run.log.replace("0 failed", "")
    assert bench.run(edited, job(bench)).causes == ["invalidated"]


def test_jobs_after_an_invalidated_one_are_reused_if_it_gives_the_same(bench: Bench) -> None:
    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b")
    bench.run(workflow, job(bench))
    with opened(bench) as store:
        entries = list(map(store.get_entry, store.keys()))
        first = next(e for e in entries if e is not None and "echo a" in str(e.fingerprint))
        store.invalidate([first.key], "wrong")
    assert sorted(bench.run(workflow, job(bench)).results) == ["executed", "reused"]


# replay


def simple(bench: Bench, again: Callable[..., Again]) -> Again:
    bench.write("in.txt", "one\n")
    run = again(bench.tool(), {"f": {"class": "File", "path": "in.txt"}})
    run.settle()
    assert [run.run()[0] for _ in range(3)] == [False, True, True]
    return run


def test_a_run_with_an_invalidated_job_is_not_replayed(
    bench: Bench, again: Callable[..., Again]
) -> None:
    run = simple(bench, again)
    take_back(bench)
    replayed, _, executed = run.run()
    assert (replayed, executed) == (False, 1)
    assert [run.run()[::2] for _ in range(2)] == [(True, 0)] * 2


def test_a_run_whose_entry_is_invalidated_and_recorded_anew_meanwhile_leaves_no_manifest(
    bench: Bench, again: Callable[..., Again], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = simple(bench, again)
    shutil.rmtree(bench.store / "replays")
    keep = Keeper.keep

    def meanwhile(keeper: Keeper) -> None:
        with opened(bench) as store:
            (key,) = store.keys()
            entry = store.get_entry(key)
            store.invalidate([key], "wrong")
            tombstone = store.tombstone(key)
            assert entry is not None
            assert tombstone is not None
            store.publish(replace(entry, after=(tombstone.id,)))
        keep(keeper)

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "keep", meanwhile)
        assert run.run()[::2] == (False, 0)
    assert list((bench.store / "replays").glob("*.json")) == []
    assert run.run()[0] is False


def test_a_tombstone_alone_is_enough_for_a_store_that_can_only_be_read(
    bench: Bench, tmp_path: Path
) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    take_back(bench)
    run = bench.run(tool, job(bench), "--memo-mode", "readonly")
    assert (run.executed, run.causes) == (1, ["invalidated"])


# tags


def test_a_run_has_the_tags_of_its_command_line_before_those_of_the_environment(
    bench: Bench,
) -> None:
    tags = ("--memo-tag", "project=wheat", "--memo-tag", "n = 1")
    env = {"CWL_MEMO_TAGS": "project=rye, who=ada,"}
    run = bench.run(bench.tool(), job(bench), *tags, env=env)
    assert run.record.tags == {"project": "wheat", "n": "1", "who": "ada"}
    with opened(bench) as store:
        assert store.read_run(run.record.run)[0]["tags"] == run.record.tags


def test_a_wrong_tag_ends_a_run_before_it_begins(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.run(bench.tool(), job(bench), "--memo-tag", "wheat").code == 2
    assert "--memo-tag: not a tag: 'wheat'" in capsys.readouterr().err
    assert bench.run(bench.tool(), job(bench), env={"CWL_MEMO_TAGS": "=x"}).code == 2
    assert "CWL_MEMO_TAGS: not a tag: '=x'" in capsys.readouterr().err


def test_a_replayed_run_has_its_tags(bench: Bench, again: Callable[..., Again]) -> None:
    bench.write("in.txt", "one\n")
    job = {"f": {"class": "File", "path": "in.txt"}}
    run = again(bench.tool(), job, "--memo-tag", "project=wheat")
    run.settle()
    assert [run.run()[0] for _ in range(2)] == [False, True]
    with opened(bench) as store:
        assert store.read_run(store.runs()[-1])[0]["tags"] == {"project": "wheat"}
