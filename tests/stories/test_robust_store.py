"""Stores that cannot serve: foreign, newer, read-only, full, half made."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.outcome import MissCause
from cwl_memo.errors import StoreFullError

from .bench import Bench
from .delivered import delivered, tree_of
from .terminal import run_in_terminal
from .workflows import chain

FOREIGN = {"notes.txt": "mine", "sub/data.bin": "also mine"}


def job(bench: Bench) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n"))}}


def words(bench: Bench, *options: str | Path) -> list[str | Path]:
    bench.write("job.json", job(bench))
    tool = bench.tool()
    return ["run", *options, "--no-container", "--outdir", "o", tool, bench.folder / "job.json"]


def make_foreign(folder: Path) -> None:
    for name, text in FOREIGN.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def make_newer(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "format").write_text(json.dumps({"format": 99, "program": "cwl-memo"}))
    (folder / "future").write_text("what it needs")


def make_file(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file")


def make_damaged_format(folder: Path) -> None:
    (folder / "blobs").mkdir(parents=True)
    (folder / "format").write_text("{ not json")


USELESS = pytest.mark.parametrize(
    "make", [make_foreign, make_newer, make_file, make_damaged_format]
)


def state_of(folder: Path) -> Any:
    return folder.read_text() if folder.is_file() else tree_of(folder)


@USELESS
@pytest.mark.parametrize("variable", [True, False], ids=["variable", "default"])
def test_useless_store_that_nobody_named_is_a_warning_and_a_run_without_reuse(
    bench: Bench, make: Any, variable: bool
) -> None:
    cache = bench.folder / "cache"
    folder = cache / "cwl-memo"
    make(folder)
    before = state_of(folder)
    env = {"CWL_MEMO_STORE": str(folder)} if variable else {"XDG_CACHE_HOME": str(cache)}
    code, out, err = run_in_terminal(bench, *words(bench), env=env)
    assert (code, json.loads(out)["out"]["basename"]) == (0, "out.txt")
    assert "running without reuse" in err
    assert str(folder) in err
    assert "Traceback" not in err
    assert state_of(folder) == before


@USELESS
def test_useless_store_that_was_named_is_an_error_before_anything_runs(
    bench: Bench, make: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = bench.folder / "named"
    make(folder)
    before = state_of(folder)
    run = bench.run(bench.tool(), job(bench), store=folder)
    told = capsys.readouterr().err
    assert (run.code, run.executed, run.output) == (2, 0, None)
    assert "--memo-store" in told
    assert str(folder) in told
    assert state_of(folder) == before


def test_store_below_a_file_is_an_error_when_named(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.write("file", "x")
    run = bench.run(bench.tool(), job(bench), store=bench.folder / "file" / "store")
    assert (run.code, run.executed) == (2, 0)
    assert "--memo-store" in capsys.readouterr().err


def test_missing_store_read_only_is_an_error_when_named(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    run = bench.run(bench.tool(), job(bench), "--memo-mode", "readonly")
    assert (run.code, run.executed) == (2, 0)
    assert "there is no store to read" in capsys.readouterr().err
    assert not bench.store.exists()


def make_unwritable(monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write everywhere, so a mode alone would prove nothing here.
    monkeypatch.setattr("cwl_memo.store.layout.is_writable", lambda _root: False)


def test_read_only_store_hits_and_records_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    before = tree_of(bench.store)
    make_unwritable(monkeypatch)
    warm = bench.run(tool, job(bench), "--memo-mode", "readonly")
    assert (warm.results, warm.executed) == (["reused"], 0)
    edited = bench.run(bench.tool(body="cat $1 # 2"), job(bench), "--memo-mode", "readonly")
    assert (edited.executed, edited.not_recorded) == (1, ["store-read-only"])
    assert tree_of(bench.store) == before


def test_unwritable_store_that_was_named_is_an_error_that_says_how_to_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    make_unwritable(monkeypatch)
    run = bench.run(tool, job(bench))
    assert (run.code, run.executed) == (2, 0)
    assert "--memo-mode readonly" in capsys.readouterr().err


def test_damaged_read_only_store_is_not_used_and_not_touched(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = bench.tool()
    cold = bench.run(tool, job(bench))
    for path in (bench.store / "blobs").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"bad " + path.read_bytes()[4:])
    before = tree_of(bench.store)
    make_unwritable(monkeypatch)
    run = bench.run(tool, job(bench), "--memo-mode", "readonly")
    assert (run.code, run.executed) == (0, 1)
    assert delivered(run) == delivered(cold)
    assert tree_of(bench.store) == before


@pytest.mark.parametrize("call", ["ingest_file", "ingest_bytes", "publish", "append_run"])
def test_full_disk_costs_a_record_and_one_warning(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreFullError("no space left on device")

    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b")
    with monkeypatch.context() as patch:
        patch.setattr(f"cwl_memo.store.local.LocalStore.{call}", full)
        first = bench.run(workflow, job(bench))
    assert (first.code, first.executed, first.text()) == (0, 2, "one\na\nb\n")
    assert first.log.count("the store failed, jobs may be executed again") == 1
    recorded = call == "append_run"
    assert first.not_recorded == ["" if recorded else "store-failed"] * 2
    second = bench.run(workflow, job(bench))
    assert second.executed == (0 if recorded else 2)


def test_evicted_entry_is_executed_again_and_says_so(bench: Bench) -> None:
    tool = bench.tool(body="cat $1; head -c 50000 /dev/zero")
    other = {"f": {"class": "File", "path": str(bench.write("other.txt", "two"))}}
    bench.run(tool, job(bench), "--memo-max-size", "60kB")
    bench.run(tool, other, "--memo-max-size", "60kB")
    again = bench.run(tool, job(bench), "--memo-max-size", "60kB")
    assert (again.results, again.causes) == (["executed"], [MissCause.EVICTED.code])
    assert again.executed == 1


def test_entry_of_the_run_itself_is_not_evicted_under_it(bench: Bench) -> None:
    workflow = chain(bench, "cat $1; head -c 50000 /dev/zero", "head -c 50000 $1", "wc -c < $1")
    for _ in range(2):
        run = bench.run(workflow, job(bench), "--memo-max-size", "60kB")
        assert (run.code, run.text().strip()) == (0, "50000")


def test_store_of_a_killed_run_has_no_leftovers_in_the_way(bench: Bench) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    (bench.store / "tmp" / "half").write_bytes(b"half a blob")
    (bench.store / "locks" / "run-2020-01-01-000000-dead.keys").write_text("")
    (bench.store / "locks" / "run-2020-01-01-000000-dead.lock").write_text("")
    warm = bench.run(tool, job(bench))
    assert (warm.results, warm.executed) == (["reused"], 0)


def test_lock_left_by_a_dead_process_keeps_nobody_waiting(bench: Bench) -> None:
    tool = bench.tool()
    cold = bench.run(tool, job(bench))
    (key,) = [path.stem for path in (bench.store / "entries").rglob("*.json")]
    (bench.store / "entries" / key[:2] / f"{key}.json").unlink()
    (bench.store / "locks" / f"{key}.lock").write_text("")
    after = bench.run(tool, job(bench))
    assert (after.code, after.executed) == (0, 1)
    assert delivered(after) == delivered(cold)


@pytest.mark.parametrize("what", ["directory", "symlink"])
def test_lock_that_is_no_file_keeps_nobody_waiting(bench: Bench, what: str) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    (entry,) = (bench.store / "entries").rglob("*.json")
    entry.unlink()
    lock = bench.store / "locks" / f"{entry.stem}.lock"
    if what == "directory":
        lock.mkdir()
    else:
        lock.symlink_to(bench.folder / "nowhere" / "x")
    after = bench.run(tool, job(bench))
    assert (after.code, after.executed, after.text()) == (0, 1, "one\n")


@pytest.mark.parametrize("parallel", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_no_temporary_directory_is_left_behind(bench: Bench, parallel: tuple[str, ...]) -> None:
    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b")
    temporary = bench.folder / "temporary"
    temporary.mkdir()
    options = [
        *parallel,
        "--tmpdir-prefix",
        f"{temporary}/tmp",
        "--tmp-outdir-prefix",
        f"{temporary}/out",
    ]
    env = {"TMPDIR": str(temporary)}
    bench.run(workflow, job(bench), "--no-memo", *options, env=env)
    plain = list(Path(temporary).iterdir())
    assert plain == []
    for _ in range(2):
        run = bench.run(workflow, job(bench), *options, env=env)
        assert run.code == 0
        assert list(Path(temporary).iterdir()) == []


def test_clock_that_was_set_back_or_forward_makes_no_wrong_hit(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    real = time.time_ns
    tool = bench.tool()
    path = bench.write("in.txt", "a" * 50_000)
    given = {"f": {"class": "File", "path": str(path)}}
    for i, shift in enumerate((0, -3600, 3600, -86400 * 365)):
        with monkeypatch.context() as patch:
            patch.setattr(time, "time_ns", lambda shift=shift: real() + shift * 10**9)
            text = "abcd"[i] * 50_000
            path.write_text(text)
            for expected in (1, 0):
                run = bench.run(tool, given)
                assert (run.text(), run.executed) == (text, expected)


def test_input_edited_within_the_clocks_tick_is_not_taken_for_the_old_one(bench: Bench) -> None:
    # Same size, same mtime: the change shows in the ctime alone, or not at all for a
    # moment; the stat cache trusts no file that is younger than its clock can tell.
    tool = bench.tool()
    path = bench.write("in.txt", "a" * 50_000)
    given = {"f": {"class": "File", "path": str(path)}}
    bench.run(tool, given)
    before = path.stat()
    path.write_text("b" * 50_000)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert bench.run(tool, given).text() == "b" * 50_000
