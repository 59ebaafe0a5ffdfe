"""What a run says: on the terminal, in the entry, in the report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cwltool.load_tool import load_tool

from cwl_memo.cwl.session import Session

from .bench import Bench
from .terminal import run_in_terminal
from .workflows import chain, scatter

NOISY = 'echo "to stdout"; echo "to stderr" >&2; cat $1 > out.txt'


def job(bench: Bench) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n"))}}


def noisy(bench: Bench, **fields: Any) -> Path:
    return bench.tool(body=NOISY, **{"stdout": None, **fields})


def words(bench: Bench, document: Path, *more: str) -> list[str | Path]:
    bench.write("job.json", job(bench))
    options: list[str | Path] = [
        "--memo-store",
        bench.store,
        "--no-container",
        "--outdir",
        "o",
        *more,
    ]
    return ["run", *options, document, bench.folder / "job.json"]


def key_of(bench: Bench) -> str:
    (entry,) = (bench.store / "entries").rglob("*.json")
    return entry.stem


def shown(bench: Bench, log: str) -> str:
    words: list[str | Path] = ["show", key_of(bench), "--log", log, "--store", bench.store]
    code, out, err = run_in_terminal(bench, *words)
    assert code == 0, err
    return out


def test_streams_of_a_job_go_to_the_terminal_and_into_the_entry(bench: Bench) -> None:
    tool = noisy(bench)
    plain = run_in_terminal(bench, *words(bench, tool, "--no-memo"))
    cold = run_in_terminal(bench, *words(bench, tool))
    assert plain[0] == cold[0] == 0
    for _, out, err in (plain, cold):
        assert "to stdout" not in out
        assert err.count("\nto stdout\n") == 1
        assert err.count("\nto stderr\n") == 1
    assert shown(bench, "stdout") == "to stdout\n"
    assert shown(bench, "stderr") == "to stderr\n"
    warm = run_in_terminal(bench, *words(bench, tool))
    assert "to stderr" not in warm[2]


def test_redirected_streams_are_shown_from_the_workspace(bench: Bench) -> None:
    tool = noisy(bench, stdout="so.txt", stderr="se.txt")
    code, _, err = run_in_terminal(bench, *words(bench, tool))
    assert code == 0
    assert "\nto stderr\n" not in err
    assert shown(bench, "stdout") == "to stdout\n"
    assert shown(bench, "stderr") == "to stderr\n"


@pytest.mark.parametrize("way", ["named", "made-up", "expression"])
def test_log_dir_has_the_redirected_streams_of_a_hit_as_of_an_execution(
    bench: Bench, way: str
) -> None:
    out: Any = {"out": {"type": "File", "outputBinding": {"glob": "out.txt"}}}
    both = {"so": {"type": "stdout"}, "se": {"type": "stderr"}}
    ways: dict[str, dict[str, Any]] = {
        "named": {"stdout": "so.txt", "stderr": "se.txt"},
        "made-up": {"outputs": {**out, **both}},
        "expression": {"stdout": "$(inputs.f.nameroot).so", "stderr": "$(inputs.f.nameroot).se"},
    }
    tool = noisy(bench, **ways[way])
    for number in (1, 2):
        place = bench.folder / f"logs{number}"
        run = bench.run(tool, job(bench), "--log-dir", str(place))
        assert (run.code, run.executed) == (0, 2 - number)
    assert sorted(logs_in(bench.folder / "logs2").values()) == ["to stderr\n", "to stdout\n"]
    assert logs_in(bench.folder / "logs2") == logs_in(bench.folder / "logs1")
    # A run that is given the logs of another puts its own in their place.
    edited = next(path for path in (bench.folder / "logs2").rglob("*") if path.is_file())
    edited.write_text("edited")
    again = bench.run(tool, job(bench), "--log-dir", str(bench.folder / "logs2"))
    assert again.executed == 0
    assert logs_in(bench.folder / "logs2") == logs_in(bench.folder / "logs1")


def logs_in(folder: Path) -> dict[str, str]:
    # Below a directory for the job, by whose name cwltool tells the runs of one process apart.
    files = [path for path in folder.glob("*/**/*") if path.is_file()]
    return {"/".join(path.relative_to(folder).parts[1:]): path.read_text() for path in files}


def test_job_is_executed_again_where_its_recorded_log_is_gone_and_asked_for(bench: Bench) -> None:
    tool = noisy(bench, stdout="so.txt")
    bench.run(tool, job(bench))
    from cwl_memo.store.local import open_store

    store = open_store(bench.store)
    (key,) = store.keys()
    entry = store.get_entry(key)
    assert entry is not None
    assert entry.stdout is not None
    digest = entry.stdout.hex
    store.close()
    for blob in bench.store.rglob(f"*{digest[2:]}*"):
        blob.unlink()
    run = bench.run(tool, job(bench), "--log-dir", str(bench.folder / "logs"))
    assert (run.code, run.executed, run.text()) == (0, 1, "one\n")
    assert list(logs_in(bench.folder / "logs").values()) == ["to stdout\n"]


def test_streams_of_parallel_jobs_are_kept_apart(bench: Bench) -> None:
    tool = bench.tool(body="cat $1; sleep 0.1; cat $1 >&2; cp $1 out.txt", stdout=None)
    paths = [bench.write(f"{i}/in.txt", f"number {i}\n") for i in range(4)]
    bench.write("job.json", {"f": [{"class": "File", "path": str(path)} for path in paths]})
    options: list[str | Path] = [
        "--memo-store",
        bench.store,
        "--no-container",
        "--outdir",
        "o",
        "--parallel",
    ]
    document = scatter(bench, tool)
    job_file = bench.folder / "job.json"
    code, _, err = run_in_terminal(bench, "run", *options, document, job_file)
    assert code == 0
    assert all(err.count(f"number {i}\n") == 2 for i in range(4))
    from cwl_memo.store.local import open_store

    store = open_store(bench.store)
    logs = set()
    for key in list(store.keys()):
        entry = store.get_entry(key)
        assert entry is not None
        assert entry.stdout is not None
        assert entry.stdout == entry.stderr
        logs.add(store.read_blob(entry.stdout).decode())
    store.close()
    assert logs == {f"number {i}\n" for i in range(4)}


def test_child_that_a_job_leaves_behind_does_not_hold_the_run_up(bench: Bench) -> None:
    tool = bench.tool(body="sleep 20 & cat $1 > out.txt", stdout=None)
    run = bench.run(tool, job(bench))
    assert (run.code, run.text()) == (0, "one\n")
    assert run.record.jobs[0].seconds < 15


def test_quiet_says_nothing_of_jobs(bench: Bench) -> None:
    tool = noisy(bench)
    for _ in range(2):
        code, out, err = run_in_terminal(bench, *words(bench, tool, "--quiet"))
        assert (code, json.loads(out)["out"]["basename"]) == (0, "out.txt")
        assert "[job" not in err
        assert "[memo]" not in err


LINES = re.compile(r"^(?:\S*INFO\S* )?(\[(?:job|memo)[^\]]*\] .*)$", re.MULTILINE)


def said(log: str) -> list[str]:
    """Return what the log says of jobs, but for cwltool's own lines."""
    lines = LINES.findall(log)
    return [line for line in lines if "$ sh" not in line and "completed" not in line]


