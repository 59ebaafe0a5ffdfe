"""Two homes and a bucket: what one has executed, the other reuses."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.run import REUSED
from cwl_memo.errors import (
    StoreDamagedError,
    StoreError,
    StoreForbiddenError,
    StoreFullError,
    StoreUnreachableError,
)
from cwl_memo.store.local import open_store
from tests.store.fake_remote import FakeRemote, Objects

from .bench import Bench, Run
from .delivered import delivered
from .workflows import chain, scatter

URL = "fake://bucket"
BODIES = ("cat $1; seq 1000", "cat $1; echo b", "cat $1; echo c")
Remote = Callable[..., FakeRemote]


@pytest.fixture
def objects() -> Objects:
    return Objects()


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch, objects: Objects) -> Remote:
    """Says what stands behind ``fake://bucket`` in the runs that follow."""

    def stand(**options: Any) -> FakeRemote:
        made = FakeRemote(objects, **options)
        monkeypatch.setattr("cwl_memo.store.sharing.open_shared", lambda *_, **__: made)
        monkeypatch.setattr("cwl_memo.store.uploads._PAUSES", (0.0,))
        return made

    return stand


def job(bench: Bench, text: str = "one\n") -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", text))}}


def many(bench: Bench, count: int) -> dict[str, Any]:
    paths = [bench.write(f"in/{i}.txt", f"{i}\n") for i in range(count)]
    return {"f": [{"class": "File", "path": str(path)} for path in paths]}


def run_in(bench: Bench, home: str, workflow: Path, given: Any, *options: str) -> Run:
    return bench.run(
        workflow, given, "--memo-shared", URL, *options, store=bench.folder / "homes" / home
    )


def bucket(bench: Bench) -> str:
    return f"file://{bench.folder}/bucket"


def warnings(run: Run) -> list[str]:
    return [line for line in run.log.splitlines() if line.startswith("cwl-memo: ")]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "cwltool")


# on a directory


@pytest.mark.parametrize("parallel", [(), ("--parallel",)])
def test_what_one_home_executed_the_other_reuses(bench: Bench, parallel: tuple[str, ...]) -> None:
    workflow = chain(bench, *BODIES)
    options = ("--memo-shared", bucket(bench), *parallel)
    cold = bench.run(workflow, job(bench), *options, store=bench.folder / "a" / "store")
    warm = bench.run(workflow, job(bench), *options, store=bench.folder / "long/way/off")
    assert (cold.executed, warm.executed) == (3, 0)
    assert delivered(cold) == delivered(warm)
    assert {j.source for j in warm.record.jobs} == {"shared"}
    assert warm.record.shared is not None
    assert cold.record.shared is not None
    assert (cold.record.shared.uploaded, warm.record.shared.uploaded) == (3, 0)
    again = bench.run(workflow, job(bench), *options, store=bench.folder / "long/way/off")
    assert again.results == [REUSED] * 3


def test_an_edited_step_alone_is_executed_in_the_other_home(bench: Bench) -> None:
    shared = ("--memo-shared", bucket(bench))
    bench.run(chain(bench, *BODIES), job(bench), *shared, store=bench.folder / "a")
    edited = chain(bench, BODIES[0], "cat $1; echo other", BODIES[2])
    warm = bench.run(edited, job(bench), *shared, store=bench.folder / "b")
    assert warm.executed == 2
    plain = bench.run(edited, job(bench), "--no-memo")
    assert delivered(warm) == delivered(plain)


def test_what_another_home_uses_stays_young(bench: Bench) -> None:
    workflow, shared = chain(bench, *BODIES), ("--memo-shared", bucket(bench))
    bench.run(workflow, job(bench), *shared, store=bench.folder / "a")
    entries = [e for e in (bench.folder / "bucket/entries").rglob("*") if e.is_file()]
    old = time.time() - 30 * 24 * 3600
    for readonly, is_young in ((True, False), (False, True)):
        for path in entries:
            os.utime(path, (old, old))
        mode = ("--memo-shared-mode", "readonly") if readonly else ()
        store = bench.folder / f"b{readonly}"
        assert bench.run(workflow, job(bench), *shared, *mode, store=store).executed == 0
        assert {path.stat().st_mtime > old + 3600 for path in entries} == {is_young}


def test_a_plan_sees_what_others_share_and_fetches_nothing(bench: Bench) -> None:
    workflow = chain(bench, *BODIES)
    shared = ("--memo-shared", bucket(bench))
    bench.run(workflow, job(bench), *shared, store=bench.folder / "a")
    plan = bench.plan(workflow, job(bench), *shared, store=bench.folder / "b")
    assert set(plan.predicted.values()) == {REUSED}
    assert not (bench.folder / "b").exists()


