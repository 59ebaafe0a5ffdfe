"""What must hit: Directories, links to them, and what stands in one, as plain cwltool has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .bench import Bench
from .delivered import delivered, same_as_plain, tree_of
from .workflows import step, wrap

CONTENT = ("--memo-directories", "content")
JS: dict[str, Any] = {"InlineJavascriptRequirement": {}}
BOUND: dict[str, Any] = {"type": "File", "inputBinding": {}}
RESULTS = "mkdir -p v1/sub; echo 1 > v1/one; echo 2 > v1/sub/two; "


def glob(pattern: Any, kind: Any = "Directory", **fields: Any) -> dict[str, Any]:
    return {"type": kind, "outputBinding": {"glob": pattern}, **fields}


def tool(bench: Bench, body: str, outputs: Any, **fields: Any) -> Path:
    return bench.tool(body=body, **{"inputs": {}, "outputs": outputs, **fields})


def directory_input(bench: Bench) -> dict[str, Any]:
    bench.write("tree/1", "one")
    bench.write("tree/sub/2", "two")
    return {"d": {"class": "Directory", "path": str(bench.folder / "tree")}}


def staged(bench: Bench, body: str, outputs: Any) -> Path:
    listing = {"InitialWorkDirRequirement": {"listing": ["$(inputs.d)"]}}
    return tool(bench, body, outputs, inputs={"d": "Directory"}, requirements=listing)


LINKS: dict[str, tuple[str, Any]] = {
    "relative": (RESULTS + "ln -s v1 latest", glob("latest")),
    "absolute": (RESULTS + 'ln -s "$PWD/v1" latest', glob("latest")),
    "to-a-link": (RESULTS + "ln -s v1 v; ln -s v latest", glob("latest")),
    "below": (RESULTS + "ln -s v1/sub latest", glob("latest")),
    "to-an-empty-one": ("mkdir none; ln -s none latest", glob("latest")),
    "listed": (
        RESULTS + "ln -s v1 latest",
        {
            "type": "Directory",
            "outputBinding": {"glob": "latest", "loadListing": "deep_listing"},
        },
    ),
    "secondary": (
        RESULTS + "echo x > m; ln -s v1 m.idx",
        glob("m", "File", secondaryFiles=[".idx"]),
    ),
}


@pytest.mark.parametrize("kind", LINKS)
def test_hit_delivers_a_directory_that_is_a_link(bench: Bench, kind: str) -> None:
    body, output = LINKS[kind]
    same_as_plain(bench, tool(bench, body, {"out": output}), {}, *CONTENT)


@pytest.mark.parametrize("patterns", [["v1", "latest"], ["latest", "v1"], [".", "latest"]], ids=str)
def test_hit_delivers_a_directory_and_a_link_to_it(bench: Bench, patterns: list[str]) -> None:
    # Plain cwltool moves one of the two only; either way both outputs can be read.
    outputs = {f"o{i}": glob(pattern) for i, pattern in enumerate(patterns)}
    document = tool(bench, RESULTS + "ln -s v1 latest", outputs)
    for expected in (1, 0):
        run = bench.run(document, {}, *CONTENT)
        assert (run.code, run.executed) == (0, expected), run.log
        for i, pattern in enumerate(patterns):
            root = Path(run.output[f"o{i}"]["path"], "v1" if pattern == "." else "")
            assert (root / "sub" / "two").read_text() == "2\n"


def test_link_to_a_directory_reaches_a_job_that_executes(bench: Bench) -> None:
    maker = bench.tool(
        "maker.cwl", RESULTS + "ln -s v1 latest", outputs={"out": glob("latest")}, stdout=None
    )

    def flow(body: str) -> Path:
        reader = bench.tool("reader.cwl", body, inputs={"f": {"type": "Directory"}})
        steps = {"a": step(maker, "f"), "b": step(reader, "a/out")}
        outputs = {"out": {"type": "File", "outputSource": "b/out"}}
        return wrap(bench, "wf.cwl", steps, outputs)

    given = {"f": {"class": "File", "path": str(bench.write("in.txt", "x"))}}
    position = {"f": {"type": "Directory", "inputBinding": {"position": 1}}}
    for body, executed in (("ls $1/sub", 2), ("cat $1/one $1/sub/two; basename $1", 1)):
        document = flow(body)
        bench.tool("reader.cwl", body, inputs=position)
        run = bench.run(document, given, *CONTENT)
        assert (run.code, run.executed) == (0, executed), run.log
    assert run.text() == "1\n2\nlatest\n"


def test_hit_collects_a_link_to_a_directory_anew(bench: Bench) -> None:
    body = RESULTS + "ln -s v1 latest; echo x > x"
    bench.run(tool(bench, body, {"out": glob("x", "File")}), {}, *CONTENT)
    document = tool(bench, body, {"out": glob("latest")})
    plain = bench.run(document, {}, "--no-memo")
    for _ in range(2):
        warm = bench.run(document, {}, *CONTENT)
        assert warm.executed == 0, warm.log
        assert delivered(warm) == delivered(plain)


def test_hit_delivers_a_link_to_a_staged_input_directory(bench: Bench) -> None:
    given = directory_input(bench)
    document = staged(bench, "ln -s tree index", {"out": glob("index")})
    same_as_plain(bench, document, given, *CONTENT)


def test_not_recorded_when_a_directory_is_a_link_out_of_the_workspace(bench: Bench) -> None:
    bench.write("elsewhere/x", "one")
    document = tool(bench, f"ln -s {bench.folder}/elsewhere out", {"out": glob("out")})
    for text in ("one", "two"):
        bench.write("elsewhere/x", text)
        run = bench.run(document, {}, *CONTENT)
        assert (run.executed, run.not_recorded) == (1, ["output-outside-workspace"]), run.log
        assert tree_of(run.outdir)["out/x"][1] == text.encode()


def test_hit_delivers_an_empty_directory(bench: Bench) -> None:
    same_as_plain(bench, tool(bench, "mkdir out", {"out": glob("out")}), {}, *CONTENT)


def test_hit_delivers_an_input_and_a_link_to_it(bench: Bench) -> None:
    maker = bench.tool(
        "maker.cwl",
        "ln -s $1 q.txt",
        outputs={"p": glob("in.txt", "File"), "q": glob("q.txt", "File")},
        requirements={"InitialWorkDirRequirement": {"listing": ["$(inputs.f)"]}},
        stdout=None,
    )

    def flow(body: str) -> Path:
        reader = bench.tool("reader.cwl", body, inputs={"p": BOUND, "f": BOUND})
        second = {"run": str(reader), "in": {"p": "a/p", "f": "a/q"}, "out": ["out"]}
        outputs = {n: {"type": "File", "outputSource": f"a/{n}"} for n in ("p", "q")}
        outputs["out"] = {"type": "File", "outputSource": "b/out"}
        return wrap(bench, "wf.cwl", {"a": step(maker, "f", "p", "q"), "b": second}, outputs)

    given = {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n"))}}
    names = "basename $1; basename $2; cat $1 $2"
    plain = bench.run(flow(names), given, "--no-memo")
    for body, executed in (("echo other", 2), (names, 1), (names, 0)):
        run = bench.run(flow(body), given)
        assert (run.code, run.executed) == (0, executed), run.log
    assert run.text() == plain.text() == "q.txt\nin.txt\none\none\n"
    assert delivered(run) == delivered(plain)


def test_hit_delivers_an_input_directory_and_a_link_to_it_or_neither(bench: Bench) -> None:
    given = directory_input(bench)
    outputs = {"a": glob("tree"), "b": glob("index")}
    document = staged(bench, "ln -s tree index", outputs)
    plain = bench.run(document, given, "--no-memo")
    for _ in range(2):
        assert delivered(bench.run(document, given, *CONTENT)) == delivered(plain)


def test_hit_delivers_a_file_of_an_input_directory(bench: Bench) -> None:
    given = directory_input(bench)
    outputs = {"link": glob("one.txt", "File"), "two": glob("tree/sub/2", "File")}
    same_as_plain(bench, staged(bench, "ln -s tree/1 one.txt", outputs), given, *CONTENT)


def test_hit_delivers_a_listed_file_of_an_input_directory(bench: Bench) -> None:
    expression = "$(inputs.d.listing.filter(function(x){return x.basename=='1'})[0])"
    outputs = {"out": {"type": "File", "outputBinding": {"outputEval": expression}}}
    loads = {**JS, "LoadListingRequirement": {"loadListing": "deep_listing"}}
    document = tool(
        bench, "echo x", outputs, inputs={"d": "Directory"}, requirements=loads, stdout=None
    )
    same_as_plain(bench, document, directory_input(bench), *CONTENT)


def test_hit_delivers_a_file_that_is_an_input_and_stands_in_an_input_directory(
    bench: Bench,
) -> None:
    given = directory_input(bench)
    given["f"] = {"class": "File", "path": str(bench.folder / "tree" / "1")}
    outputs = {"out": {"type": "File", "outputBinding": {"outputEval": "$(inputs.f)"}}}
    inputs = {"d": "Directory", "f": "File"}
    document = tool(bench, "echo x", outputs, inputs=inputs, stdout=None)
    same_as_plain(bench, document, given, *CONTENT)
