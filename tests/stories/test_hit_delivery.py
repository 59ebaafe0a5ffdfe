"""What is delivered by a hit belongs to the user, and cannot hurt the store."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.store.local import open_store

from .bench import Bench, Run
from .delivered import delivered, mode, tree_of
from .workflows import chain

OUTPUTS: Any = {
    "out": {"type": "File", "outputBinding": {"glob": "out.txt"}, "secondaryFiles": [".idx"]}
}

MODES = ["--move-outputs", "--copy-outputs", "--leave-outputs"]


def job(bench: Bench) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n"))}}


def indexed(bench: Bench) -> Path:
    return bench.tool(body="cat $1; echo index > out.txt.idx", outputs=OUTPUTS)


def is_sound(bench: Bench) -> bool:
    store = open_store(bench.store)
    try:
        report = store.verify()
    finally:
        store.close()
    assert report.blobs > 0
    return not (report.bad_blobs or report.bad_entries or report.missing_blobs)


def outputs_of(run: Run) -> list[Path]:
    return [path for path in run.outdir.rglob("*") if path.is_file()]


def blob_inodes(bench: Bench) -> set[int]:
    return {path.stat().st_ino for path in (bench.store / "blobs").rglob("*") if path.is_file()}


@pytest.mark.parametrize("link", ["copy", "hardlink"])
@pytest.mark.parametrize("moving", MODES)
def test_delivered_outputs_are_writable_files_of_the_users_own(
    bench: Bench, link: str, moving: str
) -> None:
    tool = indexed(bench)
    options = mode(bench, moving)
    for executed in (1, 0):
        run = bench.run(tool, job(bench), *options, "--memo-link", link)
        assert run.executed == executed
        paths = [
            Path(run.output["out"]["path"]),
            Path(run.output["out"]["secondaryFiles"][0]["path"]),
        ]
        for path in paths:
            found = path.stat()
            assert found.st_nlink == 1
            assert found.st_mode & 0o600 == 0o600
            assert found.st_ino not in blob_inodes(bench)
            path.write_text("the user's own words, longer than before")
        assert is_sound(bench)
    last = bench.run(tool, job(bench), *options)
    assert (last.executed, last.text()) == (0, "one\n")


@pytest.mark.parametrize("deed", ["edit", "delete", "move", "chmod", "replace-by-directory"])
def test_hit_whatever_the_user_does_to_delivered_outputs(bench: Bench, deed: str) -> None:
    tool = indexed(bench)
    cold = bench.run(tool, job(bench))
    expected = delivered(cold)
    for _ in range(2):
        for path in outputs_of(cold):
            if deed == "edit":
                path.write_text("edited")
            elif deed == "move":
                path.rename(bench.folder / f"moved-{path.name}")
            elif deed == "chmod":
                path.chmod(0)
            else:
                path.unlink()
                if deed == "replace-by-directory":
                    path.mkdir()
        warm = bench.run(tool, job(bench))
        assert (warm.results, warm.executed) == (["reused"], 0)
        assert delivered(warm) == expected
        cold = warm
    assert is_sound(bench)


def test_hit_into_the_same_outdir_twice(bench: Bench) -> None:
    tool = indexed(bench)
    place = str(bench.folder / "results")
    cold = bench.run(tool, job(bench), "--outdir", place)
    edited = Path(place, "out.txt")
    edited.write_text("edited")
    warm = bench.run(tool, job(bench), "--outdir", place)
    assert warm.executed == 0
    assert warm.output == cold.output
    assert edited.read_text() == "one\n"


def test_hit_never_touches_the_users_input(bench: Bench) -> None:
    through: Any = {"out": {"type": "File", "outputBinding": {"outputEval": "$(inputs.f)"}}}
    tool = bench.tool(outputs=through)
    given = job(bench)
    path = bench.folder / "in.txt"
    before = path.stat()
    for executed in (1, 0, 0):
        run = bench.run(tool, given)
        assert run.executed == executed
        Path(run.output["out"]["path"]).write_text("edited")
        assert path.read_text() == "one\n"
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_nlink, after.st_mode) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_nlink,
        before.st_mode,
    )


def test_hit_makes_a_deleted_input_needless_for_jobs_below(bench: Bench) -> None:
    # The intermediate of the first job exists nowhere but in the store.
    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b")
    bench.run(workflow, job(bench))
    bench.tool("t2.cwl", "cat $1; echo B")
    half = bench.run(workflow, job(bench))
    assert (half.executed, half.text()) == (1, "one\na\nB\n")


@pytest.mark.parametrize("moving", MODES)
@pytest.mark.parametrize("parallel", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_output_modes_are_those_of_plain_cwltool(
    bench: Bench, moving: str, parallel: tuple[str, ...]
) -> None:
    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b")
    options = mode(bench, moving)
    plain = bench.run(workflow, job(bench), "--no-memo", *options)
    for executed in (2, 0):
        run = bench.run(workflow, job(bench), *options, *parallel)
        assert (run.code, run.executed) == (0, executed)
        assert tree_of(run.outdir) == tree_of(plain.outdir)
        assert run.text() == plain.text() == "one\na\nb\n"
        in_outdir = Path(run.output["out"]["path"]).is_relative_to(run.outdir)
        assert in_outdir == (moving != "--leave-outputs")


def test_left_output_of_a_hit_outlives_the_run_and_the_store(bench: Bench) -> None:
    tool = indexed(bench)
    bench.run(tool, job(bench))
    warm = bench.run(tool, job(bench), *mode(bench, "--leave-outputs"))
    shutil.rmtree(bench.store)
    assert (warm.executed, warm.text()) == (0, "one\n")


def test_hard_linked_intermediate_is_read_only_and_outlives_a_job_that_writes(
    bench: Bench,
) -> None:
    # Root writes through the mode of a hard link; the store then finds the damage.
    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b")
    bench.run(workflow, job(bench), "--memo-link", "hardlink")
    bench.tool("t2.cwl", "echo spoilt >> $1; echo done")
    spoilt = bench.run(workflow, job(bench), "--memo-link", "hardlink")
    assert spoilt.code in (0, 1)
    bench.tool("t2.cwl", "cat $1; echo c")
    after = bench.run(workflow, job(bench), "--memo-link", "hardlink")
    assert after.code == 0, after.log
    assert after.text() == "one\na\nc\n"


@pytest.mark.parametrize("size", [3, 1 << 17])
def test_an_intermediate_that_is_delivered_too_is_no_hard_link(bench: Bench, size: int) -> None:
    first = bench.tool("t1.cwl", f"head -c {size} /dev/zero")
    second = bench.tool("t2.cwl", "wc -c < $1")
    workflow = bench.write(
        "both.cwl",
        {
            "cwlVersion": "v1.2",
            "class": "Workflow",
            "inputs": {"f": "File"},
            "outputs": {
                "made": {"type": "File", "outputSource": "a/out"},
                "out": {"type": "File", "outputSource": "b/out"},
            },
            "steps": {
                "a": {"run": str(first), "in": {"f": "f"}, "out": ["out"]},
                "b": {"run": str(second), "in": {"f": "a/out"}, "out": ["out"]},
            },
        },
    )
    bench.run(workflow, job(bench), "--memo-link", "hardlink")
    bench.tool("t2.cwl", "wc -c < $1; echo again")
    warm = bench.run(workflow, job(bench), "--memo-link", "hardlink")
    assert (warm.results.count("reused"), warm.executed) == (1, 1)
    made = Path(warm.output["made"]["path"])
    assert (made.stat().st_nlink, made.stat().st_size) == (1, size)
    assert made.stat().st_ino not in blob_inodes(bench)


@pytest.mark.parametrize("link", ["copy", "hardlink"])
@pytest.mark.parametrize("bits", ["600", "640", "444", "700", "666"])
def test_hit_delivers_a_file_with_the_mode_that_its_tool_gave_it(
    bench: Bench, bits: str, link: str
) -> None:
    tool = bench.tool(body=f"echo secret; chmod {bits} out.txt")
    for executed in (1, 0):
        run = bench.run(tool, job(bench), "--memo-link", link)
        assert (run.code, run.executed) == (0, executed), run.log
        (path,) = outputs_of(run)
        assert f"{path.stat().st_mode & 0o777:o}" == bits


def test_hit_delivers_a_file_of_the_usual_mode_with_the_mode_that_the_umask_gives(
    bench: Bench,
) -> None:
    tool = bench.tool(body="echo one")
    for umask, bits in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        before = os.umask(umask)
        try:
            run = bench.run(tool, job(bench))
        finally:
            os.umask(before)
        (path,) = outputs_of(run)
        assert path.stat().st_mode & 0o777 == bits
        assert run.executed == (umask == 0o022)