def test_a_laptop_takes_and_brings_nothing(bench: Bench) -> None:
    workflow = chain(bench, *BODIES)
    shared = ("--memo-shared", bucket(bench))
    bench.run(workflow, job(bench), *shared, store=bench.folder / "a")
    readonly = (*shared, "--memo-shared-mode", "readonly")
    before = sorted((bench.folder / "bucket").rglob("*"))
    warm = bench.run(workflow, job(bench), *readonly, store=bench.folder / "laptop")
    assert warm.executed == 0
    other = bench.run(workflow, job(bench, "two\n"), *readonly, store=bench.folder / "laptop")
    assert other.executed == 3
    assert sorted((bench.folder / "bucket").rglob("*")) == before


def test_ci_brings_and_takes_nothing(bench: Bench) -> None:
    workflow = chain(bench, *BODIES)
    writeonly = ("--memo-shared", bucket(bench), "--memo-shared-mode", "writeonly")
    assert bench.run(workflow, job(bench), *writeonly, store=bench.folder / "ci").executed == 3
    assert bench.run(workflow, job(bench), *writeonly, store=bench.folder / "ci2").executed == 3
    shared = ("--memo-shared", bucket(bench))
    assert bench.run(workflow, job(bench), *shared, store=bench.folder / "b").executed == 0


def test_a_url_that_is_none_is_a_usage_error_on_the_command_line(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    run = bench.run(chain(bench, *BODIES), job(bench), "--memo-shared", "nonsense")
    assert run.code == 2
    assert "--memo-shared: not the URL of a shared store" in capsys.readouterr().err


def test_a_url_that_is_none_costs_a_warning_elsewhere(bench: Bench) -> None:
    run = bench.run(chain(bench, *BODIES), job(bench), env={"CWL_MEMO_SHARED": "nonsense"})
    assert run.code == 0
    assert len(warnings(run)) == 1
    assert run.record.shared is None


# builds without the bytes


def test_an_intermediate_of_hits_alone_is_never_fetched(bench: Bench, remote: Remote) -> None:
    workflow = chain(bench, "seq 5000", "cat $1; seq 6000", "cat $1; seq 7000")
    remote(host="a")
    run_in(bench, "a", workflow, job(bench))
    there = remote(host="b")
    warm = run_in(bench, "b", workflow, job(bench))
    assert warm.executed == 0
    assert there.calls["fetch"] == 1  # what the user gets


def test_what_an_executed_job_reads_is_fetched(bench: Bench, remote: Remote) -> None:
    remote(host="a")
    run_in(bench, "a", chain(bench, "seq 5000", "cat $1; seq 6000"), job(bench))
    there = remote(host="b")
    edited = chain(bench, "seq 5000", "cat $1; seq 6001")
    warm = run_in(bench, "b", edited, job(bench))
    assert warm.executed == 1
    assert there.calls["fetch"] == 1
    assert delivered(warm) == delivered(bench.run(edited, job(bench), "--no-memo"))


@pytest.mark.parametrize("how", ["lost", "corrupt", "down"])
def test_what_is_lost_after_it_was_announced_is_executed(
    bench: Bench, remote: Remote, how: str
) -> None:
    workflow = chain(bench, "seq 5000", "cat $1; seq 6000")
    remote(host="a")
    plain = delivered(run_in(bench, "a", workflow, job(bench)))
    there = remote(host="b")
    if how == "corrupt":
        there.corrupt = True
    else:
        error: type[StoreError] = StoreDamagedError if how == "lost" else StoreUnreachableError
        there.faults["fetch"] = error("gone")
    warm = run_in(bench, "b", workflow, job(bench))
    assert warm.code == 0
    assert delivered(warm) == plain


# a shared store that fails


_DOWN = StoreUnreachableError("down")


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        *((call, _DOWN) for call in ("*", "find", "has", "publish", "tombstone", "claim")),
        ("*", StoreForbiddenError("no")),
        ("publish", StoreFullError("full")),
    ],
)
def test_a_shared_store_that_fails_costs_time_at_most(
    bench: Bench, remote: Remote, call: str, fault: StoreError
) -> None:
    workflow = chain(bench, *BODIES)
    plain = delivered(bench.run(workflow, job(bench), "--no-memo"))
    for home in ("a", "b"):
        remote(host=home).faults[call] = fault
        run = run_in(bench, home, workflow, job(bench))
        assert delivered(run) == plain
        # One that it fails, and one of what did not go up.
        assert len(warnings(run)) <= 2, run.log
    remote(host="c")
    assert delivered(run_in(bench, "c", workflow, job(bench))) == plain


