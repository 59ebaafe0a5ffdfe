"""Run caches: for which runs they keep what the runs made, by behaviour and end."""

from __future__ import annotations

import io
import json
import signal
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

import cwl_memo
from cwl_memo.cli.replay import answer
from cwl_memo.core.cache import CacheBehavior, RunCache
from cwl_memo.core.run import RunRecord
from cwl_memo.cwl import door, runner
from cwl_memo.cwl.session import Session
from cwl_memo.errors import StoreError
from cwl_memo.store.caches import RunCaches
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.memory import MemoryStore

from .bench import Bench
from .terminal import ended, started, wait_for
from .test_robust_faults import every_call
from .workflows import chain, scatter

ON_FAILURE, ALWAYS = "CACHE_ON_FAILURE", "CACHE_ALWAYS"
OVERRIDE = "--memo-cache-behavior"


@pytest.fixture
def cache(home: Path) -> RunCache:
    """A run cache called nightly, that keeps what failed runs made."""
    return RunCaches().create("nightly")


def job(bench: Bench, text: str = "one\n") -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", text))}}


def mendable(bench: Bench) -> Path:
    """Write a workflow of two jobs, of which the second fails until a file says go."""
    return chain(bench, "cat $1; echo a", f"test -e {bench.folder}/go || exit 1; cat $1; echo b")


def mend(bench: Bench) -> None:
    (bench.folder / "go").touch()


def entries(cache: RunCache) -> int:
    store = RunCaches().open(cache.id, readonly=True)
    try:
        return len(list(store.keys()))
    finally:
        store.close()


def blobs(cache: RunCache) -> int:
    return sum(1 for _ in Path(cache.location, "blobs").glob("*/*"))


def manifests(cache: RunCache) -> int:
    return sum(1 for _ in Path(cache.location, "replays").glob("*.json"))


# a run that ends well


def test_on_failure_keeps_nothing_of_a_run_that_ends_well(bench: Bench, cache: RunCache) -> None:
    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b")
    for _ in range(2):
        run = bench.run(workflow, job(bench), cache="nightly")
        assert (run.code, run.executed, run.record.taken_back) == (0, 2, 2)
        assert run.text() == "one\na\nb\n"
        assert "2 entries are not kept: the run ended well" in run.log
        assert (entries(cache), blobs(cache), manifests(cache)) == (0, 0, 0)


def test_always_keeps_what_a_run_that_ends_well_made(bench: Bench, cache: RunCache) -> None:
    RunCaches().update("nightly", behavior=CacheBehavior.CACHE_ALWAYS)
    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b")
    assert bench.run(workflow, job(bench), cache="nightly").record.taken_back == 0
    assert bench.run(workflow, job(bench), cache=cache.id).executed == 0
    assert entries(cache) == 2


def test_equal_jobs_of_one_run_are_executed_once_all_the_same(
    bench: Bench, cache: RunCache
) -> None:
    path = str(bench.write("in.txt", "one\n"))
    files = [{"class": "File", "path": path}] * 3
    workflow = scatter(bench, bench.tool())
    run = bench.run(workflow, {"f": files}, cache="nightly")
    assert (run.executed, sorted(run.results)) == (1, ["executed", "reused", "reused"])
    assert run.text_of_all() == ["one\n"] * 3
    assert entries(cache) == 0


def test_the_default_store_keeps_what_every_run_made(bench: Bench) -> None:
    tool = bench.tool()
    assert bench.run(tool, job(bench)).record.cache_behavior == ALWAYS
    assert bench.run(tool, job(bench)).executed == 0


# a run that does not


def test_on_failure_keeps_what_a_run_that_fails_made(bench: Bench, cache: RunCache) -> None:
    workflow = mendable(bench)
    run = bench.run(workflow, job(bench), cache="nightly")
    assert (run.code, run.executed, run.record.taken_back) == (1, 2, 0)
    assert entries(cache) == 1
    mend(bench)
    run = bench.run(workflow, job(bench), cache="nightly")
    assert (run.code, run.executed, run.record.taken_back) == (0, 1, 1)
    assert run.text() == "one\na\nb\n"
    # What the failed run left stays, until it is removed.
    assert entries(cache) == 1
    run = bench.run(workflow, job(bench), cache="nightly")
    assert (run.executed, sorted(run.results)) == (1, ["executed", "reused"])


