"""What must miss: programs of the host, its environment, and the user's own word."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from .bench import Bench, Run
from .parted import assert_parted, bound, file
from .workflows import step, wrap


class Programs:
    """A folder that stands first on PATH, and the programs in it."""

    def __init__(self, bench: Bench, name: str = "bin") -> None:
        self.folder = bench.folder / name
        self.env = {"PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}"}
        self._counter = bench.counter

    def write(self, says: str, name: str = "mytool", shebang: str = "#!/bin/sh") -> Path:
        """Write a program that leaves a mark and says something."""
        self.folder.mkdir(exist_ok=True)
        path = self.folder / name
        path.write_text(f"{shebang}\necho ran >> {self._counter}\necho {says}\n")
        path.chmod(0o755)
        return path


@pytest.fixture
def programs(bench: Bench) -> Programs:
    return Programs(bench)


def program_tool(bench: Bench, **fields: Any) -> Path:
    """Write a tool whose marks are left by the programs that it runs."""
    return bench.tool(**{"inputs": {}, "arguments": None, "baseCommand": None, **fields})


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"baseCommand": "mytool"}, id="base-command"),
        pytest.param({"baseCommand": ["mytool", "-x"]}, id="base-command-with-options"),
        pytest.param({"arguments": ["mytool"]}, id="first-argument"),
        pytest.param(
            {
                "arguments": [
                    {"valueFrom": "-x", "position": 2},
                    {"valueFrom": "mytool", "position": 1},
                ]
            },
            id="argument-by-position",
        ),
        pytest.param({"baseCommand": ["sh", "-c", "true | mytool"]}, id="pipeline"),
        pytest.param(
            {"baseCommand": ["sh", "-c"], "arguments": ["echo >/dev/null; mytool | cat"]},
            id="script-in-an-argument",
        ),
        pytest.param({"baseCommand": ["env", "X=1", "mytool"]}, id="env"),
        pytest.param({"baseCommand": ["nice", "-n", "1", "mytool"]}, id="nice"),
        pytest.param(
            {
                "baseCommand": "true",
                "arguments": [{"valueFrom": "&& mytool", "shellQuote": False}],
                "requirements": {"ShellCommandRequirement": {}},
            },
            id="shell-command-requirement",
        ),
        pytest.param(
            {
                "baseCommand": ["sh", "run.sh"],
                "requirements": {
                    "InitialWorkDirRequirement": {
                        "listing": [{"entryname": "run.sh", "entry": "true\nmytool\n"}]
                    }
                },
            },
            id="script-in-the-working-directory",
        ),
        pytest.param(
            {
                "baseCommand": ["sh", "-c"],
                "inputs": {"s": {**bound("string"), "default": "mytool"}},
            },
            id="script-in-an-input",
        ),
        pytest.param(
            {
                "inputs": {
                    "a": {**bound("string", 2), "default": "-x"},
                    "p": {**bound("string", 1), "default": "mytool"},
                }
            },
            id="program-in-an-input",
        ),
        pytest.param(
            {
                "arguments": ["$(inputs.p)"],
                "inputs": {"p": {"type": "string", "default": "mytool"}},
            },
            id="program-by-expression",
        ),
        pytest.param(
            {
                "baseCommand": ["sh"],
                "inputs": {
                    "x": {
                        "type": "string",
                        "default": "1",
                        "inputBinding": {"prefix": "-c", "valueFrom": "mytool $(self)"},
                    }
                },
            },
            id="script-in-the-binding-of-an-input",
        ),
        pytest.param(
            {
                "inputs": {
                    "x": {"type": "string", "default": "1", "inputBinding": {"valueFrom": "mytool"}}
                }
            },
            id="program-in-the-binding-of-an-input",
        ),
        pytest.param(
            {
                "baseCommand": ["sh", "-c"],
                "inputs": {
                    "xs": {
                        "type": {"type": "array", "items": "string"},
                        "default": ["mytool"],
                        "inputBinding": {"itemSeparator": ";"},
                    }
                },
            },
            id="script-in-an-array",
        ),
        pytest.param(
            {
                "baseCommand": ["sh", "-c", "$RUN"],
                "requirements": {"EnvVarRequirement": {"envDef": {"RUN": "mytool"}}},
            },
            id="program-in-an-environment-variable",
        ),
    ],
)
def test_miss_when_a_program_on_path_is_upgraded(
    bench: Bench, programs: Programs, fields: dict[str, Any]
) -> None:
    tool = program_tool(bench, **fields)

    def run(says: str) -> Run:
        programs.write(says)
        return bench.run(tool, {}, env=programs.env)

    changed = assert_parted(run, "old", "new", ("old\n", "new\n"))
    assert changed.record.jobs[0].differs == ("host.mytool",)


@pytest.mark.parametrize("count", [1000, 10_000])
def test_miss_when_a_program_is_upgraded_that_a_long_script_names_last(
    bench: Bench, programs: Programs, count: int
) -> None:
    script = "# " + " ".join(f"word{i}" for i in range(count)) + "\nmytool"
    tool = program_tool(bench, baseCommand=["sh", "-c", script])

    def run(says: str) -> Run:
        programs.write(says)
        return bench.run(tool, None, env=programs.env)

    assert_parted(run, "one", "two", ("one\n", "two\n"))


def test_miss_when_another_program_comes_first_on_path(bench: Bench) -> None:
    tool = program_tool(bench, baseCommand="mytool")
    folders = {name: Programs(bench, name) for name in ("a", "b")}
    for name, programs in folders.items():
        programs.write(name)
    assert_parted(lambda name: bench.run(tool, {}, env=folders[name].env), "a", "b", ("a\n", "b\n"))


def test_miss_when_a_second_program_of_a_pipeline_appears(bench: Bench, programs: Programs) -> None:
    body = "command -v mytool >/dev/null && mytool || echo none"
    tool = bench.tool(body=body, inputs={})
    cold = bench.run(tool, {}, env=programs.env)
    programs.write("here")
    changed = bench.run(tool, {}, env=programs.env)
    assert (cold.executed, cold.text()) == (1, "none\n")
    assert (changed.results, changed.text()) == (["executed"], "here\n")


def test_miss_when_link_on_path_leads_to_another_version(bench: Bench, programs: Programs) -> None:
    versions = {name: programs.write(name, f"mytool-{name}") for name in ("1", "2")}
    link = programs.folder / "mytool"
    tool = program_tool(bench, baseCommand="mytool")

    def run(name: str) -> Run:
        link.unlink(missing_ok=True)
        link.symlink_to(versions[name])
        return bench.run(tool, {}, env=programs.env)

    assert_parted(run, "1", "2", ("1\n", "2\n"))


@pytest.mark.parametrize("place", ["baseCommand", "argument"])
def test_miss_when_a_script_called_by_its_path_changes(
    bench: Bench, programs: Programs, place: str
) -> None:
    script = programs.write("old", "script.sh")
    command = [str(script)] if place == "baseCommand" else ["sh", str(script)]
    tool = program_tool(bench, baseCommand=command)

    def run(says: str) -> Run:
        programs.write(says, "script.sh")
        return bench.run(tool, {})

    assert_parted(run, "old", "new", ("old\n", "new\n"))


def test_miss_when_the_interpreter_of_a_script_on_path_is_upgraded(
    bench: Bench, programs: Programs
) -> None:
    programs.write("unused", shebang="#!/usr/bin/env myinterpreter")
    tool = program_tool(bench, baseCommand="mytool")

    def run(says: str) -> Run:
        programs.write(says, "myinterpreter")
        return bench.run(tool, {}, env=programs.env)

    changed = assert_parted(run, "old", "new", ("old\n", "new\n"))
    assert changed.record.jobs[0].differs == ("host.#!myinterpreter",)


def test_miss_when_the_shell_that_is_required_changes(bench: Bench, programs: Programs) -> None:
    # /bin/sh runs it whatever PATH says; a program of that name in the line is another.
    tool = program_tool(
        bench,
        arguments=[{"valueFrom": "mytool --with $(inputs.x)", "shellQuote": False}],
        inputs={"x": "string"},
        requirements={"ShellCommandRequirement": {}},
    )

    def run(says: str) -> Run:
        programs.write(says)
        return bench.run(tool, {"x": "v"}, env=programs.env)

    assert_parted(run, "old", "new", ("old\n", "new\n"))


# the environment


def test_miss_when_a_preserved_variable_changes(bench: Bench) -> None:
    tool = bench.tool(body="echo $MINE", inputs={})
    options = ("--preserve-environment", "MINE")
    changed = assert_parted(
        lambda value: bench.run(tool, {}, *options, env={"MINE": value}),
        "a",
        "b",
        ("a\n", "b\n"),
    )
    assert changed.record.jobs[0].differs == ("environment.MINE",)


def test_miss_when_a_variable_is_preserved_for_the_first_time(bench: Bench) -> None:
    tool = bench.tool(body="echo $MINE", inputs={})
    assert_parted(
        lambda options: bench.run(tool, {}, *options, env={"MINE": "a"}),
        (),
        ("--preserve-environment", "MINE"),
        ("\n", "a\n"),
    )


def test_miss_when_the_entire_environment_is_preserved_and_changes(bench: Bench) -> None:
    tool = bench.tool(body="echo $MINE", inputs={})
    assert_parted(
        lambda value: bench.run(tool, {}, "--preserve-entire-environment", env={"MINE": value}),
        "a",
        "b",
        ("a\n", "b\n"),
    )


def test_value_of_a_preserved_variable_stands_nowhere_in_the_store(bench: Bench) -> None:
    tool = bench.tool(body="echo told", inputs={})
    value = "a-password-of-mine"
    run = bench.run(tool, {}, "--preserve-environment", "MINE", env={"MINE": value})
    assert run.executed == 1
    files = [path for path in bench.store.rglob("*") if path.is_file()]
    assert not [path for path in files if value.encode() in path.read_bytes()]


def test_miss_when_the_time_zone_changes_that_an_expression_sees(bench: Bench) -> None:
    tool = bench.tool(
        body="cat hour",
        inputs={},
        requirements={
            "InlineJavascriptRequirement": {},
            "InitialWorkDirRequirement": {
                "listing": [{"entryname": "hour", "entry": "${return new Date(0).getHours();}"}]
            },
        },
    )

    def run(zone: str) -> Run:
        stop_javascript()
        return bench.run(tool, {}, env={"TZ": zone})

    assert_parted(run, "UTC", "Etc/GMT-5", ("0", "5"))


def stop_javascript() -> None:
    """End the JavaScript engine that cwltool keeps: it was started in another time zone."""
    from cwl_utils.sandboxjs import get_js_engine

    engine: Any = get_js_engine()
    for process in getattr(engine, "localdata", engine).__dict__.get("procs", {}).values():
        process.kill()
        process.wait()
    getattr(engine, "localdata", engine).__dict__.pop("procs", None)


# the user's own word, and options


def test_miss_when_the_salt_changes(bench: Bench) -> None:
    tool = bench.tool()
    path = bench.write("in.txt", "one")
    changed = assert_parted(
        lambda salt: bench.run(tool, {"f": file(path)}, "--memo-salt", salt),
        "a",
        "b",
        ("one", "one"),
    )
    assert changed.record.jobs[0].differs == ("salt",)


def test_miss_when_the_salt_comes_from_the_environment(bench: Bench) -> None:
    tool = bench.tool()
    path = bench.write("in.txt", "one")
    assert_parted(
        lambda env: bench.run(tool, {"f": file(path)}, env=env),
        {},
        {"CWL_MEMO_SALT": "a"},
        ("one", "one"),
    )


def test_miss_when_programs_count_by_content_after_they_counted_by_name(
    bench: Bench, programs: Programs
) -> None:
    tool = program_tool(bench, baseCommand="mytool")

    def run(says: str, *options: str) -> Run:
        programs.write(says)
        return bench.run(tool, {}, *options, env=programs.env)

    by_name = ("--memo-host-tools", "name")
    cold, upgraded, changed = run("old", *by_name), run("new", *by_name), run("new")
    assert (cold.executed, upgraded.executed, changed.executed) == (1, 0, 1)
    assert (upgraded.text(), changed.text()) == ("old\n", "new\n")


@pytest.mark.parametrize("what", ["processes", "runner"])
def test_miss_when_what_starts_processes_of_mpi_changes(
    bench: Bench, programs: Programs, what: str
) -> None:
    requirement = {"http://commonwl.org/cwltool#MPIRequirement": {"processes": "$(inputs.n)"}}
    tool = bench.tool(
        body="echo $0",
        inputs={"n": "int"},
        requirements=requirement,
        arguments=["$(inputs.n)"],
        baseCommand="echo",
    )
    config = bench.write("mpi.yml", {"runner": "myrun", "nproc_flag": "--np"})

    def run(value: str) -> Run:
        path = programs.write("ignored", "myrun")
        path.write_text(
            f"#!/bin/sh\necho ran >> {bench.counter}\n"
            + ('echo "$@"\n' if what == "processes" else f"echo {value}\n")
        )
        job = {"n": int(value) if what == "processes" else 1}
        return bench.run(tool, job, "--mpi-config-file", str(config), env=programs.env, ext=True)

    texts = ("--np 1 echo 1\n", "--np 2 echo 2\n") if what == "processes" else ("1\n", "2\n")
    assert_parted(run, "1", "2", texts)


@pytest.mark.parametrize("how", ["position", "staged", "directory", "output"])
def test_miss_when_the_interpreter_of_a_script_that_is_an_input_is_upgraded(
    bench: Bench, programs: Programs, how: str
) -> None:
    script = bench.write("scripts/run.tool", "#!/usr/bin/env myint\nwhatever\n")
    script.chmod(0o755)
    tool = program_tool(bench, inputs={"f": bound("File")})
    given: dict[str, Any] = {"f": file(script)}
    if how == "staged":
        entry = {"entry": "$(inputs.f)", "entryname": "run.tool"}
        tool = program_tool(
            bench,
            baseCommand="./run.tool",
            inputs={"f": "File"},
            requirements={"InitialWorkDirRequirement": {"listing": [entry]}},
        )
    elif how == "directory":
        argument = {"valueFrom": "$(inputs.d.path)/run.tool"}
        tool = program_tool(bench, arguments=[argument], inputs={"d": "Directory"})
        given = {"d": {"class": "Directory", "path": str(script.parent)}}
    elif how == "output":
        script.chmod(0o644)  # what makes it executable is no script itself
        made = program_tool(
            bench,
            name="made.cwl",
            baseCommand=["sh", "-c", "cp $0 out.txt; chmod +x out.txt"],
            inputs={"f": bound("File")},
            stdout=None,
        )
        tool = program_tool(bench, name="used.cwl", inputs={"f": bound("File")})
        steps = {"made": step(made, "f"), "used": step(tool, "made/out")}
        tool = wrap(bench, "wf.cwl", steps, {"out": {"type": "File", "outputSource": "used/out"}})

    def run(says: str) -> Run:
        programs.write(says, "myint")
        return bench.run(tool, given, "--memo-directories", "content", env=programs.env)

    assert_parted(run, "one", "two", ("one\n", "two\n"))


def test_hit_when_a_script_that_is_an_input_names_a_program_that_is_not_there(
    bench: Bench,
) -> None:
    script = bench.write("run.tool", "#!/nowhere/interpreter\n")
    script.chmod(0o755)
    runs = [bench.run(bench.tool(), {"f": file(script)}) for _ in range(2)]
    assert [run.executed for run in runs] == [1, 0]
