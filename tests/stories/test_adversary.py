"""Ways into a tool, or out of it, that are easy to overlook; each once gave a wrong result."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .bench import Bench, Run
from .parted import assert_parted, file

JAVASCRIPT = {"class": "InlineJavascriptRequirement"}
SECRETS = {"class": "http://commonwl.org/cwltool#Secrets", "secrets": ["pw"]}
CONTENT = ("--memo-directories", "content")


def show(bench: Bench, expression: str, inputs: Any, **fields: Any) -> Path:
    """Write a tool that prints what an expression gives."""
    script, word = bench.script('echo "$1"')
    arguments = [
        {"position": -2, "valueFrom": script},
        {"position": -1, "valueFrom": word},
        {"position": 1, "valueFrom": expression},
    ]
    fields.setdefault("requirements", [JAVASCRIPT])
    return bench.tool(arguments=arguments, inputs=inputs, **fields)


def test_miss_when_an_undeclared_input_changes_whose_name_is_computed(bench: Bench) -> None:
    tool = show(bench, "${var k = 'extra'; return inputs[k];}", {"x": "string"})
    assert_parted(
        lambda text: bench.run(tool, {"x": "a", "extra": text}), "one", "two", ("one\n", "two\n")
    )


@pytest.mark.parametrize(
    "kind", ["Any", {"type": "record", "name": "r", "fields": {"f": "File"}}], ids=str
)
def test_miss_when_file_moves_whose_location_an_entry_of_the_workdir_holds(
    bench: Bench, kind: Any
) -> None:
    entry = {"entryname": "r.json", "entry": "$(inputs.r)"}
    tool = bench.tool(
        body="""grep -o '"location": "[^"]*"' r.json | grep -o '[^/]*/x.txt'""",
        inputs={"r": {"type": kind}},
        requirements=[{"class": "InitialWorkDirRequirement", "listing": [entry]}],
    )
    bench.write("a/x.txt", "same")
    bench.write("b/x.txt", "same")
    assert_parted(
        lambda path: bench.run(tool, {"r": {"f": file(path)}}),
        "a/x.txt",
        "b/x.txt",
        ("a/x.txt\n", "b/x.txt\n"),
    )


def test_hit_when_file_of_a_record_moves_that_an_entry_stages(bench: Bench) -> None:
    kind = {"type": "record", "name": "r", "fields": {"f": "File"}}
    listing = [{"entryname": "y", "entry": "$(inputs.r.f)"}]
    tool = bench.tool(
        body="cat y",
        inputs={"r": {"type": kind}},
        requirements=[{"class": "InitialWorkDirRequirement", "listing": listing}],
    )
    bench.write("a/x.txt", "same")
    bench.write("b/x.txt", "same")
    runs = [bench.run(tool, {"r": {"f": file(path)}}) for path in ("a/x.txt", "b/x.txt")]
    assert [run.executed for run in runs] == [1, 0]


def test_miss_when_a_program_changes_that_an_environment_variable_names(bench: Bench) -> None:
    program = bench.write("bin/mine", "#!/bin/sh\necho one\n")
    program.chmod(0o755)
    variables = {"class": "EnvVarRequirement", "envDef": {"MINE": str(program)}}
    tool = bench.tool(body="$MINE", inputs={}, requirements=[variables])

    def run(text: str) -> Run:
        program.write_text(f"#!/bin/sh\necho {text}\n")
        return bench.run(tool, {})

    assert_parted(run, "one", "two", ("one\n", "two\n"))


def _record(name: str) -> dict[str, Any]:
    field = {"name": "x", "type": "string", "inputBinding": {}}
    return {"type": "record", "name": f"{name}_record", "fields": [field]}


@pytest.mark.parametrize("place", ["inputs", "fields"])
def test_miss_when_order_of_records_decides_the_command_line(bench: Bench, place: str) -> None:
    def run(order: str) -> Run:
        job: Any = {"a": {"x": "A"}, "b": {"x": "B"}}
        inputs = [{"id": name, "type": _record(name)} for name in order]
        if place == "fields":
            fields = [{"name": name, "type": _record(name)} for name in order]
            inputs = [{"id": "o", "type": {"type": "record", "name": "o", "fields": fields}}]
            job = {"o": job}
        return bench.run(bench.tool(body='echo "$@"', inputs=inputs), job)

    assert_parted(run, "ab", "ba", ("A B\n", "B A\n"))


def test_miss_when_number_becomes_an_object_that_looks_like_its_facts(bench: Bench) -> None:
    tool = show(bench, "$(typeof inputs.x)", {"x": "Any"})
    assert_parted(
        lambda text: bench.run(tool, bench.write("job.yml", f"x: {text}\n")),
        "1.50",
        '{"$float": 1.5, "$text": "1.50"}',
        ("number\n", "object\n"),
    )


def test_miss_when_a_field_changes_that_is_called_as_a_fact(bench: Bench) -> None:
    tool = show(bench, "$(JSON.stringify(inputs.x))", {"x": "Any"})
    assert_parted(
        lambda value: bench.run(tool, {"x": {"$order": value}}),
        1,
        2,
        ('{"$order":1}\n', '{"$order":2}\n'),
    )


def test_job_with_any_does_not_depend_on_the_jobs_before_it(bench: Bench) -> None:
    tool = show(bench, "$(JSON.stringify(inputs.x))", {"x": "Any"})
    flow = bench.write(
        "flow.cwl",
        {
            "cwlVersion": "v1.2",
            "class": "Workflow",
            "requirements": [{"class": "ScatterFeatureRequirement"}],
            "inputs": {"xs": "Any"},
            "outputs": {"out": {"type": "File[]", "outputSource": "each/out"}},
            "steps": {
                "each": {"run": tool.name, "scatter": "x", "in": {"x": "xs"}, "out": ["out"]}
            },
        },
    )
    assert bench.run(flow, {"xs": [{"a": 1}, {"b": 2}]}).executed == 2
    alone = bench.run(tool, {"x": {"b": 2}})
    assert (alone.executed, alone.text()) == (0, '{"b":2}\n')


def test_miss_when_name_of_a_default_file_changes_in_its_escapes(bench: Bench) -> None:
    bench.write("a b.txt", "same")
    bench.write("a%20b.txt", "same")

    def run(location: str) -> Run:
        default = {"class": "File", "location": location}
        tool = show(bench, "$(inputs.f.basename)", {"f": {"type": "File", "default": default}})
        return bench.run(tool, {}, "--relax-path-checks")

    assert_parted(run, "a%20b.txt", "a%2520b.txt", ("a b.txt\n", "a%20b.txt\n"))


def test_outputs_are_collected_anew_when_listing_changes_that_they_see(bench: Bench) -> None:
    binding = {"glob": "d", "outputEval": "$(self[0].listing ? self[0].listing.length : -1)"}

    def run(listing: str) -> Run:
        requirement = {"class": "LoadListingRequirement", "loadListing": listing}
        tool = bench.tool(
            body="mkdir d; touch d/a d/b",
            inputs={},
            stdout=None,
            requirements=[JAVASCRIPT, requirement],
            outputs={"n": {"type": "int", "outputBinding": binding}},
        )
        return bench.run(tool, {})

    assert [run(how).output["n"] for how in ("shallow_listing", "no_listing")] == [2, -1]


@pytest.mark.parametrize("name", ["mine", "dirname"])
def test_miss_when_a_field_of_a_directory_changes_that_an_expression_sees(
    bench: Bench, name: str
) -> None:
    (bench.folder / "d").mkdir()
    tool = show(bench, f"$(inputs.d.{name})", {"d": "Directory"})

    def run(value: str) -> Run:
        job = {"d": {"class": "Directory", "path": "d", name: str(bench.folder / value)}}
        return bench.run(tool, job, *CONTENT)

    assert_parted(run, "one", "two", tuple(f"{bench.folder}/{v}\n" for v in ("one", "two")))  # type: ignore[arg-type]


def test_hit_delivers_a_field_of_a_file_that_is_called_as_one_of_an_entry(bench: Bench) -> None:
    text = '{"out": {"class": "File", "path": "o.txt", "memo": "mine", "$memo": 1, "$$x": 2}}'
    tool = bench.tool(
        body=f"echo hi > o.txt; echo '{text}' > cwl.output.json", inputs={}, stdout=None
    )
    cold, warm = bench.run(tool, {}), bench.run(tool, {})
    assert (cold.executed, warm.executed) == (1, 0)
    assert [warm.output["out"][name] for name in ("memo", "$memo", "$$x")] == ["mine", 1, 2]


def test_hit_gives_a_number_as_it_was_written(bench: Bench) -> None:
    """The job below would otherwise see another command line."""
    outputs = {"y": {"type": "Any", "outputBinding": {"outputEval": "$(inputs.x)"}}}
    first = bench.tool("first.cwl", body=":", inputs={"x": "Any"}, stdout=None, outputs=outputs)
    item = {"type": "Any", "inputBinding": {"position": 1}}
    second = bench.tool("second.cwl", body='echo "$1"', inputs={"x": item})
    flow = bench.write(
        "flow.cwl",
        {
            "cwlVersion": "v1.2",
            "class": "Workflow",
            "inputs": {"x": "Any"},
            "outputs": {"out": {"type": "File", "outputSource": "second/out"}},
            "steps": {
                "first": {"run": first.name, "in": {"x": "x"}, "out": ["y"]},
                "second": {"run": second.name, "in": {"x": "first/y"}, "out": ["out"]},
            },
        },
    )
    for number, written in (("1.50", "1.50"), ("1e2", "100"), ("-0.10", "-0.10")):
        job = bench.write("job.yml", f"x: {number}\n")
        cold, warm = bench.run(flow, job), bench.run(flow, job)
        assert (cold.text(), warm.text(), warm.executed) == (f"{written}\n", f"{written}\n", 0)


@pytest.mark.parametrize("stray", ["ln -s {host} stray.txt", "mkfifo stray.txt"])
def test_miss_when_outputs_change_and_not_all_of_the_workspace_is_recorded(
    bench: Bench, stray: str
) -> None:
    host = bench.write("host.txt", "host")
    count = {"type": "int", "outputBinding": {"glob": "*.txt", "outputEval": "$(self.length)"}}
    kept = {"type": "File", "outputBinding": {"glob": "kept.txt"}}

    def run(outputs: Any) -> Run:
        body = f"echo hi > kept.txt; {stray.format(host=host)}"
        tool = bench.tool(
            body=body, inputs={}, stdout=None, outputs=outputs, requirements=[JAVASCRIPT]
        )
        return bench.run(tool, {})

    assert run({"kept": kept}).executed == 1
    edited = run({"kept": kept, "n": count})
    assert (edited.executed, edited.causes, edited.output["n"]) == (1, ["outputs-changed"], 2)


@pytest.mark.parametrize("link", ["ln -s {host} d/l", "echo x > x; ln -s ../x d/l"])
def test_directory_with_a_link_out_of_it_is_not_recorded(bench: Bench, link: str) -> None:
    host = bench.write("host.txt", "host")
    tool = bench.tool(
        body=f"mkdir d; echo hi > d/a; {link.format(host=host)}",
        inputs={},
        stdout=None,
        outputs={"d": {"type": "Directory", "outputBinding": {"glob": "d"}}},
    )
    runs = [bench.run(tool, {}, *CONTENT) for _ in range(2)]
    assert [run.not_recorded for run in runs] == [["output-outside-workspace"]] * 2
    assert "not usable" not in runs[1].log


def test_refused_when_a_directory_is_found_among_secondary_files(bench: Bench) -> None:
    bench.write("x.txt", "hi")
    bench.write("x.dir/a", "1")
    pattern = (
        "${return {class: 'Directory', basename: 'x.dir',"
        " location: self.location.replace('x.txt', 'x.dir')};}"
    )
    kind = {"type": "File", "secondaryFiles": [pattern]}
    tool = show(bench, "$(inputs.f.secondaryFiles.length)", {"f": kind})
    assert bench.run(tool, {"f": file("x.txt")}).causes == ["directory-input"]


@pytest.mark.parametrize(
    ("body", "outputs"),
    [
        ("touch $1.x", {}),
        ("ln -s $1 link", {}),
        (":", {"o": {"type": "string", "outputBinding": {"outputEval": "$(inputs.pw)"}}}),
    ],
    ids=["name", "link", "output"],
)
def test_secret_in_a_name_or_an_output_is_not_recorded(
    bench: Bench, body: str, outputs: Any
) -> None:
    pw = {"type": "string", "inputBinding": {"position": 1}}
    tool = bench.tool(body=body, inputs={"pw": pw}, stdout=None, hints=[SECRETS], outputs=outputs)
    run = bench.run(tool, {"pw": "hunter2-word"}, ext=True)
    assert run.not_recorded == ["secret-output"]
    stored = (path for path in bench.store.rglob("*") if path.is_file())
    assert not any(b"hunter2-word" in path.read_bytes() for path in stored)


def test_refused_when_an_expression_runs_code_that_stands_in_an_input(bench: Bench) -> None:
    tool = show(bench, "$(eval(inputs.code))", {"code": "string"})
    run = bench.run(tool, {"code": "String(new Date())"})
    assert run.causes == ["nondeterministic-expression"]


@pytest.fixture
def served(bench: Bench) -> Iterator[Callable[[str], str]]:
    """What serves a text over HTTP, with the same time of change whatever it is."""
    folder = bench.folder / "www"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def serve(text: str) -> str:
        path = bench.write("www/x.txt", text)
        os.utime(path, (1e9, 1e9))
        return f"http://127.0.0.1:{server.server_port}/x.txt"

    yield serve
    server.shutdown()
    server.server_close()


def test_file_from_the_web_is_keyed_by_content_and_recorded(
    bench: Bench, served: Callable[[str], str]
) -> None:
    tool = bench.tool()

    def run(text: str) -> Run:
        return bench.run(tool, {"f": {"class": "File", "location": served(text)}})

    assert_parted(run, "one", "two", ("one", "two"))


def test_a_value_of_any_in_a_named_type_does_not_depend_on_earlier_jobs(bench: Bench) -> None:
    """cwltool notes the type of the first value in the type that both share."""
    types = bench.write(
        "types.json",
        [
            {
                "name": "named",
                "type": "record",
                "fields": {"a": {"type": "Any", "inputBinding": {"position": 1}}},
            }
        ],
    )
    shared = {"SchemaDefRequirement": {"types": [{"$import": types.name}]}}
    bench.tool(body='echo "$@"', requirements=shared, inputs={"r": {"type": "types.json#named"}})
    flow = bench.write(
        "flow.cwl",
        {
            "cwlVersion": "v1.2",
            "class": "Workflow",
            "requirements": {"ScatterFeatureRequirement": {}, **shared},
            "inputs": {"rs": {"type": {"type": "array", "items": "types.json#named"}}},
            "outputs": {"out": {"type": "File[]", "outputSource": "s/out"}},
            "steps": {"s": {"run": "tool.cwl", "scatter": "r", "in": {"r": "rs"}, "out": ["out"]}},
        },
    )
    together = bench.run(flow, {"rs": [{"a": [1, 2]}, {"a": "hello"}]})
    assert together.text_of_all() == ["1 2\n", "hello\n"]
    alone = bench.run("tool.cwl", {"r": {"a": "hello"}})
    assert (alone.text(), alone.executed) == ("hello\n", 0)
