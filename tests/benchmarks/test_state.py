"""What scenarios change, and what workloads make of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.state import SCENARIOS, State
from benchmarks.workload import WORKLOADS, Workload

WRITTEN = [w for w in WORKLOADS.values() if not w.name.startswith("W6")]


def contents(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def changed(workload: Workload, scenario: str, folder: Path) -> set[str]:
    """Return the files that a scenario changes, in a workload that has been through others."""
    state = State(3, inputs=1, edits=2)
    workload.write(folder, state)
    before = contents(folder)
    workload.write(folder, SCENARIOS[scenario].change(state))
    after = contents(folder)
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return {name for name in names if ".is-" not in name}


@pytest.mark.parametrize("workload", WRITTEN, ids=lambda workload: workload.name)
def test_what_is_as_it_should_be_is_not_written_again(workload: Workload, tmp_path: Path) -> None:
    workload.write(tmp_path, State(3))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    workload.write(tmp_path, State(3))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("name", ["W1", "W3", "W7"])
def test_one_input_changed_is_one_file_and_another_result(name: str, tmp_path: Path) -> None:
    workload = WORKLOADS[name]
    before, after = State(3, inputs=1), State(3, inputs=2)
    (file,) = changed(workload, "input", tmp_path)
    assert file.startswith("data/")
    workload.write(tmp_path, before)
    assert workload.expected(before) != workload.expected(after)


def test_each_change_is_of_another_input() -> None:
    state = State(1000)
    seen = []
    for _ in range(3):
        before = state.versions(1000)
        state = SCENARIOS["input"].change(state)
        pairs = enumerate(zip(before, state.versions(1000), strict=True))
        seen += [index for index, (old, new) in pairs if old != new]
    assert len(set(seen)) == len(seen) == 3


def test_a_step_edited_leaves_the_data_alone(tmp_path: Path) -> None:
    files = changed(WORKLOADS["W1"], "step", tmp_path)
    assert {"workflow.cwl", "Snakefile", "dodo.py", "workflow.wdl"} == files


def test_a_new_element_leaves_the_others_alone(tmp_path: Path) -> None:
    files = changed(WORKLOADS["W1"], "element", tmp_path)
    assert {name for name in files if name.startswith("data/")} == {"data/t00003.txt"}
    assert not {name for name in files if name.startswith("workflow")}


def test_what_fails_is_mended_and_fails_again() -> None:
    chain = WORKLOADS["W5"]
    broken = SCENARIOS["fails"].change(State(5))
    mended = SCENARIOS["mended"].change(broken)
    again = SCENARIOS["fails"].change(mended)
    assert chain.expected(broken) != chain.expected(mended)
    assert chain.expected(again) == chain.expected(broken)
