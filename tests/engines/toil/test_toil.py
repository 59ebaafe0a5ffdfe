"""cwl-memo-toil on this machine."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.engines.toil.conftest import HERE, Ran, Runners

pytestmark = pytest.mark.toil


def write(folder: Path, name: str, value: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(value))
    return str(path)


def tool(command: str, **inputs: str) -> dict[str, Any]:
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "baseCommand": ["sh", "-c", command],
        "arguments": [f"$(inputs.{name})" for name in inputs],
        "inputs": inputs,
        "outputs": {"out": {"type": "stdout"}},
        "stdout": "out.txt",
    }


def scatter() -> dict[str, Any]:
    return {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "requirements": {"ScatterFeatureRequirement": {}},
        "inputs": {"files": "File[]"},
        "outputs": {
            "each": {"type": "File[]", "outputSource": "each/out"},
            "all": {"type": "File", "outputSource": "all/out"},
        },
        "steps": {
            "each": {
                "run": tool('cat "$0"', f="File"),
                "scatter": "f",
                "in": {"f": "files"},
                "out": ["out"],
            },
            "all": {
                "run": {
                    "class": "CommandLineTool",
                    "baseCommand": "cat",
                    "inputs": {"f": {"type": "File[]", "inputBinding": {}}},
                    "outputs": {"out": {"type": "stdout"}},
                    "stdout": "all.txt",
                },
                "in": {"f": "each/out"},
                "out": ["out"],
            },
        },
    }


def files(folder: Path, *names: str) -> str:
    value = [{"class": "File", "path": str(folder / name)} for name in names]
    return write(folder, "job.json", {"files": value})


def text_of(found: Any) -> str:
    return Path(found["path"]).read_text()


def same(one: Ran, other: Ran) -> bool:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            places = ("location", "path", "nameroot", "nameext")
            return {k: plain(v) for k, v in value.items() if k not in places}
        return [plain(item) for item in value] if isinstance(value, list) else value

    return bool(plain(one.outputs) == plain(other.outputs))


def test_a_warm_scatter_submits_no_job_and_a_changed_input_submits_its_own(
    runners: Runners, tmp_path: Path
) -> None:
    document = write(tmp_path, "scatter.cwl", scatter())
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(f"{name}\n")
    job = files(tmp_path, "a", "b", "c")
    cold = runners.toil(document, job)
    assert cold.results == ["executed"] * 4
    assert text_of(cold.outputs["all"]) == "a\nb\nc\n"

    warm = runners.toil(document, job)
    assert warm.results == ["reused"] * 4
    assert warm.submitted == 0
    assert same(warm, cold)
    assert text_of(warm.outputs["all"]) == "a\nb\nc\n"
    assert warm.report["summary"]["reused"] == 4
    assert "4 jobs: 4 reused" in warm.log
    assert warm.report["runner"].count("Toil")

    (tmp_path / "b").write_text("another\n")
    changed = runners.toil(document, job)
    assert text_of(changed.outputs["all"]) == "a\nanother\nc\n"


def test_entries_of_either_engine_are_hits_for_the_other(runners: Runners) -> None:
    document, job = str(HERE / "data/crossing.cwl"), str(HERE / "data/crossing.json")
    runners.store = runners.folder / "by-cwltool"
    first = runners.cwltool(document, job)
    assert set(first.results) == {"executed"}
    by_toil = runners.toil(document, job)
    assert set(by_toil.results) == {"reused"}
    assert len(by_toil.results) == len(first.results)
    assert by_toil.submitted == 0
    assert same(by_toil, first)

    runners.store = runners.folder / "by-toil"
    cold = runners.toil(document, job)
    assert set(cold.results) == {"executed"}
    assert not any(job["not_recorded"] for job in cold.report["jobs"])
    warm = runners.cwltool(document, job)
    assert set(warm.results) == {"reused"}
    assert same(warm, first)


def test_a_lookup_on_the_worker_hits_too(runners: Runners, tmp_path: Path) -> None:
    document = write(tmp_path, "tool.cwl", tool("echo hi; echo told >&2"))
    cold = runners.cwltool(document)
    warm = runners.toil("--memo-toil-lookup", "worker", document)
    assert warm.results == ["reused"]
    assert warm.submitted == 1
    assert same(cold, warm)


def test_a_job_that_changes_its_input_is_not_recorded(runners: Runners, tmp_path: Path) -> None:
    # Toil's job store has a link to the user's file.
    document = write(tmp_path, "tool.cwl", tool('cat "$0"; echo more >> "$0"', f="File"))
    (tmp_path / "in.txt").write_text("one\n")
    job = write(tmp_path, "job.json", {"f": {"class": "File", "path": "in.txt"}})
    first = runners.toil(document, job)
    assert first.report["jobs"][0]["not_recorded"] == "input-changed-during-run"
    (tmp_path / "in.txt").write_text("one\n")
    assert runners.toil(document, job).results == ["executed"]


def test_a_job_that_changes_what_another_made_is_not_recorded(
    runners: Runners, tmp_path: Path
) -> None:
    # A worker may give a job a link to the file in the job store.
    steps = two_steps("echo first", 'test -e "$1" && cat "$0"; echo more >> "$0"')
    document = write(tmp_path, "steps.cwl", steps)
    flag = tmp_path / "flag"
    flag.touch()
    ran = runners.toil(document, "--flag", str(flag))
    told = {job["name"]: job["not_recorded"] for job in ran.report["jobs"]}
    assert sorted(told.values()) == ["", "input-changed-during-run"]
    assert sorted(runners.toil(document, "--flag", str(flag)).results) == ["executed", "reused"]


def test_a_damaged_blob_costs_an_execution(runners: Runners, tmp_path: Path) -> None:
    document = write(tmp_path, "tool.cwl", tool("echo right"))
    cold = runners.toil(document)
    for path in (runners.store / "blobs").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"wrong\n"[: path.stat().st_size])
    warm = runners.toil(document)
    assert warm.results == ["executed"]
    assert same(cold, warm)
    assert text_of(warm.outputs["out"]) == "right\n"


def two_steps(first: str, second: str) -> dict[str, Any]:
    return {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "inputs": {"flag": "string"},
        "outputs": {"out": {"type": "File", "outputSource": "second/out"}},
        "steps": {
            "first": {"run": tool(first, flag="string"), "in": {"flag": "flag"}, "out": ["out"]},
            "second": {
                "run": tool(second, f="File", flag="string"),
                "in": {"f": "first/out", "flag": "flag"},
                "out": ["out"],
            },
        },
    }


def test_a_failed_job_is_not_recorded_and_a_restart_goes_on(
    runners: Runners, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    steps = two_steps("echo first", 'cat "$0"; test -e "$1"')
    document = write(tmp_path, "steps.cwl", steps)
    words = ("--jobStore", str(tmp_path / "jobs"), "--retryCount", "0")
    failed = runners.toil(*words, document, "--flag", str(flag), expect=1)
    assert sorted(failed.results) == ["executed", "failed"]
    assert failed.report["status"] == "permanentFail"
    flag.touch()
    again = runners.toil(*words, "--restart", document, "--flag", str(flag))
    assert text_of(again.outputs["out"]) == "first\n"
    assert again.results == ["executed"]
    warm = runners.toil(document, "--flag", str(flag))
    assert warm.results == ["reused", "reused"]
    assert text_of(warm.outputs["out"]) == "first\n"


def _await(path: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.1)


def _kill_all(process: psutil.Process) -> None:
    for one in [*process.children(recursive=True), process]:
        one.send_signal(signal.SIGKILL)


def test_what_a_killed_run_has_recorded_is_reused(runners: Runners, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    begun = "touch begun.$$; cp begun.$$ $1.begun; test -e $1 || sleep 600; cat $0"
    document = write(tmp_path, "steps.cwl", two_steps("echo first", begun))
    process = runners.start(document, "--flag", str(flag))
    _await(Path(f"{flag}.begun"))
    _kill_all(psutil.Process(process.pid))
    process.communicate()
    flag.touch()
    after = runners.toil(document, "--flag", str(flag))
    assert sorted(after.results) == ["executed", "reused"]
    assert text_of(after.outputs["out"]) == "first\n"


def test_a_killed_worker_is_replaced(runners: Runners, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    command = "touch begun; cp begun $0.begun; test -e $0 || sleep 600; echo done"
    document = write(tmp_path, "tool.cwl", tool(command, flag="string"))
    process = runners.start("--retryCount", "2", document, "--flag", str(flag))
    _await(Path(f"{flag}.begun"))
    flag.touch()
    children = psutil.Process(process.pid).children(recursive=True)
    workers = [one for one in children if "_toil_worker" in " ".join(one.cmdline())]
    for worker in workers:
        os.kill(worker.pid, signal.SIGKILL)
    out, log = process.communicate(timeout=300)
    assert process.returncode == 0, log[-6000:]
    assert text_of(json.loads(out)["out"]) == "done\n"
    assert runners.toil(document, "--flag", str(flag)).results == ["reused"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--cachedir", "cache"], "--memo-store"),
        (["--runDir", "run"], "--memo-store"),
        (["--memo-workspaces", "all"], "--memo-workspaces"),
    ],
)
def test_what_cannot_go_together_is_a_usage_error(
    runners: Runners, tmp_path: Path, words: list[str], told: str
) -> None:
    document = write(tmp_path, "tool.cwl", tool("echo"))
    process = runners.start(*words, document)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 2, log
    assert told in log


def test_a_machine_reuses_what_another_has_brought_to_the_shared_store(
    runners: Runners, tmp_path: Path
) -> None:
    document = write(tmp_path, "steps.cwl", two_steps("echo first", "cat $0"))
    shared = ("--memo-shared", f"file://{tmp_path}/shared")
    words = (document, "--flag", "one")
    cold = runners.toil(*shared, "--memo-node-store", str(tmp_path / "one"), *words)
    assert cold.report["shared"]["uploaded"] == 2
    runners.store = tmp_path / "another"
    warm = runners.toil(*shared, "--memo-node-store", str(tmp_path / "two"), *words)
    assert warm.results == ["reused", "reused"]
    assert warm.submitted == 0
    assert same(warm, cold)


def test_what_a_good_run_recorded_is_taken_back_on_demand(runners: Runners, tmp_path: Path) -> None:
    document = write(tmp_path, "tool.cwl", tool("echo hi"))
    behaviour = ("--memo-cache-behavior", "CACHE_ON_FAILURE")
    first = runners.toil(*behaviour, document)
    assert first.report["taken_back"] == 1
    assert runners.toil(document).results == ["executed"]


def test_all_variables_may_be_let_through(runners: Runners, tmp_path: Path) -> None:
    document = write(tmp_path, "tool.cwl", tool("echo hi"))
    words = ("--preserve-entire-environment", "--memo-toil-lookup", "worker", document)
    assert runners.toil(*words).results == ["executed"]
    assert runners.toil(*words).results == ["reused"]


def directory_made_by_steps() -> dict[str, Any]:
    """Return a workflow whose first step makes a Directory that no port of its announces."""
    made = {"out": {"class": "Directory", "location": "made"}}
    return {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "requirements": {"ScatterFeatureRequirement": {}},
        "inputs": {"names": "string[]"},
        "outputs": {"out": {"type": "Any", "outputSource": "read/out"}},
        "steps": {
            "make": {
                "run": {
                    "class": "CommandLineTool",
                    "baseCommand": [
                        *("sh", "-c"),
                        "mkdir made; echo $0 > made/f; echo '"
                        + json.dumps(made)
                        + "' > cwl.output.json",
                    ],
                    "arguments": ["$(inputs.name)"],
                    "inputs": {"name": "string"},
                    "outputs": {"out": "Any"},
                },
                "scatter": "name",
                "in": {"name": "names"},
                "out": ["out"],
            },
            "one": {
                "run": {
                    "class": "CommandLineTool",
                    "baseCommand": [
                        *("sh", "-c"),
                        "mkdir made; echo one > made/f; echo '"
                        + json.dumps(made)
                        + "' > cwl.output.json",
                    ],
                    "inputs": {},
                    "outputs": {"out": "Any"},
                },
                "in": [],
                "out": ["out"],
            },
            "read": {
                "run": tool('cat "$0"/f "$1"/f', one="Directory", another="Directory"),
                "in": {
                    "one": {"source": "make/out", "valueFrom": "$(self[0])"},
                    "another": "one/out",
                },
                "out": ["out"],
            },
        },
    }


def test_a_hit_with_a_directory_is_laid_out_on_a_worker(runners: Runners, tmp_path: Path) -> None:
    value = directory_made_by_steps()
    value["requirements"]["StepInputExpressionRequirement"] = {}
    document = write(tmp_path, "steps.cwl", value)
    job = write(tmp_path, "job.json", {"names": ["a", "b"]})
    words = ("--memo-directories", "content", document, job)
    cold = runners.toil(*words)
    assert text_of(cold.outputs["out"]) == "a\none\n"
    assert not any(job["not_recorded"] for job in cold.report["jobs"])
    warm = runners.toil(*words)
    assert set(warm.results) == {"reused"}
    assert len(warm.results) == len(cold.results) == 4
    assert text_of(warm.outputs["out"]) == "a\none\n"
    assert "not usable" not in warm.log


def test_no_expression_sees_what_a_file_carries(runners: Runners, tmp_path: Path) -> None:
    steps = two_steps("echo first", "echo $1")
    steps["requirements"] = {
        "StepInputExpressionRequirement": {},
        "InlineJavascriptRequirement": {},
    }
    steps["steps"]["second"]["in"]["flag"] = {
        "source": "first/out",
        "valueFrom": "$(Object.keys(self).sort().join())",
    }
    steps["steps"]["third"] = {
        "run": {
            "class": "ExpressionTool",
            "inputs": {"f": "File"},
            "outputs": {"keys": "string"},
            "expression": "$({keys: Object.keys(inputs.f).sort().join()})",
        },
        "in": {"f": "first/out"},
        "out": ["keys"],
    }
    steps["outputs"]["keys"] = {"type": "string", "outputSource": "third/keys"}
    document = write(tmp_path, "steps.cwl", steps)
    cold = runners.toil(document, "--flag", "x")
    assert "w3id" not in cold.outputs["keys"]
    assert "w3id" not in text_of(cold.outputs["out"])
    warm = runners.toil(document, "--flag", "x")
    assert warm.results == ["reused", "reused"]
    assert warm.submitted == 0
    assert same(cold, warm)


def test_a_restart_without_memoization_neither_reuses_nor_records(
    runners: Runners, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    document = write(tmp_path, "steps.cwl", two_steps("echo first", 'cat "$0"; test -e "$1"'))
    words = ("--jobStore", str(tmp_path / "jobs"), "--retryCount", "0")
    runners.toil(*words, document, "--flag", str(flag), expect=1)
    flag.touch()
    kept = sorted((runners.store / "entries").rglob("*"))
    again = runners.toil(*words, "--restart", "--no-memo", document, "--flag", str(flag))
    assert text_of(again.outputs["out"]) == "first\n"
    assert "cwl-memo-job" not in again.log
    assert sorted((runners.store / "entries").rglob("*")) == kept
    assert runners.toil(document, "--flag", str(flag)).results == ["reused", "executed"]
