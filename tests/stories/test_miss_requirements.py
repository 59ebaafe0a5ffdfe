"""What must miss: changes of a tool's own requirements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .bench import Bench, Run
from .parted import assert_parted, bound, file, show_arguments, words

JS: dict[str, Any] = {"InlineJavascriptRequirement": {}}


def env(**variables: str) -> dict[str, Any]:
    return {"EnvVarRequirement": {"envDef": variables}}


def workdir(*listing: Any) -> dict[str, Any]:
    return {"InitialWorkDirRequirement": {"listing": list(listing)}}


# EnvVarRequirement


@pytest.mark.parametrize("place", ["requirements", "hints"])
def test_miss_when_environment_variable_changes(bench: Bench, place: str) -> None:
    def run(value: str) -> Run:
        fields: dict[str, Any] = {place: env(FOO=value)}
        return bench.run(bench.tool(body="echo $FOO", inputs={}, **fields), {})

    changed = assert_parted(run, "a", "b", ("a\n", "b\n"))
    field = "requirements.EnvVarRequirement.envDef.FOO"
    assert changed.record.jobs[0].differs == (field,)


def test_miss_when_environment_variable_is_renamed(bench: Bench) -> None:
    def run(name: str) -> Run:
        tool = bench.tool(body="echo foo=$FOO", inputs={}, requirements=env(**{name: "a"}))
        return bench.run(tool, {})

    assert_parted(run, "FOO", "BAR", ("foo=a\n", "foo=\n"))


def test_miss_when_input_reaches_the_tool_by_environment_alone(bench: Bench) -> None:
    tool = bench.tool(
        body="echo $FOO", inputs={"x": "string"}, requirements=env(FOO="<$(inputs.x)>")
    )
    assert_parted(lambda x: bench.run(tool, {"x": x}), "A", "B", ("<A>\n", "<B>\n"))


def test_miss_when_requirement_overrides_a_hint_with_another_value(bench: Bench) -> None:
    def run(requirements: dict[str, Any]) -> Run:
        tool = bench.tool(
            body="echo $FOO", inputs={}, hints=env(FOO="hint"), requirements=requirements
        )
        return bench.run(tool, {})

    assert_parted(run, {}, env(FOO="required"), ("hint\n", "required\n"))


# InitialWorkDirRequirement


@pytest.mark.parametrize(
    ("one", "other", "texts"),
    [
        pytest.param(
            {"entryname": "a", "entry": "one"},
            {"entryname": "a", "entry": "two"},
            ("a one ", "a two "),
            id="entry",
        ),
        pytest.param(
            {"entryname": "a", "entry": "one"},
            {"entryname": "b", "entry": "one"},
            ("a one ", "b one "),
            id="entryname",
        ),
        pytest.param(
            {"entryname": "$(inputs.x)", "entry": "one"},
            {"entryname": "$(inputs.y)", "entry": "one"},
            ("in-x one ", "in-y one "),
            id="entryname-by-expression",
        ),
        pytest.param(
            {"entryname": "a", "entry": "val=$(inputs.x)"},
            {"entryname": "a", "entry": "val=$(inputs.y)"},
            ("a val=in-x ", "a val=in-y "),
            id="entry-by-expression",
        ),
        pytest.param(
            {"entryname": "a", "entry": "one"},
            {"entryname": "deep/a", "entry": "one"},
            ("a one ", "deep/a one "),
            id="folder",
        ),
        pytest.param(
            {"class": "File", "basename": "a", "contents": "one"},
            {"class": "File", "basename": "a", "contents": "two"},
            ("a one ", "a two "),
            id="literal",
        ),
        pytest.param(
            {
                "class": "Directory",
                "basename": "d",
                "listing": [{"class": "File", "basename": "a", "contents": "one"}],
            },
            {
                "class": "Directory",
                "basename": "d",
                "listing": [{"class": "File", "basename": "b", "contents": "one"}],
            },
            ("d/a one ", "d/b one "),
            id="literal-directory",
        ),
    ],
)
def test_miss_when_entry_of_the_working_directory_changes(
    bench: Bench, one: dict[str, Any], other: dict[str, Any], texts: tuple[str, str]
) -> None:
    body = (
        "find . -name out.txt -o \\( -type f -o -type l \\) -print"
        " | sed s,^./,, | sort | while read f; do echo $f `cat $f`; done | tr '\\n' ' '"
    )

    def run(entry: dict[str, Any]) -> Run:
        tool = bench.tool(
            body=body, inputs={"x": "string", "y": "string"}, requirements=workdir(entry)
        )
        return bench.run(tool, {"x": "in-x", "y": "in-y"})

    assert_parted(run, one, other, texts)


def test_miss_when_input_reaches_the_tool_by_the_working_directory_alone(bench: Bench) -> None:
    tool = bench.tool(
        body="cat conf",
        inputs={"x": "string"},
        requirements=workdir({"entryname": "conf", "entry": "val=$(inputs.x)"}),
    )
    assert_parted(lambda x: bench.run(tool, {"x": x}), "A", "B", ("val=A", "val=B"))


def test_miss_when_an_entry_becomes_writable(bench: Bench) -> None:
    path = bench.write("in.txt", "one")

    def run(writable: bool) -> Run:
        entry = {"entry": "$(inputs.f)", "writable": writable}
        tool = bench.tool(
            body="test -L in.txt && echo link || echo copy",
            inputs={"f": "File"},
            requirements=workdir(entry),
        )
        return bench.run(tool, {"f": file(path)})

    assert_parted(run, False, True, ("link\n", "copy\n"))


@pytest.mark.parametrize("kind", ["File", "Directory"])
def test_miss_when_content_of_what_the_document_puts_there_changes(bench: Bench, kind: str) -> None:
    path = bench.write("data/in.txt", "one")
    location = "data/in.txt" if kind == "File" else "data"
    tool = bench.tool(
        body="cat in.txt data/in.txt 2> err; true",
        inputs={},
        requirements=workdir({"class": kind, "location": location}),
    )

    def run(text: str) -> Run:
        path.write_text(text)
        return bench.run(tool, {})

    assert_parted(run, "one", "two", ("one", "two"))


def test_miss_when_included_text_of_an_entry_changes(bench: Bench) -> None:
    entry = {"entryname": "script", "entry": {"$include": "script.txt"}}
    tool = bench.tool(body="cat script", inputs={}, requirements=workdir(entry))

    def run(text: str) -> Run:
        bench.write("script.txt", text)
        return bench.run(tool, {})

    assert_parted(run, "one", "two", ("one", "two"))


def test_miss_when_a_file_given_twice_becomes_two_that_collide_in_the_working_directory(
    bench: Bench,
) -> None:
    tool = bench.tool(
        body="ls | grep -c in",
        inputs={"fs": "File[]"},
        requirements={"InitialWorkDirRequirement": {"listing": "$(inputs.fs)"}},
    )
    one, same = bench.write("1/in.txt", "same"), bench.write("2/in.txt", "same")

    def run(*paths: Path) -> Run:
        return bench.run(tool, {"fs": [file(path) for path in paths]})

    cold, changed = run(one, one), run(one, same)
    assert (cold.code, cold.executed, cold.text()) == (0, 1, "1\n")
    assert (changed.code != 0, changed.results) == (True, ["failed"])
    assert "File staging conflict" in changed.log


def test_miss_when_version_of_the_document_changes_the_rules_of_the_working_directory(
    bench: Bench,
) -> None:
    def run(version: str) -> Run:
        tool = bench.tool(
            cwlVersion=version,
            body="cat conf",
            inputs={},
            requirements={**JS, **workdir({"entryname": "conf", "entry": "${return 1;}"})},
        )
        return bench.run(tool, {})

    cold, changed = run("v1.2"), run("v1.1")
    assert (cold.code, cold.executed, cold.text()) == (0, 1, "1")
    # v1.1 does not write numbers out: the job fails, and must not be a hit.
    assert changed.code != 0
    assert changed.results == ["failed"]


# expressionLib, types, limits, the shell


@pytest.mark.parametrize("included", [False, True])
def test_miss_when_expression_library_changes(bench: Bench, included: bool) -> None:
    def run(text: str) -> Run:
        code = f"function f() {{ return '{text}'; }}"
        bench.write("lib.js", code)
        library = {"expressionLib": [{"$include": "lib.js"} if included else code]}
        tool = show_arguments(
            bench,
            {"x": bound("string", valueFrom="$(f())")},
            requirements={"InlineJavascriptRequirement": library},
        )
        return bench.run(tool, {"x": ""})

    assert_parted(run, "a", "b", (words("a"), words("b")))


def test_miss_when_imported_record_type_gets_another_binding(bench: Bench) -> None:
    tool = show_arguments(
        bench,
        {"r": {"type": "types.yml#r"}},
        requirements={"SchemaDefRequirement": {"types": [{"$import": "types.yml"}]}},
    )

    def run(prefix: str) -> Run:
        fields = [{"name": "x", **bound("string", prefix=prefix)}]
        bench.write("types.yml", {"name": "r", "type": "record", "fields": fields})
        return bench.run(tool, {"r": {"x": "a"}})

    assert_parted(run, "-x", "-y", (words("-x", "a"), words("-y", "a")))


def test_miss_when_two_types_of_one_short_name_are_swapped(bench: Bench) -> None:
    for name in ("a", "b"):
        fields = [{"name": "x", **bound("string", prefix=f"-{name}")}]
        bench.write(f"{name}.yml", {"name": "r", "type": "record", "fields": fields})
    imports = [{"$import": "a.yml"}, {"$import": "b.yml"}]

    def run(name: str) -> Run:
        tool = show_arguments(
            bench,
            {"r": {"type": f"{name}.yml#r"}},
            requirements={"SchemaDefRequirement": {"types": imports}},
        )
        return bench.run(tool, {"r": {"x": "v"}})

    assert_parted(run, "a", "b", (words("-a", "v"), words("-b", "v")))


@pytest.mark.parametrize("how", ["literal", "expression"])
def test_miss_when_a_stricter_time_limit_would_end_the_job(bench: Bench, how: str) -> None:
    def run(limit: int) -> Run:
        timelimit: Any = limit if how == "literal" else "$(inputs.limit)"
        tool = bench.tool(
            body="sleep 1.4; echo done",
            inputs={"limit": "int"},
            requirements={"ToolTimeLimit": {"timelimit": timelimit}},
        )
        return bench.run(tool, {"limit": limit if how == "expression" else 0})

    cold, changed = run(0), run(1)
    assert (cold.code, cold.executed, cold.text()) == (0, 1, "done\n")
    assert (changed.code != 0, changed.executed) == (True, 1)


def test_miss_when_a_shell_is_required(bench: Bench) -> None:
    def run(requirements: dict[str, Any]) -> Run:
        tool = bench.tool(
            body="echo $0 $1",
            inputs={"x": bound("string", shellQuote=False)},
            requirements=requirements,
        )
        return bench.run(tool, {"x": "a;echo b"})

    shell: dict[str, Any] = {"ShellCommandRequirement": {}}
    changed = assert_parted(run, {}, shell, ("tool a;echo b\n", "tool a\nb\n"))
    # Not by the shell's own content alone, which does not count inside a container.
    assert "requirements.ShellCommandRequirement" in changed.record.jobs[0].differs


# ResourceRequirement, as far as it can be seen


@pytest.mark.parametrize(
    ("resource", "field", "one", "other"),
    [
        ("coresMin", "cores", 1, 2),
        ("ramMin", "ram", 256, 512),
        ("tmpdirMin", "tmpdirSize", 100, 200),
        ("outdirMax", "outdirSize", 100, 200),
    ],
)
def test_miss_when_a_resource_changes_that_an_expression_names(
    bench: Bench, resource: str, field: str, one: int, other: int
) -> None:
    def run(value: int) -> Run:
        tool = show_arguments(
            bench,
            {"x": bound("string", valueFrom=f"$(runtime.{field})")},
            requirements={"ResourceRequirement": {resource: value}},
        )
        return bench.run(tool, {"x": ""})

    changed = assert_parted(run, one, other, (words(one), words(other)))
    assert changed.record.jobs[0].differs == (f"runtime.{field}",)


def test_miss_when_a_resource_changes_that_follows_from_an_input(bench: Bench) -> None:
    path = bench.folder / "in.txt"
    tool = bench.tool(
        body="echo $CORES",
        inputs={"f": "File"},
        requirements={
            **JS,
            "ResourceRequirement": {"coresMin": "$(inputs.f.size > 3 ? 2 : 1)"},
            **env(CORES="$(runtime['cores']) cores"),
        },
    )

    def run(text: str) -> Run:
        path.write_text(text)
        return bench.run(tool, {"f": file(path)})

    assert_parted(run, "one", "three", ("1 cores\n", "2 cores\n"))


def test_miss_when_a_resource_changes_that_the_expression_library_names(bench: Bench) -> None:
    def run(cores: int) -> Run:
        tool = show_arguments(
            bench,
            {"x": bound("string", valueFrom="$(f())")},
            requirements={
                "InlineJavascriptRequirement": {
                    "expressionLib": ["function f() { var r = runtime; return r.cores; }"]
                },
                "ResourceRequirement": {"coresMin": cores},
            },
        )
        return bench.run(tool, {"x": ""})

    assert_parted(run, 1, 2, (words(1), words(2)))
