"""What must hit: outputs of every kind come back as plain cwltool delivers them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .bench import Bench
from .delivered import delivered, same_as_plain
from .workflows import step, wrap

JS: dict[str, Any] = {"InlineJavascriptRequirement": {}}
FORMATS = {"$namespaces": {"edam": "http://edamontology.org/"}}
GLOB: Any = {"type": "File", "outputBinding": {"glob": "out.txt"}}


def job(bench: Bench, text: str = "one\n") -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", text))}}


def glob(pattern: Any, kind: Any = "File", **fields: Any) -> dict[str, Any]:
    return {"type": kind, "outputBinding": {"glob": pattern}, **fields}


def evaluated(kind: Any, expression: str, **binding: Any) -> dict[str, Any]:
    return {"type": kind, "outputBinding": {**binding, "outputEval": expression}}


def printed(document: str) -> str:
    return f"cat > cwl.output.json <<'END'\n{document}\nEND"


KINDS: dict[str, dict[str, Any]] = {
    "stdout-shorthand": {"outputs": {"out": "stdout"}, "stdout": None},
    "stderr-shorthand": {
        "body": "echo oops >&2",
        "outputs": {"out": "stderr"},
        "stdout": None,
    },
    "both-streams-named": {
        "body": "cat $1; echo oops >&2",
        "outputs": {"out": "stdout", "err": "stderr"},
        "stderr": "err.txt",
    },
    "absent-optional": {"outputs": {"out": GLOB, "no": glob("no.txt", "File?")}},
    "empty-array": {"outputs": {"out": glob("*.none", "File[]")}},
    "array": {
        "body": "for i in 3 1 2; do echo $i > part$i.dat; done",
        "outputs": {"out": glob("*.dat", "File[]")},
    },
    "array-of-patterns": {
        "body": "for i in 3 1 2; do echo $i > part$i.dat; done",
        "outputs": {"out": glob(["part3*", "part1*"], "File[]")},
    },
    "record": {
        "body": "echo 1 > a.txt; echo 2 > b.txt",
        "outputs": {
            "out": {
                "type": {
                    "type": "record",
                    "name": "pair",
                    "fields": [
                        {"name": "a", "type": "File", "outputBinding": {"glob": "a.txt"}},
                        {"name": "b", "type": "File?", "outputBinding": {"glob": "b.txt"}},
                        {
                            "name": "n",
                            "type": "int",
                            "outputBinding": {
                                "glob": "b.txt",
                                "loadContents": True,
                                "outputEval": "$(parseInt(self[0].contents))",
                            },
                        },
                    ],
                }
            }
        },
        "requirements": JS,
    },
    "numbers-and-words": {
        "outputs": {
            "i": evaluated("int", "$(3)"),
            "l": evaluated("long", "$(30000000000)"),
            "d": evaluated("double", "$(0.1)"),
            "w": evaluated("string", "$(inputs.f.basename)"),
            "u": evaluated("string", "${return 'äß\\u0001\\\"';}"),
            "t": evaluated("boolean", "$(true)"),
            "n": evaluated("Any?", "$(null)"),
            "a": evaluated("string[]", "$(['x', ''])"),
            "e": {
                "type": {"type": "enum", "symbols": ["yes", "no"]},
                "outputBinding": {"outputEval": "$('yes')"},
            },
        },
        "requirements": JS,
    },
    "any": {
        "outputs": {"out": evaluated("Any", "${return {'x': [1, {'y': self}]};}", glob="out.txt")},
        "requirements": JS,
    },
    "cwl-output-json": {
        "body": "echo 1 > a.txt; "
        + printed('{"out": {"class": "File", "path": "a.txt"}, "more": [1, null, "x"]}'),
        "outputs": {"out": "File", "more": "Any"},
        "stdout": None,
    },
    "cwl-output-json-location-and-secondary-files": {
        "body": "mkdir d; echo 1 > d/a.txt; echo 2 > d/a.idx; "
        + printed(
            '{"out": [{"class": "File", "location": "d/a.txt",'
            ' "secondaryFiles": [{"class": "File", "path": "d/a.idx"}]}]}'
        ),
        "outputs": {"out": "File[]"},
        "stdout": None,
    },
    "secondary-files": {
        "body": "echo 1 > out.bam; echo 2 > out.bai; echo 3 > out.bam.md5",
        "outputs": {"out": glob("out.bam", secondaryFiles=["^.bai", ".md5", ".no?"])},
    },
    "secondary-files-by-expression": {
        "body": "echo 1 > out.bam; echo 2 > other.idx",
        "outputs": {"out": glob("out.bam", secondaryFiles=["$('other.idx')"])},
        "requirements": JS,
    },
    "passed-through-input": {"outputs": {"out": evaluated("File", "$(inputs.f)"), "also": GLOB}},
    "passed-through-input-renamed": {
        "outputs": {
            "out": evaluated("File", "${var f = inputs.f; f.basename = 'new.txt'; return f;}")
        },
        "requirements": JS,
    },
    "staged-input-collected": {
        "requirements": {"InitialWorkDirRequirement": {"listing": ["$(inputs.f)"]}},
        "outputs": {"out": glob("in.txt")},
    },
    "staged-input-altered": {
        "body": "echo more >> in.txt",
        "requirements": {
            "InitialWorkDirRequirement": {"listing": [{"entry": "$(inputs.f)", "writable": True}]}
        },
        "outputs": {"out": glob("in.txt")},
    },
    "generated-file-collected": {
        "requirements": {
            "InitialWorkDirRequirement": {
                "listing": [{"entryname": "made.txt", "entry": "for $(inputs.f.basename)"}]
            }
        },
        "outputs": {"out": glob("made.txt")},
    },
    "exit-code": {
        "body": "echo x; exit 3",
        "outputs": {"out": GLOB, "code": evaluated("int", "$(runtime.exitCode)")},
        "successCodes": [3],
        "requirements": JS,
    },
    "empty-file": {"body": ":"},
    "executable": {
        "body": "echo 'echo hi' > run.sh; chmod +x run.sh",
        "outputs": {"out": glob("run.sh")},
    },
    "symlink": {
        "body": "echo x > real.txt; ln -s real.txt out.lnk",
        "outputs": {"out": glob("out.lnk")},
    },
    "hard-links": {
        "body": "echo x > a.dat; ln a.dat b.dat",
        "outputs": {"out": glob("?.dat", "File[]")},
    },
    "equal-bytes-twice": {
        "body": "echo same > a.dat; echo same > b.dat",
        "outputs": {"a": glob("a.dat"), "b": glob("b.dat")},
    },
    "one-file-twice": {"outputs": {"a": GLOB, "b": GLOB}},
    "deep-below": {
        "body": "mkdir -p x/y; echo 1 > x/y/deep.txt; echo 2 > x/deep.txt",
        "outputs": {"out": glob("x/y/deep.txt")},
    },
    "binary": {
        "body": r"printf '\000\377\r\n\200' > bin.dat; head -c 100000 /dev/zero >> bin.dat",
        "outputs": {"out": glob("bin.dat")},
    },
    "format": {"outputs": {"out": {**GLOB, "format": "edam:format_2330"}}, **FORMATS},
    "format-of-input": {
        "inputs": {
            "f": {
                "type": "File",
                "format": "edam:format_2330",
                "inputBinding": {"position": 1},
            }
        },
        "outputs": {"out": {**GLOB, "format": "$(inputs.f.format)"}},
        **FORMATS,
    },
    "contents-loaded": {
        "outputs": {"out": evaluated("File", "$(self[0])", glob="out.txt", loadContents=True)},
    },
    "no-outputs": {"outputs": {}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_hit_delivers_what_plain_cwltool_delivers(bench: Bench, kind: str) -> None:
    given = job(bench)
    if kind == "format-of-input":
        given["f"]["format"] = "http://edamontology.org/format_2330"
    same_as_plain(bench, bench.tool(**KINDS[kind]), given)


def test_hit_delivers_names_with_spaces_and_unicode(bench: Bench) -> None:
    body = (
        "echo 1 > 'a b.txt'; echo 2 > 'größe.txt'; echo 3 > 'per%20cent#.txt'; echo 4 > '日 本.txt'"
    )
    tool = bench.tool(body=body, outputs={"out": glob("*.txt", "File[]")}, stdout="o")
    cold = same_as_plain(bench, tool, job(bench), "--relax-path-checks")
    assert len(cold.output["out"]) == 4


def test_hit_delivers_outputs_of_an_input_with_space_in_its_name(bench: Bench) -> None:
    tool = bench.tool(body='cat "$1"')
    path = bench.write("a folder/my in.txt", "one")
    given = {"f": {"class": "File", "path": str(path)}}
    same_as_plain(bench, tool, given, "--relax-path-checks")


def test_hit_has_no_checksum_without_compute_checksum(bench: Bench) -> None:
    tool = bench.tool(outputs={"out": {**GLOB, "secondaryFiles": [".x?"]}})
    cold = same_as_plain(bench, tool, job(bench), "--no-compute-checksum")
    assert "checksum" not in cold.output["out"]


@pytest.mark.parametrize("first", [(), ("--no-compute-checksum",)])
def test_hit_has_checksums_as_asked_whatever_the_cold_run_had(
    bench: Bench, first: tuple[str, ...]
) -> None:
    tool = bench.tool(
        body="cat $1; echo i > out.txt.idx", outputs={"out": {**GLOB, "secondaryFiles": [".idx"]}}
    )
    bench.run(tool, job(bench), *first)
    for options in ((), ("--no-compute-checksum",)):
        plain = bench.run(tool, job(bench), "--no-memo", *options)
        warm = bench.run(tool, job(bench), *options)
        assert warm.executed == 0
        assert delivered(warm) == delivered(plain)


def test_hit_names_the_new_place_of_a_passed_through_input_that_moved(bench: Bench) -> None:
    tool = bench.tool(**KINDS["passed-through-input"])
    given = job(bench)
    bench.run(tool, given, "--leave-outputs")
    moved = bench.folder / "moved" / "in.txt"
    moved.parent.mkdir()
    (bench.folder / "in.txt").rename(moved)
    given["f"]["path"] = str(moved)
    warm = bench.run(tool, given, "--leave-outputs")
    assert (warm.results, warm.executed) == (["reused"], 0)
    assert warm.output["out"]["location"] == moved.as_uri()
    assert moved.read_text() == "one\n"


@pytest.mark.parametrize(
    "kind",
    [
        "secondary-files",
        "passed-through-input",
        "executable",
        "staged-input-altered",
        "symlink",
        "cwl-output-json",
        "stdout-shorthand",
    ],
)
def test_reused_output_reaches_a_job_that_executes(bench: Bench, kind: str) -> None:
    first = bench.tool("first.cwl", **KINDS[kind])
    listing = 'ls `dirname "$1"`; cat "$1"; if test -x "$1"; then echo runs; fi; echo $0'
    outputs = {"out": {"type": "File", "outputSource": "b/out"}}
    steps = {"a": step(first, "f"), "b": step(bench.tool("second.cwl", listing), "a/out")}
    wrap(bench, "wf.cwl", steps, outputs)
    cold = bench.run("wf.cwl", job(bench))
    bench.tool("second.cwl", listing + " # edited")
    plain = bench.run("wf.cwl", job(bench), "--no-memo")
    for i, more in enumerate(((), ("--parallel",))):
        bench.tool("second.cwl", listing + f" # edited {i}")
        half = bench.run("wf.cwl", job(bench), *more)
        assert (half.results, half.executed) == (["reused", "executed"], 1), half.log
        assert delivered(half) == delivered(plain)
    assert cold.text() == plain.text()


def test_hit_delivers_a_link_and_what_it_leads_to(bench: Bench) -> None:
    # Plain cwltool moves one of the two only; either way both outputs can be read.
    tool = bench.tool(
        body="echo x > real.txt; ln -s real.txt out.lnk",
        outputs={"out": glob("out.lnk"), "real": glob("real.txt")},
    )
    given = job(bench)
    for expected in (1, 0):
        run = bench.run(tool, given)
        assert run.executed == expected
        assert (run.text("out"), run.text("real")) == ("x\n", "x\n")


def test_hit_when_input_is_a_literal_made_by_an_expression_tool(bench: Bench) -> None:
    literal = "${return {'out': {'class': 'File', 'basename': 'l.txt', 'contents': 'hi'}};}"
    maker = {
        "class": "ExpressionTool",
        "requirements": JS,
        "inputs": {"f": "File"},
        "outputs": {"out": "File"},
        "expression": literal,
    }
    steps = {"a": step(maker, "f"), "b": step(bench.tool(), "a/out")}
    outputs = {"out": {"type": "File", "outputSource": "b/out"}}
    cold = same_as_plain(bench, wrap(bench, "wf.cwl", steps, outputs), job(bench))
    assert cold.text() == "hi"


def test_hit_delivers_a_directory_and_one_within_it(bench: Bench) -> None:
    tool = bench.tool(
        body="mkdir -p d/sub; echo 1 > d/a; echo 2 > d/sub/b",
        outputs={"out": {"type": "Directory[]", "outputBinding": {"glob": ["d", "d/sub"]}}},
    )
    runs = [bench.run(tool, job(bench), "--memo-directories", "content") for _ in range(2)]
    assert [(run.code, run.executed) for run in runs] == [(0, 1), (0, 0)], runs[1].log
    for run in runs:
        outer, inner = (Path(item["path"]) for item in run.output["out"])
        assert ((outer / "a").read_text(), (inner / "b").read_text()) == ("1\n", "2\n")


SHA1_OF_ONE = "sha1$fe05bcdcdc4928012781a5f1a2a77cbb5398e106"
STATED: list[dict[str, Any]] = [
    {},
    {"checksum": "md5$aaaa", "streamable": True},
    {"checksum": "md5$bbbb", "streamable": False},
    {},
]


@pytest.mark.parametrize("first", [0, 1])
def test_an_input_that_is_an_output_keeps_what_the_present_job_is_told_of_it(
    bench: Bench, first: int
) -> None:
    tool = bench.tool(
        body="true",
        outputs={"out": {"type": "File", "outputBinding": {"outputEval": "$(inputs.f)"}}},
    )
    path = bench.write("in.txt", "one")
    for i, stated in enumerate(STATED[first:]):
        run = bench.run(tool, {"f": {"class": "File", "path": str(path), **stated}})
        assert (run.code, run.executed) == (0, int(i == 0)), run.log
        found = {name: run.output["out"][name] for name in STATED[1] if name in run.output["out"]}
        assert found == {"checksum": SHA1_OF_ONE} | stated
    plain = bench.run(tool, {"f": {"class": "File", "path": str(path)}}, "--no-compute-checksum")
    assert "checksum" not in plain.output["out"]


def test_what_an_expression_states_of_an_input_that_is_an_output_stays(bench: Bench) -> None:
    code = "${var f = inputs.f; f.checksum = 'md5$mine'; delete f.streamable; return f;}"
    tool = bench.tool(
        body="true",
        requirements={"InlineJavascriptRequirement": {}},
        outputs={"out": {"type": "File", "outputBinding": {"outputEval": code}}},
    )
    path = bench.write("in.txt", "one")
    for stated in STATED[:2]:
        for executed in (1, 0):
            run = bench.run(tool, {"f": {"class": "File", "path": str(path), **stated}})
            assert (run.code, run.executed) == (0, executed), run.log
            assert run.output["out"]["checksum"] == "md5$mine"
            assert "streamable" not in run.output["out"]
            assert run.text() == "one"