def test_what_a_run_could_not_share_the_next_one_shares(
    bench: Bench, remote: Remote, objects: Objects
) -> None:
    workflow = chain(bench, *BODIES)
    remote(host="a").faults["*"] = StoreUnreachableError("down")
    run_in(bench, "a", workflow, job(bench))
    assert not objects.entries
    remote(host="a")
    run_in(bench, "a", workflow, job(bench))
    assert len(objects.entries) == 3


# which entries are shared


def test_what_a_run_takes_back_was_never_shared(
    bench: Bench, remote: Remote, objects: Objects
) -> None:
    behavior = ("--memo-cache-behavior", "CACHE_ON_FAILURE")
    remote()
    run_in(bench, "a", chain(bench, *BODIES), job(bench), *behavior)
    assert not objects.entries


def test_what_a_failed_run_keeps_is_shared(bench: Bench, remote: Remote, objects: Objects) -> None:
    behavior = ("--memo-cache-behavior", "CACHE_ON_FAILURE")
    remote()
    run = run_in(bench, "a", chain(bench, BODIES[0], "false"), job(bench), *behavior)
    assert run.code == 1
    assert len(objects.entries) == 1


def test_what_one_home_invalidates_the_other_executes_again(
    bench: Bench, remote: Remote, objects: Objects
) -> None:
    workflow = chain(bench, *BODIES)
    here = remote(host="a")
    cold = run_in(bench, "a", workflow, job(bench))
    assert run_in(bench, "b", workflow, job(bench)).executed == 0
    local = open_store(bench.folder / "homes" / "a")
    keys = list(local.keys())
    local.invalidate(keys, "wrong")
    for key in keys:
        tombstone = local.tombstone(key)
        assert tombstone is not None
        here.bury(key, tombstone)
    local.close()
    again = run_in(bench, "b", workflow, job(bench))
    assert again.executed == 3
    # Of what is dead there, and was never here, nothing is told.
    assert set(again.causes) <= {"invalidated", "no-entry"}
    assert delivered(again) == delivered(cold)
    assert run_in(bench, "c", workflow, job(bench)).executed == 0


# look-ups


@pytest.mark.parametrize("parallel", [(), ("--parallel",)])
def test_the_lookups_of_a_scatter_are_under_way_side_by_side(
    bench: Bench, remote: Remote, parallel: tuple[str, ...]
) -> None:
    workflow = scatter(bench, bench.tool())
    given = many(bench, 100)
    remote(host="a")
    cold = run_in(bench, "a", workflow, given)
    there = remote(host="b")
    there.slow.add("find")
    warm = run_in(bench, "b", workflow, given, *parallel)
    assert (cold.executed, warm.executed) == (100, 0)
    assert delivered(cold) == delivered(warm)
    assert there.calls["find"] == 100
    assert there.most_of["find"] == 16


@pytest.mark.parametrize("parallel", [(), ("--parallel",)])
def test_hits_and_misses_of_a_scatter_are_told_apart(
    bench: Bench, remote: Remote, parallel: tuple[str, ...]
) -> None:
    workflow = scatter(bench, bench.tool())
    remote(host="a")
    run_in(bench, "a", workflow, many(bench, 7))
    remote(host="b", delay=0.005)
    half = run_in(bench, "b", workflow, many(bench, 12), *parallel)
    assert half.executed == 5
    assert half.text_of_all() == [f"{i}\n" for i in range(12)]


def test_a_run_without_a_shared_store_looks_nothing_up_ahead(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("cwl_memo.cwl.executor.PatientProcess", refuse)
    monkeypatch.setattr("cwl_memo.cwl.lookahead.Lookahead.wait_for", refuse)
    assert bench.run(chain(bench, *BODIES), job(bench)).code == 0


def test_the_manifest_of_a_run_is_not_kept_where_others_may_take_back_what_it_used(
    bench: Bench, remote: Remote
) -> None:
    remote()
    run_in(bench, "a", chain(bench, *BODIES), job(bench))
    kept = bench.folder / "homes" / "a" / "replays"
    assert not kept.exists() or not list(kept.iterdir())
    shutil.rmtree(bench.folder / "homes")
