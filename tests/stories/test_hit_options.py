"""What the memoization options do to lookups and records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cwl import runner
from cwl_memo.store.local import open_store

from .bench import Bench, Run
from .delivered import delivered
from .terminal import run_in_terminal


def job(bench: Bench) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n"))}}


def fickle(bench: Bench) -> Path:
    """Write a tool whose result depends on a file that is none of its inputs."""
    return bench.tool(body=f"cat $1 {bench.folder}/state")


def entries(bench: Bench) -> int:
    store = open_store(bench.store, readonly=True)
    try:
        return len(list(store.keys()))
    finally:
        store.close()


def set_state(bench: Bench, text: str) -> None:
    bench.write("state", text)


def run_with(bench: Bench, setting: tuple[str, str], way: str, **env: str) -> Run:
    """Run the fickle tool with a setting given as an option or as a variable."""
    name, value = setting
    if way == "option":
        return bench.run(fickle(bench), job(bench), f"--memo-{name}", value, env=env)
    variable = "CWL_MEMO_" + name.upper().replace("-", "_")
    return bench.run(fickle(bench), job(bench), env={**env, variable: value})


WAYS = pytest.mark.parametrize("way", ["option", "variable"])


@WAYS
def test_readonly_hits_and_records_nothing(bench: Bench, way: str) -> None:
    set_state(bench, "1")
    bench.run(fickle(bench), job(bench))
    before = entries(bench)
    set_state(bench, "2")
    warm = run_with(bench, ("mode", "readonly"), way)
    assert (warm.results, warm.executed, warm.text()) == (["reused"], 0, "one\n1")
    for _ in range(2):
        other = {"f": {"class": "File", "path": str(bench.write("other.txt", "x"))}}
        miss = bench.run(fickle(bench), other, "--memo-mode", "readonly")
        assert (miss.results, miss.not_recorded) == (["executed"], ["store-read-only"])
        assert miss.executed == 1
    assert entries(bench) == before


@WAYS
def test_recache_executes_and_replaces(bench: Bench, way: str) -> None:
    set_state(bench, "1")
    bench.run(fickle(bench), job(bench))
    set_state(bench, "2")
    anew = run_with(bench, ("mode", "recache"), way)
    assert (anew.results, anew.causes, anew.executed) == (["executed"], ["recache"], 1)
    assert anew.text() == "one\n2"
    set_state(bench, "3")
    warm = bench.run(fickle(bench), job(bench))
    assert (warm.results, warm.executed, warm.text()) == (["reused"], 0, "one\n2")
    assert entries(bench) == 1


def test_recache_executes_equal_jobs_of_a_scatter_each(bench: Bench) -> None:
    from .workflows import scatter

    given = {"f": [job(bench)["f"]] * 3}
    workflow = scatter(bench, bench.tool())
    for more in ((), ("--parallel",)):
        anew = bench.run(workflow, given, "--memo-mode", "recache", *more)
        assert (anew.code, anew.text_of_all()) == (0, ["one\n"] * 3)


@pytest.mark.parametrize(
    ("options", "env"),
    [
        (["--no-memo"], {}),
        (["--memo-mode", "off"], {}),
        ([], {"CWL_MEMO": "0"}),
        ([], {"CWL_MEMO": "off"}),
        ([], {"CWL_MEMO": "No"}),
        ([], {"CWL_MEMO_MODE": "off"}),
        (["--no-memo"], {"CWL_MEMO": "1"}),
    ],
    ids=str,
)
def test_off_behaves_as_cwltool(bench: Bench, options: list[str], env: dict[str, str]) -> None:
    for _ in range(2):
        run = bench.run(bench.tool(), job(bench), *options, env=env)
        assert (run.code, run.executed, run.record.jobs) == (0, 1, [])
        assert run.record.mode == "off"
        assert "[memo]" not in run.log
    assert not bench.store.exists()


@pytest.mark.parametrize(
    ("options", "env"),
    [
        (["--memo"], {"CWL_MEMO": "0"}),
        (["--memo-mode", "readwrite"], {"CWL_MEMO_MODE": "off"}),
        ([], {"CWL_MEMO": ""}),
        ([], {"CWL_MEMO": "yes", "CWL_MEMO_MODE": ""}),
    ],
    ids=str,
)
def test_option_wins_over_variable_and_empty_means_unset(
    bench: Bench, options: list[str], env: dict[str, str]
) -> None:
    runs = [bench.run(bench.tool(), job(bench), *options, env=env) for _ in range(2)]
    assert [run.executed for run in runs] == [1, 0]


@WAYS
def test_salt_parts_entries(bench: Bench, way: str) -> None:
    set_state(bench, "")
    bench.run(fickle(bench), job(bench))
    salted = [run_with(bench, ("salt", "mine"), way) for _ in range(2)]
    plain = bench.run(fickle(bench), job(bench))
    assert [run.executed for run in [*salted, plain]] == [1, 0, 0]
    assert salted[0].record.jobs[0].differs == ("salt",)


@WAYS
def test_directories_can_be_allowed(bench: Bench, way: str) -> None:
    set_state(bench, "")
    bench.write("d/a.txt", "a")
    given = {**job(bench), "d": {"class": "Directory", "path": str(bench.folder / "d")}}
    inputs = {"f": {"type": "File", "inputBinding": {"position": 1}}, "d": "Directory"}
    tool = bench.tool(inputs=inputs)
    for expected in (1, 0):
        if way == "option":
            run = bench.run(tool, given, "--memo-directories", "content")
        else:
            run = bench.run(tool, given, env={"CWL_MEMO_DIRECTORIES": "content"})
        assert run.executed == expected


@WAYS
def test_host_tools_by_name_hit_though_the_program_changed(bench: Bench, way: str) -> None:
    program = bench.write("bin/mytool", f"#!/bin/sh\necho ran >> {bench.counter}\ncat $1\n")
    program.chmod(0o755)
    tool = bench.tool(baseCommand="mytool", arguments=None)
    path = f"{program.parent}:/usr/bin:/bin"
    setting = {"PATH": path}
    options: list[str] = []
    if way == "option":
        options = ["--memo-host-tools", "name"]
    else:
        setting["CWL_MEMO_HOST_TOOLS"] = "name"
    runs = []
    for _ in range(2):
        runs.append(bench.run(tool, job(bench), *options, env=setting))
        program.write_text(program.read_text() + "# newer\n")
    by_content = [bench.run(tool, job(bench), env={"PATH": path}) for _ in range(2)]
    assert [run.executed for run in [*runs, *by_content]] == [1, 0, 1, 0]


@WAYS
def test_network_can_be_refused(bench: Bench, way: str) -> None:
    set_state(bench, "")
    tool = bench.tool(requirements={"NetworkAccess": {"networkAccess": True}})
    for _ in range(2):
        if way == "option":
            run = bench.run(tool, job(bench), "--memo-network", "refuse")
        else:
            run = bench.run(tool, job(bench), env={"CWL_MEMO_NETWORK": "refuse"})
        assert (run.executed, run.causes) == (1, ["network-access"])


@WAYS
def test_max_size_bounds_the_store(bench: Bench, way: str) -> None:
    set_state(bench, "x" * 5000)
    small = run_with(bench, ("max-size", "1kB"), way)
    assert (small.results, small.not_recorded) == (["executed"], ["too-large"])
    assert small.text() == "one\n" + "x" * 5000
    large = run_with(bench, ("max-size", "100kB"), way)
    assert large.not_recorded == [""]


@pytest.mark.parametrize("variable", [True, False], ids=["variable", "option"])
def test_store_and_report_are_where_they_were_asked_for(bench: Bench, variable: bool) -> None:
    tool = bench.tool()
    path = job(bench)["f"]["path"]
    store, report = bench.folder / "my-store", bench.folder / "my-report.json"
    words: list[str | Path] = [
        "run",
        "--no-container",
        "--outdir",
        "o",
        tool,
        bench.write("j.yml", f"f: {{class: File, path: {path}}}"),
    ]
    if variable:
        env = {"CWL_MEMO_STORE": str(store), "CWL_MEMO_REPORT": str(report)}
        code, out, err = run_in_terminal(bench, *words, env=env)
    else:
        more: list[str | Path] = ["--memo-store", store, "--memo-report", report]
        code, out, err = run_in_terminal(bench, "run", *more, *words[1:])
    assert code == 0, err
    assert (store / "CACHEDIR.TAG").exists()
    assert '"executed": 1' in report.read_text()
    assert '"basename": "out.txt"' in out


def usage_error(bench: Bench, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    words = [
        "--no-container",
        *options,
        str(bench.tool()),
        str(bench.write("j.json", job(bench))),
    ]

    def write_report(*_: object) -> None:
        raise AssertionError("a report of a run that never was")

    code = runner.run(words, prog="cwl-memo run", write_report=write_report)
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ("--memo-mode", "sometimes"),
        ("--memo-directories", "yes"),
        ("--memo-image", "sha"),
        ("--memo-host-tools", "all"),
        ("--memo-network", "perhaps"),
        ("--memo-link", "soft"),
        ("--memo-max-size", "big"),
        ("--memo-max-size", "-1"),
        ("--memo-store", ""),
        ("--memo-report", "/no/such/folder/report.json"),
        ("--memo-report", "/"),
    ],
    ids=str,
)
def test_option_that_makes_no_sense_is_a_usage_error_that_names_it(
    bench: Bench, capsys: pytest.CaptureFixture[str], options: tuple[str, str]
) -> None:
    code, told = usage_error(bench, capsys, *options)
    assert code == 2
    assert options[0] in told.splitlines()[-1]
    assert not bench.counter.exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CWL_MEMO", "maybe"),
        ("CWL_MEMO_MODE", "sometimes"),
        ("CWL_MEMO_DIRECTORIES", "yes"),
        ("CWL_MEMO_IMAGE", "sha"),
        ("CWL_MEMO_HOST_TOOLS", "all"),
        ("CWL_MEMO_NETWORK", "perhaps"),
        ("CWL_MEMO_LINK", "soft"),
        ("CWL_MEMO_MAX_SIZE", "big"),
        ("CWL_MEMO_REPORT", "/no/such/folder/report.json"),
    ],
)
def test_variable_that_makes_no_sense_is_a_usage_error_that_names_it(
    bench: Bench,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
) -> None:
    monkeypatch.setenv(variable, value)
    code, told = usage_error(bench, capsys)
    assert code == 2
    assert variable in told.splitlines()[-1]
    assert not bench.counter.exists()


def test_cachedir_beside_memoization_is_a_usage_error_with_the_remedy(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = usage_error(bench, capsys, "--cachedir", str(bench.folder / "c"))
    assert code == 2
    assert "--memo-store" in told
    assert "--no-memo" in told
    assert not bench.counter.exists()


def test_cachedir_works_without_memoization(bench: Bench) -> None:
    cache = str(bench.folder / "cache")
    runs = [bench.run(bench.tool(), job(bench), "--no-memo", "--cachedir", cache) for _ in range(2)]
    assert [(run.code, run.executed) for run in runs] == [(0, 1), (0, 0)]
    assert delivered(runs[0])["files"] == delivered(runs[1])["files"]