def test_log_says_what_became_of_each_job_and_why(bench: Bench) -> None:
    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b")
    cold = bench.run(workflow, job(bench))
    assert said(cold.log) == [
        "[job s1] executed: no entry yet",
        "[job s2] executed: no entry yet",
        "[memo] 2 jobs: 0 reused, 2 executed, 0 refused, 0 failed",
    ]
    warm = bench.run(workflow, job(bench))
    first, second, summary = said(warm.log)
    pattern = rf"\[job s1\] reused from run {cold.record.run} \(saved \d+\.\d s\)"
    assert re.fullmatch(pattern, first)
    assert second.startswith(f"[job s2] reused from run {cold.record.run} (saved ")
    assert re.fullmatch(
        r"\[memo\] 2 jobs: 2 reused, 0 executed, 0 refused, 0 failed; "
        r"saved \d+\.\d s and \d+ bytes of results",
        summary,
    )


def test_log_names_the_fields_that_differ(bench: Bench) -> None:
    tool = bench.tool(inputs={"f": {"type": "File", "inputBinding": {"position": 1}}})
    bench.run(tool, job(bench))
    bench.write("in.txt", "another")
    given = {"f": {"class": "File", "path": str(bench.folder / "in.txt")}}
    changed = bench.run(tool, given)
    assert said(changed.log)[0] in (
        "[job tool.cwl] executed: changed: inputs.f.size, inputs.f.digest",
        "[job tool.cwl] executed: changed: inputs.f.digest, inputs.f.size",
        "[job tool.cwl] executed: changed: inputs.f.digest",
    )


