"""Directories: refused wherever they hide, or keyed and restored by all that is in them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from .bench import Bench
from .delivered import delivered, same_as_plain, tree_of
from .workflows import step, wrap

JS: dict[str, Any] = {"InlineJavascriptRequirement": {}}
CONTENT = ("--memo-directories", "content")
MAKE_TREE = (
    "mkdir -p d/sub d/empty; echo 1 > d/a.txt; echo 2 > d/sub/b.txt; echo 'echo hi' > d/run.sh; "
    "chmod +x d/run.sh; ln -s a.txt d/link; ln -s sub d/linked; : > d/nothing"
)
"""Makes a directory with all that can be in one."""


def directory(path: Path, **fields: Any) -> dict[str, Any]:
    return {"class": "Directory", "path": str(path), **fields}


def file(path: Path, **fields: Any) -> dict[str, Any]:
    return {"class": "File", "path": str(path), **fields}


def data(bench: Bench) -> dict[str, Any]:
    """Return the places where a Directory can stand in an input object."""
    tree = bench.write("tree/a.txt", "a").parent
    bench.write("tree/sub/b.txt", "b")
    here = directory(tree)
    plain = bench.write("in.txt", "one")
    return {
        "top": {"d": here},
        "array": {"d": [here, here]},
        "record": {"d": {"x": here}},
        "secondary": {"f": file(plain, secondaryFiles=[here])},
        "literal": {
            "d": {"class": "Directory", "basename": "lit", "listing": [file(plain)]},
        },
        "nested-literal": {
            "d": {"class": "Directory", "basename": "lit", "listing": [here]},
        },
        "any": {"d": {"deep": [1, {"er": here}]}},
        "any-top": {"d": here},
        "default": {},
    }


def type_of(place: str, bench: Bench) -> dict[str, Any]:
    record = {"type": "record", "name": "r", "fields": {"x": "Directory"}}
    kinds: dict[str, Any] = {
        "array": "Directory[]",
        "record": record,
        "any": "Any",
        "any-top": "Any",
        "secondary": None,
        "default": {"type": "Directory", "default": directory(bench.folder / "tree")},
    }
    kind = kinds.get(place, "Directory")
    if place == "secondary":
        return {"f": {"type": "File", "secondaryFiles": ["^^.tree?"]}}
    return {"d": kind if isinstance(kind, (str, dict)) and place != "record" else {"type": kind}}


PLACES = [
    "top",
    "array",
    "record",
    "secondary",
    "literal",
    "nested-literal",
    "any",
    "any-top",
    "default",
]


@pytest.mark.parametrize("place", PLACES)
def test_refused_wherever_a_directory_stands_in_the_inputs(bench: Bench, place: str) -> None:
    given = data(bench)[place]
    tool = bench.tool(body="echo done", inputs=type_of(place, bench))
    for _ in range(2):
        run = bench.run(tool, given)
        assert (run.code, run.results, run.causes, run.executed) == (
            0,
            ["refused"],
            ["directory-input"],
            1,
        ), run.log
    assert "executed: reuse refused: directory-input (inputs." in run.log


@pytest.mark.parametrize("place", PLACES)
def test_hit_with_directories_in_the_inputs_keyed_by_content(bench: Bench, place: str) -> None:
    given = data(bench)[place]
    tool = bench.tool(body="echo done", inputs=type_of(place, bench))
    runs = [bench.run(tool, given, *CONTENT) for _ in range(2)]
    assert [run.executed for run in runs] == [1, 0], runs[-1].log
    for name in ("in.txt", "tree/a.txt"):
        (bench.folder / name).write_text("changed")
    assert bench.run(tool, given, *CONTENT).executed == 1


def test_refusal_of_a_directory_names_where_it_stands_and_the_remedy_works(bench: Bench) -> None:
    tool = bench.tool(body="echo done", inputs={"d": "Directory[]"})
    run = bench.run(tool, data(bench)["array"])
    assert run.record.jobs[0].detail == "inputs.d[0], inputs.d[1]"


def out(kind: Any, **binding: Any) -> dict[str, Any]:
    return {"out": {"type": kind, "outputBinding": binding}}


RETURNED = {
    "declared": (MAKE_TREE, out("Directory", glob="d")),
    "declared-array": (MAKE_TREE, out("Directory[]", glob="d")),
    "declared-optional-and-absent": ("echo x", out("Directory?", glob="none")),
    "declared-in-union": ("echo x", out(["File", "Directory"], glob="out.txt")),
    "declared-in-record": (
        MAKE_TREE,
        {
            "out": {
                "type": {
                    "type": "record",
                    "name": "r",
                    "fields": [{"name": "d", "type": "Directory", "outputBinding": {"glob": "d"}}],
                }
            }
        },
    ),
    "whole-outdir": (MAKE_TREE, out("Directory", glob=".")),
}

UNDECLARED = {
    "any": (MAKE_TREE, out("Any", glob="d", outputEval="$(self[0])")),
    "any-array": (MAKE_TREE, out("Any", glob="d", outputEval="${return [1, self];}")),
    "cwl-output-json": (
        MAKE_TREE + """; echo '{"out": {"class": "Directory", "path": "d"}}' > cwl.output.json""",
        {"out": "Any"},
    ),
    "secondary-file": (
        MAKE_TREE + "; mv d out.txt.d; echo x > out.txt",
        {
            "out": {
                "type": "File",
                "outputBinding": {"glob": "out.txt"},
                "secondaryFiles": [".d"],
            }
        },
    ),
}


def tool_with(bench: Bench, body: str, outputs: Any, **fields: Any) -> Path:
    return bench.tool(body=body, inputs={}, outputs=outputs, requirements=JS, **fields)


@pytest.mark.parametrize("kind", RETURNED)
def test_refused_when_a_directory_is_declared_in_the_outputs(bench: Bench, kind: str) -> None:
    body, outputs = RETURNED[kind]
    tool = tool_with(bench, body, outputs)
    for _ in range(2):
        run = bench.run(tool, {})
        assert (run.results, run.causes, run.executed) == (["refused"], ["directory-output"], 1)
        assert run.code == 0


@pytest.mark.parametrize("kind", UNDECLARED)
def test_not_recorded_when_an_undeclared_directory_is_returned(bench: Bench, kind: str) -> None:
    body, outputs = UNDECLARED[kind]
    tool = tool_with(bench, body, outputs)
    for _ in range(2):
        run = bench.run(tool, {})
        assert (run.code, run.results, run.executed) == (0, ["executed"], 1), run.log
        assert run.not_recorded == ["directory-output"]


@pytest.mark.parametrize("kind", sorted({*RETURNED, *UNDECLARED} - {"whole-outdir"}))
def test_hit_restores_directories_whole_when_keyed_by_content(bench: Bench, kind: str) -> None:
    body, outputs = (RETURNED | UNDECLARED)[kind]
    cold = same_as_plain(bench, tool_with(bench, body, outputs), {}, *CONTENT)
    if kind == "declared":
        names = {name for name in delivered(cold)["files"] if name.startswith("d/")}
        assert {"d/empty", "d/link", "d/linked", "d/sub/b.txt", "d/nothing"} <= names


def test_hit_restores_a_whole_working_directory(bench: Bench) -> None:
    # Its name is made up anew in each run, by cwltool as well.
    tool = tool_with(bench, *RETURNED["whole-outdir"])
    runs = [bench.run(tool, {}, *CONTENT) for _ in range(2)]
    trees = [tree_of(Path(run.output["out"]["path"])) for run in runs]
    assert [run.executed for run in runs] == [1, 0]
    assert trees[0] == trees[1]
    assert "d/empty" in trees[0]


def test_passed_through_directory_hits_and_is_restored(bench: Bench) -> None:
    given = data(bench)["top"]
    tool = bench.tool(
        body="echo x",
        inputs={"d": "Directory"},
        outputs={"out": {"type": "Directory", "outputBinding": {"outputEval": "$(inputs.d)"}}},
    )
    same_as_plain(bench, tool, given, *CONTENT)


LIST = "cd $1 && ls -R . && cat a.txt sub/b.txt && ./run.sh 2>/dev/null || sh run.sh; readlink link"


@pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_reused_directory_reaches_a_job_that_executes(bench: Bench, more: Any) -> None:
    first = bench.tool("first.cwl", MAKE_TREE + "; cat $1", outputs=out("Directory", glob="d"))
    inputs = {"f": {"type": "Directory", "inputBinding": {"position": 1}}}
    second = bench.tool("second.cwl", LIST, inputs=inputs)
    steps = {"a": step(first, "f"), "b": step(second, "a/out")}
    outputs = {"out": {"type": "File", "outputSource": "b/out"}}
    workflow = wrap(bench, "wf.cwl", steps, outputs)
    given = {"f": file(bench.write("in.txt", "one"))}
    cold = bench.run(workflow, given, *CONTENT)
    warm = bench.run(workflow, given, *CONTENT, *more)
    bench.tool("second.cwl", LIST + " # edited", inputs=inputs)
    half = bench.run(workflow, given, *CONTENT, *more)
    assert [run.executed for run in (cold, warm, half)] == [2, 0, 1], half.log
    assert cold.text() == warm.text() == half.text()
    assert "hi\na.txt\n" in half.text()


def change_name(tree: Path) -> None:
    (tree / "sub" / "b.txt").rename(tree / "sub" / "c.txt")


def change_mode(tree: Path) -> None:
    (tree / "a.txt").chmod(0o755)


def change_link(tree: Path) -> None:
    (tree / "link").unlink()
    (tree / "link").symlink_to("sub/b.txt")


def add_empty(tree: Path) -> None:
    (tree / "empty").mkdir()


def add_deep(tree: Path) -> None:
    (tree / "sub" / "deeper").mkdir()
    (tree / "sub" / "deeper" / "x").touch()


@pytest.mark.parametrize("change", [change_name, change_mode, change_link, add_empty, add_deep])
@pytest.mark.parametrize("listing", ["no_listing", "shallow_listing", "deep_listing"])
def test_miss_when_anything_in_a_directory_changes(bench: Bench, change: Any, listing: str) -> None:
    given = data(bench)["top"]
    tree = bench.folder / "tree"
    (tree / "link").symlink_to("a.txt")
    inputs = {"d": {"type": "Directory", "loadListing": listing}}
    tool = bench.tool(body="echo x", inputs=inputs)
    bench.run(tool, given, *CONTENT)
    change(tree)
    assert bench.run(tool, given, *CONTENT).executed == 1


def test_hit_when_directory_moved_or_touched(bench: Bench) -> None:
    given = data(bench)["top"]
    tool = bench.tool(body="echo x", inputs={"d": "Directory"})
    bench.run(tool, given, *CONTENT)
    moved = bench.folder / "moved" / "tree"
    moved.parent.mkdir()
    (bench.folder / "tree").rename(moved)
    os.utime(moved / "a.txt", (1, 1))
    os.utime(moved, (1, 1))
    assert bench.run(tool, {"d": directory(moved)}, *CONTENT).executed == 0
