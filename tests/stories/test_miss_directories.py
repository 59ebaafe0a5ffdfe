"""What must miss: Directories that count by their content, whatever in them changes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .bench import Bench, Run
from .parted import assert_parted, bound, file

CONTENT = ("--memo-directories", "content")
SHOW = (
    "cd $1 && find . | sort | while read p; do"
    " if test -L $p; then echo $p to `readlink $p`;"
    " elif test -d $p; then echo $p/;"
    " elif test -x $p; then echo $p\\* `cat $p`;"
    " else echo $p `cat $p`; fi; done | tr '\\n' ' '"
)


def directory(path: Path | str, **fields: Any) -> dict[str, Any]:
    return {"class": "Directory", "path": str(path), **fields}


def fill(folder: Path) -> None:
    """Make the folder that every story starts from."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a").write_text("1")
    (folder / "deep" / "b").write_text("2")
    (folder / "deep" / "er" / "c").write_text("3")
    (folder / "link").symlink_to("a")


def retarget(link: Path, target: str) -> None:
    link.unlink()
    link.symlink_to(target)


def replace_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("x")


START = "./ ./a 1 ./deep/ ./deep/b 2 ./deep/er/ ./deep/er/c 3 ./link to a "

CHANGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("content", lambda d: (d / "a").write_text("x"), START.replace("a 1", "a x")),
    (
        "nested-content",
        lambda d: (d / "deep/er/c").write_text("x"),
        START.replace("c 3", "c x"),
    ),
    ("renamed", lambda d: (d / "deep/b").rename(d / "deep/bb"), START.replace("b 2", "bb 2")),
    ("executable", lambda d: (d / "a").chmod(0o755), START.replace("a 1", "a* 1")),
    ("retargeted", lambda d: retarget(d / "link", "deep/b"), START.replace("to a", "to deep/b")),
    ("dangling", lambda d: retarget(d / "link", "none"), START.replace("to a", "to none")),
    (
        "empty-folder",
        lambda d: (d / "deep/er/none").mkdir(),
        START.replace("c 3", "c 3 ./deep/er/none/"),
    ),
    (
        "added",
        lambda d: (d / "deep/d").write_text(""),
        START.replace("./deep/er/ ", "./deep/d ./deep/er/ "),
    ),
    ("removed", lambda d: (d / "a").unlink(), START.replace("./a 1 ", "")),
    (
        "folder-renamed",
        lambda d: (d / "deep/er").rename(d / "deep/or"),
        START.replace("/er/", "/or/"),
    ),
    (
        "file-for-folder",
        lambda d: replace_folder(d / "deep/er"),
        START.replace("./deep/er/ ./deep/er/c 3", "./deep/er x"),
    ),
    (
        "link-for-file",
        lambda d: retarget(d / "deep/b", "../a"),
        START.replace("./deep/b 2", "./deep/b to ../a"),
    ),
]


@pytest.mark.parametrize(
    ("change", "text"), [pytest.param(c, t, id=name) for name, c, t in CHANGES]
)
def test_miss_when_something_in_a_directory_changes(
    bench: Bench, change: Callable[[Path], object], text: str
) -> None:
    tool = bench.tool(body=SHOW, inputs={"d": bound("Directory")})
    folder = bench.folder / "data"

    def run(change: Callable[[Path], object]) -> Run:
        fill(folder)
        change(folder)
        return bench.run(tool, {"d": directory(folder)}, *CONTENT)

    def neither(_: Path) -> None:
        pass

    assert_parted(run, neither, change, (START, text))


def test_miss_when_a_dangling_link_of_a_directory_leads_elsewhere(bench: Bench) -> None:
    tool = bench.tool(body="readlink $1/link", inputs={"d": bound("Directory")})
    folder = bench.folder / "data"
    folder.mkdir()

    def run(target: str) -> Run:
        (folder / "link").unlink(missing_ok=True)
        (folder / "link").symlink_to(target)
        return bench.run(tool, {"d": directory(folder)}, *CONTENT)

    assert_parted(run, "/no/one", "/no/two", ("/no/one\n", "/no/two\n"))


def test_miss_when_content_changes_but_neither_size_nor_mtimes(bench: Bench) -> None:
    tool = bench.tool(body="cat $1/a", inputs={"d": bound("Directory")})
    path = bench.write("data/a", "one")
    stamp = path.stat().st_mtime - 3600

    def run(text: str) -> Run:
        path.write_text(text)
        os.utime(path, (stamp, stamp))
        os.utime(path.parent, (stamp, stamp))
        return bench.run(tool, {"d": directory(path.parent)}, *CONTENT)

    assert_parted(run, "one", "two", ("one", "two"))


@pytest.mark.parametrize("given", ["path", "basename", "literal"])
def test_miss_when_name_of_a_directory_changes(bench: Bench, given: str) -> None:
    tool = bench.tool(body="basename $1", inputs={"d": bound("Directory")})
    folder = bench.write("data/a", "one").parent

    def run(name: str) -> Run:
        if given == "literal":
            value = {"class": "Directory", "basename": name, "listing": []}
        elif given == "basename":
            value = directory(folder, basename=name)
        else:
            value = directory(bench.write(f"{name}/a", "one").parent)
        return bench.run(tool, {"d": value}, *CONTENT)

    assert_parted(run, "one", "two", ("one\n", "two\n"))