def test_always_keeps_what_a_run_that_fails_made(bench: Bench, cache: RunCache) -> None:
    workflow = mendable(bench)
    assert bench.run(workflow, job(bench), OVERRIDE, ALWAYS, cache="nightly").code == 1
    mend(bench)
    assert bench.run(workflow, job(bench), OVERRIDE, ALWAYS, cache="nightly").executed == 1
    assert entries(cache) == 2


def test_on_failure_keeps_what_goes_on_beside_a_failure(bench: Bench, cache: RunCache) -> None:
    workflow = mendable(bench)
    run = bench.run(workflow, job(bench), "--on-error", "continue", cache="nightly")
    assert run.code == 1
    assert entries(cache) == 1


def test_on_failure_keeps_what_a_run_made_whose_outputs_cannot_be_delivered(
    bench: Bench, cache: RunCache
) -> None:
    """Their place is none, as where the disk is full."""
    bench.write("file", "")
    tool = bench.tool()
    run = bench.run(tool, job(bench), "--outdir", f"{bench.folder}/file/out", cache="nightly")
    assert run.code == 1
    assert run.record.status == "permanentFail"
    assert entries(cache) == 1
    assert bench.run(tool, job(bench), cache="nightly").executed == 0


def test_on_failure_keeps_what_a_run_made_that_cwltool_could_not_end(
    bench: Bench, cache: RunCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All jobs have succeeded, and the run has not."""
    plain = door.cwltool_run

    def fail_at_the_end(**arguments: Any) -> int:
        plain(**arguments)
        return 1

    monkeypatch.setattr(runner, "cwltool_run", fail_at_the_end)
    run = bench.run(bench.tool(), job(bench), cache="nightly")
    assert (run.code, run.record.status) == (1, "permanentFail")
    assert entries(cache) == 1


@pytest.mark.parametrize(
    ("signum", "behavior"),
    [
        (signal.SIGTERM, ON_FAILURE),
        (signal.SIGKILL, ON_FAILURE),
        pytest.param(signal.SIGTERM, ALWAYS, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, ON_FAILURE, marks=pytest.mark.slow),
        (signal.SIGKILL, ALWAYS),
    ],
)
def test_what_a_run_made_that_was_ended_from_outside_is_kept(
    bench: Bench, cache: RunCache, signum: signal.Signals, behavior: str
) -> None:
    bench.write("job.json", job(bench))
    sleeping = f"test -e {bench.folder}/go || exec sleep 60 2>&-; cat $1; echo b"
    workflow = chain(bench, "cat $1; echo a", sleeping)
    words = ["run", "--memo-cache", "nightly", OVERRIDE, behavior, "--no-container"]
    with started(bench, [*words, workflow, "job.json"]) as process:
        wait_for(bench.counter, 2)
        process.send_signal(signum)
        code, _, _ = ended(process)
    assert code != 0
    assert entries(cache) == 1
    mend(bench)
    run = bench.run(workflow, "job.json", OVERRIDE, behavior, cache="nightly")
    assert (run.code, run.executed, run.text()) == (0, 1, "one\na\nb\n")
    assert entries(cache) == (1 if behavior == ON_FAILURE else 2)


# what was there before


def test_what_was_there_before_stays(bench: Bench, cache: RunCache) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench), OVERRIDE, ALWAYS, cache="nightly")
    run = bench.run(tool, job(bench), cache="nightly")
    assert (run.executed, run.record.taken_back) == (0, 0)
    assert entries(cache) == 1


def test_what_a_run_replaced_stays_as_it_is_now(bench: Bench, cache: RunCache) -> None:
    word = bench.write("word", "one")
    tool = bench.tool(body=f"cat {word}")
    bench.run(tool, job(bench), OVERRIDE, ALWAYS, cache="nightly")
    word.write_text("two")
    run = bench.run(tool, job(bench), "--memo-mode", "recache", cache="nightly")
    assert (run.executed, run.record.taken_back) == (1, 0)
    run = bench.run(tool, job(bench), cache="nightly")
    assert (run.executed, run.text()) == (0, "two")


def test_what_was_evicted_and_made_anew_stays(bench: Bench, cache: RunCache) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench), OVERRIDE, ALWAYS, cache="nightly")
    store = RunCaches().open("nightly")
    store.gc(0)
    store.close()
    run = bench.run(tool, job(bench), cache="nightly")
    assert (run.executed, run.causes, run.record.taken_back) == (1, ["evicted"], 0)
    assert bench.run(tool, job(bench), cache="nightly").executed == 0


def test_outputs_collected_anew_are_added_to_what_was_there(bench: Bench, cache: RunCache) -> None:
    bench.run(bench.tool(), job(bench), OVERRIDE, ALWAYS, cache="nightly")
    glob = {"type": "File", "outputBinding": {"glob": "*.txt"}}
    run = bench.run(bench.tool(outputs={"out": glob}), job(bench), cache="nightly")
    assert (run.executed, run.record.taken_back) == (0, 0)
    assert entries(cache) == 1


# other runs


def test_what_another_living_run_uses_stays(bench: Bench, cache: RunCache) -> None:
    """It may still ask for the files; and later runs may use it, too."""
    tool = bench.tool()
    bench.write("job.json", job(bench))
    sleeping = f"test -e {bench.folder}/go || exec sleep 60 2>&-; cat $1"
    workflow = chain(bench, "cat $1", sleeping, name="other.cwl")
    bench.write("t1.cwl", tool.read_text())
    words = ["--memo-cache", "nightly", "--no-container", "--outdir"]

    def use(record: Callable[[], None]) -> None:
        with started(bench, ["run", *words, "o1", workflow, "job.json"]) as process:
            wait_for(bench.counter, 2)
            record()
            process.kill()
            ended(process)

    plain = Session.end
    seen: list[int] = []

    def end_beside_another(session: Session, status: str) -> RunRecord:
        def end() -> None:
            seen.append(entries(cache))
            plain(session, status)
            seen.append(entries(cache))

        if not seen:
            use(end)
        return session.record

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "end", end_beside_another)
        run = bench.run(tool, job(bench), cache="nightly")
    assert run.code == 0
    assert run.record.taken_back == 0
    assert seen == [1, 1]
    assert bench.run(tool, job(bench), cache="nightly").executed == 0


def test_a_store_that_fails_as_entries_are_taken_back_fails_no_run(
    bench: Bench, cache: RunCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> int:
        raise StoreError("no")

    monkeypatch.setattr("cwl_memo.store.local.LocalStore.take_back", fail)
    run = bench.run(bench.tool(), job(bench), cache="nightly")
    assert (run.code, run.record.taken_back, run.text()) == (0, 0, "one\n")
    assert "the store failed" in run.log
    assert manifests(cache) == 0


def test_run_is_right_with_a_fault_at_every_call(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = every_call(bench, monkeypatch, MemoryStore, StoreError, OVERRIDE, ON_FAILURE, step=3)
    assert calls > 15


# what a run may name


def refused(bench: Bench, *options: str, env: Mapping[str, str] | None = None) -> str:
    """Start a run that makes no sense; return what it says."""
    bench.write("job.json", job(bench))
    tool = str(bench.tool())
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(io.StringIO()) as err:
        patch.chdir(bench.folder)
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        words = [*options, "--no-container", tool, "job.json"]
        code = runner.run(words, prog="cwl-memo run", write_report=lambda *_: None)
    assert code == 2
    assert not bench.counter.exists()
    return err.getvalue().splitlines()[-1]


def test_a_cache_that_is_not_there_is_told_before_anything_runs(
    bench: Bench, cache: RunCache
) -> None:
    said = refused(bench, "--memo-cache", "nigthly")
    assert said.endswith("--memo-cache: there is no run cache 'nigthly'; there are: nightly")
    said = refused(bench, env={"CWL_MEMO_CACHE": "nigthly"})
    assert "CWL_MEMO_CACHE: there is no run cache 'nigthly'" in said


def test_a_cache_and_a_store_exclude_one_another(bench: Bench, cache: RunCache) -> None:
    said = refused(bench, "--memo-cache", "nightly", "--memo-store", "store")
    assert "--memo-store and --memo-cache exclude one another" in said


def test_a_deleted_or_failed_cache_is_refused_with_the_remedy(
    bench: Bench, cache: RunCache
) -> None:
    Path(cache.location, "format").write_text("{}")
    assert "is FAILED, its location cannot be used" in refused(bench, "--memo-cache", "nightly")
    RunCaches().delete("nightly")
    said = refused(bench, "--memo-cache", cache.id)
    assert "is deleted; name another, or make one that takes its data over with" in said


def test_a_behavior_that_is_none_is_refused(bench: Bench) -> None:
    assert "invalid choice: 'NEVER'" in refused(bench, OVERRIDE, "NEVER")
    said = refused(bench, env={"CWL_MEMO_CACHE_BEHAVIOR": "NEVER"})
    assert "CWL_MEMO_CACHE_BEHAVIOR: 'NEVER' is none of" in said


def test_a_cache_that_cannot_be_written_is_told(
    bench: Bench, cache: RunCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cwl_memo.store.layout.is_writable", lambda _: False)
    with redirect_stderr(io.StringIO()) as err:
        run = bench.run(bench.tool(), job(bench), cache="nightly")
    assert (run.code, run.executed) == (2, 0)
    assert "run cache nightly: " in err.getvalue()
    assert "--memo-mode readonly reuses from it" in err.getvalue()


def test_a_cache_that_is_deleted_as_the_run_begins_is_not_used(
    bench: Bench, cache: RunCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_and_open(path: Path, *, readonly: bool) -> LocalStore:
        RunCaches().delete("nightly")
        return open_store(path, readonly=readonly)

    monkeypatch.setattr(runner, "open_store", delete_and_open)
    with redirect_stderr(io.StringIO()) as err:
        run = bench.run(bench.tool(), job(bench), cache="nightly")
    assert (run.code, run.executed) == (2, 0)
    assert "run cache nightly was deleted just now" in err.getvalue()


def test_without_memoization_no_cache_is_looked_for(bench: Bench) -> None:
    env = {"CWL_MEMO_CACHE": "none", "CWL_MEMO_STORE": "store"}
    assert bench.run(bench.tool(), job(bench), "--no-memo", cache="none", env=env).executed == 1
    assert bench.run(bench.tool(), job(bench), "--memo-mode", "off", cache="none").executed == 1


def test_the_environment_names_a_cache_and_a_behavior(bench: Bench, cache: RunCache) -> None:
    words = ["--no-container", "--outdir", "o", str(bench.tool()), "job.json"]
    bench.write("job.json", job(bench))
    for behavior, left in ((ON_FAILURE, 0), (ALWAYS, 1)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CWL_MEMO_CACHE", "nightly")
            patch.setenv("CWL_MEMO_CACHE_BEHAVIOR", behavior)
            assert run_whole(bench, words) == 1
        assert entries(cache) == left


def test_report_and_record_name_the_cache_and_its_behavior(bench: Bench, cache: RunCache) -> None:
    record = bench.run(bench.tool(), job(bench), cache="nightly").record
    told = (record.cache, record.cache_name, record.cache_behavior, record.taken_back)
    assert told == (cache.id, "nightly", ON_FAILURE, 1)
    store = RunCaches().open("nightly", readonly=True)
    kept = RunRecord.from_lines(store.read_run(record.run))
    store.close()
    assert (kept.cache, kept.cache_name, kept.cache_behavior, kept.taken_back) == told
    record = bench.run(bench.tool(), job(bench), OVERRIDE, ALWAYS, cache="nightly").record
    assert (record.cache_behavior, record.taken_back) == (ALWAYS, 0)
    record = bench.run(bench.tool(), job(bench), OVERRIDE, ON_FAILURE).record
    assert (record.cache, record.cache_behavior, record.taken_back) == ("", ON_FAILURE, 1)


# replay


def answered(bench: Bench, words: list[str]) -> dict[str, Any] | None:
    """Return the report of a run that is answered as a whole; None where it takes the long way."""
    report = bench.folder / "answered.json"
    report.unlink(missing_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(bench.folder)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            code = answer(["--memo-report", str(report), *words], "cwl-memo run")
    if code is None:
        return None
    assert code == 0
    told: dict[str, Any] = json.loads(report.read_text())
    return told


@pytest.fixture
def words(bench: Bench) -> list[str]:
    """The words of a run that can be answered as a whole, but for what names its store."""
    bench.write("job.json", job(bench))
    bench.tool()
    return ["--no-container", "--outdir", "o", "tool.cwl", "job.json"]


def run_whole(bench: Bench, words: list[str]) -> int:
    """Run without a replay; return how many jobs were executed."""
    before = len(bench._marks())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(bench.folder)
        patch.setattr("cwl_memo.cwl.schema_cache.setup_schema", lambda *_: None)
        printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with redirect_stdout(printed):
            code = runner.run(words, prog="cwl-memo run", write_report=lambda *_: None)
    assert code == 0
    return len(bench._marks()) - before


def test_a_run_in_a_cache_is_replayed_and_says_so(
    bench: Bench, cache: RunCache, words: list[str]
) -> None:
    words = ["--memo-cache", "nightly", OVERRIDE, ALWAYS, *words]
    assert answered(bench, words) is None
    assert run_whole(bench, words) == 1
    told = answered(bench, words)
    assert told is not None
    assert told["store"] == cache.location
    assert (told["cache"], told["cache_name"]) == (cache.id, "nightly")
    assert (told["cache_behavior"], told["taken_back"]) == (ALWAYS, 0)
    joined = [f"--memo-cache={words[1]}", f"{OVERRIDE}={ALWAYS}", *words[4:]]
    assert answered(bench, joined) is None  # other words are another run
    run_whole(bench, joined)
    assert answered(bench, joined) is not None


def test_what_is_not_kept_answers_no_run(bench: Bench, cache: RunCache, words: list[str]) -> None:
    words = ["--memo-cache", "nightly", *words]
    for _ in range(2):
        assert run_whole(bench, words) == 1
        assert answered(bench, words) is None


def test_what_was_there_before_answers_a_run_whatever_the_behavior(
    bench: Bench, cache: RunCache, words: list[str]
) -> None:
    run_whole(bench, ["--memo-cache", "nightly", OVERRIDE, ALWAYS, *words])
    words = ["--memo-cache", "nightly", *words]
    assert run_whole(bench, words) == 0
    told = answered(bench, words)
    assert told is not None
    assert told["cache_behavior"] == ON_FAILURE
    RunCaches().update("nightly", behavior=CacheBehavior.CACHE_ALWAYS)
    told = answered(bench, words)
    assert told is not None
    assert told["cache_behavior"] == ALWAYS


def test_a_manifest_of_before_answers_nothing_once_its_entries_were_taken_back(
    bench: Bench, cache: RunCache, words: list[str]
) -> None:
    words = ["--memo-cache", "nightly", *words]
    run_whole(bench, [*words[:2], OVERRIDE, ALWAYS, *words[2:]])
    assert run_whole(bench, words) == 0
    assert answered(bench, words) is not None
    store = RunCaches().open("nightly")
    store.clear(list(store.keys()))
    store.close()
    assert run_whole(bench, words) == 1
    assert answered(bench, words) is None


def test_a_cache_made_anew_under_the_name_answers_nothing(
    bench: Bench, cache: RunCache, words: list[str]
) -> None:
    words = ["--memo-cache", "nightly", OVERRIDE, ALWAYS, *words]
    run_whole(bench, words)
    assert answered(bench, words) is not None
    RunCaches().delete("nightly")
    assert answered(bench, words) is None
    RunCaches().create("nightly")
    assert answered(bench, words) is None
    assert run_whole(bench, words) == 1


def test_a_deleted_or_failed_cache_answers_nothing(
    bench: Bench, cache: RunCache, words: list[str]
) -> None:
    words = ["--memo-cache", cache.id, OVERRIDE, ALWAYS, *words]
    run_whole(bench, words)
    assert answered(bench, words) is not None
    mark = Path(cache.location, "format")
    sound = mark.read_text()
    mark.write_text("{}")
    assert answered(bench, words) is None
    mark.write_text(sound)
    assert answered(bench, words) is not None
    RunCaches().delete("nightly")
    assert answered(bench, words) is None


def test_another_cache_is_another_run(bench: Bench, cache: RunCache, words: list[str]) -> None:
    RunCaches().create("other", behavior=CacheBehavior.CACHE_ALWAYS)
    run_whole(bench, ["--memo-cache", "nightly", OVERRIDE, ALWAYS, *words])
    assert run_whole(bench, ["--memo-cache", "other", *words]) == 1
    assert answered(bench, ["--memo-cache", "other", *words]) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        ["--memo-cache", "nightly", "--memo-store", "store"],
        ["--memo-cache", "none"],
        ["--memo-cache", ""],
        ["--memo-cache", "nightly", OVERRIDE, "NEVER"],
    ],
)
def test_what_makes_no_sense_is_never_answered(
    bench: Bench, cache: RunCache, words: list[str], wrong: list[str]
) -> None:
    run_whole(bench, ["--memo-cache", "nightly", OVERRIDE, ALWAYS, *words])
    assert answered(bench, [*wrong, *words]) is None


def test_settings_files_are_heeded_by_a_replay(
    bench: Bench, cache: RunCache, words: list[str]
) -> None:
    settings = bench.write("cwl-memo.toml", 'cache_behavior = "CACHE_ALWAYS"')
    words = ["--memo-cache", "nightly", *words]
    assert run_whole(bench, words) == 1
    told = answered(bench, words)
    assert told is not None
    assert (told["cache_name"], told["cache_behavior"]) == ("nightly", ALWAYS)
    settings.write_text('cache_behavior = "CACHE_ON_FAILURE"')
    assert answered(bench, words) is None
    assert run_whole(bench, words) == 0
    told = answered(bench, words)
    assert told is not None
    assert told["cache_behavior"] == ON_FAILURE
    RunCaches().delete("nightly")
    assert answered(bench, words) is None


def test_the_environment_is_heeded_by_a_replay(
    bench: Bench, cache: RunCache, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWL_MEMO_CACHE", "nightly")
    monkeypatch.setenv("CWL_MEMO_CACHE_BEHAVIOR", ALWAYS)
    run_whole(bench, words)
    told = answered(bench, words)
    assert told is not None
    assert (told["cache_name"], told["cache_behavior"]) == ("nightly", ALWAYS)
    monkeypatch.delenv("CWL_MEMO_CACHE")
    assert answered(bench, words) is None


# a program that embeds


def embed(bench: Bench, cache: RunCache, behavior: CacheBehavior | None = None) -> Session:
    return Session(RunCaches().open(cache.id), cache=cache, behavior=behavior)


def test_a_session_has_the_behavior_of_its_cache_or_its_own(bench: Bench, cache: RunCache) -> None:
    for behavior, expected in ((None, ON_FAILURE), (CacheBehavior.CACHE_ALWAYS, ALWAYS)):
        with embed(bench, cache, behavior) as session:
            assert session.record.cache_behavior == session.memo.behavior.value == expected
    with Session(MemoryStore()) as session:
        assert session.record.cache_behavior == ALWAYS
    with Session(None) as session:
        assert session.record.cache_behavior == ""


def test_the_public_names_are_there() -> None:
    assert cwl_memo.RunCaches is RunCaches
    assert cwl_memo.RunCache is RunCache
    assert cwl_memo.CacheBehavior is CacheBehavior
    assert cwl_memo.CacheStatus.ACTIVE.value == "ACTIVE"
