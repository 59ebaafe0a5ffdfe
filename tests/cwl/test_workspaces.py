"""The working directories of all jobs of a run, side by side."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from cwl_memo.core.entry import NodeKind, Tree, TreeNode
from cwl_memo.core.run import EXECUTED, FAILED, REUSED, JobRecord, RunRecord
from cwl_memo.cwl.workspaces import Workspaces
from cwl_memo.errors import UsageError
from cwl_memo.store.memory import MemoryStore
from tests.store.example import digest, record


def run_of(*jobs: JobRecord) -> RunRecord:
    return RunRecord("2026-run", jobs=list(jobs))


def reused(store: MemoryStore, name: str, *nodes: TreeNode, partial: bool = False) -> JobRecord:
    """A job whose entry has a workspace."""
    store.ingest_bytes(b"one")
    tree = Tree(nodes or (TreeNode("out.txt", NodeKind.FILE, digest(b"one"), 3),), partial)
    number = len(list(store.keys())) + 1
    entry = record(store, number, json.dumps(tree.to_json()).encode(), b"one")
    return JobRecord(name, "tool.cwl", REUSED, "hit", key=entry.key.hex)


def names(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*"))


@pytest.mark.parametrize(
    ("jobs", "places"),
    [
        (["align", "align_2"], ["align", "align_2"]),
        (["a/b", "a b", "a_b"], ["a_b", "a_b_2", "a_b_3"]),
        (["..", ".", "/", "\0"], ["_", "__2", "job", "job_2"]),
        ([".hidden", "../../etc/passwd"], ["_.._etc_passwd", "hidden"]),
        (["Step", "step"], ["Step", "step_2"]),
        (["caf\u00e9", "cafe\u0301"], ["cafe_", "caf\u00e9"]),
        (["\ud800"], ["_"]),
    ],
)
def test_a_job_has_a_place_that_is_safe_and_its_own(
    jobs: list[str], places: list[str], tmp_path: Path
) -> None:
    store = MemoryStore()
    workspaces = Workspaces(tmp_path / "w")
    record = run_of(*(reused(store, name) for name in jobs))
    done, undone = workspaces.complete(store, record)
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == sorted(places)
    assert all((path / "out.txt").is_file() for path in (tmp_path / "w").iterdir())
    assert undone == []
    assert done.startswith(f"workspaces of {len(jobs)} job")


def test_a_long_name_is_cut(tmp_path: Path) -> None:
    store = MemoryStore()
    Workspaces(tmp_path / "w").complete(
        store, run_of(reused(store, "\u00e9" * 200), reused(store, "\u00e9" * 201))
    )
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == [
        "\u00e9" * 100,
        "\u00e9" * 100 + "_2",
    ]


def test_a_directory_that_is_not_free_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(UsageError, match="not empty"):
        Workspaces(tmp_path)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    store = MemoryStore()
    lost = TreeNode("in.fq", NodeKind.INPUT, digest(b"lost"), 4)
    executed = JobRecord("bare", "t", EXECUTED, "miss", not_recorded="too-large")
    gone = JobRecord("gone", "t", REUSED, "hit", key="0" * 64)
    record = run_of(reused(store, "part", lost, partial=True), executed, gone)
    done, undone = Workspaces(tmp_path / "w").complete(store, record)
    left_out = "in.fq, an input whose bytes are not in the store, what could not be recorded"
    assert done == f"workspaces of 1 job in {tmp_path / 'w'}"
    assert undone == [
        f"left out of workspace of job part: {left_out}",
        "no workspace of job bare: it was not recorded: too-large",
        "no workspace of job gone: its entry is no longer in the store",
    ]


def test_of_many_that_are_not_there_some_are_named(tmp_path: Path) -> None:
    jobs = [JobRecord(f"j{i}", "t", FAILED, "miss", not_recorded="failed") for i in range(8)]
    done, undone = Workspaces(tmp_path / "w").complete(None, run_of(*jobs))
    assert done.startswith("workspaces of 0 jobs")
    assert len(undone) == 6
    assert undone[0] == "no workspace of job j0: there is no store"
    assert undone[-1] == "the same, or the like, of 3 more jobs"


def test_the_directory_of_a_job_that_is_not_recorded_is_copied(tmp_path: Path) -> None:
    outdir = tmp_path / "outdir"
    (outdir / "sub").mkdir(parents=True)
    (outdir / "sub" / "out.txt").write_text("one")
    (outdir / "run.sh").write_text("two")
    (outdir / "run.sh").chmod(0o755)
    (outdir / "again").symlink_to(outdir / "sub" / "out.txt")
    (outdir / "secret").write_text("secret")
    (outdir / "away").symlink_to("/etc")
    os.mkfifo(outdir / "pipe")
    workspaces = Workspaces(tmp_path / "w")
    workspaces.keep("job", str(outdir), ["secret"])
    done, undone = workspaces.complete(
        None, run_of(JobRecord("job", "t", FAILED, "miss", not_recorded="failed"))
    )
    place = tmp_path / "w" / "job"
    assert names(place) == ["again", "run.sh", "sub", "sub/out.txt"]
    assert (place / "again").readlink() == Path("sub/out.txt")
    assert os.access(place / "run.sh", os.X_OK)
    (place / "sub" / "out.txt").write_text("edited")
    assert (outdir / "sub" / "out.txt").read_text() == "one"
    assert done.startswith("workspaces of 1 job ")
    assert undone == ["left out of workspace of job job: what leads or belongs elsewhere"]


def test_a_directory_that_cannot_be_copied_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outdir").mkdir()
    (tmp_path / "outdir" / "a").touch()

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cwl_memo.cwl.workspaces.copy_descriptor", fail)
    workspaces = Workspaces(tmp_path / "w")
    workspaces.keep("job", str(tmp_path / "outdir"))
    job = JobRecord("job", "t", FAILED, "miss")
    _, undone = workspaces.complete(None, run_of(job, replace(job, name="other")))
    assert "it could not be copied: [Errno 28]" in undone[0]
    assert names(tmp_path / "w") == []