@pytest.mark.parametrize("place", ["array", "record", "any", "secondaryFiles"])
def test_miss_when_a_directory_that_hides_changes(bench: Bench, place: str) -> None:
    record = {"type": "record", "name": "r", "fields": {"d": "Directory"}}
    kind: Any = {"array": "Directory[]", "record": record, "any": "Any"}.get(place, "File")
    inside = {"array": "x[0]", "record": "x.d", "any": "x.d"}.get(place, "x")
    body = "cat $1/a" if place != "secondaryFiles" else "cat `dirname $1`/data/a"
    tool = bench.tool(
        inputs={"x": {"type": kind}},
        arguments=[*bench.script(body), f"$(inputs.{inside}.path)"],
    )
    path = bench.write("data/a", "one")
    primary = bench.write("in.txt", "")

    def run(text: str) -> Run:
        path.write_text(text)
        here = directory(path.parent)
        value: Any = {"array": [here], "record": {"d": here}, "any": {"d": here}}.get(
            place, file(primary, secondaryFiles=[here])
        )
        return bench.run(tool, {"x": value}, *CONTENT)

    assert_parted(run, "one", "two", ("one", "two"))


def test_miss_when_default_directory_changes(bench: Bench) -> None:
    default = {"class": "Directory", "location": "data"}
    tool = bench.tool(body="cat $1/a", inputs={"d": {**bound("Directory"), "default": default}})
    path = bench.write("data/a", "one")

    def run(text: str) -> Run:
        path.write_text(text)
        return bench.run(tool, {}, *CONTENT)

    assert_parted(run, "one", "two", ("one", "two"))


@pytest.mark.parametrize("what", ["content", "name", "located"])
def test_miss_when_a_literal_directory_changes(bench: Bench, what: str) -> None:
    tool = bench.tool(body="cd $1; cat *; ls | tr '\\n' ' '", inputs={"d": bound("Directory")})
    path = bench.write("one", "one")

    def run(text: str) -> Run:
        name = text if what == "name" else "a"
        path.write_text("=" if what == "name" else text)
        member: dict[str, Any] = file(path, basename=name)
        if what != "located":
            member = {"class": "File", "basename": name, "contents": path.read_text()}
        literal = {"class": "Directory", "basename": "d", "listing": [member]}
        return bench.run(tool, {"d": literal}, *CONTENT)

    texts = ("=one ", "=two ") if what == "name" else ("onea ", "twoa ")
    assert_parted(run, "one", "two", texts)


@pytest.mark.parametrize("listing", ["shallow_listing", "deep_listing"])
def test_miss_when_a_listing_changes_that_an_expression_sees(bench: Bench, listing: str) -> None:
    tool = bench.tool(
        body="echo $COUNT",
        inputs={"d": {"type": "Directory", "loadListing": listing}},
        requirements={
            "InlineJavascriptRequirement": {},
            "EnvVarRequirement": {"envDef": {"COUNT": "n$(inputs.d.listing.length)"}},
        },
    )
    folder = bench.write("data/a", "one").parent

    def run(more: bool) -> Run:
        (folder / "b").unlink(missing_ok=True)
        if more:
            (folder / "b").write_text("")
        return bench.run(tool, {"d": directory(folder)}, *CONTENT)

    assert_parted(run, False, True, ("n1\n", "n2\n"))


@pytest.mark.parametrize("how", ["parameter", "requirement"])
def test_miss_when_how_much_is_listed_changes(bench: Bench, how: str) -> None:
    folder = bench.write("data/deep/a", "one").parents[1]

    def run(listing: str) -> Run:
        js: dict[str, Any] = {"InlineJavascriptRequirement": {}}
        code = "${return 'n' + (inputs.d.listing[0].listing || []).length;}"
        env = {"EnvVarRequirement": {"envDef": {"COUNT": code}}}
        kind: dict[str, Any] = {"type": "Directory"}
        if how == "parameter":
            kind["loadListing"] = listing
        else:
            js["LoadListingRequirement"] = {"loadListing": listing}
        tool = bench.tool(body="echo $COUNT", inputs={"d": kind}, requirements={**js, **env})
        return bench.run(tool, {"d": directory(folder)}, *CONTENT)

    assert_parted(run, "shallow_listing", "deep_listing", ("n0\n", "n1\n"))


def test_miss_when_a_listing_of_the_users_own_differs(bench: Bench) -> None:
    # A Directory with a location, of which the input object lists a part.
    tool = bench.tool(body="ls $1 | tr '\\n' ' '", inputs={"d": bound("Directory")})
    folder = bench.write("data/a", "one").parent
    bench.write("data/b", "two")

    def run(names: list[str]) -> Run:
        listing = [file(folder / name) for name in names]
        literal = {"class": "Directory", "basename": "d", "listing": listing}
        return bench.run(tool, {"d": literal}, *CONTENT)

    assert_parted(run, ["a"], ["a", "b"], ("a ", "a b "))


def test_miss_downstream_when_a_directory_from_upstream_changes(bench: Bench) -> None:
    outputs = {"out": {"type": "Directory", "outputBinding": {"glob": "made"}}}
    bench.tool("make.cwl", "mkdir made; cat $1 > made/a", outputs=outputs, stdout=None)
    bench.tool("show.cwl", "cat $1/a", inputs={"d": bound("Directory")})
    document = bench.write(
        "wf.cwl",
        {
            "cwlVersion": "v1.2",
            "class": "Workflow",
            "inputs": {"f": "File"},
            "outputs": {"out": {"type": "File", "outputSource": "show/out"}},
            "steps": {
                "make": {"run": "make.cwl", "in": {"f": "f"}, "out": ["out"]},
                "show": {"run": "show.cwl", "in": {"d": "make/out"}, "out": ["out"]},
            },
        },
    )
    path = bench.folder / "in.txt"

    def run(text: str) -> Run:
        path.write_text(text)
        return bench.run(document, {"f": file(path)}, *CONTENT)

    assert_parted(run, "one", "two", ("one", "two"), jobs=2)
