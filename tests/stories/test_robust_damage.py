"""Whatever happens to a file of the store, the next run succeeds with the right outputs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.store.local import open_store

from .bench import Bench, Run
from .delivered import delivered
from .workflows import chain

BODIES = ("cat $1; echo a", "cat $1; echo b", "cat $1; echo c")


def job(bench: Bench) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n" * 5000))}}


def flip(path: Path) -> None:
    path.chmod(0o600)
    data = bytearray(path.read_bytes() or b"x")  # the log of a job that said nothing is empty
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(b"")


def grow(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + b"more")


def remove(path: Path) -> None:
    path.unlink()


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("x")


def link_out(path: Path) -> None:
    outside = path.parents[3] / f"outside-{path.name}"
    shutil.copy(path, outside)
    path.unlink()
    path.symlink_to(outside)


def link_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nonexistent/file")


def forbid(path: Path) -> None:
    path.chmod(0)


DAMAGES: list[Callable[[Path], None]] = [
    flip,
    truncate,
    empty,
    grow,
    remove,
    make_directory,
    link_out,
    link_nowhere,
    forbid,
]


def files_of(store: Path, kind: str) -> list[Path]:
    patterns = {
        "entry": "entries/*/*.json",
        "blob": "blobs/*/*",
        "index": "index/*",
        "run": "runs/*",
        "format": "format",
        "tag": "CACHEDIR.TAG",
        "key": "secret.key",
    }
    return [path for path in store.glob(patterns[kind]) if path.is_file()]


def assert_right(run: Run, cold: Run) -> None:
    assert run.code == 0, run.log
    assert delivered(run) == delivered(cold)
    assert "Traceback" not in run.log


def is_clean(bench: Bench) -> bool:
    store = open_store(bench.store)
    try:
        report = store.verify()
    finally:
        store.close()
    return not (report.bad_blobs or report.bad_entries or report.missing_blobs)


@pytest.mark.parametrize("kind", ["entry", "blob", "index", "run"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_run_is_right_after_damage_to_every_file_of_a_kind(
    bench: Bench, kind: str, damage: Callable[[Path], None]
) -> None:
    workflow = chain(bench, *BODIES)
    cold = bench.run(workflow, job(bench))
    damaged = files_of(bench.store, kind)
    assert damaged
    for path in damaged:
        damage(path)
    after = bench.run(workflow, job(bench))
    assert_right(after, cold)
    if kind in ("index", "run") or damage is forbid:
        # Forbidding does not keep root from reading; for others the files are made anew.
        assert after.executed in (0, 3)
    elif kind == "entry":
        assert after.executed == 3
    again = bench.run(workflow, job(bench))
    assert_right(again, cold)
    assert again.executed == 0
    assert is_clean(bench)


@pytest.mark.parametrize("damage", [flip, truncate, remove, make_directory, link_out])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_run_is_right_after_damage_to_one_blob_of_a_result(
    bench: Bench, number: int, damage: Callable[[Path], None]
) -> None:
    # Only jobs that need the lost bytes are executed again; early cut-off does the rest.
    workflow = chain(bench, *BODIES)
    cold = bench.run(workflow, job(bench))
    sizes = [20_002, 20_004, 20_006]
    blobs = {path.stat().st_size: path for path in files_of(bench.store, "blob")}
    damage(blobs[sizes[number]])
    for more in ((), ("--parallel",)):
        after = bench.run(workflow, job(bench), *more)
        assert_right(after, cold)
        assert after.executed <= 1
    assert is_clean(bench)


@pytest.mark.parametrize("damage", [flip, truncate, remove])
def test_run_is_right_after_damage_that_keeps_size_and_times(
    bench: Bench, damage: Callable[[Path], None]
) -> None:
    import os

    tool = bench.tool()
    cold = bench.run(tool, job(bench))
    for path in files_of(bench.store, "blob"):
        before = path.stat()
        damage(path)
        if path.exists():
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            path.chmod(0o444)
    after = bench.run(tool, job(bench))
    assert_right(after, cold)


def test_damage_is_told_and_set_aside(bench: Bench) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    for path in files_of(bench.store, "entry"):
        flip(path)
    after = bench.run(tool, job(bench))
    assert "damaged, and not used" in after.log
    assert list((bench.store / "quarantine").iterdir())


@pytest.mark.parametrize(
    "directory", ["entries", "blobs", "index", "runs", "locks", "tmp", "quarantine"]
)
@pytest.mark.parametrize("how", ["removed", "emptied"])
def test_run_is_right_after_a_directory_of_the_store_is_gone(
    bench: Bench, directory: str, how: str
) -> None:
    tool = bench.tool()
    cold = bench.run(tool, job(bench))
    shutil.rmtree(bench.store / directory)
    if how == "emptied":
        (bench.store / directory).mkdir()
    after = bench.run(tool, job(bench))
    assert_right(after, cold)
    assert after.executed == (1 if directory in ("entries", "blobs") else 0)
    assert bench.run(tool, job(bench)).executed == 0


def test_two_blobs_exchanged_are_noticed(bench: Bench) -> None:
    workflow = chain(bench, "cat $1; echo a", "cat $1 | tr o x; echo b")
    cold = bench.run(workflow, job(bench))
    blobs = [path for path in files_of(bench.store, "blob") if path.stat().st_size > 20_000]
    first, second = blobs[:2]
    first.rename(first.with_suffix(".moved"))
    second.rename(first)
    first.with_suffix(".moved").rename(second)
    assert_right(bench.run(workflow, job(bench)), cold)


def test_two_entries_exchanged_are_noticed(bench: Bench) -> None:
    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b")
    cold = bench.run(workflow, job(bench))
    first, second = files_of(bench.store, "entry")
    text = first.read_bytes()
    for path, data in ((first, second.read_bytes()), (second, text)):
        path.chmod(0o600)
        path.write_bytes(data)
    after = bench.run(workflow, job(bench))
    assert_right(after, cold)
    assert after.executed == 2


def test_forged_entry_cannot_place_files_outside_the_view(bench: Bench) -> None:
    tool = bench.tool()
    cold = bench.run(tool, job(bench))
    victim = bench.folder / "victim.txt"
    (path,) = files_of(bench.store, "entry")
    envelope = json.loads(path.read_text())
    text = json.dumps(envelope["entry"]).replace('"out.txt"', f'"../../..{victim}"')
    from cwl_memo.store import entry_file

    payload = json.loads(text)
    sealed = {"digest": str(entry_file._digest(payload)), "entry": payload}
    path.chmod(0o600)
    path.write_text(json.dumps(sealed))
    after = bench.run(tool, job(bench))
    assert_right(after, cold)
    assert not victim.exists()


def test_blobs_removed_while_the_run_still_needs_them(bench: Bench) -> None:
    # The first job is a hit; the job that executes beside it empties the store; what
    # the third needs of the first has to be made again.
    from .workflows import step, wrap

    vandal = f"rm -rf {bench.store}/blobs; cat $1; echo v"
    outputs = {"out": {"type": "File", "outputBinding": {"glob": "out.txt"}}}
    bench.tool("a.cwl", "cat $1; echo a")
    bench.tool("v.cwl", "cat $1; echo v")
    inputs = {
        "f": {"type": "File", "inputBinding": {"position": 1}},
        "g": {"type": "File", "inputBinding": {"position": 2}},
    }
    bench.tool("j.cwl", "cat $1 $2", inputs=inputs, outputs=outputs)
    join = step("j.cwl", "a/out")
    join["in"] = {"f": "a/out", "g": "v/out"}
    steps = {"a": step("a.cwl", "f"), "v": step("v.cwl", "f"), "j": join}
    wrap(bench, "wf.cwl", steps, {"out": {"type": "File", "outputSource": "j/out"}})
    cold = bench.run("wf.cwl", job(bench))
    for more in ((), ("--parallel",)):
        bench.tool("v.cwl", vandal + f" # {len(more)}")
        bench.tool("j.cwl", f"cat $1 $2 # {len(more)}", inputs=inputs, outputs=outputs)
        after = bench.run("wf.cwl", job(bench), *more)
        assert_right(after, cold)
        # And what was made again is recorded, or at least does no harm.
        assert_right(bench.run("wf.cwl", job(bench)), cold)


def test_store_removed_while_the_run_still_needs_it(bench: Bench) -> None:
    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b", "cat $1; echo c")
    cold = bench.run(workflow, job(bench))
    bench.tool("t2.cwl", f"rm -rf {bench.store}; cat $1; echo b")
    after = bench.run(workflow, job(bench))
    assert_right(after, cold)


def test_final_output_whose_blob_vanished_after_the_hit_is_made_again(bench: Bench) -> None:
    from .workflows import step, wrap

    bench.tool("a.cwl", "cat $1; echo a")
    steps = {"a": step("a.cwl", "f"), "b": step("b.cwl", "a/out")}
    outputs = {
        "a": {"type": "File", "outputSource": "a/out"},
        "b": {"type": "File", "outputSource": "b/out"},
    }
    bench.tool("b.cwl", "echo b")
    wrap(bench, "wf.cwl", steps, outputs)
    bench.run("wf.cwl", job(bench))
    bench.tool("b.cwl", f"rm -rf {bench.store}/blobs/*; echo b")
    # The vandal reads a; so take away only what the outputs need once it has run.
    after = bench.run("wf.cwl", job(bench))
    assert (after.code, after.text("b")) == (0, "b\n"), after.log
    assert after.text("a") == "one\n" * 5000 + "a\n"