def test_log_names_the_reason_of_a_refusal_and_of_a_failure(bench: Bench) -> None:
    refused = bench.run(bench.tool(hints={"WorkReuse": {"enableReuse": False}}), job(bench))
    failed = bench.run(bench.tool(body="exit 1"), job(bench))
    assert said(refused.log) == [
        "[job tool.cwl] executed: reuse refused: work-reuse-off",
        "[memo] 1 job: 0 reused, 0 executed, 1 refused, 0 failed",
    ]
    assert said(failed.log)[-2:] == [
        "[job tool.cwl] failed: no entry yet",
        "[memo] 1 job: 0 reused, 0 executed, 0 refused, 1 failed",
    ]


def test_tool_calls_itself_what_cwltool_calls_it(bench: Bench) -> None:
    document = str(bench.tool())
    with Session(None) as session:
        memoized = load_tool(document, session.loading_context())
    assert str(memoized) == str(load_tool(document))


def test_names_of_jobs_are_unique_in_a_run(bench: Bench) -> None:
    paths = [bench.write(f"{i}/in.txt", str(i)) for i in range(3)]
    given = {"f": [{"class": "File", "path": str(path)} for path in paths]}
    run = bench.run(scatter(bench, bench.tool()), given)
    assert [job.name for job in run.record.jobs] == ["s", "s_2", "s_3"]


def test_report_follows_its_schema(bench: Bench) -> None:
    import jsonschema

    from cwl_memo.report.schema import report_schema

    workflow = chain(bench, "cat $1; echo a", "cat $1; echo b; test -e go")
    bench.tool("t1.cwl", "cat $1; echo a", hints={"WorkReuse": {"enableReuse": False}})
    report = bench.folder / "out.json"
    for expected in ("permanentFail", "success"):
        code, _, err = run_in_terminal(bench, *words(bench, workflow, "--memo-report", str(report)))
        written = json.loads(report.read_text())
        jsonschema.validate(written, report_schema())
        assert (code == 0, written["status"]) == (expected == "success", expected), err
        results = {job["name"]: job["result"] for job in written["jobs"]}
        last = "executed" if expected == "success" else "failed"
        assert results == {"s1": "refused", "s2": last}
        bench.tool("t2.cwl", "cat $1; echo b")


def test_report_that_cannot_be_written_costs_no_result(bench: Bench) -> None:
    tool = bench.tool(
        body="rmdir $(inputs.gone); cat $1",
        inputs={
            "f": {"type": "File", "inputBinding": {"position": 1}},
            "gone": "string",
        },
    )
    gone = bench.folder / "gone"
    gone.mkdir()
    bench.write("job.json", {**job(bench), "gone": str(gone)})
    options: list[str | Path] = ["--memo-store", bench.store, "--no-container", "--outdir", "o"]
    report: list[str | Path] = ["--memo-report", gone / "report.json"]
    code, out, err = run_in_terminal(
        bench, "run", *options, *report, tool, bench.folder / "job.json"
    )
    assert (code, json.loads(out)["out"]["basename"]) == (0, "out.txt"), err
    assert "--memo-report" in err


@pytest.mark.parametrize("mode", ["readwrite", "readonly", "recache"])
def test_runs_are_recorded_and_can_be_explained(bench: Bench, mode: str) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    run = bench.run(tool, job(bench), "--memo-mode", mode)
    words: list[str | Path] = ["explain", "latest", "--store", bench.store, "--json"]
    code, out, err = run_in_terminal(bench, *words)
    assert code == 0, err
    explained = json.loads(out)
    if mode != "readonly":  # which writes nothing
        assert explained["run"] == run.record.run
        assert [job["result"] for job in explained["jobs"]] == run.results
