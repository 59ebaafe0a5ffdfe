"""What must not be reused or recorded: everything but WorkReuse and Directories."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from .bench import Bench, Run, namespaces
from .delivered import delivered
from .workflows import chain

JS: dict[str, Any] = {"InlineJavascriptRequirement": {}}
CWLTOOL = {"cwltool": "http://commonwl.org/cwltool#"}


def file(path: Path) -> dict[str, Any]:
    return {"class": "File", "path": str(path)}


def job(bench: Bench) -> dict[str, Any]:
    return {"f": file(bench.write("in.txt", "one\n"))}


def assert_refused(run: Run, cause: str) -> None:
    assert (run.code, run.results, run.causes) == (0, ["refused"], [cause]), run.log
    assert run.executed == 1
    assert f"reuse refused: {cause}" in run.log


def assert_not_recorded(run: Run, cause: str) -> None:
    assert (run.code, run.results, run.not_recorded) == (0, ["executed"], [cause]), run.log
    assert run.executed == 1
    assert f"not recorded: {cause}" in run.log


# in-place updates, the network


def test_refused_when_tool_may_update_its_inputs_in_place(bench: Bench) -> None:
    tool = bench.tool(
        body="echo more >> in.txt; cat in.txt",
        requirements={
            "InplaceUpdateRequirement": {"inplaceUpdate": True},
            "InitialWorkDirRequirement": {"listing": [{"entry": "$(inputs.f)", "writable": True}]},
        },
    )
    given = job(bench)
    texts = []
    for _ in range(2):
        run = bench.run(tool, given)
        assert_refused(run, "inplace-update")
        texts.append(run.text())
    # Each run added to the user's file, as asked.
    assert texts == ["one\nmore\n", "one\nmore\nmore\n"]


def test_in_place_update_of_a_reused_output_does_not_reach_the_store(bench: Bench) -> None:
    inplace = {
        "InplaceUpdateRequirement": {"inplaceUpdate": True},
        "InitialWorkDirRequirement": {"listing": [{"entry": "$(inputs.f)", "writable": True}]},
    }
    workflow = chain(bench, "cat $1", "echo more >> out.txt; cat out.txt > sum.txt")
    outputs: Any = {"out": {"type": "File", "outputBinding": {"glob": "sum.txt"}}}
    body = "echo more >> out.txt; cat out.txt > sum.txt"
    bench.tool("t2.cwl", body, requirements=inplace, outputs=outputs, stdout="log")
    for link in ("copy", "hardlink", "copy", "hardlink"):
        run = bench.run(workflow, job(bench), "--memo-link", link)
        assert (run.code, run.text()) == (0, "one\nmore\n"), run.log


@pytest.mark.parametrize("version", ["v1.1", "v1.2"])
def test_refused_when_the_network_may_be_used_and_that_is_asked_for(
    bench: Bench, version: str
) -> None:
    need = {"NetworkAccess": {"networkAccess": True}}
    tool = bench.tool(cwlVersion=version, requirements=need)
    for _ in range(2):
        assert_refused(bench.run(tool, job(bench), "--memo-network", "refuse"), "network-access")
    allowed = [bench.run(tool, job(bench)) for _ in range(2)]
    assert [run.executed for run in allowed] == [1, 0]
    assert all(run.record.jobs[0].network for run in allowed)


def test_network_of_v1_0_is_on_by_default(bench: Bench) -> None:
    tool = bench.tool(cwlVersion="v1.0")
    assert_refused(bench.run(tool, job(bench), "--memo-network", "refuse"), "network-access")


def test_hit_when_network_is_refused_to_all_and_the_tool_has_none(bench: Bench) -> None:
    runs = [bench.run(bench.tool(), job(bench), "--memo-network", "refuse") for _ in range(2)]
    assert [run.executed for run in runs] == [1, 0]


def test_network_expression_is_evaluated_where_it_decides(bench: Bench) -> None:
    need = {**JS, "NetworkAccess": {"networkAccess": "$(inputs.f.size > 4)"}}
    tool = bench.tool(requirements=need)
    runs = [bench.run(tool, job(bench), "--memo-network", "refuse") for _ in range(2)]
    assert [run.executed for run in runs] == [1, 0]
    large = {"f": file(bench.write("large.txt", "more than four"))}
    assert_refused(bench.run(tool, large, "--memo-network", "refuse"), "network-access")


# chance and the clock


@pytest.mark.parametrize(
    "expression",
    [
        "$(Math.random())",
        "$(Math . random())",
        "$(Math['random']())",
        "${var m = Math; return m.random();}",
        "$(Date.now())",
        "$(new Date().getTime())",
        "$(new Date)",
        "$(Date())",
        "${var D = Date; return new D().getTime();}",
        "${return new Date( /* now */ ).getTime();}",
        "${return new Date(...[]).getTime();}",
        "now is $(Date.now()) or so",
    ],
)
def test_refused_when_an_expression_rolls_dice_or_reads_the_clock(
    bench: Bench, expression: str
) -> None:
    requirements = {**JS, "EnvVarRequirement": {"envDef": {"X": "text: " + expression}}}
    tool = bench.tool(body="cat $1; echo $X", requirements=requirements)
    for _ in range(2):
        assert_refused(bench.run(tool, job(bench)), "nondeterministic-expression")


@pytest.mark.parametrize("where", ["library", "outputs", "stdout", "resources"])
def test_refused_wherever_the_expression_stands(bench: Bench, where: str) -> None:
    dice = "$(Math.floor(Math.random() * 2) + 1)"
    fields: dict[str, Any] = {"requirements": dict(JS)}
    if where == "library":
        code = "function dice() { return Math.random(); }"
        fields["requirements"]["InlineJavascriptRequirement"] = {"expressionLib": [code]}
        fields["requirements"]["EnvVarRequirement"] = {"envDef": {"X": "x$(dice())"}}
    elif where == "outputs":
        fields["outputs"] = {
            "out": {"type": "File", "outputBinding": {"glob": "out.txt"}},
            "n": {"type": "float", "outputBinding": {"outputEval": dice}},
        }
    elif where == "stdout":
        fields["stdout"] = f"out{dice}.txt"
        fields["outputs"] = {"out": {"type": "File", "outputBinding": {"glob": "out*.txt"}}}
    else:
        fields["requirements"]["ResourceRequirement"] = {"coresMin": dice}
        fields["requirements"]["EnvVarRequirement"] = {"envDef": {"X": "x$(runtime.cores)"}}
    tool = bench.tool(**fields)
    runs = [bench.run(tool, job(bench)) for _ in range(2)]
    for run in runs:
        assert_refused(run, "nondeterministic-expression")


@pytest.mark.parametrize(
    "expression",
    [
        "$(new Date(0).getTime())",
        "$(Date.UTC(2020, 1))",
        "$(Math.floor(1.5))",
        "$('Math.random() and Date.now()')",
        '$("new Date()")',
        "$(inputs.f.basename + ' Date')",
        "Math.random() $(1)",
    ],
)
def test_hit_when_an_expression_only_looks_like_the_clock(bench: Bench, expression: str) -> None:
    requirements = {**JS, "EnvVarRequirement": {"envDef": {"X": "text: " + expression}}}
    tool = bench.tool(body='cat $1; echo "$X"', requirements=requirements)
    runs = [bench.run(tool, job(bench)) for _ in range(2)]
    assert [run.executed for run in runs] == [1, 0], runs[-1].causes
    assert runs[0].text() == runs[1].text()


# inputs that cannot be keyed


def test_pipe_is_refused_and_never_read(bench: Bench) -> None:
    # cwltool itself takes no pipe where it runs no container; a read would hang forever.
    pipe = bench.folder / "pipe"
    os.mkfifo(pipe)
    tool = bench.tool()
    plain = bench.run(tool, {"f": file(pipe)}, "--no-memo")
    run = bench.run(tool, {"f": file(pipe)})
    assert (run.code, run.executed) == (plain.code, plain.executed)
    assert run.causes == ["stream-input"]


def test_input_that_vanished_fails_as_in_plain_cwltool(bench: Bench) -> None:
    tool = bench.tool()
    given = job(bench)
    bench.run(tool, given)
    (bench.folder / "in.txt").unlink()
    plain = bench.run(tool, given, "--no-memo")
    gone = bench.run(tool, given)
    assert (gone.code, gone.executed) == (plain.code, 0)
    assert gone.code != 0


# failures


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("cat $1; exit 3", {}),
        ("rm out.txt", {}),
        ("cat $1", {"permanentFailCodes": [0]}),
        ("cat $1; exit 5", {"temporaryFailCodes": [5]}),
        ("cat $1; exit 1", {"successCodes": [3]}),
        (
            "cat $1",
            {"outputs": {"out": {"type": "int", "outputBinding": {"glob": "out.txt"}}}},
        ),
        ("kill -9 $$", {}),
        ("echo '{' > cwl.output.json", {}),
    ],
    ids=str,
)
def test_failed_job_is_not_recorded_and_tried_again(
    bench: Bench, body: str, fields: dict[str, Any]
) -> None:
    tool = bench.tool(body=body, **fields)
    plain = bench.run(tool, job(bench), "--no-memo")
    for _ in range(2):
        run = bench.run(tool, job(bench))
        assert delivered(run) == delivered(plain)
        assert (run.results, run.not_recorded, run.executed) == (["failed"], ["failed"], 1)


def test_job_that_failed_once_succeeds_the_next_time_and_then_hits(bench: Bench) -> None:
    tool = bench.tool(body=f"test -e {bench.folder}/go && cat $1")
    failed = bench.run(tool, job(bench))
    bench.write("go", "")
    runs = [bench.run(tool, job(bench)) for _ in range(2)]
    assert [run.executed for run in [failed, *runs]] == [1, 1, 0]
    assert [run.code for run in [failed, *runs]] == [1, 0, 0]


def test_failure_of_one_scatter_job_leaves_hits_for_the_others(bench: Bench) -> None:
    from .workflows import scatter

    workflow = scatter(bench, bench.tool(body="grep -v bad $1"))
    paths = [bench.write(name, name) for name in ("a.txt", "bad.txt", "c.txt")]
    given = {"f": [file(path) for path in paths]}
    first = bench.run(workflow, given, "--on-error", "continue")
    second = bench.run(workflow, given, "--on-error", "continue")
    assert (first.code, second.code) == (1, 1)
    assert (first.executed, second.executed) == (3, 1)
    assert sorted(second.results) == ["failed", "reused", "reused"]


# records that would be wrong


def test_not_recorded_when_an_input_changed_during_the_run(bench: Bench) -> None:
    path = bench.write("in.txt", "one\n")
    tool = bench.tool(body=f"cat $1; echo more >> {path}")
    given = {"f": file(path)}
    first = bench.run(tool, given)
    assert_not_recorded(first, "input-changed-during-run")
    path.write_text("one\n")
    again = bench.run(tool, given)
    assert (again.executed, again.text()) == (1, "one\n")


def test_not_recorded_when_an_input_is_replaced_by_equal_bytes_and_back(bench: Bench) -> None:
    path = bench.write("in.txt", "one\n")
    tool = bench.tool(body=f"cat $1; rm {path}; echo one > {path}")
    assert_not_recorded(bench.run(tool, {"f": file(path)}), "input-changed-during-run")


def test_not_recorded_when_an_output_lies_outside_the_workspace(bench: Bench) -> None:
    outside = bench.write("outside.txt", "v1")
    tool = bench.tool(
        body=f"ln -s {outside} link.txt",
        outputs={"out": {"type": "File", "outputBinding": {"glob": "link.txt"}}},
    )
    for text in ("v1", "v2"):
        outside.write_text(text)
        plain = bench.run(tool, job(bench), "--no-memo")
        run = bench.run(tool, job(bench))
        assert (run.code, run.output is None) == (plain.code, plain.output is None)
        if plain.code == 0:
            assert run.text() == plain.text() == text
            assert_not_recorded(run, "output-outside-workspace")


@pytest.mark.parametrize("kind", ["entry", "listing"])
def test_file_that_an_expression_makes_of_a_path_is_never_a_stale_hit(
    bench: Bench, kind: str
) -> None:
    hidden = bench.write("hidden.txt", "v1")
    literal = f"{{class: 'File', location: '{hidden.as_uri()}', basename: 'h.txt'}}"
    code = f"${{return {literal};}}" if kind == "entry" else f"${{return [{literal}];}}"
    listing: Any = [{"entryname": "h.txt", "entry": code}] if kind == "entry" else code
    tool = bench.tool(
        body="cat h.txt",
        requirements={**JS, "InitialWorkDirRequirement": {"listing": listing}},
    )
    for text in ("v1", "v2"):
        hidden.write_text(text)
        run = bench.run(tool, job(bench))
        assert (run.code, run.text()) == (0, text), run.log
        assert run.not_recorded == ["input-not-in-key"]


def test_not_recorded_when_larger_than_the_store_may_become(bench: Bench) -> None:
    tool = bench.tool(body="head -c 3000 /dev/zero")
    for _ in range(2):
        run = bench.run(tool, job(bench), "--memo-max-size", "2kB")
        assert_not_recorded(run, "too-large")


# secrets


def secretive(bench: Bench, body: str, **fields: Any) -> tuple[Path, dict[str, Any]]:
    inputs = {
        "f": {"type": "File", "inputBinding": {"position": 1}},
        "password": {"type": "string", "inputBinding": {"position": 2}},
    }
    tool = bench.tool(
        body=body,
        inputs=inputs,
        hints={"cwltool:Secrets": {"secrets": ["password"]}},
        **namespaces(CWLTOOL),
        **fields,
    )
    return tool, {**job(bench), "password": "hunter2-swordfish"}


def store_holds(bench: Bench, text: str) -> bool:
    files = (path for path in bench.store.rglob("*") if path.is_file())
    return any(text.encode() in path.read_bytes() for path in files)


def test_hit_when_a_secret_stays_out_of_the_outputs_and_nothing_tells_it(bench: Bench) -> None:
    tool, given = secretive(bench, 'cat $1; test -n "$2"')
    runs = [bench.run(tool, given) for _ in range(2)]
    given["password"] = "another-secret"
    runs.append(bench.run(tool, given))
    assert [run.executed for run in runs] == [1, 0, 1]
    assert not store_holds(bench, "hunter2")
    assert not any("hunter2" in run.log for run in runs)
    assert runs[2].record.jobs[0].differs == ("inputs.password",)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ('echo "$2"', {}),
        ('cat $1; echo "my $2" > side.txt', {}),
        ('cat $1; echo "$2" >&2', {}),
        ('cat $1; echo "$2" >&2', {"stderr": "err.txt"}),
    ],
    ids=["output", "workspace", "log", "redirected"],
)
def test_not_recorded_when_a_secret_would_stand_in_the_entry(
    bench: Bench, body: str, fields: dict[str, Any]
) -> None:
    tool, given = secretive(bench, body, **fields)
    for _ in range(2):
        assert_not_recorded(bench.run(tool, given), "secret-output")
    assert not store_holds(bench, "hunter2")
